"""Files written all at once or not at all, and JSON."""

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput, Failed


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; when the block ends well it takes its place, all at once. Else nothing is
    left.

    Raises Failed when the disk is full or the folder cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise disk_trouble(error, path) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def disk_trouble(error: OSError, path: Path) -> Failed:
    """One line for a write that did not work."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failed(
            f"The disk is full: {path} was not written. Free some space and start again; what was finished is kept."
        )
    return Failed(f"{path} could not be written: {error.strerror or error}.")


def write_json(path: Path, value: Any) -> None:
    with writing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, default: Any = None) -> Any:
    """The value in a JSON file, or `default` where there is no such file. Raises BadInput when it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except FileNotFoundError:
        return default
    except (ValueError, RecursionError) as error:  # no UTF-8, numbers of thousands of digits, nested without end
        raise BadInput(f"{path} is damaged: it is not JSON ({error}).") from None


def _no_number(said: str) -> None:
    """JSON has neither NaN nor infinity, and nothing here is written with them."""
    raise ValueError(f"it holds {said}")
