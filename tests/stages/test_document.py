"""What is said of a run in stages, from lines written by hand: verdicts, over-fit, what it costs and spares."""

from types import SimpleNamespace

import numpy as np
import pytest

from datasel_core.stages import lines
from datasel_core.stages.benefit import benefits, reached
from datasel_core.stages.document import document
from datasel_core.stages.verdicts import over_fit, sentence
from datasel_core.workspace.arrays import write_arrays

PARAMETERS = 1000


def asked(folder, seeds: int, arms=("staged", "random"), decay: int = 0):
    judges = [
        SimpleNamespace(what=what, name=name, rows=np.arange(30))
        for what, name in (("reference", "goal"), ("judge", "second"), ("other", "third"))
    ]
    return SimpleNamespace(
        folder=folder,
        pool=SimpleNamespace(name="pool"),
        judges=judges,
        reference=judges[0],
        stages=2,
        warm_up=10,
        chosen=10,
        decay=decay,
        epochs=1,
        seeds=seeds,
        arms=arms,
        probe=SimpleNamespace(n_probes=50, model="scratch"),
        notes=("said before",),
    )


def write(folder, seeds, gains, overhead=0):
    """Lines of both arms: after two stages of 100 tokens, staged is lower by so much (what -> nats)."""
    rng = np.random.default_rng(0)
    texts = {what: rng.normal(4, 1, 30) for what in gains}
    for seed in range(seeds):
        chance = {what: rng.normal(0, 0.01, 30) for what in gains}
        for arm in ("staged", "random"):
            for stage in range(3):
                gain = {what: gains[what] * stage / 2 if arm == "staged" else 0 for what in gains}
                losses = {
                    what: texts[what] - 0.5 * stage + chance[what] - gain[what] + rng.normal(0, 0.01) for what in gains
                }
                key = f"{seed}-{arm}-{stage}"
                write_arrays(folder / "trainings" / key / "losses.npz", losses)
                probing = {"probe": overhead, "fit": 0, "predict": 0} if arm == "staged" and stage else {}
                line = {"seed": seed, "arm": arm, "stage": stage, "training": key, "step": 5 * stage, "tokens": 100}
                line |= {"losses": {what: float(one.mean()) for what, one in losses.items()}, "seconds": {"train": 2.0}}
                lines.write(folder, {**line, "flops": {"train": 6 * PARAMETERS * 100, **probing}})


def test_better_where_it_is_and_not_shown_where_it_is_not(tmp_path):
    write(tmp_path, 8, {"reference": 0.1, "judge": 0.1, "other": 0.0})
    said = document(asked(tmp_path, 8))
    words = {one["judge"]: one["verdict"] for one in said["verdicts"]}
    assert words == {"reference": "better", "judge": "better", "other": "not shown to differ"}
    of = {one["judge"]: one for one in said["verdicts"]}
    assert of["judge"]["low"] < of["judge"]["difference"] < of["judge"]["high"] < 0
    assert of["judge"]["difference"] == pytest.approx(-0.1, abs=0.02)
    assert (of["judge"]["seeds"], of["judge"]["texts"]) == (8, 30)
    assert said["over_fit"] == [
        "staged is better than the plain run on the reference goal, and not shown to be on third: over-fit to the "
        "reference."
    ]
    assert said["finished"]
    assert said["notes"] == ["said before"]
    assert sentence(of["judge"]).startswith("staged on the judge second: 0.")
    assert sentence(of["judge"]).endswith("), better")
    assert " higher), not shown to differ" in sentence(of["other"])


def test_worse_is_said_and_a_gain_that_all_share_is_no_over_fit(tmp_path):
    write(tmp_path / "worse", 8, dict.fromkeys(("reference", "judge", "other"), -0.1))
    worse = document(asked(tmp_path / "worse", 8))
    assert {one["verdict"] for one in worse["verdicts"]} == {"worse"}
    assert worse["over_fit"] == []
    write(tmp_path / "better", 8, dict.fromkeys(("reference", "judge", "other"), 0.1))
    assert document(asked(tmp_path / "better", 8))["over_fit"] == [
        "staged is better than the plain run on the reference goal, and on second and third, too."
    ]


def test_fewer_than_eight_seeds_are_a_pilot_and_one_has_no_interval(tmp_path):
    write(tmp_path, 2, {"reference": 0.1, "judge": 0.1, "other": 0.1})
    said = document(asked(tmp_path, 2))
    assert {one["verdict"] for one in said["verdicts"]} == {"pilot"}
    alone = document(asked(tmp_path, 1))["verdicts"][0]
    assert (alone["low"], alone["high"], alone["seeds"]) == (None, None, 1)
    assert sentence(alone).endswith("nats lower than the plain run, a pilot of 1 seed, no verdict")
    assert said["over_fit"] == []


def test_what_is_not_there_yet_is_left_out(tmp_path):
    write(tmp_path, 3, {"reference": 0.1, "judge": 0.1, "other": 0.1})
    (tmp_path / "lines" / "002-staged-002.json").unlink()
    (tmp_path / "lines" / "001-random-001.json").write_text("{")
    said = document(asked(tmp_path, 3))
    assert not said["finished"]
    assert {one["seeds"] for one in said["verdicts"]} == {1}
    assert (len(said["curves"]["staged"]), len(said["curves"]["random"])) == (2, 1)
    nothing = document(asked(tmp_path / "empty", 1))
    assert (nothing["verdicts"], nothing["benefits"], nothing["curves"]) == ([], [], {"staged": [], "random": []})


def test_bands_are_a_standard_error_over_seeds(tmp_path):
    write(tmp_path, 4, {"reference": 0.1, "judge": 0.1, "other": 0.1})
    point = document(asked(tmp_path, 4))["curves"]["staged"][2]
    each = [lines.read(tmp_path, seed, "staged")[2]["losses"]["judge"] for seed in range(4)]
    band = point["losses"]["judge"]
    assert band["mid"] == pytest.approx(np.mean(each))
    assert band["high"] - band["mid"] == pytest.approx(np.std(each, ddof=1) / 2)
    assert (point["tokens"], point["step"], point["flops"]) == (300, 10, 300 * 6 * PARAMETERS)


def test_where_a_curve_comes_down_to_a_loss():
    points = [{"tokens": 10 * at, "losses": {"judge": {"mid": loss}}} for at, loss in enumerate((4.0, 3.0, 2.5))]
    assert [reached(points, "judge", loss) for loss in (3.5, 3.0, 2.75, 2.5)] == [5, 10, 15, 20]
    assert reached(points, "judge", 2.4) is None
    assert reached(points, "judge", 4.5) == 0


def of_curves(staged, verdict, overhead):
    """The answer for an arm with these losses beside a plain run that goes 4, 3, 2 in 100 tokens each."""
    curve = {
        arm: [
            {"tokens": 100 * at, "flops": 600 * PARAMETERS * at, "falls": False, "losses": {"judge": {"mid": loss}}}
            for at, loss in enumerate(losses)
        ]
        for arm, losses in (("staged", staged), ("random", (4.0, 3.0, 2.0)))
    }
    curve["random"][0]["flops"] = 0
    cost = {arm: {"flops": {"train": 0, "probe": overhead, "fit": 0, "predict": 0}} for arm in curve}
    cells = [{"arm": "staged", "judge": "judge", "verdict": verdict}]
    judges = (SimpleNamespace(what="reference"), SimpleNamespace(what="judge"))
    (found,) = benefits(SimpleNamespace(judges=judges), curve, cost, cells)
    return found


def test_what_it_spares_and_from_where_it_pays_is_a_hand_calculation():
    """Down to 2 after 150 of 200 tokens: a quarter is spared, 50 tokens of 6,000 operations each."""
    found = of_curves((4.0, 3.0, 1.0), "better", 240_000)
    assert (found["spared_tokens"], found["spared_flops"], found["net_flops"]) == (50, 300_000, 60_000)
    assert (found["break_even_tokens"], found["pays"]) == (160, True)
    assert found["words"] == "staged pays: it spares 300,000 FLOP for 240,000 FLOP; from 160 tokens on."
    dear = of_curves((4.0, 3.0, 1.0), "better", 900_000)
    assert (dear["pays"], dear["net_flops"], dear["break_even_tokens"]) == (False, -600_000, 600)
    assert "does not pay yet: it spares 300,000 FLOP for 900,000 FLOP, and would from 600 tokens on." in dear["words"]
    unsure = of_curves((4.0, 3.0, 1.0), "not shown to differ", 240_000)
    assert not unsure["pays"]
    assert unsure["words"].startswith(
        "staged does not pay: it was not shown to be better. If what was seen is no chance"
    )
    worse = of_curves((4.0, 3.0, 2.5), "worse", 240_000)
    assert (worse["spared_tokens"], worse["break_even_tokens"], worse["pays"]) == (0, None, False)
    assert worse["words"] == "staged does not pay: it spends 240,000 FLOP on influence and spares nothing."


def test_more_words_for_one_arm_are_said(tmp_path):
    write(tmp_path, 1, {"reference": 0.1, "judge": 0.1, "other": 0.1})
    line = lines.read(tmp_path, 0, "staged")[2]
    lines.write(tmp_path, {**line, "tokens": 130})
    (said,) = document(asked(tmp_path, 1))["notes"][1:]
    assert said == "staged learned 10% more tokens than random: as many samples and steps, but longer texts."


def test_over_fit_needs_a_judge():
    cell = {"arm": "staged", "judge": "reference", "name": "goal", "verdict": "better"}
    assert over_fit([cell]) == []
