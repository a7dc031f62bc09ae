"""A pool of facts on the screen: opened by its path, looked at, and every page that it suits."""

import json

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.persistence import load_pool
from pages._ui.media import detail, texts
from tests.pages import screens
from tests.pages.screens import said, sound, view, wait

screen = screens.screen

ROWS = [
    {"id": f"f{at}", "question": f"Who made <b>{at % 9}?", "answer": f"*A{at}*", "relation": f"P{at % 3}"}
    for at in range(12)
] + [{"id": "bad", "question": "q", "answer": "", "relation": "P1"}]
PAGES = ("find", "trajectories", "targets", "select", "evidence", "influence", "plan", "rounds", "review", "export")


@pytest.fixture
def source(tmp_path):
    (tmp_path / "known.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path / "known.jsonl"


def test_it_is_opened_by_its_path(screen, workspace, source):
    app = screen()
    sound(app.text_input(key="widget.new.source").set_value(str(source)).run())
    assert app.selectbox(key="widget.new.kind").value == "facts"
    app.button(key="open-own").click().run()
    wait(app, lambda app: app.query_params.get("pool") in ("known", ["known"]) and "12 samples" in said(app))
    assert load_pool(workspace, "known").kind == "facts"


def test_options_of_the_form_reach_the_pool(screen, workspace, tmp_path):
    (tmp_path / "works.csv").write_text("key,title,artist\n1,Sea,Ann\n")
    app = screen()
    sound(app.text_input(key="widget.new.source").set_value(str(tmp_path / "works.csv")).run())
    sound(app.selectbox(key="widget.new.kind").set_value("facts").run())
    sound(app.text_input(key="widget.form.pool.facts.templates").set_value("a: Who made {title}? -> {artist}").run())
    sound(app.text_input(key="widget.form.pool.facts.id_column").set_value("key").run())
    sound(app.segmented_control(key="widget.form.pool.facts.identities").set_value("none").run())
    app.button(key="open-own").click().run()
    wait(app, lambda app: "1 sample" in said(app) and app.query_params.get("pool") in ("works", ["works"]))
    pool = load_pool(workspace, "works")
    assert pool.ids.tolist() == ["1/a/0"]
    assert pool.how.identities == "none"


def test_the_page_data_says_what_is_odd_and_what_was_left_out(screen, workspace, source):
    add_pool(workspace, "known", str(source), "facts")
    app = screen(pool="known")
    assert "12 samples" in said(app)
    assert "3 groups" in said(app)
    text = said(view(app, "health"))
    assert "line 13 of known.jsonl: its answer is empty" in text
    assert "12 facts, in 3 relations." in text
    assert "3 questions with more than one answer" in text


def test_a_sample_is_read_as_question_and_answer(workspace, source):
    pool = add_pool(workspace, "known", str(source), "facts")
    assert texts.has_texts(pool)
    assert texts.parts(pool, 1) == ("Who made <b>1?", "*A1*")
    assert [name for name, _ in detail._facts(pool, 1)] == ["id", "relation", "fact", "wording"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_that_texts_have(screen, workspace, source, page):
    add_pool(workspace, "known", str(source), "facts")
    app = sound(screen(pool="known").switch_page(f"pages/{page}.py").run())
    assert not app.error
