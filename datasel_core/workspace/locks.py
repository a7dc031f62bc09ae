"""Locks across processes; let go by the system when their holder dies."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock


class Lock:
    """One holder at a time, across processes; let go by the system when its holder dies."""

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = filelock.FileLock(folder / ".lock", is_singleton=False)

    def try_hold(self, seconds: float = 0) -> bool:
        """Whether it is ours now; waits for so long."""
        try:
            self._lock.acquire(timeout=seconds)
        except filelock.Timeout:
            return False
        except FileNotFoundError:  # the folder was deleted meanwhile
            self._folder.mkdir(parents=True, exist_ok=True)
            return False
        return True

    def release(self) -> None:
        self._lock.release()

    @contextlib.contextmanager
    def hold(self, while_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Waits for the lock; `while_waiting` is called several times a second and may raise."""
        while_waiting()
        while not self.try_hold(0.2):
            while_waiting()
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
