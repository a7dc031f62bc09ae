"""Clusters of loss trajectories: what each looks like, how many of it are chosen, and the chart that shows them all."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.analysis import naming
from datasel_core.analysis.naming import Shared
from datasel_core.errors import DataselError
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, grouping, look, palette

_HERE = Path(__file__).parent
_NAMELESS = Shared("", 0.0, ())
_SAMPLED = 2000
"""Rows of a cluster from which its band is told; more would not move it on the screen."""

CLUSTERS = st.components.v2.component(
    "datasel_clusters",
    html='<div class="paths"></div>',
    css=(_HERE / "clusters.css").read_text(encoding="utf-8"),
    js=(_HERE / "clusters.js").read_text(encoding="utf-8"),
)
"""Trigger: open (the number of a cluster)."""

SORTS = {"size": "Largest first", "end": "Highest last loss first", "fall": "Steepest fall first", "name": "By number"}


@dataclass(frozen=True)
class Cluster:
    """rows: of the pool. mean, low, high: (T,) loss, and its 10 % and 90 % quantiles. group: which one most of it comes
    from, or nothing. shared: what its samples share beside that.
    """

    at: int
    rows: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    group: str
    share: float
    shared: Shared

    @property
    def name(self) -> str:
        return str(self.at + 1)

    @property
    def source(self) -> str:
        """`gsm8k_train 96 %`, where most of it comes from there."""
        return f"{self.group} {look.percent(self.share, 1)}" if self.group and self.share > 0.5 else ""

    @property
    def words(self) -> str:
        """`“True” 62 %, boolean, not`: its commonest answer, and words that tell it from the others."""
        answer = [f"“{self.shared.answer}” {look.percent(self.shared.share, 1)}"] if self.shared.answer else []
        return ", ".join([*answer, *self.shared.words])


def clusters(pool: Pool, kept: StoredFeature, of: np.ndarray) -> list[Cluster]:
    """of: (n,) the cluster of every row, -1 where it has none. In the order of their numbers; empty ones are left
    out.
    """
    return _clusters(
        kept.key, kept.meta["fingerprint"], pool.table_sha256, hash(of.tobytes()), pool, disk.values(kept), of
    )


def in_order(found: Sequence[Cluster], by: str) -> list[Cluster]:
    keys: dict[str, Callable[[Cluster], float]] = {
        "size": lambda one: -len(one.rows),
        "end": lambda one: -one.mean[-1],
        "fall": lambda one: one.mean[-1] - one.mean[0],
        "name": lambda one: one.at,
    }
    return sorted(found, key=lambda one: (keys[by](one), one.at))


def colours(found: Sequence[Cluster]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """(group -> colour, legend): the groups that lead most samples have one of their own, the rest are grey."""
    led: dict[str, int] = {}
    for one in found:
        if one.group and one.share > 0.5:
            led[one.group] = led.get(one.group, 0) + len(one.rows)
    names = sorted(led, key=lambda name: (-led[name], name))[:8]
    of = palette.colours(names)
    if not names:
        return {}, []
    rest = (
        [("others and mixed", palette.DROPPED)]
        if len(led) > len(names) or any(one.share <= 0.5 for one in found)
        else []
    )
    return of, [*of.items(), *rest]


def draw(
    found: Sequence[Cluster],
    counts: np.ndarray,
    kept: StoredFeature,
    *,
    key: str,
    opened: int | None,
    colour: str,
    on_open: Callable[[int], None],
) -> None:
    """counts: how many are chosen of each cluster, by its number. colour: of the bars that say so."""
    of, legend = colours(found)
    steps, t = kept.meta.get("facts", {}).get("steps"), len(found[0].mean)
    known = isinstance(steps, list) and len(steps) == t
    top, bottom = float(max(one.high.max() for one in found)), float(min(one.low.min() for one in found))
    name = (
        "loss" if kept.id == "imported" else "mean loss of a response token (nats)"
    )  # nobody knows what was measured elsewhere
    payload = {
        "clusters": [
            _payload(one, int(counts[one.at]), of, _digits(max(top, 0.0) - min(bottom, 0.0))) for one in found
        ],
        "x": steps if known else list(range(1, t + 1)),
        "x_name": "training step of the proxy model" if known else "checkpoint",
        "y_name": name,
        "top": top,
        "bottom": bottom,
        "open": opened,
        "colour": colour,
        "height": 330,
        "legend": legend,
        "alt": f"Mean loss trajectory of {len(found):,} clusters, with how many of each are chosen.",
    }

    def clicked() -> None:
        at = st.session_state[key].get("open")
        if isinstance(at, int):
            on_open(at)

    CLUSTERS(key=key, data=payload, on_open_change=clicked)


def _digits(span: float) -> int:
    """Decimals that a thousandth of the span needs; fewer than none for very large losses."""
    return 3 - math.floor(math.log10(span)) if span > 0 else 3


def _payload(one: Cluster, kept: int, colours: dict[str, str], digits: int) -> dict[str, Any]:
    lines = {name: np.round(getattr(one, name), digits).tolist() for name in ("mean", "low", "high")}
    colour = (
        palette.COLOURS[0]
        if not colours
        else colours.get(one.group, palette.DROPPED)
        if one.share > 0.5
        else palette.DROPPED
    )
    return {
        "at": one.at,
        "name": one.name,
        "source": one.source,
        "words": one.words,
        "size": len(one.rows),
        "kept": kept,
        "colour": colour,
        **lines,
    }


@st.cache_resource(max_entries=6, show_spinner=False)
def _clusters(
    key: str, fingerprint: str, table: str, labels: int, _pool: Pool, _values: np.ndarray, _of: np.ndarray
) -> list[Cluster]:
    order = np.argsort(_of, kind="stable")
    ends = np.searchsorted(_of[order], np.arange(int(_of.max(initial=-1)) + 2))
    groups = grouping.codes(_pool)
    found = []
    for at in range(len(ends) - 1):
        rows = order[ends[at] : ends[at + 1]]
        if not len(rows):
            continue
        some = rows if len(rows) <= _SAMPLED else rows[np.linspace(0, len(rows) - 1, _SAMPLED).astype(np.int64)]
        losses = np.asarray(_values[some], np.float64)
        low, high = np.quantile(losses, (0.1, 0.9), axis=0)
        group, share = "", 1.0
        if groups is not None:
            counts = np.bincount(groups[1][rows], minlength=len(groups[0]))
            group, share = groups[0][int(counts.argmax())], float(counts.max() / len(rows))
        found.append(Cluster(at, rows, losses.mean(axis=0), low, high, group, share, _NAMELESS))
    names = _names(_pool, found)
    return [replace(one, shared=shared) for one, shared in zip(found, names, strict=True)]


def _names(pool: Pool, found: Sequence[Cluster]) -> list[Shared]:
    """None where texts cannot be read any more: the samples of a cluster say so where they are shown."""
    try:
        return naming.of_parts(pool, [one.rows for one in found])
    except DataselError:
        return [_NAMELESS] * len(found)
