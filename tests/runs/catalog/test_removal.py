"""Deleting: all or nothing, and never what another selection, or work that goes on, builds on."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from datasel_core.__main__ import main
from datasel_core.errors import BadRequest, Failed
from datasel_core.runs import manifest, reproduction
from datasel_core.runs.catalog import links, names, removal
from datasel_core.runs.derivations import combine
from datasel_core.runs.engine import answer
from datasel_core.runs.run import runs
from datasel_core.workspace.files import write_json
from datasel_core.workspace.locks import Lock
from tests.conftest import ROOT
from tests.runs import joints

built, shared, scene, other = joints.built, joints.shared, joints.scene, joints.other


def kept(scene):
    return list(runs(scene.workspace))


def left(scene):
    """What stands in the folder of runs, hidden or not, but the lock."""
    return sorted(path.name for path in (scene.workspace.path / "runs").iterdir() if path.name != ".lock")


def test_it_is_gone_with_all_that_was_in_it(scene):
    run, stays = scene.ask("random"), scene.ask("k_center")
    names.give(scene.workspace, run.folder, "mine", "note")
    removal.delete(scene.workspace, run.folder)
    assert left(scene) == [stays.key]
    assert manifest.problems(stays.folder) == []
    assert scene.ask("random").ids  # and it can be chosen again


def of_a_selection(flag):
    def build(scene, run):
        return scene.ask("k_center", 4, **{flag: str(run.folder)})

    return build


def of_a_combination(how, first):
    def build(scene, run):
        one = scene.ask("random", 25, seed=5)
        order = [run.folder, one.folder] if first else [one.folder, run.folder]
        return combine.combine(scene.workspace, how, order)

    return build


DEPENDANTS = {
    "within": of_a_selection("within"),
    "already": of_a_selection("already"),
    "union": of_a_combination("union", True),
    "intersection, second part": of_a_combination("intersection", False),
    "difference": of_a_combination("difference", True),
}


@pytest.mark.parametrize("kind", DEPENDANTS)
def test_what_another_selection_builds_on_stays(scene, kind):
    run = scene.ask("random", 20, seed=2)
    later = DEPENDANTS[kind](scene, run)
    names.give(scene.workspace, run.folder, "first")
    names.give(scene.workspace, later.folder, "second")
    before = left(scene)
    said = rf"^first cannot be deleted: second \({later.key}\) builds on it; delete that first\.$"
    for folder in (run.folder, names.kept_here(scene.workspace, "first")):
        with pytest.raises(BadRequest, match=said):
            removal.delete(scene.workspace, folder)
    assert left(scene) == before
    assert links.dependants(scene.workspace, later.folder) == []
    removal.delete(scene.workspace, later.folder)
    removal.delete(scene.workspace, run.folder)
    assert run.key not in left(scene)


def test_every_batch_of_a_chain_stays_while_a_later_one_builds_on_it(scene):
    batches = [scene.ask("random", 5)]
    for seed in range(1, 4):
        batches.append(scene.ask("random", 5, seed=seed, already=batches[-1].key))
    for batch in batches[:-1]:
        with pytest.raises(BadRequest, match="cannot be deleted: "):
            removal.delete(scene.workspace, batch.folder)
    alone = manifest.read(batches[-1].folder)
    assert reproduction.asked_again(scene.workspace, alone, None).spec.already == batches[-2].key
    for batch in reversed(batches):
        removal.delete(scene.workspace, batch.folder)
    assert left(scene) == []


def test_all_dependants_are_named_up_to_five(scene):
    run = scene.ask("random", 30)
    for seed in range(7):
        scene.ask("random", 3, seed=seed, within=run.key)
    later = sorted(folder.name for folder in kept(scene) if folder != run.folder)
    with pytest.raises(BadRequest) as caught:
        removal.delete(scene.workspace, run.folder)
    named = ", ".join(f"random, 3 ({key})" for key in later[:5])
    assert str(caught.value) == (f"random, 30 cannot be deleted: {named} and 2 more build on it; delete that first.")


def test_what_only_a_damaged_one_or_a_preview_names_may_go(scene):
    run = scene.ask("random", 30)
    damaged = scene.ask("random", 3, within=run.key)
    (damaged.folder / "manifest.json").write_text("{")
    answer(scene.plan("random", 4, within=run.key), preview=True)
    removal.delete(scene.workspace, run.folder)
    assert run.key not in left(scene)


def test_of_two_that_kept_the_same_one_may_go_while_the_other_is_intact(scene):
    run = scene.ask("random", 30)
    same = scene.ask("random", 30, seed=4, within=run.key)
    assert set(same.ids) == set(run.ids)
    later = scene.ask("k_center", 4, within=run.key)
    whole = (same.folder / "selection.parquet").read_bytes()
    (same.folder / "selection.parquet").write_bytes(whole[:-1] + b"x")
    with pytest.raises(BadRequest, match="cannot be deleted"):
        removal.delete(scene.workspace, run.folder)
    (same.folder / "selection.parquet").write_bytes(whole)
    removal.delete(scene.workspace, run.folder)
    with pytest.raises(BadRequest, match=rf"k-center, 4 \({later.key}\) builds on it"):
        removal.delete(scene.workspace, same.folder)
    assert reproduction.reproduce(scene.workspace, later.folder)["identical"]


def test_a_selection_of_another_pool_with_the_same_ids_is_another(scene):
    run = scene.ask("random", 30)
    later = scene.ask("k_center", 4, within=run.key)
    said = manifest.read(later.folder)
    joints_of = {**said, "pool": {**said["pool"], "fingerprint": "0" * 64}}
    write_json(later.folder / "manifest.json", joints_of)
    assert links.dependants(scene.workspace, run.folder) == []


@pytest.mark.parametrize("part", ["", "start", "work"])
def test_what_is_being_worked_on_stays(scene, part, monkeypatch):
    run, said = (
        scene.ask("random"),
        "random, 6 is being worked on; wait until that ends, or stop it, and delete it then.",
    )
    held = Lock(run.folder / part)
    assert held.try_hold()
    assert removal.why_not(scene.workspace, run.folder) == said
    with monkeypatch.context() as patch:
        patch.setattr(removal, "why_not", lambda *_: None)  # work that begins after one has looked
        with pytest.raises(BadRequest, match=said):
            removal.delete(scene.workspace, run.folder)
    held.release()
    assert run.folder.exists()
    removal.delete(scene.workspace, run.folder)
    assert left(scene) == []


@pytest.mark.parametrize("how", ["key", "path", "name", "file", "of several"])
def test_what_running_work_was_asked_with_stays(scene, how):
    run = scene.ask("random", 20)
    names.give(scene.workspace, run.folder, "mine")
    word = {"key": run.key, "path": str(run.folder), "name": "mine", "file": str(run.folder / "selection.parquet")}
    place = scene.workspace.task("t") if how == "of several" else scene.workspace.run("a" * 16)
    asked = {"folders": ["elsewhere", run.key]} if how == "of several" else {"within": word[how]}
    held = Lock(place / "work")
    assert held.try_hold()
    write_json(place / "job.json", {"do": "select", **asked})
    with pytest.raises(BadRequest, match=rf"mine cannot be deleted: work in {place} needs it; wait until it ends, or"):
        removal.delete(scene.workspace, run.folder)
    held.release()
    removal.delete(scene.workspace, run.folder)


def test_one_that_is_damaged_may_go(scene):
    for how in ("{", "[]", '{"result": 1, "schema_version": 1}'):
        run = scene.ask("random")
        (run.folder / "manifest.json").write_text(how)
        removal.delete(scene.workspace, run.folder)
        assert left(scene) == []


def test_what_is_not_there_is_said(scene):
    with pytest.raises(BadRequest, match="holds no finished selection, so there is nothing to delete"):
        removal.delete(scene.workspace, scene.workspace.run("a" * 16))
    assert left(scene) == []


@pytest.mark.parametrize("at", ["os.rename", "shutil.rmtree"])
def test_a_kill_leaves_all_or_nothing(scene, at):
    """The process is killed just before, and in the midst of, what takes it away."""
    run, stays = scene.ask("random"), scene.ask("k_center")
    before = sorted(path.name for path in run.folder.iterdir())
    module, name = at.split(".")
    code = f"""
import os, {module}, signal, sys
from pathlib import Path
from datasel_core.runs.catalog.removal import delete
from datasel_core.workspace.layout import Workspace
def die(path, *given, **more):
    if "{name}" == "rmtree":
        next(Path(path).rglob("selection.parquet")).unlink()
    os.kill(os.getpid(), signal.SIGKILL)
{module}.{name} = die
delete(Workspace.at(), Path(sys.argv[1]))
"""
    done = subprocess.run([sys.executable, "-c", code, str(run.folder)], cwd=ROOT, env=os.environ.copy(), check=False)
    assert done.returncode == -signal.SIGKILL
    if at == "os.rename":
        assert sorted({path.name for path in run.folder.iterdir()} - {"start", "work"}) == before
        assert manifest.problems(run.folder) == []
        assert sorted(kept(scene)) == sorted([run.folder, stays.folder])
        removal.delete(scene.workspace, run.folder)
    assert kept(scene) == [stays.folder]
    assert scene.workspace.folders("runs") == [stays.folder]
    assert main(["runs", "--json"]) == 0
    removal.delete(scene.workspace, stays.folder)  # the next one clears what was left
    assert left(scene) == []


def test_a_disk_that_does_not_allow_it_is_said(scene, monkeypatch):
    run = scene.ask("random")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(removal.os, "rename", refuse)
    with pytest.raises(Failed, match=f"{run.folder} could not be deleted: Permission denied"):
        removal.delete(scene.workspace, run.folder)
    assert manifest.problems(run.folder) == []


def test_who_waits_for_a_folder_that_is_deleted_makes_it_anew(tmp_path, monkeypatch):
    """The library that holds the lock makes the folder when it begins to wait, and never again."""
    folder = tmp_path / "runs" / "one"
    held, waits = Lock(folder), Lock(folder)
    assert held.try_hold()
    acquire, asked = waits._lock.acquire, []

    def deleted_meanwhile(**given):
        asked.append(given)
        if len(asked) > 1:
            return acquire(**given)
        shutil.rmtree(folder)
        held.release()
        raise FileNotFoundError(folder / ".lock")

    monkeypatch.setattr(waits._lock, "acquire", deleted_meanwhile)
    with waits.hold():
        assert not Lock(folder).try_hold()
    assert len(asked) == 2


def test_the_command_line(scene, capfd):
    run = scene.ask("random", 20)
    later = scene.ask("k_center", 4, within=run.key)
    names.give(scene.workspace, later.folder, "second")
    assert main(["runs", "delete", run.key]) == 2
    assert capfd.readouterr().err == (
        f"random, 20 cannot be deleted: second ({later.key}) builds on it; delete that first.\n"
    )
    assert main(["runs", "delete", "second"]) == 0
    assert capfd.readouterr().out == "second is deleted.\n"
    assert main(["runs", "delete", run.key]) == 0
    assert left(scene) == []
    assert main(["runs", "delete", "second"]) == 2


def test_what_a_killed_deletion_left_goes_when_the_program_starts(scene, monkeypatch):
    run = scene.ask("random")
    with monkeypatch.context() as patch:
        patch.setattr(removal, "sweep", lambda workspace: None)  # the process ends here
        removal.delete(scene.workspace, run.folder)
    (half,) = left(scene)
    with Lock(scene.workspace.path / "runs").hold():
        removal.clear(scene.workspace)  # somebody deletes right now
        assert left(scene) == [half]
    stays = scene.ask("random")
    assert main(["runs", "note", stays.key, "starts the program"]) == 0
    assert left(scene) == [stays.key]
