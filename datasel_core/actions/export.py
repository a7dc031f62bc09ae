"""Writing a selection for another tool."""

import contextlib
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest
from datasel_core.exports import guard
from datasel_core.exports.export import Export, SelectionRecord
from datasel_core.pools.changed import changes
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import manifest
from datasel_core.workspace.layout import NAME, Workspace


@task("export", version=1, title="Export a selection")
class ExportSelection(Task):
    """Writes a selection for another tool."""

    words: ClassVar[tuple[str, ...]] = ("export",)
    cost: ClassVar[str] = "Writes what was kept once."

    run: str = Field(description="Folder of the selection, or its key.", json_schema_extra=ARGUMENT)
    format: str = Field(description="One of {export format}.")
    out: str = Field(description="The file, or for files the folder, to make.")
    params: dict[str, Any] = Field({}, description="Parameters of the format.", json_schema_extra=called("set"))
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")

    def prepare(self, workspace: Workspace) -> Work:
        exporter = find("export format", self.format).of(self.params)
        check = guard.check_file if exporter.suffix else guard.check_folder
        check(workspace, self.out, self.overwrite)
        record = open_record(workspace, run_folder(workspace, self.run))
        return Work(self.own_folder(workspace), lambda progress: self._written(exporter, record, progress))

    def headline(self) -> str:
        return f"Exporting to {self.out}"

    def _written(self, exporter: Export, record: SelectionRecord, progress: Progress) -> Outcome:
        notes = record.changes(progress).lines() if exporter.suffix else []  # a folder of files is refused
        target, n = exporter.write(record, self.out, progress, self.overwrite), record.table.num_rows
        notes += exporter.notes(record, target)
        return Outcome(
            {"out": str(target), "n": n, "notes": notes},
            {"format": self.format, "out": str(target), "n": n},
            [f"{n} samples written to {target}"],
            notes,
        )


def run_folder(workspace: Workspace, name: str) -> Path:
    """The folder of a run that is named by its path or by its key."""
    here = not Path(name).exists() and NAME.fullmatch(name)
    return workspace.run(name) if here else workspace.allowed(name)


def open_record(workspace: Workspace, folder: Path) -> SelectionRecord:
    """A finished selection as export formats take it. Raises BadRequest when it is not intact."""
    said = manifest.read(folder)
    if found := manifest.problems(folder):
        raise BadRequest(f"{folder} cannot be exported: {found[0]}")
    media = None
    with contextlib.suppress(BadRequest):  # the pool is gone: formats that copy media say so, the others need none
        root = load_pool(workspace, said["pool"]["name"]).root
        media = lambda path: workspace.allowed(root / path)  # noqa: E731
    kept = manifest.kept_table(folder)
    return SelectionRecord(
        kept,
        said,
        media,
        workspace,
        lambda progress: changes(workspace, said["pool"], kept, progress, kept_only=True),
    )
