"""What a layout lists, and how that becomes a pool: pictures are looked at, captions and labels are put beside them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools import labels as made
from datasel_core.pools.labels import Label
from datasel_core.pools.media.looks import look_at_files
from datasel_core.pools.media.pictures import Look
from datasel_core.pools.readers import caption_columns
from datasel_core.pools.readers.pair_table import Named
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.walk import printable
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

_MEASURED = ("width", "height", "bytes")
_OURS = frozenset({"content", made.LABELS, made.RAREST, *_MEASURED})
_SAID = frozenset({"caption", "captions"})


@dataclass
class Listing:
    """table: one row per picture: `id`, its place (`path`, or `shard` and `cell`), and whatever is known of it.

    captions, labels: of each row; None where the layout has none. frames: width and height that the boxes of a row
    refer to; the labels are as the source has them, and become pixels of the upright picture.
    looks: what the pictures of these rows are, where they are no files.
    origins: where each row stands in its table; None where the layout has no tables of pictures.
    """

    root: Path
    table: pa.Table
    captions: Sequence[Sequence[Any]] | None = None
    labels: Sequence[Sequence[Label]] | None = None
    frames: Sequence[tuple[float, float] | None] | None = None
    lost: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    looks: Callable[[], Iterator[Look | str]] | None = None
    origins: Sequence[Origin] | None = None


@dataclass(frozen=True)
class Layout:
    """name: as the option `layout` says it. title: for people. kind: of pool that it is taken for. asks: whether the
    options that name columns mean something.
    """

    name: str
    title: str
    kind: str
    read: Callable[[Named], Listing]
    asks: bool = False


def scan(
    layout: Layout, named: Named, captions: caption_columns.Choice | None, workspace: Workspace, progress: Progress
) -> Scan:
    """captions: how a picture with several becomes samples; None makes one sample of each picture. Raises BadInput when
    nothing is left.
    """
    listing = layout.read(named)
    if not listing.table.num_rows:
        raise _nothing_left(layout, listing)
    looks = _looks(listing, workspace, progress)
    unusable = {row: look for row, look in enumerate(looks) if isinstance(look, str)}
    unusable |= _repeated(listing.table["id"].to_pylist())
    looks = [look for row, look in enumerate(looks) if row not in unusable]
    _leave_out(listing, unusable)
    notes = [f"It was read as {layout.title}; --option layout=plain takes no notice of that.", *listing.notes]
    labels = _in_pixels(listing, looks, notes)
    rows, ids, said = _samples(listing, captions)
    if not rows:
        raise _nothing_left(layout, listing)
    _make_room(listing, _OURS if captions is None else _OURS | _SAID, notes)
    table = _table(listing.table, rows, ids, said, captions)
    own = None if labels is None else [labels[row] for row in rows]
    columns = {} if own is None else made.columns(own)
    columns |= {name: pa.array([getattr(looks[row], name) for row in rows]) for name in _MEASURED}
    hashes = [looks[row].hash for row in rows]
    content = hashes if said is None else map(caption_columns.content_of, hashes, said)
    columns["content"] = pa.array(content, pa.string())
    for name, column in columns.items():
        table = table.append_column(name, column)
    stamps = None if listing.looks else np.array([looks[row].stamp for row in rows], dtype=np.int64)
    boxes = None if own is None else made.boxes(own)
    return Scan(table, listing.root, listing.lost, notes, boxes=boxes, stamps=stamps, layout=layout.name)


def origins(layout: Layout, named: Named, captions: caption_columns.Choice | None) -> dict[str, Origin] | None:
    """id -> where its row stands; None where there are no tables, or a row has several samples. Raises BadInput."""
    listing = layout.read(named)
    if listing.origins is None:
        return None
    found: dict[str, Origin] = {}
    rows, ids, said = _samples(listing, captions)
    paths = listing.table["path"].to_pylist() if "path" in listing.table.column_names else None
    for at, (row, id) in enumerate(zip(rows, ids, strict=True)):
        own = {"path": paths[row]} if paths else {}
        own |= {"caption": said[at][0]} if said is not None else {}
        found.setdefault(id, listing.origins[row]._replace(said=own))
    return found if len({(one.file, one.at) for one in found.values()}) == len(found) else None


def _make_room(listing: Listing, ours: frozenset[str], notes: list[str]) -> None:
    """Columns of the source that have names of ours are left out, and the notes say so. Case does not count."""
    gone = [name for name in listing.table.column_names if name.lower() in ours]
    if gone:
        listing.table = listing.table.drop_columns(gone)
        notes.append(f"Columns that have names of ours were left out: {', '.join(gone)}.")


def _nothing_left(layout: Layout, listing: Listing) -> BadInput:
    first = f" ({listing.lost[0]['id']}: {listing.lost[0]['reason']})" if listing.lost else ""
    return BadInput(f"None of the {len(listing.lost):,} pictures that {layout.title} lists can be used{first}.")


def _table(
    listed: pa.Table, rows: Sequence[int], ids: Sequence[str], said: list[tuple[str, ...]] | None, captions: str | None
) -> pa.Table:
    """The listed columns of these rows; captions stand after the picture's place."""
    place = 3 if "cell" in listed.column_names else 2
    table = listed.take(pa.array(rows, pa.int64()))
    table = table.set_column(0, "id", pa.array(ids, pa.string()))
    if said is not None and captions == "mean":
        table = table.add_column(place, "captions", pa.array(map(list, said), pa.list_(pa.string())))
    if said is not None:
        table = table.add_column(place, "caption", pa.array([own[0] for own in said], pa.string()))
    return table


def _repeated(ids: Sequence[str]) -> dict[int, str]:
    """The rows whose name an earlier one has, with the reason."""
    seen: set[str] = set()
    found = {}
    for row, id in enumerate(ids):
        if id in seen:
            found[row] = "an earlier entry has the same name; the first is used"
        seen.add(id)
    return found


def _leave_out(listing: Listing, reasons: dict[int, str]) -> None:
    """Rows that cannot be used are listed as lost, and are rows no more."""
    if not reasons:
        return
    ids = listing.table["id"].to_pylist()
    listing.lost += [{"id": printable(ids[row]), "reason": reason} for row, reason in reasons.items()]
    kept = [row for row in range(len(ids)) if row not in reasons]
    listing.table = listing.table.take(pa.array(kept, pa.int64()))
    for name in ("captions", "labels", "frames"):
        if (values := getattr(listing, name)) is not None:
            setattr(listing, name, [values[row] for row in kept])


def _looks(listing: Listing, workspace: Workspace, progress: Progress) -> list[Look | str]:
    if listing.looks is not None:
        return list(progress.over(listing.looks(), listing.table.num_rows, "reading pictures"))
    paths = listing.table["path"].to_pylist()
    return [look for _, look in look_at_files(workspace, listing.root, paths, progress, "reading pictures")]


def _samples(
    listing: Listing, captions: caption_columns.Choice | None
) -> tuple[list[int], list[str], list[tuple[str, ...]] | None]:
    """The row and the id of each sample, and what is said about it."""
    ids = listing.table["id"].to_pylist()
    if captions is None:
        return list(range(len(ids))), ids, None
    rows, names, said = [], [], []
    for row, (id, own) in enumerate(zip(ids, listing.captions or [()] * len(ids), strict=True)):
        for one in caption_columns.samples(id, own, captions):
            if one.reason:
                listing.lost.append({"id": printable(one.id), "reason": one.reason})
                continue
            rows.append(row)
            names.append(one.id)
            said.append(one.captions)
    if twice := _repeated(names):  # `a` with two captions, and another picture called `a#1`
        listing.lost += [{"id": printable(names[at]), "reason": reason} for at, reason in twice.items()]
        keep = [at for at in range(len(names)) if at not in twice]
        rows, names, said = ([values[at] for at in keep] for values in (rows, names, said))
    return rows, names, said


def in_pixels(labels: Sequence[Label], frame: tuple[float, float] | None, look: Look) -> list[Label]:
    """What a pool has of the labels that a source has for one picture."""
    scale = _scale(frame, look)
    return [_fitted(label, scale, look) for label in labels]


def _in_pixels(listing: Listing, looks: Sequence[Look], notes: list[str]) -> list[list[Label]] | None:
    """The labels with their boxes in pixels of the upright pictures. A box that cannot be drawn is counted in the
    notes; its class stays.
    """
    if listing.labels is None:
        return None
    frames = listing.frames or [None] * len(looks)
    found, outside, turned = [], 0, 0
    for own, frame, look in zip(listing.labels, frames, looks, strict=True):
        fitted = in_pixels(own, frame, look)
        found.append(fitted)
        lost = sum(old.box is not None and new.box is None for old, new in zip(own, fitted, strict=True))
        is_turned = _scale(frame, look) is None
        outside, turned = (outside, turned + lost) if is_turned else (outside + lost, turned)
    if outside:
        notes.append(f"Boxes outside their pictures or without area, of which the class is kept: {outside:,}.")
    if turned:
        notes.append(f"Boxes of pictures that have another shape than is said, of which the class is kept: {turned:,}.")
    return found


def _scale(frame: tuple[float, float] | None, look: Look) -> tuple[float, float] | None:
    """Pixels per unit of the source, across and down; None where the picture has another shape than the source says.
    A frame of 1 x 1 fits every picture.
    """
    if frame is None:
        return 1.0, 1.0
    across, down = look.width / frame[0], look.height / frame[1]
    whole = frame == (1, 1)
    alike = abs(look.width - frame[0] * down) <= 1 or abs(look.height - frame[1] * across) <= 1
    return (across, down) if whole or alike else None


def _fitted(label: Label, scale: tuple[float, float] | None, look: Look) -> Label:
    if label.box is None or scale is None:
        return Label(label.name)
    across, down = scale
    x, y, w, h = label.box[0] * across, label.box[1] * down, label.box[2] * across, label.box[3] * down
    inside = w > 0 and h > 0 and x < look.width and y < look.height and x + w > 0 and y + h > 0
    return Label(label.name, (x, y, w, h)) if inside else Label(label.name)  # NaN is never inside
