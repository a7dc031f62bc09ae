"""Selections as sets: whose order, count and score a sample keeps; damaged parts; overlaps."""

import itertools
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.analysis.metrics.overlap import overlap
from datasel_core.errors import BadInput, BadRequest
from datasel_core.runs import derived, manifest, reproduction
from datasel_core.runs.derivations import combine
from tests.runs import joints

built, shared, scene = joints.built, joints.shared, joints.scene


def parts(scene):
    """Three selections that overlap: drawn with repeats and chances; by scores; at random, without either."""
    often = {"sampling": "multinomial", "alpha": 0.9}
    return [scene.ask("tsds", 30, params=often), scene.ask("least_confidence", 25), scene.ask("random", 25, seed=2)]


@pytest.mark.parametrize("how", combine.HOWS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0)])
def test_order_counts_and_scores_come_from_the_first_that_has_a_sample(shared, how, order):
    runs = [parts(shared)[at] for at in order]
    tables = [{row["id"]: row for row in run.table.to_pylist()} for run in runs]
    of = {id: [at for at, table in enumerate(tables, 1) if id in table] for id in itertools.chain.from_iterable(tables)}
    kept = {"union": list(of), "intersection": [id for id in of if len(of[id]) == len(runs)]}
    kept["difference"] = [id for id in of if of[id] == [1]]
    assert kept[how]
    found = combine.combine(shared.workspace, how, [run.folder for run in runs])
    assert found.ids == kept[how]
    for row in found.table.to_pylist():
        first = tables[of[row["id"]][0] - 1][row["id"]]
        assert (row["row"], row["count"], row["amount"]) == (first["row"], first["count"], first["amount"])
        assert row["score"] == pytest.approx(first["score"], nan_ok=True)
        assert json.loads(row["why"]) == {"of": ", ".join(map(str, of[row["id"]]))}
    said, n = found.manifest, len(kept[how])
    assert said["budget"] == {"requested": str(n), "granted": n, "unit": "samples"}
    of_these = [one["ids_sha256"] for one in said["method"]["params"]["of"]]
    assert of_these == [manifest.ids_sha256(run.ids) for run in runs]
    beside = [f"of-{at}.parquet" for at in range(1, len(runs) + 1)]
    assert [pq.read_table(found.folder / name)["id"].to_pylist() for name in beside] == [run.ids for run in runs]
    assert set(said["files"]) >= set(beside)
    assert reproduction.reproduce(shared.workspace, found.folder)["identical"]


def test_one_question_of_a_combination_is_one_run(shared):
    """In another order, or as another set, it is another question."""
    folders = [run.folder for run in parts(shared)]
    orders = (folders, folders[::-1])
    keys = {combine.combine(shared.workspace, how, some).key for how in combine.HOWS for some in orders}
    assert len(keys) == 6
    assert combine.combine(shared.workspace, "union", folders).key in keys


def test_more_than_nine_parts_are_combined_again_in_their_order(shared):
    runs = [shared.ask("random", 30, seed=seed) for seed in range(11)]
    found = combine.combine(shared.workspace, "union", [run.folder for run in runs])
    assert found.ids == list(dict.fromkeys(itertools.chain.from_iterable(run.ids for run in runs)))
    assert derived.again(found.folder, found.manifest) == found.ids


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("name", ["selection.parquet", "curve.parquet", "manifest.json"])
def test_a_damaged_part_is_refused(scene, at, name):
    runs = [scene.ask("random", 10), scene.ask("k_center", 10)]
    path = runs[at].folder / name
    whole, is_text = path.read_bytes(), name == "manifest.json"
    path.write_bytes(whole.replace(b'"seed": 0', b'"seed": 1') if is_text else whole[:-1] + b"x")
    said = f"{runs[at].key} cannot be combined: {name} was changed after it was written"
    with pytest.raises(BadInput, match=said):
        combine.combine(scene.workspace, "union", [run.folder for run in runs])
    assert len(scene.workspace.folders("runs")) == 2


@pytest.mark.parametrize("name", ["selection.parquet", "of-1.parquet", "of-2.parquet"])
def test_a_damaged_combination_is_not_run_again_but_made_anew(scene, name):
    folders = [scene.ask(method, 10).folder for method in ("random", "k_center")]
    run = combine.combine(scene.workspace, "union", folders)
    path = run.folder / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BadRequest, match=f"cannot be run again: {name} was changed after it was written"):
        reproduction.reproduce(scene.workspace, run.folder)
    assert combine.combine(scene.workspace, "union", folders).ids == run.ids
    assert manifest.problems(run.folder) == []


def test_overlaps_are_those_of_sets(shared, capsys):
    runs = [shared.ask("random", size, seed=size) for size in (7, 20, 33)]
    runs.append(shared.ask("k_center", 9, where="amount < 20"))
    folders, methods = [str(run.folder) for run in runs], [run.manifest["method"] for run in runs]
    assert main(["compare", *folders, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(one["run"], one["method"]) for one in said["runs"]] == list(zip(folders, methods, strict=True))
    assert [one["n"] for one in said["runs"]] == [7, 20, 33, 9]
    assert [one["metrics"] for one in said["runs"]] == [run.manifest["result"]["metrics"] for run in runs]
    for one, (a, b) in zip(said["overlap"], itertools.combinations(range(4), 2), strict=True):
        mine, theirs = set(runs[a].ids), set(runs[b].ids)
        assert (one["a"], one["b"]) == (folders[a], folders[b])
        sizes = {"both": len(mine & theirs), "only_a": len(mine - theirs), "only_b": len(theirs - mine)}
        assert {name: one[name] for name in sizes} == sizes
        assert one["jaccard"] == pytest.approx(len(mine & theirs) / len(mine | theirs), abs=1e-6)
        assert one["share"] == pytest.approx(len(mine & theirs) / min(len(mine), len(theirs)), abs=1e-6)
    assert main(["compare", *folders[:2]]) == 0
    both, only_a, only_b = (said["overlap"][0][name] for name in ("both", "only_a", "only_b"))
    in_words = f"{both} in both, {only_a} only in the first, {only_b} only in the second"
    out = capsys.readouterr().out
    assert f"{in_words} (Jaccard {said['overlap'][0]['jaccard']})\n" in out
    means = [run.manifest["result"]["metrics"]["coverage"]["mean"] for run in runs[:2]]
    assert f"  coverage mean: {means[0]} | {means[1]}\n" in out  # side by side
    assert all(pair["same_pool"] for pair in said["overlap"])
    assert [one["pool"]["name"] for one in said["runs"]] == ["all"] * 4


def test_selections_of_different_pools_are_compared_by_id_and_that_is_said(shared, capsys):
    mine, theirs = shared.ask("random", 7), shared.ask("random", 9, pool="task")
    folders = [str(mine.folder), str(theirs.folder)]
    assert main(["compare", *folders, "--json"]) == 0
    (pair,) = json.loads(capsys.readouterr().out)["overlap"]
    assert (pair["same_pool"], pair["both"], pair["only_a"], pair["only_b"]) == (False, 0, 7, 9)
    assert main(["compare", *folders]) == 0
    out = capsys.readouterr().out
    assert out.endswith("; they are of different pools, and equal ids may be different samples\n")
    assert main(["compare", folders[0]]) == 2
    assert capsys.readouterr().err == "compare needs at least two folders of selections.\n"


def test_what_is_empty_overlaps_with_nothing():
    none, one = np.array([], dtype=str), np.array(["a"])
    assert overlap(none, none) == {"both": 0, "only_a": 0, "only_b": 0, "jaccard": 1.0, "share": 0.0}
    assert overlap(none, one) == {"both": 0, "only_a": 0, "only_b": 1, "jaccard": 0.0, "share": 0.0}
    assert overlap(one, none) == {"both": 0, "only_a": 1, "only_b": 0, "jaccard": 0.0, "share": 0.0}
