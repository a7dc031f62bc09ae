"""The map and the select page in a real browser: lasso, hover, legend, keys, the budget, why."""

import math
import re

import numpy as np
import pytest

from datasel_core.actions import draw_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.features.chunks import Chunks
from datasel_core.features.external import keep_imported
from datasel_core.features.feature import Block
from datasel_core.features.stored import kept_features
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.browser.conftest import keep, place, settled
from tests.conftest import paint

N = 60
VIEW = (
    "[...document.querySelectorAll('*')].find(one => "
    "one.shadowRoot?.querySelector('.map')).shadowRoot.querySelector('.map').view"
)

STOOD = """svg => new MutationObserver(() => {
    window.stood.push(svg.querySelector('.handle').getAttribute('aria-valuenow'));
}).observe(svg, {childList: true})"""


@pytest.fixture
def pool(workspace, tmp_path):
    """Sixty photos in two groups; their vectors lie in two heaps, far apart, the groups' own."""
    rng = np.random.default_rng(1)
    for at in range(N):
        paint(tmp_path / "shots" / ("left" if at % 2 else "right") / f"{at:02d}.jpg", at, (60, 45))
    pool = add_pool(workspace, "shots", str(tmp_path / "shots"), "images")
    side = np.where(pool.column("group") == "left", -1.0, 1.0)
    vectors = np.column_stack([5 * side, *rng.normal(size=(5, N))]).astype(np.float32)
    keep_imported(workspace, pool, "embedding", vectors, np.arange(N), [], "e.npz", Progress())
    chunks = Chunks(workspace.feature("patterns-of-test"), N)
    labels = np.tile(np.repeat(np.array([-1, 0, 1, 1], np.int8), 4), (N, 1))
    chunks.add(
        Block(
            np.arange(N),
            Ragged(rng.normal(size=(2 * N, 5)).astype(np.float32), np.arange(N + 1) * 2),
            [],
            {"patch_labels": labels},
        )
    )
    chunks.flush()
    about = {
        "key": "patterns-of-test",
        "id": "imported_patterns",
        "version": 1,
        "params": {},
        "role": "patterns",
        "facts": {"grid": 4},
    }
    chunks.finish({**about, "pool": {"name": pool.name, "fingerprint": pool.fingerprint, "n": N}}, pool.ids)
    for one in kept_features(workspace, pool.fingerprint):
        draw_map.make_map(workspace, one.key)
    return pool


@pytest.fixture
def embedding(workspace, pool):
    return next(one for one in kept_features(workspace, pool.fingerprint) if one.role == "embedding")


def shown_map(page):
    page.locator("canvas.over").wait_for()
    page.wait_for_function(f"() => {{ try {{ return {VIEW}.scale > 0; }} catch {{ return false; }} }}")
    return place(page.locator("canvas.over"))


def spots(page):
    """[x, y] of every point in the window, as the map draws it."""
    box = place(page.locator("canvas.over"))
    xy = np.array(
        page.evaluate(
            f"(() => {{ const v = {VIEW}; return Array.from({{length: v.n}}, (_, i) => [v.px(v.xy[2 * i]), "
            f"v.py(v.xy[2 * i + 1])]); }})()"
        )
    )
    return xy + [box["x"], box["y"]], box


def draw_around(page, points, room=9):
    """A lasso, drawn by hand, around these points: an ellipse about their box."""
    low, high = points.min(axis=0) - room, points.max(axis=0) + room
    centre, half = (low + high) / 2, (high - low) / 2 * math.sqrt(2)
    turns = np.linspace(0, 2 * math.pi, 40)
    box = place(page.locator("canvas.over"))
    edge = np.array([box["x"], box["y"]])
    path = np.array([centre + half * [math.cos(turn), math.sin(turn)] for turn in turns])
    return trace(page, path.clip(edge + 3, edge + [box["width"] - 3, box["height"] - 3]))


def trace(page, path):
    page.mouse.move(*path[0])
    page.mouse.down()
    for spot in path[1:]:
        page.mouse.move(*spot)
    page.mouse.up()
    return inside(page)


def inside(page):
    """(n,) bool: which points lie in the region that the map draws now, even-odd, in plain Python."""
    read = "return [v.region[0], Array.from({length: v.n}, (_, i) => [v.xy[2 * i], v.xy[2 * i + 1]])]"
    path, points = page.evaluate(f"(() => {{ const v = {VIEW}; {read}; }})()")
    found = []
    for x, y in points:
        odd = False
        for (ax, ay), (bx, by) in zip(path, [path[-1], *path[:-1]], strict=True):
            if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
                odd = not odd
        found.append(odd)
    return np.array(found)


def test_every_point_is_in_view_at_first_and_after_reset(visit, embedding):
    page = visit(f"/patterns?pool=shots&role={embedding.key}")
    shown_map(page)
    for turn in range(2):
        points, box = spots(page)
        assert len(points) == N
        assert (points[:, 0] > box["x"]).all()
        assert (points[:, 0] < box["x"] + box["width"]).all()
        assert (points[:, 1] > box["y"]).all()
        assert (points[:, 1] < box["y"] + box["height"]).all()
        if turn == 0:
            page.mouse.move(box["x"] + 50, box["y"] + 300)
            page.mouse.wheel(0, -900)
            page.wait_for_function(f"() => {VIEW}.moved")
            page.get_by_role("button", name="Fit").click()


def test_six_lassos_in_a_row_all_work_undo_and_escape_too(visit, embedding, pool):
    page = visit(f"/patterns?pool=shots&role={embedding.key}&colour=group")
    shown_map(page)
    group, counts = pool.column("group"), []
    for turn in range(6):
        points, _ = spots(page)
        mine = np.flatnonzero(group == ("left" if turn % 2 else "right"))[: 10 + 3 * turn]
        found = draw_around(page, points[mine])
        assert found[mine].all()  # the region is where the hand drew it
        expected = int(found.sum())
        page.get_by_text(f"{expected} of {N} photos", exact=True).first.wait_for()
        assert page.evaluate(f"{VIEW}.chosen.reduce((a, b) => a + b)") == expected
        counts.append(expected)
    page.get_by_role("button", name="Undo").click()
    page.get_by_text(f"{counts[4]} of {N} photos", exact=True).first.wait_for()
    page.locator(".map").focus()
    page.keyboard.press("Escape")
    page.get_by_text("in the region").first.wait_for(state="detached")
    assert page.evaluate(f"{VIEW}.chosen") is None


def test_a_lasso_shows_its_photos_and_the_region_outlives_a_visit_elsewhere(visit, embedding, pool):
    page = visit(f"/patterns?pool=shots&role={embedding.key}")
    shown_map(page)
    points, _ = spots(page)
    left = pool.column("group") == "left"
    expected = int(draw_around(page, points[left]).sum())
    page.get_by_text(f"{expected} of {N} photos", exact=True).first.wait_for()
    wall = page.locator(f'.wall [aria-label="{expected} of {expected} photos"] .tile')
    wall.nth(expected - 1).wait_for()
    assert wall.count() == expected
    page.get_by_role("link", name="Select").click()
    page.get_by_role("heading", name="Select").wait_for()
    page.get_by_role("link", name="Patterns").click()
    page.get_by_text(f"{expected} of {N} photos", exact=True).first.wait_for()
    shown_map(page)
    page.wait_for_function(f"() => {VIEW}.region.length === 1")


def test_legend_hides_by_a_click_and_isolates_by_two(visit, embedding):
    page = visit(f"/patterns?pool=shots&role={embedding.key}&colour=group")
    shown_map(page)
    page.get_by_text(f"all {N} photos in view").wait_for()
    left = page.locator(".legend button", has_text="left")
    left.click()
    page.get_by_text(f"30 of {N} photos in view").wait_for()
    assert left.get_attribute("aria-pressed") == "false"
    left.click()
    page.get_by_text(f"all {N} photos in view").wait_for()
    page.locator(".legend button", has_text="right").dblclick()
    page.get_by_text(f"30 of {N} photos in view").wait_for()
    _, box = spots(page)
    left, right, top, bottom = box["x"] + 4, box["x"] + box["width"] - 4, box["y"] + 48, box["y"] + box["height"] - 4
    assert trace(page, [(left, top), (right, top), (right, bottom), (left, bottom), (left, top + 8)]).sum() > 50
    page.get_by_text(f"30 of {N} photos", exact=True).first.wait_for()  # what is hidden is in no region


def test_hover_shows_the_photo_and_a_click_keeps_it(visit, pool):
    page = visit("/patterns?pool=shots&role=patterns-of-test")
    shown_map(page)
    page.get_by_text("120 patterns of 60 photos").first.wait_for()
    points, _ = spots(page)
    page.mouse.move(*points[17] - [40, 40])
    page.mouse.move(*points[17])
    tip = page.locator(".tip")
    tip.wait_for(state="visible")
    assert tip.locator("img").get_attribute("src").startswith("data:image/jpeg")
    assert "pattern " in tip.inner_text()
    near = page.evaluate(f"{VIEW}.near")
    page.mouse.down()
    page.mouse.up()
    page.get_by_text("Similar photos").wait_for()
    page.get_by_text(str(pool.ids[near // 2]), exact=True).first.wait_for()
    assert page.evaluate(f"{VIEW}.data.rings") == [near // 2 * 2, near // 2 * 2 + 1]


def test_the_slider_repaints_from_the_prefix_and_says_why(visit, workspace, pool, embedding):
    rows = engine.select(workspace, Spec(pool="shots", method="k_center", budget="40")).selection.rows
    page = visit("/select?pool=shots&method=k_center&budget=10")
    page.locator(".st-key-said", has_text="10 of 60 photos").wait_for()
    assert page.locator(".tile .badge").first.inner_text() == "#1"
    page.get_by_role("slider", name="Budget: 10 of 60 photos").focus()
    runs = workspace.folders("runs")
    for n in (11, 12, 13, 14):
        page.get_by_role("slider", name=f"Budget: {n - 1} of 60 photos").press("ArrowRight")  # a page drawn anew
        page.locator(".st-key-said", has_text=f"{n} of 60 photos").wait_for()
    page.wait_for_url(re.compile("budget=14"))
    assert workspace.folders("runs") == runs  # each is the beginning of the longer one
    page.wait_for_function(f"() => {VIEW}.kept.length === 14")
    assert page.evaluate(f"[...{VIEW}.kept]") == rows[:14].tolist()
    wall = page.locator('.wall [aria-label="14 of 14 photos"] .tile')
    wall.nth(13).wait_for()
    assert wall.count() == 14
    wall.nth(6).click()
    page.get_by_text("Why #7?").wait_for()
    page.get_by_text("away from everything kept before").first.wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Why #8?").wait_for()


def test_the_point_on_the_curve_can_be_dragged(visit, server, workspace, pool):
    engine.select(workspace, Spec(pool="shots", method="k_center", budget="40"))
    page = visit("/select?pool=shots&method=k_center&budget=10&rail=curve")
    page.locator(".st-key-said", has_text="10 of 60 photos").wait_for()
    handle = place(page.locator("circle.handle"))
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.evaluate("window.stood = []")
    page.locator("svg:has(circle.handle)").evaluate(STOOD)
    with server.held():  # all answers come when it was let go
        page.mouse.move(x, y)
        page.mouse.down()
        for at in (20, 40, 60, 80):
            page.mouse.move(x + at, y, steps=3)
            page.wait_for_timeout(100)  # so that each place is told
        n = int(page.locator("circle.handle").get_attribute("aria-valuenow"))
        page.mouse.up()
        page.evaluate("window.stood = []")
    assert 10 < n <= 40
    page.locator(".st-key-said", has_text=f"{n} of 60 photos").wait_for()
    page.wait_for_function("n => new URLSearchParams(location.search).get('budget') === n", arg=str(n))
    settled(page)
    assert set(page.evaluate("window.stood")) == {str(n)}


def test_choose_keep_and_a_link_that_brings_it_back(visit, pool):
    page = visit("/select?pool=shots&method=k_center&budget=9")
    page.get_by_role("button", name="Choose 9").click()
    page.locator(".st-key-said", has_text="9 of 60 photos").wait_for()
    keep(page)
    page.locator(".ds-strip", has_text="9 kept of 60, 51 dropped").wait_for()
    assert "run=" in page.url
    again = visit(page.url.partition("/select")[1] + page.url.partition("/select")[2], "dark")
    again.get_by_text("9 kept of 60, 51 dropped").wait_for()
    again.locator(".st-key-said", has_text="9 of 60 photos").wait_for()
