"""The JSON files that a pool of COCO was read from, read again: the entries of kept pictures, to the character, checked
against what the pool has of them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.errors import BadRequest
from datasel_core.exports.classes import annotation_files
from datasel_core.exports.json_text import Member, members
from datasel_core.pools.media.pictures import Look
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers import caption_columns
from datasel_core.pools.readers.layouts import coco, places
from datasel_core.pools.readers.layouts.listing import in_pixels
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Entry:
    """One image or annotation. path: of its picture, as the pool has it. text: as it stands in the file."""

    path: str
    value: dict[str, Any]
    text: str


@dataclass
class Part:
    """One JSON file. images, notes: those of kept pictures. names: of its categories, by their ids."""

    path: Path
    said: Mapping[str, Member]
    images: list[Entry]
    notes: list[Entry]
    names: dict[Any, str]

    def filtered(self) -> bytes:
        """The file with these images and annotations only; all else is untouched."""
        kept = {"images": self.images, "annotations": self.notes}
        lists = {key: "[" + ",\n".join(entry.text for entry in own) + "]" for key, own in kept.items()}
        whole = ",\n".join(f"{json.dumps(key)}: {lists.get(key, one)}" for key, one in self.said.items())
        return f"{{{whole}}}\n".encode()


_Notes = list[tuple[Part, Entry]]


def parts(pool: Pool, rows: np.ndarray, workspace: Workspace) -> list[Part]:
    """The files of a pool's source, with what they say of the pictures of these rows; of a picture with several
    captions, of which each is a sample, those of these rows. Raises BadRequest where a file is gone, or says something
    else than when the pool was added.
    """
    source = Path(pool.about["source"])
    kept = {pool.value("path", row) for row in rows.tolist()}
    found = []
    for path in annotation_files(pool):
        workspace.allowed(path)
        try:
            found.append(_part(pool, path, source, kept))
        except (OSError, ValueError):
            raise _changed(pool, path) from None
    _check(pool, rows, found)
    return found


def crowds(found: Iterable[Part]) -> dict[str, list[bool]]:
    """Path of a picture -> whether each label that a pool has of it is drawn around a crowd."""
    said: dict[str, list[bool]] = {}
    for part in found:
        for entry in part.notes:
            if coco.label_of(entry.value, part.names):
                said.setdefault(entry.path, []).append(coco.is_crowd(entry.value))
    return said


def outlines(found: Iterable[Part]) -> int:
    """How many labels have an outline or points beside their box; crowds are counted elsewhere."""
    said = (entry.value for part in found for entry in part.notes if not coco.is_crowd(entry.value))
    return sum(bool(one.get("segmentation") or one.get("keypoints")) for one in said)


def _part(pool: Pool, path: Path, source: Path, kept: set[str]) -> Part:
    said = members(path.read_text(encoding="utf-8-sig"))
    folder = coco.picture_folder(source, path, (value for value, _ in _entries(said, "images")))
    inside = places.relative(folder, pool.root)
    paths: dict[Any, str] = {}  # of every image: an id counts where it stands first
    images = []
    for value, own in _entries(said, "images"):
        if coco.is_image(value) and value["id"] not in paths:
            name = paths[value["id"]] = coco.path_of(value, inside)
            images += [Entry(name, value, own)] if name in kept else []
    notes = []
    for value, own in _entries(said, "annotations"):
        name = paths.get(coco.image_of(value))
        notes += [Entry(name, value, own)] if name in kept else []
    return Part(path, said, images, notes, coco.category_names(value for value, _ in _entries(said, "categories")))


def _entries(said: Mapping[str, Member], key: str) -> Iterator[tuple[Any, str]]:
    """Each value of a list, and its text."""
    return ((json.loads(own), own) for own in said[key].elements()) if key in said else iter(())


def _check(pool: Pool, rows: np.ndarray, found: list[Part]) -> None:
    """Raises BadRequest where the files say something else of a kept picture than the pool."""
    frames = {entry.path: coco.frame_of(entry.value) for part in reversed(found) for entry in reversed(part.images)}
    notes: dict[str, _Notes] = {path: [] for path in frames}
    for part in found:
        for entry in part.notes:
            notes[entry.path].append((part, entry))
    is_same = _has_captions if pool.kind == "pairs" else _has_labels
    for row in rows.tolist():
        path = pool.value("path", row)
        if path not in frames or not is_same(pool, row, notes[path], frames[path]):
            raise _changed(pool, found[0].path if len(found) == 1 else Path(pool.about["source"]))
    if pool.kind == "pairs" and pool.how.captions == "each":
        spare = _spare(set(pool.ids[rows].tolist()), notes)
        for part in found:
            part.notes = [entry for entry in part.notes if id(entry) not in spare]


def _has_labels(pool: Pool, row: int, notes: _Notes, frame: tuple[float, float] | None) -> bool:
    said = ((part, entry) for part, entry in notes if "caption" not in entry.value)
    labels = [label for part, entry in said if (label := coco.label_of(entry.value, part.names)) is not None]
    look = Look(pool.value("width", row), pool.value("height", row), 0, "")
    return in_pixels(labels, frame, look) == pool.labels(row)


def _has_captions(pool: Pool, row: int, notes: _Notes, frame: Any) -> bool:
    told = [entry.value["caption"] for entry in _told(notes)]
    samples = caption_columns.samples(pool.value("path", row), told, pool.how.captions)
    return any(one.id == pool.ids[row] and list(one.captions) == pool.text(row) for one in samples)


def _spare(kept: set[str], notes: Mapping[str, _Notes]) -> set[int]:
    """Captions, by identity, that are samples of their own and were not chosen."""
    spare = set()
    for path, own in notes.items():
        told = _told(own)
        samples = caption_columns.samples(path, [entry.value["caption"] for entry in told], "each")
        chosen = {one.part for one in samples if one.id in kept and not one.reason}
        spare |= {id(entry) for at, entry in enumerate(told) if at not in chosen}
    return spare


def _told(notes: _Notes) -> list[Entry]:
    return [entry for _, entry in notes if "caption" in entry.value]


def _changed(pool: Pool, path: Path) -> BadRequest:
    return BadRequest(
        f"{path} says something else of a kept picture than when the pool {pool.name} was added; add the pool again, "
        "and choose again."
    )
