"""The files of the synthetic climate, opened as any program for CMIP data opens them."""

import json

import cftime
import numpy as np
import pytest
import xarray as xr

from datasel_core.__main__ import main
from datasel_core.analysis.climate.area import normalised
from datasel_core.analysis.climate.forcing import read
from datasel_core.analysis.climate.mini_climate import LAYERS, SCENARIOS, MiniClimate, forcing
from datasel_core.base.registry import every
from datasel_core.errors import BadRequest
from datasel_core.pools.demo.mini_climate import HFDS, file_name, write_forcing, write_runs
from tests.conftest import task_of

CLIMATE = MiniClimate(6, 8)


@pytest.fixture
def written(tmp_path):
    runs = [CLIMATE.run(scenario, member) for scenario in ("historical", "ssp126") for member in (1, 2)]
    return runs, write_runs(tmp_path, runs, len(runs), CLIMATE.latitudes, CLIMATE.longitudes)


def test_what_was_made_is_what_is_read(written):
    for run, path in zip(*written, strict=True):
        with xr.open_dataset(path) as file:
            assert file["tas"].values.reshape(run.fields.shape) == pytest.approx(run.fields, abs=2e-5)
            assert file["tas"].attrs["units"] == "K"
            assert file["tas"].dims == ("time", "lat", "lon")
            assert [one.year for one in file["time"].values] == run.year.tolist()
            assert (file.attrs["experiment_id"], file.attrs["variant_label"]) == (run.scenario, f"r{run.member}i1p1f1")
            assert path.name == file_name(run.scenario, run.member)


def test_time_has_no_leap_days_and_bounds_meet(written):
    with xr.open_dataset(written[1][0]) as file:
        assert isinstance(file["time"].values[0], cftime.DatetimeNoLeap)
        bounds = file[file["time"].attrs["bounds"]].values
        assert (bounds[1:, 0] == bounds[:-1, 1]).all()
        assert {(after - before).days for before, after in bounds} == {365}
        assert all(before < at < after for at, (before, after) in zip(file["time"].values, bounds, strict=True))


def test_bounds_of_cells_cover_the_earth_and_give_its_weights(written):
    with xr.open_dataset(written[1][0]) as file:
        north, east = (file[file[name].attrs["bounds"]].values for name in ("lat", "lon"))
    assert (north[0, 0], north[-1, 1], east[-1, 1] - east[0, 0]) == (-90, 90, 360)
    area = np.diff(np.sin(np.deg2rad(north)), axis=1)[:, 0]
    assert normalised(np.repeat(area, 8)) == pytest.approx(CLIMATE.weight, abs=1e-12)


def test_what_forces_it_is_a_table_that_is_read_again(tmp_path):
    path = write_forcing(tmp_path, {one: forcing(one) for one in ("historical", "abrupt-4xCO2")})
    table = read(path.read_text())
    assert table.agents == ("gas", "aerosol", "volcanic")
    known = forcing("historical")
    found = table.at(["historical"] * 165, known.year)
    assert (found == np.stack([known.gas, known.aerosol, known.volcanic], axis=1)).all()
    assert table.at(["abrupt-4xCO2"], [1850]).tolist() == [[LAYERS.forcing_4co2, 0, 0]]


def test_it_is_called_synthetic_everywhere(written):
    for path in written[1]:
        assert "SYNTHETIC" in path.name
        with xr.open_dataset(path) as file:
            said = [file.attrs[name] for name in ("title", "source", "source_id", "experiment", "comment")]
            said.append(file["tas"].attrs["long_name"])
        assert all("synthetic" in one.lower() for one in said)
    task = every("task")["mini_climate"]
    assert "synthetic" in (task.summary() + task.title).lower()


def test_heat_of_the_ocean_lies_beside(written):
    for run, path in zip(*written, strict=True):
        beside = path.parent / path.name.replace("tas_ann", "hfds_ann")
        with xr.open_dataset(beside) as file:
            assert file["hfds"].values.reshape(run.heat.shape) == pytest.approx(run.heat, abs=1e-5, nan_ok=True)
            assert (file["hfds"].attrs["units"], file.attrs["variable_id"]) == ("W m-2", "hfds")
            assert "synthetic" in file["hfds"].attrs["long_name"]
            assert "Synthetic" in file.attrs["title"]
            assert 0.05 < float(file["hfds"].isnull().mean()) < 0.6


def test_months_are_files_that_xarray_makes_the_years_of(tmp_path):
    run = CLIMATE.run("historical", 1, monthly=True)
    [path] = write_runs(tmp_path, [run], 1, CLIMATE.latitudes, CLIMATE.longitudes)
    assert path.name == "tas_mon_MINI-SYNTHETIC_historical_r1i1p1f1_gn.nc"
    with xr.open_dataset(path) as file:
        assert (file.sizes["time"], file.attrs["frequency"]) == (12 * 165, "mon")
        days = file.time.dt.days_in_month
        years = (file.tas * days).groupby("time.year").sum() / days.groupby("time.year").sum()
        assert years.values.reshape(run.fields.shape) == pytest.approx(run.fields, abs=5e-5)
        bounds = file[file["time"].attrs["bounds"]].values
        assert all(before < at < after for at, (before, after) in zip(file["time"].values, bounds, strict=True))
        assert (bounds[1:, 0] == bounds[:-1, 1]).all()


def test_the_demo_of_months_has_seasons_and_heat_in_its_card(workspace, capsys):
    sizes = ["--members", "2", "--rows", "4", "--columns", "6", "--scenarios", "historical,ssp126,ssp585"]
    assert main(["mini-climate", *sizes, "--resolution", "monthly"]) == 0
    capsys.readouterr()
    assert main(["emulator", "mini-climate", "--target", "ssp126", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert "Synthetic" in said["notes"][0]
    assert [one["name"] for one in said["seasons"]["means"]] == ["DJF", "MAM", "JJA", "SON"]
    # a cycle that weakens by 3 % per K of warming is smaller than that of the past, which the line tells
    cycle = said["seasons"]["cycle"]
    assert cycle["amplitude_rmse"] < cycle["unchanged"]["amplitude_rmse"]
    [heat] = [one for one in said["physics"] if one["name"] == "heat uptake against warming"]
    assert heat["sentence"].startswith("Per K of warming the ocean takes up ")
    assert {"land", "ocean"} <= {one["name"] for one in said["regions"]}


def test_the_command_writes_files_once_and_refuses_unknown_scenarios(workspace, capsys):
    words = ["mini-climate", "--members", "2", "--rows", "4", "--columns", "6", "--scenarios", "historical, ssp126"]
    assert main(words) == 0
    assert "synthetic" in capsys.readouterr().out
    [folder] = (workspace.path / "demo").glob("mini-climate-*")
    first = {one.name: one.read_bytes() for one in folder.glob("*.nc")}
    assert (folder / "forcing.csv").is_file()
    runs = [(one, m) for one in ("historical", "ssp126") for m in (1, 2)]
    assert sorted(first) == sorted(name for one in runs for name in (file_name(*one), file_name(*one, HFDS)))
    (folder / file_name("ssp126", 2)).unlink()  # a kill between two files: the others stay, that one comes back
    assert main(words) == 0
    with xr.open_dataset(folder / file_name("ssp126", 2)) as file:
        assert file.sizes["time"] == 86
    assert {one.name: one.read_bytes() for one in folder.glob("*.nc")}.keys() == first.keys()
    with pytest.raises(BadRequest, match="There is no scenario called ssp128. Did you mean ssp126"):
        task_of("mini_climate", scenarios="ssp128").prepare(workspace)
    assert len(SCENARIOS) == 7
