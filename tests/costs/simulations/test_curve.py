"""Error against years bought: published numbers on the real files, brute force, sides that overlap, and its command."""

import json

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.years import warnings
from datasel_core.costs.simulations import curve
from datasel_core.costs.simulations.purchase import bought
from datasel_core.costs.simulations.sides import Runs, runs_of, sides
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.pools import holdout
from tests.analysis.climate import real
from tests.conftest import real_data
from tests.pools import simulations

PERIOD = "1930-1939"


@pytest.fixture
def pool(workspace, tmp_path):
    """Three futures of one past, one of them with two members."""
    folder = tmp_path / "runs"
    simulations.run(folder, "historical", 1850, 1909)
    simulations.run(folder, "historical", 1850, 1909, member=2)
    for at, name in enumerate(("ssp126", "ssp245", "ssp585")):
        simulations.run(folder, name, 1910, 1939 + at)
    simulations.run(folder, "ssp585", 1910, 1939, member=2)
    return add_pool(workspace, "warm", str(folder), "climate", {"baseline": "1850-1880"})


def asked(capsys, *more):
    """The document of the command."""
    period = [] if "--period" in more else ["--period", PERIOD]
    code = main(["years", "warm", *period, *more, "--json"])
    out = capsys.readouterr()
    assert code == 0, out.err
    return json.loads(out.out)


@real.needed
def test_the_numbers_that_are_known_of_the_real_files(workspace, monkeypatch, capsys):
    """methods.md, section 7: 20 years at random .379 K, from .33 to .43; stratified .384; the first 20, 3.1; all .354;
    zero anomaly 2.734743, persistence 1.537232, uniform GMST 1.377702; noise .218913 / sqrt 2.
    """
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(real_data()))
    add_pool(workspace, "warm", str(real_data() / "climate" / "cmip6"), "climate")
    training = ["--training", "historical/r1i1p1f1,ssp585/r1i1p1f1"]
    said = asked(capsys, "--target", "ssp126", *training, "--budgets", "20,all", "--period", "2080-2100")
    assert said["budgets"] == [20, 251]
    found = {one["method"]: one["rmse_s"] for one in said["lines"]}
    assert found["gmst_stratified"] == pytest.approx([0.384, 0.354289], abs=5e-4)
    assert found["contiguous"] == pytest.approx([3.08, 0.354289], abs=0.01)
    assert said["all"] == pytest.approx(0.354289, abs=1e-6)
    assert said["random"]["mean"][0] == pytest.approx(0.379, abs=0.006)
    assert (said["random"]["low"][0], said["random"]["high"][0]) == pytest.approx((0.33, 0.43), abs=0.02)
    assert said["baselines"] == pytest.approx(
        {"zero anomaly": 2.734743, "persistence": 1.537232, "uniform GMST": 1.377702}, abs=1e-6
    )
    assert said["floor"]["s"] == pytest.approx(0.218913 / np.sqrt(2), abs=1e-6)
    assert (said["floor"]["scenario"], said["floor"]["own"]) == ("ssp585", False)


@real.needed
def test_influence_that_fits_its_reference_more_than_the_climate_is_said(workspace, monkeypatch, capsys):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(real_data()))
    add_pool(workspace, "warm", str(real_data() / "climate" / "cmip6"), "climate")
    which = ["--target", "ssp126", "--reference", "ssp585/r2i1p1f1"]
    assert main(["years", "warm", *which, "--budgets", "20,80"]) == 0
    out = capsys.readouterr()
    assert "With 20 years: Warning: chosen by influence on ssp585/r2i1p1f1, the error there falls from" in out.err
    assert "With 80 years" not in out.err  # there the error falls on the target, too


def test_each_choice_is_a_line_per_cell_fitted_to_its_years(pool, capsys):
    """By numpy's own least squares, cell by cell, on what is read from the files."""
    said = asked(capsys, "--target", "ssp245", "--budgets", "8,all", "--methods", "extremes")
    runs, weight = runs_of(pool), np.repeat(np.cos(np.deg2rad(simulations.LAT)), simulations.COLUMNS)
    weight /= weight.sum()
    files = {}
    for scenario, last, member in (
        ("historical", 1909, 1),
        ("historical", 1909, 2),
        ("ssp126", 1939, 1),
        ("ssp245", 1940, 1),
        ("ssp585", 1941, 1),
        ("ssp585", 1939, 2),
    ):
        years = np.arange(1850 if scenario == "historical" else 1910, last + 1)
        files[f"{scenario}/r{member}i1p1f1"] = simulations.warming(years, member).reshape(len(years), -1)
    base = {member: files[f"historical/{member}"][:31].mean(axis=0) for member in ("r1i1p1f1", "r2i1p1f1")}
    fields = {name: values - base[name.split("/")[1]] for name, values in files.items()}
    learned = np.concatenate([fields[one] for one in runs.names if not one.startswith("ssp245")])
    x, order = learned @ weight, np.argsort(learned @ weight, kind="stable")
    truth = fields["ssp245/r1i1p1f1"][20:30]
    for at, chosen in ((0, [*order[:4], *order[-4:]]), (1, order)):
        design = np.stack([np.ones(len(chosen)), x[chosen]], axis=1)
        line = np.linalg.lstsq(design, learned[chosen], rcond=None)[0]
        missed = np.array([1, (truth @ weight).mean()]) @ line - truth.mean(axis=0)
        assert said["lines"][0]["rmse_s"][at] == pytest.approx(np.sqrt(missed**2 @ weight), rel=1e-4)
    zero = np.sqrt(truth.mean(axis=0) ** 2 @ weight)
    assert said["baselines"]["zero anomaly"] == pytest.approx(zero, rel=1e-5)
    assert "persistence" not in said["baselines"]  # 1995-2014 are not there


def test_years_to_simulate_are_those_that_are_priced(pool, rng):
    runs = runs_of(pool)
    learned = np.flatnonzero(runs.scenario != "ssp245")
    choices = np.array([rng.choice(len(learned), 5, replace=False) for _ in range(20)])
    begins = {one: int(runs.year[runs.name == one].min()) for one in runs.names}
    each = [[(*runs.name[row].split("/"), int(runs.year[row])) for row in learned[one]] for one in choices]
    expected = [bought(years, "run", begins).simulated for years in each]
    assert curve.simulated(runs, learned, choices).tolist() == expected


def test_sides_are_kept_apart_and_what_is_set_aside_is_not_trained_on(pool):
    runs = runs_of(pool)
    found = sides(runs, "ssp245", "ssp585/r2i1p1f1")
    assert found.training.runs == (
        "historical/r1i1p1f1",
        "historical/r2i1p1f1",
        "ssp126/r1i1p1f1",
        "ssp585/r1i1p1f1",
    )
    assert sides(runs, "ssp245", "ssp585").training.scenarios == {"historical", "ssp126"}
    for given, words in (
        (("ssp245", None, "ssp126,ssp245"), "ssp245 is the target and trained on"),
        (("ssp585/r1i1p1f1", "ssp585/r2i1p1f1"), "ssp585 is the target and the reference"),
        (("ssp245", "ssp585", "ssp585/r1i1p1f1"), "ssp585/r1i1p1f1 is the reference and trained on"),
    ):
        with pytest.raises(BadRequest, match=words):
            sides(runs, *given)
    with pytest.raises(UnknownName, match=r"ssp254.*Did you mean ssp245"):
        sides(runs, "ssp254")
    one = Runs(*(values[runs.scenario == "ssp245"] for values in vars(runs).values()))
    with pytest.raises(BadRequest, match="Nothing is left to train on"):
        sides(one, "ssp245")
    ids = pool.ids[runs.name == "historical/r1i1p1f1"][:10].tolist()
    about = {"share": 0.1, "by": None, "near": False, "seed": 0}
    holdout.save(pool, holdout.HOLDOUT, ids, np.zeros(10, np.int64), about)
    assert len(sides(runs_of(pool), "ssp245").training.rows) == len(sides(runs, "ssp245").training.rows) - 10


def test_an_answer_is_found_again_and_another_question_is_another(pool, workspace, capsys):
    first = asked(capsys, "--target", "ssp245", "--budgets", "5,all")
    again = asked(capsys, "--target", "ssp245", "--budgets", "5,all")
    other = asked(capsys, "--target", "ssp245", "--budgets", "5,all", "--seed", "1")
    assert first == again
    assert other["folder"] != first["folder"]
    assert other["random"]["mean"][0] != first["random"]["mean"][0]
    assert other["random"]["mean"][1] == first["random"]["mean"][1] == first["all"]
    assert first["driver"] == "true GMST of the target"
    assert [one["method"] for one in first["lines"]] == ["gmst_stratified", "extremes", "contiguous"]
    assert warnings(first) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--target", "ssp245", "--methods", "influence_loo"], "name one with --reference"),
        (["--target", "ssp245", "--budgets", "1,5"], "give numbers of 2 years or more"),
        (["--target", "ssp245", "--period", "2080-2100"], "21 years of 2080-2100 are not there"),
        (["--target", "ssp245", "--methods", "freesel"], "has no feature for the role patterns yet"),
    ],
)
def test_what_cannot_be_is_one_line(pool, capsys, more, words):
    assert main(["years", "warm", *(["--period", PERIOD] if "--period" not in more else []), *more]) == 2
    out = capsys.readouterr().err.strip().splitlines()
    assert words in out[-1]


def measured(random, upper, line, floor=0.1, all_of_it=0.3):
    """What `enough` reads, of budgets 5, 20, 80 and all of 200."""
    noise = None if floor is None else {"s": floor, "low": floor / 2, "high": floor}
    lines = [{"title": "Extremes", "rmse_s": line, "upper": line}]
    band = {"mean": random, "upper": upper}
    return {"years": 200, "budgets": [5, 20, 80, 200], "random": band, "lines": lines, "all": all_of_it, "floor": noise}


def test_enough_goes_by_the_upper_end_of_the_interval():
    """The mean of random choices is within noise (.4) from 5 years on; 19 of 20 of them are from 80 on."""
    worse = [0.9, 0.9, 0.9, 0.3]
    said = measured([0.39, 0.35, 0.31, 0.3], [0.8, 0.45, 0.4, 0.3], worse)
    assert curve.enough(said) == (80, "random choice", 0.31)
    # one that dips within noise once, and is beyond it with more years, was lucky
    lucky = measured([0.9, 0.9, 0.9, 0.3], [0.9, 0.9, 0.9, 0.3], [0.9, 0.32, 0.5, 0.3])
    assert curve.enough(lucky) == (200, "random choice", 0.3) or curve.enough(lucky) == (200, "Extremes", 0.3)
    steady = measured([0.9, 0.9, 0.9, 0.3], [0.9, 0.9, 0.9, 0.3], [0.9, 0.32, 0.31, 0.3])
    assert curve.enough(steady) == (20, "Extremes", 0.32)
    assert curve.enough(measured([0.9] * 4, [0.9] * 4, [0.9] * 4)) is None
    assert curve.enough(measured([0.3] * 4, [0.3] * 4, [0.3] * 4, floor=None)) is None


def test_the_rule_is_said_and_the_interval_is_of_draws_and_seeds(pool, capsys):
    """Random years as a method draws anew with each seed; extremes are the same ones always, of the years there are."""
    which = ["--target", "ssp245", "--budgets", "5,all", "--methods", "random,extremes"]
    said = asked(capsys, *which)
    assert "the upper end of the 95 % interval of the error over random draws" in said["rule"]
    drawn, extremes = said["lines"]
    assert extremes["upper"][0] > extremes["rmse_s"][0] * (1 - 1e-9)
    assert extremes["upper"][1] == extremes["rmse_s"][1]
    assert drawn["upper"][0] > drawn["rmse_s"][0]
    assert drawn["upper"][1] == drawn["rmse_s"][1] == pytest.approx(said["all"])
    each = [asked(capsys, *which, "--seed", str(seed))["lines"][0]["rmse_s"][0] for seed in range(20)]
    assert drawn["upper"][0] == pytest.approx(np.percentile(each, 97.5))
    band = said["random"]
    assert band["low"][0] < band["mean"][0] < band["high"][0] < band["upper"][0]
    assert said["floor"]["low"] == said["floor"]["high"] == pytest.approx(said["floor"]["s"])  # of one pair
    assert main(["years", "warm", "--period", PERIOD, *which]) == 0
    out = capsys.readouterr().out
    assert said["enough"] in out
    assert said["rule"] in out


def test_other_years_that_are_set_aside_are_another_question(pool, capsys):
    which = ["--target", "ssp245", "--methods", "extremes", "--budgets", "all"]
    found = []
    for seed in ("0", "1"):
        assert main(["holdout", "warm", "--share", "40", "--seed", seed]) == 0
        capsys.readouterr()
        found.append(asked(capsys, *which)["all"])
        assert main(["holdout", "warm", "--remove"]) == 0
    assert found[0] != found[1]


def test_years_without_a_global_mean_are_left_out_and_said(workspace, tmp_path, capsys):
    """hfds of every run; of tas the last 20 years of the past are not there, and nothing of the second future."""
    for scenario, first, last in (("historical", 1850, 1909), ("ssp126", 1910, 1939), ("ssp585", 1910, 1939)):
        years = np.arange(first, last + 1)
        tas, said = simulations.warming(years), simulations.attributes(scenario)
        simulations.put(tmp_path / "runs", simulations.dataset(tas - 288, years, "hfds", "W m-2", **said), scenario)
        if scenario != "ssp585":
            some = slice(0, 40) if scenario == "historical" else slice(None)
            simulations.put(tmp_path / "runs", simulations.dataset(tas[some], years[some], **said), scenario)
    add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880", "variable": "hfds"})
    said = asked(capsys, "--target", "ssp126", "--training", "historical", "--budgets", "all")
    assert said["years"] == 40
    assert main(["years", "warm", "--target", "ssp126", "--period", PERIOD, "--budgets", "all"]) == 0
    assert "50 years are left out, as their field or global-mean temperature is not known" in capsys.readouterr().err
    assert main(["years", "warm", "--target", "ssp585", "--period", PERIOD]) == 2
    assert "No global-mean temperature of ssp585/r1i1p1f1 in 1930-1939" in capsys.readouterr().err
