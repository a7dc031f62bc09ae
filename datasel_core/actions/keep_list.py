"""Keeping a list of samples that a person marked as a selection."""

from pathlib import Path
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.runs.catalog import names
from datasel_core.runs.catalog.label import checked_name, checked_note
from datasel_core.runs.derivations.listed import made_of
from datasel_core.runs.derived import Made, derive
from datasel_core.runs.run import ask
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace


@task("keep", version=1, title="Keep a list as a selection")
class KeepList(Task):
    """Keeps every sample of a list as a selection, which is measured, exported and proved like any other."""

    part: ClassVar[str] = "runs"
    cost: ClassVar[str] = "Measures what is kept."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    list: str = Field(
        description="A list that was marked (lists/HASH.parquet), or a Parquet file of ids.", json_schema_extra=ARGUMENT
    )
    holds: str = Field("", description="What the list holds, in a few words; its default name begins with them.")
    name: str | None = Field(None, description="What to call the selection.")
    note: str | None = Field(None, description="A note about it; it stays in the workspace, as the name does.")

    def prepare(self, workspace: Workspace) -> Work:
        made = made_of(workspace, self.pool, self.list, self.holds)
        if not len(made.chosen.rows):
            raise BadRequest("The list is empty; name at least one sample.")
        folder = workspace.run(key_of(dict(made.what)))
        names.check_free(workspace, checked_name(self.name or ""), folder)
        checked_note(self.note or "")

        return Work(
            folder,
            lambda progress: self._kept(workspace, folder, made, progress),
            asked=lambda: self._ask(workspace, folder),
        )

    def headline(self) -> str:
        return f"Keeping a part of {self.pool}"

    def _ask(self, workspace: Workspace, folder: Path) -> None:
        ask(folder, preview=False)
        self._label(workspace, folder)

    def _label(self, workspace: Workspace, folder: Path) -> None:
        if self.name is not None or self.note is not None:
            names.give(workspace, folder, self.name, self.note)

    def _kept(self, workspace: Workspace, folder: Path, made: Made, progress: Progress) -> Outcome:
        self._label(workspace, folder)
        run = derive(workspace, made, progress)
        result = run.manifest["result"]
        lines = [f"{run.name}: {result['n']:,} samples kept. ids_sha256 {result['ids_sha256']}", str(run.folder)]
        said = {"run": str(run.folder), "key": run.key, "manifest": run.manifest}
        return Outcome({"run": run.key, "n": result["n"]}, said, lines)
