"""Rows on their way from a source that is larger than memory to a finished Parquet file."""

import contextlib
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.errors import Failed
from datasel_core.pools.readers import table_columns
from datasel_core.workspace.files import disk_trouble
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock, is_held

_LONG = 100
"""Bytes a sample, on average: text columns above this stay on disk."""
_LEFT_OVER = 60
"""Seconds after which a folder that nobody holds was left by a process that was killed."""


class Spool:
    """Parts of a table, each with types of its own, in one file; `finish` makes them one Parquet file, a row group for
    each part.
    """

    def __init__(self, workspace: Workspace):
        _sweep(workspace)
        self._folder = workspace.spool() / secrets.token_hex(8)
        try:
            self._lock = Lock(self._folder)
            self._lock.try_hold()
            self._file = open(self._folder / "parts", "w+b")  # noqa: SIM115  (closed by `close`)
        except OSError as error:
            raise disk_trouble(error, self._folder) from error
        self._starts: list[int] = []
        self._kinds: dict[str, set[pa.DataType]] = {}
        self._bytes: dict[str, int] = {}
        self._rows = 0
        self.texts = set(_ALWAYS_TEXT)
        """Columns that are never guessed."""

    def add(self, table: pa.Table, guess: bool) -> None:
        """guess: columns of text are taken for numbers when all parts of them look like numbers, as in a CSV."""
        self._starts.append(self._file.tell())
        for column in table.schema:
            text = pa.types.is_string(column.type)
            kind = _guessed(table[column.name]) if guess and text and column.name not in self.texts else column.type
            self._kinds.setdefault(column.name, set()).add(kind)
            self._bytes[column.name] = self._bytes.get(column.name, 0) + (table[column.name].nbytes if text else 0)
        self._rows += table.num_rows
        try:
            with pa.ipc.new_stream(
                self._file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")
            ) as stream:
                stream.write_table(table)
        except OSError as error:
            raise disk_trouble(error, self._folder) from error

    def finish(
        self, first: Sequence[str], last: Sequence[str], long: Sequence[str], progress: Progress
    ) -> tuple[Path, tuple[str, ...]]:
        """The Parquet file, and which of its columns are long. first, last: where columns stand; long: those that are
        so whatever they hold.
        """
        kinds = {
            name: table_columns.common(kinds - {pa.null()})
            for name, kinds in self._kinds.items()
            if kinds - {pa.null()}
        }
        names = (
            [name for name in first if name in kinds]
            + [name for name in kinds if name not in (*first, *last)]
            + [name for name in last if name in kinds]
        )
        others = [name for name in names if pa.types.is_string(kinds[name]) and name not in (*first, *last)]
        long = tuple(
            name for name in names if name in long or (name in others and self._bytes[name] > _LONG * self._rows)
        )
        schema = pa.schema([(name, kinds[name]) for name in names])
        path = self._folder / "finished.parquet"
        short = [name for name in names if name not in long]
        try:
            # Bounds of long texts would make the file's index larger than a column of numbers, and repeat no text.
            with pq.ParquetWriter(
                path, schema, compression="zstd", compression_level=1, use_dictionary=short, write_statistics=short
            ) as writer:
                for start in progress.over(self._starts, len(self._starts), "writing texts (thousands)"):
                    self._file.seek(start)
                    part = pa.ipc.open_stream(self._file).read_all()
                    writer.write_table(
                        pa.table({name: _as(part, name, kinds[name]) for name in names}, schema),
                        row_group_size=part.num_rows,
                    )
        except OSError as error:
            raise disk_trouble(error, path) from error
        return path, long

    def close(self) -> None:
        """Whatever is left here is gone."""
        self._file.close()
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)


_ALWAYS_TEXT = frozenset({"id", "source", "content", "text", "prompt", "response", "messages"})


def _guessed(column: pa.ChunkedArray) -> pa.DataType:
    """What text looks like; empty cells look like anything. 007 is no number, nor is a name of more digits than a
    number keeps.
    """
    filled = column.filter(pc.fill_null(pc.not_equal(column, ""), False))
    if not len(filled):
        return pa.null()
    with contextlib.suppress(pa.ArrowException):
        if filled.cast(pa.int64()).cast(pa.string()).equals(filled):
            return pa.int64()
    with contextlib.suppress(pa.ArrowException):
        filled.cast(pa.float64())
        plain = pc.match_substring_regex(filled, r"^[+-]?(0|[1-9][0-9]{0,14})?(\.[0-9]*)?([eE][+-]?[0-9]+)?$")
        return pa.float64() if pc.all(plain).as_py() else pa.string()
    lower = pc.utf8_lower(filled)
    return pa.bool_() if pc.all(pc.is_in(lower, pa.array(["true", "false"]))).as_py() else pa.string()


def _as(part: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    if name in part.column_names and pa.types.is_string(part[name].type) and not pa.types.is_string(kind):
        column = part[name]
        return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column).cast(kind)
    return pa.chunked_array(table_columns.chunks_of(part, name, kind), kind)


def _sweep(workspace: Workspace) -> None:
    """Removes what killed processes left behind."""
    for folder in workspace.folders(workspace.spool().name):
        with contextlib.suppress(OSError, Failed):
            if time.time() - folder.stat().st_mtime > _LEFT_OVER and not is_held(folder):
                shutil.rmtree(folder, ignore_errors=True)
