"""The language probe: answers by hand, a world so simple that learning it can be told from not learning it, and what
may be held out.
"""

import json

import numpy as np
import pytest

from datasel_core.actions.import_feature import import_feature
from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest, Stopped
from datasel_core.features.language.answers import _greedy, final_answer, question
from datasel_core.probes.evaluate import run_probe
from datasel_core.probes.lm import LanguageProbe
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.features.test_loss_trajectory import add

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TINY = {
    "vocabulary": 300,
    "layers": 1,
    "width": 32,
    "heads": 2,
    "batch": 8,
    "length": 48,
    "n_seeds": 2,
    "longest": 8,
    "device": "cpu",
}
ANIMALS = ["cat", "dog", "cow", "hen", "ant"]


def test_final_answers():
    assert final_answer("6 + 1 = <<6+1=7>>7\n#### 1,234 ") == "1234"
    assert final_answer("#### 3\n#### 4") == "4"
    assert final_answer(" (B)\n") == "(B)"
    assert final_answer("x" * 61) is None
    assert final_answer("  ") is None
    asked = [Turn("user", "Q"), Turn("assistant", "A"), Turn("user", "R"), Turn("assistant", "B")]
    assert question(asked) == (asked[:3], "B")
    assert question([Turn("text", "T")]) is None
    assert question([Turn("assistant", "A")]) is None


def world(n: int, right: bool = True):
    """What an animal is asked and says; the wrong world answers with another animal."""

    def turns(row: int) -> list[Turn]:
        animal = ANIMALS[row % 5]
        return [
            Turn("user", f"{row % 9} {animal}?"),
            Turn("assistant", animal if right else ANIMALS[(row * 7 + row // 5) % 5]),
        ]

    return {"turns": turns, "n": n, "group": np.array([ANIMALS[row % 5] for row in range(n)])}


def test_right_responses_teach_and_wrong_ones_do_not():
    rows, probe = np.arange(90), LanguageProbe(**TINY, steps=120, rate=5e-3)
    learnt = probe.measure(world(90), rows[:60], rows[60:])
    assert learnt["loss"] < 0.3
    assert learnt["exact_match"] > 0.9
    assert (learnt["trained_on"], learnt["tested_on"], learnt["answered"], learnt["steps"], learnt["n_seeds"]) == (
        60,
        30,
        30,
        120,
        2,
    )
    assert learnt["loss_low"] < learnt["loss"] < learnt["loss_high"]
    assert set(learnt["by_source"]) == set(ANIMALS)
    assert np.mean([one["loss"] for one in learnt["by_source"].values()]) == pytest.approx(learnt["loss"], abs=1e-4)
    assert sum(one["answered"] for one in learnt["by_source"].values()) == 30
    wrong = probe.measure(world(90, right=False), rows[:60], rows[60:], elsewhere=world(90))
    assert wrong["loss"] > learnt["loss"] + 0.5
    assert wrong["exact_match"] < 0.7


def test_the_same_seed_gives_the_same_answer_and_one_seed_has_no_spread():
    rows, one = np.arange(20), LanguageProbe(**TINY | {"n_seeds": 1}, steps=2, answers=0)
    answers = [one.measure(world(20), rows[:10], rows[10:]) for _ in range(2)]
    assert answers[0] == answers[1]
    assert "loss_sd" not in answers[0]
    assert "exact_match" not in answers[0]
    few = LanguageProbe(**TINY | {"n_seeds": 1}, steps=2, answers=3, most=7).measure(world(20), rows[:10], rows[10:])
    assert (few["tested_on"], few["answered"]) == (7, 3)


def test_what_is_held_out_was_never_seen(workspace, tmp_path, monkeypatch):
    def twice(row, line):
        return line | {"prompt": f"{row % 10}.", "response": f"{row % 10}"}

    pool = add(workspace, tmp_path, 30, change=twice)  # every sample stands there three times
    run = select(workspace, Spec(pool="t", method="random", budget="4"))
    add(workspace, tmp_path, 12, "other", change=twice)
    seen = []
    monkeypatch.setattr(LanguageProbe, "measure", lambda self, *asked, **named: seen.append((self, asked, named)) or {})
    run_probe(workspace, run.folder, "lm", Progress(), {"steps": "7"}, "rest")
    run_probe(workspace, run.folder, "lm", Progress(), held_out="other")
    probe, (roles, train, test, _), _ = seen[0]
    assert probe.steps == 7
    said = pool.column("response")
    assert len(train) == 4
    assert not set(said[train]) & set(said[test])
    assert len(test) == 30 - 3 * len(set(said[train]))
    assert roles["n"] == 30
    assert roles["group"][:2].tolist() == ["even", "odd"]
    _, (_, train, test, _), named = seen[1]
    assert set(test) == {row for row in range(12) if str(row % 10) not in set(said[train])}
    assert named["elsewhere"]["n"] == 12


def test_impossible_questions_say_what_would_be_right(workspace, tmp_path):
    pool = add(workspace, tmp_path, 6)
    np.savez(tmp_path / "v.npz", ids=pool.ids.astype(str), embedding=np.eye(6, dtype=np.float32))
    import_feature(workspace, pool, "embedding", str(tmp_path / "v.npz"))
    every = select(workspace, Spec(pool="t", method="random", budget="6")).folder
    with pytest.raises(
        BadRequest, match="Nothing is held out: the whole pool was kept; name another pool with --held-out."
    ):
        run_probe(workspace, every, "lm", Progress(), held_out="rest")
    with pytest.raises(
        BadRequest, match="Every sample of t is among the kept; hold out a pool that was not trained on."
    ):
        run_probe(workspace, every, "lm", Progress(), held_out="t")
    with pytest.raises(
        BadRequest, match="The probe linear tests on the pool's own held-out set; leave out --held-out t."
    ):
        run_probe(workspace, every, "linear", Progress(), held_out="t")
    with pytest.raises(BadParameter, match="lm has no parameter step. Did you mean steps?"):
        run_probe(workspace, every, "lm", Progress(), {"step": "3"})
    with pytest.raises(BadRequest, match="lies outside the allowed folders"):
        run_probe(workspace, every, "lm", Progress(), {"model": "/etc"})
    with pytest.raises(BadRequest, match="A language probe needs at least one sample to train on."):
        LanguageProbe().measure({}, np.arange(0), np.arange(2))
    silent = {"turns": lambda row: [Turn("user", "Q")], "n": 3}
    with pytest.raises(BadRequest, match="Nothing that was kept can be learned: it has no response to learn."):
        LanguageProbe(**TINY).measure(silent, np.arange(2), np.arange(2, 3))
    with pytest.raises(BadRequest, match="Nothing that is held out can be measured: it has no response to learn."):
        LanguageProbe(**TINY).measure(world(3), np.arange(2), np.arange(2), elsewhere=silent)


def test_an_answer_ends_where_the_model_can_read_no_further():
    """GPT-2 has learned a vector for each place, and none for those beyond."""
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=90, n_positions=16, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    ).eval()
    full, short = list(range(60, 75)), list(range(60, 64))
    assert _greedy(model, 0, [full, short], 20, Progress()) == _greedy(model, 0, [full, short], 1, Progress())
    assert len(_greedy(model, 0, [short], 20, Progress())[0]) <= 12


def test_it_reports_and_can_be_stopped():
    steps, rows = [], np.arange(20)
    LanguageProbe(**TINY, steps=3).measure(world(20), rows[:10], rows[10:], Progress(report=steps.append, every=0))
    labels = list(dict.fromkeys(step.label for step in steps))
    assert labels == [
        "reading texts",
        "training, seed 1 of 2",
        "answering, seed 1 of 2",
        "training, seed 2 of 2",
        "answering, seed 2 of 2",
    ]
    for label in ("training, seed 2 of 2", "answering, seed 1 of 2"):
        seen = []
        stops = Progress(
            report=seen.append,
            every=0,
            should_stop=lambda label=label, seen=seen: bool(seen) and seen[-1].label == label,
        )
        with pytest.raises(Stopped):
            LanguageProbe(**TINY, steps=3).measure(world(20), rows[:10], rows[10:], stops)


def test_on_the_command_line(workspace, tmp_path, capsys):
    from datasel_core.__main__ import main

    add(workspace, tmp_path, 12)
    add(workspace, tmp_path, 6, "other", start=100)
    run = select(workspace, Spec(pool="t", method="random", budget="6"))
    sizes = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
    assert (
        main(
            ["evaluate", str(run.folder), "--probe", "lm", "--held-out", "other", "--set", "steps=2", *sizes, "--json"]
        )
        == 0
    )
    found = json.loads(capsys.readouterr().out)["probe"]
    assert (found["id"], found["held_out"], found["steps"], found["tested_on"]) == ("lm", "other", 2, 6)
    assert set(found["by_source"]) == {"even", "odd"}
    assert main(["evaluate", str(run.folder), "--held-out", "other"]) == 2
    assert "--set and --held-out are for a probe; name one with --probe." in capsys.readouterr().err
