"""Every feature of texts has on a pool of facts what it has on a pool of texts with the same prompts and responses; and
what is asked of texts is asked of facts.
"""

import json

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.base.registry import every
from datasel_core.features.computation import compute_feature
from datasel_core.features.feature import OPENED
from datasel_core.features.roles import Roles
from datasel_core.features.twins import numbered
from datasel_core.pools.holdout import HOLDOUT, read
from datasel_core.runs import engine, reproduction
from datasel_core.runs.find import words
from datasel_core.runs.find.texts import columns, search
from datasel_core.runs.spec import Spec
from tests.conftest import task_of

WORDS = ("sea", "hill", "stone", "river", "Ann", "Bob", "red", "blue", "one", "two", "three")


@pytest.fixture
def both(workspace, tmp_path, rng):
    """The same sixty rows, as facts and as texts."""
    rows = [
        {
            "id": f"f{at:02d}",
            "question": " ".join(rng.choice(WORDS, 6)) + f" {at}?",
            "answer": str(rng.choice(WORDS)),
            "relation": f"P{at % 4}",
        }
        for at in range(60)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [add_pool(workspace, kind, str(tmp_path / "in.jsonl"), kind) for kind in ("facts", "text")]


def plain(kept):
    values = kept.values()
    return (values.values, values.offsets) if isinstance(values, Ragged) else (values,)


def alike(workspace, both, feature):
    one, other = (plain(compute_feature(workspace, pool, feature)) for pool in both)
    for values, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(values, same)
        assert values.size


def test_samples_are_the_same_to_the_letter(both):
    facts, texts = both
    assert facts.table["content"].to_pylist() == texts.table["content"].to_pylist()
    for row in range(60):
        assert facts.turns(row) == texts.turns(row)
        assert facts.text(row) == texts.text(row)
    assert facts.is_like(texts)
    assert facts.opens == texts.opens


@pytest.mark.parametrize("id", ["terms", "tfidf_svd", "hashed_ngrams"])
def test_features_of_words(workspace, both, id):
    alike(workspace, both, every("feature")[id]())


def test_features_of_a_language_model(workspace, both):
    pytest.importorskip("torch")
    from tests.features.test_language import TINY

    alike(workspace, both, every("feature")["loss_trajectory"](**{**TINY, "seed": 3}))


def test_every_feature_that_opens_texts_opens_facts(both):
    facts, texts = both
    for one in every("feature").values():
        if one.reads in OPENED:
            assert (one.reads in facts.opens) is (one.reads in texts.opens)


def test_what_is_asked_of_texts(workspace, both, tmp_path):
    """Found, held out, compared for leaks, chosen towards the same samples as texts, and chosen again."""
    facts, texts = both
    found = sorted(search(facts, words.read("river -Ann")).rows.tolist())
    held = ["river" in facts.text(row)[0] and "ann" not in facts.text(row)[0].lower().split() for row in range(60)]
    assert found == np.flatnonzero(held).tolist()
    assert 3 < len(found) < 57
    assert columns(facts) == ["id", "question", "answer", "relation"]  # no word is found in a hash
    perform(workspace, task_of("holdout", pool="facts", share="20%", by="relation"), Progress())
    held = read(facts, HOLDOUT)
    assert len(held.ids) > 0
    answer = perform(workspace, task_of("leaks", pool="facts", against="text"), Progress())
    assert answer.code == 1
    assert answer.result["samples"] == 60
    compute_feature(workspace, facts, every("feature")["tfidf_svd"]())
    run = engine.select(workspace, Spec(pool="facts", method="stratified", budget="8"))
    assert run.manifest["features"]["group"]["column"] == "relation"
    assert set(run.ids).isdisjoint(held.ids)
    assert reproduction.reproduce(workspace, run.folder)["identical"]


def test_roles_enter_the_key_by_what_they_hold(workspace, both):
    """Equal numbers are equal facts in any numbering that is made of them."""
    facts, texts = both
    one, other = Roles.of(workspace, facts), Roles.of(workspace, texts, {"relation": "relation"})
    assert one.array("relation").tolist() == other.array("relation").tolist() == [at % 4 for at in range(60)]
    assert one.keys(("relation",)) == other.keys(("relation",))
    assert one.keys(("fact",))["fact"] != one.keys(("relation",))["relation"]
    said = one.about(("fact", "relation"))
    assert {role: about["column"] for role, about in said.items()} == {"fact": "fact", "relation": "relation"}


@pytest.mark.parametrize(
    "values",
    [["b", None, "a", "b", None], np.array([2.0, np.nan, 1.0, 2.0, np.nan]), [2**60 + 1, None, 2**60, 2**60 + 1, None]],
)
def test_a_sample_without_a_value_shares_it_with_none(values):
    assert numbered(np.asarray(values, dtype=None if isinstance(values, np.ndarray) else object)).tolist() == [
        0,
        2,
        1,
        0,
        3,
    ]
