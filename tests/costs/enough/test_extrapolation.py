"""Learning curves: families against curves of which the truth is known, plateaus, few points, and curves that fall."""

import numpy as np
import pytest

from datasel_core.costs.enough import extrapolation, learning, words
from datasel_core.costs.enough.answer import _band
from datasel_core.costs.enough.extrapolation import at, extrapolate, needed
from datasel_core.costs.enough.families import FAMILIES, fit
from datasel_core.costs.enough.learning import Curve


def curve(truth, labels=200, noise=0.01, seeds=8, held=100, seed=0):
    """Measured of a true curve, with noise of seeds that dies out where all labels are taken."""
    rng, sizes = np.random.default_rng(seed), learning.sizes(labels)
    scatter = noise * rng.standard_normal((seeds, len(sizes))) * np.sqrt(labels / sizes)
    scatter[:, -1] = scatter[0, -1]
    return Curve(sizes, np.clip(truth(sizes) + scatter, 0, 1), held)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.id)
def test_a_family_finds_its_own_curve(family):
    """Without noise: what is fitted to all labels goes on where three times as many would be."""
    x, rng = np.geomspace(0.06, 1, 9), np.random.default_rng(3)
    low, high = np.array(family.low), np.array(family.high)
    for start in family.starts:
        inside = np.clip(np.array(start) * rng.uniform(0.9, 1.1, len(start)), low, high)
        found = fit(family, x, family.shape(x, inside), x)
        assert family.shape(x, found.parameters) == pytest.approx(family.shape(x, inside), abs=2e-3)
        assert found.values(np.array([3.0])) == pytest.approx(family.values(np.array([3.0]), inside), abs=0.02)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.id)
def test_a_family_only_rises_and_stays_a_share(family):
    rng, x = np.random.default_rng(1), np.geomspace(1e-3, 100, 60)
    low, high = np.array(family.low), np.array(family.high)
    for _ in range(200):
        values = family.values(x, rng.uniform(low, high))
        assert np.all(np.diff(values) >= -1e-9)
        assert values.min() >= 0
        assert values.max() <= 1


def test_the_band_holds_a_curve_that_is_known():
    """A power law with noise, 20 times: nine of ten are meant."""

    def truth(n):
        return 0.9 - 1.2 * n**-0.45

    held = 0
    for seed in range(20):
        found = extrapolate(curve(truth, seed=seed), times=80)
        low, _, high = at(found.sizes, found.low, found.mid, found.high, 1000)
        held += low <= truth(1000) <= high
    assert held >= 17
    assert found.rises
    assert found.sizes[-1] == 2000  # ten times the labels, and no farther


def test_the_band_only_rises_and_widens_with_the_distance():
    found = extrapolate(curve(lambda n: 0.9 - 1.2 * n**-0.45), times=80)
    for values in (found.low, found.mid, found.high):
        assert np.all(np.diff(values) >= 0)
    width = found.high - found.low
    assert width[-1] > 2 * width[np.searchsorted(found.sizes, 200)]
    assert np.all((found.low <= found.mid) & (found.mid <= found.high))


def test_a_plateau_is_one():
    """Nothing is gained after the first labels: neither a family nor the band promises more."""
    found = extrapolate(curve(lambda n: np.full(len(n), 0.7), noise=0.004), times=80)
    low, mid, high = (values[-1] for values in (found.low, found.mid, found.high))
    assert mid == pytest.approx(0.7, abs=0.02)
    assert high - low < 0.1
    assert not found.rises


def test_a_curve_that_falls_says_that_more_labels_do_not_help():
    said = {"labels": 200, **_band(extrapolate(curve(lambda n: 0.8 - 0.04 * np.log(n)), times=40))}
    assert not said["rises"]
    assert words.further(said, 400) == (
        "More labels do not help by this probe: from 12 to 200 labels it does not get better."
    )
    assert words.wished(said, 0.9) == "90 % is not in reach: more labels do not help by this probe."


@pytest.mark.parametrize("k", [2, 3, 4])
def test_few_points_are_enough_for_the_families_that_they_can_tell(k):
    sizes = np.array([10, 20, 40, 80])[:k]
    shares = np.array([0.4, 0.5, 0.58, 0.64])[:k] + 0.01 * np.random.default_rng(0).standard_normal((8, k))
    found = extrapolate(Curve(sizes, shares, 50), times=40)
    assert [one.family.id for one in found.fits] == {
        2: ["logarithmic"],
        3: ["logarithmic"],
        4: ["power_law", "logarithmic", "arctan"],
    }[k]
    assert np.isfinite(found.high).all()


def test_the_number_of_labels_for_a_wish_is_where_the_band_meets_it():
    n, low, mid, high = [10, 100, 1000], [0.2, 0.4, 0.6], [0.3, 0.5, 0.8], [0.4, 0.7, 0.9]
    assert needed(n, low, mid, high, 0.5) == pytest.approx((10 * 10 ** (1 / 3), 100, 100 * 10**0.5))
    assert needed(n, low, mid, high, 0.85) == pytest.approx((100 * 10**0.75, None, None), nan_ok=True)
    assert needed(n, low, mid, high, 0.95) == (None, None, None)
    assert at(n, low, mid, high, 100 * 10**0.5) == pytest.approx((0.5, 0.65, 0.8))


def test_it_is_the_same_every_time():
    one, other = (extrapolate(curve(lambda n: 0.9 - 1.2 * n**-0.45), times=24) for _ in range(2))
    assert np.array_equal(one.high, other.high)
    assert extrapolation.LEVEL == 0.9


def test_words_call_it_an_extrapolation_and_say_how_far_it_goes():
    said = {
        "labels": 200,
        "held": 60,
        "probe": "linear",
        **_band(extrapolate(curve(lambda n: 0.9 - 1.2 * n**-0.45), 40)),
    }
    assert words.further(said, 600).startswith("An extrapolation to 600 labels, 3.0 times as many: ")
    assert words.further(said, 5000) == (
        "5,000 labels are 25 times those there are; an extrapolation reaches 10 times, to 2,000."
    )
    assert words.wished(said, 0.5).startswith("50 % is reached already: with 200 labels it is ")
    assert "by extrapolation" in words.wished(said, 0.85)
    low = {**said, "high": [0.8] * len(said["n"])}
    assert words.wished(low, 0.85) == "85 % is not in reach: an extrapolation to 2,000 labels ends below it."
    assert words.further(said, 150) == (
        "All 150 that can be labelled are: the rest is an extrapolation to more than there are."
    )
    assert words.learned(said).startswith("With 200 labels the linear probe names ")
