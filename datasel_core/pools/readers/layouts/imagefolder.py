"""A folder of pictures with tables beside them: metadata.csv, .jsonl or .parquet, whose `file_name` names each picture.

https://huggingface.co/docs/datasets/image_dataset#imagefolder
"""

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.layouts import objects, places
from datasel_core.pools.readers.layouts.columns import (
    as_captions,
    as_text,
    caption_column,
    check_captions,
    head,
    require_columns,
)
from datasel_core.pools.readers.layouts.listing import Layout, Listing
from datasel_core.pools.readers.pair_table import Named
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.table import read_table

NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_FILE = "file_name"
_DEPTH = 3


def find(source: Path, files: Sequence[Path], kind: str | None) -> Layout | None:
    files = [path for path in places.within(source, files, _DEPTH, NAMES) if path.name in NAMES and _names(path)]
    if not files:
        return None
    said = any(caption_column(_names(path), Named()) for path in files)
    kind = kind or ("pairs" if said else "images")
    read = functools.partial(_read, source, files, kind == "pairs")
    return Layout("imagefolder", "a folder of pictures with metadata", kind, read, True)


def _names(path: Path) -> list[str]:
    """The columns of a metadata table; none where it names no pictures."""
    names = head(path)
    return names if _FILE in names else []


def _read(source: Path, files: Sequence[Path], pairs: bool, named: Named) -> Listing:
    root = source if source.is_dir() else source.parent
    parts, captions = [], []
    words = tuple(name for name in (_FILE, "id", "group", *vars(named).values()) if name)
    tables = [read_table(path) for path in files]
    read = [table.arrow(words) for table in tables]
    if pairs:
        check_captions(read, named, source.name)
    for path, table in zip(files, read, strict=True):
        picture = named.path or _FILE
        said = caption_column(table.column_names, named) if pairs else None
        require_columns(table, path.name, tuple(name for name in (picture, *_named(named)) if name))
        used = {said, *objects.used(table)} - {None}
        parts.append(_part(table, picture, named, path.parent, root, used, len(files) > 1))
        captions += as_captions(table[said], said, path.name) if said else [[]] * table.num_rows
    whole = table_columns.joined(parts, ("id", "path", "group", "split"))
    if pairs:
        whole = whole.set_column(0, "id", pa.array(_numbered(whole), pa.string()))
    notes = [note for table in tables for note in table.notes]
    notes += places.spare_note(source, root, whole["path"].to_pylist())
    lost = [one for table in tables for one in table.lost]
    stand = [Origin(table.file, at) for table in tables for at in table.at]
    drawn = objects.labels_of(read)
    notes += [] if drawn is None else [objects.NOTE]
    return Listing(root, whole, captions=captions, labels=drawn, lost=lost, notes=notes, origins=stand)


def _numbered(table: pa.Table) -> list[str]:
    """Rows that name one picture are each a caption of it: `a.jpg#1`, `a.jpg#2`. Ids of the source stay as they are."""
    ids, paths = table["id"].to_pylist(), table["path"].to_pylist()
    times, met = Counter(ids), Counter[str]()
    found = []
    for id, path in zip(ids, paths, strict=True):
        met[id] += 1
        found.append(f"{id}#{met[id]}" if times[id] > 1 and id == path else id)
    return found


def _named(named: Named) -> tuple[str | None, ...]:
    return named.caption, named.id, named.group


def _part(
    table: pa.Table, picture: str, named: Named, folder: Path, root: Path, used: set[str], several: bool
) -> pa.Table:
    """The columns of one table; those of pictures without a name say so when they are looked at."""
    inside = places.relative(folder, root)
    names = [name or "" for name in as_text(table[picture], picture, folder.name)]
    paths = [name if inside == "." else f"{inside}/{name}" for name in names]
    id = named.id or ("id" if "id" in table.column_names else None)
    columns = {"id": as_text(table[id], id, folder.name) if id else paths, "path": paths}
    columns["id"] = [own or path for own, path in zip(columns["id"], paths, strict=True)]
    split = places.SPLITS.get(inside.split("/")[0].lower()) or places.SPLITS.get(folder.name.lower())
    if split or (several and inside != "."):
        columns["split"] = [split or inside] * len(paths)
    group = named.group or ("group" if "group" in table.column_names else None)
    if group:
        columns["group"] = as_text(table[group], group, folder.name)
    kept = [name for name in table.column_names if name not in {picture, id, group, *used, *columns}]
    made = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({**made, **{name: table[name] for name in kept}})
