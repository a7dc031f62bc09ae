"""What formats of rows have in common: in which shape rows leave, and what is said beside them of their being kept."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports import json_rows
from datasel_core.exports.export import Export, SelectionRecord
from datasel_core.exports.llama_factory import NAME, dataset_info
from datasel_core.exports.shapes import Shaped
from datasel_core.exports.source_rows import SourceRows, source_rows
from datasel_core.pools.readers.tables.usual import OURS

OWN = ("rank", "score", "count", "why")
"""What is said of a kept sample."""
WEIGHT = "weight"
NO_ROWS = "The samples are no rows of a source of their own, so the columns of the pool are written."


class Rows(Export):
    """One row per kept sample, in pick order."""

    shape: Literal["as_is", "messages", "prompt_completion", "alpaca", "sharegpt", "preference", "columns"] = Field(
        "as_is",
        description="As the source has its rows, with every value as it stands there; or in a shape of training tools; "
        "or the columns of the pool. Samples that are no rows, such as photos of a folder, have columns only.",
        json_schema_extra=spoken({"as_is": "as it is", "prompt_completion": "prompt and completion"}),
    )
    datasel: bool = Field(
        True,
        title="Say why",
        description=f"Beside each row, under the key {OURS}: the sample's id, and its rank, score, count and why.",
    )
    repeats: Literal["rows", "weight", "once"] = Field(
        "rows",
        description="A sample that a method drew several times stands so often; or once, with its count under the key "
        f"{WEIGHT}; or just once.",
    )
    dataset_info: bool = Field(
        False,
        title="LLaMA-Factory",
        description=f"Write {NAME} beside the file, which tells LLaMA-Factory what its columns are; for other shapes "
        "than as it is and columns.",
    )

    def has_more(self) -> bool:
        return self.dataset_info

    def beside(self, kept: SelectionRecord, name: str) -> dict[str, bytes]:
        if not self.dataset_info:
            return {}
        table = kept.table
        filled = [one for one in table.column_names if table[one].null_count < table.num_rows]
        return {NAME: (json.dumps(dataset_info(self.shape, name, filled), indent=2) + "\n").encode()}

    def check_suited(self, kept: SelectionRecord) -> None:
        super().check_suited(kept)
        if self.shape not in ("as_is", "columns") and not kept.kind.texts:
            raise BadRequest(f"The shape {self.shape} is one of texts, and these samples are none; take --shape as_is.")
        self.beside(kept, "")

    @contextlib.contextmanager
    def rows(self, kept: SelectionRecord, progress: Progress) -> Iterator[SourceRows | Shaped | None]:
        """Rows of the source, or in another shape; None where only columns are left to write. Raises BadRequest."""
        if self.shape == "columns":
            yield None
        elif self.shape != "as_is":
            yield Shaped(kept.as_texts(), self.shape)
        else:
            with source_rows(kept, progress) as found:
                if found is None:
                    kept.notes.append(NO_ROWS)
                yield found

    def said(self, kept: SelectionRecord) -> Iterator[dict[str, Any]]:
        """The keys that stand at the end of each row."""
        names = [name for name in ("id", *OWN) if name in kept.table.column_names]
        for batch in kept.table.select(names).to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                keys = {WEIGHT: row.get("count", 1)} if self.repeats == "weight" else {}
                if self.datasel:
                    keys[OURS] = json_rows.finite({**row, "why": json.loads(row.get("why") or "{}")})
                yield keys

    def times(self, kept: SelectionRecord) -> np.ndarray:
        """(n,) how often each row is written; a person is told where any stands more than once."""
        if self.repeats != "rows" or "count" not in kept.table.column_names:
            return np.ones(kept.table.num_rows, np.int64)
        found = kept.table["count"].to_numpy().astype(np.int64)
        if several := int((found > 1).sum()):
            kept.notes.append(
                f"{several:,} samples were drawn several times and stand so often, {found.sum():,} rows in all; "
                "--set repeats=once writes each once."
            )
        return found

    def columns(self, kept: SelectionRecord) -> pa.Table:
        """The columns of the pool, and what is said of each sample."""
        table = kept.plain()
        if self.repeats == "weight":
            count = table["count"] if "count" in table.column_names else np.ones(table.num_rows, np.int64)
            table = table.append_column(_free(table.column_names, WEIGHT), count)
        own = [] if self.datasel else [name for name in OWN if name in table.column_names]
        return table.drop_columns(own)


def _free(names: list[str], name: str) -> str:
    """The name, which must not be there. Raises BadRequest."""
    if name in names:
        raise taken(name)
    return name


def taken(name: str) -> BadRequest:
    """A key of ours would hide one of the source."""
    other = "leave ours out with --no-datasel" if name == OURS else "take --set repeats=rows or repeats=once"
    return BadRequest(f"The rows have a {name} of their own, which is not ours; {other}.")
