"""COCO: instances and captions, with pycocotools as the judge; what is broken is listed or counted."""

import json
import re

import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import parse_task
from datasel_core.errors import BadInput
from datasel_core.pools.guess import kind_of
from datasel_core.pools.labels import Label
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.readers.layouts.find import find_layout
from tests.conftest import ROOT, paint
from tests.pools import layouts

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CASES = ROOT.parent / "shared" / "cases" / "09-usual-picture-layouts"


@pytest.fixture
def cases(monkeypatch):
    if not CASES.is_dir():
        pytest.skip("there are no shared cases beside the project")
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(CASES.resolve()))
    return CASES


def add(workspace, source, kind=None, name="p", **options):
    return add_pool(workspace, name, str(source), kind or kind_of(source), options)


def mended(path, **changes):
    """The file with some of its lists changed."""
    said = json.loads(path.read_text())
    path.write_text(json.dumps({name: changes.get(name, lambda x: x)(value) for name, value in said.items()}))
    return path


@pytest.mark.parametrize("by", ["file", "folder"])
def test_instances_have_the_numbers_that_pycocotools_reads(workspace, tmp_path, by, capsys):
    from pycocotools.coco import COCO

    path = layouts.coco(tmp_path / "in")
    pool = add(workspace, path if by == "file" else tmp_path / "in")
    capsys.readouterr()
    judge = COCO(str(path))
    assert pool.kind == "images"
    assert pool.ids.tolist() == [f"train2017/{judge.imgs[id]['file_name']}" for id in judge.getImgIds()]
    assert pool.column("image_id").tolist() == judge.getImgIds()
    for row, id in enumerate(judge.getImgIds()):
        notes = judge.loadAnns(judge.getAnnIds(id))
        assert pool.labels(row) == [
            Label(judge.cats[note["category_id"]]["name"], tuple(map(float, note["bbox"]))) for note in notes
        ]
        assert pool.value("labels", row) == [label.name for label in pool.labels(row)]
    assert pool.column("rarest_class").tolist() == ["bicyclist", *["car"] * 4, None]
    assert pool.group_column == "rarest_class"
    assert pool.open(0).size == (60, 40)
    assert pool.about["notes"][0] == "It was read as COCO instances; --option layout=plain takes no notice of that."


def test_splits_and_bodies(workspace, tmp_path):
    """Several files: the split is a column; body points of the same pictures are not counted as things again."""
    layouts.coco(tmp_path / "in", 4)
    layouts.coco(tmp_path / "in", 3, split="val2017")
    same = (tmp_path / "in/annotations/instances_val2017.json").read_text()
    (tmp_path / "in/annotations/person_keypoints_val2017.json").write_text(same)
    pool = add(workspace, tmp_path / "in")
    assert pool.column("split").tolist() == ["train2017"] * 4 + ["val2017"] * 3
    assert pool.value("labels", 4) == ["car", "bicyclist", "car"]
    assert pool.left_out == 0


def test_one_picture_in_two_files_is_one_sample(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in", 2)
    path.rename(path.with_name("a.json")).with_name("b.json").write_text((path.with_name("a.json")).read_text())
    pool = add(workspace, tmp_path / "in")
    assert (pool.n, pool.left_out) == (2, 0)
    assert pool.value("labels", 0) == ["car", "bicyclist", "car"] * 2


def test_captions_are_pairs(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in", 2)
    said = json.loads(path.read_text())
    notes = [{"id": at, "image_id": 100 + at // 2, "caption": f"said {at}"} for at in range(3)]
    captions = path.with_name("captions_train2017.json")
    captions.write_text(json.dumps({"images": said["images"], "annotations": notes}))
    pool = add(workspace, captions)
    assert pool.kind == "pairs"
    assert pool.ids.tolist() == [
        f"train2017/{name}" for name in ("000000000000.jpg#1", "000000000000.jpg#2", "000000000001.jpg")
    ]
    assert [pool.text(row) for row in range(3)] == [["said 0"], ["said 1"], ["said 2"]]
    both = add(workspace, tmp_path / "in", name="both")
    assert both.kind == "images"
    assert "There are COCO captions as well; --kind pairs takes them." in both.about["notes"]
    assert add(workspace, tmp_path / "in", "pairs", "over").ids.tolist() == pool.ids.tolist()
    assert add(workspace, captions, name="mean", captions="mean").text(0) == ["said 0", "said 1"]
    with pytest.raises(BadInput, match="The option path_column means nothing for captions_train2017.json"):
        add(workspace, captions, name="x", path_column="file_name")
    with pytest.raises(BadInput, match="The option path_column means nothing for COCO instances; leave it out."):
        add(workspace, path, name="x", path_column="file_name")


def test_what_is_broken_is_listed_or_counted(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in", 4)

    def more(notes):
        own = {"image_id": 101, "category_id": 1}
        return [
            *notes,
            {**own, "image_id": 999, "bbox": [1, 1, 2, 2]},
            {**own, "category_id": 2, "bbox": [1, 1, 2, 2]},
            {**own, "bbox": [500, 1, 2, 2]},
            {**own, "bbox": [1, 1, 0, 2]},
            {**own, "bbox": [1, 1, "two", 2]},
            {**own, "bbox": [55, 30, 20, 20], "iscrowd": 1},
            "nonsense",
            {**own, "segmentation": [[1, 2, 11, 2, 11, 22]]},
        ]

    (tmp_path / "in/train2017" / f"{2:012d}.jpg").unlink()
    (tmp_path / "in/train2017/spare.jpg").write_bytes((tmp_path / "in/train2017" / f"{0:012d}.jpg").read_bytes())
    mended(path, annotations=more, images=lambda found: [*found, {"id": 100, "file_name": "again.jpg"}, {"id": 9}, 3])
    pool = add(workspace, tmp_path / "in")
    assert pool.unreadable == [
        {"id": "again.jpg", "reason": "an earlier image has the id 100"},
        {"id": "instances_train2017.json, image 6", "reason": "it has no file_name or no id"},
        {"id": "instances_train2017.json, image 7", "reason": "it has no file_name or no id"},
        {"id": "train2017/000000000002.jpg", "reason": "the file is not there"},
    ]
    assert set(pool.about["notes"][2:]) == {
        "Annotations of no image, passed over: 2.",
        "Annotations of a category that is not listed, passed over: 1.",
        "Instances without a box, of which the class is kept: 1.",
        "Boxes around crowds, which count as one instance each: 1.",
        "Boxes outside their pictures or without area, of which the class is kept: 2.",
        "Pictures that nothing in this layout names, left out: 1; --option layout=plain opens all.",
    }
    drawn = [label.box for label in pool.labels(1)]
    assert drawn == [(6, 6.5, 20, 10.25), None, None, None, (55, 30, 20, 20), (1, 2, 10, 20)]


def test_boxes_follow_a_picture_that_was_made_smaller_but_not_one_that_was_turned(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in", 3, (60, 40))
    paint(tmp_path / "in/train2017" / f"{0:012d}.jpg", 0, (30, 20))
    paint(tmp_path / "in/train2017" / f"{1:012d}.jpg", 0, (40, 60))
    pool = add(workspace, path)
    assert pool.labels(0)[0] == Label("car", (2.5, 3.25, 10, 5.125))
    assert pool.labels(1) == [Label("car", None)]
    said = "Boxes of pictures that have another shape than is said, of which the class is kept: 1."
    assert said in pool.about["notes"]


def test_the_guess_can_be_overruled(workspace, tmp_path):
    layouts.coco(tmp_path / "in", 3)
    plain = add(workspace, tmp_path / "in", layout="plain")
    assert ("labels" in plain.columns, plain.group_column) == (False, "group")
    assert (
        plain.fingerprint == add(workspace, tmp_path / "in", name="q").fingerprint
    )  # the same photos by the same names
    with pytest.raises(BadInput, match="in is not in the layout yolo; leave the option layout out."):
        add(workspace, tmp_path / "in", name="r", layout="yolo")


def test_the_guess_is_said(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in", 3)
    work = parse_task({"do": "pool", "name": "p", "source": str(path)}).prepare(workspace)
    assert work.notes == ["p is read as images; --kind says otherwise."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"images": [], "annotations": [], "categories": []}', "None of the 0 pictures that COCO instances lists"),
        ('{"images": [{"file_name": "a"}], "annotations": [{"bbox": 1', "instances.json could not be read: "),
        ('{"images": [1], "annotations": {"bbox": 1}}', "images, annotations and categories must be lists"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(workspace, tmp_path, text, said):
    (tmp_path / "instances.json").write_text(text)
    with pytest.raises(BadInput, match=re.escape(said)):
        add(workspace, tmp_path / "instances.json")


@pytest.mark.parametrize("text", ['[{"images": [], "annotations": []}]', '{"prompt": "a", "images": []}', ""])
def test_other_json_is_no_coco(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert find_layout(tmp_path / "a.json") is None


def test_boxes_lie_beside_the_table_and_damage_is_noticed(workspace, tmp_path):
    path = layouts.coco(tmp_path / "in")
    pool = add(workspace, path)
    side = pq.read_table(pool.folder / "labels.parquet")
    assert side.column_names == ["row", "class", "x", "y", "w", "h"]
    assert side["row"].to_pylist() == [0, 0, 0, 1, 2, 3, 4]
    (pool.folder / "labels.parquet").write_bytes(b"other")
    with pytest.raises(BadInput, match="labels.parquet of the pool p was changed; open the pool again."):
        pool.labels(0)
    with pytest.raises(
        BadInput, match="The pool p is damaged .labels.parquet is missing or was changed.; add it again."
    ):
        load_pool(workspace, "p")
    add(workspace, path)
    assert load_pool(workspace, "p").labels(0)


def test_a_kill_between_the_new_boxes_and_the_new_record_loses_nothing(workspace, tmp_path, monkeypatch):
    from datasel_core.pools import persistence

    path = layouts.coco(tmp_path / "in")
    before = add(workspace, path).labels(0)
    mended(path, annotations=lambda notes: notes[:1])

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(persistence, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        add(workspace, path)
    assert load_pool(workspace, "p").labels(0) == before
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("path", "kind", "n"), [("coco/captions.json", "pairs", 8), ("coco/instances.json", "images", 4)]
)
def test_case_09(workspace, cases, path, kind, n, monkeypatch):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", f"{CASES.resolve()}")
    pool = add(workspace, cases / path)
    assert (pool.kind, pool.n, pool.left_out) == (kind, n, 0)
