"""Features on disk: chunks while they are made, one memory-mapped array when they are done; meta.json last."""

import hashlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core import store
from datasel_core.features._feature import Block
from datasel_core.ragged import Ragged

CHUNK = 256
_COPY = 1 << 14


@dataclass(frozen=True)
class Kept:
    """A finished feature. Row i belongs to sample i of the pool; a row that could not be read is NaN, or empty for patterns."""

    folder: Path
    meta: Mapping[str, Any]

    @property
    def key(self) -> str:
        return self.meta["key"]

    @property
    def id(self) -> str:
        return self.meta["id"]

    @property
    def role(self) -> str:
        return self.meta["role"]

    @property
    def unreadable(self) -> list[dict[str, Any]]:
        """[{"row", "id", "reason"}] of samples that have no value."""
        return self.meta["unreadable"]

    def values(self) -> np.ndarray | Ragged:
        """Memory-mapped, read-only."""
        values = store.load_array(self.folder / "values.npy")
        if self.meta["shape"] != "ragged":
            return values
        return Ragged(values, store.load_array(self.folder / "offsets.npy"))

    def extra(self, name: str) -> np.ndarray | None:
        """(n, ...) what was kept beside the values, or None."""
        path = self.folder / f"extra-{name}.npy"
        return store.load_array(path) if path.exists() else None

    def is_intact(self) -> bool:
        return _fingerprint(self.folder) == self.meta["fingerprint"]


def load(folder: Path) -> Kept | None:
    """The feature in this folder, or None while it is not finished."""
    meta = store.read_json(folder / "meta.json")
    return None if meta is None else Kept(folder, meta)


def kept_features(workspace: store.Workspace, fingerprint: str) -> list[Kept]:
    """All finished features of the pool with this fingerprint, oldest first."""
    kept = [load(folder) for folder in workspace.folders("features")]
    mine = [one for one in kept if one is not None and one.meta["pool"]["fingerprint"] == fingerprint]
    return sorted(mine, key=lambda one: (one.meta["created"], one.key))


class Chunks:
    """A feature in the making. Whatever kills the process costs at most the chunk that was not written yet."""

    def __init__(self, folder: Path, n: int):
        self.folder, self.n = folder, n
        self._waiting: list[Block] = []
        self._waiting_rows = 0

    def fitted(self) -> dict[str, np.ndarray] | None:
        path = self.folder / "fitted.npz"
        return store.read_arrays(path) if path.exists() else None

    def keep_fitted(self, fitted: Mapping[str, np.ndarray]) -> None:
        store.write_arrays(self.folder / "fitted.npz", dict(fitted))

    def _paths(self) -> list[Path]:
        return sorted((self.folder / "chunks").glob("[0-9]*.npz"))

    def missing(self) -> np.ndarray:
        """Rows that no written chunk answers for."""
        open_rows = np.ones(self.n, dtype=bool)
        for path in self._paths():
            chunk = store.read_arrays(path)
            open_rows[chunk["rows"]] = False
            open_rows[chunk["unreadable_rows"]] = False
        return np.flatnonzero(open_rows)

    def add(self, block: Block) -> int:
        """Takes a block; writes a chunk when enough have come. Returns how many samples the block answers for."""
        answered = len(block.rows) + len(block.unreadable)
        self._waiting.append(block)
        self._waiting_rows += answered
        if self._waiting_rows >= CHUNK:
            self.flush()
        return answered

    def flush(self) -> None:
        """Writes what is waiting as one chunk."""
        if not self._waiting_rows:
            return
        blocks, self._waiting, self._waiting_rows = self._waiting, [], 0
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
        store.write_arrays(self.folder / "chunks" / f"{first:09d}.npz", chunk)

    def finish(self, about: dict[str, Any], ids: np.ndarray) -> Kept:
        """Joins the chunks into arrays with one row per sample, and writes meta.json."""
        paths = self._paths()
        unreadable, lengths, shape, dtype = [], np.zeros(self.n, np.int64), None, None
        extras: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
        ragged = False
        for path in paths:
            chunk = store.read_arrays(path)
            unreadable += [(int(row), str(reason)) for row, reason in zip(chunk["unreadable_rows"], chunk["unreadable_reasons"], strict=True)]
            if "values" not in chunk:
                continue
            ragged = "lengths" in chunk
            lengths[chunk["rows"]] = chunk["lengths"] if ragged else 1
            shape, dtype = chunk["values"].shape[1:], chunk["values"].dtype
            extras.update({name[6:]: (array.shape[1:], array.dtype) for name, array in chunk.items() if name.startswith("extra-")})
        offsets = np.concatenate([[0], np.cumsum(lengths)]) if ragged else np.arange(self.n + 1)
        targets = {"values": (int(offsets[-1]), shape or (0,), dtype or np.dtype(np.float32))}
        targets |= {f"extra-{name}": (self.n, *kind) for name, kind in extras.items()}
        with _open_arrays(self.folder, targets) as arrays:
            if not ragged and arrays["values"].dtype.kind == "f":
                arrays["values"][[row for row, _ in unreadable]] = np.nan
            for path in paths:
                chunk = store.read_arrays(path)
                if "values" in chunk:
                    _place(chunk, arrays, offsets, ragged)
        if ragged:
            store.save_array(self.folder / "offsets.npy", offsets)
        shutil.rmtree(self.folder / "chunks", ignore_errors=True)
        return write_meta(self.folder, about, "ragged" if ragged else "rows", sorted(unreadable), ids)


def _place(chunk: dict[str, np.ndarray], arrays: dict[str, np.ndarray], offsets: np.ndarray, ragged: bool) -> None:
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


class _open_arrays:
    """Writable memory maps that become .npy files when all went well."""

    def __init__(self, folder: Path, targets: dict[str, tuple[int, tuple[int, ...], np.dtype]]):
        self.folder, self.targets = folder, targets

    def __enter__(self) -> dict[str, np.ndarray]:
        try:
            self.maps = {
                name: np.lib.format.open_memmap(self.folder / f".{name}.part", mode="w+", dtype=dtype, shape=(n, *shape))
                for name, (n, shape, dtype) in self.targets.items()
            }
        except OSError as error:
            raise store.disk_trouble(error, self.folder) from error
        return self.maps

    def __exit__(self, kind: type | None, *_: object) -> None:
        for name, array in self.maps.items():
            array.flush()
            part = self.folder / f".{name}.part"
            part.replace(self.folder / f"{name}.npy") if kind is None else part.unlink(missing_ok=True)
        self.maps = {}


def save_rows(folder: Path, about: dict[str, Any], array: np.ndarray, rows: np.ndarray, n: int, unreadable: list[tuple[int, str]], ids: np.ndarray) -> Kept:
    """Keeps vectors that came from elsewhere: array[i] belongs to sample rows[i]; the other samples are NaN and listed."""
    dtype = array.dtype if array.dtype in (np.float32, np.float16) else np.dtype(np.float32)
    with _open_arrays(folder, {"values": (n, array.shape[1:], dtype)}) as arrays:
        if len(rows) < n:
            arrays["values"][:] = np.nan
        for start in range(0, len(rows), _COPY):
            arrays["values"][rows[start : start + _COPY]] = array[start : start + _COPY]
    return write_meta(folder, about, "rows", unreadable, ids)


def write_meta(folder: Path, about: dict[str, Any], shape: str, unreadable: list[tuple[int, str]], ids: np.ndarray) -> Kept:
    values = store.load_array(folder / "values.npy")
    meta = {
        **about,
        "shape": shape,
        "dtype": str(values.dtype),
        "values": list(values.shape),
        "unreadable": [{"row": row, "id": str(ids[row]), "reason": reason} for row, reason in unreadable],
        "fingerprint": _fingerprint(folder),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    store.write_json(folder / "meta.json", meta)
    return Kept(folder, meta)


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in ("values.npy", "offsets.npy"):
        if (folder / name).exists():
            digest.update(store.hash_file(folder / name).encode())
    return digest.hexdigest()
