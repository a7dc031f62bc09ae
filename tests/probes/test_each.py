"""One number per held-out sample, of the probes that open samples: its mean is what the probe measures."""

import json
from dataclasses import replace

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Failed
from datasel_core.evidence import holdout
from datasel_core.evidence.tables.benefit import Benefit
from datasel_core.evidence.worth import Worth
from datasel_core.probes.lm import LanguageProbe
from datasel_core.probes.retrieval import Retrieval, ranked
from tests.conftest import task_of
from tests.probes.test_lm_probe import TINY, world
from tests.probes.test_retrieval import slow


def test_the_loss_of_each_response_is_what_the_probe_measures():
    rows, probe = np.arange(40), LanguageProbe(**TINY, steps=3, answers=0)
    each = probe.each(world(40), rows[:20], rows[20:])
    assert each.shape == (20,)
    assert each.mean() == pytest.approx(probe.measure(world(40), rows[:20], rows[20:])["loss"], abs=1e-4)
    assert probe.each(world(40), rows[:20], rows[:19:-1]) == pytest.approx(each[::-1], abs=1e-5)
    with pytest.raises(BadRequest, match="needs at least one sample to train on"):
        probe.each(world(40), rows[:0], rows[20:])


def test_a_response_that_cannot_be_read_has_no_loss():
    there = world(40)

    def turns(row):
        if row == 33:
            raise BadRequest("It is gone.")
        return there["turns"](row)

    each = LanguageProbe(**TINY, steps=1).each({**there, "turns": turns}, np.arange(20), np.arange(20, 40))
    assert np.flatnonzero(np.isnan(each)).tolist() == [13]


def test_ranks_of_each_pair_are_those_of_a_slow_reading(rng, monkeypatch):
    similarity, pictures = rng.integers(0, 6, (12, 12)).astype(float), np.array([0, 0, 1, 1, *range(2, 10)])
    texts = [str(at // 2) for at in range(12)]
    monkeypatch.setattr(Retrieval, "_seen", lambda *given: (similarity, texts, pictures))
    each = Retrieval().each({}, np.arange(5), np.arange(12))
    assert each.shape == (12,)
    assert each.mean() == pytest.approx(slow(similarity, texts, pictures.tolist())["mean_reciprocal_rank"])
    assert each.mean() == pytest.approx(ranked(similarity, texts, pictures)["mean_reciprocal_rank"], abs=1e-6)


def test_a_table_by_the_language_probe(workspace, tmp_path):
    lines = [{"prompt": f"{at}?", "response": f"the answer is {at % 5}", "source": "ab"[at % 2]} for at in range(40)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pool = add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    holdout.draw(workspace, pool, "10")
    params = {f"probe.{name}": str(value) for name, value in {**TINY, "steps": 1, "n_seeds": 1}.items()}
    asked = {"methods": "stratified", "budgets": "6", "seeds": 2, "probe": "lm", "params": params}
    found = perform(workspace, task_of("evidence", pool="t", **asked), Progress()).document
    assert found["measure"] == "lm"
    assert found["measures"][0]["better"] == "lower"
    assert {one["verdict"] for one in found["cells"]} == {"pilot"}
    assert 1 < found["cells"][0]["value"] < 10


@pytest.mark.parametrize(
    ("worth", "seconds", "line"),
    [
        (Worth(83, 76, 92, 10, 400), 2.0, "it saves 33 labels and pays from 0.061 s per label."),
        (
            Worth(83, 40, 92, 10, 400),
            2.0,
            "it may save 33 labels, or none; where it does it pays from 0.061 s per label.",
        ),
        (Worth(40, 30, 45, 10, 400), 2.0, "it is worth 40 random ones (30 to 45): it saves no labels."),
        (
            Worth(float("inf"), 300, float("inf"), 10, 400),
            700.0,
            "it saves at least 350 labels and pays from 2 s per label.",
        ),
        (
            Worth(float("inf"), 50, float("inf"), 10, 50),
            2.0,
            "the most that were drawn here: a larger budget beside it says",
        ),
        (None, 7200.0, "choosing 50 by m took 2 h."),
    ],
)
def test_what_choosing_costs_and_saves_is_a_hand_calculation(worth, seconds, line):
    assert line in Benefit("m", 50, 50.0, seconds, {}, worth).line()


def test_features_count_as_what_choosing_costs():
    made = Benefit("m", 50, 50.0, 2.0, {"vit_patterns": 31.0, "imported": float("nan")}, Worth(83, 76, 92, 10, 400))
    assert made.pays_from == pytest.approx(1.0)
    assert "took 2 s, computing vit_patterns 31 s (FLOPs not counted) (what imported cost is not known);" in made.line()
    counted = replace(made, features={"vit_patterns": 31.0, "clip_text": 4.0, "imported": float("nan")})
    counted = replace(counted, flops={"vit_patterns": 1_230_000_000_000, "clip_text": None})
    said = "computing vit_patterns and clip_text 35 s (1.2 TFLOP; those of clip_text not counted) (what imported cost"
    assert said in counted.line()
    both = replace(counted, flops={"vit_patterns": 1_200_000_000_000, "clip_text": 900_000_000_000}).line()
    assert "35 s (2.1 TFLOP) (what" in both


def test_a_model_of_a_table_lies_under_an_allowed_folder_and_what_it_refuses_is_one_line(
    workspace, tmp_path, monkeypatch
):
    import torch

    lines = [{"prompt": f"{at}?", "response": f"the answer is {at % 5}", "source": "ab"[at % 2]} for at in range(40)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    holdout.draw(workspace, add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text"), "10")
    params = {f"probe.{name}": str(value) for name, value in {**TINY, "steps": 1, "n_seeds": 1}.items()}
    asked = {"pool": "t", "methods": "stratified", "budgets": "6", "seeds": 2, "probe": "lm", "measures": "none"}
    with pytest.raises(BadRequest, match="lies outside the allowed folders"):
        task_of("evidence", **asked, params={**params, "probe.model": "/etc"}).prepare(workspace)
    monkeypatch.setattr(LanguageProbe, "each", lambda *given: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(Failed, match="The probe lm could not measure: torch refused it .*size"):
        perform(workspace, task_of("evidence", **asked, params=params), Progress())
