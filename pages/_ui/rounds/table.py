"""Rounds planned against what they took, and what each gained."""

import html

import streamlit as st

from datasel_core.pools.pool import Pool
from datasel_core.rounds.project import Project, Round
from datasel_core.rounds.proposal import propose, states
from datasel_core.rounds.stop import MEASURES, rates
from datasel_core.rounds.turn import run_of
from datasel_core.runs.mixtures.answer import brought_by
from pages._ui.kit import look, palette
from pages._ui.media import photos


def draw(project: Project, pool: Pool) -> None:
    """A line per round, those to come too: planned, and beside it what it was."""
    unit = MEASURES[project.plan.stop.measure][0]
    heads = ["round", f"{look.unit(pool)}, planned", "labelled", "hours, planned", "hours", _money(project, "planned"),
             _money(project), unit]  # fmt: skip
    lines = [_line(project, one) for one in project.rounds]
    lines += [_to_come(project, at) for at in range(len(project.rounds) + 1, len(project.plan.budgets) + 1)]
    head = "".join(f"<th>{html.escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{one}</td>" for one in line) + "</tr>" for line in lines)
    st.html(f'<div class="ds-table ds-rounds"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')


def _money(project: Project, what: str = "") -> str:
    return ", ".join(filter(None, [f"money ({project.plan.price.currency or 'no currency'})", what]))


def _line(project: Project, one: Round) -> list[str]:
    actual = one.actual
    state = "" if one.is_done else " · with the labellers"
    value = "" if one.value is None else f"{one.value:.1f}"
    return [
        f"<b>{one.at}</b>{state}",
        look.count(one.planned.items),
        "" if actual is None else look.count(actual.items),
        _number(one.planned.hours, 1),
        _number(actual and actual.hours, 1),
        _number(one.planned.money, 2),
        _number(actual and actual.money, 2),
        value,
    ]


def _to_come(project: Project, at: int) -> list[str]:
    n = project.plan.budgets[at - 1]
    return [f'<span class="ds-quiet">{at}</span>', f'<span class="ds-quiet">{n:,}</span>', *[""] * 6]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def wall(project: Project, pool: Pool) -> None:
    """What the last round holds, in pick order; which method brought each."""
    if not project.rounds:
        return
    one = project.rounds[-1]
    found = brought_by(run_of(project, one))
    look.section(f"Round {one.at}", f"{look.samples(pool, len(found))}, in the order in which they were chosen")
    photos.wall(
        pool, list(found), key="wall-rounds", height=76, captions={row: f"by {by}" for row, by in found.items()}
    )


def chart(project: Project) -> None:
    """What 100 of money brought, round by round, with the line below which it is time to stop."""
    import plotly.graph_objects as go

    plan, found = project.plan, rates(states(project))
    if not any(one is not None for one in found):
        return
    unit = MEASURES[plan.stop.measure][0]
    hundred = f"100 {plan.price.currency}".strip() if plan.price.is_known else "100 samples"
    names = [f"round {at}" for at in range(1, len(found) + 1)]
    figure = go.Figure(go.Bar(x=names, y=found, marker_color=palette.KEPT, width=0.25, name="gain",
                              hovertemplate=f"%{{y:.2f}} {unit} for {hundred}<extra></extra>"))  # fmt: skip
    if plan.stop.gain:
        figure.add_hline(y=plan.stop.gain, line={"dash": "dash", "color": palette.BASELINE, "width": 1.5},
                         annotation_text=f"stop below {plan.stop.gain:g}", annotation_position="top right")  # fmt: skip
    figure.update_layout(yaxis={"title": f"{unit} per {hundred}", "rangemode": "tozero"}, showlegend=False)
    said = ", ".join(f"{name} {one:.2f}" for name, one in zip(names, found, strict=True) if one is not None)
    look.chart(figure, "Gain per round", f"What {hundred} brought: {said} {unit}.", height=200, key="rounds-gain")


def sentence(project: Project, pool: Pool) -> str:
    """`**Round 2 of 5**: 50 more photos, 18 failures to follow; 210 of 500 labelled`, as Markdown."""
    spent = f"{project.bought:,} of {project.budget:,} {look.unit(pool)} so far"
    if project.is_open:
        one = project.rounds[-1]
        of = max(one.at, len(project.plan.budgets))
        return f"**Round {one.at} of {of}** is with the labellers: {look.samples(pool, one.planned.items)}; {spent}"
    found = propose(project)
    if found is None:
        return f"**All {len(project.rounds)} rounds are done**: {spent}"
    more = "more " if found.at > 1 else ""
    follow = f", {found.n_failures:,} failures to follow" if found.n_failures else ""
    return (
        f"**Round {found.at} of {found.of}**: {found.budget:,} {more}{look.unit(pool, found.budget)}{follow}; {spent}"
    )
