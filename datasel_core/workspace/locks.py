"""Locks across processes; let go by the system when their holder dies."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from datasel_core.errors import Failed
from datasel_core.workspace.files import disk_trouble


class Lock:
    """One holder at a time, across processes; let go by the system when its holder dies. Raises Failed where nothing
    can be written.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_trouble(error, folder) from error
        self._lock = filelock.FileLock(folder / ".lock", is_singleton=False)

    def try_hold(self, seconds: float = 0) -> bool:
        """Whether it is ours now; waits for so long."""
        try:
            self._lock.acquire(timeout=seconds)
        except filelock.Timeout:
            return False
        except FileNotFoundError:  # the folder was deleted meanwhile
            self.folder.mkdir(parents=True, exist_ok=True)
            return False
        except OSError as error:
            raise disk_trouble(error, self.folder) from error
        return True

    def is_there(self) -> bool:
        """Whether the folder still has the file that is locked: it may have been removed before it was."""
        return (self.folder / ".lock").exists()

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
    try:
        if lock.try_hold():
            lock.release()
            return False
    except Failed:  # nothing can be written here, so nobody is at work
        return False
    return True
