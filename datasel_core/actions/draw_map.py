"""Drawing the 2-D map of a feature: PCA at once, UMAP when it is ready; kept beside the features."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.analysis.projection import DRAWING, NEIGHBOURS, PLACING, Map, cells, layout, principal
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.phases import Phase
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import find_role
from datasel_core.errors import BadInput, UnknownName
from datasel_core.features.stored import load
from datasel_core.workspace.arrays import load_array, save_array
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_ARRAYS = ("umap", "pca", "clusters")
AXES = "finding principal components"


@task("map", version=1, title="Draw a map")
class DrawMap(Task):
    """Draws the map of a feature: every sample, or every pattern, is a point; near means alike."""

    part: ClassVar[str] = "maps"
    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "Half a minute for 100,000 points."

    feature: str = Field(description="Key of the feature; see feature list NAME.", json_schema_extra=ARGUMENT)
    params: dict[str, Any] = Field({}, description="Parameters of the map.", json_schema_extra=called("set"))

    def prepare(self, workspace: Workspace) -> Work:
        folder = workspace.map(map_key(self.feature, self.params))
        kept, how = load(workspace.feature(self.feature)), Map.of(self.params)
        n = kept.meta["values"][0] if kept is not None else 0
        placing = [Phase(PLACING, 2)] if n > how.landmarks else []
        return Work(
            folder,
            lambda progress: self._drawn(workspace, progress),
            phases=[Phase(AXES, 0.5), Phase(NEIGHBOURS), Phase(DRAWING, 4), *placing],
            size=n,
            kind=f"of-{how.landmarks}",
        )

    def headline(self) -> str:
        return "Drawing the map"

    def _drawn(self, workspace: Workspace, progress: Progress) -> Outcome:
        folder = make_map(workspace, self.feature, self.params, progress)
        return Outcome({"map": folder.name}, lines=[str(folder)])


def map_key(feature: str, params: Mapping[str, Any]) -> str:
    """The key under which the map of a feature (by key) is kept."""
    return key_of({"map": 1, "feature": feature, "params": Map.of(params).what()})


def read_map(
    workspace: Workspace, feature: str, params: Mapping[str, Any] | None = None
) -> tuple[str, np.ndarray] | None:
    """(`umap` or `pca`, (t, 2) float32 coordinates, NaN where a sample has no value), the best there is so far, or
    None.
    """
    there = _arrays(workspace, feature, params)
    return next(((name, there[name]) for name in ("umap", "pca") if name in there), None)


def read_clusters(workspace: Workspace, feature: str, params: Mapping[str, Any] | None = None) -> np.ndarray | None:
    """(t,) int16: the k-means cell of each point, the largest cell first, -1 where a sample has no value; None while
    there is no map.
    """
    return _arrays(workspace, feature, params).get("clusters")


def _arrays(workspace: Workspace, feature: str, params: Mapping[str, Any] | None) -> dict[str, np.ndarray]:
    """What is there of a feature's map; nothing of one drawn before the feature was made anew, with other values."""
    folder, kept = workspace.map(map_key(feature, params or {})), load(workspace.feature(feature))
    there = {}
    for name in _ARRAYS:
        with contextlib.suppress(BadInput, OSError):  # not there, or cut off: then it is drawn again
            there[name] = load_array(folder / f"{name}.npy")
    if kept is None:
        return there
    with contextlib.suppress(BadInput):
        drawn = (read_json(folder / "of.json") or {}).get("fingerprint")
        if drawn is None:  # that was not written down then
            return {name: array for name, array in there.items() if len(array) == kept.meta["values"][0]}
        return there if drawn == kept.meta["fingerprint"] else {}
    return {}


def make_map(
    workspace: Workspace, feature: str, params: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> Path:
    """Writes pca.npy, clusters.npy, then umap.npy, for the feature with this key. For patterns there is one point per
    pattern. Can be stopped between steps.
    """
    progress, how = progress or Progress(), Map.of(params or {})
    kept = load(workspace.feature(feature))
    if kept is None:
        raise UnknownName("feature", feature, [one.name for one in workspace.folders("features") if load(one)])
    folder = workspace.map(map_key(feature, params or {}))
    with Lock(folder).hold(progress.check):
        if {"umap", "clusters"} <= set(_arrays(workspace, feature, params)):
            return folder
        values = kept.values()
        for name in _ARRAYS:
            (folder / f"{name}.npy").unlink(missing_ok=True)
        write_json(folder / "of.json", {"fingerprint": kept.meta["fingerprint"]})
        vectors = values.values if isinstance(values, Ragged) else values.reshape(len(values), -1)
        there = (
            np.flatnonzero(np.isfinite(vectors).all(axis=1)) if vectors.dtype.kind == "f" else np.arange(len(vectors))
        )
        progress.enter(AXES)
        track = progress.track(2, AXES)
        components = principal(vectors, there, how, as_unit=find_role(kept.role).shape != "series")
        _keep(folder / "pca.npy", components[:, :2], there, len(vectors))
        track.advance()
        clusters = np.full(len(vectors), -1, np.int16)
        clusters[there] = cells(components, how)
        save_array(folder / "clusters.npy", clusters)
        track.finish()
        _keep(folder / "umap.npy", layout(components, how, progress), there, len(vectors))
    return folder


def _keep(path: Path, coordinates: np.ndarray, there: np.ndarray, n: int) -> None:
    whole = np.full((n, 2), np.nan, np.float32)
    whole[there] = coordinates
    save_array(path, whole)
