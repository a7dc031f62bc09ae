"""The facts probe: against a slow reading of the same trainings, what pruning does above and below capacity, and what
it refuses.
"""

import json
import math
from collections import Counter

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.features.facts_training.asking import questions_in
from datasel_core.features.facts_training.learning import learn, new_learner, usual_rate
from datasel_core.features.feature import Source
from datasel_core.features.language.tokens import read_tokens
from datasel_core.features.language.training import Recipe
from datasel_core.features.language.vocabulary import train_vocabulary
from datasel_core.features.roles import Roles
from datasel_core.probes.evaluate import given_to, run_probe
from datasel_core.probes.facts import FactsProbe
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.features.facts_training.made import greedy, phonebook, read

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

SMALL = {"layers": 1, "width": 32, "heads": 4, "vocabulary": 60, "batch": 16, "length": 32, "device": "cpu"}
N, EFFECT_STEPS = 30, 250


def world():
    """As `phonebook`, and after it the first four rows once more; relations of the facts by turns."""
    roles, answers = phonebook(N, wordings=2)
    rows = [*range(2 * N), *range(4)]
    turns = roles["turns"]
    return {
        "n": len(rows),
        "turns": lambda row: turns(rows[row]),
        "fact": np.array(rows) % N,
        "relation": np.array(rows) % N % 2,
    }, answers


TRAIN = np.array([*range(16), 30, 31, 60, 61, 62, 63])
"""Facts 0 to 15 in the first wording, four of them twice over, two in the second wording too."""
TEST = np.setdiff1d(np.arange(64), TRAIN)


@pytest.fixture(scope="module")
def measured():
    roles, answers = world()
    probe = FactsProbe(**SMALL, n=70, n_seeds=2, seed=4)
    return probe, roles, answers, probe.measure(roles, TRAIN, TEST)


def models(roles, train=TRAIN):
    """What the probe trained, by the parts that it is made of."""
    source = Source(roles["n"], turns=roles["turns"])
    texts = [turn.text for row in range(roles["n"]) for turn in roles["turns"](row)]
    vocabulary = train_vocabulary(texts, 60, own_alphabet=True)
    learned = read_tokens(source, np.sort(train), vocabulary, "plain", 32)
    for seed in (4, 5):
        model = new_learner(vocabulary, 1, 32, 4, 32, seed)
        learn(model, learned, Recipe(70, 16, usual_rate(32), seed), "cpu", Progress(), "learning")
        yield model, vocabulary, source


def test_it_is_what_a_slow_reading_finds(measured):
    probe, roles, answers, found = measured
    wanted = {name: [] for name in ("memorised", "exact_match", "rephrased_match", "weighted_accuracy", "stored_bits")}
    wanted |= {name: [] for name in ("dropped_right", "dropped_wrong", "dropped_other", "head", "tail")}
    said_of_dropped = []
    for model, vocabulary, source in models(roles):
        tokens = read_tokens(source, np.arange(2 * N), vocabulary, "plain", 32)
        said = [greedy(model, vocabulary, one, 5) for one in questions_in(tokens)]
        right = [one == answers[row % N] for row, one in enumerate(said)]
        known = {fact: right[fact] for fact in range(16)}
        for fact in (0, 1):
            known[fact] = (right[fact] + right[N + fact]) / 2
        unknown = {fact: (right[fact] + right[N + fact]) / 2 for fact in range(16, N)}
        wanted["exact_match"].append(sum(known.values()) / 16)
        total = 0
        for relation in (0, 1):
            p = max(Counter(answers[relation::2]).values()) / 15
            total += (sum(known[fact] for fact in range(relation, 16, 2)) - 8 * p) / (1 - p)
        wanted["memorised"].append(total)
        wanted["rephrased_match"].append(sum(right[N + fact] for fact in range(2, 16)) / 14)
        often = [3 if fact < 4 else 2 for fact in range(N)]
        all_of_them = known | unknown
        wanted["weighted_accuracy"].append(sum(often[fact] * all_of_them[fact] for fact in range(N)) / sum(often))
        wanted["head"].append(sum(all_of_them[fact] for fact in range(15)) / 15)
        wanted["tail"].append(sum(all_of_them[fact] for fact in range(15, N)) / 15)
        counts = Counter()
        for fact in range(16, N):
            for row in (fact, N + fact):
                others = set(answers[fact % 2 :: 2])
                counts["right" if right[row] else "wrong" if said[row] in others else "other"] += 1
        for word in ("right", "wrong", "other"):
            wanted[f"dropped_{word}"].append(counts[word] / 28)
        said_of_dropped.append([said[row] for row in range(16, N)])
        wanted["stored_bits"].append(bits_by_hand(model, tokens, answers))
    for name, values in wanted.items():
        assert found[name] == pytest.approx(np.mean(values), abs=2e-3), name
    assert 0.2 < found["exact_match"] < 1
    assert found["dropped_other"] < 1, "some of what it says is another's answer"
    assert [one["said"] for one in found["examples"]][:14] == said_of_dropped[0]
    assert [one["row"] for one in found["examples"]][:14] == list(range(16, N))
    assert found["bits_a_parameter"] == pytest.approx(found["stored_bits"] / found["parameters"], abs=1e-5)
    assert found["exact_match_low"] <= found["exact_match"] <= found["exact_match_high"]
    assert found["asked"] == {"trained": 18, "rephrased": 14, "dropped": 28}
    assert (found["facts"], found["facts_trained"], found["trained_on"]) == (30, 16, 22)
    assert found["steps"] == 70
    assert found["epochs"] == pytest.approx(np.mean(found["steps_taken"]) * 16 / 22, abs=0.01)
    assert found["by_relation"]["1"]["facts"] == 8


def test_who_learned_everything_is_asked_about_what_another_drops(measured):
    _, roles, answers, dropping = measured
    every = np.arange(64)
    probe = FactsProbe(**SMALL, n=70, n_seeds=2, seed=4)
    alone, found = (probe.measure(roles, every, every[:0], beside=beside) for beside in (None, TRAIN))
    wanted = {"right": [], "wrong": [], "other": []}
    for model, vocabulary, source in models(roles, every):
        tokens = read_tokens(source, np.arange(2 * N), vocabulary, "plain", 32)
        said = [greedy(model, vocabulary, one, 5) for one in questions_in(tokens)]
        counts = Counter()
        for row in (*range(16, N), *range(N + 16, 2 * N)):
            fact = row % N
            is_other = said[row] in set(answers[fact % 2 :: 2])
            counts["right" if said[row] == answers[fact] else "wrong" if is_other else "other"] += 1
        for word, shares in wanted.items():
            shares.append(counts[word] / 28)
    for word, shares in wanted.items():
        assert found[f"dropped_{word}"] == pytest.approx(np.mean(shares), abs=1e-6)
        assert found["dropped_by_seed"][f"dropped_{word}"] == pytest.approx(shares)
    assert found["dropped_right"] > dropping["dropped_right"], "it was taught these"
    assert [one["row"] for one in found["examples"]] == [one["row"] for one in dropping["examples"]]
    assert (found["asked"]["beside"], found["asked"]["dropped"]) == (28, 0)
    same = [name for name in alone if name not in ("asked", "examples", "dropped_by_seed")]
    assert {name: found[name] for name in same} == {name: alone[name] for name in same}
    assert "dropped_right" not in alone


def bits_by_hand(model, tokens, answers) -> float:
    losses = []
    for row in range(2 * N):
        ids, mask = (torch.from_numpy(part[0]) for part in tokens.padded([row]))
        with torch.no_grad():
            said = model(input_ids=ids[None]).logits[0].log_softmax(dim=-1)
        losses.append(-sum(float(said[at - 1, ids[at]]) for at in torch.where(mask)[0]) / math.log(2))
    total = 0.0
    for relation in (0, 1):
        entropy = 0.0
        for digit in range(3):
            share = np.array(list(Counter(one[digit] for one in answers[relation::2]).values())) / 15
            entropy -= float((share * np.log2(share)).sum())
        mine = [(losses[one] + losses[N + one]) / 2 if one < 2 else losses[one] for one in range(relation, 16, 2)]
        total += max(0.0, sum(entropy - loss for loss in mine))
    return total


def test_each_question_is_right_or_wrong(measured):
    probe, roles, answers, found = measured
    each = probe.each(roles, TRAIN, TEST)
    assert each.shape == TEST.shape
    is_dropped = roles["fact"][TEST] > 15
    assert each[is_dropped].mean() == pytest.approx(found["dropped_right"], abs=1e-6)
    assert each[~is_dropped].mean() == pytest.approx(found["rephrased_match"], abs=1e-6)
    assert set(each) <= {0, 0.5, 1}
    assert probe.each(roles, TRAIN, TEST[::-1]).tolist() == each[::-1].tolist()


def test_what_is_asked_in_no_other_words_is_no_other_wording():
    roles, _ = world()
    probe = FactsProbe(**SMALL, n=1, n_seeds=1)
    asked = probe.measure(roles, TRAIN[:18], np.setdiff1d(np.arange(64), TRAIN[:18]))["asked"]
    assert asked == {"trained": 18, "rephrased": 14, "dropped": 28}, "the last four rows say what was learned already"
    asked = probe.measure(roles, TRAIN[16:18], np.array([0, 2, 60]))["asked"]
    assert asked == {"trained": 2, "rephrased": 1, "dropped": 1}, "the first row and the sixty-first are one question"


def test_an_answer_may_be_as_long_as_the_longest():
    words = ["1", "23456", "7", "123456789"]
    roles = {"n": 4, "turns": lambda row: [Turn("user", "abcd"[row]), Turn("assistant", words[row])]}
    rows = np.arange(4)
    learned = FactsProbe(**SMALL, n=300, n_seeds=1).measure(roles, rows, rows[:0])
    assert learned["exact_match"] == 1
    assert FactsProbe(**SMALL, n=300, n_seeds=1).each(roles, rows, rows).tolist() == [1, 1, 1, 1]


def test_above_what_it_can_hold_a_third_is_more_and_below_it_is_a_third():
    """The same steps for everything and for a third; which facts is chance."""
    known = {}
    for n in (60, 360):
        roles, _ = phonebook(n, digits=6)
        for kept in (n, n // 3):
            rows = np.random.default_rng(0).permutation(n)
            probe = FactsProbe(layers=2, width=32, vocabulary=60, batch=32, length=32, n=EFFECT_STEPS, n_seeds=1)
            known[n, kept] = probe.measure(roles, rows[:kept], rows[kept:])["memorised"]
    assert known[60, 60] > 55
    assert known[60, 20] < 21
    assert known[360, 120] > 1.3 * max(known[360, 360], 1)
    assert known[360, 120] > 40


def test_epochs_are_passes_and_steps_are_steps():
    roles, _ = world()
    by_epoch = FactsProbe(**SMALL, count="epochs", n=3, n_seeds=1)
    assert [by_epoch.measure(roles, TRAIN[:size], TEST)["steps"] for size in (8, 16, 22)] == [3, 3, 5]
    assert by_epoch.measure(roles, TRAIN, TEST)["epochs"] == pytest.approx(5 * 16 / 22, abs=0.01)
    by_step = FactsProbe(**SMALL, n=3, n_seeds=1)
    assert [by_step.measure(roles, TRAIN[:size], TEST)["steps"] for size in (8, 22)] == [3, 3]


def test_of_many_questions_some_are_drawn_and_stand_for_all():
    roles, _ = phonebook(60)
    rows = np.arange(60)
    probe = FactsProbe(**SMALL, n=200, n_seeds=1)
    whole = probe.measure(roles, rows[:40], rows[40:])
    some = FactsProbe(**{**SMALL, "most": 20}, n=200, n_seeds=1).measure(roles, rows[:40], rows[40:])
    assert some["asked"] == {"trained": 20, "rephrased": 0, "dropped": 20}
    assert whole["asked"]["trained"] == 40
    assert some["memorised"] == pytest.approx(whole["memorised"], abs=12)
    assert some["stored_bits"] == pytest.approx(whole["stored_bits"], rel=0.3)
    assert some["weighted_accuracy"] == pytest.approx(2 / 3 * some["exact_match"] + 1 / 3 * some["dropped_right"])
    assert "head" not in some, "all facts are met as often"


def test_known_bits_are_taken_as_they_are():
    roles, _ = phonebook(20)
    rows = np.arange(20)
    taken = {**roles, "answer_bits": np.full(20, 50.0)}
    plain, given, role = (
        FactsProbe(**SMALL, n=60, n_seeds=1, answer_bits=bits).measure(there, rows, rows[:0])["stored_bits"]
        for there, bits in ((roles, 3 * math.log2(10)), (roles, 50.0), (taken, None))
    )
    assert given - plain == pytest.approx(20 * (50 - 3 * math.log2(10)), abs=1e-3)
    assert role == pytest.approx(given, abs=1e-3)


def test_random_labels_store_less_than_four_bits_a_parameter():
    """A model that has far more to learn than it can hold: what it holds stays below 3.6 bits a parameter (Morris et
    al.), and one that has learned nothing holds nothing.
    """
    n, shape = 500, {"layers": 1, "width": 16, "heads": 2, "vocabulary": 1, "length": 32, "n_seeds": 1}
    roles, _ = phonebook(n, digits=10)
    rows = np.arange(n)
    found = FactsProbe(**shape, n=450, batch=32).measure(roles, rows, rows[:0])
    assert 3.6 * found["parameters"] < n * 33.2, "there is more to store"
    assert 0.01 < found["bits_a_parameter"] < 4
    assert found["memorised"] < 100
    assert FactsProbe(**shape, n=1).measure(roles, rows, rows[:0])["stored_bits"] == 0


def test_it_refuses_what_cannot_be_learned():
    roles, _ = phonebook(5)
    rows = np.arange(5)
    with pytest.raises(BadRequest, match="A facts probe needs at least one sample to train on."):
        FactsProbe(**SMALL).measure(roles, rows[:0], rows)
    running = {"n": 5, "turns": lambda row: [Turn("text", "long ago")]}
    with pytest.raises(BadRequest, match="No kept sample asks something and says the answer, so there is nothing to"):
        FactsProbe(**SMALL).measure(running, rows, rows[:0])
    long = {"n": 5, "turns": lambda row: [Turn("user", "ab" * 100 + "cd"[row % 2]), Turn("assistant", "1")]}
    with pytest.raises(BadRequest, match="Nothing that was kept can be learned: the prompt alone has"):
        FactsProbe(**{**SMALL, "vocabulary": 1}).measure(long, rows, rows[:0])
    with pytest.raises(BadParameter, match="width is 20; it must be a multiple of eight times the heads"):
        FactsProbe(**{**SMALL, "width": 20}).measure(roles, rows, rows[:0])


def test_a_selection_of_a_text_pool_is_probed(workspace, tmp_path):
    lines = [{"prompt": f"number {at}", "response": str(at * 7 % 10)} for at in range(40)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    run = select(workspace, Spec(pool="t", method="random", budget="12"), Progress())
    params = {name: str(value) for name, value in {**SMALL, "n": 20, "n_seeds": 1}.items()}
    found = run_probe(workspace, run.folder, "facts", Progress(), params, "rest")
    assert (found["facts_trained"], found["facts"], found["asked"]["dropped"]) == (12, 40, 28)


def test_what_is_no_question_is_left_out():
    there, _, _ = read(phonebook(6)[0])
    assert there.facts == 6
    said = [
        [Turn("user", "a"), Turn("assistant", " 1  2 ")],
        [Turn("text", "a")],
        [Turn("assistant", "1")],
        [Turn("user", "a"), Turn("assistant", " ")],
        [Turn("user", "a"), Turn("assistant", "3", 0), Turn("user", "b"), Turn("assistant", "4")],
        [Turn("user", "a"), Turn("assistant", "5")],
    ]
    there, _, _ = read({"n": 6, "turns": said.__getitem__})
    assert there.rows.tolist() == [0, 4, 5]
    assert there.answer == ["1 2", "4", "5"]
    assert there.fact.tolist() == [0, 1, 0], "without identities equal questions are one fact"
    assert there.different(np.array([0, 1, 2])).tolist() == [0, 1, 2], "two answers are asked about apart"
    named = {"n": 6, "turns": said.__getitem__, "fact": np.array([9, 0, 0, 0, -1, 9])}
    assert read(named)[0].rows.tolist() == [0, 5]


def test_columns_of_a_pool_of_facts_say_which_are_the_same(workspace, tmp_path):
    """Two wordings of a fact are one fact to the probe, as the pool tells them apart, not two questions."""
    said = [
        {"question": f"{how} {name}?", "answer": f"{at}", "relation": "ab"[at % 2], "fact": name}
        for at, name in enumerate(("ann", "bob", "eve"))
        for how in ("Number of", "Which number has")
    ]
    (tmp_path / "facts.jsonl").write_text("\n".join(map(json.dumps, said)))
    pool = add_pool(workspace, "facts", str(tmp_path / "facts.jsonl"), "facts")
    given = given_to(FactsProbe(**SMALL), pool, Roles.of(workspace, pool))
    assert given["fact"].tolist() == [0, 0, 1, 1, 2, 2]
    assert given["relation"].tolist() == [0, 0, 1, 1, 0, 0]
    found = FactsProbe(**SMALL, n=2, n_seeds=1).measure(given, np.array([0, 2]), np.array([1, 3, 4, 5]))
    assert found["facts"] == 3
