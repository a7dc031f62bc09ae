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


def search(queries: np.ndarray, base: np.ndarray, k: int, metric: str = "euclidean", progress: Progress | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of `base` for each query: (m, k) int64 rows and (m, k) float64 distances, nearest first, equal distances by row.

    All of them are right: float32 products only rule out what their error bound allows to, the rest is measured in float64. k is cut to len(base).
    Memory: a float32 copy of `base` while it is not float32 already, and 256 MB.
    """
    progress = progress or Progress()
    queries, base = _in_one_space(queries, base, metric)
    (n, d), k = base.shape, min(k, len(base))
    centre = np.mean(base[:: max(1, n // 4096)], axis=0, dtype=np.float64).astype(np.float32)  # products are precise near the centre
    size = _size(queries, base)
    norms = np.concatenate([_squares((base[start : start + _ROWS] - centre) * size) for start in range(0, n, _ROWS)])
    slack = (8 * np.sqrt(d) + 8) * 2.0**-24  # as in methods/_gaps: what a float32 sum of d terms may be off by
    low = np.empty((max(1, min(64, len(queries), (1 << 26) // n)), n), np.float32)
    rows, distances = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    track = progress.track(len(queries), "finding neighbours of the targets")
    for start in range(0, len(queries), len(low)):
        part = queries[start : start + len(low)]
        scaled = (part - centre) * size
        for first in range(0, n, 1 << 14):
            progress.check()
            low[: len(part), first : first + (1 << 14)] = -2 * scaled @ ((base[first : first + (1 << 14)] - centre) * size).T
        for at, query in enumerate(part):
            tolerance = (slack * (norms + float(_squares(scaled[at : at + 1])[0]))).astype(np.float32)
            lowest = low[at] + (norms.astype(np.float32) - tolerance)
            near = np.flatnonzero(lowest <= np.partition(lowest + 2 * tolerance, k - 1)[k - 1])
            rows[start + at], distances[start + at] = _nearest_of(query, base, near, k)
            track.advance()
    track.finish()
    return rows, distances if metric == "euclidean" else distances**2 / 2


def search_roughly(queries: np.ndarray, base: np.ndarray, k: int, progress: Progress | None = None, check: int = 20) -> tuple[np.ndarray, np.ndarray, float]:
    """As `search` with Euclidean distances, looking only into the cells of an inverted file that are nearest to each query. Also its recall.

    recall: share of the true neighbours that were found, over up to `check` queries. A query for which too few were found is searched exactly.
    """
    import faiss

    queries, base = _in_one_space(queries, base, "euclidean")
    n, k = len(base), min(k, len(base))
    size = _size(queries, base)
    cells = max(1, min(4 * int(np.sqrt(n)), n // 39))  # faiss wants 39 rows per cell to learn from
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(base.shape[1]), base.shape[1], cells)
    index.train(base[:: max(1, n // (64 * cells))] * size)
    for start in range(0, n, _ROWS):
        index.add(base[start : start + _ROWS] * size)
    index.nprobe = min(cells, 8 + 4 * k * cells // n)  # cells that hold about four times as many rows as asked for
    rows, distances = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    for start in (progress or Progress()).over(range(0, len(queries), 64), -(-len(queries) // 64), "finding neighbours of the targets"):
        for at, found in enumerate(index.search(queries[start : start + 64] * size, k)[1], start):
            near = np.sort(found[found >= 0])  # faiss fills up with -1
            if len(near) < k:
                near = search(queries[at : at + 1], base, k)[0][0]
            rows[at], distances[at] = _nearest_of(queries[at], base, near, k)
    some = np.unique(np.linspace(0, len(queries) - 1, min(check, len(queries))).astype(np.int64))
    right = search(queries[some], base, k)[0]
    return rows, distances, float(np.mean([np.isin(true, rows[at]).mean() for at, true in zip(some, right, strict=True)]))


def _in_one_space(queries: np.ndarray, base: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Both as float32, of length 1 for cosine. A zero vector gets an axis of its own, and so cosine 0 with everything."""
    if metric == "euclidean":
        return np.ascontiguousarray(queries, np.float32), np.ascontiguousarray(base, np.float32)
    queries, base = unit(queries), unit(base)
    if queries.any(axis=1).all() and base.any(axis=1).all():
        return queries, base
    none, there = np.zeros((len(queries), 1), np.float32), np.zeros((len(base), 1), np.float32)
    return np.hstack([queries, none, ~queries.any(axis=1, keepdims=True)]), np.hstack([base, ~base.any(axis=1, keepdims=True), there])


def _size(queries: np.ndarray, base: np.ndarray) -> np.float32:
    """What brings the largest number to about 1, so that squares fit into float32; a power of two, which loses nothing."""
    return np.float32(2.0 ** -np.ceil(np.log2(max(*(max(one.max(initial=0), -one.min(initial=0)) for one in (queries, base)), 1e-30))))


def _squares(vectors: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)


def _nearest_of(query: np.ndarray, base: np.ndarray, near: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of some rows of `base`, which rise: distances in float64, equal ones by row."""
    squared = np.concatenate([_squares(base[near[start : start + 1024]].astype(np.float64) - query) for start in range(0, len(near), 1024)])
    order = np.argsort(squared, kind="stable")[:k]
    return near[order], np.sqrt(squared[order])
