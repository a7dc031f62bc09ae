"""Quotas against every choice there is, on pools so small that all can be looked at, and laws on larger ones."""

import itertools

import numpy as np
import pytest

from datasel_core.runs.mixtures.ledgers import Count, Purse
from datasel_core.runs.mixtures.mixing import Mixing, Ranked, mixed
from datasel_core.runs.mixtures.room import Quotas, Room, fill, largest
from datasel_core.runs.mixtures.shares import deal, deal_within


def small(seed):
    """Up to seven things in up to three groups and three bins, with random quotas."""
    rng = np.random.default_rng(seed)
    n, n_groups, n_bins = (int(rng.integers(low, high)) for low, high in ((2, 8), (1, 4), (1, 4)))
    group, bin = rng.integers(n_groups, size=n), rng.integers(n_bins, size=n)
    least = rng.integers(0, 3, n_groups)
    most = np.maximum(least, rng.integers(1, 5, n_groups))
    return group, bin, Quotas(least, most, rng.integers(0, 4, n_bins)), rng


def meets(chosen, group, bin, quotas):
    """Whether a set of things meets all quotas."""
    groups = np.bincount(group[list(chosen)], minlength=len(quotas.least))
    bins = np.bincount(bin[list(chosen)], minlength=len(quotas.cap))
    return (groups >= quotas.least).all() and (groups <= quotas.most).all() and (bins <= quotas.cap).all()


def choices(n, budget, group, bin, quotas):
    return [one for one in itertools.combinations(range(n), budget) if meets(one, group, bin, quotas)]


def test_a_budget_is_possible_where_some_choice_is():
    possible = 0
    for seed in range(400):
        group, bin, quotas, _ = small(seed)
        room, _ = Room.of(group, bin)
        n, sizes = len(group), []
        for budget in range(n + 1):
            there = bool(choices(n, budget, group, bin, quotas))
            assert (fill(room, quotas, budget) is not None) is there, (seed, budget)
            sizes += [budget] if there else []
        possible += bool(sizes)
        if sizes:
            assert largest(room, quotas) == sizes[-1], seed
            assert sizes == list(range(sizes[0], sizes[-1] + 1)), "there is a gap between possible budgets"
            assert sizes[0] == quotas.least.sum(), seed
    assert 100 < possible < 390


def test_a_thing_may_be_taken_where_some_choice_has_it():
    """At every step of every walk: `may` says yes if and only if a choice that meets all quotas holds what was taken
    and this thing.
    """
    seen = {True: 0, False: 0}
    for seed in range(300):
        group, bin, quotas, rng = small(seed)
        room, cell = Room.of(group, bin)
        n = len(group)
        for budget in range(1, n + 1):
            right = [set(one) for one in choices(n, budget, group, bin, quotas)]
            if not right:
                continue
            ledger, taken = Count(room, quotas, budget), set()
            for thing in rng.permutation(n).tolist():
                could = any(taken | {thing} <= one for one in right)
                assert ledger.may(cell[thing], 1) is could, (seed, budget, taken, thing)
                seen[could] += 1
                if could:
                    ledger.take(cell[thing], 1)
                    taken.add(thing)
            assert taken in right, (seed, budget)
    assert min(seen.values()) > 500


def test_a_unit_may_be_bought_where_the_rest_can_still_be():
    seen = {True: 0, False: 0}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n, n_groups = int(rng.integers(2, 8)), int(rng.integers(1, 4))
        group, size = rng.integers(n_groups, size=n), rng.integers(1, 6, n)
        least = np.minimum(rng.integers(0, 3, n_groups), np.bincount(group, minlength=n_groups))
        cap = np.maximum(least, rng.integers(1, 5, n_groups))
        quotas = Quotas(least, cap, np.array([n]))
        sizes = [size[group == one].tolist() for one in range(n_groups)]
        right = [
            set(one)
            for many in range(n + 1)
            for one in choices(n, many, group, np.zeros(n, int), quotas)
            if size[list(one)].sum() <= 9
        ]
        if not right:
            with pytest.raises(ValueError, match="no choice of this budget meets the quotas"):
                Purse(sizes, least.tolist(), cap.tolist(), 9)
            continue
        purse, taken = Purse(sizes, least.tolist(), cap.tolist(), 9), set()
        for thing in rng.permutation(n).tolist():
            could = any(taken | {thing} <= one for one in right)
            assert purse.may(int(group[thing]), int(size[thing])) is could, (seed, taken, thing)
            seen[could] += 1
            if could:
                purse.take(int(group[thing]), int(size[thing]))
                taken.add(thing)
        assert taken in right
    assert min(seen.values()) > 200


def slow(group, bin, quotas, budget, parts, orders):
    """The law of a mixture by looking at every choice there is."""
    n = len(group)
    right = [set(one) for one in choices(n, budget, group, bin, quotas)]
    portions, owed = deal(budget, parts), deal(int(quotas.least.sum()), parts)
    taken, free = {}, 0
    for share, order in enumerate(orders):
        for thing in order:
            have = np.bincount(group[list(taken)], minlength=len(quotas.least)) if taken else 0 * quotas.least
            lacks = have[group[thing]] < quotas.least[group[thing]]
            spare = sum(portions[: share + 1]) - sum(owed[: share + 1]) - free
            if len(taken) == sum(portions[: share + 1]):
                break
            if thing not in taken and (lacks or spare) and any({*taken, thing} <= one for one in right):
                taken[thing] = share
                free += not lacks
    return list(taken.items())


def test_a_mixture_is_what_the_law_says():
    found = 0
    for seed in range(300):
        group, bin, quotas, rng = small(seed)
        room, cell = Room.of(group, bin)
        n, parts = len(group), rng.integers(1, 10, int(rng.integers(1, 4))).tolist()
        orders = [rng.permutation(n) for _ in parts]
        for budget in range(1, n + 1):
            if not choices(n, budget, group, bin, quotas):
                continue
            ranked = [Ranked(one, cell[one], np.ones(n, int)) for one in orders]
            answer = mixed(Count(room, quotas, budget), parts, list(enumerate(ranked)))
            assert answer == slow(group, bin, quotas, budget, parts, orders), (seed, budget)
            assert meets([thing for thing, _ in answer], group, bin, quotas)
            assert [sum(of == share for _, of in answer) for share in range(len(parts))] == deal(budget, parts)
            found += 1
    assert found > 200


@pytest.mark.parametrize("seed", range(6))
def test_laws_hold_on_larger_pools(seed):
    """Every quota, every share to the number, no thing twice; in pieces as at once; and each share's own best where no
    quota binds.
    """
    rng = np.random.default_rng(seed)
    n, n_groups, n_bins = 2000, 7, 60
    group, bin = rng.integers(n_groups, size=n), rng.integers(n_bins, size=n)
    room, cell = Room.of(group, bin)
    quotas = Quotas(np.full(n_groups, 9), np.full(n_groups, n), np.full(n_bins, 4))
    budget = int(rng.integers(63, largest(room, quotas) + 1))
    parts, orders = [60, 25, 15], [rng.permutation(n) for _ in range(3)]
    ranked = [Ranked(one, cell[one], np.ones(n, int)) for one in orders]
    answer = mixed(Count(room, quotas, budget), parts, list(enumerate(ranked)))
    things = [thing for thing, _ in answer]
    assert len(set(things)) == budget
    assert meets(things, group, bin, quotas)
    assert [sum(of == share for _, of in answer) for share in range(3)] == deal(budget, parts)
    mixing = Mixing(Count(room, quotas, budget), parts)
    for share, one in enumerate(ranked):
        for at in range(0, n, 37):
            piece = slice(at, at + 37)
            mixing.walk(share, Ranked(one.thing[piece], one.cell[piece], one.size[piece]))
    assert list(mixing.taken.items()) == answer
    loose = Quotas(np.zeros(n_groups, int), np.full(n_groups, n), np.full(n_bins, n))
    plain = mixed(Count(room, loose, 100), parts, list(enumerate(ranked)))
    assert [thing for thing, of in plain if of == 0] == orders[0][:60].tolist()


def test_what_is_open_is_what_would_be_taken(rng):
    group, bin = rng.integers(4, size=200), rng.integers(9, size=200)
    room, cell = Room.of(group, bin)
    mixing = Mixing(Count(room, Quotas(np.full(4, 5), np.full(4, 200), np.full(9, 4)), 30), [50, 50])
    every = Ranked(np.arange(200), cell, np.ones(200, int))
    for share, thing in enumerate([0, 0, 0, 1, 1]):
        there = mixing.open(thing, every)
        mine = [bool(mixing.fits(thing, cell[at], 1)) and at not in mixing.taken for at in range(200)]
        assert there.tolist() == mine, share
        mixing.walk(thing, Ranked(*(values[there][:6] for values in (every.thing, every.cell, every.size))))


def test_largest_remainder():
    assert deal(50, [70, 30]) == [35, 15]
    assert deal(10, [1, 1, 1]) == [4, 3, 3]  # equal remainders: the earlier
    assert deal(7, [3, 2, 1]) == [4, 2, 1]  # 3.5, 2.33, 1.17
    assert deal(0, [2, 1]) == [0, 0]
    assert deal_within(10, [8, 1, 1], [0, 2, 0], [5, 9, 9]) == [5, 3, 2]  # 5 is all that the first has: 2.5 and 2.5
    assert deal_within(6, [1, 0, 0], [0, 1, 0], [2, 9, 9]) == [2, 2, 2]  # the rest, alike, to those without a weight


def test_what_is_dealt_keeps_its_bounds(rng):
    for _ in range(300):
        k = int(rng.integers(1, 7))
        weights, least = rng.random(k).round(2) * (rng.random(k) > 0.2), rng.integers(0, 5, k)
        most = least + rng.integers(0, 9, k)
        total = int(rng.integers(least.sum(), most.sum() + 1))
        if not weights.any():
            continue
        dealt = np.array(deal_within(total, weights.tolist(), least.tolist(), most.tolist()))
        assert dealt.sum() == total
        assert (dealt >= least).all()
        assert (dealt <= most).all()
        inside = (dealt > least) & (dealt < most) & (weights > 0)
        rates = dealt[inside] / weights[inside]  # those that no bound holds have one rate, but for less than one each
        for at, other in itertools.permutations(np.flatnonzero(inside), 2):
            assert (dealt[at] - 1) / weights[at] < (dealt[other] + 1) / weights[other], rates
