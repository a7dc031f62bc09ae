"""What a question depends on: everything that decides an answer is in its key, and nothing else; what it names must be what it was."""

import json


import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core import engine, making, serving
from datasel_core.__main__ import main
from datasel_core.errors import BadInput, BadParameter, BadRequest, MissingFeature, UnknownName
from datasel_core.features._kept import kept_features
from datasel_core.planning import plan
from datasel_core.pools._pool import load_pool
from datasel_core.selection import granted
from tests import joints
from tests.conftest import paint
from tests.joints import METHODS, MISSING, N, keep

built, shared, scene = joints.built, joints.shared, joints.scene


# --- shares


@pytest.mark.parametrize(
    ("share", "n", "count"),
    [("10%", 15, 2), ("10%", 14, 1), ("50%", 5, 3), ("30%", 15, 5), ("2.5%", 100, 3), ("29%", 100, 29), ("1%", 10, 1), ("0.001%", 10, 1), ("100%", 7, 7),
     ("99.9%", 7, 7), (" 20 % ", 10, 2), ("+20%", 10, 2)],
)  # fmt: skip
def test_a_share_is_rounded_to_the_nearest_and_at_least_one(share, n, count):
    assert granted(share, n) == count
    assert granted(share, n, count) == count


def test_a_share_is_of_the_pool_and_not_of_the_candidates(shared):
    inside = str(shared.earlier("within").folder)
    for asked in ({}, {"where": "amount < 30"}, {"within": inside}, {"already": inside}):
        assert plan(shared.workspace, shared.spec("freesel", "12.5%", **asked)).budget == 8  # 7.5 of 60
    with pytest.raises(BadParameter, match="The budget 60% of 60 samples is 36, but only 29 can be chosen; ask for at most 29"):
        plan(shared.workspace, shared.spec("freesel", "60%", where="amount < 30"))
    run = shared.ask("freesel", "12.5%", where="amount < 30")
    assert (len(run.ids), run.manifest["budget"]) == (8, {"requested": "12.5%", "granted": 8, "unit": "samples"})


@pytest.mark.parametrize("text", ["1e2", "ten", "", "5.5", "5 samples", "%", "-", "1.%", "٣"])
def test_a_budget_is_a_count_or_a_share(text):
    if text == "٣":  # a digit of another script is a digit
        assert granted(text, 10) == 3
        return
    with pytest.raises(BadParameter, match="it must be a count such as 100 or a share such as 10%"):
        granted(text, 1000)


# --- keys


def changes(scene, tmp_path):
    """Name -> what is asked otherwise, one thing each."""
    older = keep(scene.workspace, scene.pool, "embedding", scene.here["embedding"] * 2 + 1, MISSING["embedding"], "older.npz")
    theirs = keep(scene.workspace, load_pool(scene.workspace, "task"), "embedding", scene.there["embedding"] * 2 + 1, [1], "older.npz")
    keep(scene.workspace, scene.pool, "embedding", scene.here["embedding"], MISSING["embedding"])
    keep(scene.workspace, load_pool(scene.workspace, "task"), "embedding", scene.there["embedding"], joints.MISSING_THERE["embedding"])
    for name, source in (("all-2", "all"), ("task-2", "all")):
        making.add_pool(scene.workspace, name, str(tmp_path / f"{source}.parquet"), "vectors")
    within, already = (str(scene.earlier(flag).folder) for flag in ("within", "already"))
    return {
        "seed": {"seed": 1}, "budget": {"budget": 7}, "share": {"budget": "15%"}, "where": {"where": "amount < 50"}, "within": {"within": within},
        "already": {"already": already}, "a parameter": {"params": {"alpha": 0.25}}, "a feature": {"use": {"embedding": older.key}},
        "the target's feature": {"use": {"target.embedding": theirs.key}}, "the target": {"target": "task-2"}, "the pool": {"pool": "all-2"},
    }  # fmt: skip


def test_each_thing_that_decides_is_in_the_key(scene, tmp_path):
    asked = changes(scene, tmp_path)
    keys = {name: plan(scene.workspace, scene.spec("tsds", **{"params": {}, **more})).key for name, more in {"nothing": {}, **asked}.items()}
    assert len(set(keys.values())) == len(asked) + 1, keys
    others = {method: plan(scene.workspace, scene.spec(method)).key for method in METHODS}
    assert len(set(others.values())) == len(METHODS)
    both = {flag: {flag: str(scene.earlier("within").folder)} for flag in ("within", "already")}
    assert len({plan(scene.workspace, scene.spec("random", **one)).key for one in both.values()}) == 2  # the same selection in another part


def test_what_only_says_how_is_in_no_key(scene, tmp_path):
    within = scene.earlier("within")
    newest = {kept.role: kept.key for kept in kept_features(scene.workspace, scene.pool.fingerprint)}
    for method, cls in METHODS.items():
        key = plan(scene.workspace, scene.spec(method, within=str(within.folder))).key
        same = [{"use": {role: newest[role] for role in cls.needs if role != "group"}}, {"budget": "10%"}, {"budget": " 6"}, {"within": within.key}]
        same += [{"within": str(within.folder / "selection.parquet")}, {"command": "said otherwise"}]
        same += [{"params": {name: str(value) for name, value in joints.PARAMS.get(method, {}).items()}}]  # as a command line gives them
        for name in filter(cls.is_how, cls.model_fields):
            same.append({"params": {**joints.PARAMS.get(method, {}), name: "cpu" if name == "device" else 3}})
        for more in same:
            assert plan(scene.workspace, scene.spec(method, **{"within": str(within.folder), **more})).key == key, (method, more)


def test_columns_and_groups_are_in_the_key(scene, tmp_path):
    before = {use: plan(scene.workspace, scene.spec("stratified", use={"group": use})).key for use in ("group", "other")}
    assert before["group"] != before["other"]
    assert before["group"] == plan(scene.workspace, scene.spec("stratified")).key
    table = pq.read_table(tmp_path / "all.parquet")
    pq.write_table(table.set_column(1, "group", pa.array(["z"] * N)), tmp_path / "all.parquet")
    making.add_pool(moved(scene, tmp_path), "all", str(tmp_path / "all.parquet"), "vectors")
    assert plan(scene.workspace, scene.spec("stratified")).key not in before.values()


def moved(scene, tmp_path):
    """The pool as if it had been added from here."""
    path = scene.workspace.pool("all") / "pool.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "source": str(tmp_path / "all.parquet"), "root": str(tmp_path)}))
    return scene.workspace


def test_kept_scores_and_kept_tables_know_what_they_depend_on(scene, tmp_path):
    asked = changes(scene, tmp_path)
    of_no_interest = {"budget", "share", "where", "within", "already"}

    def scores(**more):
        return engine.score_question(plan(scene.workspace, scene.spec("centroid_similarity", **more))).key

    def tables(**more):
        found = plan(scene.workspace, scene.spec("tsds", **{"params": {}, **more}))
        return serving.Question(found.pool, found.method, found.roles, found.target).key

    for key, also in ((scores, {"a parameter", "the pool"}), (tables, {"a parameter", "the pool", "seed"})):
        found = {name: key(**more) for name, more in asked.items() if not (key is scores and name == "a parameter")}
        assert {name for name, one in found.items() if one == key()} == (of_no_interest | also) & set(found)
        rest = [one for one in found.values() if one != key()]
        assert len(set(rest)) == len(rest)
    for name in ("max_k", "kde_k", "sigma"):
        assert tables(params={name: 4 if name != "sigma" else 1.5}) != tables(), name
    assert scores() != engine.score_question(plan(scene.workspace, scene.spec("norm_sim"))).key
    assert len({engine.score_question(plan(scene.workspace, scene.spec("norm_sim", params={"p": p}))).key for p in ("2", "inf")}) == 2


def test_seeds_that_are_no_seeds(shared):
    for seed in (-1, 2**63):
        with pytest.raises(BadParameter, match=f"The seed is {seed}; it must be a whole number from 0 up"):
            plan(shared.workspace, shared.spec("random", seed=seed))
    for seed in (0, 2**63 - 1):
        assert len(shared.chosen("random", seed=seed)) == 6


# --- what is named as within or already


def damage(run, how):
    path = run.folder / ("manifest.json" if "manifest" in how else "selection.parquet")
    if "missing" in how:
        path.unlink()
    elif "edited" in how:
        path.write_text(path.read_text().replace('"seed": 11', '"seed": 12'))
    else:
        path.write_bytes(path.read_bytes()[:-20] + b"x" + path.read_bytes()[-19:])


@pytest.mark.parametrize("flag", ["within", "already"])
@pytest.mark.parametrize(
    ("how", "said"),
    [("selection changed", "cannot be used: selection.parquet was changed after it was written"), ("selection missing", "cannot be used: selection.parquet is"),
     ("manifest edited", "cannot be used: manifest.json was changed after it was written"), ("manifest missing", "holds no manifest.json")],
)  # fmt: skip
def test_a_damaged_selection_is_not_chosen_from(scene, flag, how, said):
    run = scene.earlier(flag)
    damage(run, how)
    for name in (str(run.folder), run.key):
        with pytest.raises(BadInput, match=said):
            scene.ask("random", **{flag: name})
    assert scene.workspace.folders("runs") == [run.folder]


@pytest.mark.parametrize("flag", ["within", "already"])
@pytest.mark.parametrize("change", ["content", "id", "another pool"])
def test_a_selection_from_a_pool_that_is_another_now_is_refused(scene, tmp_path, flag, change):
    run, table = scene.earlier(flag), pq.read_table(tmp_path / "all.parquet")
    column = {"content": "vector", "id": "id", "another pool": None}[change]
    if column is None:
        run = scene.ask("random", 20, pool="task")
        said = "a selection from the pool task, not from all as it is now"
    else:
        values = table[column].to_pylist()
        values[5] = "new" if column == "id" else [9.0] * joints.D
        table = table.set_column(table.column_names.index(column), column, pa.array(values, table.schema.field(column).type))
        pq.write_table(table, tmp_path / "all.parquet")
        making.add_pool(moved(scene, tmp_path), "all", str(tmp_path / "all.parquet"), "vectors")
        said = "a selection from the pool all, not from all as it is now"
    with pytest.raises(BadRequest, match=said):
        scene.ask("random", **{flag: str(run.folder)})
    bare = {flag: str(run.folder / "selection.parquet")}  # bare ids say nothing of their pool: those that are still there will do
    if change == "content":
        assert len(scene.ask("random", **bare).ids) == 6
    else:
        with pytest.raises(UnknownName, match="There is no sample in all called"):
            scene.ask("random", **bare)


@pytest.mark.parametrize("flag", ["within", "already"])
def test_the_manifest_says_what_was_chosen_from(shared, flag):
    first = shared.earlier(flag)
    run = shared.ask("random", seed=3, **{flag: str(first.folder)})
    said, other = run.manifest[flag], run.manifest["already" if flag == "within" else "within"]
    assert said == {"ids_sha256": first.manifest["result"]["ids_sha256"], "n": len(first.ids), "method": first.manifest["method"], "budget": first.manifest["budget"]}
    assert other is None
    assert pq.read_table(run.folder / f"{flag}.parquet")["id"].to_pylist() == first.ids


def test_nothing_left_to_choose_from_is_said(shared):
    whole = shared.ask("random", N)
    with pytest.raises(BadRequest, match="No sample of all is left to choose from; loosen --within, --already or --where"):
        plan(shared.workspace, shared.spec("random", already=str(whole.folder)))
    with pytest.raises(BadParameter, match=f"The budget is {N}; it must be from 1 to {N - 3}, the number of samples that can be chosen"):
        plan(shared.workspace, shared.spec("k_center", N, within=str(whole.folder)))


# --- what fills a role


def test_the_newest_of_a_role_fills_it_and_a_named_one_wins(scene):
    first = keep(scene.workspace, scene.pool, "embedding", scene.here["embedding"] + 3, [7])
    second = keep(scene.workspace, scene.pool, "embedding", scene.here["embedding"] + 4, [8, 9])
    for use, kept, gone in (({}, second, [8, 9]), ({"embedding": first.key}, first, [7]), ({"embedding": "imported"}, second, [8, 9])):
        run = scene.ask("k_center", use=use)
        assert run.manifest["features"]["embedding"]["key"] == kept.key
        assert run.manifest["unreadable"] == [{"id": scene.pool.ids[row], "reason": "no embedding"} for row in gone]
    with pytest.raises(UnknownName, match="no feature for the role embedding of all called"):
        scene.ask("k_center", use={"embedding": keep(scene.workspace, load_pool(scene.workspace, "task"), "embedding", scene.there["embedding"] + 9).key})


def test_a_sample_must_have_a_value_in_every_role_that_is_read_and_in_no_other(shared):
    for method, cls in METHODS.items():
        found = plan(shared.workspace, shared.spec(method, 1))
        gone = sorted({row for role in cls.needs for row in MISSING.get(role, [])})
        assert found.candidates.free.tolist() == np.setdiff1d(np.arange(N), gone).tolist()
        said = {(entry["id"], entry["reason"]) for entry in found.roles.unreadable(cls.needs)}
        assert said == {(shared.pool.ids[row], f"no {role}") for role in cls.needs for row in MISSING.get(role, [])}


def test_a_missing_role_says_how_to_get_it(scene):
    making.add_pool(scene.workspace, "bare", str(scene.workspace.path.parent / "task.parquet"), "vectors")
    for method, cls in METHODS.items():
        lacking = [role for role in cls.needs if role not in joints.MISSING_THERE]
        if lacking:
            with pytest.raises(MissingFeature, match=f"The pool bare has no (column group; name one|feature for the role {lacking[0]} yet. (Compute|Import) one)"):
                plan(scene.workspace, scene.spec(method, pool="bare"))


# --- fingerprints


def photos(folder, groups="aabb", seeds=(0, 1, 2, 3), names="0123"):
    for name, seed in zip(names, seeds, strict=True):
        paint(folder / f"{name}.png", seed)
    lines = [f"{name}.png,{group},{at}" for at, (name, group) in enumerate(zip(names, groups, strict=True))]
    (folder / "t.csv").write_text("path,group,amount\n" + "\n".join(lines) + "\n")
    return folder / "t.csv"


def pairs(folder, groups="aabb", seeds=(0, 1, 2, 3), names="0123"):
    for name, seed in zip(names, (5, 6, 7, 8), strict=True):
        paint(folder / f"{name}.png", seed)
    lines = [f"{name}.png,caption {seed},{group}" for name, seed, group in zip(names, seeds, groups, strict=True)]
    (folder / "t.csv").write_text("path,caption,group\n" + "\n".join(lines) + "\n")
    return folder / "t.csv"


def texts(folder, groups="aabb", seeds=(0, 1, 2, 3), names="0123"):
    lines = [{"id": name, "text": f"text {seed}", "topic": group} for name, seed, group in zip(names, seeds, groups, strict=True)]
    (folder / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "t.jsonl"


def vectors(folder, groups="aabb", seeds=(0, 1, 2, 3), names="0123"):
    embedding = np.eye(4, dtype=np.float32)[list(seeds)] if max(seeds) < 4 else np.eye(16, dtype=np.float32)[list(seeds), :4] + np.float32(0.5)
    joints.table_of(folder, "t", list(names), embedding, group=list(groups))
    return folder / "t.parquet"


@pytest.mark.parametrize(("kind", "make"), [("images", photos), ("pairs", pairs), ("text", texts), ("vectors", vectors)])
def test_the_fingerprint_is_of_ids_and_contents_and_the_tables_hash_of_the_columns_too(workspace, tmp_path, kind, make):
    def add(name, **changed):
        (tmp_path / name).mkdir()
        return making.add_pool(workspace, name, str(make(tmp_path / name, **changed)), kind)

    pool = add("as-it-was")
    same = add("same")
    assert (same.fingerprint, same.table_sha256) == (pool.fingerprint, pool.table_sha256)
    columns = add("columns", groups="abab")
    assert columns.fingerprint == pool.fingerprint
    assert columns.table_sha256 != pool.table_sha256
    for name, changed in (("content", {"seeds": (0, 1, 2, 9)}), ("id", {"names": "0124"}), ("order", {"seeds": (1, 0, 2, 3)})):
        found = add(name, **changed)
        assert found.fingerprint != pool.fingerprint, name
        assert found.table_sha256 != pool.table_sha256, name


def test_a_feature_belongs_to_the_fingerprint(workspace, tmp_path):
    """Other columns, same samples: the features stay. Other samples: nothing of them is used."""
    making.add_pool(workspace, "p", str(texts(tmp_path)), "text")
    keep(workspace, load_pool(workspace, "p"), "embedding", np.eye(4, dtype=np.float32))
    making.add_pool(workspace, "p", str(texts(tmp_path, groups="abab")), "text")
    assert len(kept_features(workspace, load_pool(workspace, "p").fingerprint)) == 1
    making.add_pool(workspace, "p", str(texts(tmp_path, seeds=(0, 1, 2, 9))), "text")
    with pytest.raises(MissingFeature, match="The pool p has no feature for the role embedding yet"):
        engine.select(workspace, engine.Spec(pool="p", method="k_center", budget="2"))


# --- vectors that are brought


@pytest.mark.parametrize("role", ["embedding", "loss_trajectory", "error", "patches"])
def test_what_is_imported_is_matched_by_id_and_never_by_order(scene, tmp_path, capsys, role):
    rng = np.random.default_rng(5)
    ids = scene.pool.ids.astype("U9")
    values = rng.standard_normal({"embedding": (N, 4), "loss_trajectory": (N, 4), "error": (N,), "patches": (N, 3, 4)}[role]).astype(np.float32)
    order = rng.permutation(N)[: N - 5]
    theirs = rng.standard_normal((2, *values.shape[1:])).astype(np.float32)
    at = np.array([0, len(order)])  # strangers at both ends
    np.savez(tmp_path / "v.npz", ids=np.insert(ids[order], at, ["strange", "stranger"]), **{role: np.insert(values[order], at, theirs, axis=0)})
    found = making.import_feature(scene.workspace, scene.pool, role, str(tmp_path / "v.npz"))
    left = np.setdiff1d(np.arange(N), order)
    kept = np.asarray(found.kept.values())
    np.testing.assert_array_equal(kept[order], values[order])
    assert np.isnan(kept[left]).all()
    assert (found.matched, found.missing, found.extra) == (N - 5, ids[left].tolist(), ["strange", "stranger"])
    assert [entry["row"] for entry in found.kept.unreadable] == left.tolist()
    assert [entry["id"] for entry in found.kept.unreadable] == ids[left].tolist()
    assert main(["feature", "import", "all", role, str(tmp_path / "v.npz"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["matched"], said["missing"], said["extra"]) == (N - 5, ids[left].tolist(), ["strange", "stranger"])
    assert main(["feature", "import", "all", role, str(tmp_path / "v.npz")]) == 0
    captured = capsys.readouterr()
    assert f"5 without a vector: {', '.join(ids[left])}" in captured.err
    assert "2 not in the pool: strange, stranger" in captured.err
    assert f"{N - 5} samples matched by id now fill the role {role}" in captured.out


def test_vectors_that_are_not_finite_are_left_out_by_their_own_name(scene, tmp_path):
    values = np.ones((N, 3), np.float32)
    values[4, 1], values[9, 2] = np.nan, np.inf
    order = np.random.default_rng(2).permutation(N)
    np.savez(tmp_path / "v.npz", ids=scene.pool.ids[order].astype(str), embedding=values[order])
    found = making.import_feature(scene.workspace, scene.pool, "embedding", str(tmp_path / "v.npz"))
    assert [(entry["row"], entry["id"]) for entry in found.kept.unreadable] == [(row, scene.pool.ids[row]) for row in (4, 9)]
    assert np.flatnonzero(np.isnan(np.asarray(found.kept.values())).any(axis=1)).tolist() == [4, 9]
