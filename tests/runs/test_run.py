"""How far a run is: asked, looked at, kept, damaged; whoever asks, and in whatever order."""

import numpy as np
import pytest

import datasel_core as ds
from datasel_core import worker
from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped
from datasel_core.runs.engine import select
from datasel_core.runs.run import State, runs, state
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, task_of

ASKED = {"pool": "p", "method": "k_center", "budget": "5"}


@pytest.fixture
def pool(workspace, tmp_path, rng):
    np.save(tmp_path / "v.npy", clustered(rng, 40, 4, 3))
    return add_pool(workspace, "p", str(tmp_path / "v.npy"), "vectors")


@pytest.fixture
def at_once(workspace, monkeypatch):
    """Workers do what they are to do here, when the test says so."""
    waiting = []
    monkeypatch.setattr(worker, "_spawn", lambda home, folder: waiting.append(folder))
    return lambda: [worker.work(workspace, waiting.pop(0)) for _ in list(waiting)]


def kept(workspace) -> list[str]:
    return [folder.name for folder in runs(workspace)]


def test_a_preview_is_in_no_list_until_somebody_asks_to_keep_it(workspace, pool):
    run = select(workspace, Spec(**ASKED), preview=True)
    assert state(run.folder) == State.PREVIEW
    assert (kept(workspace), [folder.name for folder in runs(workspace, previews=True)]) == ([], [run.key])
    again = select(workspace, Spec(**ASKED), preview=True)
    assert (again.key, state(again.folder)) == (run.key, State.PREVIEW)
    ds.select("p", ds.method("k_center")(), budget=5)  # the same question, asked through Python
    assert state(run.folder) == State.KEPT
    assert kept(workspace) == [run.key]


def test_what_is_kept_stays_kept_when_somebody_looks_at_it(workspace, pool, capsys):
    assert main(["select", "p", "k_center", "--budget", "5"]) == 0
    run = select(workspace, Spec(**ASKED), preview=True)
    assert state(run.folder) == State.KEPT
    (run.folder / "selection.parquet").write_bytes(b"")
    assert state(run.folder) == State.DAMAGED
    mended = select(workspace, Spec(**ASKED), preview=True)
    assert state(mended.folder) == State.KEPT


def test_a_question_that_was_stopped_is_only_asked(workspace, pool):
    with pytest.raises(Stopped):
        select(workspace, Spec(**ASKED), Progress(should_stop=lambda: True, every=0))
    assert [state(folder) for folder in workspace.folders("runs")] == [State.ASKED]
    assert kept(workspace) == []


@pytest.mark.parametrize("first", [True, False])
def test_who_asks_to_keep_what_is_being_looked_at_is_heard(workspace, pool, at_once, first):
    """Both ask before the work is done, in either order: it is kept."""
    jobs = [worker.start(workspace, task_of("select", **ASKED, preview=preview)) for preview in (first, not first)]
    assert jobs[0].folder == jobs[1].folder
    at_once()
    assert state(jobs[0].folder) == State.KEPT
