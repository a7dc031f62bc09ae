"""Pools of photos and vectors: what is read, what is left out and why."""

import os
import stat
import struct
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.errors import BadInput, BadRequest, UnknownName
from datasel_core.features import computation
from datasel_core.pools.persistence import load_pool, pool_names
from tests.conftest import paint


def add(workspace, source, kind="images", name="p", **options):
    return add_pool(workspace, name, str(source), kind, options)


def huge_png(path):
    """A PNG that says it is 60,000 x 60,000, in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_a_folder_of_photos(workspace, photos):
    pool = add(workspace, photos)
    assert pool.n == 12
    assert pool.ids[0] == "a/00.jpg"
    assert set(pool.column("group")) == {"a", "b", "c"}
    assert pool.open(0).size == (48, 40)
    assert (pool.column("width")[0], pool.column("height")[0]) == (48, 40)


def test_broken_photos_are_listed_with_the_reason_and_the_good_ones_load(workspace, photos, tmp_path):
    whole = (photos / "a" / "00.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "text.png").write_text("not a picture")
    (photos / "empty.jpg").write_bytes(b"")
    huge_png(photos / "huge.png")
    (photos / "notes.txt").write_text("passed over")
    outside = paint(tmp_path.parent / f"{tmp_path.name}-outside" / "x.jpg", 1)
    (photos / "link.jpg").symlink_to(outside)
    (photos / "gone.jpg").symlink_to(photos / "nowhere.jpg")
    pool = add(workspace, photos)
    reasons = {entry["id"]: entry["reason"] for entry in pool.unreadable}
    assert pool.n == 12
    assert "cut off" in reasons["cut.jpg"]
    assert "not an image" in reasons["text.png"]
    assert "not an image" in reasons["empty.jpg"]
    assert "megapixels" in reasons["huge.png"]
    assert "outside the allowed folders" in reasons["link.jpg"]
    assert "not there" in reasons["gone.jpg"]
    assert ["1 .txt" in note for note in pool.about["notes"]] == [True]


def test_a_photo_that_may_not_be_read(workspace, photos):
    os.chmod(photos / "a" / "00.jpg", 0)
    try:
        if os.access(photos / "a" / "00.jpg", os.R_OK):
            pytest.skip("this user may read everything, so permissions cannot be tested")
        assert {"id": "a/00.jpg", "reason": "permission denied"} in add(workspace, photos).unreadable
    finally:
        os.chmod(photos / "a" / "00.jpg", stat.S_IRUSR | stat.S_IWUSR)


def test_permission_denied_is_said_in_words():
    from datasel_core.pools.media.photos import reason

    assert reason(PermissionError(13, "Permission denied")) == "permission denied"


@pytest.mark.parametrize("name", ["日本語 写真.jpg", "with space.jpg", 'quote".jpg', "line\nbreak.jpg", "-dash.jpg"])
def test_ids_in_any_script(workspace, photos, name):
    paint(photos / name, 5)
    pool = add(workspace, photos)
    assert name in pool.ids
    assert pool.open(int(pool.rows([name])[0])).size == (48, 40)


def test_a_file_name_that_is_not_utf8(workspace, photos):
    paint(photos / "ok.jpg", 5)
    os.rename(photos / "ok.jpg", os.fsencode(photos) + b"/bad\xff.jpg")
    assert "not valid UTF-8" in add(workspace, photos).unreadable[0]["reason"]


def test_the_fingerprint_follows_content_not_place(workspace, photos, tmp_path):
    one = add(workspace, photos)
    moved = photos.rename(tmp_path / "elsewhere")
    assert add(workspace, moved, name="q").fingerprint == one.fingerprint
    paint(moved / "a" / "00.jpg", 99)
    assert add(workspace, moved, name="r").fingerprint != one.fingerprint


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_table_of_photos(workspace, photos, suffix):
    table = pa.table({"id": ["007", "x"], "path": ["a/00.jpg", "b/01.jpg"], "group": ["1", "2"], "stars": [4, 5]})
    path = photos / f"table.{suffix}"
    if suffix == "csv":
        path.write_text("id,path,group,stars\n007,a/00.jpg,1,4\nx,b/01.jpg,2,5\n")
    elif suffix == "jsonl":
        path.write_text("\n".join(str(row).replace("'", '"') for row in table.to_pylist()))
    else:
        pq.write_table(table, path)
    pool = add(workspace, path)
    assert pool.ids.tolist() == ["007", "x"]
    assert pool.column("stars").tolist() == [4, 5]


def test_bad_sources_are_one_line_and_write_nothing(workspace, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "twice.csv").write_text("id,path\na,photos/a/00.jpg\na,photos/b/01.jpg\n")
    (tmp_path / "nopath.csv").write_text("id,file\na,photos/a/00.jpg\n")
    (tmp_path / "none.csv").write_text("id,path\na,photos/zzz.jpg\n")
    for source, message in [
        (tmp_path / "missing", "There is no file or folder"),
        (tmp_path / "empty", "has no photos"),
        (
            tmp_path / "twice.csv",
            "The id 'a' stands in line 2 of twice.csv and in line 3 of twice.csv; ids must be unique.",
        ),
        (
            tmp_path / "nopath.csv",
            "has no column path or image or file_name; name one with --option path_column=NAME. It has: id, file",
        ),
        (tmp_path / "none.csv", "None of the 1 photos"),
        ("/etc", "lies outside the allowed folders"),
    ]:
        with pytest.raises(BadRequest, match=message) as error:
            add(workspace, source)
        assert "\n" not in str(error.value)
    (tmp_path / "door").symlink_to("/etc")
    with pytest.raises(BadRequest, match="outside the allowed"):
        add(workspace, tmp_path / "door")
    assert pool_names(workspace) == []
    with pytest.raises(UnknownName, match="no pool called p"):
        load_pool(workspace, "p")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 65, "sp ace", "nul\0"])
def test_pool_names_that_will_not_do(workspace, photos, name):
    with pytest.raises(BadRequest, match="will not do"):
        add(workspace, photos, name=name)


def test_vectors_from_npy_npz_and_parquet(workspace, tmp_path, rng):
    vectors = rng.standard_normal((9, 4)).astype(np.float32)
    np.save(tmp_path / "v.npy", vectors)
    np.savez(tmp_path / "v.npz", ids=np.array([f"s{i}" for i in range(9)]), embedding=vectors)
    pq.write_table(
        pa.table({"id": [f"s{i}" for i in range(9)], "v": list(vectors), "group": list("aabbccdde")}),
        tmp_path / "v.parquet",
    )
    for name, ids in (("v.npy", "0"), ("v.npz", "s0"), ("v.parquet", "s0")):
        pool = add(workspace, tmp_path / name, "vectors", name=name.replace(".", "-"))
        kept = computation.kept_features(workspace, pool.fingerprint)
        assert pool.ids[0] == ids
        assert [one.role for one in kept] == ["embedding"]
        np.testing.assert_array_equal(kept[0].values(), vectors)


def test_vectors_that_are_not_finite_are_left_out(workspace, tmp_path, rng):
    vectors = rng.standard_normal((5, 3))
    vectors[2, 1], vectors[4, 0] = np.nan, np.inf
    np.save(tmp_path / "v.npy", vectors)
    pool = add(workspace, tmp_path / "v.npy", "vectors")
    assert pool.ids.tolist() == ["0", "1", "3"]
    assert pool.unreadable == [
        {"id": "2", "reason": "embedding holds NaN or infinite values"},
        {"id": "4", "reason": "embedding holds NaN or infinite values"},
    ]


def test_bad_vectors_are_one_line(workspace, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "short.npz", ids=np.array(["a"]), embedding=np.zeros((2, 3)))
    np.savez(tmp_path / "twice.npz", ids=np.array(["a", "a"]), embedding=np.zeros((2, 3)))
    np.save(tmp_path / "text.npy", np.array(["a", "b"]))
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04nonsense")
    pq.write_table(pa.table({"v": [[1.0, 2.0], [3.0]]}), tmp_path / "ragged.parquet")
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "flat.parquet")
    for name, message in [
        ("objects.npy", "Python objects"),
        ("short.npz", "2 rows for 1 ids"),
        ("twice.npz", "ids must be unique"),
        ("text.npy", "must be numbers"),
        ("broken.npz", "could not be read"),
        ("ragged.parquet", "equally long"),
        ("flat.parquet", "0 columns of lists"),
    ]:
        with pytest.raises(BadInput, match=message) as error:
            add(workspace, tmp_path / name, "vectors")
        assert "\n" not in str(error.value)
    assert pool_names(workspace) == []


def test_import_matches_by_id_and_reports_the_rest(workspace, photos, tmp_path, rng):
    pool = add(workspace, photos)
    ids = [*pool.ids[::-1][:10], "stranger"]
    quantised = rng.integers(0, 255, (11, 6)).astype(np.uint8)
    np.savez(
        tmp_path / "f.npz",
        ids=np.array(ids),
        embedding=quantised,
        embedding_scale=np.float32(0.5),
        embedding_zero=np.int32(100),
    )
    found = import_feature(workspace, pool, "embedding", str(tmp_path / "f.npz"))
    assert found.matched == 10
    assert found.extra == ["stranger"]
    assert found.missing == pool.ids[:2].tolist()
    values = found.kept.values()
    np.testing.assert_allclose(values[11], (quantised[0].astype(float) - 100) * 0.5)
    assert np.isnan(values[:2]).all()
    np.savez(tmp_path / "none.npz", ids=np.array(["q"]), embedding=np.zeros((1, 3)))
    with pytest.raises(BadInput, match="None of the 1 ids"):
        import_feature(workspace, pool, "embedding", str(tmp_path / "none.npz"))
    np.savez(tmp_path / "two.npz", ids=np.array(pool.ids.tolist()), a=np.zeros((12, 3)), b=np.zeros((12, 3)))
    with pytest.raises(BadInput, match="has no array called embedding; it has: a, b"):
        import_feature(workspace, pool, "embedding", str(tmp_path / "two.npz"))
    np.save(tmp_path / "bare.npy", np.zeros((12, 3)))
    with pytest.raises(BadInput, match="matched to samples by id"):
        import_feature(workspace, pool, "embedding", str(tmp_path / "bare.npy"))


def test_a_turned_photo_is_shown_upright(workspace, photos):
    from PIL import Image

    with Image.open(photos / "a" / "00.jpg") as photo:
        exif = photo.getexif()
        exif[0x0112] = 6
        photo.save(photos / "turned.jpg", exif=exif)
    pool = add(workspace, photos)
    row = int(pool.rows(["turned.jpg"])[0])
    assert pool.open(row).size == (40, 48)
    assert (pool.column("width")[row], pool.column("height")[row]) == (40, 48)
