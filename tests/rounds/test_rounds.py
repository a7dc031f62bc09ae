"""A project of rounds: planned against what it took, the rule that ends it against hand-made numbers, and what is
refused.
"""

import json

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest, UnknownName
from datasel_core.rounds.effort import Effort, Price, measured, planned, typed
from datasel_core.rounds.project import find_project, of_pool
from datasel_core.rounds.proposal import propose, states, stops
from datasel_core.rounds.stop import State, Stop, rates, reasons
from datasel_core.runs import manifest
from datasel_core.runs.catalog import removal
from datasel_core.runs.reproduction import reproduce
from tests.conftest import task_of
from tests.runs.mixtures import test_mix

pool = test_mix.pool


def do(workspace, task, **fields):
    return perform(workspace, task_of(f"rounds_{task}", name="labels", **fields), Progress())


def start(workspace, **fields):
    usual = {"pool": "frames", "budget": "90", "rounds": 3, "share": ["70%=facility_location", "30%=random"]}
    return do(workspace, "start", **{**usual, **fields})


def test_three_rounds_from_the_plan_to_the_end(workspace, pool):
    said = start(workspace, seconds=36, wage=20, currency="EUR", at_least="5 per source").document
    assert said["next"]["words"] == "Round 1 of 3: 30 to begin with, 70 % Facility location, 30 % Random"
    assert said["next"]["planned"] == {"items": 30, "hours": 0.3, "money": 6.0}
    runs = []
    for at in (1, 2, 3):
        done = do(workspace, "next")
        runs.append(workspace.run(done.result["run"]))
        assert (done.result["round"], done.result["n"]) == (at, 30)
        fails = {"failures": "failures", "disputed": 10.0} if at == 1 else {}
        do(workspace, "done", items=28, hours=0.5, **fails)
        if at == 1:
            words = find_project(workspace, "labels")
            assert propose(words).words() == (
                "Round 2 of 3: 30 more, 49 % Facility location, 21 % Random, 30 % like the 18 failures"
            )
    kept = [manifest.kept_table(run)["id"].to_pylist() for run in runs]
    assert len({id for ids in kept for id in ids}) == 90  # no id in two rounds
    for run, before in zip(runs, (0, 30, 60), strict=True):
        already = manifest.read(run)["already"]
        assert (already["n"] if already else 0) == before
        assert reproduce(workspace, run)["identical"]
    project = find_project(workspace, "labels")
    assert (project.bought, project.left) == (84, 6)  # 28 of 30 came back, each time
    assert [one.actual.money for one in project.rounds] == [10.0] * 3
    values = [one.value for one in project.rounds]
    assert values == sorted(values)
    far = manifest.read(runs[2])["result"]["metrics_with_earlier"]["coverage"]["mean"]
    assert values[2] == pytest.approx(100 * (1 - far), abs=1e-5)
    assert propose(project).budget == 6
    assert rates(states(project))[1] == pytest.approx(100 * (values[1] - values[0]) / 10)


def test_the_budget_ends_it(workspace, pool):
    start(workspace, budget="20", rounds=1)
    do(workspace, "next")
    do(workspace, "done")
    project = find_project(workspace, "labels")
    assert propose(project) is None
    assert stops(project) == ["The budget is spent."]
    with pytest.raises(BadRequest, match=r"The budget of labels is spent: 20 of 20 samples\."):
        do(workspace, "next")


def test_the_rule_in_words_and_by_hand():
    rule = Stop(gain=2.0, reach=80.0, disputed=50.0)
    assert rule.words("EUR", True) == (
        "Stop when 100 EUR bring less than 2 % covered, at 80 % covered, when labellers disagree on 50 % of the "
        "failures, or when the budget is spent."
    )
    assert Stop().words("", False) == "Stop when the budget is spent."
    assert Stop(gain=1, measure="worth").words("", False) == (
        "Stop when 100 samples bring less than 1 random samples, or when the budget is spent."
    )
    first, second = State(value=40.0, spent=200), State(value=43.0, spent=200)
    assert rates([first, second, State(value=None, spent=9), second]) == [None, 1.5, None, None]
    assert rates([first, State(value=50.0, spent=0)]) == [None, None]
    assert reasons(rule, [], 9, "EUR", True) == []
    assert reasons(rule, [first], 9, "EUR", True) == []
    assert reasons(rule, [first, second], 9, "EUR", True) == [
        "100 EUR brought 1.50 % covered in the last round, less than 2."
    ]
    assert reasons(Stop(gain=1.5), [first, second], 9, "EUR", True) == []  # as much as asked is enough
    assert reasons(rule, [State(value=80.0, spent=1)], 9, "EUR", True) == [
        "80 % covered are reached; 80 were asked for."
    ]
    assert reasons(rule, [State(value=9.0, spent=1, disputed=50.0)], 9, "", False) == [
        "Labellers disagree on 50 % of what fails now; more labels would repeat the quarrel. Write the guideline anew."
    ]
    assert reasons(Stop(), [first], 0, "", False) == ["The budget is spent."]


def test_effort_by_hand():
    price = Price(seconds=36, wage=20, each=0.1)
    assert planned(price, 100) == Effort(items=100, hours=1.0, money=30.0)
    assert planned(Price(), 100) == Effort(items=100)
    assert typed(price, 50, 1.5, None) == Effort(items=50, hours=1.5, money=35.0)
    labels = {"id": ["a", "b", "a"], "seconds": ["1800", "900", "900"]}
    assert measured(price, ["a", "b", "c"], labels) == Effort(items=2, hours=1.0, money=20.2)
    assert measured(price, ["a", "b"], {"id": ["a"]}) == Effort(items=1)
    with pytest.raises(BadRequest, match=r"1 of 2 labels are of samples that are not in this round, such as z; name"):
        measured(price, ["a"], {"id": ["a", "z"]})
    with pytest.raises(BadRequest, match=r"The time of a is 'soon'; seconds must be a number from 0 up\."):
        measured(price, ["a"], {"id": ["a"], "seconds": ["soon"]})
    with pytest.raises(BadRequest, match=r"--hours is -1; it must be a number from 0 up\."):
        typed(price, 5, -1, None)


def test_labels_that_come_back_say_what_it_took_and_what_fails(workspace, pool, tmp_path):
    start(workspace, wage=30)
    ids = manifest.kept_table(workspace.run(do(workspace, "next").result["run"]))["id"].to_pylist()
    lines = ["id,seconds,failed,disputed", *(f"{id},60,{int(at < 4)},{int(at < 1)}" for at, id in enumerate(ids))]
    (tmp_path / "back.csv").write_text("\n".join(lines))
    do(workspace, "done", labels=str(tmp_path / "back.csv"))
    (one,) = find_project(workspace, "labels").rounds
    assert one.actual == Effort(items=30, hours=0.5, money=15.0)
    assert (one.failed, one.disputed) == (4, 25.0)
    do(workspace, "next")
    before = find_project(workspace, "labels")
    for text, right in (
        ("id\nstranger", "1 of 1 labels are of samples that are not in this round, such as stranger; name the file"),
        ("name\nx", "The labels have no column id; they have: name."),
    ):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(BadRequest, match=right):
            do(workspace, "done", labels=str(tmp_path / "bad.csv"))
    with pytest.raises(BadRequest, match="--labels says how many and how long; give no --items or --hours beside it"):
        do(workspace, "done", labels=str(tmp_path / "back.csv"), items=3)
    with pytest.raises(BadInput, match=r"none.csv is no CSV that can be read"):
        do(workspace, "done", labels=str(tmp_path / "none.csv"))
    assert find_project(workspace, "labels") == before  # nothing is lost


def test_a_selection_of_a_round_is_never_deleted(workspace, pool):
    start(workspace)
    key = do(workspace, "next").result["run"]
    with pytest.raises(BadRequest, match=r"cannot be deleted: it is round 1 of labels\."):
        removal.delete(workspace, workspace.run(key))
    do(workspace, "done")
    (workspace.run(key) / "selection.parquet").unlink()  # by hand
    shown = do(workspace, "show")
    assert len(shown.notes) == 1
    assert shown.notes[0].startswith("Round 1 of labels has lost its selection: ")
    with pytest.raises(BadInput, match="Round 1 of labels has lost its selection"):
        do(workspace, "next")


def test_a_pool_that_was_replaced_ends_it(workspace, pool, tmp_path):
    start(workspace)
    do(workspace, "next")
    do(workspace, "done")
    (tmp_path / "frames.jsonl").write_text("\n".join(json.dumps({"id": f"n{at}", "text": "x"}) for at in range(50)))
    add_pool(workspace, "frames", str(tmp_path / "frames.jsonl"), "text")
    right = "The pool frames was replaced since labels was started; its rounds stay as they are. Start another project"
    with pytest.raises(BadRequest, match=right):
        do(workspace, "next")
    assert do(workspace, "show").notes[0].startswith(right)
    assert len(find_project(workspace, "labels").rounds) == 1


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ({"budget": "2"}, "The budget is 2 for 3 rounds; each needs one sample at least."),
        ({"split": "10,x"}, "--split '10,x' must be counts from 1 up, such as 50,100,100."),
        ({"split": "10,20"}, "--split sums to 30; the budget is 90: they must be equal."),
        ({"share": ["50%=random"]}, "The shares (50) sum to 50 %; they must sum to 100 %."),
        ({"disputed": 120.0}, "--disputed is 120; it must be above 0 and at most 100 per cent."),
        ({"pool": "frame"}, "There is no pool called frame. Did you mean frames?"),
        ({"wage": -1.0}, "wage is -1.0; it must be greater than or equal to 0."),
    ],
)
def test_a_plan_that_cannot_be_is_one_line(workspace, pool, fields, right):
    with pytest.raises(BadRequest) as refused:
        start(workspace, **fields)
    assert str(refused.value) == right
    assert of_pool(workspace, pool) == []


def test_what_comes_at_the_wrong_time_is_refused(workspace, pool):
    with pytest.raises(UnknownName, match="There is no project of rounds called labels"):
        do(workspace, "show")
    start(workspace)
    with pytest.raises(BadRequest, match="There is a project called labels already; choose another name"):
        start(workspace)
    with pytest.raises(BadRequest, match=r"labels has no round yet; begin one: python -m datasel_core rounds next"):
        do(workspace, "done")
    with pytest.raises(BadRequest, match=r"The budget of the round is 200; it must be from 1 to 90, what is left\."):
        do(workspace, "next", budget=200)
    assert do(workspace, "next", budget=10).result["n"] == 10
    with pytest.raises(BadRequest, match=r"Round 1 of labels is not done yet; say what it took: python -m"):
        do(workspace, "next")
    for given, right in (
        ({"accuracy": 5.0}, "labels watches its coverage, which is measured; --accuracy is for projects that watch"),
        ({"disputed": 200.0}, r"--disputed is 200; it must be from 0 to 100\."),
        ({"failures": "nothing"}, "There is no pool called nothing"),
    ):
        with pytest.raises(BadRequest, match=right):
            do(workspace, "done", **given)
    do(workspace, "done")
    with pytest.raises(BadRequest, match="labels has no open round: round 1 is done; begin one"):
        do(workspace, "done")


def test_an_impossible_round_says_the_largest_possible_budget(workspace, pool):
    start(workspace, budget="150", at_most="2 per video")
    with pytest.raises(BadRequest, match=r"at most 2 per video leaves 40 samples: ask for at most 40\.$"):
        do(workspace, "next")
    assert do(workspace, "next", budget=40).result["n"] == 40


def test_accuracy_is_typed_and_ends_it(workspace, pool):
    start(workspace, measure="accuracy", reach=90.0)
    for right in (70.0, 91.0):
        do(workspace, "next")
        do(workspace, "done", accuracy=right)
    assert stops(find_project(workspace, "labels")) == ["91 % right are reached; 90 were asked for."]


def test_a_record_that_was_changed_by_hand_is_said(workspace, pool):
    start(workspace)
    path = workspace.project("labels") / "project.json"
    path.write_text(path.read_text().replace('"frames"', '"others"'))
    with pytest.raises(BadInput, match=r"project.json is damaged: it was changed after it was written\."):
        do(workspace, "show")
    assert of_pool(workspace, pool) == []


def test_a_share_that_needs_failures_waits_for_them(workspace, pool):
    start(workspace, share=["70%=facility_location", "30%=tsds"])
    project = find_project(workspace, "labels")
    assert propose(project).words() == "Round 1 of 3: 30 to begin with, 100 % Facility location"
    aimed = propose(project, "failures", 18)
    assert [(one.percent, one.target) for one in aimed.recipe.shares] == [(70, None), (30, "failures")]
    assert aimed.words().endswith("70 % Facility location, 30 % like the 18 failures")
    assert np.isclose(sum(one.percent for one in aimed.recipe.shares), 100)
