"""References: the unigram by hand, what is refused before anything is probed, and which texts are in both."""

import numpy as np
import pytest

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Failed
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.influence.references import (
    Reference,
    check_apart,
    check_ready,
    read_references,
    refuse_shared,
    unigram,
)
from datasel_core.features.language.tokens import Tokens
from tests.features.influence.made import LENGTH, text, tokens_of, vocabulary

pytest.importorskip("tokenizers")


def tokens(*samples: list[int], learned: int = 1) -> Tokens:
    """learned: from which place on."""
    lengths = [len(one) for one in samples]
    return Tokens(
        np.arange(len(samples)),
        np.concatenate(samples).astype(np.int32),
        np.concatenate([np.arange(n) >= learned for n in lengths]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        (),
        0,
    )


def test_a_unigram_counts_what_is_learned_and_adds_one():
    """Learned are 1 1 2 and 1: of 4 tokens and a vocabulary of 5, token 1 has (3 + 1) / 9."""
    loss, unseen = unigram(tokens([0, 1, 1, 2], [3, 1]), tokens([0, 1, 4], [0, 2]), 5)
    assert loss == pytest.approx(-np.log([4 / 9, 1 / 9, 2 / 9]).mean())
    assert unseen == pytest.approx(1 / 3)


def test_nothing_is_probed_before_the_model_knows_more_than_how_common_words_are():
    one = Reference("books", 3, tokens([0, 1]))
    check_ready([one], np.array([4.9]), [(5.0, 0.1)])
    with pytest.raises(Failed) as caught:
        check_ready([one, one], np.array([4.9, 5.0]), [(5.0, 0.1), (5.0, 0.1)])
    assert str(caught.value) == (
        "The model's loss on the reference books is 5.000 nats a token, and a unigram model's 5.000: influence means "
        "nothing before it is lower; train it longer (--set steps=...) or on more (--set share=...)."
    )
    with pytest.raises(Failed, match=r"^The model's loss on the reference books is nan nats"):
        check_ready([one], np.array([np.nan]), [(5.0, 0.1)])
    with pytest.raises(Failed) as caught:
        check_ready([one], np.array([4.9]), [(5.0, 0.72)])
    assert str(caught.value) == (
        "72% of the tokens of the reference books never occur in what the model learned: it is in another language or "
        "alphabet than the pool; name a reference that the pool can help with."
    )


def test_a_text_in_another_alphabet_is_found_by_its_tokens():
    spelling = vocabulary()
    learned = tokens_of(list(range(40)), spelling)
    russian = tokens_of([0], spelling, lambda row: [Turn("text", "Старик рыбачил один на своей лодке")])
    assert unigram(learned, russian, spelling.size)[1] > 0.8
    assert unigram(learned, tokens_of([70, 71], spelling), spelling.size)[1] < 0.1


def test_of_a_large_reference_so_many_are_drawn_with_the_seed():
    spelling, sources = vocabulary(), {"a": Source(100, turns=text), "b": Source(5, turns=text)}
    one, other = read_references(sources, spelling, "plain", LENGTH, 20, 0)
    assert (one.n, len(one.tokens.rows), len(other.tokens.rows)) == (100, 20, 5)
    assert (np.diff(one.tokens.rows) > 0).all()
    again, _ = read_references(sources, spelling, "plain", LENGTH, 20, 1)
    assert again.tokens.rows.tolist() != one.tokens.rows.tolist()
    learned = int(other.tokens.learned.sum())
    assert other.said() == {"name": "b", "n": 5, "samples": 5, "tokens": learned}
    assert learned == len(other.tokens.ids) - 5  # nothing predicts the first token of a text


def broken(row):
    raise Unreadable("the disk is away")


def test_a_reference_of_which_nothing_can_be_read_is_named():
    for source, why in ((Source(2, turns=broken), "the disk is away"), (Source(0, turns=text), "it is empty")):
        with pytest.raises(Failed, match=f"^Nothing of the reference r can be measured: {why}; name another pool.$"):
            read_references({"r": source}, vocabulary(), "plain", LENGTH, 20, 0)


def test_texts_that_are_in_both_are_counted_and_refused():
    def turns(row):
        return broken(row) if row == 3 else [Turn("text", f" {text(row)[0].text}\n")]

    apart = {"far": Source(9, turns=lambda row: text(row + 50)), "near": Source(5, turns=lambda row: text(row + 8))}
    found = check_apart(Source(10, turns=turns), apart, Progress())
    assert found == {"far": 0, "near": 2}  # 8 and 9, whatever the spaces around them
    refuse_shared({"far": 0})
    with pytest.raises(BadRequest) as caught:
        refuse_shared(found)
    assert str(caught.value) == (
        "2 samples of the pool are in the reference near, too, word for word: they would help by being the answer; "
        "take another reference, cut them from the pool, or allow it (--set overlap=allow)."
    )
    with pytest.raises(BadRequest, match=r"^1 sample of the pool is in the reference near, too"):
        refuse_shared({"near": 1})
