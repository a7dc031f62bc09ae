"""Coverage against budget, as the worker measured it: a line per selection and a point that can be dragged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from datasel_core.analysis.curve import Curve
from datasel_core.evidence.yardstick import Band
from datasel_core.runs.measures import read_curves
from datasel_core.runs.run import Run
from pages._ui.kit import palette

_HERE = Path(__file__).parent
_MARKS = 1500

CURVES = st.components.v2.component(
    "datasel_curves",
    html='<div class="curves"><svg role="group"></svg><div class="said" aria-live="polite"></div></div>',
    css=(_HERE / "curves.css").read_text(encoding="utf-8"),
    js=(_HERE / "curves.js").read_text(encoding="utf-8"),
)
"""State: budget (what the point was dragged to, and the how many-th place that was)."""


@dataclass(frozen=True)
class Line:
    """One selection's curve. main: the one that is being chosen; its point can be dragged."""

    name: str
    curve: Curve
    colour: str
    main: bool = False


def curves(run: Run) -> dict[str, Curve]:
    """Role -> curve of a run; empty where none was measured."""
    return _curves(str(run.folder), run.manifest["result"]["pick_order_sha256"])


def draw(
    key: str,
    lines: Sequence[Line],
    budget: int,
    unit: str,
    dragged: Callable[[int], None],
    height: int = 250,
    of: str = "the pool",
    band: Band | None = None,
) -> None:
    """dragged: called with the new budget. of: whose distance it is. band: where single random choices lie."""
    main = next(line for line in lines if line.main)
    payload = {
        "lines": [
            {
                "name": line.name,
                "colour": line.colour,
                "main": line.main,
                "dash": "" if line.main else "5 4",
                **_points(line.curve),
            }
            for line in lines
        ],
        "band": None if band is None else _area(band, int(main.curve.picks[-1])),
        "budget": budget,
        "heard": (_told(key) or (0, 0))[1],
        "knee": main.curve.knee(),
        "knee_means": f"Up to the knee each of the {unit} brings more than the average one; after it, less.",
        "height": height,
        "x_name": f"{unit} kept (log scale)",
        "y_name": "distance to the nearest kept",
        "alt": f"Coverage against budget: the mean distance from {of} to the nearest kept falls from "
        f"{main.curve.mean[0]:.3f} after {main.curve.picks[0]} "
        f"to {main.curve.mean[-1]:.3f} after {main.curve.picks[-1]:,} {unit}; now {main.curve.at(budget)[0]:.3f} at "
        f"{budget:,}. 0 is the same, 1 unrelated.",
    }

    def take() -> None:
        if (told := _told(key)) is not None:
            dragged(told[0])

    CURVES(key=key, data=payload, on_budget_change=take)


def _told(key: str) -> tuple[int, int] | None:
    """Where the point was dragged to, and the how many-th place that was."""
    told = st.session_state.get(key, {}).get("budget")
    whole = isinstance(told, list) and len(told) == 2 and all(type(one) is int and one >= 1 for one in told)
    return (told[0], told[1]) if whole else None


def _area(band: Band, most: int) -> dict[str, list[float]]:
    """As far as the line goes; linear in log n up to its end."""
    x = np.append(band.sizes[band.sizes < most], min(most, band.sizes[-1]))
    edges = {
        name: np.interp(np.log(x), np.log(band.sizes), getattr(band, name)).round(6).tolist()
        for name in ("low", "mean", "high")
    }
    return {"x": x.tolist(), **edges, "name": "single random choices", "colour": palette.BASELINE}


def _points(curve: Curve) -> dict[str, list[float]]:
    """Every mark, or some 1,500 evenly spread on the log scale, the first and last among them."""
    if len(curve.picks) <= _MARKS:
        return {"x": curve.picks.tolist(), "y": curve.mean.tolist()}
    at = np.unique(
        np.searchsorted(curve.picks, np.geomspace(max(1, curve.picks[0]), curve.picks[-1], _MARKS).round()).clip(
            0, len(curve.picks) - 1
        )
    )
    return {"x": curve.picks[at].tolist(), "y": curve.mean[at].tolist()}


@st.cache_resource(max_entries=64, show_spinner=False)
def _curves(folder: str, order: str) -> dict[str, Curve]:
    return read_curves(Path(folder))
