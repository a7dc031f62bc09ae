"""The filter on the Select page: checked and counted while it is typed, picked from groups, left when it takes long."""

import threading

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.runs import candidates, engine
from datasel_core.runs.spec import Spec
from pages._ui.export import reopen
from pages._ui.question import where
from tests.conftest import paint
from tests.pages import test_explore
from tests.pages.test_explore import finished
from tests.pages.test_frame import said, sound, wait

screen = test_explore.screen


SOON = where._SOON


@pytest.fixture
def pool(workspace, tmp_path, monkeypatch):
    """Ten photos in two groups, one of them with a quote in its name. A count is waited for, however busy the machine
    is.
    """
    monkeypatch.setattr(where, "_SOON", 120)
    for at in range(10):
        paint(tmp_path / "photos" / ("it's" if at < 3 else "shoe") / f"{at:02d}.jpg", at)
    candidates._ANSWERS.clear()
    return add_pool(workspace, "clothes", str(tmp_path / "photos"), "images")


def typed(app, text):
    return sound(app.text_input(key="widget.select.where").set_value(text).run())


def test_a_right_filter_says_how_many_match(screen, pool):
    app = typed(screen("select", pool="clothes", method="random", budget="2"), "group = 'shoe'")
    assert "**7 of 10** match" in said(app)
    assert app.number_input(key="budget.count").max == 7
    app = typed(app, "id = 'shoe/05.jpg'")
    assert "**1 of 10** matches" in said(app)
    assert "match" not in said(typed(app, "  "))


def test_a_wrong_filter_says_so_once_and_what_would_be_right(screen, pool, workspace):
    app = screen("select", pool="clothes", method="random", budget="2")
    for text, expected in {
        "grup = 'shoe'": "there is no column grup; did you mean group?",
        "random() < 1": "gives other rows each time",
        "list_contains(range(100000000000), width)": "times as large",
    }.items():
        app = typed(app, text)
        assert len(app.error) == 1
        assert expected in app.error[0].value.replace("\\", "")
    assert finished(workspace) == []


def test_a_group_that_is_picked_writes_the_filter(screen, pool):
    app = screen("select", pool="clothes", method="random", budget="2")
    pick = app.selectbox(key="where-group")
    assert pick.options == ["shoe · 7", "it's · 3"]
    app = sound(pick.set_value("it's").run())
    assert app.text_input(key="widget.select.where").value == "group = 'it''s'"
    assert "**3 of 10** match" in said(app)
    app = sound(app.selectbox(key="where-group").set_value("shoe").run())
    assert app.text_input(key="widget.select.where").value == "group = 'shoe'"
    app = typed(app, "width > 3 or width < 3")
    app = sound(app.selectbox(key="where-group").set_value("shoe").run())
    assert app.text_input(key="widget.select.where").value == "(width > 3 or width < 3) and group = 'shoe'"
    assert "**7 of 10** match" in said(app)


@pytest.fixture
def slow(pool, monkeypatch):
    """Filters take until they are stopped, or until this is set."""
    monkeypatch.setattr(where, "_SOON", SOON)
    enough = threading.Event()

    def wait_for_it(pool, condition, numbers, progress):
        while not enough.wait(0.01):
            progress.check()
        return matching(pool, condition, numbers)

    matching = candidates.matching
    monkeypatch.setattr(candidates, "matching", wait_for_it)
    yield enough
    enough.set()


def test_a_count_that_takes_long_is_shown_and_can_be_left(screen, pool, slow):
    app = typed(screen("select", pool="clothes", method="random", budget="2"), "width > 3")
    assert "Counting what matches" in said(app)
    assert "Counting what the filter matches" in said(app)
    counting = [one for one in threading.enumerate() if one.name == "counting"]
    assert len(counting) == 1
    app = sound(app.button(key="where-leave").click().run())
    assert app.text_input(key="widget.select.where").value == ""
    assert "Counting" not in said(app)
    counting[0].join(600)
    assert not counting[0].is_alive()


def test_who_writes_another_filter_leaves_the_one_before(screen, pool, slow):
    app = typed(screen("select", pool="clothes", method="random", budget="2"), "width > 3")
    first = [one for one in threading.enumerate() if one.name == "counting"]
    app = typed(app, "group = 'shoe'")
    first[0].join(600)
    assert not first[0].is_alive()
    slow.set()
    wait(app, lambda app: "**7 of 10** match" in said(app))


def test_a_manifest_whose_filter_takes_too_long_is_one_line(screen, pool, workspace, slow, monkeypatch):
    slow.set()
    made = engine.select(workspace, Spec(pool="clothes", method="random", budget="2", where="width > 3"))
    candidates._ANSWERS.clear()
    slow.clear()
    monkeypatch.setattr(reopen, "_PATIENCE", 0)
    app = screen("export", pool="clothes")
    app.text_input(key="widget.reopen.folder").set_value(str(made.folder)).run()
    app = sound(app.button(key="reopen").click().run())
    assert "takes more than 0 seconds" in app.error[0].value
    assert "python -m datasel_core reproduce FOLDER" in app.error[0].value.replace("\\", "")


def test_the_number_is_that_of_the_question(screen, pool, workspace, monkeypatch):
    """Page, run and start of the run ask one object; within one process it is asked once."""
    asked, ask = [], candidates.matching
    monkeypatch.setattr(candidates, "matching", lambda *given: asked.append(given[1]) or ask(*given))
    app = typed(screen("select", pool="clothes", method="random", budget="2"), "group = 'shoe'")
    app.button(key="choose").click()
    wait(app, lambda app: "**2 of 10 photos**" in said(app))
    assert asked == ["group = 'shoe'"]
    assert where.look_at(pool, "group = 'shoe'").matches == 7
