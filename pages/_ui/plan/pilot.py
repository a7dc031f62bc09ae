"""A pilot in three steps: draw and hand out, bring the times back, see the plan before and now."""

import streamlit as st

from datasel_core.actions import pilot as action
from datasel_core.costs import document, kept, pilot
from datasel_core.costs.campaign import Campaign
from datasel_core.costs.plan import Plan, plan
from datasel_core.costs.timings import Timed
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from pages._ui.kit import disk, keys, look, markdown, palette, watch
from pages._ui.kit.onward import onward
from pages._ui.media import detail, photos


def draw(pool: Pool) -> None:
    with st.container(key="plan-work"):
        working = watch.at_work("pilot")
    runs, timed = _drawn(pool), pilot.newest(disk.home(pool), pool)
    picture, rail = st.columns([72, 28], gap="medium")
    with rail, st.container(key="rail"):
        _hand_out(pool, runs, working)
        _bring_back(pool)
    with picture:
        if timed is not None:
            _before_and_now(pool, timed)
        if runs:
            _items(pool, runs[0])
        elif timed is None:
            look.empty(
                "No pilot yet",
                f"Have {pilot.USUAL} random {look.unit(pool)} labelled with a clock: what a label takes is then "
                "measured, not looked up, and the plan gets narrower.",
            )


def _drawn(pool: Pool) -> list[Run]:
    """Random choices that were drawn as a pilot, the newest first."""
    return [run for run in disk.runs(pool) if run.name.startswith("pilot of ")]


def _hand_out(pool: Pool, runs: list[Run], working: bool) -> None:
    look.section("1 · Draw and hand out")
    most = min(pilot.MOST, disk.n_candidates(pool))
    least = min(pilot.LEAST, most)
    n = keys.bound(
        st.number_input,
        f"Random {look.unit(pool)}, {least:,} to {most:,}",
        "plan.pilot",
        least,
        min_value=least,
        max_value=most,
        step=10,
        help="More take longer to label, and make the plan narrower. None of them is held out.",
    )
    st.button(
        f"Draw {n:,}, about 5 s",
        key="pilot-draw",
        type="secondary" if runs else "primary",
        disabled=working,
        on_click=watch.start,
        args=("pilot", "pilot"),
        kwargs={"pool": pool.name, "n": int(n), "sheet": False},
    )
    if said := watch.error("pilot"):
        markdown.trouble(said)
    if not runs:
        return
    st.download_button(
        f"Sheet of {runs[0].manifest['result']['n']:,} for times",
        pilot.sheet(runs[0]),
        f"{pool.name}-pilot.csv",
        key="pilot-sheet",
        icon=":material/download:",
        on_click="ignore",
        help="A CSV of id, person, seconds, objects: fill in the seconds of each, and the objects if you count them.",
    )
    onward("For a labelling tool", "pages/export.py", key="pilot-export", leads=False, run=runs[0].key)


def _bring_back(pool: Pool) -> None:
    look.section("2 · Bring the times back")
    file = st.file_uploader("The sheet, filled in", type=["csv"], key="pilot.file", label_visibility="collapsed")
    if st.button("Read the times", key="pilot-read", disabled=file is None) and file is not None:
        try:
            text = file.getvalue().decode("utf-8-sig")
            action.taken(disk.home(pool), pool, file.name, text)
        except UnicodeDecodeError:
            markdown.trouble(f"{file.name} is no UTF-8 text; save it as CSV, UTF-8.")
            return
        except DataselError as error:
            markdown.trouble(error)
            return
        keys.put("plan.rate", None)  # the pilot is what a label takes from now on
        st.rerun()


def _before_and_now(pool: Pool, timed: Timed) -> None:
    """3: the plan that was kept, and the same made again."""
    look.section("3 · The plan, before and now", action.in_words(timed).replace("items", look.unit(pool)))
    for note in timed.notes:
        st.caption(markdown.plain(note))
    plans = {one.key: one for one in kept.of_pool(disk.home(pool), "plan", pool)}
    again = [one for one in plans.values() if one.said["before"] in plans]
    if not again:
        st.caption(
            "No plan was kept before these times came: keep one on the view Cost, and the next pilot is compared."
        )
        return
    now = again[-1]
    _intervals(pool, plans[now.said["before"]], now)


def _intervals(pool: Pool, before: kept.Kept, now: kept.Kept) -> None:
    import plotly.graph_objects as go

    found = [_planned(before), _planned(now)]
    unit = "hours" if found[0].money is None else found[0].campaign.currency or "money"
    ends = [(one.money or one.hours).each(float) for one in found]
    rows = [f"before, {before.day}", f"now, {now.day}"]
    what = look.samples(pool, found[1].campaign.items)
    figure = go.Figure()
    for row, end, one, colour in zip(rows, ends, found, (palette.BASELINE, palette.COLOURS[0]), strict=True):
        figure.add_scatter(
            x=[end.mid],
            y=[row],
            mode="markers",
            marker={"symbol": "diamond", "size": 12, "color": colour},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [end.high - end.mid],
                "arrayminus": [end.mid - end.low],
            },
            hovertext=[document.sentence(one, what)],
            hoverinfo="text",
            showlegend=False,
        )
    figure.update_xaxes(title=f"{unit} for {what}", rangemode="tozero", tickformat=",")
    figure.update_yaxes(categoryorder="array", categoryarray=rows[::-1], title="")
    figure.update_layout(dragmode=False)
    said = [f"{row}: {document.sentence(one, what)}" for row, one in zip(rows, found, strict=True)]
    look.chart(figure, f"What {what} cost", "; ".join(said), height=170, key="plan-before-now")
    st.caption("  \n".join(markdown.plain(line) for line in said))


def _planned(one: kept.Kept) -> Plan:
    return plan(Campaign.of(one.said["campaign"]))


def _items(pool: Pool, run: Run) -> None:
    rows = disk.rows(run)
    look.section("The pilot", f"{look.samples(pool, len(rows))}, drawn at random, in their order on the sheet")
    if photos.can_show(pool):
        photos.wall(pool, rows, key=f"pilot-{run.key}", height=96, on_open=detail.look_at)
        detail.open_detail(pool, rows)
