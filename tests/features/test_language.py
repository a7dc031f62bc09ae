"""Proxy language models: text to tokens and masks by hand, batches, models from folders and every refusal."""

import json
import time

import numpy as np
import pytest

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, Failed
from datasel_core.features.encoders.loss_trajectory import LossTrajectory
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.language import models
from datasel_core.features.language.answers import question
from datasel_core.features.language.batches import scoring_batches, training_order
from datasel_core.features.language.models import given_model, hashes, new_model, read_model
from datasel_core.features.language.tokens import pieces, read_tokens
from datasel_core.features.language.vocabulary import read_vocabulary, train_vocabulary
from datasel_core.features.models.weights import ill_fitting

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TINY = {"vocabulary": 300, "layers": 2, "width": 16, "heads": 2, "batch": 4, "length": 64, "device": "cpu"}


def sums(row: int) -> list[Turn]:
    return [
        Turn("user", f"How much is {row % 7} + {row % 5}?"),
        Turn("assistant", f"It is {row % 7 + row % 5}." + " Yes." * (row % 4)),
    ]


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
    return "".join(
        f"[{word}]" if learned else word for word, learned in zip(words, tokens.learned, strict=True)
    ).replace("][", "")


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
    assert shown(tokens_of(text, vocabulary), vocabulary) in (
        f"{first}[{''.join(rest)}|]",
        "It[ is 4.|]",
    )  # nothing predicts the first token


def test_the_headings_of_alpaca():
    head = (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    )
    one = [Turn("user", "Q"), Turn("assistant", "A")]
    assert pieces(one, "alpaca") == [(f"{head}### Instruction:\nQ\n\n### Response:\n", False), ("A", True)]
    two = [Turn("system", "S"), *one, Turn("user", "R"), Turn("assistant", "B")]
    assert [text for text, _ in pieces(two, "alpaca")] == [
        "S\n\n### Instruction:\nQ\n\n### Response:\n",
        "A",
        "\n\n### Instruction:\nR\n\n### Response:\n",
        "B",
    ]
    assert pieces([Turn("text", "T")], "alpaca") == [("T", True)]


def test_tools_are_read_and_what_has_no_weight_is_not_learned(vocabulary):
    head = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
    talk = [
        Turn("user", "Q"),
        Turn("assistant", "call"),
        Turn("tool", "3"),
        Turn("tool", "4"),
        Turn("assistant", "old", weight=0),
        Turn("user", "R"),
        Turn("assistant", "new"),
    ]
    assert pieces(talk, "alpaca") == [
        (f"{head}\n\n### Instruction:\nQ\n\n### Response:\n", False),
        ("call", True),
        ("\n\n### Tool:\n3", False),
        ("\n\n### Tool:\n4\n\n### Response:\n", False),
        ("old", False),
        ("\n\n### Instruction:\nR\n\n### Response:\n", False),
        ("new", True),
    ]
    assert shown(tokens_of(talk, vocabulary), vocabulary) == "Q\n[call|]3\n4\nold\nR\n[new|]"
    assert tokens_of(talk[3:5], vocabulary).unreadable == ((0, "it has no response to learn"),)
    assert question(talk) == (talk[:6], "new")
    assert question(talk[:6]) == (talk[:1], "call")
    assert question(talk[2:6]) is None


def test_what_does_not_fit_is_cut_on_the_right_and_what_cannot_be_learned_is_listed(vocabulary):
    whole = tokens_of(sums(3), vocabulary)
    length = len(whole.ids) - 2
    cut = tokens_of(sums(3), vocabulary, length=length)
    assert (whole.cut, cut.cut) == (0, 1)
    assert cut.ids.tolist() == whole.ids[:length].tolist()
    prompt = int((~whole.learned).sum())
    assert tokens_of(sums(3), vocabulary, length=prompt).unreadable == (
        (0, f"the prompt alone has {prompt} tokens; the limit is {prompt}"),
    )
    assert tokens_of(sums(3), vocabulary, length=prompt + 1).unreadable == ()
    assert tokens_of([Turn("user", "Q"), Turn("assistant", " ")], vocabulary).unreadable == (
        (0, "it has no response to learn"),
    )
    assert tokens_of([Turn("user", "Q")], vocabulary).unreadable == ((0, "it has no response to learn"),)

    def broken(row):
        raise Unreadable("line 3 is no JSON")

    assert read_tokens(source_of(1, turns=broken), np.arange(1), vocabulary, "plain", 64).unreadable == (
        (0, "line 3 is no JSON"),
    )


def test_a_sample_of_five_megabytes_costs_nothing(vocabulary):
    began = time.perf_counter()
    long = tokens_of([Turn("user", "Q"), Turn("assistant", "word " * 1_000_000)], vocabulary)
    assert len(long.ids) == 64
    assert long.cut == 1
    assert (
        tokens_of([Turn("user", "x" * 5_000_000), Turn("assistant", "A")], vocabulary)
        .unreadable[0][1]
        .startswith("the prompt alone has more than ")
    )
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
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    tokenizer.enable_truncation(3)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "generation_config.json").write_text(
        json.dumps({"bos_token_id": tokenizer.token_to_id("<s>"), "eos_token_id": [vocabulary.end, 7]})
    )
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
    refused(
        "mine has only pytorch_model.bin, and loading it could run code; save the model as safetensors: "
        "model.safetensors."
    )
    with pytest.raises(BadInput, match="has only pytorch_model.bin"):
        LossTrajectory(model=str(folder)).depends()
    (folder / "model.safetensors").write_bytes(weights)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))
    refused("The weights in .*mine do not fit its config.json: gpt_neox.layers.2.* is missing, and 11 more.")
    (folder / "config.json").write_text(config.replace('"num_hidden_layers": 2', '"num_hidden_layers": 1'))
    refused(
        "The weights in .*mine do not fit its config.json: the model has no place for gpt_neox.layers.1.*, and 11 more."
    )
    (folder / "config.json").write_text(config.replace('"hidden_size": 16', '"hidden_size": 32'))
    refused("transformers knows: its config.json gives other sizes than its weights have.")
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


def test_masks_that_older_releases_kept_in_every_layer_do_no_harm(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    masks = {"bias": torch.ones(1, 1, 64, 64), "masked_bias": torch.tensor(-1e9), "rotary_emb.inv_freq": torch.ones(2)}
    more = {
        f"gpt_neox.layers.{layer}.attention.{name}": mask.clone() for layer in range(2) for name, mask in masks.items()
    }
    more["score.weight"] = torch.ones(1, 16)  # the head of another task
    save_file(weights | more, folder / "model.safetensors", metadata={"format": "pt"})
    model = read_model(folder)
    assert torch.equal(model.gpt_neox.layers[1].attention.dense.bias, weights["gpt_neox.layers.1.attention.dense.bias"])
    # whether or not transformers knows them itself
    for harmless in ("gpt_neox.layers.0.attention.mask", "score.weight", "another.layers.7.weight"):
        assert ill_fitting(model, [], [harmless]) is None
    for dropped in (
        "gpt_neox.layers.0.attention.more.weight",
        "gpt_neox.layers.2.attention.mask",
        "layers.2.norm.bias",
    ):
        assert ill_fitting(model.gpt_neox, [], [dropped]) == f"the model has no place for {dropped}, and 0 more"


def test_a_vocabulary_larger_than_the_model_is_refused(folder):
    train_vocabulary([" ".join(f"word{at} other{at}" for at in range(99))] * 3, 400).save(folder)
    with pytest.raises(
        BadInput,
        match=r"tokenizer.json in .*mine has \d+ tokens, but the model knows \d+; they do not belong together.",
    ):
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


def test_pretrained_models_learn_at_the_published_rate(folder, tmp_path):
    feature, source, fitted = trained(tmp_path / "given", n=12, model=str(folder))
    facts = feature.describe(source)
    assert facts["rate"] == 2e-5
    assert facts["steps"] == fitted["steps"].tolist()
    assert facts["parameters"] == sum(weight.numel() for weight in read_model(folder).parameters())
    assert next(feature.blocks(source, np.arange(12), fitted)).values.shape == (12, len(fitted["steps"]))
    assert feature.describe() == {}
