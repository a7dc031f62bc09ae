"""Learning facts: against a loop written out, where it stops early and where not, and answers many at a time."""

import contextlib
import math

import numpy as np
import pytest

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, Failed, Stopped
from datasel_core.features.facts_training.asking import answered, longest_answer, nats, questions_in
from datasel_core.features.facts_training.learning import learn, new_learner, one_torch_thread, taken, usual_rate
from datasel_core.features.feature import Source
from datasel_core.features.language.batches import training_order
from datasel_core.features.language.scoring import score
from datasel_core.features.language.tokens import read_tokens
from datasel_core.features.language.training import Recipe
from datasel_core.features.language.vocabulary import train_vocabulary
from tests.features.facts_training.made import greedy, phonebook, read

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_digits_stand_alone_and_only_what_occurs_is_in_the_alphabet():
    texts = ["call 12 1212 121212", "call me", "call us"]
    vocabulary = train_vocabulary(texts, 300, own_alphabet=True)
    ids = vocabulary.spell(["call 1212"])[0]
    assert [vocabulary.text([one]) for one in ids[-4:]] == list("1212")
    assert vocabulary.text(ids) == "call 1212"
    assert len(ids) == 6, "call, a space, four digits"
    letters = train_vocabulary(texts, 1, own_alphabet=True)
    assert letters.size == len(set("".join(texts))) + 1, "and the end"
    assert len(letters.spell(["call us"])[0]) == 7


def slow(model, tokens, recipe: Recipe) -> None:
    """The same by AdamW written out, over whole logits."""
    order = training_order(tokens.lengths(), recipe.batch, recipe.steps, recipe.seed).reshape(recipe.steps, -1)
    first = [torch.zeros_like(one) for one in model.parameters()]
    second = [torch.zeros_like(one) for one in model.parameters()]
    for step, at in enumerate(order):
        rate = recipe.rate * min(1, (step + 1) / max(1, 0.03 * recipe.steps))
        rate *= 0.5 + 0.5 * math.cos(math.pi * step / recipe.steps)
        losses = []
        for one in at:
            ids, learned = (torch.from_numpy(part[0]) for part in tokens.padded([one]))
            said = model(input_ids=ids[None]).logits[0].log_softmax(dim=-1)
            losses += [-said[place - 1, ids[place]] for place in torch.where(learned)[0]]
        gradients = torch.autograd.grad(torch.stack(losses).mean(), list(model.parameters()), allow_unused=True)
        length = math.sqrt(sum(float(one.square().sum()) for one in gradients))
        for weight, gradient, m, v in zip(model.parameters(), gradients, first, second, strict=True):
            gradient = gradient / max(1.0, length)
            m.mul_(0.9).add_(gradient, alpha=0.1)
            v.mul_(0.95).addcmul_(gradient, gradient, value=0.05)
            change = (m / (1 - 0.9 ** (step + 1))) / ((v / (1 - 0.95 ** (step + 1))).sqrt() + 1e-8)
            weight.data.sub_(change, alpha=rate)


def test_it_is_what_a_loop_written_out_gives():
    _, vocabulary, tokens = read(phonebook(20)[0])
    recipe = Recipe(12, 4, 5e-3, 3)
    fast, other = (new_learner(vocabulary, 1, 16, 2, 32, 1) for _ in range(2))
    assert learn(fast, tokens, recipe, "cpu", Progress(), "learning") == 12
    slow(other, tokens, recipe)
    assert nats(fast, tokens) == pytest.approx(nats(other.eval(), tokens), rel=2e-3)
    assert not np.allclose(nats(new_learner(vocabulary, 1, 16, 2, 32, 1).eval(), tokens), nats(fast, tokens), rtol=0.05)


@pytest.fixture(scope="module")
def learned():
    """Half learned: some answers are right."""
    roles, _ = phonebook(60)
    there, vocabulary, tokens = read(roles)
    model = new_learner(vocabulary, 1, 32, 4, 32, 0)
    learn(model, tokens, Recipe(250, 16, usual_rate(32), 0), "cpu", Progress(), "learning")
    return there, vocabulary, tokens, model


def test_many_answers_at_a_time_are_those_of_one_after_another(learned):
    there, vocabulary, tokens, model = learned
    longest = longest_answer(tokens) + 1
    said = answered(model, vocabulary, tokens, longest, Progress(), "asking")
    assert len({len(one) for one in questions_in(tokens)}) > 1, "of different lengths"
    assert said == [greedy(model, vocabulary, one, longest) for one in questions_in(tokens)]
    right = np.array([one == answer for one, answer in zip(said, there.answer, strict=True)])
    assert 5 < right.sum() < 60
    whole = score(model, tokens, 4096).right.reshape(60, -1).all(axis=1)
    assert whole.tolist() == right.tolist(), "an answer is right where each of its tokens is the likeliest"


def test_the_loss_of_an_answer_is_that_of_its_digits_and_its_end(learned):
    _, _, tokens, model = learned
    found = nats(model, tokens)
    assert found.shape == (60,)
    assert longest_answer(tokens) == 4, "three digits and the end, without which a longer answer would look right"
    for at in (0, 33, 59):
        ids, mask = (torch.from_numpy(part[0]) for part in tokens.padded([at]))
        with torch.no_grad():
            said = model(input_ids=ids[None]).logits[0].log_softmax(dim=-1)
        places = torch.where(mask)[0]
        assert len(places) == 4
        assert found[at] == pytest.approx(-sum(float(said[place - 1, ids[place]]) for place in places), abs=1e-4)


def test_it_stops_once_all_is_known_and_never_before():
    _, vocabulary, tokens = read(phonebook(12)[0])
    model = new_learner(vocabulary, 1, 32, 4, 32, 0)
    steps = learn(model, tokens, Recipe(400, 12, usual_rate(32), 0), "cpu", Progress(), "learning")
    assert steps < 400
    assert steps % 20 == 0
    assert score(model, tokens, 4096).right.all()

    def turns(row: int) -> list[Turn]:
        return [Turn("user", "ab"), Turn("assistant", "12"[row])]

    both = read_tokens(Source(2, turns=turns), np.arange(2), vocabulary, "plain", 32)
    model = new_learner(vocabulary, 1, 16, 2, 32, 0)
    assert learn(model, both, Recipe(60, 2, 1e-3, 0), "cpu", Progress(), "learning") == 60, "one of two is always wrong"


def test_it_can_be_stopped_and_says_when_it_goes_astray():
    _, vocabulary, tokens = read(phonebook(12)[0])

    def stop() -> bool:
        return True

    with pytest.raises(Stopped):
        learn(
            new_learner(vocabulary, 1, 16, 2, 32, 0),
            tokens,
            Recipe(9, 2, 1e-3, 0),
            "cpu",
            Progress(should_stop=stop),
            "learning",
        )
    with pytest.raises(Failed, match=r"The training went astray: the loss is nan after \d+ steps. Take a lower rate."):
        learn(new_learner(vocabulary, 1, 16, 2, 32, 0), tokens, Recipe(9, 2, 1e30, 0), "cpu", Progress(), "learning")
    with pytest.raises(BadParameter, match="must be a multiple of eight times the heads"):
        new_learner(vocabulary, 1, 20, 2, 32, 0)


def test_threads_are_as_they_were():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with contextlib.suppress(ValueError), one_torch_thread():
            assert torch.get_num_threads() == 1
            raise ValueError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_samples_that_are_taken_are_the_same_samples():
    _, _, tokens = read(phonebook(40)[0])
    some = taken(tokens, np.array([7, 3, 22]))
    for at, one in enumerate((7, 3, 22)):
        ids, learned = tokens.padded([one])
        assert some.padded([at])[0].tolist() == ids.tolist()
        assert some.padded([at])[1].tolist() == learned.tolist()
    assert some.rows.tolist() == [7, 3, 22]
