"""What a question names must be what it was: an earlier selection, a feature, a target."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput, BadParameter, BadRequest, MissingFeature, UnknownName
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
    assert [run.manifest[name] for name in FLAGS] == [said if name == flag else None for name in FLAGS]
    assert pq.read_table(run.folder / f"{flag}.parquet")["id"].to_pylist() == first.ids


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
            said = f"(column group; name one|feature for the role {role} yet. (Compute|Import) one)"
            with pytest.raises(MissingFeature, match=f"The pool bare has no {said}"):
                scene.plan(method, pool="bare")
