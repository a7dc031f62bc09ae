"""Probes against copies of the model with torch's AdamW, and the laws that hold of any step."""

import copy

import numpy as np
import pytest

from datasel_core.features.influence.checkpoint import read_checkpoint, write_checkpoint
from datasel_core.features.influence.flat import Flat
from datasel_core.features.influence.probing import How, LanguageSubject, Prober, probe, probes
from datasel_core.features.influence.steps import Plain, Preconditioned
from datasel_core.features.language.tokens import Tokens
from tests.features.influence.made import noise, tokens_of, trained, weights
from tests.features.influence.test_checkpoint import same

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of a checkpoint after 400 steps."""
    folder = tmp_path_factory.mktemp("probed")
    write_checkpoint(trained(folder / "making", 400), folder / "kept")
    return folder / "kept"


@pytest.fixture
def checkpoint(folder):
    return read_checkpoint(folder)


def sample_loss(model, tokens: Tokens, at: int):
    """All logits of one sample, textbook loss of each learned token."""
    ids = torch.from_numpy(tokens.ids[tokens.offsets[at] : tokens.offsets[at + 1]].astype(np.int64))
    learned = np.flatnonzero(tokens.learned[tokens.offsets[at] : tokens.offsets[at + 1]])
    logits = model(input_ids=ids[None]).logits[0][learned - 1]
    return torch.nn.functional.cross_entropy(logits, ids[learned], reduction="none")


def reference_loss(model, tokens: Tokens):
    return torch.cat([sample_loss(model, tokens, at) for at in range(len(tokens.rows))]).mean()


def by_copies(checkpoint, samples, references):
    """Every probe on a copy of its own: model, optimiser and its state_dict."""
    found = []
    for at in range(len(samples.rows)):
        model, adamw = copy.deepcopy(checkpoint.model).eval(), checkpoint.adamw
        optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=checkpoint.schedule.at(checkpoint.step),
            betas=adamw.betas,
            eps=adamw.eps,
            weight_decay=adamw.decay,
        )
        state = {
            place: {
                "step": torch.tensor(float(checkpoint.step)),
                "exp_avg": checkpoint.first[name].clone(),
                "exp_avg_sq": checkpoint.second[name].clone(),
            }
            for place, name in enumerate(checkpoint.names())
        }
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        sample_loss(model, samples, at).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), adamw.clip)
        optimizer.step()
        with torch.no_grad():
            found.append([float(reference_loss(model.double(), one)) for one in references])
    return np.array(found)


def parts(checkpoint, rows=(50, 51, 52, 58)):
    """Samples to probe and two references, of uneven lengths."""
    spelling = checkpoint.vocabulary
    return tokens_of(list(rows), spelling), [tokens_of(list(range(60, 75)), spelling), tokens_of([7, 8, 80], spelling)]


def test_probes_equal_copies_of_the_model_one_by_one(checkpoint):
    samples, references = parts(checkpoint)
    expected = by_copies(checkpoint, samples, references)
    with torch.no_grad():
        model = copy.deepcopy(checkpoint.model).double()
        plain = [float(reference_loss(model, one)) for one in references]
    before, after = probe(checkpoint, samples, references)
    assert (before.dtype, after.dtype, after.shape) == (np.float64, np.float64, (4, 2))
    np.testing.assert_allclose(before, plain, atol=1e-6)
    np.testing.assert_allclose(after, expected, atol=1e-6)
    assert np.abs(before - after).max() > 1e-3  # a step does something


@pytest.mark.parametrize("batch_tokens", [1, 150, 10**6])
def test_grouped_as_it_may_be_the_numbers_are_the_same(checkpoint, folder, batch_tokens):
    samples, references = parts(checkpoint)
    before, after = probe(checkpoint, samples, references)
    others = probe(read_checkpoint(folder), samples, references, How(batch_tokens=batch_tokens))
    np.testing.assert_allclose(others[0], before, atol=2e-6)
    np.testing.assert_allclose(others[1], after, atol=2e-6)
    alone = [probe(read_checkpoint(folder), samples, [one])[1][:, 0] for one in references]
    np.testing.assert_allclose(np.array(alone).T, after, atol=2e-6)  # one pass serves several references


def test_the_same_sample_has_the_same_influence_to_the_bit_whatever_was_probed_between(checkpoint):
    before = weights(checkpoint)
    samples, references = parts(checkpoint, (50, 51, 50, 58, 51, 50))
    prober = Prober(checkpoint, references)
    first, *others = list(prober.after(samples))
    assert first.tobytes() == others[1].tobytes() == others[4].tobytes()
    assert others[0].tobytes() == others[3].tobytes()
    assert first.tobytes() != others[0].tobytes()
    assert same(weights(checkpoint), before)
    assert prober.subject.losses().tobytes() == prober.before.tobytes()
    memory = prober.step.optimizer.state[prober.step.leaf]
    names = checkpoint.names()
    first_moments = prober.subject.weights.laid({at: checkpoint.first[name] for at, name in enumerate(names)})
    assert torch.equal(memory["exp_avg"], first_moments)
    assert float(memory["step"]) == checkpoint.step


def test_what_goes_wrong_in_a_probe_leaves_the_weights_as_they_were(checkpoint):
    before = weights(checkpoint)
    samples, references = parts(checkpoint)
    prober = Prober(checkpoint, references)
    going = prober.after(samples)
    next(going)
    prober.subject.batches = None
    with pytest.raises(TypeError):
        next(going)
    assert same(weights(checkpoint), before)


def test_a_duplicate_of_the_reference_helps_and_noise_does_not(checkpoint):
    """Of a model that has learned its words: before that, any text helps, as the optimiser is under way."""
    spelling = checkpoint.vocabulary
    prober = Prober(checkpoint, [tokens_of([60], spelling)])
    helped = prober.before[0] - next(prober.after(tokens_of([60], spelling)))[0]
    others = prober.before[0] - np.array(list(prober.after(tokens_of(list(range(12)), spelling, noise))))
    assert helped > 0.02
    assert others.mean() < 0
    assert others.max() < helped / 5
    idle = prober.before - prober.idle
    assert 0 < abs(idle[0]) < 0.005  # what the optimiser's memory does without any sample
    assert prober.subject.losses().tobytes() == prober.before.tobytes()


def gradient(subject: LanguageSubject, sample: int) -> np.ndarray:
    subject.weights.gradient.zero_()
    subject.backward(sample)
    return subject.weights.gradient.numpy().copy()


def test_a_plain_step_is_the_product_of_gradients_to_first_order(checkpoint):
    """After - before = - rate * <gradient of the reference, gradient of the sample>, in 64 bits."""
    samples, (reference, _) = parts(checkpoint)
    checkpoint.model.double()
    subject, of_reference = LanguageSubject(checkpoint.model, [reference], How()), 0.0
    subject.samples = reference
    learned = np.add.reduceat(reference.learned, reference.offsets[:-1], dtype=np.float64)
    for at, n in enumerate(learned):
        of_reference += gradient(subject, at) * n / learned.sum()  # the mean over tokens, not over samples
    subject.samples = samples
    products = np.array([gradient(subject, at) @ of_reference for at in range(4)])
    before, rate = subject.losses()[0], 1e-7
    after = np.array([one[0] for one in probes(subject, Plain(rate), range(4))])
    assert np.abs(products).min() > 1e-3
    np.testing.assert_allclose((after - before) / -rate, products, atol=1e-6 * np.abs(products).max(), rtol=1e-6)
    lengths = [np.linalg.norm(gradient(subject, at)) for at in range(4)]
    clipped = np.array([one[0] for one in probes(subject, Plain(rate, clip=0.01), range(4))])
    assert min(lengths) > 0.01
    np.testing.assert_allclose((clipped - before) / -rate, products * 0.01 / lengths, rtol=1e-3, atol=1e-8)


class LeastSquares:
    """y = x b. The loss of a sample is half its squared residual; the reference's is the mean square on others."""

    def __init__(self, x, y, others, theirs):
        self.x, self.y, self.others, self.theirs = map(torch.from_numpy, (x, y, others, theirs))
        self.b = torch.nn.Parameter(torch.linalg.lstsq(self.x, self.y).solution)
        self.weights = Flat([self.b])

    def backward(self, sample):
        (0.5 * (self.y[sample] - self.x[sample] @ self.b) ** 2).backward()

    def losses(self):
        with torch.no_grad():
            return np.array([float(((self.theirs - self.others @ self.b) ** 2).mean())])


def test_a_newton_step_is_leaving_one_out_of_least_squares(rng):
    x, others = rng.normal(size=(40, 5)) * [1, 3, 0.2, 10, 1], rng.normal(size=(30, 5))
    truth = rng.normal(size=5)
    y, theirs = x @ truth + rng.normal(size=40), others @ truth + rng.normal(size=30)
    subject, inverse = LeastSquares(x, y, others, theirs), np.linalg.inv(x.T @ x)
    leverage = torch.from_numpy(np.einsum("ij,jk,ik->i", x, inverse, x))
    without = Preconditioned(lambda gradient, at: torch.from_numpy(inverse) @ -gradient / (1 - leverage[at]))
    found = np.array([one[0] for one in probes(subject, without, range(40))])
    exact = []
    for at in range(40):
        rest = np.arange(40) != at
        b = np.linalg.lstsq(x[rest], y[rest], rcond=None)[0]
        exact.append(((theirs - others @ b) ** 2).mean())
    np.testing.assert_allclose(found, exact, atol=1e-10, rtol=1e-10)


def test_half_precision_is_another_answer_and_near(checkpoint, folder):
    samples, references = parts(checkpoint)
    before, after = probe(checkpoint, samples, references)
    others = probe(read_checkpoint(folder), samples, references, How(bf16=True))
    np.testing.assert_allclose(others[0], before, rtol=0.02)
    np.testing.assert_allclose(others[1], after, rtol=0.02)
    assert (others[1] != after).any()


@pytest.mark.parametrize("tied", [False, True])
def test_weights_that_are_one_are_stepped_once(checkpoint, folder, tied, tmp_path):
    config = transformers.LlamaConfig(
        vocab_size=checkpoint.vocabulary.size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=48,
        tie_word_embeddings=tied,
    )
    torch.manual_seed(3)
    checkpoint.model = transformers.LlamaForCausalLM(config).eval()
    for state in ("first", "second"):
        numbers = {name: torch.rand_like(one) * 1e-3 for name, one in checkpoint.model.named_parameters()}
        setattr(checkpoint, state, numbers)
    write_checkpoint(checkpoint, tmp_path / "llama")
    again = read_checkpoint(tmp_path / "llama")
    assert same(weights(again), weights(checkpoint))
    samples, references = parts(checkpoint)
    expected = by_copies(again, samples, references)
    np.testing.assert_allclose(probe(again, samples, references)[1], expected, atol=1e-6)
