"""Groups the kept patches of one photo: k-means, or attention-guided spectral clustering, in float64.

A photo has at most a few hundred patches, fewer than a patch vector has numbers, so k-means runs on the patches' Gram
matrix: every distance to every centroid follows from it, all restarts advance in one product, and the vectors
themselves are read once. One photo is one computation: what else is in the batch cannot change it.
"""

import functools

import numpy as np

RESTARTS = 4
MAX_STEPS = 100
SLACK = 1e-12
"""A patch changes cluster only for a gain above this share of the largest squared norm, so that ties cannot go round in
circles.
"""


def kmeans(patches: np.ndarray, k: int, seed: int) -> np.ndarray:
    """(m,) int: the cluster of each of m patches (m, d), numbered 0.. without gaps; fewer than k only where fewer
    patches differ.

    Euclidean, on the vectors as they are. Lloyd's steps from `RESTARTS` k-means++ seedings, until no patch is nearer to
    another centroid; the restart with the least within-cluster sum of squares wins, the first of equals. The seedings
    use the same random numbers for every photo. A cluster that runs empty takes the patch farthest from its centroid.

    Arthur & Vassilvitskii 2007, https://dl.acm.org/doi/10.5555/1283383.1283494
    """
    patches = np.asarray(patches, dtype=np.float64)
    patches = patches - patches.mean(axis=0)  # distances stay, cancellation goes
    gram = patches @ patches.T
    squares = np.ascontiguousarray(gram.diagonal())
    slack = SLACK * squares.max()
    labels = _nearest_seed(gram, squares, _draws(seed, k))
    for _ in range(MAX_STEPS):
        distances = _distances(gram, squares, labels, k)
        nearest = distances.argmin(axis=2)
        own = np.take_along_axis(distances, labels[..., None], 2)[..., 0]
        moves = np.take_along_axis(distances, nearest[..., None], 2)[..., 0] < own - slack
        after = np.where(moves, nearest, labels)
        _fill_empty(after, own, k, slack)
        if np.array_equal(after, labels):
            break
        labels = after
    own = np.take_along_axis(_distances(gram, squares, labels, k), labels[..., None], 2)[..., 0]
    return _without_gaps(labels[own.sum(axis=1).argmin()])


def spectral(patches: np.ndarray, saliency: np.ndarray, k: int, seed: int) -> np.ndarray:
    """(m,) int: clusters as `kmeans` numbers them, found in the eigenvectors of an attention-weighted graph of the
    patches.

    A reconstruction, the "spectral variant": FreeSel describes attention-guided spectral clustering, but its exact
    affinity is not public. Here the affinity of patches i and j is sqrt(a_i a_j) max(0, cos(x_i, x_j)) with a the
    saliency; the k leading eigenvectors of its symmetric normalised Laplacian, rows brought to unit length, are
    clustered by k-means.

    Ng, Jordan & Weiss 2001, https://papers.nips.cc/paper/2092-on-spectral-clustering-analysis-and-an-algorithm
    """
    from scipy.linalg import eigh

    patches = np.asarray(patches, dtype=np.float64)
    unit = patches / np.maximum(np.linalg.norm(patches, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    weight = np.sqrt(np.maximum(saliency, np.finfo(np.float64).eps * np.max(saliency, initial=0.0)))
    affinity = np.maximum(unit @ unit.T, 0.0) * weight[:, None] * weight[None, :]
    degree = np.sqrt(np.maximum(affinity.sum(axis=1), np.finfo(np.float64).tiny))
    m = len(patches)
    _, vectors = eigh(affinity / degree[:, None] / degree[None, :], subset_by_index=(m - k, m - 1), driver="evr")
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return kmeans(rows, k, seed)


@functools.lru_cache(maxsize=64)
def _draws(seed: int, k: int) -> np.ndarray:
    return np.random.default_rng(seed).random((RESTARTS, k))


def _nearest_seed(gram: np.ndarray, squares: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """(r, m): the nearest of k seeds, each drawn with probability proportional to its squared distance to those before
    it.
    """
    restarts, k = draws.shape
    m = len(gram)
    seeds = np.minimum((draws[:, 0] * m).astype(np.int64), m - 1)
    distances = squares[seeds, None] + squares - 2 * gram[seeds]
    shortest = np.maximum(distances, 0.0)
    labels = np.zeros((restarts, m), dtype=np.int64)
    for c in range(1, k):
        mass = np.cumsum(shortest, axis=1)
        seeds = np.minimum((mass <= draws[:, c, None] * mass[:, -1:]).sum(axis=1), m - 1)
        distances = np.maximum(squares[seeds, None] + squares - 2 * gram[seeds], 0.0)
        labels[distances < shortest] = c
        shortest = np.minimum(shortest, distances)
    return labels


def _distances(gram: np.ndarray, squares: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """(r, m, k): squared distance of each patch to each centroid; infinite to a cluster without members."""
    restarts, m = labels.shape
    members = (labels[:, :, None] == np.arange(k)).astype(np.float64)
    sizes = members.sum(axis=1)
    shares = members / np.maximum(sizes, 1.0)[:, None, :]
    cross = (gram @ shares.transpose(1, 0, 2).reshape(m, restarts * k)).reshape(m, restarts, k).transpose(1, 0, 2)
    centroid_squares = (shares * cross).sum(axis=1)
    centroid_squares[sizes == 0] = np.inf
    return squares[None, :, None] - 2 * cross + centroid_squares[:, None, :]


def _fill_empty(labels: np.ndarray, own: np.ndarray, k: int, slack: float) -> None:
    """Gives each empty cluster the patch that lies farthest from its centroid, in place; leaves it empty where all lie
    on theirs.
    """
    for restart, cluster in np.argwhere((labels[:, :, None] == np.arange(k)).sum(axis=1) == 0):
        sizes = np.bincount(labels[restart], minlength=k)
        far = np.where(sizes[labels[restart]] > 1, own[restart], -np.inf)
        if far.max() > slack:
            labels[restart, far.argmax()] = cluster


def _without_gaps(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
