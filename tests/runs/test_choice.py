"""What the engine hands to a method, and what it makes of the answer: every method, against itself on plain arrays."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadParameter
from datasel_core.methods.method import Scorer
from datasel_core.methods.selection import Selection
from datasel_core.runs import engine
from datasel_core.workspace.files import write_json
from tests.conftest import clustered
from tests.oracles import tsds as oracle
from tests.runs import joints
from tests.runs.joints import GROUPS, METHODS, MISSING, N, Ragged, same_answer

built, shared, scene, other = joints.built, joints.shared, joints.scene, joints.other
WHERE = "amount < 45 AND \"group\" <> 'zzz'"


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def flagged(scene, flags):
    """The part of a question that says what may be chosen."""
    asked = {flag: str(scene.earlier(flag).folder) for flag in ("within", "already") if flag in flags}
    return asked | ({"where": WHERE} if "where" in flags else {})


@pytest.mark.parametrize("flags", ["", "where", "within", "already", "within where already"])
def test_a_method_is_given_the_right_rows_and_its_answer_lands_on_them(shared, method, flags):
    asked = {"seed": 5, **flagged(shared, flags)}
    expected = shared.expected(shared.spec(method, **asked))
    same_answer(shared, shared.chosen(method, **asked), expected)
    if issubclass(METHODS[method], Scorer):
        same_answer(shared, shared.ask(method, **asked), expected)  # from scores that are kept


@pytest.mark.parametrize("flags", ["", "within where already"])
def test_a_scorer_that_looks_at_more_than_scores_is_given_the_right_rows_too(shared, flags):
    asked = {"seed": 5, "params": {"diverse": 2.0}, **flagged(shared, flags)}
    expected = shared.expected(shared.spec("mates", **asked))
    for answer in (
        shared.chosen("mates", **asked),
        shared.ask("mates", **asked),
        shared.ask("mates", anew=True, **asked),
    ):
        same_answer(shared, answer, expected)
    assert expected.rows.tolist() != shared.chosen("mates", **{**asked, "params": {}}).rows.tolist()


def test_what_was_chosen_earlier_is_never_kept_again(shared, method):
    earlier = shared.earlier("already")
    asked = {"already": str(earlier.folder)}
    free = len(shared.plan(method, 1, **asked).candidates.free)
    run = shared.ask(method, free, **asked)
    assert len(set(run.ids) - set(earlier.ids)) == free
    assert not set(run.ids) & {shared.pool.ids[row] for role in METHODS[method].needs for row in MISSING.get(role, [])}


COUNT = {
    "k_center": {"metric": "euclidean"},
    "freesel": {"metric": "euclidean"},
    "facility_location": {},
    "stratified": {},
    "deduplicate": {"threshold": 0.999},
    "s2l": {"n_clusters": 2},
}
"""Methods for which what was chosen earlier covers what is like it."""


@pytest.fixture
def twice(scene, tmp_path):
    """A pool of two groups, far apart, that has every sample twice; one copy of the first group was chosen."""
    rng, half = np.random.default_rng(3), 6
    once = np.concatenate([clustered(rng, half, 5, 6), 30 + clustered(rng, half, 5, 6)])
    vectors, kinds = np.concatenate([once, once]), np.tile(np.repeat(["left", "right"], half), 2)
    source = joints.table_of(tmp_path, "twice", [f"x{at:02d}" for at in range(4 * half)], vectors, group=kinds)
    add_pool(scene.workspace, "twice", source, "vectors")
    scene.keep("twice", "loss_trajectory", vectors)
    scene.keep("twice", "patterns", Ragged(vectors, np.arange(4 * half + 1)))
    return str(scene.ask("random", half, pool="twice", where=f"id < 'x{half:02d}'").folder)


def test_what_was_chosen_earlier_counts(scene, twice):
    """So that it is the second group's turn."""
    for method, params in COUNT.items():
        run = scene.ask(method, 6, pool="twice", params=params, already=twice)
        assert set(run.table["group"].to_pylist()) == {"right"}, method


@pytest.mark.parametrize("method", ["k_center", "freesel"])
@pytest.mark.parametrize("flags", ["", "where", "within", "already"])
def test_first_is_a_row_of_the_pool(shared, method, flags):
    asked = flagged(shared, flags)
    free = shared.plan(method, 1, **asked).candidates.free.tolist()
    for row in (free[0], free[len(free) // 2], free[-1]):
        assert shared.chosen(method, 4, params={"first": row}, **asked).rows[0] == row
    run = shared.ask(method, 4, params={"first": free[-1]}, **asked)
    assert run.ids[0] == shared.pool.ids[free[-1]]
    assert run.manifest["method"]["params"]["first"] == free[-1]
    gone = MISSING[METHODS[method].needs[0]][0]
    with pytest.raises(BadParameter, match=f"first is {gone}; that row is not among the"):
        shared.chosen(method, 4, params={"first": gone}, **asked)


def test_the_target_is_read_from_the_target(scene):
    """Its own feature, rows that cannot be read left out; and it may be an older one."""
    older = scene.older("task", "embedding")
    newest, named = (scene.ask("centroid_similarity", use=use) for use in ({}, {"target.embedding": older.key}))
    same_answer(scene, newest, scene.expected(scene.spec("centroid_similarity")))
    assert named.key != newest.key
    mean = np.delete(scene.there["embedding"][::-1] + 1, [11, 12], axis=0).astype(float)
    mean = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).mean(axis=0)
    cosine = scene.here["embedding"] @ mean / np.linalg.norm(scene.here["embedding"], axis=1)
    cosine[MISSING["embedding"]] = -np.inf
    assert named.table["row"].to_pylist() == np.argsort(-cosine, kind="stable")[:6].tolist()
    said = named.manifest["target"]
    assert (said["name"], said["n"]) == ("task", len(scene.there["embedding"]))
    assert said["features"]["embedding"]["key"] == older.key
    assert [entry["id"] for entry in said["unreadable"]] == ["t11", "t12"]


DRAW = {"random", "stratified", "k_center", "freesel", "s2l", "tsds", "dsir", "neg_clip_loss", "mates"}
DRAW |= {"shuffled_score", "random_facts"}


def test_the_seed_reaches_every_method_that_draws_and_no_other(shared, method):
    """Rows, and scores: negCLIPLoss draws the batches that its scores are of."""
    one, other, same = (shared.chosen(method, 12, seed=seed) for seed in (0, 1, 0))
    differs = one.rows.tolist() != other.rows.tolist()
    if method == "neg_clip_loss":
        differs = not np.array_equal(one.scores, other.scores, equal_nan=True)
    assert differs == (method in DRAW)
    assert one.rows.tolist() == same.rows.tolist()


def test_kept_scores_are_those_of_the_seed(scene):
    """The second seed must not be answered with the scores of the first."""
    runs = [scene.ask("neg_clip_loss", 12, seed=seed) for seed in (0, 1)]
    assert len(scene.workspace.folders("scores")) == 2
    for seed, run in enumerate(runs):
        same_answer(scene, run, scene.expected(scene.spec("neg_clip_loss", 12, seed=seed)))


def plain(run):
    """Every cell of a run; NaN as None, so that it equals itself."""
    return [{name: None if cell != cell else cell for name, cell in row.items()} for row in run.table.to_pylist()]


def test_a_shorter_answer_is_the_one_that_would_have_been_computed(scene, other, method):
    """Cell by cell, with all that stands beside it: never the last reasons of the longer one."""
    scene.ask(method, 20)
    short, fresh = scene.ask(method, 5), other.ask(method, 5)
    assert short.key == fresh.key
    assert plain(short) == plain(fresh)
    assert [row["rank"] for row in plain(short)] == [1, 2, 3, 4, 5]
    when = {"created_utc", "sha256"}
    said = [{name: value for name, value in run.manifest.items() if name not in when} for run in (short, fresh)]
    assert said[0] == said[1]
    for name in set(short.manifest["files"]) - {"selection.parquet"}:
        assert pq.read_table(short.folder / name) == pq.read_table(fresh.folder / name)
    one, two = short.selection, fresh.selection
    np.testing.assert_array_equal(one.scores, two.scores)
    assert (one.rows.tolist(), one.counts.tolist()) == (two.rows.tolist(), two.counts.tolist())
    assert {name: values.tolist() for name, values in one.why.items()}.keys() == two.why.keys()
    np.testing.assert_array_equal(one.clusters, two.clusters)


def test_the_head_of_a_selection_is_of_its_first_picks_and_says_the_same_of_the_whole():
    why, clusters = {"why": np.array(list("abcd"))}, np.arange(9) % 2
    whole = Selection([4, 2, 7, 1], [1, 2, 3, 4], np.arange(9.0), why, clusters, {"n": 9})
    head = whole.head(2)
    assert (head.rows.tolist(), head.counts.tolist(), head.why["why"].tolist()) == ([4, 2], [1, 2], ["a", "b"])
    assert (head.scores.tolist(), head.clusters.tolist()) == (whole.scores.tolist(), whole.clusters.tolist())
    assert head.facts == {"n": 9}


@pytest.mark.parametrize("one", ["seed", "where", "within", "already", "params", "use", "pool"])
def test_a_longer_answer_to_another_question_is_not_cut(scene, one):
    asked = {"seed": 1, "where": WHERE, "params": {"metric": "euclidean"}, "pool": "same"}
    if one in ("within", "already"):
        asked |= flagged(scene, one)
    elif one == "use":
        asked["use"] = {"patterns": scene.keep("all", "patterns", scene.here["patterns"].take(np.arange(N)[::-1])).key}
        scene.keep("all", "patterns", scene.here["patterns"], MISSING["patterns"])
    elif one == "pool":
        add_pool(scene.workspace, "same", str(scene.source()), "vectors")
    expected = scene.chosen("freesel", 5)
    scene.ask("freesel", 30, **{one: asked[one]})
    run = scene.ask("freesel", 5)
    same_answer(scene, run, expected)
    assert run.manifest["pool"]["name"] == "all"


def test_a_shorter_answer_is_not_taken_for_a_longer(scene):
    """Were it the same question of another length, in the folder of another key."""
    short = scene.ask("freesel", 5)
    folder = short.folder.rename(short.folder.with_name("0" * 16))
    write_json(folder / "what.json", scene.plan("freesel", 5).what())
    same_answer(scene, scene.ask("freesel", 9), scene.expected(scene.spec("freesel", 9)))
    same_answer(scene, scene.ask("freesel", 5), scene.expected(scene.spec("freesel", 5)))


def whys(run):
    return list(map(json.loads, run.table["why"].to_pylist()))


@pytest.mark.parametrize("sigma", [0.0, 2.0])
@pytest.mark.parametrize("flags", ["", "already"])
def test_facts_and_reasons_of_tsds_are_those_of_plain_loops(shared, sigma, flags):
    params = {"sigma": sigma, "alpha": 0.7, "c": 4.0, "kde_k": 3, "max_k": 5}
    run = shared.ask("tsds", 8, params=params, **flagged(shared, flags))
    given = np.setdiff1d(np.arange(N), MISSING["embedding"])
    vectors, there = shared.here["embedding"][given], shared.there["embedding"][shared.target_rows("tsds")]
    loop, far = oracle.tsds(vectors, there, 0.7, 4.0, sigma, 5, 3), oracle.pairs(there, vectors)
    facts = run.manifest["result"]["facts"]
    assert facts["level"] == pytest.approx(loop.level, rel=1e-9)
    assert facts["support"] == np.count_nonzero(loop.probability > 1e-12)
    assert facts["effective_size"] == pytest.approx(1 / (loop.probability**2).sum(), rel=1e-9)
    assert facts["transport_cost"] == pytest.approx((loop.mass * np.take_along_axis(far, loop.places, axis=1)).sum())
    assert (facts["max_k"], facts["kde_k"], facts["recall"]) == (5, 3, 1.0)
    assert facts["ran_out"] == sum(last == 3 for last in loop.last)  # the mass that was left over went to the fifth
    scores = run.table["score"].to_pylist()
    for place, score, why in zip(np.searchsorted(given, run.table["row"].to_numpy()), scores, whys(run), strict=True):
        mine = np.where(loop.places == place, loop.mass, 0).sum(axis=1)
        assert score == pytest.approx(mine.sum(), rel=1e-9)
        assert why["probability"] == pytest.approx(score, abs=1e-8)
        assert mine[why["target"]] == pytest.approx(mine.max())
        assert why["distance"] == pytest.approx(far[why["target"], place], abs=1e-8)


def test_groups_are_those_of_the_rows(shared):
    run, named = shared.ask("stratified", 9, where=WHERE), shared.ask("stratified", 9, use={"group": "other"})
    assert [why["group"] for why in whys(run)] == GROUPS[run.table["row"].to_numpy()].tolist()
    assert [why["group"] for why in whys(named)] == [str(row % 4) for row in named.table["row"].to_pylist()]
    assert named.manifest["features"] == {"group": {"id": "column", "column": "other"}}


def test_reasons_are_kept_to_nine_digits_and_only_where_they_are_known(shared):
    found = shared.chosen("freesel", 12)
    said = list(map(json.loads, engine.kept_table(shared.pool, found)["why"].to_pylist()))
    assert said[0] == {"pattern": -1}
    for at, why in enumerate(said[1:], 1):
        assert why == {"pattern": found.why["pattern"][at], "distance": round(float(found.why["distance"][at]), 9)}
