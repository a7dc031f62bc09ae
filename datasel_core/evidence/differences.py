"""Is a choice better than random: paired differences with intervals, and what may be said of a table of them.

The laws were derived for samples and seeds that are both drawn: seeds alone give intervals that are far too narrow,
for the held-out samples are a draw as well. Two-way random effects without replication, as in Searle, Casella and
McCulloch, Variance Components (1992); degrees of freedom by Satterthwaite (1946); Holm (1979) over a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
FEWEST_SEEDS = 8
"""With fewer, nothing is said of better or worse."""
BETTER, WORSE, UNKNOWN, PILOT = "better", "worse", "not shown to differ", "pilot"


@dataclass(frozen=True)
class Difference:
    """A choice minus random. low, high: its interval. p: of no difference, both sides. variance, df: behind these; NaN
    where the interval was not made of them.
    """

    difference: float
    low: float
    high: float
    p: float
    seeds: int
    variance: float = float("nan")
    df: float = float("nan")


def paired(measures: np.ndarray, level: float = LEVEL) -> Difference:
    """For measures that are means over held-out samples.

    measures: (J, n), the choice's measure minus random's on held-out sample i with seed j, method and random paired by
    seed; at least 2 x 2. Where the held-out set was drawn by group, pass `by_group` of it. Raises ValueError.
    """
    values = np.asarray(measures, dtype=np.float64)
    if values.ndim != 2 or min(values.shape) < 2 or not np.isfinite(values).all():
        raise ValueError(
            "A paired difference needs finite measures of at least 2 seeds on at least 2 held-out samples."
        )
    seeds, n = values.shape
    variance, df = _variance([_of_seeds(values)], _Part.of(values.mean(0)))
    mean = values.mean()
    p, half = _tail(mean, variance, df, level)
    return Difference(float(mean), float(mean - half), float(mean + half), p, seeds, float(variance), float(df))


def apart(one: np.ndarray, other: np.ndarray, level: float = LEVEL) -> Difference:
    """The mean of `one` minus that of `other`, measured on the same held-out samples under seeds of their own.

    one: (J, n); J = 1 for a choice that is asked about as it is. other: (R, n) with R at least 2. Raises ValueError.
    """
    one, other = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if one.ndim != 2 or len(other) < 2 or one.shape[1:] != other.shape[1:] or one.shape[1] < 2:
        raise ValueError("A difference of two means needs the same held-out samples, at least 2, and at least 2 seeds.")
    sides = [_of_seeds(side) for side in (one, other) if len(side) > 1]
    variance, df = _variance(sides, _Part.of(one.mean(0) - other.mean(0)))
    gap = float(one.mean() - other.mean())
    p, half = _tail(gap, variance, df, level)
    return Difference(gap, gap - half, gap + half, p, len(one), float(variance), float(df))


class _Part(NamedTuple):
    """A term of a variance, and its degrees of freedom."""

    variance: float
    df: float

    @classmethod
    def of(cls, values: np.ndarray) -> "_Part":
        """Of the mean of values (k,)."""
        return cls(values.var(ddof=1) / len(values), len(values) - 1)


def _of_seeds(values: np.ndarray) -> tuple[_Part, _Part]:
    """What seeds say, and the rest that seeds and samples both say and that must not be counted twice."""
    seeds, n = values.shape
    rest = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    df = (seeds - 1) * (n - 1)
    return _Part.of(values.mean(1)), _Part((rest**2).sum() / df / (seeds * n), df)


def _variance(sides: Sequence[tuple[_Part, _Part]], samples: _Part) -> tuple[float, float]:
    """Of the mean, and its degrees of freedom; never below the larger of what seeds and what samples say alone."""
    seeds = [seed for seed, _ in sides]
    of_seeds = sum(seed.variance for seed in seeds)
    variance = of_seeds + samples.variance - sum(rest.variance for _, rest in sides)
    parts = [samples, *seeds, *(rest for _, rest in sides)]
    if variance <= max(of_seeds, samples.variance):
        parts = seeds if of_seeds >= samples.variance else [samples]
        variance = max(of_seeds, samples.variance)
    if variance == 0:
        return 0.0, parts[0].df
    return variance, variance**2 / sum(part.variance**2 / part.df for part in parts)


def _tail(mean: float, variance: float, df: float, level: float) -> tuple[float, float]:
    """p of no difference, and half the interval's width."""
    from scipy import stats

    if variance == 0:
        return (1.0 if mean == 0 else 0.0), 0.0
    width = np.sqrt(variance)
    return float(2 * stats.t.sf(abs(mean) / width, df)), float(stats.t.ppf(0.5 + level / 2, df) * width)


def by_group(measures: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(J, number of groups): one column per group of held-out samples that were drawn together, weighted by its size so
    that the mean over groups is the mean over samples.

    measures: (J, n). groups: (n,) anything that can be told apart.
    """
    _, at = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((measures.shape[0], at.max() + 1))
    np.add.at(sums.T, at, np.asarray(measures, dtype=np.float64).T)
    return sums * sums.shape[1] / measures.shape[1]


def holm(p: Sequence[float], alpha: float = 1 - LEVEL) -> np.ndarray:
    """(m,) bool: which of m hypotheses fall, so that in at most alpha of all tables one falls that is true."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    passed = p[order] <= alpha / np.arange(len(p), 0, -1)
    fallen = np.zeros(len(p), dtype=bool)
    fallen[order[: len(p) if passed.all() else int(np.argmin(passed))]] = True
    return fallen


def verdicts(table: Sequence[Difference], higher_is_better: bool = True) -> list[str]:
    """What may be said of each cell of a table, all together: `better`, `worse`, `not shown to differ`; of fewer than
    eight seeds `pilot`, which is no verdict.
    """
    ripe = [at for at, cell in enumerate(table) if cell.seeds >= FEWEST_SEEDS]
    fallen = dict(zip(ripe, holm([table[at].p for at in ripe]), strict=True)) if ripe else {}
    return [_word(cell, fallen.get(at), higher_is_better) for at, cell in enumerate(table)]


def _word(cell: Difference, fallen: bool | None, higher_is_better: bool) -> str:
    if fallen is None:
        return PILOT
    if not fallen or cell.difference == 0:
        return UNKNOWN
    return BETTER if (cell.difference > 0) == higher_is_better else WORSE
