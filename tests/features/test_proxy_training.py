"""Training a proxy: what it says and leaves, and that it goes on where it was stopped or killed, to the same values."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import Failed, Stopped
from datasel_core.features.encoders.loss_trajectory import LossTrajectory
from datasel_core.features.language.checkpoints import Checkpoints, is_whole, planned
from datasel_core.features.language.loss_log import LossLog, read_log
from datasel_core.features.language.models import given_model
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.features.language.tokens import read_tokens
from tests.conftest import ROOT
from tests.features.test_language import TINY, source_of, trained

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_planned_checkpoints_are_even_and_end_at_the_end():
    assert planned(100, 4) == (25, 50, 75, 100)
    assert planned(3, 8) == (1, 2, 3)


def test_training_lowers_the_loss_and_says_so_step_by_step(tmp_path, capfd):
    reported = []
    _, source, fitted = trained(tmp_path, epochs=20, progress=Progress(report=reported.append, every=0))
    lines = read_log(tmp_path / "proxy" / "loss.jsonl")
    assert [set(line) for line in lines] == [{"step", "of", "loss", "rate", "seconds", "tokens"}] * len(lines)
    assert lines[-1]["step"] == lines[-1]["of"] == 200
    assert fitted["steps"].tolist() == [50, 100, 150, 200]
    assert lines[-1]["loss"] < lines[0]["loss"] - 2
    assert lines[-1]["tokens"] == 20 * LossTrajectory(**TINY).describe(source)["tokens"]
    assert max(line["rate"] for line in lines) == pytest.approx(1e-3, rel=0.01)
    steps = [step.done for step in reported if step.label == "training the proxy model"]
    assert (steps[0], steps[-1], sorted(steps) == steps) == (0, 200, True)
    assert capfd.readouterr().out == ""  # a command line answers in JSON there


def test_training_leaves_randomness_as_it_was(tmp_path):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    trained(tmp_path, n=8, epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_a_stop_comes_out_and_half_a_checkpoint_is_thrown_away(tmp_path, monkeypatch):
    whole = trained(tmp_path / "whole", epochs=4)
    expected = [(line["step"], line["loss"]) for line in read_log(tmp_path / "whole" / "proxy" / "loss.jsonl")]

    def until(step):
        seen = iter(range(10**6))
        return Progress(should_stop=lambda: next(seen) > step, every=0)

    place = tmp_path / "stopped" / "proxy"
    with pytest.raises(Stopped):
        trained(
            tmp_path / "stopped", epochs=4, progress=until(44 + 25)
        )  # 44 times while texts and tokens are read, then once a step
    kept = Checkpoints(place, tuple(whole[2]["steps"].tolist()))
    there = kept.usable()
    assert 0 < len(there) < 4
    os.truncate(kept.path(there[-1]) / "optimizer.pt", 100)  # a disk that was full, a plug that was pulled
    assert not is_whole(kept.path(there[-1]))
    (kept.path(999)).mkdir()
    trained(tmp_path / "stopped", epochs=4)
    assert kept.usable() == (10, 20, 30, 40)
    assert not kept.path(999).exists()
    assert not (kept.path(10) / "optimizer.pt").exists()
    assert [(line["step"], line["loss"]) for line in read_log(place / "loss.jsonl")] == expected


def stopped_at(step, folder):
    """Trains for four epochs, and is stopped when so many steps are done."""
    seen = []
    stops = Progress(
        report=seen.append,
        every=0,
        should_stop=lambda: bool(seen) and seen[-1].done >= step and seen[-1].label.startswith("training"),
    )
    with pytest.raises(Stopped):
        trained(folder, epochs=4, progress=stops)


def test_between_checkpoints_that_are_far_apart_one_is_left_to_go_on_from(tmp_path, monkeypatch):
    monkeypatch.setattr("datasel_core.features.language.training._SAFE_EVERY", 0.0)
    stopped_at(27, tmp_path / "stopped")
    monkeypatch.undo()
    place, seen = tmp_path / "stopped" / "proxy", []
    there = sorted(int(path.name.removeprefix("checkpoint-")) for path in place.glob("checkpoint-*"))
    assert there[:2] == [10, 20]
    assert len(there) == 3  # those that were due, and the last
    again = trained(tmp_path / "stopped", epochs=4, progress=Progress(report=seen.append, every=0))
    assert [step.done for step in seen if step.label.startswith("training")][1] == there[-1]
    assert sorted(path.name for path in place.glob("checkpoint-*")) == [
        "checkpoint-10",
        "checkpoint-20",
        "checkpoint-30",
        "checkpoint-40",
    ]
    whole = trained(tmp_path / "whole", epochs=4)
    one, other = (next(feature.blocks(source, np.arange(40), fitted)) for feature, source, fitted in (whole, again))
    np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_a_stop_keeps_the_step_in_which_it_came(tmp_path):
    stopped_at(27, tmp_path / "stopped")
    place, seen = tmp_path / "stopped" / "proxy", []
    assert is_whole(place / "checkpoint-28")  # not only 10 and 20, which were due
    again = trained(tmp_path / "stopped", epochs=4, progress=Progress(report=seen.append, every=0))
    assert [step.done for step in seen if step.label.startswith("training")][1] == 28
    assert not (place / "checkpoint-28").exists()
    whole = trained(tmp_path / "whole", epochs=4)
    one, other = (next(feature.blocks(source, np.arange(40), fitted)) for feature, source, fitted in (whole, again))
    np.testing.assert_allclose(one.values, other.values, atol=1e-5)


_INSISTED = """
import contextlib, signal, sys
from pathlib import Path
from datasel_core.errors import Stopped
from tests.features.test_language import trained

def insist(*_):
    raise Stopped("Stopped; what was finished is kept.")

folder = Path(sys.argv[1])
trained(folder / "first", epochs=1)  # which imports what takes long
signal.signal(signal.SIGALRM, insist)
for seconds in (0.02, 0.1, 0.25, 0.4):
    with contextlib.suppress(Stopped):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        trained(folder / "stopped", epochs=8)
        print("was not stopped")
    signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_stopped_in_the_midst_of_a_step_it_goes_on(tmp_path):
    """As a worker does when a loop of another library does not ask whether to stop; in a process of its own, for locks
    may stay behind.
    """
    ran = subprocess.run(
        [sys.executable, "-c", _INSISTED, str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert ran.stdout.count("was not stopped") < 4
    whole, again = trained(tmp_path / "whole", epochs=8), trained(tmp_path / "stopped", epochs=8)
    one, other = (next(feature.blocks(source, np.arange(40), fitted)) for feature, source, fitted in (whole, again))
    np.testing.assert_allclose(one.values, other.values, atol=1e-5)


_KILLED = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.features.test_language import trained
trained(Path(sys.argv[1]), n=60, epochs=16, n_checkpoints=6)
"""


def test_killed_in_the_midst_it_goes_on_to_the_same_values(tmp_path):
    threads = torch.get_num_threads()
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path / "killed")], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 900
    while (
        time.monotonic() < end
        and process.poll() is None
        and not is_whole(tmp_path / "killed" / "proxy" / "checkpoint-80")
    ):
        time.sleep(0.01)
    assert process.poll() is None, "it was done before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    try:
        torch.set_num_threads(1)
        went_on = trained(tmp_path / "killed", n=60, epochs=16, n_checkpoints=6)
        straight = trained(tmp_path / "straight", n=60, epochs=16, n_checkpoints=6)
        one, other = (
            next(feature.blocks(source, np.arange(60), fitted)) for feature, source, fitted in (went_on, straight)
        )
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(one.values, other.values)
    lines = [
        [(line["step"], line["loss"], line["tokens"]) for line in read_log(tmp_path / name / "proxy" / "loss.jsonl")]
        for name in ("killed", "straight")
    ]
    assert lines[0] == lines[1]


def test_what_is_left_is_a_model_that_can_be_given(tmp_path):
    feature, source, fitted = trained(tmp_path, epochs=2)
    last = list(feature.blocks(source, np.arange(40), fitted))[-1]
    feature.tidy(tmp_path, fitted)
    feature.tidy(tmp_path, fitted)  # a kill may come between the values and this
    assert sorted(path.name for path in (tmp_path / "proxy").iterdir()) == ["about.json", "loss.jsonl", "model"]
    again, vocabulary = given_model(str(tmp_path / "proxy" / "model"), 64)
    tokens = read_tokens(source, np.arange(40), vocabulary, "plain", 64)
    np.testing.assert_allclose(per_sample(score(again.eval(), tokens, 512).loss, tokens), last.values[:, -1], atol=1e-5)


def test_killed_between_two_files_of_the_model_that_is_left(tmp_path):
    kept, model = Checkpoints(tmp_path, (1,)), tmp_path / "model"
    kept.path(1).mkdir()
    for name in ("config.json", "model.safetensors"):
        (kept.path(1) / name).write_text(name)
    kept.seal(1)
    model.mkdir()
    (kept.path(1) / "config.json").replace(model / "config.json")
    kept.finish(model)
    assert sorted(path.name for path in model.iterdir()) == ["config.json", "model.safetensors"]
    assert not kept.path(1).exists()


@pytest.mark.parametrize(
    ("where", "raised"),
    [("torch.save", RuntimeError("PytorchStreamWriter failed")), ("builtins.open", OSError(28, "No space left"))],
)
def test_a_disk_that_fills_up_is_said_in_one_line_and_it_goes_on(tmp_path, monkeypatch, where, raised):
    opened = open

    def full(path, *how, **more):
        if where == "torch.save" or (str(path).endswith("loss.jsonl") and "a" in how):
            raise raised
        return opened(path, *how, **more)

    with monkeypatch.context() as patch:
        patch.setattr(where, full)
        with pytest.raises(
            Failed,
            match=(
                r"A checkpoint could not be written to .*proxy: Pytorch.* Free some space|The disk is full: "
                r".*loss.jsonl"
            ),
        ):
            trained(tmp_path, n=8, epochs=4)
    trained(tmp_path, n=8, epochs=4)


def test_a_checkpoint_that_is_gone_is_said(tmp_path):
    feature, source, fitted = trained(tmp_path, n=8, epochs=4)
    shutil.rmtree(tmp_path / "proxy" / f"checkpoint-{fitted['steps'][1]}")
    with pytest.raises(
        Failed, match="A checkpoint in .*proxy is gone or damaged; remove .* and compute the feature again."
    ):
        list(feature.blocks(source, np.arange(8), fitted))


def test_a_pool_without_responses_fails_in_one_line(tmp_path):
    source = source_of(3, tmp_path, lambda row: [Turn("user", "Q")])
    with pytest.raises(
        Failed, match=r"No sample can be learned, from the first \(0\) on: it has no response to learn."
    ):
        LossTrajectory(**TINY).fit(source, Progress())


def test_the_loss_log_goes_on_after_a_step(tmp_path):
    path = tmp_path / "loss.jsonl"
    log = LossLog(path, 0)
    for step in (1, 2, 3):
        log.add({"step": step, "seconds": float(step)})
    with open(path, "a") as file:
        file.write('{"step": 4, "sec')
    assert [line["step"] for line in read_log(path)] == [1, 2, 3]
    again = LossLog(path, 2)
    assert again.seconds == 2
    again.add({"step": 3, "seconds": 9.0})
    assert [line["seconds"] for line in read_log(path)] == [1.0, 2.0, 9.0]
