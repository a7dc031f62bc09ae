"""Names and notes: kept beside the answer, found by it, changing nothing of it, and leaving with nothing."""

import json
import shutil

import pytest

import datasel_core as ds
from datasel_core import worker
from datasel_core.__main__ import main
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.exports.run_folder import copy_run
from datasel_core.runs import manifest
from datasel_core.runs.catalog import names, removal
from datasel_core.runs.catalog.label import FILE, Label, read_label
from datasel_core.runs.derivations import combine
from datasel_core.runs.run import Run
from tests.conftest import task_of
from tests.runs import joints

built, shared, scene, other = joints.built, joints.shared, joints.scene, joints.other


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != FILE}


def test_a_name_and_a_note_change_nothing_of_the_answer(scene):
    run = scene.ask("k_center", 9)
    before = files_of(run.folder)
    assert names.give(scene.workspace, run.folder, "final  round\n", " for Anna \n") == Label("final round", "for Anna")
    assert (run.name, run.note) == ("final round", "for Anna")
    assert files_of(run.folder) == before
    assert manifest.problems(run.folder) == []
    assert scene.ask("k_center", 9).folder == run.folder
    assert scene.plan("k_center", 9).key == run.key


def test_by_default_it_is_called_by_method_and_budget(shared):
    one, part = shared.ask("k_center", 9), shared.ask("random", "10%")
    both = combine.combine(shared.workspace, "union", [one.folder, part.folder])
    assert [run.name for run in (one, part, both)] == ["k-center, 9", "random, 10%", f"union of 2, {len(both.ids)}"]
    assert {run.note for run in (one, part, both)} == {""}


def test_the_empty_text_takes_it_away_and_none_leaves_it(scene):
    run = scene.ask("random")
    names.give(scene.workspace, run.folder, "mine", "why")
    names.give(scene.workspace, run.folder, note="because")
    assert (run.name, run.note) == ("mine", "because")
    names.give(scene.workspace, run.folder, "")
    assert (run.name, run.note) == ("random, 6", "because")
    names.give(scene.workspace, run.folder, note="")
    assert run.note == ""


def test_a_name_is_given_once_and_default_names_may_repeat(scene):
    one, two = scene.ask("random", seed=1), scene.ask("random", seed=2)
    assert one.name == two.name
    names.give(scene.workspace, one.folder, "mine")
    said = rf"There is a selection called mine already \({one.key}\); choose another name, or rename that one"
    with pytest.raises(BadRequest, match=said):
        names.give(scene.workspace, two.folder, "mine")
    assert not (two.folder / FILE).exists()
    names.give(scene.workspace, one.folder, "mine")  # its own, once more
    shutil.rmtree(one.folder)
    assert names.give(scene.workspace, two.folder, "mine").name == "mine"


@pytest.mark.parametrize(
    ("name", "note", "said"),
    [
        ("x" * 101, None, "The name has 101 characters; it may have at most 100"),
        (None, "x" * 2001, "The note has 2,001 characters; it may have at most 2,000"),
        ("a\0b", None, "The name holds a character that is no text"),
        ("a\udc80", None, "The name holds a character that is no text"),
        (None, "a\x1b[31m", "The note holds a character that is no text"),
    ],
)
def test_what_is_no_name_or_note_is_said(scene, name, note, said):
    run = scene.ask("random")
    with pytest.raises(BadParameter, match=said):
        names.give(scene.workspace, run.folder, name, note)
    assert read_label(run.folder) == Label()


def test_any_script_and_several_lines_are_text(scene):
    run = scene.ask("random")
    names.give(scene.workspace, run.folder, "训练集 №2 👩‍🔬", "one\n\ttwo")
    assert (run.name, run.note) == ("训练集 №2 👩‍🔬", "one\n two")


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}', "null"])
def test_a_damaged_label_is_none(scene, text):
    run = scene.ask("random")
    (run.folder / FILE).write_text(text)
    assert (run.name, run.note) == ("random, 6", "")
    assert manifest.problems(run.folder) == []


def test_it_is_found_by_path_by_key_and_by_name(scene, tmp_path, monkeypatch):
    run = scene.ask("random")
    names.give(scene.workspace, run.folder, "the 1st / of two")
    find = names.find_folder
    for said in (str(run.folder), run.key, "the 1st / of two"):
        assert find(scene.workspace, said) == run.folder
    named = scene.ask("k_center")
    assert find(scene.workspace, "k-center, 6") == named.folder
    names.give(scene.workspace, named.folder, run.key)  # a key comes before a name
    assert find(scene.workspace, run.key) == run.folder
    monkeypatch.chdir(tmp_path)
    (tmp_path / "the 1st ").mkdir()
    (tmp_path / "the 1st " / " of two").mkdir()  # and what is there as a path comes first
    assert find(scene.workspace, "the 1st / of two") == tmp_path / "the 1st " / " of two"


def test_a_name_that_several_have_asks_for_the_key(scene):
    keys = sorted(scene.ask("random", seed=seed).key for seed in (1, 2))
    with pytest.raises(BadRequest, match=rf"2 selections are called random, 6 \({', '.join(keys)}\); say which one by"):
        names.find_folder(scene.workspace, "random, 6")


def test_what_is_only_looked_at_has_no_name_to_be_found_by(scene):
    from datasel_core.runs.engine import answer

    run = answer(scene.plan("random"), preview=True)
    with pytest.raises(BadRequest, match="holds no manifest|outside"):
        manifest.read(names.find_folder(scene.workspace, run.name))
    assert names.find_folder(scene.workspace, run.key) == run.folder


@pytest.mark.parametrize("flag", ["within", "already"])
def test_a_later_selection_names_an_earlier_one_by_its_name(scene, flag):
    run = scene.earlier(flag)
    names.give(scene.workspace, run.folder, "the first, by Anna")
    by_name = scene.ask("k_center", 5, **{flag: "the first, by Anna"})
    assert by_name.folder == scene.ask("k_center", 5, **{flag: str(run.folder)}).folder
    assert f"--{flag} {run.key}" in by_name.manifest["command"]
    assert "Anna" not in (by_name.folder / "manifest.json").read_text()


def test_select_names_what_it_makes(scene):
    asked = {"pool": "all", "method": "random", "budget": "6"}
    for name in ("one", "two"):  # asked again under another name: that is its name now
        work = task_of("select", **asked, name=name, note=f"note {name}").prepare(scene.workspace)
        work.run(joints.Progress())
        assert (run := Run(work.folder, manifest.read(work.folder))).name == name
        assert run.note == f"note {name}"
    task_of("select", **asked).prepare(scene.workspace).run(joints.Progress())
    assert run.name == "two"
    with pytest.raises(BadRequest, match="There is a selection called two already"):
        task_of("select", **{**asked, "budget": "7"}, name="two").prepare(scene.workspace)
    with pytest.raises(BadParameter, match="The note has 2,001 characters"):
        task_of("select", **{**asked, "budget": "7"}, note="x" * 2001).prepare(scene.workspace)
    assert scene.workspace.folders("runs") == [run.folder]


def test_who_asks_for_it_while_it_is_made_is_heard(scene, monkeypatch):
    monkeypatch.setattr(worker, "_spawn", lambda *_: None)
    for name in ("first", "second"):
        job = worker.start(scene.workspace, task_of("select", pool="all", method="random", budget="6", name=name))
    assert read_label(job.folder).name == "second"


def test_python_names_it_too(scene, monkeypatch):
    run = ds.select(scene.pool, ds.method("random")(), budget=6, name="from Python", note="a note")
    assert (run.name, run.note) == ("from Python", "a note")
    assert run.ids == scene.ask("random").ids
    later = ds.select(scene.pool, ds.method("random")(), budget=3, within="from Python")
    assert set(later.ids) <= set(run.ids)


def test_neither_leaves_with_a_copy(scene, tmp_path):
    run = scene.ask("random")
    names.give(scene.workspace, run.folder, "secret name", "secret note")
    copy = copy_run(run, tmp_path / "copy")
    assert sorted(path.name for path in copy.folder.iterdir()) == sorted(["manifest.json", *run.manifest["files"]])
    assert b"secret" not in b"".join(path.read_bytes() for path in copy.folder.iterdir())


def call(capfd, *words):
    code = main([str(word) for word in words])
    return code, *capfd.readouterr()


def test_the_command_line(scene, capfd, tmp_path):
    key = scene.ask("random").key
    assert call(capfd, "runs", "rename", key, "final round")[:2] == (0, f"{key} is called final round.\n")
    assert call(capfd, "runs", "note", "final round", "for Anna")[:2] == (0, "final round: for Anna\n")
    [one] = json.loads(call(capfd, "runs", "--json")[1])
    assert (one["name"], one["note"], one["n"], one["method"]) == ("final round", "for Anna", 6, "random")
    assert "\tfinal round\t" in call(capfd, "runs")[1]
    for command in ("verify", "reproduce", "evaluate"):
        assert call(capfd, command, "final round")[0] == 0, command
    assert call(capfd, "export", "final round", "--format", "ids", "--out", tmp_path / "ids.txt")[0] == 0
    code, out, _ = call(
        capfd, "select", "all", "k_center", "--budget", 3, "--name", "small one", "--note", "n", "--json"
    )
    assert code == 0
    assert "small one" not in out
    assert call(capfd, "compare", "final round", "small one")[0] == 0
    assert call(capfd, "combine", "union", "final round", "small one")[0] == 0
    assert call(capfd, "runs", "rename", "final round", "")[:2] == (0, f"{key} is called random, 6.\n")
    assert call(capfd, "runs", "note", key, "")[:2] == (0, "random, 6: no note\n")
    said = json.loads(call(capfd, "runs", "note", key, "x", "--json")[1])
    assert said == {"run": str(scene.workspace.run(key)), "name": "random, 6", "note": "x"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rename", "KEY", "x" * 101], "has 101 characters"),
        (["rename", "KEY", "taken"], "There is a selection called taken already"),
        (["rename", "nobody", "x"], "holds no manifest.json; say a finished selection by its key or name"),
        (["rename", "COPY", "x"], "is no selection of this workspace; say one by its key or name, as runs lists them"),
        (["note", "KEY", "x" * 2001], "has 2,001 characters"),
        (["delete", "COPY"], "is no selection of this workspace"),
        (["bogus"], "bogus"),
    ],
)
def test_a_wrong_request_is_exit_2_and_one_line(scene, tmp_path, capfd, words, said):
    run, taken = scene.ask("random"), scene.ask("random", seed=9)
    names.give(scene.workspace, taken.folder, "taken")
    copy_run(run, tmp_path / "copy")
    before = files_of(run.folder)
    code, out, err = call(
        capfd, "runs", *({"KEY": run.key, "COPY": tmp_path / "copy"}.get(word, word) for word in words)
    )
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err
    assert files_of(run.folder) == before
    assert read_label(run.folder) == Label()


@pytest.mark.parametrize("name", ["", "  "])
def test_the_empty_name_is_nobodys_not_even_that_of_a_damaged_one(scene, capfd, name):
    run = scene.ask("random")
    (run.folder / "manifest.json").write_text("{}")
    assert main(["runs", "delete", name]) == 2
    assert capfd.readouterr().err == "The name of the selection is empty; say its folder, its key or its name.\n"
    assert run.folder.exists()


def test_what_was_deleted_meanwhile_is_not_named(scene):
    run = scene.ask("random")
    work = task_of("rename", run=run.key, name="ghost").prepare(scene.workspace)
    removal.delete(scene.workspace, run.folder)
    with pytest.raises(BadRequest, match="holds no manifest.json; say a finished selection by its key or name"):
        work.run(Progress())
    assert not run.folder.exists()
    assert scene.ask("random").name == "random, 6"
