"""Photos: a folder, whose sub-folders are groups, a table with a path column, or one of the usual layouts."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.labels import RAREST
from datasel_core.pools.media import photos
from datasel_core.pools.media.cells import Cell, cell_of, fetch, has_cells
from datasel_core.pools.media.looks import look_at_files
from datasel_core.pools.media.pictures import KeptFile
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers import pair_table, photo_folder
from datasel_core.pools.readers.layouts import listing
from datasel_core.pools.readers.layouts.find import Choice, find_layout, may_describe
from datasel_core.pools.readers.layouts.listing import Layout
from datasel_core.pools.readers.photo_table import Listed, Named, list_photos
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.paths import root_of, with_remedy
from datasel_core.pools.readers.tables.table import first_of
from datasel_core.pools.readers.walk import printable
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace


@pool_kind("images", version=1, title="Photos")
class Images(PoolKind):
    """A folder of photos (sub-folder = group), or a CSV, JSONL, JSON, Parquet or Arrow table with their paths; or COCO
    instances, YOLO, an imagefolder with metadata, Parquet with pictures inside.

    Every file is read once: those that cannot be opened are listed with the reason and left out. In a folder, linked
    sub-folders are followed where they lead below an allowed folder; pictures that look like label masks have `mask`.
    """

    groups: ClassVar = (*PoolKind.groups, RAREST)

    path_column: str | None = Field(
        None,
        description="Table column with the photo's path, relative to the table's folder; none takes path, file_name, "
        "image_path and the like.",
    )
    id_column: str | None = Field(
        None, description="Table column with the sample's name; none takes id where there is one, else the path."
    )
    group_column: str | None = Field(
        None, description="Table column that says which group a photo belongs to; none takes group where there is one."
    )
    root: str | None = Field(
        None, description="Folder that a table's paths are relative to; none takes the table's own folder."
    )
    leave_out: str | None = Field(
        None, description="Folder: sub-folders whose photos are left out, with commas between them, as in labels,masks."
    )
    layout: Choice = Field("auto", description="How the source is laid out; plain takes no notice of annotations.")

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        """Every photo below the folder, or below the table's: the table may name some that could not be read."""
        folder = source if source.is_dir() else source.parent
        below = folder in file.parents and (file.suffix.lower() in photos.SUFFIXES or may_describe(file))
        return file == source or below

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        if not source.exists():
            raise BadInput(f"There is no file or folder {source}.")
        if (layout := find_layout(source, self.id, self.layout)) is not None:
            return listing.scan(layout, self._named(layout), None, workspace, progress)
        if source.is_dir():
            return photo_folder.scan_folder(source, self.leave_out, workspace, progress)
        if self.leave_out is not None:
            raise BadInput(f"The option leave_out names sub-folders; {source.name} is a file. Leave it out.")
        return self._scan_table(source, workspace, progress)

    def _scan_table(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        root = root_of(self.root, source, workspace)
        listed = self._listed(source, root, workspace)
        rows, stamps, unreadable = _table_rows(root, listed.photos, workspace, progress)
        unreadable = listed.table.lost + unreadable
        if not rows:
            raise BadInput(f"None of the {len(unreadable)} photos in {source} can be read{first_of(unreadable)}.")
        columns = {name: [row.get(name) for row in rows] for name in rows[0] if name != "row"}
        own = {name: columns.pop(name) for name in ("id", "path", "group")}
        taken = [row["row"] for row in rows]
        # What was measured stands where the table has a column of that name.
        columns = {**own, **listed.beside(taken), **columns, **listed.as_written(taken)}
        return Scan(pa.table(columns), root, unreadable, listed.notes(), stamps=stamps)

    def origins(self, pool: Pool, ids: Collection[str], progress: Progress) -> Mapping[str, Origin] | None:
        """Of a table of photos, or a layout that has one."""
        if (layout := find_layout(pool.source, self.id, self.layout)) is not None:
            return listing.origins(layout, self._named(layout), None)
        if pool.source.is_dir():
            return None
        return self._listed(pool.source, root_of(self.root, pool.source, pool.workspace), pool.workspace).origins()

    def _listed(self, source: Path, root: Path, workspace: Workspace) -> Listed:
        named = Named(self.path_column, self.id_column, self.group_column)
        return list_photos(source, named, root, self.root is not None, workspace)

    def offers(self, pool: Pool) -> frozenset[str]:
        return frozenset({"image"})

    def media(self, pool: Pool, row: int) -> KeptFile | Cell:
        if has_cells(pool):
            return cell_of(pool, row, self._chosen().get("path_column"))
        return KeptFile(pool.path(row), pool.table["content"][row].as_py(), stamp=pool.stamp(row))

    def check(self, pool: Pool, row: int) -> None:
        if has_cells(pool):
            self.check_shard(pool, row)
        else:
            self.media(pool, row).check()

    def fetch(self, pool: Pool, rows: Sequence[int]) -> None:
        if has_cells(pool):
            fetch([self.media(pool, row) for row in rows])

    def open(self, pool: Pool, row: int, **hints: Any) -> Any:
        return photos.open_photo(self.media(pool, row), **hints)

    def _chosen(self) -> dict[str, str]:
        """The options about tables and folders that are not at their defaults."""
        names = [name for name in type(self).model_fields if name.endswith("_column")] + ["root", "leave_out"]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def _named(self, layout: Layout) -> pair_table.Named:
        """Raises BadInput for an option that would do nothing."""
        chosen = self._chosen()
        idle = [name for name in chosen if not layout.asks or name in ("root", "leave_out")]
        if idle:
            raise BadInput(f"The option {idle[0]} means nothing for {layout.title}; leave it out.")
        return pair_table.Named(chosen.get("path_column"), None, chosen.get("id_column"), chosen.get("group_column"))


def _table_rows(
    root: Path, listed: list[dict[str, Any]], workspace: Workspace, progress: Progress
) -> tuple[list[dict[str, Any]], np.ndarray, list[dict[str, str]]]:
    """The rows of photos that can be read, the stamps of their files, and those that cannot be read."""
    rows, looks, unreadable = [], [], []
    found_at = look_at_files(workspace, root, [row["path"] for row in listed], progress, limited=False)
    for row, (_, found) in zip(listed, found_at, strict=True):
        if isinstance(found, str):
            unreadable.append({"id": printable(row["id"]), "reason": with_remedy(row["path"], found)})
        else:
            rows.append({**row, **found.columns(), "content": found.hash})
            looks.append(found)
    return rows, photo_folder.stamps(looks), unreadable
