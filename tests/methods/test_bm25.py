"""BM25 against a loop over the words of every query, and against numbers worked out by hand."""

import math
import re

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadInput
from datasel_core.features.encoders.terms import Terms
from datasel_core.features.feature import Source, Unreadable
from datasel_core.methods.bm25 import BM25
from datasel_core.methods.selection import Inputs
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.methods.test_dsir import POOL, TARGET

PICKS = [
    "two",
    "two two plus",
    "a cat, a dog and a hen went out to buy two hats and a very long coat",
    "nothing at all",
]


def terms(texts: list[str]) -> Ragged:
    (block,) = Terms().blocks(Source(len(texts), text=lambda row: [texts[row]]), np.arange(len(texts)), {})
    assert len(block.rows) == len(texts)
    return block.values


def inputs(pool: list[str], target: list[str], **more) -> Inputs:
    return Inputs({"terms": terms(pool)}, np.random.default_rng(0), target={"terms": terms(target)}, **more)


def slowly(pool: list[str], target: list[str], k1: float, b: float) -> np.ndarray:
    """(n, m): every candidate for every query, word by word, from the texts themselves."""
    texts, queries = ([re.findall(r"\w+|[^\w\s]+", one.lower()) for one in side] for side in (pool, target))
    usual = sum(map(len, texts)) / len(texts)

    def score(text: list[str], query: list[str]) -> float:
        total = 0.0
        for word in query:
            having = sum(word in other for other in texts)
            rarity = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
            often = text.count(word)
            total += rarity * often * (k1 + 1) / (often + k1 * (1 - b + b * len(text) / usual)) if often else 0.0
        return total

    return np.array([[score(text, query) for query in queries] for text in texts])


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.0, 0.75), (2.0, 0.0), (100.0, 1.0)])
@pytest.mark.parametrize("combine", ["mean", "largest"])
def test_scores_are_those_of_a_slow_search(k1, b, combine, small_blocks):
    pool, target = [*POOL, *PICKS], [*TARGET, "the cat the cat", "an unheard word"]
    found = BM25(k1=k1, b=b, combine=combine).score(inputs(pool, target))
    each = slowly(pool, target, k1, b)
    np.testing.assert_allclose(found, each.mean(axis=1) if combine == "mean" else each.max(axis=1), rtol=1e-12)


def test_many_queries_are_searched_in_parts(rng, shrink):
    words = np.array([f"w{at}" for at in range(60)])
    pool, target = ([" ".join(rng.choice(words, rng.integers(1, 12))) for _ in range(n)] for n in (50, 40))
    whole = {combine: BM25(combine=combine).score(inputs(pool, target)) for combine in ("mean", "largest")}
    each = slowly(pool, target, 1.2, 0.75)
    np.testing.assert_allclose(whole["largest"], each.max(axis=1), rtol=1e-12)
    shrink(7)
    for combine, scores in whole.items():
        assert BM25(combine=combine).score(inputs(pool, target)).tolist() == scores.tolist()


@pytest.mark.parametrize("combine", ["mean", "largest"])
def test_a_text_without_any_word_scores_nothing_and_counts_as_a_text(combine):
    """In the midst and at the end, as others may bring counts."""
    pool, target = ["", POOL[0], "", POOL[1], ""], [TARGET[0], "", TARGET[1]]

    def counts(texts: list[str]) -> Ragged:
        there = terms([one for one in texts if one])
        lengths = iter(there.lengths().tolist())
        return Ragged(there.values, np.cumsum([0, *(next(lengths) if one else 0 for one in texts)]))

    asked = Inputs({"terms": counts(pool)}, np.random.default_rng(0), target={"terms": counts(target)})
    slow = slowly(pool, target, 1.2, 0.75)
    expected = slow.mean(axis=1) if combine == "mean" else slow.max(axis=1)
    np.testing.assert_allclose(BM25(combine=combine).score(asked), expected, rtol=1e-12)
    assert expected[[0, 2, 4]].tolist() == [0, 0, 0]


def test_a_number_worked_out_by_hand():
    """Two texts of one and three words, average 2; `two` is in both: ln(1 + .5/2.5), once and twice."""
    rarity = math.log(1.2)
    by_hand = [rarity * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 0.5)), rarity * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 1.5))]
    np.testing.assert_allclose(BM25().score(inputs(["two", "two two plus"], ["two"])), by_hand, rtol=1e-12)


def test_what_counts_is_the_parameter():
    """One candidate answers one example fully, the other both by half."""
    pool, target = ["red red red red", "blue blue", "red blue"], ["red", "blue"]
    mean, largest = (BM25(combine=how, k1=9.0, b=0.0).score(inputs(pool, target)) for how in ("mean", "largest"))
    assert largest.argmax() == 0
    assert largest[0] > largest[2]
    assert mean[1] < mean[0]
    assert mean[0] == largest[0] / 2
    assert mean[2] == pytest.approx(largest[2])


def test_without_a_common_word_it_says_so():
    with pytest.raises(BadInput, match="No candidate has any word of the target; BM25 cannot tell them apart"):
        BM25().select(inputs(POOL, ["völlig anders"]), 2)


def test_counts_of_the_wrong_form_are_refused():
    flat = Ragged(np.arange(6), np.arange(7))
    with pytest.raises(BadInput, match="The target role terms must hold pairs of whole numbers per sample, word and"):
        BM25().select(Inputs({"terms": terms(POOL)}, np.random.default_rng(0), target={"terms": flat}), 2)


def test_a_text_that_cannot_be_read_is_named():
    def text(row: int) -> list[str]:
        if row == 1:
            raise Unreadable("the disk is away")
        return [["One two one"], [], ["  "], ["three!"]][row]

    (block,) = Terms().blocks(Source(4, text=text), np.arange(4), {})
    assert block.rows.tolist() == [0, 3]
    assert block.unreadable == [(1, "the disk is away"), (2, "it has no text")]
    assert sorted(block.values[0][:, 1].tolist()) == [1, 2]
    assert block.values[1].shape == (2, 2)
    assert (block.values.values[:, 0] >= 0).all()


def test_from_texts_to_a_selection(workspace, tmp_path, capsys):
    for name, texts in (("pool", POOL), ("task", TARGET)):
        (tmp_path / f"{name}.csv").write_text("text\n" + "\n".join(f'"{text}"' for text in texts) + "\n")
        assert main(["pool", "add", name, str(tmp_path / f"{name}.csv"), "--kind", "text"]) == 0
    assert main(["select", "pool", "bm25", "--target", "task", "--budget", "2"]) == 2
    assert "feature compute pool terms" in capsys.readouterr().err
    for name in ("pool", "task"):
        assert main(["feature", "compute", name, "terms"]) == 0
    best = np.argsort(-slowly(POOL, TARGET, 1.2, 0.75).mean(axis=1), kind="stable")[:2]
    run = select(workspace, Spec(pool="pool", method="bm25", budget="2", target="task"))
    assert run.selection.rows.tolist() == best.tolist()
