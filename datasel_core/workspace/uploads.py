"""Files that somebody dropped into the browser: copies below the workspace, under names that lead nowhere else.

Each drop has a folder of its own, named by what is in it. One that no pool was ever made of goes after a day.
"""

import hashlib
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasel_core.errors import BadInput, BadRequest
from datasel_core.workspace.files import disk_trouble, read_json
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

MOST = 10**9
"""Bytes of one drop: a browser hands them over in memory."""
_SPARE = 500 * 10**6
"""Bytes of the disk that stay free."""
_DAY = 86400
_LOOSE = "dropped"
"""The folder of files that were dropped without one."""
_USED = ".used"
"""End of the name of a file beside the folder of a drop that was a pool once: it is never cleared."""
_LONGEST = 120
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Dropped:
    """name: as the browser says it, with the folders in which it lay; anything may stand there."""

    name: str
    data: bytes | memoryview


def receive(workspace: Workspace, files: Sequence[Dropped], check: Callable[[], None] = lambda: None) -> Path:
    """Writes the files; what to open: the folder that was dropped, a folder of all, or the only file. The same files
    are written once. Raises BadRequest before anything is written when they are too large, Failed when the disk will
    not take them.
    """
    _check_room(workspace, sum(len(one.data) for one in files))
    placed = places([one.name for one in files])
    hashes = [hashlib.sha256(one.data).hexdigest() for one in files]
    folder = workspace.uploads() / key_of(sorted(zip(placed, hashes, strict=True)))
    if not folder.is_dir():
        begun = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        try:
            for place, one in zip(placed, files, strict=True):
                check()
                path = begun / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(one.data)
            os.rename(begun, folder)
        except OSError as error:
            if not folder.is_dir():  # else somebody dropped the same at the same time
                raise disk_trouble(error, folder) from error
        finally:
            shutil.rmtree(begun, ignore_errors=True)
    tops = {place.split("/")[0] for place in placed}
    top = folder / tops.pop() if len(tops) == 1 else folder
    return top / placed[0].split("/")[1] if placed[0].startswith(f"{_LOOSE}/") and len(placed) == 1 else top


def places(names: Sequence[str]) -> list[str]:
    """Where each is to lie, below the folder of its drop: its folders and its name, each cleaned of what no name may
    hold, no two the same on any system. Files without a folder come into one.
    """
    taken: set[str] = set()
    folders = {"/".join(parts[:end]).lower() for parts in map(_parts, names) for end in range(1, len(parts))}
    found = []
    for name in names:
        parts = _parts(name)
        stem, dot, suffix = parts[-1].partition(".")
        at, place = 1, "/".join(parts)
        while place.lower() in taken | folders and at <= len(names) + len(folders):
            at += 1
            place = "/".join([*parts[:-1], f"{stem} ({at}){dot}{suffix}"])
        taken.add(place.lower())
        found.append(place)
    return found


def _parts(name: str) -> list[str]:
    found = [_clean(part) for part in name.replace("\\", "/").split("/") if part.strip(" .")]
    found = found or ["file"]
    return found if len(found) > 1 else [_LOOSE, *found]


def _clean(part: str) -> str:
    """Letters stay as they are; what controls, or is reserved on some system, is an underscore."""
    text = unicodedata.normalize("NFC", part)
    text = "".join("_" if unicodedata.category(sign)[0] == "C" or sign in '<>:"|?*' else sign for sign in text)
    text = text.strip().strip(".").strip() or "_"
    if _RESERVED.fullmatch(text):
        text = f"_{text}"
    if len(text.encode()) <= _LONGEST:
        return text
    stem, dot, suffix = text.rpartition(".")
    suffix = f"{dot}{suffix}" if stem and len(suffix.encode()) <= 12 else ""
    return text.encode()[: _LONGEST - len(suffix.encode())].decode(errors="ignore").rstrip(". ") + suffix


def _check_room(workspace: Workspace, total: int) -> None:
    if total > MOST:
        raise BadRequest(
            f"These files take {total / 1e9:.1f} GB; at most {MOST / 1e9:.0f} GB can be dropped. Open them by their "
            "path, which copies nothing."
        )
    above = next(one for one in (workspace.path, *workspace.path.parents) if one.is_dir())
    free = shutil.disk_usage(above).free
    if total > free - _SPARE:
        raise BadRequest(
            f"These files take {total / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free where the workspace lies, of "
            f"which {_SPARE / 1e6:,.0f} MB stay free. Free some space, or open them by their path, which copies "
            "nothing."
        )


def folder_of(workspace: Workspace, source: str | os.PathLike) -> Path | None:
    """The folder of the drop that a source lies in; None where it was not dropped."""
    try:
        inside = Path(source).relative_to(workspace.uploads())
    except ValueError:
        return None
    return workspace.uploads() / inside.parts[0] if inside.parts else None


def keep(workspace: Workspace, source: str | os.PathLike) -> Path | None:
    """From now on nobody clears the drop that a source lies in, although no pool is made of it any more; its folder."""
    folder = folder_of(workspace, source)
    if folder is not None and folder.is_dir():
        _mark(folder).touch()
        return folder
    return None


def clear(workspace: Workspace) -> None:
    """Removes drops that no pool was ever made of, after a day; none while a pool cannot be read, whose they may be."""
    there = workspace.folders("uploads") + [one for one in workspace.uploads().glob(".*") if one.is_dir()]
    old = [one for one in there if _age(one) > _DAY and not _mark(one).exists()]
    used = _used(workspace) if old else set()
    for folder in old if used is not None else []:
        if folder not in used:
            shutil.rmtree(folder, ignore_errors=True)


def _mark(folder: Path) -> Path:
    return folder.with_name(folder.name + _USED)


def _age(folder: Path) -> float:
    """Seconds since it was written; 0 where it is gone."""
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0


def _used(workspace: Workspace) -> set[Path | None] | None:
    found = set()
    for folder in workspace.folders("pools"):
        try:
            about = read_json(folder / "pool.json")
        except BadInput:
            return None
        if about is not None and not (isinstance(about, dict) and isinstance(about.get("source"), str)):
            return None
        found |= {folder_of(workspace, about["source"])} if about else set()
    return found
