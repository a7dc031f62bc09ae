"""The folder for `datasets` where sources are awkward: columns and splits called like its own, parts of other types;
and what comes back when it is opened as a pool.
"""

import json

import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint
from tests.exports import exporting, test_huggingface
from tests.exports.exporting import export, told
from tests.exports.test_huggingface import chosen, loaded
from tests.pools import layouts

offline = test_huggingface.offline


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_all_parts_have_the_types_that_hold_every_row(workspace, tmp_path):
    """Rows of the first split have no `extra`, and `size` in whole numbers."""
    rows = [{"id": f"q{at}", "text": f"what is {at}?", "split": "train", "extra": None, "size": at} for at in range(8)]
    rows += [{**row, "id": f"r{at}", "split": "test", "extra": at, "size": at + 0.5} for at, row in enumerate(rows)]
    run = chosen(workspace, lines(tmp_path / "t.jsonl", rows), 16)
    out, notes = told(workspace, run, "huggingface", tmp_path / "out")
    schemas = {pq.read_schema(path).remove_metadata() for path in (out / "data").iterdir()}
    assert len(schemas) == 1
    found = loaded(out, tmp_path)
    assert {split: len(found[split]) for split in found} == {"train": 8, "test": 8}
    own = [{name: row[name] for name in rows[0]} for split in found for row in found[split]]
    asked = {row["id"]: row for row in rows}
    assert own == [asked[id] for split in ("q", "r") for id in run.ids if id.startswith(split)]
    assert notes == []


def test_what_is_said_of_all_rows_is_said_once_and_repeats_stay(workspace, tmp_path, monkeypatch):
    rows = [
        {"id": f"q{at}", "text": f"{at}", "split": "ab"[at % 2], "mixed": at if at % 3 else str(at)} for at in range(9)
    ]
    run = chosen(workspace, lines(tmp_path / "t.jsonl", rows), 9)
    times = {id: 1 + at % 3 for at, id in enumerate(run.ids)}
    real = exporting.open_record

    def drawn(*asked):
        kept = real(*asked)
        count = kept.table["count"].to_numpy() * 0 + [times[id] for id in run.ids]
        table = kept.table.set_column(kept.table.column_names.index("count"), "count", [count])
        object.__setattr__(kept, "table", table)
        return kept

    monkeypatch.setattr(exporting, "open_record", drawn)
    out, notes = told(workspace, run, "huggingface", tmp_path / "out")
    found = loaded(out, tmp_path)
    for split in "ab":
        right = [id for id in run.ids if rows[int(id[1:])]["split"] == split for _ in range(times[id])]
        assert found[split]["id"][:] == right
    assert len(notes) == len(set(notes)) == 2
    assert any(note.startswith("Columns whose values are of several types") for note in notes)


@pytest.mark.parametrize("pictures", ["inside", "beside"])
@pytest.mark.parametrize("name", ["image", "datasel", "file_name", "thumb_file_name"])
def test_columns_called_as_those_of_the_folder_get_another_name(workspace, tmp_path, name, pictures):
    for at in range(4):
        paint(tmp_path / "in" / "ph" / f"{at}.jpg", at)
    rows = "".join(f"ph/{at}.jpg,v{at}\n" for at in range(4))
    (tmp_path / "in" / "t.csv").write_text(f"path,{name}\n{rows}")
    run = chosen(workspace, tmp_path / "in" / "t.csv", 3, "images")
    out, notes = told(workspace, run, "huggingface", tmp_path / "out", pictures=pictures)
    found = list(loaded(out, tmp_path)["train"])
    stays = name.endswith("file_name") and pictures == "inside"
    column = name if stays else f"{name}_"
    right = {id: (f"v{id[3]}", rank) for rank, id in enumerate(run.ids, 1)}
    assert {row["id"]: (row[column], row["datasel"]["rank"]) for row in found} == right
    assert all(row["image"].size == (48, 40) for row in found)
    said = f"Columns of the source whose names mean something else there: {name} is {name}_."
    assert notes == ([] if stays else [said])


def test_splits_have_names_that_the_library_takes(workspace, tmp_path):
    rows = [{"id": f"q{at}", "text": f"{at}", "split": ("all", "part 1", "", "dev")[at % 4]} for at in range(8)]
    run = chosen(workspace, lines(tmp_path / "t.jsonl", rows), 8)
    out, notes = told(workspace, run, "huggingface", tmp_path / "out")
    found = loaded(out, tmp_path)
    assert {split: len(found[split]) for split in found} == {"all_": 2, "part_1": 2, "train": 2, "dev": 2}
    (note,) = notes
    assert note.startswith("Splits whose names the library datasets does not take: ")
    assert "'all' is all_" in note
    assert "'part 1' is part_1" in note


@pytest.mark.parametrize("first", ["inside", "beside"])
@pytest.mark.parametrize("second", ["inside", "beside"])
def test_an_export_of_an_export_says_its_own_reasons_alone(workspace, tmp_path, photos, first, second):
    run = chosen(workspace, photos, 8)
    out = export(workspace, run, "huggingface", tmp_path / "out", pictures=first)
    add_pool(workspace, "again", str(out), "images")
    fewer = engine.select(workspace, Spec(pool="again", method="random", budget="4"))
    assert "datasel" not in fewer.table.column_names
    found = loaded(export(workspace, fewer, "huggingface", tmp_path / "fewer", pictures=second), tmp_path / "2")[
        "train"
    ]
    right = {id: {"id": id, "rank": rank} for rank, id in enumerate(fewer.ids, 1)}
    assert {row["id"]: {name: row["datasel"][name] for name in ("id", "rank")} for row in found} == right


@pytest.mark.parametrize("pictures", ["inside", "beside"])
@pytest.mark.parametrize("make", [layouts.coco, layouts.yolo])
def test_what_was_drawn_is_there_when_it_is_opened_again(workspace, tmp_path, make, pictures):
    make(tmp_path / "in")
    run = chosen(workspace, tmp_path / "in", "100%")
    out = export(workspace, run, "huggingface", tmp_path / "out", pictures=pictures)
    pool, again = load_pool(workspace, "p"), add_pool(workspace, "again", str(out), "images")
    drawn = 0
    for row, id in enumerate(pool.ids):
        own = pool.labels(row)
        assert sorted(map(str, again.labels(again.rows([id])[0]))) == sorted(map(str, own))
        drawn += sum(label.box is not None for label in own)
    assert drawn > 3
    said = "What is drawn on the pictures is in the column objects, as left, top, width and height in pixels."
    assert said in again.about["notes"]
    assert not any("left out" in note and "objects" in note for note in again.about["notes"])


@pytest.mark.parametrize(
    "objects",
    [{"bbox": [[0, 0, 9, 9]], "category": [3]}, {"bbox": [[0, 0, 9]], "category": ["a"]}, {"bbox": 1}, "text"],
)
def test_objects_of_another_sort_are_no_labels(workspace, tmp_path, objects):
    rows = [{"file_name": f"{at}.jpg", "objects": objects} for at in range(3)]
    for at in range(3):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines(tmp_path / "in" / "metadata.jsonl", rows)
    pool = add_pool(workspace, "p", str(tmp_path / "in"), "images")
    assert (pool.n, pool.boxes, pool.has_labels) == (3, None, False)
