"""The folders that sources may lie in, one level at a time, for a person who looks for data."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from datasel_core.errors import BadInput
from datasel_core.pools.media import formats
from datasel_core.pools.readers.tables.table_file import PLAIN, TABLES, kind_of
from datasel_core.workspace.layout import Workspace

_LOOKED_AT = 5000
"""Entries of one folder: more are not looked at, and `whole` says so."""
_READ = frozenset({*TABLES, *PLAIN, ".tar", ".npy", ".npz"})


@dataclass(frozen=True)
class Level:
    """One folder. above: the folder it lies in; None at the top of what is allowed. folders, files: names, sorted;
    files are those that a pool may be read from. photos: how many lie right in it. whole: whether all of it was seen.
    """

    path: Path
    above: Path | None
    folders: list[str]
    files: list[str]
    photos: int
    whole: bool


def level(workspace: Workspace, path: str | os.PathLike) -> Level:
    """What lies in a folder. Raises BadRequest outside the allowed folders, BadInput where it cannot be read."""
    real = workspace.allowed(path)
    try:
        with os.scandir(real) as there:
            entries = list(itertools.islice(there, _LOOKED_AT + 1))
    except OSError as error:
        raise BadInput(f"{real} cannot be looked into: {error.strerror}.") from None
    seen = [one for one in entries[:_LOOKED_AT] if not one.name.startswith(".")]
    folders = {one.name for one in seen if _is_folder(one)}
    names = [one.name for one in seen if one.name not in folders]
    return Level(
        real,
        None if real in workspace.roots() else real.parent,
        sorted(folders, key=str.casefold),
        sorted((name for name in names if kind_of(name) in _READ), key=str.casefold),
        sum(formats.has_photo_suffix(name) for name in names),
        len(entries) <= _LOOKED_AT,
    )


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
