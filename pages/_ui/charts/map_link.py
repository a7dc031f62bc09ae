"""What a link says of a map: the region drawn on it, what the legend hides, and which part of it is seen.

Each is one short text of letters that no address escapes, made in the browser. It begins with a tag of what it belongs
to, so that a region of one map is never one of another. Numbers are to the base 36, N stands for a minus.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from pages._ui.kit import keys

KINDS = ("region", "hidden", "view")
_MOST, _FAR = 20_000, 10_000_000

Shapes = list[list[list[int]]]


def name(map: str, kind: str) -> str:
    """Under which name `keys` has it: `map.region`."""
    return f"{map}.{kind}"


def linked(map: str) -> str:
    """The map's name where its links are in the address, else nothing."""
    return map if all(name(map, kind) in keys.LINKED for kind in KINDS) else ""


def tag(*of: str) -> str:
    return hashlib.sha256("\n".join(of).encode()).hexdigest()[:6]


def region(text: object, tag: str) -> Shapes:
    """Polygons of whole numbers; none where the text is no region, or one of other points."""
    parts = _parts(text, tag)
    try:
        found = [[[_number(at) for at in corner.split(".")] for corner in shape.split("_")] for shape in parts]
    except ValueError:
        return []
    sound = all(len(shape) > 2 and all(len(corner) == 2 for corner in shape) for shape in found)
    return found if sound and sum(map(len, found)) <= _MOST else []


def hidden(text: object, tag: str, n: int) -> list[int]:
    """Labels that are not shown, of n."""
    try:
        return sorted({at for at in map(_number, _parts(text, tag)) if 0 <= at < n})
    except ValueError:
        return []


def view(text: object, tag: str) -> list[int] | None:
    """[x, y, width] of what is seen, its middle and its extent; None where all is."""
    try:
        found = [_number(at) for part in _parts(text, tag)[:1] for at in part.split(".")]
    except ValueError:
        return None
    return found if len(found) == 3 and found[2] > 0 else None


def written(shapes: Sequence[Sequence[Sequence[float]]], tag: str) -> str:
    """The text of a region, as the browser writes it."""
    whole = [np.round(np.asarray(shape)).astype(int).tolist() for shape in shapes]
    lines = ["_".join(".".join(map(_short, corner)) for corner in shape) for shape in whole]
    return "-".join([tag, *lines]) if lines else ""


def elsewhere(text: object, tag: str) -> bool:
    """Whether there is a text, of something else."""
    return bool(text) and not str(text).startswith(f"{tag}-")


def _parts(text: object, tag: str) -> list[str]:
    first, *rest = str(text or "").split("-")
    return rest if first == tag else []


def _short(number: int) -> str:
    return np.base_repr(number, 36).lower().replace("-", "N")


def _number(text: str) -> int:
    found = int(text.replace("N", "-", 1), 36)
    if abs(found) > _FAR:
        raise ValueError("It lies nowhere near the map.")
    return found
