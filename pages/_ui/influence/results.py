"""What came out of training in stages: one sentence, one picture at a time, and a rail with what may be said."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from datasel_core.evidence.differences import BETTER, PILOT, UNKNOWN, WORSE
from datasel_core.pools.pool import Pool
from pages._ui.influence import charts, samples
from pages._ui.kit import keys, look, markdown, palette
from pages._ui.kit.onward import onward

COLOURS = {BETTER: palette.COLOURS[4], WORSE: palette.COLOURS[7], UNKNOWN: palette.DROPPED, PILOT: palette.DROPPED}
_ARMS = {"staged": "Measured anew", "static": "Measured once"}
_VIEWS = {
    "loss": "Loss",
    "against": "Predicted and measured",
    "spread": "Helpful and harmful texts",
    "drift": "Stage by stage",
    "cost": "Cost",
}


def results(pool: Pool, found: Sequence[Mapping[str, Any]]) -> None:
    """found: documents of runs in stages, the newest last."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="influence-said"):
        said = _run(found)
        view = keys.bound(
            st.segmented_control,
            "Show",
            "influence.view",
            "loss",
            options=list(_VIEWS),
            format_func=_VIEWS.get,
            required=True,
            label_visibility="collapsed",
        )
    st.markdown(sentence(said))
    left, right = st.columns([72, 28], gap="medium")
    with left:
        if view in ("against", "spread") and not said["stages"]:
            look.empty("No influence measured yet", "It comes with the first stage.", key="no-influence")
        elif view == "loss":
            charts.loss(said)
        elif view == "against":
            samples.against(pool, said)
        elif view == "spread":
            samples.spread(pool, said)
        elif view == "drift":
            charts.drift(said)
        else:
            charts.cost(said)
    with right, st.container(key="rail"):
        _rail(said)


def sentence(said: Mapping[str, Any]) -> str:
    """What may be said of the staged run on its judge, with one number."""
    cell = _cell(said)
    if cell is None:
        return "**Still at work**: what may be said stands here at the end of the first seed."
    lower = "lower" if cell["difference"] < 0 else "higher"
    by = f"**{abs(cell['difference']):.3f} nats** {lower} than the plain run on {markdown.plain(cell['name'])}"
    if cell["verdict"] == PILOT:
        seeds = look.many(cell["seeds"], "seed")
        return f"Loss {by} after {seeds}; fewer than 8 show nothing yet."
    return f"Loss {by}: {cell['verdict']}{_between(cell)}."


def _cell(said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The one that is spoken of: the staged run on the judge, on the reference where there is no judge."""
    mine = {one["judge"]: one for one in said["verdicts"] if one["arm"] == "staged"}
    return mine.get("judge") or mine.get("reference")


def _between(cell: Mapping[str, Any]) -> str:
    return "" if cell["low"] is None else f" (95 % interval {cell['low']:+.3f} to {cell['high']:+.3f})"


def _run(found: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Which run is shown; the newest by default."""
    known = {one["key"]: one for one in found}
    if len(known) == 1:
        return found[-1]
    key = keys.bound(
        st.selectbox,
        "Run",
        "influence.run",
        found[-1]["key"],
        options=list(reversed(known)),
        format_func=lambda key: _called(known[key]),
        label_visibility="collapsed",
        width=360,
    )
    return known[key]


def _called(said: Mapping[str, Any]) -> str:
    asked = said["asked"]
    sizes = f"{look.many(asked['stages'], 'stage')} of {asked['chosen']:,}, {look.many(asked['seeds'], 'seed')}"
    return f"towards {said['judges'][0]['name']}: {sizes}"


def _rail(said: Mapping[str, Any]) -> None:
    look.section("Verdict", "nats beside the plain run, below 0 is better")
    _table(said)
    for line in said["over_fit"]:
        markdown.warning(_in_words(line))
    if said["benefits"]:
        look.section("Does it pay?")
    for one in said["benefits"]:
        st.caption(markdown.plain(_in_words(one["words"])))
    if said["notes"]:
        with st.expander("More to know"):
            st.caption("  \n".join(markdown.plain(line) for line in said["notes"]))
    if said["finished"]:
        onward("Compare other methods", "pages/evidence.py", key="influence")


def _table(said: Mapping[str, Any]) -> None:
    """A line for each judge, a column for each arm."""
    cells = {(one["judge"], one["arm"]): one for one in said["verdicts"]}
    arms = list(dict.fromkeys(one["arm"] for one in said["verdicts"]))
    head = "".join(f"<th>{_ARMS[arm].lower()}</th>" for arm in arms)
    body = ""
    for judge in (one for one in said["judges"] if (one["what"], next(iter(arms), "")) in cells):
        name = f"{judge['what']} {html.escape(judge['name'])}"
        found = (cells[judge["what"], arm] for arm in arms)
        body += f"<tr><td>{name}</td>{''.join(f'<td>{_said(one)}</td>' for one in found)}</tr>"
    if body:
        table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"
        st.html(f'<div class="ds-table ds-influence">{table}</div>')
    else:
        st.caption("At the end of the first seed.")


def _said(cell: Mapping[str, Any]) -> str:
    word = f'<b style="color:{COLOURS[cell["verdict"]]}">{cell["verdict"]}</b>'
    between = "" if cell["low"] is None else f' title="95 % interval {cell["low"]:+.3f} to {cell["high"]:+.3f}"'
    return f"<span{between}>{cell['difference']:+.3f}<br>{word}</span>"


def _in_words(line: str) -> str:
    """A line of the command line, with the arm called as on this page."""
    arm, _, rest = line.partition(" ")
    return f"{_ARMS[arm]} {rest}" if arm in _ARMS else line
