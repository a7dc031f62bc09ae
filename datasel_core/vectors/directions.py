"""Directions of vectors: shapes checked, lengths and unit rows in blocks. A zero vector has no direction."""

from collections.abc import Iterator

import numpy as np

from datasel_core.base.ragged import Array
from datasel_core.errors import BadInput

_BLOCK = 8192


def matrix(array: Array, name: str) -> np.ndarray:
    """The array itself, when it is (n, d) numbers; BadInput otherwise. A memory map stays one."""
    values = np.asanyarray(array)
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise BadInput(
            f"The {name} has shape {values.shape} and type {values.dtype}; it must be one vector of numbers per "
            "sample, (n, d)."
        )
    return values


def same_width(one: np.ndarray, one_name: str, other: np.ndarray, other_name: str) -> None:
    if one.shape[1] != other.shape[1]:
        raise BadInput(
            f"The {one_name} has {one.shape[1]} dimensions and the {other_name} {other.shape[1]}; they must be in one "
            "space."
        )


def blocks(n: int, size: int | None = None) -> Iterator[slice]:
    size = size or _BLOCK
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def lengths(values: np.ndarray) -> np.ndarray:
    """(n,) float64 Euclidean lengths, whatever the type of the values."""
    found = np.empty(len(values))
    for part in blocks(len(values)):
        wide = values[part].astype(np.float64)
        found[part] = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    return found


def unit_rows(values: np.ndarray, length: np.ndarray, rows: np.ndarray | slice, dtype: type = np.float32) -> np.ndarray:
    """(m, d) some rows at length 1, rounded once, from float64. length: (n,) of `lengths`; a zero vector stays zero."""
    rows = np.arange(len(values))[rows]
    made = np.empty((len(rows), values.shape[1]), dtype)
    for part in blocks(len(rows)):
        mine = rows[part]
        made[part] = values[mine].astype(np.float64) / np.where(length[mine] > 0, length[mine], 1)[:, None]
    return made


def second_moment(vectors: np.ndarray, length: np.ndarray) -> np.ndarray:
    """(d, d) float64 sum over all rows of u u', u the unit vector."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for part in blocks(len(vectors)):
        some = unit_rows(vectors, length, part, np.float64)
        total += some.T @ some
    return total


def unit(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float32 rows of length 1; a zero row stays zero."""
    vectors = np.asarray(vectors, dtype=np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return (vectors / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)
