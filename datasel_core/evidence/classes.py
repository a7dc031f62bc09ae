"""Classes met: how many classes of the pool have a kept sample. No held-out sample enters, so it has a law of its own.

Of random choices the law is known exactly: each class is missed with the hypergeometric chance, so mean and variance
are sums over classes. A method is compared with that mean. What its seeds vary is estimated from them and from random's
own variance, which counts as one seed more: counts stand still for eight seeds where they do not for eighty, and an
interval without width is met far less often than it says (tests/benchmarks/evidence_intervals.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.evidence.differences import LEVEL, Difference


@dataclass(frozen=True)
class Classes:
    """name, title: as tables call it. of: (n,) the class of every row of the pool, -1 where it counts for none. sizes:
    (k,) how many of them can be chosen. free: how many samples can be chosen at all.
    """

    name: str
    title: str
    of: np.ndarray
    sizes: np.ndarray
    free: int

    higher_is_better = True
    unit = "classes"

    def met(self, kept: np.ndarray) -> int:
        """kept: rows of the pool."""
        return len(np.setdiff1d(self.of[kept], [-1]))

    def random(self, n: int) -> tuple[float, float]:
        """Mean and variance of how many a random choice of n meets."""
        sizes, many = np.unique(self.sizes, return_counts=True)
        missed = _missed(sizes, n, self.free)
        both = _missed(sizes[:, None] + sizes[None, :], n, self.free)
        variance = many @ (both - np.outer(missed, missed)) @ many + many @ (missed - np.diag(both))
        return float(many @ (1 - missed)), max(0.0, float(variance))


def classes_of(labels: np.ndarray, free: np.ndarray) -> list[Classes]:
    """Classes met; and rare classes met, where some are rarer than others. labels: (n,) text, empty where there is
    none. free: rows that can be chosen.
    """
    names, of = np.unique(labels, return_inverse=True)
    sizes = np.bincount(of[free], minlength=len(names))
    sizes[names == ""] = 0
    there = sizes > 0
    if there.sum() < 2:
        return []
    edge = np.sort(sizes[there])[(there.sum() - 1) // 3]
    rare = there & (sizes <= edge)
    found = [_counted("classes", "classes of the pool with a kept sample", there, of, sizes, len(free))]
    if rare.sum() < there.sum():
        title = f"rare classes with a kept sample: the rarest third, {rare.sum():,} classes of at most {edge:,} samples"
        found.append(_counted("rare", title, rare, of, sizes, len(free)))
    return found


def difference(found: Sequence[int], random: tuple[float, float], draws: bool, level: float = LEVEL) -> Difference:
    """found: classes met under each of at least two seeds. random: mean and variance of a random choice of the same
    size. draws: whether the method answers otherwise under another seed; where it does not, random's seeds alone count.
    """
    from scipy import stats

    seeds, (mean, known) = len(found), random
    own = float(np.var(found, ddof=1))
    variance = ((seeds * own + known) / (seeds + 1) if draws else known) / seeds
    gap, width = float(np.mean(found)) - mean, float(np.sqrt(variance))
    if variance <= 1e-12:
        gap = 0.0 if abs(gap) < 1e-6 else gap  # every choice meets all of them
        return Difference(gap, gap, gap, 1.0 if gap == 0 else 0.0, seeds, 0.0, seeds - 1)
    half = float(stats.t.ppf(0.5 + level / 2, seeds - 1)) * width
    p = float(2 * stats.t.sf(abs(gap) / width, seeds - 1))
    return Difference(gap, gap - half, gap + half, p, seeds, variance, seeds - 1)


def _counted(name: str, title: str, which: np.ndarray, of: np.ndarray, sizes: np.ndarray, free: int) -> Classes:
    return Classes(name, f"{title}, of {which.sum():,}", np.where(which[of], of, -1), sizes[which], free)


def _missed(sizes: np.ndarray, n: int, of: int) -> np.ndarray:
    """The chance that n of `of` samples, drawn at random, hold none of so many."""
    from scipy.special import gammaln

    rest = of - sizes
    can = rest >= n
    rest = np.where(can, rest, n)
    logs = gammaln(rest + 1) - gammaln(rest - n + 1) - gammaln(of + 1) + gammaln(of - n + 1)
    return np.where(can, np.exp(logs), 0)
