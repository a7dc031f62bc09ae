"""Gradients of samples beside a loop of backward() and bare passes; BM25 beside a loop over words, in one run."""

import math
from collections import Counter
from typing import Any

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.ragged import Ragged
from datasel_core.features.feature import Source
from datasel_core.features.language.batches import scoring_batches
from datasel_core.features.language.gradients import Blocks, Gradients, Sketch
from datasel_core.features.language.models import new_model
from datasel_core.features.language.tokens import read_tokens
from datasel_core.features.language.vocabulary import train_vocabulary
from datasel_core.methods.bm25 import BM25
from datasel_core.methods.selection import Inputs
from tests.benchmarks._measure import size, stopwatch, table

DIMS, BATCH = 1024, 4096


def said(n: int, seed: int, most: int = 200) -> list[str]:
    """Texts of a tenth of `most` to `most` words, few of them common."""
    rng, words = np.random.default_rng(seed), 4000
    drawn = (rng.zipf(1.3, rng.integers(most // 10 + 1, most)) for _ in range(n))
    return [" ".join(f"w{at}" for at in np.minimum(one, words)) for one in drawn]


def gradients(n: int, most: int) -> list[dict[str, Any]]:
    import torch

    texts = said(n, 0, most)
    vocabulary = train_vocabulary(texts, 4096)
    model = new_model(vocabulary, 4, 192, 3, 512, 0).eval().requires_grad_(False)
    source = Source(n, turns=lambda row: [Turn("text", texts[row])])
    tokens = read_tokens(source, np.arange(n), vocabulary, "plain", 512)
    blocks = Blocks.last(model, 2)
    sketch, passing, found = Sketch(blocks.size, DIMS, 0), Gradients(model, blocks), np.zeros((2, n, DIMS))

    def batched() -> None:
        for at in scoring_batches(tokens.lengths(), BATCH):
            passing.of(*tokens.padded(at), lambda one, *part, at=at: sketch.add(found[0, at[one]], *part))

    def singly() -> None:
        for row in range(n):
            ids = torch.from_numpy(tokens.ids[tokens.offsets[row] : tokens.offsets[row + 1]].astype(np.int64))[None]
            model.zero_grad()
            model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
            for start, one in zip(blocks.starts, blocks.matrices, strict=False):
                sketch.add(found[1, row], start, one.weight.grad.numpy().ravel())

    def bare() -> None:
        for at in scoring_batches(tokens.lengths(), BATCH):
            ids = torch.from_numpy(tokens.padded(at)[0])
            model.zero_grad()
            model(input_ids=ids, labels=ids, use_cache=False).loss.backward()

    passing.of(*tokens.padded([0]), lambda one, *part: sketch.add(np.zeros(DIMS), *part))  # the sketch is drawn once
    with stopwatch() as ours:
        batched()
    for one in blocks.matrices:
        one.weight.requires_grad_(True)
    with stopwatch() as loop:
        singly()
    with stopwatch() as least:
        bare()
    assert np.abs(found[0] - found[1]).max() < 1e-4 * np.abs(found[1]).max()
    what = f"gradients of {n} texts of {tokens.lengths().mean():.0f} tokens, {blocks.size:,} weights to {DIMS}"
    return [
        {"what": what, "datasel s": ours[0], "beside": beside, "its s": other, "ratio": f"{other / ours[0]:.1f} x"}
        for beside, other in (("a loop of backward()", loop[0]), ("bare backward() of batches", least[0]))
    ]


def searches(n: int, m: int) -> list[dict[str, Any]]:
    pool, target = said(n, 1), said(m, 2)
    counts = {id(texts): [Counter(text.split()) for text in texts] for texts in (pool, target)}
    inputs = Inputs(
        {"terms": numbered(counts[id(pool)])},
        np.random.default_rng(0),
        target={"terms": numbered(counts[id(target)])},
    )
    rows = []
    for combine in ("mean", "largest"):
        with stopwatch() as ours:
            found = BM25(combine=combine).score(inputs)
        with stopwatch() as theirs:
            some = slowly(counts[id(pool)], counts[id(target)], range(0, n, 100))
        np.testing.assert_allclose(found[::100], some.mean(1) if combine == "mean" else some.max(1), rtol=1e-9)
        slow = 100 * theirs[0]
        rows.append(
            {
                "what": f"BM25, {n:,} texts, {m} examples, {combine}",
                "datasel s": ours[0],
                "beside": "a loop over words (of every 100th text, times 100)",
                "its s": slow,
                "ratio": f"{slow / ours[0]:.0f} x",
            }
        )
    return rows


def numbered(counts: list[Counter]) -> Ragged:
    values = [sorted((int(word[1:]), often) for word, often in one.items()) for one in counts]
    return Ragged(np.array([pair for one in values for pair in one], np.int32), np.cumsum([0, *map(len, values)]))


def slowly(texts: list[Counter], queries: list[Counter], rows: range) -> np.ndarray:
    having, lengths = Counter(word for one in texts for word in one), [one.total() for one in texts]
    n, usual, found = len(texts), sum(lengths) / len(texts), np.zeros((len(rows), len(queries)))
    for at, row in enumerate(rows):
        for column, query in enumerate(queries):
            for word, times in query.items():
                if often := texts[row][word]:
                    rarity = math.log(1 + (n - having[word] + 0.5) / (having[word] + 0.5))
                    held_back = 1.2 * (0.25 + 0.75 * lengths[row] / usual)
                    found[at, column] += times * rarity * often * 2.2 / (often + held_back)
    return found


def main() -> None:
    table([*gradients(size(400), 12), *gradients(size(100), 200), *searches(size(20_000), 200)])


if __name__ == "__main__":
    main()
