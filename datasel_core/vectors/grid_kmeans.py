"""k-means whose answer does not hang on threads, blocks or the order of sums, and never parts equal rows.

Values are put on a grid of whole numbers, fine enough for float32 losses and coarse enough that every product and sum
of a squared distance stays below 2^53, where float64 is exact. Then a matrix product gives the same digits however it
is cut up, equal rows have equal distances, and ties are
ties: the first centre wins.
"""

import math

import numpy as np

from datasel_core.base.progress import Progress

BLOCK = 1 << 12
_ALL, _PER_CENTRE = 50_000, 100
_ROUNDS = 50


class Grid:
    """(n, T) values as whole numbers, made block by block. columns: which of the T are looked at.

    Each column is centred on the middle between its extremes, in float64: exact in any order, and the same when a
    constant is added to all values. The grid reaches as far as the widest column: 2^22 to 2^23 steps either side of
    zero for a dozen columns, 2^18 to 2^19 for 4,096.
    """

    def __init__(self, values: np.ndarray, columns: np.ndarray, progress: Progress):
        self.values, self.columns = values, columns
        low, high = np.full(len(columns), np.inf), np.full(len(columns), -np.inf)
        for start in range(0, len(values), BLOCK):
            progress.check()
            part = self._part(slice(start, start + BLOCK))
            low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
        self.middle = low / 2 + high / 2
        reach = float((high / 2 - low / 2).max())
        bits = (51 - math.ceil(math.log2(len(columns)))) // 2
        # A little above the reach, so that its last digit does not decide on the grid where it is a power of two.
        self.shift = bits - math.frexp(reach * (1 + 1e-9))[1] if reach else 0

    def _part(self, rows: np.ndarray | slice) -> np.ndarray:
        return np.asarray(self.values[rows])[:, self.columns].astype(np.float64)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), T) whole numbers in float64."""
        return np.rint(np.ldexp(self._part(rows) - self.middle, self.shift))


def cluster(grid: Grid, rows: np.ndarray, k: int, rng: np.random.Generator, progress: Progress) -> np.ndarray:
    """(len(rows),) the cluster of each row, from 0 by descending size, equally large ones by their first row; at most
    k, none empty.

    Centres are fitted (k-means++, then Lloyd) on all rows up to 50,000, beyond that on a random sample of 50,000, or of
    100 per centre if that is more; every row then goes to its nearest centre, exactly.
    """
    most = max(_ALL, _PER_CENTRE * k)
    sample = rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
    centres = _fit(grid.take(sample), k, rng, progress)
    cell = np.empty(len(rows), np.int64)
    track = progress.track(len(rows), "sorting into clusters")
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        cell[start : start + BLOCK] = _nearest(grid.take(part), centres)[0]
        track.advance(len(part))
    track.finish()
    return _by_size(cell)


def _fit(points: np.ndarray, k: int, rng: np.random.Generator, progress: Progress) -> np.ndarray:
    """(at most k, T) centres. Rounds end when at most one row in a thousand changes its cluster."""
    centres = _seeds(points, k, rng, progress)
    cell = np.full(len(points), -1)
    track = progress.track(_ROUNDS, "finding clusters")
    for _ in range(_ROUNDS):
        before, (cell, gap) = cell, _nearest(points, centres)
        if np.count_nonzero(cell != before) <= len(points) // 1000:
            break
        counts = np.bincount(cell, minlength=len(centres))
        sums = np.stack([np.bincount(cell, column, len(centres)) for column in points.T], axis=1)
        centres = np.rint(sums / np.maximum(counts, 1)[:, None])
        empty = np.flatnonzero(counts == 0)
        if len(empty):  # a centre nobody is near goes where the error is largest
            centres[empty] = points[np.argsort(-gap, kind="stable")[: len(empty)]]
        track.advance()
    track.finish()
    return centres


def _seeds(points: np.ndarray, k: int, rng: np.random.Generator, progress: Progress) -> np.ndarray:
    """k-means++ (Arthur & Vassilvitskii 2007), the best of a few draws each time; fewer than k where there are fewer
    distinct rows.
    """
    squares = np.einsum("ij,ij->i", points, points)
    places = [int(rng.integers(len(points)))]
    gap = _gaps(points, squares, np.array(places))[0]
    draws = 2 + int(math.log(k))
    while len(places) < k and gap.any():
        progress.check()
        edges = np.cumsum(gap)
        drawn = np.minimum(np.searchsorted(edges, rng.random(draws) * edges[-1], side="right"), len(points) - 1)
        left = np.minimum(gap, _gaps(points, squares, drawn))
        best = int(left.sum(axis=1).argmin())
        places.append(int(drawn[best]))
        gap = left[best]
    return points[places]


def _gaps(points: np.ndarray, squares: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(len(places), n) squared distances from some points to all."""
    gaps = points[places] @ points.T
    gaps *= -2
    gaps += squares
    gaps += squares[places, None]
    return gaps


def _nearest(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """which: (n,) the nearest centre, the first of equals. gap: (n,) squared distance to it."""
    which, gap = np.empty(len(points), np.int64), np.empty(len(points))
    towards, squares = -2 * centres.T, np.einsum("ij,ij->i", centres, centres)
    for start in range(0, len(points), BLOCK):
        part = points[start : start + BLOCK]
        gaps = part @ towards
        gaps += squares
        mine = gaps.argmin(axis=1)
        which[start : start + BLOCK] = mine
        gap[start : start + BLOCK] = gaps[np.arange(len(part)), mine] + np.einsum("ij,ij->i", part, part)
    return which, gap


def _by_size(cell: np.ndarray) -> np.ndarray:
    _, first, cell, sizes = np.unique(cell, return_index=True, return_inverse=True, return_counts=True)
    number = np.empty(len(sizes), np.int64)
    number[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return number[cell]
