"""One pair at the right of the cut: what it shows, how it scores, and what right and wrong captions score."""

import streamlit as st

from datasel_core.runs.question import Question
from pages._ui.find import onto
from pages._ui.image_text import sentence
from pages._ui.image_text.scores import Scored
from pages._ui.kit import keys, look, palette
from pages._ui.media import reasons
from pages._ui.question import encoders

_TALL, _CHART = 190, 170


def draw(choice: Question, found: Scored, n: int) -> None:
    """The pair kept as `open_row`; the last one above the cut until one is clicked."""
    opened = keys.get("open_row")
    known = opened is not None and 0 <= int(opened) < choice.pool.n
    row = int(opened) if known else int(found.order[n - 1])
    place = int(found.place[row])
    fate = ("Above the cut" if place <= n else "Below the cut") if place else "No score: never chosen"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**The last one above the cut**" if not known else f"**{fate}**", width="content")
        if known:
            st.button("Back to the cut", key="close-pair", type="tertiary", on_click=keys.put, args=("open_row", None))
    reasons.picture(choice.pool, row, None, tall=_TALL)
    if place:
        score = float(found.values[row])
        told = sentence.fits(choice, score)
        low, high = look.score(float(found.falling[-1])), look.score(float(found.falling[0]))
        said = f"Number {place:,} of {len(found.order):,} by {choice.method.title}"
        scale = f"Its score is {look.score(score)}, of {low} to {high}."
        st.caption(f"{said}: the caption {told}." if told else f"{said}.", help=scale)
    st.caption(reasons.named(choice.pool, row))
    onto.similar_to(choice.pool, row, "pair")
    if (pairs := encoders.agreement(choice)) is not None:
        encoders.chart(pairs, palette.colour_of(choice.method.id), _CHART)
