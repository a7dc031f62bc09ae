"""A finished selection once more: run it again from its manifest, or copy it elsewhere."""

from pathlib import Path
from typing import Any

from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest, Failed
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.runs import combine, manifest
from datasel_core.runs.engine import choose
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from datasel_core.runs.target import Target
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace


def reproduce(workspace: Workspace, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Runs a selection again from its manifest alone. Returns {"identical", "ids_sha256", "expected",
    "columns_changed"}.

    columns_changed: the pool's metadata is not what it was; then groups and filters may give another answer.
    Raises BadRequest when the pool or a feature is no longer what it was.
    """
    old = manifest.read(folder)
    if old["method"]["id"] == "combine":
        if found := manifest.problems(folder):
            raise BadRequest(f"{folder} cannot be run again: {found[0]}")
        return _verdict(combine.again(folder, old), old, False)
    pool = load_pool(workspace, _name_here(workspace, old["pool"]))
    if pool.fingerprint != old["pool"]["fingerprint"]:
        raise BadRequest(
            f"The pool {pool.name} is not what it was: its fingerprint is {pool.fingerprint[:12]}, the manifest's "
            f"{old['pool']['fingerprint'][:12]}."
        )
    spec = Spec(
        pool=pool.name,
        method=old["method"]["id"],
        params=old["method"]["params"],
        budget=str(old["budget"]["granted"]),
        seed=old["seed"],
        target=_target_here(workspace, old["target"]),
        use=_used(old),
        within=str(folder / "within.parquet") if old["within"] else None,
        already=str(folder / "already.parquet") if old["already"] else None,
        where=old["where"],
    )
    if (version := find("method", spec.method).version) != old["method"]["version"]:
        raise Failed(
            f"{spec.method} is now version {version}; the manifest was made by version {old['method']['version']}."
        )
    asked = resolve(workspace, spec)
    for role, about in old["features"].items():
        if not _same(asked.roles, role, about):
            raise BadRequest(
                f"The feature for the role {role} is not what it was; compute it again with the manifest's parameters."
            )
    _check_target(old["target"], asked.target)
    ids = pool.ids[choose(asked, progress or Progress()).rows].tolist()
    return _verdict(ids, old, pool.table_sha256 != old["pool"].get("table_sha256"))


def _verdict(ids: list[str], old: dict[str, Any], columns_changed: bool) -> dict[str, Any]:
    found, expected = manifest.ids_sha256(ids), old["result"]["ids_sha256"]
    return {
        "identical": found == expected,
        "ids_sha256": found,
        "expected": expected,
        "columns_changed": columns_changed,
    }


def _used(old: dict[str, Any]) -> dict[str, str]:
    own = {role: about.get("key") or about["column"] for role, about in old["features"].items()}
    return own | {
        f"target.{role}": about["key"] for role, about in (old["target"] or {"features": {}})["features"].items()
    }


def _target_here(workspace: Workspace, said: dict[str, Any] | None) -> str | None:
    if said is None:
        return None
    name = _name_here(workspace, said)
    target = load_pool(workspace, name)
    if target.fingerprint != said["fingerprint"]:
        raise BadRequest(
            f"The target {name} is not what it was: its fingerprint is {target.fingerprint[:12]}, the manifest's "
            f"{said['fingerprint'][:12]}."
        )
    return name


def _check_target(said: dict[str, Any] | None, now: Target | None) -> None:
    for role, about in (said or {"features": {}})["features"].items():
        if now is None or not _same(now.roles, role, about):
            raise BadRequest(
                f"The target's feature for the role {role} is not what it was; compute it again with the manifest's "
                "parameters."
            )


def _same(roles: Roles, role: str, about: dict[str, Any]) -> bool:
    """Whether what fills a role is what the manifest was made from, to the byte; of a column the pool's table answers
    for that.
    """
    if roles.about((role,))[role].get("fingerprint") != about.get("fingerprint"):
        return False
    return role not in roles.features or roles.features[role].is_intact()


def _name_here(workspace: Workspace, wanted: dict[str, Any]) -> str:
    """The pool's name, or where there is none of that name, what a pool of the same samples is called here."""
    names = pool_names(workspace)
    if wanted["name"] in names:
        return wanted["name"]
    same = (
        name
        for name in names
        if read_json(workspace.pool(name) / "pool.json", {}).get("fingerprint") == wanted["fingerprint"]
    )
    return next(same, wanted["name"])
