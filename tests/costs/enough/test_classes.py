"""The chance of enough of a class: against scipy's laws, against counting all draws, and against simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats

from datasel_core.costs.enough import words
from datasel_core.costs.enough.classes import Class, chance, smallest
from datasel_core.errors import BadParameter, UnknownName


def test_all_labelled_it_is_counted_exactly():
    """Every choice of 4 among 9, of which 3 are of the class."""
    of, draws = Class("hat", 3, 9, 9), list(itertools.combinations(range(9), 4))
    for wanted in (1, 2, 3, 4):
        want = np.mean([sum(one < 3 for one in draw) >= wanted for draw in draws])
        assert chance(of, wanted, 4) == pytest.approx(want)
    assert chance(of, 2, np.array([0, 4, 9])) == pytest.approx(stats.hypergeom.sf(1, 9, 3, [0, 4, 9]))


def test_a_part_labelled_it_holds_over_all_pools_that_there_might_be():
    """Pools with a share of the class from the prior; those whose labelled part looks like ours; how often it comes."""
    rng, of = np.random.default_rng(5), Class("hat", 2, 20, 60)
    shares = rng.beta(0.5, 0.5, 400_000)
    alike = shares[rng.binomial(20, shares) == 2]
    drawn = rng.binomial(15, alike)  # of samples that are still to come
    assert len(alike) > 5000
    for wanted in (3, 4, 6):
        assert chance(of, wanted, 15) == pytest.approx((drawn >= wanted - 2).mean(), abs=0.02)
    assert chance(of, 2, 0) == 1  # what is labelled counts


@pytest.mark.parametrize("of", [Class("hat", 25, 743, 743), Class("hat", 4, 60, 743)])
@pytest.mark.parametrize("wanted", [1, 5, 9])
def test_the_smallest_number_is_that_of_trying_all(of, wanted):
    for sure in (0.5, 0.95):
        tried = next((n for n in range(of.most + 1) if chance(of, wanted, n) >= sure), None)
        assert smallest(of, wanted, sure) == tried


def test_what_cannot_be_had_is_said():
    assert smallest(Class("hat", 3, 50, 50), 4) is None
    assert words.of_class(Class("hat", 3, 50, 50), 4) == (
        "At least 4 of hat: not to be had with this chance; all 50 give 0 % (3 of 50 are hat)."
    )
    assert words.of_class(Class("hat", 3, 50, 50), 3, 0.5).startswith("At least 3 of hat: 50 % sure from ")


def test_wrong_wishes():
    with pytest.raises(BadParameter, match="At least 0 of a class is no wish; ask for 1 or more"):
        chance(Class("hat", 3, 9, 9), 0, 4)
    with pytest.raises(BadParameter, match=r"The chance is 1; it must be above 0 and below 1, such as 0\.95"):
        smallest(Class("hat", 3, 9, 9), 1, 1.0)
    said = {"column": "group", "counts": {"hat": 3, "shoes": 9}, "labelled": 12, "of": 12}
    assert words.class_of(said, None) == Class("hat", 3, 12, 12)
    with pytest.raises(UnknownName, match="There is no class of the column group called shoe. Did you mean shoes?"):
        words.class_of(said, "shoe")
