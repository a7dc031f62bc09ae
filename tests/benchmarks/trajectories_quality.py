"""Fine-tuning data: what a small model learns from 11 % chosen by loss trajectories, at random, or by learnability, and
from everything.

GSM8K (train), BIG-Bench-Hard and AGIEval as one pool; a tenth of the latter two and the test questions of GSM8K are
held out. A proxy from scratch learns the pool and is scored at its checkpoints; each method chooses; a model from
scratch learns what was kept, the same number of steps for each. One seed is one choice and one training. +- is half the
95 % interval of the mean (Student's t). Minutes are those of this machine, the proxy included.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features import computation
from datasel_core.pools.pool import Pool
from datasel_core.probes import evaluate
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import small, stopwatch, table
from tests.conftest import real_data

ARMS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("S2L", "s2l", {}, "11%"),
    ("S2L per group", "s2l", {"per_group": True}, "11%"),
    ("random", "random", {}, "11%"),
    ("high learnability", "high_learnability", {}, "11%"),
    ("everything", "random", {}, "100%"),
)


def lines_of(path: Path) -> list[str]:
    """Of a file of JSON lines; some of its texts hold other line ends, which `splitlines` would split at."""
    return path.read_text(encoding="utf-8").rstrip("\n").split("\n")


def split(source: Path, folder: Path) -> tuple[Path, Path]:
    """Two folders: the pool, and what is held out."""
    pool, held = folder / "pool", folder / "held-out"
    for one in (pool, held):
        one.mkdir(parents=True, exist_ok=True)
    rng, every = np.random.default_rng(0), 20 if small() else 1
    for name in ("gsm8k_train", "bbh", "agieval", "gsm8k_test"):
        lines = lines_of(source / f"{name}.jsonl")[::every]
        out = np.full(len(lines), name == "gsm8k_test") if name.startswith("gsm8k") else rng.random(len(lines)) < 0.1
        for into, mine in ((pool, ~out), (held, out)):
            if mine.any():
                (into / f"{name}.jsonl").write_text(
                    "\n".join(line for line, take in zip(lines, mine, strict=True) if take) + "\n", encoding="utf-8"
                )
    return pool, held


def families(found: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, float]:
    """Mean loss of each family of sources, weighted by how many were measured."""
    sums: dict[str, list[float]] = {}
    for source, said in found["by_source"].items():
        total = sums.setdefault(names[source], [0.0, 0.0])
        total[0] += said["loss"] * said["tested_on"]
        total[1] += said["tested_on"]
    return {family: total / n for family, (total, n) in sums.items()}


def family_of(source: Path) -> dict[str, str]:
    """source -> the file that it stands in."""
    found = {}
    for name, family in (("gsm8k_train", "GSM8K"), ("gsm8k_test", "GSM8K"), ("bbh", "BBH"), ("agieval", "AGIEval")):
        for line in lines_of(source / f"{name}.jsonl"):
            found[json.loads(line)["source"]] = family
    return found


def spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{np.mean(values):.3f}"
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):.3f} +- {half:.3f}"


def measured(home: Workspace, pool: Pool, names: Mapping[str, str], seeds: range) -> None:
    steps = 5 if small() else int(os.environ.get("DATASEL_BENCHMARK_STEPS", "400"))
    rows = []
    for name, method, params, budget in ARMS:
        found: list[dict[str, float]] = []
        for seed in seeds:
            run = engine.select(home, Spec(pool=pool.name, method=method, params=params, budget=budget, seed=seed))
            asked = {
                "steps": str(steps),
                "n_seeds": "1",
                "seed": str(seed),
                "answers": "0" if small() else "100",
                "most": "1500",
            }
            said = evaluate.run_probe(home, run.folder, "lm", Progress(), asked, "held-out")
            found.append(
                {
                    "loss": said["loss"],
                    "exact match": said.get("exact_match", float("nan")),
                    **families(said, names),
                    "samples": said["trained_on"],
                }
            )
        shown = ("loss", "GSM8K", "BBH", "AGIEval", "exact match")
        rows.append(
            {
                "trained on": name,
                "samples": int(found[0]["samples"]),
                **{one: spread([each[one] for each in found]) for one in shown},
            }
        )
        print(f"  {name}: {rows[-1]['loss']}", flush=True)
    print(
        f"\nheld-out loss of a response (nats a token, mean over samples; lower is better) after {steps} steps of 16, "
        f"{len(seeds)} seeds"
    )
    table(rows)


def main() -> None:
    data = real_data()
    if data is None:
        print("skipped: no real data (set DATASEL_REAL_DATA)")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("DATASEL_BENCHMARK_WORKSPACE") or scratch)
        os.environ["DATASEL_DATA_ROOTS"] = str(folder)
        home, (pool_folder, held_folder) = Workspace(folder / "workspace"), split(data / "instructions", folder)
        with stopwatch() as taken:
            pool = add_pool(home, "instructions", str(pool_folder), "text")
            add_pool(home, "held-out", str(held_folder), "text")
            kept = computation.compute_feature(
                home,
                pool,
                computation.declared_feature(
                    "loss_trajectory", {"n_checkpoints": "2", "epochs": "1"} if small() else {}
                ),
            )
            run = engine.select(home, Spec(pool=pool.name, method="s2l", budget="11%"))
        facts = kept.meta["facts"]
        print(
            f"{pool.n:,} samples, {facts['tokens']:,} tokens, a proxy of {facts['parameters']:,} parameters, "
            f"{kept.meta['values'][1]} checkpoints: "
            f"{taken[0] / 60:.1f} minutes to {run.manifest['result']['n']:,} kept by S2L"
        )
        measured(
            home,
            pool,
            family_of(data / "instructions"),
            range(2 if small() else int(os.environ.get("DATASEL_BENCHMARK_SEEDS", "3"))),
        )


if __name__ == "__main__":
    main()
