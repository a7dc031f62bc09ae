"""Tables: id, label, and as far as they are there person, seconds, time, and x, y, w, h in pixels of the picture."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.labels.readers import label_studio
from datasel_core.labels.readers.reading import Reading, Said, duration, instant
from datasel_core.pools.labels import Label
from datasel_core.pools.readers.tables.table import read_table
from datasel_core.pools.readers.tables.table_file import TABLES, kind_by_content

_BOX = ("x", "y", "w", "h")
_IDS, _LABELS = ("sample_id", "id"), ("label", "class")
_PEOPLE, _SECONDS, _TIMES = ("person", "labeller", "annotator"), ("seconds", "lead_time"), ("time", "created_at")


def is_it(path: Path) -> bool:
    return kind_by_content(path) in TABLES


def read(path: Path) -> Reading:
    """Raises BadInput."""
    table = read_table(path)
    rows = [{name: values[at] for name, values in table.columns.items()} for at in range(len(table.at))]
    reading = Reading(notes=list(table.notes))
    for one in table.lost:
        reading.lose(one["id"], one["reason"])
    if {"annotation_id", "annotator"} <= set(table.names):  # a CSV of Label Studio
        reading.tells_empty = True
        for at, row in enumerate(rows):
            label_studio.row({name: _cell(value) for name, value in row.items()}, table.place(at), reading)
        return reading
    id, label = _column(path, table.names, _IDS), _column(path, table.names, _LABELS)
    named = {what: _first(table.names, names) for what, names in _OPTIONAL.items()}
    drawn = set(_BOX) <= set(table.names)
    _gather(((table.place(at), row) for at, row in enumerate(rows)), id, label, named, drawn, reading)
    return reading


_OPTIONAL = {"person": _PEOPLE, "seconds": _SECONDS, "time": _TIMES}


def _gather(
    rows: Iterable[tuple[str, dict[str, Any]]],
    id: str,
    label: str,
    named: dict[str, str | None],
    drawn: bool,
    reading: Reading,
) -> None:
    """Rows that one person wrote of one sample at one time belong together where they have boxes; each is a statement
    of its own where they have none.
    """
    boxes: dict[tuple[str, str, str | None], tuple[str, float | None, list[Label]]] = {}
    for place, row in rows:
        name, word = _text(row[id]), _text(row[label])
        person = _text(row[named["person"]]) if named["person"] else ""
        if not name:
            reading.lose(place, "it names no sample", person)
            continue
        seconds, time = _measured(row, named, name, person, reading)
        box = _box(row) if drawn else None
        if isinstance(box, str):
            reading.lose(name, box, person)
        elif box is None:
            reading.said.append(Said((name,), place, person, (word,) if word else None, None, None, seconds, time))
        elif not word:
            reading.lose(name, "its box has no label", person)
        else:
            key = (name, person, time)
            boxes.setdefault(key, (place, seconds, []))[2].append(Label(word, box))
    for (name, person, time), (place, seconds, own) in boxes.items():
        reading.said.append(Said((name,), place, person, None, tuple(own), None, seconds, time))


def _measured(
    row: dict[str, Any], named: dict[str, str | None], name: str, person: str, reading: Reading
) -> tuple[float | None, str | None]:
    """Seconds and time; what is neither is said, and the label is taken."""
    found: dict[str, Any] = {}
    for what, read in (("seconds", duration), ("time", instant)):
        value = row[named[what]] if named[what] else None
        value = str(value) if what == "time" and value is not None else value
        found[what] = read(value)
        if found[what] is None and _text(value):
            words = "no number of seconds" if what == "seconds" else "no time as in 2026-05-01T09:30:00Z"
            reading.lose(name, f"{_text(value)!r} is {words}; the label was taken", person)
    return found["seconds"], found["time"]


def _box(row: dict[str, Any]) -> tuple[float, float, float, float] | str | None:
    """In pixels; None where the row has none; the reason where it is none."""
    sides = [_text(row[side]) for side in _BOX]
    if not any(sides):
        return None
    try:
        x, y, w, h = map(float, sides)
    except ValueError:
        return f"x, y, w, h are {', '.join(sides)}; they must be four numbers of pixels"
    return x, y, w, h


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _cell(value: Any) -> Any:
    """A cell of Label Studio, which may hold JSON."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
    return value


def _first(names: list[str], usual: tuple[str, ...]) -> str | None:
    return next((one for one in usual if one in names), None)


def _column(path: Path, names: list[str], usual: tuple[str, ...]) -> str:
    if (found := _first(names, usual)) is None:
        raise BadInput(
            f"{path.name} has no column {' or '.join(usual)}; a table of labels has id and label, and may have person, "
            f"seconds, time, x, y, w, h. It has: {', '.join(names)}."
        )
    return found
