"""Finding in a real browser: Enter searches, arrows move, one click leads to what is similar, and on to a choice."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.runs.catalog import lists
from datasel_core.runs.find import found
from datasel_core.runs.find.found import Asked
from tests.browser.conftest import settled
from tests.conftest import paint

N = 60


@pytest.fixture
def pool(workspace, tmp_path):
    rng = np.random.default_rng(1)
    for at in range(N):
        paint(tmp_path / "shots" / ("dress" if at % 3 else "shoe") / f"{at:02d}.jpg", at, (60, 45))
    pool = add_pool(workspace, "shots", str(tmp_path / "shots"), "images")
    keep_imported(workspace, pool, "embedding", rng.normal(size=(N, 6)), np.arange(N), [], "e.npz", Progress())
    return pool


def test_a_search_leads_to_a_choice(visit, workspace, pool):
    page = visit("/find?pool=shots")
    settled(page)
    field = page.get_by_role("textbox", name="Words")
    field.fill("DRESS jpg")
    field.press("Enter")
    page.get_by_text("40 of 60 photos").wait_for()
    answer = found.find(workspace, pool, Asked("DRESS jpg"))
    page.get_by_text("1 of 40", exact=True).wait_for()
    settled(page)
    page.get_by_role("heading", name="Find").click()  # the cursor leaves the field
    page.keyboard.press("ArrowRight")
    page.get_by_text("2 of 40", exact=True).wait_for()
    settled(page)  # the other arrow has come
    page.keyboard.press("ArrowLeft")
    page.get_by_text("1 of 40", exact=True).wait_for()
    settled(page)
    page.get_by_role("button", name="Similar to this").click()
    page.get_by_text(f"the most alike {answer.ids[0]}").wait_for()
    settled(page)
    page.get_by_role("button", name="Choose from these").click()
    page.get_by_role("heading", name="Select").wait_for()
    settled(page)
    (made,) = lists.of_pool(workspace, pool)
    similar = found.find(workspace, pool, Asked(similar=answer.ids[0], many=60))
    assert sorted(lists.read(workspace.path / made.value)) == sorted(similar.ids)


def test_a_link_shows_the_same(visit, workspace, pool):
    answer = found.find(workspace, pool, Asked("shoe"))
    page = visit(f"/find?pool=shots&q=shoe&open={answer.ids[4]}")
    page.get_by_text("20 of 60 photos").wait_for()
    page.get_by_text("5 of 20", exact=True).wait_for()
