"""Reliability cards: from the demo to the card, against plain numpy and against golden numbers of real simulations."""

import hashlib
import json
import re

import numpy as np
import pytest
import xarray as xr

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.analysis.climate.mini_climate import MiniClimate
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.evidence.emulators import cards
from datasel_core.evidence.emulators.page import page
from datasel_core.pools.demo.mini_climate import write_forcing, write_runs
from datasel_core.pools.persistence import load_pool
from tests.conftest import real_data, task_of
from tests.pools.simulations import LAT, attributes, dataset, put, warming

CLIMATE = MiniClimate(6, 8)
SCENARIOS = ("historical", "ssp126", "ssp245", "ssp585")


def mini(workspace, tmp_path, members=2, scenarios=SCENARIOS, climate=CLIMATE):
    """A pool of the synthetic climate, and its runs: (scenario, member) -> anomalies to the past of the member."""
    runs = [climate.run(one, member) for one in scenarios for member in range(1, members + 1)]
    (tmp_path / "runs").mkdir()
    write_runs(tmp_path / "runs", runs, len(runs), climate.latitudes, climate.longitudes)
    base = {one.member: one.fields[one.year <= 1900].mean(axis=0) for one in runs if one.scenario == "historical"}
    pool = add_pool(workspace, "mini", str(tmp_path / "runs"), "climate")
    return pool, {(one.scenario, one.member): (one.year, one.fields - base[one.member]) for one in runs}


def judged(workspace, **asked):
    return perform(workspace, task_of("emulator", **asked), Progress()).document


def test_from_the_demo_to_the_card(workspace, tmp_path, capsys):
    """Every number that is asserted here is reckoned from the demo's own formulas, not from the pool."""
    sizes = ["--rows", "6", "--columns", "8", "--members", "2", "--name", "demo"]
    assert main(["mini-climate", *sizes, "--scenarios", ",".join(SCENARIOS)]) == 0
    where = "scenario in ('historical', 'ssp585')"
    assert main(["select", "demo", "gmst_stratified", "--budget", "40", "--where", where, "--name", "forty"]) == 0
    capsys.readouterr()
    asked = ["emulator", "forty", "--target", "ssp245", "--reference", "ssp126", "--json"]
    files = ["--card", str(tmp_path / "card.html"), "--out", str(tmp_path / "emulator")]
    assert main([*asked, *files]) == 0
    said = json.loads(capsys.readouterr().out)
    kept = [one.split("/") for one in kept_ids(workspace, "forty")]
    base = {m: run.fields[run.year <= 1900].mean(axis=0) for m in (1, 2) if (run := CLIMATE.run("historical", m))}
    every = {(one, m): CLIMATE.run(one, m) for one in SCENARIOS for m in (1, 2)}
    fields = {key: one.fields - base[key[1]] for key, one in every.items()}

    def at(scenario, member, year):
        return fields[scenario, int(member[1])][int(year) - every[scenario, int(member[1])].year[0]]

    area, late = CLIMATE.weight, slice(2080 - 2015, None)
    learned = np.array([at(*one) for one in kept])
    truth = fields["ssp245", 1][late]
    x, x_truth = learned @ area, truth @ area
    told = np.stack([np.polyval(np.polyfit(x, learned[:, cell], 1), x_truth) for cell in range(48)], axis=1)
    recent = fields["historical", 1][1995 - 1850 :]

    def rmse_s(guess):
        return np.sqrt(((guess - truth).mean(axis=0) ** 2) @ area)

    expected = {
        "emulator": rmse_s(told),
        "zero anomaly": rmse_s(0 * truth),
        "persistence": rmse_s(recent.mean(axis=0) + 0 * truth),
        "uniform GMST": rmse_s(x_truth[:, None] + 0 * truth),
        "pattern scaling": rmse_s(told),
    }
    found = {name: one["rmse_s"] for name, one in said["errors"].items()}
    assert found == {name: pytest.approx(one, abs=1e-4) for name, one in expected.items()}
    apart = ((fields["ssp245", 1] - fields["ssp245", 2])[late].mean(axis=0) ** 2) @ area
    assert said["floor"]["s"] == pytest.approx(np.sqrt(apart / 2), abs=1e-4)
    assert said["parts"]["all"] == pytest.approx(float((((told - truth) ** 2) @ area).mean()), abs=1e-4)
    assert [one["name"] for one in said["members"]] == ["ssp245/r1i1p1f1", "ssp245/r2i1p1f1"]
    assert (said["task"]["target"], said["task"]["reference"]) == ("ssp245/r1i1p1f1", "ssp126")
    assert said["verdict"]["word"] == "pattern scaling recommended"
    assert "Synthetic: these fields were made by formulas" in said["notes"][0]
    [folder] = (workspace.path / "demo").glob("demo-*")
    lying = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.glob("*.nc")}
    assert said["provenance"]["files"] == lying
    assert {name.split("_")[0] for name in lying} == {"tas", "hfds"}
    with xr.open_dataset(tmp_path / "emulator" / "emulator.nc") as file:
        assert float(file["slope"].values[0] @ area) == pytest.approx(1, abs=1e-6)
        assert float(file["intercept"].values @ area) == pytest.approx(0, abs=1e-6)
        np.testing.assert_allclose(file["slope"].values[0], np.polyfit(x, learned, 1)[0], atol=1e-4)
    drawn = cards.maps(workspace, said["key"])
    np.testing.assert_allclose(drawn["difference"], (told - truth).mean(axis=0), atol=2e-4)
    html = (tmp_path / "card.html").read_text()
    assert "Pattern scaling recommended" in html
    assert "certified" not in html
    [again] = cards.cards(workspace, load_pool(workspace, "demo"))
    assert again == said


def kept_ids(workspace, name):
    from datasel_core.runs import manifest
    from datasel_core.runs.catalog.names import find_folder

    return manifest.kept_table(find_folder(workspace, name))["id"].to_pylist()


def nulls(value, place=""):
    """Where a document says nothing."""
    if value is None:
        yield place
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from nulls(one, f"{place}.{name}".strip("."))


@pytest.mark.parametrize("kind", ["pattern_scaling", "gaussian_process", "cnn", "variability"])
def test_every_kind_has_a_card_and_every_gap_a_reason(workspace, tmp_path, kind):
    mini(workspace, tmp_path)
    said = judged(
        workspace,
        run="mini",
        target="ssp245",
        training="historical,ssp585/r1i1p1f1" if kind == "variability" else "ssp585",
        kind=kind,
        members=39,
    )
    gone = set(
        nulls({name: one for name, one in said.items() if name not in ("errors", "trend", "verdict", "physics")})
    )
    told = {"run", "task.reference", "provenance.manifest_sha256"}  # nothing was chosen
    assert gone - told <= said["reasons"].keys()
    assert {name for name in said["errors"]} == {
        "emulator",
        "zero anomaly",
        "persistence",
        "uniform GMST",
        "pattern scaling",
    }
    assert (said["ensemble"] is not None) == (kind in ("gaussian_process", "variability"))
    if said["ensemble"]:
        assert len(said["ensemble"]["rank_histogram"]) == 40
        assert sum(said["ensemble"]["rank_histogram"]) == 21 * 48
        shares = [one["share"] for one in said["ensemble"]["coverage"]]
        assert all(abs(one - level) < 0.2 for one, level in zip(shares, (0.5, 0.8, 0.9, 0.95), strict=True))
    first, *_ = said["physics"]
    assert first["name"] == "area mean = driver"
    assert first["holds"] is (kind in ("pattern_scaling", "variability"))
    with pytest.raises(BadRequest, match="no table of numbers"):
        judged(workspace, run="mini", target="ssp245", kind="cnn", out=str(tmp_path / "o"))


def test_three_roles_are_kept_apart(workspace, tmp_path):
    mini(workspace, tmp_path)
    assert main(["select", "mini", "random", "--budget", "200", "--name", "some"]) == 0
    for asked, line in (
        ({"run": "some", "target": "ssp245"}, "years to train on are of ssp245, which is target or reference"),
        ({"run": "mini", "target": "ssp245", "training": "ssp585,ssp245/r2i1p1f1"}, "are of ssp245, which is target"),
        ({"run": "mini", "target": "ssp245", "reference": "ssp245"}, "ssp245 is target and reference at once"),
        ({"run": "mini", "target": "ssp246"}, "There is no scenario or run called ssp246. Did you mean ssp24"),
        ({"run": "mini", "target": "historical"}, "21 years of 2080-2100 are not there"),
        (
            {"run": "mini", "target": "ssp245", "driver": "emulated"},
            "needs a table of forcing; name one with --forcing",
        ),
        ({"run": "mimi", "target": "ssp245"}, "There is no pool or selection called mimi. Did you mean mini"),
        ({"run": "mini", "target": "ssp245", "card": str(tmp_path / "card.pdf")}, "card.pdf is neither"),
    ):
        with pytest.raises(BadRequest, match=line):
            judged(workspace, **asked)
    with pytest.raises(BadRequest, match="it must be two years, the first one first, as in 2080-2100"):
        task_of("emulator", run="mini", target="ssp245", period="2100-2080")
    said = judged(workspace, run="some", target="ssp245", training="historical,ssp585")
    assert said["task"]["training"] == ["historical", "ssp585"]
    assert re.match(r"\d+ of the years that were kept are of other runs", said["notes"][1])
    assert main(["runs", "rename", "some", "others"]) == 0
    assert judged(workspace, run="others", target="ssp245", training="historical,ssp585")["key"] == said["key"]


def test_the_driver_is_named_in_every_score_and_its_error_told_apart(workspace, tmp_path):
    pool, runs = mini(workspace, tmp_path)
    from datasel_core.analysis.climate.mini_climate import forcing

    path = write_forcing(tmp_path / "runs", {one: forcing(one) for one in SCENARIOS})
    asked = {"run": "mini", "target": "ssp245", "training": "historical,ssp585", "forcing": str(path)}
    true, emulated, forced = (judged(workspace, **asked, driver=one) for one in ("gmst", "emulated", "forcing"))
    named = [[one["driver"] for one in card["errors"].values()] for card in (true, emulated, forced)]
    assert set(named[0]) == {"true GMST of the target, which an emulator in use does not have", "none"}
    assert all("true GMST" not in one for one in named[1] + named[2])
    split = emulated["driver_parts"]
    assert split["all"] == pytest.approx(split["pattern"] + split["driver"] + split["cross"], rel=1e-9)
    assert split["all"] == pytest.approx(emulated["parts"]["all"], rel=1e-9)
    assert split["pattern"] == pytest.approx(true["parts"]["all"], rel=1e-9)
    assert true["errors"]["emulator"]["rmse_g"] == pytest.approx(0, abs=1e-9)
    # by the layers of the demo themselves, without noise: two time scales come near
    year, _ = runs["ssp245", 1]
    _, exact = CLIMATE.forced("ssp245")
    assert np.abs(np.array(emulated["series"]["driver"]) - exact)[year >= 2080].max() < 0.3
    assert len(forced["drivers"]["sentences"]) == 5
    assert "gas forcing" in forced["drivers"]["sentences"][0]
    assert forced["errors"]["emulator"]["title"] == "Pattern scaling on forcing"


def test_a_choice_that_fits_its_reference_alone_is_warned_of(workspace, tmp_path):
    """Half of the years that can be bought follow the pattern of the reference, half that of the target."""
    folder, years = tmp_path / "runs", np.arange(1850, 1910)
    north, south = 1 + LAT / 120, 1 - LAT / 120
    for scenario, first, pattern in (
        ("historical", 1850, None),
        ("ssp126", 1910, north),
        ("ssp585", 1910, south),
        ("ssp370", 1910, "both"),
    ):
        when = years + first - 1850
        values = warming(when)
        if pattern is not None:
            warm = np.linspace(0, 3, len(when))[:, None, None]
            turn = north if isinstance(pattern, str) else pattern
            mixed = np.where(np.arange(len(when))[:, None, None] % 2, turn[:, None], south[:, None])
            own = mixed if isinstance(pattern, str) else turn[:, None]
            values = 288 + warm * own + 0 * values + 0.01 * (values - values.mean(axis=0))
        else:
            values = 288 + 0.01 * (values - values.mean(axis=0))
        put(folder, dataset(values, when, **attributes(scenario)), scenario)
    add_pool(workspace, "two", str(folder), "climate", {"baseline": "1850-1880"})
    assert main(["pool", "cut", "ref", "--from", "two", "--where", "scenario = 'ssp126'"]) == 0
    where = ["--where", "scenario = 'ssp370'"]
    assert main(["select", "two", "influence_loo", "--target", "ref", "--budget", "30", "--name", "loo", *where]) == 0
    assert main(["select", "two", "gmst_stratified", "--budget", "30", "--name", "even", *where]) == 0
    said = judged(workspace, run="loo", target="ssp585", period="1950-1969")
    assert said["task"]["reference"] == "ssp126"
    assert re.match("Warning: chosen by influence on ssp126, the error there falls from", said["over_fit"])
    other = judged(workspace, run="even", target="ssp585", period="1950-1969")
    assert other["over_fit"] is None
    assert other["reasons"]["over_fit"].startswith("No reference is known")
    assert said["floor"] is None
    assert "No scenario of the pool has a second member" in said["reasons"]["floor"]
    assert (
        "how large noise is was not known"
        in judged(workspace, run="loo", target="ssp585", period="1950-1969", kind="gaussian_process")["verdict"][
            "sentence"
        ]
    )


@pytest.mark.parametrize(("bend", "word"), [(0.3, "useful"), (0.0, "pattern scaling recommended")])
def test_it_is_useful_only_where_it_beats_pattern_scaling_by_more_than_noise(workspace, tmp_path, bend, word):
    """Fields that bend with the global mean are told by a curve; straight ones as well by a line."""
    side = np.where(LAT > 0, 1.0, -1.0)[:, None] * np.ones(8)
    for scenario, first, last, most in (
        ("historical", 1850, 1909, 0.5),
        ("ssp585", 1910, 1969, 5),
        ("ssp245", 1910, 1969, 2),
    ):
        when = np.arange(first, last + 1)
        warm = np.linspace(0.5 if scenario != "historical" else 0, most, len(when))[:, None, None]
        for member in (1, 2):
            weather = warming(when, member)
            weather = weather - warming(when, 9).mean(axis=0) - 0.01 * (when - when.mean())[:, None, None]
            values = 288 + warm + bend * side * warm**2 + 0.3 * np.clip(weather, -0.3, 0.3)
            name = f"r{member}i1p1f1"
            put(tmp_path / "runs", dataset(values, when, **attributes(scenario, name)), scenario, name)
    add_pool(workspace, "bent", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    said = judged(workspace, run="bent", target="ssp245", period="1950-1969", kind="gaussian_process")
    assert said["verdict"]["word"] == word
    gain, noise = said["verdict"]["gain"], said["verdict"]["noise"]
    assert (gain[1] > noise[2]) is (word == "useful")
    assert ("verdict useful" in page(said, cards.maps(workspace, said["key"]))) is (word == "useful")


def test_a_card_is_made_once_and_again_where_it_is_damaged(workspace, tmp_path, monkeypatch):
    pool, _ = mini(workspace, tmp_path)
    first = judged(workspace, run="mini", target="ssp245", reference="ssp126")
    second = judged(workspace, run="mini", target="ssp126", training="historical,ssp585")
    assert [one["key"] for one in cards.cards(workspace, pool)] == [second["key"], first["key"]]
    with monkeypatch.context() as patched:
        patched.setattr("datasel_core.actions.emulator.fit", lambda *_: pytest.fail("it was fitted once more"))
        assert judged(workspace, run="mini", target="ssp245", reference="ssp126") == first
    path = workspace.emulator(first["key"]) / "card.json"
    path.write_text(path.read_text().replace('"total"', '"totel"'))
    assert [one["key"] for one in cards.cards(workspace, pool)] == [second["key"]]
    again = judged(workspace, run="mini", target="ssp245", reference="ssp126")
    assert again == {**first, "order": 3}
    (workspace.emulator(first["key"]) / "maps.npz").write_bytes(b"no zip")
    with pytest.raises(BadInput, match="is damaged"):
        cards.maps(workspace, first["key"])


def test_regions_of_a_file_are_scored(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing"))  # where regionmask would keep them
    mini(workspace, tmp_path)
    ring = [[-1, -90], [181, -90], [181, 0], [-1, 0], [-1, -90]]
    shape = {
        "type": "Feature",
        "properties": {"name": "south-east"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    (tmp_path / "regions.json").write_text(json.dumps({"type": "FeatureCollection", "features": [shape]}))
    said = judged(workspace, run="mini", target="ssp245", regions=str(tmp_path / "regions.json"))
    with pytest.raises(BadRequest, match="The AR6 regions are not on this machine, and nothing is downloaded"):
        judged(workspace, run="mini", target="ssp245", regions="ar6")
    one, *others = said["regions"]
    assert [other["name"] for other in others] == ["land", "ocean"]
    assert one["name"] == "south-east"
    assert one["share"] == pytest.approx(0.25, abs=0.07)
    drawn = cards.maps(workspace, said["key"])
    inside = (CLIMATE.lat < 0) & (CLIMATE.lon <= 181)
    area = CLIMATE.weight * inside / (CLIMATE.weight @ inside)
    assert one["rmse"] == pytest.approx(np.sqrt(drawn["difference"] ** 2 @ area), rel=1e-6)
    assert one["bias"] == pytest.approx(drawn["difference"] @ area, rel=1e-6)


@pytest.mark.skipif(real_data() is None, reason="the real data are not beside the repository")
def test_golden_numbers_of_real_simulations(workspace):
    add_pool(workspace, "c", str(real_data() / "climate" / "cmip6"), "climate")
    said = judged(workspace, run="c", target="ssp126", training="historical/r1i1p1f1,ssp585/r1i1p1f1")
    found = {name: one["rmse_s"] for name, one in said["errors"].items()}
    golden = {
        "emulator": 0.354289,
        "pattern scaling": 0.354289,
        "zero anomaly": 2.734743,
        "persistence": 1.537232,
        "uniform GMST": 1.377702,
    }
    assert found == {name: pytest.approx(one, abs=1e-6) for name, one in golden.items()}
    assert said["errors"]["emulator"]["nrmse_s"] == pytest.approx(0.149972, abs=1e-6)
    assert said["floor"]["s"] == pytest.approx(0.218913 / np.sqrt(2), abs=1e-6)
    assert said["floor"]["g"] == pytest.approx(0.205046 / np.sqrt(2), abs=1e-6)
    assert said["floor"]["between"] == "2 members of ssp585, as ssp126 has one"
    assert {one["name"] for one in said["physics"]} == {"area mean = driver", "heat uptake against warming"}
    assert "land" in {one["name"] for one in said["regions"]}
