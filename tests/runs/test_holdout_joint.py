"""What is set aside meets everything that chooses, scores, records and runs again."""

import json
import shutil

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.base.manifest_types import wrong
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.evidence import holdout as drawing
from datasel_core.pools import holdout
from datasel_core.probes.evaluate import run_probe
from datasel_core.runs import engine, manifest
from datasel_core.runs.neighbor_tables import make_tables, read_tables
from datasel_core.runs.reproduction import reproduce
from datasel_core.runs.scores import kept_scores
from tests.runs import joints
from tests.runs.joints import GROUPS, METHODS, MISSING, N, same_answer
from tests.runs.test_measures import by_hand

built, scene = joints.built, joints.scene
ABOUT = {"share": "2", "by": None, "near": False, "seed": 0}


@pytest.fixture
def aside(scene):
    """Ids of a held-out and of a gold set."""
    one = drawing.draw(scene.workspace, scene.pool, "20%", seed=4)
    other = drawing.draw(scene.workspace, scene.pool, "3", seed=5, kind=holdout.GOLD)
    return [*one.ids, *other.ids]


@pytest.mark.parametrize("method", sorted(METHODS))
def test_no_method_sees_or_chooses_what_is_set_aside(scene, aside, method):
    for asked in ({}, {"already": str(scene.ask("random", 7, seed=3).folder)}, {"where": "amount > 20"}):
        spec = scene.spec(method, 6, **asked)
        run = engine.select(scene.workspace, spec)
        assert not set(run.ids) & set(aside)
        same_answer(scene, run, scene.expected(spec, aside))


def test_a_share_is_a_share_of_the_candidates(scene, aside):
    free = N - len(aside)
    assert len(scene.ask("random", "100%").ids) == free
    assert set(scene.ask("random", "100%").ids) == set(scene.pool.ids) - set(aside)
    assert len(scene.ask("random", "25%").ids) == int(0.25 * free + 0.5)
    with pytest.raises(BadRequest, match=f"The budget is {free + 1}; it must be from 1 to {free}"):
        scene.ask("random", free + 1)


def test_the_same_question_with_and_without_it_are_two(scene):
    before = scene.plan("k_center")
    made = scene.ask("k_center")
    drawing.draw(scene.workspace, scene.pool, "20%", seed=4)
    assert scene.plan("k_center").key != before.key
    assert scene.ask("k_center").key != made.key
    holdout.forget(scene.pool, holdout.HOLDOUT)
    assert scene.plan("k_center").key == before.key


def test_the_manifest_names_it_and_counts_it_apart(scene, aside):
    run = scene.ask("k_center", 6)
    said = run.manifest["holdout"]
    assert {kind: one["n"] for kind, one in said.items()} == {"holdout": 12, "gold": 3}
    assert said["holdout"]["ids_sha256"] == manifest.ids_sha256(aside[:12])
    assert said["gold"]["ids_sha256"] == manifest.ids_sha256(aside[12:])
    counts = manifest.counts(run.manifest)
    assert (counts.aside, counts.dropped) == (15, N - 6 - 15)
    assert counts.rest == "39 dropped, 15 set aside"
    assert "holdout.parquet" in run.manifest["files"]


@pytest.mark.parametrize("method", ["k_center", "neg_clip_loss"])
def test_what_was_chosen_before_it_was_set_aside_counts_once(scene, method):
    """Kept, dropped and set aside are the pool; a scorer does not call vectors zero that it was never given."""
    first = scene.ask("random", 40)
    drawing.draw(scene.workspace, scene.pool, "20%", seed=4)
    held = set(holdout.of(scene.pool).sets["holdout"].ids)
    both = len(held & set(first.ids))
    assert 0 < both < len(held)
    run = scene.ask(method, 3, already=str(first.folder))
    counts = manifest.counts(run.manifest)
    assert (counts.new, counts.earlier, counts.aside) == (3, 40, len(held) - both)
    assert counts.dropped == N - len(held | set(first.ids)) - 3
    missing = {scene.pool.ids[row] for role in ("image", "text", "embedding") for row in MISSING[role]}
    assert {one["id"] for one in run.manifest["unreadable"]} <= missing
    assert reproduce(scene.workspace, run.folder)["identical"]
    again = {**run.manifest, "already": {**run.manifest["already"], "aside": "many"}}
    assert "already" in wrong(again)


@pytest.mark.parametrize("method", ["k_center", "neg_clip_loss", "tsds", "random"])
def test_a_selection_is_run_again_with_what_was_set_aside_then(scene, method, tmp_path):
    """Made before any set, with one, and with another: each is verified and reproduced at any time."""
    runs = [scene.ask(method)]
    for seed in (1, 2):
        drawing.draw(scene.workspace, scene.pool, "30%", seed=seed)
        runs.append(scene.ask(method))
        holdout.forget(scene.pool, holdout.HOLDOUT)
    drawing.draw(scene.workspace, scene.pool, "40%", seed=3)
    for run in runs:
        for folder in (run.folder, tmp_path / f"moved-{run.key}"):
            if folder != run.folder:
                shutil.copytree(run.folder, folder)
            assert manifest.problems(folder) == []
            assert reproduce(scene.workspace, folder)["identical"]
    assert len({run.manifest["result"]["ids_sha256"] for run in runs}) > 1


def test_a_manifest_alone_is_run_again_only_where_the_same_is_set_aside(scene, tmp_path):
    drawing.draw(scene.workspace, scene.pool, "30%", seed=1)
    run = scene.ask("k_center")
    shutil.copytree(run.folder, tmp_path / "alone", ignore=shutil.ignore_patterns("holdout.parquet"))
    from datasel_core.runs.reproduction import asked_again

    assert asked_again(scene.workspace, run.manifest).key == run.key
    holdout.forget(scene.pool, holdout.HOLDOUT)
    with pytest.raises(BadRequest, match="Other samples were set aside when this selection was made"):
        asked_again(scene.workspace, run.manifest)


def test_a_record_that_leaves_has_it(scene, aside, tmp_path, capsys):
    run = scene.ask("k_center")
    assert main(["export", str(run.folder), "--format", "ids", "--out", str(tmp_path / "kept.txt")]) == 0
    holdout.forget(scene.pool, holdout.HOLDOUT)
    shutil.rmtree(run.folder)
    assert (tmp_path / "kept.txt.datasel" / "holdout.parquet").exists()
    for words in (["verify"], ["reproduce"]):
        assert main([*words, str(tmp_path / "kept.txt")]) == 0
    (tmp_path / "kept.txt.datasel" / "holdout.parquet").write_bytes(b"")
    assert main(["verify", str(tmp_path / "kept.txt")]) == 1
    assert "holdout.parquet was changed after it was written." in capsys.readouterr().err


def test_scores_of_what_is_set_aside_are_not_known(scene, aside):
    values = kept_scores(scene.plan("neg_clip_loss"), Progress()).values
    missing = {row for role in ("image", "text") for row in MISSING[role]}
    unseen = set(scene.pool.rows(aside).tolist())
    assert set(np.flatnonzero(np.isnan(values)).tolist()) == missing | unseen
    holdout.forget(scene.pool, holdout.HOLDOUT)
    holdout.forget(scene.pool, holdout.GOLD)
    whole = kept_scores(scene.plan("neg_clip_loss"), Progress()).values
    assert set(np.flatnonzero(np.isnan(whole)).tolist()) == missing


def test_the_tables_behind_the_sliders_leave_it_out(scene, aside):
    asked = scene.plan("tsds")
    tables = read_tables(make_tables(asked, Progress()))
    assert not set(tables.given) & set(scene.pool.rows(aside))
    plan = tables.plan(asked.method.alpha, asked.method.c, asked.method.sigma)
    chances = tables.probability(plan, N)
    run = scene.ask("tsds")
    rows = run.table["row"].to_numpy()
    assert run.table["score"].to_numpy() == pytest.approx(chances[rows])


def test_what_is_made_of_selections_with_the_same_set_names_it(scene, aside, tmp_path):
    one, other = scene.ask("random", 5, seed=1), scene.ask("random", 5, seed=2)
    words = ["combine", "union", str(one.folder), str(other.folder), "--out", str(tmp_path / "both")]
    assert main(words) == 0
    said = manifest.read(tmp_path / "both")
    assert said["holdout"] == one.manifest["holdout"]
    assert manifest.problems(tmp_path / "both") == []
    holdout.forget(scene.pool, holdout.GOLD)
    third = scene.ask("random", 5, seed=3)
    assert main(["combine", "union", str(one.folder), str(third.folder), "--out", str(tmp_path / "mixed")]) == 0
    assert "holdout" not in manifest.read(tmp_path / "mixed")


def test_a_probe_is_asked_about_the_held_out_alone(scene, aside):
    run = scene.ask("random", 25)
    can = np.setdiff1d(np.arange(N), MISSING["embedding"])
    rows, held = run.table["row"].to_numpy(), scene.pool.rows(aside[:12])
    right = by_hand(scene.here["embedding"], np.intersect1d(rows, can), np.intersect1d(held, can))
    found = run_probe(scene.workspace, run.folder, "linear", Progress())
    assert found == right | {"held_out": "holdout"}
    assert len(set(GROUPS[held])) > 1


def test_a_held_out_set_without_vectors_tests_nothing_and_says_so(scene):
    held = np.intersect1d(MISSING["embedding"], np.arange(N))[:2]
    holdout.save(scene.pool, "holdout", scene.pool.ids[held].tolist(), np.arange(len(held)), ABOUT)
    run = scene.ask("random", 25)
    for probe in ("linear", "nearest"):
        with pytest.raises(BadRequest, match="No held-out sample of all has embedding and group, so there is nothing"):
            run_probe(scene.workspace, run.folder, probe, Progress())


def test_a_selection_that_could_choose_the_held_out_proves_nothing_on_it(scene, capsys):
    before = scene.ask("random", 25)
    with pytest.raises(
        BadRequest, match="The pool all has no held-out set to test on. Draw one, and choose after that"
    ):
        run_probe(scene.workspace, before.folder, "linear", Progress())
    drawing.draw(scene.workspace, scene.pool, "20%", seed=4)
    with pytest.raises(BadRequest, match="The held-out set of all was among what this selection could choose"):
        run_probe(scene.workspace, before.folder, "linear", Progress())
    after = scene.ask("random", 25, already=str(before.folder))
    with pytest.raises(BadRequest, match="was among what this selection could choose"):
        run_probe(scene.workspace, after.folder, "linear", Progress())
    capsys.readouterr()
    assert main(["evaluate", str(before.folder), "--probe", "linear", "--held-out", "rest", "--json"]) == 0
    told = capsys.readouterr()
    assert "Tested on what was not kept: a method that keeps the rare and the hard leaves an easier rest" in told.err
    assert json.loads(told.out)["probe"]["held_out"] == "rest"
