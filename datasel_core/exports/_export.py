"""What an export format is: one way to hand a selection to another tool."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from datasel_core.declare import Declared
from datasel_core.progress import Progress
from datasel_core.registry import declares

export_format = declares("export format")


@dataclass(frozen=True)
class Kept:
    """table: selection.parquet. manifest: manifest.json. media: `path` -> the file, which must lie under an allowed root;
    None when the pool is gone."""

    table: pa.Table
    manifest: dict[str, Any]
    media: Callable[[str], Path] | None

    def plain(self) -> pa.Table:
        """The columns people want: without the row number and the content hash."""
        return self.table.drop_columns([name for name in ("row", "content") if name in self.table.column_names])


class Export(Declared):
    """`write` makes the file (or folder) all at once and returns it."""

    suffix: ClassVar[str] = ""
    """Of the file; empty for formats that make a folder."""

    def write(self, kept: Kept, out: Path, progress: Progress) -> Path:
        raise TypeError(f"{type(self).__name__} must implement write.")
