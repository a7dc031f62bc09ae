"""Selections as sets: what any, all or only the first of them kept. The answer is a run like any other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.base.registry import every
from datasel_core.errors import BadInput, BadRequest
from datasel_core.methods.selection import Selection
from datasel_core.pools.holdout import HOLDOUT, Aside, read_aside
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.derivations.derivation import Derivation, derivation
from datasel_core.runs.derived import Made, derive
from datasel_core.runs.run import Run
from datasel_core.workspace.layout import Workspace

How = Literal["union", "intersection", "difference"]
HOWS: tuple[str, ...] = ("union", "intersection", "difference")
BESIDE = "of-"
"""What the tables beside the manifest are called: `of-1` holds the ids of the first selection, in pick order."""


@derivation("combine", version=1, title="combined")
class Combined(Derivation):
    """union: kept by any, those of the first before the others'. intersection: kept by all. difference: kept by the
    first and by no other.
    """

    operation: How = Field(alias="how", description="Which samples stay.")
    selections: list[dict[str, Any]] = Field(alias="of", description="The selections: ids_sha256, n, method.")

    def again(self, tables: Mapping[str, pa.Table]) -> list[str]:
        numbers = sorted(int(name.removeprefix(BESIDE)) for name in tables if name.startswith(BESIDE))
        return ids_of(self.operation, [tables[f"{BESIDE}{at}"]["id"].to_pylist() for at in numbers])[0]

    def parts(self) -> Sequence[Mapping[str, Any]]:
        return self.selections

    def called(self, budget: int | str) -> str:
        return f"{self.operation} of {len(self.selections)}, {budget}"

    def words(self) -> str:
        titles = {**every("method"), **every("derivation")}
        made = [(one["n"], one["method"]["id"]) for one in self.selections]
        parts = [f"{n:,} by {titles[id].title if id in titles else id}" for n, id in made]
        return f"{self.operation} of {', '.join(parts[:-1])} and {parts[-1]}"


def ids_of(how: str, parts: Sequence[Sequence[str]]) -> tuple[list[str], list[list[int]]]:
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
    if how not in HOWS:
        raise BadRequest(f"combine knows {', '.join(HOWS)}, not {how}.")
    if len(folders) < 2:
        raise BadRequest("combine needs at least two folders of selections.")
    parts = [_part(folder) for folder in folders]
    pool = _pool_of(workspace, parts, folders)
    ids, of = ids_of(how, [part.ids for part in parts])
    if not ids:
        raise BadRequest(f"The {how} of these {len(parts)} selections is empty; nothing was written.")
    said = [part.said for part in parts]
    made = Made(
        Combined(how=how, of=[_of(one) for one in said]),
        pool,
        _selection(pool, parts, ids, of),
        what={"combine": how, "pool": pool.name, "table": pool.table_sha256, "of": [one["sha256"] for one in said]},
        command=f"python -m datasel_core combine {how} " + " ".join(f"FOLDER-{at}" for at in range(1, len(parts) + 1)),
        beside={f"{BESIDE}{at}": pa.table({"id": pa.array(part.ids, pa.string())}) for at, part in enumerate(parts, 1)},
        seed=said[0]["seed"],
        aside=_aside(parts),
    )
    return derive(workspace, made, progress)


def _of(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"ids_sha256": said["result"]["ids_sha256"], "n": said["result"]["n"], "method": dict(said["method"])}


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


def _aside(parts: Sequence[Part]) -> Aside | None:
    """What no method could see when they were made, where that was the same for all."""
    first = parts[0].said.get("holdout")
    same = first and all(part.said.get("holdout") == first for part in parts)
    return read_aside(parts[0].folder / f"{HOLDOUT}.parquet") if same else None
