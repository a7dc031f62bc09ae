"""Writing a selection for another tool."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest
from datasel_core.exports.export import Export, SelectionRecord, check
from datasel_core.pools.changed import changes, pool_now
from datasel_core.pools.persistence import described
from datasel_core.runs import manifest
from datasel_core.runs.catalog.names import find_folder
from datasel_core.workspace.layout import Workspace


@task("export", version=1, title="Export a selection")
class ExportSelection(Task):
    """Writes a selection for another tool."""

    words: ClassVar[tuple[str, ...]] = ("export",)
    cost: ClassVar[str] = "Writes what was kept once."

    run: str = Field(description="Folder of the selection, its key, or its name.", json_schema_extra=ARGUMENT)
    format: str = Field(description="One of {export format}.")
    out: str = Field(description="The file to make, or the folder, for formats of several files.")
    params: dict[str, Any] = Field({}, description="Parameters of the format.", json_schema_extra=called("set"))
    shape: str | None = Field(
        None, description="Of rows: as_is, messages, prompt_completion, alpaca, sharegpt, preference or columns."
    )
    no_datasel: bool = Field(False, description="Say nothing beside the rows of why they were kept.")
    with_notes: bool = Field(False, description="Let the name and the note of the selection leave with its record.")
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")

    def prepare(self, workspace: Workspace) -> Work:
        exporter = find("export format", self.format).of(self._params())
        check(workspace, type(exporter), self.out, self.overwrite)
        kept = replace(open_record(workspace, find_folder(workspace, self.run)), with_notes=self.with_notes)
        exporter.check_suited(kept)
        damaged = list(described(workspace)[1].values())  # nobody knows where their sources are
        return Work(self.own_folder(workspace), lambda progress: self._written(exporter, kept, progress), damaged)

    def _params(self) -> dict[str, Any]:
        shape = {} if self.shape is None else {"shape": self.shape}
        return {**self.params, **shape, **({"datasel": False} if self.no_datasel else {})}

    def headline(self) -> str:
        return f"Exporting to {self.out}"

    def _written(self, exporter: Export, kept: SelectionRecord, progress: Progress) -> Outcome:
        notes = kept.changes(progress).lines() if exporter.suffix else []  # a folder of files is refused
        target, n = exporter.write(kept, self.out, progress, self.overwrite), kept.table.num_rows
        notes += kept.notes
        return Outcome(
            {"out": str(target), "n": n, "notes": notes},
            {"format": self.format, "out": str(target), "n": n},
            [f"{n} samples written to {target}"],
            notes,
        )


def open_record(workspace: Workspace, folder: Path) -> SelectionRecord:
    """A finished selection as export formats take it. Raises BadRequest when it is not intact."""
    said = manifest.read(folder)
    if found := manifest.problems(folder):
        raise BadRequest(f"{folder} cannot be exported: {found[0]}")
    pool = None
    with contextlib.suppress(BadRequest):  # the pool is gone: formats that need it say so, the others do without
        pool, _ = pool_now(workspace, said["pool"]) or (None, False)
    kept = manifest.kept_table(folder)
    return SelectionRecord(
        kept,
        said,
        workspace,
        lambda progress: changes(workspace, said["pool"], kept, progress, kept_only=True),
        pool,
        folder,
    )
