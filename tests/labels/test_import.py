"""Labels come back by id: round trips of what exports write, and everything that cannot be taken."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.labels import columns, records
from datasel_core.labels.consensus import of_pool
from datasel_core.pools.labels import Label
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine, reproduction
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from tests.conftest import paint
from tests.exports.exporting import export
from tests.labels import bringing
from tests.labels.bringing import SIZE, bring, lost, task, written

pool, run = bringing.pool, bringing.run


def ids_of(run):
    return run.table["id"].to_pylist()


def test_label_studio_there_and_back(workspace, tmp_path, run):
    """The tasks that were exported, with the annotations of two people in each."""
    folder = export(workspace, run, "label_studio", tmp_path / "out")
    tasks = json.loads((folder / "tasks-00001.json").read_text())
    for at, one in enumerate(tasks):
        one["annotations"] = task("", (1, "cat", 2.5), (2, "dog" if at == 0 else "cat", 3.5))["annotations"]
        box = {"x": 25, "y": 50, "width": 12.5, "height": 25, "rotation": 0, "rectanglelabels": ["ear"]}
        one["annotations"][0]["result"].append({"type": "rectanglelabels", "from_name": "box", "value": box})
    made = bring(workspace, run.key, written(tmp_path, tasks))
    assert (made.is_new, made.lost, lost(made)) == (True, [], [])
    found = {(one.id, one.person): one for one in made.kept.judgements()}
    assert found.keys() == {(id, person) for id in ids_of(run) for person in ("1", "2")}
    for (id, person), one in found.items():
        first = id == tasks[0]["data"]["id"]
        assert one.classes == (("dog",) if first and person == "2" else ("cat",))
        assert one.boxes == ((Label("ear", (16, 24, 8, 12)),) if person == "1" else None)
        assert one.seconds == (2.5 if person == "1" else 3.5)
    about = made.kept.about
    assert (about["file"], about["n"], about["people"], about["classes"]) == (
        "back.json",
        12,
        ["1", "2"],
        ["cat", "dog", "ear"],
    )
    assert str(tmp_path) not in json.dumps(about)


@pytest.fixture
def boxed(workspace, tmp_path):
    """A pool of COCO with boxes, in a folder of its own."""
    images, notes = [], []
    for at in range(6):
        paint(tmp_path / "coco" / "images" / f"{at}.jpg", at, SIZE)
        images.append({"id": at, "file_name": f"{at}.jpg", "width": SIZE[0], "height": SIZE[1]})
        notes += [
            {"id": len(notes), "image_id": at, "category_id": 1 + n % 2, "bbox": [2 + n, 3, 10, 12]} for n in range(at)
        ]
    whole = {"images": images, "annotations": notes, "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}
    (tmp_path / "coco" / "instances.json").write_text(json.dumps(whole))
    return add_pool(workspace, "boxed", str(tmp_path / "coco"), "images")


@pytest.mark.parametrize("format", ["coco", "yolo"])
def test_boxes_there_and_back(workspace, tmp_path, boxed, format):
    run = engine.select(workspace, Spec(pool="boxed", method="random", budget="6"))
    folder = export(workspace, run, format, tmp_path / "out")
    source = folder if format == "yolo" else next(folder.rglob("*.json"))
    made = bring(workspace, run.key, source, empty=True)
    found = {one.id: one.boxes or () for one in made.kept.judgements()}
    assert found.keys() == set(boxed.ids)
    for row, id in enumerate(boxed.ids):
        own = boxed.labels(row)
        assert [box.name for box in found[id]] == [label.name for label in own]
        if own:
            expected = np.array([label.box for label in own])
            assert np.array([box.box for box in found[id]]) == pytest.approx(expected, abs=1e-6)
    assert lost(made) == []


def test_a_picture_that_is_not_called_as_its_sample_comes_back_from_coco(workspace, tmp_path):
    for at in range(3):
        paint(tmp_path / "in" / f"{at}.jpg", at, SIZE)
    (tmp_path / "in" / "t.csv").write_text("id,path\n" + "".join(f"sample-{at},{at}.jpg\n" for at in range(3)))
    add_pool(workspace, "named", str(tmp_path / "in" / "t.csv"), "images")
    run = engine.select(workspace, Spec(pool="named", method="random", budget="3"))
    path = export(workspace, run, "coco", tmp_path / "out") / "annotations.json"
    whole = json.loads(path.read_text())
    whole["categories"] = [{"id": 1, "name": "cat"}]
    whole["annotations"] = [
        {"id": at, "image_id": one["id"], "category_id": 1} for at, one in enumerate(whole["images"])
    ]
    made = bring(workspace, run.key, written(tmp_path, whole))
    assert {one.id for one in made.kept.judgements()} == {"sample-0", "sample-1", "sample-2"}


def test_cvat_and_a_table_by_the_names_of_the_pictures(workspace, tmp_path, run):
    ids = ids_of(run)
    images = "".join(f'<image name="images/{id}" width="64" height="48"><tag label="cat"/></image>' for id in ids)
    made = bring(workspace, run.key, written(tmp_path, f"<annotations>{images}</annotations>", "a.xml"))
    assert {one.id for one in made.kept.judgements()} == set(ids)
    table = written(tmp_path, "id,label,person\n" + "".join(f"{id},cat,ann\n" for id in ids), "t.csv")
    assert {(one.id, one.person) for one in bring(workspace, run.key, table).kept.judgements()} == {
        (id, "ann") for id in ids
    }


def test_a_name_without_folders_counts_only_where_it_is_the_only_one(workspace, tmp_path, pool):
    paint(tmp_path / "photos" / "a" / "01.jpg", 99)
    pool = add_pool(workspace, "p", str(tmp_path / "photos"), "images")
    made = bring(workspace, "p", written(tmp_path, "id,label\n00.jpg,cat\n01.jpg,cat\n", "t.csv"))
    assert [one.id for one in made.kept.judgements()] == ["a/00.jpg"]
    assert lost(made) == [("01.jpg", "2 samples of p are called so in their folders; bring labels by id")]
    assert made.notes == ["Found by the file's name alone, which no other sample of p has: 1."]
    assert pool.n == 25


def test_what_is_not_taken_is_listed_with_its_reason(workspace, tmp_path, pool, run):
    inside, outside = ids_of(run)[0], next(id for id in pool.ids if id not in ids_of(run))
    tasks = [task(inside, (1, "cat")), task(outside, (1, "cat")), task("gone.jpg", (1, "cat"))]
    made = bring(workspace, run.key, written(tmp_path, tasks))
    assert lost(made) == [
        (outside, "it is in p, but not in the selection random, 12"),
        ("gone.jpg", "p has no sample of this name"),
    ]
    assert made.kept.about["left_out"] == 2
    assert made.lost == [f"not taken: {id}: {reason}" for id, reason in lost(made)]
    assert len(bring(workspace, "p", tmp_path / "back.json").kept.judgements()) == 2
    with pytest.raises(BadInput, match=r"None of the 1 labels in b.json can be taken \(gone.jpg: p has no sample"):
        bring(workspace, run.key, written(tmp_path, [task("gone.jpg", (1, "cat"))], "b.json"))


def test_a_sample_that_is_another_by_now_is_not_labelled(workspace, tmp_path, pool, run):
    id = ids_of(run)[0]
    before = bring(workspace, run.key, written(tmp_path, [task(one, (1, "cat")) for one in ids_of(run)]))
    assert before.kept.about["n"] == 12
    paint(tmp_path / "photos" / id, 77, SIZE)
    again = add_pool(workspace, "p", str(tmp_path / "photos"), "images")
    said = of_pool(workspace, again)
    assert (len(said.items), said.gone) == (11, 1)
    made = bring(workspace, run.key, written(tmp_path, [task(one, (1, "cat")) for one in ids_of(run)], "c.json"))
    assert lost(made) == [(id, "p has another sample under this name than was chosen")]
    assert Roles.of(workspace, again).array("labellers")[again.rows([id])[0]] != 1  # and not a number


def test_two_labels_of_one_person(workspace, tmp_path, pool):
    a, b, c = pool.ids[:3]
    early, late = "2026-05-01T09:00:00Z", "2026-05-01T10:00:00Z"
    tasks = [
        task(a, (1, "cat"), created_at=late),
        task(a, (1, "dog"), created_at=early),
        task(b, (1, "cat")),
        task(b, (1, "dog")),
        task(c, (1, "cat"), (1, "cat")),
    ]
    made = bring(workspace, "p", written(tmp_path, tasks))
    assert {one.id: one.value for one in made.kept.judgements()} == {a: "cat", c: "cat"}
    assert lost(made) == [
        (a, "the same person said something else later (2026-05-01T10:00:00); that counts"),
        (b, "1 said 2 different things of it, and no time says which is the latest (task 3 of back.json)"),
        (b, "1 said 2 different things of it, and no time says which is the latest (task 4 of back.json)"),
    ]
    assert made.notes == ["Said twice alike by the same person, and counted once: 1."]


def test_a_later_import_counts_unless_its_own_times_say_otherwise(workspace, tmp_path, pool):
    a, b = pool.ids[:2]
    early, late = "2026-05-01T09:00:00Z", "2026-05-01T10:00:00Z"
    bring(workspace, "p", written(tmp_path, [task(a, (1, "cat")), task(b, (1, "cat"), created_at=late)], "1.json"))
    bring(
        workspace,
        "p",
        written(tmp_path, [task(a, (1, "dog")), task(b, (1, "dog"), created_at=early)], "2.json"),
        new_classes=True,
    )
    assert {item.own[0].id: item.label for item in of_pool(workspace, pool).items} == {a: "dog", b: "cat"}
    assert len(records.imports(workspace, "p")) == 2


def test_the_same_file_twice_is_one_import(workspace, tmp_path, pool, capfd):
    path = written(tmp_path, [task(pool.ids[0], (1, "cat"))])
    assert bring(workspace, "p", path).is_new
    assert not bring(workspace, "p", path).is_new
    assert len(records.imports(workspace, "p")) == 1
    assert main(["labels", "import", "p", str(path)]) == 0
    out, err = capfd.readouterr()
    assert "back.json was brought before (" in out
    assert "back.json is read as Label Studio; --from says otherwise." in err


def test_another_class_list_than_before_is_refused_until_it_is_wanted(workspace, tmp_path, pool):
    bring(workspace, "p", written(tmp_path, [task(pool.ids[0], (1, "cat"))]))
    other = written(tmp_path, [task(pool.ids[1], (1, "Cat")), task(pool.ids[2], (1, "cat"))], "b.json")
    with pytest.raises(
        BadRequest, match=r"b.json has another class list than before: Cat are new \(known: cat\); --new"
    ):
        bring(workspace, "p", other)
    assert len(records.imports(workspace, "p")) == 1
    assert bring(workspace, "p", other, new_classes=True).kept.about["classes"] == ["Cat", "cat"]


def test_nothing_marked_is_no_label_where_nobody_says_that_somebody_looked(workspace, tmp_path, pool):
    images = f'<image name="{pool.ids[0]}"/><image name="{pool.ids[1]}"><tag label="cat"/></image>'
    text = f"<annotations>{images}</annotations>"
    path = written(tmp_path, text, "a.xml")
    made = bring(workspace, "p", path)
    assert lost(made) == [
        (pool.ids[0], "nothing is marked on it, and nothing says that somebody looked; --empty takes it as labelled")
    ]
    made = bring(workspace, "p", path, empty=True, person="ann")
    assert {one.id: (one.value, one.person) for one in made.kept.judgements()} == {
        pool.ids[0]: ("", "ann"),
        pool.ids[1]: ("cat", "ann"),
    }


def test_boxes_outside_their_picture_are_said(workspace, tmp_path, pool):
    lines = ["id,label,x,y,w,h", f"{pool.ids[0]},cat,1,2,3,4", f"{pool.ids[0]},cat,100,2,3,4"]
    made = bring(workspace, "p", written(tmp_path, "\n".join(lines), "t.csv"))
    assert made.kept.judgements()[0].boxes == (Label("cat", (1, 2, 3, 4)), Label("cat"))
    assert lost(made) == [
        (
            pool.ids[0],
            "1 of its 2 boxes: outside the picture, without area, or for a picture of another shape; the class was "
            "taken",
        )
    ]


def test_a_record_that_was_changed_is_refused(workspace, tmp_path, pool):
    kept = bring(workspace, "p", written(tmp_path, [task(pool.ids[0], (1, "cat"))])).kept
    path = kept.folder / f"{kept.key}.json"
    before = path.read_text()
    path.write_text(before.replace('"cat"', '"dog"'))
    with pytest.raises(BadInput, match=rf"The labels of p are damaged \({kept.key}.json is missing or was changed\)"):
        of_pool(workspace, pool)
    path.write_text(before)
    pq.write_table(pq.read_table(kept.folder / f"{kept.key}.parquet").slice(0, 0), kept.folder / f"{kept.key}.parquet")
    with pytest.raises(BadInput, match=rf"damaged \({kept.key}.parquet is missing or was changed\)"):
        of_pool(workspace, pool)


def test_formulas_in_names_stay_harmless(workspace, tmp_path, pool):
    tasks = [task("=cmd()", (1, "cat")), task(pool.ids[0], (1, "cat"))]
    assert lost(bring(workspace, "p", written(tmp_path, tasks)))[0][0] == "'=cmd()"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["nothing", "FILE"],
            "There is no selection and no pool 'nothing'; say a selection by its folder, key or name",
        ),
        (["p", "FILE", "--from", "voc"], "--from is voc; it must be label_studio, cvat, coco, yolo, csv."),
        (["p", "/etc/passwd"], "lies outside the allowed folders"),
        (["p", "FILE", "--from", "cvat"], "is no XML from line 1 on"),
    ],
)
def test_requests_that_are_refused_in_one_line(workspace, tmp_path, pool, capfd, words, said):
    path = written(tmp_path, [task(pool.ids[0], (1, "cat"))])
    assert main(["labels", "import", *(str(path) if word == "FILE" else word for word in words)]) == 2
    out, err = capfd.readouterr()
    assert (out, said in err, len(err.splitlines())) == ("", True, 1)
    assert not records.folder_of(workspace, "p").exists()


def test_what_came_back_is_columns_of_the_pool(workspace, tmp_path, pool, run):
    """Fingerprint, and keys of runs that were there, stay as they are; a filter by labels enters the key."""
    a, b, c, d = pool.ids[:4]
    before = (
        load_pool(workspace, "p").fingerprint,
        resolve(workspace, Spec(pool="p", method="random", budget="12")).key,
    )
    tasks = [
        task(a, (1, "cat", 2), (2, "cat", 4)),
        task(b, (1, "dog", 3), (2, "cat")),
        task(c, (1, "dog")),
        task(d, (1, "cat"), (2, "cat"), (3, "dog")),
    ]
    bring(workspace, "p", written(tmp_path, tasks))
    assert (
        load_pool(workspace, "p").fingerprint,
        resolve(workspace, Spec(pool="p", method="random", budget="12")).key,
    ) == before
    roles = Roles.of(workspace, pool)
    rows = pool.rows([a, b, c, d])
    assert roles.array("label")[rows].tolist() == ["cat", None, "dog", "cat"]
    assert roles.array("labellers")[rows].tolist() == [2, 2, 1, 3]
    assert roles.array("agreement")[rows] == pytest.approx([1, 0, np.nan, 1 / 3], nan_ok=True)
    assert roles.array("label_seconds")[rows] == pytest.approx([3, 3, np.nan, np.nan], nan_ok=True)
    assert (roles.words(), set(roles.numbers())) == (["label"], {"labellers", "agreement", "label_seconds"})

    def chosen(where):
        return set(engine.select(workspace, Spec(pool="p", method="random", budget="1", where=where)).ids)

    assert chosen("label = 'dog'") == {c}
    assert chosen("label IS NULL AND labellers = 2") == {b}
    assert chosen("agreement < 0.5 AND label = 'cat'") == {d}
    asked = resolve(workspace, Spec(pool="p", method="random", budget="1", where="label = 'dog'"))
    kept = engine.select(workspace, asked.spec)
    bring(workspace, "p", written(tmp_path, [task(c, (2, "cat"), (3, "cat"))], "later.json"))
    assert resolve(workspace, asked.spec.model_copy(update={"where": "label = 'cat'"})).key != asked.key
    assert reproduction.reproduce(workspace, kept.folder)["identical"]  # by the labels of then
    with pytest.raises(BadRequest, match="No sample of p is left to choose from"):
        resolve(workspace, asked.spec)


def test_renamed_classes_are_other_labels(workspace, tmp_path, pool):
    """What is kept are positions in a list of names: the list is part of the key."""
    bring(workspace, "p", written(tmp_path, [task(pool.ids[0], (1, "cat"))], "1.json"))
    spec = Spec(pool="p", method="random", budget="1", where="label IS NOT NULL")
    one = resolve(workspace, spec).key
    bring(workspace, "p", written(tmp_path, [task(pool.ids[0], (1, "dog"))], "2.json"), new_classes=True)
    assert resolve(workspace, spec).key != one


def test_what_nobody_knows_any_more_is_no_column_of_then(workspace, tmp_path, pool):
    bring(workspace, "p", written(tmp_path, [task(pool.ids[0], (1, "cat"))], "1.json"))
    bring(workspace, "p", written(tmp_path, [task(pool.ids[0], (2, "dog"))], "2.json"), new_classes=True)
    assert set(Roles.of(workspace, pool).array("label")) == {None}


def test_labels_are_groups(workspace, tmp_path, pool):
    tasks = [task(id, (1, "cat" if at < 20 else "dog")) for at, id in enumerate(pool.ids)]
    bring(workspace, "p", written(tmp_path, tasks))
    asked = Spec(pool="p", method="stratified", budget="8", params={"allocation": "equal"}, use={"group": "label"})
    run = engine.select(workspace, asked)
    assert sum(row >= 20 for row in run.table["row"].to_pylist()) == 4
    assert run.manifest["features"]["group"].keys() == {"id", "column", "fingerprint"}
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    bring(workspace, "p", written(tmp_path, [task(pool.ids[0], (1, "dog"))], "2.json"))
    with pytest.raises(BadRequest, match="The feature for the role group is not what it was"):
        reproduction.reproduce(workspace, run.folder)


def test_a_pool_that_is_added_again_keeps_its_labels(workspace, tmp_path, pool):
    bring(workspace, "p", written(tmp_path, [task(pool.ids[0], (1, "cat"))]))
    paint(tmp_path / "photos" / "a" / "new.jpg", 500, SIZE)
    again = add_pool(workspace, "p", str(tmp_path / "photos"), "images")
    assert again.fingerprint != pool.fingerprint
    assert Roles.of(workspace, again).array("label")[again.rows([pool.ids[0]])[0]] == "cat"


def test_a_column_of_the_pool_that_is_called_so_is_said(workspace, tmp_path):
    paint(tmp_path / "in" / "0.jpg", 0)
    (tmp_path / "in" / "t.csv").write_text("id,path,label\na,0.jpg,mine\n")
    own = add_pool(workspace, "own", str(tmp_path / "in" / "t.csv"), "images")
    made = bring(workspace, "own", written(tmp_path, [task("a", (1, "cat"))]))
    assert made.notes == ["own has a column label of its own, which is meant where a filter names it."]
    assert columns.shadowed(own) == ["label"]
    with pytest.raises(BadRequest, match="No sample of own is left"):
        resolve(workspace, Spec(pool="own", method="random", budget="1", where="label = 'cat'"))
