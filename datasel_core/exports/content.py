"""What a folder of an export is to hold: files copied as they are, bytes, files that write themselves when it is their
turn, and what is said of all others at the end.
"""

import contextlib
import functools
import hashlib
import os
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from datasel_core.errors import BadRequest, Failed
from datasel_core.workspace.files import beside, disk_trouble, writing
from datasel_core.workspace.hashing import hash_file


@dataclass(frozen=True)
class Copy:
    """A file that is copied as it is. link: hard-linked instead, where the disk allows it.

    sha256: its hash, where it is kept as a record of what was written; a file without one is known by being the same as
    its source.
    """

    source: Path
    link: bool = False
    sha256: str | None = None


@dataclass(frozen=True)
class Made:
    """A file that is made when it is its turn, so that it need not fit into memory beside others.

    make: writes it to a path. sha256: its hash, where that is known before.
    """

    make: Callable[[Path], None]
    sha256: str | None = None


@dataclass(frozen=True)
class Closing:
    """A file that says something of the others, made after them. make: name -> SHA-256 of every file before, to its
    bytes.
    """

    make: Callable[[Mapping[str, str]], bytes]


Content = Copy | Made | Closing | bytes
Contents = Mapping[str, Content]
"""What a folder is to hold: relative name -> what stands there; written in this order."""


def check(name: str, content: Content) -> None:
    """Raises BadRequest where a name leads out of the folder, or a file to copy is gone."""
    parts = PurePath(name).parts
    if not parts or PurePath(name).is_absolute() or ".." in parts:
        raise BadRequest(f"{name!r} is no name of a file below a folder.")
    if isinstance(content, Copy) and not content.source.is_file():
        raise BadRequest(f"{content.source} is not there any more; nothing else is wrong with the selection.")


def hash_before(content: Content) -> str | None:
    """SHA-256, where it is known before the file is written and kept as a record of it."""
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else getattr(content, "sha256", None)


def stands(content: Content, target: Path) -> bool:
    """Whether the file is there already as it is to be. A hard link to the source is, where that was asked for."""
    try:
        if isinstance(content, Closing):
            return False
        if isinstance(content, bytes):
            return target.stat().st_size == len(content) and target.read_bytes() == content
        if isinstance(content, Made):
            return content.sha256 is not None and hash_file(target) == content.sha256
        if content.source.samefile(target):
            return content.link
        return content.source.stat().st_size == target.stat().st_size and hash_file(content.source) == hash_file(target)
    except OSError as error:
        raise disk_trouble(error, target) from error


def shares(content: Content, target: Path) -> bool:
    """An earlier hard link, which a copy of the same bytes may replace."""
    return isinstance(content, Copy) and content.source.samefile(target)


def put(content: Copy | Made | bytes, target: Path, about_to: Callable[[str], None] = lambda sha256: None) -> None:
    """Writes the file, all at once. about_to: told the hash of a file that was made, before it takes its place."""
    try:
        if isinstance(content, Copy) and content.link and _link(content.source, target):
            return
        with writing(target) as temporary:
            if not isinstance(content, Made):
                _fill(content, temporary)
            else:
                content.make(temporary)
                if content.sha256 is None:
                    about_to(hash_file(temporary))
    except OSError as error:
        raise disk_trouble(error, target) from error


def put_together(contents: Mapping[str, Copy | bytes], folder: Path) -> None:
    """Writes files of which the last closes over those before: all are on the disk before the first takes its place, so
    that hardly anything that ends the process can come between.
    """
    with contextlib.ExitStack() as waiting:
        for name, one in reversed(contents.items()):  # the last that waits is the first to go
            temporary = waiting.enter_context(writing(folder / name))
            _fill(one, temporary)
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())


def check_apart(folder: Path, names: Iterable[str]) -> None:
    """Raises Failed where the disk took two of these names for one, so that one file stands in the place of both: not
    every disk tells `A.jpg` from `a.jpg`, or two ways to write a letter with an accent.
    """
    names, listed = list(names), functools.cache(lambda place: frozenset(os.listdir(place)))
    alike = Counter(map(_folded, names))
    for name in (name for name in names if alike[_folded(name)] > 1):
        place = folder
        for part in PurePath(name).parts:
            if part not in listed(place):
                raise Failed(
                    f"{folder} lies on a disk that does not tell {name} from another name, so one of the two is lost; "
                    "name an --out on another disk."
                )
            place /= part


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _link(source: Path, target: Path) -> bool:
    """Hard-links where the disk allows it; else (another disk, another file system) the file has to be copied."""
    begun = beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, begun)
        os.replace(begun, target)
    except OSError:
        begun.unlink(missing_ok=True)
        return False
    return True


def _fill(content: Copy | bytes, temporary: Path) -> None:
    if isinstance(content, bytes):
        temporary.write_bytes(content)
    else:
        _copy(content.source, temporary)


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
