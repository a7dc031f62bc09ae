"""MATES: both laws against their exact probabilities, the limits of the temperature, the penalty for likeness against
a slow definition, and what may be believed.
"""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import stats

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, Stopped
from datasel_core.methods.mates import Mates
from datasel_core.methods.selection import Inputs
from tests.conftest import clustered

SCORES = np.array([-1.5, -0.5, 0, 0.3, 1, 2])
PUBLISHED = {
    "gumbel_top_k": (0.820, 0.111, 0.041, 0.022, 0.0055, 0.0007),
    "released": (0.866, 0.108, 0.021, 0.0056, 0.0001, 0.0000),
}


def inputs(influence, seed=0, already=(), **roles) -> Inputs:
    return Inputs({"influence": np.asarray(influence), **roles}, np.random.default_rng(seed), already=already)


def first_pick(influence: np.ndarray, temperature: float, law: str) -> np.ndarray:
    """Exact chance of each to be the first: a softmax; of the released law an integral over its own noise."""
    scaled = influence / temperature
    if law == "gumbel_top_k":
        return np.exp(-scaled) / np.exp(-scaled).sum()
    at = np.linspace(-12, 40, 200_001)
    found = []
    for row, mine in enumerate(scaled):
        others = [stats.gumbel_r.sf(at - other) for column, other in enumerate(scaled) if column != row]
        found.append(np.trapezoid(stats.gumbel_r.pdf(at - mine) * np.prod(others, axis=0), at))
    return np.array(found)


@pytest.mark.parametrize("law", PUBLISHED)
def test_the_exact_laws_are_those_of_the_paper_and_of_its_program(law):
    exact = first_pick(SCORES, 0.5, law)
    assert exact.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(exact, PUBLISHED[law], atol=6e-4)


@pytest.mark.parametrize("law", PUBLISHED)
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_first_pick_follows_its_law(law, temperature, rng):
    mates, draws = Mates(law=law, temperature=temperature), 12_000
    firsts = np.bincount([mates.best(-SCORES, 1, rng).places[0] for _ in range(draws)], minlength=6)
    expected = draws * first_pick(SCORES, temperature, law)
    often = expected > 5
    seen, wanted = (np.append(values[often], values[~often].sum()) for values in (firsts, expected))
    assert stats.chisquare(seen[wanted > 0], wanted[wanted > 0] * draws / wanted.sum()).pvalue > 1e-3
    assert firsts[:3].argmax() == 0


def test_a_draw_without_replacement_of_every_ordered_set(rng):
    """Each next one with probability in proportion to exp(-y / temperature) among those that are left."""
    influence, temperature, draws = np.array([-0.4, 0.3, 0.0, 0.9]), 0.7, 30_000
    weights = np.exp(-influence / temperature)
    expected = {}
    for order in itertools.permutations(range(4), 3):
        chance, left = 1.0, weights.sum()
        for one in order:
            chance, left = chance * weights[one] / left, left - weights[one]
        expected[order] = chance * draws
    mates = Mates(temperature=temperature)
    seen = dict.fromkeys(expected, 0)
    for _ in range(draws):
        seen[tuple(mates.best(-influence, 3, rng).places.tolist())] += 1
    assert stats.chisquare(list(seen.values()), list(expected.values())).pvalue > 1e-3


@pytest.mark.parametrize("law", PUBLISHED)
def test_without_temperature_the_best_are_kept_and_with_much_of_it_anything(law, rng):
    influence = np.round(rng.standard_normal(200), 1)  # with equal ones
    best = np.argsort(influence, kind="stable")
    assert Mates(law=law, temperature=0).select(inputs(influence), 60).rows.tolist() == best[:60].tolist()
    cold = Mates(law=law, temperature=1e-9).select(inputs(rng.permutation(200)), 60)
    assert (cold.scores[cold.rows] == np.sort(cold.scores)[::-1][:60]).all()
    hot = Mates(law=law, temperature=1e6)
    often = np.bincount(np.concatenate([hot.best(-SCORES, 2, rng).places for _ in range(6000)]), minlength=6)
    assert stats.chisquare(often).pvalue > 1e-3


@pytest.mark.parametrize("diverse", [0.0, 2.0])
@pytest.mark.parametrize("law", PUBLISHED)
def test_the_seed_decides_and_a_larger_budget_begins_with_the_smaller(law, diverse, rng):
    influence, embedding = rng.standard_normal(300), clustered(rng, 300, 6, 9)
    mates = Mates(law=law, diverse=diverse)

    def rows(budget, seed):
        return mates.select(inputs(influence, seed, embedding=embedding), budget).rows.tolist()

    assert rows(80, 3)[:25] == rows(25, 3)
    assert rows(80, 3) == rows(80, 3)
    assert rows(80, 3) != rows(80, 4)


def slow(influence, embedding, weight, temperature, seed, budget, already=()) -> list[int]:
    """Greedy by definition: each time every cosine, in exact sums."""
    keys = -influence + temperature * np.random.default_rng(seed).gumbel(size=len(influence))
    length = np.sqrt(np.square(embedding.astype(np.float64)).sum(axis=1))
    units = embedding.astype(np.float64) / np.where(length > 0, length, 1)[:, None]
    kept, picked = [int(one) for one in already], []
    for _ in range(budget):
        worth = [
            -np.inf if row in kept else keys[row] - weight * max((units[row] @ units[one] for one in kept), default=0)
            for row in range(len(keys))
        ]
        picked.append(int(np.argmax(worth)))
        kept.append(picked[-1])
    return picked


@pytest.mark.parametrize("already", [(), (5, 61, 17)], ids=["nothing before", "after earlier ones"])
@pytest.mark.parametrize("weight", [0.05, 1.0, 30.0])
def test_likeness_costs_what_its_definition_says(weight, already, shrink, rng):
    influence, embedding = rng.standard_normal(150), clustered(rng, 150, 5, 6)
    embedding[90] = 0  # near nothing
    embedding[100:110] = embedding[:10]
    expected = slow(influence, embedding, weight, 0.5, 3, 60, already)
    for size in (2, 7, 5000):
        shrink(size)
        found = Mates(temperature=0.5, diverse=weight).select(
            inputs(influence, 3, already=already, embedding=embedding), 60
        )
        assert found.rows.tolist() == expected
        assert np.isnan(found.why["likeness"][0]) == (not already)
        assert not np.isnan(found.why["likeness"][1:]).any()


def test_likeness_is_counted_among_equals_too(shrink):
    """All keys and all vectors alike: pool order decides, and the choice ends."""
    shrink(7)
    found = Mates(temperature=0, diverse=1.0).select(inputs(np.zeros(40), embedding=np.ones((40, 3))), 40)
    assert found.rows.tolist() == list(range(40))


def test_the_penalty_spreads_the_choice(rng):
    embedding = np.repeat(np.eye(4), 25, axis=0)
    influence = np.repeat([-2.0, 0, 0.1, 0.2], 25) + 1e-3 * rng.standard_normal(100)
    alike = Mates(temperature=0).select(inputs(influence, embedding=embedding), 4)
    apart = Mates(temperature=0, diverse=9.0).select(inputs(influence, embedding=embedding), 4)
    assert set(alike.rows // 25) == {0}
    assert set(apart.rows // 25) == {0, 1, 2, 3}


@pytest.mark.parametrize("diverse", [0.0, 1.0])
def test_what_one_stage_has_no_later_one_takes(diverse, rng):
    influence, embedding = rng.standard_normal(90), clustered(rng, 90, 4, 5)
    had: list[int] = []
    for stage in range(3):
        found = Mates(diverse=diverse).select(inputs(influence, stage, already=had, embedding=embedding), 30)
        assert not set(found.rows.tolist()) & set(had)
        had += found.rows.tolist()
    assert sorted(had) == list(range(90))


def test_a_prediction_that_may_rank_nothing_is_refused_unless_it_is_asked_for():
    weak, strong = ({"spearman": {"low": low, "mid": 0.2, "high": 0.4}} for low in (-0.01, 0.01))
    with pytest.raises(
        BadInput,
        match=r"not shown to rank unseen texts \(Spearman 0\.20, interval -0\.01 to 0\.40, which is not above 0\); .*"
        r"--set weak=true",
    ):
        Mates().trust({"influence": weak})
    assert "was chosen by all the same" in Mates(weak=True).trust({"influence": weak})
    assert Mates().trust({"influence": strong}) == ""
    assert "Nobody said how well" in Mates().trust({"influence": {}})
    against = {"spearman": {"low": -0.5, "mid": -0.3, "high": -0.1}}
    with pytest.raises(BadInput, match="not above 0"):
        Mates().trust({"influence": against})


def test_a_choice_with_a_penalty_can_be_stopped(rng):
    given = inputs(rng.standard_normal(50), embedding=clustered(rng, 50, 4, 3))
    stopped = dataclasses.replace(given, progress=Progress(should_stop=lambda: True))
    with pytest.raises(Stopped):
        Mates(diverse=1.0).select(stopped, 10)


def test_parameters_that_mean_nothing_are_refused():
    for wrong in ({"temperature": -1.0}, {"diverse": -0.5}, {"law": "softmax"}):
        with pytest.raises(BadParameter, match=next(iter(wrong))):
            Mates(**wrong)
    with pytest.raises(BadInput, match="needs the pool role embedding"):
        Mates(diverse=1.0).select(inputs(np.zeros(5)), 2)
