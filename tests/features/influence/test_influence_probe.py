"""The feature: what is probed, with what, what is refused before anything is, and that it goes on after a kill."""

import dataclasses
import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, BadRequest, Failed, Stopped, UnknownName
from datasel_core.features.computation import compute_feature, feature_key
from datasel_core.features.encoders.influence_probe import InfluenceProbe
from datasel_core.features.encoders.loss_trajectory import LossTrajectory
from datasel_core.features.influence import warm_up
from datasel_core.features.influence.checkpoint import read_checkpoint, write_checkpoint
from datasel_core.features.influence.probing import Prober, probe
from datasel_core.features.stored import load
from tests.conftest import ROOT, as_many_threads, task_of
from tests.features.influence.made import text, tokens_of, trained

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TINY = {
    "vocabulary": 300,
    "layers": 2,
    "width": 16,
    "heads": 2,
    "batch": 4,
    "length": 48,
    "rate": 3e-3,
    "steps": 120,
    "share": 0.5,
    "n_probes": 12,
    "device": "cpu",
    "references": "goal",
}


def add(workspace, folder, name: str, texts: list[str]):
    lines = [json.dumps({"id": f"{name}{at:03d}", "text": one}) for at, one in enumerate(texts)]
    (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return add_pool(workspace, name, str(folder / f"{name}.jsonl"), "text")


def texts(rows) -> list[str]:
    return [text(row)[0].text for row in rows]


@pytest.fixture
def pool(workspace, tmp_path):
    """Forty texts, and two references of other ones."""
    add(workspace, tmp_path, "goal", texts(range(60, 70)))
    add(workspace, tmp_path, "other", texts(range(80, 87)))
    return add(workspace, tmp_path, "pool", texts(range(40)))


def probed(kept) -> np.ndarray:
    return np.flatnonzero(np.isfinite(kept.values()))


def test_some_samples_are_probed_and_their_numbers_are_those_of_the_checkpoint_that_is_kept(workspace, pool):
    asked = InfluenceProbe(**{**TINY, "references": "goal, other"})
    kept = compute_feature(workspace, pool, asked)
    values, after, rows = np.asarray(kept.values()), kept.extra("after"), probed(kept)
    assert (kept.role, values.dtype, values.shape, len(rows)) == ("measured_influence", np.float32, (40,), 12)
    assert (after.dtype, after.shape) == (np.float32, (40, 2))
    assert np.isnan(after[np.setdiff1d(np.arange(40), rows)]).all()
    folder = kept.folder / "influence"
    assert sorted(path.name for path in folder.iterdir()) == ["about.json", "loss.jsonl", "model"]
    checkpoint = read_checkpoint(folder / "model")
    spelling = checkpoint.vocabulary
    references = [tokens_of(list(rows), spelling) for rows in (range(60, 70), range(80, 87))]
    before, expected = probe(checkpoint, tokens_of(rows.tolist(), spelling), references)
    np.testing.assert_allclose(after[rows], expected, atol=1e-6)
    np.testing.assert_allclose(values[rows], before[0] - expected[:, 0], atol=1e-6)
    assert np.ptp(values[rows]) > 1e-4
    facts = kept.meta["facts"]
    assert facts["before"] == pytest.approx(before)
    assert [(one["name"], one["n"], one["samples"], one["shared"]) for one in facts["references"]] == [
        ("goal", 10, 10, 0),
        ("other", 7, 7, 0),
    ]
    assert [one["tokens"] for one in facts["references"]] == [int(one.learned.sum()) for one in references]
    assert all(low < high for low, high in zip(facts["before"], facts["unigram"], strict=True))
    assert (facts["step"], facts["rate"], facts["learned"], facts["probed"]) == (120, 3e-3, 20, 12)
    assert facts["flops"]["train"] > 0
    assert facts["flops"]["probes"] > 0


def test_those_are_probed_that_the_warm_up_did_not_learn_as_long_as_there_are_any(workspace, pool):
    kept = compute_feature(workspace, pool, InfluenceProbe(**TINY))
    learned = kept.fitted()["learned"]
    assert len(learned) == 20
    assert not np.isin(probed(kept), learned).any()
    kept = compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "n_probes": 30}))
    assert len(probed(kept)) == 30
    assert np.isin(np.setdiff1d(np.arange(40), learned), probed(kept)).all()
    kept = compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "n_probes": 500}))
    assert len(probed(kept)) == 40
    assert kept.n_unmeasured == 0
    other = compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "seed": 1}))
    assert other.fitted()["learned"].tolist() != learned.tolist()


def test_nothing_is_probed_before_the_model_knows_more_than_word_counts(workspace, pool, monkeypatch):
    early = InfluenceProbe(**{**TINY, "steps": 1})
    refusal = (
        r"^The model's loss on the reference goal is \d\.\d{3} nats a token, and a unigram model's \d\.\d{3}: "
        r"influence means nothing before it is lower; train it longer \(--set steps=...\) or on more"
    )
    with pytest.raises(Failed, match=refusal):
        compute_feature(workspace, pool, early)
    folder = workspace.feature(feature_key(workspace, pool, early))
    assert not (folder / "chunks").exists()
    monkeypatch.setattr(warm_up, "_warm", None)  # what was trained is not trained again to be refused again
    with pytest.raises(Failed, match=refusal):
        compute_feature(workspace, pool, early)


def test_a_reference_in_another_alphabet_is_said_to_be_one(workspace, pool, tmp_path):
    add(workspace, tmp_path, "russian", ["Старик рыбачил один на своей лодке в Гольфстриме."] * 2)
    asked = InfluenceProbe(**{**TINY, "references": "russian"})
    with pytest.raises(Failed, match=r"^\d\d% of the tokens of the reference russian never occur in what the model"):
        compute_feature(workspace, pool, asked)


def test_a_reference_that_will_not_do_is_named_before_anything_is_trained(workspace, pool, tmp_path, monkeypatch):
    monkeypatch.setattr(warm_up, "_warm", None)

    def refused(error, words, references):
        with pytest.raises(error, match=words):
            compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "references": references}))

    needs = (
        "influence_probe needs a reference, a pool that shows what the model is to be good at: --set references=POOL"
    )
    refused(BadParameter, needs, "")
    refused(BadParameter, needs, " , ")
    refused(BadParameter, r"^references is 'goal,goal'; it must name each pool once.$", "goal,goal")
    refused(UnknownName, r"^There is no pool called gaol. Did you mean goal\?$", "gaol")
    refused(BadRequest, r"^influence_probe looks at pool, which is the pool itself; name another one.$", "goal,pool")
    with pytest.raises(BadParameter, match=r"^width is 20; it must be a multiple of eight times the heads \(16\).$"):
        compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "width": 20}))
    add(workspace, tmp_path, "twin", texts(range(40)))
    refused(BadRequest, r"The pool|40 samples of the pool are in the reference twin, too, word for word", "twin")
    np.save(tmp_path / "v.npy", np.ones((4, 2), np.float32))
    add_pool(workspace, "vectors", str(tmp_path / "v.npy"), "vectors")
    words = r"^influence_probe reads prompts and responses; the pool vectors \(of kind vectors\) has none.$"
    refused(BadRequest, words, "vectors")


def test_a_reference_that_overlaps_the_pool_is_refused_unless_that_is_allowed(workspace, pool, tmp_path):
    add(workspace, tmp_path, "near", [*texts(range(60, 70)), *texts([3, 5])])
    asked = {**TINY, "references": "near"}
    with pytest.raises(BadRequest, match=r"^2 samples of the pool are in the reference near, too, word for word: .*"):
        compute_feature(workspace, pool, InfluenceProbe(**asked))
    kept = compute_feature(workspace, pool, InfluenceProbe(**asked, overlap="allow"))
    assert kept.meta["facts"]["references"][0]["shared"] == 2


def asking(workspace, folder, name: str, questions: dict[int, str], n: int):
    """A pool of prompts and responses; some of the prompts are as given."""
    lines = [
        json.dumps({"id": f"{name}{at}", "prompt": questions.get(at, "why?"), "response": texts([at])[0]})
        for at in range(n)
    ]
    (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return add_pool(workspace, name, str(folder / f"{name}.jsonl"), "text")


def test_a_reference_of_which_nothing_fits_is_refused(workspace, pool, tmp_path):
    asking(workspace, tmp_path, "long", dict.fromkeys(range(2), "why, old man? " * 90), 2)
    with pytest.raises(Failed, match=r"^Nothing of the reference long can be measured: the prompt alone has .*; name"):
        compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "references": "long", "steps": 1}))


def test_the_key_holds_what_the_reference_is(workspace, pool, tmp_path):
    asked, plain = InfluenceProbe(**TINY), LossTrajectory()
    keys = [feature_key(workspace, pool, one) for one in (asked, plain)]
    add(workspace, tmp_path, "goal", texts(range(60, 71)))
    assert feature_key(workspace, pool, asked) != keys[0]
    assert feature_key(workspace, pool, plain) == keys[1]
    other = InfluenceProbe(**{**TINY, "references": "other"})
    assert feature_key(workspace, pool, other) != keys[0]


def stopping(label: str, done: int) -> Progress:
    seen = []
    return Progress(
        report=seen.append,
        every=0,
        should_stop=lambda: bool(seen) and seen[-1].label == label and seen[-1].done >= done,
    )


def test_stopped_while_it_warms_up_or_probes_it_goes_on_to_identical_values(workspace, pool):
    asked, labels = InfluenceProbe(**TINY), []
    whole = compute_feature(workspace, pool, asked)
    values, after = np.array(whole.values()), np.array(whole.extra("after"))
    key = whole.key
    for path in sorted(whole.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(Stopped):
        compute_feature(workspace, pool, asked, stopping("warming up the language model", 50))
    with pytest.raises(Stopped):
        compute_feature(workspace, pool, asked, stopping("computing influence probes", 5))
    assert load(workspace.feature(key)) is None
    listening = Progress(report=lambda step: labels.append((step.label, step.done)), every=0)
    kept = compute_feature(workspace, pool, asked, listening)
    assert [done for label, done in labels if label == "computing influence probes"][1] >= 5
    assert "warming up the language model" not in {label for label, _ in labels}
    assert np.asarray(kept.values()).tobytes() == values.tobytes()
    assert np.asarray(kept.extra("after")).tobytes() == after.tobytes()


_KILLED = """
import os, signal, sys
from datasel_core.base.progress import Progress
from datasel_core.features import chunks
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.influence_probe import InfluenceProbe
from datasel_core.features.influence import training
from datasel_core.pools.persistence import load_pool
from datasel_core.workspace.layout import Workspace
from tests.features.influence.test_influence_probe import TINY

chunks.CHUNK, training._SAFE_EVERY = 3, 0.0
def report(step):
    if (step.label, step.done) == (sys.argv[1], int(sys.argv[2])):
        os.kill(os.getpid(), signal.SIGKILL)
workspace = Workspace.at()
compute_feature(workspace, load_pool(workspace, "pool"), InfluenceProbe(**TINY), Progress(report=report, every=0))
"""


def test_killed_while_it_probes_it_loses_a_chunk_and_nothing_else(workspace, pool, tmp_path, monkeypatch):
    for label, done in (("warming up the language model", "70"), ("computing influence probes", "8")):
        ended = subprocess.run(
            [sys.executable, "-c", _KILLED, label, done], cwd=ROOT, env=as_many_threads(), check=False
        )
        assert ended.returncode == -signal.SIGKILL
    seen = []
    kept = compute_feature(
        workspace,
        pool,
        InfluenceProbe(**TINY),
        Progress(report=lambda step: seen.append((step.label, step.done)), every=0),
    )
    done = [done for label, done in seen if label == "computing influence probes"]
    assert done[0] == 0
    assert 6 <= done[1] <= 8  # of 8; three are a chunk, and what is found slowly is kept earlier
    values, after = np.array(kept.values()), np.array(kept.extra("after"))
    (kept.folder / "meta.json").unlink()
    for path in sorted(kept.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    straight = compute_feature(workspace, pool, InfluenceProbe(**TINY))
    assert np.asarray(straight.values()).tobytes() == values.tobytes()
    assert np.asarray(straight.extra("after")).tobytes() == after.tobytes()


def test_a_checkpoint_with_its_optimiser_is_probed_as_it_is(workspace, pool, tmp_path):
    checkpoint = trained(tmp_path / "making", 150)
    write_checkpoint(checkpoint, tmp_path / "mine")
    asked = InfluenceProbe(**{**TINY, "model": str(tmp_path / "mine")})
    key = feature_key(workspace, pool, asked)
    kept = compute_feature(workspace, pool, asked)
    facts, rows = kept.meta["facts"], probed(kept)
    assert (facts["step"], facts["learned"], facts["flops"]["train"]) == (150, 0, 0)
    spelling = checkpoint.vocabulary
    goal = tokens_of(list(range(60, 70)), spelling)
    before, after = probe(read_checkpoint(tmp_path / "mine"), tokens_of(rows.tolist(), spelling), [goal])
    np.testing.assert_allclose(np.asarray(kept.values())[rows], before[0] - after[:, 0], atol=1e-6)
    assert not (kept.folder / "influence" / "model").exists()
    checkpoint.first = {name: one * 2 for name, one in checkpoint.first.items()}
    write_checkpoint(checkpoint, tmp_path / "mine")
    assert feature_key(workspace, pool, asked) != key
    (tmp_path / "mine" / "adamw.safetensors").write_bytes(b"")
    with pytest.raises(BadInput, match=r"adamw.safetensors is missing, damaged or of another checkpoint"):
        compute_feature(workspace, pool, asked)
    with pytest.raises(BadParameter, match=r"^length is 64; .* reads 48 tokens at most.$"):
        compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "model": str(tmp_path / "mine"), "length": 64}))


def test_a_model_alone_is_warmed_up(workspace, pool, tmp_path):
    checkpoint = trained(tmp_path / "making", 150)
    write_checkpoint(checkpoint, tmp_path / "mine")
    for name in ("schedule.json", "adamw.safetensors"):
        (tmp_path / "mine" / name).unlink()
    asked = InfluenceProbe(**{**TINY, "model": str(tmp_path / "mine"), "rate": None, "steps": 10})
    facts = compute_feature(workspace, pool, asked).meta["facts"]
    assert (facts["step"], facts["rate"], facts["learned"]) == (10, 2e-5, 20)


def test_one_text_of_five_million_characters_costs_what_others_do(workspace, tmp_path):
    """A run of letters without a space, which would be one word to a vocabulary, and as many words."""
    long = ["a" * 5_000_000, "the old man " * 420_000]
    pool = add(workspace, tmp_path, "pool", [*texts(range(20)), *long])
    add(workspace, tmp_path, "goal", [*texts(range(60, 66)), "b" * 5_000_000])
    kept = compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "share": 1.0, "n_probes": 22}))
    assert len(probed(kept)) == 22
    (goal,) = kept.meta["facts"]["references"]
    assert goal["tokens"] <= 7 * TINY["length"]


def test_what_cannot_be_read_is_listed_and_what_was_not_probed_is_counted(workspace, pool, tmp_path):
    asking(workspace, tmp_path, "mixed", {3: "why, old man? " * 90}, 30)
    asked = {**TINY, "n_probes": 25, "share": 0.2, "overlap": "allow"}
    done = perform(workspace, task_of("feature", pool="mixed", feature="influence_probe", params=asked), Progress())
    assert (done.result["unreadable"], done.result["unmeasured"]) == (1, 5)
    (line,) = done.lines
    assert "values, 1 samples left out, 5 not measured. Key" in line
    kept = load(workspace.feature(done.result["feature"]))
    (entry,) = kept.unreadable
    assert (entry["row"], entry["reason"][:21]) == (3, "the prompt alone has ")
    assert len(probed(kept)) == 24


def test_a_rate_at_which_a_step_ends_nowhere_is_refused(workspace, pool, tmp_path):
    checkpoint = trained(tmp_path / "making", 150)
    checkpoint.schedule = dataclasses.replace(checkpoint.schedule, rate=1e30)
    write_checkpoint(checkpoint, tmp_path / "wild")
    with pytest.raises(
        Failed, match=r"^After one step at the rate 1e\+30 the loss is no number; take a lower one \(--se"
    ):
        compute_feature(workspace, pool, InfluenceProbe(**{**TINY, "model": str(tmp_path / "wild")}))


def test_a_loss_that_is_no_number_after_one_sample_is_listed(workspace, pool, monkeypatch):
    after = Prober.after
    monkeypatch.setattr(Prober, "after", lambda self, samples: (one * np.nan for one in after(self, samples)))
    with pytest.raises(
        Failed, match=r"^No sample of pool could be read: .*: the loss after a step on it is NaN or inf"
    ):
        compute_feature(workspace, pool, InfluenceProbe(**TINY))
