"""What stands beside every picture: how many facts fit, where the number comes from, and what to do next."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.analysis.facts import meter
from datasel_core.base.role import ANSWER_BITS
from datasel_core.evidence.facts.counts import loss_of
from datasel_core.evidence.facts.memory import PROBE
from datasel_core.features.encoders.answer_loss import AnswerLoss
from datasel_core.methods.loss_pruning import LossPruning
from datasel_core.pools.pool import Pool
from pages._ui.facts import capacity, reading
from pages._ui.facts.asking import Asked, sources
from pages._ui.kit import disk, look, watch
from pages._ui.kit.onward import onward

CALIBRATION = "calibrate"
LOSSES = "facts-losses"
_FORM = f"form.method.{LossPruning.id}"


def draw(pool: Pool, said: Mapping[str, Any], held: Mapping[str, Any], asked: Asked) -> None:
    bits = reading.bits(said, asked.bits)
    look.section("What fits")
    st.html(_table(said, held, bits))
    _next(pool, said, held, asked, bits)
    capacity.exposures(asked)
    _measure(asked)
    with st.expander("Where these numbers come from"):
        st.caption("  \n".join([*_measured(asked), *sources()]))


def _table(said: Mapping[str, Any], held: Mapping[str, Any], bits: Mapping[str, float]) -> str:
    fits = min(held["fitting"], said["facts"])
    lines = [
        ("facts", f"{said['facts']:,}"),
        ("relations", f"{len(said['relations']):,}"),
        *((f"bits, {capacity.called(name)}", f"{value:,.0f}") for name, value in bits.items()),
        ("the model holds", f"{held['capacity_bits']:,.0f} bits"),
        ("facts that fit", f"{fits:,} ({look.percent(fits, said['facts'])})"),
        ("right at most", look.percent(held["accuracy"], 1)),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in lines)
    return f'<div class="ds-record"><dl>{rows}</dl></div>'


def _next(
    pool: Pool, said: Mapping[str, Any], held: Mapping[str, Any], asked: Asked, bits: Mapping[str, float]
) -> None:
    """Pruning to what fits, and the comparison with random."""
    roles = disk.roles(pool)
    if loss_of(roles) is None:
        st.button(
            look.computing(pool, AnswerLoss()).replace("Compute", "Measure losses"),
            key="facts-losses",
            type="primary",
            disabled=(busy := watch.started(LOSSES)) is not None and busy.is_active,
            on_click=watch.start,
            args=(LOSSES, "feature"),
            kwargs={"pool": pool.name, "feature": AnswerLoss.id},
        )
        st.caption("Pruning goes by how well a short training learned each answer.")
    else:
        each = asked.bits or (
            None if roles.has(ANSWER_BITS.name) else max(min(bits.values()) / max(1, said["facts"]), 0.01)
        )
        onward(
            "Keep what fits",
            "pages/select.py",
            key="facts-select",
            leads=held["verdict"] != meter.FITS,
            method=LossPruning.id,
            budget="100%",
            **{
                f"{_FORM}.capacity_bits": f"{held['capacity_bits']:.10g}",
                f"{_FORM}.bits_per_fact": "" if each is None else f"{each:.10g}",
            },
        )
    onward(
        "Compare with random",
        "pages/evidence.py",
        key="facts-evidence",
        leads=False,
        **{
            "evidence.probe": PROBE,
            "evidence.methods": [LossPruning.id],
            "evidence.budgets": f"{100 * min(1, held['fitting'] / max(1, said['facts'])):.3g}%",
        },
    )


def _measure(asked: Asked) -> None:
    """The button that measures bits a parameter of the shape in Settings."""
    shape = asked.shape
    wanted = {**shape, "exposures": int(asked.seen), "seeds": asked.seeds}
    if any(wanted.items() <= one.items() for one in asked.calibrations):
        return
    busy = watch.started(CALIBRATION)
    st.button(
        f"Measure it for your model, {asked.measured_in}",
        key="facts-calibrate",
        disabled=busy is not None and busy.is_active,
        help=f"Trains {shape['layers']} layers {shape['width']} wide on random numbers, in three amounts, each seen "
        f"{asked.seen} times, and counts the bits that are stored. Set layers, width and seeds in Settings. "
        "The number then stands in place of the published one.",
        on_click=watch.start,
        args=(CALIBRATION, CALIBRATION),
        kwargs=wanted,
    )


def _measured(asked: Asked) -> list[str]:
    """What was measured here, a line for each amount of facts; nothing where that is not what counts."""
    points = () if asked.measured is None else asked.measured["points"]
    return [
        f"Measured here: of {one['asked']:.2f} bits a parameter, {one['stored']:.2f} were stored"
        + ("." if one["low"] is None else f" ({one['low']:.2f} to {one['high']:.2f}).")
        for one in points
    ]
