"""How the points of a map are coloured: by cluster, by a column, by a number, by what was kept."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from datasel_core.analysis.projection import typical
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import find_role
from datasel_core.features.stored import StoredFeature
from pages._ui.charts import numbers
from pages._ui.charts.map import EMPTY, Labels, Points, points, text
from pages._ui.kit import disk, palette

_LABELS = 11
_NONE = 255
_NOBODY = np.empty(0, np.int64)


def by_cluster(
    kept: StoredFeature,
    clusters: np.ndarray,
    mostly: Callable[[np.ndarray], str] | None = None,
    picture: Callable[[int], str] | None = None,
) -> Labels:
    """Each cluster has a number of its own. mostly: rows of the points of a cluster -> what most of them are.
    picture: a point -> a small picture of it; the one in the middle of a cluster stands for it.
    """
    return _by_cluster(f"{kept.key}-cluster", kept.meta["fingerprint"], clusters, kept, points(kept), mostly, picture)


def by_column(points: Points, name: str, values: np.ndarray) -> Labels:
    """The eleven most frequent values, and the others in grey."""
    return _by_column(f"{points.key}-{name}", points, values)


def by_word(points: Points, key: str, values: np.ndarray, nothing: str) -> Labels:
    """The same of words that only some samples have; the others are grey, and called as `nothing` says. key: of the
    values.
    """
    return _by_word(f"{points.key}-{key}", points, values, nothing)


def by_number(points: Points, role: str, kept: StoredFeature) -> Labels:
    """Parts of about equal size, from the lowest values up; grey where there is no value."""
    return _by_number(f"{points.key}-{kept.key}", kept.meta["fingerprint"], points, role, disk.values(kept))


def by_kept(
    points: Points,
    rows: np.ndarray,
    colour: str,
    earlier: np.ndarray = _NOBODY,
    words: tuple[str, str] = ("kept", "dropped"),
) -> Labels:
    """Kept and dropped, or as `words` call the two; where rows were chosen earlier: new, earlier and dropped."""
    of = np.ones(len(points.owners), np.uint8)
    of[points.places(rows)] = 0
    key = f"{points.key}-kept-{len(rows)}-{hash(rows.tobytes())}"
    if not len(earlier):
        return _labels(f"{key}-{words[0]}", of, points, list(words), [colour, palette.DROPPED])
    of *= 2
    of[points.places(earlier)] = 1
    key = f"{key}-{len(earlier)}-{hash(earlier.tobytes())}"
    return _labels(key, of, points, ["new", "earlier", "dropped"], [colour, palette.earlier(colour), palette.DROPPED])


def of_classes(key: str, of: np.ndarray, points: Points, names: Sequence[str], colours: Sequence[str]) -> Labels:
    """of: (t,) which of these each point is."""
    return _labels(key, of, points, names, colours)


def plain(points: Points) -> Labels:
    return _plain(points.key, points)


def _labels(key: str, of: np.ndarray, points: Points, names: Sequence[str], colours: Sequence[str]) -> Labels:
    of = np.where(points.xy[:, 0] == EMPTY, _NONE, of).astype(np.uint8)
    return Labels(key, of, text(of), names, colours, np.bincount(of, minlength=256)[: len(names)].tolist())


@st.cache_resource(max_entries=12, show_spinner=False)
def _by_cluster(
    key: str,
    fingerprint: str,
    _clusters: np.ndarray,
    _kept: StoredFeature,
    _points: Points,
    _mostly: Callable[[np.ndarray], str] | None,
    _picture: Callable[[int], str] | None,
) -> Labels:
    cells = range(int(_clusters.max(initial=0)) + 1)
    words = [_mostly(_points.owners[_clusters == cell]) if _mostly else "" for cell in cells]
    names = [f"{cell + 1} \u00b7 {word}" if word else f"{cell + 1}" for cell, word in zip(cells, words, strict=True)]
    colours = [palette.COLOURS[cell % len(palette.COLOURS)] for cell in cells]
    labels = _labels(f"{key}-{_points.key}", np.asarray(_clusters), _points, names, colours)
    if _picture is None:
        return labels
    values = disk.values(_kept)
    middles = typical(values.values if isinstance(values, Ragged) else values, np.asarray(_clusters))
    return dataclasses.replace(labels, pictures=[_picture(int(at)) if at >= 0 else "" for at in middles])


@st.cache_resource(max_entries=12, show_spinner=False)
def _by_column(key: str, _points: Points, _values: np.ndarray) -> Labels:
    texts = np.array(["" if value is None else str(value) for value in _values.tolist()])
    names, of = np.unique(texts, return_inverse=True)
    sizes = np.bincount(of)
    first = np.argsort(-sizes, kind="stable")[: _LABELS + (len(names) == _LABELS + 1)]
    place = np.full(len(names), len(first))
    place[np.sort(first)] = np.arange(len(first))
    shown = [str(names[at]) or "no group" for at in np.sort(first)]
    others = len(names) - len(first)
    more, grey = ([f"{others} others"], [palette.DROPPED]) if others else ([], [])
    return _labels(key, place[of][_points.owners], _points, [*shown, *more], [*palette.COLOURS[: len(shown)], *grey])


@st.cache_resource(max_entries=12, show_spinner=False)
def _by_word(key: str, _points: Points, _values: np.ndarray, nothing: str) -> Labels:
    found = Counter(value for value in _values.tolist() if value is not None)
    shown = sorted(sorted(found, key=lambda word: (-found[word], word))[:_LABELS])
    more = [f"{len(found) - len(shown)} others"] if len(found) > len(shown) else []
    place = {word: at for at, word in enumerate(shown)} | {None: len(shown) + len(more)}
    of = np.array([place.get(value, len(shown)) for value in _values.tolist()], dtype=np.int64)
    colours = [*palette.COLOURS[: len(shown)], *[palette.DROPPED] * (len(more) + 1)]
    names = [*(word or "nothing on it" for word in shown), *more, nothing]
    return _labels(key, of[_points.owners], _points, names, colours)


@st.cache_resource(max_entries=12, show_spinner=False)
def _by_number(key: str, fingerprint: str, _points: Points, role: str, _values: np.ndarray) -> Labels:
    found = numbers.parts(np.asarray(_values, np.float64), find_role(role).unit)
    colours = [*palette.steps(len(found.names) - 1), palette.DROPPED]
    return _labels(f"{key}-{role}", found.of[_points.owners], _points, found.names, colours)


@st.cache_resource(max_entries=12, show_spinner=False)
def _plain(key: str, _points: Points) -> Labels:
    return _labels(f"{key}-plain", np.zeros(len(_points.owners), np.uint8), _points, ["all"], [palette.COLOURS[0]])
