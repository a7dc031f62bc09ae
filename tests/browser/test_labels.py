"""Labels of people in a real browser: boxes appear over the photo that is pointed at and lie where they should;
names of classes are text, whatever stands in them.
"""

import pytest

from datasel_core.actions.add_pool import add_pool
from tests.browser.conftest import settled
from tests.pools import layouts


@pytest.fixture
def pool(workspace, tmp_path):
    return add_pool(workspace, "p", str(layouts.coco(tmp_path / "in", 8, (600, 400))), "images")


def shares(page, frame, boxes):
    """[left, top, width, height] of each box in percent of the frame that it lies over."""
    return page.evaluate(
        """([frame, boxes]) => {
            const find = (roots, what) => roots.flatMap(root => [...root.querySelectorAll(what),
                ...find([...root.querySelectorAll('*')].map(one => one.shadowRoot).filter(Boolean), what)]);
            const over = find([document], frame)[0].getBoundingClientRect();
            return find([document], boxes).map(one => one.getBoundingClientRect()).map(one => [
                100 * (one.x - over.x) / over.width, 100 * (one.y - over.y) / over.height,
                100 * one.width / over.width, 100 * one.height / over.height]);
        }""",
        [frame, boxes],
    )


def test_boxes_lie_over_the_photo_that_is_pointed_at_and_the_large_one(visit, pool):
    page = visit("/?pool=p", "dark")
    tile = page.locator(".tile[data-row='0']")
    tile.locator("img").wait_for()
    settled(page)
    box = tile.locator("i").first
    assert box.evaluate("one => getComputedStyle(one).opacity") == "0"
    tile.hover()
    page.wait_for_function("one => getComputedStyle(one).opacity === '1'", arg=box.element_handle())
    assert tile.locator("i b").all_inner_texts() == ["car", "bicyclist", "car"]
    tile.click()
    page.locator(".ds-boxed img").wait_for()
    settled(page)
    found = shares(page, ".ds-boxed img", ".ds-boxed i")
    assert len(found) == 3
    # of 600 x 400 pixels, the largest first: 5, 6.5, 20, 10.25 pixels
    assert found[0] == pytest.approx([100 * 5 / 600, 100 * 6.5 / 400, 100 * 20 / 600, 100 * 10.25 / 400], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_names_of_classes_are_text(visit, workspace, tmp_path):
    path = layouts.coco(tmp_path / "in", 3, (600, 400))
    path.write_text(
        path.read_text()
        .replace('"bicyclist"', '"<b onmouseover=alert(1)>x</b>"')
        .replace('"car"', '"![a](http://127.0.0.1:9/x.png)"')
    )
    add_pool(workspace, "p", str(path), "images")
    page = visit("/?pool=p")
    page.locator(".tile[data-row='0'] img").wait_for()
    settled(page)
    page.locator(".tile[data-row='0']").click()
    page.locator(".ds-boxed b").first.wait_for()
    assert page.locator(".ds-boxed b").all_inner_texts() == [
        "![a](http://127.0.0.1:9/x.png)",
        "<b onmouseover=alert(1)>x</b>",
        "![a](http://127.0.0.1:9/x.png)",
    ]
    names = "2 ![a](http://127.0.0.1:9/x.png), 1 <b onmouseover=alert(1)>x</b>"
    page.get_by_role("dialog").get_by_text(names).wait_for()
    assert page.locator("img[src^='http://127.0.0.1:9']").count() == 0
