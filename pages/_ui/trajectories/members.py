"""The samples behind loss trajectories: those of one cluster, and those at a place of the map."""

import numpy as np
import streamlit as st

from datasel_core.features.stored import StoredFeature
from datasel_core.runs.question import Question
from pages._ui.charts import colouring, maps
from pages._ui.charts import map as canvas
from pages._ui.charts.clusters import Cluster
from pages._ui.kit import keys, look, palette
from pages._ui.media import detail, texts
from pages._ui.media.photos import wall
from pages._ui.question.answers import Answer

_MAP = "trajectories"


def members(choice: Question, answer: Answer, one: Cluster, n: int) -> None:
    """The chosen of a cluster in pick order, then the others."""
    rank = {int(row): at for at, row in enumerate(answer.rows.tolist(), 1)}
    mine = answer.rows[np.isin(answer.rows, one.rows)]
    rows = np.concatenate([mine, np.setdiff1d(one.rows, mine)])
    share = f", {look.percent(one.share, 1)} of it {one.group}" if one.group else ""
    share += f"; {one.words}" if one.words else ""
    fell = f"loss {_loss(one.mean[0])} at first, {_loss(one.mean[-1])} at last"
    look.section(f"Cluster {one.name}", f"{n:,} of {look.samples(choice.pool, len(one.rows))} chosen{share}; {fell}")
    badges = {row: f"#{place:,}" for row, place in rank.items()}
    dim = set(rows[len(mine) :].tolist()) if len(mine) else None
    wall(choice.pool, rows, key=f"members-{one.at}", badges=badges, dim=dim, on_open=detail.look_at)
    detail.open_detail(choice.pool, rows)


def _loss(value: float) -> str:
    if 0 <= value < 0.001:
        return "under 0.001"
    return f"{value:.2f}" if 0.1 <= abs(value) < 1e4 else f"{value:.2g}"


def on_map(choice: Question, answer: Answer, kept: StoredFeature, of: np.ndarray) -> None:
    """All trajectories on one map, with the samples of any part of it. of: (n,) the cluster of every row."""
    pool = choice.pool
    ways = {"kept": "chosen or not", **{name: name for name in maps.group_columns(pool)}}
    ways |= maps.number_ways(pool)
    colour = keys.bound(
        st.selectbox,
        "Colour by",
        "trajectories.colour",
        next(iter(ways)),
        options=list(ways),
        format_func=ways.get,
    )
    if not maps.ensure(kept) or (points := canvas.points(kept)) is None:
        return
    labels = (
        colouring.by_kept(points, answer.rows, palette.colour_of("s2l"), words=("chosen", "not chosen"))
        if colour == "kept"
        else maps.labels(pool, kept, points, colour)
    )
    left, right = st.columns([6, 4], gap="medium")
    row = keys.get("open_row")
    row = int(row) if row is not None and 0 <= int(row) < pool.n else None
    with left:
        alt = f"Map of {points.n_points:,} loss trajectories, near means that losses fell alike."
        hint = "Near means: their losses fell alike. Click a point to read it; drag around points to list them."
        canvas.draw(
            _MAP,
            points,
            labels,
            canvas.Look("trajectories", alt, height=460, rings=[] if row is None else [row], hint=hint),
        )
    inside = canvas.members(_MAP, points, labels)
    with right:
        if canvas.region(_MAP, points):
            rows = points.owners[inside]
            look.section(f"{look.samples(pool, len(rows))} in the region", f"of {points.n_points:,}")
            wall(pool, rows, key=f"wall-trajectories-{len(rows)}")
        elif row is not None:
            at = int(of[row])
            look.section(str(pool.ids[row]), f"cluster {at + 1}" if at >= 0 else "no cluster")
            if texts.has_texts(pool):
                texts.whole(pool, row)
        else:
            look.empty(
                "Nothing chosen",
                "Click a point to read its sample; drag around points to list what is inside.",
                key="trajectory-hint",
            )
