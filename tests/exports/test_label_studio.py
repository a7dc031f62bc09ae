"""Tasks for Label Studio: by its documented shapes, by its own SDK where one is named, and by ids that come back."""

import json
import os
import posixpath
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter
from datasel_core.exports.export import suited
from datasel_core.exports.label_studio import LabelStudio
from datasel_core.pools.guess import kind_of
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, paint
from tests.exports.exporting import export, refused, told
from tests.exports.test_yolo import boxed
from tests.pools import layouts


def chosen(workspace, source, budget="3", name="p", kind=None, **options):
    add_pool(workspace, name, str(source), kind or kind_of(source), options)
    return engine.select(workspace, Spec(pool=name, method="random", budget=budget))


def tasks(out: Path) -> list[dict]:
    return [task for path in sorted(out.glob("tasks-*.json")) for task in json.loads(path.read_text(encoding="utf-8"))]


def checked(out: Path) -> list[dict]:
    """The tasks, after what Label Studio asks of them: every $name of the configuration is in the data, and results
    refer to tags and to words that it has.
    """
    root = ElementTree.parse(out / "config.xml").getroot()
    tags = {tag.get("name"): tag for tag in root.iter() if tag.get("name")}
    found = tasks(out)
    for task in found:
        assert task.keys() <= {"data", "meta", "predictions", "annotations"}
        assert {tag.get("value")[1:] for tag in tags.values() if tag.get("value", "").startswith("$")} <= {
            *task["data"]
        }
        for made in [*task.get("predictions", []), *task.get("annotations", [])]:
            for one in made["result"]:
                tag = tags[one["from_name"]]
                assert tag.tag.lower() == one["type"]
                assert tag.get("toName") == one["to_name"]
                assert set(one["value"][one["type"]]) <= {word.get("value") for word in tag}
            assert len({one["id"] for one in made["result"]}) == len(made["result"])
    return found


def served(task: dict, root: Path, storage: Path) -> bytes:
    """What the address of a picture gives, by the rules of Label Studio: below the root, and in the storage."""
    address = urlsplit(task["data"]["image"])
    assert address.path == "/data/local-files/"
    (name,) = parse_qs(address.query)["d"]
    path = root / posixpath.normpath(name).lstrip("/")
    assert path.is_relative_to(storage)
    assert storage.parent.is_relative_to(root)  # a storage is a folder in the root, not the root itself
    return path.read_bytes()


@pytest.fixture
def photos(tmp_path):
    """Photos with names that an address has to quote, in two groups."""
    for at, name in enumerate(["a/0 %.jpg", "a/ü&=#?.jpg", "b/2.jpg", "b/+.png"]):
        paint(tmp_path / "in" / name, at)
    return tmp_path / "in"


def test_photos_without_labels(workspace, photos, tmp_path):
    run = chosen(workspace, photos, "4")
    pool = load_pool(workspace, "p")
    assert next(iter(suited(pool))) == "label_studio"
    out, notes = told(workspace, run, "label_studio", tmp_path / "out")
    found = checked(out)
    ids = run.table["id"].to_pylist()
    assert [task["data"]["id"] for task in found] == [task["data"]["sample_id"] for task in found] == ids
    assert [task["meta"]["id"] for task in found] == ids
    for task, id in zip(found, ids, strict=True):
        assert served(task, out, out / "images") == (photos / id).read_bytes()
        assert task.keys() == {"data", "meta"}
    root = ElementTree.parse(out / "config.xml").getroot()
    assert [word.get("value") for word in root.iter("Choice")] == ["a", "b"]
    said = (out / "README.md").read_text()
    assert "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true" in said
    assert 'LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT="$PWD" label-studio start' in said
    assert "the absolute path of the pictures: images in this folder; with Docker /label-studio/files/images." in said
    assert "Import tasks-00001.json." in said
    assert notes == ["Label Studio shows the pictures only when it serves local files: README.md says how to start it."]


def test_pictures_may_stay_where_they_are(workspace, photos, tmp_path):
    paint(tmp_path / "other" / "9.jpg", 9)
    names = ["a/0 %.jpg", "b/../b/2.jpg", "../other/9.jpg"]
    (photos / "t.csv").write_text("\n".join(["path", *names]) + "\n")
    run = chosen(workspace, photos / "t.csv", "3")
    out = export(workspace, run, "label_studio", tmp_path / "x" / "out", pictures="stay")
    said = (out / "README.md").read_text()
    assert f'LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT="{tmp_path.parent}"' in said
    assert f"the pictures: {tmp_path}; with Docker /label-studio/files/{tmp_path.name}." in said
    for task, id in zip(checked(out), run.table["id"].to_pylist(), strict=True):
        assert served(task, tmp_path.parent, tmp_path) == (photos / id).read_bytes()
    assert not (out / "images").exists()
    assert [word.get("value") for word in ElementTree.parse(out / "config.xml").getroot().iter("Label")] == ["object"]
    linked = export(workspace, run, "label_studio", tmp_path / "linked", pictures="link")
    assert (linked / "images/other/9.jpg").samefile(tmp_path / "other" / "9.jpg")


@pytest.mark.parametrize("labels", ["predictions", "annotations", "none"])
def test_boxes_go_along_in_percent(workspace, tmp_path, labels):
    """Of 60 x 40 pixels: worked out by hand."""
    run = chosen(workspace, boxed(tmp_path / "in"), "4")
    out, notes = told(workspace, run, "label_studio", tmp_path / "out", labels=labels)
    of = {task["data"]["id"].split("/")[1]: task for task in checked(out)}
    assert all((labels in task) <= (labels != "none") for task in of.values())
    words = [tag.get("value") for tag in ElementTree.parse(out / "config.xml").getroot().iter("Label")]
    assert words == ["![a](http://127.0.0.1/x)", "bicyclist", "car", "never drawn"]
    if labels == "none":
        assert all(task.keys() == {"data", "meta"} for task in of.values())
        assert len(notes) == 1
        return
    (made,) = of["000000000001.jpg"][labels]
    assert made.get("model_version") == ("source" if labels == "predictions" else None)
    first, edge, plain = made["result"]
    size = {"original_width": 60, "original_height": 40, "image_rotation": 0}
    about = {"from_name": "box", "to_name": "image", "type": "rectanglelabels", **size}
    assert {name: value for name, value in first.items() if name not in ("id", "value")} == about
    box = {"x": 10.0, "y": 16.25, "width": 100 / 3, "height": 25.625, "rotation": 0}
    assert first["value"].pop("rectanglelabels") == ["car"]
    assert first["value"] == pytest.approx(box, abs=1e-9)
    box = {"x": 0.0, "y": 75.0, "width": 100 / 6, "height": 25.0, "rotation": 0}
    assert edge["value"].pop("rectanglelabels") == ["![a](http://127.0.0.1/x)"]
    assert edge["value"] == pytest.approx(box, abs=1e-9)
    assert (plain["from_name"], plain["value"]) == ("class", {"choices": ["bicyclist"]})
    assert "Boxes that reach over the edge of their picture, cut there: 1." in notes
    # a picture on which people found nothing is done, and nobody predicts anything on it
    assert of["000000000003.jpg"][labels] == ([{"result": []}] if labels == "annotations" else [])


def test_classes_that_cannot_be_read_any_more_are_refused(workspace, tmp_path):
    path = boxed(tmp_path / "in")
    run = chosen(workspace, path, "4")
    path.write_text(path.read_text()[:-5])
    said = f"{path} cannot be read any more (.*); add the pool again"
    refused(workspace, run, "label_studio", tmp_path / "out", said)
    path.unlink()
    said = f"The annotations that the pool p was read from are not at {path} any more; put them back, or add the pool"
    refused(workspace, run, "label_studio", tmp_path / "out", said)


def test_classes_and_pictures_out_of_parquet(workspace, tmp_path):
    import datasets

    own = [paint(tmp_path / f"{at}.png", at).read_bytes() for at in range(3)]
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=['"<cat>"', "a&b"])})
    rows = {"image": [{"bytes": data, "path": None} for data in own], "label": [0, 1, 1]}
    (tmp_path / "in").mkdir()
    datasets.Dataset.from_dict(rows, features=kinds).to_parquet(tmp_path / "in" / "train.parquet")
    run = chosen(workspace, tmp_path / "in", "3")
    out = export(workspace, run, "label_studio", tmp_path / "out")
    for task in checked(out):
        row = int(task["data"]["id"].removeprefix("train/"))
        assert served(task, out, out / "images") == own[row]
        assert task["predictions"][0]["result"][0]["value"] == {"choices": [['"<cat>"', "a&b", "a&b"][row]]}
    assert 'choice="single"' in (out / "config.xml").read_text()
    said = "These pictures lie inside other files, so they cannot stay there; set pictures to copy"
    refused(workspace, run, "label_studio", tmp_path / "x", said, pictures="stay")
    broken = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["c\x01", "d"])})
    datasets.Dataset.from_dict(rows, features=broken).to_parquet(tmp_path / "in" / "train.parquet")
    run = chosen(workspace, tmp_path / "in", "3", "q")
    said = r"The class 'c\\x01' holds a character that XML does not have; export jsonl or coco"
    refused(workspace, run, "label_studio", tmp_path / "x", said)


def test_reasons_are_hidden_until_they_are_shown(workspace, photos, tmp_path):
    run = chosen(workspace, photos, "4")
    table = run.table.set_column(
        run.table.column_names.index("why"), "why", [['{"gap": 0.5, "seen": NaN}', "{}", "", "{}"]]
    )
    why = [{"gap": 0.5, "seen": None}, {}, {}, {}]
    record = replace(open_record(workspace, run.folder), table=table)
    for hide in (True, False):
        out = LabelStudio(hide_reasons=hide).write(record, tmp_path / f"out-{hide}", Progress())
        found = checked(out)
        assert [task["meta"]["why"] for task in found] == why
        assert [task["meta"]["rank"] for task in found] == [1, 2, 3, 4]
        assert all(task["meta"]["score"] is None and task["meta"]["count"] == 1 for task in found)
        shown = [task["data"].get("why") for task in found]
        assert shown == ([None] * 4 if hide else ["gap: 0.5, seen: None", "", "", ""])
        assert ('value="$why"' in (out / "config.xml").read_text()) is not hide
        assert [set(task["data"]) for task in found] == [
            {"image", "id", "sample_id"} | (set() if hide else {"rank", "score", "why"})
        ] * 4
    assert LabelStudio().hide_reasons


# ---- texts and pairs


def test_running_text_conversations_and_two_responses(workspace, tmp_path):
    said = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "one?"}]
    chats = [{"messages": [*said, {"role": "assistant", "content": f"{at} <b>"}]} for at in range(3)]
    sources = {
        "text": [{"text": f"number {at}\n\nand more"} for at in range(3)],
        "prompts": [{"prompt": f"{at}?", "response": f"{at}!"} for at in range(3)],
        "chats": chats,
        "preferences": [{"prompt": f"{at}?", "chosen": f"{at}!", "rejected": "no"} for at in range(3)],
    }
    for name, rows in sources.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        run = chosen(workspace, tmp_path / f"{name}.jsonl", "3", name)
        out, notes = told(workspace, run, "label_studio", tmp_path / "out" / name)
        found = {task["data"].pop("id"): task["data"] for task in checked(out)}
        first = found[f"{name}-00001"]
        assert first.pop("sample_id") == f"{name}-00001"
        turns = lambda *texts: [{"role": role, "text": text} for role, text in texts]  # noqa: E731
        assert (
            first
            == {
                "text": {"text": "number 0\n\nand more"},
                "prompts": {"dialogue": turns(("user", "0?"), ("assistant", "0!"))},
                "chats": {"dialogue": turns(("system", "be brief"), ("user", "one?"), ("assistant", "0 <b>"))},
                "preferences": {"dialogue": turns(("user", "0?"), ("assistant", "0!")), "rejected": "no"},
            }[name]
        )
        config = ElementTree.parse(out / "config.xml").getroot()
        if name != "text":
            tag = config.find("Paragraphs")
            assert (tag.get("nameKey"), tag.get("textKey"), tag.get("value")) == ("role", "text", "$dialogue")
        assert not (out / "images").exists()
        assert "LOCAL_FILES" not in (out / "README.md").read_text()
        assert notes == []


@pytest.mark.parametrize("captions", ["each", "mean"])
def test_pairs_show_the_picture_and_what_is_said(workspace, tmp_path, captions):
    for at in range(3):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines = [{"image": f"{at}.jpg", "captions": [f"{at} a", f"{at} b"]} for at in range(3)]
    (tmp_path / "in" / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = chosen(workspace, tmp_path / "in" / "t.jsonl", "3", kind="pairs", captions=captions)
    out = export(workspace, run, "label_studio", tmp_path / "out")
    for task, row in zip(checked(out), run.table.to_pylist(), strict=True):
        assert task["data"]["caption"] == ("\n".join(row["captions"]) if captions == "mean" else row["caption"])
        assert served(task, out, out / "images") == (tmp_path / "in" / row["path"]).read_bytes()


# ---- files of tasks


def test_files_hold_no_more_tasks_and_bytes_than_asked(workspace, tmp_path):
    texts = ["é" * (10 + 40 * (at % 7)) for at in range(50)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    run = chosen(workspace, tmp_path / "t.jsonl", "50")
    whole = tasks(export(workspace, run, "label_studio", tmp_path / "whole"))
    assert [task["data"]["id"] for task in whole] == run.table["id"].to_pylist()
    for params, most, size in (({"tasks_per_file": 7}, 7, 1e9), ({"megabytes_per_file": 0.002}, 50, 2000)):
        out = export(workspace, run, "label_studio", tmp_path / str(most), **params)
        files = sorted(out.glob("tasks-*.json"))
        assert [path.name for path in files] == [f"tasks-{at:05d}.json" for at in range(1, len(files) + 1)]
        assert tasks(out) == whole
        parts = [json.loads(path.read_text()) for path in files]
        assert all(len(part) <= most and path.stat().st_size < size for part, path in zip(parts, files, strict=True))
        for part, path, after in zip(parts, files, parts[1:], strict=False):  # none is smaller than it has to be
            more = len(json.dumps(after[0], ensure_ascii=False).encode())
            assert len(part) == most or path.stat().st_size + 2 + more >= size
        assert f"tasks-00001.json to {files[-1].name}, one after the other" in (out / "README.md").read_text()
    said = r"The task of t-000\d\d has 0.000\d+ MB, and no file may have 0.0003; raise megabytes_per_file, or choose"
    refused(workspace, run, "label_studio", tmp_path / "x", said, megabytes_per_file=0.0003)
    assert LabelStudio().tasks_per_file < 100_000
    assert LabelStudio().megabytes_per_file == 200
    with pytest.raises(BadParameter, match="tasks_per_file is 0; it must be greater than or equal to 1"):
        LabelStudio(tasks_per_file=0)


def test_what_does_not_suit(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", embedding=clustered(rng, 8, 3, 2))
    run = chosen(workspace, tmp_path / "v.npz", "2", kind="vectors")
    said = "Nobody can label samples of which nothing can be shown; export ids or csv"
    refused(workspace, run, "label_studio", tmp_path / "out", said)
    pq.write_table(pa.table({"path": ["0.jpg"], "labels": ["no list"]}), tmp_path / "t.parquet")
    paint(tmp_path / "0.jpg", 0)
    run = chosen(workspace, tmp_path / "t.parquet", "1", "t")  # a column that is called as ours, and is another
    (task,) = checked(export(workspace, run, "label_studio", tmp_path / "t"))
    assert task.keys() == {"data", "meta"}


# ---- its own SDK, which needs another numpy than we do, so that it stands in an environment of its own

_JUDGE = """
import json, pathlib, sys, tempfile
from label_studio_sdk.converter import Converter
from label_studio_sdk.label_interface import LabelInterface
for folder in map(pathlib.Path, sys.argv[1:]):
    config = (folder / "config.xml").read_text(encoding="utf-8")
    judge = LabelInterface(config)
    judge.validate()
    for path in sorted(folder.glob("tasks-*.json")):
        tasks = json.loads(path.read_text(encoding="utf-8"))
        for at, task in enumerate(tasks, 1):
            assert judge.validate_task({"data": task["data"]}), task
            for made in [*task.get("predictions", []), *task.get("annotations", [])]:
                assert judge.validate_prediction(made, return_errors=True) == [], made
            task["id"] = 1000 + at
            task.setdefault("annotations", task.pop("predictions", []) or [{"result": []}])
        with tempfile.TemporaryDirectory() as home:
            whole = pathlib.Path(home, "whole.json")
            whole.write_text(json.dumps(tasks), encoding="utf-8")
            Converter(config, project_dir=home).convert_to_json_min(str(whole), home, is_dir=False)
            back = json.loads(pathlib.Path(home, "result.json").read_text(encoding="utf-8"))
        assert [one["sample_id"] for one in back] == [task["meta"]["id"] for task in tasks]
        print(len(back), "tasks read")
"""


def test_its_own_sdk_reads_the_tasks(workspace, photos, tmp_path):
    python = os.environ.get("DATASEL_LABEL_STUDIO_PYTHON", sys.executable)
    has = subprocess.run([python, "-c", "import label_studio_sdk"], capture_output=True, check=False)
    if has.returncode:
        pytest.skip(
            "label-studio-sdk is not here; DATASEL_LABEL_STUDIO_PYTHON may name a Python of another environment with it"
        )
    outs = [export(workspace, chosen(workspace, photos, "4"), "label_studio", tmp_path / "out-0", hide_reasons=False)]
    drawn = chosen(workspace, boxed(tmp_path / "coco"), "4", "drawn")
    for labels in ("predictions", "annotations"):
        outs.append(export(workspace, drawn, "label_studio", tmp_path / labels, labels=labels))
    yolo = chosen(workspace, layouts.yolo(tmp_path / "yolo").parent, "6", "yolo")
    outs.append(export(workspace, yolo, "label_studio", tmp_path / "out-y", labels="annotations"))
    chats = [{"prompt": f"{at}?", "chosen": f"{at}!", "rejected": "no"} for at in range(3)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chats))
    outs.append(
        export(workspace, chosen(workspace, tmp_path / "t.jsonl", "3", "t"), "label_studio", tmp_path / "out-t")
    )
    done = subprocess.run([python, "-c", _JUDGE, *outs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == [f"{n} tasks read" for n in (4, 4, 4, 6, 3)]
