"""Which run next: the expected errors against simulations that fit and score, for every run and every pair."""

import itertools

import numpy as np
import pytest

from datasel_core.analysis.climate import next_run
from datasel_core.analysis.climate.mini_climate import MiniClimate
from datasel_core.errors import BadInput

CLIMATE = MiniClimate(4, 6)
NOISE = CLIMATE.autocovariance(260)
OWNED, REFERENCE, TARGET = (("historical", 1),), (("ssp370", 9),), (("ssp245", 9),)
OFFERED = (("ssp126", 1), ("ssp585", 1), ("1pctCO2", 1), ("abrupt-4xCO2", 1), ("historical", 2))
DRAWS = 80


def known(names):
    return [next_run.known(CLIMATE, *one) for one in names]


def named(one):
    """Scenario/member as runs of a pool are called."""
    return f"{one[0]}/r{one[1]}i1p1f1"


def ranked(size, measure="error", noise=NOISE, owned=OWNED, offered=OFFERED):
    runs = [known(one) for one in (owned, offered, REFERENCE, TARGET)]
    return next_run.rank(*runs, CLIMATE.weight, noise, next_run.DEMO_DRIVER, size, measure)


@pytest.fixture(scope="module")
def simulated():
    """Every run of the demo drawn 80 times, with weather of its own: name -> (draws, years, cells) anomalies."""
    names = {one: next_run.known(CLIMATE, *one) for one in (*OWNED, *OFFERED)}
    found = {}
    for name, run in names.items():
        drawn = [CLIMATE.run(*name, seed=seed).fields - CLIMATE.mean_state for seed in range(DRAWS)]
        found[run.name] = np.stack(drawn)
    return found


def fitted(simulated, names, asked, own_driver=False):
    """Brute force: (draws,) squared error of pattern scaling, fitted to each draw, on the mean of 2080-2100 without
    noise. own_driver: trained on the runs' own global means, with their noise, as people would.
    """
    target = next_run.known(CLIMATE, *asked)
    period = target.year >= 2080
    truth, at = target.forced[period].mean(axis=0), target.driver[period].mean()
    runs = [next_run.known(CLIMATE, *one) for one in names]
    fields = np.concatenate([simulated[one.name] for one in runs], axis=1)
    drivers = fields @ CLIMATE.weight if own_driver else [np.concatenate([one.driver for one in runs])] * DRAWS
    found = []
    for drawn, x in zip(fields, drivers, strict=True):
        slopes = (x - x.mean()) @ drawn / ((x - x.mean()) @ (x - x.mean()))
        found.append((drawn.mean(axis=0) + slopes * (at - x.mean()) - truth) ** 2 @ CLIMATE.weight)
    return np.array(found)


@pytest.mark.parametrize("size", [1, 2])
def test_expected_errors_are_those_of_simulations(simulated, size):
    """All five runs, all ten pairs: reference and target, within four standard errors."""
    found = ranked(size)
    assert len(found) == (5, 10)[size - 1]
    of_name = {named(one): one for one in OFFERED}
    for gain in found:
        names = [*OWNED, *(of_name[one] for one in gain.runs)]
        for said, asked in ((gain.reference, REFERENCE[0]), (gain.target, TARGET[0])):
            drawn = fitted(simulated, names, asked)
            spread = drawn.std() / np.sqrt(DRAWS)
            assert drawn.mean() == pytest.approx(said.bias + said.variance, abs=4 * spread + 1e-5), gain.runs


def by_brute_force(simulated, size, own_driver):
    """Names of runs -> mean squared error on the reference, of every set of this size."""
    sets = itertools.combinations(OFFERED, size)
    return {
        tuple(map(named, some)): fitted(simulated, [*OWNED, *some], REFERENCE[0], own_driver).mean() for some in sets
    }


@pytest.mark.parametrize("size", [1, 2])
def test_the_order_is_that_of_brute_force(simulated, size):
    """The best and the worst of all runs, and of all pairs; the others as far as draws tell them apart."""
    brute, said = by_brute_force(simulated, size, own_driver=False), [one.runs for one in ranked(size)]
    order = sorted(brute, key=brute.get)
    assert (said[0], said[-1]) == (order[0], order[-1])
    assert np.corrcoef([order.index(one) for one in said], range(len(said)))[0, 1] > 0.9


@pytest.mark.parametrize("size", [1, 2])
def test_it_is_as_good_a_guess_where_lines_are_fitted_to_noisy_global_means(simulated, size):
    """As people fit them, which the expectation does not know. Two single runs are nearly equal there, in either order:
    what comes first loses less than 5 % against the best, and the last is the worst.
    """
    brute, said = by_brute_force(simulated, size, own_driver=True), [one.runs for one in ranked(size)]
    assert brute[said[0]] < 1.05 * min(brute.values())
    assert brute[said[-1]] == max(brute.values())


def test_buying_one_after_the_other_is_compared_with_the_best_pair():
    """The best run first, then the best beside it: on the demo that is the best pair, which it need not be."""
    first = ranked(1)[0].runs[0]
    left = tuple(one for one in OFFERED if named(one) != first)
    bought = next(one for one in OFFERED if named(one) == first)
    second = ranked(1, owned=(*OWNED, bought), offered=left)[0]
    pair = ranked(2)[0]
    assert {first, *second.runs} == set(pair.runs)
    assert pair.reference.rmse == pytest.approx(second.reference.rmse, rel=1e-12)


def test_the_variance_of_coefficients_is_the_inverse_of_the_normal_matrix():
    """White noise: z' (X'X)^-1 z times its variance, for every pair; and its order is that of this number."""
    white = np.array([0.7])
    period = next_run.known(CLIMATE, *REFERENCE[0])
    z = np.array([1, period.driver[period.year >= 2080].mean()])
    said = {}
    for some in itertools.combinations(OFFERED, 2):
        runs = known([*OWNED, *some])
        x = np.concatenate([one.driver for one in runs])
        matrix = np.stack([np.ones_like(x), x], axis=1)
        said[tuple(one.name for one in runs[1:])] = 0.7 * z @ np.linalg.inv(matrix.T @ matrix) @ z
    found = ranked(2, "variance", white)
    assert {one.runs: one.reference.variance for one in found} == pytest.approx(said, rel=1e-10)
    assert [one.runs for one in found] == sorted(said, key=said.get)


def test_gains_are_differences_and_are_said_with_their_driver():
    before = next_run.expected(known(OWNED), known(REFERENCE), CLIMATE.weight, NOISE)
    for one in ranked(1):
        assert one.gain == pytest.approx(before.rmse - one.reference.rmse)
        assert one.driver == "forced GMST of the energy balance demo"
        assert one.words.endswith("(driver: forced GMST of the energy balance demo).")
        assert f"lower the error on the reference by {one.gain:.3f}" in one.words
    gains = [one.gain for one in ranked(1)]
    assert gains == sorted(gains, reverse=True)
    assert {one.runs[0]: one.years for one in ranked(1)}["1pctCO2/r1i1p1f1"] == 150
    # A scenario that goes on from its member's history shares its weather; another member's does not.
    pairs = [known((("historical", 1), (one, m))) for one, m in (("ssp126", 1), ("ssp126", 2))]
    same, other = (next_run.expected(one, known(TARGET), CLIMATE.weight, NOISE) for one in pairs)
    assert same.bias == other.bias
    assert same.variance != other.variance


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"training": (("ssp245", 1),)}, "ssp245 is the target and training too; the target must be a scenario"),
        ({"candidates": (("ssp245", 1),)}, "ssp245 is the target and a candidate too"),
        ({"reference": (("ssp245", 1),)}, "ssp245 is the target and the reference too"),
        (
            {"reference": (("ssp126", 1),)},
            "ssp126/r1i1p1f1 is the reference and bought too; judge by a run that is not",
        ),
        ({"candidates": (("historical", 1),)}, "historical/r1i1p1f1 is there twice; a run is bought once"),
        ({"training": ()}, "Give runs for training, candidates, a reference and a target"),
        ({"driver": ""}, "Name the driver, such as true GMST of the target, emulated GMST or forcing"),
        ({"n_runs": 6}, "6 of 5 candidates were asked for; there must be from 1 to 20,000 such sets"),
        ({"target": (("1pctCO2", 3),), "candidates": OFFERED[:2]}, "years of 2080-2100 are not there"),
    ],
)
def test_roles_are_kept_apart(change, said):
    asked = {"training": OWNED, "candidates": OFFERED, "reference": REFERENCE, "target": TARGET, **change}
    rest = {name: asked.pop(name) for name in ("driver", "n_runs") if name in asked}
    with pytest.raises(BadInput, match=said):
        next_run.rank(
            **{name: known(value) for name, value in asked.items()},
            weight=CLIMATE.weight,
            autocovariance=NOISE,
            **{"driver": "forcing", **rest},
        )


def test_a_line_needs_two_values():
    flat = known(OWNED)[0]
    still = next_run.Known("control", "r1i1p1f1", flat.year, np.zeros(165), flat.forced)
    with pytest.raises(BadInput, match="Training has no two years that differ in the driver"):
        next_run.expected([still], known(TARGET), CLIMATE.weight, NOISE)
