"""How far labellers agree, against the package krippendorff, scikit-learn and every way of matching boxes."""

import itertools

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from datasel_core.errors import BadInput
from datasel_core.labels import agreement, boxes
from datasel_core.pools.labels import Label
from tests.oracles.boxes import most_matches, overlap


def said(rng, items=60, people=4, classes=3, gaps=0.3, right=0.7):
    """(items, labellers) codes of labellers who are right this often, with gaps."""
    truth = rng.integers(classes, size=(items, 1))
    codes = np.where(rng.random((items, people)) < right, truth, rng.integers(classes, size=(items, people)))
    return np.where(rng.random((items, people)) < gaps, -1, codes)


def by_package(codes):
    data = np.where(codes < 0, np.nan, codes).T
    return krippendorff.alpha(reliability_data=data, level_of_measurement="nominal")


@pytest.mark.parametrize("gaps", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("right", [0.2, 0.7, 1.0])
def test_alpha_is_that_of_the_package(rng, gaps, right):
    for _ in range(5):
        codes = said(rng, gaps=gaps, right=right)
        assert agreement.alpha(codes, draws=10).value == pytest.approx(by_package(codes), abs=1e-12)


def test_the_interval_is_that_of_items_drawn_again(rng):
    codes = said(rng, items=40)
    codes = codes[(codes >= 0).sum(axis=1) >= 2]
    found = agreement.alpha(codes)
    drawn = [by_package(codes[rng.integers(len(codes), size=len(codes))]) for _ in range(600)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert found.low == pytest.approx(low, abs=0.04)
    assert found.high == pytest.approx(high, abs=0.04)
    assert found.low < found.value < found.high
    assert found.items == len(codes)


def test_alpha_says_where_it_is_not_defined_and_gives_no_interval_for_a_few():
    assert agreement.alpha(np.array([[0, -1], [-1, 1]])) == agreement.Alpha(None, None, None, 0)
    assert agreement.alpha(np.zeros((30, 2), int)) == agreement.Alpha(None, None, None, 30)
    few = agreement.alpha(np.array([[0, 0], [1, 1], [0, 1]]))
    assert few.value == pytest.approx(by_package(np.array([[0, 0], [1, 1], [0, 1]])))
    assert (few.low, few.high, few.items) == (None, None, 3)
    with pytest.raises(BadInput, match="The codes have 1 axes; they must be items by labellers."):
        agreement.alpha(np.zeros(3, int))


def test_kappa_is_that_of_scikit_learn_and_pairs_are_of_what_both_labelled(rng):
    codes = said(rng)
    found = agreement.pairs(codes, list("abcd"))
    assert {(pair.one, pair.other) for pair in found} == set(itertools.combinations("abcd", 2))
    assert [pair.items for pair in found] == sorted((pair.items for pair in found), reverse=True)
    for pair in found:
        one, other = (codes[:, "abcd".index(name)] for name in (pair.one, pair.other))
        both = (one >= 0) & (other >= 0)
        assert pair.items == both.sum()
        assert pair.share == pytest.approx((one[both] == other[both]).mean())
        assert pair.kappa == pytest.approx(cohen_kappa_score(one[both], other[both]))
    assert agreement.kappa(np.zeros(5, int), np.zeros(5, int)) is None
    assert agreement.kappa(np.empty(0, int), np.empty(0, int)) is None


def test_agreement_of_an_item_is_the_share_of_pairs(rng):
    codes = said(rng)
    for own, found in zip(codes, agreement.item_agreement(codes), strict=True):
        pairs = list(itertools.combinations(own[own >= 0], 2))
        expected = np.mean([one == other for one, other in pairs]) if pairs else np.nan
        assert found == pytest.approx(expected, nan_ok=True)


def drawn(rng, n):
    """Boxes of two classes that often overlap."""
    return [Label("ab"[rng.integers(2)], tuple(rng.integers([0, 0, 3, 3], [5, 5, 7, 7]).tolist())) for _ in range(n)]


@pytest.mark.parametrize("least", [0.3, 0.5, 0.75])
def test_boxes_are_matched_as_by_trying_every_way(rng, least):
    for _ in range(60):
        one, other = drawn(rng, rng.integers(0, 6)), drawn(rng, rng.integers(0, 6))
        expected = most_matches(one, other, least)
        assert boxes.matches(one, other, least) == expected
        n = len(one) + len(other)
        assert boxes.f1(one, other, least) == pytest.approx(2 * expected / n if n else 1.0)


def test_overlaps_are_those_of_two_boxes_at_a_time(rng):
    one, other = drawn(rng, 5), drawn(rng, 4)
    found = boxes.overlaps(
        np.array([label.box for label in one], float), np.array([label.box for label in other], float)
    )
    assert found == pytest.approx(np.array([[overlap(a.box, b.box) for b in other] for a in one]))


def test_a_label_without_a_box_is_no_box():
    assert boxes.f1([Label("a")], [Label("a", (0, 0, 2, 2))]) == 0
    assert boxes.f1([Label("a")], [Label("a")]) == 1
