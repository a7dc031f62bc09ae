"""How crowded it is around each vector: rho = sum over its neighbours u of max(0, 1 - ||x - u||^2 / sigma^2), itself
included.

Exact, without the n x n distances: only neighbours within sigma count, and most pairs are ruled out by a lower bound
that costs a short product (`codes`). What is not ruled out is measured in float64 (`near`).
"""

import contextlib
import functools

import numpy as np

from datasel_core.base.parallel import side_by_side
from datasel_core.base.progress import Progress
from datasel_core.errors import Fault
from datasel_core.methods.algorithms.codes import STRETCH, fit_turn
from datasel_core.methods.algorithms.near import compiled
from datasel_core.methods.algorithms.products import Products, half_serves
from datasel_core.vectors import kmeans

_ROWS, _COLUMNS = 512, 4 * STRETCH  # their products stay in a processor's second cache
_FEW = 4096  # so many are measured all with all, from products in float64,
_WIDE = 1e4  # but not where these are so large beside the smallest width, squared
_KEPT_PRODUCTS = 1 << 22  # squared distances held at a time
_SORT_BY = 32
_PART_ROWS = 8192


class Crowd:
    """vectors: (u, d). widths: (b,) of sigma, above 0, ascending. kde_k: at most so many neighbours count, the
    nearest.
    """

    def __init__(self, vectors: np.ndarray, widths: np.ndarray, kde_k: int):
        self.x = np.ascontiguousarray(vectors, np.float32)
        self.widths, self.kde_k = (
            np.clip(np.asarray(widths, np.float64), 1e-100, 1e100),
            min(kde_k, len(self.x)),
        )  # float32 knows no gaps beyond these widths
        self.reach = float(self.widths[-1] ** 2)
        self.centre = (
            np.mean(self.x, axis=0, dtype=np.float64).astype(np.float32).astype(np.float64)
        )  # products are precise near it
        parts = _parts(len(self.x), _PART_ROWS)
        self.norms = np.concatenate([np.square(self._centred(part)).sum(axis=1) for part in parts])
        self.place, self.products = np.arange(len(self.x)), None
        if len(self.x) > _FEW or self.norms.max() > _WIDE * self.widths[0] ** 2:
            self._encode()

    def _encode(self) -> None:
        u, d = self.x.shape
        serves = functools.partial(half_serves, _ROWS, _COLUMNS)
        turn = fit_turn(self.x, self.centre, float(self.norms.max()), self.reach, self.kde_k / u, serves)
        lead = np.concatenate([turn.leading(self.x[part], _SORT_BY) for part in _parts(u, _PART_ROWS)])
        _, cell = kmeans.kmeans(lead / (np.abs(lead).max() or 1), min(256, max(1, u // 256)), 0, "euclidean", 4)
        order = np.argsort(
            cell, kind="stable"
        )  # neighbours next to each other, so that pairs to be measured come in blocks
        self.x, self.norms, self.place[order] = self.x[order], self.norms[order], np.arange(u)
        self.products = Products(turn.codes(self.x, self.norms), _ROWS, _COLUMNS, turn.half)
        self.step = float(turn.size) ** -2
        self.least = np.minimum.reduceat(self.norms, range(0, u, STRETCH))
        self.keep = compiled()  # here, that no two threads compile it
        # As in `gaps`, three times: once for either turning, once for the product.
        self.slack = (24 * np.sqrt(d) + 96) * 2.0**-24 + self.products.slack
        self.lost = 8 * d**1.5 * 2.0**-126 * self.step  # of a product: what is below the smallest number of float32

    def measure(self, wanted: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """(len(wanted), b) float64 rho of these vectors, at each width."""
        found, places = np.empty((len(wanted), len(self.widths))), self.place[wanted]
        order = np.argsort(places, kind="stable")
        parts = list(_parts(len(wanted), max(1, min(_ROWS, _KEPT_PRODUCTS // (2 * self.kde_k)))))
        with contextlib.closing(side_by_side(lambda part: self._rho(*self._near(places[order[part]])), parts)) as made:
            for part, rho in zip(
                (progress or Progress()).over(parts, len(parts), "measuring how crowded it is"), made, strict=True
            ):
                found[order[part]] = rho
        if not (found >= 1 - 1e-6).all():  # so it is where products are wrong, or not finite
            least = f"{np.min(found):.3g}"
            raise Fault(f"The least crowded candidate has {least} in its crowd, though it is in there itself")
        return found

    def _near(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """kept: (t, room) squared distances to what is near each row, the kde_k nearest. held: (t,) how many of them
        there are.
        """
        if self.products is None:
            return self._all(rows)
        products_from, limit = self.products.of(rows), np.full(len(rows), self.reach)
        kept, held = np.empty((len(rows), 2 * self.kde_k + _COLUMNS)), np.zeros(len(rows), np.int64)
        # From its own neighbourhood outward: who has its kde_k neighbours early needs few of the rest.
        for first in sorted(range(0, len(self.x), _COLUMNS), key=lambda first: abs(first + _COLUMNS / 2 - rows.mean())):
            products = products_from(first)[:, : len(self.x) - first]
            bounds = self.norms, self.least, STRETCH, self.step, self.lost, self.slack
            self.keep(products, rows, first, self.x, *bounds, limit, kept, held)
            self._cut(kept, held, limit, held >= 2 * self.kde_k)
        self._cut(kept, held, limit, held > self.kde_k)
        return kept, held

    def _cut(self, kept: np.ndarray, held: np.ndarray, limit: np.ndarray, those: np.ndarray) -> None:
        """Leaves those rows their kde_k nearest. Nothing farther than the last of these counts: their limit is
        lowered.
        """
        for one in np.flatnonzero(those):
            kept[one, : self.kde_k] = np.partition(kept[one, : held[one]], self.kde_k - 1)[: self.kde_k]
            held[one], limit[one] = self.kde_k, kept[one, self.kde_k - 1]

    def _all(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `near`, from all distances."""
        squared = np.maximum(
            self.norms[rows, None] + self.norms - 2 * self._centred(rows) @ self._centred(slice(None)).T, 0
        )
        squared[np.arange(len(rows)), rows] = 0
        return np.partition(squared, self.kde_k - 1, axis=1), np.full(len(rows), self.kde_k)

    def _rho(self, kept: np.ndarray, held: np.ndarray) -> np.ndarray:
        """(t, b): with each width, how many of the kde_k nearest are within, less the sum of their squared distances
        over its square.
        """
        there = np.arange(kept.shape[1]) < held[:, None]
        owner, squared, bins = np.nonzero(there)[0], kept[there], len(self.widths)
        which = owner * (bins + 1) + np.searchsorted(self.widths**2, squared, side="right")
        many = np.bincount(which, minlength=len(kept) * (bins + 1)).reshape(len(kept), -1)[:, :bins]
        sums = np.bincount(which, squared, len(kept) * (bins + 1)).reshape(len(kept), -1)[:, :bins]
        return np.cumsum(many, axis=1) - np.cumsum(sums, axis=1) / self.widths**2

    def _centred(self, rows: np.ndarray | slice) -> np.ndarray:
        return self.x[rows].astype(np.float64) - self.centre


def _parts(n: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
