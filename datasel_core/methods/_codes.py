"""Short codes of vectors, whose products bound every squared distance from below.

A vector becomes its first principal coordinates and the length of what is left: products of these are never below the true ones (Cauchy-Schwarz). Turned
at random, so that no coordinate stands out, they are rounded to whole numbers of eight bits where a processor multiplies those faster, else kept as they
are. What rounding may hide is allowed for, stretch by stretch.
"""

import functools
import time
from dataclasses import dataclass

import numpy as np

STRETCH = 256  # vectors of one scale
_SIZES = (15, 31, 47, 63, 79, 95, 127, 159, 191, 255, 383, 511)  # with the length of the rest, what products take best
_WHOLE, _FLOAT = 0.0053, 0.022  # nanoseconds of a thread: a multiply-add,
_LOOK, _PAIR, _OPEN = 0.3, 0.16, 30.0  # a second look at a product, measuring a pair (per dimension), and what that takes beside


@dataclass(frozen=True)
class Turn:
    """centre: (d,) float64. axes: (d, s) float32 principal axes; s = d where nothing is left over. mix: (s + 1, s + 1), or (d, d), float32 rotation.
    size: a power of two that brings vectors to a length of about 1 or less, so that products fit into float32.
    """

    centre: np.ndarray
    axes: np.ndarray
    mix: np.ndarray
    size: np.float32

    def leading(self, x: np.ndarray, size: int) -> np.ndarray:
        return ((x - self.centre.astype(np.float32)) * self.size) @ self.axes[:, :size]

    def short(self, x: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """(n, s + 1), or (n, d), float32, `size` times as long. norms: (n,) float64 squared distances to the centre."""
        turned = self.leading(x, self.axes.shape[1])
        if self.axes.shape[1] < x.shape[1]:
            # Never shorter than it is: a root of the little that rounding may take away is not little.
            norms = norms * float(self.size) ** 2 * (1 + (16 * np.sqrt(x.shape[1]) + 16) * 2.0**-24)
            left = np.sqrt(np.maximum(norms - np.square(turned.astype(np.float64)).sum(axis=1), 0))
            turned = np.hstack([turned, left[:, None].astype(np.float32)])
        return turned @ self.mix


class Codes:
    """codes: (u, w) int8 or float32. scale: (stretches,) float64, what a code is multiplied with to be its vector again. error, length: (stretches,)
    the most that a vector of a stretch is off, and the longest of them.
    """

    def __init__(self, x: np.ndarray, norms: np.ndarray, turn: Turn, whole: bool):
        starts = range(0, len(x), STRETCH)
        self.codes = np.empty((len(x), len(turn.mix)), np.int8 if whole else np.float32)
        self.scale, self.error, self.length = np.ones(len(starts)), np.zeros(len(starts)), np.zeros(len(starts))
        for first in range(0, len(x), 32 * STRETCH):
            part = slice(first, first + 32 * STRETCH)
            short = turn.short(x[part], norms[part])
            for at, begin in enumerate(range(0, len(short), STRETCH), first // STRETCH):
                mine = short[begin : begin + STRETCH].astype(np.float64)
                if whole:
                    self.scale[at] = np.abs(mine).max() / 127 or 1.0
                coded = np.rint(mine / self.scale[at]) if whole else mine
                self.codes[first + begin : first + begin + len(mine)] = coded
                self.error[at] = _longest(mine - coded * self.scale[at])
                self.length[at] = _longest(coded * self.scale[at])
        for one in (self.scale, self.error, self.length):
            one /= float(turn.size)

    def room(self, rows: int, columns: int) -> np.ndarray:
        """Where `products` may write."""
        return np.empty(rows * columns, np.int32 if self.codes.dtype == np.int8 else np.float32)

    def products(self, rows: np.ndarray, columns: slice, room: np.ndarray) -> np.ndarray:
        """(len(rows), columns) products of codes, in `room`."""
        import torch

        mine, others = torch.from_numpy(self.codes[rows]), torch.from_numpy(self.codes[columns]).T
        made = torch.from_numpy(room[: len(rows) * others.shape[1]].reshape(len(rows), -1))
        (torch._int_mm if self.codes.dtype == np.int8 else torch.mm)(mine, others, out=made)
        return made.numpy()


def _longest(vectors: np.ndarray) -> float:
    return float(np.sqrt(np.square(vectors).sum(axis=1).max())) * (1 + 1e-9)


def fit_turn(x: np.ndarray, centre: np.ndarray, farthest: float, reach: float, share: float, whole: bool) -> Turn:
    """As many principal axes as leave least to do. farthest: largest squared distance to the centre. reach: squared distances from here
    on are of no interest; nor is what is beyond the nearest `share`.
    """
    u, d = x.shape
    step = max(1, u // 8192)
    some = x[::step] - centre
    axes = np.linalg.eigh(some.T @ some)[1][:, ::-1]
    fresh = (x[step // 2 :: step * max(1, u // step // 2048)] - centre) @ axes  # where it can be, others than the axes were fitted to
    norms = np.square(fresh).sum(axis=1)
    cut = min(256, len(fresh) // 2)
    mine, others, sums = fresh[:cut], fresh[cut:], norms[:cut, None] + norms[cut:]
    limit = np.minimum(reach, np.quantile(sums - 2 * mine @ others.T, share, axis=1))[:, None]
    error = 4.8 / 127 * np.sqrt(1 / 12) if whole else 0.0  # of a code, relative to its length: steps reach up to the largest of many coordinates
    best, found = np.inf, d
    for size in (*(size for size in _SIZES if size < d), d):
        left = np.sqrt(np.square(fresh[:, size:]).sum(axis=1))
        low = sums * (1 - 2 * error) - 2 * (mine[:, :size] @ others[:, :size].T + np.outer(left[:cut], left[cut:]))
        still = float((low <= limit).mean())
        takes = (_WHOLE if whole else _FLOAT) * size + (_PAIR * d + _OPEN) * still + _LOOK * min(1, STRETCH * still)
        best, found = min((best, found), (takes, size))
    wide = found + (found < d)
    mix = np.linalg.qr(np.random.default_rng(0).standard_normal((wide, wide)))[0] if whole else np.eye(wide)
    size = np.float32(2.0 ** -np.clip(np.ceil(np.log2(max(np.sqrt(farthest), 2.0**-120))), -120, 120))
    return Turn(centre, axes[:, :found].astype(np.float32), mix.astype(np.float32), size)


@functools.cache
def whole_is_faster() -> bool:
    """Whether this processor multiplies whole numbers of eight bits, without losing any, at least twice as fast as float32; tried out once."""
    import torch

    if not hasattr(torch, "_int_mm"):
        return False
    one, other = torch.full((1024, 128), 127, dtype=torch.int8), torch.full((128, 1024), -127, dtype=torch.int8)
    try:
        if not bool((torch._int_mm(one, other) == -(127**2) * 128).all()):
            return False  # some processors add up in sixteen bits
    except RuntimeError:
        return False
    plain, others = one.float(), other.float()
    return 2 * _quickest(lambda: torch._int_mm(one, other)) < _quickest(lambda: torch.mm(plain, others))


def _quickest(product) -> float:
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        product()
        taken.append(time.perf_counter() - start)
    return min(taken)
