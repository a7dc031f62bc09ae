"""Reading the tables people bring: CSV, JSONL, Parquet, with the columns that name samples as text."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.json as pj
import pyarrow.parquet as pq
from pydantic import BaseModel

from datasel_core.errors import BadInput

_LONGEST_ROW = 16 << 20
"""Bytes. A row with one absurd text must not make a whole table unreadable."""

SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})


def read_table(path: Path, text_columns: tuple[str, ...] = ("id",)) -> pa.Table:
    """All rows; `text_columns` come as text whatever they look like (an id 007 stays 007). Raises BadInput naming the
    line.
    """
    if path.suffix.lower() not in SUFFIXES or (path.exists() and not path.is_file()):
        raise BadInput(f"{path.name} is no table; give a .csv, .tsv, .jsonl or .parquet file.")
    try:
        table = _read(path, text_columns)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path.name} could not be read: {str(error).splitlines()[0]}") from None
    if table.num_rows == 0:
        raise BadInput(f"{path.name} has no rows.")
    twice = next((name for name in table.column_names if table.column_names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{path.name} has two columns called {twice}; column names must be unique.")
    for name in text_columns:
        if name in table.column_names and not pa.types.is_string(table[name].type):
            table = table.set_column(table.column_names.index(name), name, _as_text(table, name, path))
    return table


def _read(path: Path, text_columns: tuple[str, ...]) -> pa.Table:
    kind = path.suffix.lower()
    if kind == ".parquet":
        return pq.read_table(path)
    if kind in (".jsonl", ".ndjson"):
        return _read_json(path)
    options = pc.ConvertOptions(column_types={name: pa.string() for name in text_columns}, strings_can_be_null=False)
    parse = pc.ParseOptions(delimiter="\t" if kind == ".tsv" else ",", newlines_in_values=True)
    return pc.read_csv(path, pc.ReadOptions(block_size=_LONGEST_ROW), parse, options)


def _read_json(path: Path) -> pa.Table:
    """Text stays text: what looks like a date to the reader is read once more as it is written."""
    options = pj.ReadOptions(block_size=_LONGEST_ROW)
    table = pj.read_json(path, options, pj.ParseOptions(newlines_in_values=False))
    dates = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
    if not dates:
        return table
    as_written = pa.schema([(name, pa.string()) for name in dates])
    return pj.read_json(path, options, pj.ParseOptions(newlines_in_values=False, explicit_schema=as_written)).select(
        table.column_names
    )


def _as_text(table: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    try:
        return table[name].cast(pa.string())
    except pa.ArrowException:
        raise BadInput(
            f"{path.name}: the column {name} holds {table[name].type}; it must hold text or whole numbers."
        ) from None


def named_columns(kind: BaseModel, table: pa.Table, path: Path) -> None:
    """Raises BadInput when an option of a pool kind (`..._column`) that is not at its default names no column of the
    table.
    """
    columns = {option: field.default for option, field in type(kind).model_fields.items() if option.endswith("_column")}
    require_columns(
        table, path, tuple(getattr(kind, option) for option, usual in columns.items() if getattr(kind, option) != usual)
    )


def require_columns(table: pa.Table, path: Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise BadInput(f"{path.name} has no column {missing[0]}; it has: {', '.join(table.column_names)}.")
