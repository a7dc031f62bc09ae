"""Values are the source's own: ids word for word, numbers exact, and what is kept as a number is written as it came."""

import csv
import datetime
import json
import uuid
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.exports.jsonl import JsonLines
from datasel_core.exports.parquet import Parquet
from datasel_core.exports.tables import Csv
from datasel_core.pools.readers.tables import typed
from datasel_core.pools.readers.tables.typed import BadValue, guessed, id_of, text_of
from datasel_core.runs.candidates import matching
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec

IDS = ["17446744073709551615", "123456789012345678901", "00123", "0x1F", "NA", "1e5", "1.0", "TRUE", "-0", " 7"]
KINDS = ["images", "pairs", "text"]


def table_of(photos, ids, **columns):
    rows = [{"path": "a/00.jpg", "caption": "c", "text": f"t{at}", "id": id} for at, id in enumerate(ids)]
    return [row | {name: values[at] for name, values in columns.items()} for at, row in enumerate(rows)]


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_the_text_of_the_source(workspace, photos, kind):
    rows = table_of(photos, IDS)
    pq.write_table(pa.Table.from_pylist(rows), photos / "t.parquet")
    (photos / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in (write_csv(photos / "t.csv", rows).name, "t.parquet", "t.jsonl"):
        assert add_pool(workspace, name.replace(".", "-"), str(photos / name), kind).ids.tolist() == IDS
    numbers = [17446744073709551615, 100000000000000000007, 300000000000000000007, 7]
    lines = [json.dumps(row) for row in table_of(photos, numbers)]
    (photos / "n.jsonl").write_text("\n".join(lines))
    assert add_pool(workspace, "n", str(photos / "n.jsonl"), kind).ids.tolist() == [str(one) for one in numbers]


@pytest.mark.parametrize("kind", KINDS)
def test_ids_that_pandas_made_floats(workspace, photos, kind):
    rows = table_of(photos, [1.0, 2.0, 1.7446744073709552e19, 2.5])
    pq.write_table(pa.Table.from_pylist(rows), photos / "t.parquet")
    pool = add_pool(workspace, "p", str(photos / "t.parquet"), kind)
    assert pool.ids.tolist() == ["1", "2"]
    assert [one["reason"] for one in pool.unreadable] == [
        "row 3 of t.parquet: its id is 1.7446744073709552e+19, a number that was rounded (beyond 2^53); write ids as "
        "text",
        "row 4 of t.parquet: its id is 2.5; it must be text or a whole number",
    ]


@pytest.mark.parametrize("kind", [*KINDS, "vectors"])
def test_ids_that_are_uuids(workspace, photos, kind):
    ids = [uuid.UUID(int=at + 2**100) for at in range(3)]
    rows = pa.Table.from_pylist(table_of(photos, ["", "", ""], vector=[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    at = rows.column_names.index("id")
    typed_ids = pa.array([one.bytes for one in ids], pa.uuid())
    pq.write_table(rows.set_column(at, "id", typed_ids), photos / "t.parquet")
    options = {"vector_column": "vector"} if kind == "vectors" else {}
    pool = add_pool(workspace, "p", str(photos / "t.parquet"), kind, options)
    assert pool.ids.tolist() == [str(one) for one in ids]
    plain = pa.array([one.bytes for one in ids], pa.binary(16))
    pq.write_table(rows.set_column(at, "id", plain), photos / "b.parquet")
    with pytest.raises(BadInput, match="16 bytes that are no text; write text"):
        add_pool(workspace, "b", str(photos / "b.parquet"), kind, options)
    sound = [uuid.uuid5(uuid.NAMESPACE_DNS, str(at)) for at in range(3)]  # these say what they are
    plain = pa.array([one.bytes for one in sound], pa.binary(16))
    pq.write_table(rows.set_column(at, "id", plain), photos / "s.parquet")
    assert add_pool(workspace, "s", str(photos / "s.parquet"), kind, options).ids.tolist() == list(map(str, sound))
    if kind == "text":  # another writer's UUIDs
        duckdb.sql(f"copy (select uuid() as id, 'a' as text) to '{photos / 'd.parquet'}'")
        pool = add_pool(workspace, "d", str(photos / "d.parquet"), kind)
        assert pool.ids.tolist() == [str(duckdb.sql(f"select id from '{photos / 'd.parquet'}'").fetchall()[0][0])]


@pytest.mark.parametrize(
    ("value", "id"),
    [
        (None, None),
        (float("nan"), None),
        ("", ""),
        (2.0**53 - 1, "9007199254740991"),
        (-3.0, "-3"),
        (Decimal("12345678901234567890"), "12345678901234567890"),
        (b"abc", "abc"),
        (datetime.date(2021, 3, 4), "2021-03-04"),
    ],
)
def test_one_id(value, id):
    assert id_of(value) == id


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (True, "true; it must be text or a whole number"),
        ([1], "[1]; it must be text or a whole number"),
        (2.0**53, "9007199254740992.0, a number that was rounded (beyond 2^53); write ids as text"),
        (float("inf"), "Infinity; it must be text or a whole number"),
        (Decimal("1.5"), '"1.5"; it must be text or a whole number'),
        (b"\xff\x00", "2 bytes that are no text; write text"),
    ],
)
def test_one_id_that_will_not_do(value, reason):
    with pytest.raises(BadValue) as error:
        id_of(value)
    assert str(error.value) == reason


def test_numbers_are_texts_where_texts_are_asked_for(workspace, photos):
    rows = [{"question": "q", "answer": 4}, {"question": "q", "answer": 2**70}, {"question": "q", "answer": None}]
    (photos / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pool = add_pool(workspace, "p", str(photos / "t.jsonl"), "text")
    assert pool.column("response").tolist() == ["4", str(2**70)]
    assert pool.unreadable[0]["reason"] == "line 3 of t.jsonl: its answer is missing"
    pq.write_table(pa.table({"question": ["q"] * 3, "answer": [0.5, float("nan"), 4.0]}), photos / "t.parquet")
    pool = add_pool(workspace, "q", str(photos / "t.parquet"), "text")
    assert pool.column("response").tolist() == ["0.5", "4.0"]
    pq.write_table(pa.table({"path": ["a/00.jpg", "b/01.jpg"], "caption": [4, None]}), photos / "c.parquet")
    pool = add_pool(workspace, "c", str(photos / "c.parquet"), "pairs")
    assert (pool.text(0), pool.unreadable[0]["reason"]) == (["4"], "it has no caption")
    assert [text_of(value) for value in (0.5, 7, float("nan"))] == ["0.5", "7", None]


COLUMNS = {
    "whole": (["1", "", "-3", "999999999999999"], pa.int64()),
    "long": (["1", "", "1000000000000000", "2"], pa.string()),
    "beyond": (["9007199254740993", "", "1", "2"], pa.string()),
    "zeros": (["00123", "77", "1", "2"], pa.string()),
    "hex": (["0x1F", "1", "2", "3"], pa.string()),
    "price": (["1.50", "2", "", "+3"], pa.float64()),
    "power": (["1e3", "2E-1", "", "-.5"], pa.float64()),
    "flag": (["TRUE", "false", "", "True"], pa.bool_()),
    "na": (["NA", "NA", "NA", "NA"], pa.string()),
    "mixed": (["1", "NA", "3", ""], pa.string()),
    "thousands": (["1,234", "5", "6", ""], pa.string()),
    "day": (["2021-03-04", "", "2021-03-05", ""], pa.string()),
    "under": (["1_000", "2", "3", ""], pa.string()),
    "inf": (["inf", "nan", "1", "-Inf"], pa.float64()),
    "nan": (["nan", "nan", "", ""], pa.string()),
    "empty": (["", "", "", ""], pa.null()),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_what_the_cells_of_a_csv_are(name):
    cells, kind = COLUMNS[name]
    assert guessed(pa.array(cells)) == kind


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_can_be_filtered_and_are_written_as_they_came(workspace, photos, tmp_path, kind):
    cells = {name: cells for name, (cells, _) in COLUMNS.items()}
    rows = table_of(photos, ["a", "b", "c", "d"], **cells, score=["1.0", "2.50", "", "3"])
    pool = add_pool(workspace, "p", str(write_csv(photos / "t.csv", rows)), kind)
    assert typed.AS_WRITTEN not in pool.columns
    assert matching(pool, "price > 1.4 and power is not null").tolist() == [True, True, False, True]
    assert pool.column("flag").tolist() == [True, False, None, True]
    assert pool.column("whole").tolist()[3] == 999999999999999
    run = select(workspace, Spec(pool="p", method="random", budget="3", seed=3))
    kept = open_record(workspace, run.folder)
    with open(Csv().write(kept, tmp_path / "k.csv", Progress()), newline="") as file:
        written = {row["id"]: row for row in csv.DictReader(file)}
    assert [written[id]["rank"] for id in run.ids] == ["1", "2", "3"]
    for row in rows:
        if row["id"] in written:
            found = written[row["id"]]
            assert {name: found.get(name) for name in cells if name != "empty" or kind != "text"} == {
                name: row[name] for name in cells if name != "empty" or kind != "text"
            }
            assert found["score_"] == row["score"]  # ours is called score
    lines = [json.loads(line) for line in JsonLines().write(kept, tmp_path / "k.jsonl", Progress()).open()]
    table = pq.read_table(Parquet().write(kept, tmp_path / "k.parquet", Progress()))
    for found in (*lines, *table.to_pylist()):
        row = next(row for row in rows if row["id"] == found["id"])
        assert found["price"] == (float(row["price"]) if row["price"] else None)
        assert typed.AS_WRITTEN not in found


def test_numbers_that_write_themselves_add_no_column(workspace, photos):
    rows = table_of(photos, ["a", "b"], n=["1", "2"], x=["0.5", "1.25"], ok=["True", "False"])
    for kind in KINDS:
        pool = add_pool(workspace, kind, str(write_csv(photos / "t.csv", rows)), kind)
        assert typed.AS_WRITTEN not in pool.names


def test_parts_and_files_agree_on_what_a_column_is(workspace, tmp_path, monkeypatch):
    """Whole numbers in one part and others in the next; a table beside that gives numbers itself."""
    monkeypatch.setattr("datasel_core.pools.readers.texts.scan._PART_ROWS", 2)
    cells = ["1", "2", "2.50", "3", "", "4"]
    (tmp_path / "in").mkdir()
    write_csv(tmp_path / "in" / "a.csv", [{"text": f"t{at}", "x": cell} for at, cell in enumerate(cells)])
    (tmp_path / "in" / "b.jsonl").write_text('{"text": "t", "x": 5}\n')
    pool = add_pool(workspace, "p", str(tmp_path / "in"), "text")
    assert pool.table["x"].to_pylist() == [1.0, 2.0, 2.5, 3.0, None, 4.0, 5.0]
    said = [json.loads(one)["x"] if one else "" for one in pool.table[typed.AS_WRITTEN].to_pylist()]
    assert said == [*cells, ""]


def test_whole_numbers_beyond_floats_stay_exact_beside_fractions(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("datasel_core.pools.readers.texts.scan._PART_ROWS", 2)
    rows = [{"text": f"t{at}", "n": n, "x": at} for at, n in enumerate((2**53 + 1, 5, 0.5, None))]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pool = add_pool(workspace, "p", str(tmp_path / "t.jsonl"), "text")
    assert pool.column("n").tolist() == ["9007199254740993", "5", "0.5", None]
    assert pool.column("x").tolist() == [0, 1, 2, 3]


def test_whole_numbers_beyond_floats_stay_exact_beside_gaps(workspace, photos):
    rows = [{"path": f"{name}.jpg", "n": n} for name, n in (("a/00", 2**53 + 1), ("b/01", None), ("c/02", 5))]
    (photos / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pool = add_pool(workspace, "p", str(photos / "t.jsonl"), "images")
    assert pool.column("n").tolist() == [2**53 + 1, None, 5]
