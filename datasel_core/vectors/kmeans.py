"""k-means by faiss: quick, for cells of maps and of coverage; the exact one is `grid_kmeans`."""

import numpy as np

from datasel_core.vectors.directions import unit
from datasel_core.vectors.neighbors import nearest


def kmeans(
    vectors: np.ndarray, k: int, seed: int, metric: str = "cosine", n_iterations: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    """centres: (k, d) float32. cell: (n,) int, the nearest centre of each row. Trained on at most 256 k rows, drawn by
    `seed`.
    """
    import faiss

    k = min(k, len(vectors))
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(len(vectors), min(len(vectors), 256 * k), replace=False))
    train = unit(vectors[sample]) if metric == "cosine" else np.ascontiguousarray(vectors[sample], np.float32)
    trained = faiss.Kmeans(
        train.shape[1], k, niter=n_iterations, seed=seed, spherical=metric == "cosine", min_points_per_centroid=1
    )
    trained.train(train)
    centres = trained.centroids.reshape(k, -1)
    return centres, nearest(vectors, centres, metric)[1]
