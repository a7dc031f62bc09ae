"""Looking at each of a selection before it leaves: keep, drop, swap, note, by keys and by several people at once."""

import streamlit as st

from datasel_core.analysis.opinions import RULES
from datasel_core.pools.pool import Pool
from datasel_core.review.agreement import SHARE
from datasel_core.review.state import Standing
from datasel_core.runs.run import Run
from pages._ui.export import record
from pages._ui.kit import disk, drawn, keys, look, markdown, watch
from pages._ui.kit.onward import onward
from pages._ui.review import desk

_LOOKS = {"all": "All", "second": "Second look"}
_RULES = {"latest": "The latest decision", "any": "Anybody may drop", "all": "All must drop"}


def page(pool: Pool, runs: list[Run]) -> None:
    known = {run.key: run for run in runs}
    if keys.get("run") not in known:
        keys.put("run", runs[0].key)
        st.rerun()  # so that the strip above shows it too
    look.title("Review", f"Look at each of the kept {look.unit(pool)} before they leave.")
    run, view, rule, share = _controls(pool, known)
    if record.problems(run):
        record.badge(run)
        return
    job = watch.started("review")
    watch.watch(job, key="review", beside_title=True)
    if said := watch.error("review"):
        markdown.trouble(said)
    st.fragment(look.told(live))(pool, run, view, rule, share)


def _controls(pool: Pool, known: dict[str, Run]) -> tuple[Run, str, str, float]:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        key = keys.bound(
            st.selectbox,
            "Selection",
            "run",
            next(iter(known)),
            options=list(known),
            label_visibility="collapsed",
            format_func=lambda key: look.listed(known[key]),
            width=520,
        )
        view = keys.bound(
            st.segmented_control,
            "Which",
            "review.look",
            "all",
            options=list(_LOOKS),
            format_func=_LOOKS.get,
            required=True,
            label_visibility="collapsed",
            help="A second look: some of them, drawn by chance, without what others decided of them.",
        )
        with st.popover("Settings", type="tertiary"):
            rule = keys.bound(
                st.radio,
                "Where people differ",
                "review.rule",
                "latest",
                options=list(RULES),
                format_func=_RULES.get,
                captions=[f"{said[:1].upper()}{said[1:]}." for said in RULES.values()],
            )
            share = keys.bound(
                st.slider,
                "Share of a second look, %",
                "review.share",
                round(100 * SHARE),
                min_value=5,
                max_value=100,
                step=5,
            )
            keys.bound(
                st.checkbox,
                "Notes leave with the selection",
                "review.notes",
                False,
                help="Otherwise they stay in this workspace. Names never leave: people are reviewer-1, reviewer-2.",
            )
    return known[key], view, rule, share / 100


def live(pool: Pool, run: Run, view: str, rule: str, share: float) -> None:
    """Where people decide; only this part runs again with each answer."""
    if keys.get("review.started"):
        keys.put("review.started", None)
        drawn.again()
    standing = desk.draw(pool, run, view, rule, share)
    _finish(pool, run, standing, rule)


def _finish(pool: Pool, run: Run, standing: Standing, rule: str) -> None:
    job = watch.started("review")
    busy = job is not None and job.is_active
    left = len(standing.ids) - standing.decided
    out, still = len(standing.out), f"{look.samples(pool, left)} that nobody decided stay. " if left else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"Finish: leave out {out:,} of {len(standing.ids):,}" if out else "Finish: all stay",
            key="finish",
            type="secondary" if left else "primary",
            icon=":material/check:",
            disabled=busy or not standing.decided,
            help=f"{still}Makes a selection of its own; this one and all decisions stay as they are.",
            on_click=_start,
            args=(run, rule),
        )
        made = job.result() if job is not None and not busy and job.spec["run"] == run.key else None
        if made and disk.find_run(pool, made["run"]):
            onward("Export", "pages/export.py", key="review", run=made["run"])
            st.caption(markdown.plain(" ".join(made["told"])))


def _start(run: Run, rule: str) -> None:
    notes = bool(keys.get("review.notes"))
    watch.start("review", "review", run=run.key, finish=True, rule=rule, with_notes=notes)
    keys.put("review.started", True)


if (pool := keys.pool()) is None:
    look.title("Review")
    look.empty("No pool is open", "Open a pool on the Data page first.", "Go to Data", "pages/data.py")
elif not (runs := disk.runs(pool)):
    look.title("Review", look.samples(pool))
    text = f"Choose some of the {look.samples(pool)} first; then each of them can be looked at here."
    look.empty("Nothing is selected yet", text, "Go to Select", "pages/select.py")
else:
    page(pool, runs)
