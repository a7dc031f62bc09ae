"""Which tool wrote a file of labels, and reading it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from datasel_core.errors import BadInput
from datasel_core.labels.readers import coco, cvat, label_studio, table, yolo
from datasel_core.labels.readers.reading import Reading
from datasel_core.workspace.hashing import hash_file

Source = Literal["label_studio", "cvat", "coco", "yolo", "csv"]
TITLES: dict[str, str] = {
    "label_studio": "Label Studio",
    "cvat": "CVAT",
    "coco": "COCO",
    "yolo": "YOLO",
    "csv": "a table",
}
_READERS: dict[str, Callable[[Path], Reading]] = {
    "label_studio": label_studio.read,
    "cvat": cvat.read,
    "coco": coco.read,
    "yolo": yolo.read,
    "csv": table.read,
}


def source_of(path: Path) -> str:
    """Told from the file's name and content. Raises BadInput where nothing fits."""
    if not path.exists():
        raise BadInput(f"There is no file or folder {path}.")
    if path.is_file() and cvat.is_it(path):
        return "cvat"
    if yolo.is_it(path):
        return "yolo"
    if path.suffix.lower() == ".json":
        found = _json(path)
        if label_studio.is_it(found):
            return "label_studio"
        if coco.is_it(found):
            return "coco"
    if table.is_it(path):
        return "csv"
    raise BadInput(
        f"Nothing is known that writes {path.name}; bring Label Studio's JSON or CSV, CVAT's XML, COCO's JSON, a YOLO "
        "folder or zip, or a table with id and label, and say which with --from."
    )


def _json(path: Path) -> object:
    try:
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} could not be read: {getattr(error, 'msg', None) or error}.") from None


def read(path: Path, source: str) -> Reading:
    """What people said, by this format. Raises BadInput."""
    if not path.exists():
        raise BadInput(f"There is no file or folder {path}.")
    if path.is_dir() and source != "yolo":
        raise BadInput(f"{path.name} is a folder; {TITLES[source]} comes as a file.")
    found = _READERS[source](path)
    if not found.said and not found.lost:
        waiting = f" {' '.join(found.notes)}" if found.notes else ""
        raise BadInput(f"{path.name} holds no labels.{waiting}")
    return found


def content_hash(path: Path) -> str:
    """SHA-256 of a file; of a folder, of the names and bytes of its texts."""
    if path.is_file():
        return hash_file(path)
    digest = hashlib.sha256()
    for one in yolo.files(path):
        digest.update(f"{one.relative_to(path).as_posix()} {hash_file(one)}\n".encode())
    return digest.hexdigest()
