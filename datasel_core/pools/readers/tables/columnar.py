"""Parquet and Arrow, files and streams, as rows; or some columns of them as they are."""

import bisect
import contextlib
import functools
import itertools
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.tables import streams
from datasel_core.pools.readers.tables.streams import Position
from datasel_core.pools.readers.tables.table_file import TableFile
from datasel_core.workspace.files import FULL, disk_trouble

Row = tuple[int, dict[str, Any] | str]

_ROWS = 256
_WIDTHS = {"FLOAT": 4, "INT32": 4, "DOUBLE": 8, "INT64": 8, "INT96": 12}
"""Bytes of a value of a Parquet column; of text at least one."""
_MANY = 1_000_000
"""Rows from which a table with less than a byte for each holds hardly anything but repeats."""
_TROUBLE = (pa.ArrowException, OSError, UnicodeDecodeError, EOFError, OverflowError)  # the last: years beyond 9999


def columnar_rows(file: TableFile, position: Position, wanted: frozenset[str]) -> Iterator[Row]:
    """wanted: columns that are needed though they hold lists or bytes; of others of that sort only the name comes."""
    at, size = 0, file.path.stat().st_size
    try:
        with _opened(file, position) as (schema, count, batches):
            position.names = tuple(schema.names)
            if count > max(_MANY, size):
                raise BadInput(
                    f"{file.name} says that it has {count:,} rows in {size:,} bytes, so nearly all are equal; write "
                    "each once, with a column that says how often."
                )
            names = [one.name for one in schema if one.name in wanted or table_columns.is_plain(one.type)]
            # never a plain value, so it is noted
            others = dict.fromkeys((name for name in schema.names if name not in names), ())
            ids = [name for name in names if isinstance(schema.field(name).type, pa.UuidType)]
            for batch in batches(names):
                for row in batch.to_pylist():
                    at += 1
                    for name in ids:
                        row[name] = str(row[name]) if isinstance(row[name], uuid.UUID) else None
                    yield at, {**others, **row} if others else row
                position.done = size * at // max(count, at)
    except _TROUBLE as error:
        if at == 0:
            raise _unreadable(file, error) from None
        yield at + 1, f"from here on it cannot be read ({streams.trouble_of(error)})"


def rows_at(file: TableFile, places: Sequence[int]) -> Iterator[tuple[Sequence[int], pa.RecordBatch]]:
    """(places, these rows with all their columns as they are), from front to back, a few hundred rows at a time.
    places: sorted, from 1. Raises BadInput; of places beyond the end nothing comes.
    """
    try:
        with _source(file, Position()) as source:
            for first, batch in _batches_at(file, source, places):
                low, high = (bisect.bisect_left(places, first + edge) for edge in (1, batch.num_rows + 1))
                if low < high:
                    rows = pa.array([at - first - 1 for at in places[low:high]])
                    yield places[low:high], _without_views(batch).take(rows)
    except _TROUBLE as error:
        raise _unreadable(file, error) from None


def _without_views(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same values where texts or bytes are views, of which pyarrow takes no rows; polars writes such files."""
    schema = pa.schema([one.with_type(_without_view(one.type)) for one in batch.schema], batch.schema.metadata)
    return batch if schema.equals(batch.schema) else batch.cast(schema)


def _without_view(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return pa.string() if pa.types.is_string_view(kind) else pa.binary()
    if pa.types.is_struct(kind):
        fields = (kind.field(at) for at in range(kind.num_fields))
        return pa.struct([one.with_type(_without_view(one.type)) for one in fields])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_without_view(kind.value_type)))
    return kind


def _batches_at(file: TableFile, source: Any, places: Sequence[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(how many rows stand before, batch) for at least the batches in which the places are."""
    before = 0
    if file.kind != ".parquet":
        with _native(source) as native:
            schema, _, batches = _arrow(native)
            for batch in batches(schema.names):
                yield before, batch
                before += batch.num_rows
                if before >= places[-1]:
                    return
        return
    with pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False) as table:
        for group in range(table.num_row_groups):
            start, before = before, before + table.metadata.row_group(group).num_rows
            if bisect.bisect_left(places, start + 1) < bisect.bisect_left(places, before + 1):
                for batch in table.iter_batches(_ROWS, row_groups=[group]):
                    yield start, batch
                    start += batch.num_rows


def schema_of(file: TableFile) -> pa.Schema:
    """Its columns and their types. Raises BadInput."""
    try:
        with _opened(file, Position()) as (schema, _, _):
            return schema
    except _TROUBLE as error:
        raise _unreadable(file, error) from None


def bytes_of_numbers(file: TableFile) -> int:
    """How much memory the numbers of a Parquet file take, as its own index says; 0 of other formats, which are no
    smaller than what they hold. Raises BadInput.
    """
    if file.kind != ".parquet":
        return 0
    try:
        with _source(file, Position()) as source, pq.ParquetFile(source) as table:
            about, schema = table.metadata, table.schema
            groups = [about.row_group(at) for at in range(about.num_row_groups)]
            return sum(
                group.column(at).num_values * _WIDTHS.get(schema.column(at).physical_type, 1)
                for group in groups
                for at in range(about.num_columns)
            )
    except _TROUBLE as error:
        raise _unreadable(file, error) from None


def whole_table(file: TableFile) -> pa.Table:
    """All of it, as it is. Raises BadInput."""
    try:
        with _source(file, Position()) as source:
            if file.kind == ".parquet":
                _check_names(file, pq.read_schema(source))
                return pq.read_table(source)
            with _native(source) as native:
                schema, _, batches = _arrow(native)
                _check_names(file, schema)
                return pa.Table.from_batches(batches(schema.names), schema)
    except _TROUBLE as error:
        raise _unreadable(file, error) from None


def _unreadable(file: TableFile, error: BaseException) -> BadInput:
    return BadInput(f"{file.name} could not be read: {str(error).splitlines()[0] if str(error) else error!r}")


def _check_names(file: TableFile, schema: pa.Schema) -> None:
    twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{file.name} has two columns called {twice}; column names must be unique.")


@contextlib.contextmanager
def _source(file: TableFile, position: Position) -> Iterator[Any]:
    """The path; of a packed file what it holds, which waits on the disk: these formats are read from their ends."""
    if not streams.is_packed(file.path):
        yield str(file.path)
        return
    with tempfile.TemporaryFile() as unpacked:
        try:
            with streams.opened(file.path, position) as stream:
                shutil.copyfileobj(stream, unpacked)
        except OSError as error:
            if error.errno in FULL:
                raise disk_trouble(error, Path(tempfile.gettempdir(), file.name)) from error
            raise
        unpacked.seek(0)
        yield unpacked


def _native(source: Any) -> pa.NativeFile:
    return pa.OSFile(source) if isinstance(source, str) else pa.PythonFile(source, "r")


@contextlib.contextmanager
def _opened(file: TableFile, position: Position) -> Iterator[tuple[pa.Schema, int, Any]]:
    """Schema, how many rows as far as that is known, and a function that gives some columns in small batches."""
    with _source(file, position) as source:
        if file.kind == ".parquet":
            # pre_buffer would read a row group as a whole
            with pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False) as table:
                _check_names(file, table.schema_arrow)
                batches = functools.partial(table.iter_batches, _ROWS)
                yield table.schema_arrow, table.metadata.num_rows, lambda names: batches(columns=names)
        else:
            with _native(source) as native:
                schema, count, batches = _arrow(native)
                _check_names(file, schema)
                yield schema, count, batches


def _arrow(native: pa.NativeFile) -> tuple[pa.Schema, int, Any]:
    """A file, which begins with its name, or a stream, as data sets that were saved are."""
    begin = native.read(6)
    native.seek(0)
    if begin == b"ARROW1":
        file = pa.ipc.open_file(native)
        schema, found = file.schema, (file.get_batch(at) for at in range(file.num_record_batches))
    else:
        stream = pa.ipc.open_stream(native)
        schema, found = stream.schema, iter(stream)

    def batches(names: list[str]) -> Iterator[pa.RecordBatch]:
        for batch in found:
            some = batch.select(names)
            yield from itertools.starmap(some.slice, ((start, _ROWS) for start in range(0, some.num_rows, _ROWS)))

    return schema, 0, batches
