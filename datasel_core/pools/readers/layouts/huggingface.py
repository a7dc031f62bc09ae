"""Parquet with pictures inside, as the library `datasets` writes it: one file, or all splits below a folder.

https://huggingface.co/docs/datasets/image_dataset
"""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.parallel import in_order
from datasel_core.errors import BadInput
from datasel_core.pools.labels import Label
from datasel_core.pools.media import picture_columns
from datasel_core.pools.media.pictures import Look
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.layouts import objects, places
from datasel_core.pools.readers.layouts.columns import (
    as_captions,
    as_text,
    caption_column,
    check_captions,
    require_columns,
)
from datasel_core.pools.readers.layouts.listing import Layout, Listing
from datasel_core.pools.readers.pair_table import Named
from datasel_core.pools.readers.tables.files import table_file
from datasel_core.pools.readers.tables.origins import Origin

_TROUBLE = (pa.ArrowException, OSError)
_PART = re.compile(r"(?P<split>.+?)-\d+(-of-\d+)?")
_OWN = frozenset({"shard", "cell", "path", "offset"})


def find(source: Path, files: Sequence[Path], kind: str | None) -> Layout | None:
    files = list(places.within(source, files, places.DEPTH, (".parquet",)))
    first = next((name for path in files[:20] if (name := _picture(path, None))), None)
    if first is None:
        return None
    said = caption_column(pq.read_schema(files[0]).names, Named())
    kind = kind or ("pairs" if said else "images")
    read = functools.partial(_read, source, files, kind == "pairs")
    return Layout("huggingface", "Parquet with pictures inside (Hugging Face)", kind, read, True)


def _picture(path: Path, named: str | None) -> str | None:
    try:
        with picture_columns.open_file(path) as file:
            return picture_columns.picture_column(file, named)
    except _TROUBLE:
        return None


@dataclass(frozen=True)
class _Shard:
    """path: of the file. picture: its column of pictures. table: its other columns. paths: what the pictures are
    called. classes: column -> names. empty: whether no cell holds a picture, so that their paths are all there is.
    """

    path: Path
    picture: str
    table: pa.Table
    paths: list[str | None]
    classes: dict[str, list[str]]
    empty: bool


def _read(source: Path, files: Sequence[Path], pairs: bool, named: Named) -> Listing:
    root = source if source.is_dir() else source.parent
    notes, lost, shards = [], [], []
    for path in files:
        name = places.relative(path, root)
        try:
            shard = _open(path, named)
        except _TROUBLE as error:
            lost.append({"id": name, "reason": f"it could not be read: {str(error).splitlines()[0]}"})
            continue
        if shard is None:
            notes.append(f"{name} has no column {named.path or 'of pictures'} and was passed over.")
        elif shard.table.num_rows:
            shards.append(shard)
    if not shards:
        raise BadInput(f"No file of {source.name} has a column {named.path or 'of pictures'} with rows in it.")
    if pairs:
        check_captions([shard.table for shard in shards], named, source.name)
    if linked := all(shard.empty for shard in shards):
        shards = [replace(shard, paths=_from(root, shard)) for shard in shards]
    ids = _ids(shards, root, named)
    tables_, captions, nested = [], [], set()
    for shard, own in zip(shards, ids, strict=True):
        table, said, left = _columns(shard, own, root, source, named, linked, pairs)
        tables_.append(table)
        captions += said
        nested |= left
    if nested:
        notes.append(
            f"Columns that hold no plain values, or have names of ours, were left out: {', '.join(sorted(nested))}."
        )
    whole = table_columns.joined(tables_, ("id", "path", "shard", "cell", "group", "split"))
    listing = Listing(root, whole, captions=captions, lost=lost, notes=notes)
    listing.looks = None if linked else lambda: _looks(shards)
    listing.origins = [Origin(table_file(one.path), at + 1) for one in shards for at in range(one.table.num_rows)]
    listing.labels = _labels(shards, whole, notes)
    return listing


def _open(path: Path, named: Named) -> _Shard | None:
    with picture_columns.open_file(path) as file:
        picture = picture_columns.picture_column(file, named.path)
        if picture is None:
            return None
        schema = file.schema_arrow
        nested = pa.types.is_struct(schema.field(picture).type)
        where = f"{picture}.path" if nested and schema.field(picture).type.get_field_index("path") >= 0 else None
        others = [name for name in schema.names if name != picture]
        table = file.read([*others, *([where] if where else [])])
        paths = [None] * file.metadata.num_rows
        if where:
            paths = [one and one.get("path") for one in table[picture].to_pylist()]
            table = table.drop_columns([picture])
        is_empty = all(paths) and picture_columns.is_empty(file, picture)
        return _Shard(path, picture, table, paths, picture_columns.class_names(file), is_empty)


def _from(root: Path, shard: _Shard) -> list[str]:
    """Paths as the pool has them: from its root, not as one machine calls them."""
    return [places.relative(shard.path.parent / one, root) for one in shard.paths]


def _ids(shards: Sequence[_Shard], root: Path, named: Named) -> list[list[str]]:
    """Names of all rows: a column `id`, or the one that was named; else the pictures' own paths; else file and row,
    where the others are missing or repeat.
    """
    id = named.id or "id"
    for shard in shards if named.id else ():
        require_columns(shard.table, shard.path.name, (id,))
    if all(id in shard.table.column_names for shard in shards):
        found = [as_text(shard.table[id], id, shard.path.name) for shard in shards]
        if named.id or _unique(found):
            return [[name or "" for name in own] for own in found]
    found = [shard.paths for shard in shards]
    if _unique(found):
        return found
    stems = [places.relative(shard.path, root).removesuffix(".parquet") for shard in shards]
    return [[f"{stem}/{row}" for row in range(len(shard.paths))] for stem, shard in zip(stems, shards, strict=True)]


def _unique(found: Sequence[Sequence[str | None]]) -> bool:
    every = [name for own in found for name in own]
    return all(every) and len(set(every)) == len(every)


def _columns(
    shard: _Shard, ids: list[str], root: Path, source: Path, named: Named, linked: bool, pairs: bool
) -> tuple[pa.Table, list[Sequence[Any]], set[str]]:
    """The columns of one file, its captions, and the names of columns that were left out."""
    table, file = shard.table, shard.path.name
    require_columns(table, shard.path.name, tuple(name for name in (named.caption, named.group) if name))
    said = caption_column(table.column_names, named) if pairs else None
    captions = as_captions(table[said], said, file) if said else [[]] * table.num_rows
    group = named.group or ("group" if "group" in table.column_names else None)
    made: dict[str, Any] = {"id": pa.array(ids, pa.string())}
    if linked:
        made["path"] = pa.array(shard.paths, pa.string())
    else:
        made["shard"] = pa.array([places.relative(shard.path, root)] * len(ids), pa.string())
        made["cell"] = pa.array(range(len(ids)), pa.int64())
    if group:
        made["group"] = pa.array(as_text(table[group], group, file), pa.string())
    if split := _split(shard.path, source):
        made["split"] = pa.array([split] * len(ids), pa.string())
    used = {said, group, "id", named.id, *made, *objects.used(table)}
    others = [name for name in table.column_names if name not in used]
    left = {name for name in others if name in _OWN or not table_columns.is_plain(table[name].type)}
    for name in (name for name in others if name not in left):
        made[name] = _named_classes(table[name], shard.classes.get(name))
    return pa.table(made), captions, left


def _named_classes(column: pa.ChunkedArray, names: list[str] | None) -> pa.ChunkedArray | pa.Array:
    """Numbers of classes as the names that the file has for them."""
    if names is None or not pa.types.is_integer(column.type):
        return column
    said = [names[at] if at is not None and 0 <= at < len(names) else None for at in column.to_pylist()]
    return pa.array(said, pa.string())


def _split(path: Path, source: Path) -> str | None:
    """Of train-00000-of-00001.parquet, train.parquet, or train/0000.parquet."""
    part = _PART.fullmatch(path.stem)
    for word in (part["split"] if part else path.stem, path.parent.name if path.parent != source else ""):
        if word.lower() in places.SPLITS:
            return places.SPLITS[word.lower()]
    return part["split"] if part and "-of-" in path.stem else None


def _labels(shards: Sequence[_Shard], whole: pa.Table, notes: list[str]) -> list[list[Label]] | None:
    """What is drawn on each sample; else its class, where the files say the names of classes."""
    if (drawn := objects.labels_of([shard.table for shard in shards])) is not None:
        notes.append(objects.NOTE)
        return drawn
    named = [
        name for name in dict.fromkeys(name for shard in shards for name in shard.classes) if name in whole.column_names
    ]
    if not named:
        return None
    if len(named) > 1:
        notes.append(f"The column {named[0]} gives the labels; {', '.join(named[1:])} hold classes, too.")
    return [[] if name is None else [Label(name)] for name in whole[named[0]].to_pylist()]


def _looks(shards: Sequence[_Shard]) -> Iterator[Look | str]:
    """What each picture is, in order; at most a few batches of them are in memory."""

    def pictures() -> Iterator[bytes | None]:
        for shard in shards:
            with picture_columns.open_file(shard.path) as file:
                for block in picture_columns.cells(file, shard.picture):
                    yield from (cell.as_py() for cell in block)

    return (look for _, look in in_order(picture_columns.look_at_bytes, pictures()))
