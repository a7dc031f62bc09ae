"""Near-duplicates: the most crowded places of a plan, and how sharing keeps them from being kept again and again."""

import html

import numpy as np
import streamlit as st

from datasel_core.base.role import EMBEDDING
from datasel_core.methods.algorithms.transport import TransportPlan
from datasel_core.runs.neighbor_tables import Tables
from datasel_core.runs.question import Question
from pages._ui.kit import look
from pages._ui.media import photos, texts
from pages._ui.targets import tables

_MANY = 10
_ROUNDING = 1e-4


def table(choice: Question, found: Tables, one: TransportPlan, alpha: float, c: float, sigma: float) -> None:
    """The most crowded candidates with any chance, what lies within sigma of each, and the chance of all of those
    together, shared and not shared.
    """
    if sigma == 0:
        st.caption(
            "Sigma is 0: nobody shares, and a sample that is there ten times has ten times the chance. Move sigma up "
            "to let near-duplicates share."
        )
        return
    crowds = _crowds(
        found.key, alpha, c, sigma, found, one, tables.plan(found, alpha, c, 0.0), choice.roles.array(EMBEDDING.name)
    )
    if not crowds:
        st.caption(f"No candidate with a chance has another within {sigma:g}: there is nothing to share.")
        return
    lines = "".join(
        f"<tr><td>{html.escape(_named(choice, row))}</td><td class=n>{size:,}</td><td class=n>{rho:,.1f}</td><td "
        f"class=n>{_percent(shared)}</td>"
        f"<td class=n>{_percent(alone)}</td></tr>"
        for row, size, rho, shared, alone in crowds
    )
    numbers = ("samples within sigma", "crowding", "chance of all, shared", "not shared (sigma 0)")
    head = "<th>around</th>" + "".join(f"<th class=n>{name}</th>" for name in numbers)
    said = (
        "The chance of a sample is divided by how crowded it is around it, so that the place as a whole keeps what it "
        "is due."
    )
    st.caption(f"The {len(crowds)} most crowded places. {said}")
    st.html(
        f'<style>.ds-crowds td.n, .ds-crowds th.n {{ text-align: right; }}</style><div class="ds-table" '
        'style="max-height:420px"><table class="ds-crowds">'
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _named(choice: Question, row: int) -> str:
    pool = choice.pool
    if texts.has_texts(pool):
        prompt, response = texts.parts(pool, row, 140)
        return prompt or response
    return photos.caption(pool, row, 140)


def _percent(share: float) -> str:
    return look.percent(share, 1) if share else "0 %"


@st.cache_resource(max_entries=12, show_spinner=False)
def _crowds(
    key: str,
    alpha: float,
    c: float,
    sigma: float,
    _found: Tables,
    _one: TransportPlan,
    _alone: TransportPlan,
    _vectors: np.ndarray,
) -> list[tuple]:
    near, found = _found.neighbours, []
    rho = np.where(_one.probability[near.rows] > 0, near.rho(sigma), 0)
    vectors = np.asarray(_vectors[_found.given[near.rows]], np.float32)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    while len(found) < _MANY and rho.max(initial=0) > 1.01:
        at = int(rho.argmax())
        # One product rules out nearly all, with room for its rounding; only the others are measured.
        maybe = np.flatnonzero(
            (squares + squares[at]) * np.float32(1 - _ROUNDING) - 2 * (vectors @ vectors[at]) < sigma**2
        )
        inside = np.zeros(len(rho), bool)
        inside[maybe] = np.square(vectors[maybe].astype(np.float64) - vectors[at]).sum(axis=1) < sigma**2
        inside[at] = True
        rows = near.rows[inside]
        shared, alone = float(_one.probability[rows].sum()), float(_alone.probability[rows].sum())
        found.append((int(_found.given[near.rows[at]]), int(inside.sum()), float(rho[at]), shared, alone))
        rho[inside] = 0
    return found
