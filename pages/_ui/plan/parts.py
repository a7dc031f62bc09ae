"""Beside the picture: the parts of a plan, where each number comes from, and what to do next."""

import html
import re

import streamlit as st

from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.costs import document, kept
from datasel_core.costs.plan import Plan
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look, markdown
from pages._ui.kit.onward import onward
from pages._ui.plan.question import Asked

_STYLE = """.ds-plan table { width: 100%; border-collapse: collapse; font-size: 13px;
  font-variant-numeric: tabular-nums; }
.ds-plan th { text-align: right; font-weight: 500; opacity: .7; padding: 2px 0 2px 10px; border: 0; }
.ds-plan td { padding: 3px 0 3px 10px; border: 0; text-align: right; vertical-align: top; }
.ds-plan th:first-child, .ds-plan td:first-child { text-align: left; padding-left: 0; }
.ds-plan tr.all td { font-weight: 620; border-top: 1px solid color-mix(in srgb, currentColor 22%, transparent); }
.ds-plan tr.why td { font-size: 12px; opacity: .72; padding-top: 0; text-align: left; }"""


def table(pool: Pool, found: Plan) -> None:
    """A row for each part, with how it is reckoned below it."""
    rows, unit = document.table(found), found.campaign.currency or "money"
    columns = [("hours", [one.hours for one in rows]), (unit, [one.money for one in rows])]
    shown = [(name, cells) for name, cells in columns if any(cells)]
    head = "".join(f"<th>{html.escape(name)}</th>" for name, _ in shown)
    body = ""
    for at, one in enumerate(rows):
        why = re.sub(r"\bitems?\b", lambda word: look.unit(pool, 1 + (word[0] == "items")), one.why)
        cells = "".join(f"<td>{html.escape(cells[at])}</td>" for _, cells in shown)
        body += f'<tr class="{"all" if one.name == document.ALL else ""}"><td>{html.escape(one.name)}</td>{cells}</tr>'
        body += f'<tr class="why"><td colspan="{1 + len(shown)}">{html.escape(why)}</td></tr>' if why else ""
    made = f"<table><thead><tr><th>part</th>{head}</tr></thead><tbody>{body}</tbody></table>"
    st.html(f'<style>{_STYLE}</style><div class="ds-plan">{made}</div>')


def sources(found: Plan) -> None:
    """Where each number comes from, and what has to be known."""
    for line in [*document.sources(found.campaign), *document.notes(found)]:
        st.caption(markdown.plain(f"{line[:1].upper()}{line[1:]}"))


def next_steps(pool: Pool, asked: Asked) -> None:
    plans = kept.of_pool(disk.home(pool), "plan", pool)
    same = asked.campaign is not None and any(one.said["campaign"] == asked.campaign.plain() for one in plans)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Kept" if same else "Keep this plan",
            key="plan-keep",
            icon=":material/check:",
            disabled=same or asked.found is None or asked.found.money is None,
            help="Keeps it with its date; a pilot then makes it again, and both stay. It takes a wage or a price.",
            on_click=_keep,
            args=(pool, asked),
        )
        if asked.run is not None:
            onward("Export", "pages/export.py", key="plan", leads=False, run=asked.run.key)
        else:
            onward("Choose them", "pages/select.py", key="plan", leads=False)
    if plans:
        _earlier(pool, plans)
    for line in kept.damaged(disk.home(pool), "plan"):
        markdown.warning(line)


def _keep(pool: Pool, asked: Asked) -> None:
    assert asked.task is not None
    try:
        perform(disk.home(pool), asked.task, Progress())
    except DataselError as error:
        keys.tell(str(error), "error")


def _earlier(pool: Pool, plans: list[kept.Kept]) -> None:
    with st.expander(look.many(len(plans), "plan") + " kept"):
        for one in reversed(plans):
            st.caption(markdown.plain(f"{one.day}: {_said(pool, one)}"))


def _said(pool: Pool, one: kept.Kept) -> str:
    return document.kept_sentence(one.said["plan"], look.samples(pool, one.said["plan"]["items"]))
