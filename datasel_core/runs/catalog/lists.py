"""Lists of samples that a person made, such as a region of the map: kept under the hash of their ids, so that a choice
`--within lists/HASH.parquet` means the same samples for ever, and a list that was changed is noticed.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.workspace.files import writing
from datasel_core.workspace.hashing import ids_sha256
from datasel_core.workspace.layout import Workspace

PART = "lists"
_POOL, _WORDS = b"datasel.pool", b"datasel.words"


@dataclass(frozen=True)
class Listed:
    """value: as `within` of a question names it. words: what the list holds. n: how many ids, whose hash ids_sha256
    is.
    """

    value: str
    words: str
    n: int
    ids_sha256: str


def keep(workspace: Workspace, pool: Pool, rows: np.ndarray, words: str) -> Listed:
    """Keeps the ids of these rows, in pool order; the same rows are the same list, and the first words stay. Raises
    BadRequest where there is nothing to keep.
    """
    ids = [str(pool.ids[row]) for row in np.unique(rows)]
    if not ids:
        raise BadRequest("The list is empty; name at least one sample.")
    sha = ids_sha256(ids)
    path = _folder(workspace) / f"{sha[:16]}.parquet"
    if not path.exists():
        schema = pa.schema([("id", pa.string())], {_POOL: pool.fingerprint.encode(), _WORDS: words.encode()})
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as temporary:
            pq.write_table(pa.table({"id": ids}, schema), temporary)
    return Listed(f"{PART}/{path.name}", words, len(ids), sha)


def of_pool(workspace: Workspace, pool: Pool) -> list[Listed]:
    """Lists of the pool as it is now, those that are intact, by their words."""
    there = sorted(_folder(workspace).glob("*.parquet"))
    found = [one for path in there if (one := _known(path, path.stat().st_mtime_ns, pool.fingerprint)) is not None]
    return sorted(found, key=lambda one: (one.words, one.value))


@functools.lru_cache(maxsize=1000)
def _known(path: Path, stamp: int, fingerprint: str) -> Listed | None:
    """stamp: when the file was written last. None where it is of another pool, or damaged: whoever names it is told."""
    try:
        ids, about = read(path), pq.read_schema(path).metadata or {}
    except (BadInput, OSError, pa.ArrowException):
        return None
    if about.get(_POOL) != fingerprint.encode():
        return None
    return Listed(f"{PART}/{path.name}", about.get(_WORDS, b"").decode(errors="replace"), len(ids), ids_sha256(ids))


def place(workspace: Workspace, said: str) -> Path | None:
    """The file that `lists/HASH.parquet` names; None where it names none."""
    path = _folder(workspace) / Path(said).name
    return path if said == f"{PART}/{path.name}" and path.is_file() else None


def is_list(workspace: Workspace, path: Path) -> bool:
    return path.parent == _folder(workspace)


def read(path: Path) -> list[str]:
    """The ids. Raises BadInput when they are not those that the list was named after."""
    ids = manifest.read_ids(path)
    if ids_sha256(ids)[:16] != path.stem:
        raise BadInput(f"{PART}/{path.name} was changed after it was written; mark these samples again.")
    return ids


def _folder(workspace: Workspace) -> Path:
    return workspace.path / PART
