"""Columns of many shards become one table, whatever types each shard gave them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

_OWN = frozenset(
    {"id", "path", "shard", "offset", "caption", "captions", "width", "height", "bytes", "content", "as_written"}
)
"""Written by pools of pairs; a source's columns of these names give way."""


def gives_way(name: str) -> bool:
    """Whether a source's column of this name is left out. Case does not count: SQL filters do not tell `Width` from
    `width`.
    """
    return name.lower() in _OWN


def is_plain(kind: pa.DataType) -> bool:
    """One number, text, time or truth value per sample: what people filter by."""
    return not (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def is_hollow(kind: pa.DataType) -> bool:
    """Whether an object without keys is somewhere inside, which Parquet does not write."""
    if pa.types.is_struct(kind):
        return kind.num_fields == 0 or any(is_hollow(kind.field(at).type) for at in range(kind.num_fields))
    return pa.types.is_nested(kind) and any(is_hollow(kind.field(at).type) for at in range(kind.num_fields))


def column(values: Sequence[Any]) -> pa.Array:
    """An Arrow array of values; where their types differ, or nothing is inside, of text."""
    try:
        if not is_hollow((found := pa.array(values)).type):
            return found
    except (ValueError, TypeError, OverflowError, pa.ArrowException):
        pass
    return pa.array([None if value is None else as_text(value) for value in values], pa.string())


def as_text(value: Any) -> str:
    """Text as it is; numbers and truth values as JSON writes them."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def joined(tables: Sequence[pa.Table], first: Iterable[str] = ()) -> pa.Table:
    """One under the other. A column that some lack is null there; numbers of different kinds become float64, other
    mixtures text.

    first: names of the columns that stand first, where they are.
    """
    names = dict.fromkeys([*first, *(name for table in tables for name in table.column_names)])
    columns = {}
    for name in names:
        kinds = {table[name].type for table in tables if name in table.column_names} - {pa.null()}
        if kinds:
            kind = common(kinds)
            columns[name] = pa.chunked_array(
                [chunk for table in tables for chunk in chunks_of(table, name, kind)], kind
            )
    return pa.table(columns)


def common(kinds: set[pa.DataType]) -> pa.DataType:
    """The type that holds values of all these."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return (
        pa.float64() if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds) else pa.string()
    )


def chunks_of(table: pa.Table, name: str, kind: pa.DataType) -> list[pa.Array]:
    """A column as this type; null where the table lacks it."""
    if name not in table.column_names or table[name].type == pa.null():
        return [pa.nulls(table.num_rows, kind)]
    if table[name].type == kind:
        return table[name].chunks
    if pa.types.is_string(kind):
        return [pa.array([None if value is None else as_text(value) for value in table[name].to_pylist()], kind)]
    return table[name].cast(kind, safe=False).chunks
