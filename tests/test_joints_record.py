"""What is left of a selection when it is done: run again from its manifest, verified to the byte, combined, exported."""

import csv
import itertools
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core import again, combine, engine, jobs, making, manifest, registry, store
from datasel_core.__main__ import main
from datasel_core.errors import BadInput, BadRequest, Failed, UnknownName
from datasel_core.exports._export import Kept
from datasel_core.pools._pool import load_pool
from datasel_core.progress import Progress
from datasel_core.registry import every
from tests import joints
from tests.joints import GROUPS, MISSING, N, keep

built, shared, scene = joints.built, joints.shared, joints.scene


# --- run again


def older(scene, pool, role):
    """A feature that is no longer the newest of its role, with other values and other rows that cannot be read."""
    values, missing = (scene.here, MISSING) if pool == "all" else (scene.there, joints.MISSING_THERE)
    pool = load_pool(scene.workspace, pool)
    kept = keep(scene.workspace, pool, role, values[role][::-1] + 1, [11, 12])
    keep(scene.workspace, pool, role, values[role], missing[role])
    return kept.key


def asked(scene, what):
    """A question that sets one thing, so that another answer comes where it is forgotten."""
    match what:
        case "seed":
            return scene.spec("random", 9, seed=5)
        case "where":
            return scene.spec("k_center", 9, where="amount < 30")
        case "within" | "already":
            return scene.spec("k_center", 9, **{what: str(scene.earlier(what).folder)})
        case "use":
            return scene.spec("k_center", 9, use={"embedding": older(scene, "all", "embedding")})
        case "group":
            return scene.spec("stratified", 9, use={"group": "other"})
        case "target":
            making.add_pool(scene.workspace, "task-2", str(scene.workspace.path.parent / "all.parquet"), "vectors")
            return scene.spec("nearest_targets", 9, target="task-2")
        case "the target's feature":
            return scene.spec("nearest_targets", 9, use={"target.embedding": older(scene, "task", "embedding")})
        case "params":
            return scene.spec("k_center", 9, params={"metric": "euclidean", "first": 20})
        case "counts":
            return scene.spec("tsds", 9, params={"sampling": "multinomial", "alpha": 1.0})
        case "share":
            return scene.spec("random", "14%")
        case "everything":
            flags = {flag: str(scene.earlier(flag).folder) for flag in ("within", "already")}
            use = {"embedding": older(scene, "all", "embedding"), "target.embedding": older(scene, "task", "embedding")}
            return scene.spec("tsds", 4, seed=3, where="amount < 55", use=use, params={"sigma": 1.0}, **flags)
    raise AssertionError(what)


ASKED = ("seed", "where", "within", "already", "use", "group", "target", "the target's feature", "params", "counts", "share", "everything")


@pytest.mark.parametrize("what", ASKED)
def test_everything_that_was_asked_is_asked_again(scene, tmp_path, what):
    run = engine.select(scene.workspace, asked(scene, what))
    for folder in (run.folder, again.copy_run(run, tmp_path / "copy").folder):
        found = again.reproduce(scene.workspace, folder)
        assert found == {"identical": True, "ids_sha256": manifest.ids_sha256(run.ids), "expected": manifest.ids_sha256(run.ids), "columns_changed": False}
    if what == "share":
        return
    default = scene.spec(run.manifest["method"]["id"], run.manifest["budget"]["granted"], params={})
    assert set(engine.select(scene.workspace, default).ids) != set(run.ids)  # else nothing would be shown by this


@pytest.mark.parametrize("what", ["within", "already"])
def test_what_was_chosen_from_may_be_gone(scene, what):
    run = engine.select(scene.workspace, asked(scene, what))
    shutil.rmtree(scene.earlier(what).folder)
    assert again.reproduce(scene.workspace, run.folder)["identical"]


def edited(folder, **changes):
    path = folder / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("of", ["pool", "target"])
@pytest.mark.parametrize("how", ["values", "no values", "other values", "gone", "samples"])
def test_what_is_not_what_it_was_is_one_clear_line(scene, tmp_path, of, how):
    name = "all" if of == "pool" else "task"
    pool, values = load_pool(scene.workspace, name), scene.here if of == "pool" else scene.there
    kept = keep(scene.workspace, pool, "embedding", values["embedding"] + 2)
    run = scene.ask("centroid_similarity", 9)
    whose = "The feature" if of == "pool" else "The target's feature"
    said = f"{whose} for the role embedding is not what it was; compute it again with the manifest's parameters"
    if how == "values":
        with open(kept.folder / "values.npy", "r+b") as file:
            file.seek(-3, 2)
            file.write(b"\x01")
    elif how == "no values":
        (kept.folder / "values.npy").unlink()
    elif how == "other values":
        edited(kept.folder, fingerprint="0" * 64)
    elif how == "gone":
        shutil.rmtree(kept.folder)
        said = f"There is no feature for the role embedding of {'all' if of == 'pool' else 'the target task'} called {kept.key}"
    else:
        path = scene.workspace.pool(name) / "pool.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": "f" * 64}))
        said = f"The {of} {name} is not what it was: its fingerprint is ffffffffffff, the manifest's {pool.fingerprint[:12]}"
    with pytest.raises(BadRequest, match=said) as caught:
        again.reproduce(scene.workspace, run.folder)
    assert len(str(caught.value).splitlines()) == 1
    assert isinstance(caught.value, UnknownName) == (how == "gone")


def test_columns_that_changed_and_methods_that_changed_are_said(scene, tmp_path, monkeypatch, capsys):
    run = scene.ask("stratified", 9)
    table = pq.read_table(tmp_path / "all.parquet")
    pq.write_table(table.set_column(1, "group", pa.array(GROUPS[::-1])), tmp_path / "all.parquet")
    path = scene.workspace.pool("all") / "pool.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "source": str(tmp_path / "all.parquet")}))
    making.add_pool(scene.workspace, "all", str(tmp_path / "all.parquet"), "vectors")
    found = again.reproduce(scene.workspace, run.folder)
    assert (found["identical"], found["columns_changed"], found["expected"]) == (False, True, manifest.ids_sha256(run.ids))
    assert main(["reproduce", str(run.folder)]) == 1
    assert "The pool's columns changed since." in capsys.readouterr().err
    monkeypatch.setattr(every("method")["stratified"], "version", 2)
    with pytest.raises(Failed, match="stratified is now version 2; the manifest was made by version 1"):
        again.reproduce(scene.workspace, run.folder)


def test_a_pool_may_have_another_name_here(scene):
    run = scene.ask("centroid_similarity", 9)
    for name in ("all", "task"):
        scene.workspace.pool(name).rename(scene.workspace.pool(f"{name}-elsewhere"))
        path = scene.workspace.pool(f"{name}-elsewhere") / "pool.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "name": f"{name}-elsewhere"}))
    assert again.reproduce(scene.workspace, run.folder)["identical"]


# --- verified


def whole(scene):
    """A run with everything a run may have beside it."""
    flags = {flag: str(scene.earlier(flag).folder) for flag in ("within", "already")}
    return scene.ask("s2l", 5, where="amount < 58", **flags)


FILES = ("selection.parquet", "curve.parquet", "clusters.parquet", "within.parquet", "already.parquet")


@pytest.fixture(scope="module")
def intact(shared):
    return whole(shared)


@pytest.fixture
def run(intact, tmp_path):
    return again.copy_run(intact, tmp_path / "run")


def test_nothing_beside_a_manifest_is_left_out_of_it(intact):
    assert set(intact.manifest["files"]) == set(FILES) == {path.name for path in intact.folder.glob("*.parquet")}
    assert manifest.problems(intact.folder) == []


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_and_a_missing_file_are_named(run, name):
    path = run.folder / name
    good = path.read_bytes()
    for at in np.linspace(0, len(good) - 1, 25).astype(int):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert manifest.problems(run.folder) == [f"{name} was changed after it was written."]
        assert not manifest.is_answer(run.folder)
    for bad in (good + b"x", good[:-1], b""):
        path.write_bytes(bad)
        assert manifest.problems(run.folder) == [f"{name} was changed after it was written."]
    path.unlink()
    assert manifest.problems(run.folder) == [f"{name} is missing."]
    path.mkdir()
    assert manifest.problems(run.folder) == [f"{name} is missing."]
    path.rmdir()
    path.write_bytes(good)
    assert manifest.is_answer(run.folder)


def leaves(value, at=()):
    """The place of every plain value."""
    if isinstance(value, dict) and value:
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*at, name))]
    if isinstance(value, list) and value:
        return [leaf for place, inner in enumerate(value) for leaf in leaves(inner, (*at, place))]
    return [at]


def test_every_word_of_a_manifest_is_guarded(run):
    path = run.folder / "manifest.json"
    good = json.loads(path.read_text())
    places = leaves(good)
    assert len(places) > 80
    for place in places:
        bad = json.loads(path.read_text())
        inner = bad
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = "changed" if place != ("schema_version",) else 1.0
        store.write_json(path, bad)
        assert "manifest.json was changed after it was written." in manifest.problems(run.folder), place
        store.write_json(path, good)
    assert manifest.problems(run.folder) == []
    store.write_json(path, {name: good[name] for name in reversed(good)})
    assert manifest.problems(run.folder) == []  # the order of names says nothing
    path.write_text(json.dumps(good))
    assert manifest.problems(run.folder) == ["manifest.json was changed after it was written."]  # but the bytes are those that were written


@pytest.mark.parametrize(
    ("change", "said"),
    [({"schema_version": 2}, "has schema version 2; this program reads version 1"), ({"result": None}, "is not a datasel manifest"),
     *(({name: None}, f"is damaged: it has no {name}") for name in ("files", "seed", "sha256", "where"))],
)  # fmt: skip
def test_a_manifest_that_cannot_be_read_is_one_line(run, change, said):
    good = json.loads((run.folder / "manifest.json").read_text())
    store.write_json(run.folder / "manifest.json", {name: value for name, value in {**good, **change}.items() if value is not None or name not in change})
    with pytest.raises(BadInput, match=said):
        manifest.problems(run.folder)
    assert not manifest.is_answer(run.folder)


def test_files_are_files_of_the_folder_and_ids_are_those_of_the_manifest(run):
    good = json.loads((run.folder / "manifest.json").read_text())

    def signed(**changes):
        bad = {**good, **changes}
        bad["sha256"] = manifest._own_hash(bad)
        store.write_json(run.folder / "manifest.json", bad)
        return manifest.problems(run.folder)

    assert signed() == []
    outside = run.folder.parent / "outside.parquet"
    shutil.copy(run.folder / "curve.parquet", outside)
    assert signed(files={**good["files"], "../outside.parquet": store.hash_file(outside)}) == ["../outside.parquet is missing."]
    for name in ("ids_sha256", "pick_order_sha256"):
        assert signed(result={**good["result"], name: "0" * 64}) == ["The ids in selection.parquet are not those of the manifest."]


@pytest.mark.parametrize("name", (*FILES, "manifest.json"))
def test_a_damaged_run_is_made_anew_and_not_exported(scene, tmp_path, name):
    run = whole(scene)
    path = run.folder / name
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"seed": 0', b'"seed": 1') if name == "manifest.json" else good[:-9] + b"x" + good[-8:])
    with pytest.raises(BadRequest, match=f"cannot be exported: {name} was changed"):
        jobs.open_run(scene.workspace, run.folder)
    assert whole(scene).ids == run.ids
    assert manifest.problems(run.folder) == []


def test_a_copy_has_all_that_the_manifest_names_and_nothing_of_the_work(intact, tmp_path):
    copy = again.copy_run(intact, tmp_path / "copy")
    assert {path.name for path in copy.folder.iterdir()} == {*FILES, "manifest.json", "spec.json"}
    assert manifest.problems(copy.folder) == []
    (tmp_path / "file").touch()
    with pytest.raises(BadRequest, match="is a file; --out names the folder to make"):
        again.copy_run(intact, tmp_path / "file")


# --- combined


def parts(scene):
    """Three selections that overlap: drawn with repeats and chances; by scores; at random, without either."""
    return [scene.ask("tsds", 30, params={"sampling": "multinomial", "alpha": 0.9}), scene.ask("least_confidence", 25), scene.ask("random", 25, seed=2)]


@pytest.mark.parametrize("how", combine.HOWS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0)])
def test_order_counts_and_scores_come_from_the_first_that_has_a_sample(shared, how, order):
    runs = [parts(shared)[at] for at in order]
    tables = [{row["id"]: row for row in run.table.to_pylist()} for run in runs]
    seen = list(dict.fromkeys(itertools.chain.from_iterable(tables)))
    keeps = {"union": lambda of: True, "intersection": lambda of: len(of) == len(runs), "difference": lambda of: of == [1]}[how]
    of = {id: [at for at, table in enumerate(tables, 1) if id in table] for id in seen}
    expected = [id for id in seen if keeps(of[id])]
    if not expected:
        with pytest.raises(BadRequest, match=f"The {how} of these {len(runs)} selections is empty"):
            combine.combine(shared.workspace, how, [run.folder for run in runs])
        return
    found = combine.combine(shared.workspace, how, [run.folder for run in runs])
    assert found.ids == expected
    for row in found.table.to_pylist():
        first = tables[of[row["id"]][0] - 1][row["id"]]
        assert (row["row"], row["count"], row["amount"]) == (first["row"], first["count"], first["amount"])
        assert row["score"] == pytest.approx(first["score"], nan_ok=True)
        assert json.loads(row["why"]) == {"of": ", ".join(map(str, of[row["id"]]))}
    said = found.manifest
    assert said["budget"] == {"requested": str(len(expected)), "granted": len(expected), "unit": "samples"}
    assert [one["n"] for one in said["method"]["params"]["of"]] == [len(run.ids) for run in runs]
    assert [pq.read_table(found.folder / f"of-{at}.parquet")["id"].to_pylist() for at in range(1, len(runs) + 1)] == [run.ids for run in runs]
    assert set(said["files"]) >= {f"of-{at}.parquet" for at in range(1, len(runs) + 1)}
    assert again.reproduce(shared.workspace, found.folder)["identical"]


def test_more_than_nine_parts_are_combined_again_in_their_order(shared):
    runs = [shared.ask("random", 30, seed=seed) for seed in range(11)]
    found = combine.combine(shared.workspace, "union", [run.folder for run in runs])
    assert found.ids == list(dict.fromkeys(itertools.chain.from_iterable(run.ids for run in runs)))
    assert combine.again(found.folder, found.manifest) == found.ids


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("name", ["selection.parquet", "curve.parquet", "manifest.json"])
def test_a_damaged_part_is_refused(scene, at, name):
    runs = [scene.ask("random", 10), scene.ask("k_center", 10)]
    path = runs[at].folder / name
    path.write_bytes(path.read_bytes().replace(b'"seed": 0', b'"seed": 1') if name == "manifest.json" else path.read_bytes()[:-1] + b"x")
    with pytest.raises(BadInput, match=f"{runs[at].key} cannot be combined: {name} was changed after it was written"):
        combine.combine(scene.workspace, "union", [run.folder for run in runs])
    assert len(scene.workspace.folders("runs")) == 2


@pytest.mark.parametrize("name", ["selection.parquet", "of-1.parquet", "of-2.parquet"])
def test_a_damaged_combination_is_not_run_again_but_made_anew(scene, name):
    folders = [scene.ask(method, 10).folder for method in ("random", "k_center")]
    run = combine.combine(scene.workspace, "union", folders)
    path = run.folder / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BadRequest, match=f"cannot be run again: {name} was changed after it was written"):
        again.reproduce(scene.workspace, run.folder)
    assert combine.combine(scene.workspace, "union", folders).ids == run.ids
    assert manifest.problems(run.folder) == []


# --- exported


def read(path):
    """id -> what the file says of it, in the order of the file."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    return {row["id"]: row for row in rows}


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "ids"])
@pytest.mark.parametrize("method", ["random", "tsds", "k_center"])
def test_what_is_said_of_a_sample_belongs_to_it_whatever_the_order_of_picks(shared, tmp_path, format, method):
    run = shared.ask(method, 25)
    rows = run.table["row"].to_pylist()
    assert rows != sorted(rows)
    out = tmp_path / f"kept.{format}"
    assert registry.find("export format", format)().write(jobs.open_run(shared.workspace, run.folder), out, Progress()) == out
    if format == "ids":
        assert out.read_text().splitlines() == shared.pool.ids[rows].tolist()
        return
    found = read(out)
    assert list(found) == shared.pool.ids[rows].tolist()
    for rank, (row, said, whole) in enumerate(zip(rows, found.values(), run.table.to_pylist(), strict=True), 1):
        assert (int(said["rank"]), said["group"], int(said["amount"]), int(said["other"])) == (rank, GROUPS[row], row * 7 % N, row % 4)
        score = said["score"]
        assert (None if score in ("", None) else float(score)) == pytest.approx(None if whole["score"] != whole["score"] else whole["score"], nan_ok=True) or (
            score != score and whole["score"] != whole["score"]
        )
        why = said["why"]
        assert (json.loads(why) if isinstance(why, str) else why) == json.loads(whole["why"])
        assert set(said) == set(run.table.column_names) - {"row", "content"}


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "ids"])
def test_every_row_is_written_once_however_many_there_are(tmp_path, format):
    n = 20_011
    ids = [f"id-{at * 7919 % n}" for at in range(n)]
    table = pa.table({"id": ids, "row": range(n), "rank": range(1, n + 1), "why": ["{}"] * n, "content": ["x"] * n})
    kept = Kept(table, {"pool": {"kind": "vectors", "name": "p"}}, None)
    out = registry.find("export format", format)().write(kept, tmp_path / f"kept.{format}", Progress())
    found = out.read_text().splitlines() if format == "ids" else list(read(out))
    assert found == ids


def test_files_go_by_their_own_name(workspace, tmp_path, photos):
    making.add_pool(workspace, "ph", str(photos), "images")
    run = engine.select(workspace, engine.Spec(pool="ph", method="random", budget="7", seed=3))
    for link in (True, False):
        out = registry.find("export format", "files")(link=link).write(jobs.open_run(workspace, run.folder), tmp_path / f"out-{link}", Progress())
        assert {path.relative_to(out).as_posix() for path in out.rglob("*.jpg")} == set(run.ids)
        assert all((out / id).read_bytes() == (photos / id).read_bytes() for id in run.ids)
        assert json.loads((out / "manifest.json").read_text()) == run.manifest
