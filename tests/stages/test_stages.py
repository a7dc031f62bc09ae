"""A run in stages: each sample once, every choice with its record, side by side with a plain run, and after a kill the
same as without one.
"""

import json
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, Failed, Stopped
from datasel_core.features.influence.checkpoint import begun, read_checkpoint
from datasel_core.features.influence.decay import decayed
from datasel_core.features.influence.schedule import Schedule
from datasel_core.features.influence.training import Stage, train_on
from datasel_core.features.language.models import new_model
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.features.language.tokens import read_tokens
from datasel_core.features.language.vocabulary import read_vocabulary
from datasel_core.features.stored import load
from datasel_core.pools.persistence import load_pool
from datasel_core.probes.lm import source_of
from datasel_core.runs import manifest
from datasel_core.runs.reproduction import reproduce
from datasel_core.stages.run import documents
from tests.conftest import ROOT, as_many_threads
from tests.stages.made import N, ids, lines, task, trained, world

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

ARMS = ("staged", "static", "random")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run of two stages under one seed, for all tests that only look at it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("done")
        patch.setenv("DATASEL_WORKSPACE", str(folder / "workspace"))
        patch.setenv("DATASEL_DATA_ROOTS", str(folder))
        from datasel_core.workspace.layout import Workspace

        home = Workspace.at()
        world(home, folder)
        yield home, trained(home)


@pytest.fixture
def roots(done, monkeypatch):
    monkeypatch.setenv("DATASEL_WORKSPACE", str(done[0].path))
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(done[0].path.parent))


def test_no_sample_is_in_two_stages(done):
    home, said = done
    for arm in ARMS:
        runs = list(dict.fromkeys(line["run"] for line in lines(said, arm)))
        kept = [ids(home, run) for run in runs]
        assert [len(one) for one in kept] == [30, 20, 20]
        assert max(Counter(id for one in kept for id in one).values()) == 1


def test_every_choice_has_a_record_with_its_lineage_and_is_made_again_from_it(done, roots):
    home, said = done
    for arm in ("staged", "random"):
        runs = list(dict.fromkeys(line["run"] for line in lines(said, arm)))
        method = ["random", *["mates" if arm == "staged" else "random"] * 2]
        for at, run in enumerate(runs):
            folder = home.run(run)
            assert manifest.problems(folder) == []
            record = manifest.read(folder)
            assert record["method"]["id"] == method[at]
            before = [id for one in runs[:at] for id in ids(home, one)]
            assert sorted(manifest.earlier_ids(folder, record) if at else []) == sorted(before)
            assert reproduce(home, folder)["identical"]
    chosen = manifest.read(home.run(lines(said, "staged")[2]["run"]))
    assert chosen["features"]["influence"]["key"] == lines(said, "staged")[2]["predicted"]
    assert "was not shown to rank" in chosen["result"]["facts"]["note"]


def test_each_stage_probes_the_checkpoint_of_the_stage_before(done):
    home, said = done
    mine = lines(said, "staged")
    folders = []
    for line in mine[1:3]:
        measured = load(home.feature(line["measured"]))
        folders.append(measured.meta["params"]["model"])
        assert load(home.feature(line["predicted"])).meta["params"]["measured"] == measured.key
        assert line["flops"]["probe"] == measured.meta["facts"]["flops"]["probes"]
    trainings = next(home.path.glob("stages/*/trainings"))
    assert folders == [str(trainings / line["training"] / "checkpoint") for line in mine[:2]]
    assert [read_checkpoint(trainings / line["training"] / "checkpoint").step for line in mine[:3]] == [60, 65, 68]


def test_arms_begin_alike_and_what_is_never_measured_again_chooses_by_the_first(done):
    _, said = done
    staged, static, plain = (lines(said, arm) for arm in ARMS)
    assert len({one[0]["training"] for one in (staged, static, plain)}) == 1
    assert staged[1]["training"] == static[1]["training"]
    assert static[1]["predicted"] == static[2]["predicted"] == staged[1]["predicted"] != staged[2]["predicted"]
    assert len({one[2]["training"] for one in (staged, static, plain)}) == 3
    assert [line["steps"] for line in staged] == [line["steps"] for line in plain] == [60, 5, 3, 3]
    assert [line["samples"] for line in plain] == [30, 20, 10, 10]


def test_losses_are_those_of_a_training_written_out(done, roots):
    """The plain run, from its records alone."""
    home, said = done
    mine, pool = lines(said, "random"), load_pool(home, "pool")
    spelling = read_vocabulary(next(home.path.glob("stages/*")))

    def tokens(one, rows):
        return read_tokens(source_of({"turns": one.turns, "n": one.n}), np.sort(rows), spelling, "plain", 32)

    def losses(model):
        judges = {what: load_pool(home, name) for what, name in (("judge", "second"), ("other", "third"))}
        held = {what: tokens(one, np.arange(one.n)) for what, one in judges.items()}
        return {what: per_sample(score(model.eval(), one, 4096).loss, one).mean() for what, one in held.items()}

    kept = [pool.rows(ids(home, line["run"])) for line in mine]
    start = begun(new_model(spelling, 1, 16, 2, 32, 0), spelling, Schedule(3e-3, 6))
    falling = np.random.default_rng(3).permutation(np.sort(kept[2]))[:10]
    now, rows = start, [kept[0], kept[1], np.setdiff1d(kept[2], falling), falling]
    for at, (some, steps) in enumerate(zip(rows, (60, 5, 3, 3), strict=True)):
        train = decayed if at == 3 else train_on
        stage = Stage(steps, 4, min(at, 2))
        now = train(now, tokens(pool, some), stage, home.path.parent / f"own-{at}", "cpu", Progress(), "training")
        found = losses(now.model)
        for what, loss in found.items():
            assert mine[at]["losses"][what] == pytest.approx(loss, abs=1e-5)
        now.model.train()
    assert now.step == mine[-1]["step"] == 71


def test_what_it_costs_is_counted(done):
    home, said = done
    every = lines(said, "staged")
    parameters = sum(
        one.numel()
        for one in new_model(read_vocabulary(next(home.path.glob("stages/*"))), 1, 16, 2, 32, 0).parameters()
    )
    for line in every:
        assert line["parameters"] == parameters
        assert line["flops"]["train"] == 6 * parameters * line["tokens"]
    cost = said["cost"]
    assert cost["staged"]["flops"]["probe"] == sum(line["flops"].get("probe", 0) for line in every) > 0
    assert cost["random"]["flops"]["probe"] == cost["random"]["flops"]["fit"] == 0
    assert cost["static"]["flops"]["probe"] == every[1]["flops"]["probe"]
    assert cost["staged"]["flops"]["predict"] > 0
    assert cost["staged"]["seconds"]["train"] > 0


def test_what_is_known_of_influence_at_each_stage(done):
    home, said = done
    first, second = said["stages"]
    assert (first["stage"], first["drift"], second["stage"]) == (1, None, 2)
    one, other = (np.asarray(load(home.feature(key)).values()) for key in (first["predicted"], second["predicted"]))
    from scipy import stats

    assert second["drift"] == pytest.approx(stats.spearmanr(one, other).statistic)
    assert (first["probes"], first["checked"]) == (24, 2)
    staged, static, plain = ([set(ids(home, line["run"])) for line in lines(said, arm)[1:3]] for arm in ARMS)
    shared = len((staged[0] | staged[1]) & (static[0] | static[1])) / 40
    assert (first["overlap"]["static"], second["overlap"]["static"]) == (1, pytest.approx(shared))
    assert first["overlap"]["random"] == len(staged[0] & plain[0]) / 20


def test_checkpoints_that_nothing_goes_on_from_are_let_go(done):
    home, said = done
    trainings = next(home.path.glob("stages/*/trainings"))
    there = {path.parent.name for path in trainings.glob("*/checkpoint")}
    assert there == {line["training"] for line in lines(said, "staged")[:3]}
    assert said["checkpoint"] == str(trainings / lines(said, "random")[0]["training"] / "checkpoint")
    assert not list(trainings.glob("*/making/step-*"))


def test_the_document_is_on_disk_and_one_seed_is_a_pilot(done):
    home, said = done
    (kept,) = documents(home, "pool")
    assert {name: value for name, value in kept.items() if name != "key"} == json.loads(
        json.dumps({name: value for name, value in said.items() if name != "folder"})
    )
    assert documents(home, "goal") == []
    assert said["finished"]
    assert {(one["arm"], one["judge"]) for one in said["verdicts"]} == {
        (arm, what) for arm in ("staged", "static") for what in ("reference", "judge", "other")
    }
    assert {one["verdict"] for one in said["verdicts"]} == {"pilot"}
    for one in said["verdicts"]:
        ends = [lines(said, arm)[-1]["losses"][one["judge"]] for arm in (one["arm"], "random")]
        assert one["difference"] == pytest.approx(ends[0] - ends[1], abs=1e-6)
    assert [len(said["curves"][arm]) for arm in ARMS] == [4, 4, 4]


_KILLED = """
import os, signal, sys
from datasel_core.base.progress import Progress
from datasel_core.features import chunks
from datasel_core.features.influence import training
from datasel_core.workspace.layout import Workspace
from tests.stages.made import trained

chunks.CHUNK, training._SAFE_EVERY = 3, 0.0
where = []
def report(step):
    where.append(step.standing.name if step.standing else "")
    if (where[-1], step.label, step.done) == (sys.argv[1], sys.argv[2], int(sys.argv[3])):
        os.kill(os.getpid(), signal.SIGKILL)
trained(Workspace.at(), Progress(report=report, every=0))
"""


def test_killed_in_a_training_and_in_probing_it_goes_on_to_the_same_choices_and_losses(done, workspace, tmp_path):
    world(workspace, tmp_path)
    probing = "computing influence probes"
    for where in (
        ("stage 1 of 2", "training, stage 1 of 2, random", "3"),
        ("stage 2 of 2", probing, "14"),
    ):
        ended = subprocess.run([sys.executable, "-c", _KILLED, *where], cwd=ROOT, env=as_many_threads(), check=False)
        assert ended.returncode == -signal.SIGKILL, where
    probed = []
    seen = Progress(report=lambda step: probed.append(step.done) if step.label == probing else None, every=0)
    said = trained(workspace, seen)
    assert min(probed[1:]) == 12  # three are a chunk, and those of the first stage were all there
    for arm in ARMS:
        for mine, straight in zip(lines(said, arm), lines(done[1], arm), strict=True):
            assert ids(workspace, mine["run"]) == ids(done[0], straight["run"])
            assert mine["losses"] == straight["losses"]
            assert mine.get("spearman") == straight.get("spearman")
    assert said["curves"] == done[1]["curves"]
    assert said["verdicts"] == done[1]["verdicts"]


def test_stopped_it_says_so_and_another_seed_is_only_added(done, roots, monkeypatch):
    home, said = done
    labels = []
    seen = Progress(report=lambda step: labels.append(step.label), every=0)
    again = trained(home, seen)
    assert not [one for one in labels if "training" in one or "warming" in one or "probes" in one]
    assert again == said
    stop = Progress(
        report=lambda step: labels.append(step.label), every=0, should_stop=lambda: "warming up, seed 2 of 2" in labels
    )
    with pytest.raises(Stopped):
        trained(home, stop, seeds=2)
    both = trained(home, seeds=2)
    assert both["folder"] == said["folder"]
    assert lines(both, "staged", 0) == lines(said, "staged", 0)
    first, second = (lines(both, "staged", seed) for seed in (0, 1))
    assert ids(home, first[0]["run"]) != ids(home, second[0]["run"])
    assert first[1]["measured"] != second[1]["measured"]
    assert both["curves"]["random"][1]["losses"]["judge"]["mid"] == pytest.approx(
        np.mean([lines(both, "random", seed)[1]["losses"]["judge"] for seed in (0, 1)])
    )
    assert all(one["low"] < one["difference"] < one["high"] for one in both["verdicts"])


def test_in_several_epochs_a_sample_may_be_in_as_many_stages(workspace, tmp_path):
    world(workspace, tmp_path)
    said = trained(workspace, stages=3, share="60", epochs=2, arms="random", decay=0, params={"probe.steps": "20"})
    runs = [line["run"] for line in lines(said, "random")]
    found = Counter(id for run in runs for id in ids(workspace, run))
    assert max(found.values()) == 2
    assert sum(found.values()) == 210 > N
    assert len(lines(said, "random")) == 4
    assert said["verdicts"] == said["benefits"] == said["stages"] == []


def test_by_default_nothing_is_chosen_by_a_prediction_that_may_rank_nothing(workspace, tmp_path):
    world(workspace, tmp_path)
    with pytest.raises(BadInput, match=r"^Stage 1 of 2, staged, seed 0: The predicted influence was not shown to rank"):
        trained(workspace, params={"weak": None})
    assert [path.name for path in (workspace.path / "stages").glob("*/lines/*staged*")] == ["000-staged-000.json"]


def test_a_model_that_knows_too_little_is_not_probed_and_the_option_is_ours(workspace, tmp_path):
    world(workspace, tmp_path)
    words = (
        r"^Stage 1 of 2, staged, seed 0: The model's loss on the reference goal .*\(--set probe.steps=...\) or on more"
    )
    with pytest.raises(Failed, match=words + r" \(--warm-up ...\).$"):
        trained(workspace, params={"probe.steps": "1"})


def test_the_command(done, roots, capsys):
    home, said = done
    asked = task()
    params = [word for name, value in asked.params.items() for word in ("--set", f"{name}={value}")]
    words = ["stages", "pool", "--reference", "goal", "--judge", "second", "--other", "third", "--stages", "2"]
    words += ["--warm-up", "30", "--share", "20", "--probes", "24", *params]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"] == json.loads(json.dumps(said["verdicts"]))
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "stage 2, seed 0: predicted against measured influence, Spearman" in told
    assert "ranks all samples as the stage before" in told
    assert "than the plain run, a pilot of 1 seed, no verdict" in told
    assert "staged does not pay" in told
    assert "staged cost: train " in told
    assert "evidence pool --methods mates,bm25 --budgets 10% --target goal --probe decay --set probe.model=" in told
    assert "--judges second,third" in told


def test_a_given_checkpoint_needs_no_warm_up(done, roots):
    home, said = done
    trainings = next(home.path.glob("stages/*/trainings"))
    folder = str(trainings / lines(said, "random")[0]["training"] / "checkpoint")
    found = perform(
        home, task(warm_up="0", stages=1, arms="random", params={"probe.model": folder}), Progress()
    ).document
    first, second, end = lines(found, "random")
    assert (first["step"], first["tokens"], first["run"], second["step"]) == (60, 0, None, 63)
    assert first["losses"] == pytest.approx(lines(said, "random")[0]["losses"], abs=1e-6)
    assert end["falls"]
