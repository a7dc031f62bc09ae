"""Photos: a folder, whose sub-folders are groups, or a table with a path column."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.media import photos, pictures
from datasel_core.pools.media.pictures import KeptFile, Look
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers import photo_folder, tables
from datasel_core.pools.readers.walk import printable
from datasel_core.pools.scan import Scan, check_ids
from datasel_core.workspace.layout import Workspace


@pool_kind("images", version=1, title="Photos")
class Images(PoolKind):
    """A folder of photos (sub-folder = group), or a CSV, JSONL or Parquet table with the paths of photos.

    Every file is read once: those that cannot be opened are listed with the reason and left out. In a folder, linked
    sub-folders are followed where they lead below an allowed folder; pictures that look like label masks have `mask`.
    """

    path_column: str = Field("path", description="Table column with the photo's path, relative to the table's folder.")
    id_column: str = Field("id", description="Table column with the sample's name; the path where there is none.")
    group_column: str = Field("group", description="Table column that says which group a photo belongs to.")
    leave_out: str | None = Field(
        None, description="Folder: sub-folders whose photos are left out, with commas between them, as in labels,masks."
    )

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        """Every photo below the folder, or below the table's: the table may name some that could not be read."""
        folder = source if source.is_dir() else source.parent
        return file == source or (folder in file.parents and file.suffix.lower() in photos.SUFFIXES)

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        if not source.exists():
            raise BadInput(f"There is no file or folder {source}.")
        if source.is_dir():
            return photo_folder.scan_folder(source, self.leave_out, workspace, progress)
        if self.leave_out is not None:
            raise BadInput(f"The option leave_out names sub-folders; {source.name} is a file. Leave it out.")
        rows, stamps, unreadable = _table_rows(source.parent, self._list_table(source), workspace, progress)
        photo_folder.check_some(source, rows, unreadable)
        columns = {name: [row.get(name) for row in rows] for name in rows[0]}
        return Scan(pa.table(columns), source.parent, unreadable, stamps=stamps)

    def offers(self, pool: Pool) -> frozenset[str]:
        return frozenset({"image"})

    def media(self, pool: Pool, row: int) -> KeptFile:
        return KeptFile(pool.path(row), pool.table["content"][row].as_py(), stamp=pool.stamp(row))

    def check(self, pool: Pool, row: int) -> None:
        self.media(pool, row).check()

    def open(self, pool: Pool, row: int, **hints: Any) -> Any:
        return photos.open_photo(self.media(pool, row), **hints)

    def _list_table(self, source: Path) -> list[dict[str, Any]]:
        table = tables.read_table(source, (self.id_column, self.path_column, self.group_column))
        tables.require_columns(table, source, (self.path_column,))
        tables.named_columns(self, table, source)
        rows = []
        for at, row in enumerate(table.to_pylist()):
            own = {
                "path": row.pop(self.path_column),
                "id": row.pop(self.id_column, None),
                "group": row.pop(self.group_column, None),
            }
            row = {**row, **own}  # the columns that were named win over others called path, id or group
            if not row["path"]:
                raise BadInput(f"Row {at + 1} of {source.name} has no path.")
            row["id"] = row["path"] if row.get("id") is None else row["id"]
            rows.append({"id": row.pop("id"), "path": row.pop("path"), "group": row.pop("group", None), **row})
        check_ids([row["id"] for row in rows])
        return rows


def _table_rows(
    root: Path, listed: list[dict[str, Any]], workspace: Workspace, progress: Progress
) -> tuple[list[dict[str, Any]], np.ndarray, list[dict[str, str]]]:
    """The rows of photos that can be read, the stamps of their files, and those that cannot be read."""
    roots = workspace.roots()

    def look(row: dict[str, Any]) -> Look | str:
        real = pictures.real_path(workspace, root, row["path"], roots)
        return real if isinstance(real, str) else pictures.look_at(real, limited=False)

    rows, looks, unreadable = [], [], []
    for row, found in photo_folder.look_at_all(look, listed, progress):
        if isinstance(found, str):
            unreadable.append({"id": printable(row["id"]), "reason": found})
        else:
            rows.append({**row, **found.columns(), "content": found.hash})
            looks.append(found)
    return rows, photo_folder.stamps(looks), unreadable
