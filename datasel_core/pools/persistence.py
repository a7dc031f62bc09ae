"""Pools on disk: written at once, pool.json last; found by name."""

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from datasel_core.errors import BadInput, Failed, UnknownName
from datasel_core.pools.kind import PoolKind
from datasel_core.pools.long_columns import Texts
from datasel_core.pools.pool import Pool, stamps_file
from datasel_core.pools.scan import Scan, fingerprint
from datasel_core.workspace.files import read_json, write_json, writing
from datasel_core.workspace.hashing import hash_file, known_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_TABLE, _BEFORE = "pool.parquet", "pool.before.parquet"
_BOXES, _BOXES_BEFORE = "labels.parquet", "labels.before.parquet"


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
    }
    _set_aside(folder)
    with writing(folder / _TABLE) as temporary:
        if scan.file is not None:
            os.replace(scan.file, temporary)
        else:
            pq.write_table(scan.table, temporary, compression="zstd")
    table_sha256 = about["table_sha256"] = hash_file(folder / _TABLE)
    stamps = stamps_file(folder, table_sha256)
    if scan.stamps is not None:
        with writing(stamps) as temporary, open(temporary, "wb") as file:
            np.save(file, scan.stamps)
    if scan.boxes is not None:
        with writing(folder / _BOXES) as temporary:
            pq.write_table(scan.boxes, temporary, compression="zstd")
        about["labels_sha256"] = hash_file(folder / _BOXES)
    write_json(folder / "pool.json", about)
    spare = [folder / _BEFORE, folder / _BOXES_BEFORE, *([] if scan.boxes is not None else [folder / _BOXES])]
    spare += [path for path in folder.glob(stamps_file(folder, "*").name) if path != stamps or scan.stamps is None]
    for path in spare:
        path.unlink(missing_ok=True)
    return load_pool(workspace, name)


def _set_aside(folder: Path) -> None:
    """A copy of the tables that pool.json describes: it stands until the new pool.json does, so that a kill in between
    loses nothing.
    """
    about = read_json(folder / "pool.json") or {}
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
    about = read_json(folder / "pool.json")
    if about is None:
        raise UnknownName("pool", name, pool_names(workspace))
    path = _intact(folder, (_TABLE, _BEFORE), about.get("table_sha256"), name)
    boxes = "labels_sha256" in about and _intact(folder, (_BOXES, _BOXES_BEFORE), about["labels_sha256"], name)
    texts = Texts(path, about["texts"]) if about.get("texts") else None
    table = texts.table() if texts else pq.read_table(path)
    return Pool(name, about["kind"], folder, about, table, texts, boxes or None)


def _intact(folder: Path, names: tuple[str, str], sha256: str | None, pool: str) -> Path:
    """The file that pool.json describes: the one that was written last, or, after a kill, the copy of the one before.
    Raises BadInput.
    """
    for path in (folder / name for name in names):
        if path.exists() and known_hash(path) == sha256:
            return path
    raise BadInput(f"The pool {pool} is damaged ({names[0]} is missing or was changed); add it again.")


def pool_names(workspace: Workspace) -> list[str]:
    return [folder.name for folder in workspace.folders("pools") if (folder / "pool.json").exists()]


def remove_pool(workspace: Workspace, name: str) -> None:
    """Forgets a pool. Its photos, features and runs stay where they are. Raises UnknownName."""
    load_pool(workspace, name)
    folder = workspace.pool(name)
    with Lock(folder).hold():  # nobody adds it meanwhile
        (folder / "pool.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
