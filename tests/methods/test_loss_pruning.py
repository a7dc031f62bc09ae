"""Pruning by the loss, against a walk sample by sample; and the choices of facts that it must beat."""

import math
import statistics
from collections import Counter

import numpy as np
import pytest

from datasel_core.errors import BadInput, BadParameter
from datasel_core.methods.algorithms.fitting import bits_met, exposure, fitting
from datasel_core.methods.fact_baselines import MostFrequentFacts, OnceEach, RandomFacts
from datasel_core.methods.loss_pruning import LossPruning
from datasel_core.methods.selection import Inputs

N, FACTS = 400, 90


def pool(seed=3):
    """Facts of very different frequency, losses with equal ones among them, bits by relation."""
    rng = np.random.default_rng(seed)
    fact = np.minimum(rng.geometric(0.05, N), FACTS) * 13 % 101  # names that are no positions
    bits = np.array([1.5, 4.0, 6.64])[fact % 3]
    return {"answer_loss": np.round(rng.random(N) * 5, 1), "fact": fact, "answer_bits": bits}


def chosen(method, budget=N, already=(), seed=0, **roles):
    given = {**pool(), **roles}
    inputs = Inputs({role: given[role] for role in method.roles()}, np.random.default_rng(seed), already=already)
    return method.select(inputs, budget)


def walk(room, bits, budget=N, already=(), fact=None):
    """Ascending loss, of equal ones in pool order, until the next fact would take too much."""
    given = pool()
    fact = given["fact"] if fact is None else fact
    held, spent, rows = set(), 0.0, []
    for row in already:
        spent += 0 if fact[row] in held else bits[row]
        held.add(fact[row])
    for _, row in sorted((loss, row) for row, loss in enumerate(given["answer_loss"]) if row not in already):
        more = 0 if fact[row] in held else bits[row]
        if spent + more > room + 1e-9 or len(rows) == budget:
            break
        spent += more
        held.add(fact[row])
        rows.append(row)
    return rows, spent


@pytest.mark.parametrize("already", [(), (5, 9, 200, 399)], ids=["", "already"])
@pytest.mark.parametrize("room", [70.0, 110.0, 200.0, 10_000.0])
def test_the_head_is_what_a_walk_keeps(room, already):
    given = pool()
    budget = N - len(already)
    for beta in (0.5, 1.0):
        rows, spent = walk(beta * room, given["answer_bits"], budget, already)
        found = chosen(LossPruning(capacity_bits=room, beta=beta), budget, already)
        assert found.rows.tolist() == rows
        assert found.facts["bits"] == pytest.approx(spent)
        assert found.facts["facts"] == len(set(given["fact"][rows]))
        assert found.facts["highest_loss"] == given["answer_loss"][rows].max()
        rows, _ = walk(beta * room, np.full(N, 5.0), budget, already)
        found = chosen(LossPruning(capacity_bits=room, beta=beta, bits_per_fact=5.0), budget, already)
        assert found.rows.tolist() == rows
        rows, _ = walk(beta * room, np.full(N, 5.0 / 4), budget, already, np.arange(N))
        found = chosen(LossPruning(capacity_bits=room, beta=beta, bits_per_fact=5.0, exposures=4.0), budget, already)
        assert found.rows.tolist() == rows
    short = chosen(LossPruning(capacity_bits=room), 7, already)
    assert short.rows.tolist() == walk(room, given["answer_bits"], 7, already)[0]


def test_what_exactly_fits_is_kept():
    """Whatever the rounding: 30 facts of log2 10 bits in 30 log2 10."""
    fact, loss = np.arange(200), np.arange(200.0)
    for many in range(1, 60):
        method = LossPruning(capacity_bits=many * math.log2(10), bits_per_fact=math.log2(10))
        assert len(chosen(method, 200, fact=fact, answer_loss=loss)) == many


def test_without_a_capacity_it_is_a_quantile_of_the_loss():
    loss = pool()["answer_loss"]
    found = chosen(LossPruning(), 120)
    assert LossPruning().roles() == ("answer_loss",)
    assert found.rows.tolist() == np.lexsort((np.arange(N), loss))[:120].tolist()
    assert found.scores.tolist() == (-loss).tolist()
    assert (found.why["reading"] == "among the lowest").all()


@pytest.mark.parametrize("already", [(), (0, 3, 77, 100, 101)], ids=["", "already"])
@pytest.mark.parametrize("budget", [50, 200, 395])
@pytest.mark.parametrize("limit", [None, 1, 3])
def test_flattened_a_fact_keeps_the_middle_number_of_samples(limit, budget, already):
    given = pool()
    for room in (None, 120.0):
        head, _ = walk(room or math.inf, given["answer_bits"], N, already)
        many = Counter(given["fact"][row] for row in head[:budget])
        most = limit or max(1, math.floor(statistics.median(many.values())))
        taken, rows = Counter(given["fact"][row] for row in already), []
        for row in head:
            taken[given["fact"][row]] += 1
            if taken[given["fact"][row]] <= most:
                rows.append(row)
        found = chosen(LossPruning(mode="head_flatten", limit=limit, capacity_bits=room), budget, already)
        assert found.rows.tolist() == rows[:budget]
        assert found.facts["limit"] == most
        assert set(found.why["reading"]) == {f"among the lowest {most} of its fact"}


def test_the_learned_are_passed_over_but_for_a_share():
    """95 of 100, anew for each seed; what is not learned is never touched."""
    n = 20_000
    loss = np.linspace(0, 2, n)
    fact = np.arange(n)
    method = LossPruning(mode="head_flatten", flatten="dynamic")
    assert method.roles() == ("answer_loss",)
    answers = [chosen(method, n, seed=seed, answer_loss=loss, fact=fact) for seed in (0, 1, 0)]
    learned = loss < math.log(2)  # a probability of a half
    for found in answers:
        kept = np.isin(np.arange(n), found.rows)
        assert kept[~learned].all()
        assert abs(kept[learned].mean() - 0.05) < 4 * math.sqrt(0.05 * 0.95 / learned.sum())
        assert found.facts["passed_over"] == n - len(found)
        assert found.rows.tolist() == np.flatnonzero(kept).tolist()  # in ascending loss
        assert Counter(found.why["reading"])["learned, and still kept"] == kept[learned].sum()
    assert answers[0].rows.tolist() == answers[2].rows.tolist() != answers[1].rows.tolist()
    none = LossPruning(mode="head_flatten", flatten="dynamic", q=0.0, learned_below=1.0)
    assert loss[chosen(none, n, answer_loss=loss, fact=fact).rows].min() >= 1
    everything = LossPruning(mode="head_flatten", flatten="dynamic", q=1.0)
    assert len(chosen(everything, n, answer_loss=loss, fact=fact)) == n


def test_the_learned_share_of_a_head_that_fits():
    given = pool()
    method = LossPruning(mode="head_flatten", flatten="dynamic", capacity_bits=150.0, learned_below=0.5, q=0.0)
    rows, _ = walk(150.0, given["answer_bits"])
    assert chosen(method).rows.tolist() == [row for row in rows if given["answer_loss"][row] >= 0.5]


def test_the_other_reading_drops_what_was_learned():
    loss = pool()["answer_loss"]
    order = np.lexsort((np.arange(N), -loss))
    assert chosen(LossPruning(mode="already_learned"), 150).rows.tolist() == order[:150].tolist()
    found = chosen(LossPruning(mode="already_learned", learned_below=2.0), N)
    assert found.rows.tolist() == [row for row in order if loss[row] >= 2.0]
    assert found.facts["learned"] == (loss < 2).sum()
    assert found.scores.tolist() == loss.tolist()
    unlike = np.random.default_rng(1).random(N)
    halves = [chosen(LossPruning(mode=mode), N // 2, answer_loss=unlike).rows for mode in ("head", "already_learned")]
    assert sorted(np.concatenate(halves)) == list(range(N))


def test_roles_are_asked_for_only_where_they_are_read():
    assert LossPruning(capacity_bits=5.0).roles() == ("answer_loss", "fact", "answer_bits")
    assert LossPruning(capacity_bits=5.0, bits_per_fact=1.0).roles() == ("answer_loss", "fact")
    assert LossPruning(capacity_bits=5.0, bits_per_fact=1.0, exposures=2.0).roles() == ("answer_loss",)
    assert LossPruning(mode="head_flatten").roles() == ("answer_loss", "fact")
    with pytest.raises(BadInput, match="loss_pruning needs the pool role answer_bits; given: answer_loss, fact"):
        LossPruning(capacity_bits=5.0).select(
            Inputs({"answer_loss": np.ones(3), "fact": np.arange(3)}, np.random.default_rng()), 2
        )


def test_bad_requests_are_one_clear_line():
    for params, line in (
        ({"capacity_bits": 1.0, "bits_per_fact": 5.0}, "The capacity is 1 bits, less than the first fact takes"),
        ({"mode": "already_learned", "capacity_bits": 9.0}, "capacity_bits limits what was learned first"),
        ({"mode": "already_learned", "learned_below": 50.0}, "learned_below is 50.0; every loss is below it"),
        ({"mode": "head_flatten", "flatten": "dynamic", "learned_below": 9.0, "q": 0.0}, "All that fits was learned"),
    ):
        with pytest.raises(BadParameter, match=line):
            chosen(LossPruning(**params), 50)
    with pytest.raises(BadParameter, match="answer_bits has values below 0; an entropy never is"):
        chosen(LossPruning(capacity_bits=50.0), 50, answer_bits=np.full(N, -1.0))
    fact = np.repeat([1, 2], N // 2)
    with pytest.raises(BadParameter, match="Every fact was chosen 1 times or more earlier; give a larger limit"):
        chosen(LossPruning(mode="head_flatten", limit=1), 5, already=(0, N - 1), fact=fact)
    with pytest.raises(BadParameter, match=r"capacity_bits is 0\.0; it must be greater than 0"):
        LossPruning(capacity_bits=0.0)


def test_names_of_facts_do_not_matter():
    """Any values that are equal where facts are: numbers far apart, text."""
    plain = pool()["fact"]
    for same in (plain * 10**12 - 7, np.array([f"fact {one}" for one in plain]), plain.astype(np.float32)):
        pruned = (LossPruning(capacity_bits=90.0), LossPruning(mode="head_flatten"))
        for method in (*pruned, OnceEach(), RandomFacts(), MostFrequentFacts()):
            assert chosen(method, 60, fact=same).rows.tolist() == chosen(method, 60).rows.tolist()


def test_exposures_and_bits_are_counted_one_by_one(rng):
    fact, bits = rng.integers(0, 20, 120), rng.random(120)
    already = rng.choice(120, 15, replace=False)
    order = rng.permutation(np.setdiff1d(np.arange(120), already))
    count, met, spent = Counter(fact[already].tolist()), set(), 0.0
    for row in already:
        spent += 0 if fact[row] in met else bits[row]
        met.add(fact[row])
    turns, sums = [], []
    for row in order:
        count[fact[row]] += 1
        turns.append(count[fact[row]])
        spent += 0 if fact[row] in met else bits[row]
        met.add(fact[row])
        sums.append(spent)
    assert exposure(order, fact, already).tolist() == turns
    np.testing.assert_allclose(bits_met(order, fact, bits, already), sums)
    assert fitting(order, fact, bits, sums[40], already) == max(at for at in range(105) if sums[at] <= sums[40]) + 1


@pytest.mark.parametrize("already", [(), (1, 2, 3, 250)], ids=["", "already"])
def test_the_most_frequent_facts_by_truth(already):
    fact = pool()["fact"]
    many = Counter(fact.tolist())
    first = {one: fact.tolist().index(one) for one in many}
    ranked = sorted(many, key=lambda one: (-many[one], first[one]))
    rows = [row for one in ranked for row in np.flatnonzero(fact == one) if row not in already]
    found = chosen(MostFrequentFacts(), 210, already)
    assert found.rows.tolist() == rows[:210]
    assert found.why["size"].tolist() == [many[fact[row]] for row in rows[:210]]
    five = chosen(MostFrequentFacts(n_facts=5), N - len(already), already)
    assert set(fact[five.rows]) == set(ranked[:5])
    assert len(five) == sum(many[one] for one in ranked[:5]) - np.isin(fact[list(already)], ranked[:5]).sum()


def test_random_facts_are_whole_and_every_fact_is_as_likely():
    fact = pool()["fact"]
    names, many = np.unique(fact, return_counts=True)
    drawn = Counter()
    for seed in range(600):
        found = chosen(RandomFacts(n_facts=6), N, seed=seed)
        kept = np.unique(fact[found.rows])
        assert len(kept) == 6
        assert np.isin(fact, kept).sum() == len(found)
        drawn.update(kept.tolist())
    expected = 600 * 6 / len(names)
    statistic = sum((drawn[one] - expected) ** 2 / expected for one in names.tolist())
    assert statistic < len(names) + 4 * math.sqrt(2 * len(names))  # a frequent fact is no likelier than a rare one
    assert len(chosen(RandomFacts(), 37)) == 37


def test_each_fact_once_then_twice():
    fact = pool()["fact"]
    count = Counter()
    turn = np.array([count.update([one]) or count[one] for one in fact.tolist()])
    order = np.lexsort((np.arange(N), turn))
    found = chosen(OnceEach(), 200)
    assert found.rows.tolist() == order[:200].tolist()
    assert set(found.why["turn"][turn[found.rows] == 2]) == {"the second"}
    distinct = len(set(fact.tolist()))
    once = chosen(OnceEach(fill=False), N)
    assert once.rows.tolist() == order[:distinct].tolist()
    assert set(fact[once.rows]) == set(fact)
    rest = chosen(OnceEach(fill=False), N - 2, already=(0, 1))
    assert set(fact[rest.rows]) == set(fact) - set(fact[:2])
