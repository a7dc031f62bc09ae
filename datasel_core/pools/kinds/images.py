"""Photos: a folder, whose sub-folders are groups, or a table with a path column."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.media import photos
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.photo_table import Named, list_photos
from datasel_core.pools.readers.tables.paths import root_of, with_remedy
from datasel_core.pools.readers.tables.table import first_of, printable
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

_READERS = 4


@pool_kind("images", version=1, title="Photos")
class Images(PoolKind):
    """A folder of photos (sub-folder = group), or a CSV, JSONL, JSON, Parquet or Arrow table with their paths.

    Every file is read once: those that cannot be opened are listed with the reason and left out.
    """

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

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        """Every photo below the folder, or below the table's: the table may name some that could not be read."""
        folder = source if source.is_dir() else source.parent
        return file == source or (folder in file.parents and file.suffix.lower() in photos.SUFFIXES)

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        if not source.exists():
            raise BadInput(f"There is no file or folder {source}.")
        table = None
        if source.is_dir():
            listed, notes = _list_folder(source)
            root = source
        else:
            root = root_of(self.root, source, workspace)
            named = Named(self.path_column, self.id_column, self.group_column)
            table = list_photos(source, named, root, self.root is not None, workspace)
            listed, notes = table.photos, table.notes()
        rows, unreadable = _inspect_all(root, listed, workspace, progress)
        unreadable = table.table.lost + unreadable if table else unreadable
        if not rows:
            raise BadInput(f"None of the {len(unreadable)} photos in {source} can be read{first_of(unreadable)}.")
        columns = {name: [row.get(name) for row in rows] for name in rows[0] if name != "row"}
        if table:  # what was measured stands where the table has a column of that name
            own = {name: columns.pop(name) for name in ("id", "path", "group")}
            taken = [row["row"] for row in rows]
            columns = {**own, **table.beside(taken), **columns, **table.as_written(taken)}
        return Scan(pa.table(columns), root, unreadable, notes)

    def offers(self, pool: Pool) -> frozenset[str]:
        return frozenset({"image"})

    def open(self, pool: Pool, row: int, **hints: Any) -> Any:
        return photos.open_photo(pool.path(row), **hints)


def _list_folder(source: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Photos below a folder in the order of their relative paths, the same on every machine; other files are
    counted.
    """
    found, others, hidden = [], 0, []
    for folder, folders, files in os.walk(source, onerror=hidden.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() not in photos.SUFFIXES:
                others += 1
                continue
            relative = (Path(folder) / name).relative_to(source).as_posix()
            group = relative.rsplit("/", 1)[0] if "/" in relative else ""
            found.append({"id": relative, "path": relative, "group": group})
    if hidden and not found:
        raise BadInput(f"The folder {source} may not be read: {hidden[0].strerror}.")
    if not found:
        raise BadInput(
            f"The folder {source} has no photos ({', '.join(sorted(photos.SUFFIXES))}); it has {others} other files."
        )
    notes = [f"{others} other files were passed over."] if others else []
    notes += [f"The folder {error.filename} may not be read: {error.strerror}." for error in hidden]
    return sorted(found, key=lambda row: row["id"]), notes


def _inspect_all(
    root: Path, listed: list[dict], workspace: Workspace, progress: Progress
) -> tuple[list[dict], list[dict[str, str]]]:
    rows, unreadable = [], []
    facts = in_order(lambda row: _inspect_one(root, row, workspace), listed, _READERS)
    for row, found in progress.over(facts, len(listed), "reading photos"):
        if isinstance(found, str):
            unreadable.append({"id": printable(row["id"]), "reason": with_remedy(row["path"], found)})
        else:
            rows.append({**row, **found})
    return rows, unreadable


def _inspect_one(root: Path, row: dict, workspace: Workspace) -> dict | str:
    try:
        row["id"].encode()
        path = workspace.allowed(root / row["path"])
        facts = photos.inspect(path)
        content = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except UnicodeEncodeError:
        return "its file name is not valid UTF-8"
    except BadRequest as error:  # an unreadable photo, or a link that leads outside the allowed folders
        return str(error)
    except OSError as error:
        return photos.reason(error)
    return {"width": facts.width, "height": facts.height, "bytes": facts.bytes, "content": content}
