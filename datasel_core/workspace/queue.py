"""Whose turn it is: heavy work of one workspace goes one after the other, in the order in which it came, whichever
process asks. A ticket is a numbered file that its holder keeps locked, so a process that dies gives up its place.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from datasel_core.errors import Failed
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_LOOK = 0.2  # seconds between two looks at who is before


def slots() -> int:
    """How many may work at a time: DATASEL_HEAVY_TASKS, else one."""
    told = os.environ.get("DATASEL_HEAVY_TASKS", "")
    return int(told) if told.isdigit() and int(told) > 0 else 1


@contextlib.contextmanager
def turn(workspace: Workspace, name: str, waits: Callable[[str], None]) -> Iterator[None]:
    """Holds a place among those that may work. name: what others read who wait for it.

    waits: called several times a second with the name of what is before, until it is our turn; may raise to give up.
    """
    folder = workspace.queue()
    try:
        ticket, lock = _draw(folder, name)
    except Failed:  # a workspace that cannot be written: nobody waits in it, and work that writes says so
        yield
        return
    try:
        while len(before := [one for one in _tickets(folder) if one < ticket and _is_alive(one)]) >= slots():
            waits(_name(before[0]))
            time.sleep(_LOOK)
        yield
    finally:
        ticket.unlink(missing_ok=True)
        lock.release()


def _draw(folder: Path, name: str) -> tuple[Path, filelock.FileLock]:
    """The next number, locked before anybody else can look at it."""
    with Lock(folder).hold():
        number = max((int(one.name) for one in _tickets(folder)), default=0) + 1
        ticket = folder / f"{number:012d}"
        ticket.write_text(name, encoding="utf-8")
        lock = filelock.FileLock(_guard(ticket), is_singleton=False)
        lock.acquire()
    return ticket, lock


def _tickets(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.name.isdigit())


def _is_alive(ticket: Path) -> bool:
    """Whether its holder still is; what a dead one left is removed."""
    lock = filelock.FileLock(_guard(ticket), is_singleton=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    ticket.unlink(missing_ok=True)
    lock.release()
    _guard(ticket).unlink(missing_ok=True)
    return False


def _guard(ticket: Path) -> Path:
    return ticket.with_name(f".{ticket.name}.lock")


def _name(ticket: Path) -> str:
    try:
        return ticket.read_text(encoding="utf-8")
    except OSError:
        return "other work"
