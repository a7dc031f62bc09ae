"""The capacity meter: verdicts, ranges and sentences."""

import numpy as np
import pytest

from datasel_core.analysis.facts import meter
from datasel_core.analysis.facts.bound import uniform_accuracy
from datasel_core.analysis.facts.table import facts_of


@pytest.fixture
def phonebook():
    """1,600 facts of 32 answers, 50 of each: 8,000 bits, whatever estimates it to a few."""
    return facts_of(np.zeros(1600, int), np.tile(np.arange(32), 50), np.arange(1600))


def test_what_is_held_is_the_bound_at_the_given_rho_and_at_both_ends(phonebook):
    there = meter.taken(phonebook)
    assert there["bits"]["plug_in"] == pytest.approx(8000)
    said = meter.held(phonebook.profile(), there["bits"], parameters=2000, rho=2.0)
    assert said["capacity_bits"] == 4000
    assert said["fitting"] == 800
    assert said["guess"] == pytest.approx(1 / 32)
    assert said["accuracy"] == pytest.approx(uniform_accuracy(1600, 32, 4000), abs=1e-9)
    assert [(one["rho"], one["capacity_bits"]) for one in said["range"]] == [(1.0, 2000.0), (3.6, 7200.0)]
    for one in said["range"]:
        assert one["accuracy"] == pytest.approx(uniform_accuracy(1600, 32, one["capacity_bits"]), abs=1e-9)
    for one in said["curve"]:
        assert one["accuracy"] == pytest.approx(uniform_accuracy(one["facts"], 32, 4000), abs=1e-9)
    assert said["curve"][-1]["facts"] == 1600
    assert there["rank_frequency"]["exposures"][0] == 1


@pytest.mark.parametrize(
    ("parameters", "verdict", "words"),
    [
        (9000, meter.FITS, "all fit, and pruning would only lose some."),
        (4005, meter.NEAR, "whether all fit hangs on the estimate; measure before you prune."),
        (2000, meter.TOO_MANY, "about 800 fit, with so many bits at most 67.8% of all can be right, and pruning may"),
    ],
)
def test_verdicts_in_words(phonebook, parameters, verdict, words):
    bits = meter.taken(phonebook)["bits"]
    said = meter.held(phonebook.profile(), bits, parameters, rho=2.0)
    assert said["verdict"] == verdict
    told = meter.sentence(said, bits, len(phonebook))
    high = 8000 + 31 / (2 * np.log(2))  # Miller-Madow
    assert told.startswith(f"1,600 facts take 8,000 to {high:,.0f} bits, by estimate; a model of {parameters:,} ")
    assert words in told


def test_bits_that_are_known_stand_for_those_that_no_pool_shows():
    """1,000 numbers of 10 digits: golden is what a book of them takes, and the bound for answers as likely as each
    other.
    """
    bits = 10 * np.log2(10)
    said = meter.known(1000, bits, parameters=10_000, rho=1.0)
    assert said["capacity_bits"] == 10_000
    assert said["fitting"] == 301  # 10,000 / 33.219
    assert said["verdict"] == meter.TOO_MANY
    assert said["guess"] == pytest.approx(1e-10)
    assert said["accuracy"] == pytest.approx(uniform_accuracy(1000, 10**10, 10_000), abs=1e-9)
    assert [one["capacity_bits"] for one in said["range"]] == [10_000, 36_000]
    assert [one["verdict"] for one in said["range"]] == [meter.TOO_MANY, meter.FITS]
    assert said["range"][1]["fitting"] == 1000
    assert said["curve"][-1] == {"facts": 1000, "accuracy": said["accuracy"], "right": 1000 * said["accuracy"]}
    assert all(one["accuracy"] == 1 for one in said["curve"] if one["facts"] <= 301)
    same = meter.held(
        facts_of(np.zeros(1600, int), np.tile(np.arange(32), 50), np.arange(1600)).profile(),
        {"plug_in": 8000.0},
        2000,
        2.0,
    )
    assert meter.known(1600, 5.0, 2000, 2.0)["accuracy"] == pytest.approx(same["accuracy"], abs=1e-9)
