"""The map of patterns: what is in the pool, what lies near what, and the photos behind any part of it."""

import html

import numpy as np
import streamlit as st

from datasel_core.base.role import PATTERNS
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.charts import map as canvas
from pages._ui.charts import maps
from pages._ui.data import first_map
from pages._ui.kit import grouping, keys, look, palette
from pages._ui.media import lens, photos, reasons

_MAP = PATTERNS.name
_TABLE = """.ds-counts { width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; border-collapse: collapse; }
.ds-counts caption { text-align: left; font-size: 12px; opacity: .7; }
.ds-counts td { padding: 1px 8px 1px 0; white-space: nowrap; border: 0; }
.ds-counts td:nth-child(2) { text-align: right; } .ds-counts td:last-child { width: 45%; padding-right: 0; }
.ds-counts i { display: block; height: 9px; border-radius: 2px; }"""


def page(pool: Pool) -> None:
    look.title("Patterns", "What the pool holds: near means similar. Draw around points to see what they are.")
    found = {one.key: one for one in maps.mappable(pool)}
    if not found:
        first_map.instead(pool)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="map-choices"):
        names = maps.names(list(found.values()))
        key = keys.bound(
            st.selectbox,
            "Map of",
            "role",
            next(iter(found)),
            options=list(found),
            format_func=names.get,
            width=380,
        )
        kept = found[key]
        ways = maps.colourings(pool, kept)
        colour = keys.bound(
            st.selectbox, "Colour by", "colour", next(iter(ways)), options=list(ways), format_func=ways.get, width=200
        )
    with st.container(key="map-work"):  # a place of its own, so that the map does not move when the work ends
        there = maps.ensure(kept)
    if not there:
        return
    points = canvas.points(kept)
    if points is None:
        return
    labels = maps.labels(pool, kept, points, colour)
    left, right = st.columns([7, 3], gap="medium")
    with left:
        st.fragment(look.told(_map))(pool, kept, points, labels)
    inside = canvas.members(_MAP, points, labels)
    rows = np.unique(points.owners[inside])
    drawn = bool(canvas.region(_MAP, points))
    with right:
        if drawn:
            _lasso(pool, points, labels, inside, rows)
        _one(pool, kept, points, drawn)
    if drawn and len(rows):
        look.section(
            f"{look.samples(pool, len(rows)).capitalize()} in the region", f"{len(rows):,} of {look.samples(pool)}"
        )
        photos.wall(pool, rows, key=f"wall-lasso-{len(rows)}-{int(rows[0])}", height=118)


def _map(pool: Pool, kept: StoredFeature, points: canvas.Points, labels: canvas.Labels) -> None:
    if (
        keys.get(f"opened.{_MAP}")
        or keys.get("region.before") != keys.get(f"region.{_MAP}")
        or keys.get("hidden.before") != keys.get(f"hidden.{_MAP}")
    ):
        keys.put(f"opened.{_MAP}", None)
        keys.put("region.before", keys.get(f"region.{_MAP}"))
        keys.put("hidden.before", keys.get(f"hidden.{_MAP}"))
        st.rerun(scope="app")
    patterns = kept if kept.meta["shape"] == "ragged" else None
    what = PATTERNS.name if patterns else look.unit(pool)
    row = keys.get("open_row")
    many = f"{points.n_points:,} {what}" + (f" of {look.samples(pool)}" if patterns else "")
    how = canvas.Look(
        what,
        f"Map of {what}: {many}, near means similar, coloured by {len(labels.names)} labels from {labels.names[0]} to "
        f"{labels.names[-1]}.",
        height=540,
        rings=[] if row is None else [int(row)],
        photo=(lambda place: _hovered(pool, patterns, points, place)) if photos.has_photos(pool) else None,
    )
    st.markdown(f"**Map of {what}** :small[:gray[{many}; near means similar, the axes mean nothing by themselves]]")
    canvas.draw(_MAP, points, labels, how)


def _hovered(pool: Pool, patterns: StoredFeature | None, points: canvas.Points, place: int) -> tuple[str, str]:
    row = int(points.owners[place])
    if patterns is None or points.offsets is None:
        return photos.thumbnail(pool, row, 192), reasons.short(pool, row)
    number = int(place - points.offsets[row])
    return lens.lit(
        pool, patterns, row, number, 192
    ), f"{reasons.short(pool, row)}, pattern {number + 1} of {int(points.offsets[row + 1] - points.offsets[row])}"


def _lasso(pool: Pool, points: canvas.Points, labels: canvas.Labels, inside: np.ndarray, rows: np.ndarray) -> None:
    said = f"**{len(rows):,} of {look.samples(pool)}**"
    if points.offsets is not None:
        said += f", {len(inside):,} of {points.n_points:,} patterns,"
    words, clear = st.columns([4, 1], gap="small")
    words.markdown(f"{said} in the region")
    clear.button(
        "Clear",
        key="clear-region",
        type="tertiary",
        on_click=canvas.clear,
        args=(_MAP,),
        help="Forget the region; Esc on the map does the same.",
    )
    if grouping.sizes(pool):
        _table(
            [(name, int(np.isin(rows, grouping.rows_of(pool, name)).sum()), n) for name, n in grouping.sizes(pool)],
            look.unit(pool),
        )
    else:
        counts = np.bincount(labels.of[inside], minlength=256)
        _table(
            [(f"{labels.names[at]}", int(counts[at]), labels.sizes[at]) for at in range(len(labels.names))], "points"
        )


def _table(lines: list[tuple[str, int, int]], unit: str) -> None:
    """Group, how many of how many, a bar; the fullest first."""
    shown = sorted((line for line in lines if line[1]), key=lambda line: (-line[1], line[0]))[:10]
    more = sum(1 for line in lines if line[1]) - len(shown)
    cells = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{n:,} of {whole:,}</td>"
        f'<td><i style="background:{palette.KEPT};width:{max(1.0, 100 * n / max(1, whole)):.0f}%"></i></td></tr>'
        for name, n, whole in shown
    )
    rest = f"; {more:,} groups with fewer are not listed" if more else ""
    st.html(
        f'<style>{_TABLE}</style><table class="ds-counts"><caption>{unit} in the region, of all in the '
        f"group{rest}</caption>{cells}</table>"
    )


def _one(pool: Pool, kept: StoredFeature, points: canvas.Points, drawn: bool) -> None:
    row, place = keys.get("open_row"), keys.get("open_place")
    if row is None or not 0 <= int(row) < pool.n:
        if not drawn:
            what = f"Hover a point to see its {look.unit(pool, 1)}" + (
                " with the pattern lit" if points.offsets is not None else ""
            )
            then = "Click a point to keep it here with what is like it. Drag around points to see all of them below."
            look.empty("Nothing chosen", f"{what}. {then}", key="map-hint")
        return
    row = int(row)
    mine = points.offsets is not None and place is not None and points.offsets[row] <= place < points.offsets[row + 1]
    name, close = st.columns([4, 1], gap="small")
    name.markdown(reasons.named(pool, row))
    close.button("Close", key="close-one", type="tertiary", on_click=keys.put, args=("open_row", None))
    reasons.picture(
        pool,
        row,
        kept if points.offsets is not None else None,
        int(place - points.offsets[row]) if mine and points.offsets is not None else None,
    )
    reasons.similar(pool, kept, row, "similar")


if (pool := keys.pool()) is None:
    look.title("Patterns")
    look.empty(
        "No pool is open", "Open a folder of photos, or try the demo, on the Data page.", "Go to Data", "pages/data.py"
    )
else:
    page(pool)
