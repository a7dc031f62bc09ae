"""Choosing from a pool."""

from pathlib import Path
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task, titled
from datasel_core.base.declare import HIDDEN, Field
from datasel_core.base.phases import Phase
from datasel_core.base.progress import Progress
from datasel_core.evidence.appraisals import promise, worth
from datasel_core.exports.run_folder import check_out, copy_run
from datasel_core.features.description import choice, settings
from datasel_core.features.stored import kept_features
from datasel_core.runs import manifest
from datasel_core.runs.catalog import names
from datasel_core.runs.catalog.label import checked_name, checked_note
from datasel_core.runs.engine import APPRAISING, CHOOSING, MEASURING, answer
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.run import Run, ask
from datasel_core.runs.spec import Spec
from datasel_core.runs.target import spared
from datasel_core.workspace.layout import Workspace

_LISTED = 5


@task("select", version=1, title="Choose from a pool")
class Select(Spec, Task):
    """Chooses from a pool; the answer is a folder with a manifest."""

    part: ClassVar[str] = "runs"
    cost: ClassVar[str] = "What the method costs."

    out: str | None = Field(None, description="Folder for a copy of the run.")
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")
    name: str | None = Field(None, description="What to call the selection; by default method and budget.")
    note: str | None = Field(None, description="A note about it; it stays in the workspace, as the name does.")
    preview: bool = Field(False, description="Only to be looked at: no list names it.", json_schema_extra=HIDDEN)

    def prepare(self, workspace: Workspace) -> Work:
        if self.out is not None:
            check_out(workspace, self.out, self.overwrite)
        asked = resolve(workspace, spared(workspace, Spec(**self.model_dump(include=set(Spec.model_fields)))))
        folder = workspace.run(asked.key)
        names.check_free(workspace, checked_name(self.name or ""), folder)
        checked_note(self.note or "")
        return Work(
            folder,
            lambda progress: self._answer(asked, progress),
            notes(asked),
            lambda: self._ask(workspace, folder),
            phases(asked),
            len(asked.candidates.given) * max(1, asked.budget),
            asked.method.id,
        )

    def headline(self) -> str:
        many = f"{int(self.budget):,}" if self.budget.isdigit() else self.budget
        return f"Choosing {many} of {self.pool} by {titled('method', self.method)}"

    def _ask(self, workspace: Workspace, folder: Path) -> None:
        ask(folder, self.preview)
        self._label(workspace, folder)

    def _label(self, workspace: Workspace, folder: Path) -> None:
        """Before it is chosen: who asks for it under another name meanwhile is heard."""
        if self.name is not None or self.note is not None:
            names.give(workspace, folder, self.name, self.note)

    def _answer(self, asked: Question, progress: Progress) -> Outcome:
        self._label(asked.workspace, asked.workspace.run(asked.key))
        run = answer(asked, progress, preview=self.preview)
        shown = run if self.out is None else copy_run(run, self.out, self.overwrite)
        return outcome(shown, asked)


def phases(asked: Question) -> list[Phase]:
    """What is done one after the other until a question is answered."""
    appraised = [Phase(APPRAISING, 2)] if asked.aside else []
    return [Phase(CHOOSING, 2), Phase(MEASURING, 1), *appraised]


def notes(asked: Question) -> list[str]:
    """Which features, earlier selections and which target were found for a question."""
    about = asked.roles.about(asked.method.roles())
    said = [f"role {role}: {one['id']} {one.get('key') or one['column']}" for role, one in about.items()]
    kept = kept_features(asked.workspace, asked.pool.fingerprint)
    for at, (role, one) in enumerate(about.items()):
        if "key" in one and (others := choice(kept, role, one["key"])):
            words = settings(asked.roles.features[role])
            said[at] += f" ({', '.join(filter(None, [words, others]))})"
    if asked.within is not None:
        of = "an earlier selection" if "method" in asked.within.about else "a list"
        said.append(f"within: only the {asked.within.about['n']:,} of {of} can be chosen")
    if asked.already is not None:
        said.append(f"already: {earlier_words(asked)}")
    target = asked.target
    if target is None:
        return said
    held = "" if target.aside is None else f", and {len(target.held_out)} held out of it"
    return [*said, f"target {target.pool.name}: {len(target.rows)} samples{held}", *target.notes]


def earlier_words(asked: Question) -> str:
    """How many count as chosen earlier, and how many of them the method can see."""
    n, seen = asked.already.about["n"], len(asked.candidates.already)
    said, lacking = f"{n:,} of an earlier selection count as chosen", " or no ".join(asked.method.roles())
    return said if seen == n else f"{said}; {n - seen:,} of them have no {lacking} and cover nothing"


def outcome(run: Run, asked: Question) -> Outcome:
    """What is said of a selection when it is there."""
    result = run.manifest["result"]
    facts, counts = result.get("facts", {}), manifest.counts(run.manifest)
    (lines, more), (promised, how_to) = worth.told(asked, run), promise.told(asked, run)
    how = f", {counts.among}" if counts.among else ""
    how += f", {counts.aside:,} set aside" if counts.aside else ""
    return Outcome(
        {"run": asked.key, "n": result["n"]},
        {"run": str(run.folder), "key": asked.key, "manifest": run.manifest},
        [
            f"{counts.words} samples kept{how}. ids_sha256 {result['ids_sha256']}",
            *lines,
            *promised,
            str(run.folder),
        ],
        [
            *(f"{name}: {_told(fact)}" for name, fact in facts.items()),
            *more,
            *how_to,
        ],
    )


def _told(fact: float | int | str | list[str]) -> str:
    """A fact for people; of a list the first few, with how many more are in the manifest."""
    if isinstance(fact, list):
        more = f" and {len(fact) - _LISTED} more in the manifest" if len(fact) > _LISTED else ""
        return ", ".join(fact[:_LISTED]) + more
    return f"{fact:.6g}" if isinstance(fact, float) else f"{fact}"
