"""Choices of simulated years: against brute force, against definitions, and through a pool of real simulations."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.methods.algorithms import leave_one_out
from datasel_core.methods.contiguous import Contiguous
from datasel_core.methods.extremes import Extremes
from datasel_core.methods.gmst_stratified import GmstStratified
from datasel_core.methods.influence_loo import InfluenceLoo
from datasel_core.methods.k_center import KCenter
from datasel_core.methods.selection import Inputs
from datasel_core.runs.engine import choose, select
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import parse_spec
from tests.conftest import real_data, task_of
from tests.pools import simulations

WEIGHT = np.array([1.0, 3.0, 2.0, 0.5, 1.5])


def simulated(rng, n, cells=5):
    gmst = np.sort(rng.normal(1, 1, n))
    return gmst, gmst[:, None] * np.linspace(0.5, 2, cells) + rng.normal(0, 0.3, (n, cells))


def error(gmst, field, reference_gmst, reference, weight):
    """Weighted mean squared error on a reference of lines that are fitted by the library, with no formula of ours."""
    found = np.linalg.lstsq(np.stack([np.ones(len(gmst)), gmst], axis=1), field, rcond=None)[0]
    told = np.stack([np.ones(len(reference_gmst)), reference_gmst], axis=1) @ found
    return np.average(((reference - told) ** 2).mean(axis=0), weights=weight)


def brute_force(gmst, field, reference_gmst, reference, weight):
    whole = error(gmst, field, reference_gmst, reference, weight)
    rest = [np.delete(np.arange(len(gmst)), at) for at in range(len(gmst))]
    return np.array([error(gmst[one], field[one], reference_gmst, reference, weight) - whole for one in rest])


@pytest.mark.parametrize("n", [3, 4, 40])
def test_influence_is_leaving_out_by_brute_force(n, rng, monkeypatch):
    monkeypatch.setattr(leave_one_out, "_ROWS", 7)
    (gmst, field), (there, reference) = simulated(rng, n), simulated(rng, 15)
    facts = {"field": {"grid": {"weight": WEIGHT.tolist()}}}
    inputs = Inputs({"gmst": gmst, "field": field}, rng, {"gmst": there, "field": reference}, facts=facts)
    found = InfluenceLoo().score(inputs)
    np.testing.assert_allclose(found, brute_force(gmst, field, there, reference, WEIGHT), rtol=0, atol=1e-10)
    assert n < 40 or (found.min() < 0 < found.max())
    alike = InfluenceLoo().score(Inputs(inputs.pool, rng, inputs.target))
    np.testing.assert_allclose(alike, brute_force(gmst, field, there, reference, np.ones(5)), rtol=0, atol=1e-10)
    assert np.abs(alike - found).max() > 1e-4  # the areas count


def test_weights_of_rows_are_those_of_their_cells(rng):
    (gmst, field), (there, reference) = simulated(rng, 20, 6), simulated(rng, 9, 6)
    inputs = {"gmst": gmst, "field": field}, rng, {"gmst": there, "field": reference}
    by_row = InfluenceLoo().score(Inputs(*inputs, facts={"field": {"grid": {"weight": [1.0, 2.0, 4.0]}}}))
    by_cell = [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]
    np.testing.assert_array_equal(
        by_row, InfluenceLoo().score(Inputs(*inputs, facts={"field": {"grid": {"weight": by_cell}}}))
    )
    with pytest.raises(BadInput, match="There are weights of 4 cells for fields of 6; give one for each"):
        InfluenceLoo().score(Inputs(*inputs, facts={"field": {"grid": {"weight": [1.0] * 4}}}))


def test_a_year_without_which_there_is_no_line_is_judged_by_what_would_be_left(rng):
    """All other years are equally warm: without this one the slope is none, and the mean of the others is all that is
    told.
    """
    gmst, field = np.array([0.0, 0.0, 0.0, 2.0]), rng.normal(0, 1, (4, 5))
    there, reference = simulated(rng, 8)
    found = InfluenceLoo().score(Inputs({"gmst": gmst, "field": field}, rng, {"gmst": there, "field": reference}))
    whole = error(gmst, field, there, reference, np.ones(5))
    level = field[:3].mean(axis=0)
    shift = there - gmst.mean()  # of all lines through the mean of the others, at -0.5, the one with least coefficients
    design = np.stack([np.ones(3), np.full(3, -0.5)], axis=1)
    least = np.linalg.lstsq(design, field[:3], rcond=None)[0]
    np.testing.assert_allclose(design[0] @ least, level, atol=1e-12)
    told = np.stack([np.ones(8), shift], axis=1) @ least
    assert found[3] == pytest.approx(((reference - told) ** 2).mean() - whole, abs=1e-10)


def test_influence_passes_over_cells_that_are_always_empty_and_refuses_others(rng):
    (gmst, field), (there, reference) = simulated(rng, 20), simulated(rng, 9)
    gaps = field.copy(), reference.copy()
    gaps[0][:, 2], gaps[1][:, 2] = np.nan, np.nan
    keep = [0, 1, 3, 4]
    facts = {"field": {"grid": {"weight": WEIGHT.tolist()}}}
    found = InfluenceLoo().select(
        Inputs({"gmst": gmst, "field": gaps[0]}, rng, {"gmst": there, "field": gaps[1]}, facts=facts), 5
    )
    expected = brute_force(gmst, field[:, keep], there, reference[:, keep], WEIGHT[keep])
    np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-10)
    assert found.rows.tolist() == np.argsort(-expected)[:5].tolist()
    with pytest.raises(BadInput, match="The fields of the pool have 5 cells, those of the target 4; both must"):
        InfluenceLoo().select(
            Inputs({"gmst": gmst, "field": field}, rng, {"gmst": there, "field": reference[:, keep]}), 5
        )


def test_stratified_years_stand_at_even_quantiles(rng):
    gmst = rng.normal(0, 1, 251)
    found = GmstStratified().select(Inputs({"gmst": gmst}, rng), 20)
    ordered = np.sort(gmst)
    assert gmst[found.rows].tolist() == ordered[np.round(np.linspace(0, 250, 20)).astype(int)].tolist()
    assert found.why["quantile"][[0, -1]].tolist() == [0, 1]
    assert gmst[GmstStratified().select(Inputs({"gmst": gmst}, rng), 1).rows[0]] == ordered[125]


def test_what_was_kept_before_takes_its_quantiles(rng):
    gmst = np.arange(11.0)
    found = GmstStratified().select(Inputs({"gmst": gmst}, rng, already=[0, 5]), 3)
    assert sorted([0, 5, *found.rows]) == [0, 2, 5, 8, 10]  # five at 0, 2.5, 5, 7.5, 10; halves are rounded to even
    found = GmstStratified().select(Inputs({"gmst": gmst}, rng, already=[0, 1]), 2)
    assert found.rows.tolist() == [7, 10]  # ideal 0, 3, 7, 10: two are spoken for at the cold end


def test_extremes_take_both_ends_in_turn(rng):
    gmst = np.array([3.0, 1, 4, 1.5, 5, 9, 2])
    assert Extremes().select(Inputs({"gmst": gmst}, rng), 7).rows.tolist() == [5, 1, 4, 3, 2, 6, 0]
    assert Extremes().select(Inputs({"gmst": gmst}, rng, already=[5, 3]), 3).rows.tolist() == [4, 1, 2]


def test_years_in_a_row_follow_their_run(rng):
    run, year = np.array([1, 0, 0, 1, 0]), np.array([1851, 1852, 1850, 1850, 1851])
    inputs = {"run": run, "year": year}
    assert Contiguous().select(Inputs(inputs, rng), 5).rows.tolist() == [2, 4, 1, 3, 0]
    assert Contiguous(first=1).select(Inputs(inputs, rng), 4).rows.tolist() == [1, 3, 0, 2]
    assert Contiguous(first=4).select(Inputs(inputs, rng, already=[1]), 2).rows.tolist() == [4, 3]
    with pytest.raises(BadParameter, match="first is 9; it must be a row from 0 to 4"):
        Contiguous(first=9).select(Inputs(inputs, rng), 2)


def late_error(pool, rows, gmst, field):
    """RMSE in K of pattern scaling on ssp126 r1, means of 2080 to 2100, from its own global mean."""
    scenario, year = pool.column("scenario"), pool.column("year")
    test = np.flatnonzero((scenario == "ssp126") & (year >= 2080))
    found = np.polynomial.polynomial.polyfit(gmst[rows], field[rows], 1)
    apart = field[test].mean(axis=0) - (found[0] + gmst[test].mean() * found[1])
    weight = np.repeat(np.cos(np.arange(-85.5, 90, 9) * np.pi / 180), 20)
    return np.sqrt(np.average(apart**2, weights=weight))


@pytest.mark.skipif(real_data() is None, reason="the real data are not beside the repository")
def test_on_real_simulations_twenty_years_are_worth_what_is_known(workspace):
    """methods.md, section 7: all .354, stratified .384, the first twenty 3.1, random .379 (.33 to .43)."""
    pool = add_pool(workspace, "c", str(real_data() / "climate" / "cmip6"), "climate")
    perform(workspace, task_of("pool_cut", name="ref", parent="c", where="scenario = 'ssp126'"), Progress())
    where = "member = 'r1i1p1f1' AND scenario IN ('historical', 'ssp585')"

    def kept(method, budget="20", **asked):
        run = select(workspace, parse_spec(pool="c", method=method, budget=budget, where=where, **asked))
        return pool.rows(run.table["id"].to_pylist())

    roles = Roles.of(workspace, pool)
    gmst, field = (np.asarray(roles.array(role), np.float64) for role in ("gmst", "field"))
    assert late_error(pool, kept("random", "251"), gmst, field) == pytest.approx(0.354289, abs=1e-6)
    assert late_error(pool, kept("gmst_stratified"), gmst, field) == pytest.approx(0.384, abs=5e-4)
    first = kept("contiguous")
    assert pool.ids[first].tolist() == [f"historical/r1i1p1f1/{year}" for year in range(1850, 1870)]
    assert late_error(pool, first, gmst, field) == pytest.approx(3.1, abs=0.05)
    random = [late_error(pool, kept("random", seed=seed), gmst, field) for seed in range(12)]
    assert 0.33 < np.mean(random) < 0.43
    assert late_error(pool, kept("extremes"), gmst, field) < 1
    helpful = kept("influence_loo", target="ref")
    candidates = np.flatnonzero(
        (pool.column("member") == "r1i1p1f1") & np.isin(pool.column("scenario"), ["historical", "ssp585"])
    )
    reference = np.flatnonzero(pool.column("scenario") == "ssp126")
    weight = np.repeat(np.cos(np.arange(-85.5, 90, 9) * np.pi / 180), 20)
    some = np.concatenate([helpful[:3], candidates[::50]])  # brute force of all would take a while
    whole = error(gmst[candidates], field[candidates], gmst[reference], field[reference], weight)
    spec = parse_spec(pool="c", method="influence_loo", budget="20", where=where, target="ref")
    scores = choose(resolve(workspace, spec), Progress()).scores
    assert np.flatnonzero(~np.isnan(scores)).tolist() == candidates.tolist()
    assert helpful.tolist() == candidates[np.argsort(-scores[candidates], kind="stable")[:20]].tolist()
    for row in some:
        rest = candidates[candidates != row]
        without = error(gmst[rest], field[rest], gmst[reference], field[reference], weight)
        assert scores[row] == pytest.approx(without - whole, abs=1e-10)


def test_a_target_on_another_grid_is_refused(workspace, tmp_path):
    """As many cells, elsewhere: nothing but their places tells them apart."""
    simulations.usual(tmp_path / "here")
    years = np.arange(1850, 1910)
    data = simulations.dataset(simulations.warming(years, 3), years, **simulations.attributes("historical"))
    simulations.put(tmp_path / "there", data.assign_coords(lon=data.lon + 20), "historical")
    for name in ("here", "there"):
        add_pool(workspace, name, str(tmp_path / name), "climate", {"baseline": "1850-1880"})
    asked = {"pool": "here", "method": "influence_loo", "budget": "5"}
    with pytest.raises(BadRequest, match="The fields of the target there lie on another grid than the pool's"):
        select(workspace, parse_spec(**asked, target="there"))
    assert len(select(workspace, parse_spec(**asked, target="here")).table) == 5
    add_pool(workspace, "later", str(tmp_path / "there"), "climate", {"baseline": "1860-1890"})
    with pytest.raises(
        BadRequest, match="made by anomalies of tas to 1860-1890, the pool's by anomalies of tas to 1850"
    ):
        select(workspace, parse_spec(**asked, target="later"))


@pytest.mark.skipif(real_data() is None, reason="the real data are not beside the repository")
def test_k_center_covers_fields_by_area_and_takes_raw_ones_where_they_are_named(workspace):
    pool = add_pool(workspace, "c", str(real_data() / "climate" / "cmip6"), "climate")
    asked = {"pool": "c", "method": "k_center", "budget": "12", "params": {"metric": "euclidean", "first": 0}}
    found = pool.rows(select(workspace, parse_spec(**asked)).table["id"].to_pylist())
    field = np.asarray(Roles.of(workspace, pool).array("field"), np.float64)
    weight = np.repeat(np.cos(np.arange(-85.5, 90, 9) * np.pi / 180), 20)

    def greedy(weight):
        rows, gap = [0], np.full(len(field), np.inf)
        while len(rows) < 12:
            gap = np.minimum(gap, ((field - field[rows[-1]]) ** 2 * weight).sum(axis=1))
            rows.append(int(gap.argmax()))
        return rows

    assert found.tolist() == greedy(weight)
    raw = pool.rows(select(workspace, parse_spec(**asked, use={"embedding": "field"})).table["id"].to_pylist())
    assert raw.tolist() == greedy(np.ones(400)) != found.tolist()
    inputs = Inputs({"embedding": field}, np.random.default_rng(0))
    assert KCenter(metric="euclidean", first=0).select(inputs, 12).rows.tolist() == raw.tolist()
