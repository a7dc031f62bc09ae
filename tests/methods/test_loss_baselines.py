"""Choices by one number of training, each against its definition; facility location by Euclidean distance."""

import numpy as np
import pytest
from scipy import stats

from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadInput
from datasel_core.methods.by_score import (
    ByScore,
    HighError,
    HighLearnability,
    LeastConfidence,
    LowestPerplexity,
    MostForgotten,
)
from datasel_core.methods.facility_location import FacilityLocation
from datasel_core.methods.middle_loss import MiddleLoss
from datasel_core.methods.selection import Inputs
from datasel_core.methods.shuffled_score import ShuffledScore
from datasel_core.vectors import neighbors
from tests.conftest import clustered

VALUES = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.float32)


@pytest.mark.parametrize(
    ("cls", "role"),
    [
        (LeastConfidence, "loss"),
        (HighLearnability, "learnability"),
        (HighError, "error"),
        (MostForgotten, "forgetting"),
    ],
)
def test_the_highest_are_kept(cls, role, rng):
    found = cls().select(Inputs({role: VALUES}, rng), 4)
    assert found.rows.tolist() == [5, 7, 4, 2]
    assert found.scores.tolist() == VALUES.tolist()
    whole = cls().select(Inputs({role: VALUES.astype(np.int64)}, rng), 8)
    assert whole.rows.tolist() == [5, 7, 4, 2, 0, 6, 1, 3]  # equal ones in pool order


@pytest.mark.parametrize("shape", ["vectors", "patterns", "words"])
def test_a_role_that_holds_no_numbers_is_refused(rng, shape):
    patterns = Ragged(clustered(rng, 8, 3, 2), np.arange(9))
    values = {"vectors": clustered(rng, 8, 3, 2), "patterns": patterns, "words": np.array(list("abcdefgh"))}[shape]
    with pytest.raises(BadInput, match="by_score goes by one number per sample; the role x holds something else"):
        ByScore(role="x").select(Inputs({"x": values}, rng), 4)


def test_what_was_forgotten_less_than_once_is_not_said_to_be_forgotten_never():
    assert MostForgotten.because.format(score=0.3125) == "it was forgotten 0.312 times, on average over its tokens"


@pytest.mark.parametrize(
    ("keep", "expected"), [("high", [5, 7, 4, 2]), ("low", [1, 3, 6, 0]), ("middle", [0, 2, 4, 6])]
)
def test_either_end_or_the_middle_of_any_number(keep, expected, rng):
    found = ByScore(role="length", keep=keep).select(Inputs({"length": VALUES}, rng), 4)
    assert found.rows.tolist() == expected
    assert ByScore(role="length").roles() == ("length",)
    with pytest.raises(BadInput, match="needs the pool role length"):
        ByScore(role="length").select(Inputs({"loss": VALUES}, rng), 4)


def test_middle_loss_keeps_what_is_nearest_to_the_median(rng):
    found = MiddleLoss().select(Inputs({"loss": VALUES}, rng), 4)  # the median is 3.5
    assert found.rows.tolist() == [0, 2, 4, 6]
    assert found.why["score"].tolist() == [-0.5, -0.5, -1.5, -1.5]


def test_the_median_is_of_the_whole_pool_whatever_was_chosen_before(rng):
    found = MiddleLoss().select(Inputs({"loss": VALUES}, rng, already=[0, 2]), 2)
    assert found.rows.tolist() == [4, 6]


def test_euclidean_facility_location_is_the_plain_greedy(rng):
    losses = np.abs(clustered(rng, 90, 6, 5)) + 100  # far from zero, as after a constant was added
    apart = np.linalg.norm(losses[:, None].astype(np.float64) - losses[None], axis=2)
    worth = 1 - apart / apart.max()
    best, expected = np.zeros(90), []
    for _ in range(25):
        gains = np.maximum(worth - best[:, None], 0).sum(axis=0)
        gains[expected] = -1
        expected.append(int(np.argmax(np.round(gains, 9))))
        best = np.maximum(best, worth[:, expected[-1]])
    found = FacilityLocation(metric="euclidean", n_neighbors=89).select(Inputs({"embedding": losses}, rng), 25)
    assert found.rows.tolist() == expected


def test_similarity_is_a_share_of_the_largest_distance_in_the_graph(rng):
    losses = np.array([[0.0], [1.0], [3.0], [3.0]])
    found = FacilityLocation(metric="euclidean", n_neighbors=1).select(Inputs({"embedding": losses}, rng), 1)
    _, distance = neighbors.knn(losses, 1, "euclidean")
    assert distance.ravel().tolist() == [1, 1, 0, 0]
    assert found.why["gain"].tolist() == [2.0]
    assert FacilityLocation(metric="euclidean").select(
        Inputs({"embedding": np.ones((5, 3))}, rng), 2
    ).rows.tolist() == [0, 1]


def test_the_lowest_perplexity_comes_first(rng):
    values = rng.random(30)
    found = LowestPerplexity().select(Inputs({"perplexity": values}, rng), 30)
    assert found.rows.tolist() == np.argsort(values, kind="stable").tolist()
    assert LowestPerplexity.because.format(score=found.scores[3]).startswith("minus its loss a token is -")


def test_a_shuffled_score_is_the_same_numbers_dealt_anew(rng):
    """Each number to one sample, by the seed; the highest of them are kept, and every sample is as likely to get it."""
    values, shuffled = rng.random(6), ShuffledScore(role="loss")
    seen = np.zeros((6, 6))
    for seed in range(1200):
        found = shuffled.select(Inputs({"loss": values}, np.random.default_rng(seed)), 2)
        assert sorted(found.scores.tolist()) == sorted(values.tolist())
        assert found.scores[found.rows].tolist() == sorted(values.tolist())[:-3:-1]
        seen[np.arange(6), np.searchsorted(np.sort(values), found.scores)] += 1
    assert stats.chisquare(seen.ravel(), np.full(36, 200.0)).pvalue > 1e-3
    again = shuffled.select(Inputs({"loss": values}, np.random.default_rng(1199)), 2)
    assert again.scores.tolist() == found.scores.tolist()
    low = ShuffledScore(role="loss", keep="low").select(Inputs({"loss": values}, rng), 1)
    assert low.scores.max() == -values.min()
