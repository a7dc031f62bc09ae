"""What an export format is: one way to hand a selection to another tool."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from datasel_core.base.declare import Declared
from datasel_core.base.progress import Progress
from datasel_core.base.registry import declares
from datasel_core.exports import guard
from datasel_core.pools.changed import Changes
from datasel_core.pools.readers.tables.typed import AS_WRITTEN
from datasel_core.workspace.layout import Workspace

export_format = declares("export format")


@dataclass(frozen=True)
class SelectionRecord:
    """table: selection.parquet. manifest: manifest.json. media: `path` -> the file, which must lie under an allowed
    root; None when the pool is gone. workspace: whose pools' sources are never written over. changes: which of the
    kept photos are others by now.
    """

    table: pa.Table
    manifest: dict[str, Any]
    media: Callable[[str], Path] | None
    workspace: Workspace = field(default_factory=Workspace.at)
    changes: Callable[[Progress], Changes] = lambda progress: Changes()

    def plain(self) -> pa.Table:
        """The columns people want: without the row number, the content hash, and how numbers were written."""
        inner = ("row", "content", AS_WRITTEN)
        return self.table.drop_columns([name for name in inner if name in self.table.column_names])

    def as_written(self) -> list[Mapping[str, str]]:
        """The source's own text of values that are kept as numbers or truth values, row by row, by column; a CSV has
        such.
        """
        if AS_WRITTEN not in self.table.column_names:
            return [{}] * self.table.num_rows
        return [json.loads(said) if said else {} for said in self.table[AS_WRITTEN].to_pylist()]


class Export(Declared):
    """Formats of one file implement `make`, those of a folder `contents`; `write` does the rest, the same for all."""

    suffix: ClassVar[str] = ""
    """Of the file; empty for formats that make a folder."""

    def write(self, kept: SelectionRecord, out: str | os.PathLike, progress: Progress, overwrite: bool = False) -> Path:
        """Makes the file, or the files of the folder, each all at once; returns where.

        overwrite: what others wrote may be replaced. Raises BadRequest before anything is written when it must not be
        written there.
        """
        if not self.suffix:
            return guard.fill(kept.workspace, out, self.contents(kept, progress), progress, overwrite)
        with guard.new_file(kept.workspace, out, overwrite) as (path, temporary):
            self.make(kept, temporary, progress)
        return path

    def notes(self, kept: SelectionRecord, out: Path) -> list[str]:
        """What a person should know of what was written to `out`."""
        return []

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        """Writes the file; `path` is a temporary one, which takes its place when it is whole."""
        raise TypeError(f"{type(self).__name__} must implement make.")

    def contents(self, kept: SelectionRecord, progress: Progress) -> guard.Contents:
        """What the folder is to hold, manifest.json last. Nothing is written here."""
        raise TypeError(f"{type(self).__name__} must implement contents.")
