"""What came back: counts, agreement, labellers, and what to label once more."""

from typing import Any, ClassVar

from datasel_core.actions.select import Select
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.errors import BadRequest
from datasel_core.labels import columns
from datasel_core.labels.consensus import of_pool
from datasel_core.labels.places import Place, find
from datasel_core.labels.summary import lines, summary, within
from datasel_core.runs.catalog import lists
from datasel_core.workspace.layout import Workspace

_RUN = Field(description="A pool, or a selection by its folder, key or name.", json_schema_extra=ARGUMENT)


@task("labels_show", version=1, title="Look at labels")
class ShowLabels(Task):
    """What came back: how many, of which classes, how far labellers agree, who stands out, what to label once more."""

    words: ClassVar[tuple[str, ...]] = ("labels", "show")
    cost: ClassVar[str] = "Reads the labels once."

    run: str = _RUN
    known: str | None = Field(None, description="A column that says what is right of the gold set.")

    def prepare(self, workspace: Workspace) -> Work:
        place = find(workspace, self.run)
        if self.known is not None:
            place.pool.column(self.known)
        return Work(self.own_folder(workspace), lambda progress: self._shown(workspace, place))

    def _shown(self, workspace: Workspace, place: Place) -> Outcome:
        said = looked_at(workspace, place, self.known)
        gone = [f"Labels of samples that {said['pool']} no longer has: {said['gone']:,}."] if said["gone"] else []
        return Outcome(said, lines=lines(said), notes=gone)


def looked_at(workspace: Workspace, place: Place, known: str | None = None) -> dict[str, Any]:
    """What `--json` prints. The columns of the pool are made anew where they are not what they should be."""
    labels = of_pool(workspace, place.pool)
    columns.renew(workspace, place.pool)
    return summary(within(labels, place.rows) if place.run else labels, labels, len(place.rows), known)


@task("labels_again", version=1, title="Label once more")
class LabelAgain(Task):
    """Makes a selection of what is worth labelling once more, the strongest disagreements first, to be exported."""

    part: ClassVar[str] = "runs"
    words: ClassVar[tuple[str, ...]] = ("labels", "again")
    cost: ClassVar[str] = "Reads the labels once."

    run: str = _RUN
    n: int = Field(20, ge=1, description="How many.")
    out: str | None = Field(None, description="Folder for a copy of the run.")
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")

    def prepare(self, workspace: Workspace) -> Work:
        place = find(workspace, self.run)
        again = within(of_pool(workspace, place.pool), place.rows).again()[: self.n]
        if not again:
            raise BadRequest(
                f"The labellers of {place.called} disagree on nothing; there is nothing to label once more."
            )
        rows = place.pool.rows([str(place.pool.ids[item.row]) for item in again])
        kept = lists.keep(workspace, place.pool, rows, f"{len(again):,} to label once more")
        asked = Select(
            pool=place.pool.name,
            method="random",
            budget=str(len(again)),
            within=kept.value,
            out=self.out,
            overwrite=self.overwrite,
        )
        return asked.prepare(workspace)

    def headline(self) -> str:
        return f"Choosing what of {self.run} to label once more"
