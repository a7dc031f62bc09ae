"""What parts of a pool are called: planted words and answers are found, chance names nothing."""

import json
from collections import Counter

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.analysis.naming import Shared, of_parts, shared, telling


def test_words_and_answers_that_were_planted_are_found(rng):
    filler = [f"word{chr(97 + at)}{chr(97 + other)}" for at in range(10) for other in range(10)]
    texts, answers, of = [], [], np.repeat(np.arange(3), 80)
    for at, part in enumerate(of):
        said = list(rng.choice(filler, 12))
        said += ["please"] + (["train", "miles"] if part == 0 else ["stamps"] if part == 1 and at % 2 else [])
        texts.append(" ".join(said))
        answers.append("True" if part == 2 and at % 4 else f"Because of {at}.")
    trains, stamps, truths = shared(texts, answers, of)
    assert set(trains.words) == {"train", "miles"}
    assert (trains.answer, trains.share) == ("", 0.0)
    assert stamps.words == ("stamps",)
    assert (truths.answer, truths.share, truths.words) == ("True", 0.75, ())


def test_the_weight_of_a_word_is_that_of_the_paper():
    """Log-odds of a word in a part against the rest, both with a prior of 50 samples like the whole, over the width."""
    n, size, here, there = 1000, 60, 20, 25
    before = 50 * (here + there) / n
    odds = [(many + before) / (of + 50 - many - before) for many, of in ((here, size), (there, n - size))]
    z = np.log(odds[0] / odds[1]) / np.sqrt(1 / (here + before) + 1 / (there + before))
    assert z > 3
    assert telling(Counter(word=here), Counter(word=here + there), size, n) == ("word",)
    at_border = next(many for many in range(there, n) if not telling(Counter(w=here), Counter(w=here + many), size, n))
    before = 50 * (here + at_border) / n
    odds = [(many + before) / (of + 50 - many - before) for many, of in ((here, size), (at_border, n - size))]
    z = np.log(odds[0] / odds[1]) / np.sqrt(1 / (here + before) + 1 / (at_border + before))
    assert 2.9 < z < 3


def test_what_all_share_and_what_few_hold_names_nothing(rng):
    of = np.repeat([0, 1], 100)
    texts = ["the same everywhere, 12 apples" + (" rare" if at < 14 else "") for at in range(200)]
    assert shared(texts, ["yes"] * 200, of) == [Shared("", 0.0, ())] * 2
    assert shared(texts[:100], ["yes"] * 100, of[:100]) == [Shared("", 0.0, ())]
    assert shared([], [], np.empty(0, np.int64)) == []
    often = ["again " * 500 if at == 0 else "nothing" for at in range(200)]
    assert "again" not in shared(often, [""] * 200, of)[0].words


def test_a_long_answer_is_no_name_and_spaces_do_not_part_answers():
    of = np.repeat([0, 1], 30)
    texts = [""] * 60
    assert shared(texts, ["x" * 41] * 30 + [""] * 30, of)[0].answer == ""
    first = shared(texts, ["not  valid\n"] * 20 + [" not valid"] * 10 + ["valid"] * 30, of)[0]
    assert (first.answer, first.share) == ("not valid", 1.0)


def test_of_a_pool_what_is_asked_and_what_is_answered_are_told_apart(workspace, tmp_path):
    lines = [
        {"id": f"q{at}", "prompt": f"Is {'water' if at < 50 else 'stone'} {'wet' * (at % 2)}?", "response": answer}
        for at, answer in enumerate(["yes"] * 50 + ["no"] * 50)
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pool = add_pool(workspace, "questions", str(tmp_path / "in.jsonl"), "text")
    first, second = of_parts(pool, [np.arange(50), np.arange(50, 100)])
    assert (first.answer, first.share, first.words) == ("yes", 1.0, ("water",))
    assert (second.answer, second.share, second.words) == ("no", 1.0, ("stone",))


def test_a_pool_without_texts_has_no_names(workspace, photos):
    pool = add_pool(workspace, "photos", str(photos), "images")
    assert of_parts(pool, [np.arange(2)]) == [Shared("", 0.0, ())]


@pytest.mark.parametrize("rows", [0, 1, 60, 61, 5000])
def test_at_most_sixty_of_a_part_are_read(rows):
    class Pool:
        opens = frozenset({"turns"})
        read: list[int] = []

        def fetch(self, rows):
            self.read = list(rows)

        def turns(self, row):
            return []

    pool = Pool()
    assert of_parts(pool, [np.arange(rows)] if rows else []) == [Shared("", 0.0, ())] * bool(rows)
    assert len(set(pool.read)) == min(rows, 60)
