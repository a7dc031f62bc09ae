"""The budget: a slider, a count and a share that move together, with their limits beside them."""

import math

import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look


def current(pool: Pool, most: int) -> int:
    """The budget as a count, 1 to `most`: from the address or the session; a share such as 10% will do, too."""
    said, whole = str(keys.get("budget", "") or "").strip(), disk.n_candidates(pool)
    try:
        n = math.floor(float(said.rstrip("% ")) / 100 * whole + 0.5) if said.endswith("%") else int(float(said))
    except (ValueError, OverflowError):  # also nan and inf
        n = min(50, max(1, whole // 10))
    return min(most, max(1, n))


def put(n: int) -> None:
    keys.put("budget", int(n))


def widgets(pool: Pool, most: int, kept: int | None = None) -> int:
    """Draws the three; the answer is the count. kept: how many the method really keeps, where that is known."""
    now, whole = current(pool, most), disk.n_candidates(pool)
    share = round(100 * now / whole, 2 if whole <= 10_000 else 4)
    keys.moved("budget.count", now)
    keys.moved("budget.share", share)
    title = f"Budget: {now:,} of {look.samples(pool)}"
    if kept is not None and kept < now:
        title = f"Budget: {now:,}; **{kept:,} of {look.samples(pool)}** is all that it keeps"
    slide, count, part = st.columns([48, 28, 24], gap="small", vertical_alignment="bottom")
    with slide:
        marks = _marks(max(2, most))
        mark = max(mark for mark in marks if mark <= now)
        keys.moved("budget.slide", mark)
        st.select_slider(
            title,
            marks,
            mark,
            key="budget.slide",
            format_func=look.count,
            on_change=_from,
            args=("budget.slide",),
            disabled=most < 2,
            help="How many to keep. Move it to see what fewer or more are: of most methods a smaller choice is the "
            "beginning of a larger one, and shows at once. At the left end one is kept, at the right all that may be.",
        )
    with count:
        limits = f"{look.unit(pool)}, 1 to {most:,}" if most < 100_000 else f"{look.unit(pool)} ≤ {most:,}"
        st.number_input(limits, 1, most, now, step=1, key="budget.count", on_change=_from, args=("budget.count",))
    with part:
        small = whole <= 10_000
        st.number_input(
            "% of the pool" if whole == pool.n else f"% of {whole:,}",
            0.0,
            100.0,
            share,
            step=1.0 if small else 0.1,
            format="%.2f" if small else "%.4f",
            key="budget.share",
            on_change=_from_share,
            args=(pool, most),
            help=f"{100 / whole:.2g} % is one of {whole:,}; at most {100 * most / whole:.4g} % can be chosen.",
        )
    return now


def _from(key: str) -> None:
    put(st.session_state[key])


def _from_share(pool: Pool, most: int) -> None:
    put(min(most, max(1, math.floor(st.session_state["budget.share"] * disk.n_candidates(pool) / 100 + 0.5))))


def _marks(most: int) -> list[int]:
    """Round numbers from 1 to the most, one log scale for every pool: the same at every run, so that a drag is not cut
    short.
    """
    steps = [*range(10, 20), *range(20, 40, 2), 25, 35, *range(40, 100, 5)]
    found = {n * 10**power // 10 for power in range(8) for n in steps}
    return sorted({n for n in found if 1 <= n < most} | {most})
