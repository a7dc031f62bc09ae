"""What a given language model says of samples, against single samples read one at a time by textbook formulas;
gradients against backward(), their projection against its law.
"""

import json

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, MissingFeature, Stopped
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.lm_embedding import LmEmbedding
from datasel_core.features.encoders.lm_gradient import LmGradient
from datasel_core.features.encoders.perplexity import Perplexity
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.language.gradients import Blocks, Gradients, Sketch
from datasel_core.features.language.models import given_model, new_model, read_model
from datasel_core.features.language.tokens import read_tokens
from datasel_core.features.language.vocabulary import read_vocabulary, train_vocabulary
from datasel_core.methods.nearest_targets import NearestTargets
from datasel_core.methods.selection import Inputs
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.features.test_language import sums
from tests.features.test_loss_trajectory import family, plainly

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

HOW = {"length": 64, "device": "cpu"}
ALL = (Perplexity, LmEmbedding, LmGradient)
FAMILIES = ["gpt2", "tied", "llama", "bends its logits"]


def made(place, model=None, seed=5):
    """A folder with a model and its vocabulary."""
    vocabulary = train_vocabulary([turn.text for row in range(40) for turn in sums(row)], 300)
    if isinstance(model, str):
        torch.manual_seed(seed)
        model = family(model, vocabulary.size)
    (model or new_model(vocabulary, 3, 16, 2, 64, seed)).save_pretrained(place)
    vocabulary.save(place)
    return place


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(tmp_path_factory.mktemp("model"))


def tokens_of(folder, n=12, turns=sums):
    return read_tokens(Source(n, turns=turns), np.arange(n), read_vocabulary(folder), "plain", 64)


def values(feature, n=12, turns=sums):
    blocks = list(feature.blocks(Source(n, turns=turns), np.arange(n), {}))
    return np.concatenate([block.values for block in blocks if len(block.rows)])


def singles(tokens):
    """(ids, learned) of each sample alone."""
    for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True):
        yield torch.from_numpy(tokens.ids[start:end].astype(np.int64)), torch.from_numpy(tokens.learned[start:end])


def by_backward(model, blocks, tokens):
    """(n, weights): the gradient of each sample's mean loss, one backward pass each, in float64."""
    model, found = model.double(), []
    for one in blocks.matrices:
        one.weight.requires_grad_(True)
    for ids, learned in singles(tokens):
        logits = model(input_ids=ids[None]).logits[0][:-1]
        losses = torch.nn.functional.cross_entropy(logits, ids[1:], reduction="none")
        model.zero_grad()
        losses[learned[1:]].mean().backward()
        found.append(torch.cat([one.weight.grad.reshape(-1) for one in blocks.matrices]).numpy().copy())
    return np.array(found)


def passed(model, blocks, tokens, at):
    """(n, weights): the same by one pass over a batch. at: positions that go together."""
    found, gradients = np.zeros((len(tokens.rows), blocks.size)), Gradients(model, blocks)

    def take(one, start, part):
        found[at[one], start : start + len(part)] += part

    gradients.of(*tokens.padded(at), take)
    return found


@pytest.mark.parametrize("name", [None, *FAMILIES])
def test_perplexity_is_the_mean_loss_of_each_sample_alone(tmp_path, name):
    place = made(tmp_path / "m", name)
    tokens = tokens_of(place)
    by_hand = [loss.mean() for loss, _, _ in plainly(read_model(place).eval(), tokens)]
    for how in ({}, {"batch_tokens": 1}):
        np.testing.assert_allclose(values(Perplexity(model=str(place), **HOW, **how)), by_hand, atol=1e-5)


@pytest.mark.parametrize("name", [None, *FAMILIES])
def test_an_embedding_is_the_mean_of_the_last_states_of_learned_tokens(tmp_path, name):
    place = made(tmp_path / "m", name)
    model, by_hand = read_model(place).eval(), []
    for ids, learned in singles(tokens_of(place)):
        with torch.no_grad():
            states = model(input_ids=ids[None], output_hidden_states=True).hidden_states[-1][0]
        by_hand.append(states[learned].mean(dim=0).numpy())
    for how in ({}, {"batch_tokens": 90}):
        found = values(LmEmbedding(model=str(place), **HOW, **how))
        assert found.shape == (12, 16)
        np.testing.assert_allclose(found, by_hand, atol=1e-5)


@pytest.mark.parametrize("name", [None, *FAMILIES])
@pytest.mark.parametrize("layers", [1, None])
def test_gradients_of_a_batch_are_those_of_single_backward_passes(tmp_path, name, layers):
    place = made(tmp_path / "m", name)
    model, tokens = given_model(str(place), 64)[0].eval().requires_grad_(False), tokens_of(place)
    blocks = Blocks.last(model, layers)
    assert name or len(blocks.matrices) == 4 * (layers or 3)
    found = np.zeros((12, blocks.size))
    for at in (np.array([3, 0, 7]), np.array([1]), np.array([2, 4, 5, 6, 8, 9, 10, 11])):
        found += passed(model, blocks, tokens, at)
    other = read_model(place).eval()
    slow = by_backward(other, Blocks.last(other, layers), tokens)
    assert slow.shape == found.shape
    np.testing.assert_allclose(found, slow, atol=1e-5 * np.abs(slow).max())
    assert np.linalg.norm(slow, axis=1).min() > 0
    assert not model.training
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())


def test_the_feature_is_the_sketch_of_the_gradients_at_length_one(folder):
    model, tokens = given_model(str(folder), 64)[0].eval().requires_grad_(False), tokens_of(folder)
    blocks = Blocks.last(model, 2)
    whole, sketch = passed(model, blocks, tokens, np.arange(12)), Sketch(blocks.size, 32, 4)
    by_hand = np.zeros((12, 32))
    for start, end in zip(blocks.starts[:-1], blocks.starts[1:], strict=True):
        for one, gradient in zip(by_hand, whole, strict=True):
            sketch.add(one, start, gradient[start:end].astype(np.float32))
    by_hand /= np.linalg.norm(by_hand, axis=1, keepdims=True)
    for how in ({}, {"batch_tokens": 1}):
        found = values(LmGradient(model=str(folder), dims=32, seed=4, **HOW, **how))
        np.testing.assert_allclose(found, by_hand, atol=2e-5)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert not np.allclose(found, values(LmGradient(model=str(folder), dims=32, seed=5, **HOW)), atol=0.1)


def test_inner_products_of_projections_are_right_on_average_and_as_near_as_the_law_says(rng):
    """Variance of a count sketch: (|x|^2 |y|^2 + (x.y)^2 - 2 sum x_i^2 y_i^2) / dims (Weinberger et al. 2009)."""
    x, y = rng.standard_normal(300).astype(np.float32), rng.standard_normal(300).astype(np.float32)
    y += 0.4 * x
    inner, dims, found = float(x @ y), 16, []
    for seed in range(3000):
        sketch, both = Sketch(300, dims, seed), np.zeros((2, dims))
        for into, vector in zip(both, (x, y), strict=True):
            sketch.add(into, 0, vector[:200])
            sketch.add(into, 200, vector[200:])
        found.append(both[0] @ both[1])
    variance = float((x @ x) * (y @ y) + inner**2 - 2 * (x**2 @ y**2)) / dims
    assert np.mean(found) == pytest.approx(inner, abs=4 * (variance / 3000) ** 0.5)
    assert np.var(found) == pytest.approx(variance, rel=0.12)


def test_a_model_without_blocks_or_with_experts_is_refused(folder):
    model = given_model(str(folder), 64)[0].eval().requires_grad_(False)
    blocks = Blocks.last(model, 1)
    model.config.num_hidden_layers = 7
    with pytest.raises(BadInput, match="A GPTNeoXForCausalLM has no blocks of matrices whose gradients could be told"):
        Blocks.last(model, 1)
    model.config.num_hidden_layers = 3
    blocks.matrices[-1].register_forward_pre_hook(lambda _, given: (given[0][:, 1:],) if len(given[0]) == 3 else None)
    with pytest.raises(BadInput, match=r"send tokens different ways \(experts\), so gradients cannot be told apart"):
        passed(model, blocks, tokens_of(folder), np.arange(3))


@pytest.mark.parametrize("cls", ALL)
def test_from_nothing_is_refused_with_where_a_model_comes_from(cls):
    with pytest.raises(
        BadParameter,
        match=f"model is scratch, which has learned nothing yet; {cls.id} asks a trained one: give a folder with a "
        "model, such as the proxy/model that loss_trajectory leaves",
    ):
        cls(model="scratch")


@pytest.mark.parametrize("cls", ALL)
def test_what_cannot_be_read_or_measured_is_listed(cls, folder, tmp_path):
    def turns(row):
        if row == 2:
            raise Unreadable("the disk is away")
        return [Turn("user", "?")] if row == 4 else sums(row)

    (block,) = cls(model=str(folder), **HOW).blocks(Source(6, turns=turns), np.arange(6), {})
    assert block.rows.tolist() == [0, 1, 3, 5]
    assert block.unreadable == [(2, "the disk is away"), (4, "it has no response to learn")]
    (none,) = cls(model=str(folder), **HOW).blocks(Source(6, turns=turns), np.array([4]), {})
    assert len(none.rows) == 0
    broken = read_model(folder)
    broken.get_output_embeddings().weight.data[:] = np.nan
    broken.base_model.final_layer_norm.weight.data[:] = np.nan
    place = made(tmp_path / "broken", broken)
    (block,) = cls(model=str(place), **HOW).blocks(Source(6, turns=turns), np.arange(6), {})
    assert [row for row, _ in block.unreadable] == list(range(6))
    assert block.unreadable[0][1] == "what the model says of it is NaN or infinite"


@pytest.mark.parametrize("cls", ALL)
def test_it_can_be_stopped_between_blocks(cls, folder):
    def check():
        raise Stopped("stop")

    with pytest.raises(Stopped):
        list(cls(model=str(folder), **HOW).blocks(Source(9, turns=sums, check=check), np.arange(9), {}))


def add(workspace, tmp_path, name, n, first=0):
    rows = [{"prompt": sums(at)[0].text, "response": f"{sums(at)[1].text} {at}"} for at in range(first, first + n)]
    (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")


def test_gradients_choose_towards_a_target_that_has_the_same_and_no_other(workspace, tmp_path, folder, monkeypatch):
    """RepSim and GradSim are one method with two features; vectors of two projections are never compared."""
    monkeypatch.setenv("DATASEL_DATA_ROOTS", f"{tmp_path}:{folder.parent}")
    pool, target = add(workspace, tmp_path, "pool", 30), add(workspace, tmp_path, "wanted", 5, 40)
    gradient = LmGradient(model=str(folder), dims=64, **HOW)
    mine = compute_feature(workspace, pool, gradient)
    assert mine.role == "gradient"
    spec = Spec(pool="pool", method="nearest_targets", budget="6", target="wanted", use={"embedding": "lm_gradient"})
    with pytest.raises(
        MissingFeature,
        match="The target wanted has no gradient, which fills the role embedding of the pool; compute the same: python "
        "-m datasel_core feature compute wanted lm_gradient --set model=",
    ):
        select(workspace, spec)
    compute_feature(workspace, target, LmGradient(model=str(folder), dims=64, seed=1, **HOW))
    with pytest.raises(MissingFeature, match=r"has embedding from another encoder \(lm_gradient\), or from other weig"):
        select(workspace, spec)
    theirs = compute_feature(workspace, target, gradient)
    run = select(workspace, spec)
    by_hand = NearestTargets().select(
        Inputs({"embedding": mine.values()}, np.random.default_rng(0), target={"embedding": theirs.values()}), 6
    )
    assert run.selection.rows.tolist() == by_hand.rows.tolist()
    assert run.manifest["features"]["embedding"]["id"] == "lm_gradient"
    for one in (pool, target):
        compute_feature(workspace, one, LmEmbedding(model=str(folder), **HOW))
    states = select(workspace, spec.model_copy(update={"use": {}}))
    assert states.manifest["features"]["embedding"]["id"] == "lm_embedding"


def test_other_weights_in_the_same_folder_are_another_encoder(workspace, tmp_path):
    pool, target = add(workspace, tmp_path, "pool", 8), add(workspace, tmp_path, "wanted", 3, 40)
    place = made(tmp_path / "m")
    first = compute_feature(workspace, pool, LmEmbedding(model=str(place), **HOW))
    made(place, seed=6)
    compute_feature(workspace, target, LmEmbedding(model=str(place), **HOW))
    with pytest.raises(MissingFeature, match="or from other weights; compute the same"):
        select(workspace, Spec(pool="pool", method="nearest_targets", budget="2", target="wanted"))
    again = compute_feature(workspace, pool, LmEmbedding(model=str(place), **HOW))
    assert again.key != first.key
    assert len(select(workspace, Spec(pool="pool", method="centroid_similarity", budget="2", target="wanted")).ids) == 2


def test_perplexity_is_a_number_to_choose_and_filter_by(workspace, tmp_path, folder, monkeypatch):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", f"{tmp_path}:{folder.parent}")
    pool = add(workspace, tmp_path, "pool", 20)
    kept = compute_feature(workspace, pool, Perplexity(model=str(folder), **HOW), Progress())
    run = select(workspace, Spec(pool="pool", method="lowest_perplexity", budget="4"))
    assert run.selection.rows.tolist() == np.argsort(kept.values(), kind="stable")[:4].tolist()
    edge = float(np.median(kept.values()))
    high = select(workspace, Spec(pool="pool", method="random", budget="3", where=f"perplexity > {edge}"))
    assert (kept.values()[high.selection.rows] > edge).all()
    assert kept.meta["flops"] > 0
