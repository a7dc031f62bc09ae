"""Tables of what labels take and cost, looked at, brought, taken along."""

from typing import ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.costs.cells import text_of
from datasel_core.costs.tables import table as tables
from datasel_core.costs.tables.line import Line
from datasel_core.exports.guard import check_file, new_file
from datasel_core.workspace.layout import Workspace

_NAME = Field(description="The table.", json_schema_extra=ARGUMENT)


@task("rates", version=1, title="List rates")
class ListRates(Task):
    """What labels take and cost, from all tables of the workspace; those of `examples` are from the literature."""

    words: ClassVar[tuple[str, ...]] = ("rates", "list")
    cost: ClassVar[str] = "A moment."

    def prepare(self, workspace: Workspace) -> Work:
        found = {name: tables.lines(workspace, name) for name in tables.names(workspace)}
        return Work(self.own_folder(workspace), lambda _: _listed(found))


def _listed(found: dict[str, list[Line]]) -> Outcome:
    document = [{"rate": f"{name}/{line.name}", **vars(line)} for name, lines in found.items() for line in lines]
    lines = [
        f"{name}/{line.name}\t{number(line)} {line.unit}\t{line.what}\t{line.day}\t{line.source}"
        for name, lines in found.items()
        for line in lines
    ]
    return Outcome({"rates": document}, document, lines)


def number(line: Line) -> str:
    """`7 to 34.5`, or the one number that there is."""
    ends = f"{line.low} to {line.high}" if line.low and line.low != line.high else line.mid or line.low
    return f"{line.mid} ({ends})" if line.mid and line.mid != ends else ends


@task("rates_import", version=1, title="Bring a table of rates")
class ImportRates(Task):
    """Keeps a table of rates: a CSV of name, what, low, mid, high, unit, date, source."""

    words: ClassVar[tuple[str, ...]] = ("rates", "import")
    cost: ClassVar[str] = "A moment."

    name: str = _NAME
    file: str = Field(description="The CSV.", json_schema_extra=ARGUMENT)
    overwrite: bool = Field(False, description="Replace a table of that name.")

    def prepare(self, workspace: Workspace) -> Work:
        path = workspace.allowed(self.file)
        found = tables.read(path.name, text_of(path))
        return Work(self.own_folder(workspace), lambda _: self._kept(workspace, found))

    def _kept(self, workspace: Workspace, found: list[Line]) -> Outcome:
        path = tables.keep(workspace, self.name, found, self.overwrite)
        many = "1 rate is" if len(found) == 1 else f"{len(found):,} rates are"
        return Outcome({"table": self.name, "n": len(found)}, lines=[f"{many} in {path} now."])


@task("rates_export", version=1, title="Take a table of rates along")
class ExportRates(Task):
    """Writes a table of rates as CSV, `examples` too: a beginning for a table of your own."""

    words: ClassVar[tuple[str, ...]] = ("rates", "export")
    cost: ClassVar[str] = "A moment."

    name: str = _NAME
    out: str = Field(description="The CSV to make.")
    overwrite: bool = Field(False, description="Replace what is there already; never a source of a pool.")

    def prepare(self, workspace: Workspace) -> Work:
        found = tables.lines(workspace, self.name)
        check_file(workspace, self.out, self.overwrite)
        return Work(self.own_folder(workspace), lambda _: self._written(workspace, found))

    def _written(self, workspace: Workspace, found: list[Line]) -> Outcome:
        with new_file(workspace, self.out, self.overwrite) as (path, temporary):
            temporary.write_text(tables.written(found), encoding="utf-8", newline="")
        return Outcome({"out": str(path), "n": len(found)}, lines=[f"{self.name} is written to {path}"])


@task("rates_remove", version=1, title="Remove a table of rates")
class RemoveRates(Task):
    """Removes a table of rates; plans that were made with it keep their numbers."""

    words: ClassVar[tuple[str, ...]] = ("rates", "remove")
    cost: ClassVar[str] = "A moment."

    name: str = _NAME

    def prepare(self, workspace: Workspace) -> Work:
        tables.lines(workspace, self.name)
        return Work(self.own_folder(workspace), lambda _: self._removed(workspace))

    def _removed(self, workspace: Workspace) -> Outcome:
        tables.forget(workspace, self.name)
        return Outcome({"table": self.name}, lines=[f"{self.name} is removed."])
