"""Places of a mixed recipe that people left: what stands there is what the share's own method says on plain arrays,
every quota still holds, and where that cannot be it is said.
"""

from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.methods.selection import Inputs
from datasel_core.review.finish import finish, told
from datasel_core.review.lineage import origin
from datasel_core.runs import reproduction
from datasel_core.runs.mixtures.answer import mix
from datasel_core.runs.mixtures.asking import ask
from datasel_core.runs.mixtures.recipe import parse_recipe
from tests.review.test_finish import decide, whole
from tests.review.test_refill import filled
from tests.runs import joints

built, shared, scene = joints.built, joints.shared, joints.scene
COVER, CHANCE = {"percent": 75, "method": "k_center"}, {"percent": 25, "method": "random"}


def mixed(scene, budget=12, shares=(COVER, CHANCE), **more):
    also = {name: more.pop(name) for name in ("already", "where", "within") if name in more}
    return mix(ask(scene.workspace, "all", parse_recipe({"shares": list(shares), **more}), str(budget), 0, **also))


def readable():
    return np.setdiff1d(np.arange(joints.N), joints.MISSING["embedding"])


def places_of(run, share):
    return np.flatnonzero(run.selection.why["share"] == share).tolist()


def farthest(scene, kept, given, wanted):
    """The rows that are farthest from all that is kept, one after another: by hand."""
    vectors = scene.here["embedding"].astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    kept, found = list(kept), []
    for _ in range(wanted):
        free = np.setdiff1d(given, kept)
        gaps = 1 - (unit[free] @ unit[kept].T).max(axis=1)
        found.append(int(free[np.argmax(gaps)]))
        kept.append(found[-1])
    return found


def test_each_place_is_filled_by_the_share_that_had_brought_what_stood_there(shared):
    run = mixed(shared)
    rows = run.selection.rows
    covering, chance = places_of(run, 1)[2:4], places_of(run, 2)[:1]
    out = [*covering, *chance]
    found = {one.place - 1: one for one in filled(shared, run, dict.fromkeys(out, "drop"))}
    stays = np.delete(rows, out)
    first = farthest(shared, stays, np.setdiff1d(readable(), rows[out]), len(covering))
    assert [found[at].row for at in covering] == first
    assert [found[at].method for at in out] == ["k-center greedy", "k-center greedy", "Random"]
    assert [found[at].why["by"] for at in out] == ["k_center", "k_center", "random"]
    given = np.setdiff1d(readable(), rows[out])  # random looks at no vectors; the recipe takes what every share can
    kept = np.flatnonzero(np.isin(given, [*stays, *first]))
    inputs = Inputs({"embedding": shared.here["embedding"][given]}, np.random.default_rng(0), already=kept)
    assert found[chance[0]].row == given[joints.METHODS["random"]().select(inputs, 1).rows[0]]


QUOTAS = [
    {"at_least": {"n": 3, "per": "group"}},
    {"at_most": {"n": 5, "per": "group"}},
    {"at_least": {"n": 3, "per": "group"}, "at_most": {"n": 5, "per": "group"}},
]


@pytest.mark.parametrize("quotas", QUOTAS)
@pytest.mark.parametrize("what", ["drop", "swap"])
def test_quotas_hold_whatever_is_left_out(shared, quotas, what):
    run = mixed(shared, **quotas)
    group, rows = shared.pool.column("group"), run.selection.rows
    for seed in range(12):
        out = np.random.default_rng(seed).permutation(len(rows))[: 1 + seed % 5].tolist()
        found = filled(shared, run, dict.fromkeys(out, what))
        now = [*np.delete(rows, out), *(one.row for one in found)]
        counts = Counter(group[now].tolist())
        assert len(set(now)) == len(rows)
        assert not {one.row for one in found} & set(rows.tolist())
        assert set(now) <= set(readable().tolist())
        if "at_least" in quotas:
            assert min(counts[name] for name in "abc") >= 3
        if "at_most" in quotas:
            assert max(counts.values()) <= 5


def test_a_quota_that_can_no_longer_be_met_gives_way_and_a_cap_does_not(shared):
    """Of the smallest group all are kept, and one is dropped: another group fills its place, as far as caps allow."""
    group = shared.pool.column("group")
    there = Counter(group[readable()].tolist())
    small, n = min(there.items(), key=lambda one: one[1])
    least = {"n": n, "per": "group"}
    run = mixed(shared, budget=3 * n + 1, at_least=least)
    at = next(at for at, row in enumerate(run.selection.rows) if group[row] == small)
    [found] = filled(shared, run, {at: "drop"})
    assert found.row >= 0
    assert group[found.row] != small
    run = mixed(shared, budget=3 * n, at_least=least, at_most=least)
    at = next(at for at, row in enumerate(run.selection.rows) if group[row] == small)
    [found] = filled(shared, run, {at: "drop"})
    assert (found.row, found.by) == (-1, "")


def test_what_bound_the_recipe_binds_what_takes_a_place(shared):
    within, already = shared.earlier("within"), shared.earlier("already", seed=5)
    asked = {"within": str(within.folder), "already": str(already.folder), "where": "amount > 5"}
    run = mixed(shared, budget=5, **asked)
    amount = shared.pool.column("amount")
    found = filled(shared, run, {0: "drop", 3: "swap", 4: "drop"})
    assert [one.by for one in found] == ["next best", "nearest", "next best"]
    for one in found:
        assert amount[one.row] > 5
        assert shared.pool.ids[one.row] in set(within.ids) - set(already.ids) - set(run.ids)


def test_a_reviewed_mixture_is_a_selection_like_any_other(scene):
    run = mixed(scene, at_least={"n": 2, "per": "group"})
    out = [places_of(run, 1)[0], places_of(run, 2)[0]]
    decide(scene, run, drop=out, keep=[places_of(run, 1)[1]])
    made = whole(scene, finish(scene.workspace, run.folder))
    assert len(made.ids) == 12
    assert told(made)[1] == "Their places: 1 by the next best of Random, 1 by the next best of k-center greedy."
    assert [made.ids[at] == run.ids[at] for at in range(12)] == [at not in out for at in range(12)]
    decide(scene, made, drop=out[:1])
    again = whole(scene, finish(scene.workspace, made.folder))
    assert len(again.ids) == 12
    assert not {again.ids[out[0]]} & {run.ids[out[0]], made.ids[out[0]], run.ids[out[1]]}
    assert reproduction.reproduce(scene.workspace, again.folder)["identical"]


def test_of_whole_units_a_place_stays_empty_and_that_is_said(scene):
    run = mixed(scene, budget=12, unit="group", counted="samples", shares=[{"percent": 100, "method": "random"}])
    decide(scene, run, drop=[0])
    made = whole(scene, finish(scene.workspace, run.folder))
    assert told(made)[1] == (
        "Their places: 1 stays empty (whole units were bought, and of a part of one there is no next best)."
    )


def test_what_it_was_chosen_among_is_gone(scene, capsys):
    within = scene.earlier("within")
    run = mixed(scene, budget=5, within=str(within.folder))
    decide(scene, run, drop=[0])
    for path in within.folder.iterdir():
        path.unlink()
    assert main(["review", str(run.folder), "--finish"]) == 2
    assert "What it was chosen among is no longer in this workspace" in capsys.readouterr().err
    assert origin(scene.workspace, scene.ask("random").manifest, scene.ask("random").folder).mixed is None
    assert not list(run.folder.parent.glob("*/refills.parquet"))


def test_damage_of_the_place_file_is_seen(scene):
    run = mixed(scene)
    decide(scene, run, drop=[0])
    made = finish(scene.workspace, run.folder)
    table = pq.read_table(made.folder / "refills.parquet").to_pylist()
    assert [(one["place"], one["before"], one["id"], one["lacks"]) for one in table] == [
        (1, run.ids[0], made.ids[0], "")
    ]
