"""YOLO: data.yaml in the forms that ultralytics documents; boxes against numbers worked out by hand."""

import re

import pytest
import yaml
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput, BadRequest
from datasel_core.exports.sources import check_apart
from datasel_core.pools.guess import kind_of
from datasel_core.pools.labels import Label
from tests.conftest import paint
from tests.pools import layouts


def add(workspace, source, name="p", **options):
    return add_pool(workspace, name, str(source), kind_of(source), options)


IDS = [*(f"images/train/train{at}.jpg" for at in range(4)), "images/val/val0.jpg", "images/val/val1.jpg"]


@pytest.mark.parametrize("by", ["file", "folder"])
def test_parts_classes_and_boxes(workspace, tmp_path, by):
    path = layouts.yolo(tmp_path / "in")
    pool = add(workspace, path if by == "file" else tmp_path / "in")
    assert pool.kind == "images"
    assert pool.ids.tolist() == IDS
    assert pool.column("split").tolist() == ["train"] * 4 + ["validation"] * 2
    # of 64 x 32 pixels: the middle at half, a quarter wide, half as tall; and at 0.1 and 0.2, a tenth of each
    assert pool.labels(0) == [Label("person", (24, 8, 16, 16))]
    first, second = pool.labels(1)
    assert first == Label("<b>bus</b>", (24, 8, 16, 16))
    assert (second.name, second.box) == ("<b>bus</b>", pytest.approx((3.2, 4.8, 6.4, 3.2)))
    assert pool.column("rarest_class").tolist()[:2] == ["person", "<b>bus</b>"]  # 3 and 7 instances
    assert pool.about["notes"] == ["It was read as YOLO (data.yaml); --option layout=plain takes no notice of that."]


@pytest.mark.parametrize(
    "said",
    [
        {"path": "."},
        {"path": None},
        {"path": "/content/datasets/somewhere/else"},
        {"path": "../in"},
        {"names": ["person", "<b>bus</b>"]},
        {"train": ["images/train"], "val": "./images/val"},
        {"path": None, "train": "../images/train", "val": "../images/val"},
    ],
)
def test_each_way_to_say_it_gives_the_same(workspace, tmp_path, said):
    pool = add(workspace, layouts.yolo(tmp_path / "in", **said))
    assert pool.ids.tolist() == IDS
    assert [label.name for label in pool.labels(3)] == ["<b>bus</b>", "<b>bus</b>"]


def test_the_last_folder_called_images_has_its_labels_beside_it(workspace, tmp_path):
    pool = add(workspace, layouts.yolo(tmp_path / "images" / "in"))
    assert pool.labels(0) == [Label("person", (24, 8, 16, 16))]


def test_lists_of_paths(workspace, tmp_path):
    path = layouts.yolo(tmp_path / "in", train="train.txt", val=["val.txt"])
    (tmp_path / "in/train.txt").write_text(
        "./images/train/train1.jpg\nimages\\train\\train0.jpg\n\n./images/gone.jpg\n"
    )
    (tmp_path / "in/val.txt").write_text(f"{tmp_path}/in/images/val/val1.jpg\n")
    pool = add(workspace, path)
    assert pool.ids.tolist() == [IDS[1], IDS[0], IDS[5]]
    assert pool.unreadable == [{"id": "images/gone.jpg", "reason": "the file is not there"}]
    whole = add(workspace, tmp_path / "in", "whole")
    assert whole.about["notes"][1:] == [
        "Pictures that nothing in this layout names, left out: 3; --option layout=plain opens all."
    ]


def test_outlines_points_and_a_number_of_classes(workspace, tmp_path):
    path = layouts.yolo(tmp_path / "in", names=None, nc=2)
    (tmp_path / "in/labels/train/train0.txt").write_text("1 0.25 0.5 0.5 0.25 0.75 0.75\n")
    assert add(workspace, path).labels(0) == [Label("class_1", (16, 8, 32, 16))]
    layouts.yolo(tmp_path / "in", kpt_shape=[1, 2])
    (tmp_path / "in/labels/train/train0.txt").write_text("0 0.5 0.5 0.25 0.5 0.9 0.9\n")
    assert add(workspace, path, "points").labels(0) == [Label("person", (24, 8, 16, 16))]


def test_what_is_broken_is_listed_or_counted(workspace, tmp_path):
    path = layouts.yolo(tmp_path / "in", test="images/none")
    labels = tmp_path / "in/labels/train"
    (labels / "train0.txt").write_text("0 0.5 0.5\n9 .5 .5 .1 .1\n0 2 2 .1 .1\n0 nan .5 .1 .1\n0 .5 .5 .5 .5\n")
    (labels / "train1.txt").write_bytes(b"\xff\xfe0\x00")
    (labels / "train2.txt").unlink()
    (labels / "train3.txt").write_text("")
    pool = add(workspace, path)
    assert pool.unreadable == [{"id": IDS[1], "reason": "train1.txt cannot be read as text"}]
    assert pool.about["notes"][1:] == [
        f"The part test is not there: there is no {tmp_path}/in/images/none.",
        "Lines of labels that are no class and box, passed over: 2.",
        "Lines of labels with a class that the file does not name, passed over: 1.",
        "Boxes outside their pictures or without area, of which the class is kept: 1.",
    ]
    assert pool.labels(0) == [Label("person", None), Label("person", (16, 8, 32, 16))]
    assert pool.labels(1) == pool.labels(2) == []
    assert pool.column("rarest_class").tolist()[1:3] == [None, None]


def test_boxes_are_of_the_upright_picture(workspace, tmp_path):
    """ultralytics opens photos upright; so do we: half as wide as the shown picture is 16 of 32 pixels."""
    path = layouts.yolo(tmp_path / "in")
    photo = Image.open(paint(tmp_path / "x.png", 0, (64, 32)))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "in" / IDS[0], exif=exif)
    pool = add(workspace, path)
    assert pool.open(0).size == (32, 64)
    assert pool.labels(0) == [Label("person", (12, 16, 8, 32))]


@pytest.mark.parametrize("names", ["car", {"a": "car"}, 3])
def test_names_that_are_none(workspace, tmp_path, names):
    path = layouts.yolo(tmp_path / "in", names=names)
    with pytest.raises(BadInput, match=re.escape("data.yaml: names must be a list, or a number for each name.")):
        add(workspace, path)


@pytest.mark.parametrize("text", ["a: [1", "- 1\n", "names: [a]\n", "train: x\n", "!!python/object:os.system {}\n"])
def test_other_yaml_is_no_layout(workspace, tmp_path, text):
    paint(tmp_path / "in/a.jpg", 0)
    (tmp_path / "in/data.yaml").write_text(text)
    assert "labels" not in add(workspace, tmp_path / "in").columns


def test_a_picture_of_two_parts_is_one_sample(workspace, tmp_path):
    """As in coco8, where what is trained on is what is measured on."""
    pool = add(workspace, layouts.yolo(tmp_path / "in", val="images/train"))
    assert pool.column("split").tolist() == ["train"] * 4
    assert pool.left_out == 0
    assert "Pictures that an earlier part names as well, counted there: 4." in pool.about["notes"]


def test_nothing_is_exported_over_what_describes_the_pictures(workspace, tmp_path):
    add(workspace, layouts.yolo(tmp_path / "in"))
    for name in ("data.yaml", "labels/train/train0.txt", "labels/train/new.txt", "images/train/train0.jpg"):
        with pytest.raises(BadRequest, match="is read as a source of the pool p, and sources are never replaced"):
            check_apart(workspace, tmp_path / "in" / name, False)
    check_apart(workspace, tmp_path / "in" / "out.jsonl", False)


def test_data_yaml_comes_before_others(workspace, tmp_path):
    layouts.yolo(tmp_path / "in")
    (tmp_path / "in/a.yaml").write_text(yaml.safe_dump({"train": "images/val", "names": ["x", "y"]}))
    assert add(workspace, tmp_path / "in").n == 6
