"""Jobs as folders: what a status means, what a second start does, what a stop leaves. No worker is spawned here."""

import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from datasel_core import worker
from datasel_core.actions.select import Select
from datasel_core.actions.task import parse_task
from datasel_core.errors import BadRequest, Failed
from datasel_core.runs import manifest
from datasel_core.runs.run import Run
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.locks import Lock, is_held
from tests.conftest import ROOT, task_of
from tests.runs import joints

built, scene = joints.built, joints.scene
ASKED = {"do": "select", "pool": "all", "method": "k_center", "budget": "9"}


@pytest.fixture
def spawned(monkeypatch):
    """Folders for which a worker would have been started."""
    found = []
    monkeypatch.setattr(worker, "_spawn", lambda workspace, folder: found.append(folder))
    return found


@pytest.fixture
def work(scene):
    """Does what a job says, here; handlers of signals are put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    yield lambda job: worker.work(scene.workspace, job.folder)
    for number, handler in before.items():
        signal.signal(number, handler)


def say(job, state, ago=0.0, **more):
    write_json(job.folder / "status.json", {"state": state, "updated": time.time() - ago, **more})


def test_a_start_says_what_is_to_be_done_and_waits(scene, spawned):
    job = worker.start(scene.workspace, parse_task(ASKED))
    assert spawned == [job.folder] == [scene.workspace.run(scene.plan("k_center", 9).key)]
    assert read_json(job.folder / "job.json").items() >= ASKED.items()
    assert job.status()["state"] == "waiting"
    assert job.is_active
    assert worker.find_job(job.folder) == job
    assert job.result() is None
    assert worker.find_job(scene.workspace.run("another")) is None


def test_a_second_start_of_the_same_question_starts_nothing(scene, spawned, work):
    job = worker.start(scene.workspace, parse_task(ASKED))
    at_length = {**ASKED, "seed": 0, "params": {"metric": "cosine"}}
    assert worker.start(scene.workspace, parse_task(at_length)).folder == job.folder
    with Lock(job.folder / "work").hold():  # a worker that is at it, and has said nothing for long
        for state in ("running", "waiting"):
            say(job, state, 3600)
            assert job.status()["state"] == state
            worker.start(scene.workspace, parse_task(ASKED))
    assert len(spawned) == 1
    worker.start(scene.workspace, parse_task({**ASKED, "budget": "10"}))
    assert len(spawned) == 2
    say(job, "waiting")
    assert work(job) == 0
    worker.start(scene.workspace, parse_task(ASKED))
    assert len(spawned) == 3  # it is done; a new worker looks whether it still stands


def test_two_who_start_at_once_start_one_after_the_other(scene, spawned):
    folder = parse_task(ASKED).prepare(scene.workspace).folder
    with Lock(folder / "start").hold():  # somebody is about to
        other = threading.Thread(target=worker.start, args=(scene.workspace, parse_task(ASKED)))
        other.start()
        other.join(0.3)
        assert spawned == []
    other.join(600)
    assert spawned == [folder]


@pytest.mark.parametrize(
    ("said", "ago", "state"),
    [
        ("running", 0, "interrupted"),
        ("running", 60, "interrupted"),
        ("waiting", 60, "interrupted"),
        ("waiting", 0, "waiting"),
        ("waiting", -3600, "interrupted"),  # the clock was set back since
        ("waiting", -1e9, "interrupted"),
        ("running", -1e9, "interrupted"),
        ("done", 60, "done"),
        ("failed", 60, "failed"),
        ("stopped", 60, "stopped"),
    ],
)
def test_what_nobody_is_at_work_on_was_interrupted(scene, said, ago, state):
    job = worker.Job(scene.workspace.run("dead"), ASKED)
    say(job, said, ago, done=3)
    assert (job.status()["state"], job.status()["done"]) == (state, 3)
    assert job.is_active == (state == "waiting")
    assert state in worker.WORDS


@pytest.mark.parametrize("state", ["running", "stopped", "failed"])
def test_what_did_not_end_well_starts_again_without_the_old_wish_to_stop(scene, spawned, work, state):
    job = worker.start(scene.workspace, parse_task(ASKED))
    job.stop()
    say(job, state, 60)
    again = worker.start(scene.workspace, parse_task(ASKED))
    assert len(spawned) == 2
    assert again.status()["state"] == "waiting"
    assert work(again) == 0
    assert (again.status()["state"], again.status()["left"]) == ("done", 0)
    assert again.result() == {"run": job.folder.name, "n": 9}
    assert Run(job.folder, manifest.read(job.folder)).ids == scene.ask("k_center", 9).ids


def test_a_stop_leaves_no_manifest(scene, spawned, work):
    job = worker.start(scene.workspace, parse_task(ASKED))
    job.stop()
    assert work(job) == 130
    assert job.status()["state"] == "stopped"
    assert job.status()["message"] == "Stopped; what was finished is kept."
    assert not {"manifest.json", "selection.parquet"} & {path.name for path in job.folder.iterdir()}
    assert not is_held(job.folder / "work")


ENDS = {
    "wrong": (BadRequest("It was wrong."), 2, "It was wrong."),
    "failed": (Failed("It failed."), 1, "It failed."),
    "memory": (MemoryError(), 1, "There was not enough memory. Try a smaller pool, or close other programs."),
    "broken": (ValueError("odd"), None, r"It broke \(ValueError: odd\). The log is .*log.txt."),
}


@pytest.mark.parametrize("how", ENDS)
def test_how_a_job_ends_is_said(scene, spawned, work, monkeypatch, how):
    error, code, said = ENDS[how]

    def fail(*_):
        raise error

    job = worker.start(scene.workspace, parse_task(ASKED))
    monkeypatch.setattr(Select, "_answer", fail)
    if code is None:
        with pytest.raises(ValueError, match="odd"):
            work(job)
    else:
        assert work(job) == code
    assert job.status()["state"] == "failed"
    assert re.fullmatch(said, job.status()["message"])


_DIES = """
import os, signal, sys
from pathlib import Path
from datasel_core import worker
from datasel_core.actions.select import Select
from datasel_core.workspace.layout import Workspace

Select._answer = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
worker.work(Workspace(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def test_a_worker_that_is_killed_was_interrupted_and_leaves_no_answer(scene):
    """It dies as on a machine without power: in the midst of it, without a word."""
    job = worker.Job(scene.workspace.run("killed"), ASKED)
    write_json(job.folder / "job.json", ASKED)
    command = [sys.executable, "-c", _DIES, str(scene.workspace.path), str(job.folder)]
    assert subprocess.run(command, cwd=ROOT, timeout=900, check=False).returncode == -signal.SIGKILL
    assert read_json(job.folder / "status.json")["state"] == "running"
    assert job.status()["state"] == "interrupted"
    assert not (job.folder / "manifest.json").exists()


def test_jobs_are_listed_the_latest_first_whatever_they_do(scene, spawned):
    asked = [
        {**ASKED, "budget": "3"},
        {"do": "score", "pool": ASKED["pool"], "method": "clip_score"},
        {**ASKED, "budget": "5"},
    ]
    one, two, three = (worker.start(scene.workspace, parse_task(spec)) for spec in asked)
    for job, ago in ((one, 5), (two, 1), (three, 9)):
        say(job, "done", ago)
    scene.ask("random", 3)  # a run that nobody started as a job
    assert [job.folder for job in worker.jobs(scene.workspace)] == [two.folder, one.folder, three.folder]


def test_every_kind_of_work_has_its_folder_and_a_wrong_one_is_refused(scene, tmp_path, spawned):
    select = {"pool": "all", "method": "clip_score", "budget": "3"}
    towards = {"pool": "all", "target": "task"}
    bring = {"pool": "all", "role": "error", "file": str(tmp_path / "x.npz")}
    export = {"run": scene.ask("random", 3).key, "format": "csv", "out": str(tmp_path / "x.csv")}
    score = {"pool": "all", "method": "clip_score"}
    asked = {"select": select, "score": score, "serving": towards, "feature_import": bring, "export": export}
    asked["demo"] = {}
    found = {do: task_of(do, **spec).prepare(scene.workspace).folder for do, spec in asked.items()}
    assert [folder.parent.name for folder in found.values()] == ["runs", "scores", "serving", "tasks", "tasks", "tasks"]
    assert len(set(found.values())) == len(found)
    for do, change, said in (
        ("export", {"out": "/etc/x"}, "outside the allowed"),
        ("export", {"format": "cvs"}, "Did you mean csv"),
        ("export", {"run": "none"}, "holds no manifest"),
        ("feature_import", {"role": "../x"}, "role name"),
        ("feature_import", {"file": "/etc/x"}, "outside the allowed"),
        ("feature_import", {"pool": "al"}, "mean all"),
        ("select", {"budget": "61"}, "must be from 1 to"),
        ("serving", {"target": "nobody"}, "no pool called nobody"),
    ):
        with pytest.raises(BadRequest, match=said):
            worker.start(scene.workspace, task_of(do, **{**asked[do], **change}))
    assert spawned == []
    with pytest.raises(
        BadRequest,
        match="There is no work called selct; there are: calibrate, capacity, cleanup, combine, datamodel, delete",
    ):
        task_of("selct")
    with pytest.raises(BadRequest, match="holds no job.json"):
        worker.work(scene.workspace, tmp_path)
