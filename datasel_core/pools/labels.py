"""Labels that people made before: classes of a sample, a name for each instance, and the boxes that were drawn."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

LABELS, RAREST = "labels", "rarest_class"
"""Columns of a pool that has labels: the class of each instance, and the one of them that is met least often."""

_BOX = ("x", "y", "w", "h")


@dataclass(frozen=True)
class Label:
    """One instance. box: left, top, width and height in pixels of the upright picture; None where none was drawn."""

    name: str
    box: tuple[float, float, float, float] | None = None


def edges(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[tuple[float, ...], bool]:
    """Left, top, right and bottom of a box, cut at the edge of its picture; and whether something was cut away."""
    x, y, w, h = box
    found = (max(0, x), max(0, y), min(size[0], x + w), min(size[1], y + h))
    return found, found != (x, y, x + w, y + h)


def columns(labels: Sequence[Sequence[Label]]) -> dict[str, pa.Array]:
    """`labels`, a list of names for each sample, and `rarest_class`: of its classes the one with the fewest instances
    in the pool, the first by name where several have as few; null where it has none.
    """
    names = [[label.name for label in own] for own in labels]
    met = Counter(name for own in names for name in own)
    rarest = [min(own, key=lambda name: (met[name], name), default=None) for own in names]
    kinds = (pa.list_(pa.string()), pa.string())
    return dict(zip((LABELS, RAREST), map(pa.array, (names, rarest), kinds), strict=True))


def boxes(labels: Sequence[Sequence[Label]]) -> pa.Table | None:
    """One row per instance: `row` of the pool, `class`, and x, y, w, h; None where nobody drew a box."""
    found = [(row, label) for row, own in enumerate(labels) for label in own]
    if all(label.box is None for _, label in found):
        return None
    sides = zip(*(label.box or (None,) * 4 for _, label in found), strict=True)
    return pa.table(
        {
            "row": pa.array([row for row, _ in found], pa.int64()),
            "class": pa.array([label.name for _, label in found], pa.string()),
            **{name: pa.array(side, pa.float64()) for name, side in zip(_BOX, sides, strict=True)},
        }
    )


class Boxes:
    """What is drawn on the samples of a pool: a table as `boxes` makes it, in the order of the rows."""

    def __init__(self, table: pa.Table):
        self._table = table.combine_chunks()
        self._rows = table["row"].to_numpy()

    def of(self, row: int) -> list[Label]:
        first, end = np.searchsorted(self._rows, [row, row + 1])
        part = self._table.slice(first, end - first).to_pylist()
        return [Label(one["class"], None if one["x"] is None else tuple(one[side] for side in _BOX)) for one in part]

    def part(self, rows: np.ndarray) -> pa.Table:
        """The same of some rows, in order, which are numbered anew from 0."""
        mine = self._table.filter(pa.array(np.isin(self._rows, rows)))
        return mine.set_column(0, "row", [np.searchsorted(rows, mine["row"].to_numpy())])
