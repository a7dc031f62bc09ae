"""A review that came to its end: a selection like any other. What stays, what took which place, what leaves with it."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.errors import BadInput, BadRequest
from datasel_core.exports.record import HOLDS
from datasel_core.review.book import Book
from datasel_core.review.decisions import decision, review_of
from datasel_core.review.finish import finish, told
from datasel_core.review.state import Standing
from datasel_core.review.unfinished import unfinished
from datasel_core.runs import manifest, reproduction
from datasel_core.runs.catalog import archive
from datasel_core.runs.catalog.removal import why_not
from datasel_core.runs.derivations.combine import combine
from tests.runs import joints

built, scene = joints.built, joints.scene


def decide(scene, run, who="Ann Example", note="", **whats):
    """whats: keep, drop, swap, undo -> places from 0."""
    review = review_of(run.manifest)
    said = [decision(review, run.ids[at], who, what, note) for what, places in whats.items() for at in places]
    Book(scene.workspace).add(said)


def table(run, name):
    return pq.read_table(run.folder / f"{name}.parquet").to_pylist()


def whole(scene, run):
    """Intact, run again the same, taken along and back, and every manifest that was there before is as it was."""
    assert manifest.problems(run.folder) == []
    assert reproduction.reproduce(scene.workspace, run.folder)["identical"]
    for command in ("verify", "reproduce"):
        assert main([command, str(run.folder)]) == 0
    return run


def test_what_is_dropped_is_filled_again_in_its_place_and_said(scene):
    run = scene.ask("k_center", 8)
    before = (run.folder / "manifest.json").read_bytes()
    decide(scene, run, keep=[0, 2, 3], drop=[1, 5])
    made = whole(scene, finish(scene.workspace, run.folder))
    longer = scene.ask("k_center", 10).ids
    expected = list(run.ids)
    expected[1], expected[5] = longer[8], longer[9]
    assert made.ids == expected
    whys = [json.loads(text) for text in made.table["why"].to_pylist()]
    assert [why["review"] for why in whys] == [
        "kept",
        f"next best of k-center greedy, in place of {run.ids[1]}",
        "kept",
        "kept",
        "not looked at",
        f"next best of k-center greedy, in place of {run.ids[5]}",
        "not looked at",
        "not looked at",
    ]
    said = made.manifest["method"]
    assert (said["id"], said["params"]["decided"], said["params"]["dropped"], said["params"]["refilled"]) == (
        "reviewed",
        5,
        2,
        2,
    )
    assert said["params"]["of"][0]["ids_sha256"] == run.manifest["result"]["ids_sha256"]
    assert made.name == "review of 8, 8"
    assert told(made) == [
        "8 samples kept; 2 of 8 were left out.",
        "Their places: 2 by the next best of k-center greedy.",
        "3 were not looked at, and stay.",
    ]
    assert (run.folder / "manifest.json").read_bytes() == before
    assert f"review of 8, 8 ({made.key}) builds on it" in why_not(scene.workspace, run.folder)


def test_people_leave_as_pseudonyms_and_notes_only_when_asked(scene):
    run = scene.ask("k_center", 6)
    decide(scene, run, "Ben Real", "it shows somebody", drop=[1])
    decide(scene, run, "Ann Real", keep=[1, 2], undo=[2])
    made = whole(scene, finish(scene.workspace, run.folder))
    log = table(made, "decisions")
    assert [(one["sample"], one["reviewer"], one["decision"]) for one in log] == [
        (run.ids[1], "reviewer-1", "drop"),
        (run.ids[1], "reviewer-2", "keep"),
        (run.ids[2], "reviewer-2", "keep"),
        (run.ids[2], "reviewer-2", "undo"),
    ]
    assert "note" not in log[0]
    everything = b"".join(path.read_bytes() for path in made.folder.iterdir() if path.is_file())
    assert b"Real" not in everything
    assert b"somebody" not in everything
    noted = whole(scene, finish(scene.workspace, run.folder, with_notes=True))
    assert [one["note"] for one in table(noted, "decisions")] == ["it shows somebody", "", "", ""]
    assert noted.key != made.key
    assert finish(scene.workspace, run.folder).key == made.key  # the same question is the same run


@pytest.mark.parametrize(("rule", "out"), [("latest", [2]), ("any", [1, 2]), ("all", [2])])
def test_where_people_differ_the_rule_counts(scene, rule, out):
    run = scene.ask("k_center", 6)
    decide(scene, run, "ann", drop=[1, 2])
    decide(scene, run, "ben", keep=[1], drop=[2])
    made = whole(scene, finish(scene.workspace, run.folder, rule))
    assert [at for at in range(6) if made.ids[at] != run.ids[at]] == out
    assert made.manifest["method"]["params"]["rule"] == rule


def test_a_review_of_a_review_never_brings_back_what_was_dropped(scene):
    run = scene.ask("k_center", 6)
    decide(scene, run, drop=[1, 4])
    first = finish(scene.workspace, run.folder)
    decide(scene, first, drop=[1, 2])
    second = whole(scene, finish(scene.workspace, first.folder))
    longer = scene.ask("k_center", 10).ids
    assert [first.ids[1], first.ids[4]] == longer[6:8]
    assert [second.ids[1], second.ids[2]] == longer[8:10]
    assert not set(second.ids) & {run.ids[1], run.ids[4], first.ids[1], first.ids[2]}


def test_of_what_no_method_chose_places_stay_empty_and_that_is_said(scene):
    both = combine(scene.workspace, "union", [scene.ask("random", 6).folder, scene.ask("k_center", 6).folder])
    decide(scene, both, drop=[0], keep=[1])
    made = whole(scene, finish(scene.workspace, both.folder))
    assert made.ids == both.ids[1:]
    assert told(made)[1] == "Their places: 1 stays empty (no single method chose it, so that there is no next best)."


def test_an_earlier_batch_and_a_held_out_set_go_along(scene):
    earlier = scene.earlier("already")
    run = scene.ask("k_center", 5, already=str(earlier.folder))
    decide(scene, run, drop=[0], swap=[1])
    made = whole(scene, finish(scene.workspace, run.folder))
    assert made.manifest["already"]["n"] == 20
    assert not set(made.ids) & set(earlier.ids)
    assert not set(made.ids) & {run.ids[0], run.ids[1]}
    assert len(made.ids) == 5


def test_scores_of_a_scorer_are_those_of_the_samples(scene):
    run = scene.ask("by_score", 6, params={"role": "loss"})
    decide(scene, run, drop=[0])
    made = finish(scene.workspace, run.folder)
    row = scene.pool.rows([made.ids[0]])[0]
    assert made.table["score"].to_pylist()[0] == pytest.approx(float(scene.here["loss"][row]))
    assert np.isfinite(made.table["score"].to_numpy()).all()


def test_it_leaves_and_comes_back_like_any_other(scene, tmp_path):
    run = scene.ask("k_center", 6)
    decide(scene, run, drop=[1])
    made = finish(scene.workspace, run.folder)
    assert all(HOLDS.fullmatch(name) for name in ("manifest.json", *made.manifest["files"]))
    for out in ("kept.csv", "kept.csv"):  # twice: its own record is replaced
        assert main(["export", made.key, "--format", "csv", "--out", str(tmp_path / out)]) == 0
    assert main(["verify", str(tmp_path / "kept.csv")]) == 0
    assert main(["reproduce", str(tmp_path / "kept.csv")]) == 0
    back = archive.unpack(archive.pack(made.folder, tmp_path / "record.zip"), tmp_path / "back")
    assert reproduction.reproduce(scene.workspace, back)["identical"]
    chosen = tmp_path / "decisions.parquet"
    pq.write_table(pq.read_table(back / "decisions.parquet").slice(1), chosen)
    (back / "decisions.parquet").write_bytes(chosen.read_bytes())
    assert manifest.problems(back) == ["decisions.parquet was changed after it was written."]


def test_what_cannot_be_finished_is_said_in_one_line(scene):
    run = scene.ask("k_center", 4)
    with pytest.raises(BadRequest, match="Nobody has decided anything about k-center, 4 yet; keep, drop or swap some"):
        finish(scene.workspace, run.folder)
    both = combine(scene.workspace, "union", [scene.ask("random", 2).folder, scene.ask("random", 2, seed=1).folder])
    decide(scene, both, drop=range(len(both.ids)))
    with pytest.raises(BadRequest, match="Everything in union of 2, 4 was dropped and nothing took its place"):
        finish(scene.workspace, both.folder)
    decide(scene, run, drop=[0])
    path = run.folder / "selection.parquet"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"x")
    with pytest.raises(BadInput, match="is damaged and cannot be reviewed: selection.parquet was changed"):
        finish(scene.workspace, run.folder)
    path.write_bytes(good)
    scene.read_again("id", [f"x{at}" for at in range(joints.N)])
    with pytest.raises(BadRequest, match="is not what it was when this was chosen, so that no place can be filled"):
        finish(scene.workspace, run.folder)
    assert Standing.of(run.ids, Book(scene.workspace).of(review_of(run.manifest))).words == "1 of 4 decided, 1 dropped"


def test_reviews_that_were_begun_are_found_the_latest_first(scene):
    one, two, three = (scene.ask("k_center", n) for n in (4, 5, 6))
    assert unfinished(scene.workspace, [one, two, three]) == []
    decide(scene, one, keep=[0])
    decide(scene, two, drop=[0, 1])
    decide(scene, three, keep=range(6))
    found = unfinished(scene.workspace, [one, two, three])
    assert [(run.key, standing.words) for run, standing in found] == [
        (two.key, "2 of 5 decided, 2 dropped"),
        (one.key, "1 of 4 decided, 0 dropped"),
    ]
