"""What a selection does to the facts of a pool."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasel_core.actions.capacity import check_columns, facts_in, keep_bits
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.analysis.facts.table import Facts as FactsTable
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.base.role import ANSWER_BITS
from datasel_core.errors import BadRequest
from datasel_core.evidence.facts import answers, counts
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog.names import find_folder
from datasel_core.runs.run import Run
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_LINES = 10


@task("facts", version=1, title="Count facts")
class Facts(Task):
    """How often the facts of a pool are stated, before and after a selection; which relations lose most, and which
    facts are dropped whole.
    """

    cost: ClassVar[str] = "Seconds for a million facts."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    run: str | None = Field(None, description="Folder of a selection from it, its key, or its name.")
    answer: str = Field("answer", description="Column of the answers.")
    relation: str = Field("relation", description="Column of what each question asks for, such as a birth year.")
    fact: str | None = Field(
        None, description="Column of which equal values mean one fact; by default fact, where there is one."
    )

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        check_columns(pool, self.answer, self.relation, self.fact)
        run = None if self.run is None else selection_of(workspace, pool, self.run, "counted")
        return Work(self.own_folder(workspace), lambda progress: self._said(workspace, pool, run, progress))

    def headline(self) -> str:
        return f"Counting the facts of {self.pool}"

    def _said(self, workspace: Workspace, pool: Pool, run: Run | None, progress: Progress) -> Outcome:
        roles = Roles.of(workspace, pool)
        loss = counts.loss_of(roles)
        columns = {"answer": self.answer, "relation": self.relation, "fact": self.fact}
        folder = counts.place(workspace, counts.asked(pool, columns, run, loss))
        with Lock(folder).hold(progress.check):
            found = answers.read(folder)
            if found is None or not roles.has(ANSWER_BITS.name):
                facts, rows, named = facts_in(pool, self.answer, self.relation, self.fact)
                progress.check()
                if not roles.has(ANSWER_BITS.name):  # pruning then goes by the same bits
                    keep_bits(workspace, pool, facts, rows, f"facts of {self.answer}, {self.relation}", progress)
                found = found or self._counted(pool, run, loss, folder, facts, rows, named)
        short = {"folder": str(folder), "facts": found["facts"], "dropped": found["dropped"]}
        document = {name: value for name, value in found.items() if name not in ("profile", "order")}
        return Outcome(short, {**document, "folder": str(folder)}, _lines(found))

    def _counted(
        self,
        pool: Pool,
        run: Run | None,
        loss: StoredFeature | None,
        folder: Path,
        facts: FactsTable,
        rows: np.ndarray,
        named: bool,
    ) -> dict[str, Any]:
        kept = None if run is None else counts.kept_rows(pool, run)
        of_rows = None if loss is None else np.asarray(loss.values(), dtype=np.float64)
        said, dropped = counts.count(facts, rows, kept, of_rows)
        about = {
            "pool": pool.name,
            "fingerprint": pool.fingerprint,
            "run": None if run is None else run.key,
            "samples": pool.n,
            "kept_samples": None if kept is None else len(kept),
            "left_out": pool.n - len(rows),
            "told_apart": named,
            "has_loss": loss is not None,
        }
        return counts.keep(folder, {**about, **said}, dropped)


def selection_of(workspace: Workspace, pool: Pool, said: str, used: str) -> Run:
    """A finished selection from this pool. Raises BadRequest."""
    folder = find_folder(workspace, said)
    run = Run(folder, manifest.intact(folder, used))
    if run.manifest["pool"]["fingerprint"] != pool.fingerprint:
        raise BadRequest(
            f"{folder.name} was chosen from {run.manifest['pool']['name']} as it was then, not from {pool.name} as it "
            "is now; choose again."
        )
    return run


def _lines(said: dict[str, Any]) -> list[str]:
    often = said["frequency"]
    lines = [f"{said['facts']:,} facts in {often['samples']:,} samples; {often['once']:.0%} are stated once."]
    if said["with_frequency"] is not None:
        lines.append(f"Loss against how often a fact is stated: Spearman {said['with_frequency']:.2f}.")
    if said["after"] is None:
        return lines
    left = said["after"]["frequency"]
    lines.append(
        f"Kept: {said['facts'] - said['dropped']:,} facts"
        + (f" in {left['samples']:,} samples; {left['once']:.0%} are stated once." if left else ".")
    )
    lines += [
        f"  {one['relation']}: {one['kept']:,} of {one['facts']:,} facts, {one['kept_samples']:,} of "
        f"{one['samples']:,} samples"
        for one in said["lost"][:_LINES]
    ]
    if len(said["lost"]) > _LINES:
        lines.append(f"  and {len(said['lost']) - _LINES:,} more relations; --json has all.")
    return lines
