"""Answers after a prompt that is read once: against a reading of everything anew for every token, and against the law
of what is drawn.
"""

import math

import numpy as np
import pytest

from datasel_core.errors import Stopped
from datasel_core.features.facts_training.decoding import Drawing, endings, said
from datasel_core.features.language.models import new_model
from datasel_core.features.language.vocabulary import train_vocabulary
from tests.features.test_loss_trajectory import family

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TEXTS = ["What is the number of ann and bob?\n", "call ann 12 and bob 345", "a man, a plan, a canal"]
VOCABULARY = train_vocabulary(TEXTS, 60, own_alphabet=True)
NOTHING = (lambda: None, 400)


def prompts(n=23):
    rng = np.random.default_rng(4)
    return [rng.integers(1, VOCABULARY.size, 3 + at % 7).tolist() for at in range(n)]


def models():
    for name in ("gpt2", "tied", "llama", "bends its logits"):
        torch.manual_seed(7)
        yield name, family(name, VOCABULARY.size).eval()
    yield "neox", new_model(VOCABULARY, 2, 32, 4, 64, 3, spread=0.3).eval()


def test_many_at_a_time_say_what_each_says_alone_and_read_anew():
    for name, model in models():
        found = said(model, VOCABULARY, prompts(), [()] * 23, 8, Drawing(), *NOTHING)
        alone = [said(model, VOCABULARY, [one], [()], 8, Drawing(), *NOTHING)[0] for one in prompts()]
        assert found == alone, name
        assert found == [[anew(model, one, 8)] for one in prompts()], name
        assert len({one[0] for one in found}) > 3, name


def anew(model, question, longest):
    """One token at a time, everything read again for each; over when the text has a second line."""
    ids = list(question)
    with torch.no_grad():
        while len(ids) < len(question) + longest and "\n" not in VOCABULARY.text(ids[len(question) :]):
            following = int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
            if following == VOCABULARY.end:
                break
            ids.append(following)
    return " ".join(VOCABULARY.text(ids[len(question) :]).split("\n")[0].split())


def test_an_answer_ends_with_its_line():
    ends = {VOCABULARY.text([id]) for id in endings(VOCABULARY).tolist() if id != VOCABULARY.end}
    assert ends == {VOCABULARY.text([id]) for id in range(VOCABULARY.size) if "\n" in VOCABULARY.tokenizer.decode([id])}
    assert "\n" in ends
    a, b = VOCABULARY.spell(["a", "b"])
    newline = VOCABULARY.spell(["\n"])[0]
    follow = {a[0]: b[0], b[0]: newline[0], newline[0]: a[0]}
    model = new_model(VOCABULARY, 1, 32, 4, 64, 0).eval()
    model.forward = chained(follow, VOCABULARY.size)
    assert said(model, VOCABULARY, [a], [()], 9, Drawing(), *NOTHING) == [["b"]]


def chained(follow, size):
    """In place of a model: after each token a certain other."""
    from types import SimpleNamespace

    def forward(input_ids, cache, use_cache):
        cache.update(torch.zeros(len(input_ids), 1, input_ids.shape[1], 1), torch.zeros(len(input_ids), 1, 1, 1), 0)
        logits = torch.zeros(*input_ids.shape, size)
        for row, ids in enumerate(input_ids.tolist()):
            for place, id in enumerate(ids):
                logits[row, place, follow[id]] = 9
        return SimpleNamespace(logits=logits)

    return forward


def test_what_is_drawn_follows_the_law_and_the_likeliest_stands_first():
    model = new_model(VOCABULARY, 1, 32, 4, 64, 5, spread=0.4).eval()
    prompt, n, top, temperature = prompts()[5], 6000, 5, 0.7
    drawing = Drawing(n, temperature, top)
    (found,) = said(model, VOCABULARY, [prompt], [(1, 2)], 1, drawing, lambda: None, 10**6)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([prompt])).logits[0, -1].double().numpy()
    best = np.argsort(-logits)[:top]
    weights = np.exp(logits[best] / temperature)
    shares = dict(zip([" ".join(VOCABULARY.text([id]).split()) for id in best], weights / weights.sum(), strict=True))
    assert found[0] == " ".join(VOCABULARY.text([int(best[0])]).split())
    assert set(found[1:]) <= shares.keys()
    for text, share in shares.items():
        assert found[1:].count(text) / n == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n)), text
    assert min(shares.values()) > 0.005, "each of them can be seen"


def test_what_is_drawn_hangs_on_its_key_alone():
    model = new_model(VOCABULARY, 1, 32, 4, 64, 5, spread=0.4).eval()
    keys = [(0, at) for at in range(23)]
    together = said(model, VOCABULARY, prompts(), keys, 6, Drawing(3, 1.0), *NOTHING)
    alone = [
        said(model, VOCABULARY, [one], [key], 6, Drawing(3, 1.0), lambda: None, 1)[0]
        for one, key in zip(prompts(), keys, strict=True)
    ]
    assert together == alone
    fewer = said(model, VOCABULARY, prompts(), keys, 6, Drawing(1, 1.0), *NOTHING)
    assert [one[0] for one in fewer] == [one[0] for one in together]
    other = said(model, VOCABULARY, prompts(), [(1, at) for at in range(23)], 6, Drawing(3, 1.0), *NOTHING)
    assert other != together
    assert [one[0] for one in other] == [one[0] for one in together]


def test_near_nothing_all_that_is_drawn_is_the_likeliest():
    model = new_model(VOCABULARY, 1, 32, 4, 64, 5, spread=0.4).eval()
    found = said(model, VOCABULARY, prompts(), [(at,) for at in range(23)], 6, Drawing(2, 1e-4), *NOTHING)
    assert all(len(set(one)) == 1 for one in found)


def test_a_model_that_reads_no_further_ends_there_and_a_stop_stops():
    model = new_model(VOCABULARY, 1, 32, 4, 10, 5, spread=0.4).eval()
    full = list(range(1, 11))
    assert said(model, VOCABULARY, [full], [()], 5, Drawing(), *NOTHING) == [[""]]
    assert said(model, VOCABULARY, [full[:8]], [()], 5, Drawing(), *NOTHING) == [[anew(model, full[:8], 2)]]

    def stop():
        raise Stopped("stop")

    with pytest.raises(Stopped):
        said(model, VOCABULARY, prompts(), [()] * 23, 5, Drawing(), stop, 400)
