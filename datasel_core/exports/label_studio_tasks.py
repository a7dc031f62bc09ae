"""Samples as tasks of Label Studio, and the labelling configuration that shows them.

https://labelstud.io/guide/tasks, https://labelstud.io/guide/predictions
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Literal
from urllib.parse import quote

import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasel_core.errors import BadRequest
from datasel_core.exports.classes import class_names, labels_of
from datasel_core.pools.labels import LABELS, Label, edges
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.texts import rows as texts
from datasel_core.pools.readers.texts.preferences import REJECTED

Labels = Literal["predictions", "annotations", "none"]
NEEDS = ("id", "rank", "score", "count", "why", "caption", "captions", REJECTED)
"""Columns of a selection that enter a task, beside those that hold its texts."""
_BOX = ("RectangleLabels", 'name="box" toName="image"')
_MOST_GROUPS = 1_000
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Tasks:
    """How the samples of a pool become tasks. labels: what their labels are to be. shown: whether labellers see why a
    sample was chosen.
    """

    pool: Pool
    labels: Labels
    shown: bool

    @property
    def has_pictures(self) -> bool:
        return "image" in self.pool.opens

    @property
    def is_labelled(self) -> bool:
        return self.has_pictures and self.pool.has_labels

    def task(self, row: int, kept: Mapping[str, Any], picture: str | None) -> dict[str, Any]:
        """row: of the pool. kept: the sample's line in the selection. picture: its path below the served folder."""
        id = str(kept["id"])
        # CSV and JSON-MIN of Label Studio put the task's own number where `id` was; `sample_id` comes back in all.
        data = {**self._data(kept, picture), "id": id, "sample_id": id}
        why = {"rank": kept["rank"], "score": _number(kept["score"]), "count": kept["count"]}
        reasons = json.loads(kept["why"] or "{}", parse_constant=lambda name: None)
        if self.shown:
            data |= {"rank": kept["rank"], "score": why["score"], "why": _line(reasons)}
        task = {"data": data, "meta": {"id": id, **why, "why": reasons}}
        if self.labels != "none" and (said := self._said(row)) is not None:
            task[self.labels] = said
        return task

    def config(self) -> str:
        """The labelling configuration. Raises BadRequest for a class that XML cannot hold."""
        shows = self._shows()
        why = ['<Text name="why" value="$why"/>'] if self.shown else []
        return "\n".join(["<View>", *(f"  {line}" for line in [*shows, *why, *self._asks()]), "</View>", ""])

    def cut(self, row: int) -> int:
        """How many boxes of a sample reach over the edge of its picture, and are cut there."""
        boxes = [label.box for label in self._own(row) if label.box is not None]
        return sum(edges(box, self._size(row))[1] for box in boxes)

    def _data(self, kept: Mapping[str, Any], picture: str | None) -> dict[str, Any]:
        data: dict[str, Any] = {}
        if picture is not None:
            data["image"] = f"/data/local-files/?d={quote(picture)}"
        if "caption" in kept:
            data["caption"] = "\n".join(kept.get("captions") or [kept["caption"]])
        if names := self.pool.how.texts:
            turns = texts.turns_of({called: kept[name] for name, called in names.items() if name in kept})
            if self._is_dialogue():
                data["dialogue"] = [{"role": turn.role, "text": turn.text} for turn in turns]
            else:
                data["text"] = "\n\n".join(turn.text for turn in turns)
            if REJECTED in kept:
                data[REJECTED] = kept[REJECTED] or ""
        return data

    def _is_dialogue(self) -> bool:
        called = {self.pool.how.texts.get(name) for name in self.pool.columns}
        return not {"prompt", "messages"}.isdisjoint(called)

    def _own(self, row: int) -> list[Label]:
        return labels_of(self.pool, row) if self.has_pictures else []

    def _said(self, row: int) -> list[dict[str, Any]] | None:
        """Labels that people made before. A picture on which they found nothing is labelled, too; nothing where nobody
        looked.
        """
        if not self.is_labelled:
            return None
        own = self._own(row)
        result = [self._box(row, at, label) for at, label in enumerate(own) if label.box is not None]
        names = sorted({label.name for label in own if label.box is None})
        if names:
            about = {"id": "class", "from_name": "class", "to_name": "image", "type": "choices"}
            result.append({**about, "value": {"choices": names}})
        if self.labels == "predictions":
            return [{"model_version": "source", "result": result}] if result else []
        return [{"result": result}]

    def _box(self, row: int, at: int, label: Label) -> dict[str, Any]:
        width, height = self._size(row)
        (left, top, right, bottom), _ = edges(label.box, (width, height))
        place = {
            "x": left / width,
            "y": top / height,
            "width": (right - left) / width,
            "height": (bottom - top) / height,
        }
        value = {name: 100 * share for name, share in place.items()} | {"rotation": 0, "rectanglelabels": [label.name]}
        about = {"id": f"box{at}", "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
        size = {"original_width": width, "original_height": height, "image_rotation": 0}
        return {**about, **size, "value": value}

    def _size(self, row: int) -> tuple[int, int]:
        return self.pool.value("width", row), self.pool.value("height", row)

    def _shows(self) -> list[str]:
        shows = ['<Image name="image" value="$image"/>'] if self.has_pictures else []
        if "caption" in self.pool.columns:
            shows.append('<Text name="caption" value="$caption"/>')
        if self.pool.how.texts and self._is_dialogue():
            keys = 'layout="dialogue" nameKey="role" textKey="text"'
            shows.append(f'<Paragraphs name="dialogue" value="$dialogue" {keys}/>')
        elif self.pool.how.texts:
            shows.append('<Text name="text" value="$text"/>')
        if REJECTED in self.pool.columns:
            shows += ['<Header value="The other response"/>', f'<Text name="{REJECTED}" value="${REJECTED}"/>']
        return shows

    def _asks(self) -> list[str]:
        if self.pool.how.texts:
            subject = "dialogue" if self._is_dialogue() else "text"
            words = ["the first response", "the other response"] if REJECTED in self.pool.columns else ["good", "bad"]
            return _choices("verdict", subject, words)
        asks = [] if "caption" not in self.pool.columns else _choices("match", "caption", ["fits", "does not fit"])
        if not self.has_pictures:
            return asks
        names = class_names(self.pool)
        plain = bool(names)
        if self.pool.boxes is not None:
            asks += _tags(*_BOX, "Label", names)
            plain = pq.read_table(self.pool.boxes, columns=["x"])["x"].null_count > 0
        if plain:
            several = pc.max(pc.list_value_length(self.pool.table[LABELS])).as_py() > 1
            asks += _choices("class", "image", names, "multiple" if several else "single")
        if not names and self.pool.kind != "pairs":
            groups = self._groups()
            asks += _choices("class", "image", groups) if groups else _new_boxes()
        return asks

    def _groups(self) -> list[str]:
        """Names of groups, where there are some: for photos in sub-folders they are what people would choose among."""
        name = self.pool.group_column
        found = [] if name is None else self.pool.table[name].unique().drop_null().to_pylist()
        return sorted(map(str, found)) if 1 < len(found) <= _MOST_GROUPS else []


def _choices(name: str, subject: str, words: Iterable[str], choice: str = "single") -> list[str]:
    return _tags("Choices", f'name="{name}" toName="{subject}" choice="{choice}"', "Choice", words)


def _new_boxes() -> list[str]:
    return ["<!-- put your own classes in place of this one -->", *_tags(*_BOX, "Label", ["object"])]


def _tags(outer: str, attributes: str, inner: str, words: Iterable[str]) -> list[str]:
    words = list(words)
    if broken := next((word for word in words if _NO_XML.search(word)), None):
        raise BadRequest(f"The class {broken!r} holds a character that XML does not have; export jsonl or coco.")
    return [f"<{outer} {attributes}>", *(f"  <{inner} value={_quoted(word)}/>" for word in words), f"</{outer}>"]


def _number(score: float | None) -> float | None:
    return score if score is not None and math.isfinite(score) else None


def _line(reasons: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in reasons.items())


def _quoted(word: str) -> str:
    """As the value of an attribute in XML, line breaks included."""
    return '"' + escape(word).replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;") + '"'
