"""The commands about facts, as people and scripts read them."""

import json
import re

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.base.progress import Progress
from datasel_core.evidence.facts import answers
from datasel_core.features.external import keep_imported
from datasel_core.features.facts_training import calibration
from datasel_core.features.stored import kept_features
from tests.evidence.facts.made import TIMES, TINY, N, lines, pruned, with_losses, world


@pytest.fixture
def asked(capsys):
    """Exit code, what is printed, what stands on stderr."""

    def ask(*words):
        code = main([*map(str, words)])
        done = capsys.readouterr()
        return code, done.out, done.err

    return ask


@pytest.fixture
def pool(workspace, tmp_path):
    return world(workspace, tmp_path)


def test_facts_says_what_a_selection_does_to_them(workspace, pool, asked):
    with_losses(workspace, pool)
    run = pruned(workspace, pool)
    code, out, _ = asked("facts", "known", "--run", run.key, "--json")
    found = json.loads(out)
    kept = {line["fact"] for line in lines() if line["id"] in set(run.ids)}
    assert code == 0
    assert (found["facts"], found["samples"], found["dropped"]) == (N, sum(TIMES), N - len(kept))
    assert {one["relation"]: one["kept"] for one in found["lost"]} == {
        name: len({line["fact"] for line in lines() if line["relation"] == name} & kept) for name in ("colour", "place")
    }
    assert (found["told_apart"], found["has_loss"]) == (True, True)
    code, out, _ = asked("facts", "known", "--run", run.folder)
    assert f"{N} facts in {sum(TIMES)} samples; 60% are stated once." in out
    assert f"Kept: {len(kept)} facts in {len(run.ids)} samples" in out
    assert "Loss against how often a fact is stated: Spearman -0." in out
    assert asked("facts", "known")[1].splitlines()[0].startswith(f"{N} facts in")
    assert len(answers.every(workspace, "counts")) == 2  # with and without the selection


def test_facts_keeps_the_bits_that_pruning_goes_by_unless_somebody_brought_some(workspace, pool, asked):
    def kept():
        return [one for one in kept_features(workspace, pool.fingerprint) if one.role == "answer_bits"]

    assert asked("facts", "known")[0] == 0
    [one] = kept()
    code, out, _ = asked("capacity", "known", "--parameters", 40, "--json")
    bits = {line["relation"]: line["plug_in"] for line in json.loads(out)["relations"]}
    assert one.values().tolist() == [bits[relation] for relation in pool.column("relation").tolist()]
    brought = np.full(pool.n, 7, np.float32)
    keep_imported(workspace, pool, "answer_bits", brought, np.arange(pool.n), [], "mine.npz", Progress())
    one.folder.joinpath("meta.json").unlink()
    answers.files(workspace, "counts")[0].unlink()  # so that all is counted anew
    assert asked("facts", "known")[0] == 0
    [one] = kept()
    assert one.values().tolist() == brought.tolist()


def test_a_selection_from_another_pool_is_refused(workspace, pool, tmp_path, asked):
    with_losses(workspace, pool)
    run = pruned(workspace, pool)
    (tmp_path / "other.jsonl").write_text(json.dumps({"question": "Who?", "answer": "Ann"}) + "\n")
    assert asked("pool", "add", "other", tmp_path / "other.jsonl", "--kind", "facts")[0] == 0
    code, _, err = asked("facts", "other", "--run", run.key)
    assert code == 2
    assert "was chosen from known as it was then, not from other as it is now; choose again." in err
    code, _, err = asked("facts", "known", "--answer", "nothing")
    assert code == 2
    assert "The pool known has no column nothing; name another with --answer" in err


def test_sensitivity_says_how_far_choices_agree(workspace, pool, asked):
    code, _, err = asked("sensitivity", "known", "--parameters", 30)
    assert code == 2
    assert "known has no losses yet, so nothing can be pruned by them" in err
    with_losses(workspace, pool)
    code, out, err = asked("sensitivity", "known", "--parameters", 30, "--bits-per-fact", 2, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["capacity_bits"] == 30
    assert [one["steps"] for one in found["warm_ups"]] == [1, 2, 3]
    assert {one["facts"] for one in found["warm_ups"]} == {15}
    assert [one["beta"] for one in found["betas"]] == [0.5, 0.7, 0.85, 1.0, 1.15, 1.5, 2.0]
    assert "Losses of trajectories are means over the tokens of an answer, not their sum." in err
    _, out, _ = asked("sensitivity", "known", "--parameters", 30, "--bits-per-fact", 2)
    assert "warm-up of 3 steps: 15 facts kept, 100% as after the longest; ranks as the longest, Spearman 1.00" in out
    assert "beta 2: 30 facts in" in out


def test_sensitivity_compares_losses_of_answers_after_several_warm_ups(workspace, pool, asked):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    with_losses(workspace, pool)  # trajectories, too

    def warmed(steps):
        how = {**{name: TINY[name] for name in ("layers", "width", "batch", "device")}, "steps": steps}
        words = [word for name, value in how.items() for word in ("--set", f"{name}={value}")]
        assert asked("feature", "compute", "known", "answer_loss", *words)[0] == 0

    words = ("sensitivity", "known", "--parameters", 30, "--bits-per-fact", 2)
    warmed(3)
    assert "Losses of trajectories are means" in asked(*words)[2]
    warmed(12)
    code, out, err = asked(*words, "--json")
    found = json.loads(out)
    assert code == 0
    assert [one["steps"] for one in found["warm_ups"]] == [3, 12]
    assert found["lengths"]["whole_answers"]
    assert found["loss"] == found["lengths"]["features"][-1]
    assert "means over the tokens" not in err
    run = pruned(workspace, pool)
    middle = next(one for one in found["betas"] if one["beta"] == 1)
    said = run.manifest["result"]["facts"]
    assert (middle["facts"], middle["samples"]) == (said["facts"], len(run.ids)), "as pruning does"
    assert middle["highest_loss"] == pytest.approx(said["highest_loss"])


def test_calibrate_measures_once_and_more_seeds_only_add(workspace, asked, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    learned, learn = [], calibration.learn
    monkeypatch.setattr(calibration, "learn", lambda *given: learned.append(1) or learn(*given))
    words = ("calibrate", "--layers", 1, "--width", 8, "--exposures", 1, "--device", "cpu", "--json")
    code, out, _ = asked(*words, "--seeds", 2)
    found = json.loads(out)
    assert code == 0
    assert len(learned) == 6
    assert found["low"] <= found["rho"] <= found["high"] < 4
    assert [round(one["asked"], 1) for one in found["points"]] == [0.5, 1.0, 2.0]
    assert json.loads(asked(*words, "--seeds", 2)[1]) == found
    assert len(learned) == 6
    assert json.loads(asked(*words, "--seeds", 3)[1])["seeds"] == 3
    assert len(learned) == 9
    [kept] = answers.every(workspace, "calibration")
    assert (kept["seeds"], kept["layers"], kept["exposures"]) == (3, 1, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", kept["created_utc"])
    assert "bits a parameter (95 % interval" in asked(*words[:-1], "--seeds", 3)[1]
    code, _, err = asked("calibrate", "--width", 12)
    assert code == 2
    assert "must be a multiple of eight times the heads" in err


def test_memorised_is_said_of_both(workspace, pool, asked):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    with_losses(workspace, pool)
    run = pruned(workspace, pool)
    how = [word for name, value in {**TINY, "n_seeds": 1}.items() for word in ("--set", f"{name}={value}")]
    code, out, _ = asked("memorised", run.key, *how)
    assert code == 0
    assert out.startswith("facts known by heart, beyond guessing: everything ")
    for arm in ("everything", "kept"):
        assert f"questions about what was dropped, {arm} says: right " in out
    assert "so pruning changed, in percentage points: right " in out
    found = json.loads(asked("memorised", run.key, *how, "--json")[1])
    assert found["arms"]["kept"]["trained_on"] == len(run.ids)
    assert found["probe"]["n"] == TINY["n"]
