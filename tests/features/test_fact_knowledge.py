"""What a given model knows before: against prompts that are put together and read anew, one at a time; kills; what can
be asked for by it.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest, Failed
from datasel_core.features.computation import compute_feature, feature_key
from datasel_core.features.encoders.fact_knowledge import FactKnowledge
from datasel_core.features.facts_training.knowledge import CATEGORIES, categories
from datasel_core.features.feature import Source
from datasel_core.features.language.models import given_model
from datasel_core.features.roles import Roles
from datasel_core.runs.engine import select
from datasel_core.runs.manifest import kept_table
from datasel_core.runs.spec import Spec
from tests.conftest import ROOT
from tests.features.facts_training.made import FACTS, KNOWING, KNOWN, greedy, knowing_model, taught

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

N = 2 * FACTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return knowing_model(tmp_path_factory.mktemp("knowing"))


@pytest.fixture(autouse=True)
def _roots(workspace, monkeypatch, tmp_path, folder):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", os.pathsep.join([str(tmp_path), str(folder)]))


@pytest.fixture
def pool(workspace, tmp_path):
    return add_pool(workspace, "facts", str(table(tmp_path)), "facts")


def table(place):
    roles, _ = taught()
    lines = []
    for row in range(N):
        question, answer = (turn.text for turn in roles["turns"](row))
        named = {"fact": f"f{row % FACTS:02d}", "relation": f"r{row % FACTS % 2}"}
        lines.append({"id": f"s{row:02d}", "question": question, "answer": answer, **named})
    (place / "facts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return place / "facts.jsonl"


def asked(folder, **params):
    return FactKnowledge(model=str(folder), **{**KNOWING, **params})


def source(**changes):
    roles, _ = taught()
    given = {name: roles[name] for name in ("fact", "relation")}
    return Source(N, turns=roles["turns"], roles=given, **changes)


def values(feature, there):
    fitted = feature.fit(there, Progress())
    blocks = list(feature.blocks(there, fitted["rows"], fitted))
    return fitted, np.concatenate([one.values for one in blocks]), blocks


def test_what_was_learned_to_certainty_is_highly_known_and_what_never_was_is_unknown(folder):
    fitted, found, blocks = values(asked(folder), source())
    assert fitted["rows"].tolist() == list(range(N))
    drawn = np.concatenate([one.extra["drawn"] for one in blocks])
    of = categories(found, drawn)
    is_known = np.arange(N) % FACTS < KNOWN
    assert set(of[is_known]) == {"highly known"}
    assert set(of[~is_known]) == {"unknown"}


def test_values_are_those_of_prompts_that_are_read_anew(folder):
    """The model is bent until some of its answers are right and some are not."""
    roles, answers = taught()
    model, vocabulary = given_model(str(folder), 96)
    with torch.no_grad():
        for name, one in model.named_parameters():
            if "dense" in name and one.ndim == 2:
                one.add_(torch.randn(one.shape, generator=torch.Generator().manual_seed(1)), alpha=0.1)
    model.save_pretrained(folder.parent / "bent")
    vocabulary.save(folder.parent / "bent")
    feature = asked(folder.parent / "bent", n_drawn=0)
    fitted, found, blocks = values(feature, source())
    assert blocks[0].extra == {}
    model.eval()
    for at, row in enumerate(range(N)):
        right = []
        for shown in fitted["examples"][at].tolist():
            assert row % FACTS not in {one % FACTS for one in shown}
            assert {one % FACTS % 2 for one in shown} == {row % FACTS % 2}
            ids = []
            for one in shown:
                question, answer = (turn.text for turn in roles["turns"](one))
                ids += [*vocabulary.spell([question + "\n"])[0], *vocabulary.spell([answer])[0], vocabulary.end]
            ids += vocabulary.spell([roles["turns"](row)[0].text + "\n"])[0]
            right.append(greedy(model, vocabulary, ids, 6) == answers[row % FACTS])
        assert found[at] == pytest.approx(np.mean(right), abs=1e-6), row
    assert 0.1 < found.mean() < 0.4
    assert ((found > 0) & (found < 1)).any(), "some are maybe known"


def test_categories_are_those_of_gekhman():
    greedy = np.array([1, 1, 0.1, 0.9, 0, 0, np.nan])
    drawn = np.array([1, 0.2, 0, 0.5, 0.01, 0, np.nan])
    highly, maybe, weakly, unknown = CATEGORIES
    assert categories(greedy, drawn).tolist() == [highly, highly, maybe, maybe, weakly, unknown, ""]
    assert categories(greedy).tolist() == [highly, highly, maybe, maybe, unknown, unknown, ""]


def test_it_is_a_number_to_choose_and_filter_by(workspace, pool, folder):
    compute_feature(workspace, pool, asked(folder, most=30, batch_tokens=50))
    roles = Roles.of(workspace, pool)
    knowledge, drawn = (np.asarray(roles.array(name)) for name in ("knowledge", "drawn_knowledge"))
    there = np.isfinite(knowledge)
    assert there.sum() == 30
    assert np.array_equal(np.isfinite(drawn), there)
    is_known = np.arange(N) % FACTS < KNOWN
    assert (knowledge[there] == is_known[there]).all()
    assert (drawn[there & ~is_known] == 0).all()
    assert roles.features["knowledge"].meta["unmeasured"] == {
        "n": N - 30,
        "reason": "not among the facts that were asked about",
    }
    unknown, where = np.flatnonzero(there & ~is_known), "knowledge = 0 AND drawn_knowledge = 0"
    run = select(workspace, Spec(pool="facts", method="random", budget=str(len(unknown)), where=where), Progress())
    assert sorted(run.selection.rows.tolist()) == unknown.tolist()
    best = {"role": "knowledge"}
    run = select(workspace, Spec(pool="facts", method="by_score", budget="5", params=best), Progress())
    assert all(int(one[1:]) % FACTS < KNOWN for one in kept_table(run.folder)["id"].to_pylist())
    more = compute_feature(workspace, pool, asked(folder, batch_tokens=4000, most=30))
    assert more.key == roles.features["knowledge"].key, "how many go together is in no key"
    other = asked(folder, n_drawn=0, most=30, n_prompts=2)
    assert feature_key(workspace, pool, other) != more.key


def test_examples_go_by_the_columns_of_the_pool(workspace, pool, folder, tmp_path):
    kept = compute_feature(workspace, pool, asked(folder, n_drawn=0, n_prompts=2))
    fitted = kept.fitted()
    rows = fitted["rows"][:, None, None]
    assert (fitted["examples"] % FACTS % 2 == rows % FACTS % 2).all()
    assert (fitted["examples"] % FACTS != rows % FACTS).all()
    said = [json.loads(line) | {"relation": "one"} for line in table(tmp_path).read_text().splitlines()]
    (tmp_path / "one.jsonl").write_text("\n".join(map(json.dumps, said)))
    other = add_pool(workspace, "one", str(tmp_path / "one.jsonl"), "facts")
    assert other.fingerprint == pool.fingerprint, "a relation is no content"
    feature = asked(folder, n_drawn=0, n_prompts=2)
    assert feature_key(workspace, other, feature) != kept.key == feature_key(workspace, pool, feature)


_KILLED = """
import os, signal, sys
from pathlib import Path
from datasel_core.features import chunks
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders import fact_knowledge
from datasel_core.pools.persistence import load_pool
from datasel_core.workspace.layout import Workspace
from tests.features.facts_training.made import KNOWING

chunks.CHUNK, fact_knowledge._ROWS, asked = 4, 4, fact_knowledge.said
calls = []
def said(*given):
    calls.append(given)
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return asked(*given)
fact_knowledge.said = said
workspace = Workspace(Path(sys.argv[1]))
compute_feature(workspace, load_pool(workspace, "facts"), fact_knowledge.FactKnowledge(model=sys.argv[2], **KNOWING))
"""


def test_after_a_kill_it_goes_on_and_is_what_it_would_have_been(workspace, pool, folder, monkeypatch):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", _KILLED, str(workspace.path), str(folder)]
    assert subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == -9
    from datasel_core.features.encoders import fact_knowledge

    again, calls = fact_knowledge.said, []
    monkeypatch.setattr(fact_knowledge, "said", lambda *given: calls.append(len(given[2])) or again(*given))
    kept = compute_feature(workspace, pool, asked(folder))
    assert sum(calls) == (N - 12) * KNOWING["n_prompts"], "three blocks of four were kept"
    fitted, whole, blocks = values(asked(folder), source())
    assert np.asarray(kept.values()).tolist() == whole.tolist()
    assert kept.extra("drawn").tolist() == np.concatenate([one.extra["drawn"] for one in blocks]).tolist()


def test_what_cannot_be_asked_says_why(workspace, folder, tmp_path):
    def only(relation, answers=None):
        turns = source().turns
        said = [Turn("assistant", "1 2 3 4 5 6 7 8 9")]
        given = {"fact": np.arange(N), "relation": np.array(relation)}
        return Source(N, turns=(lambda row: [*turns(row)[:1], *said]) if answers else turns, roles=given)

    def why(feature, there):
        return {reason for one in values(feature, there)[2] for _, reason in one.unreadable}

    assert why(asked(folder), only([*range(N - 3), 99, 99, 99])) == {
        "its relation has fewer than 2 other facts to show"
    }
    assert why(asked(folder), only([0] * N, "long")) == {"its answer has 17 tokens and an end; the limit is 6"}
    (reason,) = {reason.split(" have")[0] for reason in why(asked(folder, length=8), only([0] * N))}
    assert reason == "examples, question and answer"
    running = Source(3, turns=lambda row: [Turn("text", "long ago")])
    with pytest.raises(BadRequest, match="fact_knowledge asks questions, and no sample of the pool has one with an"):
        asked(folder).fit(running, Progress())
    with pytest.raises(BadParameter, match="model is scratch, which has learned nothing yet; fact_knowledge asks"):
        FactKnowledge(model="scratch")
    lines = [{"question": f"{at}?", "answer": f"{at}", "relation": f"{at}"} for at in range(4)]
    (tmp_path / "alone.jsonl").write_text("\n".join(map(json.dumps, lines)))
    alone = add_pool(workspace, "alone", str(tmp_path / "alone.jsonl"), "facts")
    with pytest.raises(Failed, match="No sample of alone could be read: .*fewer than 2 other facts to show"):
        compute_feature(workspace, alone, asked(folder))


def test_what_is_drawn_does_not_hang_on_what_goes_together(folder, monkeypatch):
    def drawn(**how):
        return np.concatenate(
            [one.extra["drawn"] for one in values(asked(folder, temperature=3.0, **how), source())[2]]
        )

    whole = drawn()
    assert len(np.unique(whole)) > 3, "they stray"
    monkeypatch.setattr("datasel_core.features.encoders.fact_knowledge._ROWS", 5)
    assert drawn(batch_tokens=90).tolist() == whole.tolist()


def test_without_names_of_facts_equal_questions_are_one(folder):
    there = Source(N, turns=source().turns)
    fitted = asked(folder).fit(there, Progress())
    for row, shown in zip(fitted["rows"].tolist(), fitted["examples"], strict=True):
        assert row not in shown
