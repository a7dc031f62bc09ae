"""The scores of a pool as a histogram with a cut that can be dragged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

_HERE = Path(__file__).parent
_BINS = 140
_TAIL = 0.0005

HISTOGRAM = st.components.v2.component(
    "datasel_histogram",
    html='<div class="hist"><svg role="group"></svg></div>',
    css=(_HERE / "histogram.css").read_text(encoding="utf-8"),
    js=(_HERE / "histogram.js").read_text(encoding="utf-8"),
)
"""State: cut (the score it was dragged to)."""


@dataclass(frozen=True)
class Bins:
    """Counts between low and high, bins of equal width; the first and the last also hold what lies farther out."""

    low: float
    high: float
    counts: list[int]


def bins(best_first: np.ndarray) -> Bins:
    """best_first: (m,) scores in falling order. A search per edge, not a pass over the scores, so that ten million take
    no time.
    """
    rising, m = best_first[::-1], len(best_first)
    low, high = float(rising[int(_TAIL * (m - 1))]), float(rising[int((1 - _TAIL) * (m - 1))])
    if high - low <= 1e-12 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    n_bins = int(np.clip(2.5 * np.sqrt(m), 20, _BINS))
    edges = np.linspace(low, high, n_bins + 1)
    below = np.searchsorted(rising, edges[1:-1], side="left")
    return Bins(low, high, np.diff(np.concatenate([[0], below, [m]])).tolist())


def digits(found: Bins) -> int:
    """Decimals that tell neighbouring bins apart."""
    return int(np.clip(np.ceil(-np.log10((found.high - found.low) / len(found.counts))), 1, 6))


def draw(
    key: str,
    found: Bins,
    cut: float,
    *,
    scores: str,
    name: str,
    unit: str,
    colour: str,
    dropped: str,
    said: str,
    moved: Callable[[float], None],
    log: bool = False,
    height: int = 230,
) -> None:
    """scores: what tells these scores from others. said: how many are above the cut, for those who do not see it.
    moved: called with the new cut.

    log: bars by the logarithm of 1 + count.
    """
    state = st.session_state.get(key) or {}
    payload = {
        "scores": scores,
        "low": found.low,
        "high": found.high,
        "counts": found.counts,
        "cut": cut,
        "asked": state.get("cut"),
        "digits": digits(found),
        "height": height,
        "log": log,
        "colour": colour,
        "dropped": dropped,
        "x_name": f"{name} (the higher, the sooner chosen)",
        "y_name": f"{unit} per bar{', log' if log else ''}",
        "alt": f"Histogram of {name} from {found.low:.3f} to {found.high:.3f}; the cut is at {cut:.4g}: {said}.",
    }

    def take() -> None:
        value = st.session_state[key].get("cut")
        if isinstance(value, int | float) and np.isfinite(value):
            moved(float(value))

    HISTOGRAM(key=key, data=payload, on_cut_change=take)
