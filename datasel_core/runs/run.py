"""One question and its answer: a folder. What lies in it, and the clusters that a method chose from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput
from datasel_core.methods.selection import Selection
from datasel_core.runs import manifest
from datasel_core.workspace.files import writing

FILE = "clusters.parquet"


def write_clusters(folder: Path, clusters: np.ndarray) -> str:
    """clusters: (n,) int over the pool, -1 where none. One line per row that has a cluster. Returns the name of the
    file.
    """
    rows = np.flatnonzero(clusters >= 0)
    with writing(folder / FILE) as temporary:
        pq.write_table(
            pa.table({"row": rows, "cluster": clusters[rows].astype(np.int32)}), temporary, compression="zstd"
        )
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


@dataclass(frozen=True)
class Run:
    """One question and its answer: a folder."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def key(self) -> str:
        return self.folder.name

    @property
    def table(self) -> pa.Table:
        """id, rank, score, count, why and the pool's columns, in pick order."""
        return manifest.kept_table(self.folder)

    @property
    def ids(self) -> list[str]:
        """The kept ids in pick order."""
        return self.table["id"].to_pylist()

    @property
    def selection(self) -> Selection:
        """The same as arrays: rows of the pool as it was."""
        table = self.table
        scores = np.full(self.manifest["pool"]["n"], np.nan)
        rows = table["row"].to_numpy()
        scores[rows] = table["score"].to_numpy(zero_copy_only=False)
        whys = [json.loads(text) if text else {} for text in table["why"].to_pylist()]
        names = list(dict.fromkeys(name for why in whys for name in why))
        why = {name: np.array([why.get(name) for why in whys]) for name in names}
        return Selection(
            rows, table["count"].to_numpy(), scores, why, self.clusters, self.manifest["result"].get("facts", {})
        )

    @property
    def clusters(self) -> np.ndarray | None:
        """(n,) int, the cluster of every row of the pool as it was, -1 where none; None when the method made no
        clusters. Raises BadInput.
        """
        return read_clusters(self.folder, self.manifest["pool"]["n"]) if FILE in self.manifest["files"] else None
