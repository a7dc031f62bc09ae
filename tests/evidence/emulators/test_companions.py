"""What physics asks of variables that lie beside one another, on small files in which the answer is known."""

import hashlib

import netCDF4
import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.evidence.emulators import cards
from datasel_core.evidence.emulators.asked import Wanted, ask
from datasel_core.evidence.emulators.companions import companion
from datasel_core.evidence.emulators.fits import fit
from tests.evidence.emulators.test_card import judged
from tests.pools.simulations import LAT, attributes, dataset, put, warming

SPANS = {"historical": (1850, 1909), "ssp245": (1910, 1949), "ssp585": (1910, 1949)}
ASKED = {"target": "ssp245", "period": "1930-1949"}


def written(folder, variable, of, units="K"):
    """Files of a variable, of(scenario, tas) -> its values."""
    for scenario, (first, last) in SPANS.items():
        years = np.arange(first, last + 1)
        values = of(scenario, warming(years))
        put(folder, dataset(values, years, variable, units, **attributes(scenario)), scenario)


def checks(workspace, folder, **options):
    add_pool(workspace, "c", str(folder), "climate", {"baseline": "1850-1880", **options})
    said = judged(workspace, run="c", **ASKED)
    return {one["name"]: one for one in said["physics"]}, said


@pytest.mark.parametrize(("variable", "apart", "holds"), [("tas", 2, True), ("tas", -2, False), ("tasmax", 2, True)])
def test_the_daily_maximum_is_not_below_the_mean(workspace, tmp_path, variable, apart, holds):
    written(tmp_path / "runs", "tas", lambda _, tas: tas)
    written(tmp_path / "runs", "tasmax", lambda _, tas: tas + apart)
    found, said = checks(workspace, tmp_path / "runs", variable=variable)
    assert found["tasmax at least tas"]["holds"] is holds
    assert ("is below tas in 1e+02 % of years" in found["tasmax at least tas"]["sentence"]) is not holds
    if not holds:
        assert "by up to 2 K" in found["tasmax at least tas"]["sentence"]
    assert "heat uptake against warming" not in found
    why = said["reasons"]["physics.heat uptake against warming"]
    assert why == "runs has no hfds in its 6 files; there is tas, tasmax."


@pytest.mark.parametrize(("level", "holds"), [(3.0, True), (0.5, False)])
def test_rain_is_not_negative(workspace, tmp_path, level, holds):
    """It falls by 1 mm a day per K in the warming; what is emulated is a line, which goes on below 0."""

    def rain(scenario, tas):
        mean = tas.mean(axis=(1, 2), keepdims=True)
        here = np.where(LAT[:, None] > 50, level - (mean - 273), 3.0) + 0 * tas
        return np.maximum(here, 0) if scenario == "ssp245" else here

    written(tmp_path / "runs", "tas", lambda _, tas: tas)
    written(tmp_path / "runs", "pr", rain, "mm day-1")
    found, _ = checks(workspace, tmp_path / "runs", variable="pr")
    assert found["precipitation not negative"]["holds"] is holds
    assert "area mean = driver" not in found


def test_the_ocean_takes_up_what_it_was_made_to_and_shows_the_land(workspace, tmp_path):
    """1.5 W m-2 per K of warming in the ocean, which is all but two rows of cells."""
    area = np.cos(np.deg2rad(LAT)) / np.cos(np.deg2rad(LAT)).sum()

    def heat(_, tas):
        mean = (tas.mean(axis=2) @ area)[:, None, None]
        values = 1.5 * (mean - 270) + 0 * tas
        values[:, [1, 4]] = np.nan
        return values

    written(tmp_path / "runs", "tas", lambda _, tas: tas)
    written(tmp_path / "runs", "hfds", heat, "W m-2")
    found, said = checks(workspace, tmp_path / "runs")
    ocean = 1 - area[[1, 4]].sum()
    expected = f"{1.5 * ocean:+.2f}"
    sentence = found["heat uptake against warming"]["sentence"]
    assert found["heat uptake against warming"]["holds"] is None
    assert sentence.count(expected) == 2
    parts = {one["name"]: one["share"] for one in said["regions"]}
    assert parts["ocean"] == pytest.approx(ocean, abs=1e-6)
    assert parts["land"] == pytest.approx(1 - ocean, abs=1e-6)


AREA = np.cos(np.deg2rad(LAT)) / np.cos(np.deg2rad(LAT)).sum()


def heat_and_fluxes(folder, fluxes=("rsdt", "rsut", "rlut"), leak=0.4):
    """An ocean of all but two rows of cells takes up 1.5 W m-2 per K; at the top enters what the whole Earth takes up,
    and `leak` more.
    """

    def uptake(tas):
        return 1.5 * ((tas.mean(axis=2) @ AREA)[:, None, None] - 287)

    def heat(_, tas):
        values = uptake(tas) + 0 * tas
        values[:, [1, 4]] = np.nan
        return values

    ocean = 1 - AREA[[1, 4]].sum()
    sun = 340 + 100 * np.cos(np.deg2rad(2 * LAT))[:, None]
    made = {
        "rsdt": lambda _, tas: sun + 0 * tas,
        "rsut": lambda _, tas: 0.3 * sun + 0 * tas,
        "rlut": lambda _, tas: 0.7 * sun - ocean * uptake(tas) - leak + 0 * tas,
    }
    written(folder, "tas", lambda _, tas: tas)
    written(folder, "hfds", heat, "W m-2")
    for name in fluxes:
        written(folder, name, made[name], "W m-2")


def test_closure_finds_what_leaks(workspace, tmp_path):
    heat_and_fluxes(tmp_path / "runs")
    found, said = checks(workspace, tmp_path / "runs")
    assert found["closure"]["holds"] is None
    sentence = found["closure"]["sentence"]
    assert sentence.startswith("From 1940 to 1949 the net flux at the top of the atmosphere is +0.40 W m-2 above what")
    assert sentence.endswith("and +0.40 in the model.")
    assert "physics.closure" not in said["reasons"]
    assert {name.split("_")[0] for name in said["provenance"]["files"]} == {"tas", "hfds", "rsdt", "rsut", "rlut"}


@pytest.mark.parametrize("there", [(), ("rsdt", "rlut")])
def test_without_all_fluxes_closure_is_not_tested(workspace, tmp_path, there):
    heat_and_fluxes(tmp_path / "runs", there)
    found, said = checks(workspace, tmp_path / "runs")
    assert "closure" not in found
    why = said["reasons"]["physics.closure"]
    assert "takes fluxes at the top of the atmosphere (rsdt, rsut, rlut) and hfds beside the files." in why
    assert f"runs has no {'rsut' if there else 'rsdt'} in its" in why


def test_one_value_of_a_companion_makes_another_card_that_says_so(workspace, tmp_path):
    heat_and_fluxes(tmp_path / "runs")
    _, first = checks(workspace, tmp_path / "runs")
    again = judged(workspace, run="c", **ASKED)
    assert (again, len(cards.cards(workspace, pool_of(workspace)))) == (first, 1)
    path = tmp_path / "runs" / "hfds_ann_MODEL-1_ssp245_r1i1p1f1_gn.nc"
    with netCDF4.Dataset(path, "a") as file:
        file["hfds"][-1, 0, 0] = file["hfds"][-1, 0, 0] + 500
    second = judged(workspace, run="c", **ASKED)
    assert second["key"] != first["key"]
    assert second["pool"] == first["pool"]
    assert second["provenance"]["pool_fingerprint"] == first["provenance"]["pool_fingerprint"]
    files = second["provenance"]["files"]
    assert files[path.name] == hashlib.sha256(path.read_bytes()).hexdigest() != first["provenance"]["files"][path.name]
    assert second["physics"] != first["physics"]
    note = f"Not the files of the card {first['key']}, which was made before of the same question: {path.name}."
    assert note in second["notes"]
    assert note not in first["notes"]
    assert cards.cards(workspace, pool_of(workspace)) == [second, first]  # nothing is lost


def pool_of(workspace):
    from datasel_core.pools.persistence import load_pool

    return load_pool(workspace, "c")


def test_totals_are_anomalies_and_the_mean_of_the_baseline(workspace, tmp_path):
    """By numpy alone: a line per cell on the area mean of tas, on top of the baseline's mean of the other variable."""
    there = {}

    def maximum(scenario, tas):
        rng = np.random.default_rng(len(scenario) + int(tas.sum()) % 1000)
        there[scenario] = tas, tas * 1.1 - 20 + rng.normal(0, 0.3, tas.shape)
        return there[scenario][1]

    written(tmp_path / "runs", "tas", lambda _, tas: tas)
    written(tmp_path / "runs", "tasmax", maximum)
    add_pool(workspace, "c", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    fitted = fit(ask(workspace, Wanted("c", "ssp245", period=(1930, 1949))), Progress())
    found = companion(fitted, "tasmax", Progress())
    flat = {name: [one.reshape(len(one), -1) for one in both] for name, both in there.items()}
    base = [one[:31].mean(axis=0) for one in flat["historical"]]
    area = np.repeat(np.cos(np.deg2rad(LAT)), 8) / (8 * np.cos(np.deg2rad(LAT)).sum())
    x = np.concatenate([flat[one][0] - base[0] for one in ("historical", "ssp585")]) @ area
    y = np.concatenate([flat[one][1] - base[1] for one in ("historical", "ssp585")])
    slope, intercept = np.polyfit(x, y, 1)
    told = base[1] + intercept + np.outer((flat["ssp245"][0] - base[0]) @ area, slope)
    np.testing.assert_allclose(found.base, base[1], atol=1e-9)
    np.testing.assert_allclose(found.told, told, atol=1e-3)
    np.testing.assert_array_equal(found.truth, flat["ssp245"][1])
