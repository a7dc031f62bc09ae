"""How often each fact is stated, before and after the shown selection."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.runs.run import Run
from pages._ui.kit import look, palette


def draw(said: Mapping[str, Any], run: Run | None) -> None:
    """Both axes logarithmic: facts by rank, the most frequent first."""
    import plotly.graph_objects as go

    figure, lines = go.Figure(), [("in the pool", said["rank_frequency"], said["frequency"], palette.BASELINE)]
    after = said["after"]
    if run is not None and after is not None and after["frequency"] is not None:
        colour = palette.colour_of(run.manifest["method"]["id"])
        lines.append(("kept", after["rank_frequency"], after["frequency"], colour))
    for words, line, _, colour in lines:
        figure.add_scatter(
            x=line["rank"],
            y=line["exposures"],
            mode="lines+markers" if len(line["rank"]) < 30 else "lines",
            line={"color": colour, "width": 2, "shape": "hv"},
            hovertemplate=f"{words}: the fact of rank %{{x:,}} is stated %{{y:,}} times<extra></extra>",
        )
    figure.update_layout(
        xaxis={"title": {"text": "facts, the most frequent first (rank)"}, "type": "log", "dtick": 1},
        yaxis={"title": {"text": "how often a fact is stated"}, "type": "log", "dtick": 1},
        dragmode=False,
        showlegend=False,
    )
    most = max(max(line["exposures"], default=1) for _, line, _, _ in lines)
    if most < 10:  # else the axis would have a single mark
        ticks = list(range(1, most + 1))
        figure.update_yaxes(tickvals=ticks, ticktext=[str(one) for one in ticks], range=[-0.05, 1])
    once = "; ".join(f"{words} {look.percent(of['once'], 1)} stated once" for words, _, of, _ in lines)
    look.chart(figure, f"How often facts are stated: {once}", f"{once}.", height=430, key="facts-frequency")
    look.legend([(colour, _words(words, of)) for words, _, of, colour in lines])
    if said["with_frequency"] is not None:
        told = said["with_frequency"]
        st.caption(
            f"Loss against how often a fact is stated: Spearman {told:.2f}. At -1 the lowest loss has what is stated "
            "most often, and so on; at 0 the loss tells nothing of it."
        )


def _words(words: str, of: Mapping[str, Any]) -> str:
    return (
        f"{words}: {look.many(of['facts'], 'fact')} in {look.many(of['samples'], 'sample')}, {of['mean']:.3g} each on "
        f"average, at most {of['most']:,}; {look.percent(of['once'], 1)} once"
    )
