"""What a file of labels holds: what one person said of one sample, and what could not be read."""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from datasel_core.pools.labels import Label

SHARES = (1, 1)
"""The frame of boxes that are shares of a picture's width and height."""


@dataclass(frozen=True)
class Said:
    """What one person said of one sample. names: under which the source knows the sample, the surest first.

    person: empty where the source names none. classes: None where no class was asked for. boxes: None where none were;
    their frame is the width and height that they refer to, None for pixels of the picture.
    seconds: that it took. time: UTC, as `2026-05-01T09:30:00.000000Z`. right: whether it is known to be right.
    place: where it stands in the source.
    """

    names: tuple[str, ...]
    place: str
    person: str = ""
    classes: tuple[str, ...] | None = None
    boxes: tuple[Label, ...] | None = None
    frame: tuple[float, float] | None = None
    seconds: float | None = None
    time: str | None = None
    right: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was marked: neither a class nor a box."""
        return not self.classes and not self.boxes


@dataclass(frozen=True)
class Lost:
    """Something that was not taken. id: of the sample, or where it stands."""

    id: str
    person: str
    reason: str


@dataclass
class Reading:
    """said: in the order of the file. tells_empty: whether the format tells a sample on which a person found nothing
    from one that nobody looked at.
    """

    said: list[Said] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tells_empty: bool = False

    def lose(self, id: str, reason: str, person: str = "") -> None:
        self.lost.append(Lost(id, person, reason))


def grouped(lost: Sequence[Lost], most: int = 20) -> list[str]:
    """`nothing says what is right: 16, first a.jpg, b.jpg`, a line for each reason, the most frequent first."""
    of: dict[str, list[str]] = {}
    for one in lost:
        of.setdefault(one.reason, []).append(one.id)
    ranked = sorted(of.items(), key=lambda one: -len(one[1]))
    lines = [
        f"{ids[0]}: {reason}" if len(ids) == 1 else f"{len(ids):,}: {reason} (first {', '.join(ids[:3])})"
        for reason, ids in ranked[:most]
    ]
    rest = sum(len(ids) for _, ids in ranked[most:])
    return [" ".join(line.split()) for line in lines] + ([f"{rest:,} more"] if rest else [])


def instant(value: Any) -> str | None:
    """A time as UTC; without a zone it is taken as UTC. None where it is no time."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        found = datetime.datetime.fromisoformat(value.strip())
        found = found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
        return found.astimezone(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None


def duration(value: Any) -> float | None:
    """Seconds; None where it is no number from 0 up."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) and found >= 0 and not isinstance(value, bool) else None


def around(points: Sequence[float]) -> tuple[float, float, float, float]:
    """The box around points, x y x y ..."""
    across, down = points[0::2], points[1::2]
    return min(across), min(down), max(across) - min(across), max(down) - min(down)
