"""Pools of climate simulations: against plain numpy on real CMIP6 files, and on small files that are written here."""

import datetime
import json
import shutil

import cftime
import numpy as np
import pytest
import xarray as xr

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, MissingFeature
from datasel_core.features.fields.grid import grid_of
from datasel_core.features.roles import Roles
from datasel_core.pools.guess import kind_of
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.readers.climate.grid import Grid
from tests.conftest import real_data, task_of
from tests.pools.simulations import LAT, LON, attributes, dataset, put, run, usual, warming

BASE = {"baseline": "1850-1880"}


def add(workspace, source, **options):
    return add_pool(workspace, "c", str(source), "climate", {**BASE, **options})


def array(workspace, pool, role):
    return np.asarray(Roles.of(workspace, pool).array(role))


def said(pool) -> str:
    return "\n".join([*pool.about["notes"], *(f"{one['id']}: {one['reason']}" for one in pool.unreadable)])


def means(values: np.ndarray) -> np.ndarray:
    """(t,) area means with the cosine of the latitude, in plain words: in radians, and weights sum to 1."""
    weight = np.cos(LAT * np.pi / 180)
    return (values.mean(axis=2) * weight).sum(axis=1) / weight.sum()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs"


def test_samples_are_years_of_runs_with_anomalies_of_their_own_member(workspace, folder):
    values = usual(folder)
    other = run(folder, "historical", 1850, 1909, member=2)
    (folder / "README.txt").write_text("what lies here")
    assert kind_of(folder) == kind_of(folder / "tas_ann_MODEL-1_ssp585_r1i1p1f1_gn.nc") == "climate"
    pool = add(workspace, folder)
    assert pool.columns == ["id", "scenario", "member", "year", "gmst"]
    assert pool.n == 150
    assert pool.ids[[0, 60, -1]].tolist() == [
        "historical/r1i1p1f1/1850",
        "historical/r2i1p1f1/1850",
        "ssp585/r1i1p1f1/1939",
    ]
    base, its = values["historical"][:31].mean(axis=0), other[:31].mean(axis=0)
    expected = np.concatenate([values["historical"] - base, other - its, values["ssp585"] - base])
    field, grid = array(workspace, pool, "field"), grid_of(pool)
    np.testing.assert_allclose(field.reshape(-1, *grid.shape), expected, atol=2e-6)
    np.testing.assert_allclose(pool.column("gmst"), means(expected), atol=1e-12)
    np.testing.assert_allclose(array(workspace, pool, "gmst"), means(expected), atol=1e-6)
    assert (grid.units, grid.baseline, grid.variable, grid.calendar) == ("K", "1850-1880", "tas", "noleap")
    assert grid.weight.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_allclose(grid.lat.reshape(grid.shape)[:, 0], LAT)
    np.testing.assert_allclose(grid.lon.reshape(grid.shape)[0], LON)
    np.testing.assert_allclose(grid.mean(field), means(expected), atol=1e-6)
    near = array(workspace, pool, "embedding").astype(float)
    apart = np.sqrt(means((expected[3:4] - expected[140:141]) ** 2))
    assert np.linalg.norm(near[3] - near[140]) == pytest.approx(float(apart[0]), rel=1e-5)
    assert "1 run goes on at 1909/1910" in said(pool)


@pytest.mark.skipif(real_data() is None, reason="the real data are not beside the repository")
def test_real_files_give_the_published_error_of_pattern_scaling(workspace):
    source = real_data() / "climate" / "cmip6"
    pool = add(workspace, source, baseline="1850-1900")
    assert (pool.n, pool.left_out) == (588, 0)
    field, gmst = (array(workspace, pool, role).astype(np.float64) for role in ("field", "gmst"))
    scenario, member, year = (pool.column(name) for name in ("scenario", "member", "year"))
    first = member == "r1i1p1f1"
    train, test = first & np.isin(scenario, ["historical", "ssp585"]), first & (scenario == "ssp126")
    assert train.sum() == 251

    def design(rows):
        return np.stack([np.ones(rows.sum()), gmst[rows]], axis=1)

    found = np.linalg.solve(design(train).T @ design(train), design(train).T @ field[train])
    late = year[test] >= 2080
    error = (field[test] - design(test) @ found)[late].mean(axis=0)
    lat = np.repeat(np.arange(-85.5, 90, 9), 20)
    weight = np.cos(lat * np.pi / 180) / np.cos(lat * np.pi / 180).sum()
    assert np.sqrt((weight * error**2).sum()) == pytest.approx(0.354289, abs=1e-6)
    assert np.sqrt((weight * field[test][late].mean(axis=0) ** 2).sum()) == pytest.approx(2.734743, abs=1e-6)
    np.testing.assert_allclose(grid_of(pool).weight, weight, rtol=1e-12)
    np.testing.assert_allclose(weight @ found.T, [0, 1], atol=1e-6)  # intercepts average 0, slopes 1
    assert "3 runs go on at 2014/2015" in said(pool)
    assert "10 files hold other variables (hfds, tasmax)" in said(pool)
    assert "tas_mon_IPSL-CM6A-LR_ssp126_r1i1p1f1_g025.nc passed over" in said(pool)


@pytest.mark.skipif(real_data() is None, reason="the real data are not beside the repository")
def test_monthly_files_give_the_annual_ones(workspace, tmp_path):
    """The archive's own annual means weigh all months alike (cdo yearmonmean); days make a difference of hundredths."""
    source = real_data() / "climate" / "cmip6"
    for name in ("tas_mon_IPSL-CM6A-LR_ssp126_r1i1p1f1_g025.nc", "tas_ann_IPSL-CM6A-LR_ssp126_r1i1p1f1_g025.nc"):
        shutil.copy(source / name, tmp_path)
    pools = {}
    for frequency in ("mon", "ann"):
        options = {"baseline": "2015-2034", "frequency": frequency}
        pools[frequency] = add_pool(workspace, frequency, str(tmp_path), "climate", options)
        assert pools[frequency].n == 86
    mon, ann = (array(workspace, pool, "field") for pool in (pools["mon"], pools["ann"]))
    assert 0 < np.abs(mon - ann).max() < 0.15
    with xr.open_dataset(source / "tas_mon_IPSL-CM6A-LR_ssp126_r1i1p1f1_g025.nc") as data:
        days = data.time.dt.days_in_month
        by_days = (data.tas * days).groupby("time.year").sum() / days.groupby("time.year").sum()
        expected = (by_days - by_days[:20].mean("year")).values.reshape(86, -1)
    np.testing.assert_allclose(mon, expected, atol=2e-5)


@pytest.mark.skipif(real_data() is None, reason="the real data are not beside the repository")
def test_an_ocean_variable_keeps_its_gaps_and_has_the_temperature_beside_it(workspace):
    pool = add(workspace, real_data() / "climate" / "cmip6", variable="hfds", baseline="1850-1900")
    field = array(workspace, pool, "field")
    assert np.isnan(field).any(axis=0).sum() == np.isnan(field).all(axis=0).sum() == 147
    assert array(workspace, pool, "embedding").shape == (588, 253)
    warmer = pool.column("gmst")
    assert warmer[(pool.column("scenario") == "ssp585") & (pool.column("year") == 2100)].min() > 5
    assert "areas that do not fit the latitudes" in said(pool)  # they were interpolated from another grid


@pytest.mark.skipif(real_data() is None, reason="the real data are not beside the repository")
def test_files_without_units_are_named_with_the_remedy(workspace):
    source = real_data() / "climate" / "cmip6"
    pool = add(workspace, source, variable="tasmax", baseline="1850-1900")
    assert (pool.n, pool.left_out) == (251, 88)
    assert "tasmax has no units; where they are K, say --option units='K'" in said(pool)
    assert "and no historical/r1i1p1f1" in said(pool)
    assert add(workspace, source, variable="tasmax", baseline="1850-1900", units="K").n == 588


@pytest.mark.parametrize(
    ("calendar", "days"), [("noleap", [31, 28]), ("360_day", [30, 30]), ("standard", [31, 29]), ("julian", [31, 29])]
)
def test_months_are_weighted_by_the_days_of_their_calendar(workspace, folder, calendar, days):
    """Two months differ from the others, in a leap year: their share is their days of the year's days."""
    years = np.array([1852, 1853])
    values = np.full((24, 6, 8), 280.0)
    values[0], values[1] = 290.0, 300.0
    data = dataset(values, years, calendar=calendar, months=True, **attributes("historical"))
    put(folder, data, "historical")
    pool = add(workspace, folder, baseline="1853-1853")
    whole = 360 if calendar == "360_day" else sum(days) + 306
    expected = (10 * days[0] + 20 * days[1]) / whole
    np.testing.assert_allclose(pool.column("gmst"), [expected, 0], atol=1e-9)
    assert "made of monthly means" in said(pool)


def test_a_month_stamped_with_its_last_day_is_the_month_of_its_bounds(workspace, folder):
    years = np.array([1850, 1851])
    data = dataset(np.repeat(warming(years), 12, axis=0), years, months=True, **attributes("historical"))
    edges = [cftime.DatetimeNoLeap(1850 + at // 12, at % 12 + 1, 1) for at in range(25)]
    data = data.assign_coords(time=edges[1:]).assign(
        time_bnds=(("time", "bnds"), list(zip(edges, edges[1:], strict=False)))
    )
    data.time.attrs["bounds"] = "time_bnds"
    put(folder, data, "historical")
    assert add(workspace, folder, baseline="1850-1851").column("year").tolist() == [1850, 1851]


def test_a_year_that_lacks_months_is_left_out_by_name(workspace, folder):
    years = np.arange(1850, 1853)
    data = dataset(np.repeat(warming(years), 12, axis=0), years, months=True, **attributes("historical"))
    put(folder, data.isel(time=slice(0, 31)), "historical")
    pool = add(workspace, folder, baseline="1850-1851")
    assert (pool.n, pool.left_out) == (2, 1)
    assert pool.unreadable == [{"id": "historical/r1i1p1f1/1852", "reason": "it has 7 of its 12 months"}]


def test_latitudes_upside_down_and_longitudes_from_the_west_are_one_grid_with_the_others(workspace, folder, tmp_path):
    values = usual(folder)
    years = np.arange(1910, 1940)
    data = dataset(values["ssp585"], years, **attributes("ssp585"))
    turned = data.isel(lat=slice(None, None, -1)).assign_coords(lon=(data.lon + 180) % 360 - 180).sortby("lon")
    put(tmp_path / "turned", turned, "ssp585")
    shutil.copy(folder / "tas_ann_MODEL-1_historical_r1i1p1f1_gn.nc", tmp_path / "turned")
    one = add_pool(workspace, "one", str(folder), "climate", BASE)
    two = add_pool(workspace, "two", str(tmp_path / "turned"), "climate", BASE)
    np.testing.assert_array_equal(array(workspace, one, "field"), array(workspace, two, "field"))
    assert one.fingerprint == two.fingerprint
    assert "1 files have latitudes from north to south" in said(two)


def test_weights_are_those_of_bounds_or_areas_where_these_are_there(workspace, folder):
    years = np.arange(1850, 1881)
    south = np.array([-90, -40, -10, 0, 20, 60, 90.0])
    lat = (south[1:] + south[:-1]) / 2
    data = dataset(warming(years), years, **attributes("historical")).assign_coords(lat=lat)
    data.lat.attrs = {"units": "degrees_north"}
    areas = np.repeat(np.diff(np.sin(np.deg2rad(south))), 8)
    exact = areas / areas.sum()
    with_bounds = data.assign(lat_bnds=(("lat", "bnds"), np.stack([south[:-1], south[1:]], axis=1)))
    with_bounds.lat.attrs["bounds"] = "lat_bnds"
    put(folder, with_bounds, "historical")
    grid = grid_of(add(workspace, folder))
    assert grid.by == "bounds of latitude"
    np.testing.assert_allclose(grid.weight, exact, rtol=1e-12)
    shutil.rmtree(folder)
    put(folder, data.assign(areacella=(("lat", "lon"), exact.reshape(6, 8) * 5.1e14 * 1.001)), "historical")
    grid = grid_of(add(workspace, folder))
    assert grid.by == "the areas of the cells"
    np.testing.assert_allclose(grid.weight, exact, rtol=1e-12)
    shutil.rmtree(folder)
    put(folder, data, "historical")
    grid = grid_of(add(workspace, folder))
    middle = np.concatenate([[-90], (lat[1:] + lat[:-1]) / 2, [90]])
    assert grid.by == "bounds midway between latitudes"
    np.testing.assert_allclose(grid.weight[::8] * 8, np.diff(np.sin(np.deg2rad(middle))) / 2, rtol=1e-12)


def test_a_curvilinear_grid_needs_its_areas(workspace, folder):
    years = np.arange(1850, 1881)
    data = dataset(warming(years), years, **attributes("historical"))
    both = np.meshgrid(LAT, LON, indexing="ij")
    bent = data.drop_vars(["lat", "lon"]).rename(lat="j", lon="i")
    bent = bent.assign_coords(lat=(("j", "i"), both[0] + both[1] / 100), lon=(("j", "i"), both[1]))
    bent.lat.attrs["units"], bent.lon.attrs["units"] = "degrees_north", "degrees_east"
    put(folder, bent, "historical")
    with pytest.raises(
        BadInput, match="curvilinear grid of 6 x 8 cells, whose areas are not there; put their areacello"
    ):
        add(workspace, folder)
    area = np.arange(48.0).reshape(6, 8)
    xr.Dataset({"areacello": (("j", "i"), area)}).to_netcdf(folder / "areacello_fx_MODEL-1_historical_r1i1p1f1_gn.nc")
    grid = grid_of(add(workspace, folder))
    np.testing.assert_allclose(grid.weight, area.ravel() / area.sum())
    assert not grid.is_regular


def rotated(data):
    data = data.rename(lat="rlat", lon="rlon")
    data.rlat.attrs = {"standard_name": "grid_latitude", "units": "degrees"}
    data.rlon.attrs = {"standard_name": "grid_longitude", "units": "degrees"}
    data["pole"] = ((), 0, {"grid_mapping_name": "rotated_latitude_longitude"})
    data.tas.attrs["grid_mapping"] = "pole"
    return data


def unstructured(data):
    cells = data.stack(cell=("lat", "lon")).reset_index("cell")
    return cells.assign_coords(
        lat=("cell", cells.lat.values, {"units": "degrees_north"}),
        lon=("cell", cells.lon.values, {"units": "degrees_east"}),
    )


def with_units(units, less=0.0):
    return lambda data: data.assign(
        tas=(data.tas - less).drop_attrs().assign_attrs({} if units is None else {"units": units})
    )


def daily(data):
    first = data.time.values[0]
    return data.assign_coords(time=[first + datetime.timedelta(days=at) for at in range(31)])


WRONG = [
    (rotated, "tas lies on a rotated-pole grid, which covers a region"),
    (unstructured, r"tas lies on an unstructured grid \(48 cells in one row\)"),
    (lambda data: data.isel(lat=slice(3, 6)), r"covers latitudes 15 to 75 and longitudes 0 to 315, a region"),
    (lambda data: data.isel(lon=slice(0, 4)), "a region; a global mean needs the whole Earth"),
    (with_units("furlong"), "the units of tas are 'furlong'; known are K"),
    (with_units("mm day-1"), "it is a temperature, in K or degC"),
    (with_units("K", 273.15), "is said to be in K, which makes its mean"),
    (with_units(None), "tas has no units; where they are K, say --option units='K'"),
    (lambda data: data.rename(tas="ts"), r"has no tas in its 1 files; there is ts \(--option variable=NAME\)"),
    (lambda data: data.isel(time=0, drop=True), "tas has no axis of time; its dimensions are lat, lon"),
    (lambda data: data.expand_dims(plev=3), "tas has 3 values along plev in each cell; write one of them to a file"),
    (lambda data: data.assign_coords(time=data.time[[0, *range(30)]]), "1850 stands twice on its axis of time"),
    (daily, "its steps are 1 d apart"),
    (lambda data: data.assign(tas=data.tas.where(False)), "nothing but fill values"),
]


@pytest.mark.parametrize(("change", "line"), WRONG)
def test_what_cannot_be_read_is_one_clear_line(workspace, folder, change, line):
    years = np.arange(1850, 1881)
    data = dataset(warming(years), years, **attributes("historical"))
    path = put(folder, data, "historical")
    path.unlink()
    change(data).to_netcdf(path, engine="netcdf4")
    with pytest.raises(BadInput, match=line) as caught:
        add(workspace, path)
    assert "\n" not in str(caught.value)
    assert not (workspace.path / "pools").exists()


def test_values_are_changed_to_one_unit_and_it_is_said(workspace, folder):
    values = usual(folder)
    years = np.arange(1910, 1940)
    put(folder, dataset(values["ssp585"] - 273.15, years, units="degC", **attributes("ssp585")), "ssp585")
    pool = add(workspace, folder)
    expected = means(values["ssp585"] - values["historical"][:31].mean(axis=0))
    np.testing.assert_allclose(pool.column("gmst")[60:], expected, atol=1e-9)
    assert "Values in degC were changed to K." in said(pool)
    rain = 3.5e-5 * (1 + (warming(years) - 288) / 1000)
    years = np.arange(1850, 1880)
    put(folder, dataset(rain, years, variable="pr", units="kg m-2 s-1", **attributes("historical")), "historical")
    pool = add(workspace, folder, variable="pr", baseline="1850-1879")
    assert grid_of(pool).units == "mm day-1"
    expected = 86400 * (rain - rain.mean(axis=0)).reshape(30, -1)
    np.testing.assert_allclose(array(workspace, pool, "field"), expected, atol=1e-6)
    put(folder, dataset(rain, years, variable="pr", units="mm day-1", **attributes("historical")), "historical")
    with pytest.raises(BadInput, match="pr is said to be in mm day-1, which makes its mean over the Earth"):
        add(workspace, folder, variable="pr", baseline="1850-1879")


def test_files_on_different_grids_are_named(workspace, folder):
    usual(folder)
    years = np.arange(1910, 1940)
    data = dataset(warming(years), years, **attributes("ssp126")).interp(lon=np.arange(0, 301, 60))
    put(folder, data, "ssp126")
    with pytest.raises(BadInput, match=r"lie on different grids \(6 x 8 and 6 x 6 cells\); keep the files of one grid"):
        add(workspace, folder)


def test_one_that_is_no_netcdf_is_left_out_by_name_and_alone_it_is_refused(workspace, folder):
    usual(folder)
    broken = folder / "tas_ann_MODEL-1_ssp126_r1i1p1f1_gn.nc"
    broken.write_bytes(b"no NetCDF at all")
    cut = folder / "tas_ann_MODEL-1_ssp245_r1i1p1f1_gn.nc"
    cut.write_bytes((folder / "tas_ann_MODEL-1_ssp585_r1i1p1f1_gn.nc").read_bytes()[:3000])
    pool = add(workspace, folder)
    assert (pool.n, pool.left_out) == (90, 2)
    assert f"{broken.name}: {broken.name} is not a NetCDF file that can be read" in said(pool)
    assert f"{cut.name} is not a NetCDF file that can be read" in said(pool)
    with pytest.raises(BadInput, match=f"{broken.name} is not a NetCDF file that can be read") as caught:
        add_pool(workspace, "d", str(broken), "climate")
    assert str(folder) not in str(caught.value)


def test_a_missing_past_is_said_with_what_is_there(workspace, folder):
    usual(folder)
    run(folder, "ssp585", 1910, 1939, member=2)
    pool = add(workspace, folder)
    assert (pool.n, pool.left_out) == (90, 30)
    assert (
        "ssp585/r2i1p1f1: its baseline 1850-1880 lacks 31 years: there is ssp585/r2i1p1f1 1910-1939, and no "
        "historical/r2i1p1f1; name another with --option baseline, or add the missing run"
    ) in said(pool)
    with pytest.raises(BadInput, match="its baseline 1800-1850 lacks 50 years: there is historical/r1i1p1f1 1850-1909"):
        add(workspace, folder, baseline="1800-1850")


def test_an_idealised_run_is_never_its_own_baseline(workspace, folder):
    """It has warmed in its first years already: its zero is that of the historical run of its member."""
    values = usual(folder)
    apart = {one: 5 + run(folder, one, 1850, 1899) for one in ("abrupt-4xCO2", "hist-aer")}
    for scenario, field in apart.items():
        named = attributes(scenario) | {"parent_experiment_id": "piControl"}
        put(folder, dataset(field, np.arange(1850, 1900), **named), scenario)
    run(folder, "piControl", 1600, 1700)
    pool = add(workspace, folder)
    base = values["historical"][:31].mean(axis=0)
    for scenario, field in apart.items():
        mine = pool.column("scenario") == scenario
        np.testing.assert_allclose(pool.column("gmst")[mine], means(field - base), atol=1e-5)
        assert pool.column("gmst")[mine].min() > 4
    assert pool.column("gmst")[pool.column("scenario") == "piControl"].max() < -1
    assert "abrupt" not in said(pool)


def test_without_a_past_an_idealised_run_goes_by_its_control_run(workspace, folder):
    usual(folder)
    control = run(folder, "piControl", 1700, 1800, member=3)
    field = 5 + run(folder, "1pctCO2", 1850, 1899, member=3)
    named = attributes("1pctCO2", "r3i1p1f1") | {"parent_experiment_id": "piControl"}
    put(folder, dataset(field, np.arange(1850, 1900), **named), "1pctCO2", "r3i1p1f1")
    run(folder, "abrupt-4xCO2", 1850, 1899, member=2)
    pool = add(workspace, folder)
    for scenario, its in (("1pctCO2", field), ("piControl", control)):
        mine = pool.column("scenario") == scenario
        np.testing.assert_allclose(pool.column("gmst")[mine], means(its - control.mean(axis=0)), atol=1e-5)
    assert "1pctCO2/r3i1p1f1, piControl/r3i1p1f1: anomalies to the mean of all years of piControl/r3i1p1f1." in said(
        pool
    )
    assert (
        "abrupt-4xCO2/r2i1p1f1: its own first years are no baseline, and there is neither historical/r2i1p1f1 nor "
        "piControl/r2i1p1f1; add one of them"
    ) in said(pool)
    assert pool.left_out == 50


def test_years_that_stand_twice_are_taken_once_or_refused(workspace, folder):
    values = usual(folder)["ssp585"]
    years = np.arange(1930, 1940)
    put(folder, dataset(values[20:], years, **attributes("ssp585")), "ssp585", more="193001-193912")
    pool = add(workspace, folder)
    assert pool.n == 90
    assert "ssp585/r1i1p1f1: 1930 to 1939 in two files with equal values, taken once." in said(pool)
    put(folder, dataset(values[20:] + 1, years, **attributes("ssp585")), "ssp585", more="193001-193912")
    with pytest.raises(
        BadInput, match="ssp585/r1i1p1f1 has the year 1930 in .* and in .*, with other values; keep one"
    ):
        add(workspace, folder)


def test_gaps_early_ends_and_joints_are_said(workspace, folder):
    usual(folder)
    years = np.array([*range(1915, 1920), *range(1925, 1931)])
    values = warming(years, 7)
    put(folder, dataset(values, years, **attributes("ssp126")), "ssp126")
    years = np.arange(1910, 1940)
    put(folder, dataset(warming(years, 8) + 5, years, **attributes("ssp245")), "ssp245")
    found = said(add(workspace, folder))
    assert "ssp126/r1i1p1f1 begins in 1915, historical/r1i1p1f1 ends in 1909: 5 years are missing in between." in found
    assert "ssp126/r1i1p1f1 lacks 5 years: 1920, 1921, 1922, 1923, 1924." in found
    assert "ssp126/r1i1p1f1 ends in 1930, 9 years before others of its kind." in found
    assert "ssp245/r1i1p1f1 does not go on from historical/r1i1p1f1: from 1909 to 1910 its mean over the Earth" in found
    assert "1 run goes on at 1909/1910" in found


def test_fill_values_that_nobody_declared_are_gaps_and_a_field_with_other_gaps_is_left_out(workspace, folder):
    years = np.arange(1850, 1881)
    values = warming(years)
    values[:, 2, 3] = 1e20  # land, say
    values[5, 0, 0] = -9.96921e36
    put(folder, dataset(values, years, **attributes("historical")), "historical")
    pool = add(workspace, folder, baseline="1860-1880")
    assert (pool.n, pool.left_out) == (30, 1)
    assert "historical/r1i1p1f1/1855: 1 of its cells have no value that others have" in said(pool)
    field = array(workspace, pool, "field").reshape(30, 6, 8)
    assert np.isnan(field[:, 2, 3]).all()
    assert np.isfinite(field).sum() == 30 * 47


def test_several_members_in_one_file_and_names_that_say_what_attributes_do_not(workspace, folder):
    years = np.arange(1850, 1881)
    both = [dataset(warming(years, member), years) for member in (1, 2)]
    data = xr.concat(both, xr.DataArray(["a", "b"], dims="member", name="member"))
    put(folder, data, "historical", "r9i1p1f1")
    pool = add(workspace, folder)
    assert pool.ids[[0, 31]].tolist() == ["historical/a/1850", "historical/b/1850"]
    expected = warming(years, 2) - warming(years, 2).mean(axis=0)
    np.testing.assert_allclose(array(workspace, pool, "field")[31:], expected.reshape(31, -1), atol=2e-6)
    shutil.rmtree(folder)
    put(folder, both[0], "historical", "r3i1p1f1")
    assert add(workspace, folder).ids[0] == "historical/r3i1p1f1/1850"
    both[0].to_netcdf(folder / "nameless.nc")
    assert "nameless.nc: neither its attributes (experiment_id) nor its name say which scenario" in said(
        add(workspace, folder)
    )


def test_attributes_come_before_names_and_it_is_said(workspace, folder):
    years = np.arange(1850, 1881)
    put(folder, dataset(warming(years), years, **attributes("historical", "r1i1p1f1")), "historical", "r2i1p1f1")
    pool = add(workspace, folder)
    assert pool.ids[0] == "historical/r1i1p1f1/1850"
    assert "is called r2i1p1f1, but its attributes say r1i1p1f1, which is taken." in said(pool)


def test_several_models_have_to_be_told_apart(workspace, folder):
    usual(folder)
    years = np.arange(1850, 1881)
    data = dataset(warming(years, 4), years, **attributes("historical", "r4i1p1f1", "OTHER"))
    put(folder, data, "historical", "r4i1p1f1")
    with pytest.raises(
        BadInput, match=r"There are runs of 2 models \(MODEL-1, OTHER\); name one with --option model=NAME"
    ):
        add(workspace, folder)
    assert add(workspace, folder, model="OTHER").n == 31
    with pytest.raises(BadInput, match="There is no run of the model THIRD; there is MODEL-1, OTHER"):
        add(workspace, folder, model="THIRD")


def test_plain_years_are_years(workspace, folder):
    years = np.arange(1850, 1881)
    data = dataset(warming(years), years, **attributes("historical"))
    put(folder, data.assign_coords(time=years), "historical")
    assert add(workspace, folder).column("year").tolist() == years.tolist()
    put(folder, data.assign_coords(time=years + 0.5), "historical")
    with pytest.raises(BadInput, match="the units of its time are missing; CF writes them as 'days since 1850-01-01'"):
        add(workspace, folder)


def test_zarr_stores_are_read_like_files(workspace, folder, tmp_path):
    usual(folder)
    for path in folder.glob("*.nc"):
        with xr.open_dataset(path, decode_times=xr.coders.CFDatetimeCoder(use_cftime=True)) as data:
            data.to_zarr(tmp_path / "stores" / f"{path.stem}.zarr")
    one = add_pool(workspace, "one", str(folder), "climate", BASE)
    two = add_pool(workspace, "two", str(tmp_path / "stores"), "climate", BASE)
    assert one.fingerprint == two.fingerprint
    store = tmp_path / "stores" / "tas_ann_MODEL-1_historical_r1i1p1f1_gn.zarr"
    assert kind_of(store) == kind_of(tmp_path / "stores") == "climate"
    assert add_pool(workspace, "three", str(store), "climate", BASE).n == 60


def test_a_part_of_a_pool_knows_its_grid_and_others_have_none(workspace, folder, tmp_path):
    usual(folder)
    pool = add(workspace, folder)
    perform(workspace, task_of("pool_cut", name="future", parent="c", where="scenario = 'ssp585'"), Progress())
    cut = load_pool(workspace, "future")
    assert cut.n == 30
    assert grid_of(cut).hash() == grid_of(pool).hash()
    np.testing.assert_array_equal(array(workspace, cut, "field"), array(workspace, pool, "field")[60:])
    np.savez(tmp_path / "v.npz", embedding=np.eye(3))
    with pytest.raises(
        MissingFeature, match="The pool v has no fields on a grid; add NetCDF files with --kind climate"
    ):
        grid_of(add_pool(workspace, "v", str(tmp_path / "v.npz"), "vectors"))


def test_an_area_mean_is_that_of_the_cells_with_a_value(rng):
    values, weight = rng.normal(size=(3, 12)), rng.random(12)
    values[0, [2, 5]], values[2] = np.nan, np.nan
    grid = Grid(np.repeat([-60.0, 0, 60], 4), np.tile([0.0, 90, 180, 270], 3), weight / weight.sum(), (3, 4), "so")
    there = np.isfinite(values[0])
    expected = [np.average(values[0][there], weights=weight[there]), np.average(values[1], weights=weight), np.nan]
    np.testing.assert_allclose(grid.mean(values), expected, rtol=1e-12)
    np.testing.assert_allclose(grid.mean(values[1]), expected[1], rtol=1e-12)
    bent = Grid(rng.random(6), rng.random(6), np.full(6, 1 / 6), (2, 3), "so")
    for one in (grid, bent):
        again = Grid.of(json.loads(json.dumps(one.plain())))
        assert again.hash() == one.hash()


def test_a_baseline_is_two_years(workspace, folder):
    usual(folder)
    for wrong in ("1900-1850", "1850", "from 1850 to 1900"):
        with pytest.raises(
            BadParameter, match="baseline is .*: it must be two years, the first one first, as in 1850-1900"
        ):
            add(workspace, folder, baseline=wrong)


def test_a_folder_without_any_says_so(workspace, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"holds no NetCDF files \(.nc, .nc4, .netcdf, .cdf\) and no .zarr store"):
        add(workspace, tmp_path / "empty")
