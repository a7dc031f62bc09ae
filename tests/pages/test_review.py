"""The page Review without a browser: what it sends to one, and what it makes of what comes back."""

import pytest
import streamlit as st

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import Failed
from datasel_core.review.book import Book
from datasel_core.review.decisions import decision, review_of
from datasel_core.runs import engine
from datasel_core.runs.catalog.label import Label, write_label
from datasel_core.runs.spec import Spec
from pages._ui.review import desk
from tests.pages import screens
from tests.pages.screens import said, sound
from tests.pages.test_strangers import BAIT, safe

screen, photo_pool, vector_pool = screens.screen, screens.photo_pool, screens.vector_pool


@pytest.fixture
def run(workspace, photo_pool):
    return engine.select(workspace, Spec(pool="clothes", method="random", budget="6"))


@pytest.fixture
def shown(monkeypatch):
    """What was sent to the browser, drawing by drawing; `sent` is what it answers."""
    found, answer = [], {}
    monkeypatch.setattr(desk, "_sent", lambda: answer)
    monkeypatch.setattr(desk, "REVIEW", lambda key, data, **_: found.append(data))
    return found, answer


def one(run, at, what, id, by="ann", **more):
    return {"id": f"browser-{id}", "run": review_of(run.manifest), "at": at, "by": by, "what": what, "note": "", **more}


def to_review(app):
    return sound(app.switch_page("pages/review.py").run())


def test_what_is_sent_is_acknowledged_when_it_is_on_the_disk(screen, workspace, run, shown):
    found, answer = shown
    app = to_review(screen())
    data = found[-1]
    assert (data["marks"], data["first"], data["got"], data["places"]) == ("......", 0, [], [0, 1, 2, 3, 4, 5])
    answer |= {"mark": "m-1", "by": "ann", "batch": [one(run, 0, "keep", 1), one(run, 1, "drop", 2)]}
    sound(app.run())
    data = found[-1]
    assert (data["marks"], data["first"], data["heard"]) == ("kd....", 2, "m-1")
    assert data["got"] == ["browser-1", "browser-2"]
    sound(app.run())  # the same state is still there, as it is at every drawing
    assert [one.id for one in Book(workspace).of(review_of(run.manifest))] == ["browser-1", "browser-2"]
    assert data["people"] == [["ann", 2]]
    assert app.button(key="finish").label == "Finish: leave out 1 of 6"


def test_what_comes_next_is_sent_before_it_is_looked_at(screen, run, shown):
    found, answer = shown
    app = to_review(screen())
    assert found[-1]["shown"] == {}
    answer |= {"mark": "m-1", "by": "ann", "batch": [], "large": [0, 1, 2, 99, "x"], "small": [4, -1]}
    sound(app.run())
    assert set(found[-1]["shown"]) == {0, 1, 2}
    assert set(found[-1]["small"]) == {4}
    first = found[-1]["shown"][0]
    assert first["src"].startswith("data:image/jpeg;base64,")
    assert first["why"]


def test_a_second_look_shows_nothing_of_what_others_decided(screen, workspace, run, shown):
    found, answer = shown
    review = review_of(run.manifest)
    Book(workspace).add(decision(review, id, "ann", "drop", "a secret") for id in run.ids)
    answer |= {"mark": "m-1", "by": "ben", "batch": []}
    app = to_review(screen(look="second", second="50"))
    data = found[-1]
    assert (data["marks"], data["conflicts"], data["talk"]) == ("......", [], {})
    assert len(data["places"]) == 3
    assert "secret" not in str(data)
    places = data["places"]
    answer |= {"batch": [one(run, places[0], "keep", 1, "ben", blind=True)]}
    sound(app.run())
    assert found[-1]["marks"][places[0]] == "k"
    assert found[-1]["agreement"] == []  # it would say what ann said
    answer |= {"batch": [one(run, at, "keep", at + 1, "ben", blind=True) for at in places]}
    answer["batch"][0]["id"] = "browser-1"
    sound(app.run())
    assert found[-1]["agreement"] == ["ann and ben agree on 0 % of 3 (kappa 0.00)."]


def test_what_cannot_be_written_is_said_and_not_acknowledged(screen, workspace, run, shown, monkeypatch):
    found, answer = shown
    app = to_review(screen())

    def no_room(self, decisions):
        raise Failed("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(Book, "add", no_room)
        answer |= {"mark": "m-1", "by": "ann", "batch": [one(run, 0, "keep", 1)]}
        sound(app.run())
    assert "The disk is full" in said(app)
    assert "waits in this browser tab" in said(app).replace("\\", "")
    assert (found[-1]["heard"], found[-1]["got"], found[-1]["marks"]) == ("m-1", [], "......")
    sound(app.run())
    assert (found[-1]["got"], found[-1]["marks"]) == (["browser-1"], "k.....")


def test_a_damaged_database_is_said_in_place_of_the_review(screen, workspace, run, shown):
    app = to_review(screen())
    workspace.path.joinpath("review.sqlite").write_bytes(b"x" * 5000)
    sound(app.run())
    assert "review.sqlite is damaged" in said(app)


def test_one_that_will_never_do_is_said(screen, run, shown):
    found, answer = shown
    app = to_review(screen())
    answer |= {"mark": "m-1", "by": "ann", "batch": [one(run, 77, "keep", 1)]}
    sound(app.run())
    assert found[-1]["refused"] == {"browser-1": "The selection has 6 samples; there is no #78."}
    assert "A decision was not kept: The selection has 6 samples" in said(app).replace("\\", "")


def test_a_pool_without_a_selection_leads_to_select(screen, photo_pool):
    assert "Nothing is selected yet" in said(to_review(screen()))


def test_a_review_that_was_begun_is_offered_where_work_begins(screen, workspace, run, shown):
    app = screen()
    assert "Review of" not in said(app)
    Book(workspace).add([decision(review_of(run.manifest), run.ids[2], "ann", "keep")])
    sound(app.run())
    assert "Review of **random, 6**: 1 of 6 decided" in said(app)
    sound(app.button(key="onward-review").click().run())
    assert shown[0][-1]["marks"] == "..k..."


def test_samples_without_a_picture_are_what_is_known_of_them(screen, workspace, vector_pool, shown):
    engine.select(workspace, Spec(pool="vec", method="k_center", budget="5"))
    found, answer = shown
    answer |= {"mark": "m-1", "by": "ann", "batch": [], "large": [0, 3]}
    to_review(screen())
    assert (found[-1]["pictures"], found[-1]["small"]) == (False, {})
    assert found[-1]["shown"][0]["turns"][0][0] == "id"
    assert len(found[-1]["shown"][3]["near"]) == 3


def test_texts_are_read_turn_by_turn(screen, workspace, tmp_path, shown):
    (tmp_path / "chat.jsonl").write_text("".join(f'{{"prompt": "p{at}", "response": "r{at}"}}\n' for at in range(8)))
    add_pool(workspace, "chat", str(tmp_path / "chat.jsonl"), "text")
    run = engine.select(workspace, Spec(pool="chat", method="random", budget="3"))
    found, answer = shown
    answer |= {"mark": "m-1", "by": "ann", "batch": [], "large": [1]}
    to_review(screen())
    n = int(run.table["row"][1].as_py())
    assert [turn[:2] for turn in found[-1]["shown"][1]["turns"]] == [["Prompt", f"p{n}"], ["Response", f"r{n}"]]


@pytest.mark.parametrize("sent", [None, 7, "x", [], {"batch": 7, "large": {}, "small": "x", "by": []}])
def test_a_browser_may_send_anything(screen, run, monkeypatch, sent):
    monkeypatch.setattr(
        st.session_state, "get", lambda key, default=None: {"sent": sent} if key == "review" else default
    )
    assert isinstance(desk._sent(), dict)


def test_names_and_notes_of_people_are_no_markdown(screen, workspace, run, shown):
    write_label(run.folder, Label(BAIT, BAIT))
    Book(workspace).add([decision(review_of(run.manifest), run.ids[0], BAIT, "drop", BAIT)])
    app = safe(screen())
    assert "1 of 6 decided" in said(app)
    safe(to_review(app))
    assert shown[0][-1]["people"] == [[BAIT, 1]]
