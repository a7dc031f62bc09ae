"""Fine-tuning: adapters alone learn, and merged they are W + (alpha / rank) B A; whole, everything does."""

import copy
from pathlib import Path

import numpy as np
import pytest

from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped
from datasel_core.features.facts_training.asking import nats
from datasel_core.features.facts_training.tuning import Adapter, adapted, tuned
from datasel_core.features.language.models import new_model
from datasel_core.features.language.training import Recipe, train
from tests.features.facts_training.made import phonebook, read
from tests.features.test_loss_trajectory import family

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

ROLES, _ = phonebook(10)
_, VOCABULARY, TOKENS = read(ROLES)
ADAPTER, RECIPE = Adapter(3, 12.0), Recipe(15, 5, 2e-2, 4)


def fresh():
    return new_model(VOCABULARY, 2, 32, 4, 64, 1, spread=0.2)


def done(model, adapter, recipe=RECIPE):
    return tuned(model, TOKENS, recipe, adapter, "cpu", Progress(), "tuning")


def weights(model):
    return {name: one.detach().clone() for name, one in model.named_parameters()}


def test_adapters_alone_learn_and_merged_they_are_what_was_published(tmp_path):
    start, parts = weights(fresh()), adapted(fresh(), ADAPTER, RECIPE.seed)
    begun, other = weights(parts), weights(adapted(fresh(), ADAPTER, RECIPE.seed + 1))
    assert all(torch.equal(begun[name], other[name]) == ("lora_A" not in name) for name in begun), "A is drawn, B is 0"
    ids = torch.arange(12)[None] % VOCABULARY.size
    with torch.no_grad():
        assert torch.equal(parts(input_ids=ids).logits, fresh()(input_ids=ids).logits), "they begin as nothing"
    train(parts.get_base_model(), TOKENS, RECIPE, "cpu", Path(tmp_path), Progress(), "tuning")
    learned = weights(parts)
    of = {name: name.replace("base_model.model.", "").replace(".base_layer", "") for name in learned}
    for name in learned:
        if "lora_" in name:
            assert not torch.equal(learned[name], begun[name]), name
            assert 3 in learned[name].shape
        else:
            assert torch.equal(learned[name], start[of[name]]), name
    merged, changed = weights(done(fresh(), ADAPTER)), set()
    assert merged.keys() == start.keys()
    for name in start:
        a = learned.get(f"base_model.model.{name.removesuffix('.weight')}.lora_A.default.weight")
        b = learned.get(f"base_model.model.{name.removesuffix('.weight')}.lora_B.default.weight")
        if a is None:
            assert torch.equal(merged[name], start[name]), name
        else:
            changed.add(name.split(".")[-2])
            torch.testing.assert_close(merged[name], start[name] + 4.0 * b @ a, rtol=1e-6, atol=1e-6)
    assert changed == {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"}, "all but words in and out"


def test_it_learns_and_the_same_again():
    before = nats(fresh().eval(), TOKENS).mean()
    for adapter in (ADAPTER, None):
        first, again, other = (done(fresh(), adapter, recipe) for recipe in (RECIPE, RECIPE, Recipe(15, 5, 2e-2, 5)))
        assert not first.training
        assert nats(first, TOKENS).mean() < before - 1
        for name, one in first.state_dict().items():
            assert torch.equal(one, again.state_dict()[name]), name
        assert any(not torch.equal(one, other.state_dict()[name]) for name, one in first.state_dict().items())


def test_whole_everything_learns():
    start, found = weights(fresh()), weights(done(fresh(), None))
    assert [name for name in start if torch.equal(start[name], found[name])] == []


def test_models_of_several_families_take_adapters():
    for name in ("gpt2", "tied", "llama"):
        torch.manual_seed(3)
        model = family(name, VOCABULARY.size)
        before = nats(copy.deepcopy(model).eval(), TOKENS).mean()
        assert nats(done(model, ADAPTER), TOKENS).mean() < before, name


def test_a_stop_stops_and_chance_goes_on_as_if_nothing_had_been():
    torch.manual_seed(11)
    wanted = torch.rand(3)
    torch.manual_seed(11)
    with pytest.raises(Stopped):
        tuned(fresh(), TOKENS, RECIPE, ADAPTER, "cpu", Progress(should_stop=lambda: True), "tuning")
    assert torch.equal(torch.rand(3), wanted)
    assert np.isfinite(nats(done(fresh(), ADAPTER), TOKENS)).all()
