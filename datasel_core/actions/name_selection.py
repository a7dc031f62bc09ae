"""What a kept selection is called, and what is noted about it."""

from pathlib import Path
from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.runs import manifest
from datasel_core.runs.catalog.label import checked_name, checked_note, name_of
from datasel_core.runs.catalog.names import check_free, give, kept_here
from datasel_core.workspace.layout import Workspace

_RUN = Field(description="Key or name of the selection.", json_schema_extra=ARGUMENT)


class _Said(Task):
    """One of the two things that are said of a selection; nothing of its answer changes."""

    cost: ClassVar[str] = "Writes one small file."

    def _given(self, workspace: Workspace, run: str, name: str | None = None, note: str | None = None) -> Work:
        folder = kept_here(workspace, run)
        check_free(workspace, checked_name(name or ""), folder)
        checked_note(note or "")
        return Work(self.own_folder(workspace), lambda _: _outcome(workspace, folder, name, note))


@task("rename", version=1, title="Rename a selection")
class RenameSelection(_Said):
    """Gives a selection a name of its own. No two selections are given the same; the empty one takes it away again."""

    words: ClassVar[tuple[str, ...]] = ("runs", "rename")

    run: str = _RUN
    name: str = Field(description="The new name.", json_schema_extra=ARGUMENT)

    def prepare(self, workspace: Workspace) -> Work:
        return self._given(workspace, self.run, name=self.name)


@task("note", version=1, title="Note something about a selection")
class NoteSelection(_Said):
    """Notes something about a selection. The empty text takes the note away."""

    words: ClassVar[tuple[str, ...]] = ("runs", "note")

    run: str = _RUN
    text: str = Field(description="The note.", json_schema_extra=ARGUMENT)

    def prepare(self, workspace: Workspace) -> Work:
        return self._given(workspace, self.run, note=self.text)


def _outcome(workspace: Workspace, folder: Path, name: str | None, note: str | None) -> Outcome:
    label = give(workspace, folder, name, note, finished=True)
    called = name_of(folder, manifest.read(folder))
    said = {"run": str(folder), "name": called, "note": label.note}
    lines = [f"{folder.name} is called {called}."] if note is None else [f"{called}: {label.note or 'no note'}"]
    return Outcome(said, lines=lines)
