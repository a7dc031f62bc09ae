"""The subset file of the DataComp benchmark."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.pools.pool import Pool
from datasel_core.workspace.arrays import put_array

_UID = re.compile(r"[0-9a-fA-F]{32}")
UIDS = np.dtype("<u8,<u8")
"""A uid's first 16 hexadecimal digits and its last 16, as two numbers."""


@export_format("datacomp", version=1, title="DataComp uids")
class DataComp(Export):
    """The kept uids, sorted, each once, as a .npy for DataComp's resharder: `numpy.load(path, mmap_mode="r")`.

    A uid is the sample's `uid` column, where the pool has one (shards downloaded with img2dataset), else its id: 32
    hexadecimal digits. https://github.com/mlfoundations/datacomp
    """

    suffix: ClassVar = ".npy"

    @classmethod
    def unsuited(cls, pool: Pool) -> str:
        first = [str(uid) for uid in pool.take(range(min(pool.n, 3)), [_column(pool.columns)]).column(0).to_pylist()]
        wrong = next((uid for uid in first if not _UID.fullmatch(uid)), None)
        return "" if wrong is None else _no_uid(_column(pool.columns), wrong)

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return 62

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        name = _column(kept.table.column_names)
        uids = packed([str(uid) for uid in kept.table[name].to_pylist()], name)
        with open(path, "wb") as file:
            put_array(file, uids)


def packed(uids: list[str], name: str = "id") -> np.ndarray:
    """(n,) of two uint64 each, sorted, unique. Raises BadRequest for the first that is no uid."""
    wrong = next((uid for uid in uids if not _UID.fullmatch(uid)), None)
    if wrong is not None:
        raise BadRequest(_no_uid(name, wrong))
    halves = np.frombuffer(bytes.fromhex("".join(uids)), dtype=">u8").reshape(-1, 2)
    halves = np.unique(halves.astype("<u8"), axis=0)
    return np.ascontiguousarray(halves).view(UIDS).reshape(-1)


def _column(names: Sequence[str]) -> str:
    return "uid" if "uid" in names else "id"


def _no_uid(name: str, wrong: str) -> str:
    return f"The {name} {wrong!r} is no DataComp uid, which is 32 hexadecimal digits; export ids, jsonl or parquet."
