"""Laws that numbers of a card obey among themselves, and what they hang on."""

import numpy as np
import pytest

from datasel_core.analysis.climate.mini_climate import forcing
from datasel_core.pools.demo.mini_climate import write_forcing
from tests.evidence.emulators.test_card import CLIMATE, SCENARIOS, judged, mini


@pytest.mark.parametrize("driver", ["gmst", "emulated"])
def test_the_curve_over_members_ends_where_pattern_scaling_is(workspace, tmp_path, driver):
    """With all members it is the baseline of that name, told the same of the target."""
    mini(workspace, tmp_path)
    path = write_forcing(tmp_path / "runs", {one: forcing(one) for one in SCENARIOS})
    said = judged(
        workspace, run="mini", target="ssp245", training="historical,ssp585", driver=driver, forcing=str(path)
    )
    last = said["curve"][-1]
    assert (last["size"], last["choices"]) == (2, 1)
    assert last["mean"] == pytest.approx(said["errors"]["pattern scaling"]["rmse_s"], rel=1e-9)


def test_an_ensemble_is_drawn_by_the_seed_that_was_asked_for(workspace, tmp_path):
    mini(workspace, tmp_path)
    asked = {"run": "mini", "target": "ssp245", "training": "historical", "kind": "gaussian_process", "members": 20}
    found = [judged(workspace, **asked, seed=seed)["ensemble"] for seed in (0, 1)]
    assert found[0]["rank_histogram"] != found[1]["rank_histogram"]
    assert found[0]["crps"] == pytest.approx(found[1]["crps"], rel=0.1)


def test_errors_of_bands_are_of_their_own_cells_and_have_a_sign(workspace, tmp_path):
    """By numpy alone, on the maps of the demo: what is too warm is above 0, and bands add up to the Earth."""
    _, runs = mini(workspace, tmp_path)
    said = judged(workspace, run="mini", target="ssp245", training="historical,ssp585")
    learned = np.concatenate([runs[one, m][1] for one in ("historical", "ssp585") for m in (1, 2)])
    truth, area = runs["ssp245", 1][1][2080 - 2015 :], CLIMATE.weight
    slope, intercept = np.polyfit(learned @ area, learned, 1)
    gone = (intercept + np.outer(truth @ area, slope) - truth).mean(axis=0)
    for one in said["regions"]:
        low, high = {"Arctic": (60, 91), "tropics": (-30, 30), "Antarctic": (-91, -60)}.get(one["name"], (0, 0))
        part = area * ((low <= CLIMATE.lat) & (CLIMATE.lat < high))
        if low != high:
            assert one["bias"] == pytest.approx(gone @ part / part.sum(), abs=1e-4)
            assert one["rmse"] == pytest.approx(np.sqrt(gone**2 @ part / part.sum()), abs=1e-4)
    share = {one["name"]: one["share"] for one in said["regions"]}
    assert share.pop("land") + share.pop("ocean") == pytest.approx(1)
    assert sum(share.values()) == pytest.approx(1)


def test_the_verdict_weighs_the_gain_over_members_against_the_floor_between_them(workspace, tmp_path):
    _, runs = mini(workspace, tmp_path)
    said = judged(workspace, run="mini", target="ssp245", training="historical", kind="gaussian_process")
    one, other = (runs["ssp245", m][1][2080 - 2015 :] for m in (1, 2))
    floor = np.sqrt((one - other).mean(axis=0) ** 2 @ CLIMATE.weight / 2)
    assert said["verdict"]["noise"] == pytest.approx([floor] * 3, rel=1e-4)
    gains = [each["pattern_scaling"] - each["rmse_s"] for each in said["members"]]
    half = 12.7062 * np.std(gains, ddof=1) / np.sqrt(2)  # Student's t of two
    assert said["verdict"]["gain"] == pytest.approx([np.mean(gains), np.mean(gains) - half, np.mean(gains) + half])
