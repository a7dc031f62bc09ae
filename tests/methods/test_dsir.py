"""DSIR against its formulas, and hashed n-grams against the published hashing."""

import collections
import hashlib
import json
import re

import numpy as np
import pytest
from scipy import stats

from datasel_core.__main__ import main
from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadInput
from datasel_core.features.encoders.hashed_ngrams import HashedNgrams, ngram_counts
from datasel_core.features.feature import Source, Unreadable
from datasel_core.methods.dsir import Dsir
from datasel_core.methods.selection import Inputs
from tests.conftest import paint

POOL = [
    "the cat sat on the mat",
    "add two and two",
    "What is 3 + 4? It is 7.",
    "the dog sat on the cat",
    "two plus two is four",
    "on the mat!",
]
TARGET = ["two plus three is five", "what is 2 + 2?"]


def published(text: str, n_buckets: int) -> collections.Counter:
    words = re.findall(r"\w+|[^\w\s]+", text.lower())
    ngrams = words + [f"{one} {next}" for one, next in zip(words, words[1:], strict=False)]
    return collections.Counter(int(hashlib.sha256(one.encode()).hexdigest(), 16) % n_buckets for one in ngrams)


def ngrams(texts: list[str], n_buckets: int = 10_000) -> Ragged:
    counts = [ngram_counts(text, 2, n_buckets) for text in texts]
    return Ragged(np.concatenate(counts), np.cumsum([0, *map(len, counts)]))


def inputs(seed: int = 0, **more) -> Inputs:
    return Inputs({"ngrams": ngrams(POOL)}, np.random.default_rng(seed), target={"ngrams": ngrams(TARGET)}, **more)


@pytest.mark.parametrize("text", [*POOL, "don't  stop...\nNOW", "Ärger, naïve 東京", "x"])
def test_buckets_are_the_published_ones(text):
    for n_buckets in (16, 10_000):
        found = ngram_counts(text, 2, n_buckets)
        assert dict(found.tolist()) == published(text, n_buckets)
        assert (np.diff(found[:, 0]) > 0).all()


def test_scores_are_log_importance_weights():
    shares = []
    for texts in (POOL, TARGET):
        counts = sum((published(text, 10_000) for text in texts), collections.Counter())
        shares.append({bucket: many / sum(counts.values()) for bucket, many in counts.items()})
    expected = [
        sum(
            many * (np.log(shares[1].get(bucket, 0) + 1e-8) - np.log(shares[0].get(bucket, 0) + 1e-8))
            for bucket, many in published(text, 10_000).items()
        )
        for text in POOL
    ]
    found = Dsir(sampling="top").select(inputs(), 3)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-12)
    assert found.rows.tolist() == np.argsort(-np.array(expected), kind="stable")[:3].tolist()
    assert {1, 4} < set(found.rows.tolist())  # sums; and a few words, which can say little against themselves


def test_a_text_without_any_word_is_as_likely_by_either():
    """In the midst and at the end, as others may bring counts."""
    counts = Ragged(np.array([[1, 2], [2, 1], [3, 4]], np.int32), np.array([0, 0, 2, 2, 3, 3]))
    given = Inputs({"ngrams": counts}, np.random.default_rng(0), target={"ngrams": counts.take(np.array([1]))})
    alone = Inputs({"ngrams": counts.take(np.array([1, 3]))}, np.random.default_rng(0), target=given.target)
    found = Dsir().score(given)
    assert found[[0, 2, 4]].tolist() == [0, 0, 0]
    assert found[[1, 3]].tolist() == Dsir().score(alone).tolist()


def test_draws_are_in_proportion_to_the_weights(rng):
    scores = np.log([0.5, 0.3, 0.15, 0.05])
    draws = np.array([Dsir().best(scores, 2, rng).places for _ in range(6000)])
    assert stats.chisquare(np.bincount(draws[:, 0]), 6000 * np.exp(scores)).pvalue > 1e-3
    chance = np.exp(scores)
    inside = [one + sum(other * one / (1 - other) for other in np.delete(chance, at)) for at, one in enumerate(chance)]
    np.testing.assert_allclose(np.bincount(draws.ravel()) / 6000, inside, atol=0.03)


def test_counts_of_the_wrong_form_are_refused():
    flat = Ragged(np.arange(6), np.arange(7))
    with pytest.raises(
        BadInput, match="The target role ngrams must hold pairs of whole numbers per sample, bucket and count"
    ):
        Dsir().select(Inputs({"ngrams": ngrams(POOL)}, np.random.default_rng(0), target={"ngrams": flat}), 2)


def test_a_text_that_cannot_be_read_is_named():
    def text(row: int) -> list[str]:
        if row == 1:
            raise Unreadable("the disk is away")
        return [["one", "two words"], [], ["  "], ["three"]][row]

    (block,) = HashedNgrams().blocks(Source(4, text=text), np.arange(4), {})
    assert block.rows.tolist() == [0, 3]
    assert block.unreadable == [(1, "the disk is away"), (2, "it has no text")]
    assert dict(block.values[0].tolist()) == published("one\ntwo words", 10_000)


def test_from_captions_to_a_selection(workspace, tmp_path, capsys):
    for name, texts in (("pool", POOL), ("task", TARGET)):
        rows = [
            {"path": str(paint(tmp_path / name / f"{at}.jpg", at)), "caption": text} for at, text in enumerate(texts)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert main(["pool", "add", name, str(tmp_path / f"{name}.jsonl"), "--kind", "pairs"]) == 0
    assert main(["select", "pool", "dsir", "--target", "task", "--budget", "2"]) == 2
    assert "feature compute pool hashed_ngrams" in capsys.readouterr().err
    for name in ("pool", "task"):
        assert main(["feature", "compute", name, "hashed_ngrams"]) == 0
    assert (
        main(
            [
                "select",
                "pool",
                "dsir",
                "--target",
                "task",
                "--budget",
                "3",
                "--set",
                "sampling=top",
                "--out",
                str(tmp_path / "kept"),
            ]
        )
        == 0
    )
    assert main(["reproduce", str(tmp_path / "kept")]) == 0
    assert json.loads((tmp_path / "kept" / "manifest.json").read_text())["result"]["n"] == 3
