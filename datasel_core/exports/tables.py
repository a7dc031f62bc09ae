"""Tables: one row per kept sample, in pick order."""

import csv
import json
import unicodedata
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.table_file import DELIMITED, kind_of


@export_format("csv", version=1, title="CSV")
class Csv(Export):
    """For spreadsheets. Cells of a pool from a CSV are written as they stand there. Text cells that begin with = + - @
    get a leading apostrophe, so that no spreadsheet runs them.
    """

    suffix: ClassVar = ".csv"

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return 55 if kind_of(pool.source.name) in DELIMITED and not pool.how.texts else 4

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        table, written = kept.plain(), iter(kept.as_written())
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([harmless(name) for name in table.column_names])
            for batch in table.to_batches(max_chunksize=10_000):
                progress.check()
                for row, said in zip(batch.to_pylist(), written, strict=False):
                    # the text of a number is no formula
                    writer.writerow([said.get(name) or harmless(value) for name, value in row.items()])


def harmless(cell: Any) -> Any:
    """A cell that a spreadsheet shows and never runs (OWASP, CSV injection)."""
    if isinstance(cell, float) and cell != cell:
        return ""
    if isinstance(cell, list | dict):
        cell = json.dumps(cell, ensure_ascii=False)
    return f"'{cell}" if isinstance(cell, str) and _may_run(cell) else cell


def _may_run(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula: what it sees first is a sign, of any width, or it begins
    with a character that may be dropped on the way.
    """
    if text[:1].isalnum():  # nearly all cells
        return False
    if text[:1] in ("\t", "\r", "\n"):
        return True
    seen = next((letter for letter in text if unicodedata.category(letter)[0] not in "CZ"), "")
    return unicodedata.normalize("NFKC", seen)[:1] in ("=", "+", "-", "@")


@export_format("ids", version=1, title="Ids, one a line")
class Ids(Export):
    """The kept ids in pick order, one a line, UTF-8."""

    suffix: ClassVar = ".txt"

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return 3

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        ids = kept.table["id"].to_pylist()
        broken = next((id for id in ids if "\n" in id or "\r" in id), None)
        if broken is not None:
            raise BadRequest(
                f"The id {broken!r} holds a line break, so a list of lines would be wrong; export jsonl or parquet."
            )
        path.write_text("".join(id + "\n" for id in ids), encoding="utf-8", newline="\n")
