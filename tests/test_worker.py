"""Worker processes: killed, stopped, started twice; whatever happens costs at most a chunk."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from datasel_core import worker
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import parse_task
from datasel_core.errors import BadRequest
from datasel_core.features import computation
from datasel_core.features.chunks import CHUNK, Chunks
from datasel_core.features.stored import load
from datasel_core.runs import engine, manifest
from datasel_core.runs.question import resolve
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from datasel_core.workspace.files import write_json
from datasel_core.workspace.layout import Workspace
from tests.conftest import ROOT, clustered, paint


def wait_for(condition, seconds=900):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def ended(job):
    return job.status()["state"] not in ("waiting", "running")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("many")
    for at in range(CHUNK * 5 + 40):
        paint(path / f"{at:04d}.jpg", at, (96, 80))
    return path


@pytest.fixture
def many_photos(workspace, folder, monkeypatch):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(folder.parent))
    return add_pool(workspace, "many", str(folder), "images")


@pytest.fixture
def vectors(workspace, tmp_path, rng):
    np.save(tmp_path / "v.npy", clustered(rng, 400, 8, 10))
    return add_pool(workspace, "vec", str(tmp_path / "v.npy"), "vectors")


SELECT = {"do": "select", "pool": "vec", "method": "k_center", "budget": "40"}
FEATURE = {"do": "feature", "pool": "many", "feature": "dictionary_embedding", "params": {}}


def test_a_selection_in_a_worker(workspace, vectors):
    job = worker.start(workspace, parse_task(SELECT))
    assert wait_for(lambda: ended(job))
    assert job.status()["state"] == "done", job.status()
    here = engine.choose(resolve(workspace, Spec(**SELECT)), worker.Progress()).rows
    assert Run(job.folder, manifest.read(job.folder)).selection.rows.tolist() == here.tolist()


def test_a_wrong_request_fails_before_anything_starts(workspace, vectors):
    with pytest.raises(BadRequest, match="from 1 to 400"):
        worker.start(workspace, parse_task({**SELECT, "budget": "0"}))
    assert workspace.folders("runs") == []


def killed_once(job) -> bool:
    """Kills the worker after its first new chunk; False when it was done before."""
    before = set((job.folder / "chunks").glob("*.npz"))
    assert wait_for(lambda: set((job.folder / "chunks").glob("*.npz")) - before or ended(job), 90)
    if ended(job):
        return False
    os.kill(job.status()["pid"], signal.SIGKILL)
    assert wait_for(lambda: job.status()["state"] == "interrupted", 10)
    assert not (job.folder / "meta.json").exists()
    return True


def test_killed_at_any_moment_the_next_start_resumes(workspace, many_photos):
    job = worker.start(workspace, parse_task(FEATURE))
    kills, done = 0, 0
    while kills < 3 and killed_once(job):
        kills += 1
        left = len(Chunks(job.folder, many_photos.n).missing())
        assert many_photos.n - left > done  # every start gets further
        done = many_photos.n - left
        job = worker.start(workspace, parse_task(FEATURE))
    assert kills > 0
    assert wait_for(lambda: ended(job), 120)
    assert job.status()["state"] == "done", job.status()
    killed = load(job.folder)
    whole = computation.compute_feature(
        Workspace(workspace.path.parent / "other"), many_photos, computation.declared_feature("dictionary_embedding")
    )
    np.testing.assert_array_equal(killed.values(), whole.values())
    assert killed.meta["fingerprint"] == whole.meta["fingerprint"]


def test_a_stop_takes_two_seconds_at_most_and_keeps_what_was_done(workspace, many_photos):
    job = worker.start(workspace, parse_task(FEATURE))
    assert wait_for(lambda: job.status().get("done", 0) > 0 or ended(job), 90)
    asked = time.monotonic()
    job.stop()
    assert wait_for(lambda: ended(job), 20)
    if job.status()["state"] == "done":
        pytest.skip("it was done before it could be stopped")
    assert time.monotonic() - asked < 4  # two seconds on a quiet machine
    assert job.status()["state"] == "stopped"
    assert not (job.folder / "meta.json").exists()
    again = worker.start(workspace, parse_task(FEATURE))
    assert wait_for(lambda: ended(again), 120)
    assert again.status()["state"] == "done"


def test_started_twice_it_runs_once(workspace, many_photos):
    one, two = worker.start(workspace, parse_task(FEATURE)), worker.start(workspace, parse_task(FEATURE))
    assert one.folder == two.folder
    assert wait_for(lambda: ended(one), 120)
    assert one.status()["state"] == "done"
    assert (one.folder / "log.txt").read_text() == ""


def test_a_worker_that_dies_without_a_word_is_interrupted(workspace, vectors):
    folder = workspace.run("dead")
    write_json(folder / "job.json", SELECT)
    write_json(folder / "status.json", {"state": "running", "updated": time.time() - 60})
    assert worker.find_job(folder).status()["state"] == "interrupted"


def test_jobs_are_found_from_anywhere(workspace, vectors):
    job = worker.start(workspace, parse_task(SELECT))
    assert [one.folder for one in worker.jobs(workspace)] == [job.folder]
    assert wait_for(lambda: ended(job))


_HOLDS_A_LOCK = """
import threading
from datasel_core import worker
from datasel_core.__main__ import main

def work(*_):
    lock = threading.RLock()
    lock.acquire()  # as a library that was stopped while it held one
    threading.Thread(target=lock.acquire).start()
    return 130

worker.work = work
main(["work", "anywhere"])
"""


def test_a_job_that_was_stopped_ends_whatever_lock_was_left_behind(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", _HOLDS_A_LOCK],
        cwd=ROOT,
        env={**os.environ, "DATASEL_WORKSPACE": str(tmp_path)},
        timeout=600,
    )
    assert ran.returncode == 130
