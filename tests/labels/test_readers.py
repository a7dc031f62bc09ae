"""What labelling tools write, as it is documented, read as what one person said of one sample."""

import json
import zipfile

import pytest

from datasel_core.errors import BadInput
from datasel_core.labels.readers import cvat, guess, label_studio
from datasel_core.labels.readers.reading import Lost, Said, grouped, instant
from datasel_core.pools.labels import Label

CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <job>
      <id>7</id><size>4</size><mode>annotation</mode>
      <created>2026-05-01 09:00:00.000000+00:00</created>
      <updated>2026-05-01 11:30:00.500000+02:00</updated>
      <labels><label><name>cat</name><color>#ff0000</color><type>any</type><attributes></attributes></label></labels>
      <assignee><username>ann</username><email>ann@example.org</email></assignee>
    </job>
    <dumped>2026-05-02 00:00:00.000000+00:00</dumped>
  </meta>
  <image id="0" name="a/00.jpg" width="48" height="40">
    <tag label="indoor" source="manual"></tag>
    <box label="cat" source="manual" occluded="0" xtl="2.00" ytl="4.00" xbr="12.00" ybr="10.00" z_order="0">
      <attribute name="age">1</attribute>
    </box>
    <polygon label="dog" source="manual" occluded="0" points="1.0,2.0;5.0,2.0;5.0,9.0" z_order="0"></polygon>
    <ellipse label="cat" source="manual" occluded="0" cx="20" cy="20" rx="4" ry="2" z_order="0"></ellipse>
    <mask label="dog" source="manual" occluded="0" rle="1, 2" left="3" top="4" width="5" height="6" z_order="0"></mask>
    <points label="dog" source="manual" occluded="0" points="7.0,8.0" z_order="0"></points>
  </image>
  <image id="1" name="b/01.jpg" width="48" height="40"></image>
  <image id="2" width="48" height="40"></image>
</annotations>
"""


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_cvat_as_it_is_documented(tmp_path):
    found = guess.read(written(tmp_path, "annotations.xml", CVAT), "cvat")
    boxes = (
        Label("cat", (2, 4, 10, 6)),
        Label("dog", (1, 2, 4, 7)),
        Label("cat", (16, 18, 8, 4)),
        Label("dog", (3, 4, 5, 6)),
        Label("dog", (7, 8, 0, 0)),
    )
    time = "2026-05-01T09:30:00.500000Z"
    place = "image {} of annotations.xml"
    assert found.said == [
        Said(("a/00.jpg",), place.format(1), "ann", ("indoor",), boxes, (48, 40), time=time),
        Said(("b/01.jpg",), place.format(2), "ann", None, None, (48, 40), time=time),
    ]
    assert found.lost == [Lost(place.format(3), "", "it has no name")]
    assert not found.tells_empty


def test_a_box_that_is_turned_has_the_upright_one_around_it(tmp_path):
    box = '<box label="a" xtl="0" ytl="0" xbr="4" ybr="2" rotation="90"></box>'
    text = f'<annotations><image name="x" width="9" height="9">{box}</image></annotations>'
    found = cvat.read(written(tmp_path, "a.xml", text)).said[0].boxes[0].box
    assert found == pytest.approx((1, -1, 2, 4))
    value = {"x": 50, "y": 50, "width": 20, "height": 10, "rotation": 90, "rectanglelabels": ["a"]}
    result = [
        {"type": "rectanglelabels", "from_name": "box", "original_width": 100, "original_height": 200, "value": value}
    ]
    task = [{"data": {"sample_id": "x"}, "annotations": [{"result": result}]}]
    # 20 x 20 pixels about the corner at (50, 100): from (30, 100) to (50, 120)
    assert label_studio.read(written(tmp_path, "t.json", task)).said[0].boxes[0].box == pytest.approx(
        (0.3, 0.5, 0.2, 0.1)
    )


BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB + "<annotations>&y;</annotations>", "declares a document type or entities"),
        ('<!DOCTYPE annotations SYSTEM "file:///etc/passwd"><annotations/>', "declares a document type or entities"),
        ("<html></html>", "is no CVAT file: it begins with <html>"),
        ("<annotations><image name='a'>", "is no XML from line 1 on"),
        ("<annotations><track></track></annotations>", "is CVAT for video"),
        ("<annotations></annotations>", "has no <image>"),
        ("<annotations>" * 100, "lie too deep in one another"),
        ("", "is no XML from line 1 on"),
    ],
)
def test_xml_that_is_refused(tmp_path, text, words):
    for encoding in ("utf-8", "utf-16"):
        path = tmp_path / "a.xml"
        path.write_bytes(text.encode(encoding))
        with pytest.raises(BadInput, match=words) as error:
            guess.read(path, "cvat")
        assert "\n" not in str(error.value)


def test_cvat_in_its_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "task.zip", "w") as packed:
        packed.writestr("annotations.xml", CVAT)
    assert guess.source_of(tmp_path / "task.zip") == "cvat"
    assert len(guess.read(tmp_path / "task.zip", "cvat").said) == 2
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as packed:
        packed.writestr("a.txt", "x")
    with pytest.raises(BadInput, match="other.zip has no annotations.xml"):
        guess.read(tmp_path / "other.zip", "cvat")


def choice(word, name="class"):
    return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [word]}}


def test_label_studio_tasks(tmp_path):
    tasks = [
        {
            "id": 1,
            "data": {"id": "a", "sample_id": "a", "image": "/data/local-files/?d=images/a.jpg"},
            "annotations": [
                {
                    "completed_by": 3,
                    "lead_time": 4.5,
                    "updated_at": "2026-05-01T09:30:00.123Z",
                    "result": [choice("cat")],
                },
                {"completed_by": {"id": 4, "email": "x@y"}, "result": [choice("b"), choice("no", "match")]},
                {"completed_by": 5, "was_cancelled": True, "result": []},
                {"completed_by": 6, "ground_truth": True, "result": []},
                {"completed_by": 7, "lead_time": "soon", "result": [choice("cat"), {"type": "textarea", "value": {}}]},
                "x",
            ],
            "predictions": [{"result": [choice("dog")]}],
        },
        {"id": 2, "data": {"image": "/data/upload/1/x%20y.jpg"}, "annotations": []},
        {"id": 3, "data": {"text": "no name"}, "annotations": [{"result": [choice("cat")]}]},
        7,
    ]
    found = label_studio.read(written(tmp_path, "p.json", tasks))
    said = [(one.names[0], one.person, one.classes, one.seconds, one.time, one.right) for one in found.said]
    assert said == [
        ("a", "3", ("cat",), 4.5, "2026-05-01T09:30:00.123000Z", False),
        ("a", "4", ("class: b", "match: no"), None, None, False),
        ("a", "6", None, None, None, True),
        ("a", "7", ("cat",), None, None, False),
    ]
    assert [(one.id, one.person, one.reason) for one in found.lost] == [
        ("a", "5", "its labeller skipped it"),
        ("a", "7", "what is of type textarea is neither a class nor a box; the rest was taken"),
        ("a", "7", "'soon' is no number of seconds; the label was taken"),
        ("task 1 of p.json", "", "its annotation is none"),
        ("task 3 of p.json", "", "it names no sample: neither sample_id, id nor image"),
        ("task 4 of p.json", "", "it is no task"),
    ]
    assert found.notes == ["Tasks that nobody has labelled yet: 1."]
    assert label_studio.served("/data/upload/1/x%20y.jpg") == "data/upload/1/x y.jpg"


@pytest.mark.parametrize(
    ("name", "content", "source"),
    [
        ("a.json", [{"data": {}, "annotations": []}], "label_studio"),
        ("a.json", [{"annotation_id": 1, "annotator": 1}], "label_studio"),
        ("a.json", {"images": [], "annotations": []}, "coco"),
        ("a.csv", "id,label\na,b\n", "csv"),
        ("a.jsonl", '{"id": "a", "label": "b"}\n', "csv"),
        ("a.xml", CVAT, "cvat"),
    ],
)
def test_the_tool_is_told_from_the_file(tmp_path, name, content, source):
    assert guess.source_of(written(tmp_path, name, content)) == source


@pytest.mark.parametrize(
    ("name", "content", "source", "words"),
    [
        ("a.json", "{", None, "a.json could not be read"),
        ("a.bin", "x", None, "Nothing is known that writes a.bin; bring Label Studio's JSON or CSV"),
        ("a.json", {"x": 1}, "label_studio", "is no export of Label Studio: it must be a list of tasks"),
        ("a.json", "[", "label_studio", "a.json could not be read"),
        ("a.json", [], "label_studio", "a.json holds no labels."),
        ("a.json", [{"data": {"id": "a"}}], "label_studio", "holds no labels. Tasks that nobody has labelled yet: 1."),
        ("a.csv", "id,x\na,1\n", "csv", "a.csv has no column label or class; a table of labels has id and label"),
        ("a.csv", "name,label\na,1\n", "csv", "a.csv has no column sample_id or id"),
    ],
)
def test_files_that_are_refused_in_one_line(tmp_path, name, content, source, words):
    path = written(tmp_path, name, content)
    with pytest.raises(BadInput) as error:
        guess.read(path, source or guess.source_of(path))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_places_that_are_none(tmp_path):
    with pytest.raises(BadInput, match="There is no file or folder .*gone.json"):
        guess.source_of(tmp_path / "gone.json")
    with pytest.raises(BadInput, match="There is no file or folder .*gone.json"):
        guess.read(tmp_path / "gone.json", "coco")
    with pytest.raises(BadInput, match="is a folder; COCO comes as a file"):
        guess.read(tmp_path, "coco")
    with pytest.raises(BadInput, match="has no data.yaml with names, nor classes.txt"):
        guess.read(tmp_path, "yolo")


def test_a_table(tmp_path):
    lines = [
        "id,label,person,seconds,time,x,y,w,h",
        "a,cat,ann,3,2026-05-01T09:30:00Z,,,,",
        "b,cat,ann,4,,1,2,3,4",
        "b,dog,ann,5,,5,6,7,8",
        "b,cat,bob,6,,1,2,3,4",
        "c,cat,ann,soon,later,,,,",
        "c,cat,bob,,,1,2,x,4",
        ",cat,bob,,,,,,",
        "d,,bob,,,1,2,3,4",
    ]
    found = guess.read(written(tmp_path, "t.csv", "\n".join(lines)), "csv")
    said = {(one.names[0], one.person): (one.classes, one.boxes, one.seconds) for one in found.said}
    cat, dog = Label("cat", (1, 2, 3, 4)), Label("dog", (5, 6, 7, 8))
    assert said == {
        ("a", "ann"): (("cat",), None, 3),
        ("b", "ann"): (None, (cat, dog), 4),
        ("b", "bob"): (None, (cat,), 6),
        ("c", "ann"): (("cat",), None, None),
    }
    assert [(one.id, one.reason) for one in found.lost] == [
        ("c", "'soon' is no number of seconds; the label was taken"),
        ("c", "'later' is no time as in 2026-05-01T09:30:00Z; the label was taken"),
        ("c", "x, y, w, h are 1, 2, x, 4; they must be four numbers of pixels"),
        ("line 8 of t.csv", "it names no sample"),
        ("d", "its box has no label"),
    ]


def test_coco_without_what_cannot_be_used(tmp_path):
    whole = {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 9, "height": 8},
            {"id": 1, "file_name": "b.jpg"},
            {"id": 2},
        ],
        "categories": [{"id": 5, "name": "cat"}],
        "annotations": [
            {"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]},
            {"image_id": 1, "category_id": 5},
            {"image_id": 1, "category_id": 6},
            {"image_id": 9, "category_id": 5},
            {"image_id": 1, "caption": "x"},
            {"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4], "iscrowd": 1},
        ],
    }
    found = guess.read(written(tmp_path, "c.json", whole), "coco")
    assert found.said == [Said(("a.jpg",), "image 1 of c.json", "", ("cat",), (Label("cat", (1, 2, 3, 4)),), (9, 8))]
    assert [one.reason for one in found.lost] == [
        "an earlier image has the id 1",
        "it has no file_name or no id",
        "its category is not listed",
        "it belongs to no image of the file",
        "it is a caption, neither a class nor a box",
        "it is a box around a crowd, not around one thing",
    ]


def yolo(folder):
    (folder / "labels" / "a").mkdir(parents=True)
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n")
    (folder / "labels" / "a" / "0.txt").write_text("1 .5 .5 .2 .4\n")
    (folder / "labels" / "a" / "1.txt").write_text("7 .5 .5 .2 .4\nwhat\n")
    return folder


def test_yolo_as_a_folder_and_as_a_zip(tmp_path):
    folder = yolo(tmp_path / "y")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as packed:
        for path in sorted(folder.rglob("*.*")):
            packed.write(path, f"y/{path.relative_to(folder)}")
    for path in (folder, tmp_path / "y.zip"):
        assert guess.source_of(path) == "yolo"
        found = guess.read(path, "yolo")
        assert [(one.names, one.boxes, one.frame) for one in found.said] == [
            (("images/a/0",), (Label("dog", (0.4, 0.3, 0.2, 0.4)),), (1, 1)),
            (("images/a/1",), None, (1, 1)),
        ]
        assert [one.id for one in found.lost] == ["images/a/1"] * 2
    assert guess.content_hash(folder) != guess.content_hash(tmp_path / "y.zip")
    before = guess.content_hash(folder)
    (folder / "labels" / "a" / "0.txt").write_text("0 .5 .5 .2 .4\n")
    assert guess.content_hash(folder) != before


def test_a_zip_that_leads_out_of_its_folder_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as packed:
        packed.writestr("../../evil.txt", "x")
    with pytest.raises(BadInput, match="leads out of its folder"):
        guess.read(tmp_path / "y.zip", "yolo")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "y.zip").read_bytes()[:-5])
    with pytest.raises(BadInput, match=r"cut.zip|Nothing is known"):
        guess.read(tmp_path / "cut.zip", guess.source_of(tmp_path / "cut.zip"))


def test_times_are_told_in_one_way():
    assert instant("2026-05-01 11:30:00+02:00") == "2026-05-01T09:30:00.000000Z"
    assert instant("2026-05-01") == "2026-05-01T00:00:00.000000Z"
    assert instant("soon") is None
    assert instant(5) is None


def test_what_was_lost_is_told_by_reason():
    lost = [Lost(f"{at}.jpg", "", "it is gone") for at in range(5)] + [Lost("x", "", "it is torn")]
    assert grouped(lost) == ["5: it is gone (first 0.jpg, 1.jpg, 2.jpg)", "x: it is torn"]
    assert grouped([Lost(str(at), "", str(at)) for at in range(3)], most=1) == ["0: 0", "2 more"]
