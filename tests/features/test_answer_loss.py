"""Losses of answers and of marked spans: against a model that reads one token at a time; the same bits after a stop."""

import json
import shutil

import numpy as np
import pytest

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, Failed, Stopped
from datasel_core.features.computation import compute_feature, compute_followers
from datasel_core.features.encoders.answer_loss import AnswerLoss
from datasel_core.features.facts_training.answer_tokens import span_of
from datasel_core.features.facts_training.learning import learn, new_learner, usual_rate
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.language.tokens import read_tokens
from datasel_core.features.language.training import Recipe
from datasel_core.features.language.vocabulary import Vocabulary, train_vocabulary
from datasel_core.features.stored import load
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.features.facts_training.made import phonebook
from tests.pools.test_text_pool import add, lines
from tests.runs.joints import keep

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

SMALL = {"layers": 1, "width": 16, "heads": 2, "vocabulary": 90, "batch": 16, "length": 64, "device": "cpu"}
STEPS = 40
NAMES = ["Ada", "Bela", "Änne", "Łucja", "O’Hara", "Жанна"]
TOWNS = ["Łódź", "Rome", "New York", "東京", "Kyïv 🎈", "Oslo"]


def biography(row: int) -> tuple[str, list[tuple[int, int]]]:
    """A text, and where its town and its year stand; every fourth text has one fact alone. Some spans begin or end
    inside a word, which a token may straddle.
    """
    name, town, year = NAMES[row % 6], TOWNS[row * 5 % 6], str(1900 + row * 7 % 50)
    text = f"{name} was born in {town} in {year}, long ago."
    first, second = text.index(town), text.index(year)
    found = [(first, first + len(town) - row % 2), (second - row % 3, second + 4)]
    return text, found[: 1 if row % 4 == 0 else 2]


def texts(row: int) -> list[Turn]:
    text, found = biography(row)
    return [Turn("text", text, spans=tuple(found))]


def measured(source: Source, **params):
    method = AnswerLoss(**{**SMALL, "steps": STEPS, **params})
    fitted = method.fit(source, Progress())
    return list(method.blocks(source, np.arange(source.n), fitted))


def trained(turns, n: int, start: bool):
    """What the feature trains, by its parts."""
    source = Source(n, turns=turns)
    spelt = train_vocabulary([turn.text for row in range(n) for turn in turns(row)], 90, own_alphabet=True)
    vocabulary = Vocabulary(spelt.tokenizer, (spelt.end,) if start else (), spelt.end)
    tokens = read_tokens(source, np.arange(n), vocabulary, "plain", 64)
    model = new_learner(vocabulary, 1, 16, 2, 64, 0)
    learn(model, tokens, Recipe(STEPS, 16, usual_rate(16), 0), "cpu", Progress(), "warming up")
    return model, vocabulary


def surprise(model, before: list[int], one: int) -> float:
    """Nats of one token after these, by softmax over everything."""
    with torch.no_grad():
        return -float(model(input_ids=torch.tensor([before])).logits[0, -1].double().log_softmax(dim=-1)[one])


def test_the_loss_of_an_answer_is_the_sum_over_its_tokens_and_its_end():
    roles, answers = phonebook(30)
    source = Source(30, turns=roles["turns"])
    (found,) = measured(source)
    model, vocabulary = trained(roles["turns"], 30, start=False)
    for row in range(30):
        asked, said = (vocabulary.spell([text])[0] for text in (roles["turns"](row)[0].text + "\n", answers[row]))
        ids = [*asked, *said, vocabulary.end]
        wanted = sum(surprise(model, ids[:at], ids[at]) for at in range(len(asked), len(ids)))
        assert found.values[row] == pytest.approx(wanted, abs=1e-4)
    assert found.extra["facts"].tolist() == [1] * 30
    assert "per_fact" not in found.extra


def by_spans(model, vocabulary, text: str, spans: list[tuple[int, int]]) -> list[float]:
    """One span at a time, one token at a time: a token counts where any of its characters is the span's, and for no
    span before.
    """
    spelt = vocabulary.tokenizer.encode(text, add_special_tokens=False)
    ids, taken, losses = [vocabulary.end, *spelt.ids], set(), []
    for start, end in spans:
        mine = set(range(start, end))
        own = [at for at, (a, b) in enumerate(spelt.offsets) if mine & set(range(a, b)) and at not in taken]
        taken |= set(own)
        losses.append(sum(surprise(model, ids[: at + 1], ids[at + 1]) for at in own))
    return losses


def test_the_loss_of_a_span_is_that_of_exactly_its_tokens():
    (found,) = measured(Source(48, turns=texts))
    (means,) = measured(Source(48, turns=texts), over="fact")
    model, vocabulary = trained(texts, 48, start=True)
    straddled = 0
    for row in range(48):
        text, spans = biography(row)
        wanted = by_spans(model, vocabulary, text, spans)
        kept = found.extra["per_fact"][row]
        assert kept[: len(spans)] == pytest.approx(wanted, abs=1e-4)
        assert np.isnan(kept[len(spans) :]).all()
        assert found.values[row] == pytest.approx(sum(wanted), abs=1e-4)
        assert means.values[row] == pytest.approx(sum(wanted) / len(spans), abs=1e-4)
        offsets = vocabulary.tokenizer.encode(text, add_special_tokens=False).offsets
        straddled += any(a < edge < b for a, b in offsets for span in spans for edge in span)
    assert found.extra["facts"].tolist() == [1 if row % 4 == 0 else 2 for row in range(48)]
    assert straddled > 5, "some tokens lie across a border"


def test_a_token_that_two_spans_share_belongs_to_the_first():
    offsets = [(0, 4), (4, 9), (9, 12), (12, 13)]
    assert span_of(offsets, [(1, 2), (3, 6), (6, 9), (12, 13)]).tolist() == [0, 1, -1, 3]
    assert span_of(offsets, [(20, 30)]).tolist() == [-1] * 4
    assert span_of([(0, 1), (0, 1), (1, 2)], [(0, 1)]).tolist() == [0, 0, -1], "bytes of one character"


def test_a_fact_at_the_very_beginning_of_a_text_is_measured():
    def turns(row):
        return [Turn("text", f"{'AB'[row % 2]} then {row}", spans=((0, 1),))]

    (found,) = measured(Source(32, turns=turns), steps=150)
    assert found.values.tolist() == pytest.approx([np.log(2)] * 32, abs=0.1), "one of two letters, evenly"


def test_what_is_met_often_is_known_first():
    """Every number is stated by as many samples as its place says."""
    often = np.repeat(np.arange(40), np.where(np.arange(40) < 8, 20, 1))
    roles, _ = phonebook(40)
    (found,) = measured(Source(len(often), turns=lambda row: roles["turns"](often[row])), steps=150)
    assert found.values[often < 8].mean() < 0.6 * found.values[often >= 8].mean()


def test_who_has_no_loss_is_named():
    def turns(row):
        if row == 3:
            raise Unreadable("it is torn")
        return [Turn("user", f"ab {row}"), Turn("assistant", "12345" * (40 if row == 5 else 1))]

    (found,) = measured(Source(8, turns=turns))
    assert found.rows.tolist() == [0, 1, 2, 4, 6, 7]
    assert found.unreadable == [
        (3, "it is torn"),
        (5, "what is asked of it ends after 64 tokens, the most that are read; move length up"),
    ]

    def marked(row):
        spans = {2: (), 4: ((190, 194),)}.get(row, ((0, 4),))
        return [Turn("text", f"{row} 12 " * 40, spans=spans)]

    (found,) = measured(Source(6, turns=marked))
    assert found.rows.tolist() == [0, 1, 3, 5], "what is cut off behind the facts costs nothing"
    assert [reason for _, reason in found.unreadable] == [
        "no fact is marked in it",
        "what is asked of it ends after 64 tokens, the most that are read; move length up",
    ]
    with pytest.raises(Failed, match="No sample can be learned, from the first .0. on: it is torn."):
        measured(Source(1, turns=lambda row: turns(3)))


def test_a_sample_has_the_same_bits_whichever_others_are_asked_for():
    """What is scored together hangs on the rows of the pool alone."""
    method, source = AnswerLoss(**SMALL, steps=5), Source(600, turns=texts)
    fitted = method.fit(source, Progress())
    whole = np.concatenate([one.values for one in method.blocks(source, np.arange(600), fitted)])
    for some in (np.arange(300, 600), np.array([7]), np.arange(1, 600, 9)):
        found = list(method.blocks(source, some, fitted))
        assert np.concatenate([one.rows for one in found]).tolist() == some.tolist()
        assert np.array_equal(np.concatenate([one.values for one in found]), whole[some])
    read = []
    list(method.blocks(Source(600, turns=lambda row: read.append(row) or texts(row)), np.array([300]), fitted))
    assert read == list(range(256, 512))


class Killed(Exception):
    """As if the process had gone."""


class Ends(Progress):
    """Ends the work at the n-th look of some part of it, as a person does who stops it, or as a kill."""

    def __init__(self, part: str, n: int, how: type[Exception]):
        super().__init__()
        self.part, self.n, self.how, self.at = part, n, how, ""

    def track(self, total, label):
        self.at = label
        return super().track(total, label)

    def enter(self, phase):
        self.at = phase
        super().enter(phase)

    def check(self) -> None:
        self.n -= self.at.startswith(self.part)
        if self.n == 0:
            raise self.how("enough")


def documents(tmp_path, n=600):
    rows = [{"text": text, "spans": [list(one) for one in found]} for text, found in map(biography, range(n))]
    return lines(tmp_path / "in.jsonl", *rows)


@pytest.mark.parametrize("how", [Stopped, Killed])
def test_who_goes_on_after_an_end_gets_the_same_to_the_bit(workspace, tmp_path, how):
    pool = add(workspace, documents(tmp_path))
    method = AnswerLoss(**SMALL, steps=STEPS)
    whole = compute_feature(workspace, pool, method)
    wanted = {"values": np.array(whole.values()), **{name: np.array(one) for name, one in whole.extras().items()}}
    assert not (whole.folder / "warm_up.npz").exists()
    assert whole.meta["facts"] == {
        "summed": True, "steps": STEPS, "parameters": whole.meta["facts"]["parameters"], "vocabulary": 90,
        "marked": True, "learned_from": 600,
    }  # fmt: skip
    shutil.rmtree(whole.folder)
    path, left = whole.folder / "warm_up.npz", []
    for part, n in (("reading", 50), ("warming", 13), ("warming", 9), ("warming", 12), ("computing", 5)):
        with pytest.raises(how):
            compute_feature(workspace, pool, method, Ends(part, n, how))
        left.append(path.exists())
        if n == 9:
            path.write_bytes(path.read_bytes()[:-3000])  # a damaged one counts as none
    assert left == [False, True, True, True, True]
    assert len(list((whole.folder / "chunks").glob("*.npz"))) == 1, "the first 256 samples are kept"
    again = load(compute_feature(workspace, pool, method).folder)
    assert np.array_equal(again.values(), wanted["values"])
    for name in ("facts", "per_fact"):
        assert np.array_equal(again.extra(name), wanted[name], equal_nan=True)


def test_documents_are_dropped_by_the_loss_of_their_spans(workspace, tmp_path):
    pool = add(workspace, documents(tmp_path, 60))
    kept = compute_feature(workspace, pool, AnswerLoss(**SMALL, steps=STEPS))
    run = select(workspace, Spec(pool="p", method="loss_pruning", budget="20"))
    lowest = np.argsort(np.array(kept.values()), kind="stable")[:20]
    assert run.table["id"].to_pylist() == pool.ids[lowest].tolist()
    assert set(run.manifest["features"]) == {"answer_loss"}
    assert "mean over tokens" not in json.dumps(run.manifest)


def test_a_loss_that_is_a_mean_over_tokens_is_told_apart(workspace, tmp_path):
    """Where there is no other, or where it is named; what counts nats of whole answers refuses it."""
    pool = add(workspace, lines(tmp_path / "in.jsonl", *({"prompt": f"q{at}", "response": "a"} for at in range(9))))
    mean = keep(workspace, pool, "loss_trajectory", np.random.default_rng(0).random((9, 2), dtype=np.float32))
    compute_followers(workspace, pool, mean, Progress())
    said = "This loss is a mean over tokens, so that long answers pass for better known than they are."
    run = select(workspace, Spec(pool="p", method="loss_pruning", budget="4"))
    assert said in json.dumps(run.manifest)
    assert run.table["id"].to_pylist() == pool.ids[np.argsort(mean.values()[:, 1])[:4]].tolist()
    for params in ({"learned_below": 0.5, "mode": "already_learned"}, {"mode": "head_flatten", "flatten": "dynamic"}):
        with pytest.raises(BadInput, match="a loss of a whole answer, and this one is a mean over tokens; compute"):
            select(workspace, Spec(pool="p", method="loss_pruning", budget="4", params=params))
    keep(workspace, pool, "answer_loss", np.arange(9, dtype=np.float32)[::-1].copy())
    run = select(workspace, Spec(pool="p", method="loss_pruning", budget="4"))
    assert run.table["id"].to_pylist() == pool.ids[[8, 7, 6, 5]].tolist()
    assert "Nobody said whether this loss is the sum" in json.dumps(run.manifest)
    named = select(workspace, Spec(pool="p", method="loss_pruning", budget="4", use={"answer_loss": "loss"}))
    assert said in json.dumps(named.manifest)
