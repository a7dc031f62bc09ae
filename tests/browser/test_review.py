"""Reviewing in a real browser: by keys, two people at once, over a reload and a killed server; no key is lost."""

import random

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.features.computation import compute_feature, declared_feature
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.browser.conftest import PATIENCE, place, settled
from tests.browser.reviewing import Person, written
from tests.conftest import paint

N = 40
KEYS = ("k", "x", "s", "u", "j", "ArrowRight", "ArrowLeft")
OFTEN = (10, 5, 2, 2, 1, 1, 1)


@pytest.fixture
def run(workspace, tmp_path):
    for at in range(60):
        paint(tmp_path / "shots" / "ab"[at % 2] / f"{at:02d}.jpg", at, (200, 150))
    pool = add_pool(workspace, "shots", str(tmp_path / "shots"), "images")
    compute_feature(workspace, pool, declared_feature("dictionary_embedding"))
    return engine.select(workspace, Spec(pool="shots", method="k_center", budget=str(N)))


def drawn_keys(seed, n):
    return random.Random(seed).choices(KEYS, OFTEN, k=n)


def counted(page, text):
    page.locator(".review .counted", has_text=text).wait_for()


def test_two_people_at_once_lose_and_double_nothing(visit, workspace, run):
    ann, ben = (Person(visit("/review?pool=shots"), name, N) for name in ("ann", "ben"))
    for one, other in zip(drawn_keys(1, 60), drawn_keys(2, 60), strict=True):
        ann.press(one)
        ben.press(other)
    for person in (ann, ben):
        person.saved()
        assert written(workspace, run, person.name) == person.pressed
        assert len(person.pressed) > 40


def test_a_server_that_is_killed_costs_no_decision(visit, workspace, run, server):
    ann = Person(visit("/review?pool=shots"), "ann", N)
    for at, key in enumerate(drawn_keys(3, 45)):
        if at == 15:
            server.stop()
        ann.press(key)
        if at == 30:
            server.start()
    ann.saved()
    assert written(workspace, run, "ann") == ann.pressed


def test_what_was_not_saved_outlives_a_reload_and_the_review_opens_where_it_was(visit, workspace, run, server):
    ann = Person(visit("/review?pool=shots"), "ann", N)
    for key in "kkx":
        ann.press(key)
    ann.saved()
    server.stop()
    for key in "kxks":
        ann.press(key)
    counted(ann.page, "4 not saved yet")
    server.start()
    ann.page.reload()
    counted(ann.page, f"#{ann.at + 1} of {N}")
    counted(ann.page, "7 decided, 3 dropped")
    ann.saved()
    assert written(workspace, run, "ann") == ann.pressed
    other = visit("/review?pool=shots")  # of somebody who has not been here: the first that is open
    counted(other, f"#8 of {N}")


def test_keys_mean_nothing_where_somebody_writes(visit, workspace, run):
    ann = Person(visit("/review?pool=shots"), "ann", N)
    note = ann.page.get_by_role("textbox", name="Note")
    note.press_sequentially("skip, dark")
    note.press("Enter")
    ann.press("x")
    ann.saved()
    log = written(workspace, run, "ann")
    assert log == [(0, "note"), (0, "drop")]
    ann.page.keyboard.press("ArrowLeft")
    ann.page.locator(".review .rail li", has_text="skip, dark").wait_for()


def test_the_buttons_say_their_keys_and_the_next_photos_are_there(visit, run):
    page = visit("/review?pool=shots")
    page.locator(".review .large img:not(.rough)").wait_for()
    for name in ("Keep K", "Drop X", "Undo U", "Next J \u2192", "Back \u2190"):
        assert page.get_by_role("button", name=name, exact=True).is_visible()
    page.wait_for_function(
        "[...document.querySelectorAll('*')].find(one => one.shadowRoot?.querySelector('.review'))"
        ".shadowRoot.querySelector('.review').view.content.size >= 14"
    )
    page.keyboard.press("j")  # at once the next one is there: nothing is waited for
    assert page.locator(".review .large img").get_attribute("class") != "rough"
    page.get_by_role("button", name="Drop X", exact=True).click()
    counted(page, "1 decided, 1 dropped")


def test_a_review_is_finished_and_leads_to_export(visit, workspace, run):
    ann = Person(visit("/review?pool=shots"), "ann", N)
    for key in "kxk":
        ann.press(key)
    ann.saved()
    ann.page.get_by_role("button", name=f"Finish: leave out 1 of {N}").click()
    onward = ann.page.get_by_role("button", name="Export", exact=True)
    onward.wait_for(timeout=1000 * PATIENCE)
    settled(ann.page)
    onward.click()
    ann.page.locator(".ds-title", has_text="Export").wait_for()
    ann.page.locator(".ds-strip", has_text="review of 40 by k-center greedy, 1 left out").wait_for()


def test_all_of_it_is_in_view_without_scrolling(visit, run):
    page = visit("/review?pool=shots", "dark")
    page.locator(".review .large img:not(.rough)").wait_for()
    settled(page)
    for part in (".large", ".keys", ".strip", ".rail"):
        box = place(page.locator(f".review {part}"))
        assert box["y"] > 0
        assert box["x"] + box["width"] <= 1440
    strip = place(page.locator(".review .strip"))
    assert strip["y"] + strip["height"] <= 900
