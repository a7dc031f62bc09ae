"""A COCO data set of the kept pictures."""

import json
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports import coco_source
from datasel_core.exports.classes import class_names, labels_of
from datasel_core.exports.content import Contents
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.exports.pictures import FOLDER, kept_rows, pictures
from datasel_core.pools.labels import Label
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.layouts import places
from datasel_core.workspace.layout import without_home

_FILE, _INSTANCES = "annotations.json", "instances.json"

Where = Literal["copy", "link", "stay"]
WHERE = (
    "Pictures are copied; or hard-linked where the disk allows it (to change one is to change the source, and some "
    "training tools mend JPEGs in place); or they stay where they are."
)


@export_format("coco", version=1, title="COCO")
class Coco(Export):
    """A folder: annotations.json with what people drew or said, and the pictures under the paths they have in the pool.

    Of a COCO data set the entries of kept pictures leave as they stand there, segmentation and all; categories and all
    else are untouched. Where several JSON files were read, each leaves under its own path. Labels of other pools become
    instances, with boxes in pixels of the upright picture; captions become captions. A sample that was kept several
    times leaves once.
    https://cocodataset.org/#format-data
    """

    suffix: ClassVar = ""

    pictures: Where = Field("copy", description=WHERE)

    @classmethod
    def unsuited(cls, pool: Pool) -> str:
        return "" if "image" in pool.opens else "COCO describes pictures, and this pool has none; export jsonl or ids."

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return {"coco": 90, "yolo": 40}.get(pool.layout, 30 if pool.boxes is not None else 0)

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        pool, rows = kept_rows(kept, progress)
        if self.pictures == "stay":
            names, files = paths(pool, rows), {}
        else:
            found = pictures(pool, rows, progress, "" if "path" in pool.columns else FOLDER, self.pictures == "link")
            names, files = found.names, found.contents
        if pool.layout == "coco":
            _check_names(pool, rows, names)
            said = coco_source.parts(pool, rows, kept.workspace)
            own = [_FILE] if len(said) == 1 else [places.relative(part.path, pool.root) for part in said]
            return dict(zip(own, [part.filtered() for part in said], strict=True)) | files
        return _converted(pool, rows, names) | files


def paths(pool: Pool, rows: np.ndarray) -> list[str]:
    """Where these pictures lie, seen from the pool's root. Raises BadRequest where they are no files."""
    if "path" not in pool.columns:
        raise BadRequest("These pictures lie inside other files, so they cannot stay there; set pictures to copy.")
    return [pool.value("path", row) for row in rows.tolist()]


def _check_names(pool: Pool, rows: np.ndarray, names: Iterable[str]) -> None:
    """A picture that is called otherwise than before would not be found by its file_name."""
    other = next((path for path, name in zip(paths(pool, rows), names, strict=True) if path != name), None)
    if other is not None:
        raise BadRequest(f"{other} cannot have the same path in a new folder; set pictures to stay, or export files.")


def _converted(pool: Pool, rows: np.ndarray, names: list[str]) -> Contents:
    """Instances where the pool is no pairs, captions where it is; pairs with labels have both, in a file each."""
    if pool.kind != "pairs":
        return {_FILE: _instances(pool, rows, names)}
    labelled = {_INSTANCES: _instances(pool, rows, names)} if pool.has_labels else {}
    return {_FILE: _captions(pool, rows, names)} | labelled


def _instances(pool: Pool, rows: np.ndarray, names: list[str]) -> bytes:
    """Boxes and classes of each picture; of a label without a box the class alone."""
    number = {name: at for at, name in enumerate(class_names(pool), 1)}
    first = {name: row for name, row in reversed(list(zip(names, rows.tolist(), strict=True)))}
    notes = [
        {"image_id": at, "category_id": number[label.name], **_box(label)}
        for at, name in enumerate(dict.fromkeys(names), 1)
        for label in labels_of(pool, first[name])
    ]
    categories = [{"id": at, "name": name} for name, at in number.items()]
    return _dumped(pool, rows, names, notes, {"categories": categories})


def _box(label: Label) -> dict[str, Any]:
    if label.box is None:
        return {}
    return {"bbox": list(label.box), "area": label.box[2] * label.box[3], "iscrowd": 0}


def _captions(pool: Pool, rows: np.ndarray, names: list[str]) -> bytes:
    number = {name: at for at, name in enumerate(dict.fromkeys(names), 1)}
    said = ((number[name], text) for name, row in zip(names, rows.tolist(), strict=True) for text in pool.text(row))
    return _dumped(pool, rows, names, [{"image_id": at, "caption": text} for at, text in said], {})


def _dumped(pool: Pool, rows: np.ndarray, names: list[str], notes: list[dict[str, Any]], more: dict[str, Any]) -> bytes:
    first = {name: row for name, row in reversed(list(zip(names, rows.tolist(), strict=True)))}
    images = [_image(pool, first[name], at, name) for at, name in enumerate(dict.fromkeys(names), 1)]
    root = without_home(str(pool.root))
    whole = {
        "info": {"description": f"Chosen from the pool {pool.name} with datasel; its pictures lie in {root}"},
        "images": images,
        "annotations": [{"id": at, **note} for at, note in enumerate(notes, 1)],
        **more,
    }
    return _lines(whole)


def _image(pool: Pool, row: int, number: int, name: str) -> dict[str, Any]:
    """One entry; a sample that is not called as its file has its own id beside it, so that labels find it again."""
    size = {side: pool.value(side, row) for side in ("width", "height") if side in pool.columns}
    own = {} if pool.ids[row] == name else {"datasel": {"id": str(pool.ids[row])}}
    return {"id": number, "file_name": name, **size, **own}


def _lines(whole: dict[str, Any]) -> bytes:
    """JSON with an entry a line."""
    text = {key: json.dumps(value, ensure_ascii=False, allow_nan=False) for key, value in whole.items()}
    for key, value in whole.items():
        if isinstance(value, list):
            entries = (json.dumps(one, ensure_ascii=False, allow_nan=False) for one in value)
            text[key] = "[" + ",\n".join(entries) + "]"
    return ("{" + ",\n".join(f"{json.dumps(key)}: {value}" for key, value in text.items()) + "}\n").encode()
