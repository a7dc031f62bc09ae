"""Rows on their way from a source that is larger than memory to a finished Parquet file."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.errors import Failed
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.ahead import Ahead, text_writer
from datasel_core.pools.readers.tables import typed
from datasel_core.workspace.files import disk_trouble
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.leftovers import clear_spools
from datasel_core.workspace.locks import Lock

_LONG = 100
"""Bytes a sample, on average: text columns above this stay on disk."""


class Spool:
    """Parts of a table, each with types of its own; `finish` gives one Parquet file, a row group for each part.

    It is written ahead while all parts have the columns and types of the first; what comes after one that has not waits
    in a file of its own until all types are known.
    """

    def __init__(
        self,
        workspace: Workspace,
        first: Sequence[str],
        last: Sequence[str],
        long: Sequence[str],
        free: Sequence[str] = (),
    ):
        """first, last: where columns stand. long: those that are so whatever they hold. free: of the first and last,
        those that are long where their texts are, as all others.
        """
        clear_spools(workspace)
        self._first, self._last, self._always_long, self._free = tuple(first), tuple(last), tuple(long), tuple(free)
        self._folder, self._lock = _room(workspace)
        try:
            self._file = open(self._folder / "parts", "w+b")  # noqa: SIM115  (closed by `close`)
        except OSError as error:
            raise disk_trouble(error, self._folder) from error
        self._starts: list[int] = []
        self._kinds: dict[str, set[pa.DataType]] = {}
        self._bytes: dict[str, int] = {}
        self._rows = 0
        self._long_numbers: set[str] = set()
        self._rewritten: set[tuple[str, pa.DataType]] = set()
        self._ahead: Ahead | None = None
        self._is_ahead = True

    def add_long(self, name: str) -> None:
        """One more long column, the last of those that stand first; text, whatever it looks like."""
        self._first, self._always_long = (*self._first, name), (*self._always_long, name)

    def add(self, table: pa.Table, guess: bool) -> None:
        """guess: columns of text are taken for numbers when all parts of them look like numbers, as in a CSV."""
        for column in table.schema:
            text = pa.types.is_string(column.type)
            may_be_number = guess and text and column.name not in (*self._first, *self._last)
            kind = typed.guessed(table[column.name]) if may_be_number else column.type
            self._kinds.setdefault(column.name, set()).add(kind)
            if pa.types.is_integer(column.type) and _is_long(table[column.name]):
                self._long_numbers.add(column.name)
            if may_be_number:
                self._rewritten |= {(column.name, one) for one in _rewritten(table[column.name], kind)}
            self._bytes[column.name] = self._bytes.get(column.name, 0) + (table[column.name].nbytes if text else 0)
        self._rows += table.num_rows
        try:
            self._write(table, guess)
        except OSError as error:
            raise disk_trouble(error, self._folder) from error

    def finish(self, progress: Progress) -> tuple[Path, tuple[str, ...]]:
        """The Parquet file, and which of its columns are long."""
        schema, long = self._plan()
        short = [name for name in schema.names if name not in long]
        rewritten = [one.name for one in schema if (one.name, one.type) in self._rewritten]
        whole = schema.append(pa.field(typed.AS_WRITTEN, pa.string())) if rewritten else schema
        path = self._folder / "finished.parquet"
        try:
            if self._ahead is not None:
                self._ahead.finish()
                if not self._starts and self._ahead.schema == schema and self._ahead.short == short:
                    return self._ahead.path, long
            with text_writer(path, whole, short) as writer:
                n = len(self._starts) + (self._ahead.n if self._ahead else 0)
                for part in progress.over(self._parts(), n, "writing texts (thousands)"):
                    columns = {one.name: _as(part, one.name, one.type) for one in schema}
                    if rewritten:
                        columns[typed.AS_WRITTEN] = _as_written(part, rewritten)
                    writer.write_table(pa.table(columns, whole), row_group_size=part.num_rows)
        except OSError as error:
            raise disk_trouble(error, path) from error
        return path, long

    def _common(self, name: str, kinds: set[pa.DataType]) -> pa.DataType:
        """Whole numbers that no float holds stay what they are beside fractions: as text."""
        kind = table_columns.common(kinds)
        return pa.string() if pa.types.is_floating(kind) and name in self._long_numbers else kind

    def close(self) -> None:
        """Whatever is left here is gone, and with it what a full disk would not take."""
        for one in (self._ahead, self._file):
            with contextlib.suppress(OSError):
                if one is not None:
                    one.close()
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, table: pa.Table, guess: bool) -> None:
        if self._is_ahead and self._ahead is None and not guess:
            schema, long = self._plan()
            short = [name for name in schema.names if name not in long]
            self._ahead = Ahead(self._folder / "ahead.parquet", schema, short)
        self._is_ahead = self._is_ahead and self._ahead is not None and not guess and self._ahead.takes(table)
        if self._is_ahead:
            self._ahead.add(table)
            return
        self._starts.append(self._file.tell())
        with pa.ipc.new_stream(self._file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream:
            stream.write_table(table)

    def _plan(self) -> tuple[pa.Schema, tuple[str, ...]]:
        """Columns with the types that hold what was read so far, and those that are long."""
        kinds = {
            name: self._common(name, kinds - {pa.null()}) for name, kinds in self._kinds.items() if kinds - {pa.null()}
        }
        placed = (*self._first, *self._last)
        others = [name for name in kinds if name not in placed]
        names = [name for name in (*self._first, *others, *self._last) if name in kinds]
        long = tuple(
            name
            for name in names
            if name in self._always_long
            or (
                name in (*others, *self._free)
                and pa.types.is_string(kinds[name])
                and self._bytes[name] > _LONG * self._rows
            )
        )
        return pa.schema([(name, kinds[name]) for name in names]), long

    def _parts(self) -> Iterator[pa.Table]:
        if self._ahead is not None:
            with pq.ParquetFile(self._ahead.path) as file:
                for at in range(self._ahead.n):
                    yield file.read_row_group(at)
        for start in self._starts:
            self._file.seek(start)
            yield pa.ipc.open_stream(self._file).read_all()


def _is_long(column: pa.ChunkedArray) -> bool:
    least, most = (pc.min_max(column)[end].as_py() or 0 for end in ("min", "max"))
    return max(-least, most) > typed.EXACT


def _rewritten(column: pa.ChunkedArray, kind: pa.DataType) -> set[pa.DataType]:
    """The types as which some cell would be written in other words than the source's: whole numbers stay as they are,
    unless another part makes the column one of floats.
    """
    if pa.types.is_integer(kind):
        return {pa.float64()}
    return {kind} if not all(typed.is_exact(cell, kind) for cell in column.to_pylist()) else set()


def _as_written(part: pa.Table, names: Sequence[str]) -> pa.Array:
    texts = [name for name in names if name in part.column_names and pa.types.is_string(part[name].type)]
    return typed.as_written({name: part[name].to_pylist() for name in texts}, part.num_rows)


def _as(part: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    if name in part.column_names and pa.types.is_string(part[name].type) and not pa.types.is_string(kind):
        return typed.converted(part[name], kind)
    return pa.chunked_array(table_columns.chunks_of(part, name, kind), kind)


def _room(workspace: Workspace) -> tuple[Path, Lock]:
    """A new folder, held by this process. Raises Failed."""
    for _ in range(10):  # another process may take one that is not held yet for a leftover
        folder = workspace.spool() / secrets.token_hex(8)
        lock = Lock(folder)
        if lock.try_hold() and lock.is_there():
            return folder, lock
        lock.release()
    raise Failed(f"No folder could be made in {workspace.spool()}; look what removes them.")
