"""What S2L promises is read from the pool's table of evidence, of this very question; else only how to measure it."""

import json
import shlex

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.appraisals import promise
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import place
from datasel_core.pools import holdout
from datasel_core.runs.engine import answer
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from tests.conftest import rewritten, task_of
from tests.probes.test_lm_probe import TINY
from tests.runs.joints import keep

pytest.importorskip("transformers")
PROBE = {f"probe.{name}": str(value) for name, value in {**TINY, "steps": 1, "n_seeds": 1}.items()}


@pytest.fixture
def pool(workspace, tmp_path, rng):
    lines = [{"prompt": f"{at}?", "response": f"the answer is {at % 5}"} for at in range(40)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    keep(workspace, found, "loss_trajectory", rng.random((40, 4)).astype(np.float32))
    return found


def ask(workspace, budget="6", **asked):
    return resolve(workspace, Spec(pool="t", method="s2l", budget=budget, **asked))


def told(workspace, **asked):
    """Lines and notes of the answer, which is asked for anew only where it is another question."""
    question = ask(workspace, **asked)
    return promise.told(question, answer(question))


def compared(workspace, **fields):
    asked = {"pool": "t", "methods": "s2l", "budgets": "6", "seeds": 2, "probe": "lm", "measures": "none", **fields}
    return perform(workspace, task_of("evidence", **asked, params=PROBE), Progress()).document


def test_without_a_table_the_command_is_told_and_it_measures(workspace, pool, capsys):
    lines, (note,) = told(workspace)
    assert lines == []
    assert note.endswith("(hold some out, then choose again): python -m datasel_core holdout t --share 20%")
    drawing.draw(workspace, pool, "10")
    _, (note,) = told(workspace, params={"n_clusters": 3})
    what, _, command = note.partition(": ")
    assert what == "the loss of a language model that learns from these, beside random ones (it takes minutes)"
    end = "--methods s2l:n_clusters=3 --budgets 6 --probe lm --measures none"
    assert command == f"python -m datasel_core evidence t {end}"
    sizes = [word for name, value in PROBE.items() for word in ("--set", f"{name}={value}")]
    assert main([*shlex.split(command)[3:], "--seeds", "2", *sizes]) == 0
    capsys.readouterr()
    assert main(["select", "t", "s2l", "--set", "n_clusters=3", "--budget", "6"]) == 0
    said = capsys.readouterr()
    assert "A language model that learns 6 chosen like this has a loss of" in said.out
    assert "it takes minutes" not in said.err


def test_it_is_what_the_table_says(workspace, pool):
    """Of a selection made before the table it is told, of one made after it the manifest has it."""
    drawing.draw(workspace, pool, "10")
    before = answer(ask(workspace))
    cell = compared(workspace)["cells"][0]
    assert "promise" not in before.manifest["result"]
    lines, notes = told(workspace)
    assert notes == []
    words = f"has a loss of {cell['value']:.2f} nats a token on 10 held-out responses; from random ones"
    assert words in lines[0]
    assert lines[0].endswith(f"{cell['random']:.2f} (pilot; 2 seeds).")
    said = answer(ask(workspace), again=True).manifest["result"]["promise"]
    assert said["measure"] == "loss"
    assert {name: said[name] for name in ("value", "random", "low", "high")} == {
        name: cell[name] for name in ("value", "random", "low", "high")
    }
    assert promise.sentence(said) == lines[0]


@pytest.mark.parametrize("asked", [{"budget": "7"}, {"params": {"n_clusters": 3}}])
def test_a_table_of_another_question_says_nothing_of_this_one(workspace, pool, asked):
    drawing.draw(workspace, pool, "10")
    compared(workspace)
    assert told(workspace, **asked)[0] == []


def test_nor_one_of_other_values_of_the_feature_or_by_another_probe(workspace, pool, rng):
    held = drawing.draw(workspace, pool, "10")
    compared(workspace)
    folder = place(workspace, pool, held)
    first = paper.last(folder)
    others = [{**one, "measure": "linear"} for one in first["cells"]]
    rewritten(folder / "table.json", cells=others)
    assert told(workspace)[0] == []
    paper.keep(folder, {name: value for name, value in first.items() if name != "sha256"})
    assert len(told(workspace)[0]) == 1
    keep(workspace, pool, "loss_trajectory", rng.random((40, 4)).astype(np.float32))
    assert told(workspace)[0] == []


def test_a_damaged_table_is_none(workspace, pool):
    held = drawing.draw(workspace, pool, "10")
    compared(workspace)
    (place(workspace, pool, held) / "table.json").write_text("{}")
    assert told(workspace)[0] == []


def test_of_a_part_of_a_pool_or_one_without_texts_nothing_is_told(workspace, pool):
    drawing.draw(workspace, pool, "10")
    assert told(workspace, where="id != '3'") == ([], [])
    holdout.forget(pool, holdout.HOLDOUT)
    assert told(workspace, where="id != '3'") == ([], [])
