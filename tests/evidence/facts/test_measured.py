"""Bits a parameter over seeds, what is memorised before and after, and what pruning hangs on."""

import numpy as np
import pytest
from scipy import stats

from datasel_core.base.progress import Progress
from datasel_core.errors import MissingFeature
from datasel_core.evidence.facts import calibrations, memory, sensitivities
from datasel_core.features.external import keep_imported
from datasel_core.features.facts_training.calibration import Calibration, Point
from datasel_core.features.roles import Roles
from datasel_core.probes.evaluate import given_to
from datasel_core.probes.facts import FactsProbe
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.evidence.facts.made import TIMES, TINY, lines, losses, pruned, with_losses, world


def seed(stored, parameters=1000):
    points = [Point(10 * (at + 1), 300.0 * (at + 1), bits, 9 + at, 5) for at, bits in enumerate(stored)]
    return Calibration(max(stored) / parameters, 50, parameters, tuple(points))


def test_the_best_amount_is_that_of_the_mean_and_its_interval_that_of_a_t_test():
    """The second seed has its own best elsewhere."""
    found = calibrations.over_seeds([seed([300, 510, 600]), seed([290, 590, 580]), seed([310, 550, 660])])
    values = np.array([600, 580, 660]) / 1000
    between = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found["rho"] == pytest.approx(values.mean())
    assert (found["low"], found["high"]) == pytest.approx((between.low, between.high))
    assert [one["stored"] for one in found["points"]] == pytest.approx([0.3, 0.55, 0.61333], abs=1e-4)
    assert [one["asked"] for one in found["points"]] == pytest.approx([0.3, 0.6, 0.9])
    alone = calibrations.over_seeds([seed([300, 510, 600])])
    assert (alone["low"], alone["high"], alone["rho"]) == (None, None, 0.6)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from datasel_core.workspace.layout import Workspace

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("made")
        patch.setenv("DATASEL_WORKSPACE", str(folder / "workspace"))
        patch.setenv("DATASEL_DATA_ROOTS", str(folder))
        home = Workspace.at()
        pool = world(home, folder)
        with_losses(home, pool)
        run = pruned(home, pool)
        roles, probe = Roles.of(home, pool), FactsProbe(**TINY)
        at = memory.place(home, roles, run, probe)
        said = memory.measured(at, roles, run, probe, Progress())
        yield home, pool, run, roles, probe, at, said


def test_both_are_asked_what_the_probe_asks_and_relations_have_their_names(measured):
    _, pool, run, roles, probe, _, said = measured
    arms = said["arms"]
    kept = set(run.ids)
    facts = {line["fact"] for line in lines() if line["id"] in kept}
    assert arms["everything"]["facts_trained"] == len(TIMES)
    assert arms["everything"]["trained_on"] == pool.n
    assert (arms["kept"]["facts_trained"], arms["kept"]["trained_on"]) == (len(facts), len(kept))
    assert arms["kept"]["asked"]["dropped"] > 0
    assert sum(arms["kept"][f"dropped_{word}"] for word in ("right", "wrong", "other")) == pytest.approx(1, abs=1e-5)
    assert arms["everything"]["steps"] == arms["kept"]["steps"] == TINY["n"]
    there = {line["fact"]: line["relation"] for line in lines()}
    for one in said["relations"]:
        mine = [fact for fact, relation in there.items() if relation == one["relation"]]
        assert one["facts"] == len(mine)
        assert one["kept"] == len(facts.intersection(mine))
        assert 0 <= one["after"] <= one["kept"]
    assert {one["relation"] for one in said["relations"]} == {"colour", "place"}
    lost = [one["after"] - one["before"] for one in said["relations"]]
    assert lost == sorted(lost)
    again = probe.measure(given_to(probe, pool, roles), np.arange(pool.n), np.empty(0, int), Progress())
    assert again["memorised"] == arms["everything"]["memorised"]


def test_what_pruning_changed_is_the_paired_difference_of_both_trainings(measured):
    _, pool, run, roles, _, _, said = measured
    given, every, kept = given_to(FactsProbe(), pool, roles), np.arange(pool.n), pool.rows(run.ids)
    assert said["arms"]["everything"]["asked"]["beside"] == said["arms"]["kept"]["asked"]["dropped"] > 0
    alone = [FactsProbe(**{**TINY, "n_seeds": 1, "seed": seed}) for seed in range(TINY["n_seeds"])]
    before = [probe.measure(given, every, every[:0], beside=kept) for probe in alone]
    after = [probe.measure(given, kept, np.setdiff1d(every, kept)) for probe in alone]
    for name in ("dropped_right", "dropped_wrong", "dropped_other"):
        now, then = ([one[name] for one in found] for found in (before, after))
        assert said["arms"]["everything"][name] == pytest.approx(np.mean(now), abs=1e-6)
        assert said["moved"][name] == pytest.approx(np.mean(then) - np.mean(now), abs=1e-6)
        if len({round(one - other, 6) for one, other in zip(then, now, strict=True)}) > 1:
            paired = stats.ttest_rel(then, now).confidence_interval(0.95)
            ends = said["moved"][f"{name}_low"], said["moved"][f"{name}_high"]
            assert ends == pytest.approx((paired.low, paired.high), abs=1e-5)
    assert len({said["moved"][name] for name in ("dropped_right", "dropped_wrong", "dropped_other")}) > 1
    for one in said["examples"]:
        assert {"row", "answer", "said", "before"} == one.keys()
    assert [one["before"] for one in said["examples"]] == [one["said"] for one in before[0]["examples"]]
    assert memory.points({"a": -0.4, "a_low": -0.421, "a_high": 0.0}, "a") == "-40.0 (-42.1 to +0.0)"
    assert memory.points({"a": 0.034}, "a") == "+3.4"


def test_who_asks_again_is_answered_at_once_and_other_questions_are_other_answers(measured, monkeypatch):
    home, pool, run, roles, probe, at, said = measured
    monkeypatch.setattr(FactsProbe, "measure", None)
    assert memory.measured(at, roles, run, probe, Progress()) == said
    assert memory.place(home, roles, run, FactsProbe(**{**TINY, "n": 31})) != at
    assert memory.place(home, roles, run, FactsProbe(**{**TINY, "device": "auto"})) == at


def test_what_is_drawn_stands_for_all_facts_of_its_relation(measured):
    """Of everything and of the kept alone as many are asked about; they stand for unequal numbers of facts."""
    home, pool, run, roles, _, _, _ = measured
    probe = FactsProbe(**{**TINY, "most": 12})
    said = memory.measured(memory.place(home, roles, run, probe), roles, run, probe, Progress())
    there, kept = {line["fact"]: line["relation"] for line in lines()}, set(run.ids)
    left = {line["fact"] for line in lines() if line["id"] in kept}
    assert said["arms"]["everything"]["asked"]["trained"] == 12 < len(there)
    assert said["relations"]
    for one in said["relations"]:
        mine = {fact for fact, relation in there.items() if relation == one["relation"]}
        assert (one["facts"], one["kept"]) == (len(mine), len(mine & left))
    total = sum(one["before"] for one in said["relations"]) / len(there)
    assert total == pytest.approx(said["arms"]["everything"]["exact_match"], abs=0.25)


def test_bits_of_answers_that_come_later_are_another_question(workspace, tmp_path):
    """`capacity` keeps them as a feature, and what is stored is reckoned from it."""
    pool = world(workspace, tmp_path)
    with_losses(workspace, pool)
    run, probe = pruned(workspace, pool), FactsProbe(**TINY)
    before = memory.place(workspace, Roles.of(workspace, pool), run, probe)
    keep_imported(
        workspace, pool, "answer_bits", np.full(pool.n, 9.0, np.float32), np.arange(pool.n), [], "bits", Progress()
    )
    assert memory.place(workspace, Roles.of(workspace, pool), run, probe) != before


def test_everything_kept_is_everything(measured):
    """The law that both trainings are one where nothing is dropped."""
    home, pool, _, roles, probe, _, said = measured
    run = engine.select(home, Spec(pool=pool.name, method="random", budget="100%"))
    every = memory.measured(memory.place(home, roles, run, probe), roles, run, probe, Progress())
    assert every["arms"]["kept"]["memorised"] == every["arms"]["everything"]["memorised"]
    told = [
        {name: value for name, value in one["arms"]["everything"].items() if not _is_of_dropped(name)}
        for one in (every, said)
    ]
    assert told[0] == told[1]
    assert "dropped_right" not in every["arms"]["kept"] | every["arms"]["everything"]
    assert (every["moved"], every["examples"]) == ({}, [])


def _is_of_dropped(name):
    return name == "asked" or name.startswith("dropped")


def test_lengths_of_the_warm_up_are_checkpoints_and_unknown_rows_are_out(workspace, tmp_path):
    pool = world(workspace, tmp_path)
    with pytest.raises(MissingFeature, match="known has no losses yet, so nothing can be pruned by them"):
        sensitivities.sources(workspace, Roles.of(workspace, pool))
    with_losses(workspace, pool)
    found = sensitivities.sources(workspace, Roles.of(workspace, pool))
    of, loss, rows = sensitivities.losses(found, np.arange(pool.n))
    assert not found.are_whole()
    assert [one.role for one in (*found.lengths, found.by)] == ["loss_trajectory", "loss"]
    assert loss.tolist() == of[3].tolist()
    assert list(of) == [1, 2, 3]  # nobody said at which steps
    assert rows.tolist() == list(range(pool.n - 1))
    assert of[3] == pytest.approx(losses(pool)[:-1, 2])
    fact = np.unique([id.split("-")[0] for id in pool.ids[rows]], return_inverse=True)[1]
    said = sensitivities.measured(of, loss, fact, np.full(len(fact), 2.0), 30.0, True)
    ranks = [one["with_frequency"] for one in said["warm_ups"]]
    mean = np.bincount(fact, weights=of[1]) / np.bincount(fact)
    assert ranks[0] == pytest.approx(stats.spearmanr(np.bincount(fact), mean).statistic)
    assert ranks[2] < -0.8 < ranks[0]
    assert said["warm_ups"][-1]["overlap"] == said["warm_ups"][-1]["spearman"] == 1
    assert said["warm_ups"][0]["facts"] == said["warm_ups"][-1]["facts"] == 15
    middle = next(one for one in said["betas"] if one["beta"] == 1)
    order = np.argsort(of[3], kind="stable")[: middle["samples"]]
    assert middle["highest_loss"] == of[3][order[-1]]  # after the longest warm-up
    assert len(set(fact[order])) == 15
    assert [one["facts"] for one in said["betas"] if one["beta"] in (0.5, 1, 2)] == [7, 15, 30]
    assert (
        sensitivities.measured(of, loss, fact, np.full(len(fact), 2.0), 30.0, False)["warm_ups"][0]["with_frequency"]
        is None
    )


def test_losses_of_whole_answers_come_before_trajectories_as_pruning_has_it(workspace, tmp_path):
    pool = world(workspace, tmp_path)
    with_losses(workspace, pool)
    rows, at_end = np.arange(pool.n), losses(pool)[:, 2]

    def brought(values, steps, file="answers.npz"):
        facts = {"steps": steps} if steps else {}
        return keep_imported(workspace, pool, "answer_loss", values, rows, [], file, Progress(), facts=facts)

    def told():
        found = sensitivities.sources(workspace, Roles.of(workspace, pool))
        return found, *sensitivities.losses(found, rows)

    one = brought(-at_end, 60)
    found, of, loss, known = told()
    assert [one.role for one in found.lengths] == ["loss_trajectory"], "one length alone tells nothing of lengths"
    assert found.by.key == one.key
    assert loss == pytest.approx(-at_end[:-1])
    assert (list(of), len(known)) == ([1, 2, 3], pool.n - 1)
    said = sensitivities.measured(of, loss, np.arange(len(loss)), np.full(len(loss), 2.0), 30.0, False)
    chosen = next(one["highest_loss"] for one in said["betas"] if one["beta"] == 1)
    assert chosen == pytest.approx(np.sort(-at_end[:-1])[14]), "15 facts of 2 bits, by what pruning goes by"
    other, _ = brought(at_end + 1, 60), brought(at_end + 2, 240, "of another model.npz")
    brought(at_end + 3, None)
    brought(at_end + 4, 15)
    last = brought(at_end + 5, 30)
    found, of, loss, known = told()
    assert found.are_whole()
    assert list(of) == [15, 30, 60], "another model's, and those without steps, are no lengths of this warm-up"
    assert [one.key for one in found.lengths[1:]] == [last.key, other.key]
    for steps, values in ((15, at_end + 4), (30, at_end + 5), (60, at_end + 1)):
        assert of[steps] == pytest.approx(values), "the newest of each"
    assert loss == pytest.approx(at_end + 5)
    assert len(known) == pool.n
