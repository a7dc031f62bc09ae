"""Towards a target: what TSDS and its rivals keep of a mixed pool, how many near-duplicates, and what a model learns
from it.

GSM8K (train), BIG-Bench-Hard and AGIEval with sentence embeddings; 50 test questions of GSM8K are the target, 500 are
kept. The same once more with a fifth of the rows there ten times: how many different samples are among the 500? Then a
small model learns the 500, the same number of steps for each method, and its loss on the other test questions of GSM8K
is measured (DATASEL_BENCHMARK_STEPS=0 leaves that out). +- is half the 95 % interval of the mean over seeds (Student's
t).
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.ragged import Ragged
from datasel_core.base.registry import find
from datasel_core.features import computation
from datasel_core.methods.selection import Inputs
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.vector_files import open_arrays
from datasel_core.probes.lm import LanguageProbe
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import small, table
from tests.conftest import real_data

BUDGET, TARGETS, TIMES = 500, 50, 10
ARMS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("TSDS", "tsds", {}),
    ("TSDS, no sharing", "tsds", {"sigma": 0.0}),
    ("TSDS, alpha .9", "tsds", {"alpha": 0.9}),
    ("nearest", "nearest_targets", {}),
    ("centroid", "centroid_similarity", {}),
    ("DSIR", "dsir", {}),
    ("random", "random", {}),
)


def read(data: Path, home: Workspace, folder: Path) -> tuple[Pool, Pool, dict[str, Any], dict[str, Any]]:
    """Pool, everything of the test split, and their roles."""
    (folder / "in").mkdir(parents=True, exist_ok=True)
    every, vectors = 10 if small() else 1, {}
    for name in ("gsm8k_train", "bbh", "agieval", "gsm8k_test"):
        lines = (data / "instructions" / f"{name}.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")[::every]
        into = folder / ("test.jsonl" if name == "gsm8k_test" else f"in/{name}.jsonl")
        into.write_text("\n".join(lines) + "\n", encoding="utf-8")
        arrays = open_arrays(data / "features" / f"instructions_{name}_potion.npz")
        vectors |= dict(zip(map(str, arrays["ids"]), np.asarray(arrays["embedding"], np.float32), strict=True))
    made = []
    for name, source in (("pool", folder / "in"), ("test", folder / "test.jsonl")):
        pool = add_pool(home, name, str(source), "text")
        ngrams = computation.compute_feature(home, pool, computation.declared_feature("hashed_ngrams")).values()
        made.append((pool, {"embedding": np.stack([vectors[id] for id in pool.ids]), "ngrams": ngrams}))
    return made[0][0], made[1][0], made[0][1], made[1][1]


def taken(roles: Mapping[str, Any], rows: np.ndarray) -> dict[str, Any]:
    return {role: array.take(rows) if isinstance(array, Ragged) else array[rows] for role, array in roles.items()}


def chosen(
    method: str, params: dict[str, Any], pool: Mapping[str, Any], target: Mapping[str, Any], budget: int, seed: int
) -> np.ndarray:
    cls = find("method", method)
    given = {role: pool[role] for role in cls.needs} or {"row": np.arange(len(pool["embedding"]))}
    inputs = Inputs(given, np.random.default_rng(seed), target={role: target[role] for role in cls.needs_target})
    return cls(**params).select(inputs, budget).rows


def spread(values: list[float], digits: int = 3) -> str:
    if len(values) < 2:
        return f"{np.mean(values):.{digits}f}"
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):.{digits}f} +- {half:.{digits}f}"


def main() -> None:
    data = real_data()
    if data is None:
        print("skipped: no real data (set DATASEL_REAL_DATA)")
        return
    seeds, budget = (
        range(2 if small() else int(os.environ.get("DATASEL_BENCHMARK_SEEDS", "3"))),
        50 if small() else BUDGET,
    )
    steps = 5 if small() else int(os.environ.get("DATASEL_BENCHMARK_STEPS", "250"))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["DATASEL_DATA_ROOTS"] = scratch
        pool, test, ours, theirs = read(data, Workspace(Path(scratch) / "workspace"), Path(scratch))
        math = np.array([str(source) == "gsm8k_train" for source in pool.column("source")])
        held = np.random.default_rng(0).permutation(test.n)
        target, out = taken(theirs, np.sort(held[:TARGETS])), np.sort(held[TARGETS:])
        repeated = np.sort(np.random.default_rng(1).choice(pool.n, pool.n // 5, replace=False))
        of = np.concatenate([np.arange(pool.n), np.repeat(repeated, TIMES - 1)])
        copies = taken(ours, of)
        rows: list[dict[str, Any]] = []
        for name, method, params in ARMS:
            share, different, share_of_copies, losses = [], [], [], []
            for seed in seeds:
                kept = chosen(method, params, ours, target, budget, seed)
                share.append(float(math[kept].mean()))
                again = of[chosen(method, params, copies, target, budget, seed)]
                different.append(float(len(np.unique(again))))
                share_of_copies.append(float(math[again].mean()))
                if steps:
                    asked = LanguageProbe(steps=steps, n_seeds=1, seed=seed, answers=0, most=400)
                    said = asked.measure(
                        {"turns": pool.turns, "n": pool.n}, kept, out, elsewhere={"turns": test.turns, "n": test.n}
                    )
                    losses.append(said["loss"])
            rows.append(
                {
                    "method": name,
                    "GSM8K": spread(share),
                    "GSM8K, with copies": spread(share_of_copies),
                    f"different of {budget}": spread(different, 0),
                    **({"GSM8K test loss": spread(losses)} if losses else {}),
                }
            )
            print(f"  {json.dumps(rows[-1])}", flush=True)
    print(
        f"\n{pool.n:,} candidates ({math.mean():.1%} GSM8K), {len(of):,} with copies; {TARGETS} targets, budget "
        f"{budget}, {steps} steps, {len(seeds)} seeds"
    )
    table(rows)


if __name__ == "__main__":
    main()
