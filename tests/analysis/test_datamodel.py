"""The linear datamodelling score against a world in which the influence of every sample is known."""

import numpy as np
import pytest
from scipy import stats

from datasel_core.analysis.datamodel import datamodel_score, half


def members_of(n: int, m: int) -> np.ndarray:
    found = np.zeros((n, m), bool)
    for at in range(m):
        found[half(n, at, 3), at] = True
    return found


def ridge_loss(x, y, seen, x_reference, y_reference) -> float:
    inside = x[seen]
    weights = np.linalg.solve(inside.T @ inside + np.eye(x.shape[1]), inside.T @ y[seen])
    return float(np.square(y_reference - x_reference @ weights).mean())


def test_halves_are_halves_that_do_not_depend_on_how_many_there_are():
    for n in (9, 10):
        found = members_of(n, 200)
        assert (found.sum(axis=0) == n // 2).all()
        assert stats.chisquare(found.sum(axis=1)).pvalue > 1e-3
    assert half(50, 7, 1).tolist() == half(50, 7, 1).tolist()
    assert half(50, 7, 1).tolist() != half(50, 8, 1).tolist()
    assert half(50, 7, 1).tolist() != half(50, 7, 2).tolist()


def test_influence_on_a_linear_model_ranks_its_halves(rng):
    """Ridge regression: the loss after leaving each sample out is known; wrong labels make a third of the pool harm."""
    n, truth = 120, rng.standard_normal(8)
    x, x_reference = rng.standard_normal((n, 8)), rng.standard_normal((200, 8))
    y, y_reference = x @ truth, x_reference @ truth
    y[:40] = 4 * rng.standard_normal(40)
    whole = ridge_loss(x, y, np.arange(n), x_reference, y_reference)
    without = [ridge_loss(x, y, np.delete(np.arange(n), at), x_reference, y_reference) for at in range(n)]
    helps = np.array(without) - whole  # high is good
    members = members_of(n, 40)
    losses = np.array([ridge_loss(x, y, np.flatnonzero(seen), x_reference, y_reference) for seen in members.T])
    found = datamodel_score(members, losses, helps, "high")
    assert found["mid"] == pytest.approx(-stats.spearmanr(helps @ members, losses).statistic)
    assert found["low"] > 0.2
    assert datamodel_score(members, losses, -helps, "low") == found
    assert datamodel_score(members, losses, helps, "low")["mid"] == pytest.approx(-found["mid"])
    shuffled = datamodel_score(members, losses, rng.permutation(helps), "high")
    assert shuffled["low"] < 0.2 < found["mid"]


def test_what_does_not_fit_is_refused():
    members = members_of(20, 8)
    with pytest.raises(ValueError, match="one finite influence per sample and a loss per half"):
        datamodel_score(members, np.zeros(7), np.zeros(20))
    with pytest.raises(ValueError, match="one finite influence per sample"):
        datamodel_score(members, np.zeros(8), np.full(20, np.nan))
