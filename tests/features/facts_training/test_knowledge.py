"""What a model knows, in numbers: by hand."""

import math

import numpy as np
import pytest

from datasel_core.features.facts_training import knowledge


def test_what_guessing_gets_right_is_taken_off():
    relation, answers = np.array([0, 0, 0, 0, 1, 1, 2]), ["a", "a", "a", "b", "x", "y", "only"]
    guess = knowledge.guesses(relation, answers)
    assert guess.tolist() == [0.75, 0.5, 1.0]
    all_right = knowledge.beyond_guessing(np.ones(7), relation, guess)
    assert all_right == 6, "the relation with one answer holds nothing to know"
    always_the_commonest = np.array([1, 1, 1, 0, 1, 0, 1.0])
    assert knowledge.beyond_guessing(always_the_commonest, relation, guess) == 0
    assert knowledge.beyond_guessing(np.zeros(7), relation, guess) == pytest.approx(-(3 / 0.25) - 1 / 0.5)
    assert knowledge.beyond_guessing(np.array([1, 1, 1, 1, 1, 0, 0.0]), relation, guess) == pytest.approx(4)


def test_stored_bits_are_what_the_loss_leaves_and_never_below_nothing():
    bits, relation = np.array([3.0, 3.0, 5.0]), np.array([0, 0, 1])
    nats = np.array([0.0, 1.0, 9.0]) * math.log(2)
    assert knowledge.stored_bits(bits, nats, relation) == pytest.approx(3 + 2), "the second relation holds nothing"
    assert knowledge.stored_bits(bits, np.zeros(3), relation) == 11
    assert knowledge.stored_bits(bits, bits * math.log(2), relation) == pytest.approx(0)


def test_verdicts():
    relation, answers = np.array([0, 0, 1]), ["a", "b", "c"]
    known = knowledge.answers_of(relation, answers)
    assert known == [{"a", "b"}, {"c"}]
    assert knowledge.verdicts(["a", "a", "a"], answers, relation, known) == ["right", "wrong", "other"]
    assert knowledge.verdicts(["b", "", "c"], answers, relation, known) == ["wrong", "other", "right"]


def test_a_fact_counts_once_however_often_it_is_asked_about():
    facts, right = knowledge.per_fact(np.array([5, 2, 5, 5]), np.array([1, 0, 0, 0.5]))
    assert facts.tolist() == [2, 5]
    assert right.tolist() == [0, 0.5]
    assert len(knowledge.per_fact(np.empty(0, int), np.empty(0))[0]) == 0


def test_halves_by_how_often_a_fact_is_met():
    assert knowledge.halves_by(np.array([1, 9, 3, 3, 1])).tolist() == [False, True, True, True, False]
    assert knowledge.halves_by(np.array([4, 4, 4])) is None
    assert knowledge.halves_by(np.array([], int)) is None


def test_who_guesses_what_is_not_known_is_counted_right_on_average(rng):
    relation = np.repeat([0, 1], [1000, 100])
    known = np.r_[np.arange(1000) < 300, np.arange(100) < 10]
    chance = np.array([0.1, 0.5])
    drawn = (known | (rng.random(1100) < chance[relation]) for _ in range(2000))
    found = [knowledge.beyond_guessing(right, relation, chance) for right in drawn]
    assert np.mean(found) == pytest.approx(310, abs=1.5)  # five standard errors
