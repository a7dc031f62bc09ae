"""Scores of predictions with a spread: a mean and standard deviation, or members of an ensemble.

CRPS: Gneiting & Raftery 2007, https://doi.org/10.1198/016214506000001437; its fair form for ensembles: Ferro 2014,
https://doi.org/10.1002/qj.2270. Spread and skill: Fortin et al. 2014, https://doi.org/10.1175/JHM-D-14-0008.1. Rank
histogram: Hamill 2001, https://doi.org/10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from datasel_core.analysis.climate.area import area_mean
from datasel_core.errors import BadInput

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Of central intervals whose coverage is shown."""


@dataclass(frozen=True)
class Coverage:
    """level: what share of truths a central interval should hold. share: how many it does, by area and years; NaN where
    the ensemble is too small to have such an interval. needed: members that it takes.
    """

    level: float
    share: float
    needed: int = 0


@dataclass(frozen=True)
class Ranks:
    """counts: (members + 1,) how many truths stand above so many members. expected: of each, were truth one of them."""

    counts: np.ndarray

    @property
    def expected(self) -> float:
        return float(self.counts.sum() / len(self.counts))


def crps_gaussian(truth: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """sigma [z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt pi], |truth - mean| where sigma is 0. Shapes as broadcast; in the
    unit of truth, low is good. Raises BadInput.
    """
    deviation = _deviation(deviation)
    gone = np.asarray(truth, np.float64) - mean
    z = gone / np.where(deviation > 0, deviation, 1)
    found = deviation * (z * (2 * ndtr(z) - 1) + 2 * _density(z) - 1 / math.sqrt(math.pi))
    return np.where(deviation > 0, found, np.abs(gone))


def crps_ensemble(truth: np.ndarray, members: np.ndarray) -> np.ndarray:
    """mean_i |x_i - y| - sum_i sum_j |x_i - x_j| / (2 m (m - 1)): fair, its mean does not depend on how many members
    are drawn from one law. truth: (...). members: (m, ...), two at least. Raises BadInput.
    """
    members = _members(members)
    m = len(members)
    rising = np.sort(members, axis=0)
    # Over sorted members the sum of all differences is 2 sum_k (2 k - m + 1) x_k, k from 0.
    apart = 2 * np.tensordot(2 * np.arange(m) - m + 1.0, rising, axes=1)
    return np.abs(members - truth).mean(axis=0) - apart / (2 * m * (m - 1))


def coverage_gaussian(
    truth: np.ndarray, mean: np.ndarray, deviation: np.ndarray, weight: np.ndarray, levels: tuple[float, ...] = LEVELS
) -> list[Coverage]:
    """truth, mean, deviation: (years, cells). weight: (cells,). Raises BadInput."""
    gone, deviation = np.abs(np.asarray(truth, np.float64) - mean), _deviation(deviation)
    return [Coverage(level, _share(gone <= ndtri((1 + level) / 2) * deviation, truth, weight)) for level in levels]


def coverage_ensemble(
    truth: np.ndarray, members: np.ndarray, weight: np.ndarray, levels: tuple[float, ...] = LEVELS
) -> list[Coverage]:
    """truth: (years, cells). members: (m, years, cells). weight: (cells,).

    Ends of an interval are the members of rank (m + 1) (1 -+ level) / 2, straight lines between: were truth one of the
    members, it would lie inside with probability `level` (Hyndman & Fan 1996, definition 6). Raises BadInput.
    """
    members, found = _members(members), []
    for level in levels:
        needed = math.ceil(2 / (1 - level) - 1 - 1e-9)
        if len(members) < needed:
            found.append(Coverage(level, math.nan, needed))
            continue
        low, high = np.quantile(members, [(1 - level) / 2, (1 + level) / 2], axis=0, method="weibull")
        found.append(Coverage(level, _share((low <= truth) & (truth <= high), truth, weight), needed))
    return found


def spread_skill(truth: np.ndarray, members: np.ndarray, weight: np.ndarray) -> float:
    """sqrt((m + 1) / m times the mean variance) / RMSE of the ensemble's mean: 1 where the spread is right, below where
    it is too small. Variances divide by m - 1. truth: (years, cells). members: (m, years, cells). Infinite where the
    mean is right everywhere. Raises BadInput.
    """
    members = _members(members)
    m = len(members)
    spread = (m + 1) / m * area_mean(members.var(axis=0, ddof=1), weight).mean()
    skill = area_mean((members.mean(axis=0) - truth) ** 2, weight).mean()
    return math.sqrt(spread / skill) if skill else math.inf


def rank_histogram(truth: np.ndarray, members: np.ndarray, rng: np.random.Generator) -> Ranks:
    """How many members truth stands above, over all years and cells, each once: near each other in space and time, they
    are no independent tests. Equal values are ordered at random. truth: (...). members: (m, ...). Raises BadInput.
    """
    members = _members(members)
    known = ~np.isnan(truth)
    below, equal = (members < truth).sum(axis=0)[known], (members == truth).sum(axis=0)[known]
    ranks = below + rng.integers(0, equal + 1)
    return Ranks(np.bincount(ranks, minlength=len(members) + 1))


def _share(inside: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    return float(area_mean(np.where(np.isnan(truth), np.nan, inside), weight).mean())


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def _deviation(deviation: np.ndarray) -> np.ndarray:
    deviation = np.asarray(deviation, np.float64)
    if (deviation < 0).any():
        raise BadInput("A standard deviation is below 0; give the square root of a variance.")
    return deviation


def _members(members: np.ndarray) -> np.ndarray:
    if len(members) < 2:
        raise BadInput(f"The ensemble has {len(members)} members; its spread takes two at least.")
    return np.asarray(members, np.float64)
