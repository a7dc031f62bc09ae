"""Products of codes, in float32; or of codes rounded to bfloat16, where a processor multiplies those faster.

Rounding is allowed for: what it may change is measured on the codes themselves. Sums of rounded codes are in float32:
torch hands them to oneDNN, whose default that is (its guide, "Primitive Attributes: accumulation mode"). No answer
rests on it alone: all products have one shape, and that very shape is tried out first, with sums that anything shorter
than float32 loses.
"""

import functools
import time
from collections.abc import Callable

import numpy as np

HALF_ROUNDING = 0.01  # about what it changes, as a share of norms
_TRIALS = 5
_OUTPUT_ROUNDING = 2.0**-8  # of a product, which is a bfloat16 too


class Products:
    """codes: (u, w) float32. They are multiplied in tiles of rows x columns. slack: what a product may be off by beyond
    float32, as a share of the sum of its two squared lengths.
    """

    def __init__(self, codes: np.ndarray, rows: int, columns: int, half: bool):
        self.rows, self.columns, self.slack = rows, columns, 0.0
        padded = -(-len(codes) // columns) * columns
        self.codes = np.concatenate([codes, np.zeros((padded - len(codes), codes.shape[1]), np.float32)])
        self.half = None
        if half:
            import torch

            self.half = torch.from_numpy(self.codes).bfloat16()
            error = max(
                _largest_error(self.codes[start : start + columns], self.half[start : start + columns].float().numpy())
                for start in range(0, padded, columns)
            )
            self.slack = (2 * error + error**2 + _OUTPUT_ROUNDING * (1 + error) ** 2) * (1 + 2.0**-10)
            self.codes = None

    def of(self, rows: np.ndarray) -> Callable[[int], np.ndarray]:
        """A function that gives the products of these rows, at most `rows` many, with the columns from `first` on:
        (len(rows), columns) float32; those beyond the last code are 0.
        """
        if self.half is None:
            mine = self.codes[rows]
            return lambda first: mine @ self.codes[first : first + self.columns].T
        import torch

        mine = torch.zeros(self.rows, self.half.shape[1], dtype=torch.bfloat16)
        mine[: len(rows)] = self.half[torch.from_numpy(rows)]
        return lambda first: (mine @ self.half[first : first + self.columns].T).float().numpy()[: len(rows)]


def _largest_error(codes: np.ndarray, rounded: np.ndarray) -> float:
    lengths = np.sqrt(np.square(codes.astype(np.float64)).sum(axis=1))
    errors = np.sqrt(np.square(codes.astype(np.float64) - rounded).sum(axis=1))
    seen = lengths > 2.0**-100  # of smaller ones a product is as good as nothing
    return float((errors[seen] / lengths[seen]).max(initial=0.0)) * (1 + 1e-9)


@functools.cache
def half_serves(rows: int, columns: int, width: int) -> bool:
    """Whether torch multiplies bfloat16 in this shape without losing small terms beside a large one, and in at most
    three quarters of the time of float32; tried out once.
    """
    import torch

    plain, others = (torch.full((n, width), 0.5) for n in (rows, columns))
    plain[:, 0] = others[:, 0] = 16.0
    short, shorts = plain.bfloat16(), others.bfloat16()
    true = 256 + (width - 1) / 4
    try:
        if not bool(((short @ shorts.T).float() - true).abs().max() <= _OUTPUT_ROUNDING * true):
            return False
    except RuntimeError:  # no bfloat16 here
        return False
    return 4 * _quickest(lambda: short @ shorts.T) < 3 * _quickest(lambda: plain @ others.T)


def _quickest(product: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TRIALS):
        start = time.perf_counter()
        product()
        taken.append(time.perf_counter() - start)
    return min(taken)
