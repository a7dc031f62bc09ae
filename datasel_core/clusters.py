"""The clusters that a method chose from, kept beside the run: which cluster every sample was in, kept or dropped."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core import store
from datasel_core.errors import BadInput

FILE = "clusters.parquet"


def write_clusters(folder: Path, clusters: np.ndarray) -> str:
    """clusters: (n,) int over the pool, -1 where none. One line per row that has a cluster. Returns the name of the file."""
    rows = np.flatnonzero(clusters >= 0)
    with store.writing(folder / FILE) as temporary:
        pq.write_table(pa.table({"row": rows, "cluster": clusters[rows].astype(np.int32)}), temporary, compression="zstd")
    return FILE


def read_clusters(folder: Path, n: int) -> np.ndarray:
    """(n,) int over the pool, -1 where none. Raises BadInput when the file is missing or damaged."""
    try:
        table = pq.read_table(folder / FILE)
        clusters = np.full(n, -1)
        clusters[table["row"].to_numpy()] = table["cluster"].to_numpy()
    except (OSError, KeyError, IndexError, pa.ArrowException) as error:
        raise BadInput(f"{folder / FILE} cannot be read: {str(error).splitlines()[0]}.") from None
    return clusters
