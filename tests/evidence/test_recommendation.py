"""Which method is recommended: what was measured on the pool comes first, else the rule; each case by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.analysis import structure as module
from datasel_core.analysis.structure import structure
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.recommendation import facts, proven, recommend, verdicts
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import place
from datasel_core.features.roles import Roles
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from tests.runs import joints

built, scene = joints.built, joints.scene


def crowd(rng, clips, frames, d=32):
    """Clips of frames that are nearly the same."""
    centres = rng.standard_normal((clips, d))
    return (np.repeat(centres, frames, axis=0) + 0.01 * rng.standard_normal((clips * frames, d))).astype(np.float32)


def test_structure_counts_clips_once_and_loners_each(rng, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 3)
    vectors = np.concatenate([crowd(rng, 6, 20), crowd(rng, 30, 1)])
    rng.shuffle(vectors)
    found = structure(vectors)
    assert found.twins == pytest.approx(120 / 150)
    assert found.kinds == pytest.approx(6 + 30)
    assert (found.n, found.measured_on) == (150, 150)


def test_of_many_samples_some_are_compared_with_all(rng, monkeypatch):
    monkeypatch.setattr(module, "_MOST_SAMPLES", 400)
    vectors = crowd(rng, 100, 20)
    found = structure(vectors)
    assert (found.measured_on, found.twins) == (400, 1.0)
    assert found.kinds == pytest.approx(100)


def add(workspace, folder, vectors, name="v"):
    np.savez(folder / f"{name}.npz", ids=[f"s{at}" for at in range(len(vectors))], embedding=vectors)
    return add_pool(workspace, name, str(folder / f"{name}.npz"), "vectors")


def asked(workspace, pool):
    roles = Roles.of(workspace, pool)
    return recommend(roles, facts(roles))


def test_many_alike_are_spread_out_and_few_alike_stand_for_many(workspace, tmp_path, rng):
    alike = asked(workspace, add(workspace, tmp_path, crowd(rng, 10, 20), "frames"))
    assert (alike.method, alike.basis) == ("k_center", "rule")
    assert alike.reason.startswith("100% of the samples have a near-duplicate; 200 are worth about 10 different ones")
    apart = asked(workspace, add(workspace, tmp_path, crowd(rng, 200, 1), "photos"))
    assert (apart.method, apart.params) == ("facility_location", {})
    assert (
        apart.reason == "0% of the samples have a near-duplicate, little is redundant: stand for as many as possible."
    )


def test_what_is_set_aside_is_not_looked_at(workspace, tmp_path, rng):
    """The twins of half of the samples are held out: those that may be chosen have none."""
    pool = add(workspace, tmp_path, crowd(rng, 100, 2))
    roles = Roles.of(workspace, pool)
    assert facts(roles).structure.twins == 1
    about = {
        "share": "50%",
        "by": None,
        "near": False,
        "seed": 0,
        "parts": 100,
        "created_utc": "2026",
        "pool": {"n": 200},
    }
    holdout.save(pool, "holdout", pool.ids[::2].tolist(), np.arange(100), about)
    known = facts(roles)
    assert (known.n, known.structure.twins) == (100, 0)


def test_with_patterns_freesel_spreads_by_the_farthest(scene):
    roles = Roles.of(scene.workspace, scene.pool)
    known = facts(roles)
    near = module.Structure(60, 0.5, 20.0, 60)
    only = Roles(roles.pool, {name: roles.features[name] for name in ("embedding", "patterns")}, roles.group)
    found = recommend(only, replace(known, roles=("embedding", "patterns"), structure=near))
    assert (found.method, found.params) == ("freesel", {"sampler": "farthest"})
    several = replace(known, roles=("embedding", "patterns"), objects=4.2)
    assert recommend(only, several).method == "freesel"
    assert recommend(only, replace(known, roles=("patterns",), structure=None)).first
    assert recommend(roles, known).method == "neg_clip_loss"
    assert recommend(roles, replace(known, roles=("loss_trajectory",))).method == "s2l"


def cell(method, budget, difference, verdict, control=False):
    low, high = difference - 0.02, difference + 0.02
    return {
        "method": method,
        "budget": budget,
        "difference": difference,
        "low": low,
        "high": high,
        "verdict": verdict,
        "control": control,
    }


def table(*cells, better="higher"):
    measures = [{"name": "linear", "better": better}]
    methods = {one["method"]: {"params": {}, "use": {}, "target": None} for one in cells}
    for name in methods:
        pairs = [pair.split("=") for pair in name.split(":")[1:]]
        methods[name]["params"] = dict(pairs)
    said = {"budgets": [30, 120], "seeds": 8, "measure": "linear", "measures": measures, "methods": methods}
    return said | {"cells": list(cells)}


def test_evidence_comes_before_the_rule(scene):
    said = table(
        cell("k_center", 30, 0.09, "not shown to differ"),
        cell("facility_location", 30, 0.05, "better"),
        cell("freesel:sampler=farthest", 30, 0.06, "better"),
        cell("random", 30, 0.2, "better", control=True),
        cell("k_center", 120, 0.01, "not shown to differ"),
        cell("facility_location", 120, -0.04, "worse"),
        cell("freesel:sampler=farthest", 120, 0.0, "not shown to differ"),
    )
    found = proven(said, 40)
    assert (found.method, found.params, found.basis) == ("freesel", {"sampler": "farthest"}, "evidence")
    assert "at 30 kept, 8 seeds: linear +0.060 (+0.040 to +0.080) against random." in found.reason
    none = proven(said, 100)
    assert none.method == "random"
    assert "none of k-center greedy, Facility location, FreeSel, sampler=farthest was shown to be better" in none.reason
    roles = Roles.of(scene.workspace, scene.pool)
    assert recommend(roles, facts(roles), said, 100) == none
    del said["methods"]  # an older table
    assert recommend(roles, facts(roles), said, 100).basis == "rule"


def test_where_lower_is_better_and_where_it_was_a_pilot():
    said = table(cell("a", 30, -0.05, "better"), cell("b", 30, -0.09, "better"), better="lower")
    assert proven(said, 30).method == "b"
    assert proven(table(cell("a", 30, 0.5, "pilot")), 30) is None


def test_on_the_command_line(workspace, tmp_path, rng, capsys):
    pool = add(workspace, tmp_path, crowd(rng, 10, 12))
    assert main(["recommend", "v", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["method"], said["basis"], said["facts"]["n"]) == ("k_center", "rule", 120)
    assert said["command"] == "python -m datasel_core select v k_center --budget 10%"
    assert main(["recommend", "v", "--budget", "20%"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "python -m datasel_core select v k_center --budget 20%"
    assert lines[2].startswith("By rule, not measured on this pool; to measure: python -m datasel_core evidence v")
    drawing.draw(workspace, load_pool(workspace, "v"), "20%")
    words = ["evidence", "v", "--methods", "k_center", "--budgets", "10", "--seeds", "8"]
    assert main(words) == 0
    capsys.readouterr()
    assert main(["recommend", "v", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["basis"] == "evidence"
    assert pool.n == 120


def test_a_pool_of_which_nothing_is_known(workspace, tmp_path):
    (tmp_path / "t.jsonl").write_text(
        "".join(json.dumps({"id": f"s{at}", "text": f"t {at}"}) + "\n" for at in range(9))
    )
    found = asked(workspace, add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text"))
    assert (found.method, found.reason) == ("random", "Nothing tells the samples apart yet; random is honest.")
    assert found.first.startswith("Compute one: python -m datasel_core feature compute t ")


def test_a_target_whose_samples_may_be_chosen_is_told(workspace, tmp_path, rng, capsys):
    texts = [f"text {at}" for at in range(30)]
    for name, some in (("t", texts), ("exam", [*texts[:4], "other one", "other two"])):
        lines = [json.dumps({"id": f"{name}{at}", "text": one}) for at, one in enumerate(some)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        pool = add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")
        np.savez(tmp_path / "v.npz", ids=pool.ids.astype(str), embedding=rng.random((len(some), 4), dtype=np.float32))
        import_feature(workspace, pool, "embedding", str(tmp_path / "v.npz"))
    assert main(["select", "t", "tsds", "--target", "exam", "--budget", "5"]) == 0
    told = "4 of the 6 samples of the target exam are in t too, to the letter or byte"
    assert told in capsys.readouterr().err
    assert main(["leaks", "t", "--against", "exam"]) == 1


def test_what_is_recommended_is_what_was_measured(workspace, tmp_path, rng, capsys):
    """Parameters, features and target that the table was made with are in the command, and the command can be given."""
    pool = add(workspace, tmp_path, crowd(rng, 60, 2))
    vectors = rng.standard_normal((pool.n, 32)).astype(np.float32)
    np.savez(tmp_path / "new.npz", ids=pool.ids.astype(str), embedding=vectors)
    old = Roles.of(workspace, pool).features["embedding"].key
    import_feature(workspace, pool, "embedding", str(tmp_path / "new.npz"))
    add(workspace, tmp_path, crowd(rng, 5, 1), "examples")
    drawing.draw(workspace, pool, "20%")
    words = ["evidence", "v", "--methods", "tsds:alpha=0.8", "--budgets", "20", "--seeds", "8", "--set", "max_k=9"]
    assert main([*words, "--use", f"embedding={old}", "--target", "examples", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["methods"]["tsds:alpha=0.8"] == {
        "params": {"max_k": "9", "alpha": "0.8"},
        "use": {"embedding": old},
        "target": "examples",
    }
    for one in made["cells"]:
        one["verdict"] = "better"
    paper.keep(place(workspace, pool, holdout.held_out(pool)), made)
    assert main(["recommend", "v", "--budget", "20"]) == 0
    command = capsys.readouterr().out.splitlines()[1]
    assert command == (
        "python -m datasel_core select v tsds --budget 20 --set max_k=9 --set alpha=0.8 "
        f"--use embedding={old} --target examples"
    )
    assert main(command.split()[3:]) == 0


def test_verdicts_are_of_the_nearest_budget_and_of_the_defaults_where_they_were_compared():
    said = table(
        cell("k_center:metric=euclidean", 30, 0.09, "better"),
        cell("k_center", 30, 0.01, "not shown to differ"),
        cell("freesel:sampler=farthest", 30, 0.06, "better"),
        cell("random", 30, 0.2, "better", control=True),
        cell("k_center", 120, -0.04, "worse"),
    )
    found = verdicts(said, 40)
    assert {name: verdict for name, (verdict, _) in found.items()} == {
        "k_center": "not shown to differ",
        "freesel": "better",
    }
    assert found["freesel"][1] == (
        "FreeSel, sampler=farthest, 30 kept, 8 seeds: linear +0.060 (+0.040 to +0.080) against random."
    )
    assert verdicts(said, 200) == {
        "k_center": ("worse", "k-center greedy, 120 kept, 8 seeds: linear -0.040 (-0.060 to -0.020) against random.")
    }
    assert verdicts({"cells": []}) == {}
