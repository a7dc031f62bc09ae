"""A second look: who sees what, and how far people agree; against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from datasel_core.analysis.opinions import Decision, opinions
from datasel_core.errors import BadParameter
from datasel_core.review.agreement import agreement, second


def said(*lines):
    return opinions(
        Decision(f"id-{at}", "r", sample, who, what, blind=blind) for at, (sample, who, what, blind) in enumerate(lines)
    )


def test_a_second_look_is_the_same_for_everybody_and_a_larger_share_holds_a_smaller_one():
    some = second("0123456789abcdef", 50, 0.2)
    assert len(some) == 10
    assert (np.diff(some) > 0).all()
    assert (some == second("0123456789abcdef", 50, 0.2)).all()
    assert set(some) < set(second("0123456789abcdef", 50, 0.5))
    assert len(second("0123456789abcdef", 50, 1)) == 50
    assert set(some) != set(second("fedcba9876543210", 50, 0.2))
    for wrong in (0, -0.1, 1.1):
        with pytest.raises(BadParameter, match="above 0 and at most 1"):
            second("0123456789abcdef", 50, wrong)


def test_every_sample_is_drawn_as_often():
    counts = np.zeros(20)
    for at in range(2000):
        counts[second(f"{at:016x}", 20, 0.25)] += 1
    assert counts.min() > 500 - 5 * 19.4  # binomial: sd 19.4
    assert counts.max() < 500 + 5 * 19.4


def test_agreement_is_cohens_kappa_of_staying_and_leaving():
    rng, lines, ones, others = np.random.default_rng(0), [], [], []
    for at in range(60):
        one, other = ("keep", "drop", "swap")[rng.integers(3)], ("keep", "drop")[rng.integers(2)]
        lines += [(f"s{at}", "ann", one, False), (f"s{at}", "ben", other, True)]
        ones.append(one == "keep")
        others.append(other == "keep")
    [found] = agreement(said(*lines))
    assert (found.reviewers, found.n) == (("ann", "ben"), 60)
    assert found.percent == pytest.approx(100 * np.mean(np.array(ones) == others))
    assert found.kappa == pytest.approx(cohen_kappa_score(ones, others))


def test_by_hand():
    """Two of ten: 8 agree; 6 and 2 of 10 each way. Chance: .7 * .7 + .3 * .3 = .58, kappa (.8 - .58) / .42."""
    pairs = [("keep", "keep")] * 6 + [("drop", "drop")] * 2 + [("keep", "drop"), ("drop", "keep")]
    lines = [
        (f"s{at}", who, pair[i], who == "ben") for at, pair in enumerate(pairs) for i, who in ((0, "ann"), (1, "ben"))
    ]
    [found] = agreement(said(*lines))
    assert found.percent == pytest.approx(80)
    assert found.kappa == pytest.approx((0.8 - 0.58) / 0.42)
    assert found.words == "ann and ben agree on 80 % of 10 (kappa 0.52)"


def test_who_saw_what_the_other_said_does_not_count():
    seen = [("a", "ann", "keep", False), ("a", "ben", "keep", False)]
    later = [("b", "ben", "drop", True), ("b", "ann", "drop", False)]  # the later one saw the blind one's
    assert agreement(said(*seen, *later)) == []
    [found] = agreement(said(*seen, *later, ("c", "ann", "keep", False), ("c", "ben", "drop", True)))
    assert (found.n, found.percent, found.kappa) == (1, 0, 0)


def test_where_both_always_say_the_same_kappa_is_not_defined():
    [found] = agreement(said(("a", "ann", "keep", False), ("a", "ben", "keep", True)))
    assert (found.percent, found.kappa) == (100, None)
    assert found.words == "ann and ben agree on 100 % of 1"
