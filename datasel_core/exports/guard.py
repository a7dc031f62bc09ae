"""Where an export may be written: the one place that decides, for the command line, workers, pages and Python.

What exists is replaced only when this program wrote it and nobody changed it since, or when a person allowed it; a
source of a pool and the workspace's own files never are. Nothing is written through a symbolic link. All of this is
checked before the first byte is written.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Failed
from datasel_core.exports import written
from datasel_core.exports.sources import check_apart
from datasel_core.workspace.files import NAMED, PART, disk_trouble, writing
from datasel_core.workspace.hashing import hash_file
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.leftovers import clear_beside


@dataclass(frozen=True)
class Copy:
    """A file that is copied as it is. link: hard-linked instead, where the disk allows it.

    sha256: its hash, where it is kept as a record of what was written; a file without one is known by being the same as
    its source.
    """

    source: Path
    link: bool = False
    sha256: str | None = None


Contents = Mapping[str, Copy | bytes]
"""What a folder is to hold: relative name -> what stands there; written in this order."""


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


def fill(
    workspace: Workspace, out: str | os.PathLike, contents: Contents, progress: Progress, overwrite: bool = False
) -> Path:
    """Makes a folder hold these files, each all at once; others in it stay, and so does what stands there already.

    Raises BadRequest, Failed.
    """
    folder, there = _folder(workspace, out)
    known, ours = written.in_folder(workspace, folder) if there else (written.Written(), True)
    todo, seen = set(), set()
    for name, content in contents.items():
        _check_content(name, content)
        target = folder / name
        if there:
            _check_place(folder, name, seen)
        if there and os.path.lexists(target):
            if _stands(content, target):
                continue
            if not (overwrite or known.has(name, target) or _shares(content, target)):
                raise _taken(target)
        todo.add(name)
    _check_ours(folder, ours or overwrite)
    hashes = {name: sha256 for name, content in contents.items() if (sha256 := _hash(content)) is not None}
    written.keep(workspace, folder, hashes, known, done=False)
    if not known.done:  # the last export was cut short
        _clear(folder, contents)
    for name in progress.over(contents, len(contents), "copying files"):
        if name in todo:
            _put(contents[name], folder / name)
    written.keep(workspace, folder, hashes, known, done=True)
    return folder


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


def _check_content(name: str, content: Copy | bytes) -> None:
    parts = PurePath(name).parts
    if not parts or PurePath(name).is_absolute() or ".." in parts:
        raise BadRequest(f"{name!r} is no name of a file below a folder.")
    if isinstance(content, Copy) and not content.source.is_file():
        raise BadRequest(f"{content.source} is not there any more; nothing else is wrong with the selection.")


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


def _stands(content: Copy | bytes, target: Path) -> bool:
    """Whether the file is there already as it is to be. A hard link to the source is, where that was asked for."""
    try:
        if isinstance(content, bytes):
            return target.stat().st_size == len(content) and target.read_bytes() == content
        if content.source.samefile(target):
            return content.link
        return content.source.stat().st_size == target.stat().st_size and hash_file(content.source) == hash_file(target)
    except OSError as error:
        raise disk_trouble(error, target) from error


def _shares(content: Copy | bytes, target: Path) -> bool:
    """An earlier hard link, which a copy of the same bytes may replace."""
    return isinstance(content, Copy) and content.source.samefile(target)


def _hash(content: Copy | bytes) -> str | None:
    return content.sha256 if isinstance(content, Copy) else hashlib.sha256(content).hexdigest()


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _put(content: Copy | bytes, target: Path) -> None:
    try:
        if isinstance(content, Copy) and content.link and _link(content.source, target):
            return
        with writing(target) as temporary:
            if isinstance(content, bytes):
                temporary.write_bytes(content)
            else:
                _copy(content.source, temporary)
    except OSError as error:
        raise disk_trouble(error, target) from error


def _link(source: Path, target: Path) -> bool:
    """Hard-links where the disk allows it; else (another disk, another file system) the file has to be copied."""
    beside = target.with_name(f".{target.name[:NAMED]}.{secrets.token_hex(4)}{PART}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, beside)
        os.replace(beside, target)
    except OSError:
        beside.unlink(missing_ok=True)
        return False
    return True


def _clear(folder: Path, contents: Contents) -> None:
    """Removes what an export that was killed left half-written of these files."""
    below: dict[Path, list[str]] = {}
    for name in contents:
        below.setdefault((folder / name).parent, []).append(PurePath(name).name)
    for place, names in below.items():
        clear_beside(place, names)


def _copy(source: Path, target: Path) -> None:
    """Copies the bytes; where the file system can, both share them on the disk until one is changed."""
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError), open(source, "rb") as read, open(target, "wb") as write:
            left = os.fstat(read.fileno()).st_size
            while left and (n := os.copy_file_range(read.fileno(), write.fileno(), left)):
                left -= n
            if not left:
                return
    shutil.copyfile(source, target)
