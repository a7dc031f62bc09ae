"""Scores of climate emulators: 200 choices of 20 years in one product beside one fit each; next runs ranked."""

import numpy as np

from datasel_core.analysis.climate import next_run
from datasel_core.analysis.climate.mini_climate import MiniClimate
from datasel_core.analysis.climate.scores import draws
from tests.benchmarks._measure import size, stopwatch, table


def main() -> None:
    climate = MiniClimate()
    with stopwatch() as made:
        runs = [climate.run(scenario, member) for scenario in ("historical", "ssp585") for member in (1, 2)]
    target = climate.run("ssp126", 1)
    fields = np.concatenate([one.fields for one in runs]) - climate.mean_state
    driver, truth = np.concatenate([one.gmst for one in runs]), (target.fields - climate.mean_state)[-21:]
    at, choices = target.gmst[-21:], draws.at_random(len(driver), 20, size(200), np.random.default_rng(0))
    with stopwatch() as at_once:
        found = draws.rmse_s(fields, driver, choices, truth, at, climate.weight)
    with stopwatch() as by_fits:
        fitted = [_fitted(fields[rows], driver[rows], truth, at, climate.weight) for rows in choices]
    assert np.allclose(found, fitted, rtol=1e-9)
    known = [next_run.known(climate, *one) for one in (("historical", 1), ("ssp370", 9), ("ssp245", 9))]
    scenarios = ("ssp126", "ssp585", "1pctCO2", "abrupt-4xCO2")
    offered = [next_run.known(climate, one, member) for one in scenarios for member in (2, 3)]
    noise = climate.autocovariance(300)
    with stopwatch() as ranked:
        next_run.rank(known[:1], offered, known[1:2], known[2:], climate.weight, noise, next_run.DEMO_DRIVER, 2)
    table(
        [
            {"what": "4 runs of the synthetic climate, 502 years, 288 cells", "seconds": made[0]},
            {"what": f"{len(choices)} choices of 20 years scored, in one product", "seconds": at_once[0]},
            {"what": f"{len(choices)} choices of 20 years scored, one fit after the other", "seconds": by_fits[0]},
            {"what": "28 pairs of runs ranked", "seconds": ranked[0]},
        ]
    )


def _fitted(fields: np.ndarray, driver: np.ndarray, truth: np.ndarray, at: np.ndarray, weight: np.ndarray) -> float:
    line = np.linalg.lstsq(np.stack([np.ones_like(driver), driver], axis=1), fields, rcond=None)[0]
    return float(np.sqrt((line[0] + line[1] * at.mean() - truth.mean(axis=0)) ** 2 @ weight))
