"""What is asked of facts: the model that is to learn them, how often it sees each, and a drawer with what is set
rarely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from datasel_core.analysis.facts.capacity import PUBLISHED, RANGE, rho
from datasel_core.features.facts_training.calibration import ASKED, DIGITS
from datasel_core.pools.pool import Pool
from pages._ui.facts import reading
from pages._ui.kit import keys, look, markdown

ENDLESS = "endless"
"""Instead of a number of exposures: until nothing more is stored."""
NEWEST, PUBLISHED_ONES = "measured", "published"
"""Instead of the key of a calibration: the newest there is, or none."""
_MARKS = ["100", "130", "160", "200", "250", "320", "400", "500", "630", "800", "1000", ENDLESS]
_NUMBERS, _SENTENCES = 0.022, 0.04
"""Seconds of a training step of 64 random numbers, and of 64 facts in sentences, of two layers 48 wide, on two slow
cores.
"""
_USUAL = 2 * 48**2
_TOKENS = 240
"""Of the vocabulary with which a shape of model is measured."""


@dataclass(frozen=True)
class Asked:
    """rho: bits a parameter. measured: the calibration that says so, None where what was published does; calibrations:
    all that there are. bits: of a fact, where they are known. probe: parameters of the small model that is trained
    here; seeds: how often.
    """

    parameters: int
    exposures: str
    rho: float
    measured: Mapping[str, Any] | None
    calibrations: Sequence[Mapping[str, Any]]
    bits: float | None
    shape: dict[str, int]
    steps: int
    seeds: int

    @property
    def probe(self) -> dict[str, Any]:
        return {"n": self.steps, "n_seeds": self.seeds, **self.shape}

    @property
    def trained_in(self) -> str:
        """`about 5 min`: how long it takes to train on everything and on the kept."""
        return look.about(2 * self.seeds * self.steps * _SENTENCES * self._slower)

    @property
    def measured_in(self) -> str:
        """How long it takes to measure bits a parameter of this shape."""
        numbers = sum(ASKED) * self.weights / (DIGITS * reading.BIT_A_DIGIT)
        return look.about(self.seeds * numbers * int(self.seen) / 64 * _NUMBERS * self._slower)

    @property
    def seen(self) -> str:
        """Exposures for a measurement; where they have no end, many."""
        return "1000" if self.exposures == ENDLESS else self.exposures

    @property
    def weights(self) -> int:
        """About so many parameters has the shape."""
        width = self.shape["width"]
        return 12 * self.shape["layers"] * width**2 + 2 * _TOKENS * width

    @property
    def _slower(self) -> float:
        return max(1.0, self.shape["layers"] * self.shape["width"] ** 2 / _USUAL)


def row(pool: Pool) -> Asked:
    """Draws one row."""
    parameters = keys.bound(
        st.number_input,
        "Parameters of the model",
        "facts.parameters",
        100_000,
        min_value=1,
        max_value=10**12,
        step=10_000,
        width=200,
        help="How many numbers the model that will learn the facts can adjust. Move it to see what a larger or smaller "
        "model would hold. At 1 it holds a bit or two; a model of a billion holds any list that people write.",
    )
    calibrations = reading.every(pool, "calibration")
    measured = _chosen(calibrations)
    with st.container(width=330 if calibrations else 420):
        exposures = _exposures() if measured is None else str(measured["exposures"])
        if measured is not None:
            _as_measured(measured)
    with st.popover("Settings", icon=":material/tune:", key="facts-settings"):
        bits, shape, steps, seeds = _rest()
    found = measured["rho"] if measured is not None else published(exposures)
    every = list(calibrations.values())
    return Asked(int(parameters), exposures, float(found), measured, every, bits, shape, steps, seeds)


def _chosen(calibrations: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The calibration that counts: the newest, until another is chosen; None where what was published does."""
    if not calibrations:
        return None
    newest, *others = calibrations
    of = {NEWEST: calibrations[newest], **{key: calibrations[key] for key in others}}
    by = keys.bound(
        st.selectbox,
        "Bits a parameter",
        "facts.by",
        NEWEST,
        options=[*of, PUBLISHED_ONES],
        format_func=lambda key: _label(of[key]) if key in of else "As published, for other models",
        width=400,
        help="Which number counts: one that was measured here, the newest first, or what others found. Take what was "
        "measured where your model has that shape and sees a fact as often. What others found is of larger models and "
        "long trainings.",
    )
    return of.get(by)


def _label(said: Mapping[str, Any]) -> str:
    """`1.50: 2 layers 48 wide, 6 heads, 250 times, 2026-11-27`."""
    shape = f"{look.many(said['layers'], 'layer')} {said['width']:,} wide, {look.many(said['heads'], 'head')}"
    day = f", {said['created_utc'][:10]}" if "created_utc" in said else ""  # older ones did not say
    return f"{said['rho']:.2f}: {shape}, {said['exposures']:,} times{day}"


def published(exposures: str) -> float:
    """Bits a parameter, as published."""
    return RANGE[1] if exposures == ENDLESS else rho(float(exposures))


def _exposures() -> str:
    return keys.bound(
        st.select_slider,
        "How often training shows each fact",
        "facts.exposures",
        _MARKS[0],
        options=_MARKS,
        format_func=in_words,
        help="A model stores more of what it sees more often: about 1 bit a parameter at 100 times, 2 at 1,000. Move "
        "it to how often your training shows a fact: its rows times the epochs. Below 100 less is stored than at the "
        f"left end; at the right end nothing more can be, {RANGE[1]:g} bits a parameter.",
    )


def in_words(exposures: str) -> str:
    """`100 times`."""
    return "until no more is stored" if exposures == ENDLESS else f"{int(exposures):,} times"


def _as_measured(said: Mapping[str, Any]) -> None:
    ends = "" if said["low"] is None else markdown.plain(f"{said['low']:.2f} to {said['high']:.2f}")
    between = f" ({ends})" if ends else ""
    of = f"measured with {said['parameters']:,} parameters, {look.many(said['seeds'], 'seed')}"
    st.markdown(f"**{said['rho']:.2f} bits a parameter**{between}  \n:small[{of}]")


def _rest() -> tuple[float | None, dict[str, int], int, int]:
    """What is set rarely: bits of a fact, the shape of the small model."""
    look.section("Capacity")
    bits = keys.bound(
        st.number_input,
        "Bits of a fact, 0 to estimate them",
        "facts.bits",
        0.0,
        min_value=0.0,
        max_value=1000.0,
        step=1.0,
        help="What one fact takes, where you know it: 3.32 for each digit of a random number, 1 for yes or no. Move it "
        "up when answers are more various than the pool shows. At 0 it is estimated from the answers of each relation, "
        "or from their digits where they are numbers that differ.",
    )
    look.section("The small model", "which is trained here to measure")
    layers = keys.bound(
        st.number_input,
        "Layers",
        "facts.layers",
        2,
        min_value=1,
        max_value=24,
        step=1,
        help="How deep it is. Make it like the model that you will train. At 1 it learns little; each further one "
        "takes about as long again.",
    )
    width = keys.bound(
        st.number_input,
        "Width",
        "facts.width",
        48,
        min_value=16,
        max_value=1024,
        step=8,
        help="How many numbers stand for each part of a word, a multiple of 8. Move it together with the layers. At 16 "
        "hardly anything is learned; twice the width takes three to four times as long.",
    )
    steps = keys.bound(
        st.number_input,
        "Training steps",
        "facts.steps",
        1500,
        min_value=10,
        max_value=1_000_000,
        step=100,
        help="How long it learns, 64 samples a step, as long from everything as from the kept. Move it up until no "
        "more is known by heart. At 10 nothing is learned; many steps cost time alone.",
    )
    seeds = keys.bound(
        st.number_input,
        "Seeds",
        "facts.seeds",
        3,
        min_value=1,
        max_value=100,
        step=1,
        help="How often it is trained anew, from other weights. Move it up when intervals are wide. At 1 there are "
        "none; each further one takes as long again.",
    )
    return float(bits) or None, {"layers": int(layers), "width": int(width) // 8 * 8}, int(steps), int(seeds)


def sources() -> list[str]:
    """What was published, a line each."""
    return [
        f"{one.rho:g} at {'many' if one.exposures is None else format(one.exposures, ',')} times: {one.what}. "
        f"{one.source}"
        for one in PUBLISHED
    ]
