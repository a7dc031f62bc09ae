"""The command review: what was decided so far, deciding, and the selection that it makes."""

import json

import pytest

from datasel_core.__main__ import main
from tests.runs import joints

built, scene = joints.built, joints.scene


@pytest.fixture
def run(scene):
    return scene.ask("k_center", 6)


def review(capsys, *words, code=0):
    """The document, or what was said where it was refused."""
    capsys.readouterr()
    assert main(["review", *map(str, words)]) == code
    said = capsys.readouterr()
    return json.loads(said.out) if "--json" in words else said.err.strip() if code else said.out


def test_how_it_stands_as_one_document(run, capsys):
    a, b, c, *_ = run.ids
    empty = review(capsys, run.key, "--json")
    assert (empty["n"], empty["decided"], empty["reviewers"], empty["conflicts"]) == (6, 0, [], [])
    review(capsys, run.key, "--keep", a, "--keep", b, "--drop", c, "--by", "ann", "--note", "too dark")
    review(capsys, run.folder, "--swap", b, "--drop", c, "--by", "ben", "--blind")
    said = review(capsys, run.name, "--json")
    assert (said["run"], said["name"], said["rule"]) == (str(run.folder), "k-center, 6", "latest")
    assert [said[name] for name in ("n", "decided", "undecided", "kept", "dropped", "swapped")] == [6, 3, 3, 1, 1, 1]
    assert said["reviewers"] == [
        {"name": "ann", "decided": 3, "keep": 2, "drop": 1, "swap": 0, "note": 3},
        {"name": "ben", "decided": 2, "keep": 0, "drop": 1, "swap": 1, "note": 0},
    ]
    assert said["conflicts"] == [{"sample": b, "decisions": {"ann": "keep", "ben": "swap"}}]
    assert said["decisions"][0] == {
        "sample": a,
        "decision": "keep",
        "by": {"ann": "keep"},
        "notes": {"ann": "too dark"},
    }
    [agreed] = said["agreement"]
    assert (agreed["reviewers"], agreed["n"], agreed["percent"], agreed["kappa"]) == (["ann", "ben"], 2, 50, 0)
    assert review(capsys, run.key, "--by", "ben", "--json")["decided"] == 2
    assert review(capsys, run.key, "--rule", "all", "--json")["kept"] == 2


def test_how_it_stands_for_a_person(run, capsys):
    review(capsys, run.key, "--keep", run.ids[0], "--drop", run.ids[1], "--by", "ann")
    lines = review(capsys, run.key, "--keep", run.ids[1], "--by", "ben", "--blind").splitlines()
    assert lines == [
        "k-center, 6: 2 of 6 decided, 0 dropped.",
        "ann: 1 kept, 1 dropped, 0 swapped",
        "ben: 1 kept, 0 dropped, 0 swapped",
        f"1 on which people differ: {run.ids[1]}",
        "ann and ben agree on 0 % of 1 (kappa 0.00).",
    ]


def test_what_was_decided_is_taken_back_by_its_author(run, capsys):
    review(capsys, run.key, "--drop", run.ids[0])
    assert review(capsys, run.key, "--json")["reviewers"][0]["name"] == "me"
    review(capsys, run.key, "--undo", run.ids[0], "--by", "ann")
    assert review(capsys, run.key, "--json")["dropped"] == 1
    review(capsys, run.key, "--undo", run.ids[0])
    assert review(capsys, run.key, "--json")["decided"] == 0


def test_it_is_finished_and_copied(run, scene, capsys, tmp_path):
    review(capsys, run.key, "--drop", run.ids[0], "--swap", run.ids[3])
    out = tmp_path / "out"
    said = review(capsys, run.key, "--finish", "--out", out, "--json")
    assert said["run"] == str(out)
    assert said["manifest"]["method"]["params"]["dropped"] == 2
    assert main(["verify", str(out)]) == 0
    assert main(["reproduce", str(out)]) == 0
    told = review(capsys, run.key, "--finish")
    assert "Their places: 1 by the nearest, 1 by the next best of k-center greedy." in told.splitlines()
    assert said["key"] in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--keep", "zzz"], "There is no sample in k-center, 6 called zzz."),
        (["--note", "x"], "--note needs samples: name them with --keep, --drop or --swap."),
        (["--by", "zoe"], "There is no reviewer of k-center, 6 called zoe."),
        (["--by", " "], "The name of the reviewer is empty; say who decides."),
        (["--out", "x"], "--out is for the selection that a review makes; give --finish with it."),
        (["--finish"], "Nobody has decided anything about k-center, 6 yet; keep, drop or swap some of it first."),
        (["--rule", "majority"], "rule"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(run, scene, capsys, words, said):
    line = review(capsys, run.key, *words, code=2)
    assert said in line
    assert len(line.splitlines()) == 1
    assert not (scene.workspace.path / "review.sqlite").exists()


def test_a_damaged_database_costs_no_answer_but_its_own(run, scene, capsys):
    review(capsys, run.key, "--keep", run.ids[0])
    (scene.workspace.path / "review.sqlite").write_bytes(b"x" * 5000)
    assert "review.sqlite is damaged" in review(capsys, run.key, code=2)
    assert main(["verify", run.key]) == 0


def test_a_run_that_is_gone_is_said(scene, capsys):
    assert "holds no manifest.json; name the folder of a finished selection" in review(capsys, "nothing", code=2)
