"""The tick-list of sub-folders, before a folder of photos is opened; and what it is drawn from."""

import numpy as np
import pytest
from PIL import Image

from datasel_core.pools.persistence import load_pool
from datasel_core.pools.readers import photo_survey
from datasel_core.pools.readers.photo_survey import folders_of, survey
from tests.conftest import paint
from tests.pages import screens
from tests.pages.screens import said, sound, wait

screen = screens.screen


@pytest.fixture
def road(tmp_path):
    """Photos and masks, some photos in no sub-folder, a text, a link to more photos and a circle."""
    source = tmp_path / "road"
    for at in range(5):
        paint(source / "train" / f"{at}.jpg", at)
        paint(tmp_path / "store" / f"{at}.jpg", 10 + at)
        classes = np.repeat(np.arange(8, dtype=np.uint8), 6)
        (source / "trainannot").mkdir(exist_ok=True)
        Image.fromarray(np.tile(np.roll(classes, at), (40, 1))).save(source / "trainannot" / f"{at}.png")
    paint(source / "here.jpg", 30)
    (source / "notes.txt").write_text("no photo")
    (source / "more").symlink_to(tmp_path / "store")
    (source / "train" / "back").symlink_to(source)
    return source


def typed(screen, source):
    app = screen()
    return sound(app.text_input(key="widget.new.source").set_value(str(source)).run())


def ticks(app, source):
    return {box.key.removeprefix(f"widget.new.take.{source}."): box.value for box in app.checkbox}


def test_a_survey_counts_and_guesses(workspace, road):
    found = survey(road, workspace)
    assert [(one.name, one.n, one.masks) for one in found] == [
        (".", 1, False),
        ("more", 5, False),
        ("train", 5, False),
        ("trainannot", 5, True),
    ]
    assert all(one.example.is_file() for one in found)


def test_a_picture_that_can_be_opened_stands_for_its_folder(workspace, road):
    (road / "train" / "2.jpg").write_bytes(b"no photo")
    (found,) = [one for one in survey(road, workspace) if one.name == "train"]
    assert found.example == road / "train" / "0.jpg"


def test_masks_without_a_telling_name_are_guessed_from_their_photographs(workspace, road):
    for mask in (road / "trainannot").iterdir():
        with Image.open(mask) as picture:
            bright = picture.point(lambda value: value * 30)
        bright.save(mask)
    (road / "more").unlink()
    for at in range(5, 25):  # so that other frames are looked at than those that the masks belong to
        paint(road / "train" / f"x{at}.jpg", at)
    (road / "trainannot").rename(road / "y")
    assert {one.name for one in survey(road, workspace) if one.masks} == {"y"}


def test_many_folders_are_told_by_those_above(monkeypatch):
    monkeypatch.setattr(photo_survey, "_MOST_FOLDERS", 3)
    names = [f"{split}/{cls}/{at}.jpg" for split in ("test", "train") for cls in "abc" for at in range(2)]
    assert set(folders_of(names)) == {"test", "train"}
    assert folders_of(["x.jpg", "a/x.jpg", "a/b/x.jpg"]) == [".", "a/.", "a/b"]
    assert folders_of([]) == []


def test_masks_are_left_out_unless_they_are_ticked(screen, workspace, road):
    app = typed(screen, road)
    assert ticks(app, road) == {".": True, "more": True, "train": True, "trainannot": False}
    assert "16 photos in 4 folders" in said(app)
    assert "5 of them look like label masks" in said(app)
    sound(app.checkbox(key=f"widget.new.take.{road}.more").uncheck().run())
    app.button(key="open-own").click().run()
    wait(app, lambda app: app.query_params.get("pool") == "road")
    pool = load_pool(workspace, "road")
    assert set(pool.column("group")) == {"", "train"}
    assert pool.about["options"]["leave_out"] == "more,trainannot"
    assert "10 photos in more, trainannot were left out, as was asked (leave_out)." in pool.about["notes"]


def test_masks_are_taken_and_left_out_with_one_click(screen, road):
    app = typed(screen, road)
    button = app.button(key="masks-in-or-out")
    assert button.label == "Take these 5, too"
    sound(button.click().run())
    assert ticks(app, road)["trainannot"]
    assert app.button(key="masks-in-or-out").label == "Leave these 5 out"
    sound(app.button(key="masks-in-or-out").click().run())
    assert not ticks(app, road)["trainannot"]


def test_nothing_ticked_cannot_be_opened(screen, road):
    app = typed(screen, road)
    for box in app.checkbox:
        app.checkbox(key=box.key).uncheck()
    sound(app.run())
    assert "Tick at least one folder." in said(app)
    assert app.button(key="open-own").disabled


def test_a_folder_of_masks_alone_and_one_without_sub_folders(screen, road, tmp_path):
    (tmp_path / "masks" / "a").mkdir(parents=True)
    (road / "trainannot").rename(tmp_path / "masks" / "a" / "labels")
    app = typed(screen, road / "train")
    assert not app.checkbox
    (tmp_path / "masks" / "b_labels").mkdir()
    for mask in (tmp_path / "masks" / "a" / "labels").iterdir():
        (tmp_path / "masks" / "b_labels" / mask.name).write_bytes(mask.read_bytes())
    app = typed(screen, tmp_path / "masks")
    assert set(ticks(app, tmp_path / "masks").values()) == {True}
    assert not app.button(key="open-own").disabled
