"""The timeline of a pool of simulations: years, what is kept of them, and which scenarios can judge."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.costs.simulations.purchase import bought
from datasel_core.costs.simulations.sides import runs_of
from datasel_core.costs.simulations.timeline import judges, likely_target, timeline, usual_period
from tests.pools import simulations


@pytest.fixture
def pool(workspace, tmp_path):
    simulations.run(tmp_path / "runs", "historical", 1850, 1909)
    simulations.run(tmp_path / "runs", "ssp126", 1910, 1939)
    simulations.run(tmp_path / "runs", "ssp585", 1910, 1939)
    simulations.run(tmp_path / "runs", "historical", 1850, 1909, member=2)
    simulations.run(tmp_path / "runs", "ssp585", 1910, 1930, member=2)
    return add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})


def test_lines_are_the_years_of_runs_and_what_is_kept_of_them(pool, rng):
    kept = np.sort(rng.choice(pool.n, 12, replace=False))
    found = timeline(pool, kept)
    ids = [f"{one.run}/{year}" for one in found.lines for year in one.kept]
    assert sorted(ids) == sorted(pool.ids[kept].tolist())
    assert found.kept == 12
    gmst = dict(zip(pool.ids.tolist(), pool.column("gmst").tolist(), strict=True))
    for one in found.lines:
        assert one.year == list(range(one.year[0], one.year[-1] + 1))
        assert one.gmst == [gmst[f"{one.run}/{year}"] for year in one.year]
    assert (found.low, found.high) == (min(gmst.values()), max(gmst.values()))
    begins = {one.run: one.year[0] for one in found.lines}
    wanted = [(*one.run.split("/"), year) for one in found.lines for year in one.kept]
    assert found.simulated == bought(wanted, "run", begins).simulated
    runs, mine, others = found.learned("ssp585")
    assert mine + others == 12
    assert others == sum(id.startswith("ssp585") for id in ids)
    assert "ssp585/r1i1p1f1" not in runs


def test_who_can_judge_has_all_years_of_the_period(pool):
    runs = runs_of(pool)
    assert usual_period(runs) == (1910, 1930)  # the last 21 years that all three futures have
    assert judges(runs, (1919, 1939)) == ["ssp126", "ssp585/r1i1p1f1"]
    assert judges(runs, (1915, 1925)) == ["ssp126", "ssp585", "ssp585/r1i1p1f1", "ssp585/r2i1p1f1"]
    assert judges(runs, (2080, 2100)) == []
    assert likely_target(["historical", "ssp126", "ssp585"], ["ssp126/r1i1p1f1"]) == "ssp585"
    assert likely_target(["historical", "ssp126"], ["ssp126/r1i1p1f1"]) == "ssp126"
    assert likely_target([], []) is None
