"""One selection of several."""

from pathlib import Path
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.exports.run_folder import check_out, copy_run
from datasel_core.runs.catalog.names import find_folder
from datasel_core.runs.derivations.combine import combine
from datasel_core.workspace.layout import Workspace


@task("combine", version=1, title="Combine selections")
class Combine(Task):
    """Makes one selection of two or more of the same pool."""

    cost: ClassVar[str] = "Reads the selections once."

    operation: str = Field(
        description="union, intersection, or difference (kept by the first and by no other).",
        json_schema_extra=ARGUMENT,
    )
    folders: list[str] = Field(description="Folders of the selections, keys or names.", json_schema_extra=ARGUMENT)
    out: str | None = Field(None, description="Folder for a copy of the run.")
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")

    def prepare(self, workspace: Workspace) -> Work:
        if self.out is not None:
            check_out(workspace, self.out, self.overwrite)
        folders = [find_folder(workspace, folder) for folder in self.folders]
        return Work(self.own_folder(workspace), lambda progress: self._combined(workspace, folders, progress))

    def headline(self) -> str:
        return f"Combining {len(self.folders)} selections"

    def _combined(self, workspace: Workspace, folders: list[Path], progress: Progress) -> Outcome:
        run = combine(workspace, self.operation, folders, progress)
        shown = run if self.out is None else copy_run(run, self.out, self.overwrite)
        said = run.manifest["result"]
        lines = [f"{said['n']} samples kept. ids_sha256 {said['ids_sha256']}", str(shown.folder)]
        return Outcome({"run": run.key, "n": said["n"]}, {"run": str(shown.folder), "manifest": run.manifest}, lines)
