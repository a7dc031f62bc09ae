"""The demo phonebook: every exposure stands there, counts are those that were asked for, numbers are uniform."""

import collections
import json
import math

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.pools.demo.phonebook import WORDINGS, facts_for, phonebook
from datasel_core.pools.guess import kind_of
from datasel_core.pools.persistence import load_pool
from tests.conftest import task_of


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("exponent", "exposures", "wordings"), [(0.0, 1, 1), (0.0, 6, 4), (1.0, 20, 8), (2.0, 5, 3)])
def test_it_holds_what_was_asked_for(tmp_path, exponent, exposures, wordings):
    n = 300
    rows = read(phonebook(tmp_path, n, exponent=exponent, exposures=exposures, wordings=wordings))
    of = collections.defaultdict(list)
    for row in rows:
        of[row["fact"]].append(row)
    assert (len(rows), len(of)) == (n * exposures, n)
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["exposures"] == len(mine) for mine in of.values() for row in mine)
    assert all(len({row["answer"] for row in mine}) == 1 for mine in of.values())
    assert all(len(row["answer"]) == 10 and row["answer"].isdecimal() for row in rows)
    # one question per fact and wording, and none that two facts share; wordings take turns
    asked = {(fact, row["wording"]): row["question"] for fact, mine in of.items() for row in mine}
    assert len({row["question"] for row in rows}) == len(asked)
    assert all(asked[row["fact"], row["wording"]] == row["question"] for row in rows)
    for mine in of.values():
        times = collections.Counter(row["wording"] for row in mine)
        assert max(times.values()) - min(times.get(at, 0) for at in range(wordings)) <= 1
    assert {row["wording"] for row in rows} == set(range(wordings))
    # Zipf's law beyond the one that each has, by largest remainder: less than one away from the exact share
    counts = sorted((len(mine) for mine in of.values()), reverse=True)
    weights = [(rank + 1) ** -exponent for rank in range(n)]
    exact = [1 + n * (exposures - 1) * weight / math.fsum(weights) for weight in weights]
    assert max(abs(a - b) for a, b in zip(counts, exact, strict=True)) < 1


def test_the_most_frequent_stand_anywhere_and_rows_in_any_order(tmp_path):
    rows = read(phonebook(tmp_path, 400, exponent=1.0, exposures=10))
    most = {row["fact"]: row["exposures"] for row in rows}
    by_name = [most[name] for name in sorted(most)]
    assert abs(np.corrcoef(np.arange(400), by_name)[0, 1]) < 0.2
    assert abs(np.corrcoef(np.arange(len(rows)), [row["exposures"] for row in rows])[0, 1]) < 0.1
    assert [row["fact"] for row in rows] != sorted(row["fact"] for row in rows)


def test_digits_are_uniform_and_the_seed_decides_all(tmp_path):
    """Chi-square of 9 degrees of freedom, at every place: 40 is passed once in 100,000 times."""
    one = phonebook(tmp_path / "a", 3_000, digits=4, seed=5)
    numbers = [row["answer"] for row in read(one)]
    for place in range(4):
        counts = np.bincount([int(number[place]) for number in numbers], minlength=10)
        assert ((counts - 300) ** 2 / 300).sum() < 40
    assert phonebook(tmp_path / "b", 3_000, digits=4, seed=5).read_bytes() == one.read_bytes()
    other = read(phonebook(tmp_path / "c", 3_000, digits=4, seed=6))
    assert {row["question"] for row in other}.isdisjoint(row["question"] for row in read(one)) or numbers != [
        row["answer"] for row in other
    ]


def test_the_size_that_a_model_holds():
    """2 bits a parameter; a number of ten digits takes 33.2 bits."""
    assert facts_for(100_000) == round(200_000 / 33.219280948873624)
    assert facts_for(100_000, 3, bits_a_parameter=1.0, digits=5) == round(300_000 / 16.609640474436812)
    assert facts_for(1) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"n_facts": 0}, "n_facts is 0; it must be from 1 to 10,000,000."),
        ({"exposures": 0}, "exposures is 0; it must be from 1 to 10,000."),
        ({"wordings": 9}, "wordings is 9; it must be from 1 to 8."),
        ({"digits": 0}, "digits is 0; it must be from 1 to 100."),
        ({"exponent": -1.0, "exposures": 2}, "exponent is -1.0; it must be 0 or more."),
        ({"exponent": 1.0}, "exponent is 1.0, and exposures 1, so that every fact is there once; give more."),
    ],
)
def test_what_cannot_be_is_said(tmp_path, asked, said):
    with pytest.raises(BadParameter) as error:
        phonebook(tmp_path / "p", **{"n_facts": 5, **asked})
    assert str(error.value) == said
    assert not (tmp_path / "p").exists()


def test_it_opens_as_facts(workspace, tmp_path):
    """Facts, wordings and true counts are those of the file, which is known as facts by its columns."""
    path = phonebook(tmp_path, 50, exponent=1.0, exposures=8, wordings=len(WORDINGS))
    assert kind_of(path) == "facts"
    pool, rows = add_pool(workspace, "p", str(path), "facts"), read(path)
    for name in ("id", "relation", "fact", "wording", "answer", "exposures"):
        assert pool.column(name).tolist() == [row[name] for row in rows]
    assert pool.about["notes"] == ["400 rows: 50 facts, in 1 relation."]
    assert [turn.text for turn in pool.turns(7)] == [rows[7]["question"], rows[7]["answer"]]


def test_the_command_makes_a_pool_once(workspace, capsys):
    words = ["phonebook", "--parameters", "1000", "--times", "2", "--exposures", "3", "--wordings", "2"]
    assert main(words) == 0
    assert "phonebook: 120 facts in 360 rows." in capsys.readouterr().out
    first = load_pool(workspace, "phonebook").fingerprint
    assert main(words) == 0
    assert load_pool(workspace, "phonebook").fingerprint == first
    assert main(["phonebook", "--facts", "7"]) == 2
    assert "There is a pool called phonebook already; choose another --name" in capsys.readouterr().err
    assert main(["phonebook", "--facts", "7", "--name", "other"]) == 0
    assert load_pool(workspace, "other").n == 7
    for fields in ({}, {"facts": 5, "parameters": 5}):
        with pytest.raises(BadRequest, match="Say how many --facts the phonebook has, or --parameters"):
            task_of("phonebook", **fields).prepare(workspace)
