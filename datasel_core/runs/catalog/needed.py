"""What must stay when a workspace is cleaned up: all that a kept selection, unfinished work or any other record names.

Whatever cannot be read may name anything; then nothing that it could name may go.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.stored import load
from datasel_core.runs import manifest
from datasel_core.runs.catalog.links import builds_on
from datasel_core.runs.run import is_preview
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import is_held

_KEY = re.compile(rb"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
"""A key, wherever it stands: names of folders of work and answers."""
_NO_RECORDS = frozenset({"demo", "features", "maps", "pace", "pools", "queries", "queue", "runs", "scores", "serving"})
_NO_RECORDS |= {"spool", "tasks", "thumbs", "yardsticks"}
"""Parts of the workspace that hold no record that names others; runs and tasks are looked at apart."""
_RECORDS = re.compile(r".*\.(json|jsonl|sqlite)")
_MOST_READ = 1 << 26
"""Bytes of one record that are looked at; a larger one may name anything."""
_WAIT = 5
"""Seconds for a database that somebody writes."""
_WORK = ("runs", "features", "tasks", "maps", "scores", "serving", "yardsticks", "evidence", "stages")


@dataclass(frozen=True)
class Needed:
    """keys: of features and runs that something names. unknown: what cannot be read, so that nobody knows what it
    names, a sentence each. busy: folders in which work goes on.
    """

    keys: frozenset[str]
    unknown: tuple[str, ...]
    busy: tuple[Path, ...]

    def holds(self, folder: Path) -> bool:
        """Whether a feature or a choice must stay."""
        return bool(self.unknown) or bool(self.busy) or folder.name in self.keys


def needed(workspace: Workspace) -> Needed:
    """Reads every record of the workspace once."""
    keys, unknown = set[str](), list[str]()
    kept, built = [], set[tuple[str, str]]()
    for folder in workspace.folders("runs"):
        if not (folder / "manifest.json").exists():
            keys |= _named_in(folder / "spec.json") | _named_in(folder / "job.json")
        elif not is_preview(folder):
            try:
                said = manifest.signed(folder)
                built |= {(said["pool"]["fingerprint"], ids) for ids in builds_on(said)}
            except (BadRequest, KeyError, TypeError, AttributeError):
                unknown.append(f"{folder.name} is damaged, so nobody knows what it builds on; delete or mend it first.")
                continue
            kept.append(said)
            keys |= set(_keys(said))
    for folder in workspace.folders("tasks"):
        if _is_unfinished(folder):
            keys |= _named_in(folder / "job.json")
    for path in _records(workspace):
        try:
            keys |= _keys_of(path)
        except (OSError, sqlite3.Error) as error:
            why = getattr(error, "strerror", None) or error
            unknown.append(f"{path} cannot be read ({why}), so nobody knows what it names.")
    keys |= _answers(workspace, built, kept)
    busy = tuple(folder for part in _WORK for folder in workspace.folders(part) if at_work(folder))
    return Needed(frozenset(_with_spaces(workspace, keys)), tuple(unknown), busy)


def at_work(folder: Path) -> bool:
    """Whether some process is at work in a folder, or about to begin."""
    return any(is_held(part) for part in (folder, folder / "start", folder / "work"))


def _is_unfinished(folder: Path) -> bool:
    try:
        said = read_json(folder / "status.json")
        return isinstance(said, dict) and said.get("state") not in ("done", "failed")
    except BadInput:
        return True


def _named_in(path: Path) -> set[str]:
    """Keys that a small file names, whatever it holds."""
    try:
        return {found.decode() for found in _KEY.findall(path.read_bytes())}
    except OSError:
        return set()


def _keys_of(path: Path) -> set[str]:
    """Keys that a record names. Raises OSError, sqlite3.Error."""
    if path.suffix == ".sqlite":
        return _keys_in_base(path)
    if path.stat().st_size > _MOST_READ:
        raise OSError("it is too large")
    return {found.decode() for found in _KEY.findall(path.read_bytes())}


def _keys_in_base(path: Path) -> set[str]:
    """The same of a database: in its file two texts may stand side by side, and one in several places."""
    found = set()
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT)) as base:
        base.text_factory = bytes
        for (table,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            name = table.decode("utf-8", "replace").replace('"', '""')
            for row in base.execute(f'SELECT * FROM "{name}"'):
                found |= {key.decode() for one in row if isinstance(one, bytes) for key in _KEY.findall(one)}
    return found


def _keys(value: Any) -> Iterator[str]:
    """Every text of a record that is a key."""
    if isinstance(value, str) and _KEY.fullmatch(value.encode("utf-8", "replace")):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _keys(inner)


def _records(workspace: Workspace) -> Iterator[Path]:
    """Files beside runs and features in which something may be named: reviews, rounds, tables of evidence."""
    if not workspace.path.is_dir():
        return
    for top in sorted(workspace.path.iterdir()):
        if top.name in _NO_RECORDS or top.name.startswith(".") or top.is_symlink():
            continue
        inside = sorted(top.rglob("*")) if top.is_dir() else [top]
        yield from (path for path in inside if _RECORDS.fullmatch(path.name) and path.is_file())


def _answers(workspace: Workspace, built: set[tuple[str, str]], kept: list[dict[str, Any]]) -> set[str]:
    """Keys of previews that kept the ids which a kept selection builds on, where no kept one has the same."""
    there = {(said["pool"]["fingerprint"], said["result"]["ids_sha256"]) for said in kept}
    found = set()
    for folder in workspace.folders("runs") if built - there else ():
        if is_preview(folder):
            try:
                said = manifest.read(folder)
                if (said["pool"]["fingerprint"], said["result"]["ids_sha256"]) in built - there:
                    found.add(folder.name)
            except (BadInput, KeyError, TypeError):
                continue
    return found


def _with_spaces(workspace: Workspace, keys: set[str]) -> set[str]:
    """With the features in whose space a needed one was placed (`like`)."""
    waiting, all_of = list(keys), set(keys)
    while waiting:
        meta = load(workspace.path / "features" / waiting.pop())
        more = set(_keys(meta.meta.get("params", {}))) - all_of if meta is not None else set()
        all_of |= more
        waiting += more
    return all_of
