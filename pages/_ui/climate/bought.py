"""Error against the years that are bought: a line per method, the band of random choices, and the noise floor."""

import html
import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.actions.years import warnings
from datasel_core.costs.simulations import curve
from datasel_core.pools.pool import Pool
from pages._ui.climate import rail, reading
from pages._ui.climate.asking import Asked
from pages._ui.kit import keys, look, markdown, palette, watch

TASK = "years"
_SECONDS = 5e-8
"""For each number of a field and each random choice, on two slow cores."""
_NOISE = palette.COLOURS[6]
_AXES = {"kept": "by years kept", "simulated": "by years simulated"}
_X = {"kept": "years kept", "simulated": "years simulated, as whole runs"}


def draw(pool: Pool, said: Mapping[str, Any] | None, asked: Asked, working: bool) -> None:
    """said: the newest comparison on this target."""
    if asked.target is None:
        look.empty(
            "Nothing can judge",
            f"No run has all years of {asked.when}. Say another period in Settings.",
            key="climate-no-target",
        )
        return
    given = _given(pool, asked)
    if said is None:
        if not working and look.empty(
            "Not compared yet",
            f"Each method chooses so many years of the other runs; pattern scaling learns from them and is judged on "
            f"{asked.target.replace('/', ' ')}, beside {asked.draws} random choices.",
            f"Compare, {_takes(pool, asked)}",
            key="climate-years",
        ):
            watch.start(TASK, TASK, **given)
            st.rerun()
        return
    _chart(said)
    for n, sentence in warnings(dict(said)):
        markdown.warning(f"With {look.many(n, 'year')}. {sentence}")
    wanted = (asked.draws, asked.budgets)
    shown = (said["draws"], said["asked"]["budgets"])
    if not working and wanted != shown:
        st.button(
            f"Compare again as in Settings, {_takes(pool, asked)}",
            key="climate-years-again",
            on_click=watch.start,
            args=(TASK, TASK),
            kwargs=given,
        )


def sentence(said: Mapping[str, Any] | None) -> str:
    """`10 years are enough: 0.421 K on ssp126, chosen by extremes; all 416 years leave 0.339 K.`"""
    if said is None:
        return "How many simulated years are enough, and which method chooses them best."
    unit, target = said["units"], said["target"]["said"].replace("/", " ")
    whole = f"all {said['years']:,} years leave {said['all']:.3f} {unit} on {target}"
    found = curve.enough(said)
    if found is None or found[0] == said["years"]:
        return f"{said['enough']} {whole[:1].upper()}{whole[1:]}."
    n, name, error = found
    return (
        f"{look.many(n, 'year')} are enough: {error:.3f} {unit} on {target}, chosen by "
        f"{name[:1].lower()}{name[1:]}; {whole.partition(' on ')[0]}."
    )


def beside(said: Mapping[str, Any] | None) -> None:
    """What has to be known beside the lines."""
    look.section("What it is judged by")
    if said is None:
        st.caption(
            "The error is the root mean square, over the area, of the mean pattern of a period: emulated less true. "
            "The scenario that judges is learned from by nothing."
        )
        return
    unit, known = said["units"], said["floor"]
    first, last = said["period"]
    lines = [
        ("target", said["target"]["said"].replace("/", " ")),
        ("years judged", f"{first}-{last}"),
        ("driver", said["driver"]),
        ("learned from", rail.runs(said["training"])),
    ]
    if said["reference"] is not None:
        lines.insert(1, ("reference", said["reference"]["said"].replace("/", " ")))
    rail.table(lines)
    look.section("Without any choice")
    floor = [] if known is None else [("noise floor", f"{known['s']:.3f} {unit}")]
    rail.table([*((name, f"{error:.3f} {unit}") for name, error in said["baselines"].items()), *floor])
    if known is None:
        st.caption(curve.NO_FLOOR)
    else:
        own = "" if known["own"] else ", as the target has one member only"
        st.caption(
            f"The noise floor is what the weather alone makes of {look.many(known['members'], 'member')} of "
            f"{markdown.plain(known['scenario'])}{own}: no emulator of the mean can be shown to do better."
        )
    st.caption(said["rule"])
    st.caption("The true GMST of the target is knowledge that an emulator in use does not have: it flatters all lines.")


def _chart(said: Mapping[str, Any]) -> None:
    import plotly.graph_objects as go

    axis = keys.bound(
        st.segmented_control,
        "Against",
        "climate.axis",
        "kept",
        options=list(_AXES),
        format_func=_AXES.get,
        required=True,
        label_visibility="collapsed",
    )
    figure, unit, band = go.Figure(), html.escape(said["units"]), said["random"]

    def along(one: Mapping[str, Any]) -> list[float]:
        return said["budgets"] if axis == "kept" else one["simulated"]

    x, grey = along(band), palette.BASELINE
    figure.add_scatter(
        x=[*x, *x[::-1]],
        y=[*band["high"], *band["low"][::-1]],
        fill="toself",
        mode="none",
        fillcolor=_clear(grey),
        hoverinfo="skip",
    )
    for words, error, colour, dash, where in [
        ("random, the mean", band["mean"], grey, "dot", x),
        *(
            (one["title"], one["rmse_s"], palette.colour_of(one["method"]), "solid", along(one))
            for one in said["lines"]
        ),
    ]:
        pairs = sorted(zip(where, error, said["budgets"], strict=True)) if axis != "kept" else None
        figure.add_scatter(
            x=where if pairs is None else [one[0] for one in pairs],
            y=error if pairs is None else [one[1] for one in pairs],
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 7},
            hovertext=[
                f"{html.escape(words)}, {n:,} kept: {one:.3f} {unit}"
                for n, one in (
                    zip(said["budgets"], error, strict=True) if pairs is None else ((one[2], one[1]) for one in pairs)
                )
            ],
            hoverinfo="text",
        )
    _floor(figure, said, unit)
    ticks = said["budgets"] if axis == "kept" else None
    figure.update_xaxes(title={"text": f"{_X[axis]} (log scale)"}, type="log", dtick=None if ticks else 1)
    if ticks:
        figure.update_xaxes(tickvals=ticks, ticktext=[f"{one:,}" for one in ticks])
    values = [*band["high"], *(error for one in said["lines"] for error in one["rmse_s"])]
    low = min([*band["low"], *(min(one["rmse_s"]) for one in said["lines"]), (said["floor"] or {}).get("s", 9e9)])
    figure.update_yaxes(
        title={"text": f"RMSE of the mean pattern ({unit}, log scale)"}, type="log", **_ticks(low, max(values))
    )
    figure.update_layout(dragmode=False, showlegend=False)
    first, last = said["period"]
    target = said["target"]["said"].replace("/", " ")
    title = f"Error on {target}, {first}-{last}, told the {said['driver']}, against {_X[axis]}"
    alt = f"{title}. {sentence(said)}"
    look.chart(figure, title, alt, height=430, key="climate-bought")
    low_p, high_p = curve.BAND
    look.legend(
        [
            (grey, f"random: mean of {said['draws']} choices, and {low_p} to {high_p} % of them"),
            *((palette.colour_of(one["method"]), one["title"]) for one in said["lines"]),
            *([(_NOISE, "noise between members")] if said["floor"] else []),
        ]
    )


def _floor(figure: Any, said: Mapping[str, Any], unit: str) -> None:
    known = said["floor"]
    if known is None:
        return
    figure.add_hline(y=known["s"], line={"width": 1.5, "dash": "dash", "color": _NOISE})
    figure.add_annotation(
        x=0.01,
        xref="paper",
        xanchor="left",
        y=math.log10(known["s"]),  # where an axis is logarithmic, its annotations are in powers
        yanchor="top",
        text=f"noise floor {known['s']:.3f} {unit}",
        font={"size": 12},
        showarrow=False,
    )


def _ticks(low: float, high: float) -> dict[str, Any]:
    """1, 2, 5 and their tenths and tens: an axis of less than a decade would have a single mark."""
    found = [step * 10.0**power for power in range(-6, 6) for step in (1, 2, 5)]
    shown = [one for one in found if low / 2.5 <= one <= high * 2.5]
    ends = [math.log10(low / 1.45), math.log10(1.15 * high)]  # room for words below the lowest line
    return {"tickvals": shown, "ticktext": [f"{one:g}" for one in shown], "range": ends}


def _given(pool: Pool, asked: Asked) -> dict[str, Any]:
    return {
        "pool": pool.name,
        "target": asked.target,
        "reference": asked.reference,
        "period": asked.when,
        "draws": asked.draws,
        "budgets": asked.budgets,
    }


def _takes(pool: Pool, asked: Asked) -> str:
    cells = len(reading.grid(pool).weight)
    return look.about(3 + _SECONDS * cells * asked.draws * 150)


def _clear(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.18)"
