"""Truth, emulator and difference on the grid: the mean of the years that are judged."""

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from pages._ui.climate.card import shown_errors
from pages._ui.climate.fitting import told
from pages._ui.climate.rail import table
from pages._ui.kit import look, palette

_LONG = {
    "tas": "near-surface air temperature (tas)",
    "tasmax": "daily maximum temperature (tasmax)",
    "pr": "precipitation (pr)",
    "hfds": "heat flux into the ocean (hfds)",
}
_NAMES = {"truth": "Truth", "emulated": "Emulator", "difference": "Emulator less truth"}


def draw(card: Mapping[str, Any], found: Mapping[str, np.ndarray]) -> None:
    """found: lat, lon (cells,), shape, and a value per cell of each map."""
    task = card["task"]
    when, target = f"{task['period'][0]}-{task['period'][1]}", task["target"].replace("/", " ")
    both = np.concatenate([found["truth"], found["emulated"]])
    low, high = float(np.nanmin(both)), float(np.nanmax(both))
    left, right = st.columns(2, gap="small")
    for place, name in ((left, "truth"), (right, "emulated")):
        with place:
            _map(found, name, (low, high), task, f"{_NAMES[name]}: {target}, mean of {when}", 255)
    most = float(np.nanmax(np.abs(found["difference"]))) or 1.0
    error, unit = card["errors"]["emulator"]["rmse_s"], task["units"]
    words = f"{_NAMES['difference']}: at most {most:.2f} {unit} off, RMSE {error:.3f} {unit}, told the {told(card)}"
    _map(found, "difference", (-most, most), task, words, 330)


def beside(card: Mapping[str, Any], found: Mapping[str, np.ndarray]) -> None:
    task = card["task"]
    unit = task["units"]
    look.section("What is shown")
    table(
        [
            ("model", card["provenance"]["model"]),
            ("emulator", task["title"]),
            ("target", task["target"].replace("/", " ")),
            ("driver", task["driver"]),
            ("learned from", f"{task['years']:,} years of {', '.join(task['training'])}"),
            ("change", f"of {_LONG.get(task['variable'], task['variable'])} since {card['provenance']['baseline']}"),
        ]
    )
    look.section("How far off")
    lines = [(one["title"], f"{one['rmse_s']:.3f} {unit}") for _, one in shown_errors(card)]
    lines += [("noise floor", f"{card['floor']['s']:.3f} {unit}")] if card["floor"] else []
    table(lines)
    st.caption(
        "Errors are the root mean square over the area. Truth and emulator share one scale, grey at 0; the difference "
        "has its own. Coastlines are not drawn."
    )


def _map(
    found: Mapping[str, np.ndarray],
    name: str,
    ends: tuple[float, float],
    task: Mapping[str, Any],
    title: str,
    height: int,
) -> None:
    import plotly.graph_objects as go

    unit, values = html.escape(task["units"]), np.asarray(found[name], np.float64)
    measured = "error" if name == "difference" else f"{task['variable']} change"
    bar = {
        "title": {"text": f"{html.escape(measured)}<br>({unit})", "font": {"size": 12}},
        "thickness": 12,
        "len": 1,
        "tickfont": {"size": 12},
        "outlinewidth": 0,
    }
    shades = {"colorscale": palette.diverging(*ends), "colorbar": bar}
    figure, axes = go.Figure(), _axes(found)
    hover = f"%{{y:.1f}} north, %{{x:.1f}} east: %{{z:.2f}} {unit}<extra></extra>"
    if axes is not None:
        grid = np.round(values.reshape(tuple(found["shape"])), 4)
        z = [[None if np.isnan(one) else one for one in row] for row in grid.tolist()]
        x, y = axes[0].tolist(), axes[1].tolist()
        figure.add_heatmap(x=x, y=y, z=z, zmin=ends[0], zmax=ends[1], hoverongaps=False, hovertemplate=hover, **shades)
    else:
        there = np.isfinite(values)
        marker = {"color": np.round(values[there], 4).tolist(), "cmin": ends[0], "cmax": ends[1], "size": 5, **shades}
        figure.add_scatter(
            x=found["lon"][there].tolist(),
            y=found["lat"][there].tolist(),
            mode="markers",
            marker={**marker, "symbol": "square"},
            hovertemplate=hover.replace("%{z:.2f}", "%{marker.color:.2f}"),
        )
    figure.update_xaxes(title={"text": "longitude (degrees east)"}, dtick=60, showgrid=False)
    figure.update_yaxes(title={"text": "latitude (degrees north)"}, dtick=30, showgrid=False, range=[-90, 90])
    figure.update_layout(dragmode=False, showlegend=False)
    alt = f"{title}: from {np.nanmin(values):.2f} to {np.nanmax(values):.2f} {task['units']}."
    look.chart(figure, title, alt, height=height, key=f"climate-map-{name}")


def _axes(found: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Longitudes and latitudes of a grid whose rows have one latitude and whose columns one longitude; else None."""
    shape = tuple(int(one) for one in found["shape"])
    lat, lon = found["lat"].reshape(shape), found["lon"].reshape(shape)
    return (lon[0], lat[:, 0]) if (lat == lat[:, :1]).all() and (lon == lon[:1]).all() else None
