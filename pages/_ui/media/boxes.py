"""Labels of people over a photo: a box for each thing that they marked, with the name of its class."""

import html
from collections import Counter
from typing import Any

import pyarrow.compute as pc
import streamlit as st

from datasel_core.pools.labels import LABELS, Label
from datasel_core.pools.pool import Pool
from pages._ui.kit import palette

MOST = 60
"""Boxes drawn on one photo, the largest first."""


def has_labels(pool: Pool) -> bool:
    return pool.has_labels


def classes(pool: Pool, row: int) -> str:
    """`3 car, 1 dog`: what is marked in a photo, the most frequent first; the name alone where that is all."""
    counted = Counter(pool.value(LABELS, row) or ()) if has_labels(pool) else Counter()
    if counted.total() == 1:
        return next(iter(counted))
    return ", ".join(
        f"{count:,} {name}" for name, count in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    )


def drawn(
    pool: Pool, row: int, shown: float | None = None, most: int = MOST, names: int = MOST
) -> list[dict[str, Any]]:
    """[{"name", "colour", "box": [left, top, width, height] in percent of the picture}], large ones first, so that
    small ones lie on top.

    shown: width divided by height of the frame that the photo fills, where that cuts off its edges. names: they are
    written where there are no more boxes.
    """
    if pool.boxes is None:
        return []
    width, tall = (max(1, pool.table[name][row].as_py()) for name in ("width", "height"))
    found = sorted((label for label in pool.labels(row) if label.box), key=lambda label: -label.box[2] * label.box[3])
    across, down = _seen(width / tall, shown)
    colours = _colours(pool.table_sha256, pool)
    return [
        {
            "name": label.name if len(found) <= names else "",
            "colour": colours[label.name],
            "box": _percent(label, width, tall, across, down),
        }
        for label in found[:most]
    ]


def over(picture: str, pool: Pool, row: int) -> str:
    """HTML of an <img> with its boxes, and the names of their classes, over it."""
    boxes = "".join(
        '<i style="left:{:.2f}%;top:{:.2f}%;width:{:.2f}%;height:{:.2f}%;'.format(*one["box"])
        + f'border-color:{one["colour"]}">{_name(one)}</i>'
        for one in drawn(pool, row)
    )
    return f'<div class="ds-boxed">{picture}{boxes}</div>' if boxes else picture


def _name(one: dict[str, Any]) -> str:
    return f'<b style="border-color:{one["colour"]}">{html.escape(one["name"])}</b>'


def _seen(ratio: float, shown: float | None) -> tuple[float, float]:
    """Which share of the photo's width and of its height a frame shows, of its middle."""
    if shown is None:
        return 1.0, 1.0
    return min(1.0, shown / ratio), min(1.0, ratio / shown)


def _percent(label: Label, width: int, tall: int, across: float, down: float) -> list[float]:
    x, y, w, h = label.box
    left, right = (min(1.0, max(0.0, at / width)) for at in (x, x + w))
    top, bottom = (min(1.0, max(0.0, at / tall)) for at in (y, y + h))
    left, right = (100 * (at - (1 - across) / 2) / across for at in (left, right))
    top, bottom = (100 * (at - (1 - down) / 2) / down for at in (top, bottom))
    return [round(side, 2) for side in (left, top, right - left, bottom - top)]


@st.cache_resource(max_entries=8, show_spinner=False)
def _colours(table: str, _pool: Pool) -> dict[str, str]:
    """Class -> colour; the most frequent ones have colours of their own."""
    counted = pc.value_counts(pc.list_flatten(_pool.table[LABELS])).to_pylist()
    ordered = sorted(counted, key=lambda one: (-one["counts"], one["values"]))
    return palette.colours([one["values"] for one in ordered])
