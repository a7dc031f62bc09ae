"""Facts that fit: a phonebook of random numbers, learned whole or in part, below and above what the model can hold.

Names of two syllables, each with a random number of 10 digits, uniform exposure, one wording; a transformer of 77
thousand parameters (2 layers, 48 wide, 6 heads), 1,500 steps of 64 samples. 1,000 facts are about what it holds at
that length of training. Arms of each size: everything, a random third, and `head`: the third whose answers have the
least loss after a warm-up on everything of a tenth of the steps. Seeds are paired: the same phonebook and the same
first weights for every arm. Equal steps, and for the largest size equal epochs too, where everything takes three times
the steps. What counts is facts memorised, in the whole phonebook.

DATASEL_BENCHMARK_HOME: a folder in which each training that is finished is kept, so that a run that was ended goes on.
As many trainings at a time as there are processors, each on one thread.
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

SIZES = (100,) if small() else (3000, 500, 1000)
"""The first, about three times what fits, is what is asked first."""
SEEDS = 2 if small() else 8
STEPS = 30 if small() else 1500
WARM_UP = 0.1
ARMS = ("everything", "random third", "head")
_STARTS, _VOWELS, DIGITS = "bdfghklmnprstvwz", "aeiou", 10


def main() -> None:
    asked = [(SIZES[0], arm, count, seed) for count in ("steps", "epochs") for seed in range(SEEDS) for arm in ARMS]
    asked += [(n, arm, "steps", seed) for seed in range(SEEDS) for n in SIZES[1:] for arm in ARMS]
    with tempfile.TemporaryDirectory() as elsewhere:
        home = Path(os.environ.get("DATASEL_BENCHMARK_HOME") or elsewhere)
        home.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        context, n_workers = multiprocessing.get_context("spawn"), len(os.sched_getaffinity(0))
        with context.Pool(n_workers) as workers:
            found = workers.starmap(trained, [(*one, str(home)) for one in asked], chunksize=1)
        print(f"{len(asked)} trainings, {n_workers} at a time: {(time.perf_counter() - start) / 60:.0f} minutes")
    table = dict(zip(asked, found, strict=True))
    for count in ("steps", "epochs"):
        for n in SIZES if count == "steps" else SIZES[:1]:
            _print(table, n, count)


def trained(n: int, arm: str, count: str, seed: int, home: str) -> dict[str, Any]:
    """What one training knows; a file is its memory."""
    kept = Path(home) / f"{n}-{arm.replace(' ', '-')}-{count}-{seed}-{STEPS}.json"
    if not kept.is_file():
        found = _measured(n, arm, count, seed)
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(found), encoding="utf-8")
        part.replace(kept)
        short = {name: found[name] for name in ("memorised", "stored_bits", "parameters", "steps_taken", "seconds")}
        print(n, arm, count, seed, short, flush=True)
    return json.loads(kept.read_text(encoding="utf-8"))


def _measured(n: int, arm: str, count: str, seed: int) -> dict[str, Any]:
    from datasel_core.probes.facts import FactsProbe

    start, roles, rng = time.perf_counter(), phonebook(n, seed), np.random.default_rng([1, seed])
    if arm == "head":
        kept = np.argsort(answer_losses(roles, round(WARM_UP * STEPS), seed), kind="stable")[: n // 3]
    else:
        kept = np.arange(n) if arm == "everything" else rng.permutation(n)[: n // 3]
    how_often = STEPS if count == "steps" else round(STEPS * 64 / (n // 3))
    probe = FactsProbe(count=count, n=how_often, n_seeds=1, seed=seed)
    found = probe.measure(roles, np.sort(kept), np.setdiff1d(np.arange(n), kept))
    return {**found, "seconds": round(time.perf_counter() - start, 1)}


def answer_losses(roles: dict[str, Any], steps: int, seed: int) -> np.ndarray:
    """(n,) nats of each answer, all its tokens together, after a warm-up on everything."""
    from datasel_core.base.progress import Progress
    from datasel_core.features.facts_training.asking import exposures, nats
    from datasel_core.features.facts_training.learning import learn, new_learner, usual_rate
    from datasel_core.features.feature import Source
    from datasel_core.features.language.tokens import read_tokens
    from datasel_core.features.language.training import Recipe
    from datasel_core.features.language.vocabulary import train_vocabulary

    source = Source(roles["n"], turns=roles["turns"])
    vocabulary = train_vocabulary(exposures(source, Progress()).texts(), 512, own_alphabet=True)
    tokens = read_tokens(source, np.arange(roles["n"]), vocabulary, "plain", 128)
    model = new_learner(vocabulary, 2, 48, 6, 128, seed)
    learn(model, tokens, Recipe(steps, 64, usual_rate(48), seed), "cpu", Progress(), "warm-up")
    return nats(model, tokens)


def phonebook(n: int, seed: int) -> dict[str, Any]:
    from datasel_core.base.conversation import Turn

    rng = np.random.default_rng([17, seed])
    syllables = [(start + vowel).capitalize() for start in _STARTS for vowel in _VOWELS]
    codes = rng.choice(len(syllables) ** 2, n, replace=False)
    names = [f"{syllables[code // len(syllables)]} {syllables[code % len(syllables)]}:" for code in codes.tolist()]
    numbers = ["".join(map(str, one)) for one in rng.integers(0, 10, (n, DIGITS))]
    return {"n": n, "turns": lambda row: [Turn("user", names[row]), Turn("assistant", numbers[row])]}


def _print(table: dict[tuple[int, str, str, int], dict[str, Any]], n: int, count: str) -> None:
    from scipy import stats

    print(f"\n{n} facts, equal {count}:")
    whole = np.array([table[n, ARMS[0], count, seed]["memorised"] for seed in range(SEEDS)])
    for arm in ARMS:
        found = [table[n, arm, count, seed] for seed in range(SEEDS)]
        known = np.array([one["memorised"] for one in found])
        bits = np.mean([one["bits_a_parameter"] for one in found])
        words = f"  {arm:13} memorised {known.mean():7.1f} (sd {known.std(ddof=1):5.1f})  {bits:.3f} bits a parameter"
        if arm != ARMS[0]:
            more = known - whole
            half = stats.t.ppf(0.975, SEEDS - 1) * more.std(ddof=1) / SEEDS**0.5
            words += f"  against everything {more.mean():+.0f} ({more.mean() - half:+.0f} to {more.mean() + half:+.0f})"
            words += f", {known.mean() / max(whole.mean(), 1):.2f} times, more in {(more > 0).sum()} of {SEEDS} seeds"
        print(words)
