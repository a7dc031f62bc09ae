"""Coverage against budget, per method, beside random: the cheapest budget that covers what a random share would."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from datasel_core.costs.enough import answer, words
from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, markdown, palette
from pages._ui.kit.onward import onward
from pages._ui.plan import enough_charts as charts

_USUAL = 0.8


def choose(said: Mapping[str, Any]) -> float:
    """Which share of full labelling is to be covered; 80 %, or the most that a selection reaches."""
    shares = sorted({reach["share"] for one in said["methods"] for reach in one.get("reaches", ())})
    if not shares:
        return _USUAL
    best = answer.largest(said, shares, _USUAL)
    return keys.bound(
        st.selectbox,
        "Cover as much as a random",
        "plan.share",
        best or _USUAL,
        options=shares,
        format_func=lambda one: f"{words.percent(one)} of the pool",
        help="What labelling so much of the pool at random would cover. It begins with 80 %, or with the most that one "
        "of your selections reaches.",
        width=220,
    )


def draw(pool: Pool, said: Mapping[str, Any], share: float, price: charts.Price) -> None:
    found = answer.cheapest(said, share)
    st.markdown(sentence(pool, said, share, found, price))
    left, right = st.columns([72, 28], gap="medium")
    with left:
        charts.coverage(pool, said, share, price)
    with right, st.container(key="rail-enough-coverage"):
        _rail(pool, said, share)
        if found is None:
            n = round(share * said["of"])
            onward("Choose more", "pages/select.py", key="enough-more", leads=True, budget=min(n, said["of"]))


def sentence(pool: Pool, said: Mapping[str, Any], share: float, found: Any, price: charts.Price) -> str:
    """`**120 photos** by FreeSel cover what a random 400 (43 %) would: 28 to 31 % of the money`."""
    if found is None:
        n = max(1, round(share * said["of"]))
        longest = max(one["picks"] for one in said["methods"])
        return (
            f"**No selection covers yet what a random {n:,} ({words.percent(share)}) would**: the longest keeps "
            f"{longest:,} {look.unit(pool, longest)}"
        )
    method, reach = found
    rest = saving(reach, method["picks"], price)
    return (
        f"**{reach['n']:,} {look.unit(pool, reach['n'])}** by {markdown.plain(method['title'])} cover what "
        f"{words.random_share(reach, said['of'])} would: {rest}"
    )


def saving(reach: Mapping[str, Any], most: int, price: charts.Price) -> str:
    """`28 to 31 % of the money`; of the labels, where nobody knows what they cost."""
    low, high = reach["low"] or most, reach["high"]
    edges = [charts.cost(price, n) for n in (low, high or most, reach["random"])]
    of = "the money" if all(edges) else "the labels"
    first, last, whole = edges if all(edges) else (low, high or most, reach["random"])
    if not whole:
        return f"{low:,} to {high or most:,} labels"
    begin, end = f"{100 * first / whole:.0f}", f"{100 * last / whole:.0f}"
    if high is None:
        return f"{begin} % of {of} or more"
    said = f"{begin} % of {of}" if begin == end else f"{begin} to {end} % of {of}"
    return said if high < reach["random"] else f"{said}, so not shown to be cheaper"


def _rail(pool: Pool, said: Mapping[str, Any], share: float) -> None:
    look.section("How few do as well")
    st.html(_table(said["methods"], share))
    with st.expander("More numbers"):
        st.markdown("\n".join(f"- {markdown.plain(line)}" for line in _notes(pool, said, share)))


def _table(methods: Sequence[Mapping[str, Any]], share: float) -> str:
    body = "".join(f"<tr>{_row(one, share)}</tr>" for one in methods)
    head = "<th>method</th><th>fewest (95 % interval)</th>"
    return f'<div class="ds-table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(one: Mapping[str, Any], share: float) -> str:
    reach, dot = (
        answer.reach_of(one, share),
        f'<i class="ds-dot" style="background:{palette.colour_of(one["method"])}">',
    )
    few = "&ndash;"
    if reach is not None:
        few = f"&gt; {one['picks']:,}"
    if reach is not None and reach["n"] is not None:
        few = f"<b>{reach['n']:,}</b> ({words.interval(reach['low'], reach['high'], one['picks'])})"
    knee = "no knee" if one.get("knee") is None else f"knee at {one['knee']:,}"
    return f"<td>{dot}</i>{one['title']}</td><td>{few}<br>{knee}</td>"


def _notes(pool: Pool, said: Mapping[str, Any], share: float) -> list[str]:
    n, of = said["measured_on"], said["measured_of"]
    drawn = f"{n:,}" if n == of else f"{n:,} of {of:,}"
    where = "held-out " if said["held_out"] else ""
    reached = [
        f"{one['title']}: its {one['picks']:,} cover as much as {_worth(one['worth'][-1])}."
        for one in said["methods"]
        if one.get("worth")
    ]
    own = "" if said["held_out"] else " Nothing is held out, so it is measured on the pool itself."
    return [
        f"Measured on {drawn} {where}{look.unit(pool)}: the mean distance to the nearest that is labelled. 0 % is one "
        f"random {look.unit(pool, 1)}, 100 % all {said['of']:,} that can be labelled.{own}",
        "The interval is of the samples that it is measured on, and of the random draws.",
        "Up to the knee each sample brings more than the average one of its selection; after it, less. A curve that is "
        "nearly straight has none.",
        *reached,
    ]


def _worth(n: float | None) -> str:
    return "all random ones" if n is None else f"{n:,.0f} random ones"
