"""What the engine hands to a method, and what it makes of the answer: for every method, against the method on plain arrays."""

import json

import numpy as np
import pytest

from datasel_core import engine
from datasel_core.planning import plan
from datasel_core.progress import Progress
from datasel_core.selection import Scorer
from datasel_core.store import write_json
from tests import joints
from tests.joints import GROUPS, METHODS, MISSING, N, keep, same_answer
from tests.oracles import tsds as oracle

built, shared, scene, other = joints.built, joints.shared, joints.scene, joints.other
WHERE = "amount < 45 AND \"group\" <> 'zzz'"


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


@pytest.mark.parametrize("flags", ["", "where", "within", "already", "within where already"])
def test_a_method_is_given_the_right_rows_and_its_answer_lands_on_them(shared, method, flags):
    asked = {"where": WHERE} if "where" in flags else {}
    asked |= {flag: str(shared.earlier(flag).folder) for flag in ("within", "already") if flag in flags}
    expected = shared.expected(shared.spec(method, seed=5, **asked))
    same_answer(shared, shared.chosen(method, seed=5, **asked), expected)
    if issubclass(METHODS[method], Scorer):
        same_answer(shared, shared.ask(method, seed=5, **asked), expected)  # from scores that are kept


def test_what_was_chosen_earlier_is_never_kept_again(shared, method):
    earlier = shared.earlier("already")
    free = len(plan(shared.workspace, shared.spec(method, 1, already=str(earlier.folder))).candidates.free)
    run = shared.ask(method, free, already=str(earlier.folder))
    assert len(set(run.ids) - set(earlier.ids)) == free
    assert not set(run.ids) & {shared.pool.ids[row] for role in METHODS[method].needs for row in MISSING.get(role, [])}


def test_what_was_chosen_earlier_counts(scene, tmp_path):
    """The pool has every sample twice, the copies in the second half; all of the first group was chosen, so that the second group's turn has come."""
    rng, half = np.random.default_rng(3), 12
    kinds = np.repeat(["left", "right"], half // 2)
    vectors = np.concatenate([joints.clustered(rng, half // 2, 5, 6) + at for at in (0, 30)])
    ids = [f"x{at:02d}" for at in range(2 * half)]
    source = joints.table_of(tmp_path, "twice", ids, np.concatenate([vectors, vectors]), group=np.concatenate([kinds, kinds]))
    pool = joints.making.add_pool(scene.workspace, "twice", source, "vectors")
    keep(scene.workspace, pool, "loss_trajectory", pool_values := np.concatenate([vectors, vectors]))
    keep(scene.workspace, pool, "patterns", joints.Ragged(pool_values, np.arange(2 * half + 1)))
    earlier = scene.ask("random", half // 2, pool="twice", where=f"id < 'x{half // 2:02d}'")
    params = {"s2l": {"n_clusters": 2}, "deduplicate": {"threshold": 0.999}, "k_center": {"metric": "euclidean"}, "freesel": {"metric": "euclidean"}}
    for method in ("k_center", "freesel", "facility_location", "deduplicate", "stratified", "s2l"):
        run = scene.ask(method, half // 2, pool="twice", params=params.get(method, {}), already=str(earlier.folder))
        assert set(run.table["group"].to_pylist()) == {"right"}, method


@pytest.mark.parametrize("method", ["k_center", "freesel"])
@pytest.mark.parametrize("flags", ["", "where", "within", "already"])
def test_first_is_a_row_of_the_pool(shared, method, flags):
    asked = {"where": WHERE} if flags == "where" else {}
    asked |= {flags: str(shared.earlier(flags).folder)} if flags in ("within", "already") else {}
    free = plan(shared.workspace, shared.spec(method, 1, **asked)).candidates.free
    for row in (free[0], free[len(free) // 2], free[-1]):
        assert shared.chosen(method, 4, params={"first": int(row)}, **asked).rows[0] == row
    run = shared.ask(method, 4, params={"first": int(row)}, **asked)
    assert run.ids[0] == shared.pool.ids[row]
    assert run.manifest["method"]["params"]["first"] == row
    gone = MISSING[METHODS[method].needs[0]][0]
    with pytest.raises(engine.BadRequest, match=f"first is {gone}; that row is not among the"):
        shared.chosen(method, 4, params={"first": gone}, **asked)


def test_the_target_is_read_from_the_target(scene):
    """Its own feature, rows that cannot be read left out; and it may be an older one."""
    older = keep(scene.workspace, joints.load_pool(scene.workspace, "task"), "embedding", scene.there["embedding"][::-1] + 1, [4, 5])
    keep(scene.workspace, joints.load_pool(scene.workspace, "task"), "embedding", scene.there["embedding"], joints.MISSING_THERE["embedding"])
    newest, named = scene.ask("centroid_similarity"), scene.ask("centroid_similarity", use={"target.embedding": older.key})
    same_answer(scene, newest, scene.expected(scene.spec("centroid_similarity")))
    assert named.key != newest.key
    mean = np.delete(scene.there["embedding"][::-1] + 1, [4, 5], axis=0).astype(float)
    mean = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).mean(axis=0)
    vectors = scene.here["embedding"].astype(float)
    cosine = vectors @ mean / np.linalg.norm(mean) / np.linalg.norm(vectors, axis=1)
    cosine[MISSING["embedding"]] = -2
    assert named.table["row"].to_pylist() == np.argsort(-cosine, kind="stable")[:6].tolist()
    said = named.manifest["target"]
    assert (said["name"], said["n"], said["features"]["embedding"]["key"]) == ("task", len(scene.there["embedding"]), older.key)
    assert [entry["id"] for entry in said["unreadable"]] == ["t4", "t5"]


def drawn(shared, method, seed):
    """Where a run takes its beginning or all of it by chance, what it took."""
    found = shared.chosen(method, 12, seed=seed)
    return found.rows.tolist(), found.scores[found.rows].tolist() if method == "neg_clip_loss" else None


def test_the_seed_reaches_every_method_that_draws(shared, method):
    draws = method in {"random", "stratified", "k_center", "freesel", "s2l", "tsds", "dsir", "neg_clip_loss"}
    answers = [drawn(shared, method, seed) for seed in (0, 1, 0)]
    assert (answers[0] != answers[1]) == draws
    assert answers[0] == answers[2]


def test_kept_scores_are_those_of_the_seed(scene):
    """The second seed must not be answered with the scores of the first."""
    runs = [scene.ask("neg_clip_loss", 12, seed=seed) for seed in (0, 1)]
    assert len(scene.workspace.folders("scores")) == 2
    for seed, run in enumerate(runs):
        same_answer(scene, run, scene.expected(scene.spec("neg_clip_loss", 12, seed=seed)))


def plain(run) -> list[dict]:
    return [{name: None if value != value else value for name, value in row.items()} for row in run.table.to_pylist()]


def test_a_shorter_answer_is_the_one_that_would_have_been_computed(scene, other, method):
    """Cell by cell, with all that stands beside it: never the last reasons of the longer one."""
    scene.ask(method, 20)
    short, fresh = scene.ask(method, 5), other.ask(method, 5)
    assert short.key == fresh.key
    assert plain(short) == plain(fresh)
    assert [row["rank"] for row in plain(short)] == [1, 2, 3, 4, 5]
    told = {"created_utc", "sha256"}
    assert {name: value for name, value in short.manifest.items() if name not in told} == {
        name: value for name, value in fresh.manifest.items() if name not in told
    }
    for name in short.manifest["files"]:
        assert joints.pq.read_table(short.folder / name).equals(joints.pq.read_table(fresh.folder / name)) or name == "selection.parquet"
    one, two = short.selection, fresh.selection
    assert (one.rows.tolist(), one.counts.tolist(), list(one.why)) == (two.rows.tolist(), two.counts.tolist(), list(two.why))
    assert [None if c is None else c.tolist() for c in (one.clusters, two.clusters)][0] == (None if two.clusters is None else two.clusters.tolist())


@pytest.mark.parametrize("one", ["seed", "where", "within", "already", "params", "use", "pool"])
def test_a_longer_answer_to_another_question_is_not_cut(scene, one, tmp_path):
    spec, others = scene.spec("freesel", 5), {"seed": 1, "where": WHERE, "params": {"metric": "euclidean"}}
    if one in ("within", "already"):
        others[one] = str(scene.earlier(one).folder)
    elif one == "use":
        others[one] = {"patterns": keep(scene.workspace, scene.pool, "patterns", scene.here["patterns"].take(np.arange(N)[::-1])).key}
        keep(scene.workspace, scene.pool, "patterns", scene.here["patterns"], MISSING["patterns"])
    elif one == "pool":
        joints.making.add_pool(scene.workspace, "same", str(tmp_path / "all.parquet"), "vectors")
        others[one] = "same"
    expected = engine.choose(plan(scene.workspace, spec), Progress())
    scene.ask("freesel", 30, **{one: others[one]})
    run = engine.select(scene.workspace, spec)
    same_answer(scene, run, expected)
    assert run.manifest["pool"]["name"] == "all"


def test_an_answer_of_the_same_length_or_a_shorter_one_is_not_taken_for_a_longer(scene):
    """What is asked for is in the folder of another key: as after a kill, or where the rule for keys was another."""
    short = scene.ask("freesel", 5)
    folder = short.folder.rename(short.folder.with_name("0" * 16))
    write_json(folder / "what.json", {**plan(scene.workspace, scene.spec("freesel", 5)).what(), "budget": 5})
    same_answer(scene, scene.ask("freesel", 9), scene.expected(scene.spec("freesel", 9)))


@pytest.mark.parametrize("sigma", [0.0, 2.0])
@pytest.mark.parametrize("already", [False, True])
def test_the_facts_of_tsds_are_those_of_plain_loops(shared, sigma, already):
    params = {"sigma": sigma, "alpha": 0.7, "c": 4.0, "kde_k": 3, "max_k": 5}
    asked = {"already": str(shared.earlier("already").folder)} if already else {}
    run = shared.ask("tsds", 8, params=params, **asked)
    given = np.setdiff1d(np.arange(N), MISSING["embedding"])
    there = shared.there["embedding"][shared.target_rows("tsds")]
    loop = oracle.tsds(shared.here["embedding"][given], there, 0.7, 4.0, sigma, 5, 3)
    gaps = np.take_along_axis(oracle.pairs(there, shared.here["embedding"][given]), loop.places, axis=1)
    facts = run.manifest["result"]["facts"]
    assert facts["level"] == pytest.approx(loop.level, rel=1e-9)
    assert facts["support"] == np.count_nonzero(loop.probability > 1e-12)
    assert facts["effective_size"] == pytest.approx(1 / (loop.probability**2).sum(), rel=1e-9)
    assert facts["transport_cost"] == pytest.approx((loop.mass * gaps).sum(), rel=1e-9)
    assert (facts["max_k"], facts["kde_k"], facts["recall"]) == (5, 3, 1.0)
    assert facts["ran_out"] == sum(last + 1 >= 4 for last in loop.last)
    for row, score, why in zip(run.table["row"].to_pylist(), run.table["score"].to_pylist(), map(json.loads, run.table["why"].to_pylist()), strict=True):
        mine = np.where(loop.places == np.searchsorted(given, row), loop.mass, 0)
        assert score == pytest.approx(mine.sum(), rel=1e-9) == pytest.approx(why["probability"], abs=1e-8)
        served = mine.sum(axis=1)
        assert served[why["target"]] == pytest.approx(served.max())
        assert why["distance"] == pytest.approx(oracle.pairs(there, shared.here["embedding"][[row]])[why["target"], 0], abs=1e-8)


def test_groups_are_those_of_the_rows(shared):
    run = shared.ask("stratified", 9, where=WHERE)
    assert [json.loads(why)["group"] for why in run.table["why"].to_pylist()] == GROUPS[run.table["row"].to_numpy()].tolist()
    named = shared.ask("stratified", 9, use={"group": "other"})
    assert [json.loads(why)["group"] for why in named.table["why"].to_pylist()] == [str(row % 4) for row in named.table["row"].to_pylist()]
    assert named.manifest["features"] == {"group": {"id": "column", "column": "other"}}
