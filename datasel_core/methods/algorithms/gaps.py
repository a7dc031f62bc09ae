"""Gaps: how far each pattern is from the nearest chosen pattern, cheaply as bounds and, where it matters, exactly.

A gap is 1 - cosine, or the squared Euclidean distance. Adding a centre only shrinks gaps, so a stale gap is an upper
bound. Fast values come from float32 matrix products, whose last digits depend on the machine, the block size and the
number of threads. So no decision rests on them alone: `tolerance` bounds their error, and whatever falls within it is
decided by `exact`, float64 sums in a fixed order. That is why answers here are the same everywhere.
"""

import math

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.methods.method import check_array

BLOCK = 2048
_PAIRS = 4096
_PRODUCTS = 1 << 22
_UNIT = 2.0**-24  # float32 unit roundoff
_HUGE, _TINY = 2.0**50, 2.0**-50
"""Beyond these, squares of values may leave the range of float32."""


class Gaps:
    """values: (t, d) patterns. `gap` (t,) float32 is the gap to the first `seen[t]` centres, within `tolerance`.

    scale: a power of two that values are multiplied by, so that their squares stay within float32; Euclidean gaps are
    of the scaled values, which changes no order and no digit. It is 1 for all but very large or very small ones.

    Memory: one float32 copy of the values, plus 28 bytes a pattern. Raises BadInput for values that are not finite, or
    beyond what float32 holds.
    """

    def __init__(self, values: np.ndarray, metric: str, block: int):
        check_array("patterns", values, ragged=False)
        self.values, self.metric, self.block = values, metric, block
        t, d = values.shape
        self._norms = np.empty(t)
        self.scale = 1.0 if metric == "cosine" else _scale(values, block)
        if metric == "cosine":
            self._x = np.empty((t, d), dtype=np.float32)
            reach = 1.0
        else:
            parts = (values[start : start + block] for start in range(0, t, block))
            self._mean = self.scale * np.mean([part.mean(axis=0, dtype=np.float64) for part in parts], axis=0)
            self._x = np.ones(
                (t, d + 1), dtype=np.float32
            )  # the column of ones carries each centre's squared norm through the product
            reach = 0.0
        for start in range(0, t, block):
            rows = slice(start, start + block)
            part = values[rows].astype(np.float64)
            if metric == "cosine":
                with np.errstate(over="ignore"):  # it is refused
                    norms = np.sqrt((part * part).sum(axis=1))
                if not np.isfinite(norms).all():
                    raise _too_large(start + int(np.argmin(np.isfinite(norms))), np.abs(part).max())
                self._norms[rows] = np.where(norms > 0, norms, 1.0)
                self._x[rows] = part / self._norms[rows, None]
            else:
                part *= self.scale
                part -= self._mean
                self._norms[rows] = (part * part).sum(axis=1)
                self._x[rows, :-1] = part
                reach = max(reach, float(self._norms[rows].max()))
        # Rounding errors of a d-term float32 sum stay under 8 sqrt(d) u (all but 1 in 10^13: Higham & Mary 2019); 4
        # reach bounds the Euclidean terms.
        self.tolerance = (8 * math.sqrt(d) + 8) * _UNIT * (1.0 if metric == "cosine" else 4 * reach)
        self._zero = (
            1e-12 if metric == "cosine" else 0.0
        )  # unit vectors of equal direction may differ in the last digit
        self.gap = np.full(t, np.inf, dtype=np.float32)
        self.seen = np.zeros(t, dtype=np.int32)
        self._exact_gap = np.full(t, np.inf)
        self._exact_seen = np.zeros(t, dtype=np.int32)
        self.n_centres = 0
        self._centres = np.empty((0, self._x.shape[1]), dtype=np.float32)
        self.centre_places = np.empty(0, dtype=np.int64)

    def add(self, places: np.ndarray) -> None:
        """These patterns become centres."""
        need = self.n_centres + len(places)
        if need > len(self._centres):
            room = max(need, 2 * len(self._centres), 256)
            self._centres = np.concatenate(
                [self._centres, np.empty((room - len(self._centres), self._x.shape[1]), np.float32)]
            )
            self.centre_places = np.concatenate(
                [self.centre_places, np.empty(room - len(self.centre_places), np.int64)]
            )
        self._centres[self.n_centres : need] = self._as_centres(places)
        self.centre_places[self.n_centres : need] = places
        self.n_centres = need

    def _as_centres(self, places: np.ndarray) -> np.ndarray:
        if self.metric == "cosine":
            return -self._x[places]
        centres = -2 * self._x[places]
        centres[:, -1] = self._norms[places]
        return centres

    def rows_of(self, places: np.ndarray) -> np.ndarray:
        """A contiguous copy of some patterns in the form that `shrink` takes."""
        return self._x[places]

    def shrink(self, gap: np.ndarray, x: np.ndarray, base: np.ndarray | float, first: int) -> None:
        """Lowers `gap` (rows of x) in place by the centres from `first` on."""
        for start in range(first, self.n_centres, self.block):
            product = x @ self._centres[start : min(start + self.block, self.n_centres)].T
            np.minimum(gap, product.min(axis=1) + base, out=gap)
        np.maximum(gap, 0, out=gap)

    def base(self, places: np.ndarray | slice) -> np.ndarray | float:
        """What to add to a product of `rows_of(places)` with centres to get gaps."""
        return 1.0 if self.metric == "cosine" else self._norms[places].astype(np.float32)

    def refresh(self, places: np.ndarray) -> None:
        """Brings these patterns up to date with every centre."""
        places = places[self.seen[places] < self.n_centres]
        places = places[np.argsort(self.seen[places], kind="stable")]
        for start in range(0, len(places), self.block):
            part = places[start : start + self.block]
            gap = self.gap[part]
            self.shrink(gap, self._x[part], self.base(part), int(self.seen[part[0]]))
            self.gap[part] = gap
            self.seen[part] = self.n_centres

    def refresh_all(self, progress: Progress) -> None:
        for start in range(0, len(self.gap), self.block):
            progress.check()
            rows = slice(start, min(start + self.block, len(self.gap)))
            self.shrink(self.gap[rows], self._x[rows], self.base(rows), int(self.seen[rows].min()))
            self.seen[rows] = self.n_centres

    def exact(self, places: np.ndarray) -> np.ndarray:
        """(len(places),) float64 gaps to the nearest of all centres. Distinct places; what was found before is kept."""
        for first in np.unique(self._exact_seen[places]):
            part = places[self._exact_seen[places] == first]
            gaps = self._exact_gap[part]
            self._exact_against(gaps, part, int(first), np.full(len(part), self.n_centres))
            self._exact_gap[part], self._exact_seen[part] = gaps, self.n_centres
        return self._exact_gap[places]

    def exact_among(self, places: np.ndarray, limits: np.ndarray) -> np.ndarray:
        """(len(places),) float64 gaps, place i to the nearest of the first limits[i] centres."""
        gaps = np.full(len(places), np.inf)
        self._exact_against(gaps, places, 0, limits)
        return gaps

    def _exact_against(self, gaps: np.ndarray, places: np.ndarray, first: int, limits: np.ndarray) -> None:
        at_once = max(1, _PRODUCTS // max(1, self.n_centres - first))
        for start in range(0, len(places), at_once):
            part = slice(start, start + at_once)
            last = int(limits[part].max())
            if last <= first:
                continue
            product = self._x[places[part]] @ self._centres[first:last].T
            product[np.arange(first, last) >= limits[part, None]] = np.inf
            near, centre = np.nonzero(product <= product.min(axis=1, keepdims=True) + 2 * self.tolerance)
            for some in range(0, len(near), _PAIRS):
                row, column = near[some : some + _PAIRS], centre[some : some + _PAIRS]
                np.minimum.at(gaps, start + row, self.pairs(places[part][row], self.centre_places[first + column]))

    def pairs(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Gaps between pairs of patterns in float64, summed in an order that depends on nothing but d."""
        x, y = self.values[a].astype(np.float64), self.values[b].astype(np.float64)
        if self.metric == "cosine":
            x /= self._norms[a, None]
            y /= self._norms[b, None]
            # half the squared difference of unit vectors is 1 - cosine, and exactly 0 for equal ones; a zero vector is
            # at 1 from everything
            gaps = (x * x).sum(axis=1) / 2 + (y * y).sum(axis=1) / 2 - (x * y).sum(axis=1)
            near = gaps < 1e-3
            gaps[near] = ((x[near] - y[near]) ** 2).sum(axis=1) / 2
            gaps[~(x.any(axis=1) & y.any(axis=1))] = 1.0
        else:
            gaps = (((x - y) * self.scale) ** 2).sum(axis=1)
        gaps[gaps < self._zero] = 0.0
        return gaps

    def distances(self, gaps: np.ndarray) -> np.ndarray:
        """Exact gaps as people measure them: 1 - cosine, or the Euclidean distance."""
        return gaps if self.metric == "cosine" else np.sqrt(gaps) / self.scale


def _scale(values: np.ndarray, block: int) -> float:
    """1, or the power of two that brings the largest value near 1. Raises BadInput beyond float32, naming the row."""
    largest, at = 0.0, 0
    for start in range(0, len(values), block):
        part = values[start : start + block]
        most = max(float(part.max()), -float(part.min()))
        if most > largest:
            largest, at = most, start
    if largest > float(np.finfo(np.float32).max):
        most = np.abs(values[at : at + block].astype(np.float64)).max(axis=1)
        raise _too_large(at + int(most.argmax()), largest)
    return 1.0 if largest == 0 or _TINY <= largest <= _HUGE else math.ldexp(1.0, -math.frexp(largest)[1])


def _too_large(row: int, value: float) -> BadInput:
    return BadInput(
        f"Row {row} of the vectors holds {value:.3g}, whose square is more than numbers here hold; divide all vectors "
        "by one number, or leave that sample out."
    )
