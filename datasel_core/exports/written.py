"""What exports wrote, so that they can be told from what people wrote or changed since."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datasel_core.errors import BadInput, Failed
from datasel_core.exports import record
from datasel_core.runs import manifest
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import hash_file, key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

SCHEMA = "datasel written 1"
_MOST = 3
"""Hashes kept of one file: what is written now, and what may still stand there if that is cut short."""


@dataclass(frozen=True)
class Written:
    """files: name in the folder (of a single file the empty name) -> SHA-256 of what was written, the latest first.

    done: whether the last export came to its end.
    """

    files: Mapping[str, list[str]] = field(default_factory=dict)
    done: bool = True

    def has(self, name: str, path: Path) -> bool:
        """Whether the file is, to the byte, what was written under this name."""
        hashes = self.files.get(name, [])
        try:
            return bool(hashes) and path.is_file() and hash_file(path) in hashes
        except OSError:  # it may not be read
            return False


def recorded(workspace: Workspace, path: Path) -> Written:
    """What the workspace knows to have been written to this path; nothing where the record is missing or damaged."""
    with contextlib.suppress(BadInput, KeyError, TypeError, AttributeError, OSError):
        said = read_json(_place(workspace, path))
        if said is not None and (said["schema"], said["path"]) == (SCHEMA, str(path)):
            return Written({name: list(hashes) for name, hashes in said["files"].items()}, said["done"] is True)
    return Written()


def keep(workspace: Workspace, path: Path, files: Mapping[str, str], before: Written, done: bool) -> None:
    """Records what is about to be written, or was.

    A workspace that cannot be written keeps no record; then a repetition has to be allowed.
    """
    known = {name: list(hashes) for name, hashes in before.files.items()}
    for name, sha256 in files.items():
        known[name] = [sha256, *(one for one in known.get(name, []) if one != sha256)][:_MOST]
    with contextlib.suppress(Failed):
        write_json(_place(workspace, path), {"schema": SCHEMA, "path": str(path), "done": done, "files": known})


@contextlib.contextmanager
def turn(workspace: Workspace, path: Path, while_waiting: Callable[[], None]) -> Iterator[None]:
    """Nobody else exports to this path meanwhile. A workspace that cannot be written knows of no others."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(Failed, OSError):
            stack.enter_context(Lock(_place(workspace, path).with_suffix("")).hold(while_waiting))
        yield


def in_folder(workspace: Workspace, folder: Path) -> tuple[Written, bool]:
    """What is known of a folder's files, and whether the folder was made by this program.

    It was when the last export to it was cut short, when a file of it is as it was recorded, or when it holds an intact
    selection, or the record of one.
    """
    known = recorded(workspace, folder)
    ours = not known.done or any(known.has(name, folder / name) for name in known.files)
    if (said := _selection(folder)) is None:
        inside = _selection(folder / record.FOLDER)
        said = None if inside is None else {f"{record.FOLDER}/{name}": sha256 for name, sha256 in inside.items()}
    if said is None:
        return known, ours
    said |= record.delivered(folder / record.FOLDER)
    files = {name: [*known.files.get(name, []), sha256] for name, sha256 in said.items()}
    return Written({**known.files, **files}, known.done), True


def _selection(folder: Path) -> dict[str, str] | None:
    """Name -> SHA-256 of the files of an intact selection, its manifest among them, and of a record what it says of the
    export.
    """
    with contextlib.suppress(
        BadInput, KeyError, TypeError, AttributeError, OSError
    ):  # a stranger's manifest.json may hold anything
        if manifest.is_answer(folder):
            found = {**manifest.read(folder)["files"], "manifest.json": hash_file(folder / "manifest.json")}
            return found | ({record.EXPORT: hash_file(folder / record.EXPORT)} if record.delivered(folder) else {})
    return None


def _place(workspace: Workspace, path: Path) -> Path:
    return workspace.written() / f"{key_of({'written': str(path)})}.json"
