"""Distinct facts among samples, and how often each is stated: against dictionaries."""

import gzip
import json
import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from datasel_core.analysis.facts.table import codes, facts_of, frequency, rank_frequency, relation_rows, total_bits
from datasel_core.errors import BadInput
from tests.conftest import real_data

FACT = ["b", "a", "b", "c", "a", "b", "d", "e"]
RELATION = ["born", "born", "born", "died", "born", "born", "died", "died"]
ANSWER = ["Rome", "Oslo", "Rome", "1900", "Oslo", "Rome", "1900", "1901"]


def test_facts_stand_where_they_first_occur():
    found = facts_of(RELATION, ANSWER, FACT)
    assert found.first.tolist() == [0, 1, 3, 6, 7]
    assert found.of.tolist() == [0, 1, 0, 2, 1, 0, 3, 4]
    assert found.exposures.tolist() == [3, 2, 1, 1, 1]
    assert [found.relations[at] for at in found.relation] == ["born", "born", "died", "died", "died"]
    assert found.conflicting == 0
    third = -(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3))
    died, born = relation_rows(found)  # most facts first
    assert (died["relation"], died["facts"], died["answers"]) == ("died", 3, 2)
    assert died["plug_in"] == pytest.approx(third)
    assert (died["commonest"], died["seen_once"], born["seen_once"]) == (pytest.approx(2 / 3), 0.5, 1)
    assert (born["facts"], born["plug_in"], born["coverage"]) == (2, 1, 0)
    assert total_bits(found)["plug_in"] == pytest.approx(3 * third + 2)


def test_numbers_arrow_columns_and_no_identities():
    plain = facts_of(RELATION, ANSWER, FACT)
    number = {one: at for at, one in enumerate("dcbae")}
    pieces = pa.chunked_array([FACT[:3], FACT[3:]])
    for same in ([number[one] for one in FACT], pieces, np.array(FACT, dtype=object)):
        found = facts_of(np.array(RELATION), pa.chunked_array([ANSWER[:5], ANSWER[5:]]), same)
        assert found.of.tolist() == plain.of.tolist()
        assert relation_rows(found) == relation_rows(plain)
    alone = facts_of(RELATION, ANSWER)
    assert alone.exposures.tolist() == [1] * 8
    assert codes(["x", "y", "x"], "answer")[1] == ["x", "y"]


def test_a_fact_with_two_answers_or_relations_counts_once_and_is_said():
    found = facts_of(["r", "r", "r", "s", "r"], ["x", "y", "z", "z", "x"], [1, 1, 2, 2, 3])
    assert found.conflicting == 2
    assert found.answer.tolist() == [0, 2, 0]  # what each says first
    assert found.relations == ["r"]  # no fact is of s
    assert [row["facts"] for row in relation_rows(found)] == [3]


def test_what_is_missing_or_mixed_is_one_clear_line():
    with pytest.raises(BadInput, match="The column answer has no value in row 1; leave that sample out"):
        facts_of(["r", "r"], ["x", None])
    with pytest.raises(BadInput, match="The column relation has no value in row 0"):
        facts_of([np.nan, 1.0], ["x", "y"])
    with pytest.raises(BadInput, match="The column answer has no value in row 2"):
        facts_of(list("rrr"), pa.chunked_array([["x", "y"], [None]]))
    with pytest.raises(BadInput, match="The column answer holds several kinds of values; make them all text, or"):
        facts_of(["r", "r"], np.array(["x", 1], dtype=object))
    for columns in (([], []), (["r"], ["x", "y"]), (["r"], ["x"], [1, 2])):
        with pytest.raises(BadInput, match="Relations, answers and facts must be equally many, and at least one"):
            facts_of(*columns)


def test_frequency_and_its_curve():
    many = np.concatenate([[1000, 400], np.full(98, 5), np.ones(100, int)])
    found = facts_of(np.zeros(many.sum(), int), np.repeat(np.arange(200), many), np.repeat(np.arange(200), many))
    said = frequency(found)
    assert (said["samples"], said["facts"], said["most"], said["once"]) == (1990, 200, 1000, 0.5)
    assert (said["median"], said["mean"]) == (3, 9.95)
    assert said["top_share"] == pytest.approx(1400 / 1990)  # two facts of 200
    rank, height = rank_frequency(found.exposures, points=20)
    assert (rank[0], rank[-1], len(rank) <= 20) == (1, 200, True)
    assert height.tolist() == [np.sort(many)[::-1][at - 1] for at in rank]
    assert (np.diff(rank) > 0).all()
    assert rank_frequency(np.array([7]))[1].tolist() == [7]


def test_a_power_law_is_a_straight_line():
    """Of exposures r ** -1, both axes logarithmic."""
    rank, height = rank_frequency(np.floor(1e6 / np.arange(1, 10_001)).astype(int))
    slope = np.polyfit(np.log(rank), np.log(height), 1)[0]
    assert slope == pytest.approx(-1, abs=0.01)


def test_real_questions_have_the_entropy_that_loops_count():
    """EntityQuestions: 12 relations, from dozens of answers to thousands, many of them seen once."""
    if real_data() is None:
        pytest.skip("no real data here")
    with gzip.open(real_data() / "facts" / "entityquestions.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found = facts_of(*([row[name] for row in rows] for name in ("relation", "answer", "question")))
    first = {}
    for row in rows:
        first.setdefault(row["question"], (row["relation"], row["answer"]))
    assert len(found) == len(first)
    assert found.conflicting == len({row["question"] for row in rows if first[row["question"]][1] != row["answer"]}) > 0
    for one in relation_rows(found):
        counts = Counter(answer for relation, answer in first.values() if relation == one["relation"])
        n = counts.total()
        assert (one["facts"], one["answers"]) == (n, len(counts))
        assert one["plug_in"] == pytest.approx(-sum(c / n * math.log2(c / n) for c in counts.values()))
        assert one["commonest"] == counts.most_common(1)[0][1] / n
    said = total_bits(found)
    assert said["plug_in"] < said["miller_madow"] < said["chao_shen"]
