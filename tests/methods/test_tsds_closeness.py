"""What TSDS says of itself: how near its choice comes to the target beside random ones and the nearest possible, when
it is nearly random and what would not be, and what of the target nothing resembles.
"""

import json

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.methods import closeness as module
from datasel_core.methods.closeness import Closeness, Outlook, beyond, foresee, to_target, unlike
from datasel_core.methods.selection import Inputs
from datasel_core.methods.tsds import Tsds
from tests.conftest import clustered
from tests.oracles import tsds as oracle

pytestmark = pytest.mark.usefixtures("small_blocks")
NAMES = ("distance_kept", "distance_random", "distance_nearest", "distance_in_turn")


def inputs(pool, target, seed=0, **more) -> Inputs:
    return Inputs(
        {"embedding": np.asarray(pool)}, np.random.default_rng(seed), target={"embedding": np.asarray(target)}, **more
    )


def facts(pool, target, budget, seed=0, already=(), **params) -> dict:
    return dict(Tsds(**params).select(inputs(pool, target, seed, already=already), budget).facts)


def test_the_way_to_the_target():
    """By hand: random is 2 away, the nearest in turn 1; a rounding apart there is no way to go."""
    ways = [Closeness(kept, 2.0, 0.5, 1.0).way for kept in (2.0, 1.25, 1.0, 0.5, 2.5)]
    assert ways == [0, 0.75, 1, 1.5, -0.5]
    assert Closeness(1.0, 1.0 + 1e-15, 1.0, 1.0).way is None


@pytest.mark.parametrize("sampling", ["without_replacement", "multinomial", "top"])
@pytest.mark.parametrize("already", [[], [3, 50, 51, 200]])
def test_means_are_those_of_plain_loops(sampling, already, rng):
    pool, target = clustered(rng, 260, 6, 8), clustered(rng, 7, 6, 5)
    for budget in (1, 5, 30):
        found = Tsds(sampling=sampling).select(inputs(pool, target, already=already), budget)
        expected = oracle.means(pool, target, found.rows.tolist(), already)
        assert [found.facts[name] for name in NAMES] == pytest.approx(expected, rel=1e-9)
        assert found.facts["distance_nearest"] <= min(found.facts["distance_kept"], found.facts["distance_in_turn"])


def test_means_by_hand():
    """Two targets, at 0 and 100; candidates at 1, 2, 4, 8 of the first and 103 and 105 of the second, and far ones."""
    pool = np.array([[1.0], [2], [4], [8], [103], [105], *[[1000.0 + at] for at in range(24)]])
    found = facts(pool, [[0.0], [100.0]], 3, c=100, sigma=0, sampling="top")
    assert found["distance_random"] == pytest.approx((1 + 2 + 4 + 8 + 3 + 5 + sum(900 + at for at in range(24))) / 30)
    assert found["distance_nearest"] == pytest.approx((1 + 2 + 3) / 3)
    assert found["distance_in_turn"] == pytest.approx((1 + 3 + (2 + 5) / 2) / 3)  # of the second round the mean


def test_random_is_what_random_choices_come_to(rng):
    pool, target = clustered(rng, 200, 5, 6), clustered(rng, 9, 5, 6)
    away = to_target(pool, target)
    draws = np.array([away[rng.choice(200, 20, replace=False)].mean() for _ in range(2000)])
    assert facts(pool, target, 20)["distance_random"] == pytest.approx(draws.mean(), abs=4 * draws.std() / 2000**0.5)


@pytest.mark.parametrize("size", [1e-25, 1.0, 1e25])
@pytest.mark.parametrize("place", [0.0, 300.0])
def test_distances_to_the_target_are_exact_far_from_the_origin_too(size, place, rng):
    pool, target = ((clustered(rng, n, 8, 5, 0.05) + place) * size for n in (150, 6))
    pool[20:26] = target
    expected = oracle.pairs(target, pool).min(axis=0)
    found = to_target(pool, target)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9 * size)
    assert not found[20:26].any()


def alike(rng):
    """A pool that lies everywhere as its target does, and one of which a tenth lies where the target is."""
    return rng.standard_normal((600, 8)), rng.standard_normal((60, 8))


def test_a_plan_that_is_nearly_random_says_so_and_names_an_alpha_that_is_not(rng):
    pool, target = alike(rng)
    found = facts(pool, target, 30, alpha=0.2, c=20)
    assert found["spread"].startswith(
        f"Nearly random at this setting: the kept are {found['distance_kept']:.3g} from the nearest target example on "
        f"average, a random choice {found['distance_random']:.3g}, the nearest of each example in turn "
        f"{found['distance_in_turn']:.3g}. With alpha = "
    )
    then = facts(pool, target, 30, alpha=found["alpha_closer"], c=20)
    assert found["spread"].endswith(
        f"With alpha = {found['alpha_closer']:g} they would be {then['distance_kept']:.3g}."
    )
    assert not then.get("spread", "").startswith("Nearly random")
    assert then["distance_random"] - then["distance_kept"] >= (then["distance_random"] - then["distance_in_turn"]) / 3


def test_a_plan_that_is_close_says_nothing(rng):
    centres = 4 * np.eye(8)[:6]
    pool = np.concatenate([c + 0.2 * rng.standard_normal((100, 8)) for c in centres])
    target = centres[0] + 0.2 * rng.standard_normal((20, 8))
    found = facts(pool, target, 30)
    assert "spread" not in found
    assert "alpha_closer" not in found


def test_a_choice_that_serves_every_target_is_not_called_random_because_few_are_near(rng):
    """Most target examples have nothing very near; a few have very many copies: the nearest possible are all copies."""
    copies, elsewhere = 0.01 * rng.standard_normal((40, 16)), 20 * np.eye(16)[0]
    pool = np.concatenate([copies, elsewhere + rng.standard_normal((600, 16))])
    target = np.concatenate([np.zeros((2, 16)), elsewhere + 0.3 * rng.standard_normal((38, 16))])
    found = facts(pool, target, 40, sigma=0.5)
    way, best = (found["distance_random"] - found[name] for name in ("distance_kept", "distance_nearest"))
    assert way < best / 3
    assert found["spread"].startswith("Spread wide at this setting")


def test_where_no_alpha_helps_it_says_so(rng):
    pool, target = alike(rng)
    found = facts(pool, target, 30, c=1e6, max_k=40)
    assert found["spread"].endswith("No alpha below 1 changes that for this budget; nearest_targets takes the last.")
    assert "alpha_closer" not in found


def close(kept: float) -> Closeness:
    """random 1, in turn .4, nearest 0."""
    return Closeness(kept, 1.0, 0.0, 0.4)


def test_the_lines_are_a_third_of_one_way_and_two_fifths_and_half_of_the_other():
    assert [close(kept).is_random for kept in (0.81, 0.79)] == [True, False]
    assert [close(kept).is_wide for kept in (0.61, 0.59)] == [True, False]
    assert [close(kept).is_close for kept in (0.51, 0.49)] == [False, True]
    level = Closeness(1.0, 1.0 + 1e-15, 1.0, 1.0)
    assert not level.is_random | level.is_wide


def test_the_least_alpha_is_found_and_one_that_keeps_too_few_is_none():
    def at(alpha, most=1.0):
        return close(0.999 - alpha) if alpha <= most else None

    assert foresee(at, 0.1) == Outlook(at(0.1), 0.5, at(0.5))
    assert foresee(at, 0.3) == Outlook(at(0.3), 0.5, at(0.5))
    assert foresee(at, 0.45) == Outlook(at(0.45))
    assert foresee(lambda alpha: at(alpha, 0.4), 0.1) == Outlook(at(0.1), 0.2, at(0.2))  # no more than not random
    assert foresee(lambda alpha: at(alpha, 0.15), 0.1) == Outlook(at(0.1))
    assert foresee(lambda alpha: at(alpha, 0.4), 0.3) == Outlook(at(0.3))
    assert foresee(lambda alpha: close(0.9), 0.995) == Outlook(close(0.9))


def test_what_is_spread_wide_says_what_would_be_closer_and_is_silent_where_nothing_is():
    assert Outlook(close(0.7), 0.5, close(0.5)).words == (
        "Spread wide at this setting: the kept are 0.7 from the nearest target example on average, nearer to a random "
        "choice (1) than to the nearest possible (0). With alpha = 0.5 they would be 0.5."
    )
    assert Outlook(close(0.7)).words == ""
    assert Outlook(close(0.3)).words == ""


def test_keeping_everything_is_never_random():
    rng = np.random.default_rng(3)
    pool, target = rng.standard_normal((40, 3)), rng.standard_normal((80, 3))
    found = facts(pool, target, int(np.count_nonzero(Tsds(alpha=0).plan(inputs(pool, target)).probability)), alpha=0)
    assert "spread" not in found
    same = facts(np.ones((50, 3)), np.zeros((4, 3)), 2)
    assert [same[name] for name in NAMES] == pytest.approx([3**0.5] * 4)
    assert "spread" not in same


def test_looking_ahead_takes_nothing_from_the_generator(rng):
    pool, target = clustered(rng, 300, 6, 8), clustered(rng, 9, 6, 5)
    for sampling in ("without_replacement", "multinomial"):
        method, given = Tsds(sampling=sampling), inputs(pool, target, 4)
        plan = method.plan(given)
        rows, _ = method.draw(plan, 20, np.random.default_rng(4))
        before = given.rng.bit_generator.state
        outlook = method.outlook(plan, to_target(pool, target), 20, given.rng)
        assert given.rng.bit_generator.state == before
        assert method.select(given, 20).rows.tolist() == rows.tolist()
        assert outlook.now.kept == pytest.approx(to_target(pool, target)[rows].mean())


def test_the_line_beyond_which_nothing_resembles_is_that_of_plain_loops(rng):
    pool = clustered(rng, 130, 5, 6)
    assert beyond(pool) == pytest.approx(oracle.line(pool), rel=1e-4)
    twice = np.concatenate([pool, pool + 1e-4])
    assert beyond(twice) == pytest.approx(oracle.line(twice), rel=1e-4)
    assert beyond(twice) > 0.5 * beyond(pool)  # not 1e-4
    assert beyond(pool * 1e20) == pytest.approx(oracle.line(pool) * 1e20, rel=1e-4)
    assert beyond(pool[:1]) == np.inf
    assert beyond(np.ones((30, 4))) == 0


def test_of_many_candidates_some_are_measured_among_all(rng, monkeypatch):
    pool = rng.standard_normal((900, 4))
    whole = beyond(pool)
    monkeypatch.setattr(module, "_SOME", 300)
    assert beyond(pool) == pytest.approx(whole, rel=0.3)
    assert beyond(pool) < beyond(pool[::3])  # their nearest others are among all


def test_planted_strangers_are_found_and_of_others_about_one_in_a_hundred(rng):
    centres = rng.standard_normal((6, 16))
    pool, native = (centres[rng.integers(6, size=n)] + 0.2 * rng.standard_normal((n, 16)) for n in (500, 1000))
    strangers = 4 + 0.2 * rng.standard_normal((5, 16))
    target = np.concatenate([native[:500], strangers, native[500:]])
    found = facts(pool, target, 20)
    far, gaps = found["unlike_examples"], oracle.pairs(target, pool).min(axis=1)
    assert set(far[:5].tolist()) == set(range(500, 505))
    assert (np.diff(gaps[far]) <= 0).all()  # the farthest first
    assert found["unlike"] == len(far) == (gaps > found["unlike_beyond"]).sum()
    assert 2 <= len(far) - 5 <= 25
    assert found["lacking"] == (
        f"Nothing in the pool resembles {len(far)} of 1,005 target examples: the nearest candidate is more than "
        f"{found['unlike_beyond']:.3g} away, as it is for 1 in 100 of the candidates themselves."
    )


def test_a_target_that_lies_among_the_candidates_lacks_nothing(rng):
    pool = clustered(rng, 300, 6, 5)
    found = facts(pool, pool[:40] + 0.01, 20)
    assert found["unlike"] == 0
    assert "lacking" not in found
    assert "unlike_examples" not in found


def test_a_pool_of_one_resembles_everything():
    plan = Tsds().plan(inputs([[1.0, 2]], [[9.0, 9]]))
    assert unlike(plan.neighbours, beyond(np.array([[1.0, 2]]))).tolist() == []
    assert "unlike_beyond" not in facts([[1.0, 2]], [[9.0, 9]], 1)


def test_the_record_names_target_examples_by_their_ids_and_people_see_a_few(workspace, tmp_path, rng, capsys):
    pool, native = clustered(rng, 400, 6, 5), clustered(rng, 8, 6, 5)
    strangers = 60 + rng.standard_normal((70, 6))
    for name, part in (("pool", pool), ("task", np.concatenate([native, strangers]))):
        np.savez(tmp_path / f"{name}.npz", ids=[f"{name}{at:03d}" for at in range(len(part))], embedding=part)
        assert main(["pool", "add", name, str(tmp_path / f"{name}.npz"), "--kind", "vectors"]) == 0
    capsys.readouterr()
    assert main(["select", "pool", "tsds", "--target", "task", "--budget", "5", "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)["manifest"]["result"]["facts"]
    gaps = oracle.pairs(np.concatenate([native, strangers]), pool).min(axis=1)
    farthest = [f"task{at:03d}" for at in np.argsort(-gaps)]
    assert found["unlike"] == int((gaps > found["unlike_beyond"]).sum()) >= 70
    assert found["unlike_examples"] == farthest[:50]
    assert f"unlike_examples: {', '.join(farthest[:5])} and 45 more in the manifest" in told.err
    assert "lacking: Nothing in the pool resembles " in told.err
    assert f"distance_kept: {found['distance_kept']:.6g}" in told.err


def test_what_a_person_may_want_is_a_setting_and_every_help_says_up_and_down(capsys):
    for params in Tsds.purposes.values():
        assert Tsds(**params)
    assert Tsds(**Tsds.purposes["A spread like my target"]) == Tsds()
    assert Tsds.purposes["The best for my target"] == {"alpha": 0.9, "sampling": "top"}
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ("alpha=0.5", "c=5.0", "sigma=0.75"):
        (line,) = [one for one in lines if one.startswith(f"    {name}\t")]
        assert " Up: " in line
        assert " Down: " in line
    assert main(["select", "--help"]) == 0
    assert "the command methods says what each does" in " ".join(capsys.readouterr().out.split())
