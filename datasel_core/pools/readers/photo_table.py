"""Photos from a table: a row each, whose path is understood; other columns go along."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.readers.tables import usual
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.paths import understood
from datasel_core.pools.readers.tables.table import Table, read_table
from datasel_core.pools.readers.tables.typed import AS_WRITTEN
from datasel_core.workspace.layout import Workspace

_OWN = ("id", "path", "group", AS_WRITTEN)
_MEASURED = ("width", "height", "bytes", "content")


@dataclass(frozen=True)
class Named:
    """The columns that were named with options; None takes the usual name where the table has it."""

    path: str | None = None
    id: str | None = None
    group: str | None = None


@dataclass
class Listed:
    """Photos that a table names. photos: id, path relative to the root, group and row of the table."""

    table: Table
    path: str
    id: str | None
    group: str | None
    photos: list[dict] = field(default_factory=list)

    def origins(self) -> dict[str, Origin]:
        """id -> where its row stands, with the path and the group that it has now."""
        return {
            one["id"]: Origin(
                self.table.file, self.table.at[one["row"]], {name: one[name] for name in ("path", "group")}
            )
            for one in self.photos
        }

    def beside(self, rows: list[int]) -> dict[str, pa.Array | pa.ChunkedArray]:
        """The other columns, for these rows of the table, in its order; those called as ours are give way."""
        names = [name for name in self._others() if name not in _OWN]
        return {name: self.table.column(name, rows, declared=False) for name in names}

    def as_written(self, rows: list[int]) -> dict[str, pa.Array]:
        """How the source writes their numbers, where that is not plain: see `typed.AS_WRITTEN`."""
        names = [name for name in self._others() if name not in (*_OWN, *_MEASURED)]
        written = self.table.as_written(names, rows)
        return {} if written is None else {AS_WRITTEN: written}

    def notes(self) -> list[str]:
        taken = [name for name in self._others() if name in (*_OWN, *_MEASURED)]
        file = self.table.file.name
        said = [f"Columns of {file} that have names of ours were left out: {', '.join(taken)}."] if taken else []
        return [*self.table.notes, *said, *self.table.other_names(self.id)]

    def _others(self) -> list[str]:
        return [name for name in self.table.names if name not in (self.path, self.id, self.group)]


def list_photos(source: Path, named: Named, root: Path, moved: bool, workspace: Workspace) -> Listed:
    """moved: absolute paths are relative to `root`, too. Raises BadInput when a column is missing, or ids repeat."""
    table = read_table(source)
    path = table.find(named.path, usual.PATHS, "path_column")
    id, group = table.find(named.id, usual.IDS), table.find(named.group, usual.GROUPS)
    listed = Listed(table, path, id, group)
    groups = table.labels(group, range(len(table.at))) if group else [None] * len(table.at)
    places: dict[str, int] = {}
    for row in range(len(table.at)):
        name = None
        try:
            written = table.text(path, row, "path")
            name = table.id(id, row) or written
            if not written:
                raise BadRequest("it has no path")
            found = understood(written, root, moved, workspace)
        except BadRequest as error:
            table.refuse(row, f"{table.place(row)}: {error}", name)
            continue
        if name in places:
            raise BadInput(
                f"The id {name!r} stands in {table.place(places[name])} and in {table.place(row)}; ids must be unique."
            )
        places[name] = row
        listed.photos.append({"id": name, "path": found, "group": groups[row], "row": row})
    return listed
