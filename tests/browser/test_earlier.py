"""A second batch in a real browser: chosen beside the first, told apart in words and in the pixels of the map."""

import io

import numpy as np
from PIL import Image

from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from pages._ui.kit import palette
from tests.browser import test_explore
from tests.browser.conftest import keep, place, settled
from tests.browser.test_explore import VIEW, shown_map, spots
from tests.pages.test_look import contrast

pool = test_explore.pool
ROOM = 7
"""Pixels around a point in which no other that is lit may lie: it would be drawn over it."""


def alone(points, rows, lit):
    """Those of the rows whose points lie apart from all others that are lit."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + 999 * np.eye(len(points))
    return [row for row in rows if apart[row, lit].min() > ROOM]


def pixels(page, points):
    """The colours that a person sees at these places of the window."""
    seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return ["#{:02x}{:02x}{:02x}".format(*seen.getpixel((int(x), int(y)))) for x, y in points]


def test_a_second_batch_is_chosen_and_the_first_has_a_third_colour(visit, workspace, pool):
    first = select(workspace, Spec(pool="shots", method="random", budget="12", seed=5))
    page = visit("/select?pool=shots&method=k_center&budget=8")
    settled(page)
    page.get_by_role("button", name="Settings").click()
    before = page.get_by_role("combobox", name="Count as chosen already")
    place(before)  # the drawer opens first
    before.scroll_into_view_if_needed()
    place(before)
    before.click()
    page.get_by_role("option", name="12 by Random").click()
    page.get_by_role("button", name="Choose 8").click()
    page.locator(".st-key-said", has_text="8 new + 12 earlier of 60 photos").wait_for()
    assert f"already={first.key}" in page.url
    shown_map(page)
    page.wait_for_function(f"() => {VIEW}.kept.length === 8")
    settled(page)
    points, box = spots(page)
    page.mouse.move(box["x"] + 2, box["y"] - 60)  # no ring under the mouse
    kept, earlier = page.evaluate(f"[...{VIEW}.kept]"), first.selection.rows.tolist()
    own = palette.colour_of("k_center")
    third, lit = palette.earlier(own), [*kept, *earlier]
    for rows, colour in ((kept, own), (earlier, third)):
        assert set(pixels(page, points[alone(points, rows, lit)])) == {colour}
    dropped = alone(points, set(range(60)) - set(lit), lit)
    assert dropped
    assert not {third, own} & set(pixels(page, points[dropped]))
    (paper,) = pixels(page, [[box["x"] + box["width"] - 12, box["y"] + box["height"] - 6]])
    assert contrast(third, paper) >= 3
    assert page.locator(".st-key-rail .ds-legend").inner_text().split("\n") == ["8 new", "12 earlier", "40 dropped"]


def test_the_wall_and_the_strip_tell_the_batches_apart_and_a_link_brings_it_back(visit, workspace, pool):
    first = select(workspace, Spec(pool="shots", method="random", budget="12", seed=5))
    page = visit(f"/select?pool=shots&method=k_center&budget=8&already={first.key}")
    page.get_by_role("button", name="Choose 8").click()
    page.locator(".st-key-said", has_text="8 new + 12 earlier of 60 photos").wait_for()
    keep(page)
    page.locator(".ds-strip", has_text="8 new + 12 earlier of 60, 40 dropped").wait_for()
    page.get_by_role("radio", name="All 60").click()
    page.locator('.wall [aria-label="60 of 60 photos"]').wait_for()
    assert page.locator(".tile.dim").count() == 40
    badges = page.locator('.wall [aria-label="60 of 60 photos"] .badge').all_inner_texts()
    assert sorted(badges) == sorted([*(f"#{rank}" for rank in range(1, 9)), *["earlier"] * 12])
    page.locator(".tile", has_text="earlier").first.click()
    page.get_by_text("never chosen again, what it covers is covered").wait_for()
    place(page.locator("canvas.over"))
    again = visit(page.url.partition("/select")[1] + page.url.partition("/select")[2], "dark")
    again.locator(".st-key-said", has_text="8 new + 12 earlier of 60 photos").wait_for()
    again.locator(".ds-strip", has_text="8 new + 12 earlier of 60, 40 dropped").wait_for()
