"""Coverage of random shares and the cheapest budget: against slow definitions, and the knee against its rule."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.costs.enough.asking import ask
from datasel_core.costs.enough.cheapest import reaches
from datasel_core.costs.enough.coverage import random_gaps
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.yardstick import drawn
from datasel_core.runs.measures import HELD_OUT, read_curves
from tests.conftest import clustered
from tests.pages.screens import chosen


@pytest.fixture
def pool(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at:03d}" for at in range(120)], embedding=clustered(rng, 120, 8, 6))
    return add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")


@pytest.fixture
def held_out(workspace, pool):
    drawing.draw(workspace, pool, "25%")
    chosen(workspace, pool, "facility_location", "80")
    return ask(workspace, pool)


def gaps(asked, picks):
    """(m,) the slow definition: 1 - cosine to the nearest of these rows."""
    unit = [
        one / np.linalg.norm(one, axis=1, keepdims=True) for one in (asked.ground.points, asked.ground.vectors(picks))
    ]
    return (1 - unit[0] @ unit[1].T).min(1)


def test_random_of_every_size_is_the_beginning_of_one_order(held_out, small_blocks):
    found = random_gaps(held_out.ground, [37], draws=3)
    rows = held_out.ground.rows
    assert len(rows) == 90
    assert found.sizes[0] == 1
    assert found.sizes[-1] == 90
    for size in (1, 37, 90):
        for draw in range(3):
            want = gaps(held_out, rows[drawn(np.arange(90), draw)[:size]])
            assert found.at(size)[draw] == pytest.approx(want, abs=1e-5)
    assert found.share(found.gaps.mean((1, 2)))[[0, -1]] == pytest.approx([0, 1])


def test_the_cheapest_budget_is_that_of_trying_all(held_out, small_blocks):
    """The first number of picks whose mean distance is not above that of random, in each draw of the bootstrap, too."""
    ground, picks = held_out.ground, held_out.choices[0].rows
    random = random_gaps(ground, [20, 45, 88])
    means, found = reaches(ground, random, picks, [20, 45, 88], Progress(), times=60)
    slow = np.stack([gaps(held_out, picks[: at + 1]) for at in range(len(picks))])
    assert means == pytest.approx(slow.mean(1), abs=1e-5)
    of = np.unique(ground.measure.held.parts, return_inverse=True)[1]
    k, parts, draws = int(of.max()) + 1, np.random.default_rng(0), np.random.default_rng(1)
    often = parts.multinomial(k, np.full(k, 1 / k), size=60)[:, of]
    taken = draws.multinomial(20, np.full(20, 1 / 20), size=60)
    for one in found:
        target = random.at(one.random).astype(float)
        assert one.n == first(slow.mean(1), target.mean())
        tries = []
        for weights, times in zip(often, taken, strict=True):
            wanted = np.average(np.average(target, axis=0, weights=times), weights=weights)
            tries.append(first(np.average(slow, axis=1, weights=weights), wanted) or 81)
        ends = np.quantile(tries, [0.025, 0.975], method="closest_observation")
        assert [one.low or 81, one.high or 81] == pytest.approx(ends, abs=1)
    assert found[0].n < found[1].n  # more is harder to cover


def first(means, wanted):
    """The first number of picks that is as good; None where none is."""
    good = np.flatnonzero(means <= wanted + 1e-6)
    return int(good[0]) + 1 if len(good) else None


def test_what_is_said_of_a_run_is_its_own_curve(held_out, workspace):
    """The curve that Select draws, and the same knee."""
    run = held_out.choices[0].run
    curve = read_curves(run.folder)[HELD_OUT]
    means, _ = reaches(held_out.ground, random_gaps(held_out.ground, []), held_out.choices[0].rows, [], Progress())
    assert means == pytest.approx(curve.mean, abs=1e-5)


def test_without_a_held_out_set_the_pool_itself_is_measured(workspace, pool):
    chosen(workspace, pool, "k_center", "60")
    asked = ask(workspace, pool)
    assert not asked.ground.is_aside
    assert random_gaps(asked.ground, []).ends[1] == pytest.approx(0, abs=1e-6)  # all labelled: nothing is missed
