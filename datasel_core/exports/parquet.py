"""Parquet, with the source's own types."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.exports.columns import Columns
from datasel_core.exports.export import SelectionRecord, export_format
from datasel_core.exports.jsonl import replaced
from datasel_core.exports.rows import WEIGHT, Rows, taken
from datasel_core.exports.shapes import Shaped
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.table_file import COLUMNAR, kind_of
from datasel_core.pools.readers.tables.usual import OURS, is_ours

_ROWS = 1_000
_SAID = pa.struct(
    [
        ("id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("count", pa.int64()),
        ("why", pa.string()),
    ]
)


@export_format("parquet", version=2, title="Parquet")
class Parquet(Rows):
    """One row per kept sample with the source's own columns and types; for pandas, DuckDB, Spark."""

    suffix: ClassVar = ".parquet"

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return 61 if kind_of(pool.source.name) in COLUMNAR else 5

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        times = self.times(kept)
        with self.rows(kept, progress) as rows:
            if rows is None:
                tables = _parts(self.columns(kept))
            else:
                found = _tables(rows) if isinstance(rows, Shaped) else rows.tables()
                tables = self._with_keys(kept, found)
            done, writer = 0, None
            try:
                for table in progress.over(tables, -(-len(times) // _ROWS), "writing rows (thousands)"):
                    own = times[done : done + table.num_rows]
                    done += table.num_rows
                    if (own > 1).any():
                        table = table.take(pa.array(np.repeat(np.arange(len(own)), own)))
                    writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
                    writer.write_table(table)
            finally:
                if writer is not None:
                    writer.close()
            kept.notes.extend(rows.notes() if isinstance(rows, Shaped) else ())

    def _with_keys(self, kept: SelectionRecord, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        said, earlier = self.said(kept), 0
        for table in tables:
            keys = list(itertools.islice(said, table.num_rows))
            for name in keys[0]:
                if name in table.column_names:
                    if name == WEIGHT or not all(one is None or is_ours(one) for one in table[name].to_pylist()):
                        raise taken(name)
                    earlier += table.num_rows - table[name].null_count
                    table = table.drop_columns([name])
                table = table.append_column(name, _column(name, [one[name] for one in keys]))
            yield table
        if earlier:
            kept.notes.append(replaced(earlier))


def _column(name: str, values: list[Any]) -> pa.Array:
    if name != OURS:
        return pa.array(values, pa.int64())
    return pa.array([{**one, "why": json.dumps(one["why"], ensure_ascii=False)} for one in values], _SAID)


def _tables(shaped: Shaped) -> Iterator[pa.Table]:
    """Rows in a shape, with types that hold them all."""

    def parts() -> Iterator[list[dict[str, Any]]]:
        rows = shaped.rows()
        return iter(lambda: list(itertools.islice(rows, _ROWS)), [])

    columns = Columns()
    for part in parts():
        columns.look(part)
    columns.settle(parts)
    yield from map(columns.table, parts())


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    return (table.slice(at, _ROWS) for at in range(0, table.num_rows, _ROWS))
