"""Functions that columns bring into the filter."""

from collections.abc import Iterable

import pyarrow as pa

from datasel_core.pools.labels import LABELS
from datasel_core.pools.pool import Pool


def filter_macros(pool: Pool) -> list[str]:
    """SQL of the functions that this pool's filter knows beside DuckDB's: `CREATE MACRO name(column, ...) AS ...`. Its
    first parameter is called as the column that brings it, and is filled in where a condition calls it.

    `labels`, a list of names per sample, brings `has('bicyclist')`: whether the list holds this name. A sample without
    labels has none.
    """
    if LABELS not in pool.table.column_names or not _is_list_of_text(pool.table.schema.field(LABELS).type):
        return []
    return [f"CREATE MACRO has({LABELS}, wanted) AS coalesce(list_contains({LABELS}, wanted), false)"]


def columns_of(macros: Iterable[str]) -> dict[str, str]:
    """Name of each function -> the column that brings it."""
    heads = (sql.partition(")")[0].removeprefix("CREATE MACRO ") for sql in macros)
    return {name.strip(): rest.split(",")[0].strip() for name, _, rest in (head.partition("(") for head in heads)}


def _is_list_of_text(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return is_list and (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))
