"""Reviewing a selection: what people decide about its samples, how that stands, and the selection that it makes."""

from typing import Any, ClassVar, Literal

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.analysis.opinions import Decision
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.exports.run_folder import check_out, copy_run
from datasel_core.review.agreement import agreement
from datasel_core.review.book import Book
from datasel_core.review.decisions import ME, checked_reviewer, decision, review_of
from datasel_core.review.finish import finish, told
from datasel_core.review.state import Standing
from datasel_core.runs import manifest
from datasel_core.runs.catalog.names import find_folder
from datasel_core.runs.run import Run
from datasel_core.workspace.layout import Workspace

_LISTED = 5


@task("review", version=1, title="Review a selection")
class ReviewSelection(Task):
    """Keeps what people decide about samples of a selection, says how its review stands, or makes the selection that
    follows from it.
    """

    cost: ClassVar[str] = "Reads the selection once; to finish, what the method costs for the places that are left."

    run: str = Field(description="Folder, key or name of the selection.", json_schema_extra=ARGUMENT)
    keep: list[str] = Field([], description="Id of a sample to keep; may be given more than once.")
    drop: list[str] = Field([], description="Id of a sample to leave out: the method's next best takes its place.")
    swap: list[str] = Field([], description="Id of a sample to leave out: the nearest takes its place.")
    undo: list[str] = Field([], description="Id of a sample of which to take back what was said last.")
    by: str | None = Field(None, description="Who decides, me by default; without a decision: only what this one said.")
    note: str = Field("", description="A note about these samples.")
    blind: bool = Field(False, description="Decided without seeing what others did; agreement counts such only.")
    rule: Literal["latest", "any", "all"] = Field(
        "latest",
        description="What counts where people differ: the latest, or left out when any, or only when all who decided "
        "leave it out.",
    )
    finish: bool = Field(False, description="Make the selection that follows from all that was decided.")
    with_notes: bool = Field(False, description="The notes leave with its record; else they stay here.")
    out: str | None = Field(None, description="Folder for a copy of it.")
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")

    @property
    def heavy(self) -> bool:
        """Only what chooses anew waits its turn."""
        return self.finish

    def prepare(self, workspace: Workspace) -> Work:
        folder = find_folder(workspace, self.run)
        said = manifest.intact(folder, "reviewed")
        run = Run(folder, said)
        decisions = self._decisions(run)
        if self.out is not None:
            if not self.finish:
                raise BadRequest("--out is for the selection that a review makes; give --finish with it.")
            check_out(workspace, self.out, self.overwrite)
        if self.by is not None and not decisions:
            _check_known(workspace, run, checked_reviewer(self.by))
        return Work(self.own_folder(workspace), lambda progress: self._done(workspace, run, decisions, progress))

    def headline(self) -> str:
        return f"Finishing the review of {self.run}" if self.finish else f"Reviewing {self.run}"

    def _decisions(self, run: Run) -> list[Decision]:
        """What is asked to be written down, checked. Raises BadRequest."""
        asked = {"keep": self.keep, "drop": self.drop, "swap": self.swap, "undo": self.undo}
        named = [(what, id) for what, ids in asked.items() for id in ids]
        if self.note and not named:
            raise BadRequest("--note needs samples: name them with --keep, --drop or --swap.")
        known = set(run.ids) if named else set()
        for _, id in named:
            if id not in known:
                raise UnknownName(f"sample in {run.name}", id, known)
        review, by = review_of(run.manifest), self.by or ME
        return [decision(review, id, by, what, self.note, self.blind) for what, id in named]

    def _done(self, workspace: Workspace, run: Run, decisions: list[Decision], progress: Progress) -> Outcome:
        Book(workspace).add(decisions)
        if self.finish:
            return self._finished(workspace, run, progress)
        log = Book(workspace).of(review_of(run.manifest))
        by = None if self.by is None or decisions else checked_reviewer(self.by)
        mine = log if by is None else [one for one in log if one.reviewer == by]
        standing = Standing.of(run.ids, mine, self.rule)
        about = {"run": str(run.folder), "name": run.name, "rule": self.rule, **standing.document()}
        about["agreement"] = [one.document() for one in agreement(standing.said)]
        return Outcome({"decided": standing.decided, "written": len(decisions)}, about, _lines(run, standing))

    def _finished(self, workspace: Workspace, run: Run, progress: Progress) -> Outcome:
        made = finish(workspace, run.folder, self.rule, self.with_notes, progress)
        shown = made if self.out is None else copy_run(made, self.out, self.overwrite)
        lines = [*told(made), f"ids_sha256 {made.manifest['result']['ids_sha256']}", str(shown.folder)]
        document: dict[str, Any] = {"run": str(shown.folder), "key": made.key, "manifest": made.manifest}
        return Outcome({"run": made.key, "n": made.manifest["result"]["n"], "told": told(made)}, document, lines)


def _check_known(workspace: Workspace, run: Run, name: str) -> None:
    """Raises UnknownName for somebody who said nothing about this selection."""
    names = {one.reviewer for one in Book(workspace).of(review_of(run.manifest))}
    if name not in names:
        raise UnknownName(f"reviewer of {run.name}", name, names)


def _lines(run: Run, standing: Standing) -> list[str]:
    """For a person: how it stands, by whom, where they differ, how far they agree."""
    lines = [f"{run.name}: {standing.words}."]
    for name, one in standing.reviewers().items():
        lines.append(f"{name}: {one['keep']:,} kept, {one['drop']:,} dropped, {one['swap']:,} swapped")
    if differ := standing.conflicts:
        more = f" and {len(differ) - _LISTED:,} more" if len(differ) > _LISTED else ""
        lines.append(f"{len(differ):,} on which people differ: {', '.join(differ[:_LISTED])}{more}")
    return [*lines, *(f"{one.words}." for one in agreement(standing.said))]
