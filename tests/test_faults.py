"""Where arithmetic is broken, a method ends in an error that says so: never in a loop, never in an answer."""

import dataclasses

import numpy as np
import pytest

from datasel_core.base.ragged import Ragged
from datasel_core.errors import Failed
from datasel_core.methods import tsds
from datasel_core.methods.algorithms import codes, crowding, draw, farthest
from datasel_core.methods.algorithms.gaps import Gaps
from datasel_core.methods.freesel import FreeSel
from datasel_core.methods.k_center import KCenter
from datasel_core.methods.nearest_targets import NearestTargets
from datasel_core.methods.selection import Inputs
from datasel_core.methods.tsds import Tsds
from datasel_core.vectors import neighbors
from tests.conftest import clustered

PLEASE = "which cannot be: this program, a library or the machine is at fault, not the request; please report it."


@pytest.fixture
def inputs(rng):
    patterns = Ragged(clustered(rng, 300, 6, 9), np.arange(301))
    return Inputs(
        {"embedding": clustered(rng, 300, 6, 9), "patterns": patterns},
        rng,
        target={"embedding": clustered(rng, 11, 6, 4)},
    )


@pytest.mark.parametrize("broken", [0.0, np.nan], ids=["zeros", "not numbers"])
def test_products_of_codes(broken, inputs, monkeypatch):
    monkeypatch.setattr(crowding, "_FEW", 0)
    made = codes.Turn.codes
    monkeypatch.setattr(codes.Turn, "codes", lambda *given: np.full_like(made(*given), broken))
    with pytest.raises(
        Failed, match=f"The least crowded candidate has .* in its crowd, though it is in there itself, {PLEASE}"
    ):
        Tsds().plan(inputs)


def test_crowding_that_stays_unknown(inputs, monkeypatch):
    make, made = tsds.make_plan, []

    def unknown(*given):
        made.append(make(*given))
        return dataclasses.replace(made[-1], unknown=np.full(11, True))

    monkeypatch.setattr(tsds, "make_plan", unknown)
    with pytest.raises(Failed, match=f"A plan asks for crowding that is measured already, {PLEASE}"):
        Tsds().plan(inputs)
    assert 1 < len(made) < 100


def test_neighbours_of_targets(inputs, monkeypatch):
    def search(queries, base, k, *_):
        k = min(k, len(base))
        return np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k))

    monkeypatch.setattr(neighbors, "search", search)
    with pytest.raises(Failed, match=f"All candidates are taken before the budget is used up, {PLEASE}"):
        NearestTargets().select(inputs, 2)


def test_gaps_that_are_never_up_to_date(inputs, monkeypatch):
    monkeypatch.setattr(Gaps, "refresh", lambda *_: None)
    with pytest.raises(Failed, match=f"A gap changes though it is up to date, {PLEASE}"):
        KCenter().select(inputs, 50)


def test_no_farthest(inputs, monkeypatch):
    asked = []
    monkeypatch.setattr(farthest._Front, "winner", lambda _: asked.append(1))
    with pytest.raises(Failed, match=f"No pattern is the farthest, {PLEASE}"):
        KCenter().select(inputs, 50)
    assert len(asked) < 20


def test_no_draw(inputs, monkeypatch):
    laws, propose = [], draw._Levels.propose
    monkeypatch.setattr(draw._Levels, "propose", lambda law, *given: laws.append(law) or propose(law, *given))
    monkeypatch.setattr(draw, "_exceeds", lambda *_: False)
    with pytest.raises(Failed, match=f"No pattern can be drawn, {PLEASE}"):
        FreeSel().select(inputs, 50)
    assert len(set(map(id, laws))) == 1
