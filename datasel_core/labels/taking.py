"""From what a file says to what is kept: matched by name, once for each person and sample; all else is listed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from datasel_core.errors import BadRequest
from datasel_core.labels.judgement import Judgement
from datasel_core.labels.names import Names
from datasel_core.labels.readers.reading import Lost, Reading, Said
from datasel_core.pools.labels import Label
from datasel_core.pools.pool import Pool

_SHOWN = 5


@dataclass(frozen=True)
class Scope:
    """Which samples labels may be about. contents: id -> hash of what was chosen; None where all of the pool are meant.
    always: ids that are taken whatever was chosen, such as a gold set. called: what was chosen, in words.
    """

    contents: Mapping[str, str] | None = None
    always: Collection[str] = ()
    called: str = ""


@dataclass(frozen=True)
class Taken:
    """kept: in pool order, at most one for each sample and person. lost: what was not taken, and why."""

    kept: list[Judgement]
    lost: list[Lost]
    notes: list[str]


def take(
    pool: Pool, reading: Reading, scope: Scope, person: str = "", empty: bool = False, right: bool = False
) -> Taken:
    """person: who labelled, where the file names nobody. empty: samples on which nothing is marked were looked at.
    right: what it says is known to be right.
    """
    names, lost, found = Names(pool), list(reading.lost), []
    contents = pool.table["content"].to_pylist()
    for one in reading.said:
        row = names.row(one.names)
        reason = row if isinstance(row, str) else _outside(pool, row, contents[row], scope)
        if not reason and one.is_empty and not (empty or reading.tells_empty):
            reason = "nothing is marked on it, and nothing says that somebody looked; --empty takes it as labelled"
        if reason:
            lost.append(Lost(one.names[0], one.person, reason))
            continue
        found.append(_judged(pool, row, contents[row], one, person, right, lost))
    row_of = {str(id): row for row, id in enumerate(pool.ids)}
    kept, notes = _once(found, lost)
    if names.bare:
        notes.append(f"Found by the file's name alone, which no other sample of {pool.name} has: {len(names.bare):,}.")
    return Taken(sorted(kept, key=lambda one: (row_of[one.id], one.person)), lost, [*reading.notes, *notes])


def _outside(pool: Pool, row: int, content: str, scope: Scope) -> str:
    """Why a sample is not one that labels may be about; empty where it is."""
    id = str(pool.ids[row])
    if scope.contents is None or id in scope.always:
        return ""
    if id not in scope.contents:
        return f"it is in {pool.name}, but not in {scope.called}"
    return "" if scope.contents[id] == content else f"{pool.name} has another sample under this name than was chosen"


def _judged(pool: Pool, row: int, content: str, one: Said, person: str, right: bool, lost: list[Lost]) -> Judgement:
    id, boxes = str(pool.ids[row]), one.boxes
    if boxes is not None:
        boxes = _in_pixels(pool, row, one)
        gone = sum(old.box is not None and new.box is None for old, new in zip(one.boxes or (), boxes, strict=True))
        if gone:
            why = "outside the picture, without area, or for a picture of another shape; the class was taken"
            lost.append(Lost(id, one.person, f"{gone:,} of its {len(boxes):,} boxes: {why}"))
    return Judgement(
        id, content, one.person or person, one.classes, boxes, one.seconds, one.time, right or one.right, one.place
    )


def _in_pixels(pool: Pool, row: int, one: Said) -> tuple[Label, ...]:
    """Its boxes on the picture; their classes alone where the pool knows no size of it."""
    # What opens pictures takes long to load, and most commands need none.
    from datasel_core.pools.media.pictures import Look
    from datasel_core.pools.readers.layouts.listing import in_pixels

    if not {"width", "height"} <= set(pool.columns):
        return tuple(Label(box.name) for box in one.boxes)
    return tuple(in_pixels(one.boxes, one.frame, Look(pool.value("width", row), pool.value("height", row), 0, "")))


def _once(found: Sequence[Judgement], lost: list[Lost]) -> tuple[list[Judgement], list[str]]:
    """At most one for each sample and person: what was said twice alike counts once; of others the latest by the file's
    own times, and none where it has none, for nobody can tell which was meant.
    """
    of: dict[tuple[str, str, bool], list[Judgement]] = defaultdict(list)
    for one in found:
        of[one.id, one.person, one.right].append(one)
    kept, alike = [], 0
    for own in of.values():
        if all(one.said == own[0].said for one in own):
            alike += len(own) - 1
            kept.append(max(own, key=lambda one: one.time or ""))
            continue
        times = [one.time for one in own if one.time is not None]
        latest = max(times, default=None)
        if len(times) == len(own) and times.count(latest) == 1:
            kept += [one for one in own if one.time == latest]
            lost += [_replaced(one, latest) for one in own if one.time != latest]
        else:
            who = own[0].person or "one person"
            why = f"{who} said {len(own)} different things of it, and no time says which is the latest"
            lost += [Lost(one.id, one.person, f"{why} ({one.place})") for one in own]
    notes = [f"Said twice alike by the same person, and counted once: {alike:,}."] if alike else []
    return kept, notes


def _replaced(one: Judgement, latest: str) -> Lost:
    return Lost(one.id, one.person, f"the same person said something else later ({latest[:19]}); that counts")


def check_classes(kept: Sequence[Judgement], known: Collection[str], file: str) -> None:
    """Raises BadRequest for classes that no earlier labels of the pool have: once kept, labels stay. known: those that
    were met before; with none of them every class is the first.
    """
    new = sorted({name for one in kept for name in one.names} - set(known))
    if known and new:
        more = f" and {len(new) - _SHOWN:,} more" if len(new) > _SHOWN else ""
        before = ", ".join(sorted(known)[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
        raise BadRequest(
            f"{file} has another class list than before: {', '.join(new[:_SHOWN])}{more} are new (known: {before}); "
            "--new-classes takes them, else correct the file."
        )
