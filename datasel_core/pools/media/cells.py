"""Pictures in cells of a Parquet file: one is read with its row group, or with a stretch of a large one; none is copied
out.
"""

import functools
import io
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from datasel_core.pools.media import photos
from datasel_core.pools.media.pictures import MOST_BYTES, Look, ReplacedPhoto, hash_of
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
_TRIED = 8


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
            found = os.stat(self.shard)
            shard = _shard(self.shard, self.column, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))
            data = shard.read(self.row)
        except (pa.ArrowException, duckdb.Error, IndexError, ValueError) as error:
            raise photos.UnreadablePhoto(f"{self.shard.name} is damaged ({str(error).splitlines()[0]})") from None
        if data is None or (self.content and self._content(data) != self.content):
            raise ReplacedPhoto(f"{self.shard.name} changed since it was read; add the pool again")
        return data

    def _content(self, data: bytes) -> str:
        return content_of(hash_of(data), self.captions) if self.captions else hash_of(data)

    def __str__(self) -> str:
        return f"{self.shard}, row {self.row:,}"


def cell_of(pool: "Pool", row: int, column: str | None, captions: tuple[str, ...] = ()) -> Cell:
    """Where the picture of one sample lies. Raises BadRequest when a link leads outside the allowed folders by now."""
    shard, at, content = (pool.table[name][row].as_py() for name in ("shard", CELL, "content"))
    real = Workspace(pool.folder.parent.parent).allowed(pool.root / shard)
    return Cell(real, at, column, content, captions)


def look_at_bytes(data: bytes | None) -> Look | str:
    """What a picture is, or the reason why it cannot be used."""
    if not data:
        return "its cell holds no picture"
    if len(data) > MOST_BYTES:
        return f"the picture has {len(data) / 1e6:,.0f} MB; the limit is {MOST_BYTES / 1e6:,.0f} MB"
    try:
        facts = photos.inspect(data)
    except photos.UnreadablePhoto as error:
        return str(error)
    return Look(facts.width, facts.height, facts.bytes, hash_of(data))


def open_file(path: Path) -> pq.ParquetFile:
    """It reads a page at a time: a row group of pictures may be as large as the file."""
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)


def picture_column(file: pq.ParquetFile, named: str | None = None) -> str | None:
    """The column that holds pictures: the one that was named, else the first of bytes, plain or as `datasets` writes
    them, whose first cells open as pictures. None where there is none.
    """
    features, schema = _features(file), file.schema_arrow
    for name in schema.names if named is None else [named] if named in schema.names else []:
        kind = features.get(name, {}).get("_type") if isinstance(features.get(name), dict) else None
        if _leaf(schema, name) and (kind == "Image" or (kind is None and _opens(file, name))):
            return name
    return None


def _features(file: pq.ParquetFile) -> dict:
    """What the library `datasets` noted of the columns."""
    try:
        found = json.loads((file.schema_arrow.metadata or {})[b"huggingface"])["info"]["features"]
        return found if isinstance(found, dict) else {}
    except (KeyError, TypeError, ValueError):
        return {}


def class_names(file: pq.ParquetFile) -> dict[str, list[str]]:
    """Column -> names of its classes, where the file says them."""
    found = {name: one for name, one in _features(file).items() if isinstance(one, dict)}
    return {
        name: [str(word) for word in one["names"]]
        for name, one in found.items()
        if one.get("_type") == "ClassLabel" and isinstance(one.get("names"), list)
    }


def _leaf(schema: pa.Schema, name: str) -> str | None:
    """The path of a column's bytes inside a Parquet file; None where it has none."""
    if schema.names.count(name) != 1:  # whose it is, nobody can say
        return None
    kind = schema.field(name).type
    if _is_bytes(kind):
        return name
    return f"{name}.bytes" if pa.types.is_struct(kind) and _is_bytes(dict(_fields(kind)).get("bytes")) else None


def _fields(kind: pa.StructType) -> Iterator[tuple[str, pa.DataType]]:
    return ((kind.field(at).name, kind.field(at).type) for at in range(kind.num_fields))


def _is_bytes(kind: pa.DataType | None) -> bool:
    return kind is not None and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _opens(file: pq.ParquetFile, name: str) -> bool:
    first = next(cells(file, name, _TRIED), None)
    for data in [] if first is None else filter(None, first.to_pylist()):
        try:
            with Image.open(io.BytesIO(data)):
                return True
        except Exception:  # noqa: BLE001  (bytes that are no picture raise errors of every kind)
            return False
    return False


def cells(file: pq.ParquetFile, name: str, rows: int = 64) -> Iterator[pa.Array]:
    """The bytes of a column from front to back, so many rows at a time."""
    leaf = _leaf(file.schema_arrow, name)
    for batch in file.iter_batches(rows, columns=[leaf]):
        yield _bytes(batch.column(0))


def is_empty(file: pq.ParquetFile, name: str) -> bool:
    """Whether no cell of a column holds bytes, as the file itself says."""
    leaf, about = _leaf(file.schema_arrow, name), file.metadata
    at = next(at for at in range(about.num_columns) if about.schema.column(at).path == leaf)
    parts = [about.row_group(group).column(at) for group in range(about.num_row_groups)]
    return all(part.statistics is not None and part.statistics.null_count == part.num_values for part in parts)


def _bytes(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column


class _Shard:
    """An open Parquet file. Any thread may ask."""

    def __init__(self, path: Path, column: str | None):
        self._path = path
        self._file = open_file(path)
        self._lock = threading.Lock()
        name = picture_column(self._file, column)
        if name is None:
            raise ValueError("it has no column of pictures")
        self._name, self._leaf = name, _leaf(self._file.schema_arrow, name)
        about = self._file.metadata
        groups = [about.row_group(at) for at in range(about.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum([group.num_rows for group in groups], dtype=np.int64)])
        at = next(at for at in range(about.num_columns) if about.schema.column(at).path == self._leaf)
        self._sizes = [group.column(at).total_uncompressed_size for group in groups]

    def read(self, row: int) -> bytes | None:
        """Raises IndexError where there is no such row."""
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if not 0 <= group < len(self._sizes):
            raise IndexError(f"it has no row {row:,}")
        start, rows = int(self._starts[group]), int(self._starts[group + 1] - self._starts[group])
        per_row = self._sizes[group] / rows
        step = rows if self._sizes[group] <= _WHOLE else max(8, int(_WHOLE / 16 / per_row))
        first = start + (row - start) // step * step
        count = min(step, start + rows - first)
        block = _blocks.get((self, first), lambda: self._whole(group) if count == rows else self._part(first, count))
        return block[row - first].as_py()

    def _whole(self, group: int) -> pa.ChunkedArray:
        with self._lock:
            return _bytes(self._file.read_row_group(group, columns=[self._leaf]).column(0))

    def _part(self, first: int, count: int) -> pa.ChunkedArray:
        """A stretch of a large row group: DuckDB passes over what lies before it, pyarrow would unpack it. Of 50,000
        pictures in one group a wall of 60 takes 85 times less than with whole groups where its rows are spread, 470
        times where they are neighbours: `python -m tests.benchmarks embedded_pictures`.
        """
        column = '"' + self._name.replace('"', '""') + '"'
        column += "" if self._leaf == self._name else "['bytes']"
        asked = f"SELECT {column} AS data FROM read_parquet(?, file_row_number = true) WHERE file_row_number >= ? "
        asked += "AND file_row_number < ? ORDER BY file_row_number"
        with _database().cursor() as cursor:
            found = cursor.sql(asked, params=[str(self._path), first, first + count])
            return found.to_arrow_table().column("data")


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


class _Blocks:
    """What was read last, up to so many bytes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[_Shard, int], pa.ChunkedArray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[_Shard, int], read) -> pa.ChunkedArray:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        block = read()
        with self._lock:
            self._kept[key] = block
            while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > _CACHED:
                self._kept.popitem(last=False)
        return block


_blocks = _Blocks()
