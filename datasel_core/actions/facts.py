"""What a selection does to the facts of a pool."""

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from datasel_core.actions.capacity import check_columns, facts_in
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
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
_MOST_ANSWERS = 0.5
"""Share of answers that stand once above which no count shows how many there are."""


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
        loss = counts.loss_of(Roles.of(workspace, pool))
        columns = {"answer": self.answer, "relation": self.relation, "fact": self.fact}
        folder = counts.place(workspace, counts.asked(pool, columns, run, loss))
        with Lock(folder).hold(progress.check):
            if (found := answers.read(folder)) is None:
                found = self._counted(pool, run, loss, folder, progress)
        short = {"folder": str(folder), "facts": found["facts"], "dropped": found["dropped"]}
        document = {name: value for name, value in found.items() if name not in ("profile", "order")}
        return Outcome(short, {**document, "folder": str(folder)}, _lines(found))

    def _counted(self, pool: Pool, run: Run | None, loss: StoredFeature | None, folder: Any, progress: Progress) -> Any:
        facts, rows, named = facts_in(pool, self.answer, self.relation, self.fact)
        progress.check()
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
            "digits": digits(pool, self.answer, rows),
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


def digits(pool: Pool, answer: str, rows: np.ndarray) -> int | None:
    """How many digits the answers have, where all are numbers of one length and most stand once, as telephone numbers:
    then their bits are at most 3.32 a digit, and no count of answers shows so many. None elsewhere.
    """
    import pyarrow.compute as pc  # slow to load

    values = pa.array(pool.column(answer), from_pandas=True).take(pa.array(rows))
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return None
    different = pc.unique(values)
    lengths = pc.unique(pc.utf8_length(different))
    if len(lengths) != 1 or not pc.all(pc.ascii_is_decimal(different)).as_py():
        return None
    length = lengths[0].as_py()
    return length if len(different) < _MOST_ANSWERS * 10.0**length else None


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
