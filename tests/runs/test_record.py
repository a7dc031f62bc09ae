"""What is left of a selection when it is done: run again from its manifest, and verified to the byte."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.registry import every
from datasel_core.errors import BadInput, BadRequest, Failed, UnknownName
from datasel_core.exports.run_folder import copy_run
from datasel_core.runs import manifest, reproduction
from datasel_core.runs.spec import command_line
from datasel_core.workspace.files import write_json
from datasel_core.workspace.hashing import canonical, hash_file
from tests.conftest import rewritten
from tests.runs import joints
from tests.runs.joints import GROUPS

built, shared, scene = joints.built, joints.shared, joints.scene


def earlier(scene, *flags):
    return {flag: str(scene.earlier(flag).folder) for flag in flags}


def another_target(scene):
    add_pool(scene.workspace, "task-2", str(scene.source()), "vectors")
    return {"target": "task-2"}


def all_of_it(scene):
    use, flags = another_feature(scene) | another_feature(scene, "task", "target."), earlier(scene, "within", "already")
    return {"seed": 3, "where": "amount < 55", "use": use, "params": {"sigma": 1.0}, **flags}


def another_feature(scene, pool="all", prefix=""):
    return {f"{prefix}embedding": scene.older(pool, "embedding").key}


ASKED = {
    "seed": ("random", 9, lambda scene: {"seed": 5}),
    "where": ("k_center", 9, lambda scene: {"where": "amount < 30"}),
    "within": ("k_center", 9, lambda scene: earlier(scene, "within")),
    "already": ("k_center", 9, lambda scene: earlier(scene, "already")),
    "use": ("k_center", 9, lambda scene: {"use": another_feature(scene)}),
    "group": ("stratified", 9, lambda scene: {"use": {"group": "other"}}),
    "target": ("nearest_targets", 9, another_target),
    "target's": ("nearest_targets", 9, lambda scene: {"use": another_feature(scene, "task", "target.")}),
    "params": ("k_center", 9, lambda scene: {"params": {"metric": "euclidean", "first": 20}}),
    "counts": ("tsds", 9, lambda scene: {"params": {"sampling": "multinomial", "alpha": 1.0}}),
    "everything": ("tsds", 4, all_of_it),
}
"""Questions that set one thing, so that another answer comes where it is forgotten."""


@pytest.mark.parametrize("what", ASKED)
def test_everything_that_was_asked_is_asked_again(scene, tmp_path, what):
    method, budget, more = ASKED[what]
    run = scene.ask(method, budget, **more(scene))
    same = {"ids_sha256": manifest.ids_sha256(run.ids), "expected": manifest.ids_sha256(run.ids)}
    for folder in (run.folder, copy_run(run, tmp_path / "copy").folder):
        assert reproduction.reproduce(scene.workspace, folder) == {"identical": True, **same, "columns_changed": False}
    assert set(scene.ask(method, budget, params={}).ids) != set(run.ids)  # else nothing would be shown by this


@pytest.mark.parametrize("flag", ["within", "already"])
def test_what_was_chosen_from_may_be_gone(scene, flag):
    run = scene.ask("k_center", 9, **earlier(scene, flag))
    shutil.rmtree(scene.earlier(flag).folder)
    assert reproduction.reproduce(scene.workspace, run.folder)["identical"]


@pytest.mark.parametrize("of", ["pool", "target"])
@pytest.mark.parametrize("how", ["a byte", "no values", "other values", "gone", "samples"])
def test_what_is_not_what_it_was_is_one_clear_line(scene, of, how):
    name, values = ("all", scene.here) if of == "pool" else ("task", scene.there)
    kept = scene.keep(name, "embedding", values["embedding"] + 2)
    run, about = scene.ask("centroid_similarity", 9), scene.workspace.pool(name) / "pool.json"
    before = json.loads(about.read_text())["fingerprint"]
    whose = "The feature" if of == "pool" else "The target's feature"
    said = f"{whose} for the role embedding is not what it was; compute it again with the manifest's parameters"
    if how == "a byte":
        whole = (kept.folder / "values.npy").read_bytes()
        (kept.folder / "values.npy").write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    elif how == "no values":
        (kept.folder / "values.npy").unlink()
    elif how == "other values":
        rewritten(kept.folder / "meta.json", fingerprint="0" * 64)
    elif how == "gone":
        shutil.rmtree(kept.folder)
        said = f"no feature for the role embedding of {'all' if of == 'pool' else 'the target task'} called {kept.key}"
    else:
        rewritten(about, fingerprint="f" * 64)
        said = f"The {of} {name} is not what it was: its fingerprint is {'f' * 12}, the manifest's {before[:12]}"
    with pytest.raises(BadRequest, match=said) as caught:
        reproduction.reproduce(scene.workspace, run.folder)
    assert len(str(caught.value).splitlines()) == 1
    assert isinstance(caught.value, UnknownName) == (how == "gone")


def test_columns_that_changed_and_methods_that_changed_are_said(scene, monkeypatch, capsys):
    run = scene.ask("stratified", 9)
    scene.read_again("group", GROUPS[::-1])
    found = reproduction.reproduce(scene.workspace, run.folder)
    assert (found["identical"], found["columns_changed"]) == (False, True)
    assert found["expected"] == manifest.ids_sha256(run.ids) != found["ids_sha256"]
    assert main(["reproduce", str(run.folder)]) == 1
    assert "The pool's columns changed since." in capsys.readouterr().err
    monkeypatch.setattr(every("method")["stratified"], "version", 2)
    with pytest.raises(Failed, match="stratified is now version 2; the manifest was made by version 1"):
        reproduction.reproduce(scene.workspace, run.folder)


def test_pools_may_have_other_names_here(scene):
    run = scene.ask("centroid_similarity", 9)
    for name in ("all", "task"):
        scene.workspace.pool(name).rename(scene.workspace.pool(f"{name}-elsewhere"))
    assert reproduction.reproduce(scene.workspace, run.folder)["identical"]


def whole(scene):
    """A run with everything a run may have beside it."""
    return scene.ask("s2l", 5, where="amount < 58", **earlier(scene, "within", "already"))


FILES = ["selection.parquet", "curve.parquet", "clusters.parquet", "within.parquet", "already.parquet"]


@pytest.fixture(scope="module")
def intact(shared):
    return whole(shared)


@pytest.fixture
def run(intact, tmp_path):
    return copy_run(intact, tmp_path / "run")


def test_nothing_beside_a_manifest_is_left_out_of_it(intact, run):
    assert set(intact.manifest["files"]) == set(FILES) == {path.name for path in intact.folder.glob("*.parquet")}
    assert manifest.problems(intact.folder) == manifest.problems(run.folder) == []
    assert {path.name for path in run.folder.iterdir()} == {*FILES, "manifest.json"}


def test_the_hashes_are_those_that_are_promised(intact):
    """Anyone can work them out from a list of ids."""
    ids, result = intact.ids, intact.manifest["result"]
    assert ids != sorted(ids)
    assert result["ids_sha256"] == hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    assert result["pick_order_sha256"] == hashlib.sha256("\n".join(ids).encode()).hexdigest()
    assert result["n"] == len(ids)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_and_a_missing_file_are_named(run, name):
    path = run.folder / name
    good = path.read_bytes()
    places = np.linspace(0, len(good) - 1, 25).astype(int)
    for bad in [*(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in places), good + b"x", good[:-1], b""]:
        path.write_bytes(bad)
        assert manifest.problems(run.folder) == [f"{name} was changed after it was written."]
        assert not manifest.is_answer(run.folder)
    path.unlink()
    assert manifest.problems(run.folder) == [f"{name} is missing."]
    path.mkdir()
    assert manifest.problems(run.folder) == [f"{name} is missing."]
    path.rmdir()
    path.write_bytes(good)
    assert manifest.is_answer(run.folder)


def places(value, at=()):
    """Where every plain value stands."""
    if isinstance(value, dict | list) and value:
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for name, inner in inside for place in places(inner, (*at, name))]
    return [at]


CHANGED = "manifest.json was changed after it was written."


def test_every_word_of_a_manifest_is_guarded(run):
    path = run.folder / "manifest.json"
    text = path.read_text()
    all_places = places(json.loads(text))
    assert len(all_places) > 80
    for place in all_places:
        bad = inner = json.loads(text)
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = 1.0 if place == ("schema_version",) else "changed"
        write_json(path, bad)
        assert CHANGED in manifest.problems(run.folder), place
    good = json.loads(text)
    write_json(path, {name: good[name] for name in reversed(good)})
    assert manifest.problems(run.folder) == []  # the order of names says nothing
    for other in (json.dumps(good), text + "\n", text.replace(": ", " : ", 1)):
        path.write_text(other)
        assert manifest.problems(run.folder) == [CHANGED]  # but the bytes are those that were written


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 2}, "has schema version 2; this program reads version 1"),
        ({"result": None}, "is not a datasel manifest"),
        *(({name: None}, f"is damaged: it has no {name}") for name in ("files", "seed", "sha256", "where")),
    ],
)
def test_a_manifest_that_cannot_be_read_is_one_line(run, change, said):
    good = json.loads((run.folder / "manifest.json").read_text())
    gone = {name for name, value in change.items() if value is None}
    bad = {name: value for name, value in {**good, **change}.items() if name not in gone}
    write_json(run.folder / "manifest.json", bad)
    with pytest.raises(BadInput, match=said):
        manifest.problems(run.folder)
    assert not manifest.is_answer(run.folder)


def test_files_are_files_of_the_folder_and_ids_are_those_of_the_manifest(run):
    good = json.loads((run.folder / "manifest.json").read_text())

    def signed(**changes):
        """A manifest that is whole in itself, and says something else."""
        bad = {name: value for name, value in {**good, **changes}.items() if name != "sha256"}
        bad["sha256"] = hashlib.sha256(canonical(bad).encode()).hexdigest()
        write_json(run.folder / "manifest.json", bad)
        return manifest.problems(run.folder)

    assert signed() == []
    outside = shutil.copy(run.folder / "curve.parquet", run.folder.parent / "outside.parquet")
    elsewhere = {**good["files"], "../outside.parquet": hash_file(outside)}
    assert signed(files=elsewhere) == ["../outside.parquet is missing."]
    for name in ("ids_sha256", "pick_order_sha256"):
        others = {**good["result"], name: "0" * 64}
        assert signed(result=others) == ["The ids in selection.parquet are not those of the manifest."]


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_damaged_run_is_made_anew_and_not_exported(scene, name):
    run = whole(scene)
    path = run.folder / name
    good = path.read_bytes()
    is_text = name == "manifest.json"
    path.write_bytes(good.replace(b'"seed": 0', b'"seed": 1') if is_text else good[:-9] + b"x" + good[-8:])
    with pytest.raises(BadRequest, match=f"cannot be exported: {name} was changed"):
        open_record(scene.workspace, run.folder)
    assert whole(scene).ids == run.ids
    assert manifest.problems(run.folder) == []


def test_a_copy_is_a_folder(intact, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadRequest, match="is a file; --out names the folder to make"):
        copy_run(intact, tmp_path / "file")


def test_the_command_says_all_that_was_asked(shared):
    flags = earlier(shared, "within", "already")
    spec = shared.spec("s2l", 5, seed=4, where="amount < 58", use={"group": "other"}, **flags)
    said = command_line(spec)
    assert said.startswith("python -m datasel_core select all s2l --budget 5 --seed 4 ")
    more = ["--where 'amount < 58'", "--use group=other", "--set n_clusters=4", "--set per_group=True"]
    more += [f"--{flag} {folder}" for flag, folder in flags.items()]
    assert [one for one in more if f" {one} " not in said + " "] == []
    towards = command_line(shared.spec("tsds", use={"target.embedding": "imported"}))
    assert " --use target.embedding=imported " in towards
    assert " --target task" in towards
    keys = {flag: folder.rpartition("/")[2] for flag, folder in flags.items()}  # a manifest names no folder
    assert whole(shared).manifest["command"] == command_line(shared.spec("s2l", 5, where="amount < 58", **keys))
