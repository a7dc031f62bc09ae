"""What a workspace holds, on the screen: selections, room on the disk, unfinished work."""

import json
import time

import pytest

from datasel_core import worker
from datasel_core.runs import engine
from datasel_core.runs.catalog import cleanup, names
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from datasel_core.workspace.files import write_json
from datasel_core.workspace.locks import Lock
from pages._ui.kit import jobs
from tests.conftest import task_of
from tests.pages import screens
from tests.pages.screens import chosen, said, sound, view

photo_pool, screen, vector_pool = screens.photo_pool, screens.screen, screens.vector_pool


@pytest.fixture
def kept(workspace, photo_pool):
    """Two selections, of which one builds on the other, and one that was only looked at."""
    first = chosen(workspace, photo_pool, "random", "8")
    later = engine.select(workspace, Spec(pool="clothes", method="random", budget="3", within=first.key))
    seen = engine.answer(resolve(workspace, Spec(pool="clothes", method="random", budget="5")), preview=True)
    names.give(workspace, first.folder, "first round", "for Anna")
    return first, later, seen


def test_selections_are_listed_with_what_builds_on_them(screen, workspace, kept):
    first, later, seen = kept
    app = view(screen(pool="clothes"), "kept")
    assert "**2 selections** of clothes" in said(app)
    table = app.dataframe[0].value
    assert set(table["Name"]) == {"first round", "random, 3"}
    row = table[table["Name"] == "first round"].iloc[0]
    assert (row["Kept"], row["State"], row["Builds on it"], row["Note"]) == (8, "kept, whole", "random, 3", "for Anna")
    app = sound(app.toggle(key="widget.data.previews").set_value(True).run())
    assert "looked at, not kept" in set(app.dataframe[0].value["State"])


def test_one_that_others_build_on_cannot_be_deleted_another_can(screen, workspace, kept):
    first, later, _ = kept
    app = view(screen(pool="clothes", kept=first.key), "kept")
    assert "random, 3 builds on it: it stays." in said(app)
    assert not [one for one in app.button if one.key == "selection-delete-yes"]
    app = view(screen(pool="clothes", kept=later.key), "kept")
    app = sound(app.button(key="selection-delete-yes").click().run())
    assert "random, 3 is deleted." in said(app)
    assert not later.folder.exists()
    assert first.folder.exists()


def test_a_damaged_one_says_so_and_may_go(screen, workspace, kept):
    _, later, _ = kept
    (later.folder / "manifest.json").write_text("{")
    app = view(screen(pool="clothes", kept=later.key), "kept")
    assert "damaged" in set(app.dataframe[0].value["State"])
    sound(app.button(key="selection-delete-yes").click().run())
    assert not later.folder.exists()


def test_without_selections_it_says_how_to_make_one(screen, photo_pool):
    assert "Nothing is kept yet" in said(view(screen(pool="clothes"), "kept"))


def test_room_is_made_of_what_is_ticked_and_of_nothing_else(screen, workspace, kept):
    first, later, seen = kept
    app = view(screen(pool="clothes"), "kept")
    app = sound(app.toggle(key="room-open").set_value(True).run())
    there = cleanup.space(workspace)
    assert "can go" in said(app)
    assert app.button(key="room-delete").disabled
    assert all(not one.value for one in app.checkbox)
    app = sound(app.checkbox(key="widget.room.previews").set_value(True).run())
    kinds = {item.kind for item in there.items}
    assert {"previews"} <= kinds
    app = sound(app.button(key="room-delete").click().run())
    assert "1 thing deleted" in said(app)
    assert not seen.folder.exists()
    assert first.folder.exists()
    assert later.folder.exists()


def stopped(workspace, state="stopped", **status):
    task = task_of("feature", pool="clothes", feature="dictionary_embedding", params={})
    folder = task.prepare(workspace).folder
    write_json(folder / "job.json", task.spec())
    write_json(folder / "status.json", {"state": state, "updated": time.time(), "done": 5, "total": 13, **status})
    return worker.find_job(folder)


@pytest.mark.parametrize("state", ["stopped", "running", "waiting"])
def test_the_first_page_lists_unfinished_work_and_puts_it_away(screen, workspace, photo_pool, vector_pool, state):
    """Lost: status.json says that it runs, and nobody holds it."""
    job = stopped(workspace, state, updated=time.time() - 100)
    name = job.folder.name
    app = screen()
    assert "**1 unfinished**" in said(app)
    button = app.button(key=f"unfinished-go-{name}")
    assert button.label == "Go on from 5 of 13"
    assert not [one for one in app.button if one.key == f"strip-resume-{name}"]  # not twice on one page
    app = sound(app.button(key=f"unfinished-away-{name}").click().run())
    assert "unfinished**" not in said(app)
    assert (job.folder / "job.json").exists()


def test_one_that_is_held_is_at_work(screen, workspace, photo_pool, vector_pool):
    job = stopped(workspace, "running")
    with Lock(job.folder / "work").hold():
        assert "unfinished**" not in said(screen())


@pytest.mark.parametrize("text", ["{", "[]", '{"state": 5}', "null"])
def test_a_damaged_word_of_a_worker_breaks_no_page(screen, workspace, photo_pool, vector_pool, text):
    job = stopped(workspace)
    (job.folder / "status.json").write_text(text)
    jobs.unfinished(workspace)
    assert job.status()["state"] in worker.WORDS or job.status()["state"] == 5
    sound(screen())
    (job.folder / "job.json").write_text("{")
    assert worker.find_job(job.folder) is None
    sound(screen())


def test_all_of_it_is_listed_not_only_the_first_six(screen, workspace, photo_pool, vector_pool):
    for at in range(9):
        folder = workspace.task(f"{at:016x}")
        write_json(folder / "job.json", json.loads(json.dumps(task_of("pool_map", pool="clothes").spec())))
        write_json(folder / "status.json", {"state": "running", "updated": 1.0})
    assert "**9 unfinished**" in said(screen())
