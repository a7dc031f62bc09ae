"""A Parquet file that is written while its source is still being read, by a thread of its own."""

from collections import deque
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_PENDING = 2
"""Parts that wait for the thread at most; each is as large as a row group."""


class Ahead:
    """schema: of all parts. short: columns whose values repeat and are worth an index. Every part is a row group.

    A million texts written beside reading them, and not after it, take 0.75 of the time: once through the spool less
    (`python -m tests.benchmarks text_import`).
    """

    def __init__(self, path: Path, schema: pa.Schema, short: Collection[str]):
        self.path, self.schema, self.short = path, schema, list(short)
        self.n = 0
        self._writer = text_writer(path, schema, self.short)
        self._thread = ThreadPoolExecutor(1)
        self._pending: deque[Future] = deque()

    def takes(self, table: pa.Table) -> bool:
        """Whether all columns of a part are in the file, with their types."""
        return all(name in self.schema.names and self.schema.field(name).type == kind for name, kind in _kinds(table))

    def add(self, table: pa.Table) -> None:
        """Waits while the thread is too far behind. Raises what went wrong there."""
        if len(self._pending) == _PENDING:
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(self._write, table))
        self.n += 1

    def finish(self) -> None:
        """Raises what went wrong."""
        for one in self._pending:
            one.result()
        self.close()

    def close(self) -> None:
        """The file is closed when the thread is done with what it has begun."""
        self._thread.shutdown(cancel_futures=True)
        self._pending.clear()
        self._writer.close()

    def _write(self, part: pa.Table) -> None:
        there = set(part.column_names)
        columns = [part[one.name] if one.name in there else pa.nulls(part.num_rows, one.type) for one in self.schema]
        self._writer.write_table(pa.table(columns, schema=self.schema), row_group_size=part.num_rows)


def text_writer(path: Path, schema: pa.Schema, short: list[str]) -> pq.ParquetWriter:
    """Bounds of long texts would make the file's index larger than a column of numbers, and repeat no text."""
    return pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, use_dictionary=short, write_statistics=short
    )


def _kinds(table: pa.Table) -> list[tuple[str, pa.DataType]]:
    return [(one.name, one.type) for one in table.schema]
