"""What a source holds when it has been read, before it is a pool."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.errors import BadInput
from datasel_core.workspace.hashing import canonical


@dataclass(frozen=True)
class Scan:
    """What a source holds. table: one row per sample, with `id` (unique text) and `content` (hash of what the sample
    is).

    unreadable: [{"id", "reason"}] left out of the candidates; left_out: how many, where only the first are listed.
    roles: arrays the source brought, one row per sample; an array too large for memory may be anything with a length,
    `shape`, `dtype` and slices, which are taken from front to back.
    file: where the samples are too large for memory, a finished Parquet of all columns, which becomes the pool's; then
    `table` holds all but `texts`.
    stamps: (n, 3) size and times of each sample's own file, by which one that was written since is known.
    boxes: what people drew on the samples, as `labels.boxes` makes it.
    layout: in which the pictures lay, as the option of that name says it; empty where in none of the usual ones.
    shards: size and times of the files that hold several pictures each, where they are known; else they are looked at.
    cut: of which pool these are a part, and which.
    part_of: of which pool these are some samples, for pool.json; empty where they come from a source.
    facts: role -> what is to be known of the array that was brought, such as the grid of its cells.
    missing: role -> (row, reason) of the samples that the array has no value of.
    close: called when the pool is written, or will not be.
    """

    table: pa.Table
    root: Path
    unreadable: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    roles: Mapping[str, Any] = field(default_factory=dict)
    left_out: int | None = None
    file: Path | None = None
    texts: tuple[str, ...] = ()
    stamps: np.ndarray | None = None
    boxes: pa.Table | None = None
    layout: str = ""
    shards: Mapping[str, list[int]] | None = None
    cut: Mapping[str, Any] | None = None
    part_of: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: Mapping[str, list[tuple[int, str]]] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None


def fingerprint(table: pa.Table) -> str:
    """SHA-256 of all ids and content hashes, in order, however the table lies in memory."""
    digest = hashlib.sha256()
    for start in range(0, table.num_rows, 65536):
        part = table.select(["id", "content"]).slice(start, 65536)
        digest.update(canonical([part["id"].to_pylist(), part["content"].to_pylist()]).encode())
    return digest.hexdigest()


def check_ids(ids: list[str]) -> None:
    """Raises BadInput when an id repeats or is empty, naming both places."""
    first: dict[str, int] = {}
    for row, id in enumerate(ids):
        if not id:
            raise BadInput(f"Row {row + 1} has an empty id; every sample needs a name of its own.")
        if id in first:
            raise BadInput(f"The id {id!r} stands in rows {first[id] + 1} and {row + 1}; ids must be unique.")
        first[id] = row
