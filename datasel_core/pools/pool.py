"""A pool: the candidates. Ids, columns, and how to open one sample."""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.conversation import Turn
from datasel_core.base.registry import find
from datasel_core.errors import BadInput, UnknownName
from datasel_core.pools.kind import PoolKind
from datasel_core.pools.labels import LABELS, Boxes, Label
from datasel_core.pools.long_columns import Texts
from datasel_core.pools.readers.tables.typed import AS_WRITTEN, EXACT
from datasel_core.workspace.hashing import known_hash
from datasel_core.workspace.layout import Workspace


def stamps_file(folder: Path, table_sha256: str) -> Path:
    """Beside the table that it belongs to, row by row."""
    return folder / f"stamps-{table_sha256[:16]}.npy"


@dataclass(frozen=True)
class Pool:
    """Candidates in a fixed order. `fingerprint` = hash of ids and content hashes: equal fingerprints mean equal pools.

    table: all columns but the long ones, which stay on disk in `texts`; `column`, `value`, `take` and `batches` know
    both.
    boxes: the file of what people drew on the samples; None where there is none.
    """

    name: str
    kind: str
    folder: Path
    about: Mapping[str, Any]
    table: pa.Table
    texts: Texts | None = None
    boxes: Path | None = None

    @property
    def fingerprint(self) -> str:
        return self.about["fingerprint"]

    @property
    def table_sha256(self) -> str:
        """Hash of everything that is known of the samples, metadata columns included."""
        return self.about["table_sha256"]

    def said(self) -> dict[str, Any]:
        """What a manifest says of it."""
        names = ("name", "kind", "n", "fingerprint", "table_sha256")
        return {name: getattr(self, name) for name in names}

    @property
    def unreadable(self) -> list[dict[str, str]]:
        """What was left out and why; of very many, the first."""
        return self.about["unreadable"]

    @property
    def left_out(self) -> int:
        """How many were left out."""
        return self.about.get("left_out", len(self.unreadable))

    @property
    def cut(self) -> Mapping[str, Any]:
        """Of which pool it is a part (`from`), and of how many samples (`n`); empty where of none."""
        return self.about.get("cut", {})

    @property
    def passed_by(self) -> int:
        """How many samples and rows of its source are none of its own, beside those that were left out."""
        return self.cut.get("passed_by", 0)

    @property
    def layout(self) -> str:
        """In which the pictures lay, such as `coco`; empty where in none of the usual ones."""
        return self.about.get("layout", "")

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
        """Those that say something of the samples: neither the content hash, nor how numbers were written."""
        return [name for name in self.names if name not in ("content", AS_WRITTEN)]

    @property
    def long_columns(self) -> tuple[str, ...]:
        """Those that are not in `table`, because they would fill the memory."""
        return self.texts.names if self.texts else ()

    def column(self, name: str) -> np.ndarray:
        """(n,) one metadata column. Raises UnknownName."""
        if name not in self.columns:
            raise UnknownName(f"column of {self.name}", name, self.columns)
        found = self.texts.whole(name) if name in self.long_columns else self.table[name]
        if pa.types.is_integer(found.type) and found.null_count and _largest(found) >= EXACT:
            return np.array(found.to_pylist(), dtype=object)  # as floats, which the gaps ask for, they would be others
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
        """These columns, and one called `row` with the row numbers, from front to back: long columns are never in
        memory as a whole.
        """
        names = list(names)
        short = self.table.select([name for name in names if name not in self.long_columns]).append_column(
            row, [np.arange(self.n)]
        )
        long = [name for name in names if name in self.long_columns]
        if not long:
            return short.to_reader()
        both = (
            pa.table(
                {
                    **dict(zip(short.column_names, short.slice(at, len(part)).columns, strict=True)),
                    **dict(zip(long, part.columns, strict=True)),
                }
            )
            for at, part in self.texts.batches(long)
        )
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

    def is_like(self, other: "Pool") -> bool:
        """Whether equal content hashes mean equal samples: of pools of one kind, and of all that hold texts."""
        return self.kind == other.kind or bool(self.how.texts and other.how.texts)

    @property
    def group_column(self) -> str | None:
        """The column that says which group a sample belongs to, where there is one; long texts name no groups."""
        return next((name for name in self.how.groups if name in self.columns and name not in self.long_columns), None)

    @property
    def source(self) -> Path:
        """What was named when the pool was added."""
        return Path(self.about["source"])

    @property
    def root(self) -> Path:
        """Where the sources lie; paths in the table are relative to it."""
        return Path(self.about["root"])

    def path(self, row: int) -> Path:
        """The media file of one sample. Raises BadRequest when a link leads outside the allowed folders by now."""
        path = self.root / self.table["path"][row].as_py()
        self.workspace.allowed(path, self._roots)
        return path

    @functools.cached_property
    def workspace(self) -> Workspace:
        """The one that it lies in."""
        return Workspace(self.folder.parent.parent)

    @functools.cached_property
    def _roots(self) -> list[Path]:
        return self.workspace.roots()

    def stamp(self, row: int) -> tuple[int, ...]:
        """Size and times that the file of one sample had when the pool was read; nothing where that was not kept."""
        return () if self._stamps is None else tuple(self._stamps[row].tolist())

    @functools.cached_property
    def _stamps(self) -> np.ndarray | None:
        try:
            found = np.load(stamps_file(self.folder, self.table_sha256), mmap_mode="r")
        except (OSError, ValueError):  # an older pool, or a damaged file: then bytes are compared
            return None
        return found if found.shape == (self.n, 3) and found.dtype == np.int64 else None

    @functools.cached_property
    def shard_stamps(self) -> dict[str, tuple[int, ...]]:
        """Size and times that the files had that hold several pictures each, by name; nothing of older pools."""
        return {name: tuple(stamp) for name, stamp in self.about.get("shards", {}).items()}

    def check(self, row: int) -> None:
        """Raises BadRequest or OSError when the file of one sample is no longer what it was."""
        self.how.check(self, row)

    @property
    def picture_columns(self) -> tuple[str, ...]:
        """Columns that together tell one picture from another: a file, or a place in a shard; none where there are no
        pictures.
        """
        ways = (("path",), ("shard", "offset"), ("shard", "cell"))
        return next((names for names in ways if set(names) <= set(self.columns)), ())

    def picture_keys(self) -> list[np.ndarray]:
        """(n,) each: the values of `picture_columns`."""
        return [self.column(name) for name in self.picture_columns]

    @functools.cached_property
    def _boxes(self) -> Boxes:
        if known_hash(self.boxes) != self.about["labels_sha256"]:
            raise BadInput(f"{self.boxes.name} of the pool {self.name} was changed; open the pool again.")
        return Boxes(pq.read_table(self.boxes))

    def drawn(self, rows: np.ndarray) -> pa.Table | None:
        """What people drew on these samples, rows in pool order and numbered anew; None where nobody drew anything."""
        return None if self.boxes is None else self._boxes.part(rows)

    @property
    def has_labels(self) -> bool:
        """Whether people said something of the samples: a list for each. Tables may call another column `labels`."""
        kind = self.table.schema.field(LABELS).type if LABELS in self.table.column_names else pa.null()
        return pa.types.is_list(kind) or pa.types.is_large_list(kind)

    def labels(self, row: int) -> list[Label]:
        """What people said of one sample: a class, and a box where one was drawn, for each instance."""
        if self.boxes is not None:
            return self._boxes.of(int(row))
        return [Label(name) for name in (self.value(LABELS, row) or ())] if self.has_labels else []

    def media(self, row: int) -> Any:
        """Where the picture of one sample lies, be it a file or part of one."""
        return self.how.media(self, row)

    def fetch(self, rows: Sequence[int]) -> None:
        """To be called with samples, a wall full at most, that are about to be opened: see `PoolKind.fetch`."""
        self.how.fetch(self, rows)

    def text(self, row: int) -> list[str]:
        """What is said about, or in, one sample: its caption or captions."""
        return self.how.text(self, row)

    def turns(self, row: int) -> list[Turn]:
        """One sample as what a language model reads: prompt and response, the turns of a conversation, or running
        text.
        """
        return self.how.turns(self, row)

    def open(self, row: int, **hints: Any) -> Any:
        """One sample, to look at or to encode: for photos an RGB image."""
        return self.how.open(self, row, **hints)


def _largest(column: pa.ChunkedArray) -> int:
    """The largest absolute value of whole numbers; 0 where there is none."""
    import pyarrow.compute as pc  # here, as it takes a tenth of a second and few columns need it

    return pc.max(pc.abs(column)).as_py() or 0
