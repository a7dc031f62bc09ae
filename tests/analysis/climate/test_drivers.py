"""Extrapolation, hull and collinearity of drivers."""

import itertools
import math

import numpy as np
import pytest

from datasel_core.analysis.climate import drivers
from datasel_core.errors import BadInput


def test_extrapolation_in_kelvin():
    found = drivers.extrapolation(np.array([0.0, 1.5, 2.0]), np.array([-0.25, 1.0, 4.5, 5.0]), "GMST")
    assert (found.above, found.below, found.share) == (3.0, 0.25, 0.75)
    assert found.words == (
        "Extrapolation: GMST goes up to 3.00 K above and 0.25 K below training, 0.00 to 2.00 K, in 75 % of years."
    )
    inside = drivers.extrapolation(np.array([0.0, 2.0]), np.array([0.0, 2.0]), "GMST")
    assert inside.words == "GMST stays within training, 0.00 to 2.00 K."
    with pytest.raises(BadInput, match="GMST must be one finite number for each year, and of one year at least"):
        drivers.extrapolation(np.array([np.nan]), np.array([1.0]), "GMST")


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_hull_is_every_mixture(rng, dimensions, monkeypatch):
    """Against all simplexes of training years: a point is inside where one of them holds it."""
    training, target = rng.normal(size=(9, dimensions)) * 1000, rng.normal(size=(60, dimensions)) * 900
    inside = np.zeros(60, bool)
    for some in itertools.combinations(range(9), dimensions + 1):
        corners = np.vstack([training[list(some)].T, np.ones(dimensions + 1)])
        shares = np.linalg.solve(corners, np.vstack([target.T, np.ones(60)]))
        inside |= (shares >= 0).all(axis=0)
    assert 0 < inside.sum() < 60
    assert (drivers.hull(training, target).outside == ~inside).all()
    monkeypatch.setattr(drivers, "MOST_HULL", 1)  # the linear programme says the same
    assert (drivers.hull(training, target).outside == ~inside).all()
    assert not drivers.hull(training, training).outside.any()


def test_drivers_in_a_plane_have_a_hull_there():
    """CO2 and aerosol that rise together are a line; what parts them is outside, though each stays in its range."""
    training = np.outer(np.arange(5.0), [1.0, -2.0])
    found = drivers.hull(training, np.array([[2.0, -4.0], [2.0, -1.0]]))
    assert found.outside.tolist() == [False, True]
    assert found.words == "Warning: 50 % of the target's years lie outside the hull of the training years' drivers."
    assert drivers.hull(training, training).words.startswith("All years of the target lie within the hull")
    with pytest.raises(BadInput, match=r"must be \(years, drivers\), as many of each"):
        drivers.hull(training, training[:, :1])
    with pytest.raises(BadInput, match="A driver is missing in a year; each year needs all of them"):
        drivers.hull(training * np.nan, training)


def test_collinearity_is_the_variance_of_a_coefficient(rng):
    """By the inverse of the correlation matrix, which has the factors on its diagonal."""
    x = rng.normal(size=(50, 3))
    x[:, 2] = x[:, 0] + 0.1 * x[:, 2]
    names = ("CO2", "aerosol", "GMST")
    found = drivers.collinearity(x, names)
    assert found.inflation == pytest.approx(np.diag(np.linalg.inv(np.corrcoef(x.T))), rel=1e-9)
    assert found.collinear
    assert "follows the other drivers in training (variance inflated" in found.words
    assert not drivers.collinearity(x[:, :2], names[:2]).collinear
    assert drivers.collinearity(x[:, :2], names[:2]).words.startswith("Drivers can be told apart")
    x[:, 2] = 2 * x[:, 0] - x[:, 1]
    exact = drivers.collinearity(x, names)
    assert math.isinf(exact.inflation[2])
    assert "infinitely often" not in exact.words or exact.collinear
    x[:, 1] = 4.0
    assert math.isinf(drivers.collinearity(x, names).inflation[1])
    assert drivers.collinearity(x[:, :1], names[:1]).inflation == pytest.approx([1.0])
    with pytest.raises(BadInput, match="values, more years than drivers"):
        drivers.collinearity(x[:3], names)
