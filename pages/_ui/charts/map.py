"""The 2-D map: every point of a feature on a canvas, coloured by labels, with lasso, legend and photos on hover."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import streamlit as st

from datasel_core.analysis.projection import lying
from datasel_core.base.ragged import Ragged
from datasel_core.features.stored import StoredFeature
from pages._ui.charts import map_link
from pages._ui.kit import disk, keys
from pages._ui.media import pictures

_HERE = Path(__file__).parent
_SCRIPTS = ("map", "map_view", "map_drawing", "map_gestures", "map_keys")
"""Joined in this order: each goes on from the one before."""
_FULL, EMPTY = 65000, 65535
_LARGE = 50_000

MAP = st.components.v2.component(
    "datasel_map",
    html='<div class="map" tabindex="0" role="group" aria-label="Map" aria-describedby="map-keys">'
    '<div class="stage"><canvas aria-hidden="true"></canvas>'
    '<canvas class="over" role="img"></canvas>'
    '<div class="tools" role="toolbar" aria-label="Map tools"></div><div class="tip" aria-live="polite"><img '
    'alt=""><div></div></div></div>'
    '<div class="legend" role="group" aria-label="Legend: a click hides, a double click isolates"></div>'
    '<div class="foot"><span class="counted" role="status"></span><span class="hint" id="map-keys"></span></div></div>',
    css=(_HERE / "map.css").read_text(encoding="utf-8"),
    js=pictures.script(*(_HERE / f"{part}.js" for part in _SCRIPTS)),
)
"""State: has, hover (a place); region, hidden, view (texts, see `map_link`). Triggers: open (a place), lack (names of
pictures).
"""


@dataclass(frozen=True)
class Points:
    """Coordinates brought to 0..65000, one scale for both axes. xy: (t, 2) uint16, 65535 where a sample has no value.
    owners: (t,) row of each point.
    """

    key: str
    xy: np.ndarray
    text: str
    owners: np.ndarray
    offsets: np.ndarray | None
    n_points: int

    @property
    def tag(self) -> str:
        return map_link.tag(self.key)

    def places(self, rows: np.ndarray) -> np.ndarray:
        """The points of these rows, in their order."""
        rows = np.asarray(rows, dtype=np.int64)
        found = rows if self.offsets is None else Ragged(self.owners, self.offsets).places(rows)
        return found[self.xy[found, 0] != EMPTY]


@dataclass(frozen=True)
class Labels:
    """of: (t,) uint8 label of each point, 255 where it has none. pictures: of each label, a data URL, or none."""

    key: str
    of: np.ndarray
    text: str
    names: Sequence[str]
    colours: Sequence[str]
    sizes: Sequence[int]
    pictures: Sequence[str] = ()

    @property
    def tag(self) -> str:
        return map_link.tag(*self.names)


@dataclass(frozen=True)
class Look:
    """How a map is shown. lit: rows that shine. earlier: rows that shine below them, in a colour of their own. dim: the
    others turn grey. rings: rows with a ring. photo: place -> (picture, caption) on hover.
    ranked: the first label is drawn on top of the second, and so on. fills: the card takes the shape of the cloud, at
    most `height` high, and signs at its edges point to what lies far away; else all points are in view at first.

    on_open: called with the clicked row; then nothing is kept under `open_row`. For maps where not every point is a
    sample of the pool.
    """

    what: str
    alt: str
    height: int = 520
    lasso: bool = True
    legend: bool = True
    lit: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    earlier: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    dim: bool = False
    ranked: bool = False
    fills: bool = False
    kept_colour: str | None = None
    earlier_colour: str | None = None
    rings: Sequence[int] = ()
    photo: Callable[[int], tuple[str, str]] | None = None
    on_open: Callable[[int], None] | None = None
    hint: str = "Keys: arrows next point \u00b7 Enter open \u00b7 Shift + arrows box \u00b7 Esc clear \u00b7 0 all"


def points(kept: StoredFeature) -> Points | None:
    """The points of a feature's map as good as they are by now; None while there is no map."""
    found = disk.coordinates(kept)
    if found is None:
        return None
    return _points(f"{kept.key}-{found[0]}", kept.meta["fingerprint"], found[1], disk.values(kept))


def draw(key: str, points: Points, labels: Labels, how: Look) -> None:
    """Draws the map. What is drawn on it stays, as `map_link` says, until it is cleared; a click puts the row under
    `open_row` and the point under `open_place`.
    """
    state = st.session_state.get(f"map.{key}") or {}
    has = str(state.get("has") or "")
    large = len(points.owners) > _LARGE
    hover = _hover(state, points, how)
    lit, earlier = (points.places(rows).astype(np.int32) for rows in (how.lit, how.earlier))
    known = f"{points.key}|{labels.key}" == has and large
    payload = {
        "points_key": points.key,
        "points": None if known else points.text,
        "labels_key": labels.key,
        "labels": None if known else labels.text,
        "large": large,
        "names": list(labels.names),
        "colours": list(labels.colours),
        "sizes": list(labels.sizes),
        "n_points": points.n_points,
        "what": how.what,
        "alt": how.alt,
        "height": how.height,
        "lasso": how.lasso,
        "legend": how.legend,
        "dim": how.dim,
        "ranked": how.ranked,
        "kept": text(lit),
        "earlier": text(earlier),
        "kept_key": f"{len(lit)}-{hash(lit.tobytes())}-{len(earlier)}-{hash(earlier.tobytes())}",
        "kept_colour": how.kept_colour,
        "earlier_colour": how.earlier_colour,
        "rings": points.places(np.asarray(how.rings, np.int64)).tolist(),
        "hint": how.hint,
        "photos": how.photo is not None,
        "hover": hover and {**hover, "picture": pictures.name(hover["picture"])},
        "region": region(key, points),
        "region_version": f"{points.key}.{keys.get(f'cleared.{key}', 0)}",
        "hidden": hidden(key, labels),
        "view": map_link.view(keys.get(map_link.name(key, "view")), points.tag),
        "linked": map_link.linked(key),
        "tag": points.tag,
        "labels_tag": labels.tag,
        "fills": how.fills,
        "pictures": [pictures.name(src) for src in labels.pictures],
        **pictures.parcel([*labels.pictures, *([hover["picture"]] if hover else [])]),
    }

    def told(kind: str) -> Callable[[], None]:
        def take() -> None:
            keys.put(map_link.name(key, kind), str(st.session_state[f"map.{key}"].get(kind) or "") or None)

        return take

    def opened() -> None:
        place = st.session_state[f"map.{key}"].get("open")
        if not isinstance(place, int) or not 0 <= place < len(points.owners):
            return
        if how.on_open is not None:
            how.on_open(int(points.owners[place]))
        else:
            keys.put("open_row", int(points.owners[place]))
            keys.put("open_place", int(place))
            keys.put(f"opened.{key}", True)

    def nothing() -> None:
        """The state is read where it is needed."""

    MAP(
        key=f"map.{key}",
        data=payload,
        on_region_change=told("region"),
        on_hidden_change=told("hidden"),
        on_view_change=told("view"),
        on_open_change=opened,
        on_hover_change=nothing,
        on_has_change=nothing,
        on_lack_change=pictures.lacking(f"map.{key}"),
    )


def region(key: str, on: Points) -> map_link.Shapes:
    """The polygons drawn on this map, in the coordinates of these very points."""
    return map_link.region(keys.get(map_link.name(key, "region")), on.tag)


def is_of_another(key: str, on: Points) -> bool:
    """Whether a region is kept that was drawn on other points."""
    return map_link.elsewhere(keys.get(map_link.name(key, "region")), on.tag)


def hidden(key: str, labels: Labels) -> list[int]:
    """The labels that the legend hides."""
    return map_link.hidden(keys.get(map_link.name(key, "hidden")), labels.tag, len(labels.names))


def clear(key: str) -> None:
    keys.put(map_link.name(key, "region"), None)
    keys.put(f"cleared.{key}", int(keys.get(f"cleared.{key}", 0)) + 1)


def members(key: str, points: Points, labels: Labels) -> np.ndarray:
    """(m,) places inside the region that the legend does not hide."""
    shapes, gone = json.dumps(region(key, points)), tuple(hidden(key, labels))
    return _members(points.key, labels.key, shapes, gone, points, labels)


def _hover(state: Mapping[str, Any], points: Points, how: Look) -> dict[str, Any] | None:
    place = state.get("hover")
    if how.photo is None or not isinstance(place, int) or not 0 <= place < len(points.owners):
        return None
    src, caption = how.photo(place)
    return {"place": place, "picture": src, "caption": caption}


def text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def of_coordinates(key: str, coordinates: np.ndarray) -> Points:
    """coordinates: (n, 2), NaN where a sample has no place; y grows upwards. One point per sample."""
    xy, there = _scaled(coordinates)
    return Points(key, xy, text(xy), np.arange(len(xy)), None, int(there.sum()))


def _scaled(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    there = np.isfinite(coordinates).all(axis=1)
    xy = np.full(coordinates.shape, EMPTY, np.uint16)
    if there.any():
        low, high = coordinates[there].min(axis=0).astype(np.float64), coordinates[there].max(axis=0)
        xy[there] = np.round((coordinates[there] - low) / max(1e-12, float((high - low).max())) * _FULL)
    return xy, there


@st.cache_resource(max_entries=12, show_spinner=False)
def _points(key: str, fingerprint: str, _coordinates: np.ndarray, _values: np.ndarray | Ragged) -> Points:
    xy, there = _scaled(lying(_coordinates))
    ragged = isinstance(_values, Ragged)
    owners = _values.owners() if ragged else np.arange(len(xy))
    return Points(
        f"{key}-{fingerprint[:8]}", xy, text(xy), owners, _values.offsets if ragged else None, int(there.sum())
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _members(
    points_key: str, labels_key: str, shapes: str, hidden: tuple[int, ...], _points: Points, _labels: Labels
) -> np.ndarray:
    inside = np.zeros(len(_points.xy), bool)
    for shape in json.loads(shapes):
        polygon = shapely.Polygon(shape)
        shapely.prepare(polygon)
        inside |= shapely.contains_xy(polygon, _points.xy[:, 0].astype(np.float64), _points.xy[:, 1].astype(np.float64))
    inside &= (_points.xy[:, 0] != EMPTY) & ~np.isin(_labels.of, hidden)
    return np.flatnonzero(inside)
