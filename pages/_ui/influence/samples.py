"""The samples behind influence: predicted against measured, and the texts that help most and least."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.stages import looks
from pages._ui.kit import disk, keys, look, palette
from pages._ui.media import detail
from pages._ui.media.photos import wall

_SHOWN = 6


def against(pool: Pool, said: Mapping[str, Any]) -> None:
    """Every probed sample as a point."""
    found = _stage(pool, said)
    if found is None:
        return
    import plotly.graph_objects as go

    one, measured, predicted = found
    points, figure = looks.against(measured, predicted), go.Figure()
    for checked, colour, words in (
        (False, palette.DROPPED, "learned from"),
        (True, palette.COLOURS[0], "only checked with"),
    ):
        mine = points.checked == checked
        figure.add_scatter(
            x=points.measured[mine].tolist(),
            y=points.predicted[mine].tolist(),
            mode="markers",
            marker={"color": colour, "size": 6 + 2 * checked},
            hovertemplate=f"{words}: %{{x:.2g}} nats, predicted %{{y:.2f}}<extra></extra>",
        )
    rank = one["spearman"]
    figure.update_layout(
        xaxis={"title": {"text": "measured: loss on the reference falls by so many nats"}},
        yaxis={"title": {"text": "predicted help (standard deviations)"}},
        dragmode=False,
        showlegend=False,
    )
    between = f"95 % interval {rank['low']:.2f} to {rank['high']:.2f}"
    title = f"Spearman {rank['mid']:.2f} on {one['checked']:,} unseen, {between}"
    alt = f"Predicted against measured influence of {len(points.rows):,} samples. {title}."
    look.chart(figure, title, alt, height=430, key="influence-against")
    look.legend([(palette.COLOURS[0], "only checked with"), (palette.DROPPED, "learned from")])


def spread(pool: Pool, said: Mapping[str, Any]) -> None:
    """A histogram in nats, with the texts at both ends."""
    found = _stage(pool, said)
    if found is None:
        return
    import plotly.graph_objects as go

    _, measured, _ = found
    shape = looks.spread(measured)
    middles = (shape.edges[1:] + shape.edges[:-1]) / 2
    figure = go.Figure(
        go.Bar(
            x=middles.tolist(),
            y=shape.counts.tolist(),
            width=float(shape.edges[1] - shape.edges[0]),
            marker={"color": [palette.COLOURS[4] if at > 0 else palette.COLOURS[7] for at in middles]},
            hovertemplate="%{x:.2g} nats: %{y:,} texts<extra></extra>",
        )
    )
    n = int(shape.counts.sum())
    figure.update_layout(
        xaxis={"title": {"text": "by how many nats one step lowers the loss on the reference"}},
        yaxis={"title": {"text": "texts"}},
        bargap=0,
        dragmode=False,
        showlegend=False,
    )
    title = f"{shape.helps:,} of {n:,} probed texts help"
    look.chart(figure, title, f"Histogram of measured influence: {title}.", height=230, key="influence-spread")
    best, worst, values = looks.ends(measured, _SHOWN)
    for name, words, rows in (("best", "Help most", best), ("worst", "Help least, or harm", worst)):
        look.section(words)
        badges = {int(row): f"{values[row]:+.2g} nats" for row in rows}
        wall(pool, rows, key=f"influence-{name}", badges=badges, on_open=detail.look_at)
    detail.open_detail(pool, [*best, *worst])


def _stage(pool: Pool, said: Mapping[str, Any]) -> tuple[Mapping[str, Any], StoredFeature, StoredFeature] | None:
    """Of which stage, and what was measured and predicted there; None where that is gone, which it says."""
    known = {f"{one['seed']}.{one['stage']}": one for one in said["stages"]}
    seeds = said["asked"]["seeds"] > 1
    which = keys.bound(
        st.selectbox if seeds else st.segmented_control,
        "Stage",
        "influence.stage",
        next(iter(known)),
        options=list(known),
        format_func=lambda at: f"Stage {known[at]['stage']}" + (f", seed {known[at]['seed'] + 1}" if seeds else ""),
        label_visibility="collapsed",
        **({"width": 200} if seeds else {"required": True}),
    )
    kept, one = {feature.key: feature for feature in disk.features(pool)}, known[which]
    if one["measured"] not in kept or one["predicted"] not in kept:
        look.empty(
            "What was measured is gone",
            "The features of this stage were deleted; the same training in stages makes them again.",
            key="influence-gone",
        )
        return None
    return one, kept[one["measured"]], kept[one["predicted"]]
