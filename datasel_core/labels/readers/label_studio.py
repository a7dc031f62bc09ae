"""Label Studio: JSON with tasks and their annotations, JSON-MIN and CSV with one annotation a row.

https://labelstud.io/guide/export
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from datasel_core.errors import BadInput
from datasel_core.labels.readers.reading import SHARES, Reading, Said, around, duration, instant
from datasel_core.pools.labels import Label
from datasel_core.pools.readers.texts.preferences import REJECTED

_LARGEST = 1 << 30
"""Bytes of a file, which is read as a whole."""
_OURS = {"image", "caption", "text", "dialogue", REJECTED, "id", "sample_id", "rank", "score", "why"}
_THEIRS = {"annotator", "annotation_id", "lead_time", "created_at", "updated_at", "agreement", "ground_truth"}
_THEIRS |= {"was_cancelled", "predictions", "project", "task_id", "inner_id", "total_annotations"}
_CLASSES = ("choices", "taxonomy", "rating")
_REGION = ("rectanglelabels", "polygonlabels", "ellipselabels", "brushlabels", "keypointlabels")
_SHAPES = ("rectangle", "polygon", "ellipse", "brush", "keypoint")


def is_it(found: Any) -> bool:
    """Whether JSON is an export of Label Studio."""
    first = found[0] if isinstance(found, list) and found else None
    return isinstance(first, dict) and (_is_task(first) or "annotation_id" in first)


def _is_task(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("data"), dict)


def read(path: Path) -> Reading:
    """Raises BadInput."""
    if path.stat().st_size > _LARGEST:
        raise BadInput(f"{path.name} is larger than {_LARGEST:,} bytes; export fewer tasks at once.")
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} could not be read: {getattr(error, 'msg', None) or error}.") from None
    if not isinstance(found, list):
        raise BadInput(f"{path.name} is no export of Label Studio: it must be a list of tasks.")
    reading, waiting = Reading(tells_empty=True), 0
    for at, entry in enumerate(found, 1):
        place = f"task {at:,} of {path.name}"
        if not isinstance(entry, dict):
            reading.lose(place, "it is no task")
        elif _is_task(entry):
            waiting += not _of_task(entry, place, reading)
        elif "annotation_id" in entry or "annotator" in entry:
            row(entry, place, reading)
        else:
            reading.lose(place, "it has neither data nor an annotation")
    if waiting:
        reading.notes.append(f"Tasks that nobody has labelled yet: {waiting:,}.")
    return reading


def row(entry: Mapping[str, Any], place: str, reading: Reading) -> None:
    """One annotation of JSON-MIN, or of a CSV whose cells were read."""
    controls = {name: value for name, value in entry.items() if name not in _OURS | _THEIRS and value not in (None, "")}
    about = {name: entry.get(name) for name in ("lead_time", "created_at", "updated_at", "ground_truth")}
    results = [one for name, value in controls.items() for one in _unfolded(name, value)]
    _take({**about, "result": results, "completed_by": entry.get("annotator")}, _names(entry), place, reading)


def _unfolded(name: str, value: Any) -> Iterator[dict[str, Any]]:
    """What JSON-MIN says of one control, as JSON says it."""
    if isinstance(value, str | int | float):
        yield {"from_name": name, "type": "choices", "value": {"choices": [str(value)]}}
    elif isinstance(value, dict) and "choices" in value:
        yield {"from_name": name, "type": "choices", "value": value}
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        yield {"from_name": name, "type": "choices", "value": {"choices": value}}
    else:
        for one in value if isinstance(value, list) else [value]:
            kind = next((key for key in _REGION if isinstance(one, dict) and key in one), "other")
            yield {"from_name": name, "type": kind, "value": one}


def _of_task(task: Mapping[str, Any], place: str, reading: Reading) -> int:
    """How many people labelled it."""
    said = task.get("annotations") or task.get("completions") or []
    said = said if isinstance(said, list) else []
    for one in said:
        if isinstance(one, dict):
            _take(one, _names(task["data"]), place, reading)
        else:
            reading.lose(place, "its annotation is none")
    return len(said)


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The sample's id as it was exported; `id` of JSON-MIN and CSV is the task's own number."""
    if data.get("sample_id") not in (None, ""):
        return (str(data["sample_id"]),)
    own = (data["id"],) if isinstance(data.get("id"), str) and "annotation_id" not in data else ()
    return (*own, served(data["image"])) if isinstance(data.get("image"), str) else own


def served(address: str) -> str:
    """The path of a picture that Label Studio serves: what `?d=` says; of other addresses the path."""
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path).lstrip("/")


def _take(one: Mapping[str, Any], names: tuple[str, ...], place: str, reading: Reading) -> None:
    person = _person(one.get("completed_by"))
    if not names:
        reading.lose(place, "it names no sample: neither sample_id, id nor image", person)
        return
    if one.get("was_cancelled"):
        reading.lose(names[0], "its labeller skipped it", person)
        return
    classes, boxes, others = _judged(one.get("result"))
    for kind in others:
        reading.lose(names[0], f"what is of type {kind} is neither a class nor a box; the rest was taken", person)
    if others and classes is None and boxes is None:
        return
    seconds = duration(one.get("lead_time"))
    if seconds is None and one.get("lead_time") not in (None, ""):
        reading.lose(names[0], f"{one['lead_time']!r} is no number of seconds; the label was taken", person)
    time = instant(one.get("updated_at")) or instant(one.get("created_at"))
    right = one.get("ground_truth") in (True, "true", "True")
    reading.said.append(Said(names, place, person, classes, boxes, SHARES, seconds, time, right))


def _person(said: Any) -> str:
    """The number of a labeller: names and addresses of people stay where they are."""
    if isinstance(said, dict):
        said = said.get("id", said.get("email"))
    if isinstance(said, str) and "," in said and said.split(",")[-1].strip().isdigit():
        said = said.split(",")[-1]  # `name, number`, as CSV may write it
    return "" if said is None else str(said).strip()


def _judged(result: Any) -> tuple[tuple[str, ...] | None, tuple[Label, ...] | None, list[str]]:
    """Classes, boxes as shares of the picture, and kinds of results that are neither."""
    found: dict[str, list[str]] = {}
    boxes: list[Label] = []
    others: set[str] = set()
    entries = [one for one in result if isinstance(one, dict)] if isinstance(result, list) else []
    named = {one.get("id") for one in entries if one.get("type") in _REGION or one.get("type") == "labels"}
    for one in entries:
        kind, value = str(one.get("type") or "unknown"), one.get("value")
        value = value if isinstance(value, dict) else {}
        if kind in _REGION or (kind == "labels" and "start" not in value):
            boxes += _regions(kind, {**one, **value})
        elif kind in _CLASSES:
            found.setdefault(str(one.get("from_name")), []).extend(_words(value.get(kind)))
        elif kind not in _SHAPES or one.get("id") not in named:  # else another entry says its class
            others.add("labels of a text" if kind == "labels" else kind)
    names = {word if len(found) == 1 else f"{name}: {word}" for name, words in found.items() for word in words}
    return (tuple(sorted(names)) if found else None), (tuple(boxes) if boxes else None), sorted(others)


def _words(value: Any) -> list[str]:
    if isinstance(value, list):
        return [" / ".join(map(str, one)) if isinstance(one, list) else str(one) for one in value]
    return [] if value is None else [str(value)]


def _regions(kind: str, value: Mapping[str, Any]) -> list[Label]:
    names = _words(value.get(kind)) or ["object"]
    try:
        box = _box(value)
    except (TypeError, ValueError, KeyError, IndexError):
        box = None
    return [Label(name, box) for name in names]


def _box(value: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """The upright box around a region, as shares of the picture; None where it has no outline."""
    if isinstance(value.get("points"), list):
        return _shares(around([float(side) for point in value["points"] for side in point[:2]]))
    if "radiusX" in value:
        x, y, across, down = (float(value[name]) for name in ("x", "y", "radiusX", "radiusY"))
        return _shares((x - across, y - down, 2 * across, 2 * down))
    if not {"x", "y", "width", "height"} <= value.keys():
        return None
    x, y, w, h = (float(value[name]) for name in ("x", "y", "width", "height"))
    if not (turned := float(value.get("rotation") or 0)):
        return _shares((x, y, w, h))
    # it is turned about its left upper corner, in pixels
    wide, tall = float(value.get("original_width") or 1), float(value.get("original_height") or 1)
    cos, sin = math.cos(math.radians(turned)), math.sin(math.radians(turned))
    corners = [(0.0, 0.0), (w * wide, 0.0), (0.0, h * tall), (w * wide, h * tall)]
    moved = [(x + (a * cos - b * sin) / wide, y + (a * sin + b * cos) / tall) for a, b in corners]
    return _shares(around([side for corner in moved for side in corner]))


def _shares(box: Sequence[float]) -> tuple[float, float, float, float]:
    x, y, w, h = (side / 100 for side in box)
    return x, y, w, h
