"""Label masks beside photographs are told from them, and from grey photographs, digits, icons."""

import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput
from datasel_core.pools.media.masks import is_named
from datasel_core.pools.readers import photo_folder
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint, real_data

SIZE = (96, 72)


def add(workspace, source, name="p", **options):
    return add_pool(workspace, name, str(source), "images", options)


def labels(seed, values=range(12)):
    """Flat areas of class numbers, as a labeller draws them."""
    rng = np.random.default_rng(seed)
    picture = Image.new("L", SIZE, int(rng.choice(list(values))))
    draw = ImageDraw.Draw(picture)
    for value in rng.permutation(list(values)):
        x, y = rng.integers(0, SIZE[0] - 20), rng.integers(0, SIZE[1] - 20)
        draw.rectangle([x, y, x + int(rng.integers(10, 40)), y + int(rng.integers(10, 40))], fill=int(value))
    return picture


def in_palette(picture):
    picture = picture.copy()
    picture.putpalette(bytes((0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128, 128, 0, 128)) + bytes(750))
    return picture


def in_colours(picture):
    colours = np.random.default_rng(1).integers(0, 255, (256, 3), dtype=np.uint8)
    return Image.fromarray(colours[np.asarray(picture)])


def road(folder, masks, draw, n=6, suffix=".png"):
    """A road-scene folder: frames, and label masks in a sister folder."""
    for at in range(n):
        paint(folder / "train" / f"{at:04d}.jpg", at, SIZE)
        path = folder / masks / f"{at:04d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(labels(at)).save(path)
    return folder


def marked(pool):
    return {} if "mask" not in pool.columns else dict(zip(pool.ids, pool.column("mask"), strict=True))


@pytest.mark.parametrize(
    ("masks", "draw"),
    [
        ("trainannot", lambda one: one),  # class numbers, as they are
        ("labels", in_palette),
        ("gtFine/city", in_colours),
        ("y", lambda one: one.point(lambda value: value * 20)),  # told by the photograph of the same name
        ("y", in_palette),
        ("SegmentationClass", lambda one: one.point(lambda value: 255 * (value > 5))),
        ("masks", lambda one: Image.fromarray(np.asarray(one).astype(np.uint16) * 900)),
    ],
)
def test_masks_in_a_sister_folder_are_flagged_and_the_frames_are_not(workspace, tmp_path, masks, draw):
    pool = add(workspace, road(tmp_path / "road", masks, draw))
    assert marked(pool) == {id: not id.startswith("train/") for id in pool.ids}
    assert pool.about["notes"] == [
        f"6 of 12 photos look like label masks ({masks}); leave them out with --where 'not mask'."
    ]
    kept = engine.select(workspace, Spec(pool="p", method="random", budget="6", where="not mask"))
    assert sorted(kept.ids) == [f"train/{at:04d}.jpg" for at in range(6)]


def test_masks_saved_as_jpeg_are_told_by_their_name(workspace, tmp_path):
    pool = add(
        workspace, road(tmp_path / "road", "masks", lambda one: one.point(lambda v: 255 * (v > 5)), suffix=".jpg")
    )
    assert marked(pool) == {id: id.startswith("masks/") for id in pool.ids}


def test_masks_beside_their_photos_in_one_folder(workspace, tmp_path):
    for at in range(4):
        paint(tmp_path / "in" / f"{at}.jpg", at, SIZE)
        labels(at, [0, 255]).save(tmp_path / "in" / f"{at}_mask.png")
    pool = add(workspace, tmp_path / "in")
    assert marked(pool) == {id: "mask" in id for id in pool.ids}


def test_a_pool_without_masks_has_no_such_column(workspace, photos):
    pool = add(workspace, photos)
    assert pool.columns == ["id", "path", "group", "width", "height", "bytes"]
    assert pool.about["notes"] == []


def digit(at, anti_alias, size=28):
    big = Image.new("L", (size * 8, size * 8), 0)
    ImageDraw.Draw(big).text((size * 2, size), str(at % 10), fill=255, font_size=size * 5)
    small = big.resize((size, size), Image.Resampling.BOX)
    return small if anti_alias else small.point(lambda value: 255 * (value > 127))


@pytest.mark.parametrize("size", [28, 128])
@pytest.mark.parametrize("anti_alias", [True, False])
def test_digits_are_no_masks(workspace, tmp_path, anti_alias, size):
    """Also where digits of the same name lie in a folder for each class."""
    for at in range(20):
        path = tmp_path / "in" / f"class{at % 10}" / f"{at // 10:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        digit(at, anti_alias or at < 3, size).save(path)
    assert marked(add(workspace, tmp_path / "in")) == {}


def test_drawings_beside_grey_photographs_of_the_same_name_are_no_masks(workspace, tmp_path):
    """Grey pictures in folders of classes are called alike; a mask lies beside a photograph in colours."""
    for at in range(4):
        for folder, picture in (("seven", digit(7, False)), ("ones", digit(1, True))):
            if folder == "ones":
                noise = np.random.default_rng(at).integers(0, 255, (28, 28), dtype=np.uint8)
                picture = Image.blend(picture, Image.fromarray(noise), 0.3)
            (tmp_path / "in" / folder).mkdir(parents=True, exist_ok=True)
            picture.save(tmp_path / "in" / folder / f"{at:04d}.png")
    assert marked(add(workspace, tmp_path / "in")) == {}


def test_icons_of_few_colours_are_no_masks(workspace, tmp_path):
    (tmp_path / "in").mkdir()
    for at in range(6):
        in_colours(labels(at)).convert("P", palette=Image.Palette.ADAPTIVE, colors=16).save(
            tmp_path / "in" / f"{at}.gif"
        )
        in_colours(labels(at)).save(tmp_path / "in" / f"{at}.png")
    assert marked(add(workspace, tmp_path / "in")) == {}


@pytest.mark.parametrize("folder", ["cells/images", "photos/hat", "captions/images"])
@pytest.mark.parametrize("place", ["plain", "masks"])
def test_real_photographs_in_grey_are_no_masks(workspace, tmp_path, folder, place):
    """Even in a folder that is called as if they were: names alone say nothing. Dark, soft and 16-bit ones, too."""
    if real_data() is None:
        pytest.skip("the real photos are not here (DATASEL_REAL_DATA)")
    target = tmp_path / "in" / place
    target.mkdir(parents=True)
    for at, path in enumerate(sorted((real_data() / folder).iterdir())[:12]):
        grey = Image.open(path).convert("L")
        grey.save(target / f"{at}.png")
        grey.save(target / f"{at}.jpg")
        grey.point(lambda value: value // 10).save(target / f"dark{at}.png")
        grey.filter(ImageFilter.GaussianBlur(4)).save(target / f"soft{at}.png")
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 200).save(target / f"deep{at}.png")
    pool = add(workspace, tmp_path / "in")
    assert pool.unreadable == []
    assert [id for id, mask in marked(pool).items() if mask] == []


@pytest.mark.parametrize("name", ["masks", "y"])
def test_real_masks_beside_real_photos(workspace, tmp_path, name):
    if real_data() is None:
        pytest.skip("the real masks are not here (DATASEL_REAL_DATA)")
    real = real_data() / "captions"
    for mask in (real / "masks").iterdir():
        for folder, path in ((name, mask), ("frames", real / "images" / f"{mask.stem}.jpg")):
            (tmp_path / "in" / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "in" / folder)
    pool = add(workspace, tmp_path / "in")
    assert pool.n == 54
    assert marked(pool) == {id: id.startswith(f"{name}/") for id in pool.ids}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("trainannot/1.png", True),
        ("a/gtFine/1.png", True),
        ("a/1_gtFine_labelIds.png", True),
        ("SegmentationClass/1.png", True),
        ("1_mask.png", True),
        ("labels/1.png", True),
        ("gt/1.png", True),
        ("maskerade/1.png", False),
        ("segovia/1.png", False),
        ("photos/1.png", False),
        ("rights/1.png", False),
    ],
)
def test_what_masks_are_called(name, expected):
    assert is_named(name) is expected


def test_sub_folders_are_left_out_when_asked(workspace, tmp_path):
    source = road(road(tmp_path / "road", "annot", in_palette, 3), 'more, "old"/deep', in_palette, 3)
    paint(source / "here.jpg", 1)
    whole = add(workspace, source)
    pool = add(workspace, source, leave_out='annot,"more, ""old"""')
    assert pool.ids.tolist() == ["here.jpg", "train/0000.jpg", "train/0001.jpg", "train/0002.jpg"]
    assert pool.about["notes"] == ['6 photos in annot, more, "old"/deep were left out, as was asked (leave_out).']
    assert pool.fingerprint != whole.fingerprint
    assert add(workspace, source, leave_out="., annot/").ids[0] == 'more, "old"/deep/0000.png'
    assert photo_folder.split_names(photo_folder.join_names(['a,b "c"', "d"])) == ['a,b "c"', "d"]


def test_what_cannot_be_left_out_is_one_line(workspace, tmp_path, photos):
    (tmp_path / "t.csv").write_text("path\nphotos/a/00.jpg\n")
    for source, folders, message in [
        (photos, "d,a", "has no sub-folder called d to leave out"),
        (photos, "a,b,c", "All 12 photos in .* are to be left out"),
        (tmp_path / "t.csv", "a", "leave_out names sub-folders; t.csv is a file"),
    ]:
        with pytest.raises(BadInput, match=message) as error:
            add(workspace, source, leave_out=folders)
        assert "\n" not in str(error.value)
