"""A list of samples that a person marked, such as a region of the map, kept as a selection."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.methods.selection import Selection
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.runs.candidates import find_earlier
from datasel_core.runs.derivations.derivation import Derivation, derivation
from datasel_core.runs.derived import Made, derive
from datasel_core.runs.run import Run
from datasel_core.workspace.layout import Workspace

BESIDE = "list"
"""What the table beside the manifest is called that holds the ids."""


@derivation("listed", version=1, title="marked by hand")
class Listed(Derivation):
    """Every sample of the list, in pool order."""

    ids_sha256: str = Field(description="Of the list.")
    holds: str = Field("", description="What the list holds, in words.")

    def again(self, tables: Mapping[str, pa.Table]) -> list[str]:
        return tables[BESIDE]["id"].to_pylist()

    def called(self, budget: int | str) -> str:
        return f"{self.holds or self.title}, {budget}"

    def words(self) -> str:
        return self.holds or self.title


def keep_list(workspace: Workspace, pool: str, value: str, words: str = "", progress: Progress | None = None) -> Run:
    """value: of a list, as `within` of a question names it (`lists/HASH.parquet`). words: what it holds. Samples that
    are set aside are kept too: a person marked them. Raises BadRequest where the list is not one of the pool.
    """
    return derive(workspace, made_of(workspace, pool, value, words), progress)


def made_of(workspace: Workspace, pool: str, value: str, words: str = "") -> Made:
    """The same, before anything is written."""
    there = load_pool(workspace, pool)
    listed = find_earlier(workspace, there, value, "within")
    rows = np.sort(there.rows(listed.ids))
    sha = listed.about["ids_sha256"]
    return Made(
        Listed(ids_sha256=sha, holds=words),
        there,
        Selection(rows, np.ones(len(rows), np.int64), np.full(there.n, np.nan), {}),
        {"listed": sha, "pool": there.name, "table": there.table_sha256},
        command=f"python -m datasel_core keep {pool} {value}",
        beside={BESIDE: pa.table({"id": pa.array(there.ids[rows].tolist(), pa.string())})},
        aside=holdout.of(there),
    )
