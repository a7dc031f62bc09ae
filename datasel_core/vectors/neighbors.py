"""Nearest neighbours and k-means; the only module that imports faiss. Never holds n x n, nor n x budget, in memory."""

from collections.abc import Iterator

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.vectors.directions import unit

_ROWS, _ANCHORS = 4096, 4096
_SOME_ROWS, _PAIR_COLUMNS = 256, 4096  # measured in float64 at a time
_QUERY_ROWS, _BASE_BLOCK, _NEAR_ROWS, _PRODUCTS = 64, 1 << 14, 1024, 1 << 26


def nearest(
    vectors: np.ndarray, anchors: np.ndarray, metric: str = "cosine", progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """distance: (n,) float32 to the nearest anchor, 1 - cosine or Euclidean. which: (n,) position of that anchor (the
    first of equals).
    """
    progress = progress or Progress()
    prepared, weights = _anchors(anchors, metric)
    best, which = np.full(len(vectors), np.inf, np.float32), np.zeros(len(vectors), np.int64)
    for start in range(0, len(vectors), _ROWS):
        progress.check()
        part = (
            unit(vectors[start : start + _ROWS])
            if metric == "cosine"
            else np.asarray(vectors[start : start + _ROWS], np.float32)
        )
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


def knn(
    vectors: np.ndarray, k: int, metric: str = "cosine", progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Exact neighbours of every row among all rows, itself left out: (n, k) rows and (n, k) float64 distances, nearest
    first.

    Found in float32 with some to spare, measured again and ordered in float64, equal distances by row: the answer does
    not hang on blocks or threads. Where float32 leaves open whether another is nearer, as among near-duplicates,
    everything that may be is measured. Of vectors in float32, and their directions in float64. k is cut to n - 1.
    Memory: two float32 copies of the vectors, a third where some are left open.
    """
    import faiss

    progress = progress or Progress()
    n, k = len(vectors), min(k, len(vectors) - 1)
    vectors = np.ascontiguousarray(vectors, np.float32)
    lengths = np.sqrt(_squares(vectors)) if metric == "cosine" else None
    rough, size = (unit(vectors), 1.0) if metric == "cosine" else _about_centre(vectors)
    kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
    spare, unsure = min(n, k + 9), np.zeros(n, bool)
    rows, distances = np.empty((n, k), np.int64), np.empty((n, k))
    starts = range(0, n, _ROWS)
    for start in progress.over(starts, len(starts), "finding neighbours"):
        part = slice(start, min(start + _ROWS, n))
        scores, found = faiss.knn(rough[part], rough, spare, metric=kind)
        rows[part], distances[part] = _nearest_others(vectors, lengths, np.arange(part.start, part.stop), found, k)
        if k > 0 and spare < n:
            unsure[part] = ~_surely_all(rough[part], scores[:, -1], distances[part, -1] * size, metric)
    if metric == "cosine":
        pointless = np.flatnonzero(lengths == 0)  # cosine 0 with every row
        rows[pointless], distances[pointless] = np.arange(k) + (np.arange(k) >= pointless[:, None]), 1
        unsure[pointless] = False
    if unsure.any():
        open_rows = np.flatnonzero(unsure)
        queries, base = _in_one_space(vectors[open_rows], vectors, metric)
        blur = 2.0**-23 if metric == "cosine" else 0.0
        all_near = _perhaps_nearest(queries, base, k + 1, progress, "telling near-duplicates apart", blur)
        for row, near in zip(open_rows, all_near, strict=True):
            (rows[row],), (distances[row],) = _nearest_others(vectors, lengths, np.array([row]), near[None], k)
    return rows, distances


def _about_centre(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Float32 vectors, seen from their mean and `size` times as long, as float32 takes squares best; and that size."""
    centre, size = np.mean(vectors, axis=0, dtype=np.float64), float(_size(vectors, vectors))
    seen = np.empty(vectors.shape, np.float32)
    for start in range(0, len(vectors), _ROWS):
        seen[start : start + _ROWS] = (vectors[start : start + _ROWS] - centre) * size
    return seen, size


def _surely_all(rough: np.ndarray, last: np.ndarray, distance: np.ndarray, metric: str) -> np.ndarray:
    """Whether nothing that was not found can be as near as `distance`, the largest that is asked for.

    last: what float32 made of the farthest found.
    """
    slack = (8 * np.sqrt(rough.shape[1]) + 8) * 2.0**-24  # as in methods/_gaps: what a float32 sum of d terms may lose
    if metric == "cosine":
        return last < 1 - distance - 2 * slack  # once for the sum, once for lengths that are not quite 1
    squares = _squares(rough)
    farther = np.square(np.sqrt(squares) + distance)  # so long, squared, is at most what is as near as that
    error = 3 * slack * (squares + farther)  # of both squares and of their product
    return last > distance**2 + error + rough.shape[1] * 2.0**-120


def _nearest_others(
    vectors: np.ndarray, lengths: np.ndarray | None, mine: np.ndarray, found: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """rows, distances: (m, k) the nearest of `found` (m, c), for each of `mine`, itself left out.

    lengths: (n,) of all vectors, for the cosine.
    """
    squared = np.empty(found.shape)
    for start in range(0, len(mine), _SOME_ROWS):
        for first in range(0, found.shape[1], _PAIR_COLUMNS):
            part = slice(start, start + _SOME_ROWS), slice(first, first + _PAIR_COLUMNS)
            squared[part] = _squared_gaps(vectors, lengths, mine[part[0]], found[part])
    squared[(found == mine[:, None]) | (found < 0)] = np.inf  # itself, and faiss's padding
    order = np.lexsort((found, squared), axis=1)[:, :k]
    near = np.take_along_axis(squared, order, axis=1)
    return np.take_along_axis(found, order, axis=1), np.sqrt(near) if lengths is None else near / 2


def _squared_gaps(vectors: np.ndarray, lengths: np.ndarray | None, mine: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(m, c) float64 squared distances, of directions where there are lengths; a zero row is at cosine 0 from all."""
    x, y = vectors[mine].astype(np.float64), vectors[others].astype(np.float64)
    if lengths is None:
        return ((x[:, None] - y) ** 2).sum(axis=2)
    x /= np.where(lengths[mine] > 0, lengths[mine], 1)[:, None]
    y /= np.where(lengths[others] > 0, lengths[others], 1)[:, :, None]
    squared = ((x[:, None] - y) ** 2).sum(axis=2)
    squared[(lengths[mine] == 0)[:, None] | (lengths[others] == 0)] = 2
    return squared


def nearest_k(
    vectors: np.ndarray, anchors: np.ndarray, k: int, metric: str = "cosine"
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Blocks of (rows, positions (b, k) of the k nearest anchors, distances (b, k) float32), nearest first; k is cut to
    len(anchors).
    """
    import faiss

    base = unit(anchors) if metric == "cosine" else np.ascontiguousarray(anchors, np.float32)
    kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
    for start in range(0, len(vectors), _ROWS):
        part = slice(start, min(start + _ROWS, len(vectors)))
        block = unit(vectors[part]) if metric == "cosine" else np.ascontiguousarray(vectors[part], np.float32)
        score, found = faiss.knn(block, base, min(k, len(base)), metric=kind)
        yield part, found, (1 - score if metric == "cosine" else np.sqrt(np.maximum(score, 0)))


def search(
    queries: np.ndarray, base: np.ndarray, k: int, metric: str = "euclidean", progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of `base` for each query: (m, k) int64 rows and (m, k) float64 distances, nearest first, equal
    distances by row.

    All of them are right: float32 products only rule out what their error bound allows to, the rest is measured in
    float64. k is cut to len(base).
    Memory: a float32 copy of `base` while it is not float32 already, and 256 MB.
    """
    queries, base = _in_one_space(queries, base, metric)
    k = min(k, len(base))
    rows, distances = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    all_near = _perhaps_nearest(queries, base, k, progress or Progress(), "finding neighbours of the targets")
    for at, near in enumerate(all_near):
        rows[at], distances[at] = _nearest_of(queries[at], base, near, k)
    return rows, distances if metric == "euclidean" else distances**2 / 2


def _perhaps_nearest(
    queries: np.ndarray, base: np.ndarray, k: int, progress: Progress, label: str, blur: float = 0.0
) -> Iterator[np.ndarray]:
    """For each query, ascending rows of `base` that float32 does not rule out; its k nearest are among them.

    blur: how far off any vector may be.
    """
    n, d = base.shape
    centre = np.mean(base[:: max(1, n // 4096)], axis=0, dtype=np.float64).astype(
        np.float32
    )  # products are precise near the centre
    size = _size(queries, base)
    norms = np.concatenate([_squares((base[start : start + _ROWS] - centre) * size) for start in range(0, n, _ROWS)])
    slack = (8 * np.sqrt(d) + 8) * 2.0**-24  # as in methods/_gaps: what a float32 sum of d terms may be off by
    low = np.empty((max(1, min(_QUERY_ROWS, len(queries), _PRODUCTS // n)), n), np.float32)
    lengths, blur = np.sqrt(norms), blur * float(size)
    track = progress.track(len(queries), label)
    for start in range(0, len(queries), len(low)):
        part = queries[start : start + len(low)]
        scaled = (part - centre) * size
        for first in range(0, n, _BASE_BLOCK):
            progress.check()
            some = slice(first, first + _BASE_BLOCK)
            low[: len(part), some] = -2 * scaled @ ((base[some] - centre) * size).T
        for at, norm in enumerate(_squares(scaled).tolist()):
            tolerance = slack * (norms + norm)
            if blur:
                tolerance += 4 * blur * (lengths + norm**0.5 + blur)
            tolerance = tolerance.astype(np.float32)
            lowest = low[at] + (norms.astype(np.float32) - tolerance)
            yield np.flatnonzero(lowest <= np.partition(lowest + 2 * tolerance, k - 1)[k - 1])
            track.advance()
    track.finish()


def search_roughly(
    queries: np.ndarray, base: np.ndarray, k: int, progress: Progress | None = None, check: int = 20
) -> tuple[np.ndarray, np.ndarray, float]:
    """As `search` with Euclidean distances, looking only into the cells of an inverted file that are nearest to each
    query. Also its recall.

    recall: share of the true neighbours that were found, over up to `check` queries. A query for which too few were
    found is searched exactly.
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
    starts = range(0, len(queries), _QUERY_ROWS)
    for start in (progress or Progress()).over(starts, len(starts), "finding neighbours of the targets"):
        for at, found in enumerate(index.search(queries[start : start + _QUERY_ROWS] * size, k)[1], start):
            near = np.sort(found[found >= 0])  # faiss fills up with -1
            if len(near) < k:
                near = search(queries[at : at + 1], base, k)[0][0]
            rows[at], distances[at] = _nearest_of(queries[at], base, near, k)
    some = np.unique(np.linspace(0, len(queries) - 1, min(check, len(queries))).astype(np.int64))
    right = search(queries[some], base, k)[0]
    return (
        rows,
        distances,
        float(np.mean([np.isin(true, rows[at]).mean() for at, true in zip(some, right, strict=True)])),
    )


def _in_one_space(queries: np.ndarray, base: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Both as float32, of length 1 for cosine. A zero vector gets an axis of its own, and so cosine 0 with
    everything.
    """
    if metric == "euclidean":
        return np.ascontiguousarray(queries, np.float32), np.ascontiguousarray(base, np.float32)
    queries, base = unit(queries), unit(base)
    if queries.any(axis=1).all() and base.any(axis=1).all():
        return queries, base
    none, there = np.zeros((len(queries), 1), np.float32), np.zeros((len(base), 1), np.float32)
    return np.hstack([queries, none, ~queries.any(axis=1, keepdims=True)]), np.hstack(
        [base, ~base.any(axis=1, keepdims=True), there]
    )


def _size(queries: np.ndarray, base: np.ndarray) -> np.float32:
    """What brings the largest number to about 1, so that squares fit into float32; a power of two, which loses
    nothing.
    """
    return np.float32(
        2.0 ** -np.ceil(np.log2(max(*(max(one.max(initial=0), -one.min(initial=0)) for one in (queries, base)), 1e-30)))
    )


def _squares(vectors: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)


def _nearest_of(query: np.ndarray, base: np.ndarray, near: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of some rows of `base`, which rise: distances in float64, equal ones by row."""
    parts = (near[start : start + _NEAR_ROWS] for start in range(0, len(near), _NEAR_ROWS))
    squared = np.concatenate([_squares(base[part].astype(np.float64) - query) for part in parts])
    order = np.argsort(squared, kind="stable")[:k]
    return near[order], np.sqrt(squared[order])
