"""Columns of the tables that layouts bring: which hold captions, names, classes, and how they are read."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput
from datasel_core.pools.readers.pair_table import Named
from datasel_core.pools.readers.tables import usual

_SAID = (*usual.CAPTIONS, "texts", "sentences")
_LONGEST = 16 << 20


def caption_column(names: Sequence[str], named: Named) -> str | None:
    """The column of captions: the one that was named, or one with a usual name."""
    return named.caption or next((name for name in _SAID if name in names), None)


def check_captions(tables: Sequence[pa.Table], named: Named, file: str) -> None:
    """Raises BadInput when no table has a column of captions."""
    if not any(caption_column(table.column_names, named) for table in tables):
        has = ", ".join(dict.fromkeys(name for table in tables for name in table.column_names))
        raise BadInput(f"{file} has no column of captions; name one with --option caption_column=NAME. It has: {has}.")


def head(path: Path) -> list[str]:
    """Names of a table's columns, told from its schema or its first line; none where that cannot be read."""
    try:
        if path.suffix == ".parquet":
            return pq.read_schema(path).names
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            if path.suffix == ".csv":
                return [name.strip() for name in next(csv.reader([file.readline(_LONGEST)]), [])]
            row = json.loads(file.readline(_LONGEST))
            return list(row) if isinstance(row, dict) else []
    except (OSError, ValueError, csv.Error, RecursionError, pa.ArrowException):
        return []


def require_columns(table: pa.Table, file: str, names: Sequence[str]) -> None:
    """Raises BadInput for the first that is not there."""
    missing = next((name for name in names if name not in table.column_names), None)
    if missing is not None:
        raise BadInput(f"{file} has no column {missing}; it has: {', '.join(table.column_names)}.")


def as_text(column: pa.ChunkedArray, name: str, file: str) -> list[str | None]:
    """Names and ids as text. Raises BadInput."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if not (text or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise BadInput(f"{file}: the column {name} holds {kind}; it must be text or whole numbers.")
    return column.cast(pa.string()).to_pylist()


def as_captions(column: pa.ChunkedArray, name: str, file: str) -> list[Sequence[Any]]:
    """The captions of each row: one, or a list of them. Raises BadInput."""
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return [[text] for text in as_text(column, name, file)]
    return [list(said or ()) for said in column.to_pylist()]
