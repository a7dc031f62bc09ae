"""From a question to a verified manifest."""

import json
import threading
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

import datasel_core as ds
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest, Failed, MissingFeature, Stopped
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import remove_pool
from datasel_core.runs import engine, manifest, reproduction
from datasel_core.runs.candidates import matching
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from tests.conftest import clustered


@pytest.fixture
def pool(workspace, tmp_path, rng):
    vectors = clustered(rng, 200, 8, 10)
    np.savez(tmp_path / "v.npz", ids=np.array([f"id-{i:03d}" for i in range(200)]), embedding=vectors)
    return add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")


def spec(**asked):
    return Spec(**{"pool": "vec", "method": "k_center", "budget": "20", **asked})


def test_a_selection_verifies_and_reproduces(workspace, pool):
    run = engine.select(workspace, spec())
    assert manifest.problems(run.folder) == []
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    said = run.manifest
    assert said["budget"] == {"requested": "20", "granted": 20, "unit": "samples"}
    assert said["result"]["ids_sha256"] == manifest.ids_sha256(run.ids)
    assert said["pool"]["fingerprint"] == pool.fingerprint
    assert set(said["result"]["metrics"]) >= {"coverage", "redundancy"}
    assert {"id", "rank", "score", "count", "why"} <= set(run.table.column_names)


def test_ids_sha256_is_what_the_contract_says():
    import hashlib

    assert manifest.ids_sha256(["b", "a"]) == hashlib.sha256(b"a\nb").hexdigest()


def found_out(folder) -> bool:
    """Whether a change is noticed: as a problem, or because the file can no longer be read at all."""
    try:
        return bool(manifest.problems(folder))
    except BadRequest:
        return True


@pytest.mark.parametrize("name", ["manifest.json", "selection.parquet"])
def test_verify_finds_any_changed_byte(workspace, pool, name):
    run = engine.select(workspace, spec(budget="5"))
    path = run.folder / name
    good = path.read_bytes()
    for at in np.linspace(0, len(good) - 1, 60).astype(int):
        bad = bytearray(good)
        bad[at] ^= 1
        path.write_bytes(bytes(bad))
        assert found_out(run.folder), f"byte {at} of {name}"
    path.write_bytes(good)
    assert manifest.problems(run.folder) == []


def test_asking_twice_computes_once(workspace, pool):
    first = engine.select(workspace, spec())
    written = (first.folder / "manifest.json").stat().st_mtime_ns
    again = engine.select(workspace, spec())
    assert again.folder == first.folder
    assert (first.folder / "manifest.json").stat().st_mtime_ns == written


def test_two_at_once_compute_once(workspace, pool, monkeypatch):
    count = []
    real = engine.choose
    monkeypatch.setattr(engine, "choose", lambda *asked: count.append(1) or real(*asked))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(engine.select(workspace, spec()).ids)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(count) == 1
    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_block_size_changes_neither_key_nor_answer(workspace, pool):
    one, other = (resolve(workspace, spec(params={"block": block})) for block in (3, 999))
    assert one.key == other.key
    assert engine.choose(one, Progress()).rows.tolist() == engine.choose(other, Progress()).rows.tolist()


def test_a_smaller_budget_comes_from_the_longer_run_and_is_the_same(workspace, pool, monkeypatch):
    fresh = engine.choose(resolve(workspace, spec(budget="12")), Progress()).rows.tolist()
    engine.select(workspace, spec(budget="60"))
    monkeypatch.setattr(engine, "choose", lambda *asked: pytest.fail("computed again"))
    short = engine.select(workspace, spec(budget="12"))
    assert short.selection.rows.tolist() == fresh
    monkeypatch.undo()
    assert reproduction.reproduce(workspace, short.folder)["identical"]


def test_budgets_in_per_cent_are_of_the_whole_pool(workspace, pool):
    half = engine.select(workspace, spec(method="random", budget="50%"))
    fifth = engine.select(workspace, spec(method="k_center", budget="20%", within=str(half.folder)))
    assert len(fifth.ids) == 40
    assert set(fifth.ids) <= set(half.ids)


def test_within_and_already(workspace, pool):
    first = engine.select(workspace, spec(budget="30"))
    more = engine.select(workspace, spec(budget="20", already=str(first.folder)))
    assert not set(first.ids) & set(more.ids)
    assert (
        first.ids + more.ids
        == engine.select(workspace, spec(budget="50", params={"first": int(first.selection.rows[0])})).ids
    )
    with pytest.raises(BadRequest, match="No sample of vec is left"):  # the second batch brings the first along
        engine.select(workspace, spec(budget="10", within=str(first.folder), already=str(more.folder)))
    these = str(more.folder / "selection.parquet")  # a file of ids is these ids alone
    inside = engine.select(workspace, spec(budget="10", within=str(first.folder), already=these))
    assert set(inside.ids) <= set(first.ids)
    for run in (more, inside):
        assert reproduction.reproduce(workspace, run.folder)["identical"]


def test_first_is_a_row_of_the_pool_also_within(workspace, pool):
    some = engine.select(workspace, spec(method="random", budget="30"))
    row = int(np.sort(some.selection.rows)[7])
    run = engine.select(workspace, spec(params={"first": row}, within=str(some.folder), budget="5"))
    assert run.selection.rows[0] == row
    outside = int(np.setdiff1d(np.arange(200), some.selection.rows)[0])
    with pytest.raises(BadParameter, match="not among the 30"):
        engine.select(workspace, spec(params={"first": outside}, within=str(some.folder), budget="5"))


def test_where(workspace, pool, tmp_path):
    run = engine.select(workspace, spec(where="id < 'id-050'", budget="10"))
    assert all(id < "id-050" for id in run.ids)
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    for where in (
        "id <",
        "nothing = 1",
        "1=1); DROP TABLE pool; --",
        f"id IN (SELECT column0 FROM read_csv('{tmp_path}/v.npz'))",
        "1 = 1; SELECT 1",
    ):
        with pytest.raises(BadRequest, match="--where"):
            matching(pool, where)
    with pytest.raises(BadRequest, match="No sample of vec is left"):
        engine.select(workspace, spec(where="id = 'zzz'"))


def test_requests_that_cannot_be_met_write_nothing(workspace, pool):
    for asked, kind, message in [
        ({"budget": "0"}, BadParameter, "must be from 1 to 200"),
        ({"budget": "201"}, BadParameter, "must be from 1 to 200"),
        ({"budget": "150%"}, BadParameter, "at most 100%"),
        ({"method": "freesel"}, MissingFeature, "no feature for the role patterns"),
        ({"method": "k_centre"}, BadRequest, "Did you mean k_center"),
        ({"params": {"metrik": "cosine"}}, BadParameter, "Did you mean metric"),
        ({"use": {"embedding": "nothing"}}, BadRequest, "no feature for the role embedding of vec called nothing"),
        ({"method": "stratified"}, MissingFeature, "no column group"),
        ({"seed": -1}, BadParameter, "seed"),
        ({"within": "/etc"}, BadRequest, "outside the allowed"),
    ]:
        with pytest.raises(kind, match=message):
            engine.select(workspace, spec(**asked))
    assert workspace.folders("runs") == []


def test_a_stop_leaves_no_manifest(workspace, pool):
    with pytest.raises(Stopped):
        engine.select(workspace, spec(), Progress(should_stop=lambda: True))
    assert not (workspace.run(resolve(workspace, spec()).key) / "manifest.json").exists()
    assert len(engine.select(workspace, spec()).ids) == 20


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(workspace, pool, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(Failed, match="The disk is full"):
        engine.select(workspace, spec())
    monkeypatch.undo()
    folder = workspace.run(resolve(workspace, spec()).key)
    assert not (folder / "manifest.json").exists()
    assert not list(folder.glob("*.part"))
    assert not list(folder.glob(".*.part"))
    assert len(engine.select(workspace, spec()).ids) == 20


def test_rows_without_a_vector_are_no_candidates(workspace, photos, tmp_path, rng):
    pool = add_pool(workspace, "ph", str(photos), "images")
    np.savez(tmp_path / "f.npz", ids=pool.ids[2:].astype(str), embedding=rng.standard_normal((10, 4)))
    import_feature(workspace, pool, "embedding", str(tmp_path / "f.npz"))
    run = engine.select(workspace, spec(pool="ph", budget="10"))
    assert not set(run.ids) & set(pool.ids[:2])
    assert [entry["id"] for entry in run.manifest["unreadable"]] == pool.ids[:2].tolist()
    with pytest.raises(BadParameter, match="from 1 to 10"):
        engine.select(workspace, spec(pool="ph", budget="11"))


def test_a_changed_pool_is_not_reproduced(workspace, photos):
    add_pool(workspace, "ph", str(photos), "images")
    run = engine.select(workspace, spec(pool="ph", method="random", budget="3"))
    (photos / "a" / "00.jpg").unlink()
    add_pool(workspace, "ph", str(photos), "images")
    with pytest.raises(BadRequest, match="is not what it was"):
        reproduction.reproduce(workspace, run.folder)


def test_a_name_is_not_taken_over_by_another_source(workspace, pool, photos):
    with pytest.raises(BadRequest, match="There is a pool called vec already"):
        add_pool(workspace, "vec", str(photos), "images")
    remove_pool(workspace, "vec")
    assert add_pool(workspace, "vec", str(photos), "images").n == 12


def test_python_interface(workspace, pool, rng):
    run = ds.select(ds.open_pool("vec"), ds.method("k_center")(metric="euclidean"), budget="10%", seed=3)
    assert len(run.selection) == 20
    assert run.manifest["method"]["params"]["metric"] == "euclidean"
    kept = ds.method("k_center")().select(ds.Inputs(pool={"embedding": clustered(rng, 50, 4, 5)}, rng=rng), budget=10)
    assert isinstance(kept, ds.Selection)
    more = ds.select(pool, ds.method("random")(), budget=5, already=run)
    assert not set(more.ids) & set(run.ids)


def test_manifest_is_plain_json_with_the_promised_names(workspace, pool):
    run = engine.select(workspace, spec())
    said = json.loads((run.folder / "manifest.json").read_text())
    assert set(said) >= {
        "schema_version",
        "created_utc",
        "datasel_version",
        "pool",
        "target",
        "features",
        "method",
        "budget",
        "seed",
        "within",
        "already",
        "where",
        "unreadable",
        "result",
        "environment",
        "command",
    }
    assert set(said["result"]) == {"n", "ids_sha256", "pick_order_sha256", "metrics"}
    assert set(said["features"]["embedding"]) >= {"id", "version", "params", "fingerprint"}


def test_some_rows_of_a_role_come_whole_and_in_order(small_blocks, rng):
    values, rows = clustered(rng, 300, 4, 5), rng.permutation(300)[:200]
    some = Roles(
        None, {"embedding": SimpleNamespace(values=lambda: values, meta={"shape": "rows", "values": [5]})}, None
    )
    np.testing.assert_array_equal(some.array("embedding", rows), values[rows])
    np.testing.assert_array_equal(some.array("embedding", rows[:0]), values[:0])
