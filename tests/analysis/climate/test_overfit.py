"""A choice by influence on one scenario that makes another worse, on real simulations; and the sentence that warns."""

import numpy as np
import pytest

from datasel_core.analysis.climate.area import area_mean
from datasel_core.analysis.climate.overfit import Change, overfitted
from datasel_core.analysis.climate.scores import draws
from datasel_core.analysis.climate.scores.errors import within
from tests.analysis.climate import real
from tests.oracles import climate as slow


def influence(fields, driver, truth, truth_driver, weight):
    """(years,) by the closed formula: b_-i = b - (X'X)^-1 x_i e_i / (1 - h_ii)."""
    x, z = (np.stack([np.ones_like(one), one], axis=1) for one in (driver, truth_driver))
    inverse = np.linalg.inv(x.T @ x)
    fit = inverse @ x.T @ fields
    left, leverage = fields - x @ fit, np.einsum("ij,jk,ik->i", x, inverse, x)

    def error(of):
        return ((z @ of - truth) ** 2 @ weight).mean()

    found = [
        error(fit - np.outer(inverse @ x[at], left[at] / (1 - leverage[at]))) - error(fit) for at in range(len(driver))
    ]
    return np.array(found)


@real.needed
def test_years_that_help_the_reference_make_another_scenario_worse():
    """Trained on historical and ssp585 r1, reference ssp126 r1: the 120 years of 251 that help there lower the error of
    2080-2100 on it, and raise it on ssp585 r2, which the full training serves well.
    """
    past, high = real.anomalies("historical", "r1"), real.anomalies("ssp585", "r1")
    fields, weight = np.concatenate([past.fields, high.fields]), past.weight
    driver = area_mean(fields, weight)
    reference, other = real.anomalies("ssp126", "r1"), real.anomalies("ssp585", "r2")
    found = influence(fields, driver, reference.fields, reference.gmst, weight)
    few = np.random.default_rng(18).choice(weight.size, 12, replace=False)  # the oracle fits every cell anew
    share = weight[few] / weight[few].sum()
    some = influence(fields[:, few], driver, reference.fields[:, few], reference.gmst, share)
    for at in (0, 100, 250):
        brute = slow.influence(fields[:, few], driver, at, reference.fields[:, few], reference.gmst, share)
        assert some[at] == pytest.approx(brute, abs=1e-10)
    helpful = found > 0
    choices = np.stack([np.ones(len(driver), bool), helpful])

    def change(name, of):
        period = within(of.year)
        return Change(name, *draws.rmse_s(fields, driver, choices, of.fields[period], of.gmst[period], weight).tolist())

    on_reference, on_other = change("ssp126", reference), change("ssp585", other)
    assert helpful.sum() == 120
    assert (on_reference.before, on_reference.after) == pytest.approx((0.3543, 0.2829), abs=1e-4)
    assert (on_other.before, on_other.after) == pytest.approx((0.2217, 0.3367), abs=1e-4)
    assert overfitted(on_reference, [on_other]) == (
        "Warning: chosen by influence on ssp126, the error there falls from 0.354 to 0.283 K but rises on ssp585, "
        "which chose nothing, from 0.222 to 0.337 K: the choice fits its reference more than the climate."
    )


def test_it_warns_only_of_what_it_says():
    better, worse = Change("a", 2.0, 1.0), Change("b", 1.0, 1.5)
    assert overfitted(better, [Change("c", 1.0, 0.9)]) == ""
    assert overfitted(Change("a", 1.0, 2.0), [worse]) == ""  # nothing was gained on the reference either
    assert overfitted(better, []) == ""
    assert "rises on d" in overfitted(better, [worse, Change("d", 1.0, 3.0)])
