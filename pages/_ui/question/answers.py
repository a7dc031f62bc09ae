"""A question on the select page: what is asked, which run answers it already, and starting one that does."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.base import registry
from datasel_core.features.roles import Roles
from datasel_core.methods.method import Method
from datasel_core.pools.pool import Pool
from datasel_core.runs.manifest import kept_table
from datasel_core.runs.run import Run
from datasel_core.runs.target import Target
from datasel_core.worker import Job
from datasel_core.workspace.files import read_json
from pages._ui.kit import disk, keys, look, watch

AT_LEAST, AT_MOST = 500, 10_000
"""A run for the screen is made for half the pool, from 500 up to 10,000 picks, so that smaller budgets can be shown at
once.
"""


@dataclass(frozen=True)
class Choice:
    """Everything that is asked but the budget. within, already: keys of earlier runs. target: for methods that choose
    towards one.
    """

    pool: Pool
    method: Method
    roles: Roles
    use: Mapping[str, str]
    seed: int
    within: str | None = None
    already: str | None = None
    where: str | None = None
    target: Target | None = None

    def what(self) -> dict[str, Any]:
        """As `engine.Plan.what`, without the budget."""
        return {
            "pool": self.pool.name,
            "table": self.pool.table_sha256,
            "method": self.method.what(),
            "features": self.roles.keys(self.method.roles()),
            "target": self.target and self.target.what(),
            "seed": self.seed,
            "within": self._ids(self.within),
            "already": self._ids(self.already),
            "where": self.where,
        }

    def _ids(self, run: str | None) -> str | None:
        found = disk.find_run(self.pool, run)
        return found and found.manifest["result"]["ids_sha256"]

    def free(self) -> int:
        """How many can be chosen, as far as is known without looking into the filter."""
        n = self.pool.n - len(self.roles.missing_rows(self.method.roles()))
        inside, before = disk.find_run(self.pool, self.within), disk.find_run(self.pool, self.already)
        n = min(n, inside.manifest["result"]["n"]) if inside else n
        return max(1, n - (before.manifest["result"]["n"] if before else 0))

    def longer(self, budget: int) -> int:
        """How many to choose so that smaller budgets can be shown without waiting."""
        if not self.method.prefix or self.where:
            return budget
        return min(self.free(), max(budget, min(AT_MOST, max(AT_LEAST, self.free() // 2))))

    def by(self, method: str) -> "Choice":
        """The same question to another method with its default parameters."""
        return dataclasses.replace(self, method=registry.find("method", method)(), use={}, target=None)

    def asked(self, budget: int) -> dict[str, Any]:
        """The same as a spec."""
        return {
            "pool": self.pool.name,
            "method": self.method.id,
            "params": self.method.model_dump(mode="json"),
            "budget": str(budget),
            "seed": self.seed,
            "use": {**self.use},
            "target": self.target and self.target.pool.name,
            "within": self.within,
            "already": self.already,
            "where": self.where,
        }


@dataclass(frozen=True)
class Answer:
    """The beginning of a run: the first `shown` of its picks. longer: rows of the whole run. exact: it was made for
    exactly the budget asked.
    """

    run: Run
    rows: np.ndarray
    longer: np.ndarray
    exact: bool
    whys: list[dict[str, Any]]


def answer(choice: Choice, budget: int) -> Answer | None:
    """The longest run that answers the question for this budget, or as far as it is known; for methods whose smaller
    answers differ, only the same budget.
    """
    best, asked = None, choice.what()
    for run in disk.runs(choice.pool, previews=True):
        then = dict(_what(str(run.folder), run.manifest["sha256"]))
        n = then.pop("budget", 0)
        if then == asked and (choice.method.prefix or n == budget) and (best is None or n > best[0]):
            best = (n, run)
    if best is None:
        return None
    rows = disk.rows(best[1])
    return Answer(
        best[1], rows[:budget], rows, best[0] == budget, _whys(str(best[1].folder), best[1].manifest["sha256"])
    )


def exact(choice: Choice, budget: int) -> Run | None:
    """The run that was kept for exactly this question and budget."""
    asked = {**choice.what(), "budget": budget}
    return next(
        (run for run in disk.runs(choice.pool) if _what(str(run.folder), run.manifest["sha256"]) == asked), None
    )


def start(choice: Choice, budget: int, name: str, keep: bool) -> Job | None:
    """Starts a run. keep: it is a selection of the person's; otherwise it is only looked at, and no list names it until
    it is kept.
    """
    job = watch.start(name, "select", **choice.asked(budget))
    if job is not None:
        marker = job.folder / "preview"
        if keep:
            marker.unlink(missing_ok=True)
        elif not (job.folder / "manifest.json").exists():
            marker.touch()
    return job


def keep(choice: Choice, budget: int) -> None:
    """Makes the run at exactly this budget; `kept()` opens it when it is there."""
    job = start(choice, budget, "keep", keep=True)
    keys.put("select.keeping", str(job.folder) if job else None)


def kept(pool: Pool) -> Run | None:
    """The run that was being kept, once, when it is there; it becomes the active one."""
    folder = keys.get("select.keeping")
    run = disk.find_run(pool, Path(folder).name) if folder else None
    if run is not None:
        keys.put("select.keeping", None)
        keys.put("run", run.key)
    return run


def tell_kept(pool: Pool) -> None:
    """Says once that the selection that was being kept is there."""
    run = kept(pool)
    if run is not None:
        st.toast(f"Kept: {look.kept_of(run)}.", icon=":material/check:")
        st.rerun()


@st.cache_resource(max_entries=2000, show_spinner=False)
def _what(folder: str, sha256: str) -> dict[str, Any]:
    return read_json(Path(folder) / "what.json") or {}


@st.cache_resource(max_entries=16, show_spinner=False)
def _whys(folder: str, sha256: str) -> list[dict[str, Any]]:
    return [json.loads(text) if text else {} for text in kept_table(Path(folder))["why"].to_pylist()]
