"""Cached reads of labels: new whenever a file came back, the pool is another, or other samples are set aside."""

from typing import Any

import streamlit as st

from datasel_core.actions.show_labels import looked_at
from datasel_core.labels.consensus import Labels, of_pool
from datasel_core.labels.places import Place, find
from datasel_core.labels.records import folder_of
from datasel_core.labels.summary import within
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk


def stamps(pool: Pool) -> tuple[tuple[str, int], ...]:
    """One for each import."""
    folder = folder_of(disk.home(pool), pool.name)
    return tuple((path.name, disk.stamp(path)) for path in sorted(folder.glob("*.json"))) if folder.is_dir() else ()


def place(pool: Pool, run: str) -> Place:
    """Of a selection by its key; of the whole pool where that is empty."""
    return _place(str(pool.folder), pool.table_sha256, run, pool)


def said(pool: Pool, run: str, known: str | None) -> dict[str, Any]:
    """What is said of the labels of a selection, as `labels show` says it. Raises BadInput."""
    return _said(str(pool.folder), pool.table_sha256, run, known, stamps(pool), disk.aside(pool), pool)


def labels(pool: Pool, run: str) -> Labels:
    """The labels themselves."""
    return _labels(str(pool.folder), pool.table_sha256, run, stamps(pool), pool)


@st.cache_resource(max_entries=16, show_spinner=False)
def _place(folder: str, table: str, run: str, _pool: Pool) -> Place:
    return find(disk.home(_pool), run or _pool.name)


@st.cache_resource(max_entries=16, show_spinner=False)
def _said(
    folder: str, table: str, run: str, known: str | None, at: object, aside: object, _pool: Pool
) -> dict[str, Any]:
    return looked_at(disk.home(_pool), place(_pool, run), known)


@st.cache_resource(max_entries=16, show_spinner=False)
def _labels(folder: str, table: str, run: str, at: object, _pool: Pool) -> Labels:
    found = of_pool(disk.home(_pool), _pool)
    return within(found, place(_pool, run).rows) if run else found
