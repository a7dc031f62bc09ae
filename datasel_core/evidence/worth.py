"""Worth n random samples: how many samples drawn at random would do as well as a choice.

m(n), the mean of a measure over random subsets of n samples, is made monotone (isotonic regression: Barlow and others,
1972); n* solves m(n*) = the choice's value, linear in log n between the sizes that were drawn. Its interval are the
numbers of random samples that the choice is not shown to differ from, by the law of differences: a test turned around,
as Fieller (1954) does for ratios. A joint bootstrap of seeds and held-out samples was tried first: it counts twice what
both say, and scatters too little with eight seeds (tests/benchmarks/worth_intervals.py). A band of single random draws
is a picture, not an interval: it is far too wide for one number and too narrow for the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.evidence.differences import LEVEL, apart, by_group

FEWEST_DRAWS = 20


@dataclass(frozen=True)
class Worth:
    """n: of random samples; infinite where even the largest number drawn does not do as well, 0 where the smallest does
    better. low, high: its interval. least, most: the sizes that were drawn.
    """

    n: float
    low: float
    high: float
    least: int
    most: int


def monotone(means: np.ndarray, higher_is_better: bool) -> np.ndarray:
    """(k,) the nearest curve that only gets better with more samples. means: (k,) for growing sizes."""
    from scipy.optimize import isotonic_regression

    return isotonic_regression(means, increasing=higher_is_better).x


def worth(grid: Sequence[int] | np.ndarray, means: np.ndarray, value: float, higher_is_better: bool) -> float:
    """The number of random samples whose mean measure is `value`; the smallest where several are.

    grid: (k,) sizes, growing. means: (k,) of the measure over random subsets of each size, not yet monotone.
    """
    sizes = np.asarray(grid, dtype=np.float64)
    curve = monotone(np.asarray(means, dtype=np.float64), higher_is_better)
    rising, value = (curve, value) if higher_is_better else (-curve, -value)
    if value > rising[-1]:
        return float("inf")
    if value < rising[0]:
        return 0.0
    at = int(np.searchsorted(rising, value))  # the first that does as well
    if rising[at] == value:
        return float(sizes[at])
    share = (value - rising[at - 1]) / (rising[at] - rising[at - 1])
    return float(np.exp(np.log(sizes[at - 1]) + share * np.log(sizes[at] / sizes[at - 1])))


def worth_of_means(
    grid: Sequence[int] | np.ndarray,
    random: np.ndarray,
    chosen: np.ndarray,
    higher_is_better: bool,
    groups: np.ndarray | None = None,
    level: float = LEVEL,
) -> Worth:
    """For a measure that is a mean over held-out samples.

    random: (k, R, n), of subsets drawn at random: size, draw (at least 20), held-out sample. chosen: (J, n) of the
    choice under J seeds; one where the method has none. groups: (n,) of held-out samples that were drawn together.
    Raises ValueError.
    """
    sizes, draws, n = random.shape
    if draws < FEWEST_DRAWS or chosen.shape[1] != n or sizes != len(grid):
        raise ValueError(
            f"Worth in random samples needs at least {FEWEST_DRAWS} draws of each size, on the same samples."
        )
    parts = np.arange(n) if groups is None else groups
    curve, value = monotone(random.mean((1, 2)), higher_is_better), float(chosen.mean())
    whole, low, high = worth(grid, curve, value, higher_is_better), 0.0, float("inf")
    if len(np.unique(parts)) > 1:  # of one part nobody knows how much parts differ
        mine, theirs = by_group(chosen, parts), [by_group(one, parts) for one in random]
        half = [gap.high - gap.difference for gap in (apart(mine, one, level) for one in theirs)]
        half = np.array(half) if higher_is_better else -np.array(half)
        low, high = (worth(grid, means, value, higher_is_better) for means in (curve + half, curve - half))
    return Worth(whole, low, high, int(grid[0]), int(grid[-1]))


def said(found: Worth) -> str:
    """`83 random ones (76 to 92)`, as a sentence goes on with it."""
    if found.n == float("inf"):
        return f"more than {found.most:,} random ones"
    if found.n == 0:
        return f"fewer than {found.least:,} random ones"
    low = f"fewer than {found.least:,}" if found.low == 0 else f"{found.low:,.0f}"
    high = f"more than {found.most:,}" if found.high == float("inf") else f"{found.high:,.0f}"
    return f"{found.n:,.0f} random ones ({low} to {high})"
