"""A finished selection once more: run it again from its manifest, or copy it elsewhere."""

import os
import re
from pathlib import Path
from typing import Any

from datasel_core import combine, manifest, store
from datasel_core.engine import Run, choose
from datasel_core.errors import BadRequest, Failed
from datasel_core.exports import _guard
from datasel_core.planning import plan
from datasel_core.pools._pool import load_pool, pool_names
from datasel_core.progress import Progress
from datasel_core.question import Spec
from datasel_core.registry import find
from datasel_core.roles import Roles
from datasel_core.target import Target


def reproduce(workspace: store.Workspace, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Runs a selection again from its manifest alone. Returns {"identical", "ids_sha256", "expected", "columns_changed"}.

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
            f"The pool {pool.name} is not what it was: its fingerprint is {pool.fingerprint[:12]}, the manifest's {old['pool']['fingerprint'][:12]}."
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
        raise Failed(f"{spec.method} is now version {version}; the manifest was made by version {old['method']['version']}.")
    asked = plan(workspace, spec)
    for role, about in old["features"].items():
        if not _same(asked.roles, role, about):
            raise BadRequest(f"The feature for the role {role} is not what it was; compute it again with the manifest's parameters.")
    _check_target(old["target"], asked.target)
    ids = pool.ids[choose(asked, progress or Progress()).rows].tolist()
    return _verdict(ids, old, pool.table_sha256 != old["pool"].get("table_sha256"))


def _verdict(ids: list[str], old: dict[str, Any], columns_changed: bool) -> dict[str, Any]:
    found, expected = manifest.ids_sha256(ids), old["result"]["ids_sha256"]
    return {"identical": found == expected, "ids_sha256": found, "expected": expected, "columns_changed": columns_changed}


def _used(old: dict[str, Any]) -> dict[str, str]:
    own = {role: about.get("key") or about["column"] for role, about in old["features"].items()}
    return own | {f"target.{role}": about["key"] for role, about in (old["target"] or {"features": {}})["features"].items()}


def _target_here(workspace: store.Workspace, said: dict[str, Any] | None) -> str | None:
    if said is None:
        return None
    name = _name_here(workspace, said)
    target = load_pool(workspace, name)
    if target.fingerprint != said["fingerprint"]:
        raise BadRequest(f"The target {name} is not what it was: its fingerprint is {target.fingerprint[:12]}, the manifest's {said['fingerprint'][:12]}.")
    return name


def _check_target(said: dict[str, Any] | None, now: Target | None) -> None:
    for role, about in (said or {"features": {}})["features"].items():
        if now is None or not _same(now.roles, role, about):
            raise BadRequest(f"The target's feature for the role {role} is not what it was; compute it again with the manifest's parameters.")


def _same(roles: Roles, role: str, about: dict[str, Any]) -> bool:
    """Whether what fills a role is what the manifest was made from, to the byte; of a column the pool's table answers for that."""
    if roles.about((role,))[role].get("fingerprint") != about.get("fingerprint"):
        return False
    return role not in roles.features or roles.features[role].is_intact()


def _name_here(workspace: store.Workspace, wanted: dict[str, Any]) -> str:
    """The pool's name, or where there is none of that name, what a pool of the same samples is called here."""
    names = pool_names(workspace)
    if wanted["name"] in names:
        return wanted["name"]
    same = (name for name in names if store.read_json(workspace.pool(name) / "pool.json", {}).get("fingerprint") == wanted["fingerprint"])
    return next(same, wanted["name"])


_HOLDS = re.compile(r"manifest\.json|(selection|curve|clusters|within|already|of-\d+)\.parquet")
"""What a selection's folder holds: its manifest, and what that closes over."""


def check_out(workspace: store.Workspace, out: str | os.PathLike, overwrite: bool = False) -> None:
    """Raises BadRequest when a run cannot be put there, whatever it will hold."""
    _guard.check_folder(workspace, out, overwrite, _HOLDS)


def copy_run(run: Run, out: str | os.PathLike, overwrite: bool = False) -> Run:
    """The selection in a folder of one's choosing; manifest last. Raises BadRequest before anything is written."""
    hashes = {**run.manifest["files"], "manifest.json": store.hash_file(run.folder / "manifest.json")}
    contents = {name: _guard.Copy(run.folder / name, sha256=sha256) for name, sha256 in hashes.items()}
    folder = _guard.fill(_workspace_of(run), out, contents, Progress(), overwrite)
    return Run(folder, manifest.read(folder))


def _workspace_of(run: Run) -> store.Workspace:
    """Where the run lies; of one that lies elsewhere, the workspace that is open."""
    home = store.Workspace(run.folder.parent.parent)
    return home if run.folder == home.run(run.folder.name) else store.Workspace.at()
