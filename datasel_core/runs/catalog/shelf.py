"""Selections as people come back to them: what each is called, how large it is, what builds on it, and whether it is
whole.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.errors import BadRequest
from datasel_core.runs import manifest
from datasel_core.runs.catalog.cleanup import measured
from datasel_core.runs.catalog.label import name_of, read_label
from datasel_core.runs.catalog.links import builds_on
from datasel_core.runs.run import State, state
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Kept:
    """One selection, or what is left of one. name: by default method and budget; its key where the manifest cannot be
    read. created: as the manifest says it, else empty. n: how many it kept, None where nobody knows. bytes:
    of its folder. builders: names of the kept selections that build on it.
    """

    key: str
    name: str
    note: str
    pool: str
    created: str
    n: int | None
    bytes: int
    state: State
    builders: tuple[str, ...]


def shelf(workspace: Workspace, pool: str | None = None, previews: bool = False) -> list[Kept]:
    """Kept and damaged selections of the workspace, or of the pool with this fingerprint; the newest first. A damaged
    one belongs to no pool that could be told, and is listed with all. previews: those that were only looked at, too.
    """
    every = list(_every(workspace))
    builders = defaultdict[tuple[str, str], list[str]](list)
    for folder, said, how in every:
        if how is State.KEPT and said is not None:
            for ids in builds_on(said):
                builders[said["pool"]["fingerprint"], ids].append(name_of(folder, said))
    found = [_kept(folder, said, how, builders) for folder, said, how in every if _is_asked(said, how, pool, previews)]
    return sorted(found, key=lambda one: (one.created, one.key), reverse=True)


def _every(workspace: Workspace) -> Iterator[tuple[Path, Mapping[str, Any] | None, State]]:
    for folder in workspace.folders("runs"):
        if (folder / "manifest.json").exists():
            how = state(folder)
            yield folder, _said(folder), how


def _said(folder: Path) -> Mapping[str, Any] | None:
    try:
        return manifest.read(folder)
    except BadRequest:
        return None


def _is_asked(said: Mapping[str, Any] | None, how: State, pool: str | None, previews: bool) -> bool:
    if how is State.PREVIEW and not previews:
        return False
    return pool is None or said is None or said["pool"]["fingerprint"] == pool


def _kept(
    folder: Path, said: Mapping[str, Any] | None, how: State, builders: Mapping[tuple[str, str], list[str]]
) -> Kept:
    size, label = measured(folder)[0], read_label(folder)
    if said is None:
        return Kept(folder.name, label.name or folder.name, label.note, "", "", None, size, how, ())
    own = builders.get((said["pool"]["fingerprint"], said["result"]["ids_sha256"]), [])
    by = tuple(sorted(set(own)))
    n = said["result"]["n"]
    return Kept(
        folder.name, name_of(folder, said), label.note, said["pool"]["name"], said["created_utc"], n, size, how, by
    )
