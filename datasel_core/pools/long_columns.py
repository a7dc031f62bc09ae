"""Long columns of a pool: they stay in its file, and are read where they are asked for."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput

_CACHED = 32
"""Row groups of one column that wait for the next to ask; each holds a few hundred kilobytes, or one sample that is
larger.
"""


class Texts:
    """names: the long columns of a Parquet file, in its order.

    The file is opened once: a pool that was read before its source was added again goes on giving the texts of its own
    rows. Any thread may ask.
    """

    def __init__(self, path: Path, long: Sequence[str]):
        self._path = path
        self._file = pq.ParquetFile(pa.OSFile(str(path)))
        self.all_names: list[str] = self._file.schema_arrow.names
        self.names = tuple(name for name in self.all_names if name in long)
        about = self._file.metadata
        self._starts = np.concatenate(
            [[0], np.cumsum([about.row_group(at).num_rows for at in range(about.num_row_groups)], dtype=np.int64)]
        )
        self._cached: OrderedDict[tuple[int, str], pa.ChunkedArray] = OrderedDict()
        self._lock = threading.Lock()

    def table(self) -> pa.Table:
        """All the other columns."""
        with self._lock:
            return self._checked(
                lambda: self._file.read([name for name in self.all_names if name not in self.names])
            ).combine_chunks()

    def value(self, name: str, row: int) -> Any:
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._column(group, name)[row - int(self._starts[group])].as_py()

    def whole(self, name: str) -> pa.ChunkedArray:
        """(n,) one column. It is as large as it is."""
        with self._lock:
            return self._checked(lambda: self._file.read([name]))[name]

    def take(self, names: Sequence[str], rows: np.ndarray) -> dict[str, pa.ChunkedArray]:
        """(len(rows),) of each column, in the order of `rows`. Every row group is read once; no more than one, beside
        the answer, is in memory.
        """
        order = np.argsort(rows, kind="stable")
        sorted_rows = rows[order]
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        edges = np.searchsorted(sorted_rows, self._starts)
        parts: dict[str, list[pa.Array]] = {name: [] for name in names}
        for group in np.flatnonzero(np.diff(edges)):
            inside = pa.array(sorted_rows[edges[group] : edges[group + 1]] - self._starts[group])
            read = self._read(int(group), list(names))
            for name in names:
                parts[name] += read[name].take(inside).chunks
        return {
            name: _reordered(chunks, self._file.schema_arrow.field(name).type, back) for name, chunks in parts.items()
        }

    def batches(self, names: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
        """(first row, some columns) from front to back, a row group at a time."""
        for group, start in enumerate(self._starts[:-1].tolist()):
            yield start, self._read(group, list(names))

    def _column(self, group: int, name: str) -> pa.ChunkedArray:
        with self._lock:
            if (group, name) not in self._cached:
                # What is asked of one text of a row is soon asked of the others.
                read = self._checked(lambda: self._file.read_row_group(group, list(self.names)))
                self._cached |= {(group, each): read[each] for each in self.names}
                while len(self._cached) > _CACHED * len(self.names):
                    self._cached.popitem(last=False)
            self._cached.move_to_end((group, name))
            return self._cached[group, name]

    def _read(self, group: int, names: list[str]) -> pa.Table:
        with self._lock:
            return self._checked(lambda: self._file.read_row_group(group, names))

    def _checked(self, read: Any) -> pa.Table:
        try:
            return read()
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{self._path} is damaged ({str(error).splitlines()[0]}); add the pool again.") from None


def _reordered(chunks: list[pa.Array], kind: pa.DataType, back: np.ndarray) -> pa.ChunkedArray:
    """Text of more than 2 GB does not fit into one array of Arrow's `string`."""
    wide = pa.types.is_string(kind) and sum(chunk.nbytes for chunk in chunks) > 1 << 30
    kind = pa.large_string() if wide else kind
    whole = pa.chunked_array([chunk.cast(kind) for chunk in chunks], kind).combine_chunks()
    taken = whole.take(pa.array(back))
    return taken if isinstance(taken, pa.ChunkedArray) else pa.chunked_array([taken], kind)
