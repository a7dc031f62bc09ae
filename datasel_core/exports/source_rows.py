"""The source's own rows of what was kept, in pick order, with every value as it stands there.

The source is read again, as the pool was read; only the rows of kept samples wait, on disk where they are many.
"""

import contextlib
import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.exports import json_rows
from datasel_core.exports.columns import Columns
from datasel_core.exports.export import SelectionRecord
from datasel_core.exports.still import Still
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.origins import Origin, Original, originals
from datasel_core.pools.readers.tables.table_file import TableFile

_IN_MEMORY = 32 << 20
_ROWS = 1_000
"""Rows that are put together at a time."""


@contextlib.contextmanager
def source_rows(kept: SelectionRecord, progress: Progress) -> Iterator["SourceRows | None"]:
    """None where samples are no rows of a source: a folder of photos, say. Raises BadRequest where the source is gone,
    or is no longer what the pool was read from.
    """
    if kept.pool is None or not set(kept.table["id"].to_pylist()) <= set(kept.pool.ids.tolist()):
        name = kept.manifest["pool"]["name"]
        raise BadRequest(f"The pool {name} is not in the workspace as it was, so {_otherwise(kept)}")
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        try:
            found = _origins(kept, kept.pool, progress)
            rows = None if found is None else SourceRows(found, kept, spool, progress)
        except BadInput as error:
            said = f"The source {kept.pool.source} is not what the pool {kept.pool.name} was read from"
            raise BadRequest(f"{said} ({str(error).rstrip('.')}), so {_otherwise(kept)}") from None
        yield rows


class SourceRows:
    """n: how many there are. is_arrow: whether all are rows of tables that have types, Parquet or Arrow."""

    def __init__(self, origins: Sequence[Origin], kept: SelectionRecord, spool: IO[bytes], progress: Progress):
        self.n, self.is_arrow = len(origins), True
        self._spool, self._kept, self._schemas = spool, kept, list[pa.Schema]()
        # of text where it begins and how long it is; of Arrow where its batch begins, and minus one minus its row
        self._start, self._size = np.zeros(self.n, np.int64), np.zeros(self.n, np.int64)
        still, numbers = Still(kept), Still(kept).numbers()
        track = progress.track(self.n, "reading rows of the source")
        for file, picks in _by_file(origins):
            places, pick_at = [origins[pick].at for pick in picks], {origins[pick].at: pick for pick in picks}
            for at, original in originals(file, places, origins[picks[0]].wanted):
                own = [pick_at[one] for one in at]
                for pick, row in zip(own, _values(original), strict=True):
                    still.check(pick, origins[pick], row)
                self._add(own, original, numbers)
                track.advance(len(at))
        track.finish()

    def texts(self) -> Iterator[str]:
        """Each row as a JSON object in one line. The text of a JSON source is its own, to the letter. Raises BadRequest
        where a row holds bytes.
        """
        odd = 0
        for picks in self._chunks():
            made = self._arrow_values(picks)
            for pick in picks:
                if pick not in made:
                    yield self._text(pick)
                    continue
                text, is_odd = json_rows.of_values(made[pick])
                odd += is_odd
                yield text
        if odd:
            self._kept.notes.append(f"NaN and infinite numbers are null, for JSON has no such numbers ({odd:,} rows).")

    def tables(self) -> Iterator[pa.Table]:
        """All rows, some at a time, with one schema: the source's own types where it has any."""
        if self.is_arrow:
            schema = self._common()
            if schema is not None:
                yield from (self._taken(picks, schema) for picks in self._chunks())
                return
        columns = Columns()
        for rows in self._python():
            columns.look(rows)
        columns.settle(self._python)
        self._kept.notes.extend(columns.notes())
        yield from map(columns.table, self._python())

    def _chunks(self) -> Iterator[range]:
        return (range(at, min(at + _ROWS, self.n)) for at in range(0, self.n, _ROWS))

    def _add(self, picks: list[int], original: Original, numbers: frozenset[str]) -> None:
        self._spool.seek(0, 2)
        start = self._spool.tell()
        if isinstance(original, pa.RecordBatch):
            if original.schema not in self._schemas:
                self._schemas.append(original.schema)
            with pa.ipc.new_stream(self._spool, original.schema) as stream:
                stream.write_batch(original)
            self._start[picks], self._size[picks] = start, -1 - np.arange(len(picks))
            return
        text = original if isinstance(original, str) else json_rows.of_cells(original, numbers)
        written = json_rows.one_line(text).encode("utf-8", "surrogateescape")
        self._spool.write(written)
        self._start[picks[0]], self._size[picks[0]], self.is_arrow = start, len(written), False

    def _text(self, pick: int) -> str:
        self._spool.seek(self._start[pick])
        return self._spool.read(self._size[pick]).decode("utf-8", "surrogateescape")

    def _batches(self, picks: Sequence[int]) -> Iterator[tuple[list[int], pa.RecordBatch]]:
        """(picks, their rows) of those that are rows of tables with types."""
        arrow = sorted((pick for pick in picks if self._size[pick] < 0), key=lambda pick: self._start[pick])
        for start, group in itertools.groupby(arrow, key=lambda pick: self._start[pick]):
            own = list(group)
            self._spool.seek(start)
            batch = pa.ipc.open_stream(self._spool).read_next_batch()
            yield own, batch.take(pa.array(-1 - self._size[own]))

    def _arrow_values(self, picks: Sequence[int]) -> dict[int, dict[str, Any]]:
        return {
            pick: row for own, batch in self._batches(picks) for pick, row in zip(own, batch.to_pylist(), strict=True)
        }

    def _python(self) -> Iterator[list[dict[str, Any]]]:
        """All rows as Python's values."""
        for picks in self._chunks():
            made = self._arrow_values(picks)
            yield [made[pick] if pick in made else json.loads(self._text(pick)) for pick in picks]

    def _common(self) -> pa.Schema | None:
        """The schema of all files; None where they differ in more than what is missing in some."""
        try:
            return pa.unify_schemas(self._schemas)
        except pa.ArrowException:
            return None

    def _taken(self, picks: Sequence[int], schema: pa.Schema) -> pa.Table:
        order, tables = [], []
        for own, batch in self._batches(picks):
            order += own
            tables.append(_filled(pa.Table.from_batches([batch]), schema))
        back = np.argsort(np.array(order))
        return pa.concat_tables(tables).combine_chunks().take(pa.array(back))


def _filled(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """With null where a column is missing."""
    columns = [
        table[one.name] if one.name in table.column_names else pa.nulls(table.num_rows, one.type) for one in schema
    ]
    return pa.table(columns, schema=schema)


def _values(original: Original) -> list[Mapping[str, Any]]:
    """The plain values of each row, to be compared."""
    if isinstance(original, pa.RecordBatch):
        plain = [one.name for one in original.schema if not pa.types.is_nested(one.type)]
        return original.select(plain).to_pylist()
    return [json.loads(original) if isinstance(original, str) else original]


def _origins(kept: SelectionRecord, pool: Pool, progress: Progress) -> list[Origin] | None:
    """Of each pick. Raises BadInput when one is not there."""
    ids = kept.table["id"].to_pylist()
    found = pool.how.origins(pool, ids, progress)
    missing = None if found is None else next((id for id in ids if id not in found), None)
    if missing is not None:
        raise BadInput(f"it has no row {missing!r} any more")
    return None if found is None else [found[id] for id in ids]


def _by_file(origins: Sequence[Origin]) -> Iterator[tuple[TableFile, list[int]]]:
    """Every file with the picks that stand in it, by their places."""
    files = [str(one.file.path) for one in origins]
    order = sorted(range(len(origins)), key=lambda pick: (files[pick], origins[pick].at))
    for _, picks in itertools.groupby(order, key=lambda pick: files[pick]):
        own = list(picks)
        yield origins[own[0]].file, own


def _otherwise(kept: SelectionRecord) -> str:
    shapes = "messages or columns" if kept.kind.texts else "columns"
    return f"its rows cannot leave as they came; add it again, or take --shape {shapes}, which need no source."
