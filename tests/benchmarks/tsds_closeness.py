"""TSDS: how far its choices come from random to the nearest, beside what that is worth: where the lines of
`methods/closeness.py` are drawn, and what "the best for my target" is.

Sentence vectors of GSM8K, BIG-Bench-Hard and AGIEval; 4,000 candidates, some of them of the target's own source; what
is chosen towards, and other samples of that source, held out. `source`: how far the share of that source among the kept
came from the pool's (0) to that of the nearest (1). `held out`: mean distance of the held-out samples to the nearest
kept. Means over seeds.
"""

from pathlib import Path

import numpy as np

from datasel_core.methods.closeness import closeness, to_target
from datasel_core.methods.selection import Inputs
from datasel_core.methods.tsds import Tsds
from datasel_core.pools.readers.vector_files import open_arrays
from datasel_core.vectors import neighbors
from tests.benchmarks._measure import size, small, table
from tests.conftest import real_data

SETTINGS = tuple((alpha, how) for how in ("without_replacement", "top") for alpha in (0.0, 0.5, 0.9, 0.99))
Case = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Candidates; whether each is of the target's source; the target; its held-out half."""


def read(data: Path, name: str) -> np.ndarray:
    arrays = open_arrays(data / "features" / f"instructions_{name}_potion.npz")
    return np.asarray(arrays["embedding"], np.float32)


def cases(data: Path) -> dict[str, Case]:
    rng = np.random.default_rng(0)
    train, test, hard, exam = (
        rng.permutation(read(data, name)) for name in ("gsm8k_train", "gsm8k_test", "bbh", "agieval")
    )
    n, half = size(4000), len(test) // 2

    def mixed(own: np.ndarray, share: float, *others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        k, rest = int(n * share), np.concatenate(others)
        rows = np.concatenate([own[:k], rng.permutation(rest)[: n - k]])
        return rows, np.arange(n) < k

    return {
        "GSM8K, 42 %": (*mixed(train, 0.42, hard, exam), test[:half], test[half:]),
        "GSM8K, 10 %": (*mixed(train, 0.1, hard, exam), test[:half], test[half:]),
        "GSM8K, 10 %, 50 targets": (*mixed(train, 0.1, hard, exam), test[:50], test[half:]),
        "AGIEval, 10 %": (*mixed(exam[900:], 0.1, train, hard), exam[:300], exam[300:900]),
        "GSM8K, all": (*mixed(train, 1, hard), test[:half], test[half:]),
    }


def measured(case: Case, budget: int, alpha: float, sampling: str, seeds: range) -> dict[str, str | float] | None:
    pool, own, target, held = case
    method, away = Tsds(alpha=alpha, sampling=sampling), to_target(pool, target)
    plan = method.plan(Inputs({"embedding": pool}, np.random.default_rng(0), target={"embedding": target}))
    found = []
    for seed in seeds:
        rows, _ = method.draw(plan, budget, np.random.default_rng(seed))
        if len(rows) < budget:
            return None
        one = closeness(away, plan.neighbours, rows)
        gaps, _ = neighbors.nearest(held, pool[rows], "euclidean")
        way = one.random - one.kept
        found.append(
            (way / (one.random - one.in_turn), way / (one.random - one.nearest), own[rows].mean(), gaps.mean())
        )
    in_turn, nearest, share, far = np.mean(found, axis=0)
    best = own[np.argsort(away)[:budget]].mean() - own.mean()
    return {
        "budget": budget,
        "alpha": alpha,
        "sampling": sampling,
        "effective / budget": round(plan.effective / budget, 1),
        "way to in turn": round(in_turn, 2),
        "way to nearest": round(nearest, 2),
        "source": round((share - own.mean()) / best, 2) if best > 0 else "",
        "share": round(share, 2),
        "held out": round(far, 3),
    }


def main() -> None:
    data = real_data()
    if data is None:
        print("skipped: no real data (set DATASEL_REAL_DATA)")
        return
    seeds, budgets = range(1 if small() else 6), (20,) if small() else (50, 200, 400)
    for name, case in cases(data).items():
        print(f"\n{name} of {len(case[0]):,} candidates are of the source of the {len(case[2]):,} targets", flush=True)
        rows = [measured(case, budget, alpha, how, seeds) for budget in budgets for alpha, how in SETTINGS]
        table([row for row in rows if row is not None])


if __name__ == "__main__":
    main()
