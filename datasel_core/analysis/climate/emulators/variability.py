"""Pattern scaling with internal variability: an ensemble of fields that could have been, beside their mean.

Beusch, Gudmundsson & Seneviratne 2020, Emulating Earth system model temperatures with MESMER, Earth System Dynamics 11,
139-159. The global mean is told apart into what was forced and a residual (`forced`); both scale patterns in the cells;
what is left there is an AR(1) in each cell whose noise is correlated over nearby cells (`covariance`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.emulators import covariance, forced
from datasel_core.analysis.climate.emulators.autoregression import (
    Autoregression,
    autoregression,
    first_order,
    order,
    steps,
)
from datasel_core.analysis.climate.emulators.covariance import Radius
from datasel_core.analysis.climate.emulators.training import Training, Weighting, check_members, columns, slopes
from datasel_core.base.parallel import one_thread
from datasel_core.errors import BadInput

HELP = (
    "Pattern scaling, and the weather of years around it: what it draws has a spread that can be judged. Its mean is "
    "close to that of pattern scaling, so it is no better at means. It needs whole runs of at least 30 years, and "
    "fewer cells than about 2,000."
)
_MOST_CELLS = 4000
"""A covariance of more would not fit beside its copies in 1 GB."""
_STILL = 1e-12
"""A cell that varies less than this share of the others beyond its trend is constant."""


@dataclass(frozen=True)
class Variability:
    """intercept: (cells,). slope: (2, cells), per K of the forced global mean and per K of its residual; NaN in cells
    without data. volcanic: K of global mean per unit of aerosol depth. globe: the autoregression of the residual in K.

    local_intercept, local_coefficient, local_variance: (cells,) the AR(1) of what is left, NaN without data.
    known: (cells,) bool, the k cells with data. whole, localized, noise: (k, k) covariances of what is left: as it is,
    localised, and that of innovations. radius: how the localisation was found; None where it was given.
    km: the radius of the localisation.
    """

    intercept: np.ndarray
    slope: np.ndarray
    volcanic: float
    globe: Autoregression
    local_intercept: np.ndarray
    local_coefficient: np.ndarray
    local_variance: np.ndarray
    known: np.ndarray
    whole: np.ndarray
    localized: np.ndarray
    noise: np.ndarray
    km: float
    radius: Radius | None

    def predict(self, driver: np.ndarray) -> np.ndarray:
        """(years, cells): the mean over an endless ensemble that has this driver, but for the small means of what is
        left. driver: (years,) the global mean of consecutive years of one scenario, which is smoothed here, or (years,
        2): the forced part and the residual. Raises BadInput.
        """
        return self.intercept + self.parts(driver) @ self.slope

    @one_thread()
    def draw(self, driver: np.ndarray, members: int, rng: np.random.Generator) -> np.ndarray:
        """(members, years, cells): years that could have been. Of the driver, as in `predict`, the forced part counts
        alone; the residual of the global mean is drawn anew, as is what is left in the cells, both from zero until
        they have settled. A member is the same however many are drawn after it. Raises BadInput, BadParameter.
        """
        check_members(members)
        trend, known = self.parts(driver)[:, 0], self.known
        years, spin_up, spin_up_globe = len(trend), self.local_spin_up(), self.globe.spin_up()
        level, phi, root = self.local_intercept[known], self.local_coefficient[known], covariance.root(self.noise)
        mean = self.intercept[known] + trend[:, None] * self.slope[0, known]
        found = np.full((members, years, len(known)), np.nan)
        for member in found:
            globe = self.globe.draw(rng.standard_normal(spin_up_globe + years))
            left = level + rng.standard_normal((spin_up + years, len(root))) @ root.T
            for at in range(1, len(left)):
                left[at] += phi * left[at - 1]
            member[:, known] = mean + globe[:, None] * self.slope[1, known] + left[spin_up:]
        return found

    def parts(self, driver: np.ndarray) -> np.ndarray:
        """(years, 2): the forced part of a driver and its residual, in K. Raises BadInput."""
        found = columns(driver)
        if found.shape[1] == 2:
            return found
        series = columns(driver, drivers=1)[:, 0]
        trend = forced.smooth(series)
        return np.column_stack([trend, series - trend])

    def local_spin_up(self) -> int:
        """Years from zero after which 1e-8 is left of where it began, in every cell."""
        return steps(float(np.nanmax(np.abs(self.local_coefficient))))


@one_thread()
def fit(
    fields: np.ndarray,
    driver: np.ndarray,
    weight: np.ndarray,
    scenario: Sequence[str] | None = None,
    member: Sequence[str] | None = None,
    year: Sequence[int] | None = None,
    *,
    distance: np.ndarray,
    depth: np.ndarray | None = None,
    weighting: Weighting = "scenario_years",
    radii: Sequence[float] = covariance.RADII,
) -> Variability:
    """fields: (years, cells) anomalies, of the cells on land as published; driver: (years,) the global mean in K, of
    land and sea; weight: (cells,) areas; scenario, member, year: (years,), whose runs must be whole (historical years
    are a scenario of their own). distance: (cells, cells) km (`covariance.distances`). depth: (years,) stratospheric
    aerosol optical depth; None leaves volcanoes to the residual. radii: km tried; a single one is taken as it is.

    Published is `weighting` = scenario_years. Raises BadInput, Failed.
    """
    training = Training.of(fields, driver, weight, scenario, member, year)
    known = training.known
    _check(training, np.asarray(distance, np.float64))
    runs = forced.runs(training)
    parts = forced.split(training, depth)
    series = [parts.residual[one.rows] for one in runs]
    globe = autoregression(series, runs, order(series, runs))
    globe.spin_up()  # raises where what it draws would wander

    shares = training.years_weight(weighting)
    design = np.column_stack([np.ones(len(shares)), parts.forced, parts.residual])
    values = training.fields[:, known]
    found = slopes(design, values, shares)
    left = values - design @ found
    variances = left.var(axis=0)
    if (still := int((variances <= _STILL * variances.max()).sum())) or not variances.any():
        raise BadInput(f"{still:,} cells do not vary beyond their trend; leave them out (NaN), or add a driver less.")

    local = first_order(left, runs)
    whole = covariance.covariance(left, shares)
    near = np.asarray(distance, np.float64)[np.ix_(known, known)]
    tried = covariance.radius(left, shares, near, radii) if len(radii) != 1 else None
    km = tried.km if tried else float(radii[0])
    localized = whole * covariance.gaspari_cohn(near / km)
    trend = training.filled(found)
    level, coefficient, variance = training.filled(local)
    noise = covariance.innovations(localized, local[1])
    return Variability(
        intercept=trend[0],
        slope=trend[1:],
        volcanic=parts.volcanic,
        globe=globe,
        local_intercept=level,
        local_coefficient=coefficient,
        local_variance=variance,
        known=known,
        whole=whole,
        localized=localized,
        noise=noise,
        km=km,
        radius=tried,
    )


def check_cells(known: int) -> None:
    """Before distances between all of them are reckoned, which takes minutes. Raises BadInput where they are too many.

    known: cells with data.
    """
    if known > _MOST_CELLS:
        raise BadInput(
            f"There are {known:,} cells with data; internal variability takes at most {_MOST_CELLS:,}: take a coarser "
            "grid, or the cells on land alone."
        )


def _check(training: Training, distance: np.ndarray) -> None:
    cells, known = len(training.known), int(training.known.sum())
    if training.driver.shape[1] != 1:
        raise BadInput(
            f"The driver has {training.driver.shape[1]} columns; internal variability goes by the global mean."
        )
    check_cells(known)
    if distance.shape != (cells, cells) or not np.isfinite(distance[np.ix_(training.known, training.known)]).all():
        raise BadInput(f"The distances have the shape {distance.shape}; they must be km between {cells:,} cells.")
