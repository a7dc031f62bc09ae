"""Which run comes next: what is offered, and that ranks and prices are those of the analysis and of the purchase."""

import json

import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.analysis.climate import next_run
from datasel_core.analysis.climate.mini_climate import MiniClimate
from datasel_core.costs.simulations import following
from datasel_core.errors import BadRequest, UnknownName
from tests.pools import simulations

OWNED = ("historical/r1i1p1f1", "ssp585/r1i1p1f1")


def test_of_each_scenario_the_first_member_that_is_not_there_is_offered():
    pool = [*OWNED, "historical/r2i1p1f1", "ssp245/r1i1p1f1"]
    found = following.candidates(OWNED, pool, ("ssp245", "ssp370"))
    assert found == [
        "historical/r2i1p1f1",
        "ssp126/r1i1p1f1",
        "ssp585/r2i1p1f1",
        "1pctCO2/r1i1p1f1",
        "abrupt-4xCO2/r1i1p1f1",
    ]
    assert following.candidates(pool, pool, (), ("historical",)) == ["historical/r3i1p1f1"]
    with pytest.raises(UnknownName, match="ssp586"):
        following.candidates(OWNED, pool, (), ("ssp586",))
    with pytest.raises(BadRequest, match="ssp245 judges what is bought"):
        following.candidates(OWNED, pool, ("ssp245",), ("ssp245",))
    assert following.split(["ssp585/r1", "hist-GHG/r1"]) == (["ssp585/r1"], ["hist-GHG/r1"])


def test_the_command_ranks_and_prices_and_says_that_it_guesses(workspace, tmp_path, capsys):
    simulations.usual(tmp_path / "runs")
    add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    asked = ["next-run", "warm", "--target", "ssp245", "--reference", "ssp370", "--core-hours", "2000"]
    assert main([*asked, "--core-hour-price", ".02", "--currency", "EUR", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["training"] == list(OWNED)
    climate = MiniClimate()

    def known(scenario, member=1):
        return next_run.known(climate, scenario, member)

    training = [known("historical"), known("ssp585")]
    for one in said["ranks"]:  # each by itself: fitted, and asked of both judges
        scenario, _, member = one["runs"][0].partition("/")
        after = [
            next_run.expected(
                [*training, known(scenario, int(member[1]))],
                [known(judge, 9)],
                climate.weight,
                climate.autocovariance(260),
            ).rmse
            for judge in ("ssp370", "ssp245")
        ]
        assert (one["reference"], one["target"]) == pytest.approx(after, rel=1e-9)
        assert one["gain"] == pytest.approx(said["before"]["reference"] - after[0], rel=1e-6)
        years = {"historical": 165, "1pctCO2": 150, "abrupt-4xCO2": 150}.get(scenario, 86)
        assert one["price"]["core_hours"]["mid"] == 2000 * years
        assert one["price"]["money"]["mid"] == pytest.approx(40 * years)
    assert [one["gain"] for one in said["ranks"]] == sorted((one["gain"] for one in said["ranks"]), reverse=True)
    assert main(asked) == 0
    out = capsys.readouterr()
    assert "a guess, as good as the demo resembles it" in out.err
    assert "172,000 core-hours" in out.out


def test_what_cannot_be_ranked_is_one_line(workspace, tmp_path, capsys):
    simulations.usual(tmp_path / "runs")
    add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    assert main(["next-run", "warm", "--target", "ssp999", "--reference", "ssp370"]) == 2
    assert "scenario of the demo called ssp999" in capsys.readouterr().err
    assert main(["next-run", "warm", "--target", "historical", "--reference", "ssp585"]) == 2
    assert "No run of warm is left but those of historical and ssp585" in capsys.readouterr().err


def test_another_selection_of_the_same_name_is_another_question(workspace, tmp_path, capsys):
    simulations.usual(tmp_path / "runs")
    simulations.run(tmp_path / "runs", "ssp126", 1910, 1939)
    add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})

    def trained(scenario):
        which = ["--budget", "5", "--where", f"scenario in ('historical', '{scenario}')"]
        assert main(["select", "warm", "extremes", *which, "--name", "mine"]) == 0
        capsys.readouterr()
        assert main(["next-run", "warm", "--target", "ssp245", "--reference", "ssp370", "--run", "mine", "--json"]) == 0
        return json.loads(capsys.readouterr().out)["training"]

    assert trained("ssp585") == list(OWNED)
    assert main(["runs", "rename", "mine", "old"]) == 0
    assert trained("ssp126") == ["historical/r1i1p1f1", "ssp126/r1i1p1f1"]


def test_what_a_selection_builds_on_is_there_already(workspace, tmp_path, capsys):
    simulations.usual(tmp_path / "runs")
    add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    for name, scenario, more in (("first", "historical", []), ("second", "ssp585", ["--already", "first"])):
        which = ["--budget", "5", "--where", f"scenario = '{scenario}'", "--name", name, *more]
        assert main(["select", "warm", "extremes", *which]) == 0
    capsys.readouterr()
    assert main(["next-run", "warm", "--target", "ssp245", "--reference", "ssp370", "--run", "second", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["training"] == list(OWNED)
