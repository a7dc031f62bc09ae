"""Labels of people in questions and answers: as a group, as a filter, as a number of the selection, in every export."""

import csv
import json
from collections import Counter

import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.analysis.metrics.instances import Instances
from datasel_core.errors import BadRequest
from datasel_core.runs import engine
from datasel_core.runs.candidates import matching
from datasel_core.runs.spec import Spec
from tests.exports.exporting import export
from tests.pools import layouts


@pytest.fixture
def pool(workspace, tmp_path):
    return add_pool(workspace, "p", str(layouts.coco(tmp_path / "in", 12)), "images")


def select(workspace, **asked):
    return engine.select(workspace, Spec(pool="p", **{"method": "random", "budget": "5", **asked}))


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("has('bicyclist')", [0]),
        ("not has('bicyclist') and has('car')", list(range(1, 11))),
        ("HAS('![a](http://127.0.0.1/x)')", []),
        ("len(labels) > 1", [0]),
        ("rarest_class is null", [11]),
        ("has('it''s')", []),
        ("has ( 'bicyclist' ) or rarest_class = 'has(x)'", [0]),
        ("rarest_class = 'car' and not has(concat('bi', 'cyclist'))", list(range(1, 11))),
    ],
)
def test_a_filter_may_say_has(pool, where, rows):
    assert matching(pool, where).nonzero()[0].tolist() == rows


def test_without_labels_nothing_is_had(workspace, photos):
    plain = add_pool(workspace, "plain", str(photos), "images")
    with pytest.raises(BadRequest, match="--where .* does not work .*has"):
        matching(plain, "has('car')")


def test_the_rarest_class_is_the_group_where_there_is_no_other(workspace, pool):
    run = select(workspace, method="stratified", budget="3")
    assert run.manifest["features"]["group"] == {"id": "column", "column": "rarest_class"}
    assert sorted(str(pool.value("rarest_class", row)) for row in run.table["row"].to_pylist()) == [
        "None",
        "bicyclist",
        "car",
    ]
    assert run.manifest["result"]["metrics"]["balance"]["counts"] == {"": 1, "bicyclist": 1, "car": 1}


def test_instances_of_the_kept_are_counted(workspace, pool):
    run = select(workspace, method="stratified", budget="4")
    labels = [pool.labels(row) for row in range(pool.n)]
    counts = Counter(label.name for row in run.table["row"].to_pylist() for label in labels[row])
    found = run.manifest["result"]["metrics"]["instances"]
    assert found["counts"] == {name: counts[name] for name in ("bicyclist", "car")}
    assert found["instances"] == counts.total()
    assert found["instances_in_pool"] == sum(map(len, labels)) == 13
    assert (found["classes"], found["classes_kept"], found["rarest"], found["rarest_count"]) == (2, 2, "bicyclist", 1)


def test_a_selection_without_things_says_so(workspace, pool):
    found = select(workspace, where="not has('car')", budget="1").manifest["result"]["metrics"]["instances"]
    assert (found["instances"], found["classes_kept"], found["rarest_count"]) == (0, 0, 0)
    assert Instances(most_classes=1).what()["params"] == {"most_classes": 1}


def test_exports_write_lists(workspace, pool, tmp_path):
    run = select(workspace, where="has('bicyclist')", budget="1")
    for format in ("csv", "jsonl", "parquet"):
        export(workspace, run, format, tmp_path / f"out.{format}")
    own = ["car", "bicyclist", "car"]
    with open(tmp_path / "out.csv", newline="") as file:
        assert json.loads(next(csv.DictReader(file))["labels"]) == own
    assert json.loads((tmp_path / "out.jsonl").read_text())["labels"] == own
    assert pq.read_table(tmp_path / "out.parquet")["labels"].to_pylist() == [own]


def test_the_command_line_shows_the_columns(workspace, pool, capsys):
    assert main(["pool", "show", "p", "--json"]) in (0, None)
    said = json.loads(capsys.readouterr().out)
    assert {"labels", "rarest_class"} <= set(said["columns"])
