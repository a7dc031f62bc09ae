"""Photos: what FreeSel, random and k-center keep, by linear probe and by coverage of patterns; 8 seeds.

Real clothing photos with MobileNetV2 vectors: a fixed 30 % of every class is held out for testing, the rest is the
pool. Patterns: K = 5 from the 14 x 14 patches, saliency = L2 norm. Anchors from an independent program (its split may
differ): accuracy at 30: random .474, FreeSel .502, k-center .460; at 240: .724, .732, .739.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.features.feature import Source
from datasel_core.methods.selection import Inputs
from datasel_core.pools.readers.vector_files import open_arrays
from datasel_core.probes.linear import Linear
from datasel_core.vectors import neighbors
from tests.benchmarks._measure import small, table
from tests.conftest import real_data

BUDGETS = (30, 60, 120, 240)


def load(data: Path) -> tuple[np.ndarray, np.ndarray, Ragged]:
    """embedding, group label and patterns of every photo."""
    arrays = open_arrays(data / "features" / "photos_mobilenetv2.npz")
    labels = np.array([str(id).split("/")[0] for id in arrays["ids"]])
    feature = registry.find("feature", "imported_patterns")()
    source = Source(len(labels), roles={"patches": arrays["patches"]})
    fitted = feature.fit(source, Progress())
    blocks = list(feature.blocks(source, np.arange(len(labels)), fitted))
    values = np.concatenate([block.values.values for block in blocks])
    lengths = np.concatenate([block.values.lengths() for block in blocks])
    return arrays["embedding"], labels, Ragged(values, np.concatenate([[0], np.cumsum(lengths)]))


def held_out(labels: np.ndarray) -> np.ndarray:
    """Rows for testing: 30 % of every class, fixed."""
    rng = np.random.default_rng(0)
    return np.sort(
        np.concatenate(
            [
                rng.permutation(np.flatnonzero(labels == name))[: round(0.3 * (labels == name).sum())]
                for name in np.unique(labels)
            ]
        )
    )


def one(
    method: str, budget: int, seed: int, data: tuple[np.ndarray, np.ndarray, Ragged], pool: np.ndarray, test: np.ndarray
) -> tuple[float, float]:
    embedding, labels, patterns = data
    name, _, sampler = method.partition(" ")
    chosen = registry.find("method", name)(**({"sampler": sampler} if sampler else {}))
    arrays: dict[str, Any] = {"embedding": embedding[pool], "patterns": patterns.take(pool)}
    kept = chosen.select(Inputs(arrays, np.random.default_rng(seed)), budget).rows
    accuracy = Linear().measure({"embedding": embedding, "group": labels}, pool[kept], test)["accuracy"]
    mine = arrays["patterns"]
    distance, _ = neighbors.nearest(mine.values, mine.values[mine.places(kept)])
    return accuracy, float(distance.mean())


def main() -> None:
    data_folder = real_data()
    if data_folder is None:
        print("skipped: no real data (set DATASEL_REAL_DATA)")
        return
    data = load(data_folder)
    test = held_out(data[1])
    pool = np.setdiff1d(np.arange(len(data[1])), test)
    seeds = range(2 if small() else int(os.environ.get("DATASEL_BENCHMARK_SEEDS", "8")))
    rows = []
    for method in ("random", "freesel prob", "freesel farthest", "k_center", "facility_location"):
        row: dict[str, Any] = {"method": method}
        for budget in BUDGETS:
            found = np.array([one(method, budget, seed, data, pool, test) for seed in seeds])
            row[f"accuracy at {budget}"] = (
                f"{found[:, 0].mean():.3f} +- {found[:, 0].std(ddof=1) / np.sqrt(len(found)):.3f}"
            )
            row[f"coverage at {budget}"] = f"{found[:, 1].mean():.4f}"
        rows.append(row)
    print(f"{len(pool)} photos in the pool, {len(test)} held out, {len(seeds)} seeds; +- is the standard error")
    print("coverage = mean 1 - cosine from the pool's patterns to the nearest kept one: lower is better")
    table(rows)


if __name__ == "__main__":
    main()
