"""Greedy choice by a key that is lowered by nearness to what is kept already: exact, and most candidates are looked at
once.

The largest cosine to what is kept never falls while more is kept, so what a candidate was worth earlier bounds what it
is worth now (lazy greedy, Minoux 1978). Only a front of those with the largest bounds is kept up to date.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.vectors.directions import lengths, unit_rows

_FRONT_ROWS = 2048
_ROWS, _COLUMNS = 1024, 4096
_DIGITS = 12
"""Cosines are rounded to so many digits: sums in another order differ beyond, and must not decide."""


def greedy(
    keys: np.ndarray, vectors: np.ndarray, weight: float, already: Sequence[int] | np.ndarray, progress: Progress
) -> Iterator[tuple[int, float]]:
    """Yields (row, its largest cosine to what was kept before), always the row of the largest `key - weight * cosine`,
    the lowest row among equals, until none is left. Where nothing was kept before, there is no cosine: NaN.

    keys: (n,) float64, finite. vectors: (n, d); a zero vector has the cosine 0 to all. weight: above 0. already: rows
    that are kept from the beginning and never yielded.
    """
    rest = _Rest(keys, vectors, weight)
    rest.keep(np.asarray(already, dtype=np.int64))
    if not len(already):
        first = int(np.argmax(keys))
        rest.keep(np.array([first]))
        yield first, np.nan
    rest.refresh(rest.open_rows(), 1, progress)
    size = _FRONT_ROWS
    while rest.n_open:
        picked = 0
        for row, cosine in rest.front(size, progress):
            picked += 1
            yield row, cosine
        size = size if picked else 2 * size  # equals outside: at last all are inside


class _Rest:
    """What may still be kept. near: (n,) the largest cosine of each row to the first `seen` that were kept."""

    def __init__(self, keys: np.ndarray, vectors: np.ndarray, weight: float):
        self.keys, self.vectors, self.weight = keys, vectors, weight
        self.length = lengths(vectors)
        self.near, self.seen = np.full(len(keys), -np.inf), np.zeros(len(keys), np.int64)
        self.is_open, self.n_open = np.ones(len(keys), bool), len(keys)
        self.kept, self.n_kept = np.empty((16, vectors.shape[1])), 0

    def open_rows(self) -> np.ndarray:
        return np.flatnonzero(self.is_open)

    def units(self, rows: np.ndarray) -> np.ndarray:
        """(m, d) float64 of length 1."""
        return unit_rows(self.vectors, self.length, rows, np.float64)

    def keep(self, rows: np.ndarray) -> None:
        """rows: (m,) distinct, open."""
        n = self.n_kept + len(rows)
        if n > len(self.kept):
            more = np.empty((max(n, 2 * len(self.kept)), self.kept.shape[1]))
            more[: self.n_kept] = self.kept[: self.n_kept]
            self.kept = more
        self.kept[self.n_kept : n] = self.units(rows)
        self.n_kept, self.n_open = n, self.n_open - len(rows)
        self.is_open[rows] = False

    def refresh(self, rows: np.ndarray, until: int, progress: Progress) -> None:
        """Brings these rows up to date with the first `until` that were kept."""
        for seen in np.unique(self.seen[rows]).tolist():
            alike = rows[self.seen[rows] == seen]
            for start in range(0, len(alike), _ROWS):
                progress.check()
                part = alike[start : start + _ROWS]
                mine = self.units(part)
                for first in range(seen, until, _COLUMNS):
                    products = mine @ self.kept[first : min(first + _COLUMNS, until)].T
                    self.near[part] = np.maximum(self.near[part], np.round(products.max(axis=1), _DIGITS))
        self.seen[rows] = np.maximum(self.seen[rows], until)

    def front(self, size: int, progress: Progress) -> Iterator[tuple[int, float]]:
        """The next rows, as long as the best surely lies among those of the `size` largest bounds."""
        rows, outside = self._largest(size)
        self.refresh(rows, self.n_kept, progress)
        mine, near = self.units(rows), self.near[rows]
        worth = self.keys[rows] - self.weight * near
        at = int(np.argmax(worth))
        while worth[at] > outside:
            progress.check()
            row, cosine = int(rows[at]), float(near[at])
            self.keep(rows[at : at + 1])
            near = np.maximum(near, np.round(mine @ self.kept[self.n_kept - 1], _DIGITS))
            worth = np.where(self.is_open[rows], self.keys[rows] - self.weight * near, -np.inf)
            at = int(np.argmax(worth))
            yield row, cosine
        self.near[rows], self.seen[rows] = near, self.n_kept

    def _largest(self, size: int) -> tuple[np.ndarray, float]:
        """Open rows of the largest bounds, in order, and the largest bound outside them."""
        rows = self.open_rows()
        if size >= len(rows):
            return rows, -np.inf
        bounds = self.keys[rows] - self.weight * self.near[rows]
        order = np.argpartition(bounds, len(rows) - size - 1)
        return np.sort(rows[order[-size:]]), float(bounds[order[len(rows) - size - 1]])
