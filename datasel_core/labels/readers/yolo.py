"""YOLO: a folder, or a zip of one, with data.yaml (or classes.txt) and a text of boxes for each picture."""

import contextlib
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from datasel_core.errors import BadInput
from datasel_core.labels.readers.coco import parted
from datasel_core.labels.readers.reading import SHARES, Reading, Said
from datasel_core.pools.readers.layouts import yolo
from datasel_core.pools.readers.layouts.fence import Fence

_MOST, _LARGEST = 2_000_000, 4 << 30
"""Texts in a zip, and their bytes together."""
_TEXTS = (".txt", ".yaml", ".yml")
_NO_LABELS = {"classes", "readme", "requirements", "train", "val", "test", "minival", "validation"}


def is_it(path: Path) -> bool:
    return path.is_dir() or zipfile.is_zipfile(path)


def read(path: Path) -> Reading:
    """Raises BadInput."""
    if path.is_dir():
        return _of_folder(path, path.name)
    with tempfile.TemporaryDirectory(prefix="datasel-labels-") as folder:
        _unpack(path, Path(folder))
        return _of_folder(Path(folder), path.name)


def files(path: Path) -> Iterator[Path]:
    """What decides what a folder says, in a fixed order."""
    yield from sorted(one for one in path.rglob("*") if one.suffix in _TEXTS and one.is_file())


def _unpack(path: Path, folder: Path) -> None:
    """The texts alone; a name that leads out of the folder is refused, and so is more than a disk may take."""
    try:
        with zipfile.ZipFile(path) as packed:
            wanted = [
                one for one in packed.infolist() if PurePosixPath(one.filename).suffix in (".txt", ".yaml", ".yml")
            ]
            if len(wanted) > _MOST or sum(one.file_size for one in wanted) > _LARGEST:
                raise BadInput(
                    f"{path.name} unpacks to more than {_MOST:,} texts or {_LARGEST:,} bytes; bring a folder."
                )
            for one in wanted:
                target = folder.joinpath(*PurePosixPath(one.filename.replace("\\", "/")).parts)
                if ".." in target.parts or not target.is_relative_to(folder):
                    raise BadInput(f"{path.name} holds {one.filename!r}, which leads out of its folder; pack it again.")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(packed.read(one))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise BadInput(f"{path.name} cannot be unpacked: {str(error).rstrip('.')}.") from None


def _of_folder(folder: Path, name: str) -> Reading:
    root, said = _described(folder, name)
    names, fence, reading = yolo.class_names(said), Fence(root), Reading()
    own = [one for one in files(root) if one.suffix == ".txt" and one.stem.lower() not in _NO_LABELS]
    inside = [one for one in own if "labels" in one.relative_to(root).parts[:-1]]
    for path in inside or own:
        picture = _picture(path.relative_to(root))
        odd: Counter[str] = Counter()
        found = yolo.labels_of(_beside(path), names, said, odd, fence)
        if isinstance(found, str):
            reading.lose(picture, found)
            continue
        for reason, count in odd.items():
            reading.lose(picture, f"{reason}: {count:,}")
        classes, boxes = parted(found)
        reading.said.append(Said((picture,), path.relative_to(root).as_posix(), "", classes, boxes, SHARES))
    if not reading.said and not reading.lost:
        raise BadInput(f"{name} has no texts of boxes in labels/; bring the whole YOLO folder, or its zip.")
    return reading


def _described(folder: Path, name: str) -> tuple[Path, dict[str, Any]]:
    """Where the data set lies in the folder, and what its data.yaml says, or the list of classes."""
    for described in sorted(files(folder), key=lambda one: (len(one.parts), one.suffix == ".txt", one.stem != "data")):
        if described.suffix != ".txt" and described.stat().st_size < 1 << 20:
            with contextlib.suppress(yaml.YAMLError, ValueError, RecursionError, OSError):
                said = yaml.safe_load(described.read_text(encoding="utf-8-sig"))
                if isinstance(said, dict) and ("names" in said or "nc" in said):
                    return described.parent, said
        elif described.name == "classes.txt":
            words = described.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            return described.parent, {"names": [word.strip() for word in words if word.strip()]}
    raise BadInput(f"{name} has no data.yaml with names, nor classes.txt; bring the whole YOLO folder, or its zip.")


def _picture(path: Path) -> str:
    """The picture that a text is about, without its ending: labels/a/0.txt is about images/a/0."""
    parts = list(path.with_suffix("").parts)
    if "labels" in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index("labels")] = "images"
    return "/".join(parts)


def _beside(path: Path) -> Path:
    """A picture whose boxes stand in this text."""
    parts = list(path.parts)
    if "labels" in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index("labels")] = "images"
    return Path(*parts).with_suffix(".jpg")
