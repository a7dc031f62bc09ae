"""What a question names must be what it was: an earlier selection, a feature, a target."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.select import earlier_words
from datasel_core.errors import BadInput, BadParameter, BadRequest, MissingFeature, UnknownName
from datasel_core.exports.run_folder import copy_run
from datasel_core.runs import manifest, reproduction
from datasel_core.runs.measures import metrics_of_all, named_metrics
from tests.runs import joints
from tests.runs.joints import METHODS, MISSING, N

built, shared, scene = joints.built, joints.shared, joints.scene
FLAGS = ["within", "already"]


def damage(run, how):
    path = run.folder / ("manifest.json" if "manifest" in how else "selection.parquet")
    if "missing" in how:
        path.unlink()
    elif "edited" in how:
        path.write_text(path.read_text().replace('"seed": 11', '"seed": 12'))
    else:
        path.write_bytes(path.read_bytes()[:-20] + b"x" + path.read_bytes()[-19:])


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("selection changed", "cannot be used: selection.parquet was changed after it was written"),
        ("selection missing", "cannot be used: selection.parquet is missing"),
        ("manifest edited", "cannot be used: manifest.json was changed after it was written"),
        ("manifest missing", "holds no manifest.json"),
    ],
)
def test_a_damaged_selection_is_not_chosen_from(scene, flag, how, said):
    run = scene.earlier(flag)
    damage(run, how)
    for name in (str(run.folder), run.key):
        with pytest.raises(BadInput, match=said):
            scene.ask("random", **{flag: name})
    assert scene.workspace.folders("runs") == [run.folder]


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("change", ["content", "id", "another pool"])
def test_a_selection_from_a_pool_that_is_another_now_is_refused(scene, flag, change):
    run, whose = scene.earlier(flag), "all"
    if change == "another pool":
        run, whose = scene.ask("random", 20, pool="task"), "task"
    elif change == "id":
        scene.read_again("id", ["new" if id == run.ids[0] else id for id in scene.pool.ids])
    else:
        scene.read_again("vector", [[9.0] * joints.D, *scene.here["embedding"][1:].tolist()])
    with pytest.raises(BadRequest, match=f"a selection from the pool {whose}, not from all as it is now"):
        scene.ask("random", **{flag: str(run.folder)})
    bare = {flag: str(run.folder / "selection.parquet")}  # ids alone say nothing of their pool
    if change == "content":
        assert len(scene.ask("random", **bare).ids) == 6
    else:
        with pytest.raises(UnknownName, match="There is no sample in all called"):
            scene.ask("random", **bare)


@pytest.mark.parametrize("flag", FLAGS)
def test_the_manifest_says_what_was_chosen_from(shared, flag):
    first = shared.earlier(flag)
    run = shared.ask("random", seed=3, **{flag: str(first.folder)})
    said = {name: first.manifest[name] for name in ("method", "budget")}
    said |= {"ids_sha256": first.manifest["result"]["ids_sha256"], "n": len(first.ids)}
    said |= {"counted": len(first.ids)} if flag == "already" else {}
    assert [run.manifest[name] for name in FLAGS] == [said if name == flag else None for name in FLAGS]
    assert pq.read_table(run.folder / f"{flag}.parquet")["id"].to_pylist() == first.ids


def test_new_earlier_and_dropped_are_told_apart(shared):
    first = shared.earlier("already")
    second = shared.ask("k_center", 9, already=str(first.folder))
    said = manifest.counts(second.manifest)
    assert (said.new, said.earlier, said.kept, said.dropped) == (9, 20, 29, N - 29)
    assert said.words == f"9 new + 20 earlier of {N}"
    assert said.among == ""
    inside = manifest.counts(shared.ask("k_center", 9, within=str(first.folder)).manifest)
    assert (inside.words, inside.dropped) == (f"9 of {N}", N - 9)
    assert inside.among == "chosen among the 20 of an earlier selection"
    assert manifest.counts(first.manifest).words == f"20 of {N}"


def test_earlier_ones_without_a_value_are_counted_and_named(shared):
    first = shared.earlier("already", seed=3)
    lacking = set(first.table["row"].to_pylist()) & set(MISSING["embedding"])
    assert lacking
    asked = shared.plan("k_center", 9, already=str(first.folder))
    said = f"20 of an earlier selection count as chosen; {len(lacking)} of them have no embedding and cover nothing"
    assert earlier_words(asked) == said
    assert earlier_words(shared.plan("random", 9, already=str(first.folder))) == said.partition(";")[0]
    already = shared.ask("k_center", 9, already=str(first.folder)).manifest["already"]
    assert (already["n"], already["counted"]) == (20, 20 - len(lacking))


def test_a_third_batch_counts_the_first_and_the_second(scene, tmp_path):
    """Also where only the second is named, and from its record elsewhere; what was measured is of all three."""
    first = scene.earlier("already")
    second = scene.ask("k_center", 9, already=str(first.folder))
    before = [*second.ids, *first.ids]
    third = scene.ask("k_center", N - 29 - len(MISSING["embedding"]), already=str(second.folder))
    assert not set(before) & set(third.ids)
    assert manifest.counts(third.manifest).earlier == 29
    batches = [run.manifest["result"]["ids_sha256"] for run in (second, first)]
    assert third.manifest["already"]["of"] == batches
    fourth = scene.ask("random", 2, already=str(third.folder))
    assert fourth.manifest["already"]["of"] == [third.manifest["result"]["ids_sha256"], *batches]
    assert manifest.earlier_ids(third.folder, third.manifest) == before
    unmeasured = [row for role in ("embedding", "patterns", "image") for row in MISSING[role]]
    measured = {*scene.pool.rows([*before, *third.ids]).tolist()} - {*unmeasured}
    balance = third.manifest["result"]["metrics_with_earlier"]["balance"]
    assert sum(balance["counts"].values()) == len(measured)
    firsts = first.ids
    shutil.rmtree(first.folder)
    copied = copy_run(second, tmp_path / "second")
    assert scene.plan("k_center", 9, already=str(copied.folder)).already.ids == before
    assert set(scene.plan("random", 9, within=str(second.folder)).within.ids) == set(second.ids)  # not the earlier
    built_on = scene.plan("random", 9, already=f"{second.key}/already.parquet")  # what the second was built on
    assert built_on.already.ids == firsts
    assert manifest.problems(third.folder) == []
    assert reproduction.reproduce(scene.workspace, third.folder)["identical"]


def test_a_second_batch_of_an_older_version_verifies_and_reproduces(scene):
    """It measured the new ones alone, and says so."""
    run = scene.ask("k_center", 9, already=str(scene.earlier("already").folder))
    older = json.loads((run.folder / "manifest.json").read_text())
    del older["result"]["metrics_with_earlier"], older["already"]["counted"]
    about = {name: value for name, value in older.items() if name not in ("sha256", "environment", "files")}
    manifest.write(run.folder, run.table, about, [name for name in older["files"] if name != "selection.parquet"])
    assert manifest.problems(run.folder) == []
    assert reproduction.reproduce(scene.workspace, run.folder)["identical"]
    said = manifest.read(run.folder)
    assert list(named_metrics(said)) == ["the new ones alone"]
    assert metrics_of_all(said) is None
    assert manifest.counts(said).words == f"9 new + 20 earlier of {N}"


def test_an_id_that_stands_twice_counts_once(shared, tmp_path):
    ids = shared.pool.ids[[4, 4, 6]].tolist()
    pq.write_table(pa.table({"id": ids}), shared.workspace.path.parent / "twice.parquet")
    asked = shared.plan("random", already=str(shared.workspace.path.parent / "twice.parquet"))
    assert (asked.already.about["n"], asked.earlier.tolist()) == (2, [4, 6])


def test_nothing_left_to_choose_from_is_said(shared):
    whole = str(shared.ask("random", N).folder)
    with pytest.raises(BadRequest, match="No sample of all is left to choose from; loosen --within, --already or"):
        shared.plan("random", already=whole)
    with pytest.raises(BadParameter, match=f"from 1 to {N - 3}, the number of samples that can be chosen"):
        shared.plan("k_center", N, within=whole)


def test_the_newest_of_a_role_fills_it_and_a_named_one_wins(scene):
    first = scene.keep("all", "embedding", scene.here["embedding"] + 3, [7])
    second = scene.keep("all", "embedding", scene.here["embedding"] + 4, [8, 9])
    for name, kept, gone in ((None, second, [8, 9]), (first.key, first, [7]), ("imported", second, [8, 9])):
        run = scene.ask("k_center", use={"embedding": name} if name else {})
        assert run.manifest["features"]["embedding"]["key"] == kept.key
        assert run.manifest["unreadable"] == [{"id": scene.pool.ids[row], "reason": "no embedding"} for row in gone]
    theirs = scene.keep("task", "embedding", scene.there["embedding"] + 9)
    with pytest.raises(UnknownName, match="no feature for the role embedding of all called"):
        scene.plan("k_center", use={"embedding": theirs.key})


def test_a_sample_must_have_a_value_in_every_role_that_is_read_and_in_no_other(shared):
    for method, cls in METHODS.items():
        found = shared.plan(method, 1)
        gone = [(row, f"no {role}") for role in cls().roles() for row in MISSING.get(role, [])]
        assert found.candidates.free.tolist() == np.setdiff1d(np.arange(N), [row for row, _ in gone]).tolist()
        said = [(entry["id"], entry["reason"]) for entry in found.roles.unreadable(cls().roles())]
        assert said == [(shared.pool.ids[row], reason) for row, reason in gone]


def test_a_missing_role_says_how_to_get_it(scene):
    add_pool(scene.workspace, "bare", str(scene.source("task")), "vectors")
    for method, cls in METHODS.items():
        for role in [role for role in cls().roles() if role not in joints.MISSING_THERE][:1]:
            said = f"(column {role}; name one|feature for the role {role} yet. (Compute|Import) one)"
            with pytest.raises(MissingFeature, match=f"The pool bare has no {said}"):
                scene.plan(method, pool="bare")
