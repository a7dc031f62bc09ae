"""Texts that two pools share: against sets of words, on texts made to overlap, and on real questions."""

import json
import re

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped
from datasel_core.evidence.leaks import pairs as listing
from datasel_core.evidence.leaks import text_overlap as text_overlap_module
from datasel_core.evidence.leaks.limits import Limits
from datasel_core.evidence.leaks.shingles import Reader, shared, words
from datasel_core.evidence.leaks.text_overlap import text_overlap
from tests.conftest import real_data


def text_pool(workspace, tmp_path, name, samples):
    """samples: running texts, or (prompt, response)."""
    rows = [
        {"id": f"{name}-{at}", **({"text": one} if isinstance(one, str) else {"prompt": one[0], "response": one[1]})}
        for at, one in enumerate(samples)
    ]
    (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")


def overlap(one, other, limits=None, progress=None):
    return text_overlap(one, np.arange(one.n), other, np.arange(other.n), limits or Limits(), progress or Progress())


def listed(found):
    return {(a, b): like for a, b, like in zip(found.rows.tolist(), found.others.tolist(), found.like, strict=True)}


def plain(text):
    return re.sub(r"[^a-z0-9 ]", " ", text.lower()).split()


def runs(sample, length, all_short=False):
    """The slow way: tuples of words. A short response to a prompt counts in no run but those that are to be short."""
    parts = [(sample, True)] if isinstance(sample, str) else [(sample[0], True), (sample[1], all_short)]
    found = set()
    for text, as_whole in parts:
        said = plain(text)
        found |= {tuple(said[at : at + length]) for at in range(len(said) - length + 1)}
        if as_whole and 0 < len(said) < length:
            found.add(tuple(said))
    return found


def slowly(mine, theirs, limits):
    """kind -> {(row, other): how like}, and rows that share only common runs."""
    whole = [
        [" ".join((one if isinstance(one, str) else " ".join(one)).split()) for one in side] for side in (mine, theirs)
    ]
    long = [[runs(one, limits.ngram) for one in side] for side in (mine, theirs)]
    short = [[runs(one, 3, all_short=True) for one in side] for side in (mine, theirs)]
    often = {run for side in long for run in set().union(*side) if sum(run in one for one in side) > limits.common}
    found = {"same": {}, "near": {}, "runs": {}}
    only = set()
    for a in range(len(mine)):
        for b in range(len(theirs)):
            both, either = short[0][a] & short[1][b], short[0][a] | short[1][b]
            common = long[0][a] & long[1][b]
            if whole[0][a] == whole[1][b]:
                found["same"][a, b] = 1.0
            elif either and len(both) / len(either) >= limits.jaccard:
                found["near"][a, b] = len(both) / len(either)
            elif common - often:
                found["runs"][a, b] = len(common) / min(len(long[0][a]), len(long[1][b]))
            elif common:
                only.add(a)
    return found, only - {a for kind in found.values() for a, _ in kind}


def made(rng, n, base=None):
    """Texts of few words, some of which are parts, copies and copies with other words of the base."""
    known, samples = [f"w{at}" for at in range(12)], []
    for _ in range(n):
        said = rng.choice(known, rng.integers(1, 40)).tolist()
        how = rng.integers(5)
        if base is not None and how > 1:
            other = base[rng.integers(len(base))]
            their = plain(other if isinstance(other, str) else " ".join(other))
            start = rng.integers(len(their))
            said = {2: said[:9] + their[start : start + 9] + said[9:], 3: list(their), 4: list(their)}[how]
            if how == 4:
                said[rng.integers(len(said))] = "other"
        text = ", ".join(said).upper() if how == 1 else " ".join(said)
        half = int(rng.integers(1, len(said) + 1))
        samples.append((" ".join(said[:half]), " ".join(said[half:]) or "no") if rng.integers(2) else text)
    return samples


@pytest.mark.parametrize(
    "limits", [Limits(ngram=5, common=3), Limits(ngram=4, common=50, jaccard=0.4), Limits(ngram=8, jaccard=1.0)]
)
@pytest.mark.parametrize("seed", range(4))
def test_every_pair_is_found_and_none_is_guessed(workspace, tmp_path, monkeypatch, small_blocks, limits, seed):
    monkeypatch.setattr(listing, "LISTED", 1000)
    rng = np.random.default_rng(seed)
    theirs = made(rng, 60)
    mine = made(rng, 110, theirs)
    found = overlap(
        text_pool(workspace, tmp_path, "one", mine), text_pool(workspace, tmp_path, "other", theirs), limits
    )
    expected, only = slowly(mine, theirs, limits)
    for kind, pairs in expected.items():
        mine_too = getattr(found, kind)
        assert listed(mine_too) == pytest.approx(pairs), kind
        assert mine_too.n == len(pairs)
        assert mine_too.touched.tolist() == sorted({a for a, _ in pairs})
        assert mine_too.touched_others.tolist() == sorted({b for _, b in pairs})
    assert set(found.only_common.tolist()) == only
    assert min(map(len, expected.values())) > 0 or limits.jaccard == 1


def test_planted_leaks_are_found_each_under_its_kind(workspace, tmp_path, rng):
    known = [f"word{at}" for at in range(4000)]
    theirs = [(" ".join(rng.choice(known, 40)), " ".join(rng.choice(known, 12))) for _ in range(60)]
    mine = [(" ".join(rng.choice(known, 60)), "42") for _ in range(200)]
    near = [
        (" ".join(["odd" if at == 20 else word for at, word in enumerate(p.split())]).upper(), r)
        for p, r in theirs[5:10]
    ]
    inside = [
        (f"{mine[at][0]} {' '.join(theirs[at][0].split()[7:20])} {mine[at + 1][0]}", "42") for at in range(10, 15)
    ]
    found = overlap(
        text_pool(workspace, tmp_path, "one", [*mine, *theirs[:5], *near, *inside]),
        text_pool(workspace, tmp_path, "other", theirs),
    )
    for at, kind in enumerate(("same", "near", "runs")):
        expected = {(200 + 5 * at + each, 5 * at + each) for each in range(5)}
        assert listed(getattr(found, kind)).keys() == expected
    assert found.runs.shared.tolist() == [1] * 5
    assert len(found.only_common) == 0


def test_a_phrase_of_many_is_told_and_does_not_count(workspace, tmp_path, rng):
    phrase = "below is an instruction that describes a task write a response that completes it well"
    known = [f"word{at}" for at in range(900)]
    mine = [f"{phrase} {' '.join(rng.choice(known, 20))}" for _ in range(11)]
    one = text_pool(workspace, tmp_path, "one", mine)
    other = text_pool(workspace, tmp_path, "other", [f"{phrase} {' '.join(rng.choice(known, 20))}", "alone"])
    found = overlap(one, other)
    assert found.runs.n == 0
    assert (found.only_common.tolist(), found.only_common_others.tolist()) == (list(range(11)), [0])
    found = overlap(one, other, Limits(common=11))
    assert found.runs.n == 11
    assert len(found.only_common) == 0


def test_short_texts_count_as_a_whole_and_short_responses_by_themselves_do_not(workspace, tmp_path):
    one = text_pool(workspace, tmp_path, "one", [("What is 2 + 2?", "It is four"), ("Is it so?", "Yes, it is.")])
    other = text_pool(workspace, tmp_path, "other", [("what is 2+2", "4"), ("Are you sure?", "yes it is")])
    found = overlap(one, other)
    assert listed(found.runs).keys() == {(0, 0)}
    assert (found.same.n, found.near.n) == (0, 0)


def test_the_same_text_is_the_same_whatever_columns_hold_it(workspace, tmp_path):
    one = text_pool(workspace, tmp_path, "one", [("Who was  it?\n", "Nobody."), ("...", "!!!")])
    other = text_pool(workspace, tmp_path, "other", ["Who was it? Nobody.", "who was it nobody", "... !!!"])
    found = overlap(one, other)
    assert listed(found.same).keys() == {(0, 0), (1, 2)}
    assert (0, 1) not in listed(found.same)


def test_words_of_all_scripts():
    assert words("It's 3,5 km_long — ＡＢＣ!") == ["it", "s", "3", "5", "km", "long", "abc"]
    assert words("今日は good") == ["今", "日", "は", "good"]
    assert words("?! …") == []


def test_vowels_that_are_marks_are_of_their_word(workspace, tmp_path):
    """Six words of Hindi are six, not fourteen pieces: they are no run of thirteen."""
    phrase = "प्रधानमंत्री ने आज दिल्ली में कहा"
    assert words(phrase) == phrase.split()
    assert words("தமிழ் மொழி") == ["தமிழ்", "மொழி"]
    assert words("كِتَابٌ") == ["كِتَابٌ"]
    assert words("ภาษาไทย น้ำ")[0] == "ภาษาไทย"
    one, other = (" ".join([*some, phrase, *some]) for some in (["नदी", "पहाड़", "किताब"], ["शहर", "गाँव", "खेत"]))
    found = overlap(text_pool(workspace, tmp_path, "a", [one]), text_pool(workspace, tmp_path, "b", [other]))
    assert (found.same.n, found.near.n, found.runs.n) == (0, 0, 0)
    assert [one[start:end] for start, end in shared(one, other, 6)] == [phrase]


def test_copies_of_one_text_are_counted_and_not_measured(workspace, tmp_path, monkeypatch):
    measured, both = [], text_overlap_module._Shared._both
    monkeypatch.setattr(
        text_overlap_module._Shared,
        "_both",
        lambda self, rows, partners: measured.append(len(rows)) or both(self, rows, partners),
    )
    text = " ".join(f"word{at}" for at in range(40))
    one = text_pool(workspace, tmp_path, "a", [text] * 30)
    other = text_pool(workspace, tmp_path, "b", [*[text] * 30, f"{text} more"])
    found = overlap(one, other)
    assert (found.same.n, found.near.n, found.runs.n) == (900, 30, 0)
    assert sum(measured) == 30  # those of nearly the same


def test_two_samples_share_as_many_numbers_as_runs_of_words(rng):
    samples = [[(" ".join(rng.choice(["a", "b", "c"], rng.integers(0, 12))), at % 2 == 0)] for at in range(80)]
    for length in (2, 3, 5):
        found = Reader().read(samples).runs(length)
        numbers = [set(found.runs[found.of == at].tolist()) for at in range(len(samples))]
        tuples = [runs(text, length) if whole else runs(("", text), length) for [(text, whole)] in samples]
        assert found.sizes.tolist() == list(map(len, tuples))
        for one, said in zip(numbers, tuples, strict=True):
            assert [len(one & other) for other in numbers] == [len(said & other) for other in tuples]


def test_stretches_that_are_shared_are_found_in_the_text():
    text = "We begin. The cat sat, on the mat today; and then it left the house."
    [(start, end)] = shared(text, "the CAT sat on the mat today, they say", 5)
    assert text[start:end] == "The cat sat, on the mat today"
    assert shared(text, "nothing of it", 3) == []
    assert shared("Yes!", "yes", 13) == [(0, 3)]


@pytest.mark.parametrize("when", ["reading texts of other", "reading texts of one", "comparing texts"])
def test_it_can_be_stopped_at_every_step(workspace, tmp_path, when):
    one, other = (
        text_pool(workspace, tmp_path, "one", ["a b c d"]),
        text_pool(workspace, tmp_path, "other", ["a b c d"]),
    )
    said = []
    progress = Progress(lambda step: said.append(step.label), lambda: said[-1:] == [when], every=0)
    with pytest.raises(Stopped):
        overlap(one, other, progress=progress)
    assert said[-1] == when


def test_nothing_is_too_little(workspace, tmp_path):
    one, other = (
        text_pool(workspace, tmp_path, "one", ["a b c d"]),
        text_pool(workspace, tmp_path, "other", ["a b c d"]),
    )
    none = np.empty(0, np.int64)
    assert text_overlap(one, none, other, np.arange(1), Limits(), Progress()).same.n == 0
    assert text_overlap(one, np.arange(1), other, none, Limits(), Progress()).same.n == 0


@pytest.mark.skipif(real_data() is None, reason="the folder of real data is not there")
def test_gsm8k_train_and_test_share_a_few_phrases_and_no_question(workspace, tmp_path):
    """Against a dictionary of tuples of words."""
    files = [real_data() / "instructions" / f"gsm8k_{part}.jsonl" for part in ("train", "test")]
    train, test = (add_pool(workspace, file.stem, str(file), "text") for file in files)
    found = overlap(train, test)
    assert (found.same.n, found.near.n) == (0, 0)
    places: list[dict[tuple, set[int]]] = [{}, {}]
    for side in (1, 0):
        for at, line in enumerate(files[side].read_text(encoding="utf-8").strip().split("\n")):
            row = json.loads(line)
            for text in (row["prompt"], row["response"]):
                said = words(text)
                for start in range(len(said) - 12):
                    run = tuple(said[start : start + 13])
                    if side == 1 or run in places[1]:
                        places[side].setdefault(run, set()).add(at)
    both = [run for run in places[0] if all(len(side[run]) <= 10 for side in places)]
    pairs = {(a, b) for run in both for a in places[0][run] for b in places[1][run]}
    assert listed(found.runs).keys() == pairs
    assert 0 < len(pairs) < 20
