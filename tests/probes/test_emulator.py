"""The emulator probe: against lines that numpy fits cell by cell, and never on a scenario that was trained on."""

import json

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.analysis.climate import forcing
from datasel_core.analysis.climate.mini_climate import LAYERS, MiniClimate
from datasel_core.analysis.climate.mini_climate import forcing as demo_forcing
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.evidence import holdout
from datasel_core.features.roles import Roles
from datasel_core.pools.demo.mini_climate import write_runs
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.readers.climate.grid import Grid
from datasel_core.probes.emulator import EmulatorProbe
from datasel_core.probes.evaluate import given_to, run_probe
from tests.conftest import real_data, task_of

CLIMATE = MiniClimate(6, 8)
SCENARIOS = ("historical", "ssp126", "ssp370", "ssp585")


def world(scenarios=SCENARIOS, members=2):
    """Roles as a probe is given them, of the synthetic climate."""
    runs = [CLIMATE.run(one, member) for one in scenarios for member in range(1, members + 1)]
    grid = Grid(CLIMATE.lat, CLIMATE.lon, CLIMATE.weight, (6, 8), "cos(lat)")
    said = {**grid.plain(), "variable": "tas", "units": "K", "baseline": "1850-1900"}
    base = {one.member: one.fields[one.year <= 1900].mean(axis=0) for one in runs if one.scenario == "historical"}
    fields = np.concatenate([one.fields - base[one.member] for one in runs])
    return {
        "field": fields.astype(np.float32),
        "gmst": (fields @ CLIMATE.weight).astype(np.float32),
        "run": np.repeat(np.arange(len(runs)), [len(one.year) for one in runs]).astype(np.float32),
        "year": np.concatenate([one.year for one in runs]).astype(np.float32),
        "group": np.concatenate([np.repeat(one.scenario, len(one.year)) for one in runs]),
        "facts": {"field": {"grid": said}},
        "n": len(fields),
    }


def table() -> str:
    """What forces the synthetic climate, as a person would bring it."""
    lines = ["scenario,year,gas,aerosol,volcanic"]
    for one in SCENARIOS:
        given = demo_forcing(one)
        columns = zip(given.year, given.gas, given.aerosol, given.volcanic, strict=True)
        lines += [f"{one},{year},{gas},{aerosol},{ash}" for year, gas, aerosol, ash in columns]
    return "\n".join(lines)


def test_it_is_the_error_of_lines_that_numpy_fits(rng):
    roles = world()
    train = rng.permutation(np.flatnonzero(np.isin(roles["group"], ["historical", "ssp585"])))[:90]
    test = np.flatnonzero(roles["group"] == "ssp126")[::-3]
    x, truth, area = (roles["field"].astype(float) @ CLIMATE.weight, roles["field"].astype(float), CLIMATE.weight)
    told = np.stack([np.polyval(np.polyfit(x[train], truth[train, at], 1), x[test]) for at in range(48)], axis=1)
    expected = ((told - truth[test]) ** 2) @ area
    found = EmulatorProbe().each(roles, train, test)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    said = EmulatorProbe().measure(roles, train, test)
    assert said["rmse"] == pytest.approx(np.sqrt(expected.mean()), abs=1e-6)
    first = roles["run"][test] == roles["run"][test].min()
    pattern = np.sqrt(((told - truth[test])[first].mean(axis=0) ** 2) @ area)
    assert said["by_run"]["ssp126/2"]["rmse_s"] == pytest.approx(pattern, rel=1e-9)
    assert "true GMST of the target, which an emulator in use does not have" in said["driver"]


def test_a_scenario_is_no_judge_of_what_was_fitted_to_it():
    """Another member of it is as little a judge."""
    roles = world()
    one, other = (np.flatnonzero(roles["run"] == number) for number in (6, 7))
    assert set(roles["group"][np.concatenate([one, other])]) == {"ssp585"}
    with pytest.raises(BadRequest, match="ssp585 is both trained on and tested on, so the test proves nothing"):
        EmulatorProbe().each(roles, np.concatenate([np.arange(100), one]), other)
    with pytest.raises(BadRequest, match="Nothing was kept"):
        EmulatorProbe().each(roles, one[:0], other)
    with pytest.raises(BadRequest, match="Nothing says which scenario a year is of"):
        EmulatorProbe().each({name: one for name, one in roles.items() if name != "group"}, one, other)


def test_another_pool_must_be_of_the_same_variable_and_grid():
    roles, rows = world(), np.arange(80)
    grid = {**roles["facts"]["field"]["grid"]}
    for changed, line in (
        ({"variable": "pr"}, "The variable of what is kept is tas, of the target pr"),
        ({"baseline": "1995-2014"}, "The baseline of what is kept is 1850-1900, of the target 1995-2014"),
        ({"lon": [one + 2 for one in grid["lon"]]}, "lie on different grids"),
    ):
        there = {**world(("historical", "ssp126")), "facts": {"field": {"grid": {**grid, **changed}}}}
        with pytest.raises(BadRequest, match=line):
            EmulatorProbe().judged(roles, rows, [(there, np.arange(340, 400))])


@pytest.mark.parametrize("kind", ["pattern_scaling", "gaussian_process", "cnn", "variability"])
def test_every_emulator_tells_more_than_nothing(kind):
    roles = world()
    train = np.flatnonzero(np.isin(roles["group"], ["historical", "ssp585"]))
    train = train if kind == "variability" else train[::5]
    test = np.flatnonzero(roles["group"] == "ssp370")
    found = EmulatorProbe(kind=kind).each(roles, train, test)
    nothing = (roles["field"][test].astype(float) ** 2) @ CLIMATE.weight
    assert found.mean() < 0.1 * nothing.mean()


def test_the_driver_is_named_and_decides(tmp_path):
    """The temperature that an energy balance makes of forcing is near the forced one, which is known here."""
    roles, path = world(), tmp_path / "forcing.csv"
    path.write_text(table())
    train = np.flatnonzero(np.isin(roles["group"], ["historical", "ssp585"]))
    test = np.flatnonzero(roles["group"] == "ssp370")
    probes = [EmulatorProbe(driver=one, forcing=str(path)) for one in ("gmst", "emulated", "forcing")]
    errors = [one.each(roles, train, test).mean() for one in probes]
    assert errors[0] < errors[1] < 0.1 * (roles["field"][test].astype(float) ** 2 @ CLIMATE.weight).mean()
    assert len({one.each_is for one in probes}) == 3
    assert probes[0].what() != EmulatorProbe(forcing="").what()
    with pytest.raises(BadRequest, match="The driver emulated needs a table of forcing; name one with --forcing"):
        EmulatorProbe(driver="emulated").each(roles, train, test)


def test_an_energy_balance_is_found_again():
    """Of one with the two time scales that are looked for, its temperature is told to the last digits; the table is
    read with the past before a scenario.
    """
    known = forcing.read(table())
    made = forcing.Response(-0.2, np.array([0.3, 0.5]))
    scenario, year = np.repeat(["historical", "ssp585"], [165, 86]), np.arange(1850, 2101)
    found = forcing.Response.fit(known, scenario, year, made.gmst(known, scenario, year))
    np.testing.assert_allclose([found.constant, *found.per], [-0.2, 0.3, 0.5], atol=1e-9)
    # a state by steps that are small, of one layer, against the closed form of a year
    total, state, mean = known.at(scenario, year).sum(axis=1), 0.0, []
    for now in total:
        inside = now + (state - now) * np.exp(-(np.arange(4000) + 0.5) / 4000 / forcing.TIME_SCALES[0])
        mean.append(inside.mean())
        state = now + (state - now) * np.exp(-1 / forcing.TIME_SCALES[0])
    np.testing.assert_allclose(known.relaxed(scenario, year)[:, 0], mean, atol=1e-7)
    own = LAYERS.run(total)[1:, 1]
    told = forcing.Response.fit(known, scenario, year, own).gmst(known, scenario, year)
    assert np.abs(told - own).max() < 0.25


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "has the columns none; give a CSV with the columns scenario, year"),
        ("scenario,year\na,1850", "has the columns scenario, year; give a CSV"),
        ("scenario,year,co2\na,1850,x", "Line 2 of the table of forcing is no scenario, year, co2"),
        ("scenario,year,co2\na,1850,1\na,1850,2", "Line 3 of the table of forcing repeats a 1850"),
        ("scenario,year,co2\n", "has no line"),
    ],
)
def test_a_table_of_forcing_that_is_none_is_refused(text, line):
    with pytest.raises(BadRequest, match=line):
        forcing.read(text)
    known = forcing.read("scenario,year,co2\na,1850,1\na,1852,2\n")
    with pytest.raises(BadRequest, match="has no b of 1850; it has a"):
        known.at(["b"], [1850])
    with pytest.raises(BadRequest, match="The forcing of a lacks 1851"):
        known.relaxed(["a"], [1850])


def test_a_table_of_evidence_compares_by_it(workspace, tmp_path, capsys):
    runs = [CLIMATE.run(one, 1) for one in SCENARIOS]
    (tmp_path / "runs").mkdir()
    write_runs(tmp_path / "runs", runs, len(runs), CLIMATE.latitudes, CLIMATE.longitudes)
    pool = add_pool(workspace, "mini", str(tmp_path / "runs"), "climate")
    holdout.draw(workspace, pool, "45%", by="scenario")
    aside = set(pool.column("scenario")[holdout.holdout.held_out(pool).rows(pool)].tolist())
    assert len(aside) == 2
    asked = {"methods": "gmst_stratified", "budgets": "12", "seeds": 2, "probe": "emulator", "measures": "none"}
    found = perform(workspace, task_of("evidence", pool="mini", **asked), Progress()).document
    [measure] = found["measures"]
    assert (found["measure"], measure["better"]) == ("emulator", "lower")
    assert "driver: true GMST of the target" in json.dumps(found)
    assert main(["select", "mini", "gmst_stratified", "--budget", "12", "--json"]) == 0
    folder = workspace.run(json.loads(capsys.readouterr().out)["key"])
    said = run_probe(workspace, folder, "emulator", Progress())
    assert {name.split("/")[0] for name in said["by_run"]} == aside


@pytest.mark.skipif(real_data() is None, reason="the real data are not beside the repository")
def test_the_golden_number_of_real_simulations(workspace):
    pool = add_pool(workspace, "c", str(real_data() / "climate" / "cmip6"), "climate")
    probe, roles = EmulatorProbe(), Roles.of(workspace, load_pool(workspace, "c"))
    scenario, member, year = (pool.column(one) for one in ("scenario", "member", "year"))
    train = np.flatnonzero((member == "r1i1p1f1") & np.isin(scenario, ["historical", "ssp585"]))
    test = np.flatnonzero((scenario == "ssp126") & (year >= 2080))
    said = probe.measure(given_to(probe, pool, roles), train, test)
    assert said["rmse_s"] == pytest.approx(0.354289, abs=1e-6)
    assert said["rmse_g"] == pytest.approx(0, abs=1e-6)


def test_eruptions_are_told_where_the_table_has_them_and_else_said_to_be_left_out(tmp_path):
    """At 20 W m-2 per unit of depth, against the demo's own formulas."""
    known = demo_forcing("historical")
    depth = forcing.read(table()).depth(["historical"] * 165, known.year)
    assert depth == pytest.approx(-known.volcanic / 20)
    assert depth.max() > 0.1
    with pytest.raises(BadRequest, match="has no eruption in these years: volcanic is the same in all"):
        forcing.read(table()).depth(["historical"] * 30, known.year[:30])
    with pytest.raises(BadRequest, match="has no column volcanic; it has co2"):
        forcing.read("scenario,year,co2\na,1850,1\n").depth(["a"], [1850])
    roles = world()
    train, test = (np.flatnonzero(np.isin(roles["group"], one)) for one in (["historical", "ssp585"], ["ssp126"]))
    (tmp_path / "forcing.csv").write_text(table())
    without, given = (
        EmulatorProbe(kind="variability", forcing=one).measure(roles, train, test)
        for one in ("", str(tmp_path / "forcing.csv"))
    )
    assert without["volcanoes"] == "left out: no table of forcing was given"
    assert given["volcanoes"] == "told by the volcanic forcing of the table"
    assert without["rmse"] != given["rmse"]
    assert "volcanoes" not in EmulatorProbe().measure(roles, train, test)
