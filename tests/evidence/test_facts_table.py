"""The probe `facts` in a table of evidence: beside random, and on other pools after the same trainings."""

import json

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.evidence import holdout
from datasel_core.evidence.tables import paper
from datasel_core.features.roles import Roles
from datasel_core.pools.holdout import held_out
from datasel_core.pools.persistence import load_pool
from datasel_core.probes.evaluate import given_to, run_probe
from datasel_core.probes.facts import FactsProbe
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.conftest import task_of
from tests.features.facts_training.made import name

pytest.importorskip("torch")
pytest.importorskip("transformers")

PROBE = {"layers": 1, "width": 32, "heads": 4, "vocabulary": 60, "batch": 16, "length": 32, "n": 120, "n_seeds": 1}
FACTS, BUDGET, SEEDS = 24, 16, 2
SAID = ("The colour of {} is", "Which colour has {}?", "Which colour is of {}?")


def add(workspace, folder, called, wordings):
    """Each fact in these wordings, four facts in the first of them four times over; the answer in wording 9 is read
    from right to left.
    """
    rows = []
    for wording in wordings:
        for fact in range(FACTS):
            often = 4 if fact < 4 and wording == wordings[0] else 1
            colour = ("red", "blue", "green")[fact * fact % 3]
            answer = colour[::-1] if wording == 9 else colour
            one = {"question": SAID[min(wording, 2)].format(name(fact)), "answer": answer, "relation": "colour"}
            rows += [{**one, "fact": f"f{fact}", "wording": wording}] * often
    (folder / f"{called}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return add_pool(workspace, called, str(folder / f"{called}.jsonl"), "facts")


@pytest.fixture
def pool(workspace, tmp_path):
    made = add(workspace, tmp_path, "book", (0, 1))
    holdout.draw(workspace, made, "14")
    return made


def measured(workspace, **fields):
    params = {f"probe.{name}": str(value) for name, value in PROBE.items()}
    asked = {"methods": "most_frequent_facts", "budgets": str(BUDGET), "seeds": SEEDS, "probe": "facts"}
    task = task_of("evidence", **{"pool": "book", **asked, "params": params, "measures": "none", **fields})
    return perform(workspace, task, Progress()).document


def cells(document):
    return {(one["method"], one["measure"]): one for one in paper.every(document)}


def given(workspace, called):
    pool = load_pool(workspace, called)
    return given_to(FactsProbe(**PROBE), pool, Roles.of(workspace, pool))


def kept(workspace, method, seed):
    return load_pool(workspace, "book").rows(
        select(workspace, Spec(pool="book", method=method, budget=str(BUDGET), seed=seed)).ids
    )


def test_facts_that_are_answered_stand_beside_those_of_random(workspace, pool):
    said = measured(workspace)
    found, probe, held = cells(said), FactsProbe(**PROBE), held_out(pool).rows(pool)
    each = {
        (method, seed): probe.each(given(workspace, "book"), np.sort(kept(workspace, method, seed)), held)
        for method, seeds in (("most_frequent_facts", 1), ("random", SEEDS))
        for seed in range(seeds)
    }
    assert set().union(*map(set, (values.tolist() for values in each.values()))) <= {0, 1}
    mine = each["most_frequent_facts", 0]
    others = np.mean([each["random", seed] for seed in range(SEEDS)], axis=0)
    cell = found["most_frequent_facts", "facts"]
    assert cell["value"] == pytest.approx(mine.mean())
    assert cell["random"] == pytest.approx(others.mean())
    assert cell["difference"] == pytest.approx((mine - others).mean())
    assert cell["value"] > 0, "one of two colours, that can be guessed"
    assert cell["low"] <= cell["difference"] <= cell["high"]
    (about,) = said["measures"]
    assert about["title"].startswith(
        "share of held-out questions that a small model, trained on the kept alone, answers"
    )
    assert about["better"] == "higher"


def test_other_wordings_of_its_facts_judge_after_the_same_trainings(workspace, tmp_path, pool, monkeypatch):
    add(workspace, tmp_path, "asked", (2,))
    add(workspace, tmp_path, "wrong", (9,))
    made, real = [], FactsProbe._trained
    monkeypatch.setattr(FactsProbe, "_trained", lambda *asked: made.append(1) or real(*asked))
    said = cells(measured(workspace, judges="wrong,asked"))
    monkeypatch.undo()
    assert len(made) == 1 + 2 * SEEDS, (
        "one of the method, whose answers under all seeds are one; random as often as drawn"
    )
    params = {name: str(value) for name, value in PROBE.items()}
    run = select(workspace, Spec(pool="book", method="most_frequent_facts", budget=str(BUDGET)))
    for judge in ("asked", "wrong"):
        cell = said["most_frequent_facts", f"facts on {judge}"]
        there, train = given(workspace, judge), np.sort(kept(workspace, "most_frequent_facts", 0))
        (alone,) = FactsProbe(**PROBE).judged(given(workspace, "book"), train, [(there, np.arange(there["n"]))])
        found = run_probe(workspace, run.folder, "facts", Progress(), params, judge)
        assert found["elsewhere_match"] == pytest.approx(cell["value"], abs=1e-6)
        assert alone.mean() == pytest.approx(cell["value"])
        assert found["asked"]["elsewhere"] == len(alone)
    assert said["most_frequent_facts", "facts on asked"]["value"] > 0.5
    assert said["most_frequent_facts", "facts on wrong"]["value"] < 0.1, "nobody taught it to read from right to left"


def test_who_asks_nothing_is_no_judge(workspace, tmp_path, pool):
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps({"text": f"long ago {at}"}) for at in range(6)))
    add_pool(workspace, "tale", str(tmp_path / "t.jsonl"), "text")
    with pytest.raises(BadRequest, match="No sample of the pool to test on asks something and says the answer"):
        measured(workspace, judges="tale")


def test_a_wording_is_held_out_by_its_column(workspace, tmp_path):
    """Kept in the first wording alone; asked in the other."""
    add(workspace, tmp_path, "book", (0, 1))
    run = select(workspace, Spec(pool="book", method="once_each", budget=str(FACTS), where="wording = 0"))
    params = {name: str(value) for name, value in {**PROBE, "n": 5}.items()}
    found = run_probe(workspace, run.folder, "facts", Progress(), params, "rest")
    assert found["asked"] == {"trained": FACTS, "rephrased": FACTS, "dropped": 0}
