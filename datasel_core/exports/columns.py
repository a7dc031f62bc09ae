"""Rows of plain and nested values as tables with types: those that hold every value as it is, else text."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from datasel_core.pools.readers import table_columns

Rows = list[dict[str, Any]]


class Columns:
    """Call `look` with all rows, some at a time, then `settle`; then `table` makes tables of one schema of them."""

    def __init__(self) -> None:
        self._kinds: dict[str, pa.DataType] = {}
        self._seen: dict[str, int] = {}
        self._mixed: set[str] = set()
        self._unsure: set[str] = set()

    def look(self, rows: Rows) -> None:
        for name in dict.fromkeys(name for row in rows for name in row):
            try:
                kind = pa.array([row.get(name) for row in rows]).type
                before = self._kinds.get(name, kind)
                both = pa.unify_schemas(
                    [pa.schema([(name, one)]) for one in (before, kind)], promote_options="permissive"
                )
            except (ValueError, TypeError, OverflowError, pa.ArrowException):
                self._mixed.add(name)
                self._kinds.setdefault(name, pa.string())
                continue
            if before != kind:
                self._unsure.add(name)
            self._kinds[name] = both.field(0).type

    def settle(self, again: Callable[[], Iterator[Rows]]) -> None:
        """again: gives all rows once more; asked for only where parts differ, for a common type may not hold all."""
        self._mixed |= {name for name, kind in self._kinds.items() if table_columns.is_hollow(kind)}
        unsure = self._unsure - self._mixed
        for rows in again() if unsure else ():
            for name in unsure - self._mixed:
                values = [row.get(name) for row in rows]
                try:
                    pa.array(values, self._kinds[name])
                except (ValueError, TypeError, OverflowError, pa.ArrowException):
                    self._mixed.add(name)
        self.schema = pa.schema(
            [(name, pa.string() if name in self._mixed else kind) for name, kind in self._kinds.items()]
        )

    def table(self, rows: Rows) -> pa.Table:
        columns = []
        for name, kind in zip(self.schema.names, self.schema.types, strict=True):
            values = [row.get(name) for row in rows]
            if name in self._mixed:
                values = [None if value is None else table_columns.as_text(value) for value in values]
            columns.append(pa.array(values, kind))
        return pa.table(columns, schema=self.schema)

    def notes(self) -> list[str]:
        if not self._mixed:
            return []
        names = ", ".join(sorted(self._mixed)[:10])
        return [f"Columns whose values are of several types are JSON text, for a column has one type: {names}."]
