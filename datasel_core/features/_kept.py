"""Features on disk: chunks while they are made, one memory-mapped array when they are done; meta.json last."""

import contextlib
import datetime
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core import store
from datasel_core.errors import BadInput, DamagedFeature
from datasel_core.features import _files
from datasel_core.features._feature import Block
from datasel_core.features._growing import growing
from datasel_core.ragged import Ragged

CHUNK = 256
_REQUIRED = {"key", "id", "role", "pool", "shape", "unreadable", "fingerprint", "created"}
_COPIED_ROWS = 1 << 14


@dataclass(frozen=True)
class Kept:
    """A finished feature. Row i belongs to sample i of the pool; a row that could not be read is NaN, or empty for
    patterns.

    Whatever is read from its files was compared with meta.json, to the byte, once per process and state of the file.
    Raises DamagedFeature.
    """

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

    @property
    def is_given_up(self) -> bool:
        """Whether its damage was noticed, and it is being made anew."""
        return bool(self.meta.get("given_up"))

    def values(self) -> np.ndarray | Ragged:
        """Memory-mapped, read-only."""
        with self._guarded() as paths:
            names = [name for name in (_files.VALUES, _files.OFFSETS) if name in paths]
            if _files.fingerprint({name: store.known_hash(paths[name]) for name in names}) != self.meta["fingerprint"]:
                raise BadInput("other bytes")
            values = store.load_array(paths[_files.VALUES])
            if self.meta["shape"] == "ragged":
                return self._of_all_samples(Ragged(values, store.load_array(paths[_files.OFFSETS])))
            return self._of_all_samples(values)

    def extra_names(self) -> list[str]:
        """What was kept beside the values."""
        return _files.extra_names(_files.paths(self.folder, self.meta))

    def extra(self, name: str) -> np.ndarray | None:
        """(n, ...) what was kept beside the values, or None."""
        if name not in self.extra_names():
            return None
        with self._guarded() as paths:
            return self._of_all_samples(store.load_array(self._checked(paths, _files.extra_file(name))))

    def extras(self) -> dict[str, np.ndarray]:
        """Everything that was kept beside the values, name -> (n, ...) array."""
        return {name: self.extra(name) for name in self.extra_names()}

    def fitted(self) -> dict[str, np.ndarray]:
        """What was learned from the pool before encoding; nothing where that was not kept."""
        with self._guarded() as paths:
            return store.read_arrays(self._checked(paths, _files.FITTED)) if _files.FITTED in paths else {}

    def state(self) -> tuple:
        """Another value whenever a file is another one, or was written again."""
        return _files.state(self.folder, self.meta)

    def is_intact(self) -> bool:
        """Whether everything that was kept can still be trusted."""
        try:
            self.values(), self.extras(), self.fitted()
        except DamagedFeature:
            return False
        return True

    def damaged(self) -> DamagedFeature:
        """The error that says so, and what to do."""
        pool, remedy = _files.remedy(self.folder, self.meta)
        said = f"The feature {self.id} (role {self.role}, key {self.key}) of {pool}"
        now = load(self.folder)
        if now is not None and any(now.meta.get(name) != self.meta.get(name) for name in ("files", "fingerprint")):
            return DamagedFeature(f"{said} was made anew while it was in use; ask again.")
        made = "imported" if self.id == "imported" else "computed"
        return DamagedFeature(f"{said} was changed or damaged since it was {made}; {remedy}")

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[dict[str, Path]]:
        """Name -> path of its files. Whatever is wrong with them is damage."""
        try:
            if self.is_given_up:
                raise BadInput("given up")
            yield _files.paths(self.folder, self.meta)
        except (BadInput, OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            raise self.damaged() from None

    def _checked(self, paths: Mapping[str, Path], name: str) -> Path:
        expected = _files.said_hash(self.meta, name)
        if expected is not None and store.known_hash(paths[name]) != expected:
            raise BadInput("other bytes")
        return paths[name]

    def _of_all_samples(self, found: Any) -> Any:
        if len(found) != self.meta["pool"].get("n", len(found)):
            raise BadInput("other rows")
        return found


def load(folder: Path) -> Kept | None:
    """The feature in this folder, or None while it is not finished; a damaged meta.json is no finished feature."""
    with contextlib.suppress(BadInput):
        meta = store.read_json(folder / "meta.json")
        if isinstance(meta, dict) and meta.keys() >= _REQUIRED and isinstance(meta.get("files", {}), dict):
            return Kept(folder, meta)
    return None


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
        path = self.folder / _files.FITTED
        return store.read_arrays(path) if path.exists() else None

    def keep_fitted(self, fitted: Mapping[str, np.ndarray]) -> None:
        store.write_arrays(self.folder / _files.FITTED, dict(fitted))

    def forget_fitted(self) -> None:
        (self.folder / _files.FITTED).unlink(missing_ok=True)

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

    def reopen(self, done: Kept) -> None:
        """Takes the finished feature as a beginning: only its unreadable rows are missing. It stands until it is finished anew."""
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
            chunk = store.read_arrays(path)
            if len(chunk["rows"]):
                return None
            first = first or (int(chunk["unreadable_rows"][0]), str(chunk["unreadable_reasons"][0]))
        return first

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
        targets = {"values": (int(offsets[-1]), (0,) if shape is None else shape, dtype or np.dtype(np.float32))}
        targets |= {f"extra-{name}": (self.n, *kind) for name, kind in extras.items()}
        place = _place(self.folder)
        with growing(place, targets) as arrays:
            if not ragged and arrays["values"].dtype.kind == "f":
                arrays["values"][[row for row, _ in unreadable]] = np.nan
            for path in paths:
                chunk = store.read_arrays(path)
                if "values" in chunk:
                    _put(chunk, arrays, offsets, ragged)
        if ragged:
            store.save_array(place / _files.OFFSETS, offsets)
        shape, beside = "ragged" if ragged else "rows", [_files.extra_file(name) for name in extras]
        kept = write_meta(self.folder, place, about, shape, sorted(unreadable), ids, beside)
        self.tidy(kept)
        return kept

    def tidy(self, kept: Kept) -> None:
        """Removes what only the making needed; once meta.json stands, so that a kill before it costs nothing."""
        self.clear()
        _files.remove_left_over(self.folder, kept.meta)

    def clear(self) -> None:
        """Removes the chunks."""
        shutil.rmtree(self.folder / "chunks", ignore_errors=True)


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


def save_rows(
    folder: Path,
    about: dict[str, Any],
    array: np.ndarray,
    rows: np.ndarray,
    n: int,
    unreadable: list[tuple[int, str]],
    ids: np.ndarray,
) -> Kept:
    """Keeps vectors that came from elsewhere: array[i] belongs to sample rows[i]; the other samples are NaN and listed."""
    dtype = array.dtype if array.dtype in (np.float32, np.float16) else np.dtype(np.float32)
    place = _place(folder)
    with growing(place, {"values": (n, array.shape[1:], dtype)}) as arrays:
        if len(rows) < n:
            arrays["values"][:] = np.nan
        for start in range(0, len(rows), _COPIED_ROWS):
            arrays["values"][rows[start : start + _COPIED_ROWS]] = array[start : start + _COPIED_ROWS]
    kept = write_meta(folder, place, about, "rows", unreadable, ids)
    _files.remove_left_over(folder, kept.meta)
    return kept


def _place(folder: Path) -> Path:
    """Where new files go, so that a feature that stands is whole until meta.json names them."""
    standing = load(folder)
    return _files.room(folder, standing and standing.meta)


def write_meta(
    folder: Path,
    place: Path,
    about: dict[str, Any],
    shape: str,
    unreadable: list[tuple[int, str]],
    ids: np.ndarray,
    beside: Sequence[str] = (),
) -> Kept:
    """Finishes a feature whose arrays lie at `place`, in its folder: all of the new one counts from here on, and
    nothing of an older one.

    beside: names of the files with what is kept beside the values.
    """
    names = [_files.VALUES, *([_files.OFFSETS] if shape == "ragged" else []), *beside]
    lying = [place / name for name in names] + [path for path in [folder / _files.FITTED] if path.exists()]
    hashes = {path: store.hash_file(path) for path in lying}
    values = store.load_array(place / _files.VALUES)
    meta = {
        **about,
        "shape": shape,
        "dtype": str(values.dtype),
        "values": list(values.shape),
        "unreadable": [{"row": row, "id": str(ids[row]), "reason": reason} for row, reason in unreadable],
        "fingerprint": _files.fingerprint({path.name: hash for path, hash in hashes.items()}),
        "files": {path.relative_to(folder).as_posix(): hash for path, hash in hashes.items()},
        "created": _now(),
    }
    store.write_json(folder / "meta.json", meta)
    return Kept(folder, meta)


def renewed(kept: Kept, params: Mapping[str, Any]) -> Kept:
    """The same feature, as if it had been finished now: the newest of a role is the one that fills it."""
    newest = _with(kept, params=dict(params), created=_now())
    _files.remove_left_over(newest.folder, newest.meta)  # a kill right after an earlier import may have left something
    return newest


def give_up(kept: Kept) -> Kept:
    """Says that a damaged feature is being made anew. It fills its role, who asks is told; chunks are new now."""
    return _with(kept, given_up=True)


def _with(kept: Kept, **changes: Any) -> Kept:
    meta = {**kept.meta, **changes}
    store.write_json(kept.folder / "meta.json", meta)
    return Kept(kept.folder, meta)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
