"""The one button to a picture: the map of a pool's samples, with about how long it takes. Brought vectors are drawn
without a click.
"""

from typing import Any

import streamlit as st

from datasel_core import worker
from datasel_core.actions import draw_map
from datasel_core.actions.pool_map import PoolMap, expected, map_source
from datasel_core.errors import MissingFeature
from datasel_core.features.feature import Feature
from datasel_core.features.likely import has_vectors
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look, markdown, watch
from pages._ui.kit.onward import go, onward

_PAGE = "pages/patterns.py"
_BY_ITSELF = 50_000
"""Brought vectors up to so many are drawn without a click; the map of more keeps a processor busy for minutes."""


def can_map(pool: Pool) -> bool:
    """Whether there is a page for the map of such samples."""
    return "turns" not in pool.opens


def offer(pool: Pool) -> None:
    """Draws the button, or how far the work is, or the way to the map that is there."""
    if not can_map(pool) or _at_work(pool):
        return
    source = _source(pool)
    if isinstance(source, StoredFeature) and source.id == "imported" and pool.n <= _BY_ITSELF:
        _by_itself(pool, source)
    elif isinstance(source, StoredFeature) and _complete(source):
        onward("Open the map", _PAGE, key="map", **to(pool, source))
    elif source is not None:
        _button(pool, source)
    elif (other := next((one for one in disk.features(pool) if one.meta["shape"] == "ragged"), None)) is not None:
        onward("Open the map", _PAGE, key="map", **to(pool, other))


def instead(pool: Pool) -> None:
    """In place of the map, where nothing can be mapped yet."""
    if not can_map(pool) or _source(pool) is None:
        text = "A map takes a vector for each of them, and none can be computed here: bring them on the Data page."
        look.empty("Nothing to map yet", text, "Bring vectors", "pages/data.py", **{"data.view": "features"})
        return
    look.empty("Nothing to map yet", "A map shows each of them as a point, and what is alike lies together.")
    _, middle, _ = st.columns(3)
    with middle:
        offer(pool)


def drawn(pool: Pool) -> StoredFeature | None:
    """The feature whose map stands for the pool; None while there is none."""
    source = _source(pool)
    return source if isinstance(source, StoredFeature) else None


def to(pool: Pool, kept: StoredFeature) -> dict[str, Any]:
    """What the Patterns page is to show: samples by group, patterns by cluster."""
    return {"role": kept.key, "colour": pool.group_column if has_vectors(kept) else None}


def _source(pool: Pool) -> StoredFeature | Feature | None:
    try:
        return map_source(pool, disk.features(pool))
    except MissingFeature:
        return None


def _complete(kept: StoredFeature) -> bool:
    found = disk.coordinates(kept)
    return found is not None and found[0] == "umap"


def _key(pool: Pool) -> str:
    return f"first_map.{pool.name}"


def _at_work(pool: Pool) -> bool:
    """How far the work is, whichever tab or terminal asked for it. True while it is not done; its end leads to the
    map.
    """
    job = watch.started(_key(pool))
    if job is None:
        job = worker.find_job(PoolMap(pool=pool.name).own_folder(disk.home(pool)))
        job = job if job is not None and job.is_active else None
    watch.watch(job, key=_key(pool), done=lambda result: _ended(pool, result))
    return job is not None and job.status()["state"] != "done"


def _button(pool: Pool, source: StoredFeature | Feature) -> None:
    seconds = expected(pool, source, disk.every_feature(disk.home(pool)))
    time = "" if seconds is None else f", {look.about(seconds)}"
    if st.button(
        f"Map of these {look.unit(pool)}{time}",
        key="first-map",
        type="primary",
        icon=":material/scatter_plot:",
        width="stretch",
        help="Every point is one of them, and near means similar. It can be stopped, and goes on where it was.",
    ):
        watch.start(_key(pool), "pool_map", pool=pool.name)
        st.rerun()
    if said := watch.error(_key(pool)):
        markdown.trouble(said)


def _by_itself(pool: Pool, source: StoredFeature) -> None:
    """The map of brought vectors, which begins when somebody looks at the pool."""
    key = f"map.{source.key}"
    if disk.coordinates(source) is not None:
        onward("Open the map", _PAGE, key="map", **to(pool, source))
    if _complete(source):
        return
    job = worker.find_job(disk.home(pool).map(draw_map.map_key(source.key, {})))
    if job is None or job.status()["state"] == "done":
        job = watch.start(key, "map", feature=source.key)
    if said := watch.error(key):
        markdown.trouble(said)
    watch.watch(job, key=key)


def _ended(pool: Pool, result: dict[str, Any]) -> None:
    """Leads to the map, unless somebody looks at a photo meanwhile."""
    kept = next((one for one in disk.features(pool) if one.key == result["feature"]), None)
    if kept is None or keys.get("detail.row") is not None:
        return
    for name, value in to(pool, kept).items():
        keys.put(name, value)
    go(_PAGE)
