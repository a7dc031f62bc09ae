"""Of many products of codes, the pairs that may be near; those are measured in float64. Compiled with numba when first
asked for.
"""

import functools
from collections.abc import Callable

import numpy as np


def keep_near(
    products: np.ndarray,
    rows: np.ndarray,
    first: int,
    x: np.ndarray,
    norms: np.ndarray,
    least: np.ndarray,
    stretch: int,
    step: float,
    lost: float,
    slack: float,
    limit: np.ndarray,
    kept: np.ndarray,
    held: np.ndarray,
) -> None:
    """Adds to each row's `kept` its squared distances below its limit among the columns from `first` on.

    products: (t, c) of codes. rows: (t,) whose they are. x: (u, d) float32. norms: (u,), and least of each stretch of
    columns. step: what brings a product of codes to that of vectors. lost, slack: what it may be off by, and the same
    as a share of norms. limit: (t,) float64. kept: (t, room) float64, room for c more in each row. held: (t,) how many
    are there.
    """
    d = x.shape[1]
    for begin in range(0, products.shape[1], stretch):  # outermost, so that the vectors of its columns stay at hand
        other = (first + begin) // stretch
        for i in range(len(rows)):
            row, block = rows[i], products[i, begin : begin + stretch]
            needed = ((norms[row] + least[other]) * (1 - slack) - limit[i]) / 2 - lost
            needed, some = np.float32((needed - abs(needed) * 2.0**-22) / step), 0
            for at in range(len(block)):  # a sum, which a processor makes of many at once
                some += block[at] >= needed
            if not some:
                continue
            for at in range(len(block)):
                column = first + begin + at
                if block[at] * step + lost < ((norms[row] + norms[column]) * (1 - slack) - limit[i]) / 2:
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

    return numba.njit(nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})(keep_near)
