"""TSDS against plain loops, a heap, a linear program, and the numbers it has to agree with."""

import json

import numpy as np
import pytest
from scipy import stats

from datasel_core.__main__ import main
from datasel_core.errors import BadInput, BadParameter
from datasel_core.methods.algorithms.crowding import Crowd
from datasel_core.methods.algorithms.transport import Neighbours, make_plan, served_by, serves
from datasel_core.methods.centroid_similarity import CentroidSimilarity
from datasel_core.methods.nearest_targets import NearestTargets
from datasel_core.methods.selection import Inputs
from datasel_core.methods.tsds import Tsds, find_neighbours, planned
from datasel_core.vectors import directions, neighbors
from tests.conftest import clustered, conformance
from tests.oracles import tsds as oracle

pytestmark = pytest.mark.usefixtures("small_blocks")


def inputs(pool, target, seed=0, **more) -> Inputs:
    return Inputs(
        {"embedding": np.asarray(pool)}, np.random.default_rng(seed), target={"embedding": np.asarray(target)}, **more
    )


def whole(distances: np.ndarray, rho: np.ndarray, sigma: float) -> Neighbours:
    """Every candidate is among every target's neighbours."""
    places = np.argsort(distances, axis=1, kind="stable")
    near = np.take_along_axis(distances, places, axis=1)
    n = distances.shape[1]
    return Neighbours(n, np.arange(n), places.astype(np.int32), near, np.array([sigma]), rho[:, None], n)


@pytest.mark.skipif(conformance() is None, reason="no conformance numbers here")
def test_agrees_with_the_numbers_it_has_to():
    folder = conformance()
    golden = json.loads((folder / "golden.json").read_text())["tsds"]
    pool, target = (np.load(folder / "tsds" / name) for name in ("candidates.npy", "query_examples.npy"))
    for case in golden["cases"]:
        method = Tsds(
            alpha=case["alpha"], sigma=case["sigma"], c=golden["c"], max_k=golden["max_k"], kde_k=golden["kde_k"]
        )
        plan = method.plan(inputs(pool, target))
        assert plan.level == pytest.approx(case["s"], abs=1e-9)
        assert plan.support == case["support"]
        assert plan.effective == pytest.approx(case["inverse_sum_p2"], abs=1e-6)
        assert plan.probability.max() == pytest.approx(case["max_p"], abs=1e-9)
        assert plan.probability.argmax() == case["argmax"]
        assert plan.cost == pytest.approx(case["transport_cost"], abs=1e-9)
        assert plan.last.tolist() == case.get("last", plan.last.tolist())
        np.testing.assert_allclose(method.select(inputs(pool, target), 100).scores, plan.probability)


@pytest.mark.parametrize("sigma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5, 0.9, 0.999, 1.0])
def test_the_plan_is_that_of_the_heap(sigma, alpha, rng):
    pool, target = clustered(rng, 300, 6, 9), clustered(rng, 11, 6, 4)
    pool[40:60] = pool[:20]
    expected = oracle.tsds(pool, target, alpha, 5.0, sigma, 5000, 25)
    plan = Tsds(alpha=alpha, sigma=sigma, kde_k=25).plan(inputs(pool, target))
    assert plan.level == pytest.approx(expected.level, rel=1e-12)
    assert plan.last.tolist() == expected.last
    np.testing.assert_allclose(plan.probability, expected.probability, atol=1e-14)
    assert plan.probability.sum() == pytest.approx(1)


@pytest.mark.parametrize("sigma", [0.0, 0.8])
@pytest.mark.parametrize("seed", range(6))
def test_the_plan_solves_the_linear_program(sigma, seed):
    rng = np.random.default_rng(seed)
    pool, target = rng.standard_normal((16, 3)), rng.standard_normal((3, 3))
    gaps, rho = oracle.pairs(target, pool), oracle.crowding(pool, sigma, 16)
    found = make_plan(whole(gaps, rho, sigma), 0.6, 1.0, sigma)
    plan = np.zeros_like(gaps)
    np.put_along_axis(plan, found.neighbours.places[:, : found.mass.shape[1]].astype(np.int64), found.mass, axis=1)
    assert 1 < found.level < 8
    np.testing.assert_allclose(plan.sum(axis=1), 1 / 3)
    assert oracle.objective(plan, gaps, rho, 0.6, 1.0) == pytest.approx(oracle.optimum(gaps, rho, 0.6, 1.0), abs=1e-9)


@pytest.mark.parametrize(("threshold", "k"), [(0.5, 1), (1.0, 1), (1.001, 2), (5.0, 2), (5.001, 3), (17.0, 3)])
def test_one_target_by_hand(threshold, k):
    pool = np.array([[1.0], [2], [4], [8], *[[1000]] * 46])
    plan = Tsds(alpha=0.5, c=threshold, sigma=0).plan(inputs(pool, [[0.0]]))
    assert plan.level == k
    np.testing.assert_allclose(plan.probability[:4], [1 / k] * k + [0] * (4 - k), atol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 5, 12, 19])
def test_few_candidates(n, rng):
    pool, target = rng.standard_normal((n, 4)), rng.standard_normal((3, 4))
    found = Tsds().select(inputs(pool, target), 1)
    assert len(found) == 1
    assert found.scores.sum() == pytest.approx(1)
    assert found.facts["max_k"] == min(n, 2)
    np.testing.assert_allclose(
        found.scores, oracle.tsds(pool, target, 0.5, 5, 0.75, 5000, 1000).probability, atol=1e-15
    )


def test_all_distances_equal_runs_into_max_k_and_says_so():
    pool, target = np.eye(40), np.zeros((2, 40))
    found = Tsds().select(inputs(pool, target), 3)
    assert np.flatnonzero(found.scores > 1e-12).tolist() == [
        0,
        1,
        2,
    ]  # equal distances keep pool order; the last neighbour is there for its distance
    assert found.facts["ran_out"] == 2
    assert (
        "max_k is 4, not 5000: at most a tenth of the 40 candidates are looked at, and at least 2."
        in found.facts["note"]
    )
    assert "2 of 2 targets used up their 4 neighbours; a larger max_k" in found.facts["note"]


def test_targets_that_are_candidates(rng):
    pool = rng.standard_normal((200, 5))
    plan = Tsds(alpha=0.9).plan(inputs(pool, pool[:30]))
    assert (plan.probability[:30] > 0).all()
    assert (plan.neighbours.distances[:, 0] == 0).all()


def test_a_target_in_a_crowd_may_stop_the_sweep_before_a_lonely_one_has_begun(rng):
    crowd, lonely = 0.01 * rng.standard_normal((300, 3)), 50 + 5 * rng.standard_normal((60, 3))
    pool, target = np.concatenate([crowd, lonely]), np.array([[0.0, 0, 0], [50, 50, 50]])
    plan = Tsds(alpha=0.9999, c=0.01, sigma=1).plan(inputs(pool, target))
    assert plan.level < 1
    assert plan.last[1] == -1
    np.testing.assert_allclose(plan.mass.sum(axis=1), 0.5)
    np.testing.assert_allclose(
        plan.probability, oracle.tsds(pool, target, 0.9999, 0.01, 1, 5000, 1000).probability, atol=1e-15
    )


@pytest.mark.parametrize("copies", [3, 8])
def test_copies_share_one_chance_under_kde_and_have_one_each_without(copies, rng):
    pool = 3 * rng.standard_normal((400, 3))  # far apart, for a width of .3
    target = pool[:1] + 0.01
    more = np.concatenate([pool, np.repeat(pool[:1], copies - 1, axis=0)])
    same = [0, *range(400, 399 + copies)]
    before, after = (Tsds(sigma=0.05).plan(inputs(one, target)) for one in (pool, more))
    assert after.probability[same].sum() == pytest.approx(before.probability[0], rel=1 / before.level)
    before, after = (Tsds(sigma=0).plan(inputs(one, target)) for one in (pool, more))
    assert after.probability[same].sum() == pytest.approx(copies * before.probability[0] * before.level / after.level)


def test_who_serves_whom(rng):
    plan = Tsds().plan(inputs(clustered(rng, 400, 5, 6), clustered(rng, 12, 5, 6)))
    for target in range(12):
        rows, mass, gaps = served_by(plan, target)
        assert mass.sum() == pytest.approx(1 / 12)
        assert (np.diff(gaps) >= 0).all()
        assert len(np.unique(rows)) == len(rows)
    for row in (*np.flatnonzero(plan.probability)[:20], int(np.argmin(plan.probability))):
        targets, mass, _ = serves(plan, row)
        assert mass.sum() == pytest.approx(plan.probability[row])
        assert (np.diff(mass) <= 0).all()
        assert all(row in served_by(plan, target)[0] for target in targets)


def test_drawing_without_replacement_is_in_proportion(rng):
    chance = np.array([0.4, 0.3, 0.2, 0.1, 0])
    draws = np.array([Tsds()._drawn(chance, 2, rng)[0] for _ in range(6000)])
    assert stats.chisquare(np.bincount(draws[:, 0], minlength=5)[:4], 6000 * chance[:4]).pvalue > 1e-3
    inside = [one + sum(other * one / (1 - other) for other in np.delete(chance, at)) for at, one in enumerate(chance)]
    np.testing.assert_allclose(np.bincount(draws.ravel(), minlength=5) / 6000, inside, atol=0.03)


def test_drawing_as_published_repeats_and_counts(rng):
    pool, target = clustered(rng, 200, 5, 3), clustered(rng, 2, 5, 2)
    drawn = [Tsds(sampling="multinomial").select(inputs(pool, target, seed), 100) for seed in range(40)]
    assert {one.counts.sum() for one in drawn} == {100}
    assert drawn[0].counts.max() > 1
    counts = sum(np.bincount(one.rows, one.counts, 200) for one in drawn)
    chance = Tsds().plan(inputs(pool, target)).probability
    many = chance > 0.002
    assert (
        stats.chisquare(counts[many], 4000 * chance[many] * counts[many].sum() / (4000 * chance[many].sum())).pvalue
        > 1e-3
    )


def test_top_and_prefix(rng):
    pool, target = clustered(rng, 300, 5, 3), clustered(rng, 9, 5, 3)
    best = Tsds(sampling="top").select(inputs(pool, target), 20)
    assert (np.diff(np.round(best.scores[best.rows], 12)) <= 0).all()
    for sampling in ("top", "without_replacement"):
        long, short = (Tsds(sampling=sampling).select(inputs(pool, target), budget).rows for budget in (40, 15))
        assert long[:15].tolist() == short.tolist()
    drawn = Tsds().select(inputs(pool, target), 3)
    assert drawn.why["probability"].tolist() == drawn.scores[drawn.rows].tolist()
    targets, _, gaps = serves(Tsds().plan(inputs(pool, target)), drawn.rows[0])
    assert drawn.why["distance"][0] in gaps[:1]
    assert drawn.why["target"][0] == targets[0]


def test_candidates_without_a_chance_never_fill_a_budget(rng):
    pool, target = rng.standard_normal((100, 3)), rng.standard_normal((2, 3))
    for sampling in ("without_replacement", "top"):
        with pytest.raises(
            BadParameter,
            match=(
                r"The budget is 50, but only \d+ candidates have any chance. Ask for at most so many, or spread "
                r"wider: lower"
            ),
        ):
            Tsds(sampling=sampling, alpha=0.9).select(inputs(pool, target), 50)
    reached = np.flatnonzero(Tsds().plan(inputs(pool, target)).probability)
    for sampling in ("without_replacement", "top", "multinomial"):
        with pytest.raises(BadParameter, match="only 0 candidates have any chance"):
            Tsds(sampling=sampling).select(inputs(pool, target, already=reached), 1)


def test_vectors_of_another_width_are_refused(rng):
    with pytest.raises(
        BadInput,
        match="The pool role embedding has 4 dimensions and the target role embedding 5; they must be in one space.",
    ):
        Tsds().select(inputs(rng.standard_normal((30, 4)), rng.standard_normal((3, 5))), 2)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_of_targets_are_all_right_even_far_from_the_origin(metric, rng):
    base = clustered(rng, 900, 8, 5, 0.05) + np.float32(30)
    base[500:520] = base[:20]
    base[7] = 0
    queries = np.concatenate([base[::100], np.zeros((1, 8), np.float32)])
    rows, distances = neighbors.search(queries, base, 40, metric)
    if metric == "euclidean":
        gaps = oracle.pairs(queries, base)
    else:
        gaps = oracle.pairs(directions.unit(queries), directions.unit(base)) ** 2 / 2
        gaps[-1], gaps[:, 7] = 1, 1
    np.testing.assert_allclose(distances, np.sort(gaps, axis=1)[:, :40], atol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(gaps, rows, axis=1), distances, atol=1e-12)
    assert rows[0, 0] == 0
    assert (np.sort(rows, axis=1)[:, 1:] != np.sort(rows, axis=1)[:, :-1]).all()


def test_approximate_neighbours_report_their_recall(rng, monkeypatch):
    import faiss

    pool, target = rng.standard_normal((3000, 24)), rng.standard_normal((15, 24))
    exact, rough = (Tsds(neighbors=how).select(inputs(pool, target), 20) for how in ("exact", "approximate"))
    assert exact.facts["recall"] == 1
    assert 0.5 < rough.facts["recall"] <= 1
    rows, _, recall = neighbors.search_roughly(target, pool, 30, check=15)
    true = neighbors.search(target, pool, 30)[0]
    assert recall == pytest.approx(np.mean([len(np.intersect1d(a, b)) / 30 for a, b in zip(rows, true, strict=True)]))
    if recall < 1:
        assert "Approximate neighbours: about" in rough.facts["note"] or rough.facts["recall"] == 1

    def padded(self, queries, k, search=faiss.IndexIVFFlat.search):
        distances, found = search(self, queries, k)
        found[:, k // 2 :] = -1
        return distances, found

    monkeypatch.setattr(faiss.IndexIVFFlat, "search", padded)
    np.testing.assert_array_equal(neighbors.search_roughly(target, pool, 30)[0], true)


@pytest.mark.parametrize("how", ["exact", "approximate"])
@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_the_size_of_numbers_does_not_matter(how, size, rng):
    pool, target = (np.asarray(made, np.float32) for made in (clustered(rng, 900, 8, 5), clustered(rng, 6, 8, 5)))
    factor = np.float32(2.0 ** round(np.log2(size)))
    usual, scaled = (find_neighbours(pool * by, target * by, 40, 10, [0.5 * by], how) for by in (np.float32(1), factor))
    np.testing.assert_array_equal(usual.rows[usual.places], scaled.rows[scaled.places])
    np.testing.assert_allclose(usual.distances * factor, scaled.distances, rtol=1e-12)
    plans = (
        planned(found, pool * by, 0.5, 5.0 * by, 0.5 * by)[1]
        for found, by in ((usual, np.float32(1)), (scaled, factor))
    )
    np.testing.assert_allclose(*(plan.probability for plan in plans), rtol=1e-9)


def test_says_when_c_does_not_suit_the_distances(rng):
    pool, target = clustered(rng, 300, 8, 5), clustered(rng, 6, 8, 5)
    pool, target = (made / np.linalg.norm(made, axis=1, keepdims=True) for made in (pool, target))
    assert "does not suit" not in Tsds().select(inputs(pool, target), 5).facts["note"]
    large = Tsds().select(inputs(1000 * pool, 1000 * target), 2).facts["note"]
    assert "which C = 5 does not suit: nearly all mass goes to the nearest candidate" in large
    with pytest.raises(BadParameter, match="only 4 candidates have any chance. The distances are about"):
        Tsds().select(inputs(1000 * pool, 1000 * target), 5)
    proposed = float(large.split("A C of about ")[1].split()[0])
    assert "does not suit" not in Tsds(c=proposed).select(inputs(1000 * pool, 1000 * target), 5).facts["note"]
    assert "mass is spread nearly evenly" in Tsds(c=500, max_k=30).select(inputs(pool, target), 5).facts["note"]
    with pytest.raises(BadParameter, match="any chance. Ask for at most so many"):  # a smaller C would reach fewer
        Tsds(c=500, max_k=30).select(inputs(pool, target), 250)
    for alpha in (0.0, 1.0):  # where C decides nothing
        assert "does not suit" not in Tsds(alpha=alpha).select(inputs(1000 * pool, 1000 * target), 2).facts["note"]


def test_a_width_whose_square_is_no_number_any_more_ends_too(rng):
    pool, target = clustered(rng, 300, 8, 5), clustered(rng, 6, 8, 5)
    found = [Tsds(sigma=sigma).plan(inputs(pool, target)).probability for sigma in (1e-200, 1e-30)]
    np.testing.assert_array_equal(*found)


def test_measuring_only_what_is_needed_changes_nothing(rng):
    pool, target = clustered(rng, 3000, 8, 30, 0.2), clustered(rng, 25, 8, 30, 0.2)
    found = find_neighbours(pool, target, 5000, 1000, [0.4, 0.8])
    full = Neighbours(
        **{
            **vars(found),
            "crowding": Crowd(pool[found.rows], found.widths, found.kde_k).measure(np.arange(len(found.rows))),
        }
    )
    for alpha in (0.5, 0.9):
        some, plan = planned(found, pool, alpha, 5.0, 0.8)
        np.testing.assert_allclose(plan.probability, make_plan(full, alpha, 5.0, 0.8).probability, atol=1e-14)
        assert not plan.unknown.any()
    assert np.isnan(some.crowding).any()
    assert make_plan(some, 0.05, 5.0, 0.8).unknown.any()  # a far wider plan meets candidates nobody measured
    with pytest.raises(ValueError, match="no crowding for the width 0.5"):
        make_plan(full, 0.5, 5.0, 0.5)


@pytest.mark.parametrize("twice", [[], [0, 3, 3]])
def test_nearest_targets_take_turns(rng, twice):
    pool, target = clustered(rng, 90, 4, 5), clustered(rng, 7, 4, 5)
    target[4 : 4 + len(twice)] = target[twice]
    gaps, expected = oracle.pairs(target, pool), []
    for turn in range(90):
        mine = gaps[turn % 7].copy()
        mine[expected] = np.inf
        expected.append(int(mine.argmin()))
    found = NearestTargets(metric="euclidean").select(inputs(pool, target), 90)
    assert found.rows.tolist() == expected
    assert found.why["target"][:9].tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1]
    np.testing.assert_allclose(found.why["distance"], gaps[np.arange(90) % 7, expected])


def test_centroid_similarity(rng):
    pool, target = clustered(rng, 50, 4, 5), clustered(rng, 7, 4, 5)
    pool[3] = 0
    mean = directions.unit(target).astype(np.float64).mean(axis=0)
    with np.errstate(invalid="ignore"):
        expected = pool @ mean / np.linalg.norm(mean) / np.linalg.norm(pool, axis=1)
    np.testing.assert_allclose(CentroidSimilarity().score(inputs(pool, target)), expected, atol=1e-6)
    with pytest.raises(BadInput, match="cancel each other out"):
        CentroidSimilarity().score(inputs(pool, np.stack([target[0], -target[0]])))


def test_facts_reach_the_manifest_and_the_screen(workspace, tmp_path, rng, capsys):
    for name, n in (("pool", 300), ("task", 9)):
        np.save(tmp_path / f"{name}.npy", clustered(rng, n, 6, 5))
        assert main(["pool", "add", name, str(tmp_path / f"{name}.npy"), "--kind", "vectors"]) == 0
    assert main(["select", "pool", "tsds", "--target", "task", "--budget", "5", "--out", str(tmp_path / "kept")]) == 0
    assert "note: max_k is 30, not 5000: at most a tenth of the 300 candidates are looked at" in capsys.readouterr().err
    facts = json.loads((tmp_path / "kept" / "manifest.json").read_text())["result"]["facts"]
    assert facts["max_k"] == 30
    assert 1 <= facts["effective_size"] <= facts["support"]
    assert main(["reproduce", str(tmp_path / "kept")]) == 0
    assert main(["select", "pool", "tsds", "--target", "task", "--budget", "290"]) == 2
    assert "candidates have any chance" in capsys.readouterr().err
