"""Neighbour tables of the open pool and its target, and the plans that sliders ask of them."""

from typing import Any

import numpy as np
import streamlit as st

from datasel_core.features.stored import StoredFeature
from datasel_core.methods.algorithms.transport import TransportPlan
from datasel_core.methods.closeness import Outlook
from datasel_core.methods.tsds import Tsds
from datasel_core.runs.neighbor_tables import Tables, read_tables, tables_folder
from datasel_core.runs.question import Question
from pages._ui.charts import map as canvas
from pages._ui.kit import disk, watch

JOB = "serving"
_NEAREST = 5


def tables(choice: Question) -> Tables | None:
    """None while they are not made."""
    folder = tables_folder(_base(choice))
    stamp = disk.stamp(folder / "meta.json")
    return _tables(str(folder), stamp, folder) if stamp else None


def start(choice: Question) -> None:
    """Starts finding neighbours; what sliders decide is left out."""
    asked = choice.spec.model_dump(include={"pool", "use", "target"})
    watch.start(JOB, "serving", **asked, params=_base(choice).method.model_dump(mode="json"))


def is_watched() -> bool:
    """Whether the work that was started last is on the screen: under way, or ended badly."""
    job = watch.started(JOB)
    return job is not None and job.status()["state"] != "done"


def plan(found: Tables, alpha: float, c: float, sigma: float) -> TransportPlan:
    """sigma: 0, or one of the stops of the tables."""
    return _plan(found.key, alpha, c, sigma, found)


def outlook(found: Tables, choice: Question, one: TransportPlan, n: int) -> Outlook:
    """What keeping n of this plan would come to."""
    return _outlook(found.key, choice.method.what()["params"], choice.spec.seed, n, found, choice.method, one)


def chances(found: Tables, one: TransportPlan, n: int) -> np.ndarray:
    """(n,) over the pool; 0 for what rounding left over, which is never drawn."""
    p = found.probability(one, n)
    return np.where(p > 1e-12 * p.max(), p, 0)


def points(kept: StoredFeature, found: Tables) -> canvas.Points | None:
    """The pool's map with the targets on it, each among its five nearest candidates; owners from n on are targets. None
    while there is no map.
    """
    there = disk.coordinates(kept)
    return None if there is None else _points(f"{kept.key}-{there[0]}-{found.key}", there[1], found)


def _base(choice: Question) -> Question:
    """The same question with what decides its tables alone."""
    usual = Tsds()
    return choice.tuned(alpha=usual.alpha, c=usual.c, sigma=usual.sigma, sampling=usual.sampling)


@st.cache_resource(max_entries=4, show_spinner=False)
def _tables(folder: str, stamp: int, _folder: object) -> Tables | None:
    return read_tables(_folder)


@st.cache_resource(max_entries=6, show_spinner=False)  # one may be 80 MB, and is made again in a blink
def _plan(key: str, alpha: float, c: float, sigma: float, _found: Tables) -> TransportPlan:
    return _found.plan(alpha, c, sigma)


@st.cache_resource(max_entries=50, show_spinner=False)
def _outlook(
    key: str, params: dict[str, Any], seed: int, n: int, _found: Tables, _method: Tsds, _one: TransportPlan
) -> Outlook:
    return _found.outlook(_method, _one, n, seed)


@st.cache_resource(max_entries=4, show_spinner=False)
def _points(key: str, _coordinates: np.ndarray, _found: Tables) -> canvas.Points:
    near = _found.neighbours.places[:, :_NEAREST]
    rows = _found.given[_found.neighbours.rows[near]]
    weight = 1 / np.maximum(_found.neighbours.distances[:, :_NEAREST], 1e-6)
    placed = (_coordinates[rows] * weight[:, :, None]).sum(axis=1) / weight.sum(axis=1, keepdims=True)
    return canvas.of_coordinates(key, np.concatenate([_coordinates, placed.astype(_coordinates.dtype)]))
