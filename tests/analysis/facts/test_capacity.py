"""Bits a parameter from exposures; what a warm-up decides."""

import math

import numpy as np
import pytest

from datasel_core.analysis.facts.capacity import PUBLISHED, RANGE, Measured, capacity, rho
from datasel_core.analysis.facts.sensitivity import over_beta, over_warm_up, warm_up, with_frequency
from datasel_core.errors import BadInput, BadParameter


def test_rho_is_what_was_published_and_between_them_straight_in_the_logarithm():
    assert (rho(100), rho(1000)) == (1, 2)
    assert rho(math.sqrt(100 * 1000)) == pytest.approx(1.5)
    assert (rho(1), rho(10**7)) == (1, 2)  # the nearest
    assert rho(200, [Measured(0.5, 100, "", ""), Measured(0.7, 400, "", "")]) == pytest.approx(0.6)
    assert (min(one.rho for one in PUBLISHED), max(one.rho for one in PUBLISHED)) == RANGE
    assert all("https://arxiv.org/abs/" in one.source for one in PUBLISHED)
    assert capacity(400_000, 2.0) == 800_000
    for exposures in (0, -1, math.nan, math.inf):
        with pytest.raises(BadParameter, match="exposures is .*; a fact must be seen a number of times above 0"):
            rho(exposures)
    with pytest.raises(BadParameter, match="No measurement says how often facts were seen"):
        rho(5, [Measured(3.6, None, "", "")])
    with pytest.raises(BadParameter, match="rho is -1; it must be a finite number of at least 0"):
        capacity(5, -1)


def test_how_much_hangs_on_the_warm_up(rng):
    loss = rng.random(500)
    said = warm_up({400: loss, 50: -loss, 100: np.exp(loss)})
    assert [(one["steps"], round(one["spearman"], 9)) for one in said] == [(50, -1), (100, 1), (400, 1)]
    with pytest.raises(BadInput, match="of the same samples, and of at least one warm-up"):
        warm_up({1: loss, 2: loss[:5]})
    fact = np.repeat(np.arange(40), np.arange(1, 41))
    many = np.bincount(fact)[fact]
    assert with_frequency(1 / many, fact) == pytest.approx(-1)
    assert abs(with_frequency(rng.random(len(fact)), fact)) < 0.4


def test_what_beta_keeps_is_counted_sample_by_sample(rng):
    fact, loss = rng.integers(0, 60, 300), rng.random(300)
    bits = np.repeat(rng.random(60) * 6, 5)[fact]
    said = over_beta(loss, fact, bits, 60.0, betas=(0.001, 0.5, 1.0, 2.0, 100))

    def kept(room):
        found, held = [], set()
        for row in np.argsort(loss):
            held.add(fact[row])
            if sum(bits[np.flatnonzero(fact == one)[0]] for one in held) > room:
                break
            found.append(row)
        return found

    middle = set(kept(60.0))
    for one in said:
        mine = kept(one["beta"] * 60.0)
        assert one["samples"] == len(mine)
        assert one["facts"] == len(set(fact[mine]))
        assert one["overlap"] == pytest.approx(len(middle & set(mine)) / len(middle | set(mine)))
        assert math.isnan(one["highest_loss"]) if not mine else one["highest_loss"] == loss[mine].max()
    assert [one["samples"] for one in said][0] == 0
    assert said[-1]["samples"] == 300
    assert 0 < said[1]["overlap"] < 1


def test_what_each_warm_up_keeps_is_shared_with_the_longest():
    """Against a walk through the order of each, sample by sample."""
    rng = np.random.default_rng(5)
    fact = rng.integers(0, 60, 200)
    bits = rng.integers(1, 9, 60).astype(float)[fact]
    losses = {10: rng.random(200), 20: rng.random(200), 40: rng.random(200)}

    def walk(loss):
        met, kept = {}, 0
        for at in np.argsort(loss, kind="stable").tolist():
            if sum(met.values()) + (0 if fact[at] in met else bits[at]) > 80:
                break
            met.setdefault(fact[at], bits[at])
            kept += 1
        return set(met), kept

    last, _ = walk(losses[40])
    for one in over_warm_up(losses, fact, bits, 80.0):
        facts, samples = walk(losses[one["steps"]])
        assert (one["samples"], one["facts"]) == (samples, len(facts))
        assert one["overlap"] == pytest.approx(len(facts & last) / len(facts | last))
    assert [one["steps"] for one in over_warm_up(losses, fact, bits, 80.0)] == [10, 20, 40]
    assert 0 < over_warm_up(losses, fact, bits, 80.0)[0]["overlap"] < 1
    assert {one["overlap"] for one in over_warm_up(losses, fact, bits, 0.5)} == {1.0}  # nothing fits anywhere
