"""Deleting a selection: at once or not at all, and never what another one builds on."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput, BadRequest, Failed
from datasel_core.runs import manifest
from datasel_core.runs.catalog import links, projects
from datasel_core.runs.catalog.label import name_of, read_label
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock, is_held

_GONE = ".gone-"
"""What the name of a folder begins with that is only still to be emptied; no list shows such a folder."""
_MOST_NAMED = 5


def delete(workspace: Workspace, folder: Path) -> None:
    """Deletes the selection in this folder of the workspace. Whatever kills the process leaves all of it or nothing.

    Raises BadRequest, naming them, when other selections build on it; when it is being worked on, or by running work;
    Failed when the disk does not allow it.
    """
    with Lock(workspace.path / "runs").hold(), contextlib.ExitStack() as held:
        if not (folder / "manifest.json").exists():
            raise BadRequest(f"{folder} holds no finished selection, so there is nothing to delete.")
        if said := why_not(workspace, folder):
            raise BadRequest(said)
        for part in (folder, folder / "start", folder / "work"):
            lock = Lock(part)
            if not lock.try_hold():
                raise BadRequest(_busy(folder))
            held.callback(lock.release)
        take_away(folder)
        sweep(workspace)


def take_away(folder: Path) -> Path:
    """Puts a folder aside, whole or not at all; what is aside is emptied by `sweep`. Returns where it lies now. Raises
    Failed.
    """
    gone = None
    try:
        gone = Path(tempfile.mkdtemp(prefix=_GONE, dir=folder.parent))
        os.rename(folder, gone / folder.name)
    except OSError as error:
        if gone is not None:
            gone.rmdir()
        raise Failed(f"{folder} could not be deleted: {error.strerror or error}.") from None
    return gone / folder.name


def why_not(workspace: Workspace, folder: Path) -> str | None:
    """Why it may not be deleted, in one line; None when it may."""
    if builders := links.dependants(workspace, folder):
        named = ", ".join(f"{_called(one)} ({one.name})" for one in builders[:_MOST_NAMED])
        more = f" and {len(builders) - _MOST_NAMED:,} more" if len(builders) > _MOST_NAMED else ""
        verb = "builds" if len(builders) == 1 else "build"
        return f"{_called(folder)} cannot be deleted: {named}{more} {verb} on it; delete that first."
    if rounds := projects.using(workspace, folder):
        return f"{_called(folder)} cannot be deleted: it is {', and '.join(rounds)}."
    if any(is_held(part) for part in (folder, folder / "start", folder / "work")):
        return _busy(folder)
    if used := next(_users(workspace, folder), None):
        return f"{_called(folder)} cannot be deleted: work in {used} needs it; wait until it ends, or stop it."
    return None


def sweep(workspace: Workspace) -> None:
    """Empties what was deleted, also by a process that did not come to its end. Whoever calls it holds the lock of the
    folder of runs: else it might take away what another is about to fill.
    """
    for left in aside(workspace):
        shutil.rmtree(left, ignore_errors=True)


def aside(workspace: Workspace) -> list[Path]:
    """What was deleted and is still to be emptied."""
    parts = [part for part in workspace.written_parts() if part.is_dir() and not part.is_symlink()]
    return [left for part in parts for left in part.glob(f"{_GONE}*") if not left.is_symlink()]


def clear(workspace: Workspace) -> None:
    """Empties what a deletion left that was killed: when the program starts, and only where there is any."""
    runs = workspace.path / "runs"
    if not aside(workspace):
        return
    with contextlib.suppress(Failed):
        lock = Lock(runs)
        if lock.try_hold():  # else somebody deletes right now
            sweep(workspace)
        lock.release()


def _busy(folder: Path) -> str:
    return f"{_called(folder)} is being worked on; wait until that ends, or stop it, and delete it then."


def _called(folder: Path) -> str:
    try:
        return name_of(folder, manifest.read(folder))
    except (BadInput, KeyError, TypeError, AttributeError):
        return read_label(folder).name or folder.name


def _users(workspace: Workspace, folder: Path) -> Iterator[Path]:
    """Folders of work that goes on now and was asked with this selection."""
    mine = {folder.name, _called(folder), str(folder)}
    for other in [one for part in ("runs", "tasks") for one in workspace.folders(part)]:
        if other != folder and (is_held(other) or is_held(other / "work")):
            asked = [_read(other / name) for name in ("spec.json", "job.json")]
            if any(word in mine or _leads_to(word, folder) for word in _words(asked)):
                yield other


def _read(path: Path) -> Any:
    with contextlib.suppress(BadInput, OSError):
        return read_json(path)
    return None


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _words(inner)


def _leads_to(word: str, folder: Path) -> bool:
    """Whether a text is a path to the folder, or to a file in it."""
    if os.sep not in word:
        return False
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        return Path(word).expanduser().resolve().is_relative_to(folder)
    return False
