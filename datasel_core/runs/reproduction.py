"""A finished selection once more: run it again from its manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasel_core.base.progress import Progress, listening
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest, Failed
from datasel_core.features.roles import Roles
from datasel_core.pools.changed import changes_of
from datasel_core.pools.persistence import pool_names
from datasel_core.runs import combine, manifest
from datasel_core.runs.engine import choose
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.spec import Spec
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace


def reproduce(workspace: Workspace, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Runs a selection again from its manifest alone. Returns {"identical", "ids_sha256", "expected",
    "columns_changed"}.

    columns_changed: the pool's metadata is not what it was; then groups and filters may give another answer.
    Raises BadRequest when the pool, a photo of it or a feature is no longer what it was.
    """
    said = manifest.read(folder)
    if said["method"]["id"] == "combine":
        if found := manifest.problems(folder):
            raise BadRequest(f"{folder} cannot be run again: {found[0]}")
        return _verdict(combine.again(folder, said), said, False)
    progress = progress or Progress()
    with listening(progress):
        asked = asked_again(workspace, said, folder)
    if (changed := changes_of(asked.pool, progress)).replaced:
        raise BadRequest(f"The pool {asked.pool.name} is not what it was: {changed.summary()}.")
    ids = asked.pool.ids[choose(asked, progress).rows].tolist()
    return _verdict(ids, said, asked.pool.table_sha256 != said["pool"].get("table_sha256"))


def asked_again(workspace: Workspace, said: Mapping[str, Any], folder: Path | None = None) -> Question:
    """The question that a manifest answers, as it can be asked here and now. folder: where the manifest lies, with the
    earlier selections that it builds on; None where only the manifest came.

    Raises BadRequest in one line when the pool, the target, a feature or an earlier selection is not here, or is no
    longer what it was; Failed when the method has changed since.
    """
    if said["method"]["id"] == "combine":
        raise BadRequest(
            "This selection was made of others; run it again from its folder: python -m datasel_core reproduce FOLDER."
        )
    if (version := find("method", said["method"]["id"]).version) != said["method"]["version"]:
        made = said["method"]
        raise Failed(f"{made['id']} is now version {version}; the manifest was made by version {made['version']}.")
    target = None if said["target"] is None else _pool_here(workspace, "target", said["target"])
    asked = resolve(
        workspace,
        Spec(
            pool=_pool_here(workspace, "pool", said["pool"]),
            method=said["method"]["id"],
            params=said["method"]["params"],
            budget=str(said["budget"]["granted"]),
            seed=said["seed"],
            target=target,
            use=_used(said),
            within=_earlier(said, folder, "within"),
            already=_earlier(said, folder, "already"),
            where=said["where"],
        ),
    )
    _check_features("feature", said["features"], asked.roles)
    if said["target"] is not None:
        _check_features("target's feature", said["target"]["features"], asked.target.roles)
    return asked


def _verdict(ids: list[str], said: Mapping[str, Any], columns_changed: bool) -> dict[str, Any]:
    found, expected = manifest.ids_sha256(ids), said["result"]["ids_sha256"]
    return {
        "identical": found == expected,
        "ids_sha256": found,
        "expected": expected,
        "columns_changed": columns_changed,
    }


def _pool_here(workspace: Workspace, kind: str, said: Mapping[str, Any]) -> str:
    """What a pool of the same samples is called here; its own name comes first."""
    known = {name: read_json(workspace.pool(name) / "pool.json", {}) for name in pool_names(workspace)}
    same = [name for name, about in known.items() if about.get("fingerprint") == said["fingerprint"]]
    if same:
        return said["name"] if said["name"] in same else same[0]
    if said["name"] in known:
        now = str(known[said["name"]].get("fingerprint"))[:12]
        raise BadRequest(
            f"The {kind} {said['name']} is not what it was: its fingerprint is {now}, "
            f"the manifest's {said['fingerprint'][:12]} ({said['n']:,} samples then)."
        )
    raise BadRequest(
        f"The {kind} {said['name']} ({said['n']:,} samples of kind {said['kind']}) is not in this workspace; "
        "add it first."
    )


def _used(said: Mapping[str, Any]) -> dict[str, str]:
    own = {role: about.get("key") or about.get("column", "") for role, about in said["features"].items()}
    theirs = {} if said["target"] is None else said["target"]["features"]
    return own | {f"target.{role}": about.get("key", "") for role, about in theirs.items()}


def _earlier(said: Mapping[str, Any], folder: Path | None, name: str) -> str | None:
    """The ids of an earlier selection, which stand beside the manifest."""
    if not said[name]:
        return None
    if folder is None or not (folder / f"{name}.parquet").exists():
        raise BadRequest(
            f"This selection builds on an earlier one ({name}); open its whole folder, which holds {name}.parquet."
        )
    return str(folder / f"{name}.parquet")


def _check_features(kind: str, said: Mapping[str, Any], now: Roles) -> None:
    for role, about in said.items():
        same = now.about((role,))[role].get("fingerprint") == about.get("fingerprint")
        # Of a column the pool's table answers for its bytes.
        if not same or (role in now.features and not now.features[role].is_intact()):
            raise BadRequest(
                f"The {kind} for the role {role} is not what it was; compute it again with the manifest's parameters."
            )
