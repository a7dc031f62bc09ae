"""What small models know by heart: trained on everything, and on the kept alone; and where their errors went."""

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.evidence.facts.memory import AFTER, BEFORE, points
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from pages._ui.facts.asking import Asked
from pages._ui.kit import look, palette, watch

TASK = "memorised"
_ARMS = {BEFORE: "trained on everything", AFTER: "trained on the kept alone"}
_SHARES = {
    "exact_match": "right of what it was trained on",
    "rephrased_match": "right in wordings that it never saw",
    "weighted_accuracy": "right of all, as often as each is stated",
    "head": "right of the half stated most often",
    "tail": "right of the other half",
}
_ERRORS = {
    "dropped_right": ("right", palette.COLOURS[4]),
    "dropped_wrong": ("the answer of another fact", palette.COLOURS[7]),
    "dropped_other": ("something else", palette.DROPPED),
}
_SHOWN = 8


def draw(pool: Pool, run: Run, said: Mapping[str, Any] | None, asked: Asked, colour: str, working: bool) -> None:
    """said: the newest measurement of this selection."""
    if said is None:
        if not working and look.empty(
            "Not measured yet",
            "A small model learns everything, another the kept alone, with as many steps; both are asked what they "
            "know by heart, and what they say of the dropped.",
            f"Measure, {asked.trained_in}",
            key="facts-memorised",
        ):
            watch.start(TASK, TASK, run=run.key, params=asked.probe)
            st.rerun()
        return
    st.markdown(sentence(said))
    _counts(said, colour)
    _shares(said, colour)
    look.legend([(palette.BASELINE, _ARMS[BEFORE]), (colour, _ARMS[AFTER])])
    _errors(said)
    _examples(pool, said)
    one = said["arms"][BEFORE]
    st.caption(
        f"Models of {one['parameters']:,} parameters, {one['steps']:,} steps each, "
        f"{look.many(one['n_seeds'], 'seed')}; whiskers are intervals of 95 % over the seeds."
    )
    wanted = asked.probe
    if not working and (wanted.items() - said["probe"].items() or "moved" not in said):
        st.button(
            f"Measure again as in Settings, {asked.trained_in}",
            key="facts-again",
            on_click=watch.start,
            args=(TASK, TASK),
            kwargs={"run": run.key, "params": wanted},
        )


def sentence(said: Mapping[str, Any]) -> str:
    """`**340 facts known by heart after, 120 before**; the intervals do not meet.`"""
    before, after = (said["arms"][one] for one in (BEFORE, AFTER))
    told = f"**{after['memorised']:,.0f} facts known by heart after, {before['memorised']:,.0f} before**"
    if "memorised_low" not in before:
        return f"{told}; one seed, so nobody knows how sure that is."
    apart = before["memorised_high"] < after["memorised_low"] or after["memorised_high"] < before["memorised_low"]
    return f"{told}; {'their intervals lie apart' if apart else 'their intervals overlap, so it may be chance'}."


def _counts(said: Mapping[str, Any], colour: str) -> None:
    import plotly.graph_objects as go

    figure = go.Figure()
    for arm, fill in ((BEFORE, palette.BASELINE), (AFTER, colour)):
        one = said["arms"][arm]
        figure.add_bar(
            y=[_ARMS[arm]],
            x=[one["memorised"]],
            orientation="h",
            marker={"color": fill},
            error_x=_whiskers(one, ["memorised"]),
            hovertext=[f"{_ARMS[arm]}: {one['memorised']:,.0f} facts{_between(one, 'memorised', '{:,.0f}')}"],
            hoverinfo="text",
        )
    figure.update_layout(
        xaxis={"title": {"text": "facts known by heart, beyond guessing"}, "rangemode": "tozero", "tickformat": ","},
        yaxis={"title": {"text": ""}, "autorange": "reversed"},
        dragmode=False,
        showlegend=False,
    )
    alt = ", ".join(f"{_ARMS[arm]} {said['arms'][arm]['memorised']:,.0f}" for arm in _ARMS)
    look.chart(figure, "Facts known by heart, before and after", f"{alt}.", height=150, key="facts-memory")


def _shares(said: Mapping[str, Any], colour: str) -> None:
    import plotly.graph_objects as go

    names = [name for name in _SHARES if any(said["arms"][arm].get(name) is not None for arm in _ARMS)]
    figure = go.Figure()
    for arm, fill in ((BEFORE, palette.BASELINE), (AFTER, colour)):
        one = said["arms"][arm]
        mine = [name for name in names if one.get(name) is not None]
        figure.add_bar(
            y=[_SHARES[name] for name in mine],
            x=[one[name] for name in mine],
            orientation="h",
            marker={"color": fill},
            error_x=_whiskers(one, mine),
            hovertext=[f"{_ARMS[arm]}: {one[name]:.1%}{_between(one, name, '{:.1%}')}" for name in mine],
            hoverinfo="text",
        )
    figure.update_layout(
        barmode="group",
        xaxis={"title": {"text": "share of the questions"}, "range": [0, 1.03], "tickformat": ".0%"},
        yaxis={"categoryorder": "array", "categoryarray": [_SHARES[name] for name in names], "autorange": "reversed"},
        dragmode=False,
        showlegend=False,
    )
    told = []
    for name in names:
        both = [f"{said['arms'][arm][name]:.1%}" for arm in _ARMS if said["arms"][arm].get(name) is not None]
        told.append(f"{_SHARES[name]} {', '.join(both)}")
    title = "Right answers, before and after"
    look.chart(figure, title, f"Before, after: {'; '.join(told)}.", height=90 + 46 * len(names), key="facts-shares")


def _errors(said: Mapping[str, Any]) -> None:
    """What both models say of facts of which nothing was kept, and what pruning changed."""
    import plotly.graph_objects as go

    arms = {arm: one for arm, one in said["arms"].items() if one.get("dropped_right") is not None}
    if AFTER not in arms:
        return
    figure = go.Figure()
    for name, (words, fill) in _ERRORS.items():
        figure.add_bar(
            y=[_ARMS[arm] for arm in arms],
            x=[one[name] for one in arms.values()],
            orientation="h",
            marker={"color": fill},
            hovertext=[f"{words}: {one[name]:.1%}{_between(one, name, '{:.1%}')}" for one in arms.values()],
            hoverinfo="text",
        )
    figure.update_layout(
        barmode="stack",
        xaxis={
            "title": {"text": "share of the questions about dropped facts"},
            "range": [0, 1.02],
            "tickformat": ".0%",
        },
        yaxis={"title": {"text": ""}, "autorange": "reversed"},
        dragmode=False,
        showlegend=False,
    )
    alt = "; ".join(
        f"{_ARMS[arm]}: " + ", ".join(f"{words} {one[name]:.1%}" for name, (words, _) in _ERRORS.items())
        for arm, one in arms.items()
    )
    title = f"Where the errors went: {arms[AFTER]['asked']['dropped']:,} questions about what was dropped"
    look.chart(figure, title, f"{alt}.", height=90 + 40 * len(arms), key="facts-errors")
    look.legend([(fill, words) for words, fill in _ERRORS.values()])
    if moved := said.get("moved"):
        changes = (f"{words} {points(moved, name)}" for name, (words, _) in _ERRORS.items())
        st.markdown(f"Pruning changed these shares, in percentage points: {', '.join(changes)}.")


def _examples(pool: Pool, said: Mapping[str, Any]) -> None:
    shown = said["examples"][:_SHOWN]
    if not shown:
        return
    questions = pool.take([one["row"] for one in shown], ["question"])["question"].to_pylist()
    body = "".join(
        f"<tr><td>{html.escape(question)}</td><td>{html.escape(one['answer'])}</td>"
        f"<td>{html.escape(one.get('before', ''))}</td><td>{html.escape(one['said'])}</td></tr>"
        for question, one in zip(questions, shown, strict=True)
    )
    head = "<tr><th>dropped</th><th>the answer</th><th>said before</th><th>said after</th></tr>"
    with st.expander("Some of what is said of dropped facts, before and after"):
        st.html(f'<div class="ds-table"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>')


def _whiskers(one: Mapping[str, Any], names: list[str]) -> dict[str, Any] | None:
    known = [name for name in names if f"{name}_low" in one]
    if not known:
        return None
    ends = [_ends(one, name) for name in names]
    return {
        "type": "data",
        "array": [max(high - one[name], 0) for name, (_, high) in zip(names, ends, strict=True)],
        "arrayminus": [max(one[name] - low, 0) for name, (low, _) in zip(names, ends, strict=True)],
        "symmetric": False,
        "color": palette.COLOURS[1],
        "thickness": 2,
        "width": 3,
    }


def _between(one: Mapping[str, Any], name: str, form: str) -> str:
    """` (12.1% to 14.0%)`; nothing of one seed."""
    if f"{name}_low" not in one:
        return ""
    low, high = _ends(one, name)
    return f" ({form.format(low)} to {form.format(high)})"


def _ends(one: Mapping[str, Any], name: str) -> tuple[float, float]:
    """The interval of a number, which is at least 0, and of a share at most 1."""
    low, high = (one.get(f"{name}_{end}", one[name]) for end in ("low", "high"))
    return max(low, 0.0), high if name == "memorised" else min(high, 1.0)
