"""Facts that fit: bits of a million facts, the whole meter, and loss_pruning of them; seconds and memory.

Facts are MADE UP: 200 relations of uneven size, answers by a power law with a tail seen once, exposures by another. The
peak is of a process of its own, the columns themselves (some 0.3 GB of Python text) included.
"""

from typing import Any

import numpy as np

from datasel_core.analysis.facts import meter
from datasel_core.analysis.facts.table import facts_of, total_bits
from datasel_core.methods.loss_pruning import LossPruning
from datasel_core.methods.selection import Inputs
from tests.benchmarks._measure import apart, size, stopwatch, table


def made_up(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """relation, answer (text) and fact of n facts, and a tenth more samples that state the first ones again."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, 201)
    relation = rng.choice(200, n, p=share / share.sum())
    answer = np.minimum(rng.zipf(1.3, n), 10**9)
    again = np.minimum(rng.zipf(1.5, n // 10) - 1, n - 1)
    fact = np.concatenate([np.arange(n), again])
    names = [
        np.array([f"{word}{one}" for one in of[fact]], dtype=object) for word, of in (("r", relation), ("a", answer))
    ]
    return names[0], names[1], fact


def bits(n: int) -> dict[str, float]:
    relation, answer, fact = made_up(n)
    with stopwatch() as took:
        total_bits(facts_of(relation, answer, fact))
    return {"facts_of and total_bits": took[0]}


def whole(n: int) -> dict[str, float]:
    columns = made_up(n)
    facts = facts_of(*columns)
    with stopwatch() as took:
        there = meter.taken(facts)
        meter.held(facts.profile(), there["bits"], n, 1.0)
    return {"taken and held (a curve of 40 bounds)": took[0]}


def pruned(n: int) -> dict[str, float]:
    fact = made_up(n)[2]
    rng = np.random.default_rng(1)
    inputs = Inputs({"answer_loss": rng.random(len(fact)), "fact": fact}, rng)
    with stopwatch() as took:
        LossPruning(mode="head_flatten", capacity_bits=5.0 * n, bits_per_fact=10.0).select(inputs, len(fact))
    return {"loss_pruning, head_flatten": took[0]}


def main() -> None:
    n, rows = size(1_000_000), []
    for work in (bits, whole, pruned):
        done: dict[str, Any] = apart(work, n)
        for what, seconds in done["result"].items():
            rows.append({"what": what, "facts": n, "seconds": seconds, "peak_gb": done["peak_gb"]})
    table(rows)
