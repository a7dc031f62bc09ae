"""Examples before a question: never what is asked, each set as likely as any other, the same whatever else is asked."""

from itertools import permutations

import numpy as np
import pytest

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.features.facts_training.asking import exposures
from datasel_core.features.facts_training.few_shot import NONE, asked_first, examples_of, prompts_of
from datasel_core.features.feature import Source
from datasel_core.features.language.vocabulary import train_vocabulary

SAID = [
    (0, 0, "Where is Rome?", "Italy"),
    (0, 0, "Rome lies in which land?", "Italy"),
    (1, 0, "Where is Bonn?", "Germany"),
    (2, 0, "Where is Lyon?", "France"),
    (3, 0, "where  is ROME?", "Georgia"),
    (4, 0, "Where is Oslo?", "Norway"),
    (5, 1, "Who made it?", "Ann"),
    (0, 0, "Where is Rome?", "Italy"),
    (6, 1, "Who made that?", "Bob"),
    (7, 0, "Where is Kiel?", "Germany"),
]
"""Fact, relation, question, answer: one fact in two wordings, one question with two answers, one exposure twice."""


@pytest.fixture(scope="module")
def there():
    turns = [[Turn("user", question), Turn("assistant", answer)] for _, _, question, answer in SAID]
    fact, relation = (np.array([one[at] for one in SAID]) for at in (0, 1))
    return exposures(Source(len(SAID), turns=turns.__getitem__), Progress(), fact, relation)


def test_neither_the_fact_nor_its_question_is_shown_and_all_are_of_its_relation(there):
    asked = np.arange(len(SAID))
    found = examples_of(there, asked, 60, 3, 0)
    can = {0: {2, 3, 5, 9}, 1: {2, 3, 4, 5, 9}, 2: {0, 3, 4, 5, 9}, 3: {0, 2, 4, 5, 9}, 4: {2, 3, 5, 9}}
    can |= {5: {0, 2, 3, 4, 9}, 7: {2, 3, 5, 9}, 9: {0, 2, 3, 4, 5}}
    for one, shown in zip(asked.tolist(), found, strict=True):
        if one in (6, 8):
            assert (shown == NONE).all(), "their relation has one other fact"
            continue
        assert set(shown.ravel().tolist()) == can[one], one
        assert all(len(set(draw)) == 3 for draw in shown.tolist())
    assert examples_of(there, np.array([6, 8]), 1, 1, 0).tolist() == [[[8]], [[6]]]


def test_every_order_of_examples_is_as_likely(there):
    draws = examples_of(there, np.array([0]), 6000, 2, 1)[0].tolist()
    counts = [draws.count(list(one)) for one in permutations([2, 3, 5, 9], 2)]
    assert sum(counts) == 6000
    expected = 6000 / 12
    assert sum((one - expected) ** 2 / expected for one in counts) < 31.3, (
        "chi-square of 11, beyond it one in a thousand"
    )


def test_what_is_drawn_hangs_on_the_question_alone(there):
    whole = examples_of(there, np.array([0, 2, 5]), 4, 3, 0)
    assert examples_of(there, np.array([2]), 2, 3, 0).tolist() == [whole[1, :2].tolist()]
    assert examples_of(there, np.array([7]), 4, 3, 0).tolist() == [whole[0].tolist()], "the same as the first row"
    assert asked_first(there).tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 8, 9]
    assert examples_of(there, np.array([0, 2, 5]), 4, 3, 1).tolist() != whole.tolist()


def test_a_prompt_is_a_conversation_that_stops_before_the_answer(there):
    vocabulary = train_vocabulary(there.texts(), 200)
    (made,), _ = prompts_of(there, np.array([0, 6]), 1, 2, 3, vocabulary, "plain")
    first, second = examples_of(there, np.array([0]), 1, 2, 3)[0, 0].tolist()

    def spelt(text):
        return vocabulary.spell([text])[0]

    wanted = []
    for one in (first, second):
        wanted += [*spelt(SAID[one][2] + "\n"), *spelt(SAID[one][3]), vocabulary.end]
    assert made == [*wanted, *spelt("Where is Rome?\n")]
    assert "Italy" not in vocabulary.text(made)
    assert prompts_of(there, np.array([6]), 1, 2, 3, vocabulary, "plain") == [[]]
    (alpaca,) = prompts_of(there, np.array([0]), 1, 2, 3, vocabulary, "alpaca")[0]
    assert vocabulary.text(alpaca).count("### Instruction:") == 3
    assert vocabulary.text(alpaca).endswith("Where is Rome?\n\n### Response:\n")
