"""The picture of the page: cost against how many are labelled, coverage against cost; beside it one sentence."""

import streamlit as st

from datasel_core.costs import document
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from pages._ui.kit import look, markdown
from pages._ui.plan import charts, parts, question
from pages._ui.plan.question import Asked


def draw(pool: Pool) -> None:
    asked = question.ask(pool)
    if asked.trouble:
        markdown.trouble(asked.trouble)
        return
    if asked.found is None:
        look.empty(
            "What does a label take?", "Type its seconds or its price, or take an example from a table of rates."
        )
        return
    picture, rail = st.columns([72, 28], gap="medium")
    with picture:
        try:
            charts.cost(pool, asked)
            charts.coverage(pool, asked)
        except DataselError as error:  # the largest of what could be labelled takes longer than anything is planned
            markdown.trouble(error)
    with rail, st.container(key="rail"):
        _sentence(pool, asked)
        parts.table(pool, asked.found)
        parts.sources(asked.found)
        parts.next_steps(pool, asked)


def _sentence(pool: Pool, asked: Asked) -> None:
    found = asked.found
    assert found is not None
    what = look.samples(pool, found.campaign.items)
    main, _, rest = document.sentence(found, what).partition(" for ")
    said = [f"**{markdown.plain(main)}** for {markdown.plain(rest)}"]
    said += [markdown.plain(text) for text in (document.time(found), document.needed(found)) if text]
    help = f"{found.campaign.level:.0%} of such campaigns lie between the two ends."
    st.markdown("  \n".join(said), help=help if found.campaign.is_uncertain else None)
    if found.money is None:
        st.caption("Say a wage, and hours become money.")
