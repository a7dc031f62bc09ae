"""Long columns of text pools: on disk and not in memory, row for row, in filters, in exports; spooled, and gone when it
is stopped.
"""

import csv
import json
import os
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, Stopped
from datasel_core.exports.jsonl import JsonLines
from datasel_core.exports.parquet import Parquet
from datasel_core.exports.tables import Csv
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.readers.texts import scan
from datasel_core.runs.candidates import matching
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.pools.test_text_pool import ASKED, CHAT, SHAPES, add, lines, said


@pytest.fixture
def many(workspace, tmp_path, monkeypatch):
    """500 samples in row groups of 37, with the rows they were made from."""
    monkeypatch.setattr(scan, "_PART_ROWS", 37)
    rows = [{"id": f"s{at}", "prompt": f"prompt {at}", "response": "r" * (at % 50 + 1), "n": at} for at in range(500)]
    return add(workspace, lines(tmp_path / "many.jsonl", *rows)), rows


def test_long_columns_stay_on_disk_and_every_row_is_its_own(many, rng):
    pool, rows = many
    assert pq.ParquetFile(pool.folder / "pool.parquet").num_row_groups == 14
    assert pool.table.column_names == ["id", "n", "content"]
    for row in [*range(80), *rng.integers(500, size=200).tolist(), 499]:
        assert said(pool, row) == [("user", rows[row]["prompt"]), ("assistant", rows[row]["response"])]
    order = rng.permutation(500)[:321]
    assert pool.take(order).to_pylist() == [rows[row] for row in order]
    assert pool.take([]).num_rows == 0
    assert pool.batches(["response", "n"], "at").read_all().to_pylist() == [
        {"n": row["n"], "at": row["n"], "response": row["response"]} for row in rows
    ]


def test_several_threads_read_at_once(many):
    pool, rows = many
    wrong = []

    def read(seed):
        for row in np.random.default_rng(seed).integers(500, size=300):
            if pool.turns(int(row))[0].text != rows[row]["prompt"]:
                wrong.append(row)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


CONDITIONS = [
    "length(response) > 20",
    "n < 100 and \"PROMPT\" like '%7'",
    "n > (select avg(length(response)) from pool)",
    "n % 2 = 0",
    "columns(*) is not null",
]


@pytest.mark.parametrize("where", CONDITIONS)
def test_where_knows_long_columns(many, where):
    pool, rows = many
    import duckdb

    everything = pa.Table.from_pylist(rows)  # noqa: F841  (DuckDB finds it by its name)
    expected = duckdb.sql(f"with pool as (select * from everything) select n from pool where {where}").fetchnumpy()["n"]
    assert np.flatnonzero(matching(pool, where)).tolist() == sorted(expected.tolist())


def test_what_is_exported_is_what_was_read(workspace, many, tmp_path):
    pool, rows = many
    run = select(workspace, Spec(pool="p", method="random", budget="50", where="n > 200"))
    kept = open_record(workspace, run.folder)
    expected = {row["id"]: row for row in rows}
    exported = [
        json.loads(line) for line in JsonLines().write(kept, tmp_path / "k.jsonl", Progress()).read_text().splitlines()
    ]
    assert [row["id"] for row in exported] == run.ids
    for row in exported:
        assert {name: row[name] for name in expected[row["id"]]} == expected[row["id"]]
    with open(Csv().write(kept, tmp_path / "k.csv", Progress()), newline="") as file:
        assert [row["response"] for row in csv.DictReader(file)] == [row["response"] for row in exported]
    assert pq.read_table(Parquet().write(kept, tmp_path / "k.parquet", Progress()))["prompt"].to_pylist() == [
        row["prompt"] for row in exported
    ]
    again = add(workspace, tmp_path / "k.jsonl", "again")
    assert [said(again, at)[1][1] for at in range(50)] == [row["response"] for row in exported]


def test_an_exported_conversation_is_one_again(workspace, tmp_path):
    add(workspace, lines(tmp_path / "t.jsonl", SHAPES["messages"][0], SHAPES["prompt"][0]))
    run = select(workspace, Spec(pool="p", method="random", budget="2"))
    JsonLines().write(open_record(workspace, run.folder), tmp_path / "k.jsonl", Progress())
    exported = {row["datasel"]["id"]: row for row in map(json.loads, (tmp_path / "k.jsonl").read_text().splitlines())}
    assert exported["t-00001"]["messages"] == SHAPES["messages"][0]["messages"]
    again = add(workspace, tmp_path / "k.jsonl", "again")
    assert said(again, int(again.rows(["t-00001"])[0])) == CHAT
    assert said(again, int(again.rows(["t-00002"])[0])) == ASKED


def test_the_same_source_has_the_same_fingerprint(workspace, tmp_path, monkeypatch):
    path = lines(tmp_path / "t.jsonl", *({"text": f"t{at}"} for at in range(50)))
    first = add(workspace, path)
    assert add(workspace, path).table_sha256 == first.table_sha256
    monkeypatch.setattr(scan, "_PART_ROWS", 7)
    assert add(workspace, path, "q").fingerprint == first.fingerprint
    lines(path, *({"text": f"t{at}"} for at in range(49)), {"text": "other"})
    assert add(workspace, path, "r").fingerprint != first.fingerprint


def test_a_pool_read_before_goes_on_giving_its_own_texts(workspace, tmp_path):
    path = lines(tmp_path / "t.jsonl", {"text": "old"})
    old = add(workspace, path)
    new = add(workspace, lines(path, {"text": "new"}))
    assert (old.text(0), new.text(0)) == (["old"], ["new"])


def test_a_changed_file_is_noticed(workspace, tmp_path):
    add(workspace, lines(tmp_path / "t.jsonl", {"text": "a" * 500}))
    path = workspace.pool("p") / "pool.parquet"
    content = bytearray(path.read_bytes())
    assert load_pool(workspace, "p").text(0) == ["a" * 500]
    content[10] ^= 1
    times = os.stat(path)
    path.write_bytes(bytes(content))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as if nothing had happened
    with pytest.raises(BadInput, match="The pool p is damaged"):
        load_pool(workspace, "p")


def test_a_stop_leaves_nothing(workspace, tmp_path):
    path = lines(tmp_path / "t.jsonl", *({"text": f"t{at}"} for at in range(5000)))
    asked = []

    def stop():
        asked.append(len(list(workspace.spool().iterdir())) if workspace.spool().exists() else 0)
        return len(asked) > 2

    with pytest.raises(Stopped):
        add_pool(workspace, "p", str(path), "text", progress=Progress(should_stop=stop, every=0))
    assert 1 in asked
    assert list(workspace.spool().iterdir()) == []
    assert not workspace.pool("p").exists()


def test_small_files_share_a_row_group_and_can_be_stopped(workspace, tmp_path):
    (tmp_path / "in").mkdir()
    for at in range(60):
        (tmp_path / "in" / f"{at:02d}.txt").write_text(f"text {at}")
    pool = add(workspace, tmp_path / "in")
    assert pq.ParquetFile(pool.folder / "pool.parquet").num_row_groups == 1
    assert pool.column("text").tolist() == [f"text {at}" for at in range(60)]
    asked = []
    with pytest.raises(Stopped):
        add_pool(
            workspace,
            "q",
            str(tmp_path / "in"),
            "text",
            progress=Progress(should_stop=lambda: asked.append(1) or len(asked) > 30, every=0),
        )
    assert list(workspace.spool().iterdir()) == []


def test_what_a_killed_process_left_is_swept(workspace, tmp_path):
    left = workspace.spool() / "0123"
    left.mkdir(parents=True)
    (left / "parts").write_bytes(b"x")
    os.utime(left, (0, 0))
    add(workspace, lines(tmp_path / "t.jsonl", {"text": "a"}))
    assert list(workspace.spool().iterdir()) == []


def test_times_beyond_those_of_python_are_one_line(workspace, tmp_path):
    table = pa.table({"text": ["a", "b"], "when": pa.array([0, 2**62], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(BadInput, match=r"^t\.parquet could not be read: .?date value out of range"):
        add_pool(workspace, "p", str(tmp_path / "t.parquet"), "text")
