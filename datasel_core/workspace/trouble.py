"""What a person can act on in errors that nothing here foresaw: too little memory, a disk that gives no room."""

import errno
import re
from pathlib import Path

from datasel_core.errors import Failed
from datasel_core.workspace.files import disk_trouble

_MEMORY = re.compile(
    r"bad_alloc|out of memory|not enough memory|cannot allocate|can't allocate|failed to allocate|unable to allocate"
    r"|malloc of size|failed to map segment|can't start new thread|could not create a thread",
    re.IGNORECASE,
)
"""How libraries that are not Python say that there is no more memory, of which a thread needs some, too."""
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


def as_failed(error: BaseException) -> Failed | None:
    """One line with the remedy; None for a fault of the program, which is to be reported."""
    if is_memory(error):
        return Failed("There was not enough memory. Try a smaller pool, or close other programs.")
    if not isinstance(error, OSError):
        return None
    path = Path(str(error.filename or "A file"))
    if error.errno in _DISK:
        return disk_trouble(error, path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return Failed(f"{path} may not be read or written; give that right to the user who runs datasel.")
    return None


def is_memory(error: BaseException | None) -> bool:
    """Whether too little memory is behind an error, or behind the one that led to it."""
    for _ in range(10):
        if error is None:
            return False
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if isinstance(error, RuntimeError | OSError | ImportError | SystemError) and _MEMORY.search(str(error)):
            return True
        if type(error).__name__ == "OutOfMemoryException":  # of DuckDB
            return True
        error = error.__cause__ or error.__context__
    return False
