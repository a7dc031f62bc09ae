"""The probe of fine-tuning: against a slow reading of the same trainings, what it says of old and unknown facts, tables
of evidence, and what it refuses.
"""

import json
from collections import Counter

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.evidence import holdout
from datasel_core.features.facts_training.tuning import Adapter, tuned
from datasel_core.features.feature import Source
from datasel_core.features.language.models import given_model
from datasel_core.features.language.tokens import read_tokens
from datasel_core.features.language.training import Recipe
from datasel_core.probes.evaluate import run_probe
from datasel_core.probes.facts_tuning import FactsTuning
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.conftest import task_of
from tests.features.facts_training.made import FACTS, KNOWING, KNOWN, greedy, knowing_model, taught
from tests.features.test_fact_knowledge import table

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

N = 2 * FACTS
NEW = np.array([6, 7, 8, 9])
"""Facts that the model does not know, in the first wording."""
TEST = np.setdiff1d(np.arange(N), NEW)
HOW = {**KNOWING, "rank": 4, "alpha": 8, "rate": 5e-3, "n": 30, "count": "steps", "batch": 4, "seed": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return knowing_model(tmp_path_factory.mktemp("knowing"))


def probe(folder, **params):
    return FactsTuning(model=str(folder), **{**HOW, "n_seeds": 2, **params})


@pytest.fixture(scope="module")
def measured(folder):
    return probe(folder).measure(taught()[0], NEW, TEST)


def after(folder, seed, tuning="lora"):
    """What the probe trained, by the parts that it is made of."""
    model, vocabulary = given_model(str(folder), 96)
    tokens = read_tokens(Source(N, turns=taught()[0]["turns"]), NEW, vocabulary, "plain", 96)
    recipe, adapter = Recipe(30, 4, 5e-3, seed), Adapter(4, 8) if tuning == "lora" else None
    return tuned(model, tokens, recipe, adapter, "cpu", Progress(), "tuning"), vocabulary


def alone(model, vocabulary):
    turns = taught()[0]["turns"]
    ids = [vocabulary.spell([turns(row)[0].text + "\n"])[0] for row in range(N)]
    return [greedy(model, vocabulary, one, 6) for one in ids]


def test_it_is_what_a_slow_reading_finds(measured, folder):
    answers = taught()[1]
    wanted = {name: [] for name in ("exact_match", "rephrased_match", "old_match", "memorised")}
    wanted |= {f"unknown_{word}": [] for word in ("right", "wrong", "other")}
    for seed in (2, 3):
        said = alone(*after(folder, seed))
        right = [one == answers[row % FACTS] for row, one in enumerate(said)]
        wanted["exact_match"].append(np.mean([right[row] for row in NEW]))
        wanted["rephrased_match"].append(np.mean([right[row + FACTS] for row in NEW]))
        wanted["old_match"].append(np.mean([right[row] for row in range(N) if row % FACTS < KNOWN]))
        counts = Counter()
        for row in TEST:
            if row % FACTS >= KNOWN and row % FACTS not in NEW:
                others = set(answers[row % FACTS % 2 :: 2])
                counts["right" if right[row] else "wrong" if said[row] in others else "other"] += 1
        for word in ("right", "wrong", "other"):
            wanted[f"unknown_{word}"].append(counts[word] / counts.total())
        total = 0
        for relation in (0, 1):
            p = max(Counter(answers[relation::2]).values()) / (FACTS / 2)
            total += (sum(right[row] for row in NEW if row % 2 == relation) - 2 * p) / (1 - p)
        wanted["memorised"].append(total)
    for name, values in wanted.items():
        assert measured[name] == pytest.approx(np.mean(values), abs=1e-6), name
    assert measured["new_match"] == measured["exact_match"], "all that it learns is new"
    assert measured["exact_match"] > 0.3
    assert measured["unknown_wrong"] > 0
    assert measured["old_match"] > 0


def test_before_is_what_the_model_knew_and_what_it_says_of_each_category_adds_up(measured):
    of = measured["by_knowledge"]
    assert measured["knowledge"] == {
        "trained": {"unknown": 4},
        "rephrased": {"unknown": 4},
        "dropped": {"highly known": 2 * KNOWN, "unknown": N - 8 - 2 * KNOWN},
    }
    assert (measured["before_exact_match"], measured["before_rephrased_match"]) == (0, 0)
    assert measured["before_dropped_match"] == pytest.approx(KNOWN / (FACTS - 4), abs=1e-6)
    for when in ("before_", ""):
        assert sum(measured[f"{when}unknown_{word}_shown"] for word in ("right", "wrong", "other")) == pytest.approx(1)
    assert of["highly known"]["dropped_match"] == pytest.approx(measured["old_match"], abs=1e-6)
    assert of["highly known"]["dropped_match_shown"] == pytest.approx(1 - measured["forgotten"], abs=1e-6)
    assert of["unknown"]["trained_match"] == pytest.approx(measured["new_match"], abs=1e-6)
    assert of["highly known"]["trained"] == 0
    assert of["highly known"]["trained_match"] is None
    assert measured["asked"] == {"trained": 4, "rephrased": 4, "dropped": N - 8}
    assert (measured["steps"], measured["epochs"], measured["trained_on"]) == (30, 30, 4)
    shown = measured["examples"][0]
    assert shown["before"] == shown["answer"] == taught()[1][0]


def test_a_step_that_changes_nothing_forgets_nothing(folder):
    found = probe(folder, rate=1e-12, n=1, n_seeds=1).measure(taught()[0], NEW, TEST)
    assert found["forgotten"] == 0
    assert found["exact_match"] == 0
    for word in ("right", "wrong", "other"):
        assert found[f"unknown_{word}_shown"] == found[f"before_unknown_{word}_shown"]
    harsh = probe(folder, tuning="full", rate=0.1, n_seeds=1, n=10).measure(taught()[0], NEW, TEST)
    assert harsh["forgotten"] > 0.5


def test_whole_models_learn_too(folder):
    found = probe(folder, tuning="full", n_seeds=1).measure(taught()[0], NEW, TEST)
    said = alone(*after(folder, 2, "full"))
    assert found["exact_match"] == pytest.approx(np.mean([said[row] == taught()[1][row] for row in NEW]))
    assert found["exact_match"] > 0.3


def test_each_is_what_the_judge_asks(folder, measured):
    roles, is_known = taught()[0], TEST % FACTS < KNOWN
    dropped = ~np.isin(TEST % FACTS, NEW)
    every = probe(folder).each(roles, NEW, TEST)
    assert every[is_known].mean() == pytest.approx(measured["old_match"], abs=1e-6)
    assert every[~dropped].mean() == pytest.approx(measured["rephrased_match"], abs=1e-6)
    short = probe(folder, n=12, n_seeds=1)
    assert short.each(roles, NEW, TEST[::-1]).tolist() == short.each(roles, NEW, TEST)[::-1].tolist()
    old = probe(folder, judge="old").each(roles, NEW, TEST)
    assert (np.isfinite(old) == is_known).all()
    assert 1 - old[is_known].mean() == pytest.approx(measured["forgotten"], abs=1e-6)
    unknown = probe(folder, judge="unknown").each(roles, NEW, TEST)
    assert (np.isfinite(unknown) == ~is_known).all()
    assert unknown[dropped & ~is_known].mean() == pytest.approx(measured["unknown_wrong"], abs=1e-6)
    assert [probe(folder, judge=one).higher_is_better for one in ("all", "old", "unknown")] == [True, True, False]
    assert len({probe(folder, judge=one).each_is for one in ("all", "old", "unknown")}) == 3
    with pytest.raises(BadRequest, match="No held-out fact is known before, so there is nobody to ask; draw a larger"):
        probe(folder, judge="old").each(roles, NEW, np.array([12, 13]))


def test_epochs_are_passes(folder):
    by_epoch = probe(folder, count="epochs", n=2, n_seeds=1, n_prompts=1)
    assert [by_epoch.measure(taught()[0], np.arange(n), TEST[-2:])["steps"] for n in (4, 6)] == [2, 3]


def test_a_selection_is_measured_beside_random_ones(folder, workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", f"{tmp_path}:{folder}")
    pool = add_pool(workspace, "facts", str(table(tmp_path)), "facts")
    holdout.draw(workspace, pool, "12")
    params = {name: str(value) for name, value in {**HOW, "model": folder, "n": 2, "n_seeds": 1}.items()}
    run = select(workspace, Spec(pool="facts", method="random", budget="4"), Progress())
    found = run_probe(workspace, run.folder, "facts_tuning", Progress(), params)
    assert found["asked"]["rephrased"] + found["asked"]["dropped"] == 12
    given = {f"probe.{name}": value for name, value in params.items()}
    asked = {"methods": "stratified", "budgets": "4", "seeds": 2, "probe": "facts_tuning", "measures": "none"}
    asked["params"] = {**given, "probe.judge": "unknown"}
    said = perform(
        workspace, task_of("evidence", pool="facts", **asked, use={"group": "relation"}), Progress()
    ).document
    assert said["measures"][0]["better"] == "lower"
    assert said["measures"][0]["name"] == "facts_tuning"
    assert said["cells"][0]["verdict"] == "pilot"


def test_it_refuses_what_cannot_be_tuned(folder, tmp_path):
    roles, rows = taught()[0], np.arange(4)
    with pytest.raises(BadRequest, match="Fine-tuning needs at least one sample to train on."):
        probe(folder).measure(roles, rows[:0], rows)
    running = {"n": 4, "turns": lambda row: [Turn("text", "long ago")]}
    with pytest.raises(BadRequest, match="No kept sample asks something and says the answer, so there is nothing to"):
        probe(folder).measure(running, rows, rows[:0])
    long = {"n": 4, "turns": lambda row: [Turn("user", "ab" * 100), Turn("assistant", "1")]}
    with pytest.raises(BadRequest, match="Nothing that was kept can be learned: the prompt alone has"):
        probe(folder).measure(long, rows, rows[:0])
    with pytest.raises(BadInput, match="holds no language model"):
        probe(tmp_path).measure(roles, rows, rows)


def test_the_model_is_what_its_folder_holds(folder):
    assert probe(folder).files() == (str(folder),)
    same = json.dumps(probe(folder).what(), sort_keys=True)
    assert json.dumps(probe(folder).what(), sort_keys=True) == same
    assert "weights" in probe(folder).what()
