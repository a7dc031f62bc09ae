"""A YOLO data set of the kept pictures."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import yaml

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports import coco_source
from datasel_core.exports.classes import class_names, described, yolo_names
from datasel_core.exports.content import Contents, Copy
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.exports.pictures import FOLDER, kept_rows, pictures
from datasel_core.pools.labels import Label, edges
from datasel_core.pools.media.pictures import Look
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.layouts import places, yolo
from datasel_core.pools.readers.layouts.fence import Fence
from datasel_core.pools.readers.layouts.listing import in_pixels
from datasel_core.workspace.layout import Workspace

_FILE = "data.yaml"
_DIGITS = 10
"""Behind the point: a hundred-thousandth of a pixel in a picture 100,000 pixels wide."""
_OWN = frozenset({"path", "download", *yolo.PARTS})
"""Keys of a data.yaml that say where pictures lie, and where to get those that are missing."""


@export_format("yolo", version=1, title="YOLO")
class Yolo(Export):
    """A folder: data.yaml, lists of pictures for each split, the pictures, and a text of boxes for each. Names and
    numbers of classes are untouched. A sample that was kept several times leaves once.

    Of a YOLO data set pictures and label files leave under their own paths, byte for byte. Labels of other pools become
    boxes (middle, width and height as shares of the picture, 10 digits behind the point) in labels/, beside images/;
    classes are numbered as in the source's categories, else by name. data.yaml says at its top what YOLO cannot hold.
    https://docs.ultralytics.com/datasets/detect/
    """

    suffix: ClassVar = ""

    pictures: Literal["copy", "link"] = Field(
        "copy",
        description="Pictures are copied; or hard-linked where the disk allows it: to change one is then to change the "
        "source, and some training tools mend JPEGs in place.",
    )

    @classmethod
    def unsuited(cls, pool: Pool) -> str:
        if pool.layout == "yolo" or (pool.boxes is not None and "image" in pool.opens):
            return ""
        return "YOLO holds boxes on pictures, and this pool has none; export label_studio, coco or jsonl."

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return {"yolo": 90, "coco": 50}.get(pool.layout, 35)

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        pool, rows = kept_rows(kept, progress)
        own, link = pool.layout == "yolo", self.pictures == "link"
        found = pictures(pool, rows, progress, "" if own else FOLDER, link, stems=not own)
        make = _as_they_are if own else _converted
        named = progress.over(zip(rows.tolist(), found.names, strict=True), len(rows), "reading labels")
        labels, about, notes = make(pool, rows, named, kept.workspace)
        lists, where, more = _parts(pool, rows, found.names)
        kept.notes.extend([*notes, *more])
        return {_FILE: _dumped(where | about, [*notes, *more]), **lists, **labels, **found.contents}


_Named = Iterable[tuple[int, str]]


def _as_they_are(
    pool: Pool, rows: np.ndarray, named: _Named, workspace: Workspace
) -> tuple[Contents, Mapping[str, Any], list[str]]:
    """The label files, all else that data.yaml says, and what there is to be said. named: the rows, and what the
    pictures are called. Raises BadRequest where a file is no longer what it was.
    """
    path, said = described(pool)
    classes, roots, files, fence = yolo_names(pool), workspace.roots(), {}, Fence(pool.source)
    for row, name in named:
        picture = pool.root / pool.value("path", row)
        own = yolo.labels_of(picture, classes, said, Counter(), fence)
        look = Look(pool.value("width", row), pool.value("height", row), 0, "")
        if isinstance(own, str) or in_pixels(own, yolo.SHARES, look) != pool.labels(row):
            raise BadRequest(
                f"{yolo.label_file(picture)} or {path.name} says something else than when the pool {pool.name} was "
                "added; add the pool again, and choose again."
            )
        label, target = yolo.label_file(picture), yolo.label_file(Path(name)).as_posix()
        if label.is_file():
            copy = Copy(workspace.allowed(label, roots))
            if files.setdefault(target, copy) != copy:
                raise BadRequest(f"{name} would share {target} with another picture; export files instead.")
    return files, {key: value for key, value in said.items() if key not in _OWN}, []


def _converted(
    pool: Pool, rows: np.ndarray, named: _Named, workspace: Workspace
) -> tuple[Contents, Mapping[str, Any], list[str]]:
    """The same, made of the pool's labels."""
    crowds, classes = {}, class_names(pool)
    odd: Counter[str] = Counter()
    if pool.layout == "coco":
        parts = coco_source.parts(pool, rows, workspace)
        crowds = coco_source.crowds(parts)
        classes = list(dict.fromkeys(name for part in parts for name in part.names.values()))
        odd["Outlines and points, of which the box alone is written"] += coco_source.outlines(parts)
    number = {name: at for at, name in enumerate(classes)}
    files = {}
    for row, name in named:
        labels = pool.labels(row)
        crowd = crowds.get(pool.value("path", row)) if crowds else None
        size = (pool.value("width", row), pool.value("height", row))
        drawn = [
            line
            for label, is_crowd in zip(labels, crowd or [False] * len(labels), strict=True)
            if (line := _line(label, number, size, is_crowd, odd))
        ]
        files[yolo.label_file(Path(name)).as_posix()] = "".join(drawn).encode()
    notes = [f"{what}: {count:,}." for what, count in odd.items() if count]
    return files, {"names": dict(enumerate(classes))}, notes


def _line(label: Label, number: Mapping[str, int], size: tuple[int, int], is_crowd: bool, odd: Counter[str]) -> str:
    """One box as YOLO writes it, cut at the edge of its picture; empty where YOLO cannot hold it."""
    if is_crowd or label.box is None:
        odd["Boxes around crowds, left out" if is_crowd else "Labels without a box, left out"] += 1
        return ""
    (left, top, right, bottom), is_cut = edges(label.box, size)
    if is_cut:
        odd["Boxes that reach over the edge of their picture, cut there"] += 1
    across, down = (left + right) / 2, (top + bottom) / 2
    shares = (across / size[0], down / size[1], (right - left) / size[0], (bottom - top) / size[1])
    return " ".join([str(number[label.name]), *(f"{share:.{_DIGITS}f}" for share in shares)]) + "\n"


def _parts(pool: Pool, rows: np.ndarray, names: Iterable[str]) -> tuple[Contents, dict[str, str], list[str]]:
    """Files that list pictures, what data.yaml says of each part, and what is to be said of those that nobody kept."""
    splits = [pool.value("split", row) for row in rows.tolist()] if "split" in pool.columns else [None] * len(rows)
    own: dict[str, list[str]] = {"train": [], "val": []}
    for split, name in zip(splits, names, strict=True):
        if "\n" in name or "\r" in name:
            raise BadRequest(f"The name {name!r} holds a line break, so a list of lines would be wrong; export coco.")
        own.setdefault(_part(split), []).append(name)
    notes = [] if own["train"] else ["No picture was kept for training: train.txt is empty."]
    if not own["val"]:
        del own["val"]
        notes.append("No picture was kept for validation: train stands for it.")
    # lists, not folders: in these there may be pictures of an earlier export, which is never deleted
    lists = {f"{part}.txt": "".join(f"./{name}\n" for name in kept).encode() for part, kept in own.items()}
    return lists, {"train": "train.txt", "val": "train.txt"} | {part: f"{part}.txt" for part in own}, notes


def _part(split: Any) -> str:
    """The key of data.yaml for a part of a data set; pictures of no part, or of one without a key, are for training."""
    said = str(split or "").lower()
    begins = re.match(r"train|val|test", said)
    known = places.SPLITS.get(said) or places.SPLITS.get(begins[0] if begins else "")
    if known is None:
        return said if said in yolo.PARTS else "train"
    return "val" if known == "validation" else known


def _dumped(said: Mapping[str, Any], notes: Iterable[str]) -> bytes:
    text = yaml.safe_dump(dict(said), sort_keys=False, allow_unicode=True)
    return ("".join(f"# {note}\n" for note in notes) + text).encode()
