"""From nothing to a map, as somebody who knows only the words on the screen."""

import pytest

from datasel_core.actions.add_pool import add_pool
from tests.browser.conftest import settled
from tests.conftest import paint


@pytest.fixture
def folder(tmp_path):
    """Eighty photos in two sub-folders."""
    for at in range(80):
        paint(tmp_path / "holiday" / ("sea" if at < 50 else "hills") / f"{at:02d}.jpg", at, (90, 60))
    return tmp_path / "holiday"


def test_one_click_after_opening_there_is_a_map(visit, folder):
    page = visit()
    page.get_by_text("See what is in it").wait_for()
    assert page.locator(".ds-does img").count() == 3
    assert all(page.locator(".ds-does img").evaluate_all("all => all.map(one => one.naturalWidth > 0)"))
    page.get_by_role("button", name="Browse").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="holiday").click()
    dialog.get_by_role("button", name="Take holiday").click()
    dialog.wait_for(state="detached")
    page.get_by_text("80 photos in 2 folders").wait_for()
    settled(page)
    page.get_by_role("button", name="Open it").click()
    page.get_by_text("80 of 80 photos").wait_for()
    page.locator(".tile img").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Map of these photos, about").click()  # the one click
    page.locator(".map canvas").first.wait_for()
    page.wait_for_function("location.pathname.endsWith('/patterns') && location.search.includes('colour=group')")
    page.get_by_text("80 photos").first.wait_for()
    page.get_by_role("link", name="Data").click()
    page.get_by_role("button", name="Open the map").wait_for()


def test_a_link_restores_the_part_of_the_data_page(visit, folder, workspace):
    add_pool(workspace, "holiday", str(folder), "images")
    page = visit("/?pool=holiday")
    page.get_by_text("80 of 80 photos").wait_for()
    page.get_by_text("Features", exact=True).click()
    page.wait_for_function("location.search.includes('data.view=features')")
    page.reload()
    page.get_by_text("the likely one first").wait_for()
    page.get_by_role("button", name="Compute, about").first.wait_for()
