"""Eruptions reach the emulator with variability from the table that lies beside the files, and the card says so."""

import numpy as np
import pytest
import xarray as xr
from statsmodels.nonparametric.smoothers_lowess import lowess

from datasel_core.analysis.climate.mini_climate import forcing
from datasel_core.pools.demo.mini_climate import write_forcing
from tests.evidence.emulators.test_card import CLIMATE, SCENARIOS, judged, mini

ASKED = {"run": "mini", "target": "ssp245", "training": "historical,ssp585", "kind": "variability"}


def coefficient(folder):
    with xr.open_dataset(folder / "emulator.nc") as file:
        return float(file["volcanic_coefficient"])


def smoothed(scenario):
    """(years,) of the mean over both members, as the paper smooths it."""
    mean = np.mean([CLIMATE.run(scenario, member).gmst for member in (1, 2)], axis=0)
    return lowess(mean, np.arange(len(mean)), frac=50 / len(mean), it=0, return_sorted=False)


def test_eruptions_beside_the_files_are_told_and_said(workspace, tmp_path):
    mini(workspace, tmp_path)
    without = judged(workspace, **ASKED, out=str(tmp_path / "without"))
    [said] = [one for one in without["notes"] if "Volcanic" in one]
    assert said.startswith("Volcanic eruptions are left out, as weather like any other. No table of forcing")
    assert coefficient(tmp_path / "without") == 0
    path = write_forcing(tmp_path / "runs", {one: forcing(one) for one in SCENARIOS})
    given = judged(workspace, **ASKED, out=str(tmp_path / "given"))
    [said] = [one for one in given["notes"] if "Volcanic" in one]
    assert "made of volcanic forcing in forcing.csv at 20 W m-2 per unit; the target is told of none" in said
    assert given["key"] != without["key"]
    assert "forcing.csv" in given["provenance"]["files"]
    # least squares without intercept of what is left of the past on depth; the future has no eruption
    past, depth = smoothed("historical"), -forcing("historical").volcanic / 20
    base = [CLIMATE.run("historical", member) for member in (1, 2)]
    left = np.concatenate([one.gmst - past for one in base])
    x = np.concatenate([depth, depth])
    later = -forcing("ssp585").volcanic / 20
    ahead = np.concatenate([CLIMATE.run("ssp585", member).gmst - smoothed("ssp585") for member in (1, 2)])
    x, left = np.concatenate([x, later, later]), np.concatenate([left, ahead])
    assert coefficient(tmp_path / "given") == pytest.approx((x @ left) / (x @ x), rel=1e-3)
    assert coefficient(tmp_path / "given") < -0.5
    named = judged(workspace, **ASKED, forcing=str(path))
    assert named["errors"]["emulator"]["rmse_s"] == pytest.approx(given["errors"]["emulator"]["rmse_s"], rel=1e-12)
    path.write_text(path.read_text().replace("volcanic", "ashes"))
    other = judged(workspace, **ASKED)
    assert other["key"] not in (given["key"], without["key"])
    assert any("has no column volcanic; it has gas, aerosol, ashes." in one for one in other["notes"])
    assert not any("Volcanic" in one for one in judged(workspace, run="mini", target="ssp245")["notes"])
