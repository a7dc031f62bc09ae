"""All files below a folder, in one order on every machine; links to folders are followed where that is allowed."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasel_core.errors import BadInput, BadRequest
from datasel_core.workspace.layout import Workspace, is_record

MOST_LINKS = 100_000
"""Linked folders in one source. Folders that all link to one another are more ways than anyone can walk."""
_NAMED = 5


@dataclass(frozen=True)
class Walk:
    """names: of files relative to the folder, `a/b.jpg`, sorted. links: those of them that are links themselves; where
    they lead is for the reader to check. notes: what was not followed, or could not be read.
    """

    names: list[str]
    links: frozenset[str]
    notes: list[str]


@dataclass(frozen=True)
class _Folder:
    """A folder on the way down. prefix: `a/b/`, empty for the first. above: device and inode of those on the way to
    it.
    """

    path: str
    prefix: str
    above: frozenset[tuple[int, int]]


@dataclass
class _Found:
    names: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    circles: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    hidden: list[OSError] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    followed: int = 0


def walk(source: Path, workspace: Workspace) -> Walk:
    """All files below `source` whose names, and whose folders' names, do not begin with a dot.

    A linked folder is read where it leads below an allowed root; one that is reached by two ways gives its files twice,
    under both names. One that leads back to a folder on the way to it, from the root of the disk on, is a circle, and
    is named. Raises BadInput when there are more links than `MOST_LINKS`.
    """
    found, roots = _Found(), workspace.roots()
    todo = [_Folder(str(source), "", frozenset(map(_place, source.resolve().parents)))]
    while todo:
        folder = todo.pop()
        try:
            place = _place(folder.path)
            if place in folder.above:
                found.circles.append(folder.prefix[:-1])
                continue
            with os.scandir(folder.path) as entries:
                inside = list(_sorted_out(entries, folder, workspace, roots, found))
        except OSError as error:
            found.hidden.append(error)
            continue
        todo += [_Folder(path, prefix, folder.above | {place}) for path, prefix in inside]
    return Walk(sorted(found.names), frozenset(found.links), _notes(found))


def _sorted_out(
    entries: Iterator[os.DirEntry], folder: _Folder, workspace: Workspace, roots: Sequence[Path], found: _Found
) -> Iterator[tuple[str, str]]:
    """Keeps the names of files; yields path and prefix of each folder that is to be read."""
    for entry in entries:
        if entry.name.startswith("."):
            continue
        name = folder.prefix + entry.name
        if not entry.is_symlink():
            if entry.is_dir(follow_symlinks=False) and is_record(entry.path):
                found.records.append(name)
            elif entry.is_dir(follow_symlinks=False):
                yield entry.path, name + "/"
            else:
                found.names.append(name)
        elif not _leads_to_folder(entry):
            found.names.append(name)
            found.links.append(name)
        elif not _is_allowed(entry.path, workspace, roots):
            found.outside.append(name)
        else:
            found.followed += 1
            if found.followed > MOST_LINKS:
                raise BadInput(
                    f"There are more than {MOST_LINKS:,} linked folders on the way to {name}; "
                    "remove links that lead to one another."
                )
            yield entry.path, name + "/"


def _place(path: str | Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _leads_to_folder(link: os.DirEntry) -> bool:
    try:
        return link.is_dir()
    except OSError:  # links in a circle
        return False


def _is_allowed(path: str, workspace: Workspace, roots: Sequence[Path]) -> bool:
    try:
        workspace.allowed(path, roots)
    except BadRequest:
        return False
    return True


def _notes(found: _Found) -> list[str]:
    notes = [
        f"The folder {printable(str(error.filename))} may not be read: {error.strerror}."
        for error in sorted(found.hidden, key=lambda error: str(error.filename))
    ]
    if found.records:
        notes.append(f"Records of earlier exports are no data ({len(found.records):,}): {named(found.records)}.")
    if found.circles:
        notes.append(
            f"Linked folders that lead back to a folder they lie in were not followed ({len(found.circles):,}): "
            f"{named(found.circles)}."
        )
    if found.outside:
        notes.append(
            f"Linked folders that lead outside the allowed folders were left out ({len(found.outside):,}): "
            f"{named(found.outside)}; set DATASEL_DATA_ROOTS to allow where they lead."
        )
    return notes


def named(names: Sequence[str]) -> str:
    """The first few, in order, and how many more there are."""
    first = [printable(name) for name in sorted(names)[:_NAMED]]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more:,} more" if more else "")


def printable(name: str) -> str:
    """A file name that is no UTF-8, as it can be written down."""
    return name.encode("utf-8", "backslashreplace").decode()
