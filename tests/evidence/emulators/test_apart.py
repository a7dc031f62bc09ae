"""What a selection went by cannot judge it, and runs of which the driver is not known are no judges."""

import shutil

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadRequest
from tests.evidence.emulators.test_card import judged, mini
from tests.pools.simulations import attributes, dataset, put, warming

PERIOD = {"target": "ssp245/r1i1p1f1", "period": "1930-1949"}


def chosen_towards(workspace, tmp_path, scenario):
    mini(workspace, tmp_path)
    assert main(["pool", "cut", "ref", "--from", "mini", "--where", f"scenario = '{scenario}'"]) == 0
    where = ["--where", "scenario in ('historical', 'ssp585')"]
    assert main(["select", "mini", "influence_loo", "--target", "ref", "--budget", "30", "--name", "loo", *where]) == 0


def test_a_selection_is_not_judged_by_what_it_was_chosen_towards_whatever_is_named(workspace, tmp_path):
    chosen_towards(workspace, tmp_path, "ssp126")
    with pytest.raises(BadRequest, match="ssp126 is target and reference at once"):
        judged(workspace, run="loo", target="ssp126", reference="ssp245")
    assert judged(workspace, run="loo", target="ssp245")["task"]["reference"] == "ssp126"


def test_where_the_pool_that_it_was_chosen_towards_is_gone_its_scenario_has_to_be_named(workspace, tmp_path):
    chosen_towards(workspace, tmp_path, "ssp126")
    shutil.rmtree(workspace.pool("ref"))
    with pytest.raises(BadRequest, match="loo was chosen towards the pool ref, which is not there any more as it was"):
        judged(workspace, run="loo", target="ssp126")
    assert main(["pool", "cut", "ref", "--from", "mini", "--where", "scenario = 'ssp245'"]) == 0  # another of its name
    with pytest.raises(BadRequest, match="name the scenario that it held with --reference"):
        judged(workspace, run="loo", target="ssp126")
    assert judged(workspace, run="loo", target="ssp245", reference="ssp126")["task"]["reference"] == "ssp126"


def heat(workspace, tmp_path, past_tas):
    """hfds of two members, tas of the first alone; past_tas: of how many historical years."""
    for scenario, first, last in (("historical", 1850, 1909), ("ssp245", 1910, 1949), ("ssp585", 1910, 1949)):
        for member in (1, 2):
            years, name = np.arange(first, last + 1), f"r{member}i1p1f1"
            said = attributes(scenario, name)
            put(
                tmp_path / "runs", dataset(warming(years, member) - 288, years, "hfds", "W m-2", **said), scenario, name
            )
            if member == 1:
                there = years[:past_tas] if scenario == "historical" else years
                put(tmp_path / "runs", dataset(warming(there), there, **said), scenario, name)
    add_pool(workspace, "heat", str(tmp_path / "runs"), "climate", {"variable": "hfds", "baseline": "1850-1880"})


def test_a_member_without_its_driver_is_no_judge_and_still_says_how_large_noise_is(workspace, tmp_path):
    heat(workspace, tmp_path, past_tas=50)
    said = judged(workspace, run="heat", **PERIOD)
    assert [one["name"] for one in said["members"]] == ["ssp245/r1i1p1f1"]
    assert "ssp245/r2i1p1f1: no judge, the global-mean temperature is not known." in said["notes"]
    assert said["floor"]["between"] == "2 members of ssp245"
    # 60 + 40 years of each member; of the second none has a temperature, of the first 10 have none
    assert said["task"]["years"] == 90
    assert "110 years are not trained on, as their field or global-mean temperature is not known." in said["notes"]
    with pytest.raises(BadRequest, match="No global-mean temperature of ssp245/r2i1p1f1: put its tas beside"):
        judged(workspace, run="heat", **{**PERIOD, "target": "ssp245/r2i1p1f1"})


def test_years_of_a_selection_are_not_dropped_without_a_word(workspace, tmp_path):
    heat(workspace, tmp_path, past_tas=50)
    where = ["--where", "member = 'r1i1p1f1' and scenario <> 'ssp245'"]
    assert main(["select", "heat", "random", "--budget", "100", "--name", "all", *where]) == 0
    said = judged(workspace, run="all", **PERIOD)
    assert said["task"]["years"] == 90
    assert "10 years are not trained on, as their field or global-mean temperature is not known." in said["notes"]


def test_files_of_other_variables_that_come_later_are_looked_at(workspace, tmp_path):
    for variable in ("tas", "tasmax"):
        for scenario, first, last in (("historical", 1850, 1909), ("ssp245", 1910, 1949), ("ssp585", 1910, 1949)):
            years = np.arange(first, last + 1)
            put(tmp_path / "runs", dataset(warming(years), years, variable, **attributes(scenario)), scenario)
        if variable == "tas":
            add_pool(workspace, "w", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
            assert "physics.tasmax at least tas" in judged(workspace, run="w", **PERIOD)["reasons"]
    assert "tasmax at least tas" in {one["name"] for one in judged(workspace, run="w", **PERIOD)["physics"]}


def test_a_card_whose_maps_are_damaged_is_made_again(workspace, tmp_path):
    mini(workspace, tmp_path)
    said = judged(workspace, run="mini", target="ssp245")
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"no zip")):
        damage(workspace.emulator(said["key"]) / "maps.npz")
        judged(workspace, run="mini", target="ssp245", card=str(tmp_path / "card.html"), overwrite=True)
        assert "Emulated less truth" in (tmp_path / "card.html").read_text()


def test_a_card_of_zarr_stores_names_them_by_their_content(workspace, tmp_path):
    for scenario, first, last in (("historical", 1850, 1909), ("ssp245", 1910, 1949), ("ssp585", 1910, 1949)):
        years = np.arange(first, last + 1)
        store = tmp_path / "runs" / f"tas_ann_M_{scenario}_r1i1p1f1.zarr"
        dataset(warming(years), years, **attributes(scenario)).to_zarr(store, zarr_format=2)
    add_pool(workspace, "z", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    said = judged(workspace, run="z", **PERIOD)
    files = said["provenance"]["files"]
    assert list(files) == [f"tas_ann_M_{one}_r1i1p1f1.zarr" for one in ("historical", "ssp245", "ssp585")]
    assert len(set(files.values())) == 3
    assert "provenance.files" not in said["reasons"]


def test_a_scenario_is_judged_by_its_first_member_that_has_the_period(workspace, tmp_path):
    """The first ends early: another judges, and the first is named; asked for itself, it is refused."""
    for scenario, first, last in (("historical", 1850, 1909), ("ssp245", 1910, 1949), ("ssp585", 1910, 1949)):
        for member in (1, 2):
            years = np.arange(first, last + 1 - 5 * (scenario == "ssp245" and member == 1))
            name = f"r{member}i1p1f1"
            put(tmp_path / "runs", dataset(warming(years, member), years, **attributes(scenario, name)), scenario, name)
    add_pool(workspace, "early", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    said = judged(workspace, run="early", target="ssp245", period="1930-1949")
    assert said["task"]["target"] == "ssp245/r2i1p1f1"
    assert "ssp245/r1i1p1f1: no judge, years of 1930-1949 are missing." in said["notes"]
    with pytest.raises(BadRequest, match="5 years of 1930-1949 are not there, the first 1945"):
        judged(workspace, run="early", target="ssp245/r1i1p1f1", period="1930-1949")
