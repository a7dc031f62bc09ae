"""What leaves: whatever the order of picks, what is said of a sample belongs to it."""

import csv
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.exports.export import SelectionRecord
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.runs import joints
from tests.runs.joints import GROUPS, N

built, shared = joints.built, joints.shared
TABLES = ["csv", "jsonl", "parquet"]


def written(format, kept, folder, **params):
    return find("export format", format)(**params).write(kept, folder / f"kept.{format}", Progress())


def read(path):
    """id -> what the file says of it, in the order of the file."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    return {row["id"]: row for row in rows}


def number(value):
    return math.nan if value in (None, "") else float(value)


@pytest.mark.parametrize("format", TABLES)
@pytest.mark.parametrize("method", ["random", "tsds", "least_confidence"])
def test_what_is_said_of_a_sample_belongs_to_it(shared, tmp_path, format, method):
    run = shared.ask(method, 25)
    rows = run.table["row"].to_pylist()
    assert rows != sorted(rows)
    shape = {} if format == "csv" else {"shape": "columns"}
    found = read(written(format, open_record(shared.workspace, run.folder), tmp_path, **shape))
    assert list(found) == shared.pool.ids[rows].tolist()
    for rank, (row, said, kept) in enumerate(zip(rows, found.values(), run.table.to_pylist(), strict=True), 1):
        numbers = [int(said[name]) for name in ("rank", "count", "amount", "other")]
        assert numbers == [rank, 1, row * 7 % N, row % 4]
        assert said["group"] == GROUPS[row]
        assert number(said["score"]) == pytest.approx(kept["score"], nan_ok=True)
        assert (json.loads(said["why"]) if isinstance(said["why"], str) else said["why"]) == json.loads(kept["why"])
        assert set(said) == set(run.table.column_names) - {"row", "content"}


def test_ids_are_in_the_order_of_picks(shared, tmp_path):
    run = shared.ask("random", 25)
    out = written("ids", open_record(shared.workspace, run.folder), tmp_path)
    assert out.read_text().splitlines() == run.ids == shared.pool.ids[run.selection.rows].tolist() != sorted(run.ids)


@pytest.mark.parametrize("format", [*TABLES, "ids"])
def test_every_row_is_written_once_however_many_there_are(tmp_path, format):
    n = 20_011
    ids = [f"id-{at * 7919 % n}" for at in range(n)]
    table = pa.table({"id": ids, "row": range(n), "rank": range(1, n + 1), "why": ["{}"] * n, "content": ["x"] * n})
    shape = {"shape": "columns"} if format in ("jsonl", "parquet") else {}
    out = written(format, SelectionRecord(table, {"pool": {"kind": "vectors", "name": "p"}}), tmp_path, **shape)
    assert (out.read_text().splitlines() if format == "ids" else list(read(out))) == ids


@pytest.mark.parametrize("link", [True, False])
def test_files_go_by_their_own_name(workspace, tmp_path, photos, link):
    add_pool(workspace, "ph", str(photos), "images")
    run = engine.select(workspace, Spec(pool="ph", method="random", budget="7", seed=3))
    out = written("files", open_record(workspace, run.folder), tmp_path, link=link)
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.jpg")} == set(run.ids)
    assert all((out / id).read_bytes() == (photos / id).read_bytes() for id in run.ids)
    assert json.loads((out / "datasel" / "manifest.json").read_text()) == run.manifest
