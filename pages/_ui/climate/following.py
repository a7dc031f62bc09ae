"""Which run to buy next: ranked on the energy balance demo, with prices; a guess about a real model, and said to be."""

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.actions.next_run import RATES
from datasel_core.costs.simulations.following import GUESS, SCENARIOS
from datasel_core.costs.simulations.sides import scenario_of
from datasel_core.costs.simulations.timeline import Timeline
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from pages._ui.climate import reading
from pages._ui.climate.asking import Asked
from pages._ui.climate.rail import runs, table
from pages._ui.kit import keys, look, markdown, palette, watch

TASK = "next_run"
_REFERENCE, _TARGET = palette.COLOURS[0], palette.COLOURS[1]


def draw(pool: Pool, run: Run | None, shown: Timeline, asked: Asked, working: bool) -> Mapping[str, Any] | None:
    """What was ranked, None where nothing was."""
    if asked.scenario not in SCENARIOS:
        futures = ", ".join(one for one in SCENARIOS if one.startswith("ssp"))
        look.empty(
            "No ranking for this target",
            f"Runs are ranked on the synthetic energy balance demo, which has {futures}. Choose one of them above.",
            key="climate-no-rank",
        )
        return None
    judge, owned, size = _row(run, shown, asked)
    given = _given(pool, run if owned == "kept" else None, asked, judge, size)
    said = reading.next_run(pool, str(asked.scenario), judge, given["run"], size)
    if said is None:
        if not working and look.empty(
            "Not ranked yet",
            "By how much one more run of each scenario is expected to lower the error of pattern scaling.",
            "Rank, about 5 s",
            key="climate-rank",
        ):
            watch.start(TASK, TASK, **given)
            st.rerun()
        return None
    _bars(said)
    _prices(said)
    st.caption(markdown.plain(GUESS))
    if not working and said["priced"] != given_rates(given):
        st.button(
            "Rank again with the prices of Settings, about 5 s",
            key="climate-rank-again",
            on_click=watch.start,
            args=(TASK, TASK),
            kwargs=given,
        )
    return said


def given_rates(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in RATES}


def sentence(said: Mapping[str, Any] | None) -> str:
    """Which run is best, with its price, and that this is a guess."""
    if said is None:
        return "Which simulation to buy next, ranked on a synthetic climate: a guess about a real one."
    best = said["ranks"][0]
    if best["gain"] <= 0:
        return f"No run is expected to lower the error on {said['reference']}: a guess from a synthetic climate."
    hours = best["price"]["core_hours"]
    price = f" for about {hours['mid']:,.0f} core-hours" if hours else ""
    return f"A guess from a synthetic climate: next comes {_called(best)}, {best['years']:,} years{price}."


def beside(said: Mapping[str, Any] | None) -> None:
    look.section("How it is ranked")
    if said is None:
        st.caption(
            "Runs that are there already are learned from; each of the others is added, and asked of both scenarios."
        )
        return
    before = said["before"]
    table(
        [
            ("there already", runs(said["training"])),
            ("ranked by", said["reference"]),
            ("target", said["target"]),
            (f"error on {said['reference']} now", f"{before['reference']:.3f} K"),
            (f"error on {said['target']} now", f"{before['target']:.3f} K"),
            ("driver", said["driver"]),
        ]
    )
    if said["left_out"]:
        names = ", ".join(one.replace("/", " ") for one in said["left_out"])
        st.caption(f"Left out, as the demo has no such scenario: {markdown.plain(names)}.")
    st.caption(
        "The target ranks nothing. Where bar and diamond lie on different sides of 0, the run would help the one and "
        "harm the other."
    )


def _row(run: Run | None, shown: Timeline, asked: Asked) -> tuple[str, str, int]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="climate-rank-row"):
        futures = [one for one in SCENARIOS if one.startswith("ssp") and one != asked.scenario]
        there = {scenario_of(one.run) for one in shown.lines}
        given = asked.reference and scenario_of(asked.reference)
        usual = next((one for one in futures if one not in there), futures[-1])  # of which no run is lost
        judge = keys.bound(
            st.selectbox,
            "Ranked by",
            "climate.judge",
            given if given in futures else usual,
            options=futures,
            width=150,
            help="The scenario by whose expected error runs are ranked. Choose one that is like your target. It cannot "
            "be bought itself.",
        )
        owned = "all"
        if run is not None:
            owned = keys.bound(
                st.segmented_control,
                "There already",
                "climate.owned",
                "kept",
                options=["kept", "all"],
                format_func={"kept": "Runs that are kept from", "all": "All runs"}.get,
                required=True,
                help="Which runs are bought already. Those of which years are kept, or all of the pool. Runs of the "
                "target and of the scenario that ranks are never among them.",
            )
        size = keys.bound(
            st.number_input,
            "Bought together",
            "climate.size",
            1,
            min_value=1,
            max_value=3,
            step=1,
            width=140,
            help="How many runs are bought at once: all such sets are compared. Two may be worth more than the best "
            "one twice. At 1 single runs are ranked; at 3 there are many sets.",
        )
    return judge, owned, int(size)


def _given(pool: Pool, run: Run | None, asked: Asked, judge: str, size: int) -> dict[str, Any]:
    return {
        "pool": pool.name,
        "target": asked.scenario,
        "reference": judge,
        "run": None if run is None else run.key,
        "size": size,
        **asked.rates,
    }


def _bars(said: Mapping[str, Any]) -> None:
    import plotly.graph_objects as go

    ranks, figure = said["ranks"][:12], go.Figure()
    names = [html.escape(_called(one)) for one in ranks]
    figure.add_bar(
        y=names,
        x=[one["gain"] for one in ranks],
        orientation="h",
        marker={"color": _REFERENCE},
        hovertext=[f"{html.escape(_called(one))}: {one['gain']:+.3f} K on {said['reference']}" for one in ranks],
        hoverinfo="text",
    )
    figure.add_scatter(
        y=names,
        x=[one["target_gain"] for one in ranks],
        mode="markers",
        marker={"color": _TARGET, "size": 10, "symbol": "diamond"},
        hovertext=[f"{html.escape(_called(one))}: {one['target_gain']:+.3f} K on {said['target']}" for one in ranks],
        hoverinfo="text",
    )
    figure.add_vline(x=0, line={"width": 1, "color": palette.BASELINE})
    figure.update_layout(
        xaxis={"title": {"text": "expected fall of the error (K); below 0 it rises"}, "tickformat": ".3~f"},
        yaxis={"title": {"text": "run"}, "autorange": "reversed"},
        dragmode=False,
        showlegend=False,
    )
    best = ranks[0]
    title = f"{_called(best)} is expected to lower the error on {said['reference']} most, by {best['gain']:.3f} K"
    if best["gain"] <= 0:
        title = f"No run is expected to lower the error on {said['reference']}"
    alt = f"{title}. " + "; ".join(f"{_called(one)} {one['gain']:.3f}" for one in ranks)
    look.chart(figure, title, alt, height=110 + 34 * len(ranks), key="climate-next")
    look.legend(
        [
            (_REFERENCE, f"on {said['reference']}, by which runs are ranked"),
            (_TARGET, f"on the target {said['target']}"),
        ]
    )


def _prices(said: Mapping[str, Any]) -> None:
    ranks = said["ranks"][:12]
    heads = ["run", "years", "core-hours", "storage", *(["money"] if ranks[0]["price"]["money"] else [])]
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(one)}</td>" for one in _cells(rank, len(heads) > 4)) + "</tr>"
        for rank in ranks
    )
    head = "".join(f"<th>{one}</th>" for one in heads)
    st.html(
        f'<div class="ds-table ds-influence"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cells(rank: Mapping[str, Any], money: bool) -> list[str]:
    price = rank["price"]
    cells = [
        _called(rank),
        f"{rank['years']:,}",
        _between(price["core_hours"], ""),
        _between(price["terabytes"], " TB"),
    ]
    return [*cells, _between(price["money"], f" {price['currency']}".rstrip())] if money else cells


def _between(many: Mapping[str, float] | None, unit: str) -> str:
    """`172,000 (172,000 to 639,000)`."""
    if many is None:
        return "not said"
    mid = f"{many['mid']:,.0f}{unit}"
    return mid if many["low"] == many["high"] else f"{mid} ({many['low']:,.0f} to {many['high']:,.0f})"


def _called(rank: Mapping[str, Any]) -> str:
    return " and ".join(one.replace("/", " ") for one in rank["runs"])
