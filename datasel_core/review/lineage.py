"""Where a reviewed selection came from: the question whose next best may take the place of what is left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.registry import every
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.pools import holdout
from datasel_core.pools.persistence import described, load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog.links import find_kept
from datasel_core.runs.derivations.mixture import MIXTURE
from datasel_core.runs.mixtures.asking import Asked
from datasel_core.runs.mixtures.places import asked_again as mixture_again
from datasel_core.runs.question import Question
from datasel_core.runs.reproduction import asked_again
from datasel_core.workspace.layout import Workspace

_DEEPEST = 100
"""Reviews of reviews."""


@dataclass(frozen=True)
class Origin:
    """asked: the question that a method answered; mixed: the recipe, where several methods did; neither where there was
    none, of which `lacks` says why. gone: rows that an earlier review left out; they never come back. free: rows that
    may be chosen.
    """

    pool: Pool
    roles: Roles
    asked: Question | None
    gone: np.ndarray
    free: np.ndarray
    lacks: str = ""
    mixed: Asked | None = None


def origin(workspace: Workspace, said: Mapping[str, Any], folder: Path) -> Origin:
    """said, folder: of the selection that is reviewed. Raises BadRequest, in one line, when its pool is gone or no
    longer what it was, or its question cannot be asked again.
    """
    pool = pool_of(workspace, said)
    ids, gone = set(manifest.kept_table(folder)["id"].to_pylist()), set()
    for _ in range(_DEEPEST):
        if said["method"]["id"] != "reviewed":
            break
        [part] = said["method"]["params"]["of"]
        before = find_kept(workspace, said["pool"]["fingerprint"], part["ids_sha256"])
        if before is None:
            return _without(workspace, pool, gone, "the selection that was reviewed first is no longer here")
        said, folder = manifest.read(before), before
        gone |= set(manifest.kept_table(folder)["id"].to_pylist()) - ids
    if said["method"]["id"] == MIXTURE:
        return _of_mixture(workspace, pool, gone, said, folder)
    if said["method"]["id"] not in every("method"):
        return _without(workspace, pool, gone, "no single method chose it, so that there is no next best")
    asked = asked_again(workspace, said, folder)
    return Origin(asked.pool, asked.roles, asked, _rows(asked.pool, gone), asked.candidates.free)


def _of_mixture(workspace: Workspace, pool: Pool, gone: set[str], said: Mapping[str, Any], folder: Path) -> Origin:
    if said["method"]["params"]["recipe"]["unit"]:
        return _without(workspace, pool, gone, "whole units were bought, and of a part of one there is no next best")
    mixed = mixture_again(workspace, pool, said, folder)
    return Origin(mixed.pool, mixed.questions[0].roles, None, _rows(pool, gone), mixed.things.rows, mixed=mixed)


def pool_of(workspace: Workspace, said: Mapping[str, Any]) -> Pool:
    """The pool that a selection was chosen from. Raises BadRequest where it is gone, or another one by now."""
    name, (known, damaged) = said["pool"]["name"], described(workspace)
    same = [other for other, about in known.items() if about["fingerprint"] == said["pool"]["fingerprint"]]
    if same:
        return load_pool(workspace, name if name in same else same[0])
    if name in damaged:
        raise BadInput(damaged[name])
    now = "is no longer in this workspace" if name not in known else "is not what it was when this was chosen"
    raise BadRequest(f"The pool {name} {now}, so that no place can be filled again; what was decided is kept.")


def _without(workspace: Workspace, pool: Pool, gone: set[str], why: str) -> Origin:
    aside = holdout.of(pool)
    hidden = np.empty(0, np.int64) if aside is None else aside.rows(pool)
    free = np.setdiff1d(np.arange(pool.n), hidden)
    return Origin(pool, Roles.of(workspace, pool), None, _rows(pool, gone), free, why)


def _rows(pool: Pool, ids: set[str]) -> np.ndarray:
    return np.sort(pool.rows(sorted(ids))) if ids else np.empty(0, np.int64)
