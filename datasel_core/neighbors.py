"""Nearest neighbours and k-means; the only module that imports faiss. Never holds n x n, nor n x budget, in memory."""

from collections.abc import Iterator

import numpy as np

from datasel_core.progress import Progress

_ROWS, _ANCHORS = 4096, 4096


def unit(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float32 rows of length 1; a zero row stays zero."""
    vectors = np.asarray(vectors, dtype=np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return (vectors / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)


def nearest(vectors: np.ndarray, anchors: np.ndarray, metric: str = "cosine", progress: Progress | None = None) -> tuple[np.ndarray, np.ndarray]:
    """distance: (n,) float32 to the nearest anchor, 1 - cosine or Euclidean. which: (n,) position of that anchor (the first of equals)."""
    progress = progress or Progress()
    prepared, weights = _anchors(anchors, metric)
    best, which = np.full(len(vectors), np.inf, np.float32), np.zeros(len(vectors), np.int64)
    for start in range(0, len(vectors), _ROWS):
        progress.check()
        part = unit(vectors[start : start + _ROWS]) if metric == "cosine" else np.asarray(vectors[start : start + _ROWS], np.float32)
        for first in range(0, len(prepared), _ANCHORS):
            gaps = part @ prepared[first : first + _ANCHORS].T
            gaps += weights[first : first + _ANCHORS]
            position = gaps.argmin(axis=1)
            gap = gaps[np.arange(len(part)), position]
            better = gap < best[start : start + len(part)]
            best[start : start + len(part)][better] = gap[better]
            which[start : start + len(part)][better] = position[better] + first
        if metric != "cosine":
            best[start : start + len(part)] += np.einsum("ij,ij->i", part, part)
    np.maximum(best, 0, out=best)
    return (best if metric == "cosine" else np.sqrt(best)), which


def _anchors(anchors: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    if metric == "cosine":
        return -unit(anchors), np.ones(len(anchors), np.float32)
    anchors = np.asarray(anchors, np.float32)
    return -2 * anchors, np.einsum("ij,ij->i", anchors, anchors)


def knn(vectors: np.ndarray, k: int, metric: str = "cosine", progress: Progress | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Exact neighbours of every row among all rows, itself left out: (n, k) rows and (n, k) float64 distances, nearest first.

    Found in float32 with some to spare, measured again and ordered in float64, equal distances by row: the answer does not hang on blocks or
    threads. k is cut to n - 1.
    """
    import faiss

    progress = progress or Progress()
    n = len(vectors)
    k = min(k, n - 1)
    prepared = unit(vectors) if metric == "cosine" else np.ascontiguousarray(vectors, np.float32)
    spare = min(n, k + 9)
    rows, distances = np.empty((n, k), np.int64), np.empty((n, k))
    starts = range(0, n, _ROWS)
    for start in progress.over(starts, len(starts), "finding neighbours"):
        part = slice(start, min(start + _ROWS, n))
        kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
        _, found = faiss.knn(prepared[part], prepared, spare, metric=kind)
        mine = np.arange(part.start, part.stop)
        rows[part], distances[part] = _remeasure(prepared, mine, found, k, metric)
    return rows, distances


def _remeasure(prepared: np.ndarray, mine: np.ndarray, found: np.ndarray, k: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    rows, distances = np.empty((len(mine), k), np.int64), np.empty((len(mine), k))
    for start in range(0, len(mine), 256):
        part = slice(start, start + 256)
        x, y = prepared[mine[part]].astype(np.float64), prepared[found[part]].astype(np.float64)
        squared = ((x[:, None, :] - y) ** 2).sum(axis=2)
        if metric == "cosine":  # a zero row points nowhere: cosine 0 with every row
            squared[(~x.any(axis=1))[:, None] | ~y.any(axis=2)] = 2
        squared[(found[part] == mine[part, None]) | (found[part] < 0)] = np.inf  # itself, and faiss's padding
        order = np.lexsort((found[part], squared), axis=1)[:, :k]
        rows[part] = np.take_along_axis(found[part], order, axis=1)
        near = np.take_along_axis(squared, order, axis=1)
        distances[part] = near / 2 if metric == "cosine" else np.sqrt(near)
    return rows, distances


def kmeans(vectors: np.ndarray, k: int, seed: int, metric: str = "cosine", n_iterations: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """centres: (k, d) float32. cell: (n,) int, the nearest centre of each row. Trained on at most 256 k rows, drawn by `seed`."""
    import faiss

    k = min(k, len(vectors))
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(len(vectors), min(len(vectors), 256 * k), replace=False))
    train = unit(vectors[sample]) if metric == "cosine" else np.ascontiguousarray(vectors[sample], np.float32)
    trained = faiss.Kmeans(train.shape[1], k, niter=n_iterations, seed=seed, spherical=metric == "cosine", min_points_per_centroid=1)
    trained.train(train)
    centres = trained.centroids.reshape(k, -1)
    return centres, nearest(vectors, centres, metric)[1]


def nearest_k(vectors: np.ndarray, anchors: np.ndarray, k: int, metric: str = "cosine") -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Blocks of (rows, positions (b, k) of the k nearest anchors, distances (b, k) float32), nearest first; k is cut to len(anchors)."""
    import faiss

    base = unit(anchors) if metric == "cosine" else np.ascontiguousarray(anchors, np.float32)
    kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
    for start in range(0, len(vectors), _ROWS):
        part = slice(start, min(start + _ROWS, len(vectors)))
        block = unit(vectors[part]) if metric == "cosine" else np.ascontiguousarray(vectors[part], np.float32)
        score, found = faiss.knn(block, base, min(k, len(base)), metric=kind)
        yield part, found, (1 - score if metric == "cosine" else np.sqrt(np.maximum(score, 0)))
