"""A pool: the candidates. Ids, columns, and how to open one sample."""

import functools
import itertools
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.declare import Declared
from datasel_core.errors import BadInput, BadRequest, UnknownName
from datasel_core.pools._scan import Scan, fingerprint
from datasel_core.pools._texts import Texts
from datasel_core.progress import Progress
from datasel_core.registry import declares, find
from datasel_core.store import Workspace, hash_file, known_hash, read_json, write_json, writing
from datasel_core.turns import Turn

pool_kind = declares("pool kind")

_TABLE, _BEFORE = "pool.parquet", "pool.before.parquet"


class PoolKind(Declared):
    """A kind of source. Fields are the options of `pool add --option`."""

    groups: ClassVar[tuple[str, ...]] = ("group",)
    """Columns that say which group a sample belongs to; the first that is there counts."""

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        """Whether a file may be part of the source, now or when it is read again; the pool's table names more."""
        return file == source or (source in file.parents and source.is_dir())

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        """Reads the source. Raises BadInput when there is nothing to choose from."""
        raise TypeError(f"{type(self).__name__} must implement scan.")

    def offers(self, pool: "Pool") -> frozenset[str]:
        """What encoders may open of this pool's samples: any of `image`, `text`, `turns`."""
        return frozenset()

    def open(self, pool: "Pool", row: int, **hints: Any) -> Any:
        """One sample, to look at or to encode."""
        raise BadRequest(f"Samples of a {self.id} pool cannot be opened.")

    def media(self, pool: "Pool", row: int) -> Any:
        """Where one sample's picture lies: a path, or whatever else `open_photo` takes; as text it tells a person where to look."""
        return pool.path(row)

    def text(self, pool: "Pool", row: int) -> list[str]:
        """The texts of one sample."""
        raise BadRequest(f"Samples of a {self.id} pool have no text.")

    def turns(self, pool: "Pool", row: int) -> list[Turn]:
        """One sample as what a language model reads, and what of it is to be learned."""
        raise BadRequest(f"Samples of a {self.id} pool have no prompts and responses.")


@dataclass(frozen=True)
class Pool:
    """Candidates in a fixed order. `fingerprint` = hash of ids and content hashes: equal fingerprints mean equal pools.

    table: all columns but the long ones, which stay on disk in `texts`; `column`, `value`, `take` and `batches` know both.
    """

    name: str
    kind: str
    folder: Path
    about: Mapping[str, Any]
    table: pa.Table
    texts: Texts | None = None

    @property
    def fingerprint(self) -> str:
        return self.about["fingerprint"]

    @property
    def table_sha256(self) -> str:
        """Hash of everything that is known of the samples, metadata columns included."""
        return self.about["table_sha256"]

    @property
    def unreadable(self) -> list[dict[str, str]]:
        """What was left out and why; of very many, the first."""
        return self.about["unreadable"]

    @property
    def left_out(self) -> int:
        """How many were left out."""
        return self.about.get("left_out", len(self.unreadable))

    @property
    def n(self) -> int:
        return self.table.num_rows

    def __len__(self) -> int:
        return self.n

    @functools.cached_property
    def ids(self) -> np.ndarray:
        """(n,) text: the samples' stable names, in row order."""
        return self.table["id"].to_numpy(zero_copy_only=False)

    @functools.cached_property
    def _row_of(self) -> dict[str, int]:
        return {id: row for row, id in enumerate(self.ids)}

    def rows(self, ids: Any) -> np.ndarray:
        """Rows of these ids. Raises UnknownName for the first that is not in the pool."""
        missing = next((id for id in ids if id not in self._row_of), None)
        if missing is not None:
            raise UnknownName(f"sample in {self.name}", str(missing), [])
        return np.fromiter((self._row_of[id] for id in ids), dtype=np.int64)

    @property
    def names(self) -> list[str]:
        """All columns, the content hash too, in the order of the file."""
        return self.texts.all_names if self.texts else self.table.column_names

    @property
    def columns(self) -> list[str]:
        return [name for name in self.names if name != "content"]

    @property
    def long_columns(self) -> tuple[str, ...]:
        """Those that are not in `table`, because they would fill the memory."""
        return self.texts.names if self.texts else ()

    def column(self, name: str) -> np.ndarray:
        """(n,) one metadata column. Raises UnknownName."""
        if name not in self.columns:
            raise UnknownName(f"column of {self.name}", name, self.columns)
        found = self.texts.whole(name) if name in self.long_columns else self.table[name]
        return found.to_numpy(zero_copy_only=False)

    def value(self, name: str, row: int) -> Any:
        """One column of one sample."""
        return self.texts.value(name, int(row)) if name in self.long_columns else self.table[name][int(row)].as_py()

    def take(self, rows: Sequence[int] | np.ndarray, names: Iterable[str] | None = None) -> pa.Table:
        """These rows, in this order, with these columns; all, without the content hash, by default."""
        names, rows = list(self.columns if names is None else names), np.asarray(rows, dtype=np.int64)
        short = self.table.select([name for name in names if name not in self.long_columns]).take(pa.array(rows))
        long = self.texts.take([name for name in names if name in self.long_columns], rows) if self.texts else {}
        return pa.table({name: long[name] if name in long else short[name] for name in names})

    def batches(self, names: Iterable[str], row: str = "row") -> pa.RecordBatchReader:
        """These columns, and one called `row` with the row numbers, from front to back: long columns are never in memory as a whole."""
        names = list(names)
        short = self.table.select([name for name in names if name not in self.long_columns]).append_column(row, [np.arange(self.n)])
        long = [name for name in names if name in self.long_columns]
        if not long:
            return short.to_reader()
        both = (pa.table({**dict(zip(short.column_names, short.slice(at, len(part)).columns, strict=True)), **dict(zip(long, part.columns, strict=True))})
                for at, part in self.texts.batches(long))  # fmt: skip
        first = next(both)
        batches = (batch for part in itertools.chain([first], both) for batch in part.to_batches())
        return pa.RecordBatchReader.from_batches(first.schema, batches)

    @functools.cached_property
    def how(self) -> PoolKind:
        return find("pool kind", self.kind)(**self.about["options"])

    @property
    def opens(self) -> frozenset[str]:
        """What encoders may open of the samples: any of `image`, `text`, `turns`."""
        return self.how.offers(self)

    @property
    def group_column(self) -> str | None:
        """The column that says which group a sample belongs to, where there is one; long texts name no groups."""
        return next((name for name in self.how.groups if name in self.columns and name not in self.long_columns), None)

    @property
    def root(self) -> Path:
        """Where the sources lie; paths in the table are relative to it."""
        return Path(self.about["root"])

    def path(self, row: int) -> Path:
        """The media file of one sample. Raises BadRequest when a link leads outside the allowed folders by now."""
        path = self.root / self.table["path"][row].as_py()
        Workspace(self.folder.parent.parent).allowed(path)
        return path

    def picture_keys(self) -> list[np.ndarray]:
        """(n,) columns that together tell one picture from another: a file, or a place in a shard; none where there are no pictures."""
        names = next((names for names in (("path",), ("shard", "offset")) if set(names) <= set(self.columns)), ())
        return [self.column(name) for name in names]

    def media(self, row: int) -> Any:
        """Where the picture of one sample lies, be it a file or part of one."""
        return self.how.media(self, row)

    def text(self, row: int) -> list[str]:
        """What is said about, or in, one sample: its caption or captions."""
        return self.how.text(self, row)

    def turns(self, row: int) -> list[Turn]:
        """One sample as what a language model reads: prompt and response, the turns of a conversation, or running text."""
        return self.how.turns(self, row)

    def open(self, row: int, **hints: Any) -> Any:
        """One sample, to look at or to encode: for photos an RGB image."""
        return self.how.open(self, row, **hints)


def save_pool(workspace: Workspace, name: str, kind: PoolKind, source: Path, scan: Scan) -> Pool:
    """Writes a pool into the workspace; pool.json last."""
    folder = workspace.pool(name)
    about = {
        "name": name, "kind": kind.id, "fingerprint": fingerprint(scan.table), "n": scan.table.num_rows,
        "source": str(source), "root": str(scan.root), "options": kind.what()["params"],
        "unreadable": scan.unreadable, "notes": scan.notes,
        **({} if scan.left_out is None else {"left_out": scan.left_out}),
        **({"texts": list(scan.texts)} if scan.texts else {}),
    }  # fmt: skip
    _set_aside(folder)
    with writing(folder / _TABLE) as temporary:
        if scan.file is not None:
            os.replace(scan.file, temporary)
        else:
            pq.write_table(scan.table, temporary, compression="zstd")
    write_json(folder / "pool.json", {**about, "table_sha256": hash_file(folder / _TABLE)})
    (folder / _BEFORE).unlink(missing_ok=True)
    return load_pool(workspace, name)


def _set_aside(folder: Path) -> None:
    """A copy of the table that pool.json describes: it stands until the new pool.json does, so that a kill in between loses nothing."""
    about = read_json(folder / "pool.json")
    if about is not None and (folder / _TABLE).exists() and hash_file(folder / _TABLE) == about.get("table_sha256"):
        with writing(folder / _BEFORE) as temporary:
            shutil.copyfile(folder / _TABLE, temporary)


def load_pool(workspace: Workspace, name: str) -> Pool:
    """A pool of the workspace. Raises UnknownName, or BadInput when its files are damaged."""
    folder = workspace.pool(name)
    about = read_json(folder / "pool.json")
    if about is None:
        raise UnknownName("pool", name, pool_names(workspace))
    expected = about.get("table_sha256")
    path = next((path for path in (folder / _TABLE, folder / _BEFORE) if path.exists() and known_hash(path) == expected), None)
    if path is None:
        raise BadInput(f"The pool {name} is damaged ({_TABLE} is missing or was changed); add it again.")
    texts = Texts(path, about["texts"]) if about.get("texts") else None
    return Pool(name, about["kind"], folder, about, texts.table() if texts else pq.read_table(path), texts)


def pool_names(workspace: Workspace) -> list[str]:
    return [folder.name for folder in workspace.folders("pools") if (folder / "pool.json").exists()]
