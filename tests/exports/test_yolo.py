"""YOLO out: read by the documented rules of ultralytics, and opened again by the program itself."""

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import parse_task
from datasel_core.base.progress import Progress
from datasel_core.exports.export import suited
from datasel_core.pools.guess import kind_of
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint, real_data
from tests.exports import test_guard
from tests.exports.exporting import contents, export, refused
from tests.pools import layouts


def chosen(workspace, source, budget="3", name="p", **asked):
    add_pool(workspace, name, str(source), kind_of(source))
    return engine.select(workspace, Spec(pool=name, method="random", budget=budget, **asked))


@pytest.fixture
def pool(workspace, tmp_path):
    layouts.yolo(tmp_path / "in")
    return add_pool(workspace, "p", str(tmp_path / "in"), "images")


@pytest.fixture
def run(workspace, pool):
    return engine.select(workspace, Spec(pool="p", method="random", budget="3"))


@pytest.fixture
def other(workspace, pool):
    return engine.select(workspace, Spec(pool="p", method="random", budget="2", seed=5))


def read(out: Path) -> tuple[dict[str, list[str]], dict[str, list[list[float]]]]:
    """By the rules that ultralytics documents: part -> pictures; picture -> lines of its label file. What those rules
    refuse fails here.
    """
    said = yaml.safe_load((out / "data.yaml").read_text(encoding="utf-8"))
    assert "path" not in said  # then all is relative to the file
    parts, lines = {}, {}
    for part in ("train", "val", "test"):
        if part not in said:
            assert part == "test"
            continue
        lines_of = (out / said[part]).read_text().splitlines()
        assert all(line.startswith("./") for line in lines_of)  # then they are relative to the list
        found = [out / line.removeprefix("./") for line in lines_of]
        parts[part] = [path.relative_to(out).as_posix() for path in found]
        for path in found:
            assert path.is_file()
            label = Path("/labels/".join(str(path).rsplit("/images/", 1))).with_suffix(".txt")
            text = label.read_text() if label.is_file() else ""
            lines[path.relative_to(out).as_posix()] = [
                list(map(float, line.split())) for line in text.splitlines() if line.strip()
            ]
    for own in lines.values():
        for number, *shares in own:
            assert int(number) in range(len(said["names"]))
            assert all(0 <= share <= 1 for share in shares)
    return parts, lines


@pytest.mark.parametrize(
    "said",
    [
        {},
        {
            "path": "../in",
            "train": ["images/train"],
            "names": ["person", "<b>bus</b>"],
            "nc": 2,
            "download": "http://x",
        },
        {"train": "train.txt", "val": "val.txt", "roboflow": {"licence": "CC BY é"}},
        {"val": "images/mixed", "train": "train.txt"},
    ],
)
def test_files_leave_as_they_are(workspace, tmp_path, said):
    described, source = layouts.yolo(tmp_path / "in", **said), tmp_path / "in"
    (source / "labels/train/train3.txt").unlink()  # a background without a label file, and one with an empty one
    (source / "labels/val/val1.txt").write_text("")
    (source / "labels/train/train0.txt").write_bytes(b"0  5e-1 .5 0.25 0.5\r\n\r\n")
    if said.get("val") == "images/mixed":
        (source / "images/val").rename(source / "images/mixed")
        (source / "labels/val").rename(source / "labels/mixed")
        paint(source / "images/mixed/train4.jpg", 4)
    for part, n in (("train", 4), ("val", 2)):
        (source / f"{part}.txt").write_text("".join(f"./images/{part}/{part}{at}.jpg\n" for at in range(n)))
    with open(source / "train.txt", "a") as file:
        file.write("./images/mixed/train4.jpg\n" if said.get("val") == "images/mixed" else "")
    run = chosen(workspace, source, "100%")
    pool = load_pool(workspace, "p")
    out = export(workspace, run, "yolo", tmp_path / "out")
    before, after = (yaml.safe_load((path / "data.yaml").read_text()) for path in (source, out))
    gone = {"path", "download", "train", "val", "test"}
    assert {key: after[key] for key in after.keys() - gone} == {key: before[key] for key in before.keys() - gone}
    assert list(after["names"]) == list(before["names"])
    files = {name for name in contents(out) if not name.startswith("datasel/")} - {"data.yaml", "train.txt", "val.txt"}
    labels = {re.sub("^images/(.*)jpg$", r"labels/\1txt", id) for id in pool.ids}
    assert files == {*pool.ids, *(name for name in labels if (source / name).is_file())}
    assert all((out / name).read_bytes() == (source / name).read_bytes() for name in files)
    parts, _ = read(out)
    assert sorted(parts["train"] + parts["val"]) == sorted(pool.ids)

    new = add_pool(workspace, "again", str(out), kind_of(out))
    old = pool.rows(new.ids)
    assert sorted(new.ids) == sorted(pool.ids)
    assert new.column("split").tolist() == pool.column("split")[old].tolist()
    assert [new.labels(row) for row in range(new.n)] == [pool.labels(int(row)) for row in old]
    assert described.read_text() == yaml.safe_dump(before, sort_keys=False)


def test_only_what_was_kept_leaves(workspace, run, other, tmp_path):
    """Pictures of an earlier export stay in the folder, and are none of the data set."""
    export(workspace, other, "yolo", tmp_path / "out")
    out = export(workspace, run, "yolo", tmp_path / "out")
    parts, _ = read(out)
    assert sorted({*parts["train"], *parts["val"]}) == sorted(run.table["id"].to_pylist())
    linked = export(workspace, run, "yolo", tmp_path / "linked", pictures="link")
    for id in run.table["id"].to_pylist():
        assert (linked / id).samefile(tmp_path / "in" / id)
        assert not (out / id).samefile(tmp_path / "in" / id)


@pytest.mark.parametrize(
    ("where", "said", "read_again"),
    [
        ("split = 'train'", "No picture was kept for validation: train stands for it.", ["train"] * 2),
        ("split <> 'train'", "No picture was kept for training: train.txt is empty.", ["validation"] * 2),
    ],
)
def test_a_part_that_nobody_kept_is_said(workspace, pool, tmp_path, where, said, read_again):
    run = engine.select(workspace, Spec(pool="p", method="random", budget="2", where=where))
    asked = {"do": "export", "run": str(run.folder), "format": "yolo", "out": str(tmp_path / "out")}
    outcome = parse_task(asked).prepare(workspace).run(Progress())
    assert said in outcome.notes
    assert (tmp_path / "out" / "data.yaml").read_text().startswith(f"# {said}\n")
    new = add_pool(workspace, "again", str(tmp_path / "out"), "images")
    assert new.column("split").tolist() == read_again
    assert sorted(new.ids) == sorted(run.table["id"].to_pylist())


def test_files_that_changed_or_are_gone_are_refused(workspace, run, tmp_path):
    source = tmp_path / "in"
    id = run.table["id"].to_pylist()[0]
    label = source / id.replace("images", "labels", 1).replace(".jpg", ".txt")
    whole, described = label.read_text(), (source / "data.yaml").read_text()
    word = (
        "labels/.*txt or data.yaml says something else than when the pool p was added; add the pool again, and choose"
    )
    for text in (whole + whole, whole.replace("0.5", "0.4"), "1" + whole[1:] if whole[0] == "0" else "0" + whole[1:]):
        label.write_text(text)
        refused(workspace, run, "yolo", tmp_path / "out", word)
    label.write_bytes(b"\xff\xff")
    refused(workspace, run, "yolo", tmp_path / "out", word)
    label.unlink()
    refused(workspace, run, "yolo", tmp_path / "out", word)
    label.write_text(whole)
    (source / "data.yaml").write_text(described.replace("person", "man"))
    if "person" not in described:
        pytest.fail("the layout of the tests has another class")
    (source / "data.yaml").write_text(described.replace("<b>bus</b>", "bus").replace("person", "man"))
    refused(workspace, run, "yolo", tmp_path / "out", word)
    (source / "data.yaml").write_text("names: {a: 1}\ntrain: images/train\n")
    refused(workspace, run, "yolo", tmp_path / "out", "data.yaml: names must be a list, or a number for each name")
    (source / "data.yaml").unlink()
    gone = "The data.yaml that the pool p was read from is not at .*/in any more; put it back, or add the pool again"
    refused(workspace, run, "yolo", tmp_path / "out", gone)


def test_two_pictures_never_share_a_label_file_that_was_not_shared(workspace, tmp_path):
    """`images/0.png`, and `../images/0.jpg`, which cannot lie outside the new folder."""
    for folder, name in (("in", "0.png"), (".", "0.jpg")):
        paint(tmp_path / folder / "images" / name, 0)
        (tmp_path / folder / "labels").mkdir()
        (tmp_path / folder / "labels" / "0.txt").write_text(f"{len(folder) % 2} 0.5 0.5 0.5 0.5\n")
    (tmp_path / "in" / "data.yaml").write_text("names: [a, b]\ntrain: [images, ../images]\nval: images\n")
    run = chosen(workspace, tmp_path / "in", "2")
    said = r"images/0\.(png|jpg) would share labels/0.txt with another picture; export files instead"
    refused(workspace, run, "yolo", tmp_path / "out", said)


def boxed(folder, n=4):
    """COCO with all that YOLO cannot hold: crowds, a class without a box, a box over the edge; the last has nothing."""
    path = layouts.coco(folder, n)
    said = json.loads(path.read_text())
    more = [
        {"id": 90, "image_id": 100, "category_id": 3, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 1},
        {"id": 91, "image_id": 101, "category_id": 3},
        {"id": 92, "image_id": 101, "category_id": 7, "bbox": [-4, 30, 14, 20], "area": 1, "iscrowd": 0},
    ]
    said["annotations"] = more[:1] + said["annotations"] + more[1:]
    said["categories"] = [*said["categories"][::-1], {"id": 90, "name": "never drawn"}]
    path.write_text(json.dumps(said))
    return path


def test_coco_becomes_yolo(workspace, tmp_path):
    run = chosen(workspace, boxed(tmp_path / "in"), "4")
    out = export(workspace, run, "yolo", tmp_path / "out")
    said = yaml.safe_load((out / "data.yaml").read_text())
    assert said["names"] == dict(
        enumerate(["![a](http://127.0.0.1/x)", "bicyclist", "car", "never drawn"])
    )  # as the source lists them
    top = (out / "data.yaml").read_text().split("train:")[0].splitlines()
    assert sorted(top) == [
        "# Boxes around crowds, left out: 1.",
        "# Boxes that reach over the edge of their picture, cut there: 1.",
        "# Labels without a box, left out: 1.",
        "# No picture was kept for validation: train stands for it.",
        "# Outlines and points, of which the box alone is written: 5.",
    ]
    _, lines = read(out)
    name = "images/train2017/{:012d}.jpg".format
    of = [[2, (5 + 10) / 60, (6.5 + 5.125) / 40, 20 / 60, 10.25 / 40], [1, 34 / 60, 8 / 40, 8 / 60, 12 / 40]]
    of.append([2, 3 / 60, 3 / 40, 4 / 60, 4 / 40])
    assert lines[name(0)] == [pytest.approx(line, abs=1e-10) for line in of]
    edge = [0, 5 / 60, 35 / 40, 10 / 60, 10 / 40]
    assert lines[name(1)] == [pytest.approx(line, abs=1e-10) for line in ([2, 16 / 60, *of[0][2:]], edge)]
    assert (out / "labels/train2017/000000000003.txt").read_bytes() == b""
    assert len(list((out / "labels").rglob("*.txt"))) == len(list((out / "images").rglob("*.jpg"))) == 4
    assert re.fullmatch(r"(\d \d\.\d{10} \d\.\d{10} \d\.\d{10} \d\.\d{10}\n)+", (out / _label(name(0))).read_text())

    new, pool = add_pool(workspace, "again", str(out), kind_of(out)), load_pool(workspace, "p")
    assert sorted(new.ids) == sorted(f"images/{id}" for id in pool.ids)
    row, old = int(new.rows([name(0)])[0]), pool.labels(int(pool.rows(["train2017/000000000000.jpg"])[0]))
    for one, other in zip(new.labels(row), old[1:], strict=True):
        assert one.name == other.name
        assert one.box == pytest.approx(other.box, abs=1e-7)


def _label(name):
    return name.replace("images", "labels", 1).replace(".jpg", ".txt")


def test_splits_of_other_sources_are_kept(workspace, tmp_path):
    for split in ("train2017", "val2017", "test2017", "mine"):
        layouts.coco(tmp_path / "in", 2, split=split)
    run = chosen(workspace, tmp_path / "in", "100%")
    out = export(workspace, run, "yolo", tmp_path / "out")
    parts, _ = read(out)
    assert {part: sorted({Path(name).parent.name for name in names}) for part, names in parts.items()} == {
        "train": ["mine", "train2017"],
        "val": ["val2017"],
        "test": ["test2017"],
    }


def test_pictures_that_differ_in_their_ending_have_a_label_file_each(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in", 3)
    said = json.loads(path.read_text())
    old = tmp_path / "in" / "train2017" / said["images"][1]["file_name"]
    said["images"][1]["file_name"] = said["images"][0]["file_name"].replace("jpg", "png")
    paint(old.with_name(said["images"][1]["file_name"]), 1, (60, 40))
    path.write_text(json.dumps(said))
    run = chosen(workspace, path, "3")
    out = export(workspace, run, "yolo", tmp_path / "out")
    _, lines = read(out)
    assert sorted(len(own) for own in lines.values()) == [0, 1, 3]


def test_what_suits(workspace, tmp_path, pool):
    assert list(suited(pool))[0] == "yolo"
    paint(tmp_path / "plain" / "0.jpg", 0)
    run = chosen(workspace, tmp_path / "plain", "1", "plain")
    assert "yolo" not in suited(load_pool(workspace, "plain"))
    said = "YOLO holds boxes on pictures, and this pool has none; export label_studio, coco or jsonl"
    refused(workspace, run, "yolo", tmp_path / "out", said)


@pytest.mark.skipif(real_data() is None, reason="there is no folder of real data beside the project")
def test_real_cells(workspace, tmp_path):
    """Boxes of VOC, through COCO, as YOLO: the numbers are those of the XML files."""
    images, notes, names, drawn = [], [], ["WBC", "RBC", "Platelets"], {}
    photos = sorted((real_data() / "cells").rglob("*.jpg"))[:12]
    for at, path in enumerate(photos):
        root = ElementTree.parse(real_data() / "cells" / "boxes" / f"{path.stem}.xml").getroot()
        width, height = (int(root.findtext(f"size/{side}")) for side in ("width", "height"))
        images.append({"id": at, "file_name": path.name, "width": width, "height": height})
        for one in root.iter("object"):
            x, y, right, bottom = (int(one.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
            number = names.index(one.findtext("name"))
            box = {"id": len(notes), "image_id": at, "category_id": number, "bbox": [x, y, right - x, bottom - y]}
            notes.append(box | {"area": (right - x) * (bottom - y), "iscrowd": 0})
            drawn.setdefault(path.name, []).append(
                [number, (x + right) / 2 / width, (y + bottom) / 2 / height, (right - x) / width, (bottom - y) / height]
            )
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    categories = [{"id": at, "name": name} for at, name in enumerate(names)]
    said = {"images": images, "annotations": notes, "categories": categories}
    (tmp_path / "in" / "instances.json").write_text(json.dumps(said))
    run = chosen(workspace, tmp_path / "in", "6")
    out = export(workspace, run, "yolo", tmp_path / "out")
    _, lines = read(out)
    assert {Path(name).name for name in lines} == set(run.table["id"].to_pylist())
    assert sum(map(len, lines.values())) > 30
    for name, own in lines.items():
        for line, right in zip(own, drawn[Path(name).name], strict=True):
            assert all(math.isclose(one, other, abs_tol=1e-10) for one, other in zip(line, right, strict=True))


# ---- nothing of others is destroyed: as for all formats


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_and_the_workspace_are_left_alone(workspace, run, tmp_path, overwrite):
    test_guard.test_nothing_is_written_through_a_symbolic_link(workspace, run, tmp_path, "yolo", overwrite)
    test_guard.test_what_the_workspace_keeps_for_itself_is_never_written_over(
        workspace, run, tmp_path, "yolo", overwrite
    )
    for name in (".", "in", "in/images"):
        refused(workspace, run, "yolo", tmp_path / name, "source of the pool p|keeps for itself", overwrite=overwrite)


def test_others_files_are_left_alone_and_it_can_be_repeated(workspace, run, other, tmp_path):
    test_guard.test_a_folder_of_others_is_left_alone_until_it_is_allowed(workspace, run, tmp_path, "yolo")
    test_guard.test_an_export_is_repeated_over_its_own_earlier_result(workspace, run, other, tmp_path / "x", "yolo")


def test_a_killed_export_can_be_repeated(workspace, run, other, tmp_path, monkeypatch):
    test_guard.test_a_killed_export_leaves_no_half_file_and_can_be_repeated(
        workspace, run, other, tmp_path, "yolo", monkeypatch
    )


def test_a_line_break_in_a_name_is_refused_where_names_are_lines(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in")
    said = json.loads(path.read_text())
    name = said["images"][0]["file_name"]
    picture = next((tmp_path / "in").rglob(name))
    picture.rename(picture.with_name(f"a\n{name}"))
    said["images"][0]["file_name"] = f"a\n{name}"
    path.write_text(json.dumps(said))
    add_pool(workspace, "p", str(tmp_path / "in"), "images")
    run = engine.select(workspace, Spec(pool="p", method="random", budget="100%"))
    refused(
        workspace, run, "yolo", tmp_path / "out", r"holds a line break, so a list of lines would be wrong; export coco"
    )
