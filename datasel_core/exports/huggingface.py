"""A folder that the library `datasets` opens, and that can be put on the Hugging Face Hub as it is.

https://huggingface.co/docs/hub/datasets-manual-configuration
"""

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.exports import dataset_card
from datasel_core.exports.content import Content, Contents, Made
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.exports.features import with_features
from datasel_core.exports.parquet import Parquet
from datasel_core.exports.pictures import kept_rows, pictures, read
from datasel_core.exports.row_shards import Whole
from datasel_core.exports.rows import OWN
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.layouts.objects import BOX, CLASS, OBJECTS
from datasel_core.pools.readers.tables.usual import OURS

_INNER = ("row", "content", "path", "shard", "cell", "offset", "bytes", "width", "height", "mask", "rarest_class")
"""Columns that say where a picture lies or what it is, which is seen from the picture itself."""
_SAID = ("id", *OWN)
_NAMES_FILES = ("file_name", "file_names")
"""How names of columns end that `datasets` takes for names of files."""
_ROWS = 100
"""Rows that are together in a row group, so that one picture is read without many others."""
_SPLIT = re.compile(r"\W+")
_EVERY = "all"
"""What `datasets` calls all splits together, so that none may be called so."""


@export_format("huggingface", version=1, title="Hugging Face data set")
class HuggingFace(Export):
    """A folder for `datasets.load_dataset(FOLDER)`: Parquet, one set of shards per split, with the pictures inside or
    beside, and a card that says how the samples were chosen. It can be uploaded to the Hub as it is.
    """

    suffix: ClassVar = ""

    pictures: Literal["inside", "beside"] = Field(
        "inside", description="Pictures inside the Parquet files, or as files of their own beside a table of metadata."
    )
    shard: int = Field(500, ge=1, le=100_000, title="Shard, MB", description="About how large one Parquet file gets.")
    datasel: bool = Field(
        True, title="Say why", description="A column `datasel` with rank, score, count and why of each sample."
    )

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return 70 if pool.layout == "huggingface" else 32 if "image" in pool.opens else 2

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        made = (
            self._pictures(kept, progress) if kept.pool and "image" in kept.pool.opens else self._rows(kept, progress)
        )
        return {dataset_card.NAME: dataset_card.of(kept, made.splits, self).encode(), **made.files} | {
            name: content for name, content in dataset_card.licence_files(kept).items() if name not in made.files
        }

    def _rows(self, kept: SelectionRecord, progress: Progress) -> "_Files":
        """Samples that are rows of a table leave as they came."""
        sizes = np.full(kept.table.num_rows, kept.table.nbytes / max(1, kept.table.num_rows))
        found, how = _Files({}, {}), Parquet(datasel=self.datasel)
        whole = Whole(
            functools.partial(how.make, kept, progress=progress), how.times(dataclasses.replace(kept, notes=[]))
        )
        shards = list(_shards(_splits(kept), sizes, self.shard, ".parquet"))
        for split, name, picks in shards:
            found.add(split, name, Made(whole.make if len(shards) == 1 else functools.partial(whole.write, picks)))
        return found

    def _pictures(self, kept: SelectionRecord, progress: Progress) -> "_Files":
        pool, rows = kept_rows(kept, progress)
        about = _about(pool, rows, kept, self.datasel, self.pictures == "beside")
        if self.pictures == "beside":
            return _beside(pool, rows, about, _splits(kept), progress)
        found = _Files({}, {})
        sizes = pool.table["bytes"].to_numpy()[rows] if "bytes" in pool.columns else np.full(len(rows), 2**20)
        for split, name, picks in _shards(_splits(kept), sizes, self.shard, ".parquet"):
            make = functools.partial(_write_pictures, pool, rows[picks], about.take(pa.array(picks)), progress)
            found.add(split, name, Made(make))
        return found


@dataclass(frozen=True)
class _Files:
    """splits: name -> the data files it is read from. files: name -> content of all."""

    splits: dict[str, list[str]]
    files: dict[str, Content]

    def add(self, split: str, name: str, content: Content) -> None:
        self.splits.setdefault(split, []).append(name)
        self.files[name] = content


def _splits(kept: SelectionRecord) -> dict[str, np.ndarray]:
    """Split -> picks, in pick order: by the column `split`, where the pool has one, else all are `train`."""
    n = kept.table.num_rows
    if "split" not in kept.table.column_names:
        return {"train": np.arange(n)}
    found: dict[str, list[int]] = {}
    others: dict[str, str] = {}
    for pick, value in enumerate(kept.table["split"].to_pylist()):
        said = str(value or "train")
        split = _SPLIT.sub("_", said)
        if split == _EVERY:
            split += "_"
        if split != said:
            others[said] = split
        found.setdefault(split, []).append(pick)
    if others:
        named = ", ".join(f"{said!r} is {split}" for said, split in list(others.items())[:10])
        kept.notes.append(f"Splits whose names the library datasets does not take: {named}.")
    return {split: np.array(picks) for split, picks in found.items()}


def _shards(
    splits: Mapping[str, np.ndarray], sizes: np.ndarray, megabytes: int, suffix: str
) -> Iterator[tuple[str, str, np.ndarray]]:
    """(split, name, picks) of every file."""
    for split, picks in splits.items():
        part = np.floor(np.cumsum(sizes[picks]) / (megabytes * 1e6)).astype(int)
        _, part = np.unique(part, return_inverse=True)
        several = part.max() + 1
        for at in range(several):
            yield split, f"data/{split}-{at:05d}-of-{several:05d}{suffix}", picks[part == at]


def _about(pool: Pool, rows: np.ndarray, kept: SelectionRecord, ours: bool, beside: bool) -> pa.Table:
    """What goes beside the pictures: the pool's columns, boxes, and what is said of their being kept, in pick order.
    beside: in a table of metadata, which names files.
    """
    names = [name for name in pool.columns if name not in (*_INNER, "split") and not name.startswith("_")]
    table = pool.take(rows, ["id", *(name for name in names if name != "id")])
    made = {} if pool.boxes is None else {OBJECTS: _objects(pool, rows)}
    made |= {OURS: _said(kept.table)} if ours else {}
    table = _renamed(table, lambda name: name in ("image", *made) or (beside and name.endswith(_NAMES_FILES)), kept)
    for name, column in made.items():
        table = table.append_column(name, column)
    return table


def _renamed(table: pa.Table, is_taken: Callable[[str], bool], kept: SelectionRecord) -> pa.Table:
    """The source's columns that are called as what stands there get another name, and a person is told."""
    names = list(table.column_names)
    for at, name in enumerate(names):
        if is_taken(name):
            names[at] = name + "_"
            while names[at] in table.column_names:
                names[at] += "_"
    if others := [f"{old} is {new}" for old, new in zip(table.column_names, names, strict=True) if old != new]:
        kept.notes.append(f"Columns of the source whose names mean something else there: {', '.join(others)}.")
    return table.rename_columns(names)


def _objects(pool: Pool, rows: np.ndarray) -> pa.Array:
    """Boxes as left, top, width and height in pixels of the upright picture, and the names of their classes."""
    own = [pool.labels(int(row)) for row in rows]
    kind = pa.struct([(BOX, pa.list_(pa.list_(pa.float64(), 4))), (CLASS, pa.list_(pa.string()))])
    drawn = [[label for label in labels if label.box is not None] for labels in own]
    values = [{BOX: [list(label.box) for label in labels], CLASS: [label.name for label in labels]} for labels in drawn]
    return pa.array(values, kind)


def _said(table: pa.Table) -> pa.StructArray:
    return pa.StructArray.from_arrays([table[name].combine_chunks() for name in _SAID], names=list(_SAID))


def _write_pictures(pool: Pool, rows: np.ndarray, about: pa.Table, progress: Progress, path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = with_features(pa.schema([pa.field("image", kind), *about.schema]), ("image",))
    with pq.ParquetWriter(path, schema, compression="snappy") as writer:
        for at in progress.over(range(0, len(rows), _ROWS), -(-len(rows) // _ROWS), "writing pictures (hundreds)"):
            part = [int(row) for row in rows[at : at + _ROWS]]
            cells = [{"bytes": read(pool, row), "path": _called(pool, row)} for row in part]
            columns = [pa.array(cells, kind), *about.slice(at, _ROWS).columns]
            writer.write_table(pa.table(columns, schema=schema))


def _called(pool: Pool, row: int) -> str:
    return pool.value("path", row) if "path" in pool.columns else str(pool.ids[row])


def _beside(
    pool: Pool, rows: np.ndarray, about: pa.Table, splits: Mapping[str, np.ndarray], progress: Progress
) -> _Files:
    """An imagefolder: for each split a folder of pictures, and metadata.jsonl that names them."""
    found = _Files({}, {})
    for split, picks in splits.items():
        base = f"data/{split}"
        named = pictures(pool, rows[picks], progress, base)
        lines = about.take(pa.array(picks)).to_pylist()
        inside = [name.removeprefix(f"{base}/") for name in named.names]
        text = "".join(_line({"file_name": name, **line}) for name, line in zip(inside, lines, strict=True))
        found.files.update(named.contents)
        found.add(split, f"{base}/metadata.jsonl", text.encode())
        found.splits[split] = [f"{base}/**"]
    return found


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(_finite(row), ensure_ascii=False, default=str, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """The same without NaN and infinity, which JSON does not have."""
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
