"""A run: one question and its answer, a folder. What lies in it, and how far it is."""

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.errors import BadInput
from datasel_core.methods.selection import Selection
from datasel_core.runs import manifest
from datasel_core.runs.catalog.label import name_of, read_label
from datasel_core.workspace.files import read_json, write_json, writing
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

_CLUSTERS = "clusters.parquet"
_PREVIEW, _KEEP = "preview", "keep"
_WHAT = "what.json"


class State(StrEnum):
    """How far a run is. ASKED: no answer yet. PREVIEW: looked at on the screen, no list names it. KEPT: a selection.
    DAMAGED: what was written is no longer what it was.
    """

    ASKED = "asked"
    PREVIEW = "preview"
    KEPT = "kept"
    DAMAGED = "damaged"


def state(folder: Path) -> State:
    """The state of the run in a folder; every byte of it is looked at."""
    if not (folder / "manifest.json").exists():
        return State.ASKED
    if not manifest.is_answer(folder):
        return State.DAMAGED
    return State.PREVIEW if is_preview(folder) else State.KEPT


def is_preview(folder: Path) -> bool:
    """Whether nobody asked to keep it."""
    return (folder / _PREVIEW).exists() and not (folder / _KEEP).exists()


def ask(folder: Path, preview: bool) -> None:
    """Notes how a run is asked for, before or while it is made. Who asks to keep it is heard, whoever looks at it
    too.
    """
    if preview:
        if not (folder / "manifest.json").exists():
            (folder / _PREVIEW).touch()
        return
    if not (folder / "manifest.json").exists():
        (folder / _KEEP).touch()
    (folder / _PREVIEW).unlink(missing_ok=True)


@dataclass(frozen=True)
class Run:
    """A finished run."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def key(self) -> str:
        return self.folder.name

    @property
    def name(self) -> str:
        """What a person called it; by default method and budget."""
        return name_of(self.folder, self.manifest)

    @property
    def note(self) -> str:
        """What a person noted about it; empty where nothing."""
        return read_label(self.folder).note

    @property
    def table(self) -> pa.Table:
        """id, rank, score, count, why and the pool's columns, in pick order."""
        return manifest.kept_table(self.folder)

    @property
    def ids(self) -> list[str]:
        """The kept ids in pick order."""
        return self.table["id"].to_pylist()

    @property
    def selection(self) -> Selection:
        """The same as arrays: rows of the pool as it was."""
        table = self.table
        scores = np.full(self.manifest["pool"]["n"], np.nan)
        rows = table["row"].to_numpy()
        scores[rows] = table["score"].to_numpy(zero_copy_only=False)
        whys = [json.loads(text) if text else {} for text in table["why"].to_pylist()]
        names = list(dict.fromkeys(name for why in whys for name in why))
        why = {name: np.array([why.get(name) for why in whys]) for name in names}
        facts = self.manifest["result"].get("facts", {})
        return Selection(rows, table["count"].to_numpy(), scores, why, self.clusters, facts)

    @property
    def clusters(self) -> np.ndarray | None:
        """(n,) int, the cluster of every row of the pool as it was, -1 where none; None when the method made no
        clusters. Raises BadInput.
        """
        there = _CLUSTERS in self.manifest["files"]
        return read_clusters(self.folder, self.manifest["pool"]["n"]) if there else None


def runs(workspace: Workspace, previews: bool = False) -> Iterator[Path]:
    """Folders of finished runs, by name. previews: also those that nobody asked to keep."""
    for folder in workspace.folders("runs"):
        if (folder / "manifest.json").exists() and (previews or not is_preview(folder)):
            yield folder


def write_what(folder: Path, what: Mapping[str, Any]) -> None:
    """Keeps all that decided the answer, so that it is found again."""
    write_json(folder / _WHAT, dict(what))


def was_made_in(folder: Path) -> bool:
    """Whether a run was made in this folder: what decided it is noted there, as it is in no copy."""
    return (folder / _WHAT).exists()


def answers(workspace: Workspace, open_question: Mapping[str, Any]) -> Iterator[tuple[int, Path]]:
    """(budget, folder) of every finished run that answers a question, whatever its budget. open_question: as
    `Question.open` says it. Whether a run is still intact is for the caller to see.
    """
    asked = dict(open_question)
    for folder in runs(workspace, previews=True):
        then = _what(folder)
        if then is not None and {name: value for name, value in then.items() if name != "budget"} == asked:
            yield then["budget"], folder


def _what(folder: Path) -> dict[str, Any] | None:
    try:
        return _read_what(folder, (folder / _WHAT).stat().st_mtime_ns)
    except (BadInput, OSError, ValueError):
        return None  # it is damaged, or went away: no answer


@functools.lru_cache(maxsize=20_000)
def _read_what(folder: Path, stamp: int) -> dict[str, Any] | None:
    what = read_json(folder / _WHAT)
    whole = isinstance(what, dict) and key_of(what) == folder.name  # the run is called by what decided it
    return what if whole and "budget" in what else None


def write_clusters(folder: Path, clusters: np.ndarray) -> str:
    """clusters: (n,) int over the pool, -1 where none. One line per row that has a cluster. Returns the name of the
    file.
    """
    rows = np.flatnonzero(clusters >= 0)
    with writing(folder / _CLUSTERS) as temporary:
        table = pa.table({"row": rows, "cluster": clusters[rows].astype(np.int32)})
        pq.write_table(table, temporary, compression="zstd")
    return _CLUSTERS


def read_clusters(folder: Path, n: int) -> np.ndarray:
    """(n,) int over the pool, -1 where none. Raises BadInput when the file is missing or damaged."""
    try:
        table = pq.read_table(folder / _CLUSTERS)
        clusters = np.full(n, -1)
        clusters[table["row"].to_numpy()] = table["cluster"].to_numpy()
    except (OSError, KeyError, IndexError, pa.ArrowException) as error:
        raise BadInput(f"{folder / _CLUSTERS} cannot be read: {str(error).splitlines()[0]}.") from None
    return clusters
