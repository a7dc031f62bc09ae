"""Facts stated unequally often: what pruning keeps of a phonebook with power-law exposure, beside all baselines.

3,000 numbers of 10 digits in 12,000 samples; the fact of rank r is stated in proportion to 1 / r, and at least once. A
transformer of 77 thousand parameters, 1,500 steps of 64 for every arm; about a third of the facts is what it holds at
that length. The methods are the program's own; those by the loss go by a warm-up on everything of a tenth of the
steps. Seeds are paired: the same phonebook and the same first weights. What counts is how many distinct facts of the
whole phonebook are memorised, and how many right answers there are where each is asked as often as it is stated.

DATASEL_BENCHMARK_HOME: a folder in which each training that is finished is kept, so that a run that was ended goes on.
"""

import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks._measure import small
from tests.benchmarks.facts_phonebook import DIGITS, WARM_UP, answer_losses, phonebook

FACTS, SAMPLES = (60, 240) if small() else (3000, 12_000)
SEEDS = 2 if small() else 8
STEPS = 30 if small() else 1500
KEPT = FACTS // 3
BITS = DIGITS * float(np.log2(10))
ROOM = {"capacity_bits": KEPT * BITS, "bits_per_fact": BITS}
ARMS: dict[str, tuple[str, dict[str, Any]] | None] = {
    "everything": None,
    "head": ("loss_pruning", ROOM),
    "head, flattened": ("loss_pruning", {**ROOM, "mode": "head_flatten"}),
    "what is not learned yet": ("loss_pruning", {"mode": "already_learned"}),
    "a random third": ("random_facts", {"n_facts": KEPT}),
    "the most frequent third": ("most_frequent_facts", {"n_facts": KEPT}),
    "all facts once": ("once_each", {"fill": False}),
}


def main() -> None:
    asked = [(arm, seed) for seed in range(SEEDS) for arm in ARMS]
    with tempfile.TemporaryDirectory() as elsewhere:
        home = Path(os.environ.get("DATASEL_BENCHMARK_HOME") or elsewhere)
        home.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        context, n_workers = multiprocessing.get_context("spawn"), len(os.sched_getaffinity(0))
        with context.Pool(n_workers) as workers:
            found = workers.starmap(trained, [(*one, str(home)) for one in asked], chunksize=1)
        print(f"{len(asked)} trainings, {n_workers} at a time: {(time.perf_counter() - start) / 60:.0f} minutes")
    _print(dict(zip(asked, found, strict=True)))


def trained(arm: str, seed: int, home: str) -> dict[str, Any]:
    """What one training knows; a file is its memory."""
    kept = Path(home) / f"power-law-{FACTS}-{arm.replace(' ', '-')}-{seed}-{STEPS}.json"
    if not kept.is_file():
        found = _measured(arm, seed)
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(found), encoding="utf-8")
        part.replace(kept)
        print(arm, seed, {name: found[name] for name in ("memorised", "weighted_accuracy", "kept_facts")}, flush=True)
    return json.loads(kept.read_text(encoding="utf-8"))


def exposures(seed: int) -> np.ndarray:
    """(SAMPLES,) the fact of each sample, in random order."""
    share = 1 / np.arange(1, FACTS + 1)
    rng = np.random.default_rng([23, seed])
    more = rng.choice(FACTS, SAMPLES - FACTS, p=share / share.sum())
    names = rng.permutation(FACTS)  # rank says nothing of the name
    return rng.permutation(names[np.concatenate([np.arange(FACTS), more])])


def _measured(arm: str, seed: int) -> dict[str, Any]:
    from datasel_core.probes.facts import FactsProbe

    fact, book = exposures(seed), phonebook(FACTS, seed)
    roles = {"n": SAMPLES, "turns": lambda row: book["turns"](int(fact[row])), "fact": fact}
    rows = _kept(arm, roles, seed)
    probe = FactsProbe(count="steps", n=STEPS, n_seeds=1, seed=seed)
    found = probe.measure(roles, rows, np.setdiff1d(np.arange(SAMPLES), rows))
    return {**found, "kept_facts": len(np.unique(fact[rows])), "kept_samples": len(rows)}


def _kept(arm: str, roles: dict[str, Any], seed: int) -> np.ndarray:
    """Sorted rows that an arm trains on."""
    from datasel_core.base.registry import find
    from datasel_core.methods.selection import Inputs

    if (asked := ARMS[arm]) is None:
        return np.arange(roles["n"])
    method = find("method", asked[0]).of(asked[1])
    given = {"fact": roles["fact"]}
    if asked[0] == "loss_pruning":
        given["answer_loss"] = answer_losses(roles, round(WARM_UP * STEPS), seed)
    budget = roles["n"] if asked[1].keys() & {"capacity_bits", "n_facts", "fill"} else roles["n"] // 3
    chosen = method.select(Inputs(given, np.random.default_rng(seed)), budget)
    return np.sort(chosen.rows)


def _print(table: dict[tuple[str, int], dict[str, Any]]) -> None:
    from scipy import stats

    first, *_ = ARMS
    for name in ("memorised", "weighted_accuracy"):
        print(f"\n{name.replace('_', ' ')}, {SEEDS} paired seeds; differences from everything with intervals of 95 %:")
        whole = np.array([table[first, seed][name] for seed in range(SEEDS)])
        for arm in ARMS:
            known = np.array([table[arm, seed][name] for seed in range(SEEDS)])
            kept = np.mean([table[arm, seed]["kept_facts"] for seed in range(SEEDS)])
            words = f"  {arm:24} {known.mean():9.4g} (of {kept:.0f} facts that are kept)"
            if arm != first:
                more = known - whole
                half = stats.t.ppf(0.975, SEEDS - 1) * more.std(ddof=1) / SEEDS**0.5
                words += f"  {more.mean():+.4g} ({more.mean() - half:+.4g} to {more.mean() + half:+.4g})"
                words += f", more in {(more > 0).sum()} of {SEEDS} seeds"
            print(words)
