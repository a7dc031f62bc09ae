"""A condition that a person wrote, read once: one expression over the columns of a pool, and nothing else."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasel_core.errors import BadRequest, UnknownName
from datasel_core.runs.filters import functions, growth, tree
from datasel_core.runs.filters.names import completed, readings, reserved, stored
from datasel_core.runs.filters.tree import NoCondition

ROW = "row"
"""The position of a sample in the pool is a column, too; where the pool has one of this name, its own is meant."""
_OTHERS = (ROW, "rowid", "pool")
_SHOWN = 300
"""Characters of a condition that an error repeats."""
_CLASSES = {"BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION"}
_CLASSES |= {"LAMBDA", "OPERATOR", "STAR", "SUBQUERY", "TYPE"}


class BadCondition(BadRequest):
    """A condition that cannot be asked. reason: why, without the condition itself. columns: what it may name."""

    def __init__(self, where: str, reason: str, columns: Sequence[str]):
        shown = where if len(where) <= _SHOWN else f"{where[:_SHOWN]} ..."
        self.reason, self.columns = reason, tuple(columns)
        there = ", ".join(columns)
        super().__init__(f"--where {shown!r} does not work ({reason}); give one condition on the columns {there}.")


@dataclass(frozen=True)
class Condition:
    """sql: the condition with names made safe. names: words in it that may be columns, in small letters; None where it
    speaks of all. whole: whether it has to see all rows at once.
    """

    where: str
    sql: str
    names: frozenset[str] | None
    whole: bool

    def looks_at(self, column: str) -> bool:
        return self.names is None or column.lower() in self.names


def read(where: str, columns: Sequence[str], brought: Mapping[str, str] | None = None) -> Condition:
    """columns: all that it may name, numbers too. brought: functions that columns bring, name -> column.

    Raises BadRequest, in one line, when it is no condition, names what is not there, or asks what nobody could repeat.
    """
    try:
        where.encode()
    except UnicodeEncodeError as error:  # bytes of a command line or of a file that are no text
        raise BadCondition(where, f"its character {error.start + 1} is no text", columns) from None
    sql, node = _reading(where, columns, brought or {})
    nodes = list(tree.walk(node))
    for said in _troubles(nodes, columns, brought or {}):
        raise BadCondition(where, said, columns)
    if said := growth.too_large(nodes):
        raise BadCondition(where, said, columns)
    words = {word.lower() for one in nodes for word in _words(one)}
    everything = "pool" in words or any(one.get("class") == "STAR" for one in nodes)
    whole = "rowid" in words or any(one.get("class") == "SUBQUERY" for one in nodes)
    return Condition(where, sql, None if everything else frozenset(words), whole)


def _reading(where: str, columns: Sequence[str], brought: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The reading with the fewest names in quotes in which every name is known, and its tree."""
    trouble: BadRequest | None = None
    said = ""
    for group in readings(completed(where, brought), columns):
        good = {}
        for sql in group:
            try:
                node = tree.parse(sql)
            except NoCondition as error:
                said = said or str(error)
                continue
            unknown = _unknown(node, columns)
            if unknown is None:
                good[str(tree.bare(node))] = sql, node
            else:
                trouble = trouble or _no_column(where, unknown, columns)
        if len(good) > 1:
            options = " or ".join(sql for sql, _ in list(good.values())[:2])
            raise BadCondition(where, f"it can be read in two ways; write {options}", columns)
        if good:
            return next(iter(good.values()))
    raise trouble or _no_reading(where, said, columns, brought)


def _no_reading(where: str, said: str, columns: Sequence[str], brought: Mapping[str, str]) -> BadRequest:
    """A text that is no condition may be one on columns that are not there, and are called as SQL's own words are."""
    for group in readings(completed(where, brought), [*columns, *reserved(where, columns)]):
        for sql in group:
            with contextlib.suppress(NoCondition):
                if (unknown := _unknown(tree.parse(sql), columns)) is not None:
                    return _no_column(where, unknown, columns)
    return BadCondition(where, said, columns)


def _no_column(where: str, name: str, columns: Sequence[str]) -> BadRequest:
    if tree.quoted(name) in where:
        return BadCondition(where, f"there is no column {name}; text stands in single quotes, as in '{name}'", columns)
    near = str(UnknownName("column", name, columns)).partition("Did you mean")[2]
    hint = f"; did you mean{near}" if near else ""
    return BadCondition(where, f"there is no column {name}{hint}", columns)


def _unknown(node: dict[str, Any], columns: Sequence[str]) -> str | None:
    """The first name that is neither a column nor bound within the condition; of the clock's words the next step says
    more. Within a query on the pool DuckDB looks, which knows its aliases.
    """
    known = {name.lower() for name in (*stored(columns), *_OTHERS)} | functions.CLOCK
    waiting: list[tuple[Any, set[str]]] = [(node, known)]
    while waiting:
        now, there = waiting.pop()
        if isinstance(now, list):
            waiting += [(one, there) for one in reversed(now)]
        elif isinstance(now, dict) and now.get("class") == "SUBQUERY":
            waiting.append((now.get("child"), there))
        elif isinstance(now, dict):
            if now.get("class") == "COLUMN_REF" and now["column_names"][0].lower() not in there:
                return ".".join(now["column_names"])
            if now.get("class") == "LAMBDA":
                there = there | {word.lower() for one in tree.walk(now["lhs"]) for word in _words(one)}
            waiting += [(one, there) for one in reversed(list(now.values()))]
    return None


def _words(node: Mapping[str, Any]) -> list[str]:
    """Names of a node that may be columns; `prompt.length()` is a function of one."""
    if node.get("class") == "FUNCTION":
        return node["qualified_name"]["path"][:-1]
    return node["column_names"] if node.get("class") == "COLUMN_REF" else []


def _troubles(
    nodes: Sequence[dict[str, Any]], columns: Sequence[str], brought: Collection[str], depth: int = 0
) -> Iterator[str]:
    """What is not allowed in a condition, each as the middle of a sentence."""
    whole = any(node.get("class") == "SUBQUERY" for node in nodes)
    known = {name.lower() for name in (*columns, *_OTHERS)}
    for node in nodes:
        kind = node.get("class")
        if kind is not None and kind not in _CLASSES:
            yield f"it holds a {kind.lower().replace('_', ' ')}, which speaks of more than one row or of nothing"
        if kind == "COLUMN_REF" and (name := node["column_names"][-1].lower()) in functions.CLOCK - known:
            yield functions.because_of_clock(name)
        if kind == "SUBQUERY":
            yield from _of_query(node["subquery"]["node"])
        if kind == "FUNCTION":
            yield from _of_function(node, known, brought, whole, depth)


def _of_query(node: dict[str, Any]) -> Iterator[str]:
    """A query within the condition may be one plain SELECT from the pool itself; `= any(list)` is one from nothing."""
    table = node.get("from_table") or {}
    of_pool = table.get("type") == "BASE_TABLE" and table["qualified_name"]["path"] == ["pool"]
    plain = node["type"] == "SELECT_NODE" and not node["modifiers"] and not node["cte_map"]["map"]
    if not plain or node["sample"] or table.get("sample") or not (of_pool or table.get("type") == "EMPTY"):
        yield "it holds a query on something other than the pool, or with LIMIT, ORDER BY, WITH or a sample"


def _of_function(
    node: dict[str, Any], known: set[str], brought: Collection[str], whole: bool, depth: int
) -> Iterator[str]:
    name, *before = reversed([part.lower() for part in node["qualified_name"]["path"]])
    if before and before[-1] not in known:
        yield f"it asks {'.'.join(node['qualified_name']['path'])}(), which is no function"
    elif name not in brought:
        if said := functions.refusal(name, len(node["arguments"]) + len(before), whole):
            yield said
        elif depth < 4:
            found = functions.catalogue().get(name)
            for parameters, text in found.macros if found else ():
                inner = list(tree.walk(tree.parse(text)))
                for said in _troubles(inner, parameters, brought, depth + 1):
                    yield f"it asks {name}(), which {said.removeprefix('it ')}"
