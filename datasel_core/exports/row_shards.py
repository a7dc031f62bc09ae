"""Rows in several Parquet files that are read as one: all have the same columns, of the same types."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


class Whole:
    """All rows in one file, made when the first part of it is asked for, and gone with this object: what types hold
    them all is known only when all were seen.
    """

    def __init__(self, make: Callable[[Path], None], times: np.ndarray):
        """make: writes the file. times: (n,) how often the row of each pick stands in it, in pick order."""
        self.make, self._ends = make, np.cumsum(times)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def write(self, picks: np.ndarray, path: Path) -> None:
        """The rows of these picks, in pick order, as a file of their own."""
        wanted = np.zeros(self._ends[-1], bool)
        for start, end in zip((self._ends - np.diff(self._ends, prepend=0))[picks], self._ends[picks], strict=True):
            wanted[start:end] = True
        with pq.ParquetFile(self._path) as file, pq.ParquetWriter(path, file.schema_arrow, compression="zstd") as part:
            at = 0
            for group in range(file.num_row_groups):
                n = file.metadata.row_group(group).num_rows
                if (own := wanted[at : at + n]).any():
                    part.write_table(file.read_row_group(group).filter(pa.array(own)))
                at += n

    @functools.cached_property
    def _path(self) -> Path:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "rows.parquet"
        self.make(path)
        return path
