"""COCO out: pycocotools reads it, its entries are those that a plain filter of the source keeps, and it opens again."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.exports.export import suited
from datasel_core.exports.json_text import members
from datasel_core.pools.guess import kind_of
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint, real_data
from tests.exports.exporting import FORMATS, export, refused
from tests.pools import layouts

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def chosen(workspace, source, budget="3", kind="images", name="p", **options):
    """A selection of a pool that is read from there."""
    add_pool(workspace, name, str(source), kind, options)
    return engine.select(workspace, Spec(pool=name, method="random", budget=budget))


def again(workspace, out, **options):
    """The export, opened by its path alone, beside the pool it came from."""
    return add_pool(workspace, "again", str(out), kind_of(out), options)


def rich(folder):
    """Instances with all that COCO may hold, and much that it may not, written as no tool of ours would write it."""
    path = layouts.coco(folder)
    said = json.loads(path.read_text())
    said["info"] = {"year": 2017, "url": "http://x", "mine": [1, {"images": []}]}
    said["licenses"] = [{"id": 4, "name": "BY é"}]
    for image in said["images"]:
        image |= {"license": 4, "flickr_url": "http://x", "attributes": {"image_id": 100, "night": True}}
    crowd = {"segmentation": {"counts": [0, 9, 2391], "size": [40, 60]}, "iscrowd": 1}
    points = {"keypoints": [1, 2, 2] * 17, "num_keypoints": 17}
    said["annotations"] += [
        {"id": 77, "image_id": at, "category_id": 3, "bbox": [0.1, 0.2, 8, 7], "area": 1e1, **crowd, **points}
        for at in range(100, 106)
    ]
    said["annotations"] += [{"id": 99, "image_id": 101, "category_id": 555, "bbox": [1, 1, 2, 2]}]
    said["categories"] += [{"id": 90, "name": "never drawn", "keypoints": ["nose"], "skeleton": [[1, 2]]}]
    text = json.dumps(said, indent=2, ensure_ascii=False).replace("10.25", "1.025e+1")
    path.write_text("\ufeff" + text, encoding="utf-8")
    return path


def filtered(path, names):
    """What a plain filter by file names keeps of a JSON file."""
    said = json.loads(path.read_text(encoding="utf-8-sig"))
    said["images"] = [image for image in said["images"] if image["file_name"] in names]
    ids = {image["id"] for image in said["images"]}
    said["annotations"] = [note for note in said["annotations"] if note["image_id"] in ids]
    return said


@pytest.mark.parametrize("by", ["file", "folder"])
def test_entries_leave_as_they_stand_in_the_source(workspace, tmp_path, by, capsys):
    from pycocotools.coco import COCO

    path = rich(tmp_path / "in")
    run = chosen(workspace, path if by == "file" else tmp_path / "in")
    out = export(workspace, run, "coco", tmp_path / "out")
    names = {id.removeprefix("train2017/") for id in run.table["id"].to_pylist()}
    said = json.loads((out / "annotations.json").read_text(encoding="utf-8"))
    assert said == filtered(path, names)
    assert list(said) == list(json.loads(path.read_text(encoding="utf-8-sig")))
    source, text = path.read_text(encoding="utf-8-sig"), (out / "annotations.json").read_text(encoding="utf-8")
    for key in ("images", "annotations"):
        assert set(members(text)[key].elements()) <= set(members(source)[key].elements())
    assert str(members(text)["info"]) == str(members(source)["info"])

    before, after = COCO.__new__(COCO), COCO(str(out / "annotations.json"))
    before.dataset = json.loads(path.read_text(encoding="utf-8-sig"))
    before.createIndex()
    capsys.readouterr()
    assert after.getCatIds() == before.getCatIds() == [1, 3, 7, 90]
    assert after.getAnnIds(areaRng=[9, 11]) == [
        note["id"] for note in before.loadAnns(before.getAnnIds(after.getImgIds(), areaRng=[9, 11]))
    ]
    for id in after.getImgIds():
        assert after.loadAnns(after.getAnnIds(id)) == before.loadAnns(before.getAnnIds(id))
        assert (out / "train2017" / after.imgs[id]["file_name"]).read_bytes() == (
            path.parent.parent / "train2017" / after.imgs[id]["file_name"]
        ).read_bytes()


def test_it_opens_again_with_the_same_ids_labels_and_pictures(workspace, tmp_path):
    run = chosen(workspace, rich(tmp_path / "in"))
    out = export(workspace, run, "coco", tmp_path / "out")
    pool, new = load_pool(workspace, "p"), again(workspace, out)
    assert sorted(new.ids) == sorted(run.table["id"].to_pylist())
    for row, old in enumerate(pool.rows(new.ids)):
        assert new.labels(row) == pool.labels(int(old))
        assert new.media(row).read() == pool.media(int(old)).read()
    assert new.column("image_id").tolist() == pool.column("image_id")[pool.rows(new.ids)].tolist()


@pytest.mark.parametrize("format", ["coco", "yolo", "label_studio"])
def test_the_preview_shows_what_would_be_written_of_the_first(workspace, tmp_path, format):
    run = chosen(workspace, layouts.coco(tmp_path / "in"), "4")
    shown = dict(FORMATS[format]().preview(open_record(workspace, run.folder), 2))
    name = {"coco": "annotations.json", "yolo": "train.txt", "label_studio": "tasks-00001.json"}[format]
    first = run.table["id"].to_pylist()
    assert all((Path(id).name in shown[name]) is (id in first[:2]) for id in first)
    assert [text for file, text in shown.items() if file.endswith(".jpg")] == [None, None]


def test_several_files_stay_several(workspace, tmp_path):
    layouts.coco(tmp_path / "in", 4)
    layouts.coco(tmp_path / "in", 3, split="val2017")
    run = chosen(workspace, tmp_path / "in", "5")
    out = export(workspace, run, "coco", tmp_path / "out")
    kept = run.table["id"].to_pylist()
    for split in ("train2017", "val2017"):
        names = {id.split("/")[1] for id in kept if id.startswith(split)}
        file = f"annotations/instances_{split}.json"
        assert json.loads((out / file).read_text()) == filtered(tmp_path / "in" / file, names)
    new, pool = again(workspace, out), load_pool(workspace, "p")
    assert sorted(new.ids) == sorted(kept)
    assert new.column("split").tolist() == pool.column("split")[pool.rows(new.ids)].tolist()


@pytest.mark.parametrize("captions", ["each", "mean"])
def test_captions_leave_with_their_pictures(workspace, tmp_path, captions):
    """Where each caption is a sample, only those that were chosen leave."""
    said = json.loads(layouts.coco(tmp_path / "in", 4).read_text())
    notes = [
        {"id": 10 + at, "image_id": 100 + at // 3, "caption": f" said {at}" if at != 4 else "", "mine": at}
        for at in range(12)
    ]
    path = tmp_path / "in" / "annotations" / "captions_train2017.json"
    path.write_text(json.dumps({"images": said["images"], "annotations": notes}))
    run = chosen(workspace, path, "3", "pairs", captions=captions)
    out = export(workspace, run, "coco", tmp_path / "out")
    told = json.loads((out / "annotations.json").read_text())
    ids = run.table["id"].to_pylist()
    if captions == "mean":
        assert told == filtered(path, {id.split("/")[1] for id in ids})
        assert sorted(again(workspace, out, captions="mean").ids) == sorted(ids)
        return
    kept = [note for note in notes if f"train2017/{note['image_id'] - 100:012d}.jpg#{note['mine'] % 3 + 1}" in ids]
    assert told["annotations"] == kept
    assert len(kept) == 3
    new = again(workspace, out)
    assert sorted(text for row in range(3) for text in new.text(row)) == sorted(run.table["caption"].to_pylist())


CHANGES = [
    lambda said, image, note: note.update(bbox=[0, 0, 1, 1]),
    lambda said, image, note: note.update(category_id=90),
    lambda said, image, note: said["annotations"].remove(note),
    lambda said, image, note: image.update(width=30),
    lambda said, image, note: image.update(file_name="other.jpg"),
    lambda said, image, note: said["images"].remove(image),
]


def test_an_annotation_file_that_changed_or_is_gone_is_refused(workspace, tmp_path):
    path = rich(tmp_path / "in")
    run = chosen(workspace, path)
    pool, text = load_pool(workspace, "p"), path.read_text(encoding="utf-8-sig")
    word = "says something else of a kept picture than when the pool p was added; add the pool again, and choose again"
    for change in CHANGES:
        said = json.loads(text)
        image = next(one for one in said["images"] if f"train2017/{one['file_name']}" in run.table["id"].to_pylist())
        change(said, image, next(one for one in said["annotations"] if one["image_id"] == image["id"]))
        path.write_text(json.dumps(said))
        refused(workspace, run, "coco", tmp_path / "out", word)
    for broken in (text[:-9], text.replace('"annotations":', '"annotations" '), text.replace("[", "[" * 100_000, 1)):
        path.write_text(broken)
        refused(workspace, run, "coco", tmp_path / "out", word)
    path.unlink()
    refused(
        workspace,
        run,
        "coco",
        tmp_path / "out",
        f"The annotations that the pool p was read from are not at {path} any more; put them back, or add the pool",
    )
    assert pool.layout == "coco"


def test_a_name_that_cannot_stay_is_refused_and_pictures_may_stay_where_they_are(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in")
    said = json.loads(path.read_text())
    for image in said["images"]:
        image["file_name"] = f"x/../{image['file_name']}"
    (tmp_path / "in" / "train2017" / "x").mkdir()
    path.write_text(json.dumps(said))
    run = chosen(workspace, path)
    name = "train2017/x/.*.jpg cannot have the same path in a new folder; set pictures to stay, or export files"
    refused(workspace, run, "coco", tmp_path / "out", name)
    out = export(workspace, run, "coco", tmp_path / "out", pictures="stay")
    kept = {id.removeprefix("train2017/") for id in run.table["id"].to_pylist()}
    assert json.loads((out / "annotations.json").read_text()) == filtered(path, kept)
    assert sorted(one.name for one in out.iterdir()) == ["annotations.json", "datasel"]


def test_pictures_are_linked_where_that_is_asked(workspace, tmp_path):
    run = chosen(workspace, layouts.coco(tmp_path / "in"))
    out = export(workspace, run, "coco", tmp_path / "out", pictures="link")
    assert all((out / id).samefile(tmp_path / "in" / id) for id in run.table["id"].to_pylist())


def test_yolo_becomes_coco(workspace, tmp_path, capsys):
    """Boxes against numbers that were worked out by hand: see the test of the reader."""
    from pycocotools.coco import COCO

    run = chosen(workspace, layouts.yolo(tmp_path / "in").parent, "6")
    out = export(workspace, run, "coco", tmp_path / "out")
    said = COCO(str(out / "annotations.json"))
    capsys.readouterr()
    assert said.dataset["categories"] == [{"id": 1, "name": "person"}, {"id": 2, "name": "<b>bus</b>"}]
    of = {image["file_name"]: said.loadAnns(said.getAnnIds(id)) for id, image in said.imgs.items()}
    (person,) = of["images/train/train0.jpg"]
    assert (person["category_id"], person["bbox"], person["area"], person["iscrowd"]) == (1, [24, 8, 16, 16], 256, 0)
    assert of["images/train/train1.jpg"][1]["bbox"] == pytest.approx([3.2, 4.8, 6.4, 3.2])
    assert {(image["width"], image["height"]) for image in said.imgs.values()} == {(64, 32)}
    new, pool = again(workspace, out), load_pool(workspace, "p")
    assert sorted(new.ids) == sorted(pool.ids)
    assert [new.labels(row) for row in range(6)] == [pool.labels(int(row)) for row in pool.rows(new.ids)]
    (tmp_path / "in" / "data.yaml").unlink()
    refused(workspace, run, "coco", tmp_path / "x", "The data.yaml that the pool p was read from is not at .* any more")


def test_photos_without_labels_are_images_without_annotations(workspace, tmp_path):
    for at in range(4):
        paint(tmp_path / "in" / "ab"[at % 2] / f"{at}.jpg", at)
    run = chosen(workspace, tmp_path / "in", "4")
    out = export(workspace, run, "coco", tmp_path / "out")
    said = json.loads((out / "annotations.json").read_text())
    assert [image["file_name"] for image in said["images"]] == run.table["id"].to_pylist()
    assert (said["annotations"], said["categories"]) == ([], [])
    assert sorted(again(workspace, out).ids) == sorted(run.table["id"].to_pylist())


def test_pictures_and_classes_out_of_parquet(workspace, tmp_path):
    """A caption and a class for each: captions and instances leave, each in a file; ids are beside other names."""
    import datasets

    own = [paint(tmp_path / f"{at}.png", at).read_bytes() for at in range(4)]
    kinds = datasets.Features(
        {
            "image": datasets.Image(),
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["cat", "ant"]),
        }
    )
    rows = {"image": [{"bytes": data, "path": None} for data in own], "text": list("abcd"), "label": [0, 1, 1, 0]}
    (tmp_path / "in").mkdir()
    datasets.Dataset.from_dict(rows, features=kinds).to_parquet(tmp_path / "in" / "train.parquet")
    run = chosen(workspace, tmp_path / "in", "4", "pairs")
    out = export(workspace, run, "coco", tmp_path / "out")
    said, drawn = (json.loads((out / f"{name}.json").read_text()) for name in ("annotations", "instances"))
    assert said["images"] == drawn["images"]
    assert drawn["categories"] == [{"id": 1, "name": "ant"}, {"id": 2, "name": "cat"}]
    for image in said["images"]:
        row = int(image["datasel"]["id"].removeprefix("train/"))
        assert image["file_name"] == f"images/train/{row}.png"
        assert (out / image["file_name"]).read_bytes() == own[row]
        assert [note["caption"] for note in said["annotations"] if note["image_id"] == image["id"]] == ["abcd"[row]]
        (note,) = [note for note in drawn["annotations"] if note["image_id"] == image["id"]]
        assert (note["category_id"], note.keys()) == ([2, 1, 1, 2][row], {"id", "image_id", "category_id"})
    said = "These pictures lie inside other files, so they cannot stay there; set pictures to copy"
    refused(workspace, run, "coco", tmp_path / "x", said, pictures="stay")


def test_what_suits(workspace, tmp_path):
    chosen(workspace, layouts.coco(tmp_path / "in"))
    assert next(iter(suited(load_pool(workspace, "p")))) == "coco"
    pq.write_table(pa.table({"text": ["one", "two", "three"]}), tmp_path / "t.parquet")
    run = chosen(workspace, tmp_path / "t.parquet", "1", "text", "t")
    assert "coco" not in suited(load_pool(workspace, "t"))
    refused(workspace, run, "coco", tmp_path / "x", "COCO describes pictures, and this pool has none; export jsonl or")


@pytest.mark.skipif(real_data() is None, reason="there is no folder of real data beside the project")
def test_real_scenes_with_captions(workspace, tmp_path, capsys):
    """Scenes of COCO, out and in again: the same captions of the same pictures."""
    from pycocotools.coco import COCO

    run = chosen(workspace, real_data() / "captions" / "pairs.jsonl", "10", "pairs", captions="mean")
    out = export(workspace, run, "coco", tmp_path / "out")
    judge = COCO(str(out / "annotations.json"))
    capsys.readouterr()
    assert (len(judge.imgs), len(judge.anns)) == (10, 50)
    new, pool = again(workspace, out, captions="mean"), load_pool(workspace, "p")
    old = {pool.value("path", int(row)): int(row) for row in pool.rows(run.table["id"].to_pylist())}
    assert {new.value("path", row): new.text(row) for row in range(10)} == {
        path: pool.text(row) for path, row in old.items()
    }


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a"', '{"a": [1', '{"a": 1 "b"', '{"a" 1}', '{"a": [1,, 2]}'])
def test_text_that_is_no_object_is_an_error(text):
    with pytest.raises(ValueError, match=r".+"):
        members(text)


def test_members_of_an_object():
    found = members(' { "a" : [ 1 , {"b": [2]}\n] ,"c":"x]" , "a2":[],"d":{}}')
    assert {key: str(one) for key, one in found.items()} == {
        "a": '[ 1 , {"b": [2]}\n]',
        "c": '"x]"',
        "a2": "[]",
        "d": "{}",
    }
    assert list(found["a"].elements()) == ["1", '{"b": [2]}']
    assert list(found["c"].elements()) == []


def test_classes_that_were_renamed_since_are_refused(workspace, tmp_path):
    layouts.yolo(tmp_path / "in")
    run = chosen(workspace, tmp_path / "in")
    path = next((tmp_path / "in").rglob("data.yaml"))
    said = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**said, "names": [f"new {at}" for at in range(len(said["names"]))]}))
    for format in ("coco", "label_studio"):
        refused(workspace, run, format, tmp_path / format, "has no class '.*' any more, which the pool p has; add the")


def test_nobodys_folder_is_named(workspace, tmp_path, photos, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    out = export(workspace, chosen(workspace, photos), "coco", tmp_path / "out")
    said = (out / "annotations.json").read_text()
    assert "its pictures lie in ~/photos" in said
    assert str(tmp_path) not in said
