"""Imports of labels on disk: `labels/POOL/KEY.parquet` has what was kept, `KEY.left_out.csv` what was not and why;
`KEY.json`, written last, closes over both. Nothing is ever written over: labels are added, never changed.
"""

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datasel_core.errors import BadInput
from datasel_core.labels.judgement import Judgement, judgements, table
from datasel_core.labels.readers.reading import Lost
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import read_json, write_json, writing
from datasel_core.workspace.hashing import hash_file, is_own, key_of, known_hash, own_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

SCHEMA = "datasel labels 1"
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Import:
    """One file that was brought. about: what its JSON says."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def key(self) -> str:
        return self.about["key"]

    @property
    def left_out(self) -> Path:
        return self.folder / f"{self.key}.left_out.csv"

    def judgements(self) -> list[Judgement]:
        """Raises BadInput when the file is not what was kept."""
        path = self.folder / f"{self.key}.parquet"
        if not path.is_file() or known_hash(path) != self.about["table_sha256"]:
            raise _damaged(self.folder, path.name)
        return judgements(pq.read_table(path))


def folder_of(workspace: Workspace, pool: str) -> Path:
    return workspace.labels(pool)


def imports(workspace: Workspace, pool: str) -> list[Import]:
    """All of a pool, in the order in which they were brought. Raises BadInput for one that is damaged."""
    folder = folder_of(workspace, pool)
    found = [_read(path) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []
    return sorted(found, key=lambda one: (one.about["order"], one.key))


def key_for(what: Mapping[str, Any]) -> str:
    """The same file, brought the same way, is the same import."""
    return key_of({"labels": 1, **what})


def find(workspace: Workspace, pool: str, key: str) -> Import | None:
    path = folder_of(workspace, pool) / f"{key}.json"
    return _read(path) if path.exists() else None


def keep(
    workspace: Workspace,
    pool: Pool,
    key: str,
    kept: Sequence[Judgement],
    lost: Sequence[Lost],
    about: Mapping[str, Any],
) -> Import:
    """Keeps an import, its JSON last; the one that is there already, where it is."""
    folder = folder_of(workspace, pool.name)
    with Lock(folder).hold():
        if (before := find(workspace, pool.name, key)) is not None:
            return before
        order = max((one.about["order"] for one in imports(workspace, pool.name)), default=0) + 1
        with writing(folder / f"{key}.parquet") as temporary:
            pq.write_table(table(kept), temporary, compression="zstd")
        _write_lost(folder / f"{key}.left_out.csv", lost)
        said = {
            "schema": SCHEMA,
            "key": key,
            "order": order,
            "created_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **about,
            "n": len({one.id for one in kept}),
            "judgements": len(kept),
            "people": sorted({one.person for one in kept}),
            "classes": sorted({name for one in kept for name in one.names}),
            "left_out": len(lost),
            "table_sha256": hash_file(folder / f"{key}.parquet"),
            "left_out_sha256": hash_file(folder / f"{key}.left_out.csv"),
        }
        write_json(folder / f"{key}.json", {**said, "sha256": own_hash(said)})
    found = find(workspace, pool.name, key)
    assert found is not None
    return found


def _write_lost(path: Path, lost: Sequence[Lost]) -> None:
    with writing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["id", "person", "reason"])
        lines.writerows([_harmless(cell) for cell in (one.id, one.person, one.reason)] for one in lost)


def _harmless(cell: str) -> str:
    """Text that no spreadsheet takes for a formula, and every disk for UTF-8."""
    cell = cell.encode("utf-8", "backslashreplace").decode()
    return f"'{cell}" if cell.startswith(_DANGEROUS) else cell


def _read(path: Path) -> Import:
    try:
        about = read_json(path)
    except BadInput:
        raise _damaged(path.parent, path.name) from None
    if not isinstance(about, dict) or about.get("schema") != SCHEMA or not is_own(about) or about["key"] != path.stem:
        raise _damaged(path.parent, path.name)
    return Import(path.parent, about)


def _damaged(folder: Path, name: str) -> BadInput:
    return BadInput(
        f"The labels of {folder.name} are damaged ({name} is missing or was changed); bring the file back, or move "
        f"{name.split('.')[0]}.json out of {folder} and import its source again."
    )
