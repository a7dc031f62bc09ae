"""Pictures go to a browser once: what a page carries after what it had already, and what it carries anew."""

import json
from types import SimpleNamespace

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from pages._ui.media import photos, pictures
from tests.conftest import paint
from tests.pages import screens, test_explore
from tests.pages.screens import sound

start, pool = screens.screen, test_explore.pool


@pytest.fixture
def session(monkeypatch):
    """A session without a server: what is kept under names, and the state of components."""
    kept, state = {}, {}
    monkeypatch.setattr(pictures.keys, "get", lambda name, default=None: kept.get(name, default))
    monkeypatch.setattr(pictures.keys, "put", kept.__setitem__)
    monkeypatch.setattr(pictures, "st", SimpleNamespace(session_state=state))
    return state


def carried(sources):
    return sorted(pictures.parcel(sources)["carried"].values())


def test_each_is_carried_once(session):
    assert carried(["a", "b", ""]) == ["a", "b"]
    assert carried(["b", "c", "c"]) == ["c"]
    assert carried(["a", "b", "c"]) == []
    found = pictures.parcel(["d"])["carried"]
    assert found == {pictures.name("d"): "d"}
    assert len({pictures.name(one) for one in "abcd"}) == 4
    assert pictures.name("") == ""


def test_what_the_browser_lacks_is_carried_anew_and_it_is_told_to_look_again(session):
    first = pictures.parcel(["a", "b"])
    session["wall"] = {"lack": [pictures.name("b"), "never heard of", 7]}
    pictures.lacking("wall")()
    again = pictures.parcel(["a", "b"])
    assert again["carried"] == {pictures.name("b"): "b"}
    assert again["asked"] != first["asked"]
    session["wall"] = {"lack": None}
    pictures.lacking("wall")()
    assert pictures.parcel(["a", "b"]) == {"carried": {}, "asked": again["asked"]}


def test_a_page_is_taken_to_have_the_latest_only(session, monkeypatch):
    monkeypatch.setattr(pictures, "ROOM", 3)
    assert carried("abc") == ["a", "b", "c"]
    assert carried("a") == []  # so that b is the oldest
    assert carried("d") == ["d"]
    assert carried("acd") == []
    assert carried("b") == ["b"]
    assert carried("uvwxyz") == list("uvwxyz")  # all that is in view, whatever the room


def parcels(app):
    """What each component of a page carries, and which pictures it names."""
    found = []
    for one in app.get("bidi_component"):
        data = json.loads(one.proto.json or "{}")
        if "carried" in data:
            named = [tile["picture"] for tile in data.get("tiles", [])] + [data.get("picture", "")]
            found.append((data["carried"], [name for name in named if name]))
    return found


def test_a_second_budget_carries_only_what_is_new_and_another_session_all(start, workspace, pool, monkeypatch):
    """Of every drawing: work that ends meanwhile draws a page anew, and what the one before carried is sent, too."""
    select(workspace, Spec(pool="clothes", method="k_center", budget="20"), preview=True)
    every, drawn, parcel = [], [], pictures.parcel
    monkeypatch.setattr(pictures, "parcel", lambda sources: drawn.append(parcel(sources)) or drawn[-1])
    for _ in range(2):
        app, had = start(pool="clothes", method="k_center", budget="12"), {}
        for turn, budget in enumerate((None, 12, 13, 20, 6, 20, 19)):
            if turn == 1:
                app.switch_page("pages/select.py").run()
            elif turn > 1:
                next(box for box in app.number_input if box.label.startswith("photos")).set_value(budget).run()
            found, parts = parcels(sound(app)), [one["carried"] for one in drawn]
            drawn.clear()
            new = [name for one in parts for name in one]
            assert all(one in parts for one, _ in found)
            assert len(new) == len(set(new))
            assert not set(new) & set(had)
            assert not new or turn < 4
            had.update({name: src for one in parts for name, src in one.items()})
            assert {name for _, named in found for name in named} <= set(had)
        every.append(had)
    assert every[0] == every[1]
    assert {pictures.name(photos.thumbnail(pool, row, 192)) for row in range(pool.n)} <= set(every[0])
    assert all(pictures.name(src) == name for name, src in every[0].items())


def test_a_picture_that_was_changed_and_a_pool_that_was_replaced_show_as_they_are_now(start, workspace, tmp_path):
    for at in range(6):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    add_pool(workspace, "p", str(tmp_path / "in"), "images")
    app = start(pool="p")
    (before,) = [named for _, named in parcels(app)]
    paint(tmp_path / "in" / "2.jpg", 99, (60, 60))
    [(new, after)] = parcels(sound(app.run()))
    assert [at for at in range(6) if before[at] != after[at]] == [2]
    assert list(new.values()) == [photos.grey(192)]
    add_pool(workspace, "p", str(tmp_path / "in"), "images")
    [(new, anew)] = parcels(sound(app.run()))
    assert list(new) == [anew[2]]
    assert anew[2] not in (before[2], after[2])
