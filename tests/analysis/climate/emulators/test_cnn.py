"""The small network: what it can learn, what it must leave alone, and where it is held."""

import numpy as np
import pytest
import torch

from datasel_core.analysis.climate.emulators import cnn, pattern_scaling
from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped

SHAPE = (6, 9)


def world(rng, years=40):
    """Fields without noise that bend with their driver, the more so in the east; two cells without data."""
    driver = np.linspace(0, 3, years)
    east = np.tile(np.linspace(0, 1, SHAPE[1]), SHAPE[0])
    fields = np.outer(driver, np.linspace(0.5, 2, 54)) + np.outer(np.square(driver), east)
    fields[:, [0, 31]] = np.nan
    return fields, driver, np.ones(54)


def test_it_learns_a_bend_that_lines_cannot(rng):
    fields, driver, weight = world(rng)
    line = pattern_scaling.fit(fields[::2], driver[::2], weight)
    found = cnn.fit(fields[::2], driver[::2], weight, shape=SHAPE, steps=150)
    asked, truth = driver[1:-1:2], fields[1:-1:2]  # between years it has seen

    def rmse(guess):
        return np.sqrt(np.nanmean(np.square(guess - truth)))

    assert rmse(found.predict(asked)) < 0.3 * rmse(line.predict(asked))
    assert np.isnan(found.predict(asked)[:, [0, 31]]).all()
    assert np.isfinite(np.delete(found.predict(asked), [0, 31], axis=1)).all()


def test_beyond_what_it_has_seen_the_line_goes_on_and_the_rest_is_held(rng):
    fields, driver, weight = world(rng)
    found = cnn.fit(fields, driver, weight, shape=SHAPE, steps=20)
    for end, beyond in ((3.0, [4.0, 9.0]), (0.0, [-1.0, -50.0])):
        added = found.predict([end]) - found.line.predict([end])
        assert np.nanmax(np.abs(added)) > 0.01
        for one in beyond:
            again = found.predict([one]) - found.line.predict([one])
            np.testing.assert_allclose(again, added, atol=1e-9)


def layers(shape):
    """Of the network for a grid: those that draw, each with the shapes of what it takes and of what it draws, and
    weights that are not 0.
    """
    small, half = (tuple(-(-size // by) for size in shape) for by in (4, 2))
    found = [one for one in cnn._decoder(1, shape) if hasattr(one, "convolution")]
    assert len(found) == 2
    for one, sides in zip(found, ((small, half), (half, shape)), strict=True):
        torch.nn.init.normal_(one.convolution.weight)
        torch.nn.init.normal_(one.convolution.bias)
        yield one, *sides


@pytest.mark.parametrize("shape", [(20, 20), (19, 23), (7, 9), (1, 3), (36, 72)])
def test_a_layer_enlarges_to_the_nearest_goes_round_the_globe_and_convolves(shape, rng):
    """As torch does it in three steps, on fields that have all their channels."""
    for layer, small, large in layers(shape):
        field = torch.from_numpy(rng.standard_normal((2, 16, *small)).astype(np.float32))
        with torch.inference_mode():
            wide = torch.nn.functional.interpolate(field, size=large, mode="nearest")
            wide = torch.nn.functional.pad(wide, (1, 1, 0, 0), mode="circular")
            expected = layer.convolution(torch.nn.functional.pad(wide, (0, 0, 1, 1), mode="replicate"))
            np.testing.assert_allclose(layer(field).numpy(), expected.numpy(), atol=1e-4)


def test_the_globe_has_no_edge(rng):
    """What is drawn of a field that was turned about the globe is what is drawn, turned."""
    for layer, small, large in layers((8, 12)):
        field = torch.from_numpy(rng.standard_normal((1, 16, *small)).astype(np.float32))
        assert large[1] == 2 * small[1]
        with torch.inference_mode():
            turned = layer(field.roll(2, dims=3))
            np.testing.assert_allclose(turned.numpy(), layer(field).roll(4, dims=3).numpy(), atol=1e-5)
            assert turned.shape[2:] == large


def test_the_seed_alone_decides_and_no_other_draw_is_touched(rng):
    fields, driver, weight = world(rng)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two, three = (cnn.fit(fields, driver, weight, shape=SHAPE, steps=5, seed=seed) for seed in (1, 1, 2))
    assert (torch.get_rng_state() == before).all()
    known = np.delete(np.arange(54), [0, 31])
    assert (one.predict(driver)[:, known] == two.predict(driver)[:, known]).all()
    assert (one.predict(driver)[:, known] != three.predict(driver)[:, known]).any()


def test_training_can_be_stopped_and_says_how_far_it_is(rng):
    fields, driver, weight = world(rng)
    seen = []
    progress = Progress(report=seen.append, should_stop=lambda: len(seen) > 1, every=0.0)
    with pytest.raises(Stopped):
        cnn.fit(fields, driver, weight, shape=SHAPE, steps=1000, progress=progress)
    assert seen[0].total == 1000
    assert seen[0].label == "training the network"


def test_cells_and_years_of_no_weight_teach_nothing(rng):
    """What is added to a cell without area, or to a scenario, moves what is learnt as its weight says."""
    fields, driver, weight = world(rng)
    weight[7] = 0
    moved = fields.copy()
    moved[:, 7] += 5 * np.sin(3 * driver)
    one, two = (cnn.fit(values, driver, weight, shape=SHAPE, steps=5) for values in (fields, moved))
    with torch.inference_mode():
        inputs = torch.linspace(-1, 1, 5)[:, None]
        np.testing.assert_allclose(one.network(inputs), two.network(inputs), atol=1e-6)


def test_several_drivers_and_small_grids(rng):
    driver = rng.standard_normal((30, 2))
    fields = driver @ rng.standard_normal((2, 3))
    found = cnn.fit(fields, driver, np.ones(3), shape=(1, 3), steps=3)
    assert found.predict(driver[:4]) == pytest.approx(fields[:4], abs=1e-3)


def test_what_does_not_fit_is_refused_in_one_line(rng):
    fields, driver, weight = world(rng)
    fit = cnn.fit
    cases = [
        (lambda: fit(fields, driver, weight, shape=(6, 8)), r"The grid is \(6, 8\) and there are 54 cells"),
        (lambda: fit(fields[:9], driver[:9], weight, shape=SHAPE), "There are 9 years; the network needs at least 10"),
        (lambda: fit(fields, driver, weight, shape=SHAPE, steps=0), "steps is 0; it must be at least 1"),
        (lambda: fit(fields, driver * 0, weight, shape=SHAPE), "determine 1 of 2 coefficients"),
    ]
    for call, words in cases:
        with pytest.raises(ValueError, match=words):
            call()
