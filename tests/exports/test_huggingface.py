"""The folder for `datasets`: read back by that library itself, and by this program."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.guess import kind_of
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint
from tests.exports.exporting import contents, export
from tests.pools import layouts

datasets = pytest.importorskip("datasets", reason="the library datasets is not installed")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def loaded(folder, tmp_path):
    return datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))


def chosen(workspace, source, budget, kind=None, **asked):
    add_pool(workspace, "p", str(source), kind or kind_of(source))
    return engine.select(workspace, Spec(pool="p", method="random", budget=str(budget), **asked))


def front(folder):
    return yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])


@pytest.mark.parametrize("pictures", ["inside", "beside"])
def test_photos_of_a_folder_open_with_their_pictures(workspace, tmp_path, photos, pictures):
    run = chosen(workspace, photos, 7)
    out = export(workspace, run, "huggingface", tmp_path / "out", pictures=pictures)
    found = loaded(out, tmp_path)
    assert list(found) == ["train"]
    rows = {row["id"]: row for row in found["train"]}
    assert sorted(rows) == sorted(run.ids)
    if pictures == "inside":
        assert [row["id"] for row in found["train"]] == run.ids
        kept = pq.read_table(out / "data" / "train-00000-of-00001.parquet")["image"].to_pylist()
        assert [one["bytes"] for one in kept] == [(photos / id).read_bytes() for id in run.ids]
    for id, row in rows.items():
        assert row["image"].size == datasets.Image().decode_example({"path": str(photos / id), "bytes": None}).size
        assert row["group"] == id.split("/")[0]
        assert row["datasel"]["rank"] == run.ids.index(id) + 1


def test_texts_open_as_their_source_has_them(workspace, tmp_path):
    rows = [{"prompt": f"what is {at}?", "completion": f"it is {at}", "extra": at * 1.5} for at in range(30)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = chosen(workspace, tmp_path / "t.jsonl", 11)
    found = loaded(export(workspace, run, "huggingface", tmp_path / "out"), tmp_path)["train"]
    own = [{name: row[name] for name in ("prompt", "completion", "extra")} for row in found]
    asked = engine.select(workspace, Spec(pool="p", method="random", budget="11"))
    assert own == [rows[row] for row in asked.selection.rows]
    plain = export(workspace, run, "huggingface", tmp_path / "plain", datasel=False)
    assert set(loaded(plain, tmp_path / "2")["train"].column_names) == {"prompt", "completion", "extra"}


def test_splits_are_those_of_the_source(workspace, tmp_path):
    for split, start in (("train", 0), ("test", 10)):
        for at in range(start, start + 6):
            paint(tmp_path / "in" / split / "cats" / f"{at}.jpg", at)
    lines = [
        f"{split}/cats/{at}.jpg,{split}"
        for split, start in (("train", 0), ("test", 10))
        for at in range(start, start + 6)
    ]
    (tmp_path / "in" / "t.csv").write_text("\n".join(["path,split", *lines]) + "\n")
    run = chosen(workspace, tmp_path / "in" / "t.csv", 9, "images")
    for pictures in ("inside", "beside"):
        out = export(workspace, run, "huggingface", tmp_path / pictures, pictures=pictures)
        found = loaded(out, tmp_path / f"cache-{pictures}")
        ids = {split: sorted(found[split]["id"]) for split in found}
        assert ids == {s: sorted(id for id in run.ids if id.startswith(s)) for s in ("train", "test")}


def test_shards_are_as_large_as_was_asked(workspace, tmp_path):
    rng = np.random.default_rng(0)
    from PIL import Image

    (tmp_path / "in").mkdir()
    for at in range(12):
        Image.fromarray(rng.integers(0, 256, (300, 400, 3), np.uint8)).save(tmp_path / "in" / f"{at}.png")
    run = chosen(workspace, tmp_path / "in", 12)
    out = export(workspace, run, "huggingface", tmp_path / "out", shard=1)
    files = sorted((out / "data").iterdir())
    assert len(files) == 5  # 12 pictures of 360 kB
    assert [path.name for path in files] == [f"train-{at:05d}-of-00005.parquet" for at in range(5)]
    assert all(path.stat().st_size < 1.5e6 for path in files)
    assert loaded(out, tmp_path)["train"]["id"][:] == run.ids
    assert front(out)["configs"][0]["data_files"] == [
        {"split": "train", "path": [f"data/{path.name}" for path in files]}
    ]


def test_an_export_opened_as_a_pool_has_the_same_ids_and_pictures(workspace, tmp_path, photos):
    run = chosen(workspace, photos, 8)
    for pictures in ("inside", "beside"):
        out = export(workspace, run, "huggingface", tmp_path / pictures, pictures=pictures)
        assert kind_of(out) == "images"
        again = add_pool(workspace, pictures, str(out), "images")
        assert sorted(again.ids.tolist()) == sorted(run.ids)
        assert sorted(again.table["content"].to_pylist()) == sorted(run.table["content"].to_pylist())
        assert not again.unreadable


def test_texts_opened_again_are_the_same_and_the_record_is_no_data(workspace, tmp_path):
    rows = [{"id": f"q{at}", "prompt": f"what is {at}?", "response": f"it is {at}"} for at in range(20)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = chosen(workspace, tmp_path / "t.jsonl", 9)
    out = export(workspace, run, "huggingface", tmp_path / "out")
    again = add_pool(workspace, "again", str(out), kind_of(out))
    assert sorted(again.ids.tolist()) == sorted(run.ids)
    assert sorted(again.table["content"].to_pylist()) == sorted(run.table["content"].to_pylist())


def test_boxes_go_along(workspace, tmp_path):
    notes = layouts.coco(tmp_path / "coco")
    said = json.loads(notes.read_text())
    said["licenses"] = [{"id": 1, "name": "CC BY 4.0", "url": "http://creativecommons.org/licenses/by/4.0/"}]
    notes.write_text(json.dumps(said))
    run = chosen(workspace, tmp_path / "coco", 4)
    out = export(workspace, run, "huggingface", tmp_path / "out")
    names = {one["id"]: one["name"] for one in said["categories"]}
    files = {one["id"]: one["file_name"] for one in said["images"]}
    right: dict[str, list] = {}
    for one in said["annotations"]:
        right.setdefault(files[one["image_id"]], []).append((one["bbox"], names[one["category_id"]]))
    rows = list(loaded(out, tmp_path)["train"])
    assert any(row["objects"]["bbox"] for row in rows)
    for row in rows:
        found = list(zip(row["objects"]["bbox"], row["objects"]["category"], strict=True))
        assert found == [(list(map(float, box)), name) for box, name in right.get(row["id"].split("/")[-1], [])]
    card = (out / "README.md").read_text()
    assert "Of the source's pictures: `CC BY 4.0 http://creativecommons.org/licenses/by/4.0/`" in card


def test_licences_of_the_source_go_along(workspace, tmp_path):
    for at in range(3):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    (tmp_path / "in" / "README.md").write_text("---\nlicense: cc-by-4.0\ntags: [x]\n---\n# mine\n")
    (tmp_path / "in" / "LICENSE").write_text("You may.")
    run = chosen(workspace, tmp_path / "in", 2)
    out = export(workspace, run, "huggingface", tmp_path / "out")
    assert front(out)["license"] == "cc-by-4.0"
    assert (out / "LICENSE").read_text() == "You may."
    card = (out / "README.md").read_text()
    assert "license: cc-by-4.0" in card
    assert "The source's own text: LICENSE" in card


@pytest.mark.parametrize("name", ["LICENSE", "README.md"])
def test_nothing_outside_the_allowed_folders_leaves_as_a_licence(workspace, tmp_path, monkeypatch, name):
    root = tmp_path / "root"
    for at in range(3):
        paint(root / "in" / f"{at}.jpg", at)
    (tmp_path / "secret").write_text("---\nlicense: of somebody else\n---\n")
    (root / "in" / name).symlink_to(tmp_path / "secret")
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(root))
    run = chosen(workspace, root / "in", 2)
    out = export(workspace, run, "huggingface", root / "out")
    assert not any(b"somebody else" in data for data in contents(out).values())
    assert (out / "LICENSE").exists() is False


def test_the_card_says_how_it_was_chosen_and_is_never_markup(workspace, tmp_path, photos):
    run = chosen(workspace, photos, 5, where="\"group\" <> '![e](http://x)`'", seed=4)
    out = export(workspace, run, "huggingface", tmp_path / "out")
    card = (out / "README.md").read_text()
    assert f"# p: 5 of {run.manifest['pool']['n']}" in card
    assert run.manifest["command"] in card
    assert "5 photos by Random, seed 4" in card or "by Random" in card
    assert "- where: `\"group\" <> '![e](http://x)''`" in card
    assert "The source names no licence that was found." in card
    assert front(out)["size_categories"] == ["n<1K"]


def test_features_of_every_type_are_as_the_library_says(tmp_path):
    from datasel_core.exports.features import with_features

    table = pa.table(
        {
            "a": pa.array([1], pa.int32()),
            "b": pa.array([1.5]),
            "c": pa.array(["x"]),
            "d": pa.array([[1, 2]]),
            "e": pa.array([{"f": [{"g": True}]}]),
            "h": pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2)),
            "i": pa.array([0], pa.timestamp("us", "UTC")),
            "j": pa.array([b"x"]),
            "k": pa.array([1.5], pa.float32()),
            "l": pa.array(["x"], pa.large_string()),
            "m": pa.array([[1]], pa.large_list(pa.int64())),
            "n": pa.array([None], pa.date32()),
        }
    )
    schema = with_features(table.schema)
    said = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    own = datasets.Features.from_arrow_schema(table.schema)
    assert datasets.Features.from_dict(said) == own
    buffer = io.BytesIO()
    pq.write_table(table.cast(schema), buffer)
    (tmp_path / "t.parquet").write_bytes(buffer.getvalue())
    assert datasets.Dataset.from_parquet(str(tmp_path / "t.parquet"), cache_dir=str(tmp_path)).features == own


def test_a_leftover_shard_of_a_larger_export_is_not_read(workspace, tmp_path, photos):
    run = chosen(workspace, photos, 5)
    out = export(workspace, run, "huggingface", tmp_path / "out")
    (out / "data" / "train-00000-of-00009.parquet").write_bytes(
        (out / "data" / "train-00000-of-00001.parquet").read_bytes()
    )
    assert len(loaded(out, tmp_path)["train"]) == 5
    assert "datasel/manifest.json" in contents(out)
