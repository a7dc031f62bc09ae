"""Which layout a path holds."""

from pathlib import Path
from typing import Literal

from datasel_core.errors import BadInput
from datasel_core.pools.readers.layouts import coco, conversations, huggingface, imagefolder, places, yolo
from datasel_core.pools.readers.layouts.listing import Layout

Choice = Literal["auto", "plain", "coco", "yolo", "imagefolder", "huggingface", "llava"]

_FINDERS = {
    "yolo": yolo.find,
    "coco": coco.find,
    "imagefolder": imagefolder.find,
    "huggingface": huggingface.find,
    "llava": conversations.find,
}
"""In the order in which they are tried."""


def may_describe(file: Path) -> bool:
    """Whether a file is called as those that describe pictures: annotations, a data.yaml, labels, metadata."""
    labels = file.suffix == ".txt" and "labels" in file.parts
    return labels or file.suffix.lower() in (".json", ".yaml", ".yml") or file.name in imagefolder.NAMES


def find_layout(source: Path, kind: str | None = None, choice: Choice = "auto") -> Layout | None:
    """The layout that a file or folder is in, or None. kind: of the pool that is to come of it; None takes any.

    choice: `plain` takes none; the name of one, only that. Raises BadInput where that is not there.
    """
    if choice == "plain":
        return None
    files = places.described(source)
    for name, find in _FINDERS.items():
        if choice in ("auto", name) and (found := find(source, files, kind)):
            return found
    if choice != "auto":
        raise BadInput(f"{source.name} is not in the layout {choice}; leave the option layout out.")
    return None
