"""How many must be drawn at random to have enough of a class, and what selections have of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.costs.enough import classes, words
from datasel_core.costs.enough.classes import CHANCE, HYPERGEOMETRIC
from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, markdown
from pages._ui.plan import enough_charts as charts

_POINTS = 80


def draw(pool: Pool, said: Mapping[str, Any], price: charts.Price) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        names = list(said["counts"])
        name = keys.bound(
            st.selectbox,
            "Class",
            "plan.class",
            names[0],
            options=names,
            format_func=lambda one: f"{one} ({said['counts'][one]:,})",
            help="The rarest first; in brackets how many are labelled.",
            width=240,
        )
        wanted = keys.bound(
            st.number_input,
            "At least",
            "plan.least",
            5,
            min_value=1,
            max_value=max(5, said["of"]),
            step=1,
            help="How many of this class you want. Move it up for a class that is to be measured on its own.",
            width=140,
        )
    of = words.class_of(said, name)
    n = classes.smallest(of, int(wanted))
    st.markdown(_sentence(pool, of, int(wanted), n, price))
    left, right = st.columns([72, 28], gap="medium")
    with left:
        if n == 0:
            st.caption("Ask for more of it to see how many must be drawn.")
        else:
            at = np.unique(np.linspace(0, of.most, _POINTS).round().astype(int))
            chance = np.asarray(classes.chance(of, int(wanted), at))
            charts.chances(pool, of, int(wanted), at.tolist(), chance.tolist(), CHANCE)
    with right, st.container(key="rail-enough-classes"):
        _rail(said, of)


def _sentence(pool: Pool, of: classes.Class, wanted: int, n: int | None, price: charts.Price) -> str:
    if n is None:
        return f"**{markdown.plain(words.of_class(of, wanted))}**"
    if n == 0:
        return f"**{wanted:,} of {markdown.plain(of.name)} are there already**"
    money = charts.cost(price, n)
    paid = "" if money is None else f": about {money:,.0f} to pay"
    return (
        f"**{n:,} {look.unit(pool, n)}** drawn at random have at least {wanted:,} of {markdown.plain(of.name)}, "
        f"{words.percent(CHANCE)} sure{paid}"
    )


def _rail(said: Mapping[str, Any], of: classes.Class) -> None:
    look.section("What selections have")
    for one in said["selections"]:
        st.caption(markdown.plain(words.in_selection(one, of.name)))
    with st.expander("More numbers"):
        exact = of.law == HYPERGEOMETRIC
        st.caption(
            f"All {of.of:,} are labelled, {of.seen:,} of them so: the chance is exact (hypergeometric)."
            if exact
            else f"{of.seen:,} of {of.labelled:,} labelled are so, and count. Of the others the share is not known: "
            "the chance allows for that (beta-binomial), as if the labelled ones were drawn at random."
        )
