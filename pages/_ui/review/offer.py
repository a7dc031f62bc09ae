"""A review that was begun and not finished, offered where work begins."""

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.review.unfinished import unfinished
from pages._ui.kit import disk, markdown
from pages._ui.kit.onward import onward


def offer(pool: Pool) -> None:
    """The one that was at work last: how far it is, and a button that goes on."""
    try:
        found = unfinished(disk.home(pool), disk.runs(pool))
    except DataselError:  # the page of the review itself says what is wrong
        return
    if not found:
        return
    run, standing = found[0]
    with st.container(border=True, gap="xsmall", key="review-offer"):
        st.markdown(f"Review of **{markdown.plain(run.name)}**: {standing.decided:,} of {len(standing.ids):,} decided")
        onward("Go on with the review", "pages/review.py", key="review", leads=False, run=run.key)
