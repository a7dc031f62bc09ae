"""What a budget keeps, on a wall and on a map, and what they are drawn from."""

import numpy as np
import streamlit as st

from datasel_core.analysis.curve import Curve
from datasel_core.base.role import PATTERNS, find_role
from datasel_core.features.stored import StoredFeature
from datasel_core.runs.measures import covered
from datasel_core.runs.question import Question
from pages._ui.charts import colouring, curves, maps
from pages._ui.charts import map as canvas
from pages._ui.kit import keys, look, palette
from pages._ui.media import photos, reasons
from pages._ui.question import answers
from pages._ui.question.answers import Answer

_MAP = "select"
_DRAW_AT_ONCE = 50_000
TALL = 96
"""Pixels of a line of photos: so that 50 are seen at once on a common screen."""


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


def map_of(choice: Question, answer: Answer) -> None:
    """The map with the kept lit and the dropped grey; those chosen earlier in a colour of their own."""
    feature, pool = main_feature(choice), choice.pool
    if feature is None:
        st.caption("A map needs an embedding or patterns.")
        return
    points = canvas.points(feature)
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
    what = PATTERNS.name if feature.meta["shape"] == "ragged" else look.unit(pool)
    counts, own = answer.counts, colour(choice)
    theirs = palette.earlier(own)
    row = keys.get("open_row")
    how = canvas.Look(
        what,
        f"Map of {points.n_points:,} {what}: the {counts.parts} kept {look.unit(pool)} lit, the others grey.",
        height=212,
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
    lit = [(own, f"{counts.new:,} {'new' if counts.earlier else 'chosen'}")]
    lit += [(theirs, f"{counts.earlier:,} earlier")] * bool(counts.earlier)
    look.legend([*lit, (palette.DROPPED, counts.rest)])


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
        else {"kept": f"Chosen {counts.new:,}"}
    )
    return {**kept, "all": f"All {choice.pool.n:,}", "next": "Next best"}


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
    photos.wall(pool, rows, key=f"wall-select-{show}", captions=caption, badges=badges, dim=dropped, height=TALL)


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
