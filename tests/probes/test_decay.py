"""The decay probe: a short run from one fixed checkpoint, against a loop written out, and what it refuses."""

import shutil

import numpy as np
import pytest

from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, BadRequest
from datasel_core.evidence import holdout
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.terms import Terms
from datasel_core.features.influence import decay
from datasel_core.features.influence.checkpoint import read_checkpoint, write_checkpoint
from datasel_core.features.language.batches import training_order
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.pools.persistence import load_pool
from datasel_core.probes.decay import DecayProbe
from datasel_core.probes.evaluate import run_probe
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from datasel_core.workspace.hashing import hash_file
from tests.conftest import task_of
from tests.features.influence.made import noise, text, tokens_of, trained
from tests.features.influence.test_influence_probe import add, texts

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

STEPS = 12


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(trained(folder / "making", 60), folder / "mine")
    return folder / "mine"


def probe(folder, **params) -> DecayProbe:
    return DecayProbe(**{"model": str(folder), "steps": STEPS, "batch": 4, "device": "cpu", **params})


ROLES = {"turns": text, "n": 200}
KEPT, HELD = np.arange(100, 116), np.arange(60, 70)


def slow(folder, rows, seed: int) -> np.ndarray:
    """(10,) losses, by torch's own optimiser and a rate that is written out."""
    start = read_checkpoint(folder)
    tokens, model = tokens_of(rows.tolist(), start.vocabulary), start.model.train()
    named = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(named.values(), betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    for name, one in named.items():
        optimizer.state[one] = {
            "step": torch.tensor(60.0),
            "exp_avg": start.first[name].clone(),
            "exp_avg_sq": start.second[name].clone(),
        }
    order = training_order(tokens.lengths(), 4, STEPS, seed).reshape(STEPS, 4)
    for step, at in enumerate(order):
        optimizer.param_groups[0]["lr"] = 3e-3 * (STEPS - step) / STEPS
        losses, n = 0.0, 0
        for one in at:
            ids, learned = (torch.from_numpy(part) for part in tokens.padded([one]))
            logits = model(input_ids=ids).logits[0, :-1][learned[0, 1:]]
            losses = losses + torch.nn.functional.cross_entropy(logits, ids[learned], reduction="sum")
            n += int(learned.sum())
        optimizer.zero_grad()
        (losses / n).backward()
        torch.nn.utils.clip_grad_norm_(named.values(), 1.0)
        optimizer.step()
    held = tokens_of(HELD.tolist(), start.vocabulary)
    return per_sample(score(model.eval(), held, 4096).loss, held)


def test_it_is_what_a_loop_with_a_falling_rate_gives_and_leaves_the_checkpoint_as_it_was(checkpoint):
    before = {path.name: hash_file(path) for path in checkpoint.iterdir()}
    found = probe(checkpoint).each(ROLES, KEPT, HELD)
    np.testing.assert_allclose(found, slow(checkpoint, KEPT, 0), atol=2e-5)
    assert {path.name: hash_file(path) for path in checkpoint.iterdir()} == before
    assert probe(checkpoint).each(ROLES, KEPT, HELD).tolist() == found.tolist()


def test_seeds_differ_in_the_order_of_samples_alone_and_are_averaged(checkpoint):
    each = [probe(checkpoint, seed=seed).each(ROLES, KEPT, HELD) for seed in (3, 4)]
    assert np.abs(each[0] - each[1]).max() > 1e-4
    both = probe(checkpoint, seed=3, n_seeds=2)
    np.testing.assert_allclose(both.each(ROLES, KEPT, HELD), (each[0] + each[1]) / 2, atol=1e-7)
    one = KEPT[:1]  # of one sample there is one order
    alike = [probe(checkpoint, seed=seed).each(ROLES, one, HELD) for seed in (3, 4)]
    assert alike[0].tolist() == alike[1].tolist()


def test_what_is_held_out_helps_and_noise_does_not(checkpoint):
    at = {"turns": lambda row: text(row) if row < 100 else noise(row), "n": 200}
    long = probe(checkpoint, steps=60)
    own, other = (long.each(at, rows, HELD).mean() for rows in (HELD, np.arange(100, 110)))
    plain = long.each(at, np.arange(20, 30), HELD).mean()
    assert own < plain - 0.1 < other - 0.2


def test_several_judges_after_one_training(checkpoint, monkeypatch):
    trainings, real = [], decay.train_on
    monkeypatch.setattr(decay, "train_on", lambda *given: trainings.append(1) or real(*given))
    others = np.arange(80, 87)
    found = probe(checkpoint).judged(ROLES, KEPT, [(ROLES, HELD), ({"turns": text, "n": 100}, others)])
    assert (len(trainings), len(found[0]), len(found[1])) == (1, 10, 7)
    assert found[0].tolist() == probe(checkpoint).each(ROLES, KEPT, HELD).tolist()
    assert found[1] == pytest.approx(probe(checkpoint).each(ROLES, KEPT, others), abs=1e-6)


def test_what_it_says_of_itself(checkpoint):
    start = read_checkpoint(checkpoint)
    found = probe(checkpoint, n_seeds=2).measure(ROLES, KEPT, HELD)
    tokens = tokens_of(KEPT.tolist(), start.vocabulary).lengths()
    seen = int(tokens[training_order(tokens, 4, STEPS, 0)].sum())
    parameters = sum(one.numel() for one in start.model.parameters())
    assert (found["tokens"], found["parameters"], found["flops"]) == (seen, parameters, 2 * 6 * parameters * seen)
    assert (found["trained_on"], found["tested_on"], found["steps"], found["n_seeds"]) == (16, 10, STEPS, 2)
    assert found["loss_low"] <= found["loss"] <= found["loss_high"]
    assert found["loss"] == pytest.approx(probe(checkpoint, n_seeds=2).each(ROLES, KEPT, HELD).mean(), abs=1e-5)
    assert probe(checkpoint, most=3).measure(ROLES, KEPT, HELD)["tested_on"] == 3


def test_another_checkpoint_in_the_same_folder_is_another_question(checkpoint, tmp_path):
    shutil.copytree(checkpoint, tmp_path / "mine")
    before = probe(tmp_path / "mine").what()
    assert before == probe(tmp_path / "mine").what()
    one = read_checkpoint(tmp_path / "mine")
    one.second = {name: value * 2 for name, value in one.second.items()}
    write_checkpoint(one, tmp_path / "mine")
    assert probe(tmp_path / "mine").what() != before


def test_what_will_not_do_is_said_in_one_line(checkpoint, tmp_path):
    def refused(error, words, asked, rows=KEPT, held=HELD):
        with pytest.raises(error, match=words):
            asked.measure(ROLES, rows, held)

    refused(BadParameter, r"^decay goes on from a checkpoint; name its folder \(model=FOLDER\)", DecayProbe())
    missing = probe(tmp_path / "none")
    refused(BadInput, r"^There is no folder .*none; decay goes on from a checkpoint \(model=FOLDER\).$", missing)
    for asked in (DecayProbe(), missing):
        with pytest.raises(BadRequest):
            asked.files()
    refused(BadParameter, "^length is 64; the checkpoint reads 48 tokens at most.$", probe(checkpoint, length=64))
    refused(BadRequest, "^A decay probe needs at least one sample to train on.$", probe(checkpoint), rows=KEPT[:0])
    refused(BadRequest, "^Nothing is held out: the whole pool was kept", probe(checkpoint), held=HELD[:0])
    shutil.copytree(checkpoint, tmp_path / "alone")
    for name in ("schedule.json", "adamw.safetensors"):
        (tmp_path / "alone" / name).unlink()
    alone = "alone is no checkpoint that can be gone on from: it has no schedule.json"
    refused(BadInput, alone, probe(tmp_path / "alone"))


def test_a_selection_and_a_table_of_evidence_with_judges_by_it(workspace, checkpoint, tmp_path):
    pool = add(workspace, tmp_path, "pool", texts(range(40)))
    add(workspace, tmp_path, "goal", texts(range(60, 66)))
    shutil.copytree(checkpoint, tmp_path / "mine")
    params = {"model": str(tmp_path / "mine"), "steps": "2", "batch": "4", "device": "cpu"}
    run = select(workspace, Spec(pool="pool", method="random", budget="8"))
    found = run_probe(workspace, run.folder, "decay", Progress(), params, held_out="goal")
    assert (found["trained_on"], found["tested_on"], found["held_out"]) == (8, 6, "goal")
    holdout.draw(workspace, pool, "10")
    compute_feature(workspace, pool, Terms())
    asked = {"methods": "bm25", "target": "goal", "budgets": "6", "seeds": 2, "probe": "decay", "measures": "none"}
    compute_feature(workspace, load_pool(workspace, "goal"), Terms())
    add(workspace, tmp_path, "third", texts(range(80, 87)))
    of_probe = {f"probe.{name}": value for name, value in params.items()}
    task = task_of("evidence", pool="pool", **asked, judges="third", params=of_probe)
    said = perform(workspace, task, Progress()).document
    assert [one["name"] for one in said["measures"]] == ["decay", "decay on third", "decay on goal"]
    assert {one["verdict"] for one in said["cells"]} == {"pilot"}
    assert all(1 < one["value"] < 6 for one in said["cells"])
