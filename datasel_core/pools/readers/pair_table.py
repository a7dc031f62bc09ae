"""Pairs from a table: one row per picture with one or several captions, or one row per caption."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.media.looks import look_at_files
from datasel_core.pools.media.pictures import Look
from datasel_core.pools.readers import caption_columns, table_columns
from datasel_core.pools.readers.tables import typed, usual
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.paths import understood, with_remedy
from datasel_core.pools.readers.tables.table import Table, first_of, read_table
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Named:
    """The columns that were named with options; None takes the usual name where the table has it."""

    path: str | None = None
    caption: str | None = None
    id: str | None = None
    group: str | None = None


@dataclass
class _Picture:
    """One picture and what is said about it. written: its path as the table gives it. row: where in the table it stands
    first. rows: where each caption stands.
    """

    id: str
    written: str
    path: str
    row: int
    captions: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


def scan_table(
    source: Path,
    named: Named,
    captions: caption_columns.Choice,
    root: Path,
    moved: bool,
    workspace: Workspace,
    progress: Progress,
) -> Scan:
    """root: the folder that paths are relative to; moved: absolute ones too. Raises BadInput when a column is missing,
    ids repeat, or nothing is left.
    """
    table = read_table(source)
    path = table.find(named.path, usual.PATHS, "path_column")
    caption = table.find(named.caption, usual.CAPTIONS, "caption_column")
    id, group = table.find(named.id, usual.IDS), table.find(named.group, usual.GROUPS)
    pictures = _pictures(table, path, caption, id, root, moved, workspace)
    looks = _look_at_all(root, pictures, workspace, progress)
    rows: list[dict[str, Any]] = []
    row_of: dict[str, int] = {}
    for picture in pictures:
        look = looks[picture.path]
        for said in caption_columns.samples(picture.id, picture.captions, captions):
            row = picture.rows[said.part] if picture.rows else picture.row
            if reason := said.reason or (with_remedy(picture.path, look) if isinstance(look, str) else ""):
                table.refuse(row, reason, said.id)
                continue
            if said.id in row_of:
                raise BadInput(
                    f"{source.name}: the id {said.id!r} stands for captions of {table.place(row_of[said.id])} "
                    f"and {table.place(row)}; rename one of them."
                )
            row_of[said.id] = row
            lists = {"captions": list(said.captions)} if captions == "mean" else {}
            own = {"id": said.id, "path": picture.path, "caption": said.captions[0], **lists}
            rows.append({**own, **look.columns(), "content": caption_columns.content_of(look.hash, said.captions)})
    if not rows:
        raise BadInput(f"None of the {len(table.lost):,} pairs in {source} can be used{first_of(table.lost)}.")
    kept, notes = _others(table, list(row_of.values()), {path, caption, id}, group)
    stamps = np.array([looks[row["path"]].stamp for row in rows], dtype=np.int64)
    notes = [*table.notes, *notes, *table.other_names(id)]
    return Scan(_beside(rows, kept), root, table.lost, notes, stamps=stamps)


def origins(
    source: Path, named: Named, captions: caption_columns.Choice, root: Path, moved: bool, workspace: Workspace
) -> dict[str, Origin] | None:
    """id -> where its row stands, with the path and the caption that it has now; None where a row has several samples,
    or a sample several rows. Raises BadInput as `scan_table` does.
    """
    table = read_table(source)
    path = table.find(named.path, usual.PATHS, "path_column")
    caption = table.find(named.caption, usual.CAPTIONS, "caption_column")
    found: dict[str, Origin] = {}
    for picture in _pictures(table, path, caption, table.find(named.id, usual.IDS), root, moved, workspace):
        if captions == "mean" and len(set(picture.rows)) > 1:
            return None
        for said in caption_columns.samples(picture.id, picture.captions, captions):
            row = picture.rows[said.part] if picture.rows else picture.row
            if not said.reason:
                own = {"path": picture.path, "caption": said.captions[0]}
                found[said.id] = Origin(table.file, table.at[row], own)
    return found if len({one.at for one in found.values()}) == len(found) else None


def _pictures(
    table: Table, path: str, caption: str, id: str | None, root: Path, moved: bool, workspace: Workspace
) -> list[_Picture]:
    """The pictures in the order of their first rows; rows that name none are listed. Without ids, rows with the same
    path are captions of one picture.
    """
    found: dict[str, _Picture] = {}
    for row, said in enumerate(table.columns[caption]):
        name = None
        try:
            name = table.id(id, row)
            where = table.text(path, row, "path")
            if not where:
                raise BadRequest("it has no image path")
            known = found.get(name or where)
            place = known.path if known else understood(where, root, moved, workspace)
        except BadRequest as error:
            table.refuse(row, f"{table.place(row)}: {error}", name)
            continue
        if known is None:
            known = found[name or where] = _Picture(name or where, where, place, row)
        elif name is not None or known.written != where:
            raise BadInput(
                f"The id {known.id!r} stands in {table.place(known.row)} and in {table.place(row)}; ids must be "
                "unique. (Without an id column, rows with the same path are captions of one image.)"
            )
        texts = [_caption(one) for one in said] if isinstance(said, list | tuple) else [_caption(said)]
        known.captions += texts
        known.rows += [row] * len(texts)
    return list(found.values())


def _caption(value: Any) -> Any:
    """Text, where it is text or a number; else as it is, and refused with it."""
    try:
        return typed.text_of(value)
    except typed.BadValue:
        return value


def _look_at_all(
    root: Path, pictures: list[_Picture], workspace: Workspace, progress: Progress
) -> dict[str, Look | str]:
    """What each file is; one that stands in several rows is read once."""
    paths = list(dict.fromkeys(picture.path for picture in pictures))
    return dict(look_at_files(workspace, root, paths, progress, "reading images"))


def _others(
    table: Table, rows: list[int], used: set[str | None], group: str | None
) -> tuple[dict[str, pa.Array | pa.ChunkedArray], list[str]]:
    """The table's other columns, for these rows; and a note on those that gave way to ours."""
    names = [name for name in table.names if name not in used and name != group]
    gone = [name for name in names if table_columns.gives_way(name) or (group and name == "group")]
    names = [name for name in names if name not in gone]
    kept = {"group": pa.array(table.labels(group, rows), pa.string())} if group else {}
    kept |= {name: table.column(name, rows) for name in names}
    written = table.as_written(names, rows)
    if written is not None:
        kept[typed.AS_WRITTEN] = written
    file = table.file.name
    notes = [f"Columns of {file} that have names of ours were left out: {', '.join(gone)}."] if gone else []
    return kept, notes


def _beside(rows: list[dict[str, Any]], kept: dict[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    """Ours and theirs: what a pair is, then what was brought, then what was measured."""
    ours = {name: table_columns.column([row[name] for row in rows]) for name in rows[0]}
    measured = ("width", "height", "bytes", "content")
    first = {name: array for name, array in ours.items() if name not in measured}
    written = {name: kept.pop(name) for name in [typed.AS_WRITTEN] if name in kept}
    return pa.table({**first, **kept, **{name: ours[name] for name in measured}, **written})
