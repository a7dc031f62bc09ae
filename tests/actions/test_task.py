"""Tasks: one declaration gives a command, a check, a folder, a worker and a place in the queue."""

import json

import pytest

from datasel_core.__main__ import main
from datasel_core.actions.task import Outcome, Task, Work, parse_task, parts, perform
from datasel_core.base.progress import Progress
from datasel_core.base.registry import every
from datasel_core.errors import BadRequest
from datasel_core.workspace.queue import turn
from tests.conftest import task_of

TASKS = every("task")
FIELDS = {
    "calibrate": {"width": 12},
    "capacity": {"pool": "p", "parameters": 1000},
    "cleanup": {"kinds": "nothing of ours"},
    "combine": {"operation": "union", "folders": ["a", "b"]},
    "datamodel": {"pool": "p", "reference": "q"},
    "delete": {"run": "x"},
    "demo": {},
    "emulator": {"run": "x", "target": "ssp126"},
    "enough": {"pool": "p"},
    "evaluate": {"run": "x"},
    "evidence": {"pool": "p", "methods": "k_center", "budgets": "5"},
    "export": {"run": "x", "format": "csv", "out": "x.csv"},
    "facts": {"pool": "p"},
    "failures": {"pool": "p", "file": "failed.txt"},
    "feature": {"pool": "p", "feature": "dictionary_embedding"},
    "feature_import": {"pool": "p", "role": "embedding", "file": "x.npz"},
    "find": {"pool": "p", "query": "a dress"},
    "keep": {"pool": "p", "list": "lists/0123456789abcdef.parquet"},
    "labels_again": {"run": "x"},
    "labels_import": {"run": "x", "file": "labels.json"},
    "labels_show": {"run": "x"},
    "leaks": {"pool": "p", "against": "t"},
    "holdout": {"pool": "p"},
    "map": {"feature": "0" * 16},
    "mini_climate": {"scenarios": "no such one"},
    "memorised": {"run": "x"},
    "mix": {"pool": "p", "budget": "5"},
    "next_run": {"pool": "p", "target": "ssp245", "reference": "ssp370"},
    "note": {"run": "x", "text": "a note"},
    "phonebook": {"facts": 5, "parameters": 5},
    "pilot": {"pool": "p"},
    "pilot_import": {"pool": "p", "file": "times.csv"},
    "plan": {"pool": "p", "budget": "5", "wage": "20", "seconds": "10"},
    "pool": {"name": "p", "source": "photos"},
    "pool_cut": {"name": "q", "parent": "p", "where": "n > 3"},
    "pool_map": {"pool": "p"},
    "rates": {},
    "rates_export": {"name": "ours", "out": "x.csv"},
    "rates_import": {"name": "ours", "file": "x.csv"},
    "rates_remove": {"name": "ours"},
    "recommend": {"pool": "p"},
    "recipe": {"pool": "p", "target": "t"},
    "rename": {"run": "x", "name": "a name"},
    "review": {"run": "x"},
    "rounds_done": {"name": "n"},
    "rounds_next": {"name": "n"},
    "rounds_show": {"name": "n"},
    "rounds_start": {"name": "n", "pool": "p", "budget": "50"},
    "score": {"pool": "p", "method": "clip_score"},
    "select": {"pool": "p", "method": "random", "budget": "5"},
    "sensitivity": {"pool": "p", "parameters": 1000},
    "serving": {"pool": "p", "target": "t"},
    "simulations": {"run": "x"},
    "stages": {"pool": "p", "reference": "r"},
    "yardstick": {"pool": "p"},
    "years": {"pool": "p", "target": "ssp126"},
}


def test_every_task_is_tried_here():
    assert FIELDS.keys() == TASKS.keys()


@pytest.mark.parametrize("id", TASKS)
def test_it_is_declared_for_people(id):
    cls, asked = TASKS[id], task_of(id, **FIELDS[id])
    assert cls.cost
    assert len(cls.summary()) > 20
    assert all(field.description for field in cls.model_fields.values())
    said = asked.headline()
    assert said[:1].isupper()
    assert not said.endswith(".")
    assert cls.part in parts()


@pytest.mark.parametrize("id", TASKS)
def test_it_goes_into_a_file_and_comes_back(id):
    asked = task_of(id, **FIELDS[id])
    assert parse_task(json.loads(json.dumps(asked.spec()))) == asked


@pytest.mark.parametrize("id", sorted(TASKS.keys() - {"demo", "rates"}))
def test_a_wrong_request_is_refused_and_nothing_is_written(id, workspace):
    """Nothing of what it names is there."""
    with pytest.raises(BadRequest) as error:
        task_of(id, **FIELDS[id]).prepare(workspace).run(Progress())
    assert len(str(error.value).splitlines()) == 1
    assert not workspace.path.exists() or id in ("combine", "map")  # these look only once it is their turn


@pytest.mark.parametrize("id", TASKS)
def test_it_has_a_command_whose_options_are_its_fields(id, capsys):
    cls = TASKS[id]
    assert main([*(cls.words or (id,)), "--help"]) == 0
    said = capsys.readouterr().out
    for name, field in cls.model_fields.items():
        extra = field.json_schema_extra or {}
        shown = extra.get("option", name).replace("_", "-")
        if extra.get("hidden"):
            assert f"--{shown} " not in said
        else:
            [option, *_] = extra.get("flags", [f"--{shown}"])
            argument = f"{{{name}}}" if field.is_required() else f"[{name}]"
            assert (argument if extra.get("argument") else option) in said


def test_an_unknown_kind_of_work_names_those_that_are(workspace):
    with pytest.raises(
        BadRequest, match="There is no work called dance; there are: calibrate, capacity, cleanup, combine, datamodel"
    ):
        parse_task({"do": "dance"})


class Heavy(Task):
    """Notes that it ran."""

    heavy = True

    def prepare(self, workspace) -> Work:
        return Work(workspace.path, lambda progress: Outcome({"ran": True}))


class Light(Heavy):
    """The same, at once."""

    heavy = False


def test_heavy_work_waits_its_turn_and_says_for_what(workspace):
    """What is at work ends as soon as the one behind it says that it waits."""
    said, at_work = [], turn(workspace, "Drawing the map", lambda before: None)
    at_work.__enter__()

    def report(step) -> None:
        said.append((step.label, step.waiting, step.total))
        at_work.__exit__(None, None, None)

    assert perform(workspace, Light(), Progress(report)).result == {"ran": True}
    assert said == []
    assert perform(workspace, Heavy(), Progress(report)).result == {"ran": True}
    assert said[0] == ("waiting for: Drawing the map", True, 0)
