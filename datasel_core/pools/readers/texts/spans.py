"""Facts that are marked in running text: where each begins and ends, and of which relation it is."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from datasel_core.pools.readers.tables.typed import is_missing
from datasel_core.pools.readers.texts.turns import BadRow, dumped, listed, said

SPANS = "fact_spans"
"""The column of the pool: JSON, a list of [start, end] or [start, end, relation] in ascending order. Places are counted
in characters (Unicode code points) from 0, and the end is the first character that is none of the fact's.
"""
USUAL = (SPANS, "spans", "facts")
"""Columns in which people write them; the first that holds some counts."""
_RELATIONS = ("relation", "label", "predicate", "property")
_START, _END = "start", "end"


def spans_of(row: Mapping[str, Any], text: str, asked: str | None) -> tuple[str, str] | None:
    """(the column in which they stand, what the pool keeps of them: empty where nothing is marked); None where the row
    says nothing of facts. asked: the column that was named; without it, one with a usual name is taken if its values
    are places, and left to stand beside the text if they mean something else.

    A place is a list [start, end] or [start, end, relation], or an object with `start`, `end` and perhaps a `relation`
    (`label`, `predicate`, `property`); an object of two lists, as tables of columns write many objects, is read too,
    and JSON in a cell. Raises BadRow for places that are no whole numbers, lie outside the text, are empty or overlap.
    """
    for name in USUAL if asked is None else (asked,):
        value = row.get(name)
        if is_missing(value) or value == "":
            continue
        if (found := _listed(value, name, asked is not None)) is None:
            continue
        spans = sorted((_span(one, text, f"{name} {at}") for at, one in enumerate(found, 1)), key=lambda one: one[:2])
        for one, other in zip(spans, spans[1:], strict=False):
            if other[0] < one[1]:
                raise BadRow(f"its {name} overlap: {one[:2]} and {other[:2]}; every character belongs to one fact")
        return name, dumped(spans, separators=(",", ":")) if spans else ""
    return None


def may_hold_spans(values: Sequence[Any]) -> bool:
    """Whether any of these is a list, or an object, or may be one as JSON."""
    texts = (one.lstrip()[:1] for one in values if one.__class__ is str)
    return any(isinstance(one, list | dict) for one in values) or any(first in ("[", "{") for first in texts)


def places(kept: str | None) -> tuple[tuple[int, int], ...]:
    """(start, end) of each, from the column of the pool."""
    return tuple((start, end) for start, end, *_ in json.loads(kept)) if kept else ()


def _listed(value: Any, name: str, is_asked: bool) -> list[Any] | None:
    """One value for each fact; None where a column that nobody named holds something else."""
    if isinstance(value, str):
        if is_asked:
            value = listed(value, name)
        else:
            with contextlib.suppress(ValueError, RecursionError):
                value = json.loads(value)
    if isinstance(value, Mapping) and all(isinstance(value.get(key), list) for key in (_START, _END)):
        lists = {key: one for key, one in value.items() if isinstance(one, list)}
        if len(set(map(len, lists.values()))) > 1:
            raise BadRow(f"the lists of its {name} differ in length; each must have one value for each fact")
        value = [dict(zip(lists, one, strict=True)) for one in zip(*lists.values(), strict=True)]
    are_places = isinstance(value, list) and (not value or any(map(_may_be_place, value)))
    if is_asked and not are_places:
        raise BadRow(f"its {name} is {said(value)}; it must be a list of [start, end] for each marked fact")
    return value if are_places else None


def _may_be_place(value: Any) -> bool:
    """Whether it is meant to be a place: a list that begins with a number, or an object with a start or an end."""
    if isinstance(value, Mapping):
        return _START in value or _END in value
    return isinstance(value, list) and bool(value) and isinstance(value[0], int | float)


def _span(value: Any, text: str, called: str) -> list[Any]:
    """[start, end] or [start, end, relation]. Raises BadRow."""
    if isinstance(value, Mapping):
        relation = next((value[key] for key in _RELATIONS if not is_missing(value.get(key))), None)
        start, end = value.get(_START), value.get(_END)
    elif isinstance(value, list) and len(value) in (2, 3):
        start, end, relation = (*value, None)[:3]
    else:
        raise BadRow(f"its {called} is {said(value)}; it must be [start, end]")
    start, end = _whole(start, called, _START), _whole(end, called, _END)
    if start >= end:
        raise BadRow(f"its {called} is empty (from {start} to {end}); the end is the first character after the fact")
    if start < 0 or end > len(text):
        raise BadRow(f"its {called} (from {start} to {end}) lies outside the text, which has {len(text)} characters")
    if relation is None:
        return [start, end]
    if not isinstance(relation, str) or not relation.strip():
        raise BadRow(f"the relation of its {called} is {said(relation)}; it must be text")
    return [start, end, relation]


def _whole(value: Any, called: str, what: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRow(f"the {what} of its {called} is {said(value)}; it must be a whole number of characters")
    return value
