"""A table of pictures, read once: its columns, where its rows stand, and which rows cannot be read and why."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasel_core.errors import BadInput
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.tables import typed, usual
from datasel_core.pools.readers.tables.columnar import schema_of
from datasel_core.pools.readers.tables.files import table_file
from datasel_core.pools.readers.tables.rows import rows
from datasel_core.pools.readers.tables.streams import Position
from datasel_core.pools.readers.tables.table_file import COLUMNAR, DELIMITED, TableFile
from datasel_core.pools.readers.walk import printable


@dataclass
class Table:
    """columns: name -> values, one per row that could be read. at: where each row stands. kinds: types that the file
    declares, if it does. lost: rows that could not be read, as a pool lists them.
    """

    file: TableFile
    columns: dict[str, list[Any]]
    at: list[int] = field(default_factory=list)
    kinds: dict[str, pa.DataType] = field(default_factory=dict)
    lost: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def place(self, row: int) -> str:
        """Where a row stands, in words."""
        return self.file.place(self.at[row])

    def refuse(self, row: int, reason: str, id: str | None = None) -> None:
        """Lists a row that is no sample, by its name, or else by its place."""
        self.lost.append({"id": printable(id or f"{self.file.unit} {self.at[row]}"), "reason": reason})

    def add(self, at: int, row: Mapping[str, Any]) -> None:
        """One more row, which may have columns that no other had."""
        for name in row:
            if name not in self.columns:
                self.columns[name] = [None] * len(self.at)
        self.at.append(at)
        for name, values in self.columns.items():
            values.append(row.get(name))

    def require(self, *names: str | None) -> None:
        """Raises BadInput when a column is not there."""
        missing = next((name for name in names if name is not None and name not in self.columns), None)
        if missing is not None:
            raise BadInput(f"{self.file.name} has no column {missing}; it has: {', '.join(self.columns)}.")

    def find(self, named: str | None, names: tuple[str, ...], option: str = "") -> str | None:
        """The column that was named, else the first of the usual ones, one with text before one with anything else.
        option: says which it is; then it is needed. Raises BadInput when it is not there.
        """
        self.require(named)
        found = [named] if named is not None else usual.candidates(self.columns, names)
        if not found and option:
            raise BadInput(
                f"{self.file.name} has no column {' or '.join(names[:3])}; name one with --option {option}=NAME. It "
                f"has: {', '.join(self.columns)}."
            )
        return next((name for name in found if self._holds_text(name)), found[0] if found else None)

    def _holds_text(self, name: str) -> bool:
        first = next((value for value in self.columns[name] if not typed.is_missing(value)), "")
        return isinstance(first, str | list)

    def id(self, name: str | None, row: int) -> str | None:
        """The name of a row, where it has one. Raises BadValue."""
        try:
            id = typed.id_of(self.columns[name][row]) if name else None
        except typed.BadValue as error:
            raise typed.BadValue(f"its id is {error}") from None
        if id is not None and not id.strip():
            raise typed.BadValue("its id is empty; every sample needs a name of its own")
        return id

    def other_names(self, id: str | None) -> list[str]:
        """A note on the first column that could name the samples too, where none is called `id`."""
        names = usual.candidates(self.columns, usual.OTHER_IDS) if id is None else []
        found = next((name for name in names if self._is_unique(name)), None)
        said = f"the column {found} could name them too: --option id_column={found}."
        return [f"Samples are called by their paths; {said}"] if found else []

    def _is_unique(self, name: str) -> bool:
        values = self.columns[name]
        are_names = all(isinstance(value, str | int) and value != "" for value in values)
        return are_names and len(set(values)) == len(values)

    def text(self, name: str, row: int, word: str) -> str | None:
        """Text of a row, where there is any. Raises BadValue, which calls it by this word."""
        try:
            return typed.text_of(self.columns[name][row])
        except typed.BadValue as error:
            raise typed.BadValue(f"its {word} is {error}") from None

    def labels(self, name: str, taken: Sequence[int]) -> list[str | None]:
        return [typed.label_of(self.columns[name][row]) for row in taken]

    def column(self, name: str, taken: Sequence[int], declared: bool = True) -> pa.Array | pa.ChunkedArray:
        """Some rows of a column. Cells of a CSV are what all of them are; other values are of the type that the file
        declares, or of their own.
        """
        values = [self.columns[name][row] for row in taken]
        if self.file.kind in DELIMITED:
            kind, text = self._guessed(name), pa.array(values, pa.string())
            return text if pa.types.is_string(kind) else typed.converted(text, kind)
        if declared and name in self.kinds:
            with contextlib.suppress(pa.ArrowException, TypeError, ValueError):
                return pa.array(values, self.kinds[name])
        return table_columns.column(values)

    def arrow(self, texts: Sequence[str]) -> pa.Table:
        """All rows and columns; these as the source's own text, unless they hold lists."""
        taken = range(len(self.at))
        columns = {
            name: pa.array(self.labels(name, taken), pa.string())
            if name in texts and not any(isinstance(value, list) for value in self.columns[name])
            else self.column(name, taken)
            for name in self.columns
        }
        written = self.as_written([name for name in self.columns if name not in texts], taken)
        return pa.table(columns | ({} if written is None else {typed.AS_WRITTEN: written}))

    def as_written(self, names: Sequence[str], taken: Sequence[int]) -> pa.Array | None:
        """The source's own text of cells that are kept as numbers: see `typed.AS_WRITTEN`. None where that is not
        needed.
        """
        if self.file.kind not in DELIMITED:
            return None
        changed = [name for name in names if not self._is_exact(name)]
        if not changed:
            return None
        return typed.as_written({name: [self.columns[name][row] for row in taken] for name in changed}, len(taken))

    def _is_exact(self, name: str) -> bool:
        kind = self._guessed(name)
        return all(typed.is_exact(cell, kind) for cell in self.columns[name])

    def _guessed(self, name: str) -> pa.DataType:
        if name not in self.kinds:
            self.kinds[name] = typed.guessed(pa.array(self.columns[name], pa.string()))
        return self.kinds[name]


def read_table(source: Path) -> Table:
    """Raises BadInput when the file is no table, or has no rows."""
    file = table_file(source)
    schema = schema_of(file) if file.kind in COLUMNAR else None
    wanted = frozenset(schema.names) if schema is not None else frozenset()
    table = Table(file, {name: [] for name in schema.names} if schema is not None else {}, kinds=_kinds(schema))
    position = Position()
    for at, row in rows(file, position, wanted):
        if trouble := row if isinstance(row, str) else typed.broken_text(row):
            table.lost.append({"id": f"{file.unit} {at}", "reason": f"{file.place(at)}: {trouble}"})
        else:
            table.add(at, usual.without_ours(row))
    for name in position.names:
        table.columns.setdefault(name, [])
    if all(map(typed.is_missing, table.columns.get(usual.OURS, [0]))):
        del table.columns[usual.OURS]
    if not table.at:
        said = f"None of the {len(table.lost):,} rows in {source.name} can be read{first_of(table.lost)}."
        raise BadInput(said if table.lost else f"{source.name} has no rows.")
    table.notes += position.notes
    return table


def _kinds(schema: pa.Schema | None) -> dict[str, pa.DataType]:
    return {one.name: one.type for one in schema} if schema is not None else {}


def first_of(lost: list[dict[str, str]]) -> str:
    """The first that was left out and why, for the end of an error line."""
    if not lost:
        return ""
    id, reason = lost[0]["id"], lost[0]["reason"]
    return f" ({reason})" if reason.startswith(id) else f" ({id}: {reason})"
