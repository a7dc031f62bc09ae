"""Short codes of vectors, whose products bound every squared distance from below.

A vector becomes its first principal coordinates and the length of what is left: products of these are never below the
true ones (Cauchy-Schwarz), but for what float32 may be off by.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasel_core.methods.algorithms.products import HALF_ROUNDING

STRETCH = 64  # vectors that are looked at together first
# With the length of the rest, what products take best.
_SIZES = (15, 31, 47, 63, 79, 95, 111, 127, 143, 151, 159, 167, 175, 191, 223, 255, 319, 383, 447, 511)
# Nanoseconds of a thread: a multiply-add (in float32; in bfloat16, and bringing that to float32), a second look at a
# product, measuring a pair (per dimension, and beside that).
_PRODUCT, _HALF_PRODUCT, _HALF_LOOK, _LOOK, _PAIR, _OPEN = 0.022, 0.012, 0.3, 1.1, 0.14, 20.0
_TURNED_ROWS = 8192


@dataclass(frozen=True)
class Turn:
    """centre: (d,) float64. axes: (d, s) float32 principal axes; s = d where nothing is left over. size: a power of two
    that brings vectors to a length of about 1 or less, so that products fit into float32. half: whether codes rounded
    to bfloat16 leave less to do.
    """

    centre: np.ndarray
    axes: np.ndarray
    size: np.float32
    half: bool

    def leading(self, x: np.ndarray, size: int) -> np.ndarray:
        return ((x - self.centre.astype(np.float32)) * self.size) @ self.axes[:, :size]

    def codes(self, x: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """(n, s + 1), or (n, d), float32, `size` times as long. norms: (n,) float64 squared distances to the centre."""
        d, s = self.axes.shape
        made = np.empty((len(x), s + (s < d)), np.float32)
        for start in range(0, len(x), _TURNED_ROWS):
            part = slice(start, start + _TURNED_ROWS)
            made[part, :s] = self.leading(x[part], s)
            if s < d:
                # Never shorter than it is: a root of the little that rounding may take away is not little.
                whole = norms[part] * float(self.size) ** 2 * (1 + (16 * np.sqrt(d) + 16) * 2.0**-24)
                left = whole - np.square(made[part, :s].astype(np.float64)).sum(axis=1)
                made[part, s] = np.sqrt(np.maximum(left, 0))
        return made


def fit_turn(
    x: np.ndarray, centre: np.ndarray, farthest: float, reach: float, share: float, half_serves: Callable[[int], bool]
) -> Turn:
    """As many principal axes as leave least to do. farthest: largest squared distance to the centre. reach: squared
    distances from here on are of no interest; nor is what is beyond the nearest `share`. half_serves(width): whether
    codes of this width can be multiplied in bfloat16.
    """
    u, d = x.shape
    step = max(1, u // 8192)
    some = x[::step] - centre
    axes = np.linalg.eigh(some.T @ some)[1][:, ::-1]
    fresh = (
        x[step // 2 :: step * max(1, u // step // 2048)] - centre
    ) @ axes  # where it can be, others than the axes were fitted to
    norms = np.square(fresh).sum(axis=1)
    cut = min(256, len(fresh) // 2)
    mine, others, sums = fresh[:cut], fresh[cut:], norms[:cut, None] + norms[cut:]
    limit = np.minimum(reach, np.quantile(sums - 2 * mine @ others.T, share, axis=1))[:, None]
    best, found, halved = np.inf, d, False
    for size in (*(size for size in _SIZES if size < d), d):
        left = np.sqrt(np.square(fresh[:, size:]).sum(axis=1))
        products = mine[:, :size] @ others[:, :size].T + np.outer(left[:cut], left[cut:])
        for half in (False, True):
            still = float((sums * (1 - HALF_ROUNDING * half) - 2 * products <= limit).mean())
            takes = _HALF_PRODUCT * size + _HALF_LOOK if half else _PRODUCT * size
            takes += (_PAIR * d + _OPEN) * still + _LOOK * min(1, STRETCH * still)
            # What is rounded leaves more to look at than so few show: it must promise much.
            if takes < best * (0.8 if half and not halved else 1) and not (half and not half_serves(size + (size < d))):
                best, found, halved = takes, size, half
    size = np.float32(2.0 ** -np.clip(np.ceil(np.log2(max(np.sqrt(farthest), 2.0**-120))), -120, 120))
    return Turn(centre, axes[:, :found].astype(np.float32), size, halved)
