"""Paths of pictures as tables give them: of this machine or another, with either slash, or as URLs."""

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.media.photos import reason
from datasel_core.workspace.layout import Workspace

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_OUTSIDE = "lies outside the allowed folders"
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def understood(text: str, root: Path, moved: bool, workspace: Workspace) -> str:
    """The path, relative to `root` where it is not absolute. moved: `root` was named, so that absolute paths lie in it.

    As it is written it comes first; else without space around it, with slashes for backslashes, or as a `file:` URL
    says it. Raises BadRequest for other URLs: nothing is fetched.
    """
    if text[:7].lower() == "file://":
        text = _of_url(text)
    elif _URL.match(text):
        raise BadRequest("it is a URL, and nothing is fetched; download the pictures and give their paths")
    if moved and is_absolute(text):
        pure = PureWindowsPath(text) if _WINDOWS.match(text) else PurePosixPath(text)
        return pure.relative_to(pure.anchor).as_posix()
    if "\\" not in text and text == text.strip():
        return text
    others = (text.strip(), text.strip().replace("\\", "/"))
    return next((one for one in (text, *others) if _is_there(root, one, workspace)), text)


def root_of(named: str | None, source: Path, workspace: Workspace) -> Path:
    """The folder that paths are relative to: the one that was named, else the table's. Raises BadRequest."""
    if named is None:
        return source.parent
    root = workspace.allowed(named)
    if not root.is_dir():
        raise BadInput(f"The option root is {named}, where there is no folder.")
    return root


def is_absolute(text: str) -> bool:
    """Whether it begins at a drive, a share or the root of a machine, maybe of another."""
    return text.startswith("/") or bool(_WINDOWS.match(text))


def with_remedy(text: str, trouble: str) -> str:
    """The trouble with a path; where an absolute one leads nowhere, also what helps if it is of another machine."""
    is_missing = trouble == reason(FileNotFoundError())
    if not is_absolute(text) or not (is_missing or _OUTSIDE in trouble):
        return trouble
    said = f"the table says {text}: " if is_missing else ""
    return f"{said}{trouble.rstrip('.')}; if it is a path of another machine, give --option root=FOLDER"


def _of_url(text: str) -> str:
    try:
        found = urlsplit(text)
    except ValueError:  # brackets that are not closed
        return text
    path = unquote(found.path)
    if found.netloc not in ("", "localhost"):
        return rf"\\{found.netloc}{path}"
    return path[1:] if _WINDOWS.match(path[1:]) else path


def _is_there(root: Path, path: str, workspace: Workspace) -> bool:
    """Outside the allowed folders nothing is there."""
    try:
        return os.path.isfile(workspace.allowed(root / path))
    except (BadRequest, OSError, ValueError):
        return False
