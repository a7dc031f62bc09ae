"""Labels of people on the screen: boxes in the right place, names as they are, the rarest class as a group."""

import re

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.labels import Label
from pages._ui.charts import maps
from pages._ui.kit import grouping, palette
from pages._ui.media import boxes, photos
from tests.pages import screens
from tests.pools import layouts

screen = screens.screen


@pytest.fixture
def pool(workspace, tmp_path):
    return add_pool(workspace, "p", str(layouts.yolo(tmp_path / "in")), "images")


def test_boxes_are_shares_of_the_picture(pool):
    """Of 64 x 32 pixels: 24 to 40 across and 8 to 24 down."""
    assert boxes.drawn(pool, 0) == [{"name": "person", "colour": palette.COLOURS[1], "box": [37.5, 25, 25, 50]}]
    assert [one["name"] for one in boxes.drawn(pool, 3)] == ["<b>bus</b>", "<b>bus</b>"]
    assert len(boxes.drawn(pool, 3, most=1)) == 1
    assert (boxes.classes(pool, 3), boxes.classes(pool, 0)) == ("2 <b>bus</b>", "person")


def test_a_frame_that_cuts_off_edges_moves_the_boxes(workspace, tmp_path):
    """A photo of 64 x 16 in a frame three times as wide as tall shows the middle 48 of 64 pixels."""
    pool = add_pool(workspace, "p", str(layouts.yolo(tmp_path / "in", (64, 16))), "images")
    assert boxes.drawn(pool, 0, 3.0)[0]["box"] == [
        pytest.approx(100 / 3, abs=0.01),
        25,
        pytest.approx(100 / 3, abs=0.01),
        50,
    ]
    tall = add_pool(workspace, "q", str(layouts.yolo(tmp_path / "tall", (16, 64))), "images")
    assert boxes.drawn(tall, 0, 0.5)[0]["box"] == [37.5, 0, 25, 100]  # of 64 pixels 32 are seen, from 16 to 48


def test_large_boxes_lie_under_small_ones_and_end_at_the_edge(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in", 2, (60, 40))
    text = path.read_text().replace("[30, 2, 8, 12]", "[-10, 20, 1000, 40]")
    path.write_text(text)
    pool = add_pool(workspace, "p", str(path), "images")
    drawn = boxes.drawn(pool, 0)
    assert [one["name"] for one in drawn] == ["bicyclist", "car", "car"]
    assert drawn[0]["box"] == [0, 50, 100, 50]
    assert pool.labels(0)[1] == Label("bicyclist", (-10, 20, 1000, 40))  # as it was drawn


def test_names_are_shown_as_they_are(pool):
    said = boxes.over("<img>", pool, 1)
    assert said.count("<i ") == 2
    assert "&lt;b&gt;bus&lt;/b&gt;" in said
    assert "<b>bus" not in said
    assert [one["name"] for one in boxes.drawn(pool, 1, names=1)] == ["", ""]
    assert re.findall(r"left:[^;]*;top:[^;]*;width:[^;]*;height:[^;]*;", said)[0] == (
        "left:37.50%;top:25.00%;width:25.00%;height:50.00%;"
    )


def test_a_pool_without_labels_has_no_boxes(workspace, photos):
    pool = add_pool(workspace, "p", str(photos), "images")
    assert boxes.drawn(pool, 0) == []
    assert (boxes.over("<img>", pool, 0), boxes.classes(pool, 0)) == ("<img>", "")


def test_the_rarest_class_groups_the_data_page_and_colours_the_map(screen, pool):
    assert grouping.sizes(pool) == [("<b>bus</b>", 3), ("person", 3)]  # of the two of train2, the person is rarer
    assert maps.group_columns(pool) == ["rarest_class", "split"]
    assert "2 groups" in screens.said(screen(pool="p"))


def test_classes_stand_with_the_photo_on_a_wall(pool):
    tile = photos._tile(pool, 3, None, None, False, photos.thumbnail(pool, 3, 104))
    assert tile["caption"] == "images/train/train3.jpg · 2 <b>bus</b>"
    assert len(tile["boxes"]) == 2
