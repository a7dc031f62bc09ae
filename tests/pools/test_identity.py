"""What makes a pool the same pool, and vectors the vectors of its samples."""

import json

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.errors import MissingFeature
from datasel_core.features.stored import kept_features
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint
from tests.runs import joints
from tests.runs.joints import N, keep

built, scene = joints.built, joints.scene


def photos(folder, ids, seeds, groups):
    for id, seed in zip(ids, seeds, strict=True):
        paint(folder / f"{id}.png", seed)
    lines = [f"{id}.png,{group}" for id, group in zip(ids, groups, strict=True)]
    (folder / "t.csv").write_text("\n".join(["path,group", *lines]))
    return folder / "t.csv"


def pairs(folder, ids, seeds, groups):
    """The picture stays, its caption is another."""
    photos(folder, ids, (5, 6, 7, 8), groups)
    lines = [f"{id}.png,caption {seed},{group}" for id, seed, group in zip(ids, seeds, groups, strict=True)]
    (folder / "t.csv").write_text("\n".join(["path,caption,group", *lines]))
    return folder / "t.csv"


def texts(folder, ids, seeds, groups):
    lines = [{"id": id, "text": f"text {at}", "topic": group} for id, at, group in zip(ids, seeds, groups, strict=True)]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder / "t.jsonl"


def vectors(folder, ids, seeds, groups):
    embedding = np.stack([np.random.default_rng(seed).random(4) for seed in seeds])
    return joints.table_of(folder, "t", list(ids), embedding, group=list(groups))


MADE = {"images": photos, "pairs": pairs, "text": texts, "vectors": vectors}


@pytest.mark.parametrize("kind", MADE)
def test_the_fingerprint_is_of_ids_and_contents_and_the_tables_hash_of_columns_too(workspace, tmp_path, kind):
    def add(name, ids="0123", seeds=(0, 1, 2, 3), groups="aabb"):
        (tmp_path / name).mkdir()
        found = add_pool(workspace, name, str(MADE[kind](tmp_path / name, ids, seeds, groups)), kind)
        return found.fingerprint, found.table_sha256

    pool = add("as-it-was")
    assert add("same") == pool
    columns = add("columns", groups="abab")
    assert columns[0] == pool[0]
    assert columns[1] != pool[1]
    others = [add("content", seeds=(0, 1, 2, 9)), add("id", ids="0124"), add("order", seeds=(1, 0, 2, 3))]
    assert len({pool[0], *(one[0] for one in others)}) == 4
    assert len({pool[1], *(one[1] for one in others)}) == 4


def test_a_feature_belongs_to_the_fingerprint(workspace, tmp_path):
    """Other columns, same samples: the features stay. Other samples: nothing of them is used."""

    def add(seeds=(0, 1, 2, 3), groups="aabb"):
        return add_pool(workspace, "p", str(texts(tmp_path, "0123", seeds, groups)), "text")

    keep(workspace, add(), "embedding", np.eye(4, dtype=np.float32))
    assert len(kept_features(workspace, add(groups="abab").fingerprint)) == 1
    add(seeds=(0, 1, 2, 9))
    with pytest.raises(MissingFeature, match="The pool p has no feature for the role embedding yet"):
        engine.select(workspace, Spec(pool="p", method="k_center", budget="2"))


SHAPES = {"embedding": (N, 4), "loss_trajectory": (N, 4), "error": (N,), "patches": (N, 3, 4)}


@pytest.mark.parametrize("role", SHAPES)
def test_what_is_imported_is_matched_by_id_and_never_by_order(scene, tmp_path, capsys, role):
    rng, ids, file = np.random.default_rng(5), scene.pool.ids.astype("U9"), str(tmp_path / "v.npz")
    values = rng.standard_normal(SHAPES[role]).astype(np.float32)
    order = rng.permutation(N)
    order, left = order[5:], np.sort(order[:5])
    both_ends, strangers = [0, len(order)], ["strange", "stranger"]
    brought = {role: np.insert(values[order], both_ends, 7, axis=0)}
    np.savez(file, ids=np.insert(ids[order], both_ends, strangers), **brought)

    found = import_feature(scene.workspace, scene.pool, role, file)
    kept = np.asarray(found.kept.values())
    np.testing.assert_array_equal(kept[order], values[order])
    assert np.isnan(kept[left]).all()
    assert (found.matched, found.missing, found.extra) == (N - 5, ids[left].tolist(), strangers)
    listed = [(entry["row"], entry["id"]) for entry in found.kept.unreadable]
    assert listed == list(zip(left.tolist(), ids[left].tolist(), strict=True))

    assert main(["feature", "import", "all", role, file, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["matched"], said["missing"], said["extra"]) == (N - 5, ids[left].tolist(), strangers)
    assert main(["feature", "import", "all", role, file]) == 0
    said = capsys.readouterr()
    assert f"5 without a vector: {', '.join(ids[left])}" in said.err
    assert "2 not in the pool: strange, stranger" in said.err
    assert f"{N - 5} samples matched by id now fill the role {role}" in said.out


def test_vectors_that_are_not_finite_are_left_out_by_their_own_name(scene, tmp_path):
    values = np.ones((N, 3), np.float32)
    values[4, 1], values[9, 2] = np.nan, np.inf
    order = np.random.default_rng(2).permutation(N)
    np.savez(tmp_path / "v.npz", ids=scene.pool.ids[order].astype("U9"), embedding=values[order])
    kept = import_feature(scene.workspace, scene.pool, "embedding", str(tmp_path / "v.npz")).kept
    assert [(entry["row"], entry["id"]) for entry in kept.unreadable] == [(at, scene.pool.ids[at]) for at in (4, 9)]
    assert np.flatnonzero(np.isnan(np.asarray(kept.values())).any(axis=1)).tolist() == [4, 9]
