"""The Gaussian process against its closed form, its patterns against their laws, its draws against its spread."""

import numpy as np
import pytest

from datasel_core.analysis.climate.emulators import gaussian_process


def world(rng, years=50, cells=14, drivers=1):
    """Fields that bend with their driver, and noise; the weights of cells, one of them 0."""
    driver = rng.uniform(-1, 3, (years, drivers))
    slope, bend = rng.standard_normal((2, drivers, cells))
    fields = 5 + driver @ slope + np.sin(2 * driver) @ bend + 0.2 * rng.standard_normal((years, cells))
    weight = rng.uniform(0.2, 1, cells)
    weight[4] = 0
    return fields, driver, weight


@pytest.mark.parametrize("drivers", [1, 2])
def test_predictions_and_spread_are_the_closed_form(rng, drivers):
    """Rasmussen & Williams 2006, equations 2.25 and 2.26, with the kernel written out."""
    fields, driver, weight = world(rng, drivers=drivers)
    found = gaussian_process.fit(fields, driver, weight, components=3)
    ask = rng.uniform(-2, 4, (7, drivers))
    area = weight / weight.sum()
    left, _, right = np.linalg.svd((fields - fields.mean(axis=0)) * np.sqrt(area), full_matrices=False)
    x, y = (driver - driver.mean(axis=0)) / driver.std(axis=0), (ask - driver.mean(axis=0)) / driver.std(axis=0)
    mean, variance, rest = np.tile(fields.mean(axis=0), (7, 1)), np.zeros((7, 14)), fields - fields.mean(axis=0)
    for at, process in enumerate(found.processes):
        given = process.kernel_.get_params()
        line, strength = given["k1__k1__k1__constant_value"], given["k1__k2__k1__constant_value"]
        length, noise = given["k1__k2__k2__length_scale"], given["k2__noise_level"]

        def kernel(a, b, line=line, strength=strength, length=length):
            away = np.square((a[:, None] - b) / length).sum(axis=2)
            return line * (1 + a @ b.T) + strength * np.exp(-away / 2)

        scores = left[:, at] * np.sqrt(50)
        pattern = scores @ (fields - fields.mean(axis=0)) / 50
        known = np.linalg.inv(kernel(x, x) + (noise + 1e-10) * np.eye(50))
        mean += np.outer(kernel(y, x) @ known @ scores, pattern)
        deviation = np.diag(kernel(y, y) - kernel(y, x) @ known @ kernel(x, y)) + noise
        variance += np.outer(deviation, pattern**2)
        rest -= np.outer(scores, pattern)
    assert found.predict(ask) == pytest.approx(mean, abs=1e-6)
    assert found.spread(ask) == pytest.approx(np.sqrt(variance + rest.var(axis=0)), abs=1e-6)


def test_all_patterns_together_leave_nothing(rng):
    fields, driver, weight = world(rng)
    found = gaussian_process.fit(fields, driver, weight, components=99)
    area = weight > 0
    assert found.left[area] == pytest.approx(0, abs=1e-20)
    scaled = found.patterns * np.sqrt(weight)
    gram = scaled @ scaled.T
    assert gram == pytest.approx(np.diag(np.diag(gram)), abs=1e-9)


def test_a_world_it_can_know_is_known_with_honest_intervals(rng):
    """New years lie in the interval of 90 % as often as they should; its ends widen away from what it was fitted to."""
    fields, driver, weight = world(rng, years=400)
    found = gaussian_process.fit(fields[:120], driver[:120], weight, components=4)
    spread = found.spread(driver[120:])
    inside = np.abs(fields[120:] - found.predict(driver[120:])) < 1.6449 * spread
    assert inside.mean() == pytest.approx(0.9, abs=0.05)
    assert found.spread([20.0]).mean() > 2 * found.spread([1.0]).mean()


def test_draws_have_the_mean_and_the_spread_that_it_says(rng):
    fields, driver, weight = world(rng)
    fields[:, 9] = np.nan
    found = gaussian_process.fit(fields, driver, weight, components=3)
    ask, known = np.array([-0.5, 1.0, 2.5, 6.0]), np.arange(14) != 9
    drawn = found.draw(ask, 2000, np.random.default_rng(3))
    assert np.isnan(drawn[:, :, 9]).all()
    assert np.isnan(found.predict(ask)[:, 9]).all()
    error = (drawn.mean(axis=0) - found.predict(ask)) / (found.spread(ask) / np.sqrt(2000))
    assert np.abs(error[:, known]).max() < 5
    ratio = drawn.std(axis=0) / found.spread(ask)
    assert ratio[:, known] == pytest.approx(1, abs=5 / np.sqrt(4000))
    assert (found.draw(ask, 3, np.random.default_rng(3))[:, :, known] == drawn[:3][:, :, known]).all()


def test_what_does_not_fit_is_refused_in_one_line(rng):
    fields, driver, weight = world(rng)
    fit = gaussian_process.fit
    cases = [
        (lambda: fit(fields, driver, weight, components=0), "components is 0; it must be at least 1"),
        (lambda: fit(fields[:4], driver[:4], weight), "There are 4 years; a Gaussian process takes 5 to 2,000"),
        (lambda: fit(fields, np.ones(50), weight), "A driver is constant in all years"),
        (lambda: fit(np.ones((50, 14)), driver, weight), "The fields are the same in every year"),
        (lambda: fit(fields, driver, weight).predict(np.ones((3, 2))), "has 2 columns; the emulator was fitted to 1"),
        (lambda: fit(fields, driver, weight).draw([1.0], 0, rng), "members is 0"),
    ]
    for call, words in cases:
        with pytest.raises(ValueError, match=words):
            call()
