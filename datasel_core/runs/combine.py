"""Selections as sets: what any, all or only the first of them kept. The answer is a run like any other."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.methods.selection import Selection
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.engine import kept_table
from datasel_core.runs.measures import measure, measure_curves, write_curves
from datasel_core.runs.run import Run, ask, write_what
from datasel_core.workspace.files import writing
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

How = Literal["union", "intersection", "difference"]
HOWS: tuple[str, ...] = ("union", "intersection", "difference")


@dataclass(frozen=True)
class Part:
    """One of the selections: its ids in pick order with their scores and counts, and what its manifest says. folder:
    where it lies.
    """

    folder: Path
    ids: list[str]
    scores: Sequence[float]
    counts: Sequence[int]
    said: Mapping[str, Any]


def combine(workspace: Workspace, how: str, folders: Sequence[Path], progress: Progress | None = None) -> Run:
    """union: kept by any, those of the first before the others'. intersection: kept by all. difference: kept by the
    first and by no other.

    Picks keep the order, score and count of the first selection that has them. Raises BadRequest when the selections
    are not intact, come from different pools, or nothing is left.
    """
    progress = progress or Progress()
    if how not in HOWS:
        raise BadRequest(f"combine knows {', '.join(HOWS)}, not {how}.")
    if len(folders) < 2:
        raise BadRequest("combine needs at least two folders of selections.")
    parts = [_part(folder) for folder in folders]
    pool = _pool_of(workspace, parts, folders)
    ids, of = combined_ids(how, [part.ids for part in parts])
    if not ids:
        raise BadRequest(f"The {how} of these {len(parts)} selections is empty; nothing was written.")
    what = {
        "combine": how,
        "pool": pool.name,
        "table": pool.table_sha256,
        "of": [part.said["sha256"] for part in parts],
    }
    folder = workspace.run(key_of(what))
    with Lock(folder).hold(progress.check):
        ask(folder, preview=False)
        if not manifest.is_answer(folder):
            write_what(folder, what)
            _write(workspace, folder, how, pool, parts, _selection(pool, parts, ids, of), progress)
        return Run(folder, manifest.read(folder))


def combined_ids(how: str, parts: Sequence[Sequence[str]]) -> tuple[list[str], list[list[int]]]:
    """ids in order, and for each the positions (from 1) of the selections that kept it."""
    of: dict[str, list[int]] = {}
    for at, ids in enumerate(parts, 1):
        for id in ids:
            of.setdefault(id, []).append(at)
    if how == "intersection":
        of = {id: those for id, those in of.items() if len(those) == len(parts)}
    elif how == "difference":
        of = {id: those for id, those in of.items() if those == [1]}
    return list(of), list(of.values())


def again(folder: Path, said: Mapping[str, Any]) -> list[str]:
    """The ids, combined anew from the selections kept beside the manifest."""
    names = sorted((name for name in said["files"] if name.startswith("of-")), key=lambda name: int(name[3:-8]))
    return combined_ids(
        said["method"]["params"]["how"], [pq.read_table(folder / name)["id"].to_pylist() for name in names]
    )[0]


def _part(folder: Path) -> Part:
    if found := manifest.problems(folder):
        raise BadInput(f"{folder} cannot be combined: {found[0]}")
    table = manifest.kept_table(folder)
    return Part(
        folder, table["id"].to_pylist(), table["score"].to_pylist(), table["count"].to_pylist(), manifest.read(folder)
    )


def _pool_of(workspace: Workspace, parts: Sequence[Part], folders: Sequence[Path]) -> Pool:
    pool = load_pool(workspace, parts[0].said["pool"]["name"])
    for part, folder in zip(parts, folders, strict=True):
        if part.said["pool"]["fingerprint"] != pool.fingerprint:
            raise BadRequest(
                f"{folder} is a selection from the pool {part.said['pool']['name']}, not from {pool.name} as it is now."
            )
    return pool


def _selection(pool: Pool, parts: Sequence[Part], ids: list[str], of: list[list[int]]) -> Selection:
    known = [dict(zip(part.ids, zip(part.scores, part.counts, strict=True), strict=True)) for part in parts]
    first = [known[those[0] - 1][id] for id, those in zip(ids, of, strict=True)]
    rows, scores = pool.rows(ids), np.full(pool.n, np.nan)
    scores[rows] = [np.nan if score is None else score for score, _ in first]
    return Selection(
        rows,
        np.array([count for _, count in first]),
        scores,
        {"of": np.array([", ".join(map(str, those)) for those in of])},
    )


def _aside(parts: Sequence[Part]) -> Mapping[str, Any] | None:
    """What no method could see when they were made, where that was the same for all."""
    first = parts[0].said.get("holdout")
    return first if all(part.said.get("holdout") == first for part in parts) else None


def _write(
    workspace: Workspace,
    folder: Path,
    how: str,
    pool: Pool,
    parts: Sequence[Part],
    chosen: Selection,
    progress: Progress,
) -> None:
    roles = Roles.of(workspace, pool)
    metrics = measure(pool, roles, chosen.rows, (), progress)
    beside = write_curves(folder, measure_curves(roles, chosen.rows, np.empty(0, np.int64), progress))
    for at, part in enumerate(parts, 1):
        with writing(folder / f"of-{at}.parquet") as temporary:
            pq.write_table(pa.table({"id": pa.array(part.ids, pa.string())}), temporary)
        beside.append(f"of-{at}.parquet")
    aside = _aside(parts)
    if aside:
        with writing(folder / "holdout.parquet") as temporary:
            shutil.copyfile(parts[0].folder / "holdout.parquet", temporary)
        beside.append("holdout.parquet")
    table = kept_table(pool, chosen)
    ids = table["id"].to_pylist()
    of = [
        {"ids_sha256": part.said["result"]["ids_sha256"], "n": len(part.ids), "method": part.said["method"]}
        for part in parts
    ]
    about = {
        "pool": {
            "name": pool.name,
            "kind": pool.kind,
            "n": pool.n,
            "fingerprint": pool.fingerprint,
            "table_sha256": pool.table_sha256,
        },
        "target": None,
        "features": {},
        "method": {"id": "combine", "version": 1, "params": {"how": how, "of": of}},
        "budget": {"requested": str(len(ids)), "granted": len(ids), "unit": "samples"},
        "seed": parts[0].said["seed"],
        "within": None,
        "already": None,
        "where": None,
        **({"holdout": aside} if aside else {}),
        "unreadable": pool.unreadable,
        "result": {**manifest.result(ids), "metrics": metrics},
        "command": f"python -m datasel_core combine {how} "
        + " ".join(f"FOLDER-{at}" for at in range(1, len(parts) + 1)),
    }
    manifest.write(folder, table, about, beside)
