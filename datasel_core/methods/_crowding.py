"""How crowded it is around each vector: rho = sum over its neighbours u of max(0, 1 - ||x - u||^2 / sigma^2), itself included.

Exact, without the n x n distances: only neighbours within sigma count, and most pairs are ruled out by a lower bound that costs a short product. Vectors
are turned into their principal axes; the first few coordinates and the length of what is left bound every distance from below (Cauchy-Schwarz).
What is not ruled out is measured in float64. Where a processor multiplies bfloat16 faster, that rules out rows and stretches of columns first, its
error allowed for.
"""

import functools
import time

import numpy as np

from datasel_core import neighbors
from datasel_core.progress import Progress

_ROWS, _COLUMNS, _STRETCH = 1024, 4096, 256
_SHORT = (16, 32, 64, 96, 128, 192, 256, 384)
_PAIR, _PASS = 120, 40  # what measuring a pair, and looking at a bound, cost: in multiply-adds of a product (per dimension; per pair)
_SORT_FROM, _SORT_BY = 8192, 32
_HALF_FROM = 20_000
_HALF_ERROR = 3.05 * 2.0**-8  # of a product of bfloat16 vectors, relative to their lengths: both are rounded, and the sum is


class Crowd:
    """vectors: (u, d). widths: (b,) of sigma, above 0, ascending. kde_k: at most so many neighbours count, the nearest."""

    def __init__(self, vectors: np.ndarray, widths: np.ndarray, kde_k: int):
        self.x = np.asarray(vectors, np.float32)
        self.centre = np.mean(self.x, axis=0, dtype=np.float64)  # products are precise near it
        self.widths, self.kde_k = np.asarray(widths, np.float64), kde_k
        self.reach = float(self.widths[-1] ** 2)
        self.norms = np.concatenate([np.square(self._centred(part)).sum(axis=1) for part in _parts(len(self.x), 8192)])
        self.slack = (16 * np.sqrt(self.x.shape[1]) + 64) * 2.0**-24  # as in `_gaps`, twice: once for turning, once for the product
        short = self._short()
        self.place = np.arange(len(self.x))
        if len(self.x) >= _SORT_FROM:  # neighbours next to each other, so that pairs to be measured come in blocks
            _, cell = neighbors.kmeans(short[:, :_SORT_BY], min(256, len(self.x) // 256), 0, "euclidean", 4)
            order = np.argsort(cell, kind="stable")
            self.x, self.norms, short = self.x[order], self.norms[order], short[order]
            self.place[order] = np.arange(len(order))
        tolerant = (self.norms * (1 - self.slack)).astype(np.float32)[:, None]
        self.bounds = np.hstack([short, np.ones_like(tolerant), tolerant])
        self.half = _as_half(short) if len(self.x) >= _HALF_FROM and half_is_faster() else None
        starts = range(0, len(self.x), _STRETCH)
        self.least, self.most = np.minimum.reduceat(self.norms, starts), np.maximum.reduceat(self.norms, starts)

    def measure(self, wanted: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """(len(wanted), b) float64 rho of these vectors, at each width."""
        found, places = np.empty((len(wanted), len(self.widths))), self.place[wanted]
        order = np.argsort(places, kind="stable")
        parts = list(_parts(len(wanted), _ROWS))
        for part in (progress or Progress()).over(parts, len(parts), "measuring how crowded it is"):
            found[order[part]] = self._rho(*self._within(places[order[part]], progress or Progress()), len(order[part]))
        return found

    def _within(self, tile: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """Squared distances to what is near each vector of the tile, and whose they are (0 ..)."""
        limit, held = np.full(len(tile), self.reach), 0
        squares, owners = [], []
        mine = self.bounds[tile] * np.float32(-2)
        mine[:, -2], mine[:, -1] = self.bounds[tile, -1], 1
        half = None if self.half is None else self.half[tile]
        # From its own neighbourhood outward: who has its kde_k neighbours early needs few of the rest.
        for first in sorted(range(0, len(self.x), _COLUMNS), key=lambda first: abs(first + _COLUMNS / 2 - tile.mean())):
            progress.check()
            hot, columns = np.arange(len(tile)), np.arange(first, min(first + _COLUMNS, len(self.x)))
            if half is not None:
                hot, columns = self._hot(half, tile, columns, limit)
            low = mine[hot] @ self.bounds[columns].T
            still = low.min(axis=1, initial=np.inf) <= limit[hot]
            hot = hot[still]
            if not len(hot):
                continue
            squared, owner = self._measured(tile[hot], columns, low if still.all() else low[still], limit[hot])
            squares.append(squared)
            owners.append(hot[owner].astype(np.int16))
            held += len(squared)
            if held > max(1 << 20, 2 * len(tile) * self.kde_k):
                squares, owners = ([one] for one in self._nearest(squares, owners, limit))
                held = len(squares[0])
        return self._nearest(squares, owners, limit)

    def _hot(self, half, tile: np.ndarray, columns: np.ndarray, limit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of the tile may have anything near, and in which stretches of these columns."""
        first, mine = int(columns[0]), self.norms[tile][:, None]
        part = slice(first // _STRETCH, -(-(first + len(columns)) // _STRETCH))
        largest = (half @ self.half[first : part.stop * _STRETCH].T).view(len(tile), -1, _STRETCH).amax(dim=2).float().numpy()
        needed = ((mine + self.least[part]) * (1 - self.slack) - limit[:, None]) / 2 - _HALF_ERROR * np.sqrt(mine * self.most[part])
        hot = largest >= needed
        return np.flatnonzero(hot.any(axis=1)), columns[np.repeat(hot.any(axis=0), _STRETCH)[: len(columns)]]

    def _measured(self, tile: np.ndarray, columns: np.ndarray, low: np.ndarray, limit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared distances below the limit, and whose they are: one product where bounds leave many pairs open, pair by pair where they leave few."""
        maybe = low <= limit[:, None].astype(np.float32) * np.float32(1 + 1e-6)
        open_pairs, some = np.count_nonzero(maybe), np.flatnonzero(maybe.any(axis=0))
        if open_pairs * _PAIR > 2 * len(tile) * len(some):
            columns = columns[some]
            squared = self._centred(tile) @ self._centred(columns).T
            squared *= -2
            squared += self.norms[tile, None]
            squared += self.norms[columns]
            np.maximum(squared, 0, out=squared)
            squared[tile[:, None] == columns] = 0
            near = squared < limit[:, None]
            return squared[near], np.nonzero(near)[0]
        owner, column = np.nonzero(maybe)
        squared = np.empty(len(owner))
        for part in _parts(len(owner), 2048):
            squared[part] = np.square(self.x[tile[owner[part]]].astype(np.float64) - self.x[columns[column[part]]]).sum(axis=1)
        near = squared < limit[owner]
        return squared[near], owner[near]

    def _nearest(self, squares: list[np.ndarray], owners: list[np.ndarray], limit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Leaves each owner its kde_k nearest; who has so many needs nothing farther than the last of them: `limit` is lowered."""
        squared, owner = np.concatenate([np.empty(0), *squares]), np.concatenate([np.empty(0, np.int16), *owners])
        many = np.bincount(owner, minlength=len(limit))
        if many.max() <= self.kde_k:
            return squared, owner
        squared = squared[np.argsort(owner, kind="stable")]  # small integers are sorted in one pass
        kept = []
        for one, mine in enumerate(np.split(squared, np.cumsum(many)[:-1])):
            if len(mine) >= self.kde_k:
                mine = np.partition(mine, self.kde_k - 1)[: self.kde_k]
                limit[one] = mine[-1]
            kept.append(mine)
        return np.concatenate(kept), np.repeat(np.arange(len(many), dtype=np.int16), np.minimum(many, self.kde_k))

    def _rho(self, squared: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
        """(n, b): with each width, how many are within, less the sum of their squared distances over its square."""
        bins = len(self.widths)
        which = owner.astype(np.int64) * bins
        if bins > 1:
            which += np.searchsorted(self.widths**2, squared, side="right")
        many = np.bincount(which, minlength=n * bins).reshape(n, bins)
        sums = np.bincount(which, squared, n * bins).reshape(n, bins)
        return np.cumsum(many, axis=1) - np.cumsum(sums, axis=1) / self.widths**2

    def _centred(self, rows: np.ndarray | slice) -> np.ndarray:
        return self.x[rows].astype(np.float64) - self.centre

    def _short(self) -> np.ndarray:
        """(u, s + 1) float32: s principal coordinates and the length of the rest, or the vectors as they are; s such that looking takes least."""
        u, d = self.x.shape
        step = max(1, u // 8192)
        some = self._centred(slice(0, None, step))
        axes = np.linalg.eigh(some.T @ some)[1][:, ::-1]
        fresh = self._centred(slice(step // 2, None, step * max(1, u // step // 2048))) @ axes  # where it can be, others than the axes were fitted to
        turned, norms = fresh[:256], np.square(fresh).sum(axis=1)
        best, none = (np.inf, d), np.zeros(len(fresh))
        for size in (*(size for size in _SHORT if size < d), d):
            left = np.sqrt(np.square(fresh[:, size:]).sum(axis=1)) if size < d else none
            low = (norms[:256, None] + norms) * (1 - _HALF_ERROR) - 2 * (turned[:, :size] @ fresh[:, :size].T + np.outer(left[:256], left))
            best = min(best, (size + _PASS + _PAIR * d * float((low <= self.reach).mean()), size))
        if best[1] == d:
            return self.x - self.centre.astype(np.float32)
        turn = axes[:, : best[1]].astype(np.float32)
        made = np.empty((u, best[1] + 1), np.float32)
        for part in _parts(u, 8192):
            made[part, :-1] = (self.x[part] - self.centre.astype(np.float32)) @ turn
            made[part, -1] = np.sqrt(np.maximum(self.norms[part] - np.square(made[part, :-1].astype(np.float64)).sum(axis=1), 0))
        return made


def _as_half(short: np.ndarray):
    import torch

    whole = torch.zeros(-(-len(short) // _STRETCH) * _STRETCH, short.shape[1], dtype=torch.bfloat16)  # filled up with zeros, which are never asked for
    whole[: len(short)] = torch.from_numpy(short)
    return whole


@functools.cache
def half_is_faster() -> bool:
    """Whether this processor multiplies bfloat16 at least half as fast again as float32; tried out once, in a tenth of a second."""
    import torch

    one, taken = torch.ones(1024, 128), {}
    for kind in (torch.float32, torch.bfloat16):
        mine = one.to(kind)
        torch.mm(mine, mine.T)
        start = time.perf_counter()
        for _ in range(3):
            torch.mm(mine, mine.T)
        taken[kind] = time.perf_counter() - start
    return 1.5 * taken[torch.bfloat16] < taken[torch.float32]


def _parts(n: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
