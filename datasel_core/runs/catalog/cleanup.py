"""Room on the disk: what a workspace holds, what of it can go, and taking it away.

Nothing goes that a kept selection depends on, that is being worked on, or that a link stands for.
"""

import contextlib
import os
import re
import shutil
import stat
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from datasel_core.errors import BadInput, BadParameter, Failed
from datasel_core.features.stored import load
from datasel_core.runs.catalog import removal
from datasel_core.runs.catalog.label import Label, read_label
from datasel_core.runs.catalog.needed import Needed, at_work, needed
from datasel_core.runs.run import is_preview
from datasel_core.workspace import leftovers
from datasel_core.workspace.files import is_left_over, read_json
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock


@dataclass(frozen=True)
class Kind:
    """title, then: for people, what it is, and what follows when it is gone. at_once: whether it goes unless somebody
    says otherwise, because it comes back by itself.
    """

    title: str
    then: str
    at_once: bool = True


KINDS = {
    "previews": Kind("Choices that were looked at, never kept", "chosen again in seconds"),
    "leftovers": Kind("Left by work that was killed", "nothing is lost"),
    "maps": Kind("Maps", "drawn again when they are opened"),
    "tables": Kind("Scores, neighbours, searches", "computed again when asked for"),
    "thumbnails": Kind("Small copies of photos", "made again when looked at"),
    "done": Kind("Logs and downloads of work that is done", "downloads are made again"),
    "unfinished": Kind("Unfinished work", "it begins anew", at_once=False),
    "features": Kind("Features that no kept selection names", "computed again, which may take long", at_once=False),
    "brought": Kind(
        "Vectors that were brought, and no kept selection names",
        "brought again from their file, if it is still there",
        False,
    ),
    "stages": Kind("Runs in stages, with their checkpoints", "trained again, which takes long", at_once=False),
}
_OF_A_RUN = re.compile(
    r"(spec|status|job|manifest|what|label)\.json|log\.txt|[a-z]+(-\d+)?\.parquet|preview|start|work|stop|dismissed|\..*"
)
"""What lies in the folder of a run; where there is more, somebody put it there."""
_THUMB = re.compile(r"[0-9a-f]+-\d+\.jpg")
_TABLES = ("scores", "serving", "queries", "yardsticks")
_YOUNG = 60
"""Seconds in which work begins that was asked for."""
_AGES = {"h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True)
class Item:
    """One thing that can go. name: as it is ticked, `maps/KEY`. bytes: on disk. used: when it was written last, in
    seconds since 1970.
    """

    kind: str
    name: str
    paths: tuple[Path, ...]
    bytes: int
    used: float
    words: str = ""


@dataclass(frozen=True)
class Space:
    """total: bytes of the workspace. items: what can go. stays: why other things that one may expect cannot, a sentence
    each.
    """

    total: int
    items: tuple[Item, ...]
    stays: tuple[str, ...]

    def bytes(self, kinds: Collection[str] = tuple(KINDS)) -> int:
        return sum(item.bytes for item in self.items if item.kind in kinds)


@dataclass(frozen=True)
class Removed:
    """names, bytes: what is gone. failed: what could not go, a sentence each."""

    names: tuple[str, ...]
    bytes: int
    failed: tuple[str, ...]


def space(workspace: Workspace, older: float = 0) -> Space:
    """older: only what was not written for so many seconds can go."""
    must = needed(workspace)
    before = time.time() - older
    items = [item for item in _items(workspace, must) if _is_old(item, before, older)]
    return Space(measured(workspace.path)[0], tuple(items), _stays(must))


def _is_old(item: Item, before: float, older: float) -> bool:
    """Work that was asked for a moment ago has perhaps not begun."""
    young = abs(time.time() - item.used) < _YOUNG and item.kind in ("unfinished", "done")
    return not young and (item.used <= before or not older)


def remove(workspace: Workspace, names: Collection[str], older: float = 0) -> Removed:
    """Takes away what is named, of what can still go: each thing whole or not at all. Two at once go one after the
    other. Raises Failed where nothing can be written.
    """
    gone, failed, freed = [], [], 0
    with Lock(workspace.path / "runs").hold():
        there = {item.name: item for item in space(workspace, older).items}
        for name in names:
            if (item := there.get(name)) is None:
                failed.append(f"{name} stays: it is gone already, or something needs it by now.")
                continue
            try:
                _take(workspace, item)
            except Failed as error:
                failed.append(str(error))
            else:
                gone.append(name)
                freed += item.bytes
        removal.sweep(workspace)
    return Removed(tuple(gone), freed, tuple(failed))


def age(said: str) -> float:
    """`30d`, `12h` or `2w` in seconds. Raises BadParameter."""
    found = re.fullmatch(r"(\d{1,6})([hdw])", said.strip())
    if found is None:
        raise BadParameter(f"{said!r} is no age; write a number of hours, days or weeks, such as 30d.")
    return int(found[1]) * _AGES[found[2]]


def _take(workspace: Workspace, item: Item) -> None:
    if item.kind in ("thumbnails", "leftovers"):
        _take_files(item)
        return
    folder = item.paths[0]
    with contextlib.ExitStack() as held:
        for part in (folder, folder / "start", folder / "work"):
            if part != folder and not part.is_dir():
                continue
            lock = Lock(part)
            if not lock.try_hold():
                raise Failed(f"{item.name} stays: it is being worked on.")
            held.callback(lock.release)
        if item.kind == "previews" and not is_preview(folder):
            raise Failed(f"{item.name} stays: somebody keeps it.")
        aside = removal.take_away(folder)
        if item.kind in ("previews", "features", "brought") and needed(workspace).holds(folder):
            os.rename(aside, folder)  # somebody named it in the meantime
            raise Failed(f"{item.name} stays: something needs it by now.")


def _take_files(item: Item) -> None:
    for path in item.paths:
        try:
            if path.is_dir():
                shutil.rmtree(path)
            elif item.kind != "leftovers":
                path.unlink(missing_ok=True)
            elif not is_left_over(path, remove=True) and path.exists():
                raise Failed(f"{path} stays: it is being written by now.")
        except OSError as error:
            raise Failed(f"{path} could not be deleted: {error.strerror or error}.") from None


def _items(workspace: Workspace, must: Needed) -> Iterator[Item]:
    for folder in _folders(workspace, "runs"):
        if not (folder / "manifest.json").exists():
            yield _item("unfinished", folder, "a choice")
        elif is_preview(folder) and _is_nobodys(folder) and not must.holds(folder):
            yield _item("previews", folder)
    for folder in _folders(workspace, "features"):
        if (kept := load(folder)) is None:
            if not (folder / "meta.json").exists() and not must.holds(folder):
                yield _item("unfinished", folder, "a feature")
        elif not must.holds(folder):
            words = f"{kept.id} of {kept.meta['pool'].get('name', '')}"
            yield _item("brought" if kept.id == "imported" else "features", folder, words)
    yield from (_item("stages", folder, _of_pool(folder)) for folder in _folders(workspace, "stages"))
    yield from (_item("maps", folder) for folder in _folders(workspace, "maps"))
    yield from (_item("tables", folder) for part in _TABLES for folder in _folders(workspace, part))
    for folder in _folders(workspace, "tasks"):
        yield _item("done" if _state(folder) in ("done", "") else "unfinished", folder, "work")
    yield from _loose(workspace)


def _loose(workspace: Workspace) -> Iterator[Item]:
    """Small copies of photos, and what was left half-written; each is one thing that can go."""
    if _is_own(workspace.thumbs()):
        shown = tuple(path for path in workspace.thumbs().glob("??/*.jpg") if _is_thumb(path))
        yield from _several("thumbnails", "thumbs", shown)
    left = [path for path in leftovers.found(workspace) if not path.is_symlink()]
    yield from _several("leftovers", "leftovers", (*left, *removal.aside(workspace)))


def _is_thumb(path: Path) -> bool:
    return _THUMB.fullmatch(path.name) is not None and not path.is_symlink() and not path.parent.is_symlink()


def _several(kind: str, name: str, paths: tuple[Path, ...]) -> Iterator[Item]:
    if paths:
        yield Item(kind, name, paths, *measured(*paths), f"{len(paths):,} files")


def _item(kind: str, folder: Path, words: str = "") -> Item:
    return Item(kind, f"{folder.parent.name}/{folder.name}", (folder,), *measured(folder), words)


def _folders(workspace: Workspace, part: str) -> Iterator[Path]:
    """Folders of a part that this program made: no link, none in which work goes on."""
    if _is_own(workspace.path / part):
        yield from (one for one in workspace.folders(part) if _is_own(one) and not at_work(one))


def _is_own(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink()


def _is_nobodys(folder: Path) -> bool:
    """Whether nobody called it anything, and nothing lies in it but what a choice leaves."""
    return read_label(folder) == Label() and all(_OF_A_RUN.fullmatch(path.name) for path in folder.iterdir())


def _of_pool(folder: Path) -> str:
    with contextlib.suppress(BadInput):
        said = read_json(folder / "document.json")
        if isinstance(said, dict) and said.get("finished") is True:
            return f"of {said.get('pool')}"
    return "unfinished"


def _state(folder: Path) -> str:
    try:
        said = read_json(folder / "status.json")
        return str(said["state"]) if said is not None else ""
    except (BadInput, KeyError, TypeError):
        return "damaged"


def _stays(must: Needed) -> tuple[str, ...]:
    busy = f"Work goes on in {len(must.busy):,} folders; features and choices stay until it ends." if must.busy else ""
    return (*must.unknown, *((busy,) if busy else ()))


def measured(*paths: Path) -> tuple[int, float]:
    """Bytes of files and of all in folders, and when the last of them was written; a link is followed nowhere."""
    found = [path.lstat() for path in paths if os.path.lexists(path)]
    size = sum(one.st_size for one in found if not stat.S_ISDIR(one.st_mode))
    newest = max((one.st_mtime for one in found), default=0.0)
    for path in paths:
        for at, folders, names in os.walk(path) if not path.is_symlink() else ():
            for name in (*names, *folders):
                with contextlib.suppress(OSError):  # it went away meanwhile
                    one = os.lstat(os.path.join(at, name))
                    size += 0 if stat.S_ISDIR(one.st_mode) else one.st_size
                    newest = max(newest, one.st_mtime)
    return size, newest
