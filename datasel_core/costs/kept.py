"""Plans and pilots kept in the workspace, a small dated file each; what was kept is never changed.

Which is the newest says a number that the workspace counts, not the clock, which may be set back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from datasel_core.errors import BadInput
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import is_own, key_of, own_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

Kind = Literal["plan", "pilot"]
SCHEMA = "datasel plan 1"


@dataclass(frozen=True)
class Kept:
    """key: names it. order: larger for the newer. created: UTC, to the second. said: what was kept."""

    key: str
    order: int
    created: str
    said: Mapping[str, Any]

    @property
    def day(self) -> str:
        return self.created[:10]


def keep(workspace: Workspace, kind: Kind, pool: Pool, said: Mapping[str, Any]) -> Kept:
    """said: plain values. What was kept before becomes the newest, under the same key. Raises Failed."""
    about = {"name": pool.name, "fingerprint": pool.fingerprint}
    key = key_of({"kind": kind, "pool": about, "said": dict(said)})
    path = _path(workspace, kind, key)
    with Lock(workspace.plans()).hold():
        order = 1 + max((_order(one) for one in workspace.plans().glob("*.json")), default=0)
        created = datetime.now(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"
        whole = {
            "schema": SCHEMA,
            "kind": kind,
            "order": order,
            "created_utc": created,
            "pool": about,
            "said": dict(said),
        }
        write_json(path, {**whole, "sha256": own_hash(whole)})
    return Kept(key, order, created, said)


def of_pool(workspace: Workspace, kind: Kind, pool: Pool) -> list[Kept]:
    """Those of the pool as it is now, the newest last; damaged ones are not among them, see `damaged`."""
    found = [(path, one) for path in _paths(workspace, kind) if (one := _read(path)) is not None]
    mine = [
        Kept(path.stem.partition("-")[2], one["order"], one["created_utc"], one["said"])
        for path, one in found
        if one["pool"]["fingerprint"] == pool.fingerprint
    ]
    return sorted(mine, key=lambda one: one.order)


def newest(workspace: Workspace, kind: Kind, pool: Pool) -> Kept | None:
    return (of_pool(workspace, kind, pool) or [None])[-1]


def damaged(workspace: Workspace, kind: Kind) -> list[str]:
    """A line for each that is no longer what was written."""
    return [f"{path} is damaged and passed over." for path in _paths(workspace, kind) if _read(path) is None]


def _paths(workspace: Workspace, kind: Kind) -> list[Path]:
    return sorted(workspace.plans().glob(f"{kind}-*.json"))


def _path(workspace: Workspace, kind: Kind, key: str) -> Path:
    return workspace.plans() / f"{kind}-{key}.json"


def _order(path: Path) -> int:
    found = _read(path)
    return 0 if found is None else found["order"]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = read_json(path)
    except BadInput:
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA and is_own(found) else None
