"""What physics asks of emulated fields. Each check says what was tested; none says that the climate is right."""

import math
from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.area import area_mean
from datasel_core.errors import BadInput

DECADE = 10
"""Years over which closure is a mean: from one to the next, weather hides it."""
CLOSE = 1e-6
"""K by which the area mean may differ from the driver: rounding, not physics."""


@dataclass(frozen=True)
class Check:
    """name: what is asked. passed: whether it holds everywhere; None where it is only shown. worst: by how much it is
    missed at most, or the number that is shown. share: of values that miss it. words: one sentence.
    """

    name: str
    passed: bool | None
    worst: float
    share: float
    words: str


def mean_is_driver(emulated: np.ndarray, driver: np.ndarray, weight: np.ndarray, close: float = CLOSE) -> Check:
    """Whether the area mean of emulated surface temperature is the global mean it was made from. emulated: (years,
    cells). driver: (years,) K, on the same baseline. weight: (cells,). Raises BadInput.
    """
    gone = np.abs(area_mean(emulated, weight) - driver)
    worst = float(gone.max())
    missed = float((gone > close).mean())
    said = "is its driver" if worst <= close else f"differs from its driver by up to {worst:.3g} K"
    return Check("area mean = driver", worst <= close, worst, missed, f"The area mean of what was emulated {said}.")


def not_negative(emulated: np.ndarray, name: str = "Precipitation", unit: str = "mm day-1") -> Check:
    """Whether totals, not anomalies, of what cannot be below 0 are. emulated: (..., cells). Raises BadInput."""
    known = _known(emulated)
    below, worst = float((known < 0).mean()), max(0.0, -float(known.min()))
    said = (
        "is nowhere below 0"
        if not below
        else f"is below 0 in {100 * below:.2g} % of years and cells, down to {-worst:.3g} {unit}"
    )
    return Check(f"{name.lower()} not negative", not below, worst, below, f"{name} {said}.")


def maximum_above_mean(maximum: np.ndarray, mean: np.ndarray) -> Check:
    """Whether the daily maximum of temperature, tasmax, is at least its mean, tas. maximum, mean: (years, cells) totals
    in K, of the same years and cells. Raises BadInput.
    """
    if np.shape(maximum) != np.shape(mean):
        raise BadInput(
            f"tasmax is {np.shape(maximum)} and tas {np.shape(mean)}; both must be of the same years and cells."
        )
    short = _known(np.asarray(mean, np.float64) - maximum)
    missed, worst = float((short > 0).mean()), max(0.0, float(short.max()))
    said = (
        "is nowhere below tas"
        if not missed
        else f"is below tas in {100 * missed:.2g} % of years and cells, by up to {worst:.3g} K"
    )
    return Check("tasmax at least tas", not missed, worst, missed, f"tasmax {said}.")


def heat_uptake(
    emulated: np.ndarray, truth: np.ndarray, warming: np.ndarray, weight: np.ndarray, ocean: float
) -> Check:
    """How the heat that goes into the ocean changes per K of warming, emulated beside the truth; shown, not judged.

    emulated, truth: (years, cells) hfds in W m-2, down, NaN on land. warming: (years,) K. weight: (cells,) of the whole
    grid. ocean: share of the Earth that is ocean (`regions.Land`), by which means over the ocean become means over the
    Earth. The slope is by least squares over years. Raises BadInput.
    """
    if not 0 < ocean <= 1:
        raise BadInput(f"The ocean's share is {ocean}; it must be above 0 and at most 1.")
    x = np.asarray(warming, np.float64) - np.mean(warming)
    if len(x) < 3 or not x @ x > 0:
        raise BadInput("Heat uptake against warming takes three years at least, which differ in warming.")
    own, other = (float(x @ (ocean * area_mean(one, weight)) / (x @ x)) for one in (truth, emulated))
    said = (
        f"Per K of warming the ocean takes up {other:+.2f} W m-2 of the whole Earth where it is emulated and "
        f"{own:+.2f} in the model."
    )
    return Check("heat uptake against warming", None, other - own, math.nan, said)


def closure(net: np.ndarray, uptake: np.ndarray, emulated: np.ndarray, taken_up: np.ndarray, year: np.ndarray) -> Check:
    """Whether what enters at the top of the atmosphere goes into the ocean, over DECADE consecutive years: mean net
    flux less mean heat uptake, as simulated and as emulated; shown, not judged, as land, ice and air take up some, and
    models leak.

    net, emulated: (years,) W m-2, down, mean over the Earth (rsdt - rsut - rlut). uptake, taken_up: (years,) W m-2 of
    the whole Earth. year: (years,). Raises BadInput.
    """
    years = np.asarray(year)
    if len(years) != DECADE or (np.diff(years) != 1).any():
        raise BadInput(f"Closure is of {DECADE} consecutive years; there are {len(years)}.")
    own, other = (float(np.mean(np.asarray(a) - b)) for a, b in ((net, uptake), (emulated, taken_up)))
    if not (math.isfinite(own) and math.isfinite(other)):
        raise BadInput("A flux has no value in some years.")
    said = (
        f"From {years[0]} to {years[-1]} the net flux at the top of the atmosphere is {other:+.2f} W m-2 above what "
        f"the ocean takes up where both are emulated, and {own:+.2f} in the model."
    )
    return Check("closure", None, other, math.nan, said)


def _known(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    known = values[np.isfinite(values)]
    if not len(known):
        raise BadInput("There is no value to check.")
    return known
