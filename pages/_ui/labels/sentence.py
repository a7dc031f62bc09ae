"""The one sentence of the page, and the numbers behind it."""

from typing import Any

import streamlit as st

from datasel_core.labels.summary import alpha_words, name
from datasel_core.pools.pool import Pool
from pages._ui.kit import look, markdown


def draw(pool: Pool, said: dict[str, Any]) -> None:
    """`46 of 50 photos are labelled, 2 labellers agree on 91 %`."""
    text = f"**{said['labelled']:,} of {said['n']:,} {look.unit(pool, said['n'])}** are labelled"
    people, agreed = len(said["labellers"]), said["agreement"]
    if agreed["share"] is not None:
        text += f", {look.many(people, 'labeller')} agree on {100 * agreed['share']:.0f} %"
    elif people > 1:
        text += f", by {people:,} labellers, none by two"
    else:
        text += ", by one labeller"
    help = "Of the samples that several labelled: the share of pairs of labellers who said the same, on average."
    st.markdown(f"{text}.", help=help if agreed["share"] is not None else None)


def more(said: dict[str, Any]) -> None:
    agreed = said["agreement"]
    lines = []
    if agreed["share"] is not None:
        lines += [f"{agreed['items']:,} were labelled by several.", alpha_words(agreed)]
    lines += [_pair(pair) for pair in agreed["pairs"][:10]]
    if agreed["box_f1"] is not None:
        overlap = 100 * agreed["box_overlap"]
        lines.append(f"Boxes: {100 * agreed['box_f1']:.0f} % matched (F1), where two share {overlap:.0f} % or more.")
    if said["undecided"]:
        lines.append(f"Without a majority: {said['undecided']:,}. They have no label until one more person looks.")
    if said["known"]["n"]:
        lines.append(f"Right answers are known of {said['known']['n']:,}: {said['known']['source']}.")
    if said["gone"]:
        lines.append(f"Labels of what the pool no longer has: {said['gone']:,}.")
    lines += [f"{one['file']}: {one['n']:,}, {one['created_utc'][:10]}" for one in said["imports"][-5:]]
    st.markdown("\n".join(f"- {markdown.plain(line)}" for line in lines))


def _pair(pair: dict[str, Any]) -> str:
    kappa = "" if pair["kappa"] is None else f", Cohen's kappa {pair['kappa']:.2f}"
    few = " (few)" if pair["items"] < 20 else ""
    both = f"{name(pair['one'])} and {name(pair['other'])}"
    return f"{both}: {100 * pair['share']:.0f} % of {pair['items']:,}{few} alike{kappa}."
