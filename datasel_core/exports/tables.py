"""Tables: one row per kept sample, in pick order."""

import csv
import json
import math
import unicodedata
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.export import Export, SelectionRecord, export_format


@export_format("parquet", version=1, title="Parquet")
class Parquet(Export):
    """One row per kept sample with all columns; for pandas, DuckDB, Spark."""

    suffix: ClassVar = ".parquet"

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        pq.write_table(kept.plain(), path, compression="zstd")


@export_format("jsonl", version=1, title="JSON lines")
class JsonLines(Export):
    """One JSON object per kept sample and line; for scripts and training tools."""

    suffix: ClassVar = ".jsonl"

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        lists = (
            {"messages"} if kept.manifest["pool"]["kind"] == "text" else set()
        )  # stored as text, written as training tools read them
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            for batch in kept.plain().to_batches(max_chunksize=10_000):
                progress.check()
                for row in batch.to_pylist():
                    row["why"] = json.loads(row["why"] or "{}")
                    row |= {name: json.loads(row[name]) for name in lists & row.keys() if row[name] is not None}
                    file.write(json.dumps(_plain(row), ensure_ascii=False, default=str, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    """The same without NaN and infinity, which JSON does not have: null."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@export_format("csv", version=1, title="CSV")
class Csv(Export):
    """For spreadsheets. Cells of a pool from a CSV are written as they stand there. Text cells that begin with = + - @
    get a leading apostrophe, so that no spreadsheet runs them.
    """

    suffix: ClassVar = ".csv"

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

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        ids = kept.table["id"].to_pylist()
        broken = next((id for id in ids if "\n" in id or "\r" in id), None)
        if broken is not None:
            raise BadRequest(
                f"The id {broken!r} holds a line break, so a list of lines would be wrong; export jsonl or parquet."
            )
        path.write_text("".join(id + "\n" for id in ids), encoding="utf-8", newline="\n")
