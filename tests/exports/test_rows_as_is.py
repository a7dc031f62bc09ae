"""Rows leave as they came: text of JSON to the byte, cells of CSV as they stand there, tables with their own types."""

import csv
import gzip
import itertools
import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest
from datasel_core.pools.persistence import pool_names, remove_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint, real_data
from tests.pools.test_text_pool import SHAPES
from tests.pools.test_text_shapes import PREFERENCES, TOOLS

EXTRAS = '"n": 1.0, "e": 1e5, "u": 17446744073709551615, "two  spaces": "a  b", "\\u00e9": "\\u00e9\\ud83d\\ude00é"'
AWKWARD = [
    f'{{"text": "one", {EXTRAS}, "deep": {{"b": [1.50, null, {{}}]}}}}',
    '  {"text":"two","n":-0.0,"n":2,"e":[ ]}  ',
    '{ "text": "th\\u0072ee", "s": "} , \\"datasel\\" {" }',
    '{"text": "fo\\/ur", "big": 123456789012345678901234567890.10, "t": true}',
]


def keep(workspace, source, kind="text", budget="100%", seed=0, **options):
    name = f"p{len(pool_names(workspace))}"
    add_pool(workspace, name, str(source), kind, options)
    return engine.select(workspace, Spec(pool=name, method="random", budget=budget, seed=seed))


def leave(workspace, run, out, format="jsonl", **params):
    """What is written, and what a person is told."""
    record = open_record(workspace, run.folder)
    return find("export format", format)(**params).write(record, out / f"kept.{format}", Progress()), record.notes


def written(workspace, run, out, **params):
    """The lines, in pick order."""
    return leave(workspace, run, out, **params)[0].read_text(encoding="utf-8").split("\n")[:-1]


def without_ours(line):
    row = json.loads(line)
    row.pop("datasel")
    return row


def in_order(run, rows):
    """The rows of a source of which every row is a sample, as they were picked."""
    return [rows[at] for at in run.table["row"].to_pylist()]


def again(workspace, out, run, name="again", kind="text"):
    """The export, opened as a pool: the same samples under the same names."""
    pool = add_pool(workspace, name, str(out), kind)
    assert pool.ids.tolist() == run.ids
    assert pool.table["content"].to_pylist() == run.table["content"].to_pylist()
    return pool


# ---- text of JSON


def jsonl(path):
    path.write_text("\n".join(AWKWARD) + "\n", encoding="utf-8")


def marked(path):
    path.write_bytes("\r\n\r\n".join(AWKWARD).encode("utf-8-sig"))


def utf16(path):
    path.write_text("\n".join(AWKWARD), encoding="utf-16")


def packed(path):
    path.write_bytes(gzip.compress("\n".join(AWKWARD).encode()))


def listed(path):
    path.write_text("[\n" + ",\n".join(AWKWARD) + "\n]", encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "name"),
    [(jsonl, "t.jsonl"), (marked, "t.jsonl"), (utf16, "t.jsonl"), (packed, "t.jsonl.gz"), (listed, "t.json")]
    + [(jsonl, "t.json"), (jsonl, "t.ndjson")],
)
def test_lines_are_the_sources_own_to_the_byte(workspace, tmp_path, make, name):
    make(tmp_path / name)
    run = keep(workspace, tmp_path / name)
    plain = in_order(run, [line.strip() for line in AWKWARD])
    assert written(workspace, run, tmp_path / "off", datasel=False) == plain
    lines = written(workspace, run, tmp_path / "on")
    for line, own, rank in zip(lines, plain, range(1, 5), strict=True):
        assert line.startswith(own[:-1] + ", ")
        assert json.loads(line)["datasel"] == {
            "id": run.ids[rank - 1],
            "rank": rank,
            "score": None,
            "count": 1,
            "why": {},
        }
    again(workspace, tmp_path / "on" / "kept.jsonl", run)


@pytest.mark.parametrize("name", ["t.json", "table.json"])
def test_objects_over_many_lines_leave_in_one(workspace, tmp_path, name):
    rows = [{"text": "a\nb", "deep": {"x": [1, {"y": "  two  "}]}}, {"text": "c", "deep": {}}]
    (tmp_path / name).write_text(json.dumps({"data": rows} if name == "table.json" else rows, indent=4))
    run = keep(workspace, tmp_path / name)
    assert list(map(json.loads, written(workspace, run, tmp_path, datasel=False))) == in_order(run, rows)


def test_the_cases_that_left_changed(workspace, tmp_path):
    cases = real_data() and real_data().parent / "cases" / "07-rows-leave-changed"
    if not cases or not cases.exists():
        pytest.skip("no folder of cases beside the data")
    for at, path in enumerate(sorted(shutil.copytree(cases, tmp_path / "cases").glob("*.jsonl"))):
        add_pool(workspace, f"p{at}", str(path), "text")
        run = engine.select(workspace, Spec(pool=f"p{at}", method="random", budget="100%"))
        own = path.read_text().splitlines()
        kept = [own[int(id.rpartition("-")[2]) - 1] for id in run.ids]
        assert written(workspace, run, tmp_path / f"off{at}", datasel=False) == kept
        assert written(workspace, run, tmp_path / f"on{at}")[0].startswith(kept[0][:-1])
        again(workspace, tmp_path / f"on{at}" / "kept.jsonl", run, f"again{at}")


ROWS = {
    f"{kind}: {name}": row
    for kind, rows in (("shape", SHAPES), ("tools", TOOLS), ("two", PREFERENCES))
    for name, (row, *_) in rows.items()
}


@pytest.mark.parametrize("shape", ROWS)
def test_every_shape_that_pools_read_leaves_as_it_came(workspace, tmp_path, shape):
    line = json.dumps(ROWS[shape])
    (tmp_path / "t.jsonl").write_text(line + "\n")
    run = keep(workspace, tmp_path / "t.jsonl")
    assert written(workspace, run, tmp_path / "off", datasel=False) == [line]
    assert without_ours(written(workspace, run, tmp_path / "on")[0]) == ROWS[shape]
    again(workspace, tmp_path / "on" / "kept.jsonl", run)


def test_files_of_a_folder_of_every_sort(workspace, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": "a", "n": 1.0}\n{"id": "x", "text": "b"}\n')
    pq.write_table(pa.table({"text": ["c", "d"], "n": pa.array([1, None], pa.uint8())}), folder / "b.parquet")
    (folder / "c.csv").write_text("text,n\ne,1.50\nf,\n")
    run = keep(workspace, folder)
    rows = ['{"text": "a", "n": 1.0}', '{"id": "x", "text": "b"}', '{"text": "c", "n": 1}', '{"text": "d", "n": null}']
    rows += ['{"text": "e", "n": 1.50}', '{"text": "f", "n": null}']
    assert written(workspace, run, tmp_path / "off", datasel=False) == in_order(run, rows)
    out, _ = leave(workspace, run, tmp_path, "parquet", datasel=False)
    values = [
        {"text": text, "n": n, "id": id}
        for text, n, id in zip("abcdef", [1, None, 1, None, 1.5, None], [None, "x", *[None] * 4], strict=True)
    ]
    assert pq.read_table(out).to_pylist() == in_order(run, values)
    leave(workspace, run, tmp_path / "on")
    again(workspace, tmp_path / "on" / "kept.jsonl", run)


# ---- cells and types


def test_cells_of_a_csv_are_text_or_the_number_as_it_is_written(workspace, tmp_path):
    cells = [
        ["text", "code", "price", "many", "yes", "note", "id"],
        ["one", "007", "1.50", "3", "TRUE", "", "01"],
        ["two", "8", "1e5", "", "false", 'a, "b"', "02"],
        ["three", "", "-.5", "12", "", " x ", "03"],
        ["four", "x", "nan", "-4", "True", "1", "04"],
    ]
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows(cells)
    run = keep(workspace, tmp_path / "t.csv")
    lines = [
        '{"text": "one", "code": "007", "price": 1.50, "many": 3, "yes": true, "note": "", "id": "01"}',
        '{"text": "two", "code": "8", "price": 1e5, "many": null, "yes": false, "note": "a, \\"b\\"", "id": "02"}',
        '{"text": "three", "code": "", "price": -0.5, "many": 12, "yes": null, "note": " x ", "id": "03"}',
        '{"text": "four", "code": "x", "price": null, "many": -4, "yes": true, "note": "1", "id": "04"}',
    ]
    assert written(workspace, run, tmp_path / "off", datasel=False) == in_order(run, lines)
    leave(workspace, run, tmp_path)
    pool = again(workspace, tmp_path / "kept.jsonl", run)
    assert pool.table.schema.field("price").type == pa.float64()
    out, _ = leave(workspace, run, tmp_path, "parquet", datasel=False)
    kinds = [pa.string(), pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.string(), pa.string()]
    assert pq.read_table(out).schema.types == kinds


def test_columns_that_gave_way_to_ours_leave_as_well(workspace, tmp_path):
    pictures(tmp_path / "in", 2)
    (tmp_path / "in" / "t.csv").write_text("path,width,rank,content,n\n0.jpg,7,x,c,1.0\n1.jpg,,y,d,2.50\n")
    rows = ['{"path": "0.jpg", "width": 7, "rank": "x", "content": "c", "n": 1.0}']
    rows += ['{"path": "1.jpg", "width": null, "rank": "y", "content": "d", "n": 2.50}']
    run = keep(workspace, tmp_path / "in" / "t.csv", "images")
    assert written(workspace, run, tmp_path / "out", datasel=False) == in_order(run, rows)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_many_rows_wait_on_disk(workspace, tmp_path, monkeypatch, suffix):
    monkeypatch.setattr("datasel_core.exports.source_rows._IN_MEMORY", 1_000)
    table = pa.table({"text": [f"t{at}" * 20 for at in range(3_000)], "n": range(3_000)})
    path = tmp_path / f"t.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, path, row_group_size=700)
    else:
        path.write_text("\n".join(map(json.dumps, table.to_pylist())))
    run = keep(workspace, path, budget="2500")
    taken = table.take(run.table["row"])
    assert list(map(json.loads, written(workspace, run, tmp_path / "1", datasel=False))) == taken.to_pylist()
    assert pq.read_table(leave(workspace, run, tmp_path / "2", "parquet", datasel=False)[0]).equals(taken)


def typed_table(text="text"):
    many = {
        text: pa.array(["a", "b", "c"]),
        "exact": pa.array([Decimal("1.10"), None, Decimal("-7.25")], pa.decimal128(12, 2)),
        "small": pa.array([1, 2, 255], pa.uint8()),
        "large": pa.array([2**64 - 1, 0, 1], pa.uint64()),
        "half": pa.array([0.1, float("nan"), -0.0], pa.float32()),
        "when": pa.array([datetime(2020, 1, 2, 3, 4, 5, 600, UTC), None, None], pa.timestamp("us", "UTC")),
        "day": pa.array([date(2020, 1, 2), None, date(1, 1, 1)], pa.date32()),
        "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
        "list": pa.array([[1, None], [], None], pa.list_(pa.int16())),
        "deep": pa.array([{"a": [{"b": "c"}]}, None, {"a": []}]),
        "raw": pa.array([b"\x00\xff", b"", None]),
    }
    return pa.table(many).replace_schema_metadata({"whose": "theirs"})


def parquet(table, path):
    pq.write_table(table, path, row_group_size=2)


def arrow_file(table, path):
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table, 2)


def arrow_stream(table, path):
    with pa.ipc.new_stream(path, table.schema) as file:
        file.write_table(table.unify_dictionaries(), 1)


@pytest.mark.parametrize(("make", "suffix"), [(parquet, "parquet"), (arrow_file, "arrow"), (arrow_stream, "arrow")])
def test_tables_keep_their_own_types(workspace, tmp_path, make, suffix):
    table = typed_table()
    make(table, tmp_path / f"t.{suffix}")
    run = keep(workspace, tmp_path / f"t.{suffix}", seed=3)
    taken = table.take(run.table["row"])
    out, notes = leave(workspace, run, tmp_path / "off", "parquet", datasel=False)
    found = pq.read_table(out)
    assert found.schema.equals(taken.schema)
    assert found.schema.metadata[b"whose"] == b"theirs"
    assert found.drop_columns(["half"]).equals(taken.drop_columns(["half"]))
    np.testing.assert_array_equal(found["half"].to_numpy(), taken["half"].to_numpy())
    assert notes == []
    ours = pq.read_table(leave(workspace, run, tmp_path / "on", "parquet")[0])
    assert ours.drop_columns(["datasel"]).schema.equals(taken.schema)
    assert [one["id"] for one in ours["datasel"].to_pylist()] == run.ids
    again(workspace, tmp_path / "on" / "kept.parquet", run)


def test_values_of_a_table_as_json(workspace, tmp_path):
    table = typed_table()
    pq.write_table(table.drop_columns(["raw"]), tmp_path / "t.parquet")
    run = keep(workspace, tmp_path / "t.parquet", seed=3)
    out, notes = leave(workspace, run, tmp_path, datasel=False)
    rows = [json.loads(line, parse_constant=pytest.fail) for line in out.read_text().splitlines()]
    first, second, third = ({**row} for row in sorted(rows, key=lambda row: row["text"]))
    assert first == {
        "text": "a",
        "exact": 1.1,
        "small": 1,
        "large": 2**64 - 1,
        "half": float(np.float32(0.1)),
        "when": "2020-01-02T03:04:05.000600+00:00",
        "day": "2020-01-02",
        "kind": "x",
        "list": [1, None],
        "deep": {"a": [{"b": "c"}]},
    }
    assert (second["half"], second["list"], second["exact"]) == (None, [], None)
    assert (third["day"], third["exact"]) == ("0001-01-01", -7.25)
    assert notes == ["NaN and infinite numbers are null, for JSON has no such numbers (1 rows)."]


def test_bytes_are_text_where_they_are_and_have_no_place_in_json_where_not(workspace, tmp_path):
    pq.write_table(
        pa.table({"id": [b"a", UUID(int=7 << 76 | 1 << 63).bytes], "text": ["x", "y"]}), tmp_path / "t.parquet"
    )
    run = keep(workspace, tmp_path / "t.parquet")
    assert [json.loads(line)["id"] for line in written(workspace, run, tmp_path, datasel=False)] == run.ids
    pq.write_table(typed_table(), tmp_path / "t.parquet")
    run = keep(workspace, tmp_path / "t.parquet")
    with pytest.raises(BadRequest, match="The column raw holds bytes, for which JSON has no place; export parquet, or"):
        leave(workspace, run, tmp_path / "no")
    assert not (tmp_path / "no" / "kept.jsonl").exists()


def test_json_as_parquet_holds_every_value(workspace, tmp_path):
    rows = [
        {"text": "a", "n": 1, "mixed": 1, "deep": {"x": 1}, "hollow": {}, "list": [1, 2.5], "big": 2**60},
        {"text": "b", "n": 2.5, "mixed": "one", "deep": {"y": ["z"]}, "big": 0.5},
        {"text": "c", "mixed": [1], "deep": None},
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = keep(workspace, tmp_path / "t.jsonl")
    out, notes = leave(workspace, run, tmp_path, "parquet", datasel=False)
    found = {row["text"]: row for row in pq.read_table(out).to_pylist()}
    assert [found[text]["n"] for text in "abc"] == [1, 2.5, None]
    assert [json.loads(found[text]["mixed"]) if text != "b" else found[text]["mixed"] for text in "abc"] == [
        1,
        "one",
        [1],
    ]
    assert found["a"]["deep"] == {"x": 1, "y": None}
    assert found["b"]["deep"] == {"x": None, "y": ["z"]}
    assert json.loads(found["a"]["hollow"]) == {}
    assert [json.loads(found[text]["big"]) for text in "ab"] == [2**60, 0.5]
    assert notes == [
        "Columns whose values are of several types are JSON text, for a column has one type: big, hollow, mixed."
    ]


# ---- pictures and vectors


def pictures(folder, n=4):
    for at in range(n):
        paint(folder / f"{at}.jpg", at)
    return folder


def test_tables_of_pictures(workspace, tmp_path):
    pictures(tmp_path / "in")
    rows = [f'{{"image":"{at}.jpg", "group": {at % 2}, "caption": " c{at} ", "n": 1.0}}' for at in range(4)]
    (tmp_path / "in" / "t.jsonl").write_text("\n".join(rows))
    for kind in ("images", "pairs"):
        run = keep(workspace, tmp_path / "in" / "t.jsonl", kind)
        assert written(workspace, run, tmp_path / kind, datasel=False) == in_order(run, rows)
        out, _ = leave(workspace, run, tmp_path / "in" / ".." / f"on{kind}")
        found = add_pool(workspace, f"q{kind}", str(out), kind, {"root": str(tmp_path / "in")})
        assert found.ids.tolist() == run.ids
        assert found.table["content"].to_pylist() == run.table["content"].to_pylist()


def test_some_captions_of_a_row_are_no_row(workspace, tmp_path):
    pictures(tmp_path / "in")
    (tmp_path / "in" / "t.jsonl").write_text(
        '{"image": "0.jpg", "captions": ["a", "b"]}\n{"image": "1.jpg", "captions": ["c"]}\n'
    )
    run = keep(workspace, tmp_path / "in" / "t.jsonl", "pairs")
    rows = list(map(json.loads, written(workspace, run, tmp_path)))
    assert [row["id"] for row in rows] == run.ids
    assert {row["caption"] for row in rows} == {"a", "b", "c"}
    run = keep(workspace, tmp_path / "in" / "t.jsonl", "pairs", captions="mean")
    assert [
        json.loads(line)["captions"] for line in written(workspace, run, tmp_path / "mean", datasel=False)
    ] == in_order(run, [["a", "b"], ["c"]])


def test_layouts_that_have_tables(workspace, tmp_path):
    pictures(tmp_path / "folder")
    rows = [f'{{"file_name": "{at}.jpg", "text": "c{at}", "n": 1.0}}' for at in range(4)]
    (tmp_path / "folder" / "metadata.jsonl").write_text("\n".join(rows))
    run = keep(workspace, tmp_path / "folder", "pairs")
    assert written(workspace, run, tmp_path / "1", datasel=False) == in_order(run, rows)
    inside = [{"bytes": (tmp_path / "folder" / f"{at}.jpg").read_bytes(), "path": f"{at}.jpg"} for at in range(4)]
    table = pa.table({"image": inside, "caption": [f"c{at}" for at in range(4)], "n": pa.array(range(4), pa.int8())})
    pq.write_table(table, tmp_path / "t.parquet")
    run = keep(workspace, tmp_path / "t.parquet", "pairs")
    out, _ = leave(workspace, run, tmp_path / "2", "parquet", datasel=False)
    assert pq.read_table(out).equals(table.take(run.table["row"]))
    with pytest.raises(BadRequest, match="The column image holds bytes"):
        leave(workspace, run, tmp_path / "3")


def test_tables_of_one_name_in_several_folders(workspace, tmp_path):
    for part in ("train", "test"):
        pictures(tmp_path / "in" / part, 3)
        rows = [f'{{"file_name": "{at}.jpg", "of": "{part}"}}' for at in range(3)]
        (tmp_path / "in" / part / "metadata.jsonl").write_text("\n".join(rows))
    run = keep(workspace, tmp_path / "in", "images")
    rows = list(map(json.loads, written(workspace, run, tmp_path / "out", datasel=False)))
    assert [f"{row['of']}/{row['file_name']}" for row in rows] == run.ids


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_conversations_about_pictures(workspace, tmp_path, suffix):
    pictures(tmp_path / "in")
    rows = [
        f'{{"id": "r{at}", "image": "{at}.jpg", "n": 1.0, "conversations": [{{"from": "human", "value": "<image> q"}}, '
        f'{{"from": "gpt", "value": " a{at}"}}]}}'
        for at in range(4)
    ]
    text = "\n\n".join(rows) if suffix == "jsonl" else "[" + ",\n".join(rows) + "]"
    (tmp_path / "in" / f"t.{suffix}").write_text(text)
    run = keep(workspace, tmp_path / "in" / f"t.{suffix}", "pairs")
    assert written(workspace, run, tmp_path / "out", datasel=False) == in_order(run, rows)
    two = "\n".join([*rows, rows[0].replace("r0", "r4").replace("a0", "b")]).replace('"id"', '"key"')
    (tmp_path / "in" / "u.jsonl").write_text(two)
    run = keep(workspace, tmp_path / "in" / "u.jsonl", "pairs")
    assert "captions" not in json.loads(written(workspace, run, tmp_path / "two")[0])
    assert json.loads(written(workspace, run, tmp_path / "two")[0])["caption"]


def test_vectors_of_a_table_and_metadata_of_pairs(workspace, tmp_path):
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    vectors[2, 1] = np.nan
    table = pa.table({"id": list("abcde"), "v": list(vectors), "n": pa.array(range(5), pa.int16())})
    pq.write_table(table, tmp_path / "v.parquet")
    run = keep(workspace, tmp_path / "v.parquet", "vectors")
    rows = {row["id"]: row for row in table.to_pylist()}
    out, _ = leave(workspace, run, tmp_path, "parquet", datasel=False)
    assert pq.read_table(out).to_pylist() == [rows[id] for id in run.ids]
    assert pq.read_schema(out).equals(table.schema)
    metadata = pa.table({"uid": [f"{at:032x}" for at in range(3)], "text": [" a ", "b", "c"], "url": ["u"] * 3})
    pq.write_table(metadata, tmp_path / "m.parquet")
    run = keep(workspace, tmp_path / "m.parquet", "pairs")
    out, _ = leave(workspace, run, tmp_path / "m", "parquet", datasel=False)
    assert pq.read_table(out).equals(metadata.take(run.table["row"]))


@pytest.mark.parametrize("make", ["photos", "plain text"])
def test_what_has_no_rows_leaves_as_columns(workspace, tmp_path, make):
    if make == "photos":
        run = keep(workspace, pictures(tmp_path / "in"), "images")
    else:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "a.txt").write_text("one")
        (tmp_path / "in" / "b.txt").write_text("two")
        run = keep(workspace, tmp_path / "in")
    rows = list(map(json.loads, written(workspace, run, tmp_path)))
    assert leave(workspace, run, tmp_path)[1] == [
        "The samples are no rows of a source of their own, so the columns of the pool are written."
    ]
    assert [(row["id"], row["rank"], row["count"]) for row in rows] == [(id, at, 1) for at, id in enumerate(run.ids, 1)]
    assert rows == list(map(json.loads, written(workspace, run, tmp_path / "c", shape="columns")))
    bare = list(map(json.loads, written(workspace, run, tmp_path / "b", datasel=False)))
    assert bare == [
        {name: value for name, value in row.items() if name not in ("rank", "score", "count", "why")} for row in rows
    ]
    assert pq.read_table(leave(workspace, run, tmp_path, "parquet")[0]).to_pylist()[0]["id"] == run.ids[0]


# ---- a source that is not what it was


def edited(path):
    path.write_text(path.read_text().replace('"one"', '"won"'))


def beside(path):
    path.write_text(path.read_text().replace('"topic": "x"', '"topic": "y"'))


def shorter(path):
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))


def moved(path):
    path.write_text('{"text": "zero"}\n' + path.read_text())


def gone(path):
    path.unlink()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (edited, r"\(line 1 of t.jsonl is another row by now\)"),
        (beside, r"\(line 2 of t.jsonl has another topic by now\)"),
        (shorter, r"\(it has no row 't-00003' any more\)"),
        (moved, r"\(line 1 of t.jsonl is another row by now\)"),
        (gone, r"\(There is no file or folder .*t.jsonl\)"),
    ],
)
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_source_that_changed_is_refused_and_other_shapes_need_none(workspace, tmp_path, change, why, format):
    rows = [{"text": "one"}, {"text": "two", "topic": "x"}, {"text": "three"}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = keep(workspace, tmp_path / "t.jsonl")
    change(tmp_path / "t.jsonl")
    begin = (
        rf"^The source .*t.jsonl is not what the pool p0 was read from {why}, so its rows cannot leave as they came; "
    )
    end = "add it again, or take --shape messages or columns, which need no source.$"
    with pytest.raises(BadRequest, match=begin + end):
        leave(workspace, run, tmp_path / "out", format)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    leave(workspace, run, tmp_path / "out", format, shape="columns")


def test_rows_after_the_last_kept_one_may_come(workspace, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    run = keep(workspace, tmp_path / "t.jsonl")
    with open(tmp_path / "t.jsonl", "a") as file:
        file.write('{"text": "three"}\n')
    assert sorted(written(workspace, run, tmp_path, datasel=False)) == ['{"text": "one"}', '{"text": "two"}']


def test_a_pool_that_is_gone_or_another_has_no_source(workspace, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "one"}\n')
    (tmp_path / "u.jsonl").write_text('{"text": "two"}\n')
    run = keep(workspace, tmp_path / "t.jsonl")
    remove_pool(workspace, "p0")
    for _ in range(2):
        with pytest.raises(
            BadRequest, match="The pool p0 is not in the workspace as it was, so its rows cannot leave as"
        ):
            leave(workspace, run, tmp_path)
        add_pool(workspace, "p0", str(tmp_path / "u.jsonl"), "text")
        assert leave(workspace, run, tmp_path / "c", shape="columns")


# ---- ours beside theirs


def test_an_earlier_export_gives_way_and_a_key_of_theirs_does_not(workspace, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "one", "n": 1.0}\n{"text": "two"}\n')
    run = keep(workspace, tmp_path / "t.jsonl")
    out, _ = leave(workspace, run, tmp_path / "1")
    first = out.read_text().splitlines()
    for format in ("jsonl", "parquet"):
        run = keep(workspace, leave(workspace, run, tmp_path / f"to{format}", format)[0], seed=1)
        assert len(set(run.ids)) == 2
        out, notes = leave(workspace, run, tmp_path / f"2{format}", format)
        assert "What an earlier export said under datasel gave way to what is said now (2 rows)." in notes
        run = keep(workspace, tmp_path / "t.jsonl")
    run = keep(workspace, tmp_path / "1" / "kept.jsonl", seed=1)
    assert written(workspace, run, tmp_path / "3", datasel=False) == in_order(run, first)
    assert {line.partition(', "datasel"')[0] for line in written(workspace, run, tmp_path / "4")} == {
        line.partition(', "datasel"')[0] for line in first
    }
    (tmp_path / "own.jsonl").write_text('{"text": "one", "datasel": "mine"}\n')
    (tmp_path / "escaped.jsonl").write_text('{"text": "one", "dat\\u0061sel": "mine"}\n')
    for name, format in itertools.product(("own", "escaped"), ("jsonl", "parquet")):
        run = keep(workspace, tmp_path / f"{name}.jsonl")
        with pytest.raises(
            BadRequest, match="have a datasel of their own, which is not ours; leave ours out with --no-"
        ):
            leave(workspace, run, tmp_path / "5", format)
        leave(workspace, run, tmp_path / "5", format, datasel=False)


@pytest.fixture
def drawn(workspace, tmp_path):
    """A selection with repeats: of 6 vectors, each with others near."""
    points = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0) + np.arange(6, dtype=np.float32)[:, None] * 0.01
    pq.write_table(pa.table({"id": list("abcdef"), "v": list(points)}), tmp_path / "v.parquet")
    pq.write_table(pa.table({"id": ["q"], "v": list(points[:1])}), tmp_path / "q.parquet")
    add_pool(workspace, "p", str(tmp_path / "v.parquet"), "vectors")
    add_pool(workspace, "target", str(tmp_path / "q.parquet"), "vectors")
    params = {"sampling": "multinomial", "alpha": 0.9}
    run = engine.select(workspace, Spec(pool="p", method="tsds", target="target", budget="5", params=params))
    assert max(run.table["count"].to_pylist()) > 1
    return run


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_repeats_are_rows_or_a_weight_or_only_said(workspace, tmp_path, drawn, format):
    def rows(**params):
        out, notes = leave(workspace, drawn, tmp_path / "-".join(map(str, params.values())), format, **params)
        read = (
            pq.read_table(out).to_pylist()
            if format == "parquet"
            else list(map(json.loads, out.read_text().splitlines()))
        )
        return read, notes

    ids, counts = drawn.ids, drawn.table["count"].to_pylist()
    often, notes = rows(repeats="rows")
    assert [row["id"] for row in often] == np.repeat(ids, counts).tolist()
    assert len(often) == 5
    several = sum(count > 1 for count in counts)
    assert notes == [
        f"{several} samples were drawn several times and stand so often, 5 rows in all; "
        "--set repeats=once writes each once."
    ]
    once, notes = rows(repeats="once")
    assert ([row["id"] for row in once], notes) == (ids, [])
    assert [row["datasel"]["count"] for row in once] == counts
    weighed, _ = rows(repeats="weight", datasel=False)
    assert [(row["id"], row["weight"]) for row in weighed] == list(zip(ids, counts, strict=True))
    columns, _ = rows(repeats="weight", shape="columns")
    assert [(row["id"], row["weight"], row["count"]) for row in columns] == list(zip(ids, counts, counts, strict=True))


def test_a_weight_of_theirs_is_not_hidden(workspace, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "one", "weight": 3}\n')
    run = keep(workspace, tmp_path / "t.jsonl")
    for format in ("jsonl", "parquet"):
        for shape in ("as_is", "columns"):
            with pytest.raises(
                BadRequest, match="have a weight of their own, .* take --set repeats=rows or repeats=once"
            ):
                leave(workspace, run, tmp_path / "o", format, shape=shape, repeats="weight")


def test_a_preview_reads_no_further_than_it_must(workspace, tmp_path, monkeypatch):
    (tmp_path / "t.jsonl").write_text("".join(f'{{"text": "t{at}", "n": 1.0}}\n' for at in range(5_000)))
    run = keep(workspace, tmp_path / "t.jsonl", budget="300")
    record = open_record(workspace, run.folder)
    lines = find("export format", "jsonl")().preview(record, 5)[0][1].splitlines()
    assert lines == written(workspace, run, tmp_path)[:5]
    assert lines[0].startswith(f'{{"text": "t{run.table["row"][0].as_py()}", "n": 1.0, ')
    last = max(run.table["row"].to_pylist()[:5]) + 1
    with open(tmp_path / "t.jsonl", "r+") as file:
        whole = file.readlines()
        file.seek(0)
        file.writelines([*whole[:last], *["broken\n"] * 10])
        file.truncate()
    assert find("export format", "jsonl")().preview(record, 5)[0][1].splitlines() == lines


def test_times_finer_than_a_pool_keeps_are_no_other_times(workspace, tmp_path):
    nanoseconds = [1, 1_600_000_000_123_456_789, -1_001, 5_000]
    kind = pa.timestamp("ns")
    source = pa.table({"id": list("abcd"), "text": list("wxyz"), "at": pa.array(nanoseconds, kind)})
    pq.write_table(source, tmp_path / "t.parquet")
    run = keep(workspace, tmp_path / "t.parquet")
    out = leave(workspace, run, tmp_path / "out", "parquet")[0]
    found = pq.read_table(out)
    assert found["at"].type == kind
    assert dict(zip(found["id"].to_pylist(), found["at"].cast(pa.int64()).to_pylist(), strict=True)) == dict(
        zip("abcd", nanoseconds, strict=True)
    )
    moved = source.set_column(2, "at", pa.array([one + 1_000 for one in nanoseconds], kind))
    pq.write_table(moved, tmp_path / "t.parquet")
    with pytest.raises(BadRequest, match="has another at by now"):
        leave(workspace, run, tmp_path / "other", "parquet")


@pytest.mark.parametrize(("make", "suffix"), [(parquet, "parquet"), (arrow_file, "arrow")])
def test_texts_that_are_views_leave_as_texts(workspace, tmp_path, make, suffix):
    view = pa.string_view()
    deep = pa.large_list(pa.struct([("a", pa.list_(view)), ("n", pa.int8())]))
    columns = {
        "text": pa.array(["one", "two", "three"], view),
        "raw": pa.array([b"a", None, b"c"], pa.binary_view()),
        "deep": pa.array([[{"a": ["x", None], "n": 1}], [], None], deep),
    }
    table = pa.table(columns)
    make(table, tmp_path / f"t.{suffix}")
    run = keep(workspace, tmp_path / f"t.{suffix}", seed=3)
    found = pq.read_table(leave(workspace, run, tmp_path / "out", "parquet", datasel=False)[0])
    assert found.to_pylist() == in_order(run, table.to_pylist())
    rows = [json.loads(line) for line in written(workspace, run, tmp_path / "lines", datasel=False)]
    assert [row["deep"] for row in rows] == found["deep"].to_pylist()
