"""What killed processes left half-written in the workspace: cleared when the program starts. What a living process
holds stays.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from datasel_core.errors import Failed
from datasel_core.workspace import uploads
from datasel_core.workspace.files import NAMED, PART, is_left_over
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock, is_held

_OURS = re.compile(rf"\.(.+)\.[a-z0-9_]{{8}}{re.escape(PART)}")
"""Names as `writing` gives them: `.pool.json.k3x0_q1z.part`."""


def clear(workspace: Workspace) -> None:
    """Removes half-written files and spools that nobody holds any more, and dropped files that no pool was made of.
    What cannot be removed stays.
    """
    clear_spools(workspace)
    uploads.clear(workspace)
    clear_beside(workspace.path)
    for part in workspace.written_parts():
        for folder, _, _ in os.walk(part):
            clear_beside(Path(folder))


def found(workspace: Workspace) -> Iterator[Path]:
    """What `clear` would remove: half-written files and folders of sources that nobody holds any more."""
    yield from (folder for folder in workspace.folders(workspace.spool().name) if not is_held(folder))
    walked = (folder for part in workspace.written_parts() for folder, _, _ in os.walk(part))
    for folder in (workspace.path, *map(Path, walked)):
        yield from filter(is_left_over, _beside(folder))


def clear_spools(workspace: Workspace) -> None:
    """Removes the folders of sources that were half read."""
    for folder in workspace.folders(workspace.spool().name):
        with contextlib.suppress(OSError, Failed):
            lock = Lock(folder)
            if lock.try_hold():
                shutil.rmtree(folder, ignore_errors=True)
            lock.release()


def clear_beside(folder: Path, names: Collection[str] | None = None) -> None:
    """Removes half-written files in one folder; names: only those that were to become files of these names."""
    for path in _beside(folder, names):
        with contextlib.suppress(OSError):
            is_left_over(path, remove=True)


def _beside(folder: Path, names: Collection[str] | None = None) -> Iterator[Path]:
    begun = None if names is None else {name[:NAMED] for name in names}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _OURS.fullmatch(entry.name)
            if found is None or (begun is not None and found[1] not in begun) or entry.is_symlink():
                continue
            yield Path(entry.path)
