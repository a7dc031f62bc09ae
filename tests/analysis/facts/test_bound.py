"""The bound on accuracy: golden numbers, laws, the rate-distortion function by Blahut's iteration, and brute force over
how bits are shared among relations."""

import json

import numpy as np
import pytest

from datasel_core.analysis.facts.bound import at_slope, bound, curve, fano_bits, uniform_accuracy, uniform_bits
from datasel_core.analysis.facts.entropy import plug_in, profile
from datasel_core.analysis.facts.table import facts_of, relation_rows
from datasel_core.errors import BadParameter
from tests.conftest import conformance

MIXED = [[50, 30, 20], [25] * 4, [97, 1, 1, 1], [60] + [1] * 40, [10], [40, 40, 10, 5, 5], [1] * 30]


def of(*relations):
    """A profile of relations whose answers stand in so many facts."""
    pairs = [
        (at, answer) for at, counts in enumerate(relations) for answer, many in enumerate(counts) for _ in [0] * many
    ]
    return profile(*np.array(pairs).T)


def golden():
    place = conformance()
    if place is None:
        pytest.skip("no golden numbers here")
    return json.loads((place / "golden.json").read_text(encoding="utf-8"))


def test_golden_numbers():
    said = golden()
    for case in said["fano"]:
        found = uniform_accuracy(case["N"], case["V"], case["bits"])
        assert found == pytest.approx(case["accuracy"], abs=2e-9)
        given = of([case["N"] // 4] * case["V"])
        assert bound(given, case["bits"], 4 / case["V"]).accuracy == pytest.approx(case["accuracy"], abs=2e-9)
    case = said["fano_skewed"]
    given = of([round(share * case["N"]) for share in case["answers"]])
    assert plug_in(given) == pytest.approx([case["H"]], abs=1e-12)
    found = bound(given, case["bits"])
    assert found.accuracy == pytest.approx(case["accuracy"], abs=1e-9)
    assert case["N"] * fano_bits(case["H"], 3, 1 - case["accuracy"]) == pytest.approx(case["bits"], abs=1e-6)


@pytest.mark.parametrize("answers", [1, 2, 3, 32, 1000])
def test_no_bits_leave_chance_and_enough_bits_leave_no_error(answers):
    assert uniform_accuracy(300, answers, 0) == 1 / answers
    enough = 300 * np.log2(answers)
    assert uniform_accuracy(300, answers, enough) == 1
    assert answers == 1 or 1 / answers < uniform_accuracy(300, answers, enough * (1 - 1e-6)) < 1
    assert answers == 1 or uniform_accuracy(300, answers, enough * 1e-6) > 1 / answers
    assert bound(of([3] * answers), 0).accuracy == pytest.approx(1 / answers, abs=1e-15)
    assert bound(of([3] * answers), 3 * answers * np.log2(answers) + 1e-9).accuracy == 1


def test_no_bits_leave_the_commonest_answer_of_each_relation():
    given = of(*MIXED)
    found = bound(given, 0)
    assert found.errors.tolist() == (1 - given.commonest()).tolist()
    assert found.bits.tolist() == [0] * len(MIXED)
    assert found.accuracy == pytest.approx(sum(map(max, MIXED)) / sum(map(sum, MIXED)), abs=1e-15)
    everything = sum(map(sum, MIXED)), float(given.facts() @ plug_in(given))
    assert bound(given, everything[1] + 1e-9).accuracy == 1
    assert bound(given, everything[1] * (1 - 1e-9)).accuracy < 1


def test_more_bits_never_hurt_and_fewer_facts_never_do():
    given = of(*MIXED)
    grid = np.linspace(0, float(given.facts() @ plug_in(given)), 60)
    accuracies = [bound(given, bits).accuracy for bits in grid]
    assert (np.diff(accuracies) > 0).all()
    assert (np.diff(accuracies, 2) < 1e-9).all()  # each further bit buys less
    said = curve(given, grid[20], points=25)
    assert said[-1]["facts"] == given.facts().sum()
    assert said[-1]["accuracy"] == accuracies[20]
    assert (np.diff([one["accuracy"] for one in said]) <= 1e-12).all()
    assert (np.diff([one["right"] for one in said]) > 0).all()
    whole = [one for one in said if one["facts"] * grid[-1] / given.facts().sum() <= grid[20]]
    assert whole
    assert all(one["accuracy"] == 1 for one in whole)


def test_one_relation_of_uniform_answers_is_the_closed_formula():
    given = of([5] * 17)
    for bits in (1.0, 40.0, 200.0, 340.0):
        found = bound(given, bits)
        assert found.accuracy == pytest.approx(uniform_accuracy(85, 17, bits), abs=1e-12)
        assert 85 * uniform_bits(found.accuracy, 17) == pytest.approx(bits, rel=1e-9)


def rate(p, slope, rounds=20_000):
    """Error rate and bits at a slope, by the iteration of Blahut 1972."""
    kernel = np.where(np.eye(len(p), dtype=bool), 1.0, 2.0**-slope)
    q = np.full(len(p), 1 / len(p))
    for _ in range(rounds):
        q = q * ((p / (kernel @ q)) @ kernel)
    joint = p[:, None] * kernel * q / (kernel @ q)[:, None]
    there = joint > 1e-300
    ratio = joint[there] / (p[:, None] * joint.sum(axis=0))[there]
    return 1 - np.trace(joint), float((joint[there] * np.log2(ratio)).sum())


@pytest.mark.parametrize("counts", [[50, 30, 20], [60] + [1] * 40, [97, 1, 1, 1], [40, 40, 10, 5, 5]], ids=str)
def test_bits_at_a_slope_are_those_of_blahut(counts):
    given, p = of(counts), np.array(counts) / sum(counts)
    for slope in (0.4, 1.5, 3.0, 6.0):
        errors, bits = at_slope(given, slope)
        assert (errors[0], bits[0]) == pytest.approx(rate(p, slope), abs=2e-5)


def test_it_is_fano_while_errors_are_few_and_above_it_afterwards():
    counts, H = [50, 30, 20], plug_in(of([50, 30, 20]))[0]
    for bits in np.linspace(1, 140, 30):
        found = bound(of(counts), bits)
        fano = 100 * fano_bits(H, 3, found.errors[0])
        assert fano <= bits + 1e-9
        if found.errors[0] <= 2 * 0.2:
            assert fano == pytest.approx(bits, abs=1e-7)
    assert fano_bits(H, 3, 0.5) == 0  # Fano would promise more than the commonest answer
    assert fano_bits(H, 3, 0.49) == 0
    assert bound(of(counts), 0.5).errors[0] > 0.49


def test_no_other_way_to_share_bits_among_relations_is_better():
    """Every split of the bits among three relations, on a grid; each relation alone is tested against Blahut above."""
    relations = ([50, 30, 20], [97, 1, 1, 1], [5] * 20)
    alone = [of(one) for one in relations]
    sizes = np.array([sum(one) for one in relations])
    for total in (40.0, 250.0, 480.0):
        best, steps = 0.0, 40
        tables = [[bound(one, total * at / steps).accuracy for at in range(steps + 1)] for one in alone]
        for first in range(steps + 1):
            for second in range(steps + 1 - first):
                split = (first, second, steps - first - second)
                best = max(best, sum(n * table[at] for n, table, at in zip(sizes, tables, split, strict=True)))
        found = bound(of(*relations), total)
        assert found.accuracy * sizes.sum() >= best - 1e-9
        assert found.accuracy * sizes.sum() == pytest.approx(best, rel=4e-3)  # as near as the grid is fine
        assert sizes @ found.bits == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("bits", [-1, np.nan, np.inf])
def test_bits_that_are_none(bits):
    with pytest.raises(BadParameter, match="bits is .*; it must be a finite number of at least 0"):
        bound(of([2, 1]), bits)
    with pytest.raises(BadParameter, match="bits is"):
        uniform_accuracy(3, 2, bits)
    with pytest.raises(BadParameter, match="0 facts with 2 answers; there must be at least one of each"):
        uniform_accuracy(0, 2, 1)


def test_random_numbers_are_bounded_as_uniform_answers_beside_relations_that_are_counted(rng):
    """Of 300 numbers of 10 digits the pool shows 300 answers; there are 2^H as likely."""
    numbers = ["".join(map(str, one)) for one in rng.integers(0, 10, (300, 10))]
    alone = facts_of(["phone"] * 300, numbers)
    bits = relation_rows(alone)[0]["plug_in"]
    assert 32.5 < bits <= 10 * np.log2(10)
    given = alone.profile()
    for room in (1.0, 500.0, 3000.0, 9000.0, 300 * bits + 1e-3):
        assert bound(given, room).accuracy == pytest.approx(uniform_accuracy(300, 2.0**bits, room), abs=1e-7)
    assert given.commonest() == pytest.approx([2.0**-bits])
    both = facts_of(["phone"] * 300 + ["coin"] * 100, [*numbers, *(["heads", "tails"] * 50)])
    mixed = both.profile()
    plain = facts_of(["coin"] * 100, ["heads", "tails"] * 50).profile()
    for room in (50.0, 100.0, 2000.0):
        best = max(
            300 * uniform_accuracy(300, 2.0**bits, share * room) + 100 * bound(plain, (1 - share) * room).accuracy
            for share in np.linspace(0, 1, 401)
        )
        found = bound(mixed, room).accuracy * 400
        assert best - 1e-4 <= found <= best + 0.3, "as good as the best way to share the bits, of 401"
