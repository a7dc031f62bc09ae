"""S2L on a million loss trajectories beside scikit-learn's k-means with the same sharing out, in one run."""

from typing import Any

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans

from datasel_core.methods.s2l import S2L
from datasel_core.methods.selection import Inputs
from tests.benchmarks._measure import apart, size, stopwatch, table
from tests.oracles.s2l import shares

T, CLUSTERS = 12, 100


def losses(n: int, seed: int = 0) -> np.ndarray:
    """(n, T) float32 losses that fall in 400 ways, some far more common than others, with noise."""
    rng = np.random.default_rng(seed)
    start, rate, floor = 1 + 3 * rng.random(400), 6 * rng.random(400), rng.random(400)
    share = rng.pareto(1.0, 400) + 0.05
    kind = rng.choice(400, n, p=share / share.sum())
    made = np.empty((n, T), np.float32)
    for at in range(T):
        made[:, at] = (
            floor[kind] + start[kind] * np.exp(-rate[kind] * at / T) + 0.15 * rng.standard_normal(n, dtype=np.float32)
        )
    return made


def ours(n: int, budget: int) -> dict[str, Any]:
    values = losses(n)
    with stopwatch() as taken:
        found = S2L(n_clusters=CLUSTERS).select(Inputs({"loss_trajectory": values}, np.random.default_rng(1)), budget)
    return {"seconds": taken[0], "spread": spread(values, found.clusters)}


def theirs(n: int, budget: int, small_batches: bool) -> dict[str, Any]:
    """KMeans of scikit-learn on all rows (or in batches), then the published loop over clusters."""
    values, rng = losses(n), np.random.default_rng(1)
    with stopwatch() as taken:
        if small_batches:
            clusters = MiniBatchKMeans(CLUSTERS, n_init=1, random_state=1, batch_size=4096).fit(values).labels_
        else:
            clusters = KMeans(CLUSTERS, n_init=1, random_state=1).fit(values).labels_
        members = [np.flatnonzero(clusters == one) for one in range(CLUSTERS)]
        for mine, share in zip(members, shares([len(mine) for mine in members], budget), strict=True):
            rng.choice(mine, share, replace=False)
    return {"seconds": taken[0], "spread": spread(values, clusters)}


def spread(values: np.ndarray, clusters: np.ndarray) -> float:
    """Mean squared distance to the centre of the own cluster: lower is tighter."""
    counts = np.bincount(clusters)
    inside = 0.0
    for column in values.T.astype(np.float64):
        sums = np.bincount(clusters, column, len(counts))
        inside += float((column**2).sum() - (sums**2 / np.maximum(counts, 1)).sum())
    return inside / len(values)


def main() -> None:
    rows = []
    for n in (size(50_000), size(1_000_000)):
        budget = n // 10
        mine = apart(ours, n, budget)
        for name, small_batches in (("KMeans", False), ("MiniBatchKMeans", True)):
            other = apart(theirs, n, budget, small_batches)
            seconds, their_seconds = mine["result"]["seconds"], other["result"]["seconds"]
            rows.append(
                {
                    "what": f"S2L, {n:,} x {T}, {CLUSTERS} clusters",
                    "datasel s": seconds,
                    "beside": name,
                    "its s": their_seconds,
                    "ratio": f"{their_seconds / seconds:.1f} x",
                    "spread": f"{mine['result']['spread'] / other['result']['spread']:.3f} x",
                    "peak GB (inputs in)": mine["peak_gb"],
                    "its peak": other["peak_gb"],
                }
            )
    table(rows)


if __name__ == "__main__":
    main()
