"""What one person said of one sample, as it is kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from datasel_core.pools.labels import Label

_BOX = pa.struct([("class", pa.string()), *((side, pa.float64()) for side in "xywh")])
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("content", pa.string()),
        ("person", pa.string()),
        ("classes", pa.list_(pa.string())),
        ("boxes", pa.list_(_BOX)),
        ("seconds", pa.float64()),
        ("time", pa.string()),
        ("right", pa.bool_()),
        ("place", pa.string()),
    ]
)


@dataclass(frozen=True)
class Judgement:
    """content: hash of what the sample was when it was labelled. boxes: in pixels of the upright picture. classes,
    boxes: None where the labeller was not asked for any. The rest as of `readers.reading.Said`.
    """

    id: str
    content: str
    person: str
    classes: tuple[str, ...] | None
    boxes: tuple[Label, ...] | None
    seconds: float | None
    time: str | None
    right: bool
    place: str

    @property
    def value(self) -> str:
        """What was said, as one word: the classes; where only boxes were drawn, their classes, each once. Empty where
        nothing was found.
        """
        found = self.classes if self.classes is not None else {label.name for label in self.boxes or ()}
        return ", ".join(sorted(found))

    @property
    def said(self) -> tuple:
        """What is compared to see whether it was said twice."""
        return self.classes, self.boxes, self.right

    @property
    def names(self) -> set[str]:
        """All classes that it names."""
        return {*(self.classes or ()), *(label.name for label in self.boxes or ())}


def table(judgements: Iterable[Judgement]) -> pa.Table:
    rows = [{**vars(one), "classes": _list(one.classes), "boxes": _drawn(one.boxes)} for one in judgements]
    return pa.Table.from_pylist(rows, SCHEMA)


def judgements(found: pa.Table) -> list[Judgement]:
    return [_read(row) for row in found.select(SCHEMA.names).to_pylist()]


def _list(classes: tuple[str, ...] | None) -> list[str] | None:
    return None if classes is None else list(classes)


def _drawn(boxes: tuple[Label, ...] | None) -> list[dict[str, Any]] | None:
    if boxes is None:
        return None
    none = (None,) * 4
    return [{"class": one.name, **dict(zip("xywh", one.box or none, strict=True))} for one in boxes]


def _read(row: dict[str, Any]) -> Judgement:
    classes, boxes = row["classes"], row["boxes"]
    drawn = None if boxes is None else tuple(_label(one) for one in boxes)
    return Judgement(**{**row, "classes": None if classes is None else tuple(classes), "boxes": drawn})


def _label(one: dict[str, Any]) -> Label:
    return Label(one["class"], None if one["x"] is None else tuple(one[side] for side in "xywh"))
