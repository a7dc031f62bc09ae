"""The right side of the select page: what a budget keeps, on a wall, a map and a curve, and why."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.analysis.curve import Curve
from datasel_core.base import registry
from datasel_core.base.role import PATTERNS, find_role
from datasel_core.features.stored import StoredFeature
from datasel_core.runs.measures import ALONE, coverage_in, covered, measured, metrics_of_all, named_metrics
from datasel_core.runs.question import Question
from pages._ui.charts import colouring, curves, maps
from pages._ui.charts import map as canvas
from pages._ui.kit import grouping, keys, look, markdown, palette
from pages._ui.media import photos, reasons
from pages._ui.question import answers
from pages._ui.question.answers import Answer
from pages._ui.select import worth

_MAP = "select"
_DRAW_AT_ONCE = 50_000


def colour(choice: Question) -> str:
    return palette.colour_of(choice.method.id)


def main_feature(choice: Question) -> StoredFeature | None:
    """Where distances are taken: the method's own feature, else an embedding, else patterns."""
    features = choice.roles.features
    for role in (*choice.method.needs, *covered(choice.roles)):
        if role in features and find_role(role).covers:
            return features[role]
    return None


def baseline(choice: Question, budget: int) -> Answer | None:
    """Random with the same seed and conditions, if it was run for this budget."""
    found = None if choice.method.id == "random" else answers.answer(answers.by(choice, "random"), budget)
    return found if found is not None and len(found.rows) >= budget else None


def curve_of(choice: Question, answer: Answer) -> Curve | None:
    feature = main_feature(choice)
    return None if feature is None else curves.curves(answer.run).get(feature.role)


def sentence(choice: Question, answer: Answer, random: Answer | None) -> None:
    """How many of how many, how near the pool is to them, and how that compares with random."""
    pool, n, counts = choice.pool, len(answer.rows), answer.counts
    one, among = look.unit(pool, 1), f", {counts.among}" if counts.among else ""
    said = [f"**{counts.words} {look.unit(pool, pool.n)} kept**{among}, {counts.rest}."]
    if (value := worth.sentence(choice, answer)) is not None:
        st.markdown(value)
    mine = curve_of(choice, answer)
    if mine is not None:
        mean, largest = mine.at(n)
        sampled = f" (measured on {mine.measured_on:,})" if mine.measured_on < pool.n else ""
        which = ", new or earlier" if counts.earlier else ""
        said.append(
            f"The pool is on average {mean:.3f} away from the nearest kept{which}, at most {largest:.3f} (1 − "
            f"cosine{sampled})."
        )
        if (alone := _alone(choice, answer)) is not None:
            said.append(f"From the new ones alone it would be {alone:.3f}.")
        other = curve_of(choice, random) if random is not None else None
        if other is not None:
            their, their_largest = other.at(n)
            said.append(
                f"Random at the same budget: {their:.3f}, {_more(mean, their)}; at most {their_largest:.3f}, "
                f"{_more(largest, their_largest)}."
            )
    if spread := balance(choice, answer):
        fewest = f"{markdown.plain(spread['rarest']) or grouping.NO_GROUP}, {spread['rarest_count']:,}"
        said.append(f"{spread['groups_kept']:,} of {spread['groups']:,} groups have a kept {one}; fewest: {fewest}.")
    metrics = (metrics_of_all(answer.run.manifest) or {}) if answer.exact else {}
    marked = metrics.get("instances")
    if marked:
        fewest = f"{markdown.plain(marked['rarest'])}, {marked['rarest_count']:,}"
        said.append(
            f"{marked['instances']:,} of {marked['instances_in_pool']:,} labelled things, "
            f"{marked['classes_kept']:,} of {marked['classes']:,} classes; fewest: {fewest}."
        )
    redundancy = metrics.get("redundancy")
    if redundancy:
        share = look.percent(redundancy["near_duplicate_share"], 1)
        said.append(f"{share} of the kept nearly repeat another kept one (cosine {redundancy['threshold']:g} or more).")
    st.markdown(" ".join(said))


def balance(choice: Question, answer: Answer) -> Mapping[str, Any]:
    """How the kept are spread over the groups, as the manifest says; of a part of a longer run, as its own would. Those
    chosen earlier are kept, too.
    """
    if answer.exact and (metrics := metrics_of_all(answer.run.manifest)) is not None:
        return metrics.get("balance", {})
    groups = grouping.of_roles(choice.pool, choice.roles)
    there = measured(choice.roles, choice.method.roles())
    kept = np.concatenate([answer.earlier, answer.rows])
    kept = kept[there[kept]]
    return {} if groups is None else registry.find("metric", "balance")().counted(*groups, kept)


def _alone(choice: Question, answer: Answer) -> float | None:
    """The coverage of the new ones alone, where some were chosen earlier and the manifest is of just these."""
    metrics, feature = named_metrics(answer.run.manifest), main_feature(choice)
    if not answer.exact or feature is None or ALONE not in metrics:
        return None
    return coverage_in(feature.role, metrics[ALONE], choice.roles)


def _more(mine: float, other: float) -> str:
    share = 100 * (other / mine - 1) if mine > 0 else 0.0
    if abs(share) < 0.05:
        return "the same"
    return f"{abs(share):.{0 if abs(share) >= 0.95 else 1}f} % {'farther' if share > 0 else 'nearer'}"


def strip(choice: Question, answer: Answer) -> None:
    """The map with the kept lit and the dropped grey; those chosen earlier in a colour of their own."""
    feature, pool = main_feature(choice), choice.pool
    what = PATTERNS.name if feature is not None and feature.meta["shape"] == "ragged" else look.unit(pool)
    counts, own = answer.counts, colour(choice)
    theirs = palette.earlier(own)
    lit = f"new and earlier {look.unit(pool)}" if counts.earlier else f"kept {look.unit(pool)}"
    st.markdown(f"**Map** :small[:gray[{lit} lit, dropped grey; near means similar]]")
    if counts.earlier:
        new, earlier = (own, f"{counts.new:,} new"), (theirs, f"{counts.earlier:,} earlier")
        look.legend([new, earlier, (palette.DROPPED, f"{counts.dropped:,} dropped")])
    points = canvas.points(feature) if feature is not None else None
    if feature is None:
        st.caption("A map needs an embedding or patterns.")
        return
    if points is None:
        small = feature.meta["values"][0] <= _DRAW_AT_ONCE or keys.get(f"job.map.{feature.key}")
        if small or st.button(
            "Draw the map",
            key="draw-map",
            icon=":material/scatter_plot:",
            help="Takes a few minutes for so many points.",
        ):
            maps.ensure(feature)
        return
    if points.key.startswith(f"{feature.key}-pca"):
        maps.ensure(feature)
    row = keys.get("open_row")
    how = canvas.Look(
        what,
        f"Map of {points.n_points:,} {what}: the {counts.parts} kept {look.unit(pool)} lit, the others grey.",
        height=262,
        lasso=False,
        legend=False,
        lit=answer.rows,
        earlier=answer.earlier,
        dim=True,
        kept_colour=own,
        earlier_colour=theirs,
        rings=[] if row is None else [int(row)],
        hint="Click a point to ask why.",
        photo=(lambda place: _hovered(choice, answer, points, place)) if photos.has_photos(pool) else None,
    )
    canvas.draw(_MAP, points, colouring.plain(points), how)


def _hovered(choice: Question, answer: Answer, points: canvas.Points, place: int) -> tuple[str, str]:
    row = int(points.owners[place])
    at = np.flatnonzero(answer.rows == row)
    fate = f"#{int(at[0]) + 1}" if len(at) else "earlier" if row in answer.earlier else _fate(choice, row)
    return photos.thumbnail(choice.pool, row, 192), f"{fate} · {reasons.short(choice.pool, row)}"


def _fate(choice: Question, row: int) -> str:
    """Of a row that was not kept."""
    return "set aside" if row in choice.unseen else "dropped"


def views(choice: Question, answer: Answer) -> dict[str, str]:
    """What `wall` can show -> what it is called."""
    counts = answer.counts
    kept = (
        {"kept": f"New {counts.new:,}", "earlier": f"Earlier {counts.earlier:,}"}
        if counts.earlier
        else {"kept": f"Kept {counts.new:,}"}
    )
    return {**kept, "all": f"All {choice.pool.n:,}, dropped grey", "next": "Next best"}


def wall(choice: Question, answer: Answer, show: str) -> None:
    """Kept in pick order, those chosen earlier, all with the dropped grey, or the next best."""
    pool, n = choice.pool, len(answer.rows)
    ranks = {int(row): rank for rank, row in enumerate(answer.longer.tolist(), 1)}
    every, coming = np.arange(pool.n), answer.longer[n : n + 600]
    rows = {"kept": answer.rows, "earlier": answer.earlier, "all": every, "next": coming}[show]
    if not len(rows):
        st.caption("Nothing comes next: the choice ends here. Choose a larger budget to go on.")
        return
    if not photos.can_show(pool):
        _table(choice, answer, rows, ranks)
        return

    earlier = set(answer.earlier.tolist())

    def caption(row: int) -> str:
        if row in earlier:
            return f"chosen earlier: {pool.ids[row]}"
        fate = f"#{ranks[row]}: {_because(choice, answer, ranks[row])}" if row in ranks else ""
        return fate or f"{_fate(choice, row)}: {pool.ids[row]}"

    badges = dict.fromkeys(earlier, "earlier") if show == "all" else {}
    badges |= {row: f"#{rank}" for row, rank in ranks.items() if rank <= n or show == "next"}
    dropped = set(range(pool.n)) - set(answer.rows.tolist()) - earlier if show == "all" else None
    photos.wall(pool, rows, key=f"wall-select-{show}", captions=caption, badges=badges, dim=dropped, height=112)


def _because(choice: Question, answer: Answer, rank: int) -> str:
    return reasons.reason(choice.method.because, answer.whys[rank - 1], rank)


def _table(choice: Question, answer: Answer, rows: np.ndarray, ranks: dict[int, int]) -> None:
    shown = rows[:1000]
    table = choice.pool.take(shown).to_pydict()
    others = dict.fromkeys(answer.earlier.tolist(), "chosen earlier")
    because = [
        _because(choice, answer, ranks[row]) if row in ranks else others.get(row) or _fate(choice, row)
        for row in shown.tolist()
    ]
    event = st.dataframe(
        {"#": [ranks.get(int(row)) for row in shown], **table, "why": because},
        key="table-select",
        hide_index=True,
        height=360,
        on_select="rerun",
        selection_mode="single-row",
        alt=f"{len(shown):,} samples with their rank and the reason",
    )
    st.caption(f"{len(shown):,} of {look.samples(choice.pool, len(rows))} listed.")
    picked = event["selection"]["rows"]
    if picked and picked[0] < len(shown) and keys.get("table.before") != [int(shown[picked[0]]), len(shown)]:
        keys.put("table.before", [int(shown[picked[0]]), len(shown)])
        keys.put("open_row", int(shown[picked[0]]))
