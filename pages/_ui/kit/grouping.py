"""Cached reads of the groups of a pool: their sizes, whose rows, one of each in turn; and of what is there twice."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.runs.measures import group_agreement

NO_GROUP = "no group"


def sizes(pool: Pool) -> list[tuple[str, int]]:
    """(group, samples), the largest first; empty when the pool has no groups."""
    return _sizes(pool.table_sha256, pool)


def rows_of(pool: Pool, group: str) -> np.ndarray:
    """Rows of one group, in pool order."""
    return _rows_of(pool.table_sha256, group, pool)


def codes(pool: Pool) -> tuple[list[str], np.ndarray] | None:
    """(names of the groups, (n,) position of each sample's group among them); None where there are no groups."""
    return _codes(pool.table_sha256, pool) if sizes(pool) else None


def of_roles(pool: Pool, roles: Roles) -> tuple[np.ndarray, np.ndarray] | None:
    """(g,) the groups that a method was given, sorted, and (n,) which of them each sample is in, as the balance of a
    selection counts them.
    """
    return None if roles.group is None else _of_roles(pool.table_sha256, roles.group, roles)


def known_by(kept: StoredFeature, roles: Roles) -> str:
    """What a feature knows of the groups, a sentence, measured once; empty where there is nothing to say."""
    try:
        return _known_by(roles.pool.table_sha256, roles.group, kept.state(), roles, kept)
    except DataselError as error:
        return str(error)


def in_turn(pool: Pool, rows: np.ndarray | None = None) -> np.ndarray:
    """These rows, or all, one of each group in turn, so that the beginning shows something of everything; pool order
    where there are no groups.
    """
    order = _in_turn(pool.table_sha256, pool)
    if rows is None:
        return order
    inside = np.zeros(pool.n, bool)
    inside[rows] = True
    groups = codes(pool)
    return order[inside[order]] if groups is None else _turns(groups[1], np.flatnonzero(inside))


def _turns(codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """rows: in pool order. One of each group in turn."""
    mine = codes[rows]
    order = np.argsort(mine, kind="stable")
    first = np.searchsorted(mine[order], np.arange(codes.max(initial=-1) + 1))
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) - first[mine[order]]
    return rows[np.lexsort((mine, place))]


def duplicates(pool: Pool) -> list[list[int]]:
    """Rows of samples whose content is the same to the byte, a list for each set of two or more, in pool order."""
    return _duplicates(pool.table_sha256, pool)


@st.cache_resource(max_entries=8, show_spinner=False)
def _sizes(table: str, _pool: Pool) -> list[tuple[str, int]]:
    if _pool.group_column is None:
        return []
    counted = pc.value_counts(pc.fill_null(_pool.table[_pool.group_column].cast("string"), ""))
    found = [(entry["values"] or NO_GROUP, entry["counts"]) for entry in counted.to_pylist()]
    return sorted(found, key=lambda pair: (-pair[1], pair[0])) if found != [(NO_GROUP, _pool.n)] else []


@st.cache_resource(max_entries=8, show_spinner=False)
def _codes(table: str, _pool: Pool) -> tuple[list[str], np.ndarray]:
    coded = pc.dictionary_encode(pc.fill_null(_pool.table[_pool.group_column].cast("string"), "")).combine_chunks()
    return [name or NO_GROUP for name in coded.dictionary.to_pylist()], coded.indices.to_numpy()


@st.cache_resource(max_entries=8, show_spinner=False)
def _of_roles(table: str, column: str, _roles: Roles) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(_roles.array("group"), return_inverse=True)


@st.cache_resource(max_entries=64, show_spinner=False)
def _known_by(table: str, column: str | None, state: tuple, _roles: Roles, _kept: StoredFeature) -> str:
    found = group_agreement(_roles, _kept)
    return "" if found is None else found.words


@st.cache_resource(max_entries=64, show_spinner=False)
def _rows_of(table: str, group: str, _pool: Pool) -> np.ndarray:
    column = pc.fill_null(_pool.table[_pool.group_column].cast("string"), "")
    return np.flatnonzero(pc.equal(column, "" if group == NO_GROUP else group).to_numpy())


@st.cache_resource(max_entries=4, show_spinner=False)
def _in_turn(table: str, _pool: Pool) -> np.ndarray:
    groups = codes(_pool)
    return np.arange(_pool.n) if groups is None else _turns(groups[1], np.arange(_pool.n))


@st.cache_resource(max_entries=8, show_spinner=False)
def _duplicates(table: str, _pool: Pool) -> list[list[int]]:
    counted = pc.value_counts(_pool.table["content"])
    twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    rows = np.flatnonzero(pc.is_in(_pool.table["content"], twice).to_numpy())
    sets: dict[str, list[int]] = {}
    for row, content in zip(rows.tolist(), _pool.table["content"].take(pa.array(rows)).to_pylist(), strict=True):
        sets.setdefault(content, []).append(row)
    return list(sets.values())
