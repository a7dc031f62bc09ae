"""Formats of photos, as Pillow and pillow-heif write them; cut-off files; deep greyscale with holes."""

import io
import os
import random
import sys
import threading

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput
from datasel_core.pools.media import formats, photos, whole
from tests.conftest import paint, real_data

ENDINGS = {
    "a.avif": "AVIF",
    "b.jfif": "JPEG",
    "c.jpe": "JPEG",
    "d.jp2": "JPEG2000",
    "e.heic": "HEIF",
    "f.HEIF": "HEIF",
    "g.png": "PNG",
    "h.webp": "WEBP",
    "no-ending": "PNG",
}


def scene(size=(96, 64)):
    pixels = np.random.default_rng(3).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def encoded(format, **options):
    formats.heif_is_known()
    buffer = io.BytesIO()
    scene().save(buffer, format, **options)
    return buffer.getvalue()


def add(workspace, source, name="p", **options):
    return add_pool(workspace, name, str(source), "images", options)


def test_every_format_is_a_photo_and_shows_what_was_written(workspace, tmp_path):
    (tmp_path / "in").mkdir()
    for name, format in ENDINGS.items():
        (tmp_path / "in" / name).write_bytes(encoded(format))
    pool = add(workspace, tmp_path / "in")
    assert pool.unreadable == []
    assert pool.about["notes"] == []
    assert pool.ids.tolist() == sorted(ENDINGS)
    for row in range(pool.n):
        shown = np.asarray(pool.open(row), float)
        assert (pool.column("width")[row], pool.column("height")[row]) == (96, 64)
        assert np.abs(shown - np.asarray(scene(), float)).mean() < 12, pool.ids[row]


def test_what_is_no_photo_is_named_by_ending_with_the_remedy(workspace, tmp_path):
    paint(tmp_path / "in" / "a.jpg", 1)
    for name in ("x.CR2", "y.cr2", "film.mp4", "notes.txt", "README", "Makefile"):
        (tmp_path / "in" / name).write_text("no photo")
    pool = add(workspace, tmp_path / "in")
    assert pool.unreadable == []
    notes = pool.about["notes"]
    assert [note.split(":")[0] for note in notes] == [
        "2 .cr2 were passed over",
        "2 without a suffix were passed over",
        "1 .mp4 was passed over",
        "1 .txt was passed over.",
    ]
    assert "raw photos are not read: export them" in notes[0]


def test_heic_without_its_reader_is_named_with_the_remedy(workspace, tmp_path, monkeypatch):
    paint(tmp_path / "in" / "a.jpg", 1)
    (tmp_path / "in" / "b.heic").write_bytes(encoded("HEIF"))
    monkeypatch.setattr(Image, "ID", [id for id in Image.ID if id != "HEIF"])  # as if it had never been registered
    monkeypatch.delitem(Image.OPEN, "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    formats.heif_is_known.cache_clear()
    try:
        pool = add(workspace, tmp_path / "in")
    finally:
        monkeypatch.undo()
        formats.heif_is_known.cache_clear()
        formats.heif_is_known()
    assert pool.unreadable == [
        {"id": "b.heic", "reason": "it is a HEIC photo, and pillow-heif is not installed: pip install pillow-heif"}
    ]


def test_a_heic_photo_that_is_none_is_named(workspace, tmp_path):
    paint(tmp_path / "in" / "a.jpg", 1)
    (tmp_path / "in" / "b.heic").write_bytes(encoded("HEIF")[:24] + bytes(400))
    assert add(workspace, tmp_path / "in").unreadable == [{"id": "b.heic", "reason": "the HEIC photo is damaged"}]


def test_heic_is_registered_once_by_threads_that_come_together(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(encoded("HEIF"))
    import pillow_heif

    calls, register = [], pillow_heif.register_heif_opener
    monkeypatch.setattr(pillow_heif, "register_heif_opener", lambda: (calls.append(1), register()))
    monkeypatch.setattr(Image, "ID", [id for id in Image.ID if id != "HEIF"])
    formats.heif_is_known.cache_clear()
    sizes = []
    threads = [
        threading.Thread(target=lambda: sizes.append(photos.open_photo(tmp_path / "a.heic").size)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [(96, 64)] * 8
    assert len(calls) == 1


def test_a_turned_heic_is_upright(workspace, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.heic").write_bytes(encoded("HEIF", exif=exif))
    pool = add(workspace, tmp_path / "in")
    assert pool.open(0).size == (pool.column("width")[0], pool.column("height")[0])


CUT = ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "JPEG2000", "GIF", "BMP", "TIFF"]


@pytest.mark.parametrize("format", CUT)
@pytest.mark.parametrize("share", [0.35, 0.7, 0.97])
def test_a_cut_off_file_is_found_in_every_format(format, share):
    data = encoded(format)
    assert photos.inspect(data) == photos.PhotoFacts(96, 64, len(data))
    with pytest.raises(BadInput):
        photos.inspect(data[: int(len(data) * share)])


@pytest.mark.parametrize("options", [{"progressive": True}, {"quality": 30}, {"subsampling": 0, "optimize": True}])
def test_a_jpeg_that_lacks_only_its_end_is_judged_by_the_decoder(options):
    """As before: what the decoder can finish is whole, whatever stands at its end."""
    data = encoded("JPEG", **options)
    for changed in (data + b"\0" * 20, data + b"a note of a camera", data[:-2]):
        with Image.open(io.BytesIO(changed)) as photo:
            try:
                photo.load()
                expected = True
            except OSError:
                expected = False
        try:
            photos.inspect(changed)
            found = True
        except BadInput:
            found = False
        assert found is expected


def test_a_png_with_one_changed_byte_is_found():
    data = encoded("PNG")
    rng, missed = random.Random(0), []
    for _ in range(60):
        at = rng.randrange(60, len(data) - 20)
        changed = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        photo = Image.open(io.BytesIO(changed))
        if whole.is_whole(photo, changed):
            missed.append(at)
    assert missed == []


def test_rare_kinds_of_jpeg_are_decoded_to_see():
    data = encoded("JPEG")
    photo = Image.open(io.BytesIO(data))
    assert whole.is_whole(photo, data)
    at = data.index(b"\xff\xc0")
    for marker in (0xC3, 0xC5, 0xC9):  # lossless, hierarchical, arithmetic
        assert not whole.is_whole(photo, data[: at + 1] + bytes([marker]) + data[at + 2 :])
    twelve = data[: at + 4] + b"\x0c" + data[at + 5 :]
    assert not whole.is_whole(photo, twelve)
    assert not whole.is_whole(photo, data[: data.index(b"\xff\xda")] + b"\xff\xd9")


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}, {"quality": 5}, {"optimize": True}]
)
def test_a_whole_jpeg_is_not_decoded_and_noise_in_it_is_found_as_decoders_find_it(options):
    data = encoded("JPEG", **options)
    assert whole.is_whole(Image.open(io.BytesIO(data)), data)
    if "progressive" in options:
        return  # a small one is mostly tables, and one that is damaged may be found only when it is opened
    rng, found = random.Random(1), 0
    start = data.index(b"\xff\xda") + 20
    for _ in range(200):
        at = rng.randrange(start, len(data) - 60)
        noise = data[:at] + rng.randbytes(50) + data[at + 50 :]
        with Image.open(io.BytesIO(noise)) as photo:
            try:
                photo.load()
            except OSError:
                found += 1
                with pytest.raises(BadInput):
                    photos.inspect(noise)
    assert found > 3


def test_a_jpeg_that_is_damaged_within_is_listed(workspace, tmp_path):
    data = encoded("JPEG")
    at = data.index(b"\xff\xda") + 60
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(data)
    (tmp_path / "in" / "b.jpg").write_bytes(data[:at] + b"\xff\xc4" * 30 + data[at + 60 :])
    assert [one["id"] for one in add(workspace, tmp_path / "in").unreadable] == ["b.jpg"]


def test_a_file_of_two_jpegs_is_whole_when_the_first_is(tmp_path):
    data = encoded("MPO", save_all=True, append_images=[scene((40, 30))])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert whole.is_whole(Image.open(io.BytesIO(data)), data)
    assert not whole.is_whole(Image.open(io.BytesIO(data)), data[:-30])
    assert photos.inspect(data[:-30]).width == 96  # the second is cut off, and is not looked at


@pytest.mark.parametrize("late", [False, True])
def test_a_png_that_says_behind_its_picture_how_it_was_held(late):
    exif = Image.Exif()
    exif[0x0112] = 8
    data = encoded("PNG", exif=exif)
    if late:
        start = data.index(b"eXIf") - 4
        size = 12 + int.from_bytes(data[start : start + 4], "big")
        data = data[:start] + data[start + size : -12] + data[start : start + size] + data[-12:]
        assert isinstance(Image.open(io.BytesIO(data)), PngImagePlugin.PngImageFile)
    assert (photos.inspect(data).width, photos.inspect(data).height) == (64, 96)


def test_a_png_is_not_decoded_to_learn_how_it_was_held(monkeypatch):
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("decoded"))
    assert photos.inspect(encoded("PNG")).width == 96


def deep(tmp_path, values, name="f.tif"):
    Image.fromarray(np.asarray(values, np.float32)).save(tmp_path / name)
    return np.asarray(photos.open_photo(tmp_path / name))


def test_nan_is_one_black_pixel_and_infinite_ones_go_as_far_as_the_finite(tmp_path):
    values = np.linspace(-3, 12, 48 * 32).reshape(32, 48)
    plain = deep(tmp_path, values)
    holes = values.copy()
    holes[10, 11], holes[3, 4], holes[5, 6] = np.nan, np.inf, -np.inf
    shown = deep(tmp_path, holes)
    changed = {tuple(place) for place in np.argwhere((shown != plain).any(axis=2))}
    assert changed == {(10, 11), (3, 4), (5, 6)}
    assert [shown[place].tolist() for place in ((10, 11), (3, 4), (5, 6))] == [[0] * 3, [255] * 3, [0] * 3]
    assert deep(tmp_path, np.full((4, 4), np.nan)).max() == 0


@pytest.mark.parametrize("kind", [np.float32, np.uint16, np.int32])
def test_deep_grey_without_holes_is_scaled_as_ever(tmp_path, kind):
    values = np.random.default_rng(5).integers(3, 60_000, (20, 30)).astype(kind)
    Image.fromarray(values).save(tmp_path / "d.tif")
    wide = values.astype(np.float64)
    expected = ((wide - wide.min()) / (wide.max() - wide.min()) * 255).astype(np.uint8)
    assert np.array_equal(np.asarray(photos.open_photo(tmp_path / "d.tif"))[:, :, 0], expected)


def test_facts_of_real_photos_are_those_that_decoding_gives():
    if real_data() is None:
        pytest.skip("the real photos are not here (DATASEL_REAL_DATA)")
    some = sorted((real_data() / "photos").rglob("*.jpg"))[::40]
    some += sorted((real_data() / "captions").rglob("*.*g"))[::20]
    for path in some:
        facts = photos.inspect(path.read_bytes())
        assert (facts.width, facts.height) == photos.open_photo(path).size
        assert facts.bytes == os.path.getsize(path)
