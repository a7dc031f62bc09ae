"""Proxy language models: text to tokens and masks by hand, models from folders and every refusal, training that goes on where it was killed."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from datasel_core.errors import BadInput, BadParameter, Failed, Stopped
from datasel_core.features._feature import Source, Unreadable
from datasel_core.features._language import models
from datasel_core.features._language.batches import scoring_batches, training_order
from datasel_core.features._language.checkpoints import Checkpoints, is_whole, planned
from datasel_core.features._language.losslog import LossLog, read_log
from datasel_core.features._language.models import given_model, hashes, new_model, read_model
from datasel_core.features._language.tokens import pieces, read_tokens
from datasel_core.features._language.vocabulary import read_vocabulary, train_vocabulary
from datasel_core.features.loss_trajectory import LossTrajectory
from datasel_core.progress import Progress
from datasel_core.turns import Turn
from tests.conftest import ROOT

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TINY = {"vocabulary": 300, "layers": 2, "width": 16, "heads": 2, "batch": 4, "length": 64, "device": "cpu"}


def sums(row: int) -> list[Turn]:
    return [Turn("user", f"How much is {row % 7} + {row % 5}?"), Turn("assistant", f"It is {row % 7 + row % 5}." + " Yes." * (row % 4))]


def source_of(n: int, folder=None, turns=sums) -> Source:
    return Source(n, turns=turns, folder=folder)


@pytest.fixture(scope="module")
def vocabulary():
    return train_vocabulary([turn.text for row in range(40) for turn in sums(row)], 300)


@pytest.fixture
def folder(tmp_path, vocabulary):
    """A tiny model with its tokenizer, as somebody else's folder."""
    place = tmp_path / "mine"
    new_model(vocabulary, 2, 16, 2, 64, seed=5).save_pretrained(place)
    vocabulary.save(place)
    return place


def tokens_of(turns, vocabulary, template="plain", length=64):
    return read_tokens(source_of(1, turns=lambda row: turns), np.arange(1), vocabulary, template, length)


def shown(tokens, vocabulary):
    """The text of what is learned in brackets; | is the end of the text."""
    words = ["|" if id == vocabulary.end else vocabulary.tokenizer.decode([id]) for id in tokens.ids]
    return "".join(f"[{word}]" if learned else word for word, learned in zip(words, tokens.learned, strict=True)).replace("][", "")


def test_the_same_texts_give_the_same_vocabulary_and_any_text_can_be_spelt(vocabulary):
    again = train_vocabulary([turn.text for row in range(40) for turn in sums(row)], 300)
    assert again.tokenizer.to_str() == vocabulary.tokenizer.to_str()
    assert vocabulary.size <= 300
    for text in ("It is 4.", "Ünïcode 猫\n\ttabs", "<|endoftext|>", "", "a \ud83d half"):
        (ids,) = vocabulary.spell([text])
        assert vocabulary.end not in ids  # what a text says of itself is text
        assert vocabulary.text(ids) == text.replace("\ud83d", "?")


def test_prompts_are_read_and_responses_and_their_end_are_learned(vocabulary):
    asked = [Turn("user", "How much?"), Turn("assistant", "It is 4.")]
    assert shown(tokens_of(asked, vocabulary), vocabulary) == "How much?\n[It is 4.|]"
    talk = [Turn("system", "Be brief."), *asked, Turn("user", "Sure?"), Turn("assistant", "Yes.")]
    assert shown(tokens_of(talk, vocabulary), vocabulary) == "Be brief.\nHow much?\n[It is 4.|]Sure?\n[Yes.|]"
    text = [Turn("text", "It is 4.")]
    first, *rest = "It is 4."
    assert shown(tokens_of(text, vocabulary), vocabulary) in (f"{first}[{''.join(rest)}|]", "It[ is 4.|]")  # nothing predicts the first token


def test_the_headings_of_alpaca():
    head = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    one = [Turn("user", "Q"), Turn("assistant", "A")]
    assert pieces(one, "alpaca") == [(f"{head}### Instruction:\nQ\n\n### Response:\n", False), ("A", True)]
    two = [Turn("system", "S"), *one, Turn("user", "R"), Turn("assistant", "B")]
    assert [text for text, _ in pieces(two, "alpaca")] == [
        "S\n\n### Instruction:\nQ\n\n### Response:\n", "A", "\n\n### Instruction:\nR\n\n### Response:\n", "B",
    ]  # fmt: skip
    assert pieces([Turn("text", "T")], "alpaca") == [("T", True)]


def test_what_does_not_fit_is_cut_on_the_right_and_what_cannot_be_learned_is_listed(vocabulary):
    whole = tokens_of(sums(3), vocabulary)
    length = len(whole.ids) - 2
    cut = tokens_of(sums(3), vocabulary, length=length)
    assert (whole.cut, cut.cut) == (0, 1)
    assert cut.ids.tolist() == whole.ids[:length].tolist()
    prompt = int((~whole.learned).sum())
    assert tokens_of(sums(3), vocabulary, length=prompt).unreadable == ((0, f"the prompt alone has {prompt} tokens; the limit is {prompt}"),)
    assert tokens_of(sums(3), vocabulary, length=prompt + 1).unreadable == ()
    assert tokens_of([Turn("user", "Q"), Turn("assistant", " ")], vocabulary).unreadable == ((0, "it has no response to learn"),)
    assert tokens_of([Turn("user", "Q")], vocabulary).unreadable == ((0, "it has no response to learn"),)

    def broken(row):
        raise Unreadable("line 3 is no JSON")

    assert read_tokens(source_of(1, turns=broken), np.arange(1), vocabulary, "plain", 64).unreadable == ((0, "line 3 is no JSON"),)


def test_a_sample_of_five_megabytes_costs_nothing(vocabulary):
    began = time.perf_counter()
    long = tokens_of([Turn("user", "Q"), Turn("assistant", "word " * 1_000_000)], vocabulary)
    assert len(long.ids) == 64
    assert long.cut == 1
    assert tokens_of([Turn("user", "x" * 5_000_000), Turn("assistant", "A")], vocabulary).unreadable[0][1].startswith("the prompt alone has more than ")
    assert time.perf_counter() - began < 2


def test_batches_hold_every_sample_once_and_little_padding(rng):
    lengths = rng.integers(5, 500, 1000)
    order = training_order(lengths, 16, 125, seed=3)
    assert len(order) == 2000
    assert np.bincount(order, minlength=1000).tolist() == [2] * 1000
    np.testing.assert_array_equal(order, training_order(lengths, 16, 125, seed=3))
    assert not np.array_equal(order, training_order(lengths, 16, 125, seed=4))
    padded = lengths[order].reshape(-1, 16).max(axis=1) * 16
    assert padded.sum() < 1.1 * lengths[order].sum()
    parts = list(scoring_batches(lengths, 2048))
    assert sorted(np.concatenate(parts).tolist()) == list(range(1000))
    assert max(lengths[part].max() * len(part) for part in parts) <= 2048
    assert [len(part) for part in scoring_batches(np.array([9, 9]), 4)] == [1, 1]


def test_planned_checkpoints_are_even_and_end_at_the_end():
    assert planned(100, 4) == (25, 50, 75, 100)
    assert planned(3, 8) == (1, 2, 3)


def test_a_folder_with_a_model(folder, vocabulary):
    model, found = given_model(str(folder), 64)
    assert (found.end, found.start, found.size) == (vocabulary.end, (), vocabulary.size)
    for mine, theirs in zip(model.parameters(), new_model(vocabulary, 2, 16, 2, 64, seed=5).parameters(), strict=True):
        assert torch.equal(mine, theirs)
    before = hashes(str(folder))
    assert before == LossTrajectory(model=str(folder)).depends()
    assert LossTrajectory(model=str(folder)).files() == (str(folder),)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-3}))
    assert hashes(str(folder)) != before
    assert hashes("scratch") == {}


def test_a_tokenizer_that_begins_every_text_keeps_its_beginning(folder, vocabulary):
    from tokenizers import Tokenizer, processors

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["<s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    tokenizer.enable_truncation(3)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": tokenizer.token_to_id("<s>"), "eos_token_id": [vocabulary.end, 7]}))
    found = read_vocabulary(folder)
    assert (found.start, found.end) == ((tokenizer.token_to_id("<s>"),), vocabulary.end)
    tokens = tokens_of(sums(1), found)
    assert tokens.ids[0] == found.start[0]
    assert len(tokens.ids) > 3
    assert not tokens.learned[0]


def test_folders_that_will_not_do_say_what_would(folder, tmp_path):
    def refused(match, kind=BadInput, length=64):
        with pytest.raises(kind, match=match) as caught:
            given_model(str(folder), length)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400

    refused("length is 65; .*mine reads 64 tokens at most.", BadParameter, 65)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    refused("The weights in .*mine cannot be read: ")
    (folder / "model.safetensors").unlink()
    refused("mine has no weights; save the model as safetensors: model.safetensors.")
    (folder / "pytorch_model.bin").write_bytes(b"anything")
    refused("mine has only pytorch_model.bin, and loading it could run code; save the model as safetensors: model.safetensors.")
    with pytest.raises(BadInput, match="has only pytorch_model.bin"):
        LossTrajectory(model=str(folder)).depends()
    (folder / "model.safetensors").write_bytes(weights)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))
    refused("The weights in .*mine do not fit its config.json: gpt_neox.layers.2.* is missing, and 11 more.")
    (folder / "config.json").write_text(config.replace('"gpt_neox"', '"nobodys_model"'))
    refused("mine holds no causal language model that transformers knows: ")
    (folder / "config.json").write_text("{}")
    refused("config.json describes no language model: it has no model_type.")
    (folder / "config.json").write_text(config)
    said = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(said[:100])
    refused("tokenizer.json cannot be read as a tokenizer: ")
    (folder / "tokenizer.json").unlink()
    refused("mine has no tokenizer.json; save the model's fast tokenizer beside it.")
    (folder / "config.json").unlink()
    refused("The folder .*mine holds no language model; it needs config.json, model.safetensors and tokenizer.json.")


def test_a_vocabulary_larger_than_the_model_is_refused(folder):
    train_vocabulary([" ".join(f"word{at} other{at}" for at in range(99))] * 3, 400).save(folder)
    with pytest.raises(BadInput, match=r"tokenizer.json in .*mine has \d+ tokens, but the model knows \d+; they do not belong together."):
        given_model(str(folder), 64)


def test_code_that_came_with_a_model_does_not_run(folder, capsys):
    config = json.loads((folder / "config.json").read_text())
    del config["architectures"]
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("print('this code ran')\nraise SystemExit(3)\n")
    with pytest.raises(BadInput, match="holds no causal language model that transformers knows"):
        given_model(str(folder), 64)
    assert "this code ran" not in capsys.readouterr().out


def test_without_a_network_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setattr(models, "hub_in_reach", lambda *asked: False)
    with pytest.raises(Failed) as caught:
        given_model("EleutherAI/pythia-70m", 64)
    assert str(caught.value) == (
        "The model EleutherAI/pythia-70m could not be downloaded: no network reaches the hub. "
        "Get it on a machine with a network and give its folder: model=PATH."
    )


def test_sizes_that_do_not_fit_together_are_refused(vocabulary):
    with pytest.raises(BadParameter, match=r"width is 20; it must be a multiple of eight times the heads \(16\)."):
        new_model(vocabulary, 1, 20, 2, 64, 0)


def trained(folder, n=40, progress=None, **asked):
    feature = LossTrajectory(**{**TINY, "n_checkpoints": 4, **asked})
    source = source_of(n, folder)
    return feature, source, feature.fit(source, progress or Progress())


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
        trained(tmp_path / "stopped", epochs=4, progress=until(44 + 25))  # 44 times while texts and tokens are read, then once a step
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


def test_between_checkpoints_that_are_far_apart_one_is_left_to_go_on_from(tmp_path, monkeypatch):
    monkeypatch.setattr("datasel_core.features._language.training._SAFE_EVERY", 0.0)
    seen = []
    stops = Progress(report=seen.append, every=0, should_stop=lambda: bool(seen) and seen[-1].done >= 27 and seen[-1].label.startswith("training"))
    with pytest.raises(Stopped):
        trained(tmp_path / "stopped", epochs=4, progress=stops)
    monkeypatch.undo()
    place, seen = tmp_path / "stopped" / "proxy", []
    there = sorted(int(path.name.removeprefix("checkpoint-")) for path in place.glob("checkpoint-*"))
    assert there[:2] == [10, 20]
    assert len(there) == 3  # those that were due, and the last
    again = trained(tmp_path / "stopped", epochs=4, progress=Progress(report=seen.append, every=0))
    assert [step.done for step in seen if step.label.startswith("training")][1] == there[-1]
    assert sorted(path.name for path in place.glob("checkpoint-*")) == ["checkpoint-10", "checkpoint-20", "checkpoint-30", "checkpoint-40"]
    whole = trained(tmp_path / "whole", epochs=4)
    one, other = (next(feature.blocks(source, np.arange(40), fitted)) for feature, source, fitted in (whole, again))
    np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_stopped_in_the_midst_of_a_step_it_goes_on(tmp_path):
    """As a worker does when a loop of another library does not ask whether to stop."""
    whole = trained(tmp_path / "whole", epochs=8)

    def insist(*_: object) -> None:
        raise Stopped("Stopped; what was finished is kept.")

    before = signal.signal(signal.SIGALRM, insist)
    try:
        for seconds in (0.02, 0.1, 0.25, 0.4):
            signal.setitimer(signal.ITIMER_REAL, seconds)
            with contextlib.suppress(Stopped):
                trained(tmp_path / "stopped", epochs=8)
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    again = trained(tmp_path / "stopped", epochs=8)
    one, other = (next(feature.blocks(source, np.arange(40), fitted)) for feature, source, fitted in (whole, again))
    np.testing.assert_allclose(one.values, other.values, atol=1e-5)


_KILLED = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.test_language import trained
trained(Path(sys.argv[1]), n=60, epochs=16, n_checkpoints=6)
"""


def test_killed_in_the_midst_it_goes_on_to_the_same_values(tmp_path):
    threads = torch.get_num_threads()
    process = subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path / "killed")], cwd=ROOT, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None and not is_whole(tmp_path / "killed" / "proxy" / "checkpoint-80"):
        time.sleep(0.01)
    assert process.poll() is None, "it was done before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    try:
        torch.set_num_threads(1)
        went_on = trained(tmp_path / "killed", n=60, epochs=16, n_checkpoints=6)
        straight = trained(tmp_path / "straight", n=60, epochs=16, n_checkpoints=6)
        one, other = (next(feature.blocks(source, np.arange(60), fitted)) for feature, source, fitted in (went_on, straight))
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(one.values, other.values)
    lines = [[(line["step"], line["loss"], line["tokens"]) for line in read_log(tmp_path / name / "proxy" / "loss.jsonl")] for name in ("killed", "straight")]
    assert lines[0] == lines[1]


def test_what_is_left_is_a_model_that_can_be_given(tmp_path):
    feature, source, fitted = trained(tmp_path, epochs=2)
    last = list(feature.blocks(source, np.arange(40), fitted))[-1]
    feature.tidy(tmp_path, fitted)
    feature.tidy(tmp_path, fitted)  # a kill may come between the values and this
    assert sorted(path.name for path in (tmp_path / "proxy").iterdir()) == ["about.json", "loss.jsonl", "model"]
    again, vocabulary = given_model(str(tmp_path / "proxy" / "model"), 64)
    from datasel_core.features._language.scoring import per_sample, score

    tokens = read_tokens(source, np.arange(40), vocabulary, "plain", 64)
    np.testing.assert_allclose(per_sample(score(again.eval(), tokens, 512).loss, tokens), last.values[:, -1], atol=1e-5)


def test_a_checkpoint_that_is_gone_is_said(tmp_path):
    feature, source, fitted = trained(tmp_path, n=8, epochs=4)
    shutil.rmtree(tmp_path / "proxy" / f"checkpoint-{fitted['steps'][1]}")
    with pytest.raises(Failed, match="A checkpoint in .*proxy is gone or damaged; remove .* and compute the feature again."):
        list(feature.blocks(source, np.arange(8), fitted))


def test_a_pool_without_responses_fails_in_one_line(tmp_path):
    source = source_of(3, tmp_path, lambda row: [Turn("user", "Q")])
    with pytest.raises(Failed, match=r"No sample can be learned, from the first \(0\) on: it has no response to learn."):
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


def test_pretrained_models_learn_at_the_published_rate(folder, tmp_path):
    feature, source, fitted = trained(tmp_path / "given", n=12, model=str(folder))
    facts = feature.describe(source)
    assert facts["rate"] == 2e-5
    assert facts["steps"] == fitted["steps"].tolist()
    assert facts["parameters"] == sum(weight.numel() for weight in read_model(folder).parameters())
    assert next(feature.blocks(source, np.arange(12), fitted)).values.shape == (12, len(fitted["steps"]))
    assert feature.describe() == {}
