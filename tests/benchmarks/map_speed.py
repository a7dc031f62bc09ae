"""The 2-D map beside umap-learn alone, and k-means cells of a million vectors; time and memory.

Anchor: umap-learn alone took 36 s for 100,000 x 384 on a machine of two cores.
"""

from typing import Any

import numpy as np

from datasel_core.analysis import projection
from datasel_core.base.progress import Progress
from datasel_core.vectors import kmeans, neighbors
from datasel_core.vectors.inverted import near_k
from tests.benchmarks._measure import apart, size, stopwatch, table
from tests.benchmarks.selection_speed import clouds


def ours(n: int, d: int) -> dict[str, Any]:
    vectors, how = clouds(n, d, 40), projection.Map()
    with stopwatch() as first:
        points = projection.principal(vectors, np.arange(n), how)
    with stopwatch() as second:
        placed = projection.layout(points, how, Progress())
    return {"pca": first[0], "umap": first[0] + second[0], "shape": placed.shape}


def alone(n: int, d: int) -> dict[str, Any]:
    vectors = clouds(n, d, 40)
    import umap

    with stopwatch() as taken:
        umap.UMAP(n_neighbors=15, min_dist=0.1, metric="cosine").fit_transform(vectors)
    return {"umap": taken[0]}


def cells(n: int, d: int) -> float:
    vectors = clouds(n, d, 500)
    with stopwatch() as taken:
        kmeans.kmeans(vectors, 1000, seed=0)
    return taken[0]


def placing(n: int, base: int, clouded: bool) -> dict[str, float]:
    """How much faster the places of points beyond the landmarks are found than by all products, and how many of the
    very nearest are among them.
    """
    d = 50
    points = (
        clouds(n + base, d, 300) if clouded else np.random.default_rng(0).standard_normal((n + base, d)).astype("f")
    )
    points *= np.linspace(3, 0.1, d, dtype=np.float32)
    with stopwatch() as exact:
        right = np.concatenate([found for _, found, _ in neighbors.nearest_k(points[:n], points[n:], 5, "euclidean")])
    with stopwatch() as near:
        found = np.concatenate([found for _, found, _ in near_k(points[:n], points[n:], 5)])
    share = np.mean([np.isin(mine, there).mean() for mine, there in zip(found, right, strict=True)])
    return {"all products s": exact[0], "cells s": near[0], "ratio": exact[0] / near[0], "nearest found": float(share)}


def main() -> None:
    n = size(100_000)
    mine, umap = apart(ours, n, 384), apart(alone, n, 384)
    big = apart(ours, size(1_000_000), 64)
    one = apart(cells, size(1_000_000), 64)
    alone_s = umap["result"]["umap"]
    table([_row(f"map of {n:,} x 384", mine, alone_s), _row(f"map of {size(1_000_000):,} x 64", big, None)])
    table(
        [
            {"placing": words, **apart(placing, n, size(40_000), clouded)["result"]}
            for words, clouded in (("points in clouds", True), ("points in none", False))
        ]
    )
    table([{"what": f"1,000 k-means cells of {size(1_000_000):,} x 64", "s": one["result"], "peak GB": one["peak_gb"]}])


def _row(what: str, found: dict[str, Any], alone_s: float | None) -> dict[str, Any]:
    seconds = found["result"]["umap"]
    ratio = f"{alone_s / seconds:.1f} x" if alone_s else "-"
    return {
        "what": what,
        "PCA s": found["result"]["pca"],
        "UMAP s": seconds,
        "umap-learn alone s": alone_s or "-",
        "ratio": ratio,
        "peak GB": found["peak_gb"],
    }


if __name__ == "__main__":
    main()
