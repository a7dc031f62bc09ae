"""How a choice is set, and what it would come to: what a person wants, alpha, C, sigma, and the numbers of the plan."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.methods.algorithms.transport import TransportPlan, out_of_scale
from datasel_core.methods.tsds import Tsds
from datasel_core.runs.neighbor_tables import Tables
from datasel_core.runs.question import Question
from pages._ui.kit import forms, keys, look, markdown
from pages._ui.targets import tables

SLIDERS = ("alpha", "c", "sigma")
_FORM = "method.tsds"


def purpose() -> None:
    """What a person may want, a button each, which sets alpha and how is drawn; the one that is set is ticked.

    No widget that keeps a value: it would send an older one after a slider was moved, and set alpha back.
    """
    now = {name: keys.get(f"form.{_FORM}.{name}", Tsds.model_fields[name].default) for name in ("alpha", "sampling")}
    with st.container(horizontal=True, gap="small"):
        for at, (name, params) in enumerate(Tsds.purposes.items()):
            tick = ":material/check:" if params == now else None
            st.button(name, key=f"purpose-{at}", icon=tick, on_click=_set, args=(params,))


def _set(params: Mapping[str, Any]) -> None:
    forms.fill(Tsds, _FORM, params)
    keys.put("targets.again", True)  # how is drawn stands in the form beside


def sliders(found: Tables) -> tuple[float, float, float]:
    stops = [0.0, *found.neighbours.widths.tolist()]
    alphas, cs, sigmas = st.columns([36, 18, 46], gap="medium", vertical_alignment="bottom")
    with alphas:
        alpha = keys.bound(
            st.slider,
            "Alpha: spread wide (0) or stay close (1)",
            "form.method.tsds.alpha",
            0.5,
            min_value=0.0,
            max_value=1.0,
            step=0.01,
            help=_help("alpha"),
        )
    with cs:
        c = keys.bound(
            st.number_input,
            "Scale (C)",
            "form.method.tsds.c",
            5.0,
            min_value=0.01,
            step=0.5,
            help=_help("c"),
        )
    with sigmas:
        sigma = keys.bound(
            st.select_slider,
            "Sigma: nearer than this is a near-duplicate",
            "form.method.tsds.sigma",
            0.75,
            options=stops,
            format_func=lambda width: "off" if width == 0 else f"{width:g}",
            help=_help("sigma"),
        )
    return float(alpha), float(c), float(sigma)


def told(choice: Question, found: Tables, one: TransportPlan, n: int) -> None:
    """The numbers of a plan of which n are to be kept, and what is to be known before they are."""
    pool = choice.pool
    outlook, p = tables.outlook(found, choice, one, n), tables.chances(found, one, choice.pool.n)
    now = outlook.now
    look.facts(
        [
            (f"{now.kept:.3g}", "mean distance to the target"),
            (f"{now.random:.3g}", "a random choice"),
            (f"{now.nearest:.3g}", "nearest possible"),
            (look.samples(pool, round(one.effective)), f"effective size, {one.effective / n:.2g} × budget"),
            (f"{(p > 0).sum():,} of {look.samples(pool)}", "have any chance"),
        ]
    )
    _caps(choice, found, one)
    if not outlook.words:
        return
    words, action = st.columns([76, 24], gap="small", vertical_alignment="center")
    words.caption(f":material/info: {markdown.plain(outlook.words)}")
    if outlook.alpha is not None:
        action.button(f"Set alpha to {outlook.alpha:g}", key="set-alpha", on_click=_closer, args=(outlook.alpha,))


def _closer(alpha: float) -> None:
    forms.fill(Tsds, _FORM, {"alpha": alpha})


def _caps(choice: Question, found: Tables, one: TransportPlan) -> None:
    near, how = found.neighbours, choice.method
    asked = (("Neighbours per target", near.max_k, how.max_k), ("Neighbours per crowd", near.kde_k, how.kde_k))
    said = [
        f"{name}: {used:,}, not {most:,}; at most a tenth of the candidates are looked at."
        for name, used, most in asked
        if used < most
    ]
    if near.recall < 1:
        said.append(f"Approximate neighbours: about {look.percent(near.recall, 1)} of the true ones were found.")
    if one.ran_out.any():
        said.append(f"{one.ran_out.sum():,} of {len(found.targets):,} targets used up their neighbours.")
    said += filter(None, [out_of_scale(near.distances, how.alpha, how.c)])
    if said:
        st.caption(" ".join(said))


def _help(name: str) -> str:
    return Tsds.model_fields[name].description
