"""Evidence: how much better than random each method is on a pool, and by what right."""

from collections.abc import Sequence
from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import NONE, ask, place
from datasel_core.evidence.tables.benefit import benefits
from datasel_core.evidence.tables.shared import check_texts
from datasel_core.evidence.tables.table import Asked, compute
from datasel_core.exports.guard import check_file, new_file
from datasel_core.pools.persistence import load_pool
from datasel_core.workspace.layout import Workspace


@task("evidence", version=1, title="Compare methods with random")
class Evidence(Task):
    """Methods x budgets, each against random of the same seed and size, measured on the pool's held-out set:
    difference, interval, and a verdict in words.
    """

    heavy: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    cost: ClassVar[str] = (
        "Every choice and a probe of each: a minute or two for five methods, four budgets, eight seeds."
    )

    pool: str = Field(description="The pool; it must have a held-out set.", json_schema_extra=ARGUMENT)
    methods: str = Field(description="METHOD,METHOD:parameter=value:use.role=feature: of {method}.")
    budgets: str = Field(description="Counts, or shares such as 10%, separated by commas.")
    seeds: int = Field(8, ge=2, le=1000, description="Seeds of each; with fewer than 8 nothing is said of better.")
    probe: str | None = Field(
        None, description=f"The main measure: {{probe.each_is}}; {NONE} for none. By default linear, with labels."
    )
    measures: str | None = Field(
        None,
        description=f"Others: distance, patterns, farthest, classes, rare, probes, {NONE}; by default all but probes.",
    )
    target: str | None = Field(None, description="Pool of examples, for methods that choose towards one.")
    judges: str | None = Field(
        None,
        description="Further pools to test on after the same trainings, for {probe.elsewhere}: NAME,NAME. One like the "
        "target and one unlike it show what was over-fit to it.",
    )
    allow_shared: bool = Field(
        False, description="Measure although a target has samples that are measured on; the table says so."
    )
    use: dict[str, str] = Field({}, description="role=feature (for group: role=column; of the target: target.role).")
    params: dict[str, Any] = Field(
        {},
        description="Parameters of the methods that have them; probe.NAME of the probe.",
        json_schema_extra=called("set"),
    )
    out: str | None = Field(None, description="Also write the table to this file: .md, .tex or .csv.")
    overwrite: bool = Field(False, description="Replace the file that is there already; never a source of a pool.")

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        if self.out is not None:
            if not self.out.endswith(paper.SUFFIXES):
                raise BadRequest(
                    f"--out {self.out} must end in {', '.join(paper.SUFFIXES[:-1])} or {paper.SUFFIXES[-1]}."
                )
            check_file(workspace, self.out, self.overwrite)
        asked = ask(
            workspace,
            pool,
            _parts(self.methods),
            _parts(self.budgets),
            self.seeds,
            self.probe,
            _parts(self.measures or ""),
            self.use,
            self.params,
            self.target,
            _parts(self.judges or ""),
            self.allow_shared,
        )
        return Work(self.own_folder(workspace), lambda progress: self._measured(workspace, asked, progress))

    def headline(self) -> str:
        return f"Comparing methods with random on {self.pool}"

    def _measured(self, workspace: Workspace, asked: Asked, progress: Progress) -> Outcome:
        table = compute(check_texts(asked, progress), progress)
        gains = benefits(table)
        said = paper.document(table, gains)
        paper.keep(place(workspace, asked.pool, asked.aside), said)
        if self.out is not None:
            with new_file(workspace, self.out, self.overwrite) as (path, temporary):
                temporary.write_text(paper.written(said, path.suffix), encoding="utf-8")
        lines = [*paper.markdown(said).splitlines(), "", *(_capital(one.line()) for one in gains)]
        return Outcome({"cells": said["cells"]}, said, lines)


def _parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
