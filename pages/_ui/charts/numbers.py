"""One number per sample: how it is spread, and words for parts of it."""

import html
from dataclasses import dataclass

import numpy as np
import streamlit as st

from datasel_core.base.role import find_role
from datasel_core.features.stored import StoredFeature
from pages._ui.kit import disk, look, markdown, palette

_BARS, _PARTS = 40, 8


@dataclass(frozen=True)
class Parts:
    """of: (n,) int, which part each sample is in, from the lowest values up; the last where it has none. names: of the
    parts, with their unit.
    """

    of: np.ndarray
    names: list[str]


def histogram(kept: StoredFeature) -> None:
    """Bars of a number role, with its unit, and which direction is good."""
    import plotly.graph_objects as go

    role, values = find_role(kept.role), np.asarray(disk.values(kept), np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return
    counts, edges = np.histogram(values, bins=min(_BARS, max(5, int(2.5 * np.sqrt(len(values))))))
    middles = (edges[:-1] + edges[1:]) / 2
    hover = f"%{{x:.3g}}{html.escape(_unit(role.unit))}: %{{y:,}} samples<extra></extra>"
    figure = go.Figure(go.Bar(x=middles, y=counts, marker={"color": palette.COLOURS[0]}, hovertemplate=hover))
    name = role.name.replace("_", " ")
    title = html.escape(f"{name} ({role.unit})" if role.unit else name)  # Plotly takes tags for its own
    figure.update_layout(xaxis_title=title, yaxis_title="samples", bargap=0.05, dragmode=False)
    low, half, high = np.quantile(values, [0, 0.5, 1])
    alt = f"Histogram of {name} of {len(values):,} samples: {low:.3g} to {high:.3g}, half below {half:.3g}."
    look.chart(figure, f"{name.capitalize()} of {len(values):,} samples", alt, height=190, key=f"numbers-{kept.key}")
    better = {"high": " High is good.", "low": " Low is good."}.get(role.good, "")
    said = f"{role.summary}{better} From {low:.3g} to {high:.3g}{_unit(role.unit)}; half are below {half:.3g}."
    st.caption(markdown.plain(said))


def parts(values: np.ndarray, unit: str) -> Parts:
    """values: (n,), NaN where a sample has none. Parts of about equal size; fewer where many values are equal."""
    there = np.isfinite(values)
    edges = np.unique(np.quantile(values[there], np.linspace(0, 1, _PARTS + 1))) if there.any() else np.zeros(1)
    n_parts = max(1, len(edges) - 1)
    of = np.full(len(values), n_parts)
    of[there] = np.clip(np.searchsorted(edges[1:-1], values[there], side="right"), 0, n_parts - 1)
    pairs = zip(edges[:-1], edges[1:], strict=True) if len(edges) > 1 else [(edges[0], edges[0])]
    names = [f"{low:.3g} to {high:.3g}{_unit(unit)}" for low, high in pairs]
    return Parts(of, [*names, "no value"])


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""
