"""What methods promise, on held-out samples, against plain numpy; and what random gives beside it."""

import numpy as np
import pytest

from datasel_core.actions.compare import compare
from datasel_core.base.registry import every
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.appraisals.promise import KINDS, sentence
from datasel_core.evidence.yardstick import DRAWS, drawn
from datasel_core.pools import holdout
from datasel_core.runs.engine import select
from datasel_core.runs.spec import parse_spec
from tests.oracles.nearest import gaps
from tests.runs import joints

built, shared, scene = joints.built, joints.shared, joints.scene


@pytest.mark.parametrize(
    ("method", "metric", "role"),
    [
        ("k_center", "cosine", "embedding"),
        ("k_center", "euclidean", "embedding"),
        ("facility_location", "cosine", "embedding"),
        ("freesel", "cosine", "patterns"),
    ],
)
def test_it_is_what_plain_numpy_says(scene, method, metric, role):
    workspace, pool = scene.workspace, scene.pool
    drawing.draw(workspace, pool, "20")
    run = select(workspace, parse_spec(pool=pool.name, method=method, budget="8", params={"metric": metric}))
    said, values = run.manifest["result"]["promise"], scene.here[role]

    def vectors(rows):
        return values.take(rows).values if role == "patterns" else values[rows]

    held = np.setdiff1d(holdout.held_out(pool).rows(pool), joints.MISSING[role])
    free = np.setdiff1d(np.arange(pool.n), np.union1d(holdout.held_out(pool).rows(pool), joints.MISSING[role]))
    orders, points = [drawn(free, draw) for draw in range(DRAWS)], vectors(held)
    radius = np.median([gaps(points, vectors(order[:20]), metric) for order in orders])

    def number(rows):
        near = gaps(points, vectors(rows), metric)
        if role == "patterns":
            return (near > radius).mean()
        return near.max() if method == "k_center" else near.mean()

    assert said["measure"] == every("method")[method].promise
    assert said["value"] == pytest.approx(number(run.table["row"].to_numpy()), abs=2e-6)
    assert said["random"] == pytest.approx(np.mean([number(order[:8]) for order in orders]), abs=2e-6)
    assert said["measured_on"] == len(points)
    if role == "patterns":
        assert said["radius"] == pytest.approx(radius, abs=2e-6)
        assert 0 < said["value"] < 1
    assert f"{said['value']:.3f}" in sentence(said) or f"{said['value']:.1%} of the patterns" in sentence(said)
    lines = compare([run.key, run.key], workspace.run).lines()
    assert f"{run.key}: {sentence(said)}" in lines


def test_methods_promise_only_what_can_be_measured(scene):
    promised = {id: one.promise for id, one in every("method").items() if one.promise}
    towards = dict.fromkeys(
        ("tsds", "nearest_targets", "centroid_similarity", "norm_sim", "reference_classifier"), "target"
    )
    cuts = dict.fromkeys(("clip_score", "neg_clip_loss"), "mismatches")
    covering = {"k_center": "farthest", "facility_location": "mean", "freesel": "missed_patterns"}
    assert promised == {**covering, **towards, **cuts, "s2l": "loss"}
    assert set(promised.values()) == set(KINDS)
    drawing.draw(scene.workspace, scene.pool, "20")
    run = select(scene.workspace, parse_spec(pool=scene.pool.name, method="random", budget="8"))
    assert "promise" not in run.manifest["result"]
    assert "worth" in run.manifest["result"] or scene.pool.group_column


def test_without_a_held_out_set_nothing_is_said(scene):
    run = select(scene.workspace, parse_spec(pool=scene.pool.name, method="k_center", budget="8"))
    assert not {"promise", "worth"} & run.manifest["result"].keys()


def test_a_measure_of_a_later_version_is_passed_over():
    assert sentence({"measure": "something new", "value": 1}) == ""
