"""Features on disk: chunks while they are made, one memory-mapped array when they are done; meta.json last."""

import contextlib
import datetime
import functools
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadInput, DamagedFeature
from datasel_core.features import stored_files
from datasel_core.features.order import age, next_order
from datasel_core.workspace.arrays import growing, load_array, read_arrays
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import hash_file, known_hash
from datasel_core.workspace.layout import Workspace

_REQUIRED = {"key", "id", "role", "pool", "shape", "unreadable", "fingerprint", "created"}
_COPIED_ROWS = 1 << 14
UNMEASURED = "unmeasured"
"""In meta.json of a feature that was measured of some samples only: of how many others (`n`) nobody did, and why
(`reason`), once for all of them; they are NaN.
"""


@dataclass(frozen=True)
class StoredFeature:
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

    @functools.cached_property
    def lacking(self) -> np.ndarray:
        """(m,) rows without a value, in order: those that could not be read, and those that nobody measured."""
        listed = np.array([entry["row"] for entry in self.unreadable], dtype=np.int64)
        return np.union1d(listed, self.unmeasured)

    @property
    def n_unmeasured(self) -> int:
        """How many samples nobody measured."""
        return self.meta.get(UNMEASURED, {}).get("n", 0)

    @functools.cached_property
    def unmeasured(self) -> np.ndarray:
        """(m,) rows that nobody measured, of a feature that was measured of some samples only."""
        if UNMEASURED not in self.meta:
            return np.empty(0, np.int64)
        values = np.asarray(self.values())
        nothing = np.isnan(values).reshape(len(values), -1).all(axis=1)
        nothing[[entry["row"] for entry in self.unreadable]] = False
        return np.flatnonzero(nothing)

    @property
    def is_given_up(self) -> bool:
        """Whether its damage was noticed, and it is being made anew."""
        return bool(self.meta.get("given_up"))

    def values(self) -> np.ndarray | Ragged:
        """Memory-mapped, read-only."""
        with self._guarded() as paths:
            names = [name for name in (stored_files.VALUES, stored_files.OFFSETS) if name in paths]
            if stored_files.fingerprint({name: known_hash(paths[name]) for name in names}) != self.meta["fingerprint"]:
                raise BadInput("other bytes")
            values = load_array(paths[stored_files.VALUES])
            if self.meta["shape"] == "ragged":
                return self._of_all_samples(Ragged(values, load_array(paths[stored_files.OFFSETS])))
            return self._of_all_samples(values)

    def extra_names(self) -> list[str]:
        """What was kept beside the values."""
        return stored_files.extra_names(stored_files.paths(self.folder, self.meta))

    def extra(self, name: str) -> np.ndarray | None:
        """(n, ...) what was kept beside the values, or None."""
        if name not in self.extra_names():
            return None
        with self._guarded() as paths:
            return self._of_all_samples(load_array(self._checked(paths, stored_files.extra_file(name))))

    def extras(self) -> dict[str, np.ndarray]:
        """Everything that was kept beside the values, name -> (n, ...) array."""
        return {name: self.extra(name) for name in self.extra_names()}

    def extra_hashes(self, names: Sequence[str]) -> dict[str, str]:
        """Name -> SHA-256 of what was kept beside the values; none where nothing is said of it."""
        said = {name: stored_files.said_hash(self.meta, stored_files.extra_file(name)) for name in names}
        return {name: hash for name, hash in said.items() if hash is not None}

    def fitted(self) -> dict[str, np.ndarray]:
        """What was learned from the pool before encoding; nothing where that was not kept."""
        with self._guarded() as paths:
            return read_arrays(self._checked(paths, stored_files.FITTED)) if stored_files.FITTED in paths else {}

    def state(self) -> tuple:
        """Another value whenever a file is another one, or was written again."""
        return stored_files.state(self.folder, self.meta)

    def is_intact(self) -> bool:
        """Whether everything that was kept can still be trusted."""
        try:
            self.values(), self.extras(), self.fitted()
        except DamagedFeature:
            return False
        return True

    def damaged(self) -> DamagedFeature:
        """The error that says so, and what to do."""
        pool, remedy = stored_files.remedy(self.folder, self.meta)
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
            yield stored_files.paths(self.folder, self.meta)
        except (BadInput, OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            raise self.damaged() from None

    def _checked(self, paths: Mapping[str, Path], name: str) -> Path:
        expected = stored_files.said_hash(self.meta, name)
        if expected is not None and known_hash(paths[name]) != expected:
            raise BadInput("other bytes")
        return paths[name]

    def _of_all_samples(self, found: Any) -> Any:
        if len(found) != self.meta["pool"].get("n", len(found)):
            raise BadInput("other rows")
        return found


def load(folder: Path) -> StoredFeature | None:
    """The feature in this folder, or None while it is not finished; a damaged meta.json is no finished feature."""
    with contextlib.suppress(BadInput):
        meta = read_json(folder / "meta.json")
        if isinstance(meta, dict) and meta.keys() >= _REQUIRED and isinstance(meta.get("files", {}), dict):
            return StoredFeature(folder, meta)
    return None


def kept_features(workspace: Workspace, fingerprint: str) -> list[StoredFeature]:
    """All finished features of the pool with this fingerprint, oldest first."""
    kept = [load(folder) for folder in workspace.folders("features")]
    mine = [one for one in kept if one is not None and one.meta["pool"]["fingerprint"] == fingerprint]
    return sorted(mine, key=lambda one: (age(one.meta), one.key))


def save_rows(
    folder: Path,
    about: dict[str, Any],
    array: np.ndarray,
    rows: np.ndarray,
    n: int,
    unreadable: list[tuple[int, str]],
    ids: np.ndarray,
) -> StoredFeature:
    """Keeps vectors that came from elsewhere: array[i] belongs to sample rows[i]; the other samples are NaN and
    listed.
    """
    dtype = array.dtype if array.dtype in (np.float32, np.float16) else np.dtype(np.float32)
    place = room_beside(folder)
    with growing(place, {"values": (n, array.shape[1:], dtype)}) as arrays:
        if len(rows) < n:
            arrays["values"][:] = np.nan
        for start in range(0, len(rows), _COPIED_ROWS):
            arrays["values"][rows[start : start + _COPIED_ROWS]] = array[start : start + _COPIED_ROWS]
    kept = write_meta(folder, place, about, "rows", unreadable, ids)
    stored_files.remove_left_over(folder, kept.meta)
    return kept


def room_beside(folder: Path) -> Path:
    """Where new files go, so that a feature that stands is whole until meta.json names them."""
    standing = load(folder)
    return stored_files.room(folder, standing and standing.meta)


def write_meta(
    folder: Path,
    place: Path,
    about: dict[str, Any],
    shape: str,
    unreadable: list[tuple[int, str]],
    ids: np.ndarray,
    beside: Sequence[str] = (),
) -> StoredFeature:
    """Finishes a feature whose arrays lie at `place`, in its folder: all of the new one counts from here on, and
    nothing of an older one.

    beside: names of the files with what is kept beside the values.
    """
    names = [stored_files.VALUES, *([stored_files.OFFSETS] if shape == "ragged" else []), *beside]
    lying = [place / name for name in names] + [path for path in [folder / stored_files.FITTED] if path.exists()]
    hashes = {path: hash_file(path) for path in lying}
    values = load_array(place / stored_files.VALUES)
    meta = {
        **about,
        "shape": shape,
        "dtype": str(values.dtype),
        "values": list(values.shape),
        "unreadable": [{"row": row, "id": str(ids[row]), "reason": reason} for row, reason in unreadable],
        "fingerprint": stored_files.fingerprint({path.name: hash for path, hash in hashes.items()}),
        "files": {path.relative_to(folder).as_posix(): hash for path, hash in hashes.items()},
        "created": _now(),
    }
    with next_order(folder) as order:
        meta["order"] = order
        write_json(folder / "meta.json", meta)
    return StoredFeature(folder, meta)


def renewed(kept: StoredFeature, params: Mapping[str, Any]) -> StoredFeature:
    """The same feature, as if it had been finished now: the newest of a role is the one that fills it."""
    with next_order(kept.folder) as order:
        newest = _with(kept, params=dict(params), created=_now(), order=order)
    stored_files.remove_left_over(
        newest.folder, newest.meta
    )  # a kill right after an earlier import may have left something
    return newest


def give_up(kept: StoredFeature) -> StoredFeature:
    """Says that a damaged feature is being made anew. It fills its role, who asks is told; chunks are new now."""
    return _with(kept, given_up=True)


def _with(kept: StoredFeature, **changes: Any) -> StoredFeature:
    meta = {**kept.meta, **changes}
    write_json(kept.folder / "meta.json", meta)
    return StoredFeature(kept.folder, meta)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def about_feature(kept: StoredFeature) -> dict[str, Any]:
    """What is said of a kept feature, as plain data."""
    said = ("id", "version", "role", "params", "key", "shape", "values", "dtype", "created")
    missing = {UNMEASURED: kept.n_unmeasured} if UNMEASURED in kept.meta else {}
    return {**{name: kept.meta[name] for name in said}, "unreadable": len(kept.unreadable), **missing}
