"""The Select page in a real browser: a wall that fits the screen, keys through it, the answer of earlier settings, and
an address that a reload and Back bring back.
"""

from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.browser import test_explore
from tests.browser.conftest import place, settled

pool = test_explore.pool
TILES = (
    "[...document.querySelectorAll('*')].find(one => one.shadowRoot?.querySelector('.wall .badge'))"
    ".shadowRoot.querySelectorAll('.tile')"
)


def said(page, words):
    page.locator(".st-key-said", has_text=words).wait_for()


def set_seed(page, seed):
    settled(page)
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_role("spinbutton", name="Seed")
    place(field)
    field.fill(str(seed))
    field.press("Enter")
    page.locator(".ds-differs", has_text=f"seed {seed}").wait_for()
    page.keyboard.press("Escape")


def test_forty_of_fifty_are_in_view_without_scrolling(visit, workspace, pool):
    engine.select(workspace, Spec(pool="shots", method="k_center", budget="50"), preview=True)
    page = visit("/select?pool=shots&method=k_center&budget=50", "dark")
    page.locator(".wall .tile .badge").nth(49).wait_for()
    settled(page)
    place(page.locator(".wall .tile").last)
    boxes = page.evaluate(
        f"[...{TILES}].map(one => one.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom])"
    )
    assert len(boxes) == 50
    assert min(top for _, top, _, _ in boxes) < 300
    inside = [b for b in boxes if b[0] >= 0 and b[1] >= 0 and b[2] <= 1440 and b[3] <= 900]
    assert len(inside) >= 40
    assert all(bottom - top >= 60 for _, top, _, bottom in boxes)  # and each is large enough to be told
    rail = place(page.locator(".st-key-rail"))
    assert max(right for _, _, right, _ in boxes) <= rail["x"]


def test_methods_are_one_row_of_chips_and_lead_to_an_answer(visit, workspace, pool):
    page = visit("/select?pool=shots&budget=5")
    chips = page.locator(".st-key-chips .stButton button:visible")
    chips.first.wait_for()
    settled(page)
    tops = {round(place(chips.nth(at))["y"]) for at in range(chips.count())}
    assert len(tops) == 1
    chips.filter(has_text="k-center greedy").click()
    page.wait_for_url("**method=k_center**")
    page.get_by_role("button", name="Choose 5").click()
    said(page, "5 of 60 photos")
    page.locator(".ds-strip", has_text="preview: 5 of 60 photos, not kept").wait_for()
    page.get_by_role("button", name="More methods").click()
    page.get_by_text("It needs a target: another pool").first.wait_for()


def test_a_changed_seed_greys_the_wall_and_leaves_it_in_place(visit, workspace, pool):
    engine.select(workspace, Spec(pool="shots", method="k_center", budget="20"), preview=True)
    page = visit("/select?pool=shots&method=k_center&budget=20")
    said(page, "20 of 60 photos")
    wall = page.locator(".wall .tile").first
    before = place(wall)
    set_seed(page, 3)
    said(page, "20 of 60 photos of the earlier settings (k-center greedy); press Choose 20")
    page.locator(".ds-strip", has_text="of the earlier settings").wait_for()
    settled(page)
    assert page.locator(".st-key-wall-outdated").evaluate("one => getComputedStyle(one).opacity") == "0.45"
    assert place(wall) == before
    assert page.get_by_role("button", name="Keep selection").is_disabled()
    page.get_by_role("button", name="Choose 20").click()
    page.locator(".st-key-wall-as-asked").wait_for()
    page.locator(".ds-strip", has_text="preview: 20 of 60 photos, not kept").wait_for()


def test_arrows_and_enter_go_through_the_wall(visit, workspace, pool):
    engine.select(workspace, Spec(pool="shots", method="k_center", budget="20"), preview=True)
    page = visit("/select?pool=shots&method=k_center&budget=20")
    said(page, "20 of 60 photos")
    settled(page)
    page.locator(".wall .tile").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("Why #4?").wait_for()


def test_a_reload_brings_all_back_and_back_needs_one_press(visit, workspace, pool):
    engine.select(workspace, Spec(pool="shots", method="k_center", budget="20"), preview=True)
    page = visit("/patterns?pool=shots")
    settled(page)
    page.get_by_role("link", name="Select").click()
    page.get_by_role("heading", name="Select").wait_for()
    page.locator(".st-key-chips .stButton button:visible", has_text="k-center greedy").click()
    page.wait_for_url("**method=k_center**")
    count = page.get_by_role("spinbutton", name="photos, 1 to 60")
    count.fill("12")
    count.press("Enter")
    said(page, "12 of 60 photos")
    page.get_by_role("radio", name="All 60").click()
    page.wait_for_url("**view=all**")
    set_seed(page, 7)
    page.wait_for_url("**seed=7**")
    page.reload()
    page.wait_for_selector(".ds-title")
    page.locator(".ds-differs", has_text="seed 7").wait_for()
    page.get_by_text("Budget: 12 of 60 photos").first.wait_for()
    page.wait_for_url("**view=all**")
    page.go_back()
    page.get_by_role("heading", name="Patterns").wait_for()
    page.go_forward()
    page.get_by_role("heading", name="Select").wait_for()
    page.locator(".ds-differs", has_text="seed 7").wait_for()
