"""A learning curve and what it would take to reach a wished accuracy, by extrapolation."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.costs.enough import extrapolation, words
from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, markdown
from pages._ui.plan import enough_charts as charts


def draw(pool: Pool, said: Mapping[str, Any], price: charts.Price) -> None:
    now = said["measured"]["mid"][-1]
    sentence, slider = st.columns([72, 28], gap="medium", vertical_alignment="bottom")
    with slider:
        wish = keys.bound(
            st.slider,
            "Wished accuracy, %",
            "plan.wish",
            min(99, 5 * (int(20 * now) + 1)),
            min_value=5,
            max_value=99,
            help="The share of held-out samples to be named rightly. Move it up until it takes more labels than you "
            "would pay for; below what is measured now it is reached already, at 99 hardly any pool gets there.",
        )
    low, mid, high = extrapolation.needed(said["n"], said["low"], said["mid"], said["high"], wish / 100)
    reachable = said["rises"] and now < wish / 100
    sentence.markdown(_sentence(said, wish / 100, mid if reachable else None, price))
    left, right = st.columns([72, 28], gap="medium")
    with left:
        charts.learning(pool, said, wish / 100, mid if reachable else None)
    with right, st.container(key="rail-enough-learning"):
        _rail(pool, said, (low, mid, high) if reachable else None)


def _sentence(said: Mapping[str, Any], wish: float, needed: float | None, price: charts.Price) -> str:
    """The line that the command says, its first part in bold; with the money of what is needed."""
    line = markdown.plain(words.wished(said, wish).rstrip("."))
    first, colon, rest = line.partition("\\: " if "\\: " in line else " (" if " (" in line else ", ")
    money = None if needed is None else charts.cost(price, round(needed))
    return f"**{first}**{colon}{rest}" + ("" if money is None else f"; about {money:,.0f} to pay")


def _rail(pool: Pool, said: Mapping[str, Any], needed: tuple | None) -> None:
    look.section("What is known")
    st.caption(markdown.plain(words.learned(said, look.unit(pool))))
    st.caption(markdown.plain(words.further(said, said["of"])))
    if needed is not None and needed[1] is not None and needed[1] > said["of"]:
        st.caption(f"That is more than the {look.samples(pool, said['of'])} there are.")
    with st.expander("More numbers"):
        st.html(_table(said))
        st.caption(
            f"Each family is fitted to the same points; off is how far the points lie from it. The {said['level']:.0%} "
            f"interval is of the draws, of the residuals, and of all families alike: a good fit says little of what "
            f"comes after. It reaches {said['reach']:,} times the labels, and takes them for drawn at random."
        )


def _table(said: Mapping[str, Any]) -> str:
    end = said["n"][-1]
    body = "".join(
        f"<tr><td>{one['title']}</td><td>{100 * one['residual']:.1f} %</td>"
        f"<td>{words.percent(one['values'][-1])}</td></tr>"
        for one in said["fits"]
    )
    head = f"<th>family</th><th>off</th><th>at {end:,}</th>"
    return f'<div class="ds-table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
