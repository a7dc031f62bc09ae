"""What the shown selection drops: facts of which nothing is kept, as a list."""

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.facts import reading
from pages._ui.facts.reading import Counted
from pages._ui.kit import keys, look

_A_PAGE = 25
_CUT = 200
_ORDERS = {"often": "Most often stated first", "low": "Lowest loss first", "high": "Highest loss first"}
_STYLE = """.ds-gone td { min-width: 0 !important; font-variant-numeric: tabular-nums; }
.ds-gone td.n, .ds-gone th.n { text-align: right; white-space: nowrap; }"""


def draw(pool: Pool, there: Counted) -> None:
    assert there.said is not None
    n = there.said["dropped"]
    if not n:
        look.empty("Nothing is dropped whole", "Of every fact at least one sample is kept.", key="none-dropped")
        return
    found, has_loss = reading.dropped(there), there.said["has_loss"]
    orders = _ORDERS if has_loss else {"often": _ORDERS["often"]}
    title, sort, at = st.columns([52, 28, 20], gap="small", vertical_alignment="bottom")
    with title:
        look.section(
            f"{look.many(n, 'fact')} dropped whole",
            f"{look.percent(n, there.said['facts'])} of {there.said['facts']:,}",
        )
    with sort:
        order = keys.bound(
            st.selectbox,
            "Order",
            "facts.order",
            "often",
            options=list(orders),
            format_func=orders.get,
            label_visibility="collapsed",
        )
    pages = -(-n // _A_PAGE)
    with at:
        page = keys.bound(
            st.number_input,
            f"Page, 1 to {pages:,}",
            "facts.page",
            1,
            min_value=1,
            max_value=pages,
            step=1,
            help=f"{_A_PAGE} facts a page. Move it to see further ones. At 1 are the first of the order, at the end "
            "the last.",
        )
    places = np.arange((page - 1) * _A_PAGE, min(page * _A_PAGE, n))
    if order != "often":
        known = there.said["dropped_with_loss"]  # unknown ones come last in either order
        places = found["by_loss"][np.where((order == "high") & (places < known), known - 1 - places, places)]
    _table(pool, there.said, {name: found[name][places] for name in ("row", "exposures", "relation", "loss")})


def _table(pool: Pool, said: Mapping[str, Any], shown: Mapping[str, np.ndarray]) -> None:
    names, has_loss = said["names"], said["has_loss"]
    texts = pool.take(shown["row"], ["question", "answer"]).to_pydict()
    body = ""
    for at in range(len(shown["row"])):
        loss = shown["loss"][at]
        cells = [_cut(texts["question"][at]), _cut(texts["answer"][at]), html.escape(names[shown["relation"][at]])]
        numbers = [f"{shown['exposures'][at]:,}"]
        numbers += [f"{loss:.2f}" if np.isfinite(loss) else "not known"] if has_loss else []
        body += "<tr>" + "".join(f"<td>{one}</td>" for one in cells)
        body += "".join(f"<td class=n>{one}</td>" for one in numbers) + "</tr>"
    head = "<th>question</th><th>answer</th><th>relation</th><th class=n>times stated</th>"
    head += "<th class=n>loss (nats)</th>" if has_loss else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    st.html(f'<style>{_STYLE}</style><div class="ds-table ds-gone" style="max-height:none">{table}</div>')


def _cut(text: str) -> str:
    return html.escape(text if len(text) <= _CUT else f"{text[:_CUT]} ...")
