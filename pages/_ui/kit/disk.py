"""Cached reads: what is on disk for the open pool. Every answer is new when something on disk is new, and costs a few
stat calls otherwise.

An array is hashed once, when it is first shown, to see that it is what was kept; caches are keyed by fingerprints and
by when files were written.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from datasel_core.actions import draw_map
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import EMBEDDING, IMAGE, TEXT
from datasel_core.errors import BadRequest, DataselError
from datasel_core.features.encoders.loss_trajectory import LOSS_TRAJECTORY
from datasel_core.features.order import age
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature, load
from datasel_core.pools import holdout
from datasel_core.pools.persistence import read_about
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog import removal
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.run import Run
from datasel_core.runs.run import runs as finished_runs
from datasel_core.runs.spec import Spec
from datasel_core.runs.target import spared
from datasel_core.workspace import leftovers
from datasel_core.workspace.layout import NAME, Workspace

Stamps = tuple[tuple[str, int], ...]


def home(pool: Pool) -> Workspace:
    """The workspace that the pool lies in."""
    return Workspace(pool.folder.parent.parent)


def features(pool: Pool) -> list[StoredFeature]:
    """Finished features of the pool, oldest first."""
    return [one for one in every_feature(home(pool)) if one.meta["pool"]["fingerprint"] == pool.fingerprint]


def every_feature(workspace: Workspace) -> list[StoredFeature]:
    """Finished features of all pools of a workspace, oldest first: what was measured of computing them."""
    found = [_feature(folder, stamp) for folder, stamp in _stamps(workspace, "features", "meta.json")]
    return sorted((one for one in found if one is not None), key=lambda one: (age(one.meta), one.key))


def roles(pool: Pool, use: dict[str, str] | None = None) -> Roles:
    """Which feature fills each role; `use` as in a spec. Raises UnknownName when `use` names what is not there."""
    return _roles(str(pool.folder), pool.table_sha256, _made(pool), tuple(sorted((use or {}).items())), pool)


def values(kept: StoredFeature) -> np.ndarray | Ragged:
    """Memory-mapped and read-only, shared by all sessions. Raises DamagedFeature."""
    return _values(str(kept.folder), kept.state(), kept)


def extra(kept: StoredFeature, name: str) -> np.ndarray | None:
    """What was kept beside the values, memory-mapped, or None. Raises DamagedFeature."""
    return _extra(str(kept.folder), kept.state(), name, kept)


def coordinates(kept: StoredFeature) -> tuple[str, np.ndarray] | None:
    """(`umap` or `pca`, (t, 2) coordinates), the best there is by now, or None while there is none."""
    folder = _workspace(kept).map(draw_map.map_key(kept.key, {}))
    stamps = tuple((name, stamp(folder / f"{name}.npy")) for name in ("umap", "pca"))
    return _map(str(_workspace(kept).path), kept.key, kept.meta["fingerprint"], stamps)


def runs(pool: Pool, previews: bool = False) -> list[Run]:
    """Finished selections from the pool as it is now, newest first. previews: also those that were only looked at,
    never kept.
    """
    found = [run(folder) for folder in finished_runs(home(pool), previews)]
    mine = [one for one in found if one is not None and one.manifest["pool"]["fingerprint"] == pool.fingerprint]
    return sorted(mine, key=lambda one: (one.manifest["created_utc"], one.key), reverse=True)


def run(folder: Path) -> Run | None:
    """The finished run in a folder; None where it is damaged."""
    return _run(str(folder), stamp(folder / "manifest.json"))


def question(pool: Pool, spec: Spec) -> Question:
    """What a spec stands for, resolved once for as long as nothing that it names changes. Raises BadRequest."""
    spec = spared(home(pool), spec)
    earlier = tuple(_earlier(pool, key) for key in (spec.within, spec.already))
    at = stamps(home(pool)), aside(pool), earlier, _held_out_of(pool, spec.target)
    return _question(str(pool.folder), pool.table_sha256, spec.model_dump_json(), at, spec, pool)


def aside(pool: Pool) -> tuple[int, ...]:
    """Another value whenever other samples are set aside."""
    return tuple(stamp(pool.folder / f"{kind}.json") for kind in holdout.KINDS)


def _held_out_of(pool: Pool, target: str | None) -> int | None:
    """Another value whenever other samples of the target are held out."""
    return None if target is None else stamp(home(pool).pool(target) / f"{holdout.HOLDOUT}.json")


def n_candidates(pool: Pool) -> int:
    """How many samples are not set aside. Raises BadInput."""
    return _n_candidates(str(pool.folder), pool.table_sha256, aside(pool), pool)


@st.cache_data(max_entries=32, show_spinner=False)
def _n_candidates(folder: str, table: str, at: tuple[int, ...], _pool: Pool) -> int:
    return holdout.n_candidates(_pool)


def _earlier(pool: Pool, key: str | None) -> str | None:
    found = find_run(pool, key)
    return found and found.manifest["sha256"]


@st.cache_resource(max_entries=32, show_spinner=False)
def _question(folder: str, table: str, asked: str, at: object, _spec: Spec, _pool: Pool) -> Question:
    return resolve(home(_pool), _spec, _pool)


def find_run(pool: Pool, key: str | None) -> Run | None:
    """The run with this key if it is one of this pool."""
    return next((one for one in runs(pool) if one.key == key), None) if key else None


def run_of_another(pool: Pool, key: str | None) -> Run | None:
    """The run with this key, where it was chosen from another pool that had the name of this one."""
    if not key or not NAME.fullmatch(key):
        return None
    found = run(home(pool).run(key))
    of = found and found.manifest["pool"]
    return found if of and (of["name"], of["fingerprint"] != pool.fingerprint) == (pool.name, True) else None


def rows(run: Run) -> np.ndarray:
    """(b,) rows of the pool that a run kept, in pick order."""
    return _rows(str(run.folder), run.manifest["result"]["pick_order_sha256"])


def earlier(pool: Pool, run: Run) -> np.ndarray:
    """(m,) rows of the pool that counted as chosen before a run, in their order; empty where none did."""
    already = run.manifest["already"]
    return _earlier_rows(str(run.folder), already["ids_sha256"], run, pool) if already else np.empty(0, np.int64)


def suits(pool: Pool, page: str) -> bool:
    """Whether a page has something to show for this pool: image-text needs both sides, trajectories something to learn;
    or vectors that were brought.
    """
    there = {one.role for one in features(pool)}
    match page:
        case "image_text":
            return pool.kind == "pairs" or {IMAGE.name, TEXT.name} <= there
        case "trajectories":
            return "turns" in pool.opens or LOSS_TRAJECTORY.name in there
        case "targets":
            return bool(pool.opens) or EMBEDDING.name in there
    return True


def caption_column(pool: Pool) -> pa.ChunkedArray | None:
    """(n,) what is said about each sample, several captions as one text; None where the pool has none."""
    return _captions(pool.table_sha256, pool)


def stamps(workspace: Workspace) -> Stamps:
    """Changes whenever a pool or a feature does."""
    return _stamps(workspace, "features", "meta.json") + _stamps(workspace, "pools", "pool.json")


def _made(pool: Pool) -> tuple[tuple[str, tuple[int, str]], ...]:
    """Changes whenever a feature of the pool is made, or made anew."""
    return tuple((one.key, age(one.meta)) for one in features(pool))


@st.cache_resource(show_spinner=False)
def clear_left_over(workspace: str) -> None:
    """Removes what killed processes left; once, when the server begins to look at a workspace."""
    leftovers.clear(Workspace(Path(workspace)))
    removal.clear(Workspace(Path(workspace)))


def _workspace(kept: StoredFeature) -> Workspace:
    return Workspace(kept.folder.parent.parent)


def stamp(path: Path) -> int:
    """When a file was written last; 0 while there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _stamps(workspace: Workspace, part: str, last: str) -> Stamps:
    """Folders in which the file that is written last is there, and when it was written."""
    found = ((str(folder), stamp(folder / last)) for folder in workspace.folders(part))
    return tuple((folder, stamp) for folder, stamp in found if stamp)


@functools.lru_cache(maxsize=4000)  # a tenth of the price of a Streamlit cache, and there may be hundreds
def _feature(folder: str, stamp: int) -> StoredFeature | None:
    return load(Path(folder))


@functools.lru_cache(maxsize=4000)
def _run(folder: str, stamp: int) -> Run | None:
    try:
        return Run(Path(folder), manifest.signed(Path(folder)))
    except DataselError:
        return None  # damaged: the export page says so when it is opened by path


@st.cache_resource(max_entries=32, show_spinner=False)
def _roles(
    folder: str, table: str, made: tuple[tuple[str, tuple], ...], use: tuple[tuple[str, str], ...], _pool: Pool
) -> Roles:
    return Roles.of(home(_pool), _pool, dict(use))


@st.cache_resource(max_entries=32, show_spinner=False)
def _values(folder: str, state: tuple, _kept: StoredFeature) -> np.ndarray | Ragged:
    return _kept.values()


@st.cache_resource(max_entries=32, show_spinner=False)
def _extra(folder: str, state: tuple, name: str, _kept: StoredFeature) -> np.ndarray | None:
    return _kept.extra(name)


@st.cache_resource(max_entries=16, show_spinner=False)
def _map(workspace: str, key: str, fingerprint: str, stamps: Stamps) -> tuple[str, np.ndarray] | None:
    return draw_map.read_map(Workspace(Path(workspace)), key)


@st.cache_resource(max_entries=64, show_spinner=False)
def _rows(folder: str, order: str) -> np.ndarray:
    kept = manifest.kept_table(Path(folder))["row"].to_numpy().copy()
    kept.flags.writeable = False
    return kept


@st.cache_resource(max_entries=64, show_spinner=False)
def _earlier_rows(folder: str, ids: str, _run: Run, _pool: Pool) -> np.ndarray:
    return _pool.rows(list(dict.fromkeys(manifest.earlier_ids(_run.folder, _run.manifest))))


def pools(workspace: Workspace) -> list[dict[str, Any]]:
    """What is known of every pool of the workspace without opening it, by name; not of damaged ones."""
    return [about for about, _ in _abouts(workspace) if about is not None]


def origin(about: Mapping[str, Any]) -> str:
    """`from /home/me/photos`, or `cut from photos`. about: what is known of a pool."""
    return f"cut from {about['cut']['from']}" if about.get("cut") else f"from {about['source']}"


def damaged_pools(workspace: Workspace) -> list[str]:
    """Which pools are damaged, and what to do, a sentence each."""
    return [trouble for about, trouble in _abouts(workspace) if about is None]


def _abouts(workspace: Workspace) -> list[tuple[dict[str, Any] | None, str]]:
    return [_about(folder, stamp) for folder, stamp in _stamps(workspace, "pools", "pool.json")]


@functools.lru_cache(maxsize=500)
def _about(folder: str, stamp: int) -> tuple[dict[str, Any] | None, str]:
    try:
        return read_about(Path(folder)), "it is gone"
    except BadRequest as error:
        return None, str(error)


@st.cache_resource(max_entries=4, show_spinner=False)
def _captions(table: str, _pool: Pool) -> pa.ChunkedArray | None:
    name = next((name for name in ("captions", "caption") if name in _pool.columns), None)
    if name is None:
        return None
    column = _pool.table[name]
    return (
        pc.binary_join(column, " \u00b7 ")
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
        else column.cast("string")
    )
