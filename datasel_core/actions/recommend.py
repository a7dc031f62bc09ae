"""Which method to begin with, and why."""

import shlex
from dataclasses import asdict
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.evidence.recommendation import EVIDENCE, Facts, Recommendation, facts, recommend
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import place
from datasel_core.features.roles import Roles
from datasel_core.methods.selection import granted
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace


@task("recommend", version=1, title="Recommend a method")
class Recommend(Task):
    """Which method to begin with on a pool, and why: from the evidence of this pool, else from what it looks like."""

    cost: ClassVar[str] = "Seconds."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    budget: str | None = Field(None, description="How many are to be kept: a count, or a share such as 10%.")

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        budget = None if self.budget is None else granted(self.budget, holdout.n_candidates(pool))
        return Work(self.own_folder(workspace), lambda progress: self._said(workspace, pool, budget, progress))

    def headline(self) -> str:
        return f"Looking for a method for {self.pool}"

    def _said(self, workspace: Workspace, pool: Pool, budget: int | None, progress: Progress) -> Outcome:
        roles = Roles.of(workspace, pool)
        known, held = facts(roles, progress), holdout.held_out(pool)
        table = None if held is None else paper.last(place(workspace, pool, held))
        found = recommend(roles, known, table, budget)
        command = _command(pool, found, self.budget)
        lines = [f"{found.method}: {found.reason}", *([found.first] if found.first else []), command]
        if found.basis != EVIDENCE:
            lines.append(
                "By rule, not measured on this pool; to measure: python -m datasel_core evidence "
                f"{pool.name} --methods {found.method} --budgets {self.budget or '5%'}"
            )
        return Outcome({**asdict(found), "command": command, "facts": _plain(known)}, lines=lines)


def _command(pool: Pool, found: Recommendation, budget: str | None) -> str:
    words = ["python", "-m", "datasel_core", "select", pool.name, found.method, "--budget", budget or "10%"]
    for flag, pairs in (("--set", found.params), ("--use", found.use)):
        for name, value in pairs.items():
            words += [flag, f"{name}={value}"]
    words += ["--target", found.target] if found.target else []
    return shlex.join(words)


def _plain(known: Facts) -> dict[str, object]:
    return {**asdict(known), "roles": list(known.roles)}
