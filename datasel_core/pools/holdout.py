"""Samples that are set aside before anything is chosen, and never chosen: a held-out set, which tests what was chosen,
and a gold set, which checks labellers.

`holdout.json` and `holdout.parquet` (`gold.json`, `gold.parquet`) lie beside the pool; the JSON is written last and
closes over the table. A set is frozen: ids are kept, not rows, so it stays the same when the pool is added anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import read_json, write_json, writing
from datasel_core.workspace.hashing import hash_file, ids_sha256, is_own, own_hash

HOLDOUT, GOLD = "holdout", "gold"
KINDS = (HOLDOUT, GOLD)
CALLED = {HOLDOUT: "held-out set", GOLD: "gold set"}
SCHEMA = "datasel holdout 1"
_DRAWN = "drawn"


@dataclass(frozen=True)
class SetAside:
    """ids, parts: (n,) of the same length; samples of one part were drawn together. about: how it was drawn."""

    kind: str
    ids: list[str]
    parts: np.ndarray
    about: Mapping[str, Any]

    def rows(self, pool: Pool) -> np.ndarray:
        """Rows of those that the pool still has, in pool order."""
        mine = set(self.ids)
        return np.flatnonzero(np.fromiter((id in mine for id in pool.ids), bool, pool.n))

    def parts_of(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """The part of each of these rows, which belong to it."""
        known = dict(zip(self.ids, self.parts.tolist(), strict=True))
        return np.array([known[str(id)] for id in pool.ids[rows]], dtype=np.int64)


@dataclass(frozen=True)
class Aside:
    """All that is set aside of a pool: no method is given it. sets: by kind, at least one."""

    sets: Mapping[str, SetAside]

    @property
    def n(self) -> int:
        return sum(len(one.ids) for one in self.sets.values())

    def rows(self, pool: Pool) -> np.ndarray:
        """(m,) rows that no method may see."""
        return np.unique(np.concatenate([one.rows(pool) for one in self.sets.values()]))

    def what(self) -> dict[str, str]:
        """What enters the key of a selection."""
        return {kind: one.about["ids_sha256"] for kind, one in self.sets.items()}

    def said(self, pool: Pool) -> dict[str, Any]:
        """What a manifest says of it; n counts the samples that the pool still has."""
        kept = ("ids_sha256", "share", "by", "near", "seed")
        return {
            kind: {"n": len(one.rows(pool)), **{name: one.about[name] for name in kept}}
            for kind, one in self.sets.items()
        }

    def table(self) -> pa.Table:
        """kind, id, part, and how each set was drawn: enough to set the same aside again."""
        kinds = [kind for kind, one in self.sets.items() for _ in one.ids]
        ids = [id for one in self.sets.values() for id in one.ids]
        parts = np.concatenate([one.parts for one in self.sets.values()])
        drawn = json.dumps({kind: dict(one.about) for kind, one in self.sets.items()})
        found = pa.table({"kind": kinds, "id": pa.array(ids, pa.string()), "part": parts})
        return found.replace_schema_metadata({_DRAWN: drawn})


def of(pool: Pool) -> Aside | None:
    """All that is set aside of a pool now. Raises BadInput when a set is damaged: its samples might be chosen."""
    found = {kind: one for kind in KINDS if (one := read(pool, kind)) is not None}
    return Aside(found) if found else None


def held_out(pool: Pool) -> SetAside | None:
    """The set that tests. Raises BadInput."""
    return read(pool, HOLDOUT)


def read(pool: Pool, kind: str) -> SetAside | None:
    """Raises BadInput when it is damaged."""
    path = _json(pool, kind)
    try:
        about = read_json(path)
    except BadInput:
        raise _damaged(pool, kind, path) from None
    if about is None:
        return None
    table = pool.folder / f"{kind}.parquet"
    if not isinstance(about, dict) or about.get("schema") != SCHEMA or not is_own(about):
        raise _damaged(pool, kind, path)
    if not table.is_file() or hash_file(table) != about["table_sha256"]:
        raise _damaged(pool, kind, table)
    return _of_table(kind, pq.read_table(table), about)


def read_aside(path: Path) -> Aside:
    """What was set aside when a selection was made. path: holdout.parquet beside its manifest. Raises BadInput."""
    try:
        table = pq.read_table(path)
        drawn = json.loads(table.schema.metadata[_DRAWN.encode()])
        kinds = table["kind"].to_numpy(zero_copy_only=False)
        sets = {kind: _of_table(kind, table.filter(pa.array(kinds == kind)), drawn[kind]) for kind in drawn}
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise BadInput(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None
    return Aside(sets)


def save(pool: Pool, kind: str, ids: Sequence[str], parts: np.ndarray, about: Mapping[str, Any]) -> SetAside:
    """Writes a set, the JSON last. about: how it was drawn."""
    with writing(pool.folder / f"{kind}.parquet") as temporary:
        pq.write_table(pa.table({"id": pa.array(list(ids), pa.string()), "part": parts}), temporary, compression="zstd")
    table_sha256 = hash_file(pool.folder / f"{kind}.parquet")
    said = {"schema": SCHEMA, **about, "n": len(ids), "ids_sha256": ids_sha256(ids), "table_sha256": table_sha256}
    write_json(_json(pool, kind), {**said, "sha256": own_hash(said)})
    found = read(pool, kind)
    assert found is not None
    return found


def forget(pool: Pool, kind: str) -> None:
    """Nothing of this kind is set aside any more; the JSON goes first. Damaged ones go as well."""
    for path in (_json(pool, kind), pool.folder / f"{kind}.parquet"):
        path.unlink(missing_ok=True)


def n_candidates(pool: Pool) -> int:
    """How many samples are not set aside: a share such as 10% is a share of these. Raises BadInput."""
    aside = of(pool)
    return pool.n if aside is None else pool.n - len(aside.rows(pool))


def _of_table(kind: str, table: pa.Table, about: Mapping[str, Any]) -> SetAside:
    return SetAside(kind, table["id"].to_pylist(), table["part"].to_numpy(), about)


def _json(pool: Pool, kind: str) -> Path:
    return pool.folder / f"{kind}.json"


def _damaged(pool: Pool, kind: str, path: Path) -> BadInput:
    flag = " --gold" if kind == GOLD else ""
    return BadInput(
        f"The {CALLED[kind]} of {pool.name} is damaged ({path.name} is missing or was changed); bring the file back, "
        f"or give the set up: python -m datasel_core holdout {pool.name}{flag} --remove"
    )
