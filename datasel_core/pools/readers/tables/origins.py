"""Where samples stand in their source, and the rows there as they are: text of JSON, cells of CSV, or Arrow batches."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from datasel_core.errors import BadInput
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.tables.columnar import rows_at
from datasel_core.pools.readers.tables.rows import rows
from datasel_core.pools.readers.tables.streams import Position
from datasel_core.pools.readers.tables.table_file import COLUMNAR, DELIMITED, TableFile

Original = str | Mapping[str, str] | pa.RecordBatch
"""The text of a JSON object, the cells of one row of a CSV, or rows of a table of columns."""


class Origin(NamedTuple):
    """The row of a sample. at: its place in the file, as readers count, from 1. said: columns of the pool as they come
    out of that row now, by which a source that was changed is known. wanted: what the reader was asked for.
    """

    file: TableFile
    at: int
    said: Mapping[str, Any] = {}
    wanted: frozenset[str] = frozenset()


def originals(file: TableFile, places: Sequence[int], wanted: frozenset[str]) -> Iterator[tuple[list[int], Original]]:
    """(places, what stands there), from front to back, read no further than needed; one place, but for batches.

    places: sorted, each once. wanted: as the pool's reader asks for it. Raises BadInput when a place is not there.
    """
    left = len(places)
    if file.kind in COLUMNAR:
        for at, batch in rows_at(file, places):
            left -= len(at)
            yield list(at), batch
    else:
        asked = set(places)
        position = Position(passes=lambda at: at not in asked)
        for at, row in rows(file, position, wanted):
            if at in asked and isinstance(row, dict):
                left -= 1
                yield [at], _as_written(file, row, position)
            if not left:
                break
    if left:
        raise BadInput(f"{file.name} has fewer rows than before")


def _as_written(file: TableFile, row: Mapping[str, Any], position: Position) -> Original:
    if file.kind in DELIMITED:
        return row
    return table_columns.as_text(row) if position.text is None else position.text
