"""What is known of a pace, a price or a number of labels: one number, a range, or what a pilot measured."""

import functools
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from datasel_core.errors import BadParameter


@dataclass(frozen=True)
class Rate:
    """Of something that differs from one to the next. mid: its mean. spread: standard deviation of single ones. k: how
    many of them the mean and the spread were measured on; 0 where they are taken as given. low, high: a range that the
    mean lies in, instead of a measurement. source: where it comes from, in words.
    """

    mid: float
    spread: float = 0.0
    k: int = 0
    low: float | None = None
    high: float | None = None
    source: str = ""

    def __post_init__(self):
        if not (self.mid > 0 and self.spread >= 0 and math.isfinite(self.mid + self.spread)):
            raise BadParameter(
                f"A rate of {self.mid} with spread {self.spread} will not do; the first must be above 0."
            )
        if not self.ends[0] <= self.mid <= self.ends[1]:
            raise BadParameter(
                f"The rate {self.mid:g} lies outside its own range, {self.ends[0]:g} to {self.ends[1]:g}."
            )
        if self.k and self.has_range:
            raise BadParameter("A rate has a range or was measured; it cannot be both.")

    @property
    def ends(self) -> tuple[float, float]:
        return (self.mid if self.low is None else self.low), (self.mid if self.high is None else self.high)

    @property
    def has_range(self) -> bool:
        return self.ends[0] < self.ends[1]

    @property
    def is_uncertain(self) -> bool:
        return self.has_range or self.spread > 0

    @property
    def cv2(self) -> float:
        """(spread / mean) squared, of single ones."""
        return (self.spread / self.mid) ** 2

    def at(self, mean: float) -> "Rate":
        """The same, were its mean known to be this; single ones spread by the same factor."""
        return replace(self, mid=mean, spread=self.spread * mean / self.mid, low=None, high=None)

    def reach(self, level: float) -> tuple[float, float]:
        """How far below and above the measured mean the true one may lie, as logarithms of factors; 0 where it was not
        measured.

        By exp(m + s2 / 2), the mean of a log-normal: Student's interval for m and that of chi-square for s2 are exact,
        and distances add up in squares (MOVER; Zou, Huo and Taleban 2009). Cox's interval, even on both sides, is as
        often right, but the truth lies above it half as often again: tests/benchmarks/plan_intervals.py.
        """
        if not self.k or not self.spread:
            return 0.0, 0.0
        s2, (smaller, larger) = math.log1p(self.cv2), _variance(level, self.k)
        m = quantile(level, self.k) * math.sqrt(s2 / self.k)
        return math.hypot(m, s2 / 2 * (1 - smaller)), math.hypot(m, s2 / 2 * (larger - 1))

    def between(self, level: float) -> tuple[float, float]:
        """What the mean lies between."""
        below, above = self.reach(level)
        return self.ends[0] * math.exp(-below), self.ends[1] * math.exp(above)

    def plain(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in (None, "", 0)}


@functools.cache
def quantile(level: float, k: int) -> float:
    """Of Student's t with k - 1 degrees of freedom, both sides; of the normal law where nothing was measured."""
    from scipy import stats

    half = (1 + level) / 2
    return float(stats.t.ppf(half, k - 1) if k else stats.norm.ppf(half))


@functools.cache
def _variance(level: float, k: int) -> tuple[float, float]:
    """What a variance measured on k may be times smaller and larger than it is: by chi-square."""
    from scipy import stats

    half = (1 + level) / 2
    return (k - 1) / float(stats.chi2.ppf(half, k - 1)), (k - 1) / float(stats.chi2.ppf(1 - half, k - 1))
