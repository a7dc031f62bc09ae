"""Who labelled how much, how fast and how well: by hand, and by laws of the tests on simulated labellers."""

import json

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.errors import UnknownName
from datasel_core.labels.consensus import Item, Labels, of_pool
from datasel_core.labels.judgement import Judgement
from datasel_core.labels.labellers import LEAST, known_of, labellers
from datasel_core.labels.places import find
from datasel_core.labels.summary import summary
from datasel_core.pools import holdout
from datasel_core.pools.labels import Label
from tests.labels import bringing
from tests.labels.bringing import bring, task, written

pool, run = bringing.pool, bringing.run


def judged(row, person, value, seconds=None, boxes=None):
    classes = None if boxes is not None else (value,)
    return Judgement(str(row), "", person, classes, boxes, seconds, None, False, "")


def simulated(rng, n, people):
    """people: name -> (share of errors, median seconds)."""
    truth = rng.integers(3, size=n)
    items = []
    for row in range(n):
        own = []
        for person, (errors, median) in people.items():
            value = truth[row] if rng.random() > errors else (truth[row] + rng.integers(1, 3)) % 3
            own.append(judged(row, person, str(value), float(median * rng.lognormal(0, 0.5))))
        items.append(Item(row, tuple(own)))
    return Labels(None, [], items, {}, 0), {row: str(value) for row, value in enumerate(truth)}


def test_one_who_is_slow_and_one_who_errs_stand_out(rng):
    labels, known = simulated(rng, 200, {"good": (0.02, 5), "slow": (0.02, 9), "off": (0.25, 5), "more": (0.03, 5)})
    found = {one.person: one for one in labellers(labels, known, labels.items)}
    assert {name for name, one in found.items() if one.is_slow} == {"slow"}
    assert {name for name, one in found.items() if one.is_off} == {"off"}
    for name, one in found.items():
        own = [each for item in labels.items for each in item.own if each.person == name]
        assert one.items == 200
        assert one.seconds == pytest.approx(np.median([each.seconds for each in own]))
        assert one.spread == pytest.approx(np.percentile([each.seconds for each in own], [25, 75]))
        wrong = sum(each.value != known[item.row] for item in labels.items for each in item.own if each.person == name)
        assert (one.gold, one.errors) == (200, wrong)
        others = [
            each.value == other.value
            for item in labels.items
            for each in item.own
            for other in item.own
            if each.person == name != other.person
        ]
        assert one.with_others == pytest.approx(np.mean(others))


def test_without_known_answers_the_majority_of_the_others_tells(rng):
    labels, _ = simulated(rng, 200, {"a": (0.03, 5), "b": (0.03, 5), "c": (0.25, 5), "d": (0.03, 5)})
    assert [one.person for one in labellers(labels, {}, labels.items) if one.is_off] == ["c"]


def test_nobody_is_called_slow_or_off_by_chance_more_often_than_said(rng):
    """300 crews of four who are alike: in at most about 5 % of them somebody is named."""
    slow = off = 0
    for _ in range(300):
        labels, known = simulated(rng, 30, dict.fromkeys("abcd", (0.1, 5)))
        found = labellers(labels, known, labels.items)
        slow += any(one.is_slow for one in found)
        off += any(one.is_off for one in found)
    assert slow <= 300 * 0.05 + 2.6 * np.sqrt(300 * 0.05 * 0.95)
    assert off <= 300 * 0.05 + 2.6 * np.sqrt(300 * 0.05 * 0.95)


def test_nobody_is_judged_by_a_few(rng):
    few, known = simulated(rng, LEAST - 1, {"good": (0.0, 1), "bad": (1.0, 100)})
    assert not any(one.is_slow or one.is_off for one in labellers(few, known, few.items))
    enough, known = simulated(rng, LEAST, {"good": (0.0, 1), "bad": (1.0, 100)})
    assert [one.person for one in labellers(enough, known, enough.items) if one.is_slow and one.is_off] == ["bad"]


def test_the_consensus_and_what_to_label_again():
    box, near, far = (Label("cat", sides) for sides in ((0, 0, 10, 10), (0, 0, 10, 8), (20, 20, 5, 5)))
    items = [
        Item(0, (judged(0, "a", "x"), judged(0, "b", "x"), judged(0, "c", "y"))),
        Item(1, (judged(1, "a", "x"), judged(1, "b", "y"))),
        Item(2, (judged(2, "a", "x"),)),
        Item(3, (judged(3, "a", "", boxes=(box,)), judged(3, "b", "", boxes=(near,)))),
        Item(4, (judged(4, "a", "", boxes=(box, far)), judged(4, "b", "", boxes=(near,)))),
        Item(5, (judged(5, "a", "x"), judged(5, "b", "x"))),
    ]
    labels = Labels(None, [], items, {}, 0)
    assert [item.label for item in items] == ["x", None, "x", "cat", "cat", "x"]
    assert [item.agreement for item in items] == pytest.approx([1 / 3, 0, None, 1, 2 / 3, 1])
    assert [item.row for item in labels.again()] == [1, 0, 4]
    assert labels.box_f1() == pytest.approx(2 * 2 / 5)
    assert labels.box_f1(0.9) == 0


def test_gold_answers_come_from_where_they_are_known(workspace, tmp_path, pool):
    """A gold set is labelled beside the selection; a column, or a file, says what is right."""
    assert main(["holdout", "p", "--share", "6", "--gold"]) == 0
    gold = holdout.read(pool, "gold").ids
    assert main(["select", "p", "random", "--budget", "5", "--name", "first"]) == 0
    place = find(workspace, "first")
    ids = [*(str(pool.ids[row]) for row in place.rows), *gold]
    bring(workspace, "first", written(tmp_path, [task(id, (1, id[0]), (2, "a")) for id in ids]))
    said = summary(of_pool(workspace, pool), of_pool(workspace, pool), pool.n, "group")
    wrong = sum(not id.startswith("a") for id in gold)
    assert {one["person"]: (one["gold"], one["errors"]) for one in said["labellers"]} == {"1": (6, 0), "2": (6, wrong)}
    assert said["known"] == {"n": 6, "source": "the column group of the gold set"}
    assert known_of(of_pool(workspace, pool)).answers == {}
    with pytest.raises(UnknownName, match="There is no column of p called no"):
        known_of(of_pool(workspace, pool), "no")
    right = written(tmp_path, "id,label\n" + "".join(f"{id},c\n" for id in gold[:2]), "right.csv")
    bring(workspace, "p", right, gold=True)
    found = of_pool(workspace, pool)
    assert found.people == ["1", "2"]  # what is known is no labeller's
    assert known_of(found).answers == dict.fromkeys(pool.rows(gold[:2]).tolist(), "c")


def test_the_command_says_it_all(workspace, tmp_path, pool, run, capfd):
    ids = run.table["id"].to_pylist()
    tasks = [task(id, (1, "cat", 2), (2, "dog" if at < 3 else "cat", 4)) for at, id in enumerate(ids)]
    path = written(tmp_path, tasks)
    assert main(["labels", "show", "p"]) == 0
    assert "Nothing of p is labelled yet." in capfd.readouterr().out
    assert main(["labels", "import", run.key, str(path), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["n"] == 12
    assert main(["labels", "show", run.key]) == 0
    out = capfd.readouterr().out
    assert "12 of 12 samples are labelled, by 2 labellers." in out
    assert "They agree on 75 % of the 12 that several labelled." in out
    assert "Undecided, as many labellers say one thing as another: 3." in out
    assert "Labeller 1: 12, 2 s each (median), 75 % as others." in out
    assert main(["labels", "show", "p", "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert (said["n"], said["labelled"], said["disagreements"]) == (24, 12, 3)
    assert sorted(one["id"] for one in said["again"]) == sorted(ids[:3])
    assert main(["labels", "again", run.key, "--n", "2", "--out", str(tmp_path / "again"), "--json"]) == 0
    kept = json.loads(capfd.readouterr().out)["manifest"]["result"]["n"]
    assert (kept, (tmp_path / "again" / "manifest.json").is_file()) == (2, True)


def test_nothing_to_label_again_is_said(workspace, tmp_path, pool, capfd):
    assert main(["labels", "again", "p"]) == 2
    assert "The labellers of the pool p disagree on nothing" in capfd.readouterr().err
