"""The verdict follows its rule, and is never a certificate."""

import numpy as np
import pytest

from datasel_core.analysis.climate.scores.verdict import RULE, interval, noise_interval, verdict
from datasel_core.errors import BadInput

FLOORS = np.array([0.14, 0.16])
OTHERS = {"zero anomaly": 2.7, "persistence": 1.5, "uniform GMST": 1.4, "pattern scaling": 0.354}


@pytest.mark.parametrize(
    ("error", "floors", "others", "useful", "said"),
    [
        (
            0.10,
            FLOORS,
            OTHERS,
            True,
            "its error is 0.254 K below pattern scaling, more than noise (0.160 K): useful for",
        ),
        (0.20, FLOORS, OTHERS, False, "0.154 K below pattern scaling, which is not more than noise (0.160 K): pattern"),
        (0.40, FLOORS, OTHERS, False, "0.046 K above pattern scaling, which is not more than noise (0.160 K): pattern"),
        (0.10, None, OTHERS, False, "how large noise is was not known, since no scenario has a second member"),
        (0.10, FLOORS, {**OTHERS, "persistence": 0.05}, False, "but persistence does better still: pattern scaling is"),
        (0.354, FLOORS, OTHERS, False, "0.000 K below pattern scaling, which is not more than noise"),
    ],
)
def test_the_rule(error, floors, others, useful, said):
    found = verdict("cnn", np.array([error]), np.array([0.354]), floors, others)
    assert found.useful is useful
    assert said in found.words
    assert found.words.startswith("cnn: ")
    assert found.recommended == ("cnn" if useful else "pattern scaling")
    assert "certif" not in (found.words + RULE).lower()


def test_the_whole_interval_must_pass_the_noise():
    """On average 0.2 better, but not on every member: the lower end of the gain decides."""
    steady, wild = np.array([0.15, 0.15, 0.16]), np.array([0.0, 0.15, 0.31])
    scaling = np.full(3, 0.354)
    assert verdict("gp", steady, scaling, FLOORS, OTHERS).useful
    assert not verdict("gp", wild, scaling, FLOORS, OTHERS).useful
    assert wild.mean() == pytest.approx(steady.mean(), abs=1e-3)


def test_intervals():
    found = interval(np.array([1.0, 2.0, 3.0]))
    assert (found.mean, found.high - found.mean) == pytest.approx((2, 4.302652729911275 / 3**0.5))
    assert interval(np.array([2.0])).low == interval(np.array([2.0])).high == 2
    assert noise_interval(FLOORS).high == 0.16
    with pytest.raises(BadInput, match="An interval is of one value at least, and of finite ones"):
        interval(np.array([np.nan]))
    with pytest.raises(BadInput, match="must be tried on the same members and seeds, one error each"):
        verdict("gp", np.ones(2), np.ones(3), FLOORS, OTHERS)
