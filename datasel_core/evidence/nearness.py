"""How near random choices come to held-out samples: all sizes and draws from one product of candidates and held-out
samples.

A choice of each size is the beginning of one order per draw, so a candidate counts from the first size on that holds
it: the products of a block of candidates are looked at once, and each draw keeps the largest cosine per size. Exact, as
products in float32 are. One search per size and draw multiplies each candidate as often as it is drawn: measured 36
times slower for 28 sizes of 100,000 (`tests/benchmarks/yardstick_speed.py`).
"""

import functools
from collections.abc import Callable

import numpy as np

from datasel_core.base.parallel import side_by_side
from datasel_core.vectors.directions import unit

_BLOCK = 1024
_TILE = 64
"""Held-out samples at a time: the largest cosines of all sizes and draws stay in a processor's second cache."""


def nearest_of_draws(
    points: np.ndarray, candidates: Callable[[slice], np.ndarray], since: np.ndarray, sizes: int
) -> np.ndarray:
    """(sizes, draws, m) float32: 1 - cosine of each point to the nearest candidate of each draw, by size.

    points: (m, d). candidates: (t, d) vectors of a slice of the candidates. since: (n, draws) the first size that holds
    a candidate; `sizes` where none does.
    """
    asked, best = unit(points), np.full((sizes, since.shape[1], len(points)), -2, np.float32)
    tiles = [slice(start, min(start + _TILE, len(asked))) for start in range(0, len(asked), _TILE)]
    keep = compiled()
    for start in range(0, len(since), _BLOCK):
        part = slice(start, min(start + _BLOCK, len(since)))
        vectors, mine = unit(candidates(part)), since[part]

        def look(tile: slice, vectors: np.ndarray = vectors, mine: np.ndarray = mine) -> None:
            keep(vectors @ asked[tile].T, mine, best[:, :, tile])

        for _ in side_by_side(look, tiles):
            pass
    return np.maximum(1 - np.maximum.accumulate(best, axis=0), 0)


def keep_largest(products: np.ndarray, since: np.ndarray, best: np.ndarray) -> None:
    """products: (t, w) float32 cosines. since: (t, draws). best: (sizes, draws, w), raised to what each size adds."""
    for row in range(products.shape[0]):
        for draw in range(since.shape[1]):
            size = since[row, draw]
            if size < best.shape[0]:
                for at in range(products.shape[1]):
                    best[size, draw, at] = max(best[size, draw, at], products[row, at])


@functools.cache
def compiled() -> Callable[..., None]:
    """`keep_largest` as machine code, which other threads may run beside."""
    import numba

    return numba.njit(nogil=True, fastmath={"nnan", "nsz"})(keep_largest)
