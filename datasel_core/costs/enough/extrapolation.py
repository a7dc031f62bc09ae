"""What a learning curve says beyond its last point: an extrapolation, by several families, with an interval.

The interval is of draws: each draws seeds with replacement, adds residuals of a family's fit with replacement, and fits
that family anew; all families have as many draws, so that their spread is part of it. To trust the family that fits
best, or families by Akaike weights, held the truth in 45 to 60 of 100 where 90 were meant: a good fit says little of
what comes after.

The labelled part is one draw of many as well, which no seed shows, as all of them share it: what it happens to teach is
a variance of its own, 0 at all labels and growing beyond them. How often the interval holds the truth is measured in
tests/benchmarks/enough_coverage.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.costs.enough.families import FAMILIES, Fit, fit
from datasel_core.costs.enough.learning import Curve

LEVEL = 0.9
REACH = 10
"""Times the labels: so far a curve is drawn on, and no farther."""
TIMES = 200
"""Draws of the interval, over all families."""
_GRID = 80
_CERTAIN = 2.0
"""Standard errors by which a curve must rise to be called rising."""


@dataclass(frozen=True)
class Extrapolation:
    """sizes: (g,) numbers of labels, from the smallest part to REACH times all. low, mid, high: (g,) shares of the
    held-out samples named rightly. fits: one for each family. rises: whether more labels are shown to help at all.
    """

    curve: Curve
    fits: Sequence[Fit]
    sizes: np.ndarray
    low: np.ndarray
    mid: np.ndarray
    high: np.ndarray
    rises: bool


def extrapolate(curve: Curve, times: int = TIMES, level: float = LEVEL, reach: float = REACH) -> Extrapolation:
    """Reproducible: it draws with numbers of its own."""
    rng, x = np.random.default_rng(0), curve.sizes / curve.labels
    weights = x  # the variance of a share falls about as 1 / n
    able = [one for one in FAMILIES if len(one.low) < len(x)] or list(FAMILIES[1:2])
    fits = [fit(one, x, curve.means, weights) for one in able]
    sizes = np.unique(np.geomspace(curve.sizes[0], reach * curve.labels, _GRID).round().astype(np.int64))
    sizes = np.union1d(sizes, curve.sizes)
    drawn = np.array([_drawn(curve, fits[at % len(fits)], x, weights, sizes, rng) for at in range(times)])
    drawn += rng.standard_normal((times, 1)) * np.sqrt(_of_part(curve, sizes))
    tail = (1 - level) / 2
    low, mid, high = np.maximum.accumulate(np.clip(np.quantile(drawn, [tail, 0.5, 1 - tail], axis=0), 0, 1), axis=1)
    return Extrapolation(curve, fits, sizes, low, mid, high, _rises(curve))


def _drawn(
    curve: Curve, of: Fit, x: np.ndarray, weights: np.ndarray, sizes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(g,) values of one fit to seeds and residuals that were drawn with replacement."""
    seeds = rng.integers(len(curve.shares), size=len(curve.shares))
    residuals = curve.means - of.values(x)
    again = curve.shares[seeds].mean(0) + rng.choice(residuals - residuals.mean(), len(x))
    return fit(of.family, x, again, weights, starts=(of.parameters,)).values(sizes / curve.labels)


def _of_part(curve: Curve, sizes: np.ndarray) -> np.ndarray:
    """(g,) variance of what the labelled part happens to teach. Of a part of n it is c / n, as of a mean. c is seen
    between seeds at half of the labels: their parts are drawn from the same labels, so that it is c (1/half - 1/labels)
    there, as of draws from few.
    """
    half = max(0, int(np.searchsorted(curve.sizes, curve.labels / 2, side="right")) - 1)
    apart = max(1 / curve.sizes[half] - 1 / curve.labels, 1e-12)
    c = curve.shares[:, half].var(ddof=1) / apart
    return c * np.maximum(0, 1 / curve.labels - 1 / np.maximum(sizes, curve.labels))


def _rises(curve: Curve) -> bool:
    """Whether shares grow with the logarithm of labels, by more than the seeds scatter."""
    x = np.log(curve.sizes)
    slopes = (curve.shares - curve.shares.mean(1, keepdims=True)) @ (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    return bool(slopes.mean() > _CERTAIN * slopes.std(ddof=1) / np.sqrt(len(slopes)) and slopes.mean() > 0)


def at(
    sizes: Sequence[float], low: Sequence[float], mid: Sequence[float], high: Sequence[float], n: float
) -> tuple[float, float, float]:
    """(low, mid, high) of the band with n labels, linear in log n between its sizes."""
    x = np.log(sizes)
    first, middle, last = (float(np.interp(np.log(n), x, values)) for values in (low, mid, high))
    return first, middle, last


def needed(
    sizes: Sequence[float], low: Sequence[float], mid: Sequence[float], high: Sequence[float], wish: float
) -> tuple[float | None, float | None, float | None]:
    """(low, mid, high) number of labels with which the share is `wish`: where the band's edges reach it; None beyond
    the last size. The edge above is reached first.
    """
    first, middle, last = (_crossing(np.asarray(sizes), np.asarray(values), wish) for values in (high, mid, low))
    return first, middle, last


def _crossing(sizes: np.ndarray, values: np.ndarray, wish: float) -> float | None:
    """The number at which values, which only grow, reach the wish."""
    if values[-1] < wish:
        return None
    after = int(np.searchsorted(values, wish))
    if after == 0 or values[after] == values[after - 1]:
        return float(sizes[after])
    part = (wish - values[after - 1]) / (values[after] - values[after - 1])
    return float(np.exp(np.log(sizes[after - 1]) + part * np.log(sizes[after] / sizes[after - 1])))
