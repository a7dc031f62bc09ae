"""Is a choice better than random: paired differences with intervals, and what may be said of a table of them.

The laws were derived for samples and seeds that are both drawn: seeds alone give intervals that are far too narrow,
for the held-out samples are a draw as well. Two-way random effects without replication, as in Searle, Casella and
McCulloch, Variance Components (1992); degrees of freedom by Satterthwaite (1946); Holm (1979) over a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
    mean = values.mean()
    rows, columns = values.mean(1), values.mean(0)
    rest = values - rows[:, None] - columns[None, :] + mean
    a, b = rows.var(ddof=1) / seeds, columns.var(ddof=1) / n
    c = (rest**2).sum() / ((seeds - 1) * (n - 1)) / (seeds * n)
    variance, df = _variance(a, b, c, seeds, n)
    p, half = _tail(mean, variance, df, level)
    return Difference(float(mean), float(mean - half), float(mean + half), p, seeds, float(variance), float(df))


def _variance(a: float, b: float, c: float, seeds: int, n: int) -> tuple[float, float]:
    """Of the mean, and its degrees of freedom; never below the larger of what seeds and what samples say alone."""
    least, of_least = (a, seeds - 1) if a >= b else (b, n - 1)
    variance = a + b - c
    if variance <= least:
        return least, of_least
    parts = a**2 / (seeds - 1) + b**2 / (n - 1) + c**2 / ((seeds - 1) * (n - 1))
    return variance, variance**2 / parts


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


def drawn(n: int, parts: Sequence[np.ndarray] | None, rng: np.random.Generator) -> np.ndarray:
    """As many held-out samples, or as many groups of them, with repeats."""
    if parts is None:
        return rng.integers(n, size=n)
    return np.concatenate([parts[at] for at in rng.integers(len(parts), size=len(parts))])


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
