"""The 2-D layout of vectors: principal components, cells, UMAP. The only module that imports umap."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from datasel_core.base.declare import Declared, Field
from datasel_core.base.progress import Progress, Track
from datasel_core.vectors import directions, kmeans, neighbors
from datasel_core.vectors.inverted import near_k

NEIGHBOURS, DRAWING, PLACING = "finding neighbours", "drawing the map", "placing the other points"
"""The phases of a layout; the last only where there are more points than landmarks."""
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


def expected(n: int) -> float:
    """About how many seconds one core takes for the whole map of n points, the import of what draws it included."""
    return 8 + min(n, 10_000) / 1000 + max(0, n - 10_000) / 4000


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


def lying(coordinates: np.ndarray) -> np.ndarray:
    """The same (t, 2) points, NaN where there is none, turned so that they are spread most from left to right."""
    there = np.isfinite(coordinates).all(axis=1)
    if there.sum() < 2:
        return coordinates
    points = coordinates.astype(np.float64)
    spread = np.cov(points[there].T)
    (wide, _), angle = np.linalg.eigvalsh(spread)[::-1], np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1]) / 2
    if not wide > 0:
        return coordinates
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn


def typical(vectors: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(k,) of each cell 0..k-1 the row nearest its mean, of equals the first; -1 where a cell is empty. vectors:
    (t, d). cells: (t,) the cell of each row, below 0 where it has none.
    """
    found = np.full(int(cells.max(initial=-1)) + 1, -1)
    for cell in range(len(found)):
        rows = np.flatnonzero(cells == cell)
        if len(rows):
            own = np.asarray(vectors[rows], np.float32)
            found[cell] = rows[np.linalg.norm(own - own.mean(axis=0, dtype=np.float64), axis=1).argmin()]
    return found


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


_AHEAD: list[threading.Thread] = []


def get_ready() -> None:
    """Has what draws maps imported and compiled beside whatever else this process does: most of the time that a small
    map takes.
    """
    points = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
    _AHEAD.append(threading.Thread(target=_layout, args=(points, Map(), Progress()), daemon=True))
    _AHEAD[-1].start()


def layout(points: np.ndarray, how: Map, progress: Progress) -> np.ndarray:
    """(n, 2) UMAP coordinates (McInnes et al. 2018). Few points keep their PCA positions: there is nothing to lay
    out.
    """
    while _AHEAD:  # numba may end a process in which two threads compute at once
        _AHEAD.pop().join()
    return _layout(points, how, progress)


def _layout(points: np.ndarray, how: Map, progress: Progress) -> np.ndarray:
    n = len(points)
    if n < 2 * how.n_neighbors + 2:
        return points[:, :2]
    rng = np.random.default_rng(how.seed)
    landmarks = np.sort(rng.choice(n, min(n, how.landmarks), replace=False))
    base = np.ascontiguousarray(points[landmarks])
    placed = _optimise(base, _joined(base, how, progress), how, progress)
    if len(landmarks) == n:
        return placed
    whole = np.empty((n, 2), np.float32)
    progress.enter(PLACING)
    track = progress.track(n, PLACING)
    for part, found, distance in near_k(points, base, 5):
        track.advance(len(found))
        weight = 1 / np.maximum(distance, 1e-6)
        whole[part] = (placed[found] * weight[:, :, None]).sum(axis=1) / weight.sum(axis=1, keepdims=True)
    track.finish()
    whole[landmarks] = placed
    return whole


def _joined(base: np.ndarray, how: Map, progress: Progress) -> Any:
    """The graph of neighbours that is drawn, as a sparse matrix."""
    rows, distances = _with_itself(base, how.n_neighbors, progress)
    import umap
    import umap.umap_  # slow to import, so only when it is needed

    graph, _, _ = umap.umap_.fuzzy_simplicial_set(
        base, how.n_neighbors, np.random.RandomState(how.seed), "euclidean", knn_indices=rows, knn_dists=distances
    )
    return graph


def _with_itself(base: np.ndarray, k: int, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    rows, distances = np.empty((len(base), k), np.int32), np.empty((len(base), k), np.float32)
    progress.enter(NEIGHBOURS)
    track = progress.track(len(base), NEIGHBOURS)
    for part, found, distance in neighbors.nearest_k(base, base, k, "euclidean"):
        rows[part], distances[part] = found, distance
        track.advance(len(found))
    track.finish()
    return rows, distances


def _optimise(base: np.ndarray, graph: Any, how: Map, progress: Progress) -> np.ndarray:
    import umap.umap_

    progress.enter(DRAWING)
    a, b = umap.umap_.find_ab_params(1.0, how.min_dist)
    start = base[:, :2] / max(1e-9, float(np.abs(base[:, :2]).max())) * 10
    epochs = 500 if len(base) <= 10_000 else 200
    with _own_lock():
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
                "file": _Epochs(progress.track(epochs, DRAWING)),
                "bar_format": "{n}",
                "mininterval": 0.2,
            },
        )  # one thread: a seed then draws the same map every time
    return np.asarray(placed, np.float32)


@contextlib.contextmanager
def _own_lock() -> Iterator[None]:
    """tqdm writes while it holds a lock, and a stop that is raised there leaves it held: any bar of another thread
    would wait for ever. So the lock that may be left behind is one of our own.
    """
    from tqdm.auto import tqdm

    theirs = tqdm.get_lock()
    tqdm.set_lock(threading.RLock())
    try:
        yield
    finally:
        tqdm.set_lock(theirs)


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
