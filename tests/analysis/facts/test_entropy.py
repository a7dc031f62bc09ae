"""Entropies of relations, against plain loops over counts, and against the laws that the corrections are for."""

import math
import tracemalloc
from collections import Counter

import numpy as np
import pytest

from datasel_core.analysis.facts.entropy import chao_shen, coverage, from_below, miller_madow, plug_in, profile
from datasel_core.analysis.facts.table import answer_bits, codes, facts_of


def by_hand(answers):
    """plug-in, Miller-Madow, coverage and Chao-Shen of one relation, in plain Python."""
    counts, n = Counter(answers), len(answers)
    plain = -sum(c / n * math.log2(c / n) for c in counts.values())
    once = sum(c == 1 for c in counts.values())
    covered = (n - once) / n
    used = covered if once < n else 1 / n
    shrunk = [used * c / n for c in counts.values()]
    corrected = -sum(p * math.log2(p) / (1 - (1 - p) ** n) for p in shrunk)
    return plain, plain + (len(counts) - 1) / (2 * n) / math.log(2), covered, corrected


def test_every_estimate_is_that_of_plain_loops(rng):
    relation = rng.integers(0, 6, 400)
    relation[:3] = 6  # three facts
    relation[3] = 7  # one fact
    answer = np.minimum(rng.geometric(0.2, 400), 30) + 40 * (relation == 2)
    answer[relation == 4] = 5  # one answer
    answer[relation == 5] = np.arange((relation == 5).sum()) + 100  # all differ
    given = profile(relation, answer)
    found = np.stack([plug_in(given), miller_madow(given), coverage(given), chao_shen(given)], axis=1)
    for at in range(8):
        mine = answer[relation == at].tolist()
        np.testing.assert_allclose(found[at], by_hand(mine), atol=1e-12)
        assert given.facts()[at] == len(mine)
        assert given.answers()[at] == len(set(mine))
        assert given.commonest()[at] == Counter(mine).most_common(1)[0][1] / len(mine)
    assert found[4].tolist() == [0, 0, 1, 0]
    assert found[7, :2].tolist() == [0, 0]
    assert found[5, 2] == 0


def test_uniform_answers_have_the_logarithm_of_their_number():
    given = profile(np.zeros(32 * 50, int), np.tile(np.arange(32), 50))
    assert plug_in(given) == pytest.approx([5])
    assert chao_shen(given) == pytest.approx([5], abs=1e-9)


@pytest.mark.parametrize("shares", ["uniform", "zipf"])
def test_corrections_bring_a_small_sample_nearer_to_the_truth(shares):
    """1,000 answers seen in 500 facts: the plain entropy is far too low, Chao-Shen nearest."""
    p = 1 / np.arange(1, 1001) if shares == "zipf" else np.ones(1000)
    p /= p.sum()
    true, rng = -(p * np.log2(p)).sum(), np.random.default_rng(1)
    drawn = rng.choice(1000, (200, 500), p=p)
    given = profile(np.repeat(np.arange(200), 500), drawn.ravel())
    errors = [estimate(given).mean() - true for estimate in (plug_in, miller_madow, chao_shen)]
    assert errors[0] < errors[1] < 0
    assert abs(errors[2]) < 0.5 * abs(errors[1])
    assert abs(errors[1]) < 0.75 * abs(errors[0])
    seen = [p[np.unique(one)].sum() for one in drawn]  # Good-Turing: the probability of what was seen
    assert coverage(given).mean() == pytest.approx(np.mean(seen), abs=0.01)


def test_a_million_facts_need_little_memory(rng):
    relation, answer = rng.integers(0, 50, 1_000_000), rng.integers(0, 300_000, 1_000_000)
    tracemalloc.start()
    given = profile(relation, answer)
    assert chao_shen(given).shape == (50,)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    assert given.facts().sum() == 1_000_000
    assert len(given.relation) < 2_000  # what bounds are computed from


def below(relation, answers):
    return from_below(np.array(relation, int), *codes(answers, "answer")).tolist()


def by_digits(relation, answers):
    """The same by plain loops: of numbers of one length, most of which differ, digit by digit."""
    found = []
    for one in range(max(relation) + 1):
        mine = [answer for of, answer in zip(relation, answers, strict=True) if of == one]
        counts, total = Counter(mine), by_hand(mine)[0]
        if (
            sum(many == 1 for many in counts.values()) > len(mine) / 2
            and len({len(answer) for answer in mine}) == 1
            and all(letter in "0123456789" for answer in mine for letter in answer)
        ):
            total = max(total, sum(by_hand(place)[0] for place in zip(*mine, strict=True)))
        found.append(total)
    return found


def test_answers_that_are_numbers_are_counted_digit_by_digit(rng):
    assert below([0, 0, 0, 0, 1, 1, 2], ["a", "a", "b", "c", "x", "x", "z"]) == [1.5, 0.0, 0.0]
    numbers = [f"{one:04d}" for one in range(10_000)]
    assert below([0] * 10_000, numbers) == pytest.approx([4 * math.log2(10)])
    drawn = ["".join(map(str, one)) for one in rng.integers(0, 10, (3000, 10))]
    (found,) = below([0] * 3000, drawn)
    assert 33.15 < found <= 10 * math.log2(10), "far above the 11.6 bits that tell 3,000 apart"
    assert below([0] * 3, ["12", "345", "6"]) == pytest.approx([math.log2(3)]), "of unlike length"
    assert below([0] * 4, ["11", "22", "11", "22"]) == pytest.approx([1.0]), "counted, where each stands twice"
    assert below([0] * 3, ["1²", "23", "45"]) == pytest.approx([math.log2(3)]), "no digit that a person types"
    words = ["".join(rng.choice(list("01a" if at % 5 == 2 else "0123"), 6 + at % 5 // 4)) for at in range(300)]
    relation = [at % 5 for at in range(300)]
    words[9] = "00000"  # another length in relation 4
    wanted = by_digits(relation, words)
    assert below(relation, words) == pytest.approx(wanted, rel=2e-7)  # single precision
    assert wanted[0] > math.log2(60) > wanted[4], "the one is seen digit by digit, the other has a number too long"
    assert below([0] * 30, [f"{one:03d}" for one in rng.choice(1000, 30, replace=False)])[0] > math.log2(30)


def test_bits_that_are_kept_of_each_sample_see_digits(rng):
    numbers = ["".join(map(str, one)) for one in rng.integers(0, 10, (500, 10))]
    facts = facts_of(["phone"] * 500 + ["coin"] * 4, [*numbers, "heads", "tails", "heads", "tails"])
    bits = answer_bits(facts)
    assert bits[:500] == pytest.approx([below([0] * 500, numbers)[0]] * 500)
    assert bits[0] > 32
    assert bits[500:].tolist() == [1.0] * 4
    assert answer_bits(facts_of(["year"] * 3, [1901, 1902, 1903])) == pytest.approx([math.log2(3)] * 3), "no texts"
