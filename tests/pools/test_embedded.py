"""Parquet with pictures inside, as the library `datasets` writes it and as others do; `datasets` is the judge."""

import hashlib
import io
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.features.computation import compute_feature, declared_feature
from datasel_core.pools.guess import kind_of
from datasel_core.pools.labels import Label
from datasel_core.pools.media import cells
from datasel_core.pools.media.photos import UnreadablePhoto
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import ROOT, paint

CASES = ROOT.parent / "shared" / "cases" / "09-usual-picture-layouts"


def add(workspace, source, kind=None, name="p", **options):
    return add_pool(workspace, name, str(source), kind or kind_of(source), options)


def picture(seed, size=(40, 30)):
    buffer = io.BytesIO()
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(small).resize(size).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Two splits in three files, written by `datasets`."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"]), "n": datasets.Value("int64")}
    )
    from datasets.table import embed_table_storage  # what `push_to_hub` does

    datasets.disable_progress_bars()
    for split, n, files in (("train", 7, 2), ("test", 3, 1)):
        paths = [str(paint(tmp_path / "src" / f"{split}{at}.jpg", at)) for at in range(n)]
        whole = datasets.Dataset.from_dict(
            {"image": paths, "label": [at % 3 == 0 for at in range(n)], "n": [2**53 + at for at in range(n)]},
            features=features,
        )
        for part in range(files):
            path = tmp_path / "in" / "data" / f"{split}-{part:05d}-of-{files:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            shard = whole.shard(files, part, contiguous=True).with_format("arrow")
            shard.map(embed_table_storage, batched=True).to_parquet(str(path), batch_size=2)
    (tmp_path / "in" / "README.md").write_text("# a data set\n")
    return tmp_path / "in"


def test_what_datasets_wrote_opens_and_is_what_datasets_reads(workspace, written, tmp_path):
    import datasets

    pool = add(workspace, written)
    assert pool.kind == "images"
    told = datasets.load_dataset("parquet", data_dir=str(written / "data"), cache_dir=str(tmp_path / "cache"))
    rows = [(split, row) for split in ("test", "train") for row in told[split]]
    assert pool.n == len(rows) == 10
    assert pool.columns == [
        "id",
        "shard",
        "cell",
        "split",
        "label",
        "n",
        "labels",
        "rarest_class",
        "width",
        "height",
        "bytes",
    ]
    for at, (split, row) in enumerate(rows):
        assert pool.open(at).tobytes() == row["image"].convert("RGB").tobytes()
        assert pool.value("split", at) == split
        assert pool.value("n", at) == row["n"]
        assert pool.value("label", at) == ["cat", "dog"][row["label"]]
        assert pool.labels(at) == [Label(["cat", "dog"][row["label"]])]
    assert pool.ids[0] == "test0.jpg"  # as the pictures call themselves; all names differ
    assert pool.group_column == "rarest_class"
    assert not (workspace.path / "thumbs").exists()
    assert sum(path.stat().st_size for path in pool.folder.iterdir()) < 20_000  # no picture was copied
    assert not (pool.folder / "labels.parquet").exists()


def test_pictures_that_datasets_did_not_embed_are_opened_by_their_paths(workspace, tmp_path):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    paths = [str(paint(tmp_path / "src" / f"{at}.jpg", at)) for at in range(3)]
    made = datasets.Dataset.from_dict({"image": paths}, features=datasets.Features({"image": datasets.Image()}))
    made.to_parquet(str(tmp_path / "in.parquet"))
    pool = add(workspace, tmp_path / "in.parquet")
    assert pool.ids.tolist() == pool.column("path").tolist() == ["src/0.jpg", "src/1.jpg", "src/2.jpg"]
    assert pool.open(2).tobytes() == Image.open(paths[2]).tobytes()


@pytest.mark.parametrize("captions", ["caption", "text"])
def test_captions_make_pairs(workspace, tmp_path, captions):
    table = pa.table({"image": [picture(at) for at in range(3)], captions: ["a", None, " c "]})
    pq.write_table(table, tmp_path / "t.parquet")
    pool = add(workspace, tmp_path / "t.parquet")
    assert (pool.kind, pool.ids.tolist()) == ("pairs", ["t/0", "t/2"])
    assert pool.text(1) == ["c"]
    assert pool.unreadable == [{"id": "t/1", "reason": "it has no caption"}]
    assert pool.open(1).tobytes() == Image.open(io.BytesIO(picture(2))).tobytes()
    own = hashlib.blake2b(picture(2), digest_size=16).hexdigest()
    content = hashlib.blake2b(f'["{own}","c"]'.encode(), digest_size=16).hexdigest()
    assert pool.table["content"][1].as_py() == content
    photos = add(workspace, tmp_path / "t.parquet", "images", "photos")
    assert (photos.n, photos.table["content"][2].as_py()) == (3, own)


@pytest.mark.parametrize("rows", [3, 1000])
@pytest.mark.parametrize("nested", [True, False])
def test_every_cell_is_the_right_one(workspace, tmp_path, rows, nested, monkeypatch):
    """Small row groups are read whole, of a large one a stretch; both give the bytes of their row."""
    monkeypatch.setattr(cells, "_WHOLE", 1000)
    monkeypatch.setattr(cells, "_CACHED", 30_000)
    data = [picture(at) for at in range(50)]
    column = [{"bytes": one, "path": None} for one in data] if nested else data
    pq.write_table(pa.table({"odd.' \"name": column}), tmp_path / "t.parquet", row_group_size=rows)
    pool = add(workspace, tmp_path / "t.parquet")
    order = np.random.default_rng(0).permutation(50).tolist()
    assert [pool.media(row).read() for row in order] == [data[row] for row in order]
    assert sum(one.nbytes for one in cells._blocks._kept.values()) <= 30_000
    assert str(pool.media(7)) == f"{tmp_path}/t.parquet, row 7"


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_a_wall_of_a_large_row_group_is_read_at_once(workspace, tmp_path, monkeypatch, nested, kind):
    monkeypatch.setattr(cells, "_WHOLE", 10_000)
    data = [picture(at) for at in range(60)]
    column = [{"bytes": one, "path": None} for one in data] if nested else data
    table = pa.table({"odd.' \"name": column, "caption": ["a"] * 60})
    with pq.ParquetWriter(tmp_path / "t.parquet", table.schema) as writer:
        for start, count in ((0, 40), (40, 1), (41, 19)):  # the second is a small one
            writer.write_table(table.slice(start, count), row_group_size=count)
    pool = add(workspace, tmp_path / "t.parquet", kind)
    asked, select = [], cells._Shard._select
    monkeypatch.setattr(cells._Shard, "_select", lambda self, how: asked.append(how) or select(self, how))
    wall = [59, 3, 40, 17, 3, 41, 0]
    pool.fetch(wall)
    assert asked == ["file_row_number IN (0, 3, 17, 41, 59)"]
    assert [pool.media(row).read() for row in wall] == [data[row] for row in wall]
    pool.fetch([0, 3])
    assert len(asked) == 1
    assert pool.media(4).read() == data[4]
    assert len(asked) == 2


def test_of_very_large_pictures_a_few_are_read_at_once(workspace, tmp_path, monkeypatch):
    data = [picture(at) for at in range(40)]
    pq.write_table(pa.table({"image": data}), tmp_path / "t.parquet")
    size = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(0).total_uncompressed_size
    monkeypatch.setattr(cells, "_WHOLE", 1000)
    monkeypatch.setattr(cells, "_CACHED", size // 4)
    pool = add(workspace, tmp_path / "t.parquet")
    asked, select = [], cells._Shard._select
    monkeypatch.setattr(cells._Shard, "_select", lambda self, how: asked.append(how) or select(self, how))
    pool.fetch(range(40))
    [condition] = asked
    assert 2 <= condition.count(",") + 1 <= 5
    assert [pool.media(row).read() for row in range(40)] == data


@pytest.mark.parametrize("what", ["gone", "shorter", "no parquet", "no pictures"])
def test_what_cannot_be_read_together_is_said_by_the_one_that_is_opened(workspace, tmp_path, monkeypatch, what):
    monkeypatch.setattr(cells, "_WHOLE", 1000)
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image": [picture(at) for at in range(9)]}), path)
    pool = add(workspace, path)
    if what == "no parquet":
        path.write_bytes(b"no parquet")
    elif what == "gone":
        path.unlink()
    else:
        pq.write_table(pa.table({"image": [picture(0)] if what == "shorter" else ["a"] * 9}), path)
    pool.fetch(range(9))
    with pytest.raises(UnreadablePhoto, match="t.parquet is damaged|the file is not there"):
        pool.open(8)


@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_photos_of_a_table_with_a_column_called_cell_are_files(workspace, photos, kind):
    (photos / "t.csv").write_text("path,cell,caption\na/00.jpg,3,one\nb/01.jpg,4,two\n")
    pool = add(workspace, photos / "t.csv", kind)
    pool.fetch([0, 1])
    assert pool.open(1).tobytes() == Image.open(photos / "b" / "01.jpg").tobytes()
    assert pool.column("cell").tolist() == [3, 4]
    (photos / "b" / "01.jpg").write_bytes(picture(0))
    with pytest.raises(UnreadablePhoto, match="it was replaced after the pool was added"):
        pool.check(1)


def test_broken_cells_are_listed(workspace, tmp_path):
    data = [
        {"bytes": picture(0), "path": "a"},
        {"bytes": None, "path": "b"},
        None,
        {"bytes": b"no picture", "path": "d"},
    ]
    pq.write_table(pa.table({"image": data, "n": [1, 2, 3, 4]}), tmp_path / "train.parquet")
    (tmp_path / "more").mkdir()
    pq.write_table(pa.table({"n": [1]}), tmp_path / "more/other.parquet")
    (tmp_path / "more/zz.parquet").write_bytes(b"no parquet")
    pool = add(workspace, tmp_path, name="p")
    assert pool.ids.tolist() == ["train/0"]
    assert pool.value("split", 0) == "train"
    said = {one["id"]: one["reason"] for one in pool.unreadable}
    assert said.pop("more/zz.parquet").startswith("it could not be read: ")
    assert said == {
        "train/1": "its cell holds no picture",
        "train/2": "its cell holds no picture",
        "train/3": "not an image, or a format that is not known",
    }
    assert "more/other.parquet has no column of pictures and was passed over." in pool.about["notes"]


def test_a_file_that_changed_is_noticed(workspace, tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image": [picture(0), picture(1)]}), path)
    pool = add(workspace, path)
    pq.write_table(pa.table({"image": [picture(1), picture(1)]}), path)
    with pytest.raises(UnreadablePhoto, match="t.parquet changed since it was read; add the pool again"):
        pool.open(0)
    assert pool.open(1).size == (40, 30)
    pq.write_table(pa.table({"image": [picture(0)]}), path)
    with pytest.raises(UnreadablePhoto, match=re.escape("t.parquet is damaged (it has no row 1)")):
        pool.open(1)
    pq.write_table(pa.table({"image": ["text"]}), path)
    with pytest.raises(UnreadablePhoto, match=re.escape("t.parquet is damaged (it has no column of pictures)")):
        pool.open(0)
    path.unlink()
    with pytest.raises(UnreadablePhoto, match="the file is not there"):
        pool.open(0)


def test_columns_can_be_named(workspace, tmp_path):
    table = pa.table(
        {
            "mask": [picture(9), picture(8)],
            "photo": [picture(0), picture(1)],
            "uid": [2**62 + 1, 2**62 + 2],
            "kind": ["x", "y"],
            "boxes": [[1], [2]],
            "Width": [1, 2],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    named = {"path_column": "photo", "id_column": "uid", "group_column": "kind"}
    pool = add(workspace, tmp_path / "t.parquet", "images", **named)
    assert pool.ids.tolist() == [str(2**62 + 1), str(2**62 + 2)]
    assert pool.media(1).read() == picture(1)
    assert (pool.group_column, pool.column("group").tolist()) == ("group", ["x", "y"])
    assert any("were left out: boxes, mask" in note for note in pool.about["notes"])
    with pytest.raises(BadInput, match="No file of t.parquet has a column nothing with rows in it."):
        add(workspace, tmp_path / "t.parquet", "images", "q", path_column="nothing")


def test_bytes_that_are_no_pictures_are_no_layout(tmp_path):
    pq.write_table(pa.table({"sound": [b"RIFF...."], "text": ["a"]}), tmp_path / "t.parquet")
    assert kind_of(tmp_path / "t.parquet") == "text"


def test_features_runs_and_exports_take_pictures_from_cells(workspace, written, tmp_path):
    pool = add(workspace, written)
    kept = compute_feature(workspace, pool, declared_feature("dictionary_embedding"), Progress())
    assert (len(kept.values()), kept.unreadable) == (10, [])
    run = engine.select(workspace, Spec(pool="p", method="stratified", budget="4"))
    assert run.manifest["features"]["group"] == {"id": "column", "column": "rarest_class"}
    counted = run.manifest["result"]["metrics"]["instances"]
    assert (counted["counts"], counted["instances_in_pool"]) == ({"cat": 2, "dog": 2}, 10)


@pytest.mark.parametrize(
    ("path", "n"),
    [("hf_parquet", 8), ("hf_parquet/rawbytes.parquet", 4), ("hf_parquet/train-00000-of-00001.parquet", 4)],
)
def test_case_09(workspace, monkeypatch, path, n):
    if not CASES.is_dir():
        pytest.skip("there are no shared cases beside the project")
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(CASES.resolve()))
    pool = add(workspace, CASES / path)
    assert (pool.kind, pool.n, pool.left_out) == ("pairs", n, 0)
    assert pool.text(0) == ["cap 0"]


def test_a_stretch_does_not_read_all_of_a_large_row_group():
    """DuckDB would: 1.6 GB for one of 50,000 photos."""
    asked = "SELECT current_setting('disable_parquet_prefetching')"
    assert cells._database().cursor().sql(asked).fetchall() == [(True,)]
