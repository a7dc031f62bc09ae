"""A feature in the making: chunks on disk, joined when all are there."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadInput, Failed
from datasel_core.features import stored_files
from datasel_core.features.feature import Block
from datasel_core.features.stored import UNMEASURED, StoredFeature, room_beside, write_meta
from datasel_core.workspace.arrays import growing, read_arrays, save_array, write_arrays

_COPIED_ROWS = 1 << 14
CHUNK, SECONDS = 256, 20.0
"""So many samples are a chunk, or what came in so many seconds: of samples that take seconds each, few may be lost."""


class Chunks:
    """A feature in the making. Whatever kills the process costs at most the chunk that was not written yet, damage the
    chunk that it befell.

    damaged: how many were found so, and are made again.
    """

    def __init__(self, folder: Path, n: int):
        self.folder, self.n, self.damaged = folder, n, 0
        self._waiting: list[Block] = []
        self._waiting_rows = 0
        self._written = time.monotonic()

    def fitted(self) -> dict[str, np.ndarray] | None:
        """What was learned; nothing, and no chunk either, where that is damaged: they were made with it."""
        path = self.folder / stored_files.FITTED
        try:
            return read_arrays(path) if path.exists() else None
        except BadInput:
            self.damaged += 1 + len(self._paths())
            self.clear()
            self.forget_fitted()
            return None

    def keep_fitted(self, fitted: Mapping[str, np.ndarray]) -> None:
        write_arrays(self.folder / stored_files.FITTED, dict(fitted))

    def forget_fitted(self) -> None:
        (self.folder / stored_files.FITTED).unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted((self.folder / "chunks").glob("[0-9]*.npz"))

    def missing(self, measured: np.ndarray | None = None) -> np.ndarray:
        """Rows that no written chunk answers for; damaged chunks are removed. measured: the rows that are measured at
        all; None for every row.
        """
        open_rows = np.full(self.n, measured is None)
        open_rows[[] if measured is None else measured] = True
        for path in self._paths():
            try:
                chunk = read_arrays(path)
            except BadInput:
                self.damaged += 1
                path.unlink()
                continue
            open_rows[chunk["rows"]] = False
            open_rows[chunk["unreadable_rows"]] = False
        return np.flatnonzero(open_rows)

    def reopen(self, done: StoredFeature) -> None:
        """Takes the finished feature as a beginning: only its unreadable rows are missing. It stands until it is
        finished anew.
        """
        if self._paths():
            return
        rows = np.setdiff1d(np.arange(self.n), [entry["row"] for entry in done.unreadable])
        values = done.values()
        extras = done.extras()
        for start in range(0, len(rows), _COPIED_ROWS):
            part = rows[start : start + _COPIED_ROWS]
            mine = values.take(part) if isinstance(values, Ragged) else values[part]
            self.add(Block(part, mine, extra={name: array[part] for name, array in extras.items()}))
        self.flush()

    def nothing_read(self) -> tuple[int, str] | None:
        """The first row and its reason when no sample at all could be read."""
        first = None
        for path in self._paths():
            chunk = _read(path)
            if len(chunk["rows"]):
                return None
            first = first or (int(chunk["unreadable_rows"][0]), str(chunk["unreadable_reasons"][0]))
        return first

    def read_rows(self) -> np.ndarray:
        """(m,) rows that were read, in order."""
        rows = [_read(path)["rows"] for path in self._paths()]
        return np.sort(np.concatenate(rows)) if rows else np.empty(0, np.int64)

    def add(self, block: Block) -> int:
        """Takes a block; writes a chunk when enough have come, or they took long. Returns how many samples the block
        answers for.
        """
        answered = len(block.rows) + len(block.unreadable)
        self._waiting.append(block)
        self._waiting_rows += answered
        if self._waiting_rows >= CHUNK or time.monotonic() - self._written >= SECONDS:
            self.flush()
        return answered

    def flush(self) -> None:
        """Writes what is waiting as one chunk."""
        if not self._waiting_rows:
            return
        blocks, self._waiting, self._waiting_rows = self._waiting, [], 0
        self._written = time.monotonic()
        read = [block for block in blocks if len(block.rows)]
        unreadable = [pair for block in blocks for pair in block.unreadable]
        chunk = {
            "rows": np.concatenate([block.rows for block in blocks]).astype(np.int64),
            "unreadable_rows": np.array([row for row, _ in unreadable], dtype=np.int64),
            "unreadable_reasons": np.array([reason for _, reason in unreadable], dtype=np.str_),
        }
        if read:
            if isinstance(read[0].values, Ragged):
                chunk["values"] = np.concatenate([block.values.values for block in read])
                chunk["lengths"] = np.concatenate([block.values.lengths() for block in read])
            else:
                chunk["values"] = np.concatenate([block.values for block in read])
            for name in read[0].extra:
                chunk[f"extra-{name}"] = np.concatenate([block.extra[name] for block in read])
        first = min(chunk["rows"].min(initial=self.n), chunk["unreadable_rows"].min(initial=self.n))
        write_arrays(self.folder / "chunks" / f"{first:09d}.npz", chunk)

    def finish(self, about: dict[str, Any], ids: np.ndarray, unmeasured: str = "") -> StoredFeature:
        """Joins the chunks into arrays with one row per sample, and writes meta.json. unmeasured: why there are rows
        that no chunk answers for; they are NaN.
        """
        paths = self._paths()
        unreadable, lengths, shape, dtype = [], np.zeros(self.n, np.int64), None, None
        extras: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
        ragged = False
        answered = 0
        for path in paths:
            chunk = _read(path)
            answered += len(chunk["rows"]) + len(chunk["unreadable_rows"])
            unreadable += [
                (int(row), str(reason))
                for row, reason in zip(chunk["unreadable_rows"], chunk["unreadable_reasons"], strict=True)
            ]
            if "values" not in chunk:
                continue
            ragged = "lengths" in chunk
            lengths[chunk["rows"]] = chunk["lengths"] if ragged else 1
            shape, dtype = chunk["values"].shape[1:], chunk["values"].dtype
            extras.update(
                {name[6:]: (array.shape[1:], array.dtype) for name, array in chunk.items() if name.startswith("extra-")}
            )
        offsets = np.concatenate([[0], np.cumsum(lengths)]) if ragged else np.arange(self.n + 1)
        targets = {"values": (int(offsets[-1]), (0,) if shape is None else shape, dtype or np.dtype(np.float32))}
        targets |= {f"extra-{name}": (self.n, *kind) for name, kind in extras.items()}
        place = room_beside(self.folder)
        with growing(place, targets) as arrays:
            if not ragged and arrays["values"].dtype.kind == "f":
                arrays["values"][[row for row, _ in unreadable]] = np.nan
            for array in arrays.values() if unmeasured else ():
                array[:] = np.nan
            for path in paths:
                chunk = _read(path)
                if "values" in chunk:
                    _put(chunk, arrays, offsets, ragged)
        if ragged:
            save_array(place / stored_files.OFFSETS, offsets)
        if unmeasured:
            about = {**about, UNMEASURED: {"n": self.n - answered, "reason": unmeasured}}
        shape, beside = "ragged" if ragged else "rows", [stored_files.extra_file(name) for name in extras]
        kept = write_meta(self.folder, place, about, shape, sorted(unreadable), ids, beside)
        self.tidy(kept)
        return kept

    def tidy(self, kept: StoredFeature) -> None:
        """Removes what only the making needed; once meta.json stands, so that a kill before it costs nothing."""
        self.clear()
        stored_files.remove_left_over(self.folder, kept.meta)

    def clear(self) -> None:
        """Removes the chunks."""
        shutil.rmtree(self.folder / "chunks", ignore_errors=True)


def _read(path: Path) -> dict[str, np.ndarray]:
    """A chunk that was whole a moment ago. Raises Failed."""
    try:
        return read_arrays(path)
    except BadInput as error:
        raise Failed(f"{error} Compute the feature again: what is whole is kept, the rest is made anew.") from None


def _put(chunk: dict[str, np.ndarray], arrays: dict[str, np.ndarray], offsets: np.ndarray, ragged: bool) -> None:
    rows = chunk["rows"]
    if ragged:
        part = Ragged(chunk["values"], np.concatenate([[0], np.cumsum(chunk["lengths"])]))
        for at, row in enumerate(rows):
            arrays["values"][offsets[row] : offsets[row + 1]] = part[at]
    else:
        arrays["values"][rows] = chunk["values"]
    for name, array in arrays.items():
        if name != "values":
            array[rows] = chunk[name]
