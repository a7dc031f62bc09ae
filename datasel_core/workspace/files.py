"""Files written all at once or not at all, and JSON."""

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput, Failed

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None


PART = ".part"
"""How a file ends that is being written."""
NAMED = 40
"""Characters of a file's name that stand in the name of what is to become it."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; when the block ends well it takes its place, all at once. Else nothing is
    left.

    Raises Failed when the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with begun(path) as temporary:
            yield temporary
            put(temporary, path)
    except OSError as error:
        raise disk_trouble(error, path) from error


def put(file: Path, path: Path) -> None:
    """A file that is finished takes its place, all at once; both on one disk. Raises Failed."""
    try:
        with open(file, "rb") as finished:
            os.fsync(finished.fileno())
        os.replace(file, path)
    except OSError as error:
        raise disk_trouble(error, path) from error


@contextlib.contextmanager
def begun(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, held by this process from its first moment, for what is to take its place; when the
    block ends it is gone, or has another name. Who writes it keeps it: another file put in its place is nobody's.
    Raises OSError.
    """
    file, number = _held_anew(path)
    try:
        if fcntl is None:  # nobody takes it for a leftover there, and what is open could not be moved
            os.close(number)
        yield file
    finally:
        if fcntl is not None:
            os.close(number)
        file.unlink(missing_ok=True)


def _held_anew(path: Path) -> tuple[Path, int]:
    """A new file, and the number of the open one that holds it; the system lets go of it when the process dies."""
    for _ in range(_TRIES):
        file = beside(path)
        number = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)  # the umask says who may read it
        try:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # a file system without locks: then nothing is taken for a leftover
                    fcntl.flock(number, fcntl.LOCK_EX)
            if os.path.exists(file):
                return file, number
        except BaseException:
            os.close(number)
            raise
        os.close(number)  # somebody took it for a leftover before it was held
    raise Failed(f"{path} could not be written: what is begun beside it is taken away each time.")


_TRIES = 1000
"""How often somebody may start in the blink between the first moment of a file and the one in which it is held."""


def beside(path: Path) -> Path:
    """A name that nobody has, for what is to become the file at `path`."""
    return path.with_name(f".{path.name[:NAMED]}.{secrets.token_hex(4)}{PART}")


def is_left_over(path: Path, remove: bool = False) -> bool:
    """Whether no living process holds a file that one began to write. remove: then it goes, and nobody can take hold of
    it in between. Raises OSError where it may not be removed.
    """
    with contextlib.ExitStack() as stack:
        try:
            fcntl.flock(stack.enter_context(open(path, "r+b")), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (OSError, AttributeError):  # it is held, is gone, or there are no locks here
            return False
        if remove:
            path.unlink(missing_ok=True)
    return True


FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a disk without room says."""


def disk_trouble(error: OSError, path: Path) -> Failed:
    """One line for a write that did not work, with the remedy where there is one."""
    if error.errno in FULL:
        return Failed(
            f"The disk is full: {path} was not written. Free some space and start again; what was finished is kept."
        )
    why = f"{path} could not be written: {os.strerror(error.errno) if error.errno else error}."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Failed(f"{why} Allow writing there, or name another folder (--workspace, or --out of what is exported).")
    if error.errno == errno.EFBIG:
        return Failed(f"{why} The system allows no larger file here; raise the limit, or name another --workspace.")
    return Failed(why)


def write_json(path: Path, value: Any) -> None:
    with writing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, default: Any = None) -> Any:
    """The value in a JSON file, or `default` where there is no such file. Raises BadInput when it cannot be read, or is
    no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except (FileNotFoundError, NotADirectoryError):
        return default
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except RecursionError:
        raise BadInput(f"{path} is damaged: its lists and objects lie too deep in one another.") from None
    except ValueError as error:  # also of bytes that are no text, and of numbers with thousands of digits
        raise BadInput(f"{path} is damaged: it is not JSON ({str(error).splitlines()[0]}).") from None


def read_text(path: Path, most: int = 64 << 20) -> str:
    """A file of UTF-8 text, of at most so many bytes. Raises BadInput."""
    try:
        if path.stat().st_size > most:
            raise BadInput(f"{path.name} has more than {size(most)}; name a smaller file.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is no UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror or error}.") from None


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number there")


def size(bytes: float) -> str:
    """How many bytes that is, for people: `3.1 MB`, in steps of 1,000."""
    for name in ("bytes", "kB", "MB", "GB"):
        if bytes < 1000:
            return f"{bytes:.0f} {name}" if name == "bytes" or bytes >= 100 else f"{bytes:.1f} {name}"
        bytes /= 1000
    return f"{bytes:.1f} TB"
