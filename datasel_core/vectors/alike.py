"""Vectors of two sets that point nearly the same way: every pair, and no n x m in memory."""

from collections.abc import Iterator

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.vectors.directions import lengths, unit, unit_rows

_ROWS, _ANCHORS, _PAIRS = 1024, 8192, 8192


def alike(
    vectors: np.ndarray, others: np.ndarray, least: float, progress: Progress, label: str
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Blocks of (rows, rows of others, float64 cosine) of all pairs whose cosine is at least so much; all pairs of a
    row are in one block. Float32 products rule out what is surely below; the rest is measured in float64. A zero vector
    is like none.
    """
    sizes, other_sizes = lengths(vectors), lengths(others)
    base = unit(others)
    slack = (8 * np.sqrt(vectors.shape[1]) + 16) * 2.0**-24  # what a float32 sum of d terms may lose
    starts = range(0, len(vectors), _ROWS)
    for start in progress.over(starts, len(starts), label):
        block, rows, partners = unit(vectors[start : start + _ROWS]), [], []
        for first in range(0, len(base), _ANCHORS):
            progress.check()
            at, which = np.nonzero(block @ base[first : first + _ANCHORS].T >= least - slack)
            rows.append(at + start)
            partners.append(which + first)
        row = np.concatenate([np.empty(0, np.int64), *rows])
        partner = np.concatenate([np.empty(0, np.int64), *partners])
        cosine = _cosines(vectors, sizes, row, others, other_sizes, partner)
        near = (cosine >= least) & (sizes[row] > 0) & (other_sizes[partner] > 0)
        yield row[near], partner[near], cosine[near]


def _cosines(
    vectors: np.ndarray,
    sizes: np.ndarray,
    rows: np.ndarray,
    others: np.ndarray,
    other_sizes: np.ndarray,
    partners: np.ndarray,
) -> np.ndarray:
    cosines = np.empty(len(rows))
    for start in range(0, len(rows), _PAIRS):
        part = slice(start, start + _PAIRS)
        mine = unit_rows(vectors, sizes, rows[part], np.float64)
        cosines[part] = np.einsum("ij,ij->i", mine, unit_rows(others, other_sizes, partners[part], np.float64))
    return np.minimum(cosines, 1)
