"""A condition as DuckDB's own parser sees it: a tree, on which names are looked up and what is allowed is decided."""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

_LONGEST = 100_000
"""Characters. A longer condition is a table of its own: keep it as a pool column, or as a selection for --within."""
_TOO_DEEP = "it is nested too deeply"
_KIND = re.compile(r"^[A-Z]\w*( \w+){0,3} Error: ")
CLOSED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
"""How every database here is opened: it reaches no file and no network."""


class NoCondition(Exception):
    """A text is not one condition; says why, as the end of a sentence."""


def parse(where: str) -> dict[str, Any]:
    """The tree of one condition. Raises NoCondition.

    It has to be right with and without parentheses around it: then no text can end the condition and begin something
    else, be it another statement, another clause or a second expression.
    """
    if len(where) > _LONGEST:
        raise NoCondition(f"it has {len(where):,} characters; a condition has at most {_LONGEST:,}")
    if not where.strip():
        raise NoCondition("it is empty")
    node = _statement(f"SELECT 1 FROM pool WHERE ({where}\n)")["where_clause"]
    _statement(f"SELECT 1 FROM pool WHERE {where}\n")
    return node


def _statement(sql: str) -> dict[str, Any]:
    try:
        with _parser().cursor() as database:
            said = json.loads(database.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()[0])
    except duckdb.Error as error:
        raise NoCondition(reason(error)) from None
    except RecursionError:
        raise NoCondition(_TOO_DEEP) from None
    if said["error"]:
        text = " ".join((said.get("error_message") or "it cannot be read").split())
        raise NoCondition(_TOO_DEEP if "expression depth" in text else text)
    statements = said["statements"]
    if len(statements) != 1 or statements[0]["node"]["type"] != "SELECT_NODE":
        raise NoCondition("it is more than one condition")
    return statements[0]["node"]


@functools.lru_cache(maxsize=1)
def _parser() -> duckdb.DuckDBPyConnection:
    """An empty database: opening one takes fifty times as long as reading a condition."""
    return duckdb.connect(config=CLOSED)


def reason(error: Exception) -> str:
    """What DuckDB says, without its name for such errors and without the picture of where."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return "it needs more memory than a filter is given"
    if isinstance(error, duckdb.InternalException | duckdb.FatalException):
        return "DuckDB broke on it; put it in other words"
    said = " ".join(str(error).split("\n\n")[0].split())
    return _KIND.sub("", said)


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Every node below one, itself first, from left to right."""
    waiting = [node]
    while waiting:
        now = waiting.pop()
        if isinstance(now, dict):
            yield now
            waiting += reversed(list(now.values()))
        elif isinstance(now, list):
            waiting += reversed(now)


def bare(node: Any) -> Any:
    """The same tree without where in the text its parts stand: equal trees mean the same."""
    if isinstance(node, dict):
        return {name: bare(value) for name, value in node.items() if not name.startswith("query_location")}
    return [bare(one) for one in node] if isinstance(node, list) else node


@functools.lru_cache(maxsize=4000)
def is_plain(name: str) -> bool:
    """Whether a column's name means this column as it stands, without quotes: no blank, sign or reserved word."""
    try:
        return parse(name).get("column_names") == [name]
    except NoCondition:
        return False


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
