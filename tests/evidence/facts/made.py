"""A pool of facts in two relations, some of them stated more often than others, with losses of a warm-up."""

import json

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.pools.pool import Pool
from datasel_core.runs import engine
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec

TIMES = [8, 6, 5, 4, 4, 3, 3, *[2] * 9, *[1] * 24]
"""How often each of 40 facts is stated."""
N = len(TIMES)
TINY = {"n": 30, "n_seeds": 2, "layers": 1, "width": 16, "vocabulary": 60, "batch": 8, "length": 48, "device": "cpu"}
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki")


def name(fact: int) -> str:
    return f"{_SYLLABLES[fact % 8]}{_SYLLABLES[fact // 8]}".capitalize()


def answer(fact: int) -> str:
    """Colours of every second fact, else towns, of which some are common."""
    return ("red", "blue", "green")[fact % 3] if fact % 2 else f"town {fact % 7}"


def lines() -> list[dict]:
    """The second relation comes first; rows of a fact stand apart."""
    found = []
    for turn in range(max(TIMES)):
        for fact in reversed(range(N)):
            if turn < TIMES[fact]:
                ask = ("What colour has {}?", "Which colour is that of {}?") if fact % 2 else ("Where is {}?",)
                found.append(
                    {
                        "id": f"{fact:02d}-{turn}",
                        "relation": "colour" if fact % 2 else "place",
                        "fact": f"f{fact:02d}",
                        "question": ask[turn % len(ask)].format(name(fact)),
                        "answer": answer(fact),
                    }
                )
    return found


def world(workspace, folder, name: str = "known") -> Pool:
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines()))
    return add_pool(workspace, name, str(folder / f"{name}.jsonl"), "facts")


def losses(pool: Pool) -> np.ndarray:
    """(n, 3) lower for what is stated often, and falling; no two alike."""
    rng = np.random.default_rng(3)
    fact = np.array([int(id.split("-")[0]) for id in pool.ids])
    last = 4.0 - 0.4 * np.array(TIMES)[fact] + 0.1 * rng.random(pool.n)
    first = 5.0 + rng.random(pool.n)
    return np.stack([first, (first + last) / 2, last], axis=1).astype(np.float32)


def with_losses(workspace, pool: Pool) -> np.ndarray:
    """Brings them; the last sample has none."""
    found, rows = losses(pool), np.arange(pool.n - 1)
    lacking = [(pool.n - 1, "nobody measured it")]
    keep_imported(workspace, pool, "loss_trajectory", found[:-1], rows, lacking, "losses.npz", Progress())
    keep_imported(workspace, pool, "loss", found[:-1, -1], rows, lacking, "loss.npz", Progress())
    return found[:, -1]


def pruned(workspace, pool: Pool, capacity: float = 30.0) -> Run:
    """By the losses that were brought."""
    params = {"capacity_bits": capacity, "bits_per_fact": 2.0}
    return engine.select(workspace, Spec(pool=pool.name, method="loss_pruning", budget=str(pool.n - 1), params=params))
