"""Candidates and targets of a plan as walls: the most likely, the worst served, the kept. A click chooses one."""

import numpy as np
import streamlit as st

from datasel_core.methods.algorithms.transport import TransportPlan
from datasel_core.methods.closeness import unlike_words
from datasel_core.pools.pool import Pool
from datasel_core.runs.neighbor_tables import Tables
from datasel_core.runs.question import Question
from pages._ui.kit import disk, look
from pages._ui.media import photos
from pages._ui.question import answers
from pages._ui.targets import mass

_LISTED = 200


def likely(pool: Pool, p: np.ndarray) -> None:
    """p: (n,) chance of each."""
    n = int(np.count_nonzero(p > 0))
    rows = np.argsort(-p, kind="stable")[: min(n, _LISTED)]
    if len(rows) < n:
        st.caption(f"The {len(rows):,} most likely of {look.samples(pool, n)} that have any chance.")
    place = {int(row): at for at, row in enumerate(rows.tolist(), 1)}
    photos.wall(
        pool,
        rows,
        key="wall-likely",
        badges=lambda row: f"{place[row]}. · {look.percent(p[row], 1)}",
        on_open=mass.choose_row,
    )


def worst_served(choice: Question, found: Tables, one: TransportPlan) -> None:
    """Targets by how far their mass has to go."""
    far = (one.mass * found.neighbours.distances[:, : one.mass.shape[1]]).sum(axis=1) * len(found.targets)
    order = np.argsort(-far, kind="stable")
    rows = found.targets[order]
    badges = {int(found.targets[at]): f"{far[at]:.3g} away on average" for at in order}
    by_row = {int(found.targets[at]): int(at) for at in order}
    photos.wall(
        choice.target.pool, rows, key="wall-targets", badges=badges, on_open=lambda row: mass.choose_target(by_row[row])
    )


def unlike(choice: Question, found: Tables) -> None:
    """Targets that no candidate resembles, with how far the nearest is; a click shows it."""
    far, nearest = found.unlike, found.neighbours.distances[:, 0]
    st.caption(
        f"{unlike_words(len(far), len(found.targets), found.beyond)} No choice from this pool can stand for them: add "
        "samples like these, or leave them out of the target."
    )
    rows = found.targets[far]
    by_row = {int(row): int(at) for row, at in zip(rows, far, strict=True)}
    badges = {row: f"the nearest is {nearest[at]:.3g} away" for row, at in by_row.items()}
    photos.wall(
        choice.target.pool, rows, key="wall-unlike", badges=badges, on_open=lambda row: mass.choose_target(by_row[row])
    )


def kept(choice: Question, n: int) -> None:
    """What was kept for exactly this plan and budget, in the order in which it was drawn."""
    run = answers.exact(choice, n)
    rows = disk.rows(run) if run is not None else np.empty(0, np.int64)
    often = run.table["count"].to_pylist() if run is not None else []
    ranks = {
        row: f"#{at:,}" + (f" · {many} times" if many > 1 else "")
        for at, (row, many) in enumerate(zip(rows.tolist(), often, strict=True), 1)
    }
    photos.wall(choice.pool, rows, key="wall-kept-tsds", badges=ranks, on_open=mass.choose_row)
