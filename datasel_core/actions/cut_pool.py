"""A pool of its own, made of some samples of another one."""

import contextlib
from typing import ClassVar

import numpy as np

from datasel_core.actions.add_pool import about_pool
from datasel_core.actions.task import Outcome, Task, Work, task, titled
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest, DamagedFeature
from datasel_core.features.computation import compute_followers
from datasel_core.features.external import keep_imported
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature, kept_features
from datasel_core.pools import holdout
from datasel_core.pools.cut import cut
from datasel_core.pools.persistence import load_pool, read_about, save_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs.candidates import Filter, find_earlier
from datasel_core.workspace.layout import Workspace, checked_name
from datasel_core.workspace.locks import Lock


@task("pool_cut", version=1, title="Make a pool of a part")
class CutPool(Task):
    """Makes a pool of its own of some samples of another: ids, columns and media files are the same, and stay where
    they are. Vectors that were brought go along; what was computed is computed anew, as it may depend on the others.
    """

    words: ClassVar[tuple[str, ...]] = ("pool", "cut")
    cost: ClassVar[str] = "Writes one table; reads no media file."

    name: str = Field(description="What the new pool is to be called.", json_schema_extra=ARGUMENT)
    parent: str = Field(description="The pool that it is cut from.", json_schema_extra=called("from"))
    within: str | None = Field(
        None, description="Only these: a selection (folder, key or name), or a Parquet file of ids."
    )
    where: str | None = Field(None, description="Only these: an SQL condition on columns and numbers.")

    def prepare(self, workspace: Workspace) -> Work:
        checked_name("pool", self.name)
        if self.within is None and self.where is None:
            raise BadRequest("Say which samples: --within a selection or a list of ids, or --where a condition.")
        pool = load_pool(workspace, self.parent)
        rows = self._rows(workspace, pool)
        self._check_free(workspace, pool)
        return Work(self.own_folder(workspace), lambda progress: self._made(workspace, pool, rows, progress))

    def headline(self) -> str:
        return f"Making the pool {self.name} of a part of {self.parent}"

    def _rows(self, workspace: Workspace, pool: Pool) -> np.ndarray:
        inside = np.ones(pool.n, bool)
        if (listed := find_earlier(workspace, pool, self.within, "within")) is not None:
            inside[:] = False
            inside[pool.rows(listed.ids)] = True
        if self.where is not None:
            inside &= Filter.of(pool, self.where, Roles.of(workspace, pool)).rows(pool, Progress())
        if not inside.any():
            raise BadRequest(f"No sample of {pool.name} is left to make a pool of; loosen --within or --where.")
        return np.flatnonzero(inside)

    def _said(self) -> dict[str, str]:
        return {name: value for name in ("within", "where") if (value := getattr(self, name)) is not None}

    def _check_free(self, workspace: Workspace, pool: Pool) -> None:
        """A second try of the same goes on."""
        about = None
        with contextlib.suppress(BadInput):  # a damaged one is made again
            about = read_about(workspace.pool(self.name))
        same = about and {name: about.get("cut", {}).get(name) for name in ("fingerprint", "within", "where")}
        if about is not None and same != {"fingerprint": pool.fingerprint, "within": self.within, "where": self.where}:
            raise BadRequest(
                f"There is a pool called {self.name} already; choose another name, or remove that one first."
            )

    def _made(self, workspace: Workspace, pool: Pool, rows: np.ndarray, progress: Progress) -> Outcome:
        folder = workspace.pool(self.name)
        with Lock(folder).hold(progress.check):
            self._check_free(workspace, pool)
            with cut(pool, rows, self._said(), folder / "pool.parquet", progress) as scan:
                made = save_pool(workspace, self.name, pool.how, pool.source, scan)
        kept = kept_features(workspace, pool.fingerprint)
        brought = [one for one in kept if _is_brought(one)]
        notes = [*made.about["notes"], *_aside(pool, rows)]
        for one in brought:
            notes += _carried(workspace, one, made, rows, progress)
        others = dict.fromkeys(titled("feature", one.id) for one in kept if not _is_brought(one))
        if others and made.fingerprint != pool.fingerprint:
            notes.append(f"Not taken along, to be made anew where wanted: {', '.join(others)}.")
        lines = [f"{made.name}: {made.n} of the {pool.n} samples of {pool.name}."]
        return Outcome({"pool": made.name, "n": made.n, "notes": notes}, about_pool(workspace, made), lines, notes)


def _is_brought(kept: StoredFeature) -> bool:
    return kept.id == "imported" and kept.meta["shape"] == "rows"


def _carried(workspace: Workspace, kept: StoredFeature, made: Pool, rows: np.ndarray, progress: Progress) -> list[str]:
    """Vectors that were brought, of the rows that are in the new pool. Returns what is to be said of them."""
    try:
        values = kept.values()
    except DamagedFeature as error:
        return [f"Not taken along: {error}"]
    without = {one["row"]: one["reason"] for one in kept.unreadable}
    there = np.array([int(row) not in without for row in rows])
    if not there.any():
        return []
    missing = [(int(at), without[int(rows[at])]) for at in np.flatnonzero(~there)]
    params = kept.meta["params"]
    new = keep_imported(
        workspace,
        made,
        kept.role,
        np.asarray(values[rows[there]]),
        np.flatnonzero(there),
        missing,
        params.get("file", ""),
        progress,
        params.get("encoder"),
        kept.meta.get("facts"),
    )
    compute_followers(workspace, made, new, progress)
    return []


def _aside(pool: Pool, rows: np.ndarray) -> list[str]:
    found = holdout.of(pool)
    n = 0 if found is None else len(np.intersect1d(found.rows(pool), rows))
    return [f"{n:,} of them are set aside in {pool.name}; in the new pool they can be chosen."] if n else []
