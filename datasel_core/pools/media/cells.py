"""Pictures in cells of a Parquet file: one is read with its row group, or with a stretch of a large one; none is copied
out.
"""

import contextlib
import functools
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from datasel_core.pools.media import photos
from datasel_core.pools.media.picture_columns import bytes_of, leaf_of, open_file, picture_column
from datasel_core.pools.media.pictures import ReplacedPhoto, hash_of
from datasel_core.pools.readers.caption_columns import content_of
from datasel_core.workspace.layout import Workspace

if TYPE_CHECKING:
    from datasel_core.pools.pool import Pool

CELL = "cell"
"""The column of pools that says in which row of its file a picture lies."""

_WHOLE = 16 << 20
"""Bytes of pictures in a row group that is read at once; of a larger one, a stretch of a sixteenth of this."""
_CACHED = 64 << 20
"""Bytes of pictures that wait for the next to ask: neighbours on a wall lie in one row group."""
_TROUBLE = (pa.ArrowException, duckdb.Error, IndexError, ValueError)
"""With a file that is damaged, or another by now."""


@dataclass(frozen=True)
class Cell:
    """The picture in one row of a Parquet file. column: its name, where it is not the first that holds pictures.

    content, captions: as of `pictures.Member`; what is read must still be the same picture.
    """

    shard: Path
    row: int
    column: str | None = None
    content: str = ""
    captions: tuple[str, ...] = ()

    def read(self) -> bytes:
        """Raises OSError; UnreadablePhoto when the file is damaged, ReplacedPhoto when it is no longer what it was."""
        try:
            data = _opened(self.shard, self.column).read(self.row)
        except _TROUBLE as error:
            raise photos.UnreadablePhoto(f"{self.shard.name} is damaged ({str(error).splitlines()[0]})") from None
        if data is None or (self.content and self._content(data) != self.content):
            raise ReplacedPhoto(f"{self.shard.name} changed since it was read; add the pool again")
        return data

    def _content(self, data: bytes) -> str:
        return content_of(hash_of(data), self.captions) if self.captions else hash_of(data)

    def __str__(self) -> str:
        return f"{self.shard}, row {self.row:,}"


def fetch(cells: Sequence[Cell]) -> None:
    """Pictures that are about to be read, as many as a wall shows, are read together where they lie in large row
    groups: for one of them about as much is unpacked as for all. What cannot be read is left to `Cell.read`, which says
    why.
    """
    files: dict[tuple[Path, str | None], list[int]] = {}
    for cell in cells:
        files.setdefault((cell.shard, cell.column), []).append(cell.row)
    for (path, column), rows in files.items():
        with contextlib.suppress(OSError, *_TROUBLE):
            _opened(path, column).fetch(rows)


def has_cells(pool: "Pool") -> bool:
    """Whether a pool's pictures lie in cells; one whose pictures are files may have a column of this name."""
    return CELL in pool.columns and "path" not in pool.columns


def cell_of(pool: "Pool", row: int, column: str | None, captions: tuple[str, ...] = ()) -> Cell:
    """Where the picture of one sample lies. Raises BadRequest when a link leads outside the allowed folders by now."""
    shard, at, content = (pool.table[name][row].as_py() for name in ("shard", CELL, "content"))
    real = Workspace(pool.folder.parent.parent).allowed(pool.root / shard)
    return Cell(real, at, column, content, captions)


class _Shard:
    """An open Parquet file. Any thread may ask."""

    def __init__(self, path: Path, column: str | None):
        self._path = path
        self._file = open_file(path)
        self._lock = threading.Lock()
        name = picture_column(self._file, column)
        if name is None:
            raise ValueError("it has no column of pictures")
        self._name, self._leaf = name, leaf_of(self._file.schema_arrow, name)
        about = self._file.metadata
        groups = [about.row_group(at) for at in range(about.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum([group.num_rows for group in groups], dtype=np.int64)])
        at = next(at for at in range(about.num_columns) if about.schema.column(at).path == self._leaf)
        self._sizes = [group.column(at).total_uncompressed_size for group in groups]

    def read(self, row: int) -> bytes | None:
        """Raises IndexError where there is no such row."""
        group, first, count = self._stretch(row)
        if (single := _blocks.find((self, row, 1))) is not None:
            return single[0].as_py()
        block = _blocks.find((self, first, count))
        if block is None:
            block = self._whole(group) if self._is_small(group) else self._part(first, count)
            _blocks.keep({(self, first, count): block})
        return block[row - first].as_py()

    def fetch(self, rows: Sequence[int]) -> None:
        """Those in large row groups are read in one go, and wait; of very large pictures, the first few. Raises as
        `read`.
        """
        groups = {row: self._stretch(row)[0] for row in sorted(set(rows))}
        wanted, room = [], _CACHED // 2
        for row, group in groups.items():
            room -= self._per_row(group)
            if room > 0 and not self._is_small(group) and _blocks.find((self, row, 1)) is None:
                wanted.append(row)
        if len(wanted) > 1:
            found = self._select(f"file_row_number IN ({', '.join(map(str, wanted))})")
            _blocks.keep({(self, row, 1): found.slice(at, 1) for at, row in enumerate(wanted)})

    def _stretch(self, row: int) -> tuple[int, int, int]:
        """What is read for one row: its row group, the first row, and how many."""
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if not 0 <= group < len(self._sizes):
            raise IndexError(f"it has no row {row:,}")
        start, end = int(self._starts[group]), int(self._starts[group + 1])
        if self._is_small(group):
            return group, start, end - start
        step = max(8, int(_WHOLE / 16 / self._per_row(group)))
        first = start + (row - start) // step * step
        return group, first, min(step, end - first)

    def _is_small(self, group: int) -> bool:
        return self._sizes[group] <= _WHOLE

    def _per_row(self, group: int) -> float:
        return self._sizes[group] / int(self._starts[group + 1] - self._starts[group])

    def _whole(self, group: int) -> pa.ChunkedArray:
        with self._lock:
            return bytes_of(self._file.read_row_group(group, columns=[self._leaf], use_threads=False).column(0))

    def _part(self, first: int, count: int) -> pa.ChunkedArray:
        return self._select(f"file_row_number >= {first} AND file_row_number < {first + count}")

    def _select(self, condition: str) -> pa.ChunkedArray:
        """Some rows of large row groups, in order. DuckDB passes over what lies between them, pyarrow would unpack it.
        Of 50,000 pictures in one group a wall of 60 takes 400 times less than with whole groups, wherever its rows are:
        `python -m tests.benchmarks embedded_pictures`.
        """
        column = '"' + self._name.replace('"', '""') + '"'
        column += "" if self._leaf == self._name else "['bytes']"
        asked = f"SELECT {column} AS data FROM read_parquet(?, file_row_number = true) WHERE {condition} "
        with _database().cursor() as cursor:
            found = cursor.sql(asked + "ORDER BY file_row_number", params=[str(self._path)])
            return found.to_arrow_table().column("data")


def _opened(path: Path, column: str | None) -> _Shard:
    found = os.stat(path)
    return _shard(path, column, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


@functools.lru_cache(maxsize=64)
def _shard(path: Path, column: str | None, state: tuple[int, ...]) -> _Shard:
    return _Shard(path, column)


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": "1"})
    database.execute("LOAD parquet")
    # else all of a column is read for a few of its rows: 1.6 GB of 50,000 photos
    database.execute("SET GLOBAL disable_parquet_prefetching = true")
    return database


_Key = tuple[_Shard, int, int]
"""A file, the first row, and how many."""


class _Blocks:
    """What was read last, up to so many bytes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, pa.ChunkedArray] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: _Key) -> pa.ChunkedArray | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, blocks: Mapping[_Key, pa.ChunkedArray]) -> None:
        with self._lock:
            self._kept.update(blocks)
            size = sum(one.nbytes for one in self._kept.values())
            while len(self._kept) > 1 and size > _CACHED:
                size -= self._kept.popitem(last=False)[1].nbytes


_blocks = _Blocks()
