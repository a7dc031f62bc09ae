"""Pairs from a table: one row per picture with one or several captions, or one row per caption."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools.media.pictures import Look, look_at_file
from datasel_core.pools.readers import caption_columns, table_columns, tables
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

PATHS = ("path", "image")
CAPTIONS = ("caption", "captions")


@dataclass(frozen=True)
class Named:
    """The columns that were named with options; None takes the usual name where the table has it."""

    path: str | None = None
    caption: str | None = None
    id: str | None = None
    group: str | None = None


@dataclass
class _Picture:
    """One picture and what is said about it. row: where in the table it stands first. rows: where each caption
    stands.
    """

    id: str
    path: str
    row: int
    captions: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


def scan_table(
    source: Path, named: Named, captions: caption_columns.Choice, workspace: Workspace, progress: Progress
) -> Scan:
    """Raises BadInput when a column is missing, ids repeat, or nothing is left."""
    table = _read(source, named)
    path, caption = (
        _find(table, source, named.path, PATHS, "path"),
        _find(table, source, named.caption, CAPTIONS, "caption"),
    )
    id, group = _find(table, source, named.id, ("id",)), _find(table, source, named.group, ("group",))
    pictures, unreadable = _pictures(table, source, path, caption, id)
    looks = _look_at_all(source.parent, pictures, workspace, progress)
    rows: list[dict[str, Any]] = []
    row_of: dict[str, int] = {}
    for picture in pictures:
        look = looks[picture.path]
        for said in caption_columns.samples(picture.id, picture.captions, captions):
            row = picture.rows[said.part] if picture.rows else picture.row
            if reason := said.reason or (look if isinstance(look, str) else ""):
                unreadable.append({"id": _printable(said.id), "reason": reason})
                continue
            if said.id in row_of:
                raise BadInput(
                    f"{source.name}: the id {said.id!r} stands for captions of rows {row_of[said.id] + 1} and "
                    f"{row + 1}; rename one of them."
                )
            row_of[said.id] = row
            lists = {"captions": list(said.captions)} if captions == "mean" else {}
            own = {"id": said.id, "path": picture.path, "caption": said.captions[0], **lists}
            rows.append({**own, **look.columns(), "content": caption_columns.content_of(look.hash, said.captions)})
    if not rows:
        first = f" ({unreadable[0]['id']}: {unreadable[0]['reason']})" if unreadable else ""
        raise BadInput(f"None of the {len(unreadable):,} pairs in {source} can be used{first}.")
    kept, notes = _others(table, list(row_of.values()), {path, caption, id}, group, source)
    stamps = np.array([looks[row["path"]].stamp for row in rows], dtype=np.int64)
    return Scan(_beside(rows, kept), source.parent, unreadable, notes, stamps=stamps)


def _read(source: Path, named: Named) -> pa.Table:
    if source.suffix.lower() not in (".csv", ".tsv"):
        return tables.read_table(source, ())  # these know what is text
    words = {name for name in (named.path, named.caption, named.id, named.group) if name}
    return tables.read_table(source, tuple({*PATHS, *CAPTIONS, "id", "group", *words}))


def _find(table: pa.Table, source: Path, named: str | None, usual: tuple[str, ...], needed: str = "") -> str | None:
    """The column to use. Raises BadInput when one that was named is not there, or one that is needed."""
    if named is not None:
        tables.require_columns(table, source, (named,))
        return named
    found = next((name for name in usual if name in table.column_names), None)
    if found is None and needed:
        has = ", ".join(table.column_names)
        raise BadInput(
            f"{source.name} has no column {' or '.join(usual)}; name one with --option {needed}_column=NAME. It has: "
            f"{has}."
        )
    return found


def _pictures(
    table: pa.Table, source: Path, path: str, caption: str, id: str | None
) -> tuple[list[_Picture], list[dict[str, str]]]:
    """The pictures in the order of their first rows, and the rows that name none. Without ids, rows with the same path
    are captions of one picture.
    """
    paths, captions = _texts(table, source, path), _lists(table, source, caption)
    ids = _texts(table, source, id) if id else [None] * len(paths)
    found: dict[str, _Picture] = {}
    lost: list[dict[str, str]] = []
    for row, (name, where, said) in enumerate(zip(ids, paths, captions, strict=True)):
        if name is not None and not name.strip():
            raise BadInput(f"Row {row + 1} of {source.name} has an empty id; every sample needs a name of its own.")
        if not where:
            lost.append({"id": _printable(name or f"row {row + 1}"), "reason": "it has no image path"})
            continue
        known = found.get(name or where)
        if known is None:
            known = found[name or where] = _Picture(name or where, where, row)
        elif name is not None or known.path != where:
            raise BadInput(
                f"The id {known.id!r} stands in rows {known.row + 1} and {row + 1} of {source.name}; ids must be "
                "unique. "
                "(Without an id column, rows with the same path are captions of one image.)"
            )
        known.captions += said
        known.rows += [row] * len(said)
    return list(found.values()), lost


def _texts(table: pa.Table, source: Path, name: str) -> list[str | None]:
    return _as_text(table[name], source, name).to_pylist()


def _as_text(column: pa.ChunkedArray, source: Path, name: str) -> pa.ChunkedArray:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (_is_text(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise BadInput(f"{source.name}: the column {name} holds {_short(kind)}; it must be text.")
    return column.cast(pa.string())


def _lists(table: pa.Table, source: Path, name: str) -> list[Sequence[Any]]:
    """The captions of each row."""
    kind = table[name].type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return [[text] for text in _texts(table, source, name)]
    if not (_is_text(kind.value_type) or pa.types.is_null(kind.value_type)):
        raise BadInput(
            f"{source.name}: the column {name} holds {_short(kind)}; captions must be text, or lists of text."
        )
    return [list(said or ()) for said in table[name].to_pylist()]


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _short(kind: pa.DataType) -> str:
    text = " ".join(str(kind).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _look_at_all(
    root: Path, pictures: list[_Picture], workspace: Workspace, progress: Progress
) -> dict[str, Look | str]:
    """What each file is; one that stands in several rows is read once."""
    paths = list(dict.fromkeys(picture.path for picture in pictures))
    roots = workspace.roots()
    answers = in_order(lambda path: look_at_file(workspace, root, path, roots), paths)
    return dict(progress.over(answers, len(paths), "reading images"))


def _others(
    table: pa.Table, rows: list[int], used: set[str | None], group: str | None, source: Path
) -> tuple[dict[str, pa.Array | pa.ChunkedArray], list[str]]:
    """The table's other columns, for these rows; and a note on those that gave way to ours."""
    names = [name for name in table.column_names if name not in used and name != group]
    gone = [name for name in names if table_columns.gives_way(name) or (group and name == "group")]
    kept = {"group": _as_text(table[group], source, group)} if group else {}
    kept |= {name: table[name] for name in names if name not in gone}
    places = pa.array(rows, pa.int64())
    notes = [f"Columns of {source.name} that have names of ours were left out: {', '.join(gone)}."] if gone else []
    return {name: column.take(places) for name, column in kept.items()}, notes


def _beside(rows: list[dict[str, Any]], kept: dict[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    """Ours and theirs: what a pair is, then what was brought, then what was measured."""
    ours = {name: table_columns.column([row[name] for row in rows]) for name in rows[0]}
    measured = ("width", "height", "bytes", "content")
    first = {name: array for name, array in ours.items() if name not in measured}
    return pa.table({**first, **kept, **{name: ours[name] for name in measured}})


def _printable(id: str) -> str:
    return id.encode("utf-8", "backslashreplace").decode()
