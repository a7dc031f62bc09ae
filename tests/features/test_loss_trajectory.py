"""Loss trajectories against a plain loop over single samples with all logits, and what is computed from them as soon as
they arrive.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.actions.task import perform
from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest, Failed, MissingFeature, Stopped
from datasel_core.features import computation
from datasel_core.features.encoders.loss_trajectory import LossTrajectory
from datasel_core.features.encoders.trajectory_numbers import EL2N, Learnability, Loss
from datasel_core.features.feature import Source
from datasel_core.features.language.loss_log import read_log
from datasel_core.features.language.models import read_model
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.features.language.tokens import read_tokens
from datasel_core.features.language.vocabulary import read_vocabulary
from datasel_core.features.roles import Roles
from datasel_core.features.stored import kept_features
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.scan import Scan
from tests.conftest import task_of
from tests.features.test_language import TINY, sums

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pool_kind("turns_of_a_test", version=1, title="Prompts and responses of a test")
class TurnsOfATest(PoolKind):
    """One JSON object per line, with id, prompt, response and group."""

    def scan(self, source: Path, workspace, progress: Progress) -> Scan:
        lines = [json.loads(line) for line in source.read_text().splitlines()]
        columns = {name: [line[name] for line in lines] for name in ("id", "prompt", "response", "group")}
        return Scan(
            pa.table(columns | {"content": [f"{line['prompt']} {line['response']}" for line in lines]}), source.parent
        )

    def offers(self, pool) -> frozenset[str]:
        return frozenset({"turns"})

    def turns(self, pool, row: int) -> list[Turn]:
        if (response := pool.column("response")[row]) == "broken":
            raise BadRequest("the response cannot be read")
        return [Turn("user", pool.column("prompt")[row]), Turn("assistant", response)]


def add(
    workspace,
    folder: Path,
    n: int,
    name: str = "t",
    start: int = 0,
    change: Callable[[int, dict], dict] = lambda row, line: line,
):
    lines = []
    for row in range(start, start + n):
        prompt, response = (turn.text for turn in sums(row))
        lines.append(
            change(
                row,
                {
                    "id": f"{row:03d}",
                    "prompt": f"{row}. {prompt}",
                    "response": response,
                    "group": "even" if row % 2 == 0 else "odd",
                },
            )
        )
    (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return add_pool(workspace, name, str(folder / f"{name}.jsonl"), "turns_of_a_test")


def plainly(model, tokens):
    """Per sample its token losses, errors and hits: one at a time, all logits, textbook formulas."""
    found = []
    for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True):
        ids, learned = torch.from_numpy(tokens.ids[start:end].astype(np.int64)), tokens.learned[start:end]
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0].double()
        at = [place for place in range(1, len(ids)) if learned[place]]
        wanted = ids[at]
        logits = logits[[place - 1 for place in at]]
        loss = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
        error = (logits.softmax(-1) - torch.nn.functional.one_hot(wanted, logits.shape[-1])).norm(dim=-1)
        found.append((loss.numpy(), error.numpy(), (logits.argmax(-1) == wanted).numpy()))
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A trained proxy of forty samples of uneven length, its feature and its source."""
    feature = LossTrajectory(**TINY, n_checkpoints=5, epochs=15, rate=5e-3)
    source = Source(40, turns=sums, folder=tmp_path_factory.mktemp("made"))
    return feature, source, feature.fit(source, Progress())


def test_values_equal_a_plain_loop_over_single_samples(made):
    feature, source, fitted = made
    (block,) = feature.blocks(source, np.arange(40), fitted)
    assert block.values.shape == (40, 5)
    assert block.values.dtype == np.float32
    proxy = source.folder / "proxy"
    tokens = read_tokens(source, np.arange(40), read_vocabulary(proxy), "plain", 64)
    models = [read_model(proxy / f"checkpoint-{step}").eval() for step in fitted["steps"]]
    each = [plainly(model, tokens) for model in models]
    for at, found in enumerate(each):
        np.testing.assert_allclose(block.values[:, at], [loss.mean() for loss, _, _ in found], atol=1e-5)
        np.testing.assert_allclose(block.extra["error"][:, at], [error.mean() for _, error, _ in found], atol=1e-5)
        np.testing.assert_allclose(block.extra["right"][:, at], [right.mean() for _, _, right in found], atol=1e-6)
    slow = []
    for row in range(40):
        times = 0
        for before, after in zip(each[:-1], each[1:], strict=True):
            times += sum(was and not still for was, still in zip(before[row][2], after[row][2], strict=True))
        slow.append(times / len(each[0][row][2]))
    np.testing.assert_allclose(block.extra["forgotten"], slow, atol=1e-6)
    assert max(slow) > 0
    assert block.values[:, -1].mean() < block.values[:, 0].mean() - 0.5


def test_blocks_and_batches_change_no_more_than_the_last_digit(made):
    feature, source, fitted = made
    (whole,) = feature.blocks(source, np.arange(40), fitted)
    for how in ({"block": 7}, {"batch_tokens": 1}, {"block": 11, "batch_tokens": 150}):
        other = feature.model_copy(update=how)
        assert other.what() == feature.what()
        blocks = list(other.blocks(source, np.arange(40), fitted))
        assert np.concatenate([block.rows for block in blocks]).tolist() == list(range(40))
        np.testing.assert_allclose(np.concatenate([block.values for block in blocks]), whole.values, atol=1e-5)
        np.testing.assert_allclose(
            np.concatenate([block.extra["error"] for block in blocks]), whole.extra["error"], atol=1e-5
        )


def family(name: str, n: int):
    sizes = {
        "vocab_size": n,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
    }
    match name:
        case "gpt2":
            return transformers.GPT2LMHeadModel(
                transformers.GPT2Config(vocab_size=n, n_embd=16, n_layer=1, n_head=2, n_positions=64)
            )
        case "tied":
            return transformers.GPTNeoXForCausalLM(transformers.GPTNeoXConfig(**sizes, tie_word_embeddings=True))
        case "llama":
            return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, num_key_value_heads=1))
        case "bends its logits":
            config = transformers.Gemma2Config(**sizes, num_key_value_heads=1, head_dim=8, final_logit_softcapping=0.02)
            return transformers.Gemma2ForCausalLM(config)


@pytest.mark.parametrize("name", ["gpt2", "tied", "llama", "bends its logits"])
def test_any_family_of_models_is_scored_and_trained_as_it_is(made, tmp_path, name):
    vocabulary = read_vocabulary(made[1].folder / "proxy")
    torch.manual_seed(3)
    family(name, vocabulary.size).save_pretrained(tmp_path / "model")
    vocabulary.save(tmp_path / "model")
    source = Source(6, turns=sums, folder=tmp_path)
    tokens = read_tokens(source, np.arange(6), vocabulary, "plain", 64)
    model = read_model(tmp_path / "model").eval()
    np.testing.assert_allclose(
        per_sample(score(model, tokens, 200).loss, tokens),
        [loss.mean() for loss, _, _ in plainly(model, tokens)],
        atol=1e-5,
    )
    feature = LossTrajectory(**TINY | {"model": str(tmp_path / "model")}, n_checkpoints=2, epochs=4, rate=1e-2)
    (block,) = feature.blocks(source, np.arange(6), feature.fit(source, Progress()))
    assert (block.values[:, -1] < per_sample(score(model, tokens, 200).loss, tokens)).all()


def test_losses_that_are_no_numbers_are_listed(made, tmp_path):
    feature, source, _ = made
    wild = Source(8, turns=source.turns, folder=tmp_path)
    feature = LossTrajectory(**TINY, n_checkpoints=2, epochs=2, rate=1e30)
    (block,) = feature.blocks(wild, np.arange(8), feature.fit(wild, Progress()))
    assert read_log(tmp_path / "proxy" / "loss.jsonl")[-1]["loss"] is None
    assert list(block.unreadable) == [(row, "its loss is NaN or infinite") for row in range(8)]


def test_half_precision_is_another_answer_and_near(made):
    feature, source, fitted = made
    half = feature.model_copy(update={"precision": "bf16"})
    assert half.what() != feature.what()
    (one,), (other,) = feature.blocks(source, np.arange(40), fitted), half.blocks(source, np.arange(40), fitted)
    np.testing.assert_allclose(one.values, other.values, rtol=0.05, atol=0.02)


def names(workspace, pool):
    return {one.id: one for one in kept_features(workspace, pool.fingerprint)}


def test_a_trajectory_brings_its_relatives_at_once(workspace, tmp_path):
    def change(row, line):
        return line | {2: {"response": "broken"}, 3: {"prompt": "long " * 500}}.get(row, {})

    pool = add(workspace, tmp_path, 30, change=change)
    kept = computation.compute_feature(workspace, pool, LossTrajectory(**TINY, n_checkpoints=4, epochs=4))
    found = names(workspace, pool)
    assert set(found) == {"loss_trajectory", "loss", "learnability", "el2n", "forgetting"}
    assert [(one["id"], one["reason"][:22]) for one in kept.unreadable] == [
        ("002", "the response cannot be"),
        ("003", "the prompt alone has 5"),
    ]
    assert kept.unreadable[1]["reason"].endswith("tokens; the limit is 64")
    assert kept.meta["facts"]["cut"] == 0
    assert set(kept.meta["facts"]) == {
        "steps",
        "tokens",
        "learned_tokens",
        "cut",
        "parameters",
        "vocabulary",
        "rate",
        "batch",
    }
    values, measured = np.asarray(kept.values()), np.setdiff1d(np.arange(30), [2, 3])
    expected = {
        "loss": values[:, -1],
        "learnability": values[:, 0] - values[:, -1],
        "el2n": kept.extra("error")[:, 0],
        "forgetting": kept.extra("forgotten"),
    }
    for id, one in expected.items():
        mine = np.asarray(found[id].values())
        np.testing.assert_allclose(mine[measured], one[measured], atol=1e-6)
        assert np.isnan(mine[[2, 3]]).all()
        assert (mine.dtype, mine.shape) == (np.float32, (30,))
        assert found[id].unreadable[0]["reason"] == "it has no loss trajectory"
    roles = Roles.of(workspace, pool, needs=("loss_trajectory", "loss", "learnability", "error", "forgetting"))
    assert roles.array("error").shape == (30,)
    mean = computation.compute_feature(workspace, pool, EL2N(first=3))
    np.testing.assert_allclose(
        np.asarray(mean.values())[measured], kept.extra("error")[measured, :3].mean(axis=1), atol=1e-6
    )
    assert sorted(path.name for path in (kept.folder / "proxy").iterdir()) == ["about.json", "loss.jsonl", "model"]
    before = kept.meta["created"]
    assert (
        computation.compute_feature(workspace, pool, LossTrajectory(**TINY, n_checkpoints=4, epochs=4)).meta["created"]
        == before
    )


@pytest.mark.parametrize("name", ["values.npy", "fitted.npz"])
def test_a_damaged_trajectory_is_trained_and_measured_anew(workspace, tmp_path, name):
    """What it was measured with is gone by then: the proxy is trained again, and what follows from it finds the
    same.
    """
    pool, asked = add(workspace, tmp_path, 30), LossTrajectory(**TINY, n_checkpoints=4, epochs=4)
    kept = computation.compute_feature(workspace, pool, asked)
    values, error = np.array(kept.values()), np.array(kept.extra("error"))
    (kept.folder / name).write_bytes((kept.folder / name).read_bytes()[:-1])
    mended = computation.compute_feature(workspace, pool, asked)
    np.testing.assert_allclose(mended.values(), values, atol=1e-5)
    np.testing.assert_allclose(mended.extra("error"), error, atol=1e-5)
    assert (mended.key, mended.meta["facts"]) == (kept.key, kept.meta["facts"])
    assert sorted(path.name for path in (mended.folder / "proxy").iterdir()) == ["about.json", "loss.jsonl", "model"]
    assert names(workspace, pool)["loss"].is_intact()


def test_an_imported_trajectory_brings_those_that_need_nothing_else(workspace, tmp_path, rng):
    pool = add(workspace, tmp_path, 12)
    losses = rng.random((12, 5), dtype=np.float32)
    np.savez(tmp_path / "losses.npz", ids=pool.ids.astype(str)[1:], loss_trajectory=losses[1:])
    brought = task_of("feature_import", pool="t", role="loss_trajectory", file=str(tmp_path / "losses.npz"))
    assert perform(workspace, brought, Progress()).result["matched"] == 11
    found = names(workspace, pool)
    assert set(found) == {"imported", "loss", "learnability"}
    np.testing.assert_allclose(
        np.asarray(found["learnability"].values())[1:], (losses[:, 0] - losses[:, -1])[1:], atol=1e-6
    )
    assert np.isnan(found["loss"].values()[0])
    np.savez(tmp_path / "others.npz", ids=pool.ids.astype(str), loss_trajectory=losses + 1)
    for name, least in (
        ("others", 1),
        ("losses", 0),
    ):  # what was imported last fills its role, and what follows from it does
        import_feature(workspace, pool, "loss_trajectory", str(tmp_path / f"{name}.npz"))
        assert np.nanmin(Roles.of(workspace, pool).array("loss")) - losses[1:, -1].min() == pytest.approx(
            least, abs=0.5
        )
    with pytest.raises(MissingFeature) as caught:
        computation.compute_feature(workspace, pool, EL2N())
    assert str(caught.value) == (
        "el2n needs what is kept beside loss_trajectory (error), and an imported one has none; "
        "compute one: python -m datasel_core feature compute t loss_trajectory"
    )


def test_what_is_missing_is_named_with_the_command_that_gets_it(workspace, tmp_path):
    pool = add(workspace, tmp_path, 4)
    compute = "Compute one: python -m datasel_core feature compute t loss_trajectory"
    with pytest.raises(
        MissingFeature, match=f"loss needs the role loss_trajectory, which t does not have yet. {compute}"
    ):
        computation.compute_feature(workspace, pool, Loss())
    with pytest.raises(MissingFeature, match=f"The pool t has no feature for the role learnability yet. {compute}"):
        Roles.of(workspace, pool, needs=("learnability",))
    with pytest.raises(BadInput, match=r"A loss trajectory must be one row of losses per sample, \(n, checkpoints\)."):
        list(Learnability().blocks(Source(4, roles={"loss_trajectory": np.zeros((4, 2, 2))}), np.arange(4), {}))
    np.save(tmp_path / "v.npy", np.ones((4, 2), np.float32))
    vectors = add_pool(workspace, "v", str(tmp_path / "v.npy"), "vectors")
    with pytest.raises(
        BadRequest, match=r"loss_trajectory reads prompts and responses; the pool v \(of kind vectors\) has none."
    ):
        computation.compute_feature(workspace, vectors, LossTrajectory())
    nothing = add(workspace, tmp_path, 3, "n", change=lambda row, line: line | {"response": "broken"})
    with pytest.raises(
        Failed, match=r"No sample can be learned, from the first \(0\) on: the response cannot be read."
    ):
        computation.compute_feature(workspace, nothing, LossTrajectory(**TINY))


def test_stopped_while_training_or_scoring_it_goes_on_to_identical_values(workspace, tmp_path, monkeypatch):
    pool = add(workspace, tmp_path, 40)
    monkeypatch.setattr("datasel_core.features.chunks.CHUNK", 5)
    asked = LossTrajectory(**TINY, n_checkpoints=4, epochs=4, block=5)
    labels = []

    def stop_at(label, done):
        seen = []
        return Progress(
            report=seen.append,
            every=0,
            should_stop=lambda: bool(seen) and seen[-1].label == label and seen[-1].done >= done,
        )

    folder = workspace.feature(computation.feature_key(workspace, pool, asked))
    with pytest.raises(Stopped):
        computation.compute_feature(workspace, pool, asked, stop_at("training the proxy model", 25))
    assert (folder / "proxy" / "loss.jsonl").exists()
    with pytest.raises(Stopped):
        computation.compute_feature(workspace, pool, asked, stop_at("computing loss trajectories", 15))
    assert not (folder / "meta.json").exists()
    kept = computation.compute_feature(
        workspace, pool, asked, Progress(report=lambda step: labels.append((step.label, step.done)), every=0)
    )
    assert ("computing loss trajectories", 15) in labels
    assert "training the proxy model" not in {label for label, _ in labels}  # it was trained before
    straight = Source(40, turns=pool.turns, folder=tmp_path / "straight")
    whole = list(asked.blocks(straight, np.arange(40), asked.fit(straight, Progress())))
    np.testing.assert_allclose(kept.values(), np.concatenate([block.values for block in whole]), atol=1e-5)
