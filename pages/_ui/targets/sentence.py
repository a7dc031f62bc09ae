"""What a choice would come to: one sentence with one number, and more numbers for those who ask."""

import numpy as np
import streamlit as st

from datasel_core.methods.algorithms.transport import TransportPlan, out_of_scale
from datasel_core.methods.closeness import Closeness, Outlook
from datasel_core.runs.neighbor_tables import Tables
from datasel_core.runs.question import Question
from pages._ui.kit import look, markdown
from pages._ui.question import targets
from pages._ui.targets import setting

_SCALE = (
    "0 % is as far from the target as a random choice, 100 % as near as it gets in the target's proportions: the "
    "nearest of each example in turn. More than that is nearer still, and stands for some examples only."
)


def draw(choice: Question, outlook: Outlook, n: int) -> None:
    """**64 % of the way** from random to the target; nothing lies between where all are equally near."""
    way, pool = outlook.now.way, choice.pool
    who = f"{n:,} of {look.samples(pool)}"
    if way is None:
        st.markdown(f"**{who}**: all of them are equally near to the target")
    else:
        st.markdown(f"**{100 * way:.0f} % of the way** from random to the target: {who}", help=_SCALE)


def advice(outlook: Outlook) -> None:
    """What is to be known before it is kept, and one click that helps."""
    if not outlook.words:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/info: {markdown.plain(outlook.words)}", width="stretch")
        if outlook.alpha is not None:
            to = outlook.alpha
            st.button(f"Set alpha to {to:g}", key="set-alpha", on_click=setting.closer, args=(to,))


def more(choice: Question, found: Tables, one: TransportPlan, outlook: Outlook, p: np.ndarray, n: int) -> None:
    """All numbers of the plan, a line each. p: (n,) chance of each sample."""
    pool = choice.pool
    spread, times = look.samples(pool, round(one.effective)), f"{one.effective / n:.2g} times the budget"
    said = [
        _distances(outlook.now),
        f"The choice is spread as if {spread} were equally likely: {times}.",
        f"{(p > 0).sum():,} of {look.samples(pool)} have any chance.",
        *_caps(choice, found, one),
    ]
    st.markdown("\n".join(f"- {markdown.plain(one)}" for one in said))
    targets.on_trust(choice.target)


def _distances(now: Closeness) -> str:
    return (
        f"Distance to the nearest example, on average: {now.kept:.3g}. A random choice: {now.random:.3g}; the nearest "
        f"of each example in turn: {now.in_turn:.3g}; the nearest possible: {now.nearest:.3g}."
    )


def _caps(choice: Question, found: Tables, one: TransportPlan) -> list[str]:
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
    return said + list(filter(None, [out_of_scale(near.distances, how.alpha, how.c)]))
