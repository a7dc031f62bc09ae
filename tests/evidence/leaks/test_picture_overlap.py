"""Pictures that two pools share, whatever file they lie in, and none that only look alike."""

import numpy as np
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped
from datasel_core.evidence.leaks.limits import Limits
from datasel_core.evidence.leaks.picture_overlap import picture_overlap, unread_words
from tests.conftest import paint, real_data


def overlap(one, other, least=Limits.picture, progress=None):
    return picture_overlap(one, np.arange(one.n), other, np.arange(other.n), least, progress or Progress())


def named(one, other, found):
    return {(str(one.ids[a]), str(other.ids[b])) for a, b in zip(found.rows, found.others, strict=True)}


def folder(workspace, tmp_path, name):
    return add_pool(workspace, name, str(tmp_path / name), "images")


def test_the_same_photo_is_found_recoded_resized_and_as_another_file(workspace, tmp_path):
    for at in range(20):
        paint(tmp_path / "one" / f"{at:02d}.jpg", at, (96, 80))
        paint(tmp_path / "other" / f"{at:02d}.jpg", 100 + at, (96, 80))
    for at in range(5):
        photo = Image.open(tmp_path / "one" / f"{at:02d}.jpg")
        photo.save(tmp_path / "other" / f"same-{at}.png")
        photo = Image.open(tmp_path / "one" / f"{at + 5:02d}.jpg")
        photo.save(tmp_path / "other" / f"recoded-{at}.jpg", quality=30)
        photo = Image.open(tmp_path / "one" / f"{at + 10:02d}.jpg")
        photo.resize((48, 40) if at % 2 else (288, 240)).save(tmp_path / "other" / f"resized-{at}.webp")
    one, other = folder(workspace, tmp_path, "one"), folder(workspace, tmp_path, "other")
    found = overlap(one, other)
    assert named(one, other, found.same) == {(f"{at:02d}.jpg", f"same-{at}.png") for at in range(5)}
    near = {(f"{at + 5:02d}.jpg", f"recoded-{at}.jpg") for at in range(5)}
    near |= {(f"{at + 10:02d}.jpg", f"resized-{at}.webp") for at in range(5)}
    assert named(one, other, found.near) == near
    assert found.near.touched.tolist() == list(range(5, 15))
    back = overlap(other, one)
    assert named(other, one, back.near) == {(b, a) for a, b in near}


def test_how_like_is_the_correlation_of_small_copies(workspace, tmp_path):
    for at in range(6):
        paint(tmp_path / "one" / f"{at}.png", at)
        paint(tmp_path / "other" / f"{at}.png", at + 3)
    one, other = folder(workspace, tmp_path, "one"), folder(workspace, tmp_path, "other")
    found = overlap(one, other, least=1e-9)

    def small(pool, row):
        photo = Image.open(pool.path(row)).convert("RGB").resize((32, 32), Image.Resampling.BOX)
        return np.asarray(photo, float).ravel()

    expected = {
        (a, b): np.corrcoef(small(one, a), small(other, b))[0, 1] for a in range(6) for b in range(6) if a != b + 3
    }
    said = dict(
        zip(zip(found.near.rows.tolist(), found.near.others.tolist(), strict=True), found.near.like, strict=True)
    )
    assert said == pytest.approx({pair: like for pair, like in expected.items() if like > 0}, abs=1e-4)
    assert set(zip(found.same.rows.tolist(), found.same.others.tolist(), strict=True)) == {(3, 0), (4, 1), (5, 2)}


def test_pictures_of_one_colour_are_the_same_only_by_their_pixels(workspace, tmp_path):
    for name, size, colour, file in (
        ("one", (40, 40), "red", "red.png"),
        ("one", (40, 40), "black", "black.png"),
        ("other", (40, 40), "red", "red.bmp"),
        ("other", (40, 40), "blue", "blue.png"),
        ("other", (40, 40), "black", "black.bmp"),
        ("other", (80, 80), "black", "large.png"),
    ):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.new("RGB", size, colour).save(tmp_path / name / file)
    one, other = folder(workspace, tmp_path, "one"), folder(workspace, tmp_path, "other")
    found = overlap(one, other)
    assert named(one, other, found.same) == {("red.png", "red.bmp"), ("black.png", "black.bmp")}
    assert found.near.n == 0


def test_a_squeezed_picture_is_another(workspace, tmp_path):
    paint(tmp_path / "one" / "a.png", 1, (96, 80))
    (tmp_path / "other").mkdir()
    Image.open(tmp_path / "one" / "a.png").resize((60, 80)).save(tmp_path / "other" / "a.png")
    one, other = folder(workspace, tmp_path, "one"), folder(workspace, tmp_path, "other")
    assert overlap(one, other).near.n == 0


def test_a_picture_with_several_captions_is_opened_once_and_touches_all_its_samples(workspace, tmp_path, monkeypatch):
    paint(tmp_path / "a.jpg", 1), paint(tmp_path / "b.jpg", 2)
    (tmp_path / "pairs.csv").write_text("path,caption\na.jpg,one\na.jpg,two\nb.jpg,three\n")
    (tmp_path / "other").mkdir()
    Image.open(tmp_path / "a.jpg").save(tmp_path / "other" / "again.jpg", quality=40)
    one = add_pool(workspace, "one", str(tmp_path / "pairs.csv"), "pairs")
    other = folder(workspace, tmp_path, "other")
    opened, kind = [], type(one.how)
    really = kind.open
    monkeypatch.setattr(
        kind, "open", lambda how, pool, row, **hints: opened.append(row) or really(how, pool, row, **hints)
    )
    found = overlap(one, other)
    assert found.near.touched.tolist() == [0, 1]
    assert sorted(opened) == [0, 0, 2]  # once to look, once to look closer


def test_what_cannot_be_opened_any_more_is_named_and_like_nobody(workspace, tmp_path):
    for at in range(3):
        paint(tmp_path / "one" / f"{at}.jpg", at)
        paint(tmp_path / "other" / f"{at}.jpg", at)
    one, other = folder(workspace, tmp_path, "one"), folder(workspace, tmp_path, "other")
    for name in ("one", "other"):
        (tmp_path / name / "0.jpg").unlink()
    found = overlap(one, other)
    assert named(one, other, found.same) == {("1.jpg", "1.jpg"), ("2.jpg", "2.jpg")}
    assert unread_words(one, found.unread[0]) == [
        "1 photo of one could not be opened now and was not compared (0.jpg: the file is not there)."
    ]
    assert unread_words(one, (*found.unread[0], ("x", "y"))) == [
        "2 photos of one could not be opened now and were not compared (0.jpg: the file is not there)."
    ]
    assert unread_words(one, ()) == []


@pytest.mark.parametrize(
    "when",
    ["looking at photos of one", "looking at photos of other", "comparing pictures", "looking closer at photos of one"],
)
def test_it_can_be_stopped_at_every_step(workspace, tmp_path, photos, when):
    one, other = (add_pool(workspace, name, str(photos), "images") for name in ("one", "other"))
    said = []
    progress = Progress(lambda step: said.append(step.label), lambda: said[-1:] == [when], every=0)
    with pytest.raises(Stopped):
        overlap(one, other, progress=progress)
    assert said[-1] == when


def test_nothing_is_too_little(workspace, photos):
    pool, none = add_pool(workspace, "one", str(photos), "images"), np.empty(0, np.int64)
    assert picture_overlap(pool, none, pool, np.arange(pool.n), 0.9, Progress()).same.n == 0
    assert picture_overlap(pool, np.arange(pool.n), pool, none, 0.9, Progress()).same.n == 0


@pytest.mark.skipif(real_data() is None, reason="the folder of real data is not there")
def test_no_two_photos_of_the_real_pool_are_taken_for_one(workspace):
    pool = add_pool(workspace, "real", str(real_data() / "photos"), "images")
    mine, theirs = np.arange(0, pool.n, 2), np.arange(1, pool.n, 2)
    found = picture_overlap(pool, mine, pool, theirs, Limits().picture, Progress())
    assert (found.same.n, found.near.n) == (0, 0)
