"""Every emulator keeps to one contract, on a world in which the answer is known."""

import dataclasses
import re

import numpy as np
import pytest

from datasel_core.analysis.climate.emulators import kinds
from datasel_core.analysis.climate.emulators.kinds import Question
from datasel_core.analysis.climate.emulators.training import Training
from datasel_core.errors import BadInput, UnknownName

SHAPE = (4, 6)
CELLS = 24
OCEAN = [3, 17]


def question(rng, years=80) -> tuple[Question, np.ndarray]:
    """Two runs whose cells follow the driver, with noise; two cells without data. And the slopes that made them."""
    latitude, longitude = (one.ravel() for one in np.meshgrid([-60, -20, 20, 60], np.arange(0, 360, 60), indexing="ij"))
    driver = np.concatenate([np.linspace(0, 1, years), np.linspace(1, 4, years)]) + 0.1 * rng.standard_normal(2 * years)
    slope = rng.uniform(0.4, 2, CELLS)
    fields = slope * driver[:, None] + 0.1 * rng.standard_normal((2 * years, CELLS))
    fields[:, OCEAN] = np.nan
    names, year = np.repeat(["historical", "ssp585"], years), np.arange(1900, 1900 + 2 * years)
    training = Training.of(fields, driver, np.cos(np.deg2rad(latitude)), names, None, year)
    return Question(training, latitude, longitude, SHAPE), slope


@pytest.mark.parametrize("name", kinds.KINDS)
def test_every_emulator_keeps_to_the_contract(rng, name):
    asked, slope = question(rng)
    one = kinds.kind(name)
    emulator = one.fit(asked)
    driver = np.linspace(0.5, 3.5, 40)
    found, land = emulator.predict(driver), np.delete(np.arange(CELLS), OCEAN)
    assert found.shape == (40, CELLS)
    assert found.dtype == np.float64
    assert np.isnan(found[:, OCEAN]).all()
    assert np.abs(found - slope * driver[:, None])[:, land].max() < 0.3
    assert hasattr(emulator, "draw") == one.ensemble
    if one.ensemble:
        drawn = emulator.draw(driver, 4, np.random.default_rng(2))
        assert drawn.shape == (4, 40, CELLS)
        assert np.isnan(drawn[:, :, OCEAN]).all()
        assert (drawn[:, :, land] == emulator.draw(driver, 4, np.random.default_rng(2))[:, :, land]).all()
        assert (drawn[0][:, land] != drawn[1][:, land]).all()
    with pytest.raises(BadInput, match="not finite in 1 years"):
        emulator.predict([1.0, np.nan])


@pytest.mark.parametrize("name", kinds.KINDS)
def test_what_it_says_of_itself_is_so(rng, name):
    """Of scattered years, and of the weighting of scenarios."""
    one, (asked, _) = kinds.kind(name), question(rng)
    training, rows = asked.training, np.arange(0, 160, 3)
    some = Training.of(
        training.fields[rows],
        training.driver[rows],
        training.weight,
        training.scenario[rows],
        training.member[rows],
        training.year[rows],
    )
    scattered = dataclasses.replace(asked, training=some)
    if one.runs:
        with pytest.raises(BadInput, match="needs consecutive years"):
            one.fit(scattered)
    else:
        assert np.isfinite(one.fit(scattered).predict([1.0])).sum() == CELLS - len(OCEAN)
    rows = np.r_[np.arange(50), np.arange(80, 160)]
    uneven = Training.of(
        training.fields[rows],
        training.driver[rows],
        training.weight,
        training.scenario[rows],
        None,
        training.year[rows],
    )
    years, scenarios = (
        one.fit(dataclasses.replace(asked, training=uneven, weighting=how)).predict([2.0])
        for how in ("years", "scenarios")
    )
    assert np.array_equal(years, scenarios, equal_nan=True) != one.weighs


def test_help_says_what_it_does_when_and_where_it_ends():
    for name, one in kinds.KINDS.items():
        assert len(re.findall(r"\. (?=[A-Z])|\.$", one.help)) >= 3, name
        assert len(one.help) <= 420, name
        assert "pattern scaling" in one.help.lower() or name == "pattern_scaling"
    for name in ("gaussian_process", "cnn"):
        assert "Where it does not beat pattern scaling" in kinds.KINDS[name].help


def test_names_and_grids_that_are_not_there(rng):
    asked, _ = question(rng)
    with pytest.raises(UnknownName, match="no emulator called gaussian. Did you mean gaussian_process"):
        kinds.kind("gaussian")
    with pytest.raises(BadInput, match="needs a grid of latitudes by longitudes"):
        kinds.kind("cnn").fit(dataclasses.replace(asked, shape=None))


def test_too_many_cells_are_refused_before_their_distances_are_reckoned(rng, monkeypatch):
    asked, _ = question(rng)
    monkeypatch.setattr("datasel_core.analysis.climate.emulators.variability._MOST_CELLS", 20)
    monkeypatch.setattr("datasel_core.analysis.climate.emulators.covariance.distances", lambda *_: pytest.fail("slow"))
    with pytest.raises(BadInput, match="There are 22 cells with data; internal variability takes at most 20"):
        kinds.kind("variability").fit(asked)
