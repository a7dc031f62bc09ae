"""The data and export pages in a real browser: open a folder, look, export, come back after a restart."""

import re

import numpy as np
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.runs import engine, manifest
from datasel_core.runs.spec import Spec
from tests.browser.conftest import place, settled
from tests.conftest import paint

GO_ON = re.compile("^Go on")
BACKGROUND = {"light": (255, 255, 255), "dark": (20, 23, 28)}


@pytest.fixture
def folder(tmp_path):
    """130 photos in two groups, wide and narrow, and one that cannot be read."""
    for at in range(130):
        paint(
            tmp_path / "shots" / ("wide" if at < 90 else "narrow") / f"{at:03d}.jpg",
            at,
            (90, 60) if at % 3 else (60, 90),
        )
    (tmp_path / "shots" / "wide" / "broken.jpg").write_bytes(b"no picture")
    return tmp_path / "shots"


@pytest.fixture
def pool(workspace, folder):
    return add_pool(workspace, "shots", str(folder), "images")


@pytest.fixture
def run(workspace, pool):
    return engine.select(workspace, Spec(pool="shots", method="random", budget="47"))


def tiles(page):
    """(x, y, width, height) of every photo on the wall."""
    return page.locator(".tile").evaluate_all(
        "all => all.map(one => { const r = one.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })"
    )


def test_a_folder_becomes_a_pool_and_its_problems_are_named(visit, folder):
    page = visit()
    page.get_by_role("textbox", name="Folder or file").fill(str(folder))
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('input[aria-label=\"Call it\"]')?.value === 'shots'")
    page.locator(".st-key-open-own button").click()
    page.get_by_text("130 of 130 photos").wait_for()
    assert "pool=shots" in page.url
    page.get_by_text("Health", exact=True).click()
    page.get_by_text("wide/broken.jpg").wait_for()
    page.get_by_text("not an image").wait_for()


def test_label_masks_are_left_out_before_a_folder_is_opened(visit, folder):
    (folder / "annot").mkdir()
    classes = Image.fromarray(np.repeat(np.arange(6, dtype=np.uint8), 15)[None].repeat(60, axis=0))
    for at in range(7):
        classes.save(folder / "annot" / f"{at}.png")
    page = visit()
    page.get_by_role("textbox", name="Folder or file").fill(str(folder))
    page.keyboard.press("Enter")
    page.get_by_text("7 of them look like label masks").wait_for()
    page.locator(".st-key-subfolders .ds-sketch").nth(2).wait_for()
    assert page.locator(".st-key-subfolders .ds-sketch").count() == 3
    assert page.get_by_role("checkbox", name="annot").is_checked() is False
    page.get_by_role("button", name="Take these 7, too").click()
    page.get_by_role("button", name="Leave these 7 out").click()
    page.get_by_role("button", name="Take these 7, too").wait_for()
    settled(page)
    page.locator(".st-key-open-own button").click()
    page.get_by_text("130 of 130 photos").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_wall_is_justified_with_thin_gutters_and_many_photos(visit, pool, scheme):
    page = visit("/?pool=shots", scheme)
    page.locator(".tile img").first.wait_for()
    found = tiles(page)
    lines: dict[int, list] = {}
    for x, y, width, height in found:
        lines.setdefault(round(y), []).append((x, width, height))
    full = [sorted(line) for line in lines.values()][:-1]
    right = {round(line[-1][0] + line[-1][1]) for line in full}
    assert max(right) - min(right) <= 1
    assert all(abs(b[0] - a[0] - a[1] - 3) < 0.6 for line in full for a, b in zip(line, line[1:], strict=False))
    assert all(abs(a[2] - b[2]) < 0.6 for line in full for a, b in zip(line, line[1:], strict=False))
    assert sum(y + height <= 900 for _, y, _, height in found) >= 40
    colour = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert tuple(map(int, re.findall(r"\d+", colour)[:3])) == BACKGROUND[scheme]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_the_pager_shows_the_rest_and_a_click_opens_a_photo(visit, pool):
    page = visit("/?pool=shots")
    page.locator(".tile img").first.wait_for()
    before = page.locator(".tile").first.get_attribute("aria-label")
    page.get_by_role("button", name="last page").click()
    page.get_by_text("121 to 130 of 130 photos").wait_for()
    assert page.locator(".tile").count() == 10
    assert page.locator(".tile").first.get_attribute("aria-label") != before
    third = page.locator(".tile").nth(2).get_attribute("aria-label")
    page.locator(".tile").nth(2).click()
    page.get_by_text("123 of 130").wait_for()
    assert page.get_by_role("dialog").get_by_text(third, exact=True).count() == 1
    page.wait_for_function("document.activeElement.closest('[role=dialog]') !== null")
    settled(page)
    page.keyboard.press("ArrowRight")
    page.get_by_text("124 of 130").wait_for()


def test_a_bar_shows_its_group(visit, pool):
    page = visit("/?pool=shots")
    page.locator(".barlayer .point path").nth(1).wait_for()
    page.locator(".stPlotlyChart .draglayer .nsewdrag").wait_for()
    box = place(page.locator(".barlayer .point path").nth(1))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_text("40 of 130 photos").wait_for()
    page.get_by_role("button", name="Show all").click()
    page.get_by_text("130 of 130 photos").wait_for()


def test_the_download_is_the_selection(visit, run, tmp_path):
    page = visit(f"/export?pool=shots&run={run.key}")
    page.get_by_text("47 kept of 130, 83 dropped").first.wait_for()
    page.get_by_text("Ids, one a line").click()
    button = page.get_by_role("button", name=re.compile(r"Download shots-random-47-[0-9a-f]{8}\.txt"))
    button.wait_for()
    with page.expect_download() as download:
        button.click()
    download.value.save_as(tmp_path / "ids.txt")
    ids = (tmp_path / "ids.txt").read_text().splitlines()
    assert ids == run.ids
    assert manifest.ids_sha256(ids) in page.content()


def test_everything_is_there_after_the_server_was_killed(visit, server, run):
    page = visit(f"/export?pool=shots&run={run.key}")
    page.get_by_text("Intact").wait_for()
    address = page.url
    server.stop()
    server.start()
    page = visit(address.removeprefix(server.url))
    page.get_by_text(f"ids_sha256 {run.manifest['result']['ids_sha256']}").wait_for()
    page.get_by_role("link", name="Data").click()
    page.get_by_text("130 of 130 photos").wait_for()
    page.wait_for_function("location.search.includes('pool=shots')")
    assert f"run={run.key}" in page.url


def test_only_work_has_a_button_that_stops_it(visit, server, pool):
    """Streamlit shows one of that name while a page takes long to be drawn: it would stop the drawing alone."""
    page = visit("/?pool=shots")
    settled(page)
    with server.held():
        page.keyboard.press("r")  # Streamlit's own key: draw it again
        page.get_by_test_id("stStatusWidget").get_by_role("img").wait_for()
        assert page.get_by_role("button", name="Stop").count() == 0
    settled(page)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")


def test_work_is_seen_from_another_tab_and_can_be_stopped(visit, pool, workspace, tmp_path):
    for at in range(1500):
        paint(tmp_path / "big" / f"{at:04d}.jpg", at, (160, 120))
    add_pool(workspace, "big", str(tmp_path / "big"), "images")
    page, other = visit("/?pool=big"), visit("/?pool=shots")
    page.get_by_text("Features", exact=True).click()
    page.get_by_role("button", name="Compute, about").first.click()
    other.locator("[data-testid=stSidebar]").get_by_text("for big").wait_for()
    page.get_by_role("button", name="Stop").first.click()
    page.get_by_role("button", name=GO_ON).first.wait_for()
    page.get_by_role("button", name=GO_ON).first.click()
    page.get_by_text("1 feature", exact=False).first.wait_for()
