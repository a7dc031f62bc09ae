"""Photos: a folder, whose sub-folders are groups, a table with a path column, or one of the usual layouts."""

import hashlib
import os
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from datasel_core.base.declare import Field
from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.labels import RAREST
from datasel_core.pools.media import photos
from datasel_core.pools.media.cells import CELL, cell_of
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers import tables
from datasel_core.pools.readers.layouts.find import Choice, find_layout, may_describe
from datasel_core.pools.readers.layouts.listing import Layout, scan
from datasel_core.pools.readers.pair_table import Named
from datasel_core.pools.scan import Scan, check_ids
from datasel_core.workspace.layout import Workspace

_READERS = 4


@pool_kind("images", version=1, title="Photos")
class Images(PoolKind):
    """A folder of photos (sub-folder = group), or a CSV, JSONL or Parquet table with the paths of photos; or COCO
    instances, YOLO, an imagefolder with metadata, Parquet with pictures inside.

    Every file is read once: those that cannot be opened are listed with the reason and left out.
    """

    groups: ClassVar = (*PoolKind.groups, RAREST)

    path_column: str = Field("path", description="Table column with the photo's path, relative to the table's folder.")
    id_column: str = Field("id", description="Table column with the sample's name; the path where there is none.")
    group_column: str = Field("group", description="Table column that says which group a photo belongs to.")
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
            return scan(layout, self._named(layout), None, workspace, progress)
        if source.is_dir():
            listed, notes = _list_folder(source)
            root = source
        else:
            listed, notes = self._list_table(source), []
            root = source.parent
        rows, unreadable = _inspect_all(root, listed, workspace, progress)
        if not rows:
            first = f" ({unreadable[0]['id']}: {unreadable[0]['reason']})" if unreadable else ""
            raise BadInput(f"None of the {len(unreadable)} photos in {source} can be read{first}.")
        columns = {name: [row.get(name) for row in rows] for name in rows[0]}
        return Scan(pa.table(columns), root, unreadable, notes)

    def offers(self, pool: Pool) -> frozenset[str]:
        return frozenset({"image"})

    def media(self, pool: Pool, row: int) -> Any:
        if CELL in pool.columns:
            return cell_of(pool, row, self._chosen().get("path_column"))
        return pool.path(row)

    def open(self, pool: Pool, row: int, **hints: Any) -> Any:
        return photos.open_photo(self.media(pool, row), **hints)

    def _chosen(self) -> dict[str, str]:
        """The options that name columns and are not at their defaults."""
        usual = {name: field.default for name, field in type(self).model_fields.items() if name.endswith("_column")}
        return {name: getattr(self, name) for name in usual if getattr(self, name) != usual[name]}

    def _named(self, layout: Layout) -> Named:
        """Raises BadInput for an option that would do nothing."""
        chosen = self._chosen()
        if chosen and not layout.asks:
            raise BadInput(f"The option {next(iter(chosen))} means nothing for {layout.title}; leave it out.")
        return Named(chosen.get("path_column"), None, chosen.get("id_column"), chosen.get("group_column"))

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
            unreadable.append({"id": _printable(row["id"]), "reason": found})
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


def _printable(id: str) -> str:
    return id.encode("utf-8", "backslashreplace").decode()
