"""An export opened as a pool: the same samples under the same names, and nothing of ours among the columns."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.readers.texts import scan
from tests.exports.test_rows_as_is import again, keep, leave, pictures


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize("named", [True, False])
def test_many_plain_rows_are_read_column_by_column_as_before(workspace, tmp_path, monkeypatch, format, named):
    rows = [{**({"id": f"i{at}"} if named else {}), "text": f"t{at}", "n": at, "why": "x"} for at in range(2_600)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = keep(workspace, tmp_path / "t.jsonl")
    out, _ = leave(workspace, run, tmp_path / "out", format)
    whole, real = [], scan.table_of

    def watched(*args):
        whole.append(real(*args) is not None)
        return real(*args)

    monkeypatch.setattr(scan, "table_of", watched)
    pool = again(workspace, out, run)
    assert whole == [True, True]
    assert set(pool.columns) == {"id", "text", "n", "why"}
    assert pool.about["notes"] == ["Not part of the sample: why."]


def test_ids_of_several_files_stay_theirs(workspace, tmp_path):
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / "in" / f"{name}.jsonl").write_text('{"id": "1", "text": "x"}\n{"id": "2", "text": "y"}\n')
    run = keep(workspace, tmp_path / "in", ids="file_and_id")
    assert set(run.ids) == {"a/1", "a/2", "b/1", "b/2"}
    out, _ = leave(workspace, run, tmp_path / "out")
    again(workspace, out, run)


def test_a_column_of_theirs_that_is_called_so_is_one(workspace, tmp_path):
    rows = [{"text": "a", "datasel": "mine"}, {"text": "b", "datasel": 3}, {"text": "c", "datasel": {"id": "z"}}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pool = add_pool(workspace, "p", str(tmp_path / "t.jsonl"), "text")
    assert pool.ids.tolist() == ["t-00001", "t-00002", "t-00003"]
    assert pool.column("datasel").tolist() == ["mine", "3", None]
    assert any("became no columns: datasel" in note for note in pool.about["notes"])


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_tables_of_pictures_get_no_column_of_ours(workspace, tmp_path, format, kind):
    pictures(tmp_path / "in")
    rows = [{"path": f"{at}.jpg", "caption": f"c{at}", "empty": {}} for at in range(4)]
    (tmp_path / "in" / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = keep(workspace, tmp_path / "in" / "t.jsonl", kind)
    out, _ = leave(workspace, run, tmp_path / "out", format)
    pool = add_pool(workspace, "again", str(out), kind, {"root": str(tmp_path / "in")})
    assert pool.ids.tolist() == run.ids
    assert pool.table["content"].to_pylist() == run.table["content"].to_pylist()
    assert "datasel" not in pool.names
    assert pool.column("empty").tolist() == ["{}"] * 4


def test_vectors_without_names_keep_theirs(workspace, tmp_path):
    vectors = np.random.default_rng(0).normal(size=(6, 3))
    pq.write_table(pa.table({"v": list(vectors)}), tmp_path / "v.parquet")
    run = keep(workspace, tmp_path / "v.parquet", "vectors", seed=4)
    assert run.ids != sorted(run.ids)
    out, _ = leave(workspace, run, tmp_path / "out", "parquet")
    pool = again(workspace, out, run, kind="vectors")
    assert pool.columns == ["id"]


def test_lines_that_are_no_samples_are_passed_over(workspace, tmp_path):
    """Places are found also where rows before were left out, of which some stand in other files."""
    (tmp_path / "in").mkdir()
    broken = ["no json", '{"text": ""}', "[1]", '{"id": "i7", "text": ""}']
    good = [f'{{"id": "i{at}", "text": "t{at}", "n": {at}.0}}' for at in range(40)]
    lines = [line for at, own in enumerate(good) for line in (*broken[: at % 5], own, "")]
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(lines[:70]))
    (tmp_path / "in" / "b.json").write_text("\n".join(lines[70:100]))
    (tmp_path / "in" / "c.json").write_text("[" + ",".join(line for line in lines[100:] if "t" in line[5:]) + "]")
    run = keep(workspace, tmp_path / "in", budget="11", seed=2)
    out, _ = leave(workspace, run, tmp_path / "out", datasel=False)
    assert out.read_text().splitlines() == [good[int(id[1:])] for id in run.ids]
