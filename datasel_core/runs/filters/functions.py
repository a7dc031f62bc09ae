"""Which functions a condition may call: those that say the same of a row whenever and wherever they are asked."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from datasel_core.runs.filters import tree

_OF_DATES = frozenset(
    {"+", "-", "century", "date_diff", "date_part", "date_sub", "date_trunc", "datediff", "datepart", "datesub"}
    | {"datetrunc", "day", "dayname", "dayofmonth", "dayofweek", "dayofyear", "decade", "era", "generate_series"}
    | {"hour", "isodow", "isoyear", "julian", "last_day", "make_timestamptz", "microsecond", "millennium"}
    | {"millisecond", "minute", "month", "monthname", "quarter", "range", "second", "strftime", "time_bucket"}
    | {"timezone", "timezone_hour", "timezone_minute", "week", "weekday", "weekofyear", "year", "yearweek"}
)
"""Of these DuckDB says only that they are constant within a query, because they know the time zone; ours is fixed."""
_OF_THE_PROGRAM = {"version", "index_key", "json_serialize_sql", "json_deserialize_sql", "json_serialize_plan"}
_BY_LOT = {"reservoir_quantile"}
_WITHOUT_END = {"reduce", "list_reduce", "array_reduce"}
"""Each step may double what the last one gave."""
CLOCK = frozenset(
    {"current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp"}
    | {"current_user", "localtime", "localtimestamp", "session_user", "user"}
)
"""Words that are written without parentheses."""


@dataclass(frozen=True)
class Known:
    """What DuckDB's catalogue says of a name. kinds: of any of `scalar`, `aggregate`, `table`, ...; stabilities: of the
    scalar ones. macros: (parameters, definition) where it only stands for something else.
    """

    kinds: frozenset[str]
    stabilities: frozenset[str]
    macros: tuple[tuple[tuple[str, ...], str], ...]


@functools.lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Known]:
    """Every function that DuckDB brings, by its name in small letters."""
    with duckdb.connect(config=tree.CLOSED) as database:
        rows = database.execute(
            "SELECT lower(function_name), function_type, stability, parameters, macro_definition FROM "
            "duckdb_functions() ORDER BY ALL"
        ).fetchall()
    found: dict[str, list[tuple]] = {}
    for name, *about in rows:
        found.setdefault(name, []).append(tuple(about))
    return {name: _known(about) for name, about in found.items()}


def _known(rows: list[tuple]) -> Known:
    macros = ((tuple(parameters), text) for kind, _, parameters, text in rows if kind == "macro" and text)
    stabilities = frozenset(stability for kind, stability, *_ in rows if kind == "scalar")
    return Known(frozenset(kind for kind, *_ in rows), stabilities, tuple(macros))


def refusal(name: str, n_arguments: int, whole: bool) -> str | None:
    """Why a function may not be called; None where it may. whole: it is asked of all rows, inside of `(SELECT ...)`."""
    known = catalogue().get(name)
    if (name == "unnest" and whole) or (name == "age" and n_arguments == 2):
        return None
    if known is None:
        return f"it asks {name}(), which is no function"
    if name in _WITHOUT_END:
        return f"it asks {name}(), which may go on for ever; list_sum, list_max and list_aggregate do not"
    if "VOLATILE" in known.stabilities or name in _BY_LOT:
        return f"it asks {name}(), which gives other rows each time it is asked, so nobody could repeat it"
    if known.kinds & {"scalar", "macro"}:
        return _of_scalar(name, known)
    if "aggregate" not in known.kinds:
        return f"it asks {name}(), which opens something other than the pool"
    return (
        None if whole else f"it asks {name}(), which speaks of many rows; of all that is (SELECT {name}(...) FROM pool)"
    )


def _of_scalar(name: str, known: Known) -> str | None:
    if "CONSISTENT_WITHIN_QUERY" in known.stabilities and name not in _OF_DATES:
        return because_of_clock(f"{name}()")
    if name in _OF_THE_PROGRAM or name.startswith("__internal"):
        return f"it asks {name}(), which says something of the program and nothing of a sample"
    return None


def because_of_clock(name: str) -> str:
    return (
        f"it asks {name}, which depends on when or where it is asked; write the value itself, such as date '2026-01-31'"
    )
