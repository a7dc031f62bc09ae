"""Deleting a kept selection."""

from pathlib import Path
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.errors import BadRequest
from datasel_core.runs.catalog.names import kept_here
from datasel_core.runs.catalog.removal import delete, why_not
from datasel_core.workspace.layout import Workspace


@task("delete", version=1, title="Delete a selection")
class DeleteSelection(Task):
    """Deletes a selection for good, unless another one builds on it. Features, scores and what was exported stay."""

    words: ClassVar[tuple[str, ...]] = ("runs", "delete")
    cost: ClassVar[str] = "Reads the manifests of all selections once."

    run: str = Field(description="Key or name of the selection.", json_schema_extra=ARGUMENT)

    def prepare(self, workspace: Workspace) -> Work:
        folder = kept_here(workspace, self.run)
        if said := why_not(workspace, folder):
            raise BadRequest(said)
        return Work(self.own_folder(workspace), lambda _: self._deleted(workspace, folder))

    def _deleted(self, workspace: Workspace, folder: Path) -> Outcome:
        delete(workspace, folder)
        return Outcome({"deleted": folder.name}, lines=[f"{self.run} is deleted."])
