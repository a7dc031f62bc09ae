"""The map: what is in the pool, what lies near what, and the photos behind any part of it."""

import streamlit as st

from datasel_core.base.role import PATTERNS
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.charts import map as canvas
from pages._ui.charts import map_link, maps
from pages._ui.data import first_map
from pages._ui.find import onto
from pages._ui.kit import drawn, grouping, keys, look
from pages._ui.media import lens, photos, reasons
from pages._ui.patterns import region

_MAP = "map"


def page(pool: Pool) -> None:
    look.title("Patterns", f"Near means similar. Draw around points to see their {look.unit(pool)}.")
    found = {one.key: one for one in maps.mappable(pool)}
    if not found:
        first_map.instead(pool)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="map-choices"):
        names = maps.names(pool, list(found.values()))
        first, each = next(iter(found)), {"options": list(found), "format_func": names.get, "width": 380}
        kept = found[keys.bound(st.selectbox, "Map of", "role", first, **each)]
        ways = maps.colourings(pool, kept)
        each = {"options": list(ways), "format_func": ways.get, "width": 200}
        colour = keys.bound(st.selectbox, "Colour by", "colour", next(iter(ways)), **each)
    with st.container(key="map-work"):  # a place of its own, so that the map does not move when the work ends
        there = maps.ensure(kept)
    if not there or (points := canvas.points(kept)) is None:
        return
    labels = maps.labels(pool, kept, points, colour)
    _marked_anew()
    left, right = st.columns([58, 42], gap="medium")
    with left:
        st.fragment(look.told(_map))(pool, kept, points, labels)
    with right, st.container(key="map-rail"):
        _rail(pool, kept, points, labels)


def _marked() -> tuple[str | None, str | None]:
    """What decides which samples stand beside the map."""
    return keys.get(map_link.name(_MAP, "region")), keys.get(map_link.name(_MAP, "hidden"))


def _marked_anew() -> None:
    """A region that was just drawn is what is looked at; what was opened before it goes."""
    before, now = keys.get("map.marked"), _marked()
    if before is not None and before[0] != now[0]:
        keys.put("open_row", None)
    keys.put("map.marked", now)


def _map(pool: Pool, kept: StoredFeature, points: canvas.Points, labels: canvas.Labels) -> None:
    if keys.get(f"opened.{_MAP}") or keys.get("map.marked") != _marked():
        keys.put(f"opened.{_MAP}", None)
        drawn.again()
    patterns = kept if kept.meta["shape"] == "ragged" else None
    what = PATTERNS.name if patterns else look.unit(pool)
    row = keys.get("open_row")
    many = f"{points.n_points:,} {what}" + (f" of {look.samples(pool)}" if patterns else "")
    how = canvas.Look(
        what,
        f"Map of {what}: {many}, near means similar, coloured by {len(labels.names)} labels from {labels.names[0]} to "
        f"{labels.names[-1]}.",
        height=660,
        fills=True,
        rings=[] if row is None else [int(row)],
        photo=(lambda place: _hovered(pool, patterns, points, place)) if photos.has_photos(pool) else None,
    )
    st.markdown(f"**Map of {what}** :small[:gray[{many}; the axes mean nothing by themselves]]")
    canvas.draw(_MAP, points, labels, how)


def _hovered(pool: Pool, patterns: StoredFeature | None, points: canvas.Points, place: int) -> tuple[str, str]:
    row = int(points.owners[place])
    if patterns is None or points.offsets is None:
        return photos.thumbnail(pool, row, 192), reasons.short(pool, row)
    number = int(place - points.offsets[row])
    return lens.lit(
        pool, patterns, row, number, 192
    ), f"{reasons.short(pool, row)}, pattern {number + 1} of {int(points.offsets[row + 1] - points.offsets[row])}"


def _rail(pool: Pool, kept: StoredFeature, points: canvas.Points, labels: canvas.Labels) -> None:
    """One thing: the sample that was opened, else those of the region, else some of everything."""
    row, marked = keys.get("open_row"), bool(canvas.region(_MAP, points))
    if row is not None and 0 <= int(row) < pool.n:
        _one(pool, kept, points, int(row), marked)
        return
    if canvas.is_of_another(_MAP, points):
        st.caption("The region was drawn on another map, and comes back with it.")
    if marked:
        region.rail(_MAP, pool, points, labels)
    else:
        _examples(pool, points)


def _examples(pool: Pool, points: canvas.Points) -> None:
    if not photos.can_show(pool):
        look.empty("Nothing is marked", "Click a point, or draw around some, to see what they are.", key="map-hint")
        return
    many = look.samples(pool)
    said = f"{region.SHOWN} of {many}" if pool.n > region.SHOWN else f"All {many}"
    turns = ", one of each group in turn" if grouping.sizes(pool) else ""
    st.markdown(f"**{said}**{turns}")
    st.caption("Click a point to open it; draw around points to see all of them here.")
    photos.wall(pool, grouping.in_turn(pool), key="wall-map", height=region.HEIGHT, most=region.SHOWN)


def _one(pool: Pool, kept: StoredFeature, points: canvas.Points, row: int, marked: bool) -> None:
    place = keys.get("open_place")
    mine = points.offsets is not None and place is not None and points.offsets[row] <= place < points.offsets[row + 1]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(reasons.named(pool, row), width="content")
        back = "Back to the region" if marked else "Close"
        st.button(back, key="close-one", type="tertiary", on_click=keys.put, args=("open_row", None))
    reasons.picture(
        pool,
        row,
        kept if points.offsets is not None else None,
        int(place - points.offsets[row]) if mine and points.offsets is not None else None,
    )
    reasons.similar(pool, kept, row, "similar")
    onto.similar_to(pool, row, "map")


if (pool := keys.pool()) is None:
    look.title("Patterns")
    look.empty(
        "No pool is open", "Open a folder of photos, or try the demo, on the Data page.", "Go to Data", "pages/data.py"
    )
else:
    page(pool)
