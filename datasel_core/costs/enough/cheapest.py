"""The cheapest budget: how few of a method's first picks cover what a random share of the pool would.

Its interval is a bootstrap of what both are measured on: held-out samples, by what they were drawn with, and the random
draws. The picks stay as they are: the question is of this selection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.costs.enough.coverage import Ground, Random, gaps_by_pick
from datasel_core.evidence.differences import LEVEL

TIMES = 400
"""Of the bootstrap."""
_SAME = 1e-6
"""Distances in float32 that differ by less are the same."""


@dataclass(frozen=True)
class Reach:
    """random: how many random samples are to be equalled. n: the fewest picks that do; low, high: its interval. None
    where even all picks of the run do not.
    """

    random: int
    n: int | None
    low: int | None
    high: int | None


def reaches(
    ground: Ground,
    random: Random,
    picks: np.ndarray,
    sizes: Sequence[int],
    progress: Progress,
    times: int = TIMES,
    level: float = LEVEL,
) -> tuple[np.ndarray, list[Reach]]:
    """Mean distance after each pick (b,), and a reach for each size. picks: rows in pick order. sizes: drawn ones."""
    weights, targets = _weights(ground.measure.held.parts, times), _targets(random, sizes, times)
    wanted = np.einsum("trm,tm->rt", targets, weights) if len(sizes) else np.empty((0, times + 1))
    short, means = np.zeros((len(sizes), times + 1), np.int64), []
    for gaps in gaps_by_pick(ground, picks, progress):
        now = gaps @ weights.T.astype(np.float32)  # only falls, pick by pick
        short += (now[None] > wanted[:, None] + _SAME).sum(1)
        means.append(now[:, 0])
    return np.concatenate(means).astype(np.float64), [
        Reach(int(size), *_interval(one + 1, len(picks), level)) for size, one in zip(sizes, short, strict=True)
    ]


def _weights(parts: np.ndarray, times: int) -> np.ndarray:
    """(1 + times, m) weights of the points, each row a mean: first all alike, then parts drawn with replacement."""
    rng = np.random.default_rng(0)
    _, of = np.unique(parts, return_inverse=True)
    k = int(of.max()) + 1
    often = rng.multinomial(k, np.full(k, 1 / k), size=times)[:, of]
    found = np.concatenate([np.ones((1, len(parts))), often])
    return found / found.sum(1, keepdims=True)


def _targets(random: Random, sizes: Sequence[int], times: int) -> np.ndarray:
    """(1 + times, sizes, m) mean over random draws: first of all draws, then of draws with replacement."""
    gaps = np.stack([random.at(size) for size in sizes]).astype(np.float64) if len(sizes) else np.empty((0, 1, 1))
    draws, rng = gaps.shape[1], np.random.default_rng(1)
    often = np.concatenate([np.ones((1, draws)), rng.multinomial(draws, np.full(draws, 1 / draws), size=times)])
    return np.einsum("tr,srm->tsm", often / draws, gaps)


def _interval(needed: np.ndarray, most: int, level: float) -> tuple[int | None, int | None, int | None]:
    """needed: (1 + times,) picks, the first of what was measured; more than `most` means not reached."""
    low, high = np.quantile(needed[1:], [0.5 - level / 2, 0.5 + level / 2], method="closest_observation")
    return tuple(int(one) if one <= most else None for one in (needed[0], low, high))
