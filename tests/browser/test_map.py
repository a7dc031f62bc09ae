"""The map in a real browser: what is in view, what lies far away, keys, photos of a region, what a link restores."""

import numpy as np
import pytest

from datasel_core.actions import draw_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.pools.persistence import load_pool
from tests.browser import test_explore
from tests.browser.conftest import keep, place, settled
from tests.browser.test_explore import VIEW, draw_around, shown_map, spots, trace
from tests.conftest import paint

N, FAR = 100, 2
pool, embedding = test_explore.pool, test_explore.embedding


@pytest.fixture
def wide(workspace, tmp_path):
    """A hundred photos in two groups, the first sixty of one; their map is a broad cloud, and two lie far to the right
    of it.
    """
    rng = np.random.default_rng(3)
    for at in range(N):
        paint(tmp_path / "wide" / ("cats" if at < 60 else "dogs") / f"{at:02d}.jpg", at, (60, 45))
    pool = add_pool(workspace, "wide", str(tmp_path / "wide"), "images")
    flat = rng.uniform(-1, 1, (N, 2)) * [2, 1]
    flat[[5, 95]] = [[12, 0.1], [12.1, -0.1]]
    vectors = np.column_stack([flat, np.full(N, 20.0)]).astype(np.float32)
    keep_imported(workspace, pool, "embedding", vectors, np.arange(N), [], "e.npz", Progress())
    [kept] = kept_features(workspace, pool.fingerprint)
    draw_map.make_map(workspace, kept.key)
    np.save(workspace.map(draw_map.map_key(kept.key, {})) / "umap.npy", flat.astype(np.float32))
    return pool


def in_view(page):
    """How many points lie within the card, by their places."""
    points, box = spots(page)
    low, high = np.array([box["x"], box["y"]]), np.array([box["x"] + box["width"], box["y"] + box["height"]])
    return int(((points >= low) & (points <= high)).all(axis=1).sum())


def test_the_cloud_fills_the_card_and_what_is_far_is_pointed_to(visit, wide):
    page = visit("/patterns?pool=wide")
    shown_map(page)
    page.get_by_text(f"{N - FAR} of {N} photos in view").wait_for()
    assert in_view(page) == N - FAR
    points, box = spots(page)
    near = np.delete(points, [5, 95], axis=0)
    width, height = near.max(axis=0) - near.min(axis=0)
    assert width > 0.85 * box["width"]
    assert height > 0.6 * box["height"]
    page.get_by_role("button", name=f"\u2192 {FAR}").click()
    page.get_by_text(f"{FAR} of {N} photos in view").wait_for()
    page.get_by_role("button", name="Fit").click()
    page.get_by_text(f"all {N} photos in view").wait_for()
    assert in_view(page) == N
    page.get_by_role("button", name="Main part").click()
    page.get_by_text(f"{N - FAR} of {N} photos in view").wait_for()


def test_what_is_in_view_is_counted_when_zoomed(visit, embedding, pool):
    page = visit(f"/patterns?pool=shots&role={embedding.key}")
    shown_map(page)
    page.get_by_text("all 60 photos in view").wait_for()
    page.mouse.move(*spots(page)[0][pool.column("group") == "left"].mean(axis=0))
    page.mouse.wheel(0, -500)
    page.wait_for_function(f"() => !{VIEW}.counted.textContent.startsWith('all')")
    n = in_view(page)
    assert 0 < n < 60
    page.get_by_text(f"{n} of 60 photos in view").wait_for()


def test_forty_photos_of_a_region_stand_beside_it_in_turn(visit, wide):
    page = visit("/patterns?pool=wide")
    box = shown_map(page)
    page.locator(".tile").nth(39).wait_for()
    left, right, top, bottom = box["x"] + 4, box["x"] + box["width"] - 4, box["y"] + 48, box["y"] + box["height"] - 4
    trace(page, [(left, top), (right, top), (right, bottom), (left, bottom), (left, top + 8)])
    page.get_by_text(f"{N - FAR} of {N} photos", exact=True).first.wait_for()
    wall = page.locator(f'.wall [aria-label="40 of {N - FAR} photos"] .tile')
    wall.nth(39).wait_for()
    group, rows = wide.column("group"), [int(one.get_attribute("data-row")) for one in wall.all()]
    assert [group[row] for row in rows[:4]] == ["cats", "dogs", "cats", "dogs"]
    card = place(page.locator("canvas.over"))
    seen = [one.bounding_box() for one in wall.all()]
    assert min(one["x"] for one in seen) > card["x"] + card["width"]
    assert max(one["y"] + one["height"] for one in seen) < 900  # all of them, without scrolling
    wall.nth(3).click()
    page.get_by_text("Similar photos").wait_for()
    page.get_by_role("button", name="Back to the region").click()
    wall.nth(39).wait_for()


def test_arrows_go_from_point_to_point_and_enter_opens(visit, embedding, pool):
    page = visit(f"/patterns?pool=shots&role={embedding.key}")
    shown_map(page)
    page.locator(".map").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => {VIEW}.near >= 0")
    at, points = page.evaluate(f"{VIEW}.near"), spots(page)[0]
    for key, way in (("ArrowRight", [1, 0]), ("ArrowUp", [0, -1]), ("ArrowLeft", [-1, 0]), ("ArrowDown", [0, 1])):
        gaps = points - points[at]
        along, aside = gaps @ way, abs(gaps @ [way[1], way[0]])
        there = [i for i in range(len(points)) if i != at and along[i] > 1e-6 and aside[i] <= along[i]]
        expected = min(there, key=lambda i: along[i] + 2 * aside[i], default=at)  # noqa: B023
        page.keyboard.press(key)
        page.wait_for_function(f"at => {VIEW}.near === at", arg=expected)
        at = expected
    page.keyboard.press("Enter")
    page.get_by_text("Similar photos").wait_for()
    page.get_by_text(str(pool.ids[at]), exact=True).first.wait_for()


def test_a_region_by_keys_and_escape(visit, embedding):
    page = visit(f"/patterns?pool=shots&role={embedding.key}")
    shown_map(page)
    page.locator(".map").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("r")
    page.get_by_text("in the box: Enter takes it, Esc drops it").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("all 60 photos in view").wait_for()
    for key in ("Shift+ArrowLeft", "Shift+ArrowUp", "Shift+ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => {VIEW}.region.length === 1")
    inside = int(test_explore.inside(page).sum())
    assert inside > 0
    page.get_by_text(f"{inside} of 60 photos", exact=True).first.wait_for()
    page.locator(".map").focus()
    page.keyboard.press("Escape")
    page.get_by_text("in the region").first.wait_for(state="detached")


def test_a_link_restores_region_view_and_filter(visit, embedding, pool):
    page = visit(f"/patterns?pool=shots&role={embedding.key}&colour=group")
    shown_map(page)
    points, box = spots(page)
    left = pool.column("group") == "left"
    expected = int(draw_around(page, points[left]).sum())
    page.get_by_text(f"{expected} of 60 photos", exact=True).first.wait_for()
    page.locator(".legend button", has_text="right").click()
    page.mouse.move(*points[left].mean(axis=0))
    page.mouse.wheel(0, -400)
    page.wait_for_function(
        "() => ['map.region', 'map.hidden', 'map.view'].every(one => new URLSearchParams(location.search).get(one))"
    )
    before = page.evaluate(f"[{VIEW}.region, [...{VIEW}.hidden], {VIEW}.at(0, 0), {VIEW}.at(300, 300)]")
    said = page.evaluate(f"{VIEW}.counted.textContent")
    again = visit(page.url.partition("/patterns")[1] + page.url.partition("/patterns")[2])
    shown_map(again)
    again.wait_for_function(f"() => {VIEW}.region.length === 1")
    now = again.evaluate(f"[{VIEW}.region, [...{VIEW}.hidden], {VIEW}.at(0, 0), {VIEW}.at(300, 300)]")
    assert now[:2] == before[:2]
    np.testing.assert_allclose(now[2:], before[2:], atol=1500)  # of 65,000: a scroll bar may take some of the width
    again.get_by_text(said, exact=True).wait_for()
    again.locator(".map").focus()
    again.keyboard.press("0")
    again.wait_for_function("() => !new URLSearchParams(location.search).get('map.view')")


def test_what_is_drawn_is_no_step_for_back(visit, embedding, pool):
    page = visit(f"/patterns?pool=shots&role={embedding.key}&colour=group")
    shown_map(page)
    page.get_by_text("all 60 photos in view").wait_for()
    points, _ = spots(page)
    steps = page.evaluate("history.length")
    for name in ("left", "right"):
        mine = pool.column("group") == name
        expected = int(draw_around(page, points[mine]).sum())
        page.get_by_text(f"{expected} of 60 photos", exact=True).first.wait_for()
        page.locator(f'.wall [aria-label="{expected} of {expected} photos"]').first.wait_for()
    assert page.evaluate("history.length") == steps


def test_a_region_is_kept_and_becomes_a_pool(visit, workspace, embedding, pool):
    page = visit(f"/patterns?pool=shots&role={embedding.key}")
    shown_map(page)
    points, _ = spots(page)
    inside = draw_around(page, points[pool.column("group") == "left"])
    expected = int(inside.sum())
    page.get_by_text(f"{expected} of {pool.n} photos", exact=True).first.wait_for()
    settled(page)
    keep(page, "Keep as a selection")
    page.get_by_text("Kept as region of the map").wait_for()
    page.get_by_role("button", name="Export these").wait_for()
    settled(page)
    page.get_by_role("button", name="Make it a pool").click()
    page.get_by_role("button", name=f"Make a pool of {expected} photos").click()
    page.wait_for_url("**pool=shots-part**")
    part = load_pool(workspace, "shots-part")
    assert part.ids.tolist() == [str(pool.ids[row]) for row in np.flatnonzero(inside)]
    page.locator(".tile img").first.wait_for()
    settled(page)
    page.get_by_text("Health", exact=True).click()
    page.get_by_text(f"Cut from shots: {expected} of its {pool.n} samples.").wait_for()
