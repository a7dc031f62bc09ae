"""Samples that share a picture, such as an image with five captions: it is opened and encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.base.ragged import Ragged
from datasel_core.features.feature import Block
from datasel_core.pools.pool import Pool


@dataclass(frozen=True)
class Twins:
    """first: (n,) the first row with the same picture as each row."""

    first: np.ndarray

    @classmethod
    def of(cls, columns: Sequence[np.ndarray]) -> "Twins | None":
        """columns: (n,) each; rows that agree in all of them share a picture. None when no two do, or there is no
        column.
        """
        if not columns:
            return None
        codes = np.zeros(len(columns[0]), np.int64)
        for column in columns:
            _, of = np.unique(column, return_inverse=True)
            _, codes = np.unique(codes * (of.max() + 1) + of, return_inverse=True)
        _, places = np.unique(codes, return_index=True)
        return None if len(places) == len(codes) else cls(places[codes])

    def to_encode(self, rows: np.ndarray) -> np.ndarray:
        """One row for each picture among these, in order."""
        return np.unique(self.first[rows])

    def spread(self, block: Block, rows: np.ndarray) -> Block:
        """The answer for the first rows becomes the answer for all of `rows` that share their pictures."""
        mine = rows[np.isin(self.first[rows], block.rows)]
        at = np.searchsorted(block.rows, self.first[mine])
        values = block.values.take(at) if isinstance(block.values, Ragged) else block.values[at]
        reasons = dict(block.unreadable)
        unreadable = [
            (int(row), reasons[first])
            for row, first in zip(rows.tolist(), self.first[rows].tolist(), strict=True)
            if first in reasons
        ]
        return Block(mine, values, unreadable, {name: array[at] for name, array in block.extra.items()})


def first_of_picture(pool: Pool, column: str = "") -> np.ndarray:
    """(n,) int64: the first row that shows the same picture as each row.

    column: its equal values mean one picture; empty for what the pool itself knows of its pictures. A sample without a
    value, or of a pool that knows nothing of pictures, shares its own with none.
    """
    columns = [pool.column(column)] if column else pool.picture_keys()
    if not columns:
        return np.arange(pool.n)
    seen: dict[str, int] = {}
    keys = enumerate(zip(*(one.tolist() for one in columns), strict=True))
    rows = [at if any(map(_is_missing, key)) else seen.setdefault(str(key), at) for at, key in keys]
    return np.array(rows, np.int64)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def numbered(values: np.ndarray) -> np.ndarray:
    """(n,) int64: the place of each value among those that differ, in the order in which they come first. Each gap has
    a place of its own, after all others.
    """
    import pyarrow as pa  # here, as features of pictures need none

    codes = pa.array(values, from_pandas=True).dictionary_encode()
    places = np.asarray(codes.indices.fill_null(-1)).astype(np.int64)
    gaps = np.flatnonzero(places < 0)
    places[gaps] = len(codes.dictionary) + np.arange(len(gaps))
    return places
