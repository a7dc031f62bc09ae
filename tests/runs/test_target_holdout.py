"""A held-out set of the target: no method sees it, keys and manifests name it, and what was chosen before it, or with
another, still verifies and reproduces. It tests what was chosen.
"""

import json
import shutil

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.base.manifest_types import wrong
from datasel_core.errors import BadRequest
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.appraisals.promise import sentence
from datasel_core.evidence.yardstick import DRAWS, drawn
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine, manifest
from datasel_core.runs.reproduction import asked_again, reproduce
from datasel_core.runs.spec import Spec
from datasel_core.workspace.files import read_json
from tests.oracles.nearest import gaps
from tests.runs import joints
from tests.runs.joints import METHODS, MISSING, MISSING_THERE, N, same_answer

built, scene = joints.built, joints.scene
TOWARDS = sorted(id for id, one in METHODS.items() if one.needs_target)


@pytest.fixture
def held(scene):
    """Ids of the target that are held out."""
    return drawing.draw(scene.workspace, load_pool(scene.workspace, "task"), "20", seed=4).ids


@pytest.mark.parametrize("method", TOWARDS)
def test_no_method_sees_it(scene, held, method):
    spec = scene.spec(method, 6)
    run = engine.select(scene.workspace, spec)
    same_answer(scene, run, scene.expected(spec, held=held))


def test_the_same_question_with_and_without_it_are_two(scene):
    task = load_pool(scene.workspace, "task")
    before = scene.plan("tsds")
    assert before.what()["target"].keys() == {"pool", "features"}
    sets = [drawing.draw(scene.workspace, task, "20", seed=4)]
    keys = [scene.plan("tsds").key]
    holdout.forget(task, holdout.HOLDOUT)
    assert scene.plan("tsds").key == before.key
    sets.append(drawing.draw(scene.workspace, task, "20", seed=5))
    keys.append(scene.plan("tsds").key)
    assert len({before.key, *keys}) == 3
    assert scene.plan("tsds").what()["target"]["holdout"] == manifest.ids_sha256(sets[1].ids)
    drawing.draw(scene.workspace, task, "3", kind=holdout.GOLD)  # it says what is wanted all the same
    assert scene.plan("tsds").key == keys[1]


def test_the_manifest_and_the_command_line_name_it(scene, held, capsys):
    run = scene.ask("tsds")
    said = run.manifest["target"]
    assert (said["n"], said["holdout"]["n"]) == (67, 20)
    assert said["holdout"]["ids_sha256"] == manifest.ids_sha256(held)
    assert "holdout" not in run.manifest
    assert manifest.counts(run.manifest).aside == 0
    assert "target_holdout.parquet" in run.manifest["files"]
    assert wrong({**run.manifest, "target": {**said, "holdout": {"n": "many", "ids_sha256": ""}}}).startswith("target")
    assert main(["select", "all", "tsds", "--target", "task", "--budget", "6", "--set", "sigma=2.0"]) == 0
    told = capsys.readouterr()
    there = np.setdiff1d(np.arange(67), MISSING_THERE["embedding"])
    out = np.isin(there, [int(id[1:]) for id in held]).sum()
    assert f"target task: {len(there) - out} samples, and {out} held out of it" in told.err
    assert sentence(run.manifest["result"]["promise"]) in told.out


@pytest.mark.parametrize("method", ["tsds", "norm_sim"])
def test_a_selection_is_run_again_with_what_was_held_out_then(scene, method, tmp_path):
    """Made before any set, with one, and with another."""
    task, runs = load_pool(scene.workspace, "task"), [scene.ask(method)]
    for seed in (1, 2):
        drawing.draw(scene.workspace, task, "60%", seed=seed)
        runs.append(scene.ask(method))
        holdout.forget(task, holdout.HOLDOUT)
    drawing.draw(scene.workspace, task, "40%", seed=3)
    for run in runs:
        for folder in (run.folder, tmp_path / f"moved-{run.key}"):
            if folder != run.folder:
                shutil.copytree(run.folder, folder)
            assert manifest.problems(folder) == []
            assert reproduce(scene.workspace, folder)["identical"]
            assert asked_again(scene.workspace, run.manifest, folder).key == run.key
    assert len({run.manifest["result"]["ids_sha256"] for run in runs}) > 1


def test_a_manifest_that_knew_of_none_is_run_again_without_one(scene):
    """As older programs wrote it: its spec does not say the word."""
    run = scene.ask("tsds")
    spec = {name: value for name, value in read_json(run.folder / "spec.json").items() if name != "target_holdout"}
    assert Spec(**spec) == scene.spec("tsds")
    drawing.draw(scene.workspace, load_pool(scene.workspace, "task"), "60%", seed=1)
    assert asked_again(scene.workspace, run.manifest).key == run.key


def test_a_manifest_alone_is_run_again_only_where_the_same_is_held_out(scene, held):
    run = scene.ask("tsds")
    assert asked_again(scene.workspace, run.manifest).key == run.key
    holdout.forget(load_pool(scene.workspace, "task"), holdout.HOLDOUT)
    text = "Other samples of the target were set aside when this selection was made; .* which holds target_holdout"
    with pytest.raises(BadRequest, match=text):
        asked_again(scene.workspace, run.manifest)


def test_where_all_that_is_left_has_no_value_it_says_so(scene):
    task = load_pool(scene.workspace, "task")
    ids = [f"t{row}" for row in range(67) if row not in MISSING_THERE["embedding"]]
    holdout.save(task, "holdout", ids, np.arange(len(ids)), {"share": "1", "by": None, "near": False, "seed": 0})
    with pytest.raises(BadRequest, match="No sample of the target task that is not held out has a value in embedding"):
        scene.plan("tsds")


@pytest.mark.parametrize(
    ("method", "role", "metric"),
    [("tsds", "embedding", "euclidean"), ("nearest_targets", "embedding", "cosine"), ("norm_sim", "image", "cosine")],
)
@pytest.mark.parametrize("also", [False, True])
def test_the_promise_is_what_plain_numpy_says(scene, held, method, role, metric, also):
    """also: where samples of the pool are set aside, too; random cannot draw them either."""
    if also:
        drawing.draw(scene.workspace, scene.pool, "15", seed=9)
    run = scene.ask(method, 8)
    said, mine = run.manifest["result"]["promise"], scene.here[role]
    points = scene.there[role][np.setdiff1d([int(id[1:]) for id in held], MISSING_THERE[role])]
    out = holdout.held_out(scene.pool).rows(scene.pool) if also else []
    free = np.setdiff1d(np.arange(N), [*MISSING[role], *out])

    def mean(rows):
        return gaps(points, mine[rows], metric).mean()

    assert (said["measure"], said["target"], said["metric"]) == ("target", "task", metric)
    assert said["measured_on"] == len(points)
    assert said["value"] == pytest.approx(mean(run.table["row"].to_numpy()), abs=2e-4)
    random = np.mean([mean(drawn(free, draw)[:8]) for draw in range(DRAWS)])
    assert said["random"] == pytest.approx(random, abs=2e-4)  # to a copy it is the root of what float32 rounds off
    ratio = said["value"] / said["random"]
    how = f"{1 - ratio:.0%} nearer to" if ratio < 1 else f"{ratio - 1:.0%} farther from"
    than = "than to" if ratio < 1 else "than from"
    start = f"{len(points)} held-out samples of the target are on average {how} the kept {than} as many random ones"
    assert sentence(said) == f"{start} ({said['value']:.3f} against {said['random']:.3f})."
    far, same = {**said, "value": 1.5, "random": 1.2}, {**said, "value": 25.0, "random": 25.1}
    assert "on average 25% farther from the kept than from as many random ones (1.500 against 1.200)" in sentence(far)
    assert "on average as near to the kept as to as many random ones (25.0 against 25.1)" in sentence(same)


def test_without_a_held_out_set_only_the_way_to_it_is_told(scene, capsys):
    run = scene.ask("tsds")
    assert "promise" not in run.manifest["result"]
    words = ["select", "all", "tsds", "--target", "task", "--budget", "6", "--set", "sigma=2.0"]
    assert main([*words, "--json"]) == 0
    told = capsys.readouterr()
    json.loads(told.out)
    how = "it never saw (hold some out, then choose again): python -m datasel_core holdout task --share 20%"
    assert how in told.err
    assert main(["holdout", "task", "--share", "20%"]) == 0
    capsys.readouterr()
    assert main(words) == 0
    told = capsys.readouterr()
    assert how not in told.err
    assert "held-out samples of the target are on average" in told.out


def test_leaks_are_looked_for_in_all_of_a_pool(scene, held, capsys):
    """Every sample of the pool is in the target, to the number; what is held out of it as well."""
    assert main(["leaks", "all", "--against", "task", "--json"]) == 1
    hits = json.loads(capsys.readouterr().out)["hits"]
    copies = {f"t{joints.EXTRA + row}" for row in range(N) if row not in MISSING["embedding"]}
    assert copies & set(held)
    assert copies <= {hit["other"] for hit in hits if hit["kind"] == "near_vector"}
