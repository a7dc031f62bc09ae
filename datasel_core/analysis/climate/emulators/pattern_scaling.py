"""Pattern scaling: each cell is a straight line of the driver.

Santer et al. 1990, Max-Planck-Institut fuer Meteorologie, report 47; Tebaldi & Arblaster 2014, Climatic Change 122,
459-471. Where the driver is the area mean of the fields themselves, the area mean of the slopes is 1 and that of the
intercepts 0, whatever the years and their weights: least squares is linear in the fields, and the area mean of all
cells is the driver itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.emulators.training import Training, Weighting, columns, slopes

HELP = (
    "A straight line of the driver in each cell: few numbers, hard to beat for annual means of temperature. "
    "Everything else is judged against it. It has no variability and no memory: a year depends on its driver alone."
)


@dataclass(frozen=True)
class PatternScaling:
    """intercept: (cells,) in the unit of the fields. slope: (drivers, cells), that unit per unit of the driver. NaN in
    cells without data.
    """

    intercept: np.ndarray
    slope: np.ndarray

    def predict(self, driver: np.ndarray) -> np.ndarray:
        """(years, cells) for a driver of shape (years,) or (years, drivers). Raises BadInput."""
        return self.intercept + columns(driver, drivers=len(self.slope)) @ self.slope


def fit(
    fields: np.ndarray,
    driver: np.ndarray,
    weight: np.ndarray,
    scenario: Sequence[str] | None = None,
    member: Sequence[str] | None = None,
    year: Sequence[int] | None = None,
    weighting: Weighting = "years",
) -> PatternScaling:
    """Ordinary least squares per cell. fields: (years, cells); driver: (years,) or (years, drivers); weight: (cells,)
    areas, which decide nothing here but are checked; scenario, member, year: (years,). Raises BadInput.
    """
    training = Training.of(fields, driver, weight, scenario, member, year)
    return fitted(training, weighting)


def fitted(training: Training, weighting: Weighting = "years") -> PatternScaling:
    """Of years that were checked. Raises BadInput."""
    design = np.column_stack([np.ones(len(training.driver)), training.driver])
    found = training.filled(slopes(design, training.fields[:, training.known], training.years_weight(weighting)))
    return PatternScaling(found[0], found[1:])
