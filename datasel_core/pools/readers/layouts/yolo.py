"""YOLO: a data.yaml that names parts and classes, pictures in images/, a text of boxes for each in labels/.

https://docs.ultralytics.com/datasets/detect/
"""

import functools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import yaml

from datasel_core.errors import BadInput
from datasel_core.pools.labels import Label
from datasel_core.pools.media.photos import SUFFIXES
from datasel_core.pools.readers.layouts import places
from datasel_core.pools.readers.layouts.fence import OUTSIDE, Fence
from datasel_core.pools.readers.layouts.listing import Layout, Listing
from datasel_core.pools.readers.pair_table import Named

PARTS = ("train", "val", "validation", "test", "minival")
SHARES = (1, 1)
"""The frame of boxes that are shares of a picture's width and height."""
_LARGEST = 1 << 20
"""Bytes of a data.yaml, and of the labels of one picture."""


def find(source: Path, files: Sequence[Path], kind: str | None) -> Layout | None:
    best = None if kind == "pairs" else _best(source, files)
    if best is None:
        return None
    return Layout("yolo", f"YOLO ({best.name})", "images", functools.partial(_read, source, best))


def description(source: Path) -> tuple[Path, dict[str, Any]] | None:
    """The data.yaml of a source, and what it says; None where it has none."""
    best = _best(source, places.described(source))
    said = None if best is None else _described(best)
    return None if said is None else (best, said)


def _best(source: Path, files: Sequence[Path]) -> Path | None:
    found = [path for path in places.within(source, files, 0, (".yaml", ".yml")) if _described(path)]
    return min(found, key=lambda path: (path.stem != "data", path.name), default=None)


def _described(path: Path) -> dict[str, Any] | None:
    """What a data.yaml says; None where it is none."""
    try:
        if path.stat().st_size > _LARGEST:
            return None
        with open(path, encoding="utf-8-sig") as file:
            found = yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None
    named = isinstance(found, dict) and ("names" in found or "nc" in found)
    return found if named and any(isinstance(found.get(part), str | list) for part in PARTS) else None


def _read(source: Path, described: Path, named: Named) -> Listing:
    said = _described(described)
    if said is None:
        raise BadInput(f"{described.name} says no more what it did; it needs names, and train, val or test.")
    fence = Fence(source)
    names, base = class_names(said), _base(described, said, fence)
    rows, labels, lost, notes = [], [], [], []
    odd: Counter[str] = Counter()
    root, seen = described.parent, set()
    for part in (part for part in PARTS if part in said):
        for path in _pictures(base, said[part], part, notes, fence):
            if path in seen:
                odd["Pictures that an earlier part names as well, counted there"] += 1
                continue
            seen.add(path)
            own = labels_of(path, names, said, odd, fence)
            if isinstance(own, str):
                lost.append({"id": places.relative(path, root), "reason": own})
                continue
            name = places.relative(path, root)
            rows.append({"id": name, "path": name, "split": places.SPLITS.get(part, part)})
            labels.append(own)
    notes += [f"{what}: {count:,}." for what, count in odd.items()]
    notes += places.spare_note(source, root, [*(row["path"] for row in rows), *(one["id"] for one in lost)])
    table = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in ("id", "path", "split")})
    return Listing(root, table, labels=labels, frames=[SHARES] * len(rows), lost=lost, notes=notes)


def class_names(said: dict[str, Any]) -> dict[int, str]:
    """Number -> name of each class. Raises BadInput."""
    names = said.get("names")
    if isinstance(names, list):
        return {at: str(name) for at, name in enumerate(names)}
    if isinstance(names, dict):
        try:
            return {int(at): str(name) for at, name in names.items()}
        except (TypeError, ValueError):
            raise BadInput("data.yaml: names must be a list, or a number for each name.") from None
    count = said.get("nc")
    if names is None and isinstance(count, int) and 0 < count <= 1_000_000:
        return {at: f"class_{at}" for at in range(count)}
    raise BadInput("data.yaml: names must be a list, or a number for each name.")


def _base(described: Path, said: dict[str, Any], fence: Fence) -> Path:
    """What the parts are relative to: `path`, seen from the file; the file's own folder where that is of another
    machine, or outside the allowed folders.
    """
    path = str(said.get("path") or "")
    there = described.parent / PurePath(path)
    return there if path and fence.allows(there) and there.is_dir() else described.parent


def _pictures(base: Path, value: Any, part: str, notes: list[str], fence: Fence) -> Iterator[Path]:
    """The pictures of one part: all below a folder, those that a list of paths names, or a list of these."""
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str) or not one.strip():
            continue
        path = base / one.strip()
        if not path.exists() and one.startswith("../"):  # as one service writes it, a folder too high
            path = base / one.strip()[3:]
        if not fence.allows(path):
            notes.append(f"The part {part} was left out: {path} {OUTSIDE}.")
        elif path.is_dir():
            yield from places.files_below(path, tuple(SUFFIXES), 20)
        elif path.is_file() and path.suffix.lower() == ".txt":
            yield from _listed(path)
        elif path.is_file():
            yield path
        else:
            notes.append(f"The part {part} is not there: there is no {path}.")


def _listed(path: Path) -> Iterator[Path]:
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        if line.strip():
            yield path.parent / line.strip().replace("\\", "/")


def label_file(picture: Path) -> Path:
    """images/a/0.jpg is described in labels/a/0.txt; the last folder called images counts."""
    parts = list(picture.parts[:-1])
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts, picture.stem + ".txt")


def labels_of(
    picture: Path, names: dict[int, str], said: dict[str, Any], odd: Counter[str], fence: Fence
) -> list[Label] | str:
    """What is drawn on one picture, in shares of its width and height; or the reason why that cannot be read.

    names: of the classes. said: in data.yaml. odd: counts what cannot be used. fence: what may be read.
    """
    path = label_file(picture)
    if not (fence.allows(picture) and fence.allows(path)):
        return f"it {OUTSIDE}" if not fence.allows(picture) else f"its label file {OUTSIDE}"
    try:
        if path.stat().st_size > _LARGEST:
            return f"{path.name} is larger than {_LARGEST:,} bytes"
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return []  # a picture without anything on it
    except (OSError, ValueError):
        return f"{path.name} cannot be read as text"
    found = []
    for line in filter(str.strip, lines):
        numbers = _numbers(line)
        if numbers is None:
            odd["Lines of labels that are no class and box, passed over"] += 1
        elif numbers[0] not in names:
            odd["Lines of labels with a class that the file does not name, passed over"] += 1
        else:
            found.append(Label(names[int(numbers[0])], _box(numbers[1:], "kpt_shape" in said)))
    return found


def _numbers(line: str) -> list[float] | None:
    try:
        numbers = [float(word) for word in line.split()]
    except ValueError:
        return None
    return numbers if len(numbers) >= 5 and all(map(math.isfinite, numbers)) else None


def _box(numbers: list[float], points: bool) -> tuple[float, float, float, float]:
    """numbers: middle, width and height, with points of a body after them; or the corners of an outline, x y x y ..."""
    if points or len(numbers) < 6:
        x, y, w, h = numbers[:4]
        return x - w / 2, y - h / 2, w, h
    across, down = numbers[0::2], numbers[1::2]
    return min(across), min(down), max(across) - min(across), max(down) - min(down)
