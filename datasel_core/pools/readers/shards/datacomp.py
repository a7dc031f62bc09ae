"""Pairs of which only metadata and embeddings are there, as DataComp publishes them: Parquet shards beside .npz shards,
row for row.

Gadre et al. 2023, https://arxiv.org/abs/2304.14108
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadInput
from datasel_core.pools.readers import caption_columns, table_columns
from datasel_core.pools.readers.npz_rows import Part, Rows, look, rows_per_block
from datasel_core.pools.readers.tables.files import table_file
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

Embeddings = Literal["auto", "l14", "b32"]

_ROLES = {"img": "image", "txt": "text"}
_CAPTION = "text"


@dataclass(frozen=True)
class _Shard:
    """A Parquet file of n rows, and for each role the array that lies beside it."""

    file: Path
    n: int
    parts: Mapping[str, Part]


def is_metadata(source: Path) -> bool:
    """Whether a Parquet table has uids and names no images. Raises BadInput when it cannot be read."""
    names = _schema(source)[1].names
    return "uid" in names and not {"path", "image"} & set(names)


def scan_metadata(source: Path, embeddings: Embeddings, workspace: Workspace, progress: Progress) -> Scan:
    """Reads every shard once; embeddings a block at a time, so that memory holds ids, captions and scores only. Raises
    BadInput.
    """
    files = _files(source)
    shards, notes = _shards(files, embeddings, workspace, source)
    track = progress.track(sum(shard.n for shard in shards), "reading pairs")
    tables, keeps, unreadable, nested = [], [], [], set()
    for shard in shards:
        table, keep, left = _read(shard, nested, track)
        tables.append(table.filter(pa.array(keep)))
        keeps.append(keep)
        unreadable += left
    track.finish()
    if not any(keep.any() for keep in keeps):
        first = f" ({unreadable[0]['id']}: {unreadable[0]['reason']})" if unreadable else ""
        raise BadInput(f"None of the {len(unreadable):,} pairs in {source} can be used{first}.")
    joined = table_columns.joined(tables, ("id", "caption"))
    _check_unique(joined, tables, shards)
    if nested:
        notes.append(f"Columns of lists, of bytes, or with names of ours were left out: {', '.join(sorted(nested))}.")
    masks = [None if keep.all() else keep for keep in keeps]
    roles = {role: Rows([shard.parts[role] for shard in shards], masks) for role in shards[0].parts}
    return Scan(joined, source if source.is_dir() else source.parent, unreadable, notes, roles)


def metadata_origins(source: Path, uids: Collection[str]) -> dict[str, Origin]:
    """uid -> where its row stands. Raises BadInput."""
    wanted, found = set(uids), {}
    for file in _files(source):
        read = _table(_Shard(file, 0, {}), set())["id"].to_pylist()
        found |= {uid: Origin(table_file(file), at) for at, uid in enumerate(read, 1) if uid in wanted}
    return found


def _files(source: Path) -> list[Path]:
    found = source.glob("*.parquet") if source.is_dir() else [source]
    return sorted(path for path in found if path == source or not path.name.startswith("."))


def _shards(
    files: list[Path], embeddings: Embeddings, workspace: Workspace, source: Path
) -> tuple[list[_Shard], list[str]]:
    """The shards that have rows, checked by their headers: one kind of embeddings, one dimension, one row each."""
    tables = [(file, _schema(_regular(workspace, file))[0]) for file in files]
    tables = [(file, n) for file, n in tables if n]
    if not tables:
        raise BadInput(f"{source} has no rows.")
    beside = {file: file.with_suffix(".npz") for file, _ in tables}
    there = [file for file, npz in beside.items() if npz.exists()]
    notes = []
    if not there:
        if embeddings != "auto":
            raise BadInput(
                f"There is no {beside[tables[0][0]].name} beside {tables[0][0].name}; embeddings {embeddings} cannot "
                "be read."
            )
        return [_Shard(file, n, {}) for file, n in tables], [
            "There are no .npz files beside the tables, so the pool has no embeddings."
        ]
    if len(there) < len(tables):
        first = next(file for file in beside if file not in set(there))
        missing = len(tables) - len(there)
        raise BadInput(
            f"{missing:,} of {len(tables):,} tables have no .npz beside them, first {first.name}; fetch "
            f"{first.stem}.npz, or move the table away."
        )
    if source.is_dir() and (alone := len(set(source.glob("*.npz")) - {file.with_suffix(".npz") for file in files})):
        notes.append(f"{alone:,} .npz files without a table were passed over.")
    shards: list[_Shard] = []
    for file, n in tables:
        model, parts = _parts(_regular(workspace, beside[file]), embeddings)
        embeddings = model  # the first shard decides, where nobody chose
        _check_parts(file, n, parts, shards[0] if shards else None)
        shards.append(_Shard(file, n, parts))
    return shards, notes


def _regular(workspace: Workspace, file: Path) -> Path:
    """The file, if it may be read and reading it can end: no pipe. Raises BadRequest."""
    real = workspace.allowed(file)
    if not real.is_file():
        raise BadInput(f"{file.name} is not a regular file.")
    return real


def _schema(file: Path) -> tuple[int, pa.Schema]:
    """How many rows, and which columns. Raises BadInput."""
    try:
        with pq.ParquetFile(file) as table:
            return table.metadata.num_rows, table.schema_arrow
    except FileNotFoundError:
        raise BadInput(f"There is no file {file}.") from None
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{file.name} could not be read: {str(error).splitlines()[0]}") from None


def _parts(npz: Path, embeddings: Embeddings) -> tuple[Embeddings, dict[str, Part]]:
    """The arrays of one model, by role."""
    models = ("l14", "b32") if embeddings == "auto" else (embeddings,)
    found, names = look(npz, [f"{model}_{side}" for model in models for side in _ROLES])
    for model in models:
        parts = {role: found[f"{model}_{side}"] for side, role in _ROLES.items() if f"{model}_{side}" in found}
        if parts:
            return model, parts
    wanted = " or ".join(f"{model}_img and {model}_txt" for model in models)
    raise BadInput(f"{npz.name} has no arrays {wanted}; it has: {', '.join(names) or 'none'}.")


def _check_parts(file: Path, n: int, parts: Mapping[str, Part], first: _Shard | None) -> None:
    for role, part in parts.items():
        if part.n != n:
            raise BadInput(
                f"{file.name} has {n:,} rows, {part.file.name} has {part.n:,} in {part.name}; they must match row by "
                "row."
            )
        if first is not None and role in first.parts and (other := first.parts[role]).d != part.d:
            raise BadInput(
                f"{part.name} has {other.d:,} numbers a row in {other.file.name} and {part.d:,} in {part.file.name}; "
                "all shards must agree."
            )
    if first is not None and parts.keys() != first.parts.keys():
        raise BadInput(
            f"{file.with_suffix('.npz').name} holds {', '.join(parts)}, {first.file.with_suffix('.npz').name} "
            f"{', '.join(first.parts)}; all must agree."
        )


def _read(shard: _Shard, nested: set[str], track: Track) -> tuple[pa.Table, np.ndarray, list[dict[str, str]]]:
    """The shard's table with our columns, which of its rows can be used, and the others with their reasons."""
    table = _table(shard, nested)
    ids = table["id"].to_pylist()
    reasons: list[str] = [""] * shard.n
    captions = _clean(table, reasons)
    content = []
    for at, blocks in _together(shard):
        n = len(next(iter(blocks.values()))) if blocks else shard.n
        for role, block in blocks.items():
            _find_bad(shard.parts[role].name, block, at, reasons)
        for row in range(n):
            digest = hashlib.blake2b(digest_size=16)
            for block in blocks.values():
                digest.update(block[row])
            digest.update((captions[at + row] if captions else ids[at + row]).encode())
            content.append(digest.hexdigest())
        track.advance(n)
    if captions:
        table = table.set_column(table.column_names.index("caption"), "caption", pa.array(captions, pa.string()))
    keep = np.array([not reason for reason in reasons])
    left = [{"id": ids[row], "reason": reasons[row]} for row in np.flatnonzero(~keep)]
    return table.append_column("content", pa.array(content)), keep, left


def _table(shard: _Shard, nested: set[str]) -> pa.Table:
    """uid as `id`, text as `caption`, and whatever else is plain."""
    schema = _schema(shard.file)[1]
    if "uid" not in schema.names:
        raise BadInput(f"{shard.file.name} has no column uid; it has: {', '.join(schema.names)}.")
    ours = {"uid": "id", _CAPTION: "caption"}
    dropped = {
        one.name
        for one in schema
        if one.name not in ours and (table_columns.gives_way(one.name) or not table_columns.is_plain(one.type))
    }
    nested |= dropped
    try:
        table = pq.read_table(
            shard.file, columns=[name for name in schema.names if name not in dropped], partitioning=None
        )
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{shard.file.name} could not be read: {str(error).splitlines()[0]}") from None
    for name in ours.keys() & set(table.column_names):
        try:
            table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.string()))
        except pa.ArrowException:
            raise BadInput(f"{shard.file.name}: the column {name} holds {table[name].type}; it must be text.") from None
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(table["uid"]), ""), True)
    if pc.any(blank).as_py():
        raise BadInput(
            f"{shard.file.name}: row {pc.index(blank, True).as_py() + 1} has no uid; every sample needs one."
        )
    return table.rename_columns([ours.get(name, name) for name in table.column_names])


def _clean(table: pa.Table, reasons: list[str]) -> list[str]:
    """The captions, none where the table has no column of them; what is wrong with one enters `reasons`."""
    if "caption" not in table.column_names:
        return []
    captions = []
    for row, caption in enumerate(table["caption"].to_pylist()):
        try:
            captions.append(caption_columns.cleaned(caption))
        except caption_columns.UnusableCaption as error:
            reasons[row] = str(error)
            captions.append("")
    return captions


def _together(shard: _Shard) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """(first row, role -> block of rows) through the shard; all roles of a block have the same rows."""
    if not shard.parts:
        yield 0, {}
        return
    rows, at = min(rows_per_block(part) for part in shard.parts.values()), 0
    for blocks in zip(*(part.blocks(rows) for part in shard.parts.values()), strict=True):
        yield at, dict(zip(shard.parts, blocks, strict=True))
        at += len(blocks[0])


def _find_bad(name: str, block: np.ndarray, at: int, reasons: list[str]) -> None:
    """A vector that is not finite, or is zero, has no direction: no cosine can be taken."""
    finite = np.isfinite(block).all(axis=1) if block.dtype.kind == "f" else np.ones(len(block), bool)
    for row in np.flatnonzero(~finite):
        reasons[at + row] = reasons[at + row] or f"{name} holds NaN or infinite values"
    for row in np.flatnonzero(finite & ~block.any(axis=1)):
        reasons[at + row] = reasons[at + row] or f"{name} is zero, which has no direction"


def _check_unique(joined: pa.Table, tables: list[pa.Table], shards: list[_Shard]) -> None:
    if pc.count_distinct(joined["id"]).as_py() == joined.num_rows:
        return
    first: dict[str, Path] = {}
    for table, shard in zip(tables, shards, strict=True):
        for id in table["id"].to_pylist():
            if id in first:
                where = "twice in" if first[id] == shard.file else f"in {first[id].name} and in"
                raise BadInput(f"The uid {id!r} stands {where} {shard.file.name}; ids must be unique.")
            first[id] = shard.file
