"""Pools on disk: written at once, pool.json last; found by name.

pool.json says its own hash, and the hash of each table. Of a pool that was kept before it did, what has to stand in it
is looked for, and no more can be known; adding the pool again gives it one.
"""

import contextlib
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datasel_core.errors import BadInput, BadRequest, Failed, UnknownName
from datasel_core.pools.kind import PoolKind
from datasel_core.pools.long_columns import Texts
from datasel_core.pools.pool import Pool, stamps_file
from datasel_core.pools.scan import Scan, fingerprint
from datasel_core.workspace import uploads
from datasel_core.workspace.arrays import put_array
from datasel_core.workspace.files import put, read_json, write_json, writing
from datasel_core.workspace.hashing import hash_file, is_own, known_hash, own_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_TABLE, _BEFORE = "pool.parquet", "pool.before.parquet"
_BOXES, _BOXES_BEFORE = "labels.parquet", "labels.before.parquet"
_ABOUT = "pool.json"
_SAYS = {"kind": str, "fingerprint": str, "source": str, "root": str, "n": int, "options": dict}
_SAYS |= {"unreadable": list, "notes": list}


def save_pool(workspace: Workspace, name: str, kind: PoolKind, source: Path, scan: Scan) -> Pool:
    """Writes a pool into the workspace; pool.json last."""
    folder = workspace.pool(name)
    about = {
        "name": name,
        "kind": kind.id,
        "fingerprint": fingerprint(scan.table),
        "n": scan.table.num_rows,
        "source": str(source),
        "root": str(scan.root),
        "options": kind.what()["params"],
        "unreadable": scan.unreadable,
        "notes": scan.notes,
        **({} if scan.left_out is None else {"left_out": scan.left_out}),
        **({"texts": list(scan.texts)} if scan.texts else {}),
        **({"layout": scan.layout} if scan.layout else {}),
        **({"shards": shards} if (shards := _shards(scan) if scan.shards is None else dict(scan.shards)) else {}),
        **({"cut": dict(scan.cut)} if scan.cut else {}),
        **({"part_of": dict(scan.part_of)} if scan.part_of else {}),
    }
    _set_aside(folder)
    if scan.file is not None:
        put(scan.file, folder / _TABLE)
    else:
        with writing(folder / _TABLE) as temporary:
            pq.write_table(scan.table, temporary, compression="zstd")
    table_sha256 = about["table_sha256"] = hash_file(folder / _TABLE)
    stamps = stamps_file(folder, table_sha256)
    if scan.stamps is not None:
        with writing(stamps) as temporary, open(temporary, "wb") as file:
            put_array(file, scan.stamps)
    if scan.boxes is not None:
        with writing(folder / _BOXES) as temporary:
            pq.write_table(scan.boxes, temporary, compression="zstd")
        about["labels_sha256"] = hash_file(folder / _BOXES)
    write_json(folder / _ABOUT, {**about, "sha256": own_hash(about)})
    spare = [folder / _BEFORE, folder / _BOXES_BEFORE, *([] if scan.boxes is not None else [folder / _BOXES])]
    spare += [path for path in folder.glob(stamps_file(folder, "*").name) if path != stamps or scan.stamps is None]
    for path in spare:
        path.unlink(missing_ok=True)
    return load_pool(workspace, name)


def _shards(scan: Scan) -> dict[str, list[int]]:
    """Size and times of the files that hold several pictures each, by which one that was written since is known."""
    names, found = set(scan.table.column_names), {}
    from datasel_core.pools.media.cells import CELL  # brings Pillow, which is felt where no photo is read
    from datasel_core.pools.media.pictures import kept_stamp

    if "shard" in names and not names.isdisjoint(("offset", CELL)):
        for name in scan.table["shard"].unique().to_pylist():
            with contextlib.suppress(OSError):
                found[name] = list(kept_stamp(os.stat(scan.root / name)))
    return found


def _set_aside(folder: Path) -> None:
    """A copy of the tables that pool.json describes: it stands until the new pool.json does, so that a kill in between
    loses nothing.
    """
    about: Mapping[str, Any] = {}
    with contextlib.suppress(BadInput):  # a damaged one describes no tables
        about = read_about(folder) or {}
    for name, before, key in ((_TABLE, _BEFORE, "table_sha256"), (_BOXES, _BOXES_BEFORE, "labels_sha256")):
        if key in about and (folder / name).exists() and hash_file(folder / name) == about[key]:
            with writing(folder / before) as temporary:
                shutil.copyfile(folder / name, temporary)


_LOOKS = 8
"""How often a pool is looked at that changes while it is read."""


def load_pool(workspace: Workspace, name: str) -> Pool:
    """A pool of the workspace; of one that is added anew meanwhile, the old or the new one, whole. Raises UnknownName,
    or BadInput when its files are damaged.
    """
    folder = workspace.pool(name)
    for _ in range(_LOOKS):
        before = _state(folder)
        try:
            pool = _read(workspace, name)
        except (BadInput, OSError):
            if _state(folder) == before:
                raise
        else:
            if _state(folder) == before:
                return pool
    raise Failed(f"The pool {name} is being added again and again; ask once that is over.")


def _state(folder: Path) -> dict[str, tuple[int, ...]]:
    """Another value whenever one of the files is another one: each takes its place all at once."""
    found = {}
    for name in ("pool.json", _TABLE, _BOXES):
        with contextlib.suppress(OSError):
            there = os.stat(folder / name)
            found[name] = there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns
    return found


def _read(workspace: Workspace, name: str) -> Pool:
    folder = workspace.pool(name)
    about = read_about(folder)
    if about is None:
        raise UnknownName("pool", name, pool_names(workspace))
    path = _intact(folder, (_TABLE, _BEFORE), about.get("table_sha256"), about)
    boxes = "labels_sha256" in about and _intact(folder, (_BOXES, _BOXES_BEFORE), about["labels_sha256"], about)
    texts = Texts(path, about["texts"]) if about.get("texts") else None
    table = texts.table() if texts else pq.read_table(path)
    return Pool(name, about["kind"], folder, about, table, texts, boxes or None)


def read_about(folder: Path) -> dict[str, Any] | None:
    """What pool.json says of the pool in a folder; None where there is none. Raises BadInput, with the remedy, when it
    is damaged.
    """
    with contextlib.suppress(BadInput, IsADirectoryError):
        about = read_json(folder / _ABOUT, False)
        if about is False:
            return None
        is_whole = isinstance(about, dict) and all(isinstance(about.get(name), kind) for name, kind in _SAYS.items())
        if is_whole and ("sha256" not in about or is_own(about)):
            return {**about, "name": folder.name}  # somebody may have renamed the folder
    raise _damaged(folder.name, _ABOUT)


def described(workspace: Workspace) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """What pool.json says of every pool, by name; and of those that are damaged, what is wrong and the remedy."""
    found, damaged = {}, {}
    for name in pool_names(workspace):
        try:
            if (about := read_about(workspace.pool(name))) is not None:
                found[name] = about
        except BadRequest as error:  # also a folder whose name will not do
            damaged[name] = str(error)
    return found, damaged


def adding(name: str, about: Mapping[str, Any]) -> str:
    """The command that adds a pool once more, or cuts it again. about: what its pool.json says."""
    if cut := about.get("cut"):
        words = [word for name in ("from", "within", "where") if cut.get(name) for word in (f"--{name}", cut[name])]
        return shlex.join(["python", "-m", "datasel_core", "pool", "cut", name, *words])
    options = {option: value for option, value in about.get("options", {}).items() if value is not None}
    said = [word for option, value in options.items() for word in ("--option", f"{option}={value}")]
    kind = ["--kind", about["kind"]] if "kind" in about else []
    words = ["python", "-m", "datasel_core", "pool", "add", name, about.get("source", "SOURCE"), *kind, *said]
    return shlex.join(words)


def _damaged(name: str, file: str, about: Mapping[str, Any] | None = None) -> BadInput:
    return BadInput(
        f"The pool {name} is damaged ({file} is missing or was changed); add it again: {adding(name, about or {})}"
    )


def _intact(folder: Path, names: tuple[str, str], sha256: str | None, about: Mapping[str, Any]) -> Path:
    """The file that pool.json describes: the one that was written last, or, after a kill, the copy of the one before.
    Raises BadInput.
    """
    for path in (folder / name for name in names):
        if path.exists() and known_hash(path) == sha256:
            return path
    raise _damaged(folder.name, names[0], about)


def pool_names(workspace: Workspace) -> list[str]:
    return [folder.name for folder in workspace.folders("pools") if (folder / _ABOUT).exists()]


def remove_pool(workspace: Workspace, name: str) -> Path | None:
    """Forgets a pool, a damaged one too. Its photos, features and runs stay where they are. Returns where the files lie
    that were dropped into the browser for it, if they were. Raises UnknownName.
    """
    folder = workspace.pool(name)
    about = folder / _ABOUT
    if not about.exists():
        raise UnknownName("pool", name, pool_names(workspace))
    with Lock(folder).hold():  # nobody adds it meanwhile
        dropped = None
        with contextlib.suppress(BadInput):
            dropped = uploads.keep(workspace, (read_about(folder) or {}).get("source", ""))
        shutil.rmtree(about) if about.is_dir() else about.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    return dropped
