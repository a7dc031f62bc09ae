"""Columns written as they are called: names that SQL would read as something else are put into quotes.

DuckDB's own tokenizer says where words begin and what is text or comment, and its parser which readings are conditions;
so a name is quoted only where it stands as a name. A regular expression knows neither.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from datasel_core.runs.filters.tree import is_plain, quoted

_MOST = 8
"""Places at which a name may be meant or not; where there are more, a name is meant at all of its places or at none."""
_JOINING = frozenset({"and", "or", "not", "in", "is", "null", "true", "false"})


@dataclass(frozen=True)
class _Part:
    """A stretch of the condition. name: the column that may be meant there."""

    start: int
    end: int
    name: str = ""


def readings(where: str, columns: Sequence[str]) -> Iterator[list[str]]:
    """The condition as it is; then, with ever more names of columns in quotes, all that have as many of them.

    columns: as they are called; of two that differ in capitals only, each is meant where it is written exactly.
    """
    where = _apart(where, columns)
    yield [where]
    places = _places(where, [name for name in columns if not is_plain(name)])
    units = [[place] for place in places]
    if len(places) > _MOST:
        units = [[one for one in places if one.name == name] for name in dict.fromkeys(one.name for one in places)]
    sizes = range(1, len(units) + 1) if len(units) <= _MOST else [len(units)]
    for size in sizes:
        chosen = (sum(some, []) for some in itertools.combinations(units, size))
        yield [_with_quotes(where, some) for some in chosen if not _overlap(some)]


def reserved(where: str, columns: Sequence[str]) -> list[str]:
    """Words of a condition that no column can be called without quotes, but for those that join conditions; columns
    that are there are none of them.
    """
    known = {*_JOINING, *(name.casefold() for name in columns)}
    words = {word.casefold(): word for word in (where[one.start : one.end].strip() for one in _words(where))}
    return [word for low, word in words.items() if low not in known and word.isidentifier() and not is_plain(word)]


def completed(where: str, brought: Mapping[str, str]) -> str:
    """The condition with the column filled in where a function that a column brings is called: `has('car')` becomes
    `has("labels", 'car')`. brought: function -> column.
    """
    words = _words(where)
    for before, word, after in reversed(list(zip([None, *words], words, words[1:], strict=False))):
        column = brought.get(where[word.start : word.end].strip().lower())
        called = where[after.start] == "(" and not (before and where[before.start : before.end].strip().endswith("."))
        if column is not None and called:
            where = f"{where[: after.start + 1]}{quoted(column)}, {where[after.start + 1 :]}"
    return where


def stored(columns: Sequence[str]) -> list[str]:
    """What each column is called in the database, which does not tell A from a: the later one becomes `a_1`."""
    taken, written = set(), {column.lower() for column in columns}
    names = []
    for column in columns:
        free = (f"{column}_{at}" for at in itertools.count(1) if f"{column}_{at}".lower() not in taken | written)
        name = column if column.lower() not in taken else next(free)
        taken.add(name.lower())
        names.append(name)
    return names


def _apart(where: str, columns: Sequence[str]) -> str:
    """Columns whose name another has in other capitals, by the name they are stored under."""
    renamed = {name: kept for name, kept in zip(columns, stored(columns), strict=True) if name != kept}
    written = {quoted(name): name for name in renamed} | {name: name for name in renamed}
    places = _places(where, list(written)) if renamed else []
    exact = [one for one in places if where[one.start : one.end] == one.name]
    return _with_quotes(where, [_Part(one.start, one.end, renamed[written[one.name]]) for one in exact])


def _with_quotes(where: str, places: Sequence[_Part]) -> str:
    for place in sorted(places, key=lambda one: -one.start):
        where = where[: place.start] + quoted(place.name) + where[place.end :]
    return where


def _places(where: str, names: Sequence[str]) -> list[_Part]:
    """Where these names stand outside of text and comments; they may overlap."""
    words = _words(where)
    all_of = (_Part(word.start, word.start + len(name), name) for word in words for name in names)
    same = (one for one in all_of if where[one.start : one.end].casefold() == one.name.casefold())
    return [one for one in same if _stands(where, one)]


def _overlap(places: Sequence[_Part]) -> bool:
    ordered = sorted(places, key=lambda one: one.start)
    return any(after.start < before.end for before, after in itertools.pairwise(ordered))


def _words(where: str) -> list[_Part]:
    """Words and signs; a text or a comment is one of them as a whole, so no name begins within."""
    content = where.encode()
    try:
        starts = [len(content[:at].decode()) for at, _ in duckdb.tokenize(where)]
    except duckdb.Error:  # a text without its end, which the parser tells better
        return []
    return list(map(_Part, starts, [*starts[1:], len(where)]))


def _stands(where: str, place: _Part) -> bool:
    """Whether a name is not the beginning of a longer word."""
    return not (_is_word(where[place.end - 1 : place.end]) and _is_word(where[place.end : place.end + 1]))


def _is_word(mark: str) -> bool:
    return mark.isalnum() or mark == "_"
