"""What columns of pictures are usually called. The first that is there counts, as it is written, else in any case;
options name others.
"""

from collections.abc import Iterable, Mapping
from typing import Any

PATHS = ("path", "image", "file_name", "filename", "filepath", "file_path", "image_path", "img_path", "img")
CAPTIONS = ("caption", "captions", "text", "title", "alt_text", "description")
IDS = ("id",)
GROUPS = ("group",)
OTHER_IDS = ("image_id", "uid", "key", "sample_id")
"""Columns that could name samples too; they are pointed out, and taken when an option says so: whoever has a pool of
such a table already has its samples by their paths.
"""


OURS = "datasel"
"""The key under which an export says what was chosen of a row: its id, rank, score, count and why."""


def is_ours(value: object) -> bool:
    """Whether an export of ours wrote it."""
    return isinstance(value, dict) and {"id", "rank"} <= value.keys() and value["id"] is not None


def without_ours(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row as it was before it was exported."""
    return {name: value for name, value in row.items() if name != OURS} if is_ours(row.get(OURS)) else row


def candidates(names: Iterable[str], usual: tuple[str, ...]) -> list[str]:
    """The columns that are called so, best first."""
    names = list(names)
    folded = {name: name.strip().casefold() for name in names}
    exact = [name for name in usual if name in names]
    return [*exact, *(name for one in usual for name in names if folded[name] == one and name not in exact)]
