"""Predicted influence: learned from the first reference, in standard deviations of the whole pool, with an honest
correlation; and what a choice by it is refused or told.
"""

import json

import numpy as np
import pytest
from scipy import stats

from datasel_core.__main__ import main
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest, Failed, MissingFeature, Stopped
from datasel_core.features.computation import compute_feature, feature_key
from datasel_core.features.encoders.hashed_ngrams import HashedNgrams
from datasel_core.features.encoders.influence import Influence
from datasel_core.features.encoders.tfidf_svd import TfidfSvd
from datasel_core.features.influence_model.probed import in_deviations, split
from datasel_core.runs.engine import select
from datasel_core.runs.reproduction import reproduce
from datasel_core.runs.spec import Spec
from tests.features.probing import losses_of, probe, probed_pool, text_pool, words_of

TINY = {"vocabulary": 300, "layers": 1, "width": 32, "heads": 2, "length": 64, "device": "cpu", "model": "scratch"}


def spearman(one, other) -> float:
    return float(stats.spearmanr(one, other).statistic)


@pytest.mark.parametrize("by", ["embedding", "tfidf_svd", "hashed_ngrams"])
def test_what_few_texts_said_is_predicted_of_all(workspace, tmp_path, by):
    pool, losses = probed_pool(workspace, tmp_path)
    if by == "hashed_ngrams":
        compute_feature(workspace, pool, HashedNgrams())
    kept = compute_feature(workspace, pool, Influence(by=by))
    values, facts = np.asarray(kept.values(), np.float64), kept.meta["facts"]
    assert spearman(values, losses[:, 0]) > 0.9
    assert spearman(values, losses[:, 0]) > spearman(values, losses[:, 1]) + 0.5  # the first reference, not the second
    assert (values.mean(), values.std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))
    assert (facts["n_probed"], facts["n_train"], facts["n_validation"]) == (200, 180, 20)
    assert facts["reference"] == "logbook"
    assert facts["spearman"]["low"] > 0
    assert facts["spearman"]["low"] < facts["spearman"]["mid"] <= facts["spearman"]["high"]
    assert facts["flops"]["fit"] > 0
    assert facts["flops"]["predict"] == 2 * 400 * (
        16 if by != "hashed_ngrams" else 1 + _largest_bucket(workspace, pool)
    )


def _largest_bucket(workspace, pool) -> int:
    return int(compute_feature(workspace, pool, HashedNgrams()).values().values[:, 0].max())


def test_deviations_are_of_every_sample_not_of_the_probed(workspace, tmp_path):
    """The probed are all about the sea: the rest of the pool is worse than they are."""
    words = words_of(300)
    losses = losses_of(words, 0.02)
    rows = np.sort(np.argsort(losses[:, 0])[:120])
    pool = text_pool(workspace, tmp_path, words)
    compute_feature(workspace, pool, TfidfSvd(n_dims=16))
    probe(workspace, pool, losses[rows], rows)
    values = np.asarray(compute_feature(workspace, pool, Influence()).values(), np.float64)
    assert (values.mean(), values.std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))
    assert values[rows].mean() < -0.5


def test_the_correlation_is_that_of_samples_that_decided_nothing(workspace, tmp_path):
    pool, losses = probed_pool(workspace, tmp_path, noise=0.3)
    kept = compute_feature(workspace, pool, Influence(seed=3))
    measured = np.where(np.isin(np.arange(400), _probed_rows()), losses[:, 0].astype(np.float32), np.nan)
    parts = split(measured, np.ones(400, bool), 3)
    assert not set(parts.train) & set(parts.check)
    found = spearman(kept.values()[parts.check], measured[parts.check])
    assert kept.meta["facts"]["spearman"]["mid"] == pytest.approx(found, abs=1e-6)


def _probed_rows() -> np.ndarray:
    return np.sort(np.random.default_rng(5).choice(400, 200, replace=False))


def test_its_key_is_of_all_that_it_reads(workspace, tmp_path):
    pool, losses = probed_pool(workspace, tmp_path)
    keys = {feature_key(workspace, pool, Influence())}
    compute_feature(workspace, pool, TfidfSvd(n_dims=12))  # another embedding
    keys.add(feature_key(workspace, pool, Influence()))
    rows = _probed_rows()
    other = losses[rows].copy()
    other[:, 1] += 1  # the same values, another second reference
    probe(workspace, pool, other, rows)
    keys.add(feature_key(workspace, pool, Influence()))
    other[:, 0] += 0.01 * np.arange(len(rows))
    probe(workspace, pool, other, rows)
    keys.add(feature_key(workspace, pool, Influence()))
    assert len(keys) == 4


def test_what_is_not_there_is_said_with_the_command(workspace, tmp_path):
    words = words_of(40)
    pool = text_pool(workspace, tmp_path, words)
    with pytest.raises(MissingFeature, match="influence needs the role measured_influence"):
        compute_feature(workspace, pool, Influence())
    with pytest.raises(
        MissingFeature, match="texts influence_probe --set references=POOL; then: .* feature compute texts influence$"
    ):
        select(workspace, Spec(pool="texts", method="mates", budget="5"))
    probe(workspace, pool, losses_of(words), np.arange(40))
    with pytest.raises(MissingFeature, match="influence needs embedding, .* feature compute texts tfidf_svd"):
        compute_feature(workspace, pool, Influence())
    with pytest.raises(MissingFeature, match="influence needs hashed_ngrams.*feature compute texts hashed_ngrams"):
        compute_feature(workspace, pool, Influence(by="hashed_ngrams"))
    with pytest.raises(BadInput, match="one vector per sample, or from counts of words; measured_influence is neither"):
        compute_feature(workspace, pool, Influence(by="measured_influence"))


def test_an_imported_measure_without_losses_is_refused(workspace, tmp_path):
    pool = text_pool(workspace, tmp_path, words_of(40))
    np.savez(tmp_path / "m.npz", ids=pool.ids.astype(str), measured_influence=np.linspace(0, 1, 40))
    import_feature(workspace, pool, "measured_influence", str(tmp_path / "m.npz"))
    with pytest.raises(MissingFeature, match=r"influence needs what is kept beside measured_influence \(after\)"):
        compute_feature(workspace, pool, Influence())


def test_too_few_probes_and_probes_that_say_nothing(workspace, tmp_path):
    words = words_of(60)
    pool, losses = text_pool(workspace, tmp_path, words), losses_of(words)
    compute_feature(workspace, pool, TfidfSvd(n_dims=8))
    probe(workspace, pool, losses[:19], np.arange(19))
    with pytest.raises(BadInput, match="Only 19 samples are probed and have something to predict from; .* at least 20"):
        compute_feature(workspace, pool, Influence())
    probe(workspace, pool, np.full((30, 2), 2.5), np.arange(30))
    with pytest.raises(Failed, match="the same for all of 27 probed samples, so there is nothing to learn"):
        compute_feature(workspace, pool, Influence())
    with pytest.raises(Failed, match="The same is predicted for every sample"):
        in_deviations(np.array([1.0, 1.0, np.nan]))
    probe(workspace, pool, np.round(losses[:30]), np.arange(30))  # of two values alone: many are equal
    assert compute_feature(workspace, pool, Influence()).meta["facts"]["n_validation"] == 3


def test_samples_without_a_vector_are_left_out_by_name(workspace, tmp_path):
    words = words_of(120)
    pool, losses = text_pool(workspace, tmp_path, words), losses_of(words)
    there = np.setdiff1d(np.arange(120), [3, 50, 119])
    vectors = np.random.default_rng(0).standard_normal((len(there), 5)) + losses[there, :1]
    np.savez(tmp_path / "v.npz", ids=pool.ids[there].astype(str), embedding=vectors)
    import_feature(workspace, pool, "embedding", str(tmp_path / "v.npz"))
    probe(workspace, pool, losses[:60], np.arange(60))
    kept = compute_feature(workspace, pool, Influence())
    assert [(one["row"], one["reason"]) for one in kept.unreadable] == [
        (row, "it has no value of embedding") for row in (3, 50, 119)
    ]
    assert np.isnan(kept.values()[[3, 50, 119]]).all()
    assert kept.meta["facts"]["n_probed"] == 58
    assert np.nanstd(kept.values()) == pytest.approx(1, abs=1e-5)


def test_a_small_transformer_reads_the_texts_itself(workspace, tmp_path):
    pytest.importorskip("torch")
    words = words_of(160)
    pool, losses = text_pool(workspace, tmp_path, words), losses_of(words, 0.02)
    probe(workspace, pool, losses[:120], np.arange(120))
    kept = compute_feature(workspace, pool, Influence(**TINY, epochs=8))
    values, facts = np.asarray(kept.values(), np.float64), kept.meta["facts"]
    assert spearman(values[120:], losses[120:, 0]) > 0.6
    assert values.std() == pytest.approx(1, abs=1e-5)
    assert facts["flops"]["fit"] > facts["flops"]["predict"] > 0
    assert facts["parameters"] > 1000
    again = compute_feature(workspace, pool, Influence(**TINY, epochs=8, seed=1))
    assert again.key != kept.key


def test_a_transformer_keeps_its_best_epoch_and_can_be_stopped(workspace, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from datasel_core.features.influence_model import transformer

    words = words_of(60)
    pool, losses = text_pool(workspace, tmp_path, words), losses_of(words)
    probe(workspace, pool, losses[:40], np.arange(40))
    with pytest.raises(Stopped):
        compute_feature(workspace, pool, Influence(**TINY), Progress(should_stop=lambda: True))
    said, weights = iter([0.1, 0.9, 0.4]), []
    monkeypatch.setattr(transformer, "spearman", lambda one, other: next(said))
    learned, kept = transformer._Model.learn, []

    def watched(self, *given):
        hook = self.head.register_forward_pre_hook(lambda head, _: weights.append(head.weight.detach().clone()))
        steps = learned(self, *given)
        hook.remove()
        kept.append(self.head.weight.detach().clone())
        return steps

    monkeypatch.setattr(transformer._Model, "learn", watched)
    compute_feature(workspace, pool, Influence(**TINY, epochs=3, batch=36))  # one step an epoch, then one look
    at_looks = weights[1::2]
    assert len(at_looks) == 3
    assert (kept[0] == at_looks[1]).all()
    assert not (kept[0] == at_looks[2]).all()


def test_a_transformer_wants_texts(workspace, tmp_path):
    np.savez(tmp_path / "v.npz", ids=np.array(list("abcdef")), embedding=np.eye(6), measured_influence=np.zeros(6))
    from datasel_core.actions.add_pool import add_pool

    pool = add_pool(workspace, "vectors", str(tmp_path / "v.npz"), "vectors")
    with pytest.raises(BadRequest, match="influence reads prompts and responses; the pool vectors .* has none"):
        compute_feature(workspace, pool, Influence(model="scratch"))


def test_a_weak_prediction_is_refused_by_mates_and_a_good_one_is_not(workspace, tmp_path, capsys):
    pool, _ = probed_pool(workspace, tmp_path)
    compute_feature(workspace, pool, Influence())
    spec = Spec(pool="texts", method="mates", budget="30")
    good = select(workspace, spec)
    assert "note" not in good.manifest["result"].get("facts", {})
    assert reproduce(workspace, good.folder)["identical"]
    why = json.loads(good.table["why"][0].as_py())
    assert why["score"] + why["chance"] >= json.loads(good.table["why"][29].as_py())["score"]
    noise = np.random.default_rng(2).standard_normal((200, 2))
    probe(workspace, pool, 3 + 0.1 * noise, _probed_rows())
    compute_feature(workspace, pool, Influence())
    with pytest.raises(BadInput, match=r"not shown to rank unseen texts \(Spearman .*\); .* --set weak=true"):
        select(workspace, spec)
    assert main(["select", "texts", "mates", "--budget", "30"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    weak = select(workspace, spec.model_copy(update={"params": {"weak": True}}))
    assert weak.manifest["method"]["params"]["weak"] is True
    assert "chosen by all the same" in weak.manifest["result"]["facts"]["note"]
    assert reproduce(workspace, weak.folder)["identical"]


def test_an_influence_of_which_nobody_said_anything_is_taken_with_a_note(workspace, tmp_path):
    pool = text_pool(workspace, tmp_path, words_of(40))
    np.savez(tmp_path / "i.npz", ids=pool.ids.astype(str), influence=np.linspace(-2, 2, 40))
    import_feature(workspace, pool, "influence", str(tmp_path / "i.npz"))
    run = select(workspace, Spec(pool="texts", method="mates", budget="10", params={"temperature": 0.0}))
    assert run.ids == pool.ids[:10].tolist()  # low is good
    assert "Nobody said how well this influence predicts" in run.manifest["result"]["facts"]["note"]


def test_stages_never_share_a_sample_and_likeness_counts_through_the_engine(workspace, tmp_path):
    pool, _ = probed_pool(workspace, tmp_path, n=120, n_probes=100)
    compute_feature(workspace, pool, Influence())
    had: set[str] = set()
    already = None
    for stage in range(3):
        params = {"diverse": 1.0} if stage == 1 else {}
        spec = Spec(pool="texts", method="mates", budget="40", seed=stage, already=already, params=params)
        run = select(workspace, spec)
        assert len(run.ids) == 40
        assert not had & set(run.ids)
        had |= set(run.ids)
        already = run.folder.name
        assert ("likeness" in json.loads(run.table["why"][5].as_py())) == (stage == 1)
        assert reproduce(workspace, run.folder)["identical"]
    with pytest.raises(BadRequest, match="No sample of texts is left to choose from"):
        select(workspace, Spec(pool="texts", method="mates", budget="1", already=already))
