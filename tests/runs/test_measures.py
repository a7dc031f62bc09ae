"""What is measured of a selection, against plain numpy: on rows that have a value, and across the edges of blocks."""

import numpy as np
import pytest

from datasel_core.analysis import curve as curves
from datasel_core.analysis.metrics import metric as metric_module
from datasel_core.analysis.metrics import redundancy
from datasel_core.analysis.metrics.balance import Balance
from datasel_core.analysis.metrics.coverage import Coverage
from datasel_core.analysis.metrics.metric import KeptRows, some_rows
from datasel_core.analysis.metrics.redundancy import Redundancy
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.features.roles import Roles
from datasel_core.probes.evaluate import run_probe
from datasel_core.runs import measures
from datasel_core.runs.measures import measure, read_curves
from datasel_core.vectors import kmeans, neighbors
from tests.conftest import clustered
from tests.runs import joints
from tests.runs.joints import GROUPS, MISSING, N, Ragged

built, shared, scene = joints.built, joints.shared, joints.scene


@pytest.fixture(params=[16, None])
def blocks(request, monkeypatch):
    """Blocks of sixteen, so that several are crossed; and as they are."""
    for module, name in ((neighbors, "_ROWS"), (neighbors, "_ANCHORS"), (redundancy, "_BLOCK"), (curves, "_BLOCK")):
        monkeypatch.setattr(module, name, request.param or getattr(module, name))


def gaps(a, b):
    """(len(a), len(b)) 1 - cosine."""
    a, b = (np.asarray(one, np.float64) / np.linalg.norm(one, axis=1, keepdims=True) for one in (a, b))
    return 1 - a @ b.T


def readable(*roles):
    return np.setdiff1d(np.arange(N), [row for role in roles for row in MISSING.get(role, [])])


def spread(gap):
    return {"mean": gap.mean(), "p95": np.percentile(gap, 95), "max": gap.max()}


def plain(scene, rows, used):
    """Every metric, worked out from the arrays."""
    can = readable(*used, "embedding", "patterns", "image")
    kept = np.array([row for row in rows if row in can])
    vectors, patterns = scene.here["embedding"], scene.here["patterns"]
    gap = gaps(vectors[can], vectors[kept]).min(axis=1)
    local = gaps(patterns.take(can).values, patterns.take(kept).values).min(axis=1)
    alike = 1 - gaps(vectors[kept], vectors[kept]) - 3 * np.eye(len(kept))
    counts = {name: int((GROUPS[kept] == name).sum()) for name in "abc"}
    share = np.array([count for count in counts.values() if count]) / len(kept)
    rarest = min(counts, key=lambda name: (counts[name], name))
    centres, cell = kmeans.kmeans(vectors[can], len(can) // 10, seed=0)
    touched = np.isin(np.unique(cell), gaps(vectors[kept], centres).argmin(axis=1)).mean()
    cells, twins = len(np.unique(cell)), (alike.max(axis=1) >= 0.95).mean()
    entropy = -(share * np.log(share)).sum() / np.log(3)
    return {
        "coverage": {**spread(gap), "cells_touched": touched, "cells": cells, "measured_on": len(can)},
        "pattern_coverage": {**spread(local), "measured_on": len(local)},
        "redundancy": {"near_duplicate_share": twins, "threshold": 0.95, "measured_on": len(kept)},
        "balance": {
            "entropy": entropy,
            "groups_kept": len(share),
            "groups": 3,
            "rarest": rarest,
            "rarest_count": counts[rarest],
            "counts": counts,
        },
    }


def about(numbers):
    """The same, as near as numbers that were rounded to six digits can be."""
    return {name: one if isinstance(one, dict | str) else pytest.approx(one, abs=2e-6) for name, one in numbers.items()}


@pytest.mark.parametrize("method", ["random", "least_confidence", "stratified", "k_center"])
def test_a_run_says_what_plain_numpy_says_on_the_rows_that_have_a_value(shared, blocks, method):
    """All keep some that have no value in another role: these are in the selection, and in no measure."""
    run = shared.ask(method, 35, anew=True)
    used = {"least_confidence": ["loss"], "k_center": ["embedding"]}.get(method, [])
    found, expected = run.manifest["result"]["metrics"], plain(shared, run.table["row"].to_pylist(), used)
    assert set(found) == set(expected)
    for name, numbers in expected.items():
        assert found[name] == about(numbers), name
    assert found["redundancy"]["measured_on"] < 35


def test_the_curve_of_a_run_is_plain_numpy_too(shared, blocks):
    """Per role on its own rows; what was chosen earlier, of what the method was given, counts from the beginning."""
    earlier = shared.earlier("already")
    run = shared.ask("k_center", 20, already=str(earlier.folder), anew=True)
    before = np.intersect1d(earlier.table["row"].to_numpy(), readable("embedding"))
    rows, found = run.table["row"].to_numpy(), read_curves(run.folder)
    assert list(found) == ["embedding", "patterns", "image"]
    for role, one in found.items():
        can, values = readable(role), shared.here[role]
        values = values if isinstance(values, Ragged) else Ragged(values, np.arange(N + 1))
        points = values.take(can).values
        assert one.picks.tolist() == list(range(1, 21))
        assert one.measured_on == len(points)
        for picks in (1, 2, 15, 16, 17, 20):
            anchors = np.concatenate([before, rows[:picks]])
            gap = gaps(points, values.take(anchors[np.isin(anchors, can)]).values).min(axis=1)
            assert one.at(picks) == pytest.approx((gap.mean(), gap.max()), abs=3e-6), (role, picks)


def test_metrics_are_of_new_and_earlier_together_and_of_the_new_alone(shared, blocks):
    """Both against plain numpy, on rows that have a value; the curve ends where those of both together are."""
    earlier = shared.earlier("already")
    run = shared.ask("k_center", 15, already=str(earlier.folder), anew=True)
    rows, before = run.table["row"].to_pylist(), earlier.table["row"].to_pylist()
    named = measures.named_metrics(run.manifest)
    assert list(named) == ["new and earlier together", "the new ones alone"]
    for found, kept in zip(named.values(), ([*before, *rows], rows), strict=True):
        for name, numbers in plain(shared, kept, ["embedding"]).items():
            assert found[name] == about(numbers), name
    assert run.manifest["result"]["metrics"] == named["the new ones alone"]
    assert run.manifest["result"]["metrics_with_earlier"] == named["new and earlier together"]
    together, alone = (one["coverage"]["mean"] for one in named.values())
    assert together < alone
    roles = Roles.of(shared.workspace, shared.pool)
    assert measures.metrics_of_all(run.manifest) == named["new and earlier together"]
    assert measures.coverage_in("embedding", named["the new ones alone"], roles) == alone
    assert measures.coverage_in("image", named["the new ones alone"], roles) is None  # measured in the embedding


def test_without_an_earlier_selection_there_is_one_set_of_metrics(shared):
    for asked in ({}, {"within": str(shared.earlier("within").folder)}):
        run = shared.ask("k_center", 9, **asked)
        assert measures.named_metrics(run.manifest) == {"kept": run.manifest["result"]["metrics"]}
        assert measures.metrics_of_all(run.manifest) == run.manifest["result"]["metrics"]
        assert "metrics_with_earlier" not in run.manifest["result"]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_found_across_blocks(blocks, rng, metric):
    vectors = rng.integers(-3, 4, (70, 5)).astype(np.float32)
    vectors[~vectors.any(axis=1)] = 1
    anchors = vectors[:50]
    vectors = vectors[::-1]
    far = gaps(vectors, anchors) if metric == "cosine" else np.linalg.norm(vectors[:, None] - anchors[None], axis=2)
    distance, which = neighbors.nearest(vectors, anchors, metric)
    np.testing.assert_allclose(distance, far.min(axis=1), atol=2e-3 if metric == "euclidean" else 1e-6)
    np.testing.assert_allclose(far[np.arange(70), which], far.min(axis=1), atol=1e-6)
    among = gaps(vectors, vectors) if metric == "cosine" else np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(among, np.inf)
    rows, distances = neighbors.knn(vectors, 7, metric)
    np.testing.assert_allclose(distances, np.sort(among, axis=1)[:, :7], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(among, rows, axis=1), distances, atol=1e-6)


def kept_of(vectors, rows=None, can=None):
    n = len(vectors)
    can = np.ones(n, bool) if can is None else can
    return KeptRows(n, np.arange(n) if rows is None else rows, {"embedding": vectors}.get, can)


def test_near_duplicates_are_found_across_blocks(blocks, rng):
    vectors = rng.standard_normal((70, 12)).astype(np.float32)
    vectors[[69, 40]] = vectors[[0, 41]] * 3
    assert Redundancy().measure(kept_of(vectors))["near_duplicate_share"] == pytest.approx(4 / 70, abs=1e-6)
    exact = np.array([[1, 0], [2, 0], [0, 1]], np.float32)  # at the threshold is near enough
    assert Redundancy(threshold=1.0).measure(kept_of(exact))["near_duplicate_share"] == pytest.approx(2 / 3, abs=1e-6)


def test_above_so_many_a_fixed_sample_is_measured_and_said(monkeypatch, rng):
    monkeypatch.setattr(metric_module, "SAMPLE", 50)
    vectors, can = clustered(rng, 200, 6, 8), np.arange(200) % 3 > 0
    kept = kept_of(vectors, np.flatnonzero(can)[::9], can)
    rows, found = some_rows(can, 50), Coverage().measure(kept)
    assert found == Coverage().measure(kept)
    assert (found["measured_on"], found["cells"]) == (50, 13)  # cells are the same, however many are kept
    assert len(set(rows.tolist())) == 50
    assert can[rows].all()
    assert rows.tolist() == sorted(rows)
    assert rows[-1] > 150  # not the first of them
    gap = gaps(vectors[rows], vectors[kept.rows]).min(axis=1)
    assert {name: found[name] for name in ("mean", "p95", "max")} == about(spread(gap))
    assert some_rows(can, can.sum()).tolist() == np.flatnonzero(can).tolist()


def test_the_picture_stands_in_where_there_is_no_embedding(shared):
    pool, rows, can = shared.pool, np.arange(0, N, 4), readable("image")
    only = Roles(pool, {"image": Roles.of(shared.workspace, pool).features["image"]}, None)
    found = measure(pool, only, rows, ())
    assert set(found) == {"coverage", "redundancy"}
    gap = gaps(shared.here["image"][can], shared.here["image"][rows]).min(axis=1)
    assert {name: found["coverage"][name] for name in ("mean", "p95", "max")} == about(spread(gap))


def test_balance_is_over_all_groups_of_the_pool():
    group = np.array(list("aaabbbcccd"))
    found = Balance().measure(KeptRows(10, np.array([0, 1, 3]), {"group": group}.get, np.ones(10, bool)))
    share = np.array([2, 1]) / 3
    assert found["entropy"] == pytest.approx(-(share * np.log(share)).sum() / np.log(4), abs=1e-6)
    assert (found["groups_kept"], found["groups"], found["rarest"], found["rarest_count"]) == (2, 4, "c", 0)
    for most, measured in ((4, True), (3, False)):
        kept = KeptRows(10, np.arange(5), {"group": group}.get, np.ones(10, bool))
        assert bool(Balance(most_groups=most).measure(kept)) == measured
    one = KeptRows(3, np.arange(2), {"group": np.array(list("aaa"))}.get, np.ones(3, bool))
    assert Balance().measure(one) == {}  # a column that says the same of all is no grouping


def by_hand(vectors, train, test):
    from sklearn.linear_model import LogisticRegression

    unit = 10 * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    model = LogisticRegression(C=10.0, max_iter=2000).fit(unit[train], GROUPS[train])
    right = model.predict(unit[test]) == GROUPS[test]
    per_group = [right[GROUPS[test] == name].mean() for name in np.unique(GROUPS[test])]
    numbers = {"accuracy": right.mean(), "mean_group_accuracy": np.mean(per_group)}
    return about({**numbers, "trained_on": len(train), "tested_on": len(test)}) | {"held_out": "rest"}


def linear(scene, run, **params):
    return run_probe(scene.workspace, run.folder, "linear", Progress(), params, "rest")


def test_a_linear_probe_learns_from_the_kept_and_is_asked_about_the_readable_rest(scene):
    """Of both, only rows that have a vector; never one that was kept; in the newest embedding."""
    run, can = scene.ask("random", 30), readable("embedding")
    rows = run.table["row"].to_numpy()
    train, test = np.intersect1d(rows, can), np.setdiff1d(can, rows)
    assert len(train) < len(rows)
    found = linear(scene, run)
    assert found == by_hand(scene.here["embedding"], train, test)
    assert linear(scene, run, c="0.0001") != found
    scene.keep("all", "embedding", np.eye(3, dtype=np.float32)[np.unique(GROUPS, return_inverse=True)[1]])
    assert linear(scene, run)["accuracy"] == 1  # it gives the group away


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"where": "\"group\" = 'a'", "budget": 5}, "all of one group; a linear probe needs at least two"),
        ({"budget": N}, "Nothing is held out: the whole pool was kept"),
        ({"changed": True}, "The pool all is not what it was when the selection was made"),
    ],
)
def test_a_probe_that_can_say_nothing_is_one_line(scene, asked, said):
    run = scene.ask("random", **{name: value for name, value in asked.items() if name != "changed"})
    if "changed" in asked:
        scene.read_again("id", ["new", *scene.pool.ids[1:]])
    with pytest.raises(BadRequest, match=said):
        linear(scene, run)
