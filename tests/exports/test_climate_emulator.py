"""Exported emulators are used without this program: scripts run in a process of their own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasel_core.analysis.climate.emulators import pattern_scaling, variability
from datasel_core.analysis.climate.emulators.gaussian_process import GaussianProcess
from datasel_core.errors import BadRequest
from datasel_core.exports import climate_emulator
from datasel_core.exports.climate_emulator import About
from datasel_core.exports.climate_scripts import PREDICT

CELLS = 9


def about(**changes) -> About:
    said = {
        "latitude": np.linspace(-80, 80, CELLS),
        "longitude": np.linspace(0, 320, CELLS),
        "variable": "tas",
        "unit": "K",
        "drivers": {"gmst": "K"},
        "baseline": "1850-1900",
        "made_of": "20 years of 251, GMST-stratified",
        "files": {'tas_"a".nc': "0" * 64, "b\udcff.nc": "1" * 64},
    }
    return About(**{**said, **changes})


def world(rng, years=80):
    driver = np.linspace(0, 3, years) + 0.1 * rng.standard_normal(years)
    distance = np.abs(np.subtract.outer(np.arange(CELLS), np.arange(CELLS))) * 800.0
    noise = rng.multivariate_normal(np.zeros(CELLS), np.exp(-distance / 900), years)
    fields = np.outer(driver, np.linspace(0.4, 2, CELLS)) + 0.3 * noise
    fields[:, 2] = np.nan
    return fields, driver, np.ones(CELLS), distance


def used(script: Path, *arguments) -> xr.Dataset:
    """What a script writes, run where nothing of this program can be imported."""
    command = [sys.executable, "-I", str(script), *map(str, arguments)]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(arguments[1]) as file:
        return file.load()


def table(path: Path, driver: np.ndarray) -> Path:
    np.savetxt(path, driver, delimiter=",", fmt="%.17g")
    return path


@pytest.mark.parametrize("drivers", [1, 2])
def test_ten_lines_predict_what_the_emulator_predicts(workspace, rng, tmp_path, drivers):
    fields, driver, weight, _ = world(rng)
    driver = driver if drivers == 1 else np.c_[driver, rng.standard_normal(80)]
    emulator = pattern_scaling.fit(fields, driver, weight)
    names = {"gmst": "K"} if drivers == 1 else {"co2": "Gt", "so2": "1"}
    folder = climate_emulator.write(workspace, tmp_path / "out", emulator, about(drivers=names))
    ask = rng.standard_normal((7, drivers)) * 3
    found = used(folder / "use_emulator.py", table(tmp_path / "driver.csv", ask), tmp_path / "fields.nc")
    np.testing.assert_allclose(found.field.values, emulator.predict(ask), rtol=0, atol=1e-12)
    assert found.field.units == "K"
    assert found.lat.values.tolist() == about().latitude.tolist()
    body = PREDICT.split("import xarray as xr\n")[1].split("\n")
    assert len([line for line in body if line]) <= 10
    assert not (folder / "draw_members.py").exists()


def test_an_ensemble_is_drawn_without_this_program(workspace, rng, tmp_path):
    fields, driver, weight, distance = world(rng)
    emulator = variability.fit(fields, driver, weight, distance=distance, radii=[1500])
    folder = climate_emulator.write(workspace, tmp_path / "out", emulator, about())
    ask = np.column_stack([np.linspace(0, 2, 30), 0.1 * rng.standard_normal(30)])
    path = table(tmp_path / "driver.csv", ask)
    mean = used(folder / "use_emulator.py", path, tmp_path / "fields.nc")
    np.testing.assert_allclose(mean.field.values, emulator.predict(ask), rtol=0, atol=1e-12)
    drawn = used(folder / "draw_members.py", path, tmp_path / "members.nc", 3, 8)
    wanted = emulator.draw(ask, 3, np.random.default_rng(8))
    np.testing.assert_allclose(drawn.field.values, wanted, rtol=0, atol=1e-12)
    assert np.isnan(wanted[:, :, 2]).all()


def test_the_file_says_what_it_holds_and_where_it_is_from(workspace, rng, tmp_path):
    fields, driver, weight, distance = world(rng)
    emulator = variability.fit(fields, driver, weight, distance=distance, radii=[1500])
    folder = climate_emulator.write(workspace, tmp_path / "out", emulator, about())
    with xr.open_dataset(folder / "emulator.nc") as file:
        assert {name for name in file.variables if "units" not in file[name].attrs} == {
            "driver",
            "driver_unit",
            "covariance_cell",
        }
        assert file.slope.units == "K K-1"
        assert file.noise_covariance.units == "K2"
        assert file.driver.values.tolist() == ["forced", "residual"]
        assert file.covariance_cell.values.tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
        assert file.covariance.values.tolist() == emulator.whole.tolist()
        assert file.noise_covariance.values.tolist() == emulator.noise.tolist()
        assert file.global_coefficient.values.tolist() == emulator.globe.coefficients.tolist()
        assert float(file.localization_radius) == 1500
        assert file.attrs["made_of"] == "20 years of 251, GMST-stratified"
        assert file.attrs["made_from_files"].splitlines() == [
            f'tas_"a".nc sha256:{"0" * 64}',
            f"b\\udcff.nc sha256:{'1' * 64}",
        ]
        assert file.attrs["baseline"] == "1850-1900"


@pytest.mark.parametrize(("unit", "square"), [("mm day-1", "mm2 day-2"), ("W m-2", "W2 m-4"), ("K", "K2")])
def test_a_variance_is_in_the_square_of_the_unit(rng, unit, square):
    fields, driver, weight, distance = world(rng)
    emulator = variability.fit(fields, driver, weight, distance=distance, radii=[1500])
    made = climate_emulator.dataset(emulator, about(unit=unit))
    assert made.noise_covariance.units == made.local_variance.units == square


def test_a_slope_is_in_the_unit_per_unit_of_its_driver(rng):
    fields, driver, weight, _ = world(rng)
    both = np.column_stack([driver, rng.standard_normal(len(driver))])
    emulator = pattern_scaling.fit(fields, both, weight)
    made = climate_emulator.dataset(emulator, about(drivers={"gas": "W m-2", "aerosol": "W m-2"}))
    assert made.slope.units == "K (W m-2)-1"
    one = climate_emulator.dataset(pattern_scaling.fit(fields, driver, weight), about())
    assert one.slope.units == "K K-1"


def test_the_same_emulator_is_the_same_file_and_nothing_of_others_is_replaced(workspace, rng, tmp_path):
    fields, driver, weight, _ = world(rng)
    emulator = pattern_scaling.fit(fields, driver, weight)
    for name in ("one", "two"):
        climate_emulator.write(workspace, tmp_path / name, emulator, about())
    climate_emulator.write(workspace, tmp_path / "one", emulator, about())  # over its own earlier result
    for name in ("emulator.nc", "use_emulator.py"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "emulator.nc").write_text("my own work")
    with pytest.raises(BadRequest, match="is there already"):
        climate_emulator.write(workspace, tmp_path / "mine", emulator, about())
    assert (tmp_path / "mine" / "emulator.nc").read_text() == "my own work"


def test_what_cannot_be_exported_is_refused_in_one_line(rng):
    fields, driver, weight, _ = world(rng)
    emulator = pattern_scaling.fit(fields, driver, weight)
    curve = GaussianProcess(*[np.zeros(CELLS)] * 5, processes=())
    cases = [
        (curve, about(), "A GaussianProcess is no table of slopes"),
        (emulator, about(latitude=np.zeros(4)), "has 9 cells; each needs a latitude and a longitude"),
        (emulator, about(drivers={}), "The emulator has 1 drivers, and 0 are named"),
    ]
    for one, said, words in cases:
        with pytest.raises(BadRequest, match=words):
            climate_emulator.dataset(one, said)
