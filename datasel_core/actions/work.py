"""What workers do: one function for each kind of work, and the folder where its answer lies."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.demo import make_demo
from datasel_core.actions.import_feature import import_feature
from datasel_core.analysis import projection
from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports import guard
from datasel_core.exports.export import Export
from datasel_core.exports.export import SelectionRecord as ExportKept
from datasel_core.features import computation
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine, manifest, neighbor_tables
from datasel_core.runs.question import resolve
from datasel_core.runs.recipe import check_stages, two_stages
from datasel_core.runs.scores import kept_scores
from datasel_core.runs.spec import parse_spec
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace, checked_name


def folder_of(workspace: Workspace, spec: Mapping[str, Any]) -> Path:
    """Where this work leaves its answer. Raises BadRequest when the request is wrong."""
    asked = {name: value for name, value in spec.items() if name != "do"}
    match spec["do"]:
        case "select":
            return workspace.run(resolve(workspace, parse_spec(**asked)).key)
        case "score":
            return workspace.scores(engine.score_question(resolve(workspace, parse_spec(**asked))).key)
        case "serving":
            return workspace.serving(_tables(workspace, asked).key)
        case "recipe":
            check_stages(workspace, asked["pool"], asked["target"], asked["first"], asked["then"])
        case "feature":
            pool = load_pool(workspace, asked["pool"])
            return workspace.feature(
                computation.feature_key(
                    workspace, pool, computation.declared_feature(asked["feature"], **asked.get("params", {}))
                )
            )
        case "map":
            return workspace.map(projection.map_key(asked["feature"], asked.get("params", {})))
        case "pool":
            workspace.allowed(asked["source"])
            checked_name("pool", asked["name"])
        case "feature_import":
            load_pool(workspace, asked["pool"])
            workspace.allowed(asked["file"])
            checked_name("role", asked["role"])
        case "export":
            check = guard.check_file if _exporter(asked).suffix else guard.check_folder
            check(workspace, asked["out"], asked.get("overwrite", False))
            manifest.read(workspace.run(asked["run"]))
    return workspace.task(key_of(dict(spec)))


def _select(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    run = engine.select(workspace, parse_spec(**spec), progress)
    return {"run": run.key, "n": run.manifest["result"]["n"]}


def _score(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    asked = resolve(workspace, parse_spec(**{**spec, "do": "select"}))
    found = kept_scores(workspace, engine.score_question(asked), progress)
    return {"scores": found.folder.name}


def _tables(workspace: Workspace, asked: Mapping[str, Any]) -> neighbor_tables.Question:
    found = resolve(workspace, parse_spec(**{**asked, "do": "select"}))
    return neighbor_tables.Question(found.pool, found.method, found.roles, found.target)


def _serving(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    return {"serving": neighbor_tables.make_tables(workspace, _tables(workspace, spec), progress).name}


def _recipe(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    run = two_stages(workspace, spec["pool"], spec["target"], spec["first"], spec["then"], progress)
    return {"run": run.key, "n": run.manifest["result"]["n"]}


def _feature(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    pool = load_pool(workspace, spec["pool"])
    kept = computation.compute_feature(
        workspace, pool, computation.declared_feature(spec["feature"], **spec.get("params", {})), progress
    )
    return {"feature": kept.key, "unreadable": len(kept.unreadable)}


def _map(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    return {"map": projection.make_map(workspace, spec["feature"], spec.get("params", {}), progress).name}


def _pool(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    pool = add_pool(workspace, spec["name"], spec["source"], spec["kind"], spec.get("options"), progress)
    return {"pool": pool.name, "n": pool.n, "unreadable": pool.left_out}


def _demo(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    return {"pool": make_demo(workspace, progress)[0].name}


def _feature_import(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    found = import_feature(workspace, load_pool(workspace, spec["pool"]), spec["role"], spec["file"], progress)
    return {
        "feature": found.kept.key,
        "matched": found.matched,
        "missing": len(found.missing),
        "extra": len(found.extra),
    }


def _export(workspace: Workspace, spec: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    kept = open_run(workspace, workspace.run(spec["run"]))
    out = _exporter(spec).write(kept, spec["out"], progress, spec.get("overwrite", False))
    return {"out": str(out), "n": kept.table.num_rows}


def _exporter(spec: Mapping[str, Any]) -> Export:
    return registry.find("export format", spec["format"])(**spec.get("params", {}))


def open_run(workspace: Workspace, folder: Path) -> ExportKept:
    """A finished selection as export formats take it. Raises BadRequest when it is not intact."""
    said = manifest.read(folder)
    if found := manifest.problems(folder):
        raise BadRequest(f"{folder} cannot be exported: {found[0]}")
    media = None
    with contextlib.suppress(BadRequest):  # the pool is gone: formats that copy media say so, the others need none
        root = load_pool(workspace, said["pool"]["name"]).root
        media = lambda path: workspace.allowed(root / path)  # noqa: E731
    return ExportKept(manifest.kept_table(folder), said, media, workspace)


DOINGS: dict[str, Callable[[Workspace, Mapping[str, Any], Progress], Any]] = {
    "select": _select,
    "score": _score,
    "serving": _serving,
    "recipe": _recipe,
    "feature": _feature,
    "map": _map,
    "pool": _pool,
    "demo": _demo,
    "feature_import": _feature_import,
    "export": _export,
}
