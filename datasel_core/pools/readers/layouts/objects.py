"""Boxes in a column of a table, as the Hugging Face export writes them and `datasets` describes them.

https://huggingface.co/docs/datasets/image_dataset#object-detection
"""

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from datasel_core.pools.labels import LABELS, Label

OBJECTS, BOX, CLASS = "objects", "bbox", "category"
NOTE = f"What is drawn on the pictures is in the column {OBJECTS}, as left, top, width and height in pixels."


def used(table: pa.Table) -> frozenset[str]:
    """The columns that say what was drawn on the pictures of a table: none where it has no such ones, or classes are
    numbers.

    bbox: left, top, width and height in pixels. category: names. Beside them `labels` may name all classes of a row.
    """
    said = table[OBJECTS].drop_null().to_pylist() if OBJECTS in table.column_names else []
    if not said or not all(map(_is_objects, said)):
        return frozenset()
    return frozenset({OBJECTS, LABELS} & set(table.column_names))


def labels_of(tables: Sequence[pa.Table]) -> list[list[Label]] | None:
    """Of each row of all tables the classes and boxes that it names; classes without a box stand last. None where no
    table has any.
    """
    columns = [used(table) for table in tables]
    if not any(columns):
        return None
    found = (_of_table(table, names) for table, names in zip(tables, columns, strict=True))
    return list(itertools.chain.from_iterable(found))


def _of_table(table: pa.Table, names: Collection[str]) -> list[list[Label]]:
    if not names:
        return [[] for _ in range(table.num_rows)]
    rows = table.select(list(names)).to_pylist()
    return [_labels(row[OBJECTS] or {}, row.get(LABELS)) for row in rows]


def _labels(objects: Mapping[str, Any], names: Any) -> list[Label]:
    drawn = [Label(name, tuple(box)) for name, box in zip(objects.get(CLASS, ()), objects.get(BOX, ()), strict=True)]
    every = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    left = Counter(every) - Counter(label.name for label in drawn)
    return [*drawn, *(Label(name) for name in left.elements())]


def _is_objects(value: Any) -> bool:
    boxes, names = (value.get(BOX), value.get(CLASS)) if isinstance(value, dict) else (None, None)
    if not isinstance(boxes, list) or not isinstance(names, list) or len(boxes) != len(names):
        return False
    return all(isinstance(name, str) for name in names) and all(map(_is_box, boxes))


def _is_box(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(isinstance(side, int | float) and not isinstance(side, bool) for side in value)
    )
