"""A worker that is forked from what stands by keeps every promise of one that is started."""

import contextlib
import os
import signal
import time

import numpy as np
import pytest

from datasel_core import worker
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import parse_task
from datasel_core.base.standby import can_fork
from datasel_core.features.chunks import CHUNK, Chunks
from datasel_core.runs import engine, manifest
from datasel_core.runs.question import resolve
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, paint

pytestmark = pytest.mark.skipif(not can_fork(), reason="nothing is forked on this system")

SELECT = {"do": "select", "pool": "vec", "method": "k_center", "budget": "40"}
FEATURE = {"do": "feature", "pool": "many", "feature": "dictionary_embedding", "params": {}}


@pytest.fixture
def warmed(monkeypatch):
    """Every worker comes from what stands by; one that would be started otherwise is an error."""

    @contextlib.contextmanager
    def stands_by():
        def refused(*_, **__):
            raise AssertionError("a worker was started, not forked")

        worker.warm()
        with monkeypatch.context() as patch:
            patch.setattr(worker.subprocess, "Popen", refused)
            yield

    yield stands_by
    worker.cool()


@pytest.fixture
def vectors(workspace, tmp_path, rng):
    np.save(tmp_path / "v.npy", clustered(rng, 400, 8, 10))
    return add_pool(workspace, "vec", str(tmp_path / "v.npy"), "vectors")


@pytest.fixture
def many_photos(workspace, tmp_path):
    for at in range(CHUNK * 4 + 40):
        paint(tmp_path / "many" / f"{at:04d}.jpg", at, (96, 80))
    return add_pool(workspace, "many", str(tmp_path / "many"), "images")


def state_of(job, *, other_than=("waiting", "running")):
    for _ in range(18_000):
        state = job.status()["state"]
        if state not in other_than:
            return state
        time.sleep(0.05)
    raise AssertionError(f"still {state}")


def test_it_chooses_the_same_one_after_the_other(workspace, vectors, warmed):
    with warmed():
        for seed in (3, 4):
            job = worker.start(workspace, parse_task({**SELECT, "seed": seed}))
            assert state_of(job) == "done", job.status()
            here = engine.choose(resolve(workspace, Spec(**SELECT, seed=seed)), worker.Progress()).rows
            assert Run(job.folder, manifest.read(job.folder)).selection.rows.tolist() == here.tolist()
            assert (job.folder / "log.txt").read_text() == ""
            assert job.status()["pid"] != os.getpid()


def test_what_libraries_set_since_does_not_matter_and_what_a_person_changes_does(
    workspace, vectors, warmed, monkeypatch
):
    """scikit-learn and others set variables when a page that needs them is opened: work begins at once all the same."""
    monkeypatch.setattr(worker, "_BEGUN", {})
    monkeypatch.setenv("A_LIBRARY_READS", "1")
    with warmed():
        monkeypatch.setenv("A_LIBRARY_SETS", "1")  # a name that nothing that was imported before has set
        assert state_of(worker.start(workspace, parse_task(SELECT))) == "done"
        monkeypatch.setenv("A_LIBRARY_READS", "2")
        with pytest.raises(AssertionError, match="a worker was started, not forked"):
            worker.start(workspace, parse_task({**SELECT, "seed": 5}))


def test_killed_or_stopped_alone_the_next_goes_on(workspace, many_photos, warmed):
    with warmed():
        job = worker.start(workspace, parse_task(FEATURE))
        while not list((job.folder / "chunks").glob("*.npz")) and job.is_active:
            time.sleep(0.02)
        assert job.is_active
        os.kill(job.status()["pid"], signal.SIGKILL)
        assert state_of(job) == "interrupted"
        left = len(Chunks(job.folder, many_photos.n).missing())
        assert left < many_photos.n
        again = worker.start(workspace, parse_task(FEATURE))
        again.stop()
        assert state_of(again) == "stopped"
        assert len(Chunks(job.folder, many_photos.n).missing()) <= left
        assert state_of(worker.start(workspace, parse_task(FEATURE))) == "done"


def test_without_one_that_stands_by_a_worker_is_started(workspace, vectors, monkeypatch):
    begun = []
    monkeypatch.setattr(worker.subprocess, "Popen", lambda command, **how: begun.append(command))
    job = worker.start(workspace, parse_task(SELECT))
    assert begun[0][-3:] == [str(job.folder), "--workspace", str(workspace.path)]
