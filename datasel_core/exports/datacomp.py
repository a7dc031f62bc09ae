"""The subset file of the DataComp benchmark."""

import re
from pathlib import Path
from typing import ClassVar

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.export import Export, SelectionRecord, export_format

UIDS = np.dtype("<u8,<u8")
"""A uid's first 16 hexadecimal digits and its last 16, as two numbers."""


@export_format("datacomp", version=1, title="DataComp uids")
class DataComp(Export):
    """The kept uids, sorted, each once, as a .npy for DataComp's resharder: `numpy.load(path, mmap_mode="r")`.

    A uid is the sample's `uid` column, where the pool has one (shards downloaded with img2dataset), else its id: 32
    hexadecimal digits. https://github.com/mlfoundations/datacomp
    """

    suffix: ClassVar = ".npy"

    def make(self, kept: SelectionRecord, path: Path, progress: Progress) -> None:
        name = "uid" if "uid" in kept.table.column_names else "id"
        uids = packed([str(uid) for uid in kept.table[name].to_pylist()], name)
        with open(path, "wb") as file:
            np.lib.format.write_array(file, uids, allow_pickle=False)


def packed(uids: list[str], name: str = "id") -> np.ndarray:
    """(n,) of two uint64 each, sorted, unique. Raises BadRequest for the first that is no uid."""
    wrong = next((uid for uid in uids if not re.fullmatch(r"[0-9a-fA-F]{32}", uid)), None)
    if wrong is not None:
        raise BadRequest(
            f"The {name} {wrong!r} is no DataComp uid, which is 32 hexadecimal digits; export ids, jsonl or parquet."
        )
    halves = np.frombuffer(bytes.fromhex("".join(uids)), dtype=">u8").reshape(-1, 2)
    halves = np.unique(halves.astype("<u8"), axis=0)
    return np.ascontiguousarray(halves).view(UIDS).reshape(-1)
