"""What a model fails on becomes a target."""

import shlex
from pathlib import Path
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.labels import failures
from datasel_core.labels.failures import Target
from datasel_core.labels.readers.reading import grouped
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace, checked_name


@task("failures", version=1, title="Failures as target")
class Failures(Task):
    """What a model fails on becomes a target: more like it is then chosen by tsds or nearest_targets. What failed
    is not chosen again, as it is labelled already; --again lets it be.
    """

    cost: ClassVar[str] = "Reads the file once, and copies the vectors of what fails."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    file: str = Field(
        description="Ids that failed, one a line; or a table with id and predicted, compared with what is right.",
        json_schema_extra=ARGUMENT,
    )
    target: str | None = Field(None, description="What the target is called; POOL-failures by default.")
    again: bool = Field(False, description="What failed may be chosen again.")
    truth: str | None = Field(None, description="Column that says what is right; by default the labels that came back.")

    def prepare(self, workspace: Workspace) -> Work:
        pool, path = load_pool(workspace, self.pool), workspace.allowed(self.file)
        if self.target is not None:
            checked_name("pool", self.target)
        failures.check_free(workspace, pool, self.target or f"{pool.name}-failures")
        return Work(self.own_folder(workspace), lambda progress: self._made(workspace, pool, path))

    def headline(self) -> str:
        return f"Making a target of what fails in {self.pool}"

    def _made(self, workspace: Workspace, pool: Pool, path: Path) -> Outcome:
        made = make_target(workspace, pool, path, self.target, self.truth, self.again)
        found = made.failed
        of = "" if found.checked is None else f" of {found.checked:,} that could be checked"
        spared = "; they are not chosen again" if made.others else ""
        command = [
            "python",
            "-m",
            "datasel_core",
            "select",
            pool.name,
            "tsds",
            "--budget",
            "5%",
            "--target",
            made.pool.name,
        ]
        result = {
            "target": made.pool.name,
            "n": made.pool.n,
            "checked": found.checked,
            "within": made.others,
            "lost": [{"id": one.id, "reason": one.reason} for one in found.lost],
        }
        return Outcome(
            result,
            lines=[
                f"{made.pool.n:,} failures{of} are the target {made.pool.name}{spared}.",
                f"More like these: {shlex.join(command)}",
            ],
            notes=[f"not used: {line}" for line in grouped(found.lost)],
        )


def make_target(
    workspace: Workspace,
    pool: Pool,
    path: Path,
    target: str | None = None,
    truth: str | None = None,
    again: bool = False,
) -> Target:
    """A target of what a file says fails. Raises BadRequest."""
    return failures.make(workspace, pool, failures.failed(workspace, pool, path, truth), target, again)
