"""Training from a checkpoint against a plain loop with torch's AdamW; killed, it goes on to the same bits."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, Failed, Stopped
from datasel_core.features.influence.checkpoint import read_checkpoint, write_checkpoint
from datasel_core.features.influence.schedule import Schedule
from datasel_core.features.influence.training import Stage, clear, train_on
from datasel_core.features.language.batches import training_order
from datasel_core.features.language.loss_log import read_log
from tests.conftest import ROOT, as_many_threads
from tests.features.influence.made import SCHEDULE, fresh, tokens_of, trained, vocabulary, weights
from tests.features.influence.test_checkpoint import same

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


def plainly(checkpoint, tokens, order):
    """Step by step: all logits of each sample apart, textbook loss, torch's AdamW on parameter groups."""
    model, adamw = checkpoint.model.train(), checkpoint.adamw
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1.0, betas=adamw.betas, eps=adamw.eps, weight_decay=adamw.decay
    )
    for step, batch in enumerate(order):
        losses = []
        for at in batch:
            ids = torch.from_numpy(tokens.ids[tokens.offsets[at] : tokens.offsets[at + 1]].astype(np.int64))
            learned = np.flatnonzero(tokens.learned[tokens.offsets[at] : tokens.offsets[at + 1]])
            logits = model(input_ids=ids[None]).logits[0]
            losses.append(torch.nn.functional.cross_entropy(logits[learned - 1], ids[learned], reduction="none"))
        optimizer.zero_grad()
        torch.cat(losses).mean().backward()
        norm = torch.stack([one.grad.norm() for one in model.parameters()]).norm()
        for one in model.parameters():
            one.grad *= min(1.0, 1.0 / float(norm + 1e-6))
        optimizer.param_groups[0]["lr"] = SCHEDULE.rate * min(1.0, (step + 1) / SCHEDULE.warm_up)
        optimizer.step()
    return {name: one.detach() for name, one in model.named_parameters()}


def test_it_is_what_a_plain_loop_does(tmp_path):
    spelling = vocabulary()
    tokens, stage = tokens_of(list(range(40)), spelling), Stage(12, 4, 1)
    order = training_order(tokens.lengths(), 4, 12, 1).reshape(12, 4)
    expected = plainly(fresh(spelling), tokens, order)
    found = train_on(fresh(spelling), tokens, stage, tmp_path, "cpu", Progress(), "training")
    for name, one in found.model.named_parameters():
        torch.testing.assert_close(one.detach(), expected[name], atol=2e-5, rtol=1e-4)
    assert found.step == 12


def test_the_loss_falls_and_every_line_says_so(tmp_path):
    trained(tmp_path, 60)
    lines = read_log(tmp_path / "loss.jsonl")
    assert [line["step"] for line in lines] == list(range(1, 61))
    assert lines[-1]["loss"] < lines[0]["loss"] - 1
    assert [line["rate"] for line in lines[:6]] == pytest.approx([6e-4, 1.2e-3, 1.8e-3, 2.4e-3, 3e-3, 3e-3])
    assert set(lines[-1]) == {"step", "of", "loss", "rate", "seconds", "tokens"}


def test_two_stages_are_as_one_where_samples_and_schedule_are(tmp_path):
    """What a stage leaves on disk is all that the next one needs."""
    spelling = vocabulary()
    tokens = tokens_of(list(range(40)), spelling)
    straight = train_on(fresh(spelling), tokens, Stage(10, 4, 1), tmp_path / "0", "cpu", Progress(), "training")
    then = train_on(straight, tokens, Stage(7, 4, 2), tmp_path / "1", "cpu", Progress(), "training")
    first = train_on(fresh(spelling), tokens, Stage(10, 4, 1), tmp_path / "2", "cpu", Progress(), "training")
    write_checkpoint(first, tmp_path / "kept")
    again = train_on(
        read_checkpoint(tmp_path / "kept"), tokens, Stage(7, 4, 2), tmp_path / "3", "cpu", Progress(), "training"
    )
    assert same(weights(then), weights(again))
    assert again.step == 17


def stopping(at: int) -> Progress:
    seen = []
    return Progress(
        report=seen.append, every=0, should_stop=lambda: bool(seen) and seen[-1].done >= at and seen[-1].total > 0
    )


def test_a_stop_keeps_the_step_in_which_it_came(tmp_path):
    with pytest.raises(Stopped):
        trained(tmp_path / "stopped", 40, stopping(17))
    (place,) = (tmp_path / "stopped").glob("step-*")
    step, seen = int(place.name.removeprefix("step-")), []
    assert 17 <= step < 20
    again = trained(tmp_path / "stopped", 40, Progress(report=seen.append, every=0))
    assert seen[1].done == step
    whole = trained(tmp_path / "whole", 40)
    assert same(weights(again), weights(whole))
    lines = [[(line["step"], line["loss"]) for line in read_log(tmp_path / name / "loss.jsonl")] for name in
             ("stopped", "whole")]  # fmt: skip
    assert lines[0] == lines[1]
    clear(tmp_path / "stopped")
    assert [path.name for path in (tmp_path / "stopped").iterdir()] == ["loss.jsonl"]


_KILLED = """
import os, signal, sys
from pathlib import Path
from datasel_core.base.progress import Progress
from datasel_core.features.influence import training
from tests.features.influence.made import trained

training._SAFE_EVERY = 0.0
def report(step):
    if step.done == 23:
        os.kill(os.getpid(), signal.SIGKILL)
trained(Path(sys.argv[1]), 40, Progress(report=report, every=0))
"""


def test_killed_it_goes_on_to_the_same_bits(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path / "killed")], cwd=ROOT, env=as_many_threads(), check=False
    )
    assert done.returncode == -signal.SIGKILL
    (place,) = (tmp_path / "killed").glob("step-*")
    assert int(place.name.removeprefix("step-")) == 22  # the step of the kill itself is lost, no other
    os.truncate(place / "adamw.safetensors", 100)
    (tmp_path / "killed" / "step-30").mkdir()
    damaged = trained(tmp_path / "killed", 40)  # half a checkpoint is none: from the beginning
    whole = trained(tmp_path / "whole", 40)
    assert same(weights(damaged), weights(whole))
    subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path / "again")], cwd=ROOT, env=as_many_threads(), check=False
    )
    seen = []
    resumed = trained(tmp_path / "again", 40, Progress(report=seen.append, every=0))
    assert seen[1].done == 22
    assert same(weights(resumed), weights(whole))


def test_another_training_in_the_same_folder_is_refused(tmp_path):
    with pytest.raises(Stopped):
        trained(tmp_path, 40, stopping(10))
    with pytest.raises(BadInput, match=r"schedule.json is of another training; remove .* and start again.$"):
        trained(tmp_path, 41)


def test_a_loss_that_is_no_number_ends_it(tmp_path):
    spelling = vocabulary()
    wild = fresh(spelling, Schedule(1e30))
    with pytest.raises(Failed, match=r"^The loss is no number after \d+ steps; take a lower rate \(--set rate=...\).$"):
        train_on(wild, tokens_of([0, 1, 2, 3], spelling), Stage(9, 2, 0), tmp_path, "cpu", Progress(), "training")


def test_dropout_falls_alike_after_a_kill_and_randomness_stays_as_it_was(tmp_path):
    import transformers

    def start(folder, progress, outside):
        spelling = vocabulary()
        config = transformers.GPT2Config(
            vocab_size=spelling.size, n_embd=16, n_layer=1, n_head=2, n_positions=48, resid_pdrop=0.3
        )
        torch.manual_seed(3)
        checkpoint = fresh(spelling)
        checkpoint.model = transformers.GPT2LMHeadModel(config)
        for state in ("first", "second"):
            zeros = {name: torch.zeros_like(one) for name, one in checkpoint.model.named_parameters()}
            setattr(checkpoint, state, zeros)
        tokens = tokens_of(list(range(20)), spelling)
        torch.manual_seed(outside)  # what others drew before must not matter
        return train_on(checkpoint, tokens, Stage(12, 4, 1), folder, "cpu", progress, "training")

    with pytest.raises(Stopped):
        start(tmp_path / "stopped", stopping(5), 1)
    again, whole = start(tmp_path / "stopped", Progress(), 2), start(tmp_path / "whole", Progress(), 4)
    assert same(weights(again), weights(whole))
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    trained(tmp_path / "other", 3)
    assert torch.equal(torch.rand(3), expected)
