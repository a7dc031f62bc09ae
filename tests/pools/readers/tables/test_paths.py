"""Paths and columns of tables of pictures: what other machines and tools write is understood, or what helps is said."""

import json
from pathlib import PureWindowsPath

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.guess import kind_of
from datasel_core.pools.readers.tables import usual
from tests.conftest import paint

KINDS = ["images", "pairs"]


def table(folder, *paths, column="path", **more):
    rows = [{column: path, "caption": "c"} | more for path in paths]
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / "t.jsonl")


@pytest.mark.parametrize("kind", KINDS)
def test_paths_of_other_systems(workspace, photos, kind):
    paint(photos / "ä ö" / "with space.jpg", 1)
    url = (photos / "ä ö" / "with space.jpg").as_uri()
    assert "%20" in url
    paths = [str(PureWindowsPath("a/00.jpg")), "./b/01.jpg", " c/02.jpg ", r".\a\03.jpg", url, str(photos / "b/04.jpg")]
    pool = add_pool(workspace, "p", table(photos, *paths), kind)
    assert pool.unreadable == []
    assert pool.ids.tolist() == paths  # names stay as they are written
    wanted = ["a/00.jpg", "b/01.jpg", "c/02.jpg", "a/03.jpg", "ä ö/with space.jpg", "b/04.jpg"]
    assert [pool.path(row).resolve() for row in range(6)] == [photos / name for name in wanted]


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_with_a_backslash_or_space_comes_first(workspace, photos, kind):
    paint(photos / r"a\00.jpg", 70, (20, 10))
    paint(photos / "a" / "00.jpg", 71, (30, 10))
    paint(photos / " s.jpg", 72, (40, 10))
    pool = add_pool(workspace, "p", table(photos, r"a\00.jpg", "a/00.jpg", " s.jpg"), kind)
    assert pool.column("width").tolist() == [20, 30, 40]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "path", ["C:\\data\\{}", "D:/data/{}", "\\\\host\\share\\data\\{}", "/data/{}", "file:///C:/data/{}"]
)
def test_paths_of_another_machine_name_the_remedy_and_take_it(workspace, photos, tmp_path, kind, path):
    source = table(tmp_path, path.format("00.jpg"), path.format("03.jpg"))
    with pytest.raises(BadInput, match="if it is a path of another machine, give --option root=FOLDER") as error:
        add_pool(workspace, "p", source, kind)
    assert "\n" not in str(error.value)
    (photos / "a").rename(photos / "data")
    pool = add_pool(workspace, "p", source, kind, {"root": str(photos)})
    assert [pool.path(row) for row in range(2)] == [photos / "data" / "00.jpg", photos / "data" / "03.jpg"]
    assert pool.open(0).size == (48, 40)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there_is_said_with_the_path_of_the_table(workspace, photos, kind):
    pool = add_pool(workspace, "p", table(photos, "a/00.jpg", r"D:\photos\a.jpg", str(photos / "zzz.jpg")), kind)
    assert [one["reason"] for one in pool.unreadable] == [
        r"the table says D:\photos\a.jpg: the file is not there; if it is a path of another machine, give --option "
        "root=FOLDER",
        f"the table says {photos}/zzz.jpg: the file is not there; if it is a path of another machine, give --option "
        "root=FOLDER",
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "path", ["..\\..\\..\\etc\\passwd", "file:///etc/passwd", "file://localhost/etc/passwd", "/etc/passwd"]
)
def test_roots_hold(workspace, photos, kind, path):
    pool = add_pool(workspace, "p", table(photos, "a/00.jpg", path), kind)
    assert pool.n == 1
    assert "outside the allowed" in pool.unreadable[0]["reason"] or "not there" in pool.unreadable[0]["reason"]
    with pytest.raises(BadRequest, match="lies outside the allowed folders"):
        add_pool(workspace, "q", table(photos, "passwd"), kind, {"root": "/etc"})
    with pytest.raises(BadInput, match="The option root is .*nowhere, where there is no folder."):
        add_pool(workspace, "q", table(photos, "passwd"), kind, {"root": str(photos / "nowhere")})


@pytest.mark.parametrize("kind", KINDS)
def test_the_remedy_is_for_what_is_not_there(workspace, photos, kind):
    (photos / "cut.jpg").write_bytes((photos / "a" / "00.jpg").read_bytes()[:300])
    pool = add_pool(
        workspace, "p", table(photos, "a/00.jpg", str(photos / "cut.jpg"), "zzz.jpg", "file://[x/a.jpg"), kind
    )
    said = [one["reason"] for one in pool.unreadable]
    assert said == ["the file is cut off", "the file is not there", "the file is not there"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_fetched(workspace, photos, kind):
    paths = ["https://example.com/a.jpg", "a/00.jpg", "s3://bucket/a.jpg"]
    pool = add_pool(workspace, "p", table(photos, *paths), kind)
    assert pool.n == 1
    for one, line in zip(pool.unreadable, (1, 3), strict=True):
        assert one["reason"] == (
            f"line {line} of t.jsonl: it is a URL, and nothing is fetched; download the pictures and give their paths"
        )


def test_root_means_nothing_for_other_layouts(workspace, tmp_path):
    (tmp_path / "a.tar").write_bytes(b"")
    with pytest.raises(BadInput, match="The option root means nothing for a.tar, which is read as tar shards"):
        add_pool(workspace, "p", str(tmp_path / "a.tar"), "pairs", {"root": str(tmp_path)})


@pytest.mark.parametrize("column", [*usual.PATHS, "Image_Path", " FILENAME"])
def test_columns_of_paths(workspace, photos, column):
    source = table(photos, "a/00.jpg", column=column)
    assert kind_of(photos / "t.jsonl") == "pairs"
    for kind in KINDS:
        assert add_pool(workspace, kind, source, kind).ids.tolist() == ["a/00.jpg"]


@pytest.mark.parametrize("column", [*usual.CAPTIONS, "Caption", "ALT_TEXT"])
def test_columns_of_captions(workspace, photos, column):
    (photos / "t.csv").write_text(f"file_name,{column}\na/00.jpg,said\n")
    assert kind_of(photos / "t.csv") == "pairs"
    assert add_pool(workspace, "p", str(photos / "t.csv"), "pairs").text(0) == ["said"]


def test_the_first_column_that_is_there_counts(workspace, photos):
    """Names that were known before come first; one with text before one with anything else; options before all."""
    row = {
        "filename": "b/01.jpg",
        "image": {"bytes": None},
        "file_name": "a/00.jpg",
        "text": "t",
        "caption": "c",
        "f": "c/02.jpg",
    }
    (photos / "t.jsonl").write_text(json.dumps(row) + "\n")
    pool = add_pool(workspace, "p", str(photos / "t.jsonl"), "pairs")
    assert (pool.column("path").tolist(), pool.text(0)) == (["a/00.jpg"], ["c"])
    pool = add_pool(workspace, "q", str(photos / "t.jsonl"), "pairs", {"path_column": "f", "caption_column": "text"})
    assert (pool.column("path").tolist(), pool.text(0)) == (["c/02.jpg"], ["t"])
    row = {"path": "a/00.jpg", "image": "b/01.jpg", "caption": "c"}
    (photos / "t.jsonl").write_text(json.dumps(row) + "\n")
    assert add_pool(workspace, "r", str(photos / "t.jsonl"), "pairs").ids.tolist() == ["a/00.jpg"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_could_name_samples_is_pointed_out(workspace, photos, kind):
    source = table(photos, "a/00.jpg", "b/01.jpg", uid="same", key=7)
    assert add_pool(workspace, "p", source, kind).about["notes"] == []
    (photos / "t.csv").write_text("path,caption,UID,KEY\na/00.jpg,x,u1,k1\nb/01.jpg,y,u2,k2\n")
    pool = add_pool(workspace, "q", str(photos / "t.csv"), kind)
    assert pool.ids.tolist() == ["a/00.jpg", "b/01.jpg"]
    assert pool.column("UID").tolist() == ["u1", "u2"]
    assert pool.about["notes"] == [
        "Samples are called by their paths; the column UID could name them too: --option id_column=UID."
    ]
    assert add_pool(workspace, "r", str(photos / "t.csv"), kind, {"id_column": "UID"}).ids.tolist() == ["u1", "u2"]
