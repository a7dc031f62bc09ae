"""COCO: JSON files with `images` and `annotations`, which hold boxes and classes, or captions.

https://cocodataset.org/#format-data
"""

import functools
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasel_core.errors import BadInput
from datasel_core.pools.labels import Label
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.layouts import places
from datasel_core.pools.readers.layouts.listing import Layout, Listing
from datasel_core.pools.readers.pair_table import Named

_SEEN = 1 << 20
"""Bytes from the beginning and the end of a file that tell what it holds."""
_DEPTH = 2
_OWN = {"id", "file_name", "width", "height"}
_PLAIN = ("instances", "captions")


def find(source: Path, files: Sequence[Path], kind: str | None) -> Layout | None:
    """kind: `pairs` takes captions, `images` instances; None what there is, instances first."""
    found = _found(source, files)
    kinds = [one for one in ("images", "pairs") if one in found and kind in (None, one)]
    if not kinds:
        return None
    words = {"images": "COCO instances", "pairs": "COCO captions"}
    other = next((words[one] for one in words if one in found and one != kinds[0]), None)
    read = functools.partial(_read, source, found[kinds[0]], kinds[0] == "pairs", other)
    return Layout("coco", words[kinds[0]], kinds[0], read)


def annotation_files(source: Path, kind: str) -> list[Path]:
    """The JSON files that a pool of this kind is read from; none where they are not there."""
    return _found(source, places.described(source)).get(kind, [])


def _found(source: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """Kind of pool -> the files that make it."""
    found: dict[str, list[Path]] = {}
    for path in places.within(source, files, _DEPTH, (".json",)):
        if holds := _holds(path):
            found.setdefault(holds, []).append(path)
    plain = {kind: [path for path in own if path.name.startswith(_PLAIN)] for kind, own in found.items()}
    # bodies and things of the same pictures would be counted twice
    return {kind: plain[kind] or own for kind, own in found.items()}


def _holds(path: Path) -> str | None:
    """The kind of pool that a file makes, told from its beginning and end; None where it is no COCO."""
    try:
        with open(path, "rb") as file:
            seen = file.read(_SEEN)
            if not re.match(rb"(\xef\xbb\xbf)?\s*\{", seen):
                return None
            file.seek(max(len(seen), path.stat().st_size - _SEEN))
            seen += file.read(_SEEN)
    except OSError:
        return None
    if not (re.search(rb'"images"\s*:\s*\[', seen) and re.search(rb'"(annotations|file_name)"\s*:', seen)):
        return None
    if re.search(rb'"caption"\s*:', seen):
        return "pairs"
    return "images" if re.search(rb'"(categories|category_id|bbox)"\s*:', seen) else None


@dataclass
class _Reading:
    """What the files gave so far. odd: what cannot be used -> how often."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    captions: list[list[Any]] = field(default_factory=list)
    labels: list[list[Label]] = field(default_factory=list)
    frames: list[tuple[float, float] | None] = field(default_factory=list)
    row_of: dict[str, int] = field(default_factory=dict)
    lost: list[dict[str, str]] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)

    def row(self, columns: dict[str, Any], frame: tuple[float, float] | None) -> int:
        """Of a picture; one that another file names as well has one row."""
        row = self.row_of.setdefault(columns["path"], len(self.rows))
        if row == len(self.rows):
            self.rows.append(columns)
            self.captions.append([])
            self.labels.append([])
            self.frames.append(frame)
        return row


def _read(source: Path, files: Sequence[Path], captions: bool, other: str | None, named: Named) -> Listing:
    loaded = [(path, load_file(path)) for path in files]
    folders = [picture_folder(source, path, said.get("images") or ()) for path, said in loaded]
    root = places.shared_root([source if source.is_dir() else source.parent, *folders])
    reading = _Reading()
    for (path, said), folder in zip(loaded, folders, strict=True):
        split = _split(path, source)
        _read_one(path, said, places.relative(folder, root), split if len(files) > 1 else None, reading)
    names = dict.fromkeys(name for row in reading.rows for name in row)
    columns = {name: [row.get(name) for row in reading.rows] for name in names}
    notes = [f"{path.name}: its pictures lie in {folder}." for path, folder in zip(files, folders, strict=True)][:10]
    notes += [f"{what}: {count:,}." for what, count in reading.odd.items()]
    if other:
        notes.append(f"There are {other} as well; --kind {'images' if captions else 'pairs'} takes them.")
    notes += places.spare_note(source, root, reading.row_of)
    table = pa.table({name: table_columns.column(values) for name, values in columns.items()})
    listing = Listing(root, table, lost=reading.lost, notes=notes)
    if captions:
        listing.captions = reading.captions
    else:
        listing.labels, listing.frames = reading.labels, reading.frames
    return listing


def load_file(path: Path) -> dict[str, Any]:
    """Raises BadInput."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            found = json.load(file, object_hook=_slim)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} could not be read: {getattr(error, 'msg', None) or error}.") from None
    if not all(isinstance(found.get(name) or [], list) for name in ("images", "annotations", "categories")):
        raise BadInput(f"{path.name} is no COCO file: images, annotations and categories must be lists.")
    return found


def _slim(item: dict[str, Any]) -> dict[str, Any]:
    """Outlines take nine tenths of a file and are not needed; where there is no box, they give it."""
    outline = item.pop("segmentation", None)
    if "bbox" not in item and isinstance(outline, list) and outline and "image_id" in item:
        item["bbox"] = _around(outline)
    return item


def _around(outline: list[Any]) -> list[float] | None:
    """The box around polygons, each x, y, x, y, ..."""
    try:
        across = [float(value) for part in outline for value in part[0::2]]
        down = [float(value) for part in outline for value in part[1::2]]
        return [min(across), min(down), max(across) - min(across), max(down) - min(down)]
    except (TypeError, ValueError, IndexError):
        return None


def picture_folder(source: Path, path: Path, images: Iterable[Any]) -> Path:
    """Where the pictures of one JSON file lie. images: its entries; the first are looked for."""
    names = (image["file_name"] for image in images if isinstance(image, dict) and _is_name(image))
    farthest = source if source.is_dir() else None
    return places.picture_folder(path.parent, names, _split(path, path), farthest)


def _is_name(image: dict[str, Any]) -> bool:
    return isinstance(image.get("file_name"), str) and bool(image["file_name"].strip())


def _split(path: Path, source: Path) -> str:
    """`train2017` of instances_train2017.json; the folder of a file that is called after no part."""
    stem = path.name.split(".")[0]
    named = re.sub(r"^_?(instances|captions|person_keypoints|image_info|annotations?)_?", "", stem)
    return named or (path.parent.name if path.parent != source else "")


def _read_one(path: Path, said: dict[str, Any], folder: str, split: str | None, reading: _Reading) -> None:
    place: dict[Any, int] = {}
    for at, image in enumerate(said.get("images") or ()):
        if not is_image(image):
            reading.lost.append({"id": f"{path.name}, image {at + 1}", "reason": "it has no file_name or no id"})
            continue
        if image["id"] in place:
            reading.lost.append({"id": image["file_name"], "reason": f"an earlier image has the id {image['id']}"})
            continue
        name = path_of(image, folder)
        own = {"image_id": image["id"], **({} if split is None else {"split": split})}
        plain = {key: value for key, value in image.items() if key not in _OWN and _is_plain(value)}
        place[image["id"]] = reading.row({"id": name, "path": name, **plain, **own}, frame_of(image))
    names = category_names(said.get("categories") or ())
    for note in said.get("annotations") or ():
        _take(note, place, names, reading)


def is_image(image: Any) -> bool:
    """Whether an entry names a picture and has an id."""
    return isinstance(image, dict) and _is_name(image) and _is_key(image.get("id"))


def path_of(image: dict[str, Any], folder: str) -> str:
    """The path that a pool has for an entry. folder: of its pictures, seen from the pool's root."""
    return image["file_name"] if folder == "." else f"{folder}/{image['file_name']}"


def category_names(categories: Iterable[Any]) -> dict[Any, str]:
    """Id -> name, in the order of the file."""
    return {
        one["id"]: str(one["name"])
        for one in categories
        if isinstance(one, dict) and _is_key(one.get("id")) and "name" in one
    }


def image_of(note: Any) -> Any:
    """The id of the image that an annotation belongs to; None where it says none."""
    return note["image_id"] if isinstance(note, dict) and _is_key(note.get("image_id")) else None


def label_of(note: dict[str, Any], names: dict[Any, str]) -> Label | None:
    """What an annotation says, its box as the file has it; None where its category is not listed."""
    category = note.get("category_id")
    if not _is_key(category) or category not in names:
        return None
    return Label(names[category], _box(_slim(dict(note)).get("bbox")))


def is_crowd(note: dict[str, Any]) -> bool:
    return note.get("iscrowd") == 1


def _take(note: Any, place: dict[Any, int], names: dict[Any, str], reading: _Reading) -> None:
    if image_of(note) not in place:
        reading.odd["Annotations of no image, passed over"] += 1
        return
    row = place[note["image_id"]]
    if "caption" in note:
        reading.captions[row].append(note["caption"])
        return
    label = label_of(note, names)
    if label is None:
        reading.odd["Annotations of a category that is not listed, passed over"] += 1
        return
    if is_crowd(note):
        reading.odd["Boxes around crowds, which count as one instance each"] += 1
    if label.box is None:
        reading.odd["Instances without a box, of which the class is kept"] += 1
    reading.labels[row].append(label)


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, list) or len(value) != 4 or not all(map(_is_number, value)):
        return None
    return tuple(map(float, value))


def frame_of(image: dict[str, Any]) -> tuple[float, float] | None:
    """Width and height that the boxes of an image refer to, where it says them."""
    size = (image.get("width"), image.get("height"))
    return size if all(_is_number(side) and side > 0 for side in size) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_key(value: Any) -> bool:
    return isinstance(value, int | str)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
