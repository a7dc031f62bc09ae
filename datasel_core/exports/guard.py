"""Where an export may be written: the one place that decides, for the command line, workers, pages and Python.

What exists is replaced only when this program wrote it and nobody changed it since, or when a person allowed it; a
source of a pool and the workspace's own files never are. Nothing is written through a symbolic link. All of this is
checked before the first byte is written.
"""

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Failed
from datasel_core.exports import content, written
from datasel_core.exports.content import Closing, Contents
from datasel_core.exports.record import HOLDS
from datasel_core.exports.sources import check_apart
from datasel_core.workspace.files import writing
from datasel_core.workspace.hashing import hash_file
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.leftovers import clear_beside


def check_file(workspace: Workspace, out: str | os.PathLike, overwrite: bool = False) -> Path:
    """The real path of a file that may be written. Raises BadRequest."""
    path = _real(workspace, out)
    if os.path.isdir(path):
        raise BadRequest(f"{path} is a folder; --out names the file to make.")
    check_apart(workspace, path, False)
    if os.path.exists(path):
        if not os.path.isfile(path):
            raise BadRequest(f"{path} is no regular file; --out names the file to make.")
        if not overwrite and not written.recorded(workspace, path).has("", path):
            raise BadRequest(
                f"{path} is there already, and not as datasel wrote it; "
                "name another --out, or allow replacing it with --overwrite."
            )
    return path


def check_folder(
    workspace: Workspace, out: str | os.PathLike, overwrite: bool = False, names: re.Pattern[str] | None = None
) -> Path:
    """The real path of a folder that may be filled. names: of files that may come to stand in it. Raises BadRequest."""
    folder, there = _folder(workspace, out)
    known, ours = written.in_folder(workspace, folder) if there else (written.Written(), True)
    for name in there if names is not None else ():
        if names.fullmatch(name):
            _check_place(folder, name, set())
            if not overwrite and not known.has(name, folder / name):
                raise _taken(folder / name)
    _check_ours(folder, ours or overwrite)
    return folder


@contextlib.contextmanager
def new_file(workspace: Workspace, out: str | os.PathLike, overwrite: bool = False) -> Iterator[tuple[Path, Path]]:
    """Gives the real path and a temporary one beside it; when the block ends well, that takes its place, all at once.

    Raises BadRequest, Failed.
    """
    path = check_file(workspace, out, overwrite)
    clear_beside(path.parent, [path.name])
    before = _stamp(path)
    with writing(path) as temporary:
        yield path, temporary
        sha256 = hash_file(temporary)
        if _stamp(path) != before and not (os.path.isfile(path) and hash_file(path) == sha256):
            raise Failed(f"{path} was changed while it was exported, so it was not replaced; export again.")
        written.keep(workspace, path, {"": sha256}, written.recorded(workspace, path), done=True)


def _alone(fill: Callable[..., Path]) -> Callable[..., Path]:
    """One export to a folder at a time: two at once would leave files of both."""

    @functools.wraps(fill)
    def one(workspace: Workspace, out: str | os.PathLike, contents: Contents, progress: Progress, *more: Any) -> Path:
        with written.turn(workspace, _real(workspace, out), progress.check):
            return fill(workspace, out, contents, progress, *more)

    return one


@_alone
def fill(
    workspace: Workspace,
    out: str | os.PathLike,
    contents: Contents,
    progress: Progress,
    overwrite: bool = False,
    record: Contents = MappingProxyType({}),
) -> Path:
    """Makes a folder hold these files, each all at once; others in it stay, and so does what stands there already.

    record: files that are of worth only together: they are written beside their places after all others, and then take
    these one after the other without a pause. Raises BadRequest, Failed.
    """
    folder, there = _folder(workspace, out)
    known, ours = written.in_folder(workspace, folder) if there else (written.Written(), True)
    whole = {**contents, **record}
    todo = _missing(folder, bool(there), whole, known, overwrite)
    _check_ours(folder, ours or overwrite)
    hashes = {name: sha256 for name, one in whole.items() if (sha256 := content.hash_before(one)) is not None}
    written.keep(workspace, folder, hashes, known, done=False)
    if not known.done:  # the last export was cut short
        _clear(folder, whole)
    stand: dict[str, str] = {}

    def about_to(name: str, sha256: str) -> None:
        """Whatever ends the process, what was made is known as ours."""
        hashes[name] = sha256
        written.keep(workspace, folder, hashes, known, done=False)

    for name in progress.over(contents, len(contents), "writing files"):
        if name in todo:
            content.put(contents[name], folder / name, functools.partial(about_to, name))
        stand[name] = hashes.get(name) or hash_file(folder / name)
    content.check_apart(folder, contents)
    closed = {name: one.make(stand) if isinstance(one, Closing) else one for name, one in record.items()}
    hashes |= {name: sha256 for name, one in closed.items() if (sha256 := content.hash_before(one)) is not None}
    written.keep(workspace, folder, hashes, known, done=False)
    content.put_together({name: one for name, one in closed.items() if name in todo}, folder)
    _remove_stale(folder, record, known)
    written.keep(workspace, folder, hashes, known, done=True)
    return folder


def _missing(folder: Path, is_there: bool, contents: Contents, known: written.Written, overwrite: bool) -> set[str]:
    """The names that are to be written: all that do not stand there yet. Raises BadRequest where one must not be."""
    todo, seen = set(), set()
    for name, one in contents.items():
        content.check(name, one)
        target = folder / name
        if is_there:
            _check_place(folder, name, seen)
        if is_there and os.path.lexists(target):
            if content.stands(one, target):
                continue
            if not (overwrite or known.has(name, target) or content.shares(one, target)):
                raise _taken(target)
        todo.add(name)
    return todo


def _remove_stale(folder: Path, record: Contents, known: written.Written) -> None:
    """Removes what an earlier record held and this one does not, such as another selection's name, where it is as it
    was written.
    """
    places = {PurePath(name).parent for name in record}
    for name in known.files.keys() - record.keys():
        one = PurePath(name)
        if one.parent in places and HOLDS.fullmatch(one.name) and known.has(name, folder / name):
            with contextlib.suppress(OSError):
                os.unlink(folder / name)


def _real(workspace: Workspace, out: str | os.PathLike) -> Path:
    path = workspace.allowed(out)
    if os.path.islink(Path(out).expanduser()):
        raise BadRequest(f"{out} is a symbolic link, and nothing is written through one; name {path} itself.")
    above = next((one for one in path.parents if os.path.lexists(one)), path)
    if not os.path.isdir(above):
        raise BadRequest(f"{above} is a file, so nothing can be written below it; name another --out.")
    return path


def _folder(workspace: Workspace, out: str | os.PathLike) -> tuple[Path, list[str]]:
    """The folder, and what is in it."""
    folder = _real(workspace, out)
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise BadRequest(f"{folder} is a file; --out names the folder to make.")
    check_apart(workspace, folder, True)
    try:
        return folder, sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    except OSError as error:
        raise BadRequest(f"{folder} may not be read ({error.strerror}); name another --out.") from None


def _check_ours(folder: Path, allowed: bool) -> None:
    if not allowed:
        raise BadRequest(
            f"{folder} holds files and was not made by datasel; "
            "name a new or empty --out, or allow replacing files in it with --overwrite."
        )


def _taken(target: Path) -> BadRequest:
    return BadRequest(
        f"{target} is there already with another content; "
        "name an empty folder with --out, or allow replacing it with --overwrite."
    )


def _check_place(folder: Path, name: str, seen: set[Path]) -> None:
    """No link on the way, folders where folders are needed, and no folder where the file is to stand.

    seen: folders that were found good.
    """
    target = folder / name
    for above in target.parents:
        if above == folder or above in seen:
            break
        if os.path.islink(above):
            raise BadRequest(
                f"{above} is a symbolic link, and nothing is written through one; remove it, or name another --out."
            )
        if os.path.lexists(above) and not os.path.isdir(above):
            raise BadRequest(f"{above} is a file where a folder is to stand; name another --out.")
        seen.add(above)
    if os.path.islink(target):
        raise BadRequest(
            f"{target} is a symbolic link, and nothing is written through one; remove it, or name another --out."
        )
    if os.path.isdir(target):
        raise BadRequest(f"{target} is a folder where a file is to stand; name another --out.")


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _clear(folder: Path, contents: Contents) -> None:
    """Removes what an export that was killed left half-written of these files."""
    below: dict[Path, list[str]] = {}
    for name in contents:
        below.setdefault((folder / name).parent, []).append(PurePath(name).name)
    for place, names in below.items():
        clear_beside(place, names)
