"""Low, middle and high of a number that is not known exactly."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Number = TypeVar("Number")


@dataclass(frozen=True)
class Interval(Generic[Number]):
    """mid: what is expected. low, high: what it lies between, at a level that is said beside it."""

    low: Number
    mid: Number
    high: Number

    @property
    def is_point(self) -> bool:
        return self.low == self.high

    def each(self, change: Callable[[Number], Any]) -> "Interval[Any]":
        """The same change of all three; it must keep their order."""
        return Interval(change(self.low), change(self.mid), change(self.high))

    def plain(self) -> dict[str, float]:
        return {"low": float(self.low), "mid": float(self.mid), "high": float(self.high)}


def around(mean: float, variance: float, below: float, above: float, width: float) -> Interval[float]:
    """Of a sum with this mean. variance: of its logarithm, from single ones that differ; the sum is taken as log-normal
    with the right mean and variance (Fenton, 1960). below, above: how far the mean itself may be off, in logs. width:
    quantile that belongs to the level. Distances from different sources add up in squares.
    """
    if mean <= 0:
        return Interval(0.0, 0.0, 0.0)
    own = width * math.sqrt(variance)
    low = mean * math.exp(-variance / 2 - math.hypot(own, below))
    high = mean * math.exp(-variance / 2 + math.hypot(own, above))
    return Interval(min(low, mean), mean, max(high, mean))


def together(parts: Sequence[Interval[Number]]) -> Interval[Number]:
    """Of the sum of parts, at least one, that know nothing of one another."""
    mid = _sum([one.mid for one in parts])
    low = mid - _root(_sum([(one.mid - one.low) ** 2 for one in parts]))
    high = mid + _root(_sum([(one.high - one.mid) ** 2 for one in parts]))
    return Interval(max(low, 0 * mid), mid, high)


def widest(low: Interval[Number], mid: Interval[Number], high: Interval[Number]) -> Interval[Number]:
    """The middle of the second, from the lowest to the highest of all three."""
    return Interval(min(low.low, mid.low, high.low), mid.mid, max(low.high, mid.high, high.high))


def _sum(values: Sequence[Any]) -> Any:
    return sum(values[1:], values[0])


def _root(value: Any) -> Any:
    return value ** type(value)(0.5)
