"""Of many products of codes, the pairs that may be near; those are measured in float64. Compiled with numba when first asked for."""

import functools
from collections.abc import Callable

import numpy as np


def keep_near(
    products: np.ndarray, rows: np.ndarray, first: int, x: np.ndarray, norms: np.ndarray, least: np.ndarray, scale: np.ndarray, error: np.ndarray,
    length: np.ndarray, stretch: int, slack: float, limit: np.ndarray, kept: np.ndarray, held: np.ndarray,
) -> None:  # fmt: skip
    """Adds to each row's `kept` its squared distances below its limit among the columns from `first` on.

    products: (t, c) of codes. rows: (t,) whose they are. x: (u, d) float32. norms: (u,), and least of each stretch of columns. scale, error, length: of
    each stretch, as in `Codes`. limit: (t,) float64. kept: (t, room) float64, room for c more in each row. held: (t,) how many are there.
    """
    d = x.shape[1]
    for begin in range(0, products.shape[1], stretch):  # outermost, so that the vectors of its columns stay at hand
        other = (first + begin) // stretch
        for i in range(len(rows)):
            row, own, block = rows[i], rows[i] // stretch, products[i, begin : begin + stretch]
            step = scale[own] * scale[other]
            off = length[own] * error[other] + error[own] * length[other] + error[own] * error[other]
            largest = block[0]
            for at in range(len(block)):
                largest = max(largest, block[at])
            if largest * step + off < ((norms[row] + least[other]) * (1 - slack) - limit[i]) / 2:
                continue
            for at in range(len(block)):
                column = first + begin + at
                if block[at] * step + off < ((norms[row] + norms[column]) * (1 - slack) - limit[i]) / 2:
                    continue
                squared = 0.0
                for j in range(d):
                    gap = np.float64(x[row, j]) - np.float64(x[column, j])
                    squared += gap * gap
                if squared < limit[i]:
                    kept[i, held[i]] = squared
                    held[i] += 1


@functools.cache
def compiled() -> Callable[..., None]:
    """`keep_near` as machine code, which other threads may run beside."""
    import numba

    return numba.njit(nogil=True, fastmath={"reassoc", "contract", "nnan"})(keep_near)
