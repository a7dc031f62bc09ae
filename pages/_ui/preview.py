"""The right side of the select page: what a budget keeps, on a wall, a map and a curve, and why."""


import numpy as np
import streamlit as st

from datasel_core import explain
from datasel_core.curve import Curve
from datasel_core.features._kept import Kept
from datasel_core.pools._pool import Pool
from pages._ui import choosing, curves, data, keys, look, maps, photos, why
from pages._ui import map as canvas
from pages._ui.budget import put
from pages._ui.choosing import Answer, Choice

_MAP = "select"
_DRAW_AT_ONCE = 50_000


def colour(choice: Choice) -> str:
    return look.colour_of(choice.method.id)


def main_feature(choice: Choice) -> Kept | None:
    """Where distances are taken: the method's own feature, else an embedding, else patterns."""
    features = choice.roles.features
    for role in (*choice.method.needs, "embedding", "patterns"):
        if role in features and role in ("embedding", "patterns"):
            return features[role]
    return None


def baseline(choice: Choice, budget: int) -> Answer | None:
    """Random with the same seed and conditions, if it was run for this budget."""
    found = None if choice.method.id == "random" else choosing.answer(choice.by("random"), budget)
    return found if found is not None and len(found.rows) >= budget else None


def curve_of(choice: Choice, answer: Answer) -> Curve | None:
    feature = main_feature(choice)
    return None if feature is None else curves.curves(answer.run).get(feature.role)


def sentence(choice: Choice, answer: Answer, random: Answer | None) -> None:
    """How many of how many, how near the pool is to them, and how that compares with random."""
    pool, n = choice.pool, len(answer.rows)
    one, said = look.unit(pool, 1), [f"**{n:,} of {look.samples(pool)} kept**, {pool.n - n:,} dropped."]
    mine = curve_of(choice, answer)
    if mine is not None:
        mean, largest = mine.at(n)
        sampled = f" (measured on {mine.measured_on:,})" if mine.measured_on < pool.n else ""
        said.append(f"On average the pool is {mean:.3f} away from the nearest kept {one}, at most {largest:.3f} (1 − cosine{sampled}).")
        other = curve_of(choice, random) if random is not None else None
        if other is not None:
            their, their_largest = other.at(n)
            said.append(f"Random at the same budget: {their:.3f}, {_more(mean, their)}; at most {their_largest:.3f}, {_more(largest, their_largest)}.")
    sizes = data.group_sizes(pool)
    if sizes:
        counts = {name: int(np.isin(data.group_rows(pool, name), answer.rows).sum()) for name, _ in sizes[:200]}
        fewest = min(counts, key=lambda name: counts[name])
        said.append(f"{sum(map(bool, counts.values())):,} of {len(sizes):,} groups have a kept {one}; fewest: {fewest}, {counts[fewest]:,}.")
    redundancy = answer.run.manifest["result"]["metrics"].get("redundancy") if answer.exact else None
    if redundancy:
        said.append(f"{look.percent(redundancy['near_duplicate_share'], 1)} of the kept nearly repeat another kept one (cosine {redundancy['threshold']:g} or more).")
    st.markdown(" ".join(said))


def _more(mine: float, other: float) -> str:
    share = 100 * (other / mine - 1) if mine > 0 else 0.0
    return "the same" if abs(share) < 0.05 else f"{abs(share):.0f} % {'farther' if share > 0 else 'nearer'}" if abs(share) >= 0.95 else f"{abs(share):.1f} % {'farther' if share > 0 else 'nearer'}"


def curve(choice: Choice, answer: Answer, random: Answer | None) -> None:
    mine = curve_of(choice, answer)
    st.markdown("**Coverage against budget** :small[:gray[lower is better; drag the point]]")
    if mine is None:
        st.caption("Coverage needs an embedding or patterns: compute or import one on the Data page, then choose again.")
        return
    lines = [curves.Line(choice.method.title, mine, colour(choice), main=True)]
    other = curve_of(choice, random) if random is not None else None
    if other is not None:
        lines.append(curves.Line("Random", other, look.BASELINE))
    curves.draw("select-curve", lines, len(answer.rows), look.unit(choice.pool), put)


def strip(choice: Choice, answer: Answer) -> None:
    """The map with the kept lit and the dropped grey."""
    feature, pool = main_feature(choice), choice.pool
    what = "patterns" if feature is not None and feature.meta["shape"] == "ragged" else look.unit(pool)
    st.markdown(f"**Map** :small[:gray[kept {look.unit(pool)} lit, dropped grey; near means similar]]")
    points = canvas.points(feature) if feature is not None else None
    if feature is None:
        st.caption("A map needs an embedding or patterns.")
        return
    if points is None:
        small = feature.meta["values"][0] <= _DRAW_AT_ONCE or keys.get(f"job.map.{feature.key}")
        if small or st.button("Draw the map", key="draw-map", icon=":material/scatter_plot:", help="Takes a few minutes for so many points."):
            maps.ensure(feature)
        return
    if points.key.startswith(f"{feature.key}-pca"):
        maps.ensure(feature)
    n = len(answer.rows)
    row = keys.get("open_row")
    how = canvas.Look(
        what, f"Map of {points.n_points:,} {what}: the {n:,} kept {look.unit(pool)} lit, the others grey.", height=262, lasso=False, lit=answer.rows, dim=True, kept_colour=colour(choice),
        rings=[] if row is None else [int(row)], hint="Click a point to ask why.", photo=(lambda place: _hovered(choice, answer, points, place)) if photos.has_photos(pool) else None,
    )  # fmt: skip
    canvas.draw(_MAP, points, canvas.plain(points), how)


def _hovered(choice: Choice, answer: Answer, points: canvas.Points, place: int) -> tuple[str, str]:
    row = int(points.owners[place])
    at = np.flatnonzero(answer.rows == row)
    return photos.thumbnail(choice.pool, row, 192), f"{'#' + str(int(at[0]) + 1) if len(at) else 'dropped'} · {why.short(choice.pool, row)}"


def wall(choice: Choice, answer: Answer, show: str) -> None:
    """Kept in pick order, all with the dropped grey, or the next best."""
    pool, n = choice.pool, len(answer.rows)
    ranks = {int(row): rank for rank, row in enumerate(answer.longer.tolist(), 1)}
    rows = {"kept": answer.rows, "all": np.arange(pool.n), "next": answer.longer[n : n + 600]}[show]
    if not len(rows):
        st.caption("Nothing comes next: the choice ends here. Choose a larger budget to go on.")
        return
    if not photos.has_photos(pool):
        _table(choice, answer, rows, ranks)
        return
    because = {int(row): why.reason(choice.method.because, answer.whys[ranks[int(row)] - 1], ranks[int(row)]) for row in rows[:600] if int(row) in ranks}
    captions = {row: f"#{ranks[row]}: {text}" for row, text in because.items()} | {int(row): f"dropped: {pool.ids[row]}" for row in rows if int(row) not in ranks}
    dropped = set() if show == "kept" else {int(row) for row in rows} - set(answer.rows.tolist())
    badges = {row: f"#{rank}" for row, rank in ranks.items() if rank <= n or show == "next"}
    photos.wall(pool, rows, key=f"wall-select-{show}", captions=captions, badges=badges, dim=dropped if show == "all" else None, height=112)


def _table(choice: Choice, answer: Answer, rows: np.ndarray, ranks: dict[int, int]) -> None:
    shown = rows[:1000]
    table = choice.pool.table.select(choice.pool.columns).take(shown).to_pydict()
    because = [why.reason(choice.method.because, answer.whys[ranks[int(row)] - 1], ranks[int(row)]) if int(row) in ranks else "dropped" for row in shown]
    event = st.dataframe({"#": [ranks.get(int(row)) for row in shown], **table, "why": because}, key="table-select", hide_index=True, height=360, on_select="rerun",
                         selection_mode="single-row", alt=f"{len(shown):,} samples with their rank and the reason")  # fmt: skip
    st.caption(f"{len(shown):,} of {look.samples(choice.pool, len(rows))} listed.")
    picked = event["selection"]["rows"]
    if picked and picked[0] < len(shown) and keys.get("table.before") != [int(shown[picked[0]]), len(shown)]:
        keys.put("table.before", [int(shown[picked[0]]), len(shown)])
        keys.put("open_row", int(shown[picked[0]]))


def detail(choice: Choice, answer: Answer) -> None:
    """Why this one, or why not: for the sample kept as `open_row`; the first pick until one is clicked."""
    row = keys.get("open_row")
    row = int(row) if row is not None and 0 <= int(row) < choice.pool.n else int(answer.rows[0])
    at = np.flatnonzero(answer.rows == row)
    patterns = choice.roles.features.get("patterns") if photos.has_photos(choice.pool) else None
    if len(at):
        _picked(choice, answer, row, int(at[0]) + 1, patterns)
    else:
        _dropped(choice, answer, row, patterns)


def _picked(choice: Choice, answer: Answer, row: int, rank: int, patterns: Kept | None) -> None:
    pool, n, said = choice.pool, len(answer.rows), answer.whys[rank - 1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Why #{rank:,}?**", width="content")
        for label, to, shortcut in (("Back", rank - 1, "left"), ("Next", rank + 1, "right")):
            st.button(label, key=f"why-{label}", shortcut=shortcut, disabled=not 1 <= to <= n, on_click=_open, args=(answer.rows, to))
        st.caption(f"{rank:,} of {n:,}")
    pattern = said.get("pattern", -1)
    why.picture(pool, row, patterns if "patterns" in choice.method.needs else None, pattern if isinstance(pattern, int) and pattern >= 0 else None)
    text = why.reason(choice.method.because, said, rank)
    lines = [f"Kept because {text}." if not text.startswith(("drawn", "the choice")) else f"{text[:1].upper()}{text[1:]}."]
    curve = curve_of(choice, answer)
    if curve is not None and rank > curve.picks[0]:
        (before, _), (after, _) = curve.at(rank - 1), curve.at(rank)
        share = 100 * (before - after) / before if before else 0.0
        lines.append(f"Coverage added: **+{share:.2g} %** (mean distance {before:.4f} → {after:.4f}).")
    feature = main_feature(choice)
    found = explain.why(why.space(feature), answer.rows, rank, 4) if feature is not None else None
    if found is not None and found.before is not None:
        lines.append(f"Nearest kept before it: #{found.before.rank}, {found.before.distance:.3f} away.")
    st.markdown(f":small[{why.named(pool, row)}]  \n" + "  \n".join(lines + _cluster(feature, row)))
    if found is not None:
        _sides(pool, found.kept, found.dropped)


def _dropped(choice: Choice, answer: Answer, row: int, patterns: Kept | None) -> None:
    pool, feature = choice.pool, main_feature(choice)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Why not this one?**", width="content")
        st.button("Back to #1", key="why-first", type="tertiary", on_click=_open, args=(answer.rows, 1))
    why.picture(pool, row, patterns if "patterns" in choice.method.needs else None)
    lines = []
    later = np.flatnonzero(answer.longer == row)
    lines.append(f"It would be kept with a budget of **{int(later[0]) + 1:,}**." if len(later) else f"Not among the first {len(answer.longer):,} picks.")
    curve = curve_of(choice, answer)
    radius = curve.at(len(answer.rows))[0] if curve is not None else 0.0
    found = explain.why_not(why.space(feature), answer.rows, row, radius, 4) if feature is not None else None
    if feature is not None and found is None:
        lines.append(f"It has no {feature.role}, so this method cannot choose it.")
    if found is not None:
        one = found.nearest
        lines.append(f"Nearest kept: **#{one.rank}**, {one.distance:.3f} away ({'nearer' if one.distance <= radius else 'farther'} than the average {look.unit(pool, 1)}, {radius:.3f}).")
        lines.append(f"Covered from pick #{found.covered_at} on." if found.covered_at else "No kept one came that near yet.")
        if len(found.approach) > 1:
            lines.append("How the kept came nearer: " + ", ".join(f"#{step.rank} {step.distance:.2f}" for step in found.approach[-4:]) + ".")
    st.markdown(f":small[{why.named(pool, row)}]  \n" + "  \n".join(lines + _cluster(feature, row)))
    if found is not None:
        _sides(pool, found.kept, found.dropped)


def _cluster(feature: Kept | None, row: int) -> list[str]:
    clusters = None if feature is None or feature.meta["shape"] == "ragged" else maps.read_clusters(feature)
    return [] if clusters is None or clusters[row] < 0 else [f"Cluster {int(clusters[row]) + 1} of the map, with {int((clusters == clusters[row]).sum()):,} others."]


def _sides(pool: Pool, kept: list[explain.Neighbour], dropped: list[explain.Neighbour]) -> None:
    st.markdown("**Nearest kept** :small[:gray[rank · distance]]")
    why.neighbours(pool, kept, "near-kept", height=74)
    st.markdown("**Nearest dropped** :small[:gray[distance]]")
    why.neighbours(pool, dropped, "near-dropped", height=74)


def _open(rows: np.ndarray, rank: int) -> None:
    keys.put("open_row", int(rows[rank - 1]))
