"""Folders of pictures with metadata, conversations about pictures, and what all layouts have in common."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput
from datasel_core.pools.guess import kind_of
from datasel_core.pools.labels import Label, columns
from tests.conftest import ROOT, paint
from tests.pools import layouts

CASES = ROOT.parent / "shared" / "cases" / "09-usual-picture-layouts"


def add(workspace, source, kind=None, name="p", **options):
    return add_pool(workspace, name, str(source), kind or kind_of(source), options)


def metadata(folder, suffix, rows):
    """metadata.csv, .jsonl or .parquet beside the pictures that it names."""
    for at, row in enumerate(rows):
        paint(folder / row["file_name"], at)
    path = folder / f"metadata.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_an_imagefolder_is_what_datasets_reads(workspace, tmp_path, suffix, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    for split, n in (("train", 4), ("test", 2)):
        rows = [{"file_name": f"a/{split}{at}.png", "text": f"{split}, {at}", "stars": at} for at in range(n)]
        metadata(tmp_path / "in" / split, suffix, rows)
    datasets.disable_progress_bars()
    told = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "in"), cache_dir=str(tmp_path / "cache"))
    pool = add(workspace, tmp_path / "in")
    assert pool.kind == "pairs"
    rows = [(split, row) for split in ("test", "train") for row in told[split]]
    assert pool.n == len(rows)
    for at, (split, row) in enumerate(rows):
        assert (pool.value("split", at), pool.text(at), pool.value("stars", at)) == (split, [row["text"]], row["stars"])
        assert pool.open(at).tobytes() == row["image"].convert("RGB").tobytes()
    assert pool.ids.tolist()[0] == "test/a/test0.png"
    photos = add(workspace, tmp_path / "in", "images", "photos")
    assert photos.column("text").tolist() == [row["text"] for _, row in rows]


def test_an_imagefolder_without_captions_is_photos(workspace, tmp_path):
    rows = [{"file_name": f"{at}.png", "id": f"00{at}", "group": at, "mean": 0.5} for at in range(3)]
    path = metadata(tmp_path / "in", "jsonl", rows)
    path.write_text(path.read_text() + '{"file_name": "gone.png", "id": "x", "group": 1}\n')
    paint(tmp_path / "in/spare.png", 9)
    pool = add(workspace, tmp_path / "in")
    assert pool.kind == "images"
    assert pool.columns == ["id", "path", "group", "mean", "width", "height", "bytes"]
    assert (pool.ids.tolist(), pool.column("group").tolist()) == (["000", "001", "002"], ["0", "1", "2"])
    assert pool.unreadable == [{"id": "x", "reason": "the file is not there"}]
    said = "Pictures that nothing in this layout names, left out: 1; --option layout=plain opens all."
    assert said in pool.about["notes"]
    assert add(workspace, tmp_path / "in", name="all", layout="plain").n == 4


def test_a_picture_in_several_rows(workspace, tmp_path):
    """Of pairs each row is a caption and keeps its columns; a photo is one photo."""
    rows = [{"file_name": f"{at}.png", "text": said, "by": said} for at, said in ((0, "a"), (1, "b"), (0, "c"))]
    path = metadata(tmp_path / "in", "jsonl", rows)
    pool = add(workspace, path)
    assert pool.ids.tolist() == ["0.png#1", "1.png", "0.png#2"]
    assert (pool.text(2), pool.value("by", 2)) == (["c"], "c")
    photos = add(workspace, path, "images", "photos")
    assert photos.ids.tolist() == ["0.png", "1.png"]
    repeated = {"id": "0.png", "reason": "an earlier entry has the same name; the first is used"}
    assert photos.unreadable == [repeated]


def test_pairs_without_a_column_of_captions(workspace, tmp_path):
    path = metadata(tmp_path / "in", "jsonl", [{"file_name": "0.png", "said": "a"}])
    with pytest.raises(
        BadInput, match="metadata.jsonl has no column of captions; name one with --option caption_column="
    ):
        add(workspace, path, "pairs")
    assert add(workspace, path, "pairs", caption_column="said").text(0) == ["a"]
    with pytest.raises(BadInput, match="metadata.jsonl has no column other; it has: file_name, said."):
        add(workspace, path, "pairs", name="q", caption_column="other")


def llava(folder, suffix, rows):
    for at in range(3):
        paint(folder / "images" / f"{at}.jpg", at)
    path = folder / f"chats.{suffix}"
    path.write_text(json.dumps(rows) if suffix == "json" else "".join(json.dumps(row) + "\n" for row in rows))
    return path


def said(*texts):
    return [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(texts)]


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_conversations_about_pictures(workspace, tmp_path, suffix):
    """The caption is all that the assistant says."""
    rows = [
        {"id": "0", "image": "0.jpg", "conversations": said("<image>\nWhat is it?", "A cat.", "Where?", " At home. ")},
        {"id": "1", "image": ["1.jpg"], "conversations": said("Describe.\n<image>", "A dog.")},
        {"id": "2", "image": "gone.jpg", "conversations": said("What?", "A car.")},
        {"id": "3", "image": ["0.jpg", "1.jpg"], "conversations": said("Which?", "The first.")},
        {"id": "4", "conversations": said("Hello", "Hi.")},
        {"id": "5", "image": "2.jpg", "conversations": said("What?")},
        {"id": "6", "image": "2.jpg"},
        {"id": "1", "image": "1.jpg", "conversations": said("Describe.\n<image>", "A dog.")},
    ]
    pool = add(workspace, llava(tmp_path / "in", suffix, rows))
    assert pool.kind == "pairs"
    assert pool.ids.tolist() == ["0", "1"]
    assert [pool.text(row) for row in range(2)] == [["A cat.\nAt home."], ["A dog."]]
    assert pool.column("question").tolist() == ["What is it?", "Describe."]
    assert pool.column("path").tolist() == ["images/0.jpg", "images/1.jpg"]
    assert {one["id"]: one["reason"] for one in pool.unreadable} == {
        "2": "the file is not there",
        "3": "it has 2 images; a pair has one",
        "4": "it has no image",
        "5": "it has no caption",
        f"chats.{suffix}, item 7": "it has no conversations",
    }
    assert "Entries that repeat an earlier one word for word, passed over: 1." in pool.about["notes"]


def test_several_conversations_about_one_picture_are_its_captions(workspace, tmp_path):
    rows = [
        {"id": "a", "image": "images/0.jpg", "conversations": said("What?", "A cat.")},
        {"id": "a", "image": "images/0.jpg", "conversations": said("Where?", "At home.")},
        {"id": "b", "image": "images/1.jpg", "conversations": said("What?", "A dog.")},
    ]
    path = llava(tmp_path / "in", "jsonl", rows)
    path.write_text(path.read_text() + "{broken\n")
    pool = add(workspace, tmp_path / "in")
    assert pool.ids.tolist() == ["images/0.jpg#1", "images/0.jpg#2", "images/1.jpg"]
    assert pool.unreadable[0]["id"] == "chats.jsonl, item 4"
    assert pool.unreadable[0]["reason"].startswith("it is no JSON")


def test_chats_without_pictures_stay_texts(tmp_path):
    (tmp_path / "chats.json").write_text(json.dumps([{"id": "1", "conversations": said("Hello", "Hi.")}]))
    assert kind_of(tmp_path / "chats.json") == "text"


def test_links_and_paths_out_of_the_allowed_folders_are_listed(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(tmp_path / "in"))
    paint(tmp_path / "out.jpg", 0)
    path = layouts.coco(tmp_path / "in", 2)
    text = (
        path.read_text()
        .replace("000000000000.jpg", "../../out.jpg")
        .replace("000000000001.jpg", "../../out\\u0000.jpg")
    )
    path.write_text(text)
    with pytest.raises(BadInput, match="None of the 2 pictures that COCO instances lists can be used"):
        add(workspace, path)


def test_a_pool_without_labels_has_none(workspace, photos):
    pool = add(workspace, photos)
    assert pool.labels(0) == []
    assert pool.group_column == "group"
    assert not (pool.folder / "labels.parquet").exists()
    assert "labels_sha256" not in pool.about


def test_the_rarest_class_is_the_one_with_the_fewest_instances_in_the_pool():
    labels = [[Label("a"), Label("b")], [Label("a"), Label("a")], [Label("c"), Label("b")], []]
    # a: 3, b: 2, c: 1 instances
    assert columns(labels)["rarest_class"].to_pylist() == ["b", "a", "c", None]
    assert columns([[Label("y"), Label("x")]])["rarest_class"].to_pylist() == ["x"]


@pytest.mark.parametrize(
    ("path", "n", "left"),
    [("hf_imagefolder", 8, 0), ("llava/train.json", 4, 1), ("llava/train.jsonl", 4, 1), ("llava", 4, 2)],
)
def test_case_09(workspace, monkeypatch, path, n, left):
    if not CASES.is_dir():
        pytest.skip("there are no shared cases beside the project")
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(CASES.resolve()))
    pool = add(workspace, CASES / path)
    assert (pool.kind, pool.n, pool.left_out) == ("pairs", n, left)
