"""A finished selection once more: run it again from its manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasel_core.base.progress import Progress, listening
from datasel_core.base.registry import find
from datasel_core.errors import BadInput, BadRequest, Failed
from datasel_core.features import stored_files
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature, load
from datasel_core.pools import holdout
from datasel_core.pools.changed import changes_of
from datasel_core.pools.holdout import HOLDOUT, KINDS
from datasel_core.pools.persistence import described, load_pool
from datasel_core.runs import derived, manifest
from datasel_core.runs.candidates import NOTHING_ASIDE
from datasel_core.runs.catalog.links import find_kept
from datasel_core.runs.derivations.derivation import is_derived
from datasel_core.runs.engine import TARGET_HOLDOUT, choose
from datasel_core.runs.question import Question, resolve, spec_of
from datasel_core.workspace.layout import Workspace


def reproduce(workspace: Workspace, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Runs a selection again from its manifest alone. Returns {"identical", "ids_sha256", "expected",
    "columns_changed"}.

    columns_changed: the pool's metadata is not what it was; then groups and filters may give another answer.
    Raises BadRequest when the selection is damaged, or when the pool, the target, a photo of these or a feature is no
    longer what it was.
    """
    said = manifest.intact(folder, "run again")
    if is_derived(said["method"]):
        return _verdict(derived.again(folder, said), said, False)
    progress = progress or Progress()
    with listening(progress):
        asked = asked_again(workspace, said, folder)
    for kind, pool in (("pool", asked.pool), ("target", asked.target and asked.target.pool)):
        if pool is not None and (changed := changes_of(pool, progress)).replaced:
            raise BadRequest(f"The {kind} {pool.name} is not what it was: {changed.summary()}.")
    ids = asked.pool.ids[choose(asked, progress).rows].tolist()
    return _verdict(ids, said, asked.pool.table_sha256 != said["pool"].get("table_sha256"))


def asked_again(workspace: Workspace, said: Mapping[str, Any], folder: Path | None = None) -> Question:
    """The question that a manifest answers, as it can be asked here and now. folder: where the manifest lies, with the
    earlier selections that it builds on; None where only the manifest came.

    Raises BadRequest in one line when the pool, the target, a feature or an earlier selection is not here, or is no
    longer what it was; Failed when the method has changed since.
    """
    if is_derived(said["method"]):
        raise BadRequest(
            "This selection was made of others; run it again from its folder: python -m datasel_core reproduce FOLDER."
        )
    if (version := find("method", said["method"]["id"]).version) != said["method"]["version"]:
        made = said["method"]
        raise Failed(f"{made['id']} is now version {version}; the manifest was made by version {made['version']}.")
    target = None if said["target"] is None else _pool_here(workspace, "target", said["target"])
    here = {
        "pool": _pool_here(workspace, "pool", said["pool"]),
        "target": target,
        "budget": str(said["budget"]["granted"]),
        "within": _earlier(workspace, said, folder, "within"),
        "already": _earlier(workspace, said, folder, "already"),
        "holdout": _aside(workspace, said, folder),
        "target_holdout": _aside(workspace, said, folder, "target", TARGET_HOLDOUT),
    }
    asked = resolve(workspace, spec_of(said).model_copy(update=here))
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
    known, damaged = described(workspace)
    same = [name for name, about in known.items() if about["fingerprint"] == said["fingerprint"]]
    if same:
        return said["name"] if said["name"] in same else same[0]
    if said["name"] in known:
        now = known[said["name"]]["fingerprint"][:12]
        raise BadRequest(
            f"The {kind} {said['name']} is not what it was: its fingerprint is {now}, "
            f"the manifest's {said['fingerprint'][:12]} ({said['n']:,} samples then)."
        )
    if said["name"] in damaged:
        raise BadInput(damaged[said["name"]])
    raise BadRequest(
        f"The {kind} {said['name']} ({said['n']:,} samples of kind {said['kind']}) is not in this workspace; "
        "add it first."
    )


def _earlier(workspace: Workspace, said: Mapping[str, Any], folder: Path | None, name: str) -> str | None:
    """The ids of an earlier selection, which stand beside the manifest; else the key of a run here that kept them: of a
    chain of batches the last.
    """
    if not said[name]:
        return None
    if folder is not None and (folder / f"{name}.parquet").exists():
        return str(folder / f"{name}.parquet")
    last = said[name].get("of", [said[name]["ids_sha256"]])[0]
    if here := find_kept(workspace, said["pool"]["fingerprint"], last):
        return here.name
    raise BadRequest(
        f"This selection builds on an earlier one ({name}); open its whole folder, which holds {name}.parquet."
    )


def _aside(
    workspace: Workspace, said: Mapping[str, Any], folder: Path | None, side: str = "pool", name: str = HOLDOUT
) -> str | None:
    """What no method could see then: the file beside the manifest, or what is set aside now, where it is the same.
    side: pool, or target, of which only a held-out set is kept back. name: of the file.
    """
    if side == "pool":
        then, kinds = said.get("holdout") or {}, KINDS
    else:
        target = said[side] or {}
        then, kinds = {kind: target[kind] for kind in (HOLDOUT,) if target.get(kind)}, (HOLDOUT,)
    if not then:
        return NOTHING_ASIDE
    if folder is not None and (folder / f"{name}.parquet").exists():
        return str(folder / f"{name}.parquet")
    now = holdout.of(load_pool(workspace, _pool_here(workspace, side, said[side])))
    here = {kind: ids for kind, ids in (now.what() if now else {}).items() if kind in kinds}
    if here == {kind: one["ids_sha256"] for kind, one in then.items()}:
        return None
    of = "" if side == "pool" else " of the target"
    raise BadRequest(
        f"Other samples{of} were set aside when this selection was made; open its whole folder, which holds "
        f"{name}.parquet."
    )


def changed_features(workspace: Workspace, said: Mapping[str, Any]) -> list[str]:
    """Which features are no longer what a manifest names, a sentence each: the selection stands, but cannot be run
    again here.
    """
    of = [("feature", said["pool"], said["features"])]
    of += [("target's feature", said["target"], said["target"]["features"])] if said["target"] else []
    return [
        f"The {kind} {about['id']} (role {role}, key {about['key']}) {why}, so the selection cannot be run again; "
        f"{_remedy(workspace, pool, role, about)}"
        for kind, pool, features in of
        for role, about in features.items()
        if "key" in about and (why := _otherwise(load(workspace.feature(about["key"])), about)) is not None
    ]


def _otherwise(kept: StoredFeature | None, about: Mapping[str, Any]) -> str | None:
    if kept is None:
        return "is not in this workspace"
    if kept.meta["fingerprint"] != about["fingerprint"]:
        return "is not what it was: its values are others by now"
    return None if kept.is_intact() else "is not what it was: it is damaged"


def _remedy(workspace: Workspace, pool: Mapping[str, Any], role: str, about: Mapping[str, Any]) -> str:
    return stored_files.remedy(workspace.feature(about["key"]), {**about, "role": role, "pool": pool})[1]


def _check_features(kind: str, said: Mapping[str, Any], now: Roles) -> None:
    for role, about in said.items():
        same = now.about((role,))[role].get("fingerprint") == about.get("fingerprint")
        # Of a column the pool's table answers for its bytes.
        if not same or (role in now.features and not now.features[role].is_intact()):
            raise BadRequest(
                f"The {kind} for the role {role} is not what it was; compute it again with the manifest's parameters."
            )
