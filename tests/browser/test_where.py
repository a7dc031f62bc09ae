"""The filter in a real browser: what is typed is checked without Enter, and the field keeps the cursor."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from tests.browser.conftest import place, settled

SLOW = "(select count(*) from pool as p where levenshtein(p.text, pool.text) < 300) > 1"


@pytest.fixture
def pool(workspace, tmp_path):
    """4,000 texts of 300 letters from two sources."""
    letters = np.random.default_rng(0).integers(97, 123, (4000, 300)).astype(np.uint8)
    lines = (
        f'{{"id": "s{at}", "text": "{row.tobytes().decode()}", "source": "{"left" if at % 4 else "right"}"}}\n'
        for at, row in enumerate(letters)
    )
    (tmp_path / "t.jsonl").write_text("".join(lines))
    return add_pool(workspace, "words", str(tmp_path / "t.jsonl"), "text")


def opened(page):
    settled(page)
    page.get_by_role("button", name="Settings").click()
    return page.get_by_role("textbox", name="Where", exact=True)


def test_a_filter_is_checked_while_it_is_typed(visit, pool):
    page = visit("/select?pool=words&method=random&budget=3", "dark")
    field = opened(page)
    field.click()
    page.keyboard.type("source = 'left'", delay=30)
    page.get_by_text("3,000 of 4,000 match").wait_for()
    page.keyboard.type(" and txet > 'a'", delay=30)
    page.get_by_text("there is no column txet; did you mean text?").wait_for()
    page.get_by_text("The filter does not work yet").wait_for()
    page.get_by_role("button", name="Choose 3").wait_for(state="detached")
    for _ in range(len(" and txet > 'a'")):
        page.keyboard.press("Backspace")
    page.get_by_role("button", name="Choose 3").wait_for()
    assert field.input_value() == "source = 'left'"
    field.fill(SLOW)
    page.get_by_role("button", name="Leave it").click()
    page.get_by_text("samples, 1 to 4,000").wait_for()
    assert field.input_value() == ""


def test_a_group_is_picked_from_a_list(visit, pool):
    page = visit("/select?pool=words&method=random&budget=3")
    page.set_viewport_size({"width": 1440, "height": 1200})  # a page that has just scrolled closes an open list
    field = opened(page)
    groups = page.get_by_placeholder("2 groups")
    place(groups)  # the drawer opens first
    groups.click()
    page.get_by_role("option", name="right · 1,000").click()
    page.get_by_text("1,000 of 4,000 match").wait_for()
    assert field.input_value() == "source = 'right'"
