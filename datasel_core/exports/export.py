"""What an export format is: one way to hand a selection to another tool."""

import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base import registry
from datasel_core.base.declare import Declared
from datasel_core.base.progress import Progress
from datasel_core.base.registry import declares
from datasel_core.errors import BadRequest
from datasel_core.exports import guard, record, written
from datasel_core.exports.content import Contents, Copy, Made, put
from datasel_core.pools.changed import Changes
from datasel_core.pools.kind import PoolKind
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.typed import AS_WRITTEN
from datasel_core.runs.catalog import places
from datasel_core.workspace.hashing import hash_file
from datasel_core.workspace.layout import Workspace

export_format = declares("export format")


@dataclass(frozen=True)
class SelectionRecord:
    """table: selection.parquet. manifest: manifest.json. workspace: whose pools' sources are never written over.
    changes: which of the kept photos are others by now. pool: what was chosen from, as it is now, perhaps with other
    samples; None when it is gone. folder: where the selection lies; its record leaves with every export. notes: what a
    person is told when it is done, a line each: what a format could not write as it was, with counts, and what the
    other tool needs. with_notes: what somebody called and noted leaves with the record.
    """

    table: pa.Table
    manifest: dict[str, Any]
    workspace: Workspace = field(default_factory=Workspace.at)
    changes: Callable[[Progress], Changes] = lambda progress: Changes()
    pool: Pool | None = None
    folder: Path | None = None
    notes: list[str] = field(default_factory=list)
    with_notes: bool = False

    @property
    def kind(self) -> type[PoolKind]:
        """Of the pool; one that this program does not know says nothing of its samples."""
        return registry.every("pool kind").get(self.manifest["pool"]["kind"], PoolKind)

    def as_texts(self) -> pa.Table:
        """The table with the columns that a pool of texts has."""
        names = self.kind.texts
        return self.table.rename_columns([names.get(name, name) for name in self.table.column_names])

    def first(self, most: int) -> "SelectionRecord":
        """The same of the first picks, of which nobody is told anything."""
        return dataclasses.replace(self, table=self.table.slice(0, most), notes=[])

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

    @classmethod
    def unsuited(cls, pool: Pool) -> str:
        """Why the samples of a pool cannot leave in this format, in one sentence; empty where they can."""
        return ""

    @classmethod
    def likely(cls, pool: Pool) -> int:
        """How likely somebody with this pool wants the format, 0 to 100: the highest is offered first."""
        return 0

    def write(self, kept: SelectionRecord, out: str | os.PathLike, progress: Progress, overwrite: bool = False) -> Path:
        """Makes the file, or the files of the folder, each all at once, and the record; returns where.

        overwrite: what others wrote may be replaced. Raises BadRequest before anything is written when it must not be
        written there, or the pool does not suit the format.
        """
        self.check_suited(kept)
        check(kept.workspace, type(self), out, overwrite)
        beside = self.beside(kept, Path(out).name)
        for name in beside:
            place = guard.check_file(kept.workspace, Path(out).with_name(name), overwrite)
            own = record.delivered(places.beside(place.with_name(Path(out).name)))
            if place.exists() and not overwrite and name not in own:
                raise BadRequest(
                    f"{place} describes another file, and would describe {Path(out).name} alone; name an --out in a "
                    "folder of its own, or allow replacing it with --overwrite."
                )
        if not self.suffix:
            return self._folder(kept, out, progress, overwrite)
        with written.turn(kept.workspace, guard.check_file(kept.workspace, out, overwrite), progress.check):
            return self._file(kept, out, beside, progress, overwrite)

    def _folder(self, kept: SelectionRecord, out: str | os.PathLike, progress: Progress, overwrite: bool) -> Path:
        about, contents = self._record(kept, f"{record.FOLDER}/"), self.contents(kept, progress)
        before = record.delivered(Path(out).expanduser() / record.FOLDER)
        folder = guard.fill(kept.workspace, out, contents, progress, overwrite, about)
        kept.notes.extend(_beside(folder, contents, before))
        return folder

    def _file(
        self,
        kept: SelectionRecord,
        out: str | os.PathLike,
        beside: Mapping[str, bytes],
        progress: Progress,
        overwrite: bool,
    ) -> Path:
        """One file, what lies beside it, and its record, which nobody else writes meanwhile."""
        with guard.new_file(kept.workspace, out, overwrite) as (path, temporary):
            self.make(kept, temporary, progress)
            sha256 = {path.name: hash_file(temporary)}
        for name, said in beside.items():
            with guard.new_file(kept.workspace, path.with_name(name), overwrite) as (_, temporary):
                temporary.write_bytes(said)
            sha256[name] = hashlib.sha256(said).hexdigest()
        if about := self._record(kept):
            about = record.of_file(about, sha256)
            guard.fill(kept.workspace, places.beside(path), {}, Progress(), overwrite, about)
        return path

    def preview(self, kept: SelectionRecord, most: int = 5) -> list[tuple[str, str | None]]:
        """(name, text) of what would be written if only the first picks had been kept: the very lines. No text where a
        file holds none, and the name is empty where a single file is made. Raises BadRequest.
        """
        self.check_suited(kept)
        few = kept.first(most)
        with tempfile.TemporaryDirectory() as folder:
            if self.suffix:
                path = Path(folder) / f"preview{self.suffix}"
                self.make(few, path, Progress())
                beside = self.beside(few, path.name).items()
                return [("", _text(path)), *((name, said.decode()) for name, said in beside)]
            found = []
            for name, one in self.contents(few, Progress()).items():
                path = Path(folder) / f"preview{Path(name).suffix}"
                if isinstance(one, bytes | Made):
                    put(one, path)
                found.append((name, _text(path) if path.is_file() else None))
                path.unlink(missing_ok=True)
            return found

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        """Writes the file; `path` is a temporary one, which takes its place when it is whole."""
        raise TypeError(f"{type(self).__name__} must implement make.")

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        """What the folder is to hold. Nothing is written here, and what is large is `Made` when it is its turn."""
        raise TypeError(f"{type(self).__name__} must implement contents.")

    def beside(self, kept: SelectionRecord, name: str) -> dict[str, bytes]:
        """Small files that lie beside a single one, which is called `name`. Raises BadRequest."""
        return {}

    def has_more(self) -> bool:
        """Whether a format of one file writes more than that."""
        return False

    def check_suited(self, kept: SelectionRecord) -> None:
        """Raises BadRequest."""
        if kept.pool is not None and (why := self.unsuited(kept.pool)):
            raise BadRequest(why)

    def _record(self, kept: SelectionRecord, prefix: str = "") -> dict[str, Any]:
        if kept.folder is None:
            return {}
        try:
            return record.contents(kept.folder, kept.manifest, self.what(), prefix, kept.with_notes)
        except OSError as error:
            raise BadRequest(
                f"The selection in {kept.folder} cannot be read any more ({error.strerror}); it may have been deleted "
                "meanwhile. Choose again."
            ) from None


def check(workspace: Workspace, format: type[Export], out: str | os.PathLike, overwrite: bool = False) -> None:
    """Raises BadRequest when an export of this format cannot be put there, its record included."""
    if not format.suffix:
        guard.check_folder(workspace, out, overwrite)
        return
    path = guard.check_file(workspace, out, overwrite)
    guard.check_folder(workspace, places.beside(path), overwrite, record.HOLDS)


def suited(pool: Pool) -> dict[str, type[Export]]:
    """The formats that suit a pool, the likeliest first."""
    found = [(id, one) for id, one in registry.every("export format").items() if not one.unsuited(pool)]
    return dict(sorted(found, key=lambda pair: (-pair[1].likely(pool), pair[1].title)))


def _beside(folder: Path, contents: Contents, before: Mapping[str, str]) -> Iterator[str]:
    """What is to be known of the files in a folder. before: what an earlier export delivered there.

    Hard links are not made read-only: they are one file with their source, whose owner would lose the right to write.
    """
    wanted = [folder / name for name, one in contents.items() if isinstance(one, Copy) and one.link]
    if linked := sum(path.stat().st_nlink > 1 for path in wanted):
        yield (
            f"{linked:,} of the files in {folder} share their bytes with their sources (hard links): to change one is "
            "to change both, so work on them read-only; export them without link to edit them."
        )
    if left := sorted(name for name in before.keys() - contents.keys() if os.path.isfile(folder / name)):
        yield (
            f"Files of an earlier export are still in {folder}, and no part of this one: {len(left):,} "
            f"({left[0]}{', ...' * (len(left) > 1)}); for what was kept alone, name a new folder."
        )


def _text(path: Path) -> str | None:
    """The text of a file that holds text; of Parquet its columns and their types."""
    if path.suffix == ".parquet":
        return str(pq.read_schema(path).remove_metadata()) + "\n"
    if path.suffix == ".npy":
        return None
    with contextlib.suppress(UnicodeDecodeError):
        return path.read_bytes().decode()
    return None
