"""The 2-D map of a feature: PCA at once, UMAP when it is ready. The only module that imports umap."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.declare import Declared, Field
from datasel_core.base.progress import Progress, Track
from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadInput, UnknownName
from datasel_core.features.stored import load
from datasel_core.vectors import directions, kmeans, neighbors
from datasel_core.workspace.arrays import load_array, save_array
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_SERIES = frozenset({"loss_trajectory"})
"""Roles whose size means something; of the others only the direction counts."""
_ARRAYS = ("umap", "pca", "clusters")
_FIT = 20_000
_CELLS = 12
_ROWS = 8192


class Map(Declared):
    """Parameters of a map."""

    n_neighbors: int = Field(
        15, ge=2, le=200, description="Neighbours that shape the map: few for fine detail, many for the whole."
    )
    min_dist: float = Field(0.1, ge=0, le=1, description="How tightly points may lie together.")
    landmarks: int = Field(
        40_000, ge=1000, description="Most points that shape the map; the others are placed by their neighbours."
    )
    n_components: int = Field(50, ge=2, description="Principal components that neighbours are found in.")
    seed: int = Field(0, ge=0, description="Start of the random numbers; the same seed draws the same map.")


def map_key(feature: str, params: Mapping[str, Any]) -> str:
    """The key under which the map of a feature (by key) is kept."""
    return key_of({"map": 1, "feature": feature, "params": Map(**params).what()})


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
    there = {path.stem: load_array(path) for name in _ARRAYS if (path := folder / f"{name}.npy").exists()}
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
    progress, how = progress or Progress(), Map(**(params or {}))
    kept = load(workspace.feature(feature))
    if kept is None:
        raise UnknownName("feature", feature, [])
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
        track = progress.track(2, "finding principal components")
        components = principal(vectors, there, how, as_unit=kept.role not in _SERIES)
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


def principal(vectors: np.ndarray, rows: np.ndarray, how: Map, as_unit: bool = True) -> np.ndarray:
    """(len(rows), m) float32 scores on the first principal components, signs fixed; fitted on at most 20,000 rows.
    as_unit: of the unit vectors.
    """
    ready = directions.unit if as_unit else lambda part: np.asarray(part, np.float32)
    rng = np.random.default_rng(how.seed)
    sample = np.sort(rng.choice(rows, min(len(rows), _FIT), replace=False))
    fit = ready(vectors[sample])
    mean = fit.mean(axis=0, dtype=np.float64)
    centred = fit - mean
    values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(fit))
    axes = axes[:, ::-1][:, : how.n_components]
    axes = (axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])).astype(np.float32)
    if axes.shape[1] < 2:
        axes = np.hstack([axes, np.zeros_like(axes)])
    some = (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))
    parts = [(ready(vectors[part]) - mean.astype(np.float32)) @ axes for part in some]
    return np.concatenate(parts) if parts else np.empty((0, 2), np.float32)


def cells(components: np.ndarray, how: Map) -> np.ndarray:
    """(n,) int16: k-means cells of the points (at most 12, and at least 20 points a cell), numbered by size, the
    largest first; equal sizes by first row.
    """
    k = min(_CELLS, len(components) // 20)
    if k < 2:
        return np.zeros(len(components), np.int16)
    _, cell = kmeans.kmeans(components, k, how.seed, metric="euclidean")
    found, first, sizes = np.unique(cell, return_index=True, return_counts=True)
    number = np.empty(found.max() + 1, np.int16)
    number[found[np.lexsort((first, -sizes))]] = np.arange(len(found))
    return number[cell]


def layout(points: np.ndarray, how: Map, progress: Progress) -> np.ndarray:
    """(n, 2) UMAP coordinates (McInnes et al. 2018). Few points keep their PCA positions: there is nothing to lay
    out.
    """
    n = len(points)
    if n < 2 * how.n_neighbors + 2:
        return points[:, :2]
    rng = np.random.default_rng(how.seed)
    landmarks = np.sort(rng.choice(n, min(n, how.landmarks), replace=False))
    base = np.ascontiguousarray(points[landmarks])
    rows, distances = _with_itself(base, how.n_neighbors, progress)
    import umap
    import umap.umap_  # slow to import, so only when it is needed

    graph, _, _ = umap.umap_.fuzzy_simplicial_set(
        base, how.n_neighbors, np.random.RandomState(how.seed), "euclidean", knn_indices=rows, knn_dists=distances
    )
    placed = _optimise(base, graph, how, progress)
    if len(landmarks) == n:
        return placed
    whole = np.empty((n, 2), np.float32)
    for part, found, distance in neighbors.nearest_k(points, base, 5, "euclidean"):
        progress.check()
        weight = 1 / np.maximum(distance, 1e-6)
        whole[part] = (placed[found] * weight[:, :, None]).sum(axis=1) / weight.sum(axis=1, keepdims=True)
    whole[landmarks] = placed
    return whole


def _with_itself(base: np.ndarray, k: int, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    rows, distances = np.empty((len(base), k), np.int32), np.empty((len(base), k), np.float32)
    track = progress.track(len(base), "finding neighbours")
    for part, found, distance in neighbors.nearest_k(base, base, k, "euclidean"):
        rows[part], distances[part] = found, distance
        track.advance(len(found))
    track.finish()
    return rows, distances


def _optimise(base: np.ndarray, graph: Any, how: Map, progress: Progress) -> np.ndarray:
    import umap.umap_

    a, b = umap.umap_.find_ab_params(1.0, how.min_dist)
    start = base[:, :2] / max(1e-9, float(np.abs(base[:, :2]).max())) * 10
    epochs = 500 if len(base) <= 10_000 else 200
    placed, _ = umap.umap_.simplicial_set_embedding(
        base,
        graph,
        2,
        1.0,
        a,
        b,
        1.0,
        5,
        epochs,
        np.ascontiguousarray(start, np.float32),
        np.random.RandomState(how.seed),
        "euclidean",
        {},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,
        tqdm_kwds={
            "disable": False,
            "file": _Epochs(progress.track(epochs, "drawing the map")),
            "bar_format": "{n}",
            "mininterval": 0.2,
        },
    )  # one thread: a seed then draws the same map every time
    return np.asarray(placed, np.float32)


class _Epochs:
    """What umap's progress bar writes to: its counts become our progress, and a stop is raised from here."""

    def __init__(self, track: Track):
        self.track = track

    def write(self, text: str) -> None:
        count = text.strip()
        if count.isdigit():
            self.track.advance(int(count) - self.track.done)

    def flush(self) -> None:
        """Nothing is held back."""
