"""Pictures go to a page once, and none is missing for good, whatever was lost on the way."""

import re

import pytest

from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.browser import test_explore
from tests.browser.conftest import settled

pool = test_explore.pool
PICTURE = re.compile(rb"data:image/jpeg;base64,([A-Za-z0-9+/=]+)")
ALL_SHOWN = """n => {
  const found = [];
  for (const one of document.querySelectorAll('*'))
    found.push(...(one.shadowRoot?.querySelectorAll('.tile img, .figure img') ?? []));
  const tiles = found.filter((img) => img.closest('.tile') && img.closest('.tile').querySelector('.badge'));
  return tiles.length >= n && found.every((img) => img.complete && img.naturalWidth > 0);
}"""


@pytest.fixture
def chosen(workspace, pool):
    return engine.select(workspace, Spec(pool="shots", method="k_center", budget="40"), preview=True)


def budget(page, n):
    """Moves the budget by the arrow keys to one that is next to it, and waits until all of it is seen."""
    slider = page.get_by_role("slider", name="Budget:")
    before = int(re.search(r"Budget: (\d+)", slider.get_attribute("aria-label") or "")[1])
    slider.press("ArrowRight" if n > before else "ArrowLeft")
    page.locator(".st-key-said", has_text=f"{n} of 60 photos").wait_for()
    settled(page)


def all_shown(page, n):
    page.wait_for_function(ALL_SHOWN, arg=n)
    settled(page)


class Frames:
    """What a tab received."""

    def __init__(self, page):
        self.got = []
        page.on("websocket", lambda line: line.on("framereceived", self.take))

    def take(self, frame):
        self.got.append(frame if isinstance(frame, bytes) else frame.encode())

    def since(self, at):
        """(pictures, all bytes) of the frames from this one on."""
        return [one for frame in self.got[at:] for one in PICTURE.findall(frame)], sum(map(len, self.got[at:]))


def test_a_second_budget_brings_what_is_new_and_nothing_twice(visit, chosen):
    frames = []
    page = visit("/select?pool=shots&method=k_center&budget=10", begin=lambda page: frames.append(Frames(page)))
    page.locator(".st-key-said", has_text="10 of 60 photos").wait_for()
    all_shown(page, 10)
    began = len(frames[0].got)
    first, _ = frames[0].since(0)
    assert len(set(first)) >= 10
    for n in (11, 12, 13):
        budget(page, n)
        all_shown(page, n)
    grown, _ = frames[0].since(began)
    assert len(grown) == len(set(grown))
    assert not set(grown) & set(first)
    again = len(frames[0].got)
    for n in (12, 11, 12, 13):
        budget(page, n)
        all_shown(page, n)
    repeated, taken = frames[0].since(again)
    assert repeated == []
    assert taken > 0
    before = len(frames[0].got)
    page.reload()
    page.locator(".st-key-said", has_text="13 of 60 photos").wait_for()
    all_shown(page, 13)  # the page has lost them, and the session is another one
    anew, _ = frames[0].since(before)
    assert set(anew) >= set(first[:1])


def test_what_the_page_lost_comes_again(visit, chosen):
    page = visit("/select?pool=shots&method=k_center&budget=10")
    page.locator(".st-key-said", has_text="10 of 60 photos").wait_for()
    all_shown(page, 10)
    page.evaluate("dataselPictures.clear()")
    budget(page, 11)
    all_shown(page, 11)
    assert page.evaluate("dataselPictures.size") >= 11


def test_what_was_cut_off_on_the_way_comes_again(visit, chosen):
    """A drawing whose pictures were taken for sent never reaches the browser."""
    lost, dropping = [], [False]

    def between(line):
        server = line.connect_to_server()

        def pass_on(message):
            frame = message if isinstance(message, bytes) else message.encode()
            if dropping[0] and PICTURE.search(frame):
                lost.extend(PICTURE.findall(frame))
            else:
                line.send(message)

        server.on_message(pass_on)

    page = visit(
        "/select?pool=shots&method=k_center&budget=10",
        begin=lambda page: page.route_web_socket(re.compile("/_stcore/stream"), between),
    )
    page.locator(".st-key-said", has_text="10 of 60 photos").wait_for()
    all_shown(page, 10)
    dropping[0] = True
    budget(page, 11)
    assert lost
    dropping[0] = False
    budget(page, 12)
    all_shown(page, 12)


def test_the_legend_of_clusters_and_the_photo_under_the_mouse_come_once(visit, pool):
    frames = []
    page = visit("/patterns?pool=shots&role=patterns-of-test", begin=lambda page: frames.append(Frames(page)))
    test_explore.shown_map(page)
    settled(page)
    page.wait_for_function(
        f"() => [...{test_explore.VIEW}.legend.querySelectorAll('img')].every(one => one.naturalWidth)"
    )
    points, _ = test_explore.spots(page)
    seen = len(frames[0].got)
    for at in (17, 60, 17):
        page.mouse.move(*points[at] - [40, 40])
        page.mouse.move(*points[at])
        page.wait_for_function(f"() => {test_explore.VIEW}.tip.firstElementChild.naturalWidth > 0")
        settled(page)
    found, _ = frames[0].since(seen)
    assert len(found) == len(set(found)) <= 4
    page.evaluate("dataselPictures.clear()")
    page.mouse.move(*points[90] - [40, 40])
    page.mouse.move(*points[90])
    page.wait_for_function(f"() => {test_explore.VIEW}.tip.firstElementChild.naturalWidth > 0")
    page.wait_for_function(
        f"() => [...{test_explore.VIEW}.legend.querySelectorAll('img')].every(one => one.naturalWidth)"
    )
