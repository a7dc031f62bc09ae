"""Making room: everything that can go is listed with its size; nothing goes that a kept selection depends on."""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from datasel_core import worker
from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadParameter
from datasel_core.features.stored import load
from datasel_core.runs import manifest, reproduction
from datasel_core.runs.catalog import cleanup, names, needed, removal
from datasel_core.runs.engine import answer
from datasel_core.runs.run import is_preview
from datasel_core.workspace.files import write_json
from datasel_core.workspace.locks import Lock
from tests.conftest import ROOT, task_of
from tests.runs import joints

built, scene = joints.built, joints.scene


def offered(scene, *kinds, older=0.0):
    """{name: kind} of what can go."""
    items = cleanup.space(scene.workspace, older).items
    return {item.name: item.kind for item in items if not kinds or item.kind in kinds}


def gone(scene, *kinds):
    return cleanup.remove(scene.workspace, list(offered(scene, *kinds)))


def state_of(folder):
    """Every byte below a folder, links as links; not the locks."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = os.readlink(path)
        elif path.is_file() and path.name != ".lock":
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def old(*paths):
    """As if it had been written long ago."""
    for top in paths:
        for path in (top, *top.rglob("*")):
            os.utime(path, (1, 1), follow_symlinks=False)


def preview(scene, method="random", budget=5, **asked):
    return answer(scene.plan(method, budget, **asked), preview=True)


def slow_keys(scene, *runs):
    """Keys that the manifests name, read as text."""
    text = "".join((run.folder / "manifest.json").read_text() for run in runs)
    return {folder.name for folder in scene.workspace.folders("features") if folder.name in text}


def test_features_that_a_kept_selection_names_stay_and_all_others_are_offered(scene):
    runs = [scene.ask("k_center"), scene.ask("tsds"), scene.ask("s2l")]
    every = {folder.name for folder in scene.workspace.folders("features")}
    named = slow_keys(scene, *runs)
    assert 3 <= len(named) < len(every)
    assert {name.removeprefix("features/") for name in offered(scene, "brought", "features")} == every - named
    before = {key: state_of(scene.workspace.feature(key)) for key in named}
    done = gone(scene)
    assert not done.failed
    assert done.bytes > 0
    assert {folder.name for folder in scene.workspace.folders("features")} == named
    assert {key: state_of(scene.workspace.feature(key)) for key in named} == before
    for run in runs:
        assert manifest.problems(run.folder) == []
        assert reproduction.reproduce(scene.workspace, run.folder)["identical"]
    assert offered(scene) == {} or set(offered(scene).values()) <= {"tables", "leftovers"}


def test_sizes_are_those_of_the_files(scene):
    preview(scene)
    there = cleanup.space(scene.workspace)
    every = sum(path.lstat().st_size for path in scene.workspace.path.rglob("*") if not path.is_dir())
    assert there.total == every
    for item in there.items:
        assert item.bytes == sum(path.lstat().st_size for path in item.paths[0].rglob("*") if not path.is_dir())
    assert there.bytes() == sum(item.bytes for item in there.items)
    before = cleanup.space(scene.workspace).total
    assert gone(scene, "previews").bytes == before - cleanup.space(scene.workspace).total


def test_a_preview_goes_a_kept_one_never(scene):
    kept, seen = scene.ask("k_center"), preview(scene)
    assert offered(scene, "previews") == {f"runs/{seen.key}": "previews"}
    done = cleanup.remove(scene.workspace, [f"runs/{seen.key}", f"runs/{kept.key}"])
    assert done.names == (f"runs/{seen.key}",)
    assert done.failed == (f"runs/{kept.key} stays: it is gone already, or something needs it by now.",)
    assert manifest.problems(kept.folder) == []
    assert not seen.folder.exists()


@pytest.mark.parametrize("flag", ["within", "already"])
def test_a_preview_that_a_kept_selection_builds_on_stays_while_nothing_else_kept_the_same(scene, flag):
    seen = preview(scene, budget=30)
    later = scene.ask("k_center", 4, **{flag: str(seen.folder)})
    assert offered(scene, "previews") == {}
    same = scene.ask("random", 30, seed=7, within=str(seen.folder))
    assert set(same.ids) == set(seen.ids)
    assert offered(scene, "previews") == {f"runs/{seen.key}": "previews"}
    gone(scene, "previews")
    assert reproduction.reproduce(scene.workspace, later.folder)["identical"]


@pytest.mark.parametrize("what", ["name", "file"])
def test_a_preview_that_somebody_touched_stays(scene, what):
    seen = preview(scene)
    if what == "name":
        names.give(scene.workspace, seen.folder, note="the one for Anna")
    else:
        (seen.folder / "review.sqlite").write_bytes(b"decisions")
    assert offered(scene, "previews") == {}


@pytest.mark.parametrize("how", ["{", "", "[]", "other bytes"])
def test_of_a_damaged_manifest_nobody_knows_what_it_names_so_nothing_goes_that_it_may_name(scene, how):
    run, _ = scene.ask("k_center"), preview(scene)
    path = run.folder / "manifest.json"
    whole = path.read_text()
    path.write_text(whole.replace('"seed": 0', '"seed": 1') if how == "other bytes" else how)
    before = state_of(scene.workspace.path)
    there = cleanup.space(scene.workspace)
    assert not {item.kind for item in there.items} & {"previews", "features", "brought"}
    assert there.stays == (f"{run.key} is damaged, so nobody knows what it builds on; delete or mend it first.",)
    assert not gone(scene).failed
    assert state_of(scene.workspace.path / "features") == {
        name.removeprefix("features/"): value for name, value in before.items() if name.startswith("features/")
    }
    path.write_text(whole)
    assert offered(scene, "previews")


def test_a_damaged_preview_holds_nothing_back(scene):
    seen = preview(scene)
    (seen.folder / "manifest.json").write_text("{")
    assert f"runs/{seen.key}" in offered(scene, "previews")
    assert not gone(scene, "previews").failed


@pytest.mark.parametrize("part", ["", "work", "start"])
@pytest.mark.parametrize("where", ["features", "runs", "maps"])
def test_while_work_goes_on_its_folder_stays_and_so_does_what_it_may_need(scene, part, where):
    seen = preview(scene)
    folder = scene.workspace.path / where / ("a" * 16)
    held = Lock(folder / part)
    assert held.try_hold()
    old(folder)
    there = cleanup.space(scene.workspace)
    assert not {item.kind for item in there.items} & {"previews", "features", "brought"}
    assert f"{where}/{folder.name}" not in {item.name for item in there.items}
    assert there.stays == ("Work goes on in 1 folders; features and choices stay until it ends.",)
    gone(scene)
    assert folder.is_dir()
    assert seen.folder.is_dir()
    held.release()
    assert f"runs/{seen.key}" in offered(scene, "previews")


def test_work_that_begins_after_one_has_looked_keeps_its_folder(scene, monkeypatch):
    seen = preview(scene)
    held = Lock(seen.folder)
    space = cleanup.space

    def then_work_begins(*given):
        found = space(*given)
        assert held.try_hold()
        return found

    monkeypatch.setattr(cleanup, "space", then_work_begins)
    done = cleanup.remove(scene.workspace, [f"runs/{seen.key}"])
    assert done.failed == (f"runs/{seen.key} stays: it is being worked on.",)
    assert manifest.problems(seen.folder) == []
    held.release()


def test_a_feature_that_somebody_names_meanwhile_comes_back(scene, monkeypatch):
    """A selection is made of it between the look and the deletion."""
    unused = next(iter(offered(scene, "brought")))
    folder = scene.workspace.path / unused
    before = state_of(folder)
    take_away = removal.take_away

    def then_it_is_named(path):
        write_json(scene.workspace.path / "rounds" / "one.json", {"features": [folder.name]})
        return take_away(path)

    monkeypatch.setattr(removal, "take_away", then_it_is_named)
    done = cleanup.remove(scene.workspace, [unused])
    assert done.failed == (f"{unused} stays: something needs it by now.",)
    assert state_of(folder) == before


def test_a_preview_that_somebody_keeps_meanwhile_stays(scene, monkeypatch):
    seen = preview(scene)
    space = cleanup.space

    def then_it_is_kept(*given):
        found = space(*given)
        scene.ask("random", 5)
        return found

    monkeypatch.setattr(cleanup, "space", then_it_is_kept)
    done = cleanup.remove(scene.workspace, [f"runs/{seen.key}"])
    assert done.failed == (f"runs/{seen.key} stays: somebody keeps it.",)
    assert not is_preview(seen.folder)


@pytest.mark.parametrize("record", ["json", "sqlite", "unfinished run", "unfinished work"])
def test_what_any_other_record_names_stays(scene, record):
    features, seen = sorted(offered(scene, "brought")), preview(scene)
    wanted = features[0].removeprefix("features/")
    home = scene.workspace.path
    if record == "json":
        write_json(home / "evidence" / "t" / "table.json", {"rows": [{"of": wanted, "run": seen.key}]})
    elif record == "sqlite":
        base = sqlite3.connect(home / "review.sqlite")
        base.execute("create table decisions (run text, feature text)")
        base.execute("insert into decisions values (?, ?)", (seen.key, wanted))
        base.commit()
        base.close()
    elif record == "unfinished run":
        write_json(home / "runs" / ("b" * 16) / "spec.json", {"use": {"embedding": wanted}, "within": seen.key})
    else:
        write_json(home / "tasks" / ("b" * 16) / "job.json", {"do": "x", "use": {"a": wanted}, "of": seen.key})
        write_json(home / "tasks" / ("b" * 16) / "status.json", {"state": "stopped"})
    names_now = offered(scene)
    assert features[0] not in names_now
    assert f"runs/{seen.key}" not in names_now
    assert features[1] in names_now


def test_a_record_that_cannot_be_read_keeps_all_it_may_name(scene, monkeypatch):
    write_json(scene.workspace.path / "rounds" / "large.json", list(range(100)))
    monkeypatch.setattr(needed, "_MOST_READ", 50)
    there = cleanup.space(scene.workspace)
    assert "brought" not in {item.kind for item in there.items}
    assert "large.json cannot be read (it is too large), so nobody knows what it names." in there.stays[0]


def test_links_are_left_alone(scene, tmp_path):
    """A part, a folder or a file of the workspace that lies elsewhere: neither the link goes, nor what it leads to."""
    photos = tmp_path / "holiday"
    (photos / "ab").mkdir(parents=True)
    for name in ("0123-192.jpg", "ab/0456-192.jpg"):
        (photos / name).write_bytes(b"photo")
    thumbs = scene.workspace.thumbs()
    thumbs.mkdir()
    (thumbs / "ab").symlink_to(photos)
    (thumbs / "cd").mkdir()
    (thumbs / "cd" / "0123-192.jpg").symlink_to(photos / "0123-192.jpg")
    (thumbs / "cd" / "0789-192.jpg").write_bytes(b"small")
    moved = tmp_path / "maps-elsewhere"
    shutil.copytree(scene.workspace.folders("features")[0], moved / ("c" * 16))
    (scene.workspace.path / "maps").symlink_to(moved)
    feature = scene.workspace.folders("features")[0]
    away = tmp_path / feature.name
    shutil.move(feature, away)
    feature.symlink_to(away)
    seen = preview(scene)
    (seen.folder / ".link").symlink_to(photos)
    before = {str(place): state_of(place) for place in (photos, moved, away)}
    thumbnails = [item for item in cleanup.space(scene.workspace).items if item.kind == "thumbnails"]
    assert [item.bytes for item in thumbnails] == [5]
    assert not gone(scene).failed
    assert {str(place): state_of(place) for place in (photos, moved, away)} == before
    assert feature.is_symlink()
    assert (thumbs / "ab").is_symlink()
    assert (thumbs / "cd" / "0123-192.jpg").is_symlink()
    assert not (thumbs / "cd" / "0789-192.jpg").exists()
    assert not seen.folder.exists()


def test_a_folder_that_cannot_be_written_is_said_and_the_others_go(scene, monkeypatch):
    seen, also = preview(scene), preview(scene, budget=6)
    rename = os.rename

    def refuse(source, to):
        if str(source) == str(seen.folder):
            raise PermissionError(13, "Permission denied")
        return rename(source, to)

    monkeypatch.setattr(removal.os, "rename", refuse)
    done = cleanup.remove(scene.workspace, [f"runs/{seen.key}", f"runs/{also.key}"])
    assert done.failed == (f"{seen.folder} could not be deleted: Permission denied.",)
    assert done.names == (f"runs/{also.key}",)
    assert manifest.problems(seen.folder) == []
    assert [path for path in (scene.workspace.path / "runs").glob(".gone-*")] == []


def test_two_at_once_lose_nothing(scene):
    runs = [scene.ask("k_center"), scene.ask("s2l")]
    for budget in range(3, 13):
        preview(scene, budget=budget)
    before = {run.key: state_of(run.folder) for run in runs}
    named = slow_keys(scene, *runs)
    code = """
import json, sys
from datasel_core.runs.catalog import cleanup
from datasel_core.workspace.layout import Workspace
home = Workspace.at()
names = [item.name for item in cleanup.space(home).items]
sys.stdin.readline()
print(json.dumps(cleanup.remove(home, names).names))
"""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for one in both:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [json.loads(one.communicate(timeout=900)[0]) for one in both]
    assert not set(said[0]) & set(said[1])
    assert len({*said[0], *said[1]}) > 10
    assert {run.key: state_of(run.folder) for run in runs} == before
    assert {folder.name for folder in scene.workspace.folders("features")} == named
    for run in runs:
        assert reproduction.reproduce(scene.workspace, run.folder)["identical"]


def test_a_kill_in_the_midst_leaves_each_thing_whole_or_gone(scene, monkeypatch):
    run, seen = scene.ask("k_center"), preview(scene)
    with monkeypatch.context() as patch:
        patch.setattr(removal, "sweep", lambda workspace: None)  # the process ends here
        gone(scene)
    assert not seen.folder.exists()
    assert any((scene.workspace.path / "features").glob(".gone-*"))
    assert offered(scene) == {"leftovers": "leftovers"}
    assert main(["runs", "note", run.key, "starts the program"]) == 0
    assert offered(scene) == {}


def test_a_leftover_that_somebody_holds_by_now_stays_and_is_said(scene, monkeypatch):
    """Between the look and the removal."""
    path = scene.workspace.path / "runs" / ".manifest.json.0123abcd.part"
    path.parent.mkdir(exist_ok=True)
    path.write_text("half")
    take = cleanup._take_files
    with open(path, "r+b") as file:

        def held(item):
            fcntl.flock(file, fcntl.LOCK_EX)
            take(item)

        monkeypatch.setattr(cleanup, "_take_files", held)
        done = gone(scene, "leftovers")
    assert (done.names, done.bytes) == ((), 0)
    assert done.failed == (f"{path} stays: it is being written by now.",)
    assert path.read_text() == "half"
    monkeypatch.undo()
    assert gone(scene, "leftovers").failed == ()
    assert not path.exists()


def test_unfinished_work_and_what_it_left(scene):
    home = scene.workspace
    write_json(home.run("d" * 16) / "spec.json", {"pool": "all"})
    (home.feature("e" * 16) / "chunks").mkdir(parents=True)
    write_json(home.task("f" * 16) / "status.json", {"state": "stopped"})
    write_json(home.task("0" * 16) / "status.json", {"state": "done"})
    (home.path / "runs" / ".manifest.json.0123abcd.part").write_text("half")
    (home.spool() / "s").mkdir(parents=True)
    new = offered(scene)
    assert not {"unfinished", "done"} & set(new.values())  # work that was asked for a moment ago has perhaps not begun
    old(home.path / "runs", home.path / "features", home.path / "tasks")
    unfinished = {f"runs/{'d' * 16}", f"features/{'e' * 16}", f"tasks/{'f' * 16}"}
    assert set(offered(scene, "unfinished")) == unfinished
    assert set(offered(scene, "done")) == {f"tasks/{'0' * 16}"}
    assert set(offered(scene, "leftovers")) == {"leftovers"}
    assert gone(scene, "leftovers", "unfinished").failed == ()
    assert not home.run("d" * 16).exists()
    assert not (home.spool() / "s").exists()
    assert home.task("0" * 16).exists()


def test_a_run_in_stages_goes_only_where_it_is_named_and_not_while_it_trains(scene, capfd):
    done, half = scene.workspace.staged("d" * 16), scene.workspace.staged("e" * 16)
    for folder in (done, half):
        (folder / "trainings" / "a" / "checkpoint").mkdir(parents=True)
        (folder / "trainings" / "a" / "checkpoint" / "model.safetensors").write_bytes(bytes(5000))
        checkpoint = str(folder / "trainings" / "a" / "checkpoint")
        write_json(folder / "document.json", {"pool": "all", "finished": folder == done, "checkpoint": checkpoint})
    with Lock(half).hold():
        assert set(offered(scene, "stages")) == {f"stages/{done.name}"}
    both = {item.name: item for item in cleanup.space(scene.workspace).items if item.kind == "stages"}
    assert {name: item.words for name, item in both.items()} == {
        f"stages/{done.name}": "of all",
        f"stages/{half.name}": "unfinished",
    }
    assert all(item.bytes > 5000 for item in both.values())
    assert main(["cleanup", "--yes"]) == 0
    assert done.is_dir()
    assert half.is_dir()
    assert main(["cleanup", "--kinds", "stages", "--yes"]) == 0
    assert not done.exists()
    assert not half.exists()


def test_only_what_is_older_goes(scene):
    young, aged = preview(scene), preview(scene, budget=6)
    old(aged.folder)
    assert set(offered(scene, "previews", older=86400)) == {f"runs/{aged.key}"}
    ahead = time.time() + 10 * 86400  # a clock that was set back
    os.utime(young.folder / "manifest.json", (ahead, ahead))
    assert set(offered(scene, "previews", older=86400)) == {f"runs/{aged.key}"}
    assert (cleanup.age("30d"), cleanup.age("12h"), cleanup.age("2w")) == (30 * 86400, 12 * 3600, 14 * 86400)
    for wrong in ("", "30", "d", "-3d", "3 d", "1e9d", "9999999d"):
        with pytest.raises(BadParameter, match="is no age; write a number of hours, days or weeks, such as 30d"):
            cleanup.age(wrong)


def test_the_command_lists_and_only_yes_deletes(scene, capfd):
    run, seen = scene.ask("k_center"), preview(scene)
    before = state_of(scene.workspace.path)
    assert main(["cleanup", "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert state_of(scene.workspace.path) == before
    goes = {one["name"] for one in said["items"] if one["goes"]}
    assert f"runs/{seen.key}" in goes
    assert not any(name.startswith("features/") for name in goes)
    assert any(one["name"].startswith("features/") for one in said["items"])
    assert said["deleted"] is None
    assert said["can_go"] == sum(one["bytes"] for one in said["items"] if one["goes"])
    assert main(["cleanup"]) == 0
    shown = capfd.readouterr().out
    assert "can go with --yes" in shown
    assert "(only with --kinds brought)" in shown
    assert main(["cleanup", "--yes", "--json"]) == 0
    assert set(json.loads(capfd.readouterr().out)["deleted"]) == goes
    assert main(["cleanup", "--kinds", "brought", "--yes"]) == 0
    assert "things deleted" in capfd.readouterr().out
    assert {folder.name for folder in scene.workspace.folders("features")} == slow_keys(scene, run)
    assert main(["cleanup", "--kinds", "previews"]) == 0
    assert capfd.readouterr().out == "Nothing can go.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--older", "soon"], "'soon' is no age; write a number of hours, days or weeks, such as 30d."),
        (["--kinds", "map"], "There is no kind of thing that can go called map. Did you mean maps?"),
        (["--kinds", " , "], "--kinds names nothing; give some of: previews, leftovers, maps,"),
    ],
)
def test_a_wrong_request_is_one_line(scene, capfd, words, said):
    before = state_of(scene.workspace.path)
    assert main(["cleanup", *words, "--yes"]) == 2
    shown = capfd.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1
    assert state_of(scene.workspace.path) == before


def test_an_empty_workspace_has_nothing_that_can_go(workspace):
    assert cleanup.space(workspace).items == ()
    assert np.isclose(cleanup.space(workspace).total, 0)


def test_while_a_worker_computes_nothing_of_it_is_lost(workspace, photos):
    """Everything that can go is taken away again and again, until the work is done."""
    pool = add_pool(workspace, "clothes", str(photos), "images")
    job = worker.start(workspace, task_of("feature", pool="clothes", feature="dictionary_embedding", params={}))
    end = time.monotonic() + 900
    while job.is_active and time.monotonic() < end:
        names_now = [item.name for item in cleanup.space(workspace).items]
        cleanup.remove(workspace, names_now)
        time.sleep(0.02)
    assert job.status()["state"] == "done", job.status()
    kept = load(job.folder)
    assert kept is not None
    assert kept.is_intact()
    assert len(kept.values()) == pool.n
