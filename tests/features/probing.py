"""A pool of texts of which some were probed: a step on a text about the sea helps the first reference, one about the
kitchen the second.
"""

import json
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.influence import MEASURED
from datasel_core.features.encoders.tfidf_svd import TfidfSvd
from datasel_core.features.feature import Block, Feature, Source
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool

SEA = ["harbour", "sailor", "anchor", "tide", "lighthouse", "herring"]
KITCHEN = ["flour", "oven", "butter", "spoon", "recipe", "sugar"]
OTHER = ["table", "window", "street", "evening", "letter", "garden"]


def words_of(n: int, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    every = [*SEA, *KITCHEN, *OTHER]
    found = []
    for _ in range(n):
        chance = np.repeat(rng.dirichlet([0.7, 0.7, 0.7]), 6) / 6
        found.append(rng.choice(every, 24, p=chance).tolist())
    return found


def losses_of(words: list[list[str]], noise: float = 0.0, seed: int = 1) -> np.ndarray:
    """(n, 2) float32 nats: after a step on each text, of two references that care for other words."""
    share = np.array([[sum(word in of for word in one) / len(one) for of in (SEA, KITCHEN)] for one in words])
    return (3 - share + noise * np.random.default_rng(seed).standard_normal(share.shape)).astype(np.float32)


class ProbesOfATest(Feature):
    """What a probing leaves, from losses that are known; it is no declared feature, nobody finds it."""

    role: ClassVar[str] = MEASURED
    reads: ClassVar[str] = "text"

    losses: tuple[tuple[float, ...], ...]
    rows: tuple[int, ...]

    def describe(self, source: Source | None = None) -> dict:
        return {"references": [{"name": "logbook", "n": 5, "tokens": 90}, {"name": "cookbook", "n": 4, "tokens": 80}]}

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        after = np.full((source.n, len(self.losses[0])), np.nan, np.float32)
        after[list(self.rows)] = np.array(self.losses, np.float32)
        yield Block(rows, (3 - after[rows, 0]).astype(np.float32), extra={"after": after[rows]})


ProbesOfATest.id, ProbesOfATest.version, ProbesOfATest.title = "probes_of_a_test", 1, "Probes of a test"


def text_pool(workspace, tmp_path, words: list[list[str]], name: str = "texts") -> Pool:
    lines = [{"id": f"t{at:04d}", "text": " ".join(one)} for at, one in enumerate(words)]
    (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")


def probe(workspace, pool: Pool, losses: np.ndarray, rows: np.ndarray) -> StoredFeature:
    """losses: (m, R) of these rows."""
    told = tuple(tuple(float(value) for value in one) for one in losses)
    return compute_feature(workspace, pool, ProbesOfATest(losses=told, rows=tuple(map(int, rows))))


def probed_pool(workspace, tmp_path, n: int = 400, n_probes: int = 200, noise: float = 0.02) -> tuple[Pool, np.ndarray]:
    """The pool with its embedding, and (n, 2) the losses after a step on each text, also of those not probed."""
    words = words_of(n)
    pool, losses = text_pool(workspace, tmp_path, words), losses_of(words, noise)
    rows = np.sort(np.random.default_rng(5).choice(n, n_probes, replace=False))
    compute_feature(workspace, pool, TfidfSvd(n_dims=16))
    probe(workspace, pool, losses[rows], rows)
    return pool, losses
