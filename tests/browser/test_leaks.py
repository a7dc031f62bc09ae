"""Leaks in a real browser: a click looks, and the same photo is seen twice, side by side."""

import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from tests.conftest import paint


@pytest.fixture
def pools(workspace, tmp_path):
    (tmp_path / "other").mkdir()
    for at in range(6):
        photo = Image.open(paint(tmp_path / "one" / f"{at}.png", at, (160, 120)))
        photo.resize((80, 60)).save(tmp_path / "other" / f"{at}.jpg", quality=60)
    return [add_pool(workspace, name, str(tmp_path / name), "images") for name in ("one", "other")]


def test_pairs_are_seen_side_by_side(visit, pools):
    page = visit("/?pool=one", "dark")
    page.get_by_role("radio", name="Leaks").click()
    page.get_by_role("button", name="Look for leaks").click()
    pairs = page.locator(".ds-twin")
    pairs.first.wait_for()
    assert pairs.count() == 6
    assert sorted(pairs.locator("figcaption").all_inner_texts()) == sorted(
        f"{at}.{kind}" for at in range(6) for kind in ("jpg", "png")
    )
    left, right = (pairs.first.locator("img").nth(at).bounding_box() for at in (0, 1))
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    assert pairs.nth(2).bounding_box()["y"] == pairs.first.bounding_box()["y"]  # three in a row
