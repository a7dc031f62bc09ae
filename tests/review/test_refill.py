"""What takes the place of those that were left out, for every method: against a brute force that asks the method itself
on plain arrays.
"""

import numpy as np
import pytest

from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadRequest
from datasel_core.methods.method import Scorer
from datasel_core.methods.selection import Inputs
from datasel_core.review.lineage import origin
from datasel_core.review.refill import NEAREST, NEXT, NONE, refill
from tests.runs import joints

built, shared, scene = joints.built, joints.shared, joints.scene
METHODS, N = joints.METHODS, joints.N
BUDGET, OUT = 8, (1, 4, 6)
"""Places, from 0, that people leave out."""


def filled(scene, run, out):
    source = origin(scene.workspace, run.manifest, run.folder)
    return refill(source, run.selection, out, Progress())


def params_of(method):
    return {"params": {"role": "loss"}} if METHODS[method].needs_one_of and method == "by_score" else {}


def ask(scene, method, budget=BUDGET, **asked):
    return scene.ask(method, budget, **{**params_of(method), **asked})


def next_best(scene, method, run, out, wanted):
    """Rows in the order in which they come: by hand, without roles, candidates, or anything of `refill`."""
    spec = scene.spec(method, BUDGET, **params_of(method))
    rows = run.selection.rows
    if METHODS[method].prefix:
        most = BUDGET + wanted
        whole = scene.expected(spec.model_copy(update={"budget": str(most)})).rows
        assert whole[:BUDGET].tolist() == rows.tolist()
        return whole[BUDGET:].tolist()
    one = METHODS[method](**spec.params)
    needs = one.roles()
    can = np.setdiff1d(np.arange(N), [row for role in needs for row in joints.MISSING.get(role, [])])
    given = np.setdiff1d(can, rows[list(out)])
    kept = np.flatnonzero(np.isin(given, rows))
    arrays = {role: _some(scene.here[role], given) for role in needs}
    target = {role: _some(scene.there[role], scene.target_rows(method)) for role in one.needs_target}
    inputs = Inputs(arrays, np.random.default_rng(spec.seed), target=target, already=kept)
    return given[one.select(inputs, wanted).rows].tolist()


def _some(values, rows):
    return values.take(rows) if isinstance(values, Ragged) else values[rows]


@pytest.mark.parametrize("method", sorted(METHODS))
def test_dropped_places_are_filled_by_the_methods_own_next_best(shared, method):
    run = ask(shared, method)
    places = [at for at in OUT if at < len(run.ids)]
    found = filled(shared, run, dict.fromkeys(places, "drop"))
    wanted = int(run.selection.counts[places].sum())
    expected = next_best(shared, method, run, places, wanted)[: len(places)]
    assert [one.place for one in found] == [at + 1 for at in places]
    assert [one.row for one in found if one.by == NEXT] == expected
    assert all(one.by in (NEXT, NONE) for one in found)
    assert not set(expected) & set(run.selection.rows)


def test_every_kind_of_method_is_among_them():
    kinds = {("scorer" if issubclass(one, Scorer) else "prefix" if one.prefix else "set") for one in METHODS.values()}
    assert kinds == {"scorer", "prefix", "set"}


@pytest.mark.parametrize(("method", "role"), [("k_center", "embedding"), ("facility_location", "embedding")])
def test_a_swap_takes_the_nearest_that_may_be_chosen(shared, method, role):
    run = ask(shared, method)
    rows, values = run.selection.rows, shared.here[role].astype(np.float64)
    can = np.setdiff1d(np.arange(N), [*joints.MISSING[role], *rows])
    taken = []
    for at in OUT:  # in the order of the places; nobody takes one twice
        free = np.setdiff1d(can, taken)
        unit = values / np.linalg.norm(values, axis=1, keepdims=True)
        taken.append(int(free[np.argmax(unit[free] @ unit[rows[at]])]))
    found = filled(shared, run, dict.fromkeys(OUT, "swap"))
    assert [(one.place, one.row, one.by) for one in found] == [
        (at + 1, row, NEAREST) for at, row in zip(OUT, taken, strict=True)
    ]


def test_patterns_are_near_where_each_has_one_that_is(shared):
    run = ask(shared, "freesel")
    patterns, rows = shared.here["patterns"], run.selection.rows
    can = np.setdiff1d(np.arange(N), [*joints.MISSING["patterns"], *rows])

    def unit(row):
        mine = np.asarray(patterns[row], np.float64)
        return mine / np.linalg.norm(mine, axis=1, keepdims=True)

    far = [(1 - unit(int(rows[2])) @ unit(int(row)).T).min(axis=1).mean() for row in can]
    [found] = filled(shared, run, {2: "swap"})
    assert (found.row, found.by) == (can[np.argmin(far)], NEAREST)


def test_a_swap_comes_before_a_drop_and_takes_no_place_twice(shared):
    run = ask(shared, "k_center")
    swapped, dropped = filled(shared, run, {1: "swap"})[0], filled(shared, run, {4: "drop"})[0]
    both = filled(shared, run, {1: "swap", 4: "drop"})
    assert (both[0].row, both[0].by, both[1].by) == (swapped.row, NEAREST, NEXT)
    longer = [row for row in ask(shared, "k_center", 12).selection.rows[8:] if row != swapped.row]
    assert both[1].row == longer[0]
    assert dropped.row in (longer[0], swapped.row)


def test_without_vectors_a_swap_is_the_next_best(shared, monkeypatch):
    monkeypatch.setattr("datasel_core.review.refill.covered", lambda roles: [])
    run = ask(shared, "random")
    assert [one.by for one in filled(shared, run, {0: "swap"})] == [NEXT]


@pytest.mark.parametrize("method", ["k_center", "random", "tsds", "by_score"])
def test_where_too_few_are_left_places_stay_empty(shared, method):
    free = len(shared.plan(method, 1, **params_of(method)).candidates.free)
    run = ask(shared, method, free - 1)
    found = filled(shared, run, dict.fromkeys(range(3), "drop"))
    assert [one.by for one in found] == [NEXT, NONE, NONE]
    assert found[0].row not in run.selection.rows
    assert [one.count for one in found[1:]] == [0, 0]


@pytest.mark.parametrize("method", ["k_center", "tsds", "by_score"])
def test_what_bound_the_question_binds_its_next_best(shared, method):
    """Inside an earlier selection, beside another, where a condition holds."""
    within, already = shared.earlier("within"), shared.earlier("already", seed=5)
    asked = {"within": str(within.folder), "already": str(already.folder), "where": "amount > 5"}
    run = ask(shared, method, 5, **asked)
    found = [one.row for one in filled(shared, run, {0: "drop", 3: "swap"}) if one.by != NONE]
    amount = shared.pool.column("amount")
    inside, before = set(within.ids), set(already.ids)
    for row in found:
        assert amount[row] > 5
        assert shared.pool.ids[row] in inside - before - set(run.ids)


def test_a_method_that_begins_at_a_sample_that_was_dropped_begins_by_itself(shared):
    run = ask(shared, "k_center", params={"first": 7})
    assert run.selection.rows[0] == 7
    [found] = filled(shared, run, {0: "drop"})
    assert found.row == ask(shared, "k_center", 9, params={"first": 7}).selection.rows[8]


def test_counts_of_a_method_that_draws_with_repeats_stay_as_many(shared):
    often = {"sampling": "multinomial", "alpha": 0.9}
    run = ask(shared, "tsds", 40, params=often)
    counts = run.selection.counts
    [place] = np.flatnonzero(counts > 1)[:1]
    found = filled(shared, run, {int(place): "drop"})
    kept = np.delete(np.arange(len(counts)), place)
    assert counts[kept].sum() + found[0].count <= 40
    assert found[0].count >= 1


def test_a_pool_that_is_another_one_by_now_is_said(scene):
    run = ask(scene, "k_center")
    assert filled(scene, run, {0: "drop"})
    scene.read_again("id", [f"x{at}" for at in range(N)])
    with pytest.raises(
        BadRequest, match="The pool all is not what it was when this was chosen, so that no place can be"
    ):
        filled(scene, run, {0: "drop"})


def test_a_selection_of_which_no_method_knows_the_next_best_says_so(shared):
    from datasel_core.runs.derivations.combine import combine

    both = combine(shared.workspace, "union", [ask(shared, "random").folder, ask(shared, "k_center").folder])
    source = origin(shared.workspace, both.manifest, both.folder)
    assert source.asked is None
    assert source.lacks == "no single method chose it, so that there is no next best"
    found = filled(shared, both, {0: "drop", 1: "swap"})
    assert [one.by for one in found] == [NONE, NEAREST]


def test_the_answer_is_the_same_where_a_longer_run_is_known(shared, monkeypatch):
    run = ask(shared, "k_center")
    first = [one.row for one in filled(shared, run, {0: "drop", 1: "drop"})]
    ask(shared, "k_center", 30)
    monkeypatch.setattr("datasel_core.review.refill.choose", lambda *_: pytest.fail("it was known"))
    assert [one.row for one in filled(shared, run, {0: "drop", 1: "drop"})] == first
