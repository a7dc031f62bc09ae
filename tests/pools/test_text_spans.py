"""Facts that are marked in running text: every way to write them is read alike, and what does not fit is one line."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.cut_pool import CutPool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools.persistence import load_pool
from tests.exports.test_rows_as_is import in_order, keep, leave, without_ours
from tests.pools.test_text_pool import add, lines

TEXT = "Ännchen 🎈 was born in Łódź in 1901."
FACTS = [("Łódź", "birthplace"), ("1901", "year")]
SPANS = [(TEXT.index(word), TEXT.index(word) + len(word)) for word, _ in FACTS]
OBJECTS = [{"start": a, "end": b, "relation": r} for (a, b), (_, r) in zip(SPANS, FACTS, strict=True)]


def said(pool, row=0):
    """The marked words, cut out of the text by Python itself."""
    (turn,) = pool.turns(row)
    return [turn.text[start:end] for start, end in turn.spans]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("spans", [list(one) for one in SPANS]),
        ("spans", [[*SPANS[1], "year"], [*SPANS[0], "birthplace"]]),
        ("spans", [{"start": float(a), "end": b, "label": "x", "token_start": 3} for a, b in SPANS]),
        ("facts", OBJECTS),
        ("facts", {"start": [a for a, _ in SPANS], "end": [b for _, b in SPANS], "relation": ["a", "b"]}),
        ("facts", json.dumps(OBJECTS)),
        ("fact_spans", json.dumps([list(one) for one in SPANS])),
    ],
)
def test_marked_words_are_found_however_they_are_written(workspace, tmp_path, column, value):
    pool = add(
        workspace, lines(tmp_path / "in.jsonl", {"text": TEXT, column: value, "kind": "a"}, {"text": "Nothing."})
    )
    assert said(pool) == ["Łódź", "1901"]
    assert said(pool, 1) == []
    assert pool.unreadable == []
    assert set(pool.columns) == {"id", "text", "kind", "fact_spans"}
    assert pool.about["notes"] == ["Not part of the sample: kind.", "Facts are marked in 1 texts."]


def test_tables_with_types_and_cells_of_a_csv(workspace, tmp_path):
    rows = {"text": [TEXT, "Nothing."], "facts": [OBJECTS, []]}
    pq.write_table(pa.table(rows), tmp_path / "in.parquet")
    pairs = pa.array([[list(one) for one in SPANS], None], pa.list_(pa.list_(pa.int32())))
    pq.write_table(pa.table({"text": rows["text"], "spans": pairs}), tmp_path / "lists.parquet")
    with open(tmp_path / "in.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "spans"], [TEXT, json.dumps(SPANS)], ["Nothing.", ""]])
    for at, name in enumerate(("in.parquet", "lists.parquet", "in.csv")):
        pool = add(workspace, tmp_path / name, f"p{at}")
        assert (said(pool), said(pool, 1)) == (["Łódź", "1901"], [])
    assert json.loads(load_pool(workspace, "p0").value("fact_spans", 0)) == [
        [*span, relation] for span, (_, relation) in zip(SPANS, FACTS, strict=True)
    ]


@pytest.mark.parametrize(
    ("spans", "why"),
    [
        ([[0, 3], [2, 5]], "its spans overlap: [0, 3] and [2, 5]; every character belongs to one fact"),
        ([[4, 6], [4, 6]], "its spans overlap"),
        ([[0, 3], [5, 5]], "its spans 2 is empty (from 5 to 5); the end is the first character after the fact"),
        ([[5, 4]], "its spans 1 is empty"),
        ([[-2, 3]], "its spans 1 (from -2 to 3) lies outside the text, which has 9 characters"),
        ([[0, 10]], "its spans 1 (from 0 to 10) lies outside the text, which has 9 characters"),
        ([[0, 1.5]], "the end of its spans 1 is 1.5; it must be a whole number of characters"),
        ([[True, 3], [4, 5]], "the start of its spans 1 is true; it must be a whole number"),
        ([{"start": 3}], "the end of its spans 1 is null; it must be a whole number"),
        ([[0, 1], "a"], 'its spans 2 is "a"; it must be [start, end]'),
        ([[0, 1, ["a"]]], "the relation of its spans 1 is a list; it must be text"),
        ([[3]], "its spans 1 is a list; it must be [start, end]"),
        ({"start": [1], "end": [2, 3]}, "the lists of its spans differ in length"),
    ],
)
def test_what_does_not_fit_is_left_out_in_one_line(workspace, tmp_path, spans, why):
    rows = [{"text": "123456789", "spans": one} for one in ([[0, 9]], spans)]
    pool = add(workspace, lines(tmp_path / "in.jsonl", *rows))
    (one,) = pool.unreadable
    assert why in one["reason"]
    assert "\n" not in one["reason"]
    assert said(pool) == ["123456789"]


def test_a_column_that_means_something_else_stands_beside_the_text(workspace, tmp_path):
    rows = [
        {"text": "abc", "facts": ["It is so."], "spans": 3},
        {"text": "abd", "facts": [["a", "r", "b"]], "spans": 4},
    ]
    pool = add(workspace, lines(tmp_path / "in.jsonl", *rows))
    assert pool.column("spans").tolist() == [3, 4]
    assert "fact_spans" not in pool.columns
    assert any("became no columns: facts" in note for note in pool.about["notes"])
    with pytest.raises(BadInput, match="its facts is a list; it must be a list of .start, end. for each marked fact"):
        add(workspace, tmp_path / "in.jsonl", "q", spans_column="facts")
    with pytest.raises(BadInput, match=r"in.jsonl has no column marks; it has: text, facts, spans"):
        add(workspace, tmp_path / "in.jsonl", "q", spans_column="marks")
    taken = add(workspace, lines(tmp_path / "ours.jsonl", {"text": "abc", "fact_spans": 3}), "r")
    assert taken.column("fact_spans_").tolist() == [3]


def test_facts_are_marked_in_running_text_alone(workspace, tmp_path):
    row = {"prompt": "a", "response": "b", "spans": [[0, 1]]}
    pool = add(workspace, lines(tmp_path / "in.jsonl", row))
    assert pool.turns(0)[1].spans == ()
    with pytest.raises(BadInput, match="its spans marks facts, and it is no running text"):
        add(workspace, tmp_path / "in.jsonl", "q", spans_column="spans")


ROWS = [{"id": f"d{at}", "text": f"{'x' * at} {TEXT}", "marks": [[at + 1, at + 8]]} for at in range(6)]


def test_they_travel_with_a_part_of_the_pool_and_leave_as_they_came(workspace, tmp_path):
    source = lines(tmp_path / "in.jsonl", *ROWS)
    run = keep(workspace, source, "text", budget="50%", spans_column="marks")
    CutPool(name="part", parent="p0", where="id > 'd2'").prepare(workspace).run(Progress())
    part = load_pool(workspace, "part")
    assert [said(part, row) for row in range(part.n)] == [["Ännchen"]] * 3
    out, _ = leave(workspace, run, tmp_path / "out")
    assert list(map(without_ours, out.read_text().splitlines())) == in_order(run, ROWS)
    back = add(workspace, out, "back", spans_column="marks")
    assert [said(back, row) for row in range(back.n)] == [["Ännchen"]] * 3
    shaped, _ = leave(workspace, run, tmp_path / "shaped", shape="columns")
    back = add(workspace, shaped, "shaped")
    assert [said(back, row) for row in range(back.n)] == [["Ännchen"]] * 3, "without the source too"


def test_other_marks_are_another_pool(workspace, tmp_path):
    """What is measured of the spans hangs on them: the same text with others is no longer the same sample."""
    prints = []
    for at, spans in enumerate(([[0, 2]], [[0, 3]], None)):
        row = {"id": "a", "text": TEXT} | ({"spans": spans} if spans else {})
        prints.append(add(workspace, lines(tmp_path / "in.jsonl", row), f"p{at}").fingerprint)
    assert len(set(prints)) == 3
    plain = add(workspace, lines(tmp_path / "in.jsonl", {"id": "a", "text": TEXT, "spans": []}), "empty")
    assert plain.fingerprint == prints[2], "a text in which nothing is marked is the text"
