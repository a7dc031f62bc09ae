"""Where the files of a layout lie: what is in a folder and near it, and which folder names of pictures refer to."""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from datasel_core.pools.media.photos import SUFFIXES
from datasel_core.pools.readers.layouts.fence import Fence
from datasel_core.workspace.layout import is_record

_TRIED = 20
_MOST_FOLDERS = 200
_MOST_FILES = 500
DEPTH = 3
"""How deep below a folder files are looked for that say how it is laid out."""

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
"""Names of folders and files that say which part of a data set they hold, as the library `datasets` takes them."""


def described(source: Path) -> list[Path]:
    """The files at or below a path that may describe pictures, or hold them; none to which a link leads out of the
    allowed folders.
    """
    if not source.is_dir():
        return [source] if source.is_file() else []  # a pipe would keep its reader waiting
    found = files_below(source, (".json", ".jsonl", ".yaml", ".yml", ".csv", ".parquet"), DEPTH)
    return list(filter(Fence(source).allows, found))


def within(source: Path, files: Sequence[Path], depth: int, endings: tuple[str, ...]) -> Iterator[Path]:
    """Those with one of these endings that lie no deeper below the source; of very many that are read, the first: a
    layout has few, and beside each photo of a folder there may be a file of its own.
    """
    found = (path for path in files if path.name.lower().endswith(endings) and _depth(path, source) <= depth)
    return found if ".parquet" in endings else itertools.islice(found, _MOST_FILES)


def _depth(path: Path, source: Path) -> int:
    return len(path.parts) - len(source.parts) - 1


def files_below(folder: Path, suffixes: tuple[str, ...], depth: int) -> Iterator[Path]:
    """Files with these endings, those of a folder before those of its sub-folders, by name; links to folders are not
    followed. depth: 0 is the folder alone.
    """
    for here, folders, files in os.walk(folder):
        below = len(Path(here).relative_to(folder).parts)
        open_ = (name for name in folders if not name.startswith(".") and not is_record(os.path.join(here, name)))
        folders[:] = sorted(open_) if below < depth else []
        found = (name for name in sorted(files) if name.lower().endswith(suffixes) and not name.startswith("."))
        yield from filter(_is_file, (Path(here, name) for name in found))


def spare_note(source: Path, root: Path, named: Iterable[str]) -> list[str]:
    """What is said of the pictures below a folder that are not among those named, which are paths from the root."""
    if not source.is_dir():
        return []
    known = {os.path.normpath(os.path.join(root, path)) for path in named}
    spare = sum(
        os.path.splitext(name)[1].lower() in SUFFIXES and os.path.join(folder, name) not in known
        for folder, _, files in os.walk(source)
        for name in files
        if not name.startswith(".")
    )
    said = f"Pictures that nothing in this layout names, left out: {spare:,}; --option layout=plain opens all."
    return [said] if spare else []


def picture_folder(near: Path, names: Iterable[str], hint: str = "", farthest: Path | None = None) -> Path:
    """The folder in which most of the first names are found: `near`, the one above, or one below either; `near` where
    none is found anywhere.

    hint: a name that the folder is likely to have. farthest: the folder above is not looked at when it lies above this.
    """
    tried = list(itertools.islice(names, _TRIED))
    bases = [near] if farthest == near or not Fence(near).allows(near.parent) else [near, near.parent]
    likely = [base / part / last for base in bases for part in ("", "images") for last in ("", hint)]
    others = itertools.chain.from_iterable(_folders(base) for base in bases)
    best, most = near, 0
    for folder in dict.fromkeys([*likely, *others]):
        hits = sum(_is_file(folder / name) for name in tried)
        if hits > most:
            best, most = folder, hits
        if tried and hits == len(tried):
            break
    return best


def _folders(base: Path) -> Iterator[Path]:
    try:
        found = sorted(entry.name for entry in os.scandir(base) if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return
    yield from (base / name for name in found[:_MOST_FOLDERS])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False


def shared_root(folders: Sequence[Path]) -> Path:
    """The folder that holds all of these."""
    return Path(os.path.commonpath(folders))


def relative(path: Path, root: Path) -> str:
    """As pools write it: with slashes, from the root, `..` only where it must be."""
    return Path(os.path.relpath(path, root)).as_posix()
