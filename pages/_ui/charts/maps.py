"""Which features can be mapped, the work of drawing their maps, and how a map may be coloured."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from datasel_core import worker
from datasel_core.actions import draw_map
from datasel_core.base.role import EMBEDDING, PATTERNS
from datasel_core.features.description import told_apart
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.typed import AS_WRITTEN
from pages._ui.charts import colouring
from pages._ui.charts import map as canvas
from pages._ui.kit import disk, drawn, grouping, keys, look, markdown, palette, watch
from pages._ui.media import lens, photos

_NUMBER = "number."
"""Before the name of a role: a column may have the same name."""
_NO_GROUPS = ("id", "path", "width", "height", "bytes", "content", "row", AS_WRITTEN)


def mappable(pool: Pool) -> list[StoredFeature]:
    """Features whose samples are vectors: those of whole samples first, then patterns, the newest first."""
    found = [
        one
        for one in reversed(disk.features(pool))
        if one.meta["shape"] == "ragged" or (len(one.meta["values"]) == 2 and one.meta["values"][1] > 1)
    ]
    order = [EMBEDDING.name, PATTERNS.name]
    return sorted(found, key=lambda one: order.index(one.role) if one.role in order else len(order))


def names(pool: Pool, found: Sequence[StoredFeature]) -> dict[str, str]:
    """Key -> `Photos · dictionary embedding` or `Patterns in photos · ...`, as options of a list; of equal ones, what
    tells them apart.
    """
    sources, samples = told_apart(found), look.unit(pool).capitalize()
    said = {one.key: sources[one.key].replace(one.meta["id"], one.meta["id"].replace("_", " "), 1) for one in found}
    return {one.key: f"{_what(one, samples)} \u00b7 {said[one.key]}" for one in found}


def _what(kept: StoredFeature, samples: str) -> str:
    if kept.meta["shape"] == "ragged":
        return f"{kept.role.replace('_', ' ').capitalize()} in {samples.lower()}"
    return samples if kept.role == EMBEDDING.name else f"{samples}, {kept.role.replace('_', ' ')}"


def ensure(kept: StoredFeature, *, start: bool = True) -> bool:
    """Sees to it that the map is drawn: starts the work once, shows how far it is, and draws the page again when more
    is there. True: some map is there.
    """
    home = keys.workspace()
    job = worker.find_job(home.map(draw_map.map_key(kept.key, {})))
    found, clusters = disk.coordinates(kept), read_clusters(kept)
    complete = found is not None and found[0] == "umap" and clusters is not None
    name = f"map.{kept.key}"
    if complete:
        return True
    if start and (job is None or job.status()["state"] == "done"):
        job = watch.start(name, "map", feature=kept.key)
    if (trouble := watch.error(name)) is not None:
        markdown.trouble(trouble)
    if found is not None:
        st.caption(
            "First look: principal components. A layout by neighbours (UMAP) takes its place as soon as it is ready; "
            "you can work meanwhile."
        )
    watch.watch(job, key=name)
    if job is not None and job.is_active:
        st.fragment(_wake, run_every=0.5)(kept, _there(kept))
    return found is not None


def _there(kept: StoredFeature) -> tuple[str | None, bool]:
    found = disk.coordinates(kept)
    return (found and found[0], read_clusters(kept) is not None)


def _wake(kept: StoredFeature, before: tuple[str | None, bool]) -> None:
    if _there(kept) != before:
        drawn.again()


def read_clusters(kept: StoredFeature) -> np.ndarray | None:
    return draw_map.read_clusters(keys.workspace(), kept.key)


def colourings(pool: Pool, kept: StoredFeature) -> dict[str, str]:
    """Name -> what is said of it: cluster, columns that group, kept. The first is the default: clusters for patterns,
    groups for one vector per sample.
    """
    groups = {name: name for name in group_columns(pool)}  # a list of choices reads no Markdown
    cluster = {"cluster": "cluster"} if read_clusters(kept) is not None else {}
    chosen = {"kept": "kept and dropped"} if disk.find_run(pool, keys.get("run")) else {}
    found = {**cluster, **groups} if kept.meta["shape"] == "ragged" else {**groups, **cluster}
    words = {name: name for name in disk.roles(pool).words() if name not in groups}
    return {**found, **words, **number_ways(pool), **chosen} or {"plain": "one colour"}


def number_ways(pool: Pool) -> dict[str, str]:
    """Name -> what is said of it, for every number that the samples have."""
    return {f"{_NUMBER}{name}": name.replace("_", " ") for name in disk.roles(pool).numbers()}


def labels(pool: Pool, kept: StoredFeature, points: canvas.Points, colour: str) -> canvas.Labels:
    """The labels of a colouring; one colour where it is not there any more."""
    if colour == "cluster" and (clusters := read_clusters(kept)) is not None and len(clusters) == len(points.owners):
        return colouring.by_cluster(kept, clusters, _mostly(pool), _picture(pool, kept, points))
    if colour == "kept" and (run := disk.find_run(pool, keys.get("run"))) is not None:
        own = palette.colour_of(run.manifest["method"]["id"])
        return colouring.by_kept(points, disk.rows(run), own, disk.earlier(pool, run))
    roles = disk.roles(pool)
    if colour in roles.words() and colour not in pool.columns:
        return colouring.by_word(points, roles.features[colour].key, roles.array(colour), "without a label")
    return (
        colouring.by_column(points, colour, pool.column(colour))
        if colour in group_columns(pool)
        else colouring.plain(points)
    )


def _mostly(pool: Pool) -> Callable[[np.ndarray], str] | None:
    groups = grouping.codes(pool)
    if groups is None:
        return None
    names, of = groups

    def word(rows: np.ndarray) -> str:
        """`hat 74 %`: the group of more than half of the points; `mixed` where there is none."""
        counts = np.bincount(of[rows], minlength=len(names))
        most = int(counts.argmax())
        return f"{names[most]} {100 * counts[most] / len(rows):.0f} %" if 2 * counts[most] > len(rows) else "mixed"

    return word


def _picture(pool: Pool, kept: StoredFeature, points: canvas.Points) -> Callable[[int], str] | None:
    """A point -> its patch, or its photo where it is one."""
    if not photos.has_photos(pool):
        return None

    def picture(place: int) -> str:
        row = int(points.owners[place])
        if points.offsets is None:
            return lens.patch(pool, None, row, 0)
        return lens.patch(pool, kept, row, int(place - points.offsets[row]))

    return picture


def groupings(pool: Pool) -> list[str]:
    """By what samples can be grouped: columns of the pool, then labels that came back."""
    found = group_columns(pool)
    return [*found, *(name for name in disk.roles(pool).words() if name not in pool.columns)]


def group_columns(pool: Pool) -> list[str]:
    """Columns of few distinct values, the group of the pool first."""
    return _group_columns(pool.table_sha256, pool)


@st.cache_resource(max_entries=16, show_spinner=False)
def _group_columns(table: str, _pool: Pool) -> list[str]:
    plain = [
        name
        for name in _pool.table.column_names
        if name not in _NO_GROUPS and not pa.types.is_nested(_pool.table[name].type)
    ]
    found = [name for name in plain if 2 <= pc.count_distinct(_pool.table[name]).as_py() <= 1000]
    return sorted(found, key=lambda name: name != _pool.group_column)
