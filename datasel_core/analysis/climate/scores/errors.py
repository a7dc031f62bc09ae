"""Errors of an emulator of fields: in the pattern, in the global mean, and the floor that internal variability sets.

With e = predicted - truth, <.> the mean over the area and mean_t over years (ClimateBench: Watson-Parris et al. 2022,
https://doi.org/10.1029/2021MS002954):

    RMSE_s  = sqrt < (mean_t e)^2 >            RMSE_g  = sqrt mean_t <e>^2            norm = | < mean_t truth > |
    NRMSE_s = RMSE_s / norm                    NRMSE_g = RMSE_g / norm                total = NRMSE_s + 5 NRMSE_g

The square stands inside the mean in both, and norm is of a time mean over all years asked about: public code has had
the square elsewhere, the mean of a batch for it, and has divided once per turn of a loop.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.climate.area import area_mean
from datasel_core.errors import BadInput, BadParameter

PERIOD = (2080, 2100)
"""Years that scores are of, the last included."""
GLOBAL_SHARE = 5
"""How much NRMSE_g counts in the total."""


@dataclass(frozen=True)
class Errors:
    """rmse_s, rmse_g: in the unit of the fields. norm: |<mean_t truth>|, by which they are divided. years: how many."""

    rmse_s: float
    rmse_g: float
    norm: float
    years: int

    @property
    def nrmse_s(self) -> float:
        """NaN where the truth does not differ from 0 on average: nothing can be a share of it."""
        return self.rmse_s / self.norm if self.norm else math.nan

    @property
    def nrmse_g(self) -> float:
        return self.rmse_g / self.norm if self.norm else math.nan

    @property
    def total(self) -> float:
        return self.nrmse_s + GLOBAL_SHARE * self.nrmse_g


@dataclass(frozen=True)
class Parts:
    """Mean squares that add up to `all`, mean_t <e^2>, exactly, because each is orthogonal to the others:

    bias: <mean_t e>^2, wrong by as much everywhere and always. pattern: what is left of the mean over time, which
    differs between places. series: what is left of the mean over the area, which differs between years. rest: both.
    RMSE_s^2 = bias + pattern; RMSE_g^2 = bias + series; all = bias + pattern + series + rest.
    """

    all: float
    bias: float
    pattern: float
    series: float
    rest: float


@dataclass(frozen=True)
class DriverParts:
    """all: mean_t <(own - truth)^2>, of what is predicted from an emulated driver. pattern: the same of what is
    predicted from the true driver. driver: mean_t <(own - given)^2>, what the emulated driver changes. cross: twice the
    mean of their product, of either sign. all = pattern + driver + cross.
    """

    all: float
    pattern: float
    driver: float
    cross: float


@dataclass(frozen=True)
class Floor:
    """What even a perfect emulator of the forced response would miss, of one member: s, g, the root mean square over
    pairs of members of RMSE_s and RMSE_g between the two, over sqrt 2. pairs_s: (pairs,) of each pair.
    """

    s: float
    g: float
    pairs_s: np.ndarray


def within(year: np.ndarray, period: tuple[int, int] = PERIOD) -> np.ndarray:
    """(years,) bool: which lie in the period, its last year included. Raises BadInput where one of its years is not
    there: a mean over other years is another number.
    """
    first, last = period
    if first > last:
        raise BadParameter(f"The period {first}-{last} ends before it begins; give its first year first.")
    lacking = sorted(set(range(first, last + 1)) - set(np.asarray(year).tolist()))
    if lacking:
        raise BadInput(
            f"{len(lacking)} years of {first}-{last} are not there, the first {lacking[0]}; "
            f"years go from {min(year)} to {max(year)}."
        )
    return (np.asarray(year) >= first) & (np.asarray(year) <= last)


def errors(truth: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> Errors:
    """truth, predicted: (years, cells) of the same years, NaN where a cell is never there. weight: (cells,). Raises
    BadInput.
    """
    gone = _difference(truth, predicted)
    return Errors(
        rmse_s=math.sqrt(area_mean(gone.mean(axis=0) ** 2, weight)),
        rmse_g=math.sqrt(np.mean(area_mean(gone, weight) ** 2)),
        norm=abs(float(area_mean(np.asarray(truth, np.float64).mean(axis=0), weight))),
        years=len(gone),
    )


def errors_by_region(
    truth: np.ndarray, predicted: np.ndarray, weight: np.ndarray, regions: Mapping[str, np.ndarray]
) -> dict[str, Errors | None]:
    """Name -> errors over a part of the Earth, each divided by its own norm; None where none of its cells has a value.

    regions: name -> (cells,) bool, or how much of each cell belongs to it, as land does. Raises BadInput.
    """
    known = ~np.isnan(truth).all(axis=0)
    found = {}
    for name, share in regions.items():
        part = np.asarray(share, np.float64) * weight
        found[name] = errors(truth, predicted, part) if (part[known] > 0).any() else None
    return found


def parts(truth: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> Parts:
    """Where the squared error lies. Arguments as of `errors`. Raises BadInput."""
    gone = _difference(truth, predicted)
    place, time = gone.mean(axis=0), area_mean(gone, weight)
    middle = float(time.mean())
    return Parts(
        all=float(area_mean(gone**2, weight).mean()),
        bias=middle**2,
        pattern=float(area_mean((place - middle) ** 2, weight)),
        series=float(np.mean((time - middle) ** 2)),
        rest=float(area_mean((gone - place - time[:, None] + middle) ** 2, weight).mean()),
    )


def driver_parts(truth: np.ndarray, given: np.ndarray, own: np.ndarray, weight: np.ndarray) -> DriverParts:
    """How much of the error comes from the driver. given: predicted from the target's true driver, which an emulator in
    use does not have. own: from the driver that it has. All (years, cells). Raises BadInput.
    """
    at, change = _difference(truth, given), _difference(given, own)
    square = [float(area_mean(one, weight).mean()) for one in ((at + change) ** 2, at**2, change**2, 2 * at * change)]
    return DriverParts(*square)


def noise_floor(members: np.ndarray, weight: np.ndarray) -> Floor:
    """members: (members, years, cells), at least two, of one scenario and the same years, each an anomaly to its own
    baseline. Raises BadInput.
    """
    if np.ndim(members) != 3 or len(members) < 2:
        raise BadInput("The noise floor is of two members at least of one scenario, each (years, cells).")
    found = [errors(members[a], members[b], weight) for a, b in itertools.combinations(range(len(members)), 2)]
    s, g = (np.array([getattr(one, name) for one in found]) for name in ("rmse_s", "rmse_g"))
    return Floor(math.sqrt(np.mean(s**2) / 2), math.sqrt(np.mean(g**2) / 2), s / math.sqrt(2))


def _difference(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    if np.shape(truth) != np.shape(predicted) or np.ndim(truth) != 2 or not len(truth):
        raise BadInput(
            f"Truth is {np.shape(truth)} and what was predicted {np.shape(predicted)}; both must be (years, cells)."
        )
    if (np.isnan(truth).all(axis=0) != np.isnan(predicted).all(axis=0)).any():
        raise BadInput("Truth and what was predicted lack different cells; they must be of the same cells.")
    return np.asarray(predicted, np.float64) - np.asarray(truth, np.float64)
