"""Selections that a curve is drawn of: of each method the one that keeps most, as its first picks are its choice of
fewer.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.base.registry import every, find
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.holdout import Aside
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.run import Run, runs
from datasel_core.workspace.layout import Workspace

RANDOM = "random"


class NotRun(BadRequest):
    """No method was run that a curve could be drawn of."""


@dataclass(frozen=True)
class Choice:
    """method: its id. run: of which the picks are."""

    method: str
    run: Run

    @property
    def title(self) -> str:
        return every("method")[self.method].title

    @property
    def rows(self) -> np.ndarray:
        """(b,) rows of the pool in pick order."""
        return self.run.table["row"].to_numpy()


def finished(workspace: Workspace, pool: Pool) -> list[Run]:
    """Finished selections of the pool as it is, kept or looked at; not damaged ones."""
    found = []
    for folder in runs(workspace, previews=True):
        with contextlib.suppress(BadInput):
            said = manifest.signed(folder)
            if said["pool"]["fingerprint"] == pool.fingerprint:
                found.append(Run(folder, said))
    return found


def choices(pool: Pool, aside: Aside | None, found: Sequence[Run], methods: Sequence[str] = ()) -> list[Choice]:
    """methods: which; all that were run where none are named. Of runs that keep as many, the newest. Raises BadRequest
    UnknownName; NotRun where a method that is named was not.
    """
    for name in methods:
        find("method", name)
    longest: dict[str, Run] = {}
    for run in sorted(found, key=lambda one: (one.manifest["result"]["n"], one.manifest["created_utc"], one.key)):
        if _is_plain(run, aside):
            longest[run.manifest["method"]["id"]] = run
    for name in methods:
        if name not in longest:
            raise NotRun(f"{name} was not run on {pool.name} yet, so it has no curve. {how(pool, name)}")
    wanted = methods or [name for name in every("method") if name in longest and name != RANDOM]
    return [Choice(name, longest[name]) for name in dict.fromkeys(wanted)]


def how(pool: Pool, method: str = "k_center") -> str:
    """What makes a curve."""
    return f"Choose with it first: python -m datasel_core select {pool.name} {method} --budget 50%"


def _is_plain(run: Run, aside: Aside | None) -> bool:
    """Whether it chose among all that can be chosen now, with nothing chosen before."""
    said = run.manifest
    held = {kind: one["ids_sha256"] for kind, one in (said.get("holdout") or {}).items()}
    narrowed = said["within"] or said["already"] or said["where"]
    return not narrowed and held == (aside.what() if aside else {}) and said["method"]["id"] in every("method")
