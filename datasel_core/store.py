"""The workspace on disk: the only module that knows paths. Keys, atomic writes, locks, allowed roots."""

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from datasel_core.errors import BadInput, BadParameter, BadRequest, Failed

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def key_of(what: Any) -> str:
    """16 hex digits that stand for what decides an answer: the SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical(what).encode()).hexdigest()[:16]


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spare space: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


_hashes: dict[tuple[int, ...], str] = {}
_TICK = 2_000_000_000
"""Nanoseconds. A file written a moment ago may be written once more without looking younger."""


def known_hash(path: Path) -> str:
    """SHA-256 of a file's bytes; this process reads them again only when the file's size, place on the disk or times are others."""
    before = os.stat(path)
    key = (before.st_dev, before.st_ino, before.st_size, before.st_mtime_ns, before.st_ctime_ns)
    if key not in _hashes:
        young = time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns) < _TICK
        found = hash_file(path)
        if young:
            return found
        _hashes[key] = found
    return _hashes[key]


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; when the block ends well it takes its place, all at once. Else nothing is left.

    Raises Failed when the disk is full or the folder cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise disk_trouble(error, path) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def disk_trouble(error: OSError, path: Path) -> Failed:
    """One line for a write that did not work."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failed(f"The disk is full: {path} was not written. Free some space and start again; what was finished is kept.")
    return Failed(f"{path} could not be written: {error.strerror or error}.")


def write_json(path: Path, value: Any) -> None:
    with writing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, default: Any = None) -> Any:
    """The value in a JSON file, or `default` where there is no such file. Raises BadInput when it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is damaged: it is not JSON ({error}).") from None


def save_array(path: Path, array: np.ndarray) -> None:
    with writing(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def load_array(path: Path) -> np.ndarray:
    """Memory-mapped and read-only; never unpickles."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise BadInput(f"{path} is not a NumPy array of numbers or text: {error}.") from None


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Several arrays in one .npz, all at once."""
    with writing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


class Lock:
    """One holder at a time, across processes; let go by the system when its holder dies."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = filelock.FileLock(folder / ".lock", is_singleton=False)

    def try_hold(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        return True

    def release(self) -> None:
        self._lock.release()

    @contextlib.contextmanager
    def hold(self, while_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Waits for the lock; `while_waiting` is called several times a second and may raise."""
        while True:
            while_waiting()
            try:
                self._lock.acquire(timeout=0.2)
                break
            except filelock.Timeout:
                continue
        try:
            yield
        finally:
            self._lock.release()


def is_held(folder: Path) -> bool:
    """Whether some process is at work in this folder right now."""
    if not (folder / ".lock").exists():
        return False
    lock = Lock(folder)
    if lock.try_hold():
        lock.release()
        return False
    return True


@dataclass(frozen=True)
class Workspace:
    """One folder that holds everything datasel knows. Media files are read where they are, never copied."""

    path: Path

    @classmethod
    def at(cls, path: str | os.PathLike | None = None) -> "Workspace":
        """`path`, else DATASEL_WORKSPACE, else ./workspace. Made when something is first written."""
        return cls(Path(path or os.environ.get("DATASEL_WORKSPACE") or "workspace").expanduser().resolve())

    def pool(self, name: str) -> Path:
        return self.path / "pools" / checked_name("pool", name)

    def feature(self, key: str) -> Path:
        return self.path / "features" / checked_name("feature key", key)

    def run(self, key: str) -> Path:
        return self.path / "runs" / checked_name("run", key)

    def map(self, key: str) -> Path:
        return self.path / "maps" / checked_name("map", key)

    def scores(self, key: str) -> Path:
        return self.path / "scores" / checked_name("scores", key)

    def serving(self, key: str) -> Path:
        return self.path / "serving" / checked_name("serving", key)

    def demo(self, name: str) -> Path:
        return self.path / "demo" / checked_name("demo", name)

    def task(self, key: str) -> Path:
        """Work that has no answer folder of its own: making the demo, opening a folder."""
        return self.path / "tasks" / checked_name("task", key)

    def spool(self) -> Path:
        """Where reading a large source puts what it has read so far; a folder in it that nobody holds is left over."""
        return self.path / "spool"

    def thumbs(self) -> Path:
        """Small copies of photos for the screen; it may be deleted at any time."""
        return self.path / "thumbs"

    def written(self) -> Path:
        """Records of what exports wrote outside: a path, and the hash of what was written there."""
        return self.path / "written"

    def own(self) -> list[Path]:
        """What only this program writes; the rest (demo, tasks, what people put there) is not among it."""
        review = (f"review.sqlite{end}" for end in ("", "-wal", "-shm", "-journal"))
        parts = ("pools", "features", "runs", "scores", "serving", "maps", "written", *review)
        return [self.path / part for part in parts]

    def folders(self, part: str) -> list[Path]:
        """The folders of one part (pools, features, runs, maps, tasks), by name."""
        base = self.path / part
        return sorted(folder for folder in base.iterdir() if folder.is_dir()) if base.is_dir() else []

    def roots(self) -> list[Path]:
        """Where sources may lie: DATASEL_DATA_ROOTS (separated like PATH), else the current folder, the home folder; always the workspace."""
        named = os.environ.get("DATASEL_DATA_ROOTS")
        roots: Iterable[Path] = [Path(part) for part in named.split(os.pathsep) if part] if named else [Path.cwd(), Path.home()]
        return [root.expanduser().resolve() for root in [*roots, self.path]]

    def allowed(self, path: str | os.PathLike) -> Path:
        """The real path, links followed, if it lies under an allowed root. Raises BadRequest."""
        text = os.fspath(path)
        if not text.strip() or "\0" in text:
            raise BadRequest("The path is empty; name a file or folder.")
        try:
            real = Path(text).expanduser().resolve()
        except (RuntimeError, OSError) as error:  # links in a circle, a home that nobody has, a name that is too long
            raise BadRequest(f"{text} is no path that can be followed: {error}.") from None
        roots = self.roots()
        if not any(real.is_relative_to(root) for root in roots):
            raise BadRequest(f"{text} lies outside the allowed folders ({', '.join(map(str, roots))}); set DATASEL_DATA_ROOTS to allow it.")
        return real


def checked_name(kind: str, name: str) -> str:
    """A name that is safe as a folder's name everywhere. Raises BadParameter."""
    if not NAME.fullmatch(name):
        raise BadParameter(f"The {kind} name {name!r} will not do; use 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first.")
    return name
