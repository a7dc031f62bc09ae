"""The budget: a slider, a count and a share that move together, with their limits beside them."""

import math

import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look

_LINEAR = 2000


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


def widgets(pool: Pool, most: int) -> int:
    """Draws the three; the answer is the count."""
    now, whole = current(pool, most), disk.n_candidates(pool)
    share = round(100 * now / whole, 2 if whole <= 10_000 else 4)
    keys.moved("budget.count", now)
    keys.moved("budget.share", share)
    title = f"Budget: {now:,} of {look.samples(pool)}"
    slide, count, part = st.columns([48, 28, 24], gap="small", vertical_alignment="bottom")
    with slide:
        if most <= _LINEAR:
            keys.moved("budget.slide", now)
            st.slider(
                title,
                1,
                max(2, most),
                now,
                key="budget.slide",
                on_change=_from,
                args=("budget.slide",),
                disabled=most < 2,
            )
        else:
            marks = _marks(most)
            mark = max(mark for mark in marks if mark <= now)
            keys.moved("budget.slide", mark)
            st.select_slider(
                title, marks, mark, key="budget.slide", format_func=look.count, on_change=_from, args=("budget.slide",)
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
    """Round numbers from 1 to the most, denser where they are small: the same at every run, so that a drag is not cut
    short.
    """
    steps = [10, 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90]
    found = {n * 10**power // 10 for power in range(8) for n in steps}
    return sorted({n for n in found if 1 <= n < most} | {most})
