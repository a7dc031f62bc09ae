"""What needs no emulator: no skill is shown without these beside it."""

from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.area import area_mean
from datasel_core.analysis.climate.scores.draws import lines
from datasel_core.analysis.climate.scores.errors import Errors, errors, within
from datasel_core.errors import BadInput

RECENT = (1995, 2014)
"""Years whose mean is the persistence baseline."""
PATTERN_SCALING = "pattern scaling"


@dataclass(frozen=True)
class Training:
    """fields: (years, cells) anomalies. driver: (years,) global means, K. year: (years,). recent: (years,) bool, which
    are of the historical runs that persistence is the mean of.
    """

    fields: np.ndarray
    driver: np.ndarray
    year: np.ndarray
    recent: np.ndarray


@dataclass(frozen=True)
class Baseline:
    """name: what it is called. predicted: (years, cells). found: its errors. driver: what it was told of the target."""

    name: str
    predicted: np.ndarray
    found: Errors
    driver: str


def recent_years(year: np.ndarray, historical: np.ndarray, period: tuple[int, int] = RECENT) -> np.ndarray:
    """(years,) bool: years of a period, of runs called historical. Raises BadInput where one of them is not there."""
    found = np.asarray(historical, bool) & (year >= period[0]) & (year <= period[1])
    within(np.asarray(year)[found] if found.any() else np.asarray(year)[:1], period)
    return found


def baselines(
    training: Training,
    truth: np.ndarray,
    driver: np.ndarray,
    driver_name: str,
    weight: np.ndarray,
    persisted: np.ndarray | None = None,
) -> dict[str, Baseline]:
    """Name -> baseline, on the years of a target: zero anomaly, persistence (the mean of recent years), uniform GMST
    (the driver everywhere) and pattern scaling (a line per cell).

    truth: (years, cells). driver: (years,) from which the target is predicted, and its name, such as `true GMST of the
    target`, which an emulator in use does not have. weight: (cells,). Raises BadInput.
    """
    if not driver_name.strip():
        raise BadInput(
            "Name the driver: true GMST of the target, emulated GMST or forcing; a score means little without."
        )
    here = np.where(np.isnan(truth), np.nan, 0.0)
    own = lines(training.fields, training.driver, np.ones((1, len(training.driver)), bool)).predicted(driver)[0]
    if persisted is None and training.recent.any():
        persisted = training.fields[training.recent].mean(axis=0)
    told = {
        "zero anomaly": (here, "none"),
        **({} if persisted is None else {"persistence": (here + persisted, "none")}),
        "uniform GMST": (here + np.asarray(driver)[:, None], driver_name),
        PATTERN_SCALING: (own, driver_name),
    }
    return {name: Baseline(name, one, errors(truth, one, weight), by) for name, (one, by) in told.items()}


def gmst(fields: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(years,) the global mean of surface temperature fields (years, cells)."""
    return area_mean(fields, weight)
