"""JSON lines: one object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.base.progress import Progress
from datasel_core.exports import json_rows
from datasel_core.exports.export import SelectionRecord, export_format
from datasel_core.exports.rows import WEIGHT, Rows, taken
from datasel_core.exports.shapes import Shaped
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.usual import OURS, is_ours


@export_format("jsonl", version=2, title="JSON lines")
class JsonLines(Rows):
    """One JSON object per kept sample and line, as the source has it; for scripts and training tools."""

    suffix: ClassVar = ".jsonl"

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return 60 if pool.how.texts else 50 if pool.kind == "pairs" else 6

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        times = self.times(kept)
        with (
            self.rows(kept, progress) as rows,
            open(path, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file,
        ):
            if rows is None:
                lines = self._of_columns(kept)
            elif isinstance(rows, Shaped):
                lines = map(json_rows.with_keys, map(json_rows.dumped, rows.rows()), self.said(kept))
            else:
                lines = self._spliced(kept, rows.texts())
            for line, count in zip(progress.over(lines, len(times), "writing rows"), times.tolist(), strict=True):
                for _ in range(count):
                    file.write(line + "\n")
            kept.notes.extend(rows.notes() if isinstance(rows, Shaped) else ())

    def _spliced(self, kept: SelectionRecord, texts: Iterator[str]) -> Iterator[str]:
        """The source's own text with our keys at its end. Those that an earlier export wrote give way."""
        earlier = 0
        for text, keys in zip(texts, self.said(kept), strict=True):
            may_have = any(f'"{name}"' in text for name in keys) or "\\u00" in text  # letters may be escaped
            row = json.loads(text) if keys and may_have else {}
            if WEIGHT in keys and WEIGHT in row:
                raise taken(WEIGHT)
            if OURS in keys and OURS in row:
                if not is_ours(row[OURS]):
                    raise taken(OURS)
                text, earlier = json_rows.without(text, OURS), earlier + 1
            yield json_rows.with_keys(text, keys)
        if earlier:
            kept.notes.append(replaced(earlier))

    def _of_columns(self, kept: SelectionRecord) -> Iterator[str]:
        table = self.columns(kept)
        lists = {"messages"} & kept.kind.texts.keys()
        for batch in table.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                if "why" in row:
                    row["why"] = json.loads(row["why"] or "{}")
                row |= {name: json.loads(row[name]) for name in lists & row.keys() if row[name] is not None}
                yield json_rows.dumped(_plain(row))


def replaced(count: int) -> str:
    return f"What an earlier export said under {OURS} gave way to what is said now ({count:,} rows)."


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of a pool, of which a missing number may be NaN."""
    return json_rows.finite(row)
