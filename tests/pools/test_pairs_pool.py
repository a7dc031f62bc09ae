"""Pairs from a table: which columns are read, what is listed, what samples are called, and what other parts of datasel
make of them.
"""

import csv
import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.demo import make_demo
from datasel_core.base.registry import _declared
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features import computation
from datasel_core.features.feature import Block, Feature, feature
from datasel_core.features.roles import how_to_get
from datasel_core.pools.guess import kind_of
from datasel_core.pools.media import pictures
from datasel_core.pools.persistence import pool_names
from datasel_core.pools.readers.caption_columns import samples
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint, real_data


def add(workspace, source, name="p", **options):
    return add_pool(workspace, name, str(source), "pairs", options)


def lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def reasons(pool):
    return [(entry["id"], entry["reason"]) for entry in pool.unreadable]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_of_pairs(workspace, photos, suffix):
    rows = [
        {"id": "007", "path": "a/00.jpg", "caption": ' noise, coloured\nand "small" ', "group": "1", "stars": 4},
        {"id": "x", "path": "b/01.jpg", "caption": "42", "group": "2", "stars": 5},
    ]
    path = photos / f"t.{suffix}"
    if suffix == "jsonl":
        lines(path, rows)
    elif suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if suffix == "tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    pool = add(workspace, path)
    assert pool.columns == ["id", "path", "caption", "group", "stars", "width", "height", "bytes"]
    assert pool.ids.tolist() == ["007", "x"]
    assert pool.column("caption").tolist() == ['noise, coloured\nand "small"', "42"]
    assert pool.column("group").tolist() == ["1", "2"]
    assert pool.column("stars").tolist() == [4, 5]
    assert pool.column("width").tolist() == [48, 48]
    assert pool.open(1).size == (48, 40)
    assert pool.text(1) == ["42"]
    assert pool.opens == {"image", "text"}
    of_picture = hashlib.blake2b((photos / "b/01.jpg").read_bytes(), digest_size=16).hexdigest()
    assert (
        pool.table["content"][1].as_py()
        == hashlib.blake2b(f'["{of_picture}","42"]'.encode(), digest_size=16).hexdigest()
    )


def test_each_caption_is_a_sample_or_their_mean(workspace, photos):
    rows = [
        {"image": "a/00.jpg", "captions": ["one", "two", "  "]},
        {"image": "b/01.jpg", "captions": ["three"]},
        {"image": "c/02.jpg", "captions": []},
    ]
    path = lines(photos / "t.jsonl", rows)
    each = add(workspace, path, "each")
    assert each.ids.tolist() == ["a/00.jpg#1", "a/00.jpg#2", "b/01.jpg"]
    assert each.column("caption").tolist() == ["one", "two", "three"]
    assert reasons(each) == [("a/00.jpg#3", "its caption is empty"), ("c/02.jpg", "it has no caption")]
    assert len(set(each.table["content"].to_pylist())) == 3
    mean = add(workspace, path, "mean", captions="mean")
    assert mean.ids.tolist() == ["a/00.jpg", "b/01.jpg"]
    assert [mean.text(row) for row in range(2)] == [["one", "two"], ["three"]]
    assert mean.column("caption").tolist() == ["one", "three"]
    assert reasons(mean) == reasons(each)
    assert mean.table["content"][1] == each.table["content"][2]  # one caption: the same pair either way
    with pytest.raises(BadRequest, match="captions is 'maen'; it must be 'each' or 'mean'"):
        add(workspace, path, "x", captions="maen")


def test_an_empty_caption_renames_no_other():
    assert [(one.id, one.captions, one.reason) for one in samples("x", ["", "b"], "each")] == [
        ("x#1", (), "its caption is empty"),
        ("x#2", ("b",), ""),
    ]
    assert [one.id for one in samples("x", ["b"], "each")] == ["x"]


def test_one_row_per_caption(workspace, photos):
    """Without ids, rows of one path are captions of one image; each keeps its own row's columns."""
    path = photos / "t.csv"
    path.write_text("path,caption,by\na/00.jpg,one,ann\nb/01.jpg,two,bo\na/00.jpg,three,cy\n")
    each = add(workspace, path, "each")
    assert each.ids.tolist() == ["a/00.jpg#1", "a/00.jpg#2", "b/01.jpg"]
    assert each.column("by").tolist() == ["ann", "cy", "bo"]
    mean = add(workspace, path, "mean", captions="mean")
    assert mean.ids.tolist() == ["a/00.jpg", "b/01.jpg"]
    assert mean.text(0) == ["one", "three"]


def test_an_image_that_stands_in_many_rows_is_read_once(workspace, photos, monkeypatch):
    path = photos / "t.csv"
    path.write_text("id,path,caption\n" + "".join(f"{at},a/00.jpg,caption {at}\n" for at in range(30)))
    seen = []
    look_at = pictures.look_at
    monkeypatch.setattr(pictures, "look_at", lambda picture, **how: seen.append(picture) or look_at(picture, **how))
    assert add(workspace, path).n == 30
    assert len(seen) == 1


def test_unusable_pairs_are_listed_and_the_good_ones_load(workspace, photos, tmp_path, monkeypatch):
    whole = (photos / "a" / "00.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    outside = paint(tmp_path.parent / f"{tmp_path.name}-outside" / "x.jpg", 1)
    monkeypatch.setattr(pictures, "MOST_BYTES", 100_000)
    (photos / "large.jpg").write_bytes(whole + bytes(100_000))
    rows = [
        ("good", "a/00.jpg", "fine"),
        ("long", "a/00.jpg", "x" * 10_000),
        ("absurd", "a/00.jpg", "x" * 1_000_001),
        ("empty", "a/00.jpg", ""),
        ("blank", "a/00.jpg", " \t\n "),
        ("none", "a/00.jpg", None),
        ("gone", "a/zzz.jpg", "x"),
        ("cut", "cut.jpg", "x"),
        ("nopath", None, "x"),
        ("folder", "a", "x"),
        ("outside", str(outside), "x"),
        ("up", "../../../../../../etc/passwd", "x"),
        ("large", "large.jpg", "x"),
        ("name", "n" * 300, "x"),
        (None, "", "x"),
        (None, "b/01.jpg", "日本語"),
        ("line\nbreak", "b/01.jpg", "x"),
    ]
    pool = add(
        workspace,
        lines(photos / "t.jsonl", [{"id": id, "path": path, "caption": caption} for id, path, caption in rows]),
    )
    assert pool.ids.tolist() == ["good", "long", "b/01.jpg", "line\nbreak"]
    assert len(pool.text(1)[0]) == 10_000
    said = dict(reasons(pool))
    for id, reason in {
        "absurd": "its caption has 1,000,001 characters; the limit is 1,000,000",
        "empty": "its caption is empty",
        "blank": "its caption is empty",
        "none": "it has no caption",
        "gone": "the file is not there",
        "cut": "the file is cut off",
        "nopath": "line 9 of t.jsonl: it has no image path",
        "folder": "it is a folder",
        "large": "the file has 0 MB; the limit is 0 MB",
        "line 15": "line 15 of t.jsonl: it has no image path",
    }.items():
        assert said[id] == reason, id
    assert "outside the allowed folders" in said["outside"]
    assert "outside the allowed folders" in said["up"]
    assert "too long" in said["name"].lower()
    assert len(said) == 13


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_one_absurd_caption_does_not_make_a_table_unreadable(workspace, photos, suffix):
    captions = ["short", "x" * 3_000_000, "also short"]
    path = photos / f"t.{suffix}"
    if suffix == "csv":
        path.write_text("id,path,caption\n" + "".join(f"{at},a/00.jpg,{text}\n" for at, text in enumerate(captions)))
    else:
        lines(path, [{"id": str(at), "path": "a/00.jpg", "caption": text} for at, text in enumerate(captions)])
    pool = add(workspace, path)
    assert pool.ids.tolist() == ["0", "2"]
    assert reasons(pool) == [("1", "its caption has 3,000,000 characters; the limit is 1,000,000")]


def test_bad_tables_are_one_line_and_write_nothing(workspace, photos, tmp_path):
    paint(photos / "a.jpg", 1)
    files = {
        "nopath.csv": "id,file,caption\na,a.jpg,x\n",
        "nocaption.csv": "id,path,words\na,a.jpg,x\n",
        "twice.csv": "id,path,caption\na,a.jpg,x\na,a.jpg,y\n",
        "emptyid.csv": "id,path,caption\n,a.jpg,x\n",
        "none.csv": "id,path,caption\na,zzz.jpg,x\n",
        "clash.jsonl": '{"id": "x", "path": "a.jpg", "captions": ["1", "2"]}\n'
        '{"id": "x#2", "path": "a.jpg", "captions": ["3"]}\n',
        "bytes.jsonl": '{"path": {"bytes": "x"}, "caption": "x"}\n',
        "truths.jsonl": '{"path": "a.jpg", "caption": true}\n',
        "lists.jsonl": '{"path": "a.jpg", "caption": [[1], [2]]}\n',
        "broken.jsonl": '{"path": "a.jpg", "caption": \n',
        "photo.bmp": "x",
        "header.csv": "path,caption\n",
    }
    for name, text in files.items():
        (photos / name).write_text(text)
    for name, message in {
        "nopath.csv": "name one with --option path_column=NAME. It has: id, file, caption.",
        "nocaption.csv": "name one with --option caption_column=NAME. It has: id, path, words.",
        "twice.csv": "The id 'a' stands in line 2 of twice.csv and in line 3 of twice.csv; ids must be unique.",
        "emptyid.csv": "None of the 1 pairs in .* .line 2 of emptyid.csv: its id is empty; every sample needs a name",
        "none.csv": "None of the 1 pairs in .*none.csv can be used .a: the file is not there.",
        "clash.jsonl": "the id 'x#2' stands for captions of line 1 of clash.jsonl and line 2 of clash.jsonl",
        "bytes.jsonl": 'None of the 1 pairs in .* .line 1 of bytes.jsonl: its path is {"bytes": "x"}; it must be text',
        "truths.jsonl": "None of the 1 pairs in .* .a.jpg: its caption is True; it must be text",
        "lists.jsonl": "None of the 2 pairs in .* .a.jpg#1: its caption is .1.; it must be text",
        "broken.jsonl": "None of the 1 rows in broken.jsonl can be read .line 1 of broken.jsonl: it is not JSON",
        "photo.bmp": "photo.bmp is neither a table .* nor a .tar shard",
        "header.csv": "has no rows",
        "gone.csv": "There is no file or folder",
    }.items():
        with pytest.raises(BadInput, match=message) as error:
            add(workspace, photos / name)
        assert "\n" not in str(error.value)
    with pytest.raises(BadInput, match="has neither|holds neither .tar shards of a WebDataset nor .parquet metadata"):
        add(workspace, photos / "a")
    for option in ("path_column", "id_column", "caption_column", "group_column"):
        with pytest.raises(BadInput, match="none.csv has no column words; it has: id, path, caption"):
            add(workspace, photos / "none.csv", **{option: "words"})
    with pytest.raises(
        BadInput, match="The option ids means nothing for none.csv, which is read as a table; leave it out."
    ):
        add(workspace, photos / "none.csv", ids="shard_and_key")
    with pytest.raises(BadInput, match="The option embeddings means nothing"):
        add(workspace, photos / "none.csv", embeddings="l14")
    assert pool_names(workspace) == []


def test_named_columns(workspace, photos):
    path = photos / "t.csv"
    path.write_text(
        "id,path,file,words,name,kind,group,content,Width\n1,no,a/00.jpg,red,n1,k1,g1,c,9\n2,no,b/01.jpg,blue,n2,k2,g2,c,9\n"
    )
    pool = add(workspace, path, path_column="file", caption_column="words", id_column="name", group_column="kind")
    assert pool.columns == ["id", "path", "caption", "group", "width", "height", "bytes"]
    assert pool.ids.tolist() == ["n1", "n2"]
    assert pool.column("group").tolist() == ["k1", "k2"]
    assert pool.column("path").tolist() == ["a/00.jpg", "b/01.jpg"]
    assert pool.about["notes"] == [
        "Columns of t.csv that have names of ours were left out: id, path, group, content, Width."
    ]


def test_whole_numbers_and_categories_are_text(workspace, photos):
    table = pa.table(
        {
            "id": [7, 8],
            "path": pa.array(["a/00.jpg", "b/01.jpg"]).dictionary_encode(),
            "caption": [1, 2],
            "group": pa.array([3, None]),
        }
    )
    pq.write_table(table, photos / "t.parquet")
    pool = add(workspace, photos / "t.parquet")
    assert pool.ids.tolist() == ["7", "8"]
    assert pool.text(0) == ["1"]
    assert pool.column("group").tolist() == ["3", None]


@pytest.fixture
def text_feature():
    """A feature that reads texts: how many characters each has, on average."""

    @feature("caption_length", version=1, title="Length of the captions")
    class CaptionLength(Feature):
        """Characters."""

        role = "length"
        reads = "text"

        def blocks(self, source, rows, fitted):
            assert source.image is None
            yield Block(
                rows,
                np.array([[np.mean([len(text) for text in source.text(int(row))])] for row in rows], dtype=np.float32),
            )

    yield CaptionLength()
    del _declared["feature"]["caption_length"]


def test_features_that_read_texts(workspace, photos, tmp_path, text_feature):
    path = lines(
        photos / "t.jsonl", [{"path": "a/00.jpg", "captions": ["abc", "a"]}, {"path": "b/01.jpg", "captions": ["日本"]}]
    )
    pool = add(workspace, path, captions="mean")
    assert computation.compute_feature(workspace, pool, text_feature).values().ravel().tolist() == [2, 2]
    assert "caption_length" in {one.id for one in computation.available_features(pool, set())}
    assert how_to_get(pool, "length") == "Compute one: python -m datasel_core feature compute p caption_length"
    plain = add_pool(workspace, "plain", str(photos), "images")
    assert "caption_length" not in {
        one.id for one in computation.available_features(plain, {"text"})
    }  # a role called text is no text to read
    with pytest.raises(BadRequest, match="caption_length reads texts; the pool plain .of kind images. has none"):
        computation.compute_feature(workspace, plain, text_feature)
    with pytest.raises(BadRequest, match="Samples of a images pool have no text"):
        plain.text(0)
    np.save(tmp_path / "v.npy", np.eye(3))
    vectors = add_pool(workspace, "v", str(tmp_path / "v.npy"), "vectors")
    assert vectors.opens == frozenset()
    with pytest.raises(BadRequest, match="dictionary_embedding looks at photos; the pool v .of kind vectors. has none"):
        computation.compute_feature(workspace, vectors, computation.declared_feature("dictionary_embedding"))


def test_select_and_export_from_pairs(workspace, photos, tmp_path):
    from datasel_core.actions.export import open_record
    from datasel_core.base.registry import find

    rows = [
        {"path": f"{'abc'[at % 3]}/{at:02d}.jpg", "captions": [f"one {at}", f"two {at}"], "group": "xy"[at % 2]}
        for at in range(12)
    ]
    pool = add(workspace, lines(photos / "t.jsonl", rows))
    computation.compute_feature(workspace, pool, computation.declared_feature("dictionary_embedding"))
    run = engine.select(
        workspace, Spec(pool="p", method="k_center", budget="5", where="caption LIKE 'one%' AND width = 48")
    )
    assert all(id.endswith("#1") for id in run.ids)
    find("export format", "jsonl")().write(
        open_record(workspace, run.folder), tmp_path / "kept.jsonl", computation.Progress()
    )
    kept = [json.loads(line) for line in (tmp_path / "kept.jsonl").read_text().splitlines()]
    assert [row["caption"][:3] for row in kept] == ["one"] * 5


def test_kinds_told_from_a_path(tmp_path):
    assert [kind_of(tmp_path / name) for name in ("a.tar", "a.npy", "a", "a.csv")] == [
        "pairs",
        "vectors",
        "images",
        "images",
    ]


def test_the_demo_has_captions_with_what_is_wrong_about_them(workspace, monkeypatch):
    """Two pools of the same pictures; the shares of bad captions are known, and columns say which they are."""
    from datasel_core.pools.demo import scenes
    from datasel_core.pools.demo.scenes import compose, make_scenes

    monkeypatch.setattr(scenes, "make_scenes", lambda folder, progress: make_scenes(folder, n=24, progress=progress))
    photos, pairs, _ = make_demo(workspace)
    assert (photos.name, photos.kind, pairs.name, pairs.kind) == ("scenes", "images", "scenes-captions", "pairs")
    assert pairs.ids.tolist() == photos.ids.tolist()
    assert [pairs.path(row) for row in range(24)] == [photos.path(row) for row in range(24)]
    assert pairs.text(3) == [compose(24)[3].caption]
    assert pairs.unreadable == []
    assert {"caption_kind", "true_caption", "duplicate_of", "group"} <= set(pairs.columns)
    assert [one.name for one in make_demo(workspace)] == ["scenes", "scenes-captions", "questions"]
    whole = compose(2000)
    share = {kind: sum(one.caption_kind == kind for one in whole) / 2000 for kind in ("mismatched", "off_topic")}
    share["near-duplicate"] = sum(one.source is not None for one in whole) / 2000
    assert share == {"mismatched": 0.1485, "off_topic": 0.043, "near-duplicate": 0.0575}


@pytest.mark.skipif(real_data() is None, reason="needs the real captions (DATASEL_REAL_DATA)")
def test_coco_captions(workspace):
    source = real_data() / "captions" / "pairs.jsonl"
    each, mean = add(workspace, source, "each"), add(workspace, source, "mean", captions="mean")
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    assert (each.n, mean.n) == (595, 119)
    assert each.unreadable == mean.unreadable == []
    assert each.ids.tolist() == [f"{row['image']}#{at}" for row in rows for at in range(1, 6)]
    assert [text.strip() for row in rows for text in row["captions"]] == each.column("caption").tolist()
    assert mean.column("width").tolist() == [row["width"] for row in rows]
