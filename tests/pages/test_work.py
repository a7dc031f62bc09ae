"""Work as people see it: phases, the time of all of them, and unfinished work in any tab."""

import signal
import time

import pytest

from datasel_core import worker
from datasel_core.actions.task import parse_task
from datasel_core.workspace.files import write_json
from pages._ui.kit import jobs
from tests.conftest import task_of
from tests.pages import screens
from tests.pages.screens import said, sound, wait

photo_pool, screen = screens.photo_pool, screens.screen


@pytest.fixture(autouse=True)
def handlers():
    """Work that is done here, not in a process of its own, leaves the handlers of signals as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


CHOOSING = {"name": "choosing", "at": 1, "of": 2, "share": 0.25, "left": 75.0}


def status(state="running", **more):
    return {"state": state, "updated": time.time(), "label": "comparing", "rate": None, "left": 2.0, **more}


def test_the_time_left_is_that_of_all_phases():
    now = status(done=412, total=929, rate=24.0, phase=CHOOSING)
    assert jobs.numbers(now) == "1 of 2: choosing · 412 of 929 · 24 a second · 1 min 15 s left"
    assert jobs.short(now) == "1 of 2: choosing · 1 min 15 s left"
    assert jobs.share(now) == 0.25


def test_a_phase_whose_loop_is_over_or_has_not_begun_is_named():
    over = status(done=929, total=929, phase={**CHOOSING, "at": 2, "name": "measuring", "share": 0.7})
    assert jobs.numbers(over) == "2 of 2: measuring · 929 of 929 · 1 min 15 s left"  # not a full bar and no word
    assert jobs.share(over) == 0.7
    fresh = status(done=0, total=0, left=None, phase={**CHOOSING, "left": None})
    assert jobs.numbers(fresh) == "1 of 2: choosing"


def test_work_of_one_phase_says_what_its_loop_does():
    now = status(done=5, total=13, phase={**CHOOSING, "of": 1})
    assert jobs.numbers(now) == "comparing 5 of 13 · 1 min 15 s left"
    assert jobs.numbers(status(done=5, total=13)) == "comparing 5 of 13 · 2 s left"  # written by an earlier version
    assert jobs.share(status(done=5, total=20)) == 0.25
    assert jobs.numbers(status("waiting", label="waiting for: the map")) == "waiting for: the map"
    assert jobs.numbers({"state": "running"}) == "starting"
    assert jobs.numbers({"state": "stopped"}) == "before it began"


@pytest.mark.parametrize(
    ("do", "found", "words"),
    [
        ("feature", status("stopped", label="training the proxy model", done=188, total=400), "Go on from step 188"),
        ("feature", status("interrupted", done=1412, total=2929), "Go on from 1,412 of 2,929"),
        ("feature", status("stopped", done=0, total=0), "Go on"),
        ("feature", status("failed", done=4, total=9), "Try again"),
        ("select", status("stopped", done=4, total=9), "Start again"),
        ("of a later version", status("stopped", done=4, total=9), "Start again"),
    ],
)
def test_how_to_go_on(tmp_path, do, found, words):
    assert jobs.again(worker.Job(tmp_path, {"do": do}), found) == words


@pytest.fixture
def stopped(workspace, photo_pool):
    """A feature whose computation somebody stopped, from a terminal or another tab."""
    task = task_of("feature", pool="clothes", feature="dictionary_embedding", params={})
    folder = task.prepare(workspace).folder
    write_json(folder / "job.json", task.spec())
    write_json(folder / "status.json", status("stopped", done=5, total=13))
    return worker.find_job(folder)


def test_long_work_that_was_stopped_is_found_in_any_tab(screen, stopped):
    app = screen(pool="clothes")
    assert "stopped · comparing 5 of 13" in said(app)
    button = app.button(key=f"strip-resume-{stopped.folder.name}")
    assert button.label == "Go on from 5 of 13"
    button.click().run()
    wait(app, lambda app: stopped.status()["state"] == "done")
    assert "stopped ·" not in said(sound(app.run()))


def test_a_quick_choice_that_was_stopped_leaves_nothing_at_the_side(screen, workspace, photo_pool):
    task = task_of("select", pool="clothes", method="random", budget="5")
    folder = task.prepare(workspace).folder
    write_json(folder / "job.json", task.spec())
    write_json(folder / "status.json", status("stopped", done=2, total=5))
    assert "stopped ·" not in said(screen(pool="clothes"))


def test_who_looks_for_work_looks_no_further_than_he_must(workspace, photo_pool, monkeypatch):
    looked = []
    folders = type(workspace).folders
    monkeypatch.setattr(type(workspace), "folders", lambda self, part: looked.append(part) or folders(self, part))
    begun = []
    monkeypatch.setattr(worker, "_spawn", lambda home, folder: begun.append(folder))
    ask = parse_task({"do": "select", "pool": "clothes", "method": "random", "budget": "5"})
    job = worker.start(workspace, ask)
    assert [one.folder for one in jobs.unfinished(workspace)] == [job.folder]
    worker.work(workspace, begun.pop())
    assert jobs.unfinished(workspace) == []
    looked.clear()
    assert jobs.unfinished(workspace) == []
    assert looked == []
    again = worker.start(workspace, ask.model_copy(update={"seed": 9}))
    assert [one.folder for one in jobs.unfinished(workspace)] == [again.folder]


def test_a_worker_says_its_phases_and_the_next_knows_how_long_they_take(workspace, photo_pool, monkeypatch):
    told, write = [], worker.write_json
    monkeypatch.setattr(worker, "write_json", lambda path, value: told.append(dict(value)) or write(path, value))
    monkeypatch.setattr(worker, "_spawn", lambda *_: None)
    job = worker.start(workspace, task_of("select", pool="clothes", method="random", budget="5"))
    worker.work(workspace, job.folder)
    phases = [one["phase"] for one in told if one.get("phase")]
    assert list(dict.fromkeys((one["at"], one["of"], one["name"]) for one in phases)) == [
        (1, 2, "choosing"),
        (2, 2, "measuring what is kept"),
    ]
    shares = [one["share"] for one in phases]
    assert shares == sorted(shares)
    assert all(share < 1 for share in shares)
    assert {"state", "label", "done", "total", "rate", "left"} <= told[-1].keys()
    assert workspace.pace("select-random").exists()
