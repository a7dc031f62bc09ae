"""Why this one, and why not that one: the detail of one sample beside the wall."""

import contextlib

import numpy as np
import streamlit as st

from datasel_core.analysis import explain
from datasel_core.base.role import PATTERNS
from datasel_core.errors import DataselError
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from pages._ui.charts import maps
from pages._ui.find import onto
from pages._ui.kit import keys, look, markdown
from pages._ui.media import photos, reasons
from pages._ui.question.answers import Answer
from pages._ui.select import preview

_MANY = 3
_TALL = 170
"""Pixels of the photo in the rail, so that the reason below it is in view."""


def detail(choice: Question, answer: Answer) -> None:
    """Why, or why not, or that it was chosen earlier, for the sample kept as `open_row`; the first pick until one is
    clicked.
    """
    row = _opened(choice.pool)
    row = int(answer.rows[0]) if row is None else row
    at = np.flatnonzero(answer.rows == row)
    patterns = (
        choice.roles.features.get(PATTERNS.name)
        if photos.has_photos(choice.pool) and PATTERNS.name in choice.method.needs
        else None
    )
    if len(at):
        _picked(choice, answer, row, int(at[0]) + 1, patterns)
    elif row in answer.earlier:
        _earlier(choice, answer, row, patterns)
    else:
        _dropped(choice, answer, row, patterns)
    onto.similar_to(choice.pool, row, "pick")


def _opened(pool: Pool) -> int | None:
    """The row of the sample that is looked at. The address says its id: a row means nothing elsewhere."""
    row, said = keys.get("open_row"), keys.get("select.sample")
    if row is None and said is not None:
        with contextlib.suppress(DataselError):  # an address may name what is not in this pool
            row = int(pool.rows([said])[0])
            keys.put("open_row", row)
    there = row is not None and 0 <= int(row) < pool.n
    keys.put("select.sample", str(pool.ids[int(row)]) if there else None)
    return int(row) if there else None


def _picked(choice: Question, answer: Answer, row: int, rank: int, patterns: StoredFeature | None) -> None:
    pool, n, said = choice.pool, len(answer.rows), answer.whys[rank - 1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Why #{rank:,}?**", width="content")
        for label, to, shortcut in (("Back", rank - 1, "left"), ("Next", rank + 1, "right")):
            st.button(
                label,
                key=f"why-{label}",
                shortcut=shortcut,
                disabled=not 1 <= to <= n,
                on_click=_open,
                args=(answer.rows, to),
            )
        st.caption(f"{rank:,} of {n:,}")
    pattern = said.get("pattern", -1)
    lit = pattern if isinstance(pattern, int) and pattern >= 0 else None
    reasons.picture(pool, row, patterns, lit, _TALL)
    text = markdown.plain(reasons.reason(choice.method.because, said, rank))  # may quote a group
    whole = text.startswith(("drawn", "the choice", "the record"))
    lines = [f"{text[:1].upper()}{text[1:]}." if whole else f"Chosen because {text}."]
    curve = preview.curve_of(choice, answer)
    if curve is not None and rank > curve.picks[0]:
        (before, _), (after, _) = curve.at(rank - 1), curve.at(rank)
        far, near = (100 * one / curve.mean[0] if curve.mean[0] else 0.0 for one in (before, after))
        lines.append(
            f"With it the {look.unit(pool)} are **{far - near:.2g} %** nearer: {near:.1f} % are left of the distance "
            "after the first pick."
        )
    feature = preview.main_feature(choice)
    found = None if feature is None else explain.why(reasons.space(feature), answer.rows, rank, _MANY, answer.earlier)
    if found is not None and found.before is not None:
        lines.append(
            f"Nearest kept before it: {reasons.place(found.before)}, {found.before.distance:.3f} away{_how(feature)}."
        )
    _say(pool, feature, row, lines)
    if found is not None:
        _sides(pool, found.kept, found.dropped)


def _earlier(choice: Question, answer: Answer, row: int, patterns: StoredFeature | None) -> None:
    """One of those that an earlier selection kept: never chosen again, and its neighbours as they are now."""
    pool, feature = choice.pool, preview.main_feature(choice)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Chosen earlier**", width="content")
        st.button("Back to #1", key="why-first", type="tertiary", on_click=_open, args=(answer.rows, 1))
    reasons.picture(pool, row, patterns, tall=_TALL)
    lines = [f"One of the {len(answer.earlier):,} that count as chosen: never chosen again, what it covers is covered."]
    if row not in choice.candidates.already:
        lines = ["It counts as chosen, but has no value in what the method looks at, so that it covers nothing."]
    _say(pool, feature, row, lines)
    if feature is not None:
        found = explain.sides(reasons.space(feature), answer.rows, row, _MANY, answer.earlier)
        _sides(pool, *found)


def _dropped(choice: Question, answer: Answer, row: int, patterns: StoredFeature | None) -> None:
    pool, feature = choice.pool, preview.main_feature(choice)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Why not this one?**", width="content")
        st.button("Back to #1", key="why-first", type="tertiary", on_click=_open, args=(answer.rows, 1))
    reasons.picture(pool, row, patterns, tall=_TALL)
    later = np.flatnonzero(answer.longer == row)
    lines = [
        f"It would be kept with a budget of **{int(later[0]) + 1:,}**."
        if len(later)
        else f"Not among the first {len(answer.longer):,} picks."
    ]
    if row in choice.unseen:
        lines = ["It is set aside: no method sees it or chooses it."]
    curve = preview.curve_of(choice, answer)
    radius = curve.at(len(answer.rows))[0] if curve is not None else 0.0
    space = None if feature is None else reasons.space(feature)
    found = None if space is None else explain.why_not(space, answer.rows, row, radius, _MANY, answer.earlier)
    if feature is not None and found is None:
        lines.append(f"It has no {markdown.plain(feature.role)}, so nothing is known of it here.")
    if feature is not None and found is not None:
        lines += _stands_for(feature, answer, row, radius, found, look.unit(pool, 1))
    _say(pool, feature, row, lines)
    if found is not None:
        _sides(pool, found.kept, found.dropped)


def _stands_for(
    feature: StoredFeature, answer: Answer, row: int, radius: float, found: explain.WhyNot, unit: str
) -> list[str]:
    """Which kept ones cover it, how well against the average, and since when."""
    by = (
        explain.covered_by(reasons.space(feature), answer.rows, row, answer.earlier)
        if feature.meta["shape"] == "ragged"
        else [found.nearest]
    )
    distance = float(np.mean([one.distance for one in by]))
    than = (
        "better covered than"
        if distance < radius
        else "worse covered than"
        if distance > radius
        else "covered as well as"
    )
    if feature.meta["shape"] == "ragged":
        parts = ", ".join(f"{at} by {reasons.place(one)} ({one.distance:.2f})" for at, one in enumerate(by, 1))
        return [
            f"Its patterns are covered: {parts}.",
            f"On average {distance:.3f} away: {than} the average pattern ({radius:.3f}).",
            f"Most like it among the kept: **{reasons.place(found.nearest)}**, {found.nearest.distance:.3f} "
            f"away{_how(feature)}.",
        ]
    nearest = f"**{reasons.place(found.nearest)}**, {found.nearest.distance:.3f} away"
    lines = [f"Nearest kept: {nearest}: {than} the average {unit} ({radius:.3f})."]
    since = "by the earlier ones already" if found.covered_at == explain.EARLIER else f"since pick #{found.covered_at}"
    lines.append(f"Covered that well {since}." if found.covered_at is not None else "No pick came that near yet.")
    if len(found.approach) > 1:
        lines.append(
            "How the kept came nearer: "
            + ", ".join(f"{reasons.place(step)} {step.distance:.2f}" for step in found.approach[-4:])
            + "."
        )
    return lines


def _how(feature: StoredFeature | None) -> str:
    return " (mean over its patterns)" if feature is not None and feature.meta["shape"] == "ragged" else ""


def _say(pool: Pool, feature: StoredFeature | None, row: int, lines: list[str]) -> None:
    clusters = None if feature is None or feature.meta["shape"] == "ragged" else maps.read_clusters(feature)
    if clusters is not None and clusters[row] >= 0:
        lines = [
            *lines,
            f"Cluster {int(clusters[row]) + 1} of the map, with {int((clusters == clusters[row]).sum()) - 1:,} others.",
        ]
    st.markdown("  \n".join(lines))
    st.caption(reasons.named(pool, row))


def _sides(pool: Pool, kept: list[explain.Neighbour], dropped: list[explain.Neighbour]) -> None:
    st.markdown("**Nearest kept** :small[:gray[how far: 0 is the same, 1 unrelated]]")
    reasons.neighbours(pool, kept, "near-kept", height=88)
    st.markdown("**Nearest dropped**")
    reasons.neighbours(pool, dropped, "near-dropped", height=88)


def _open(rows: np.ndarray, rank: int) -> None:
    keys.put("open_row", int(rows[rank - 1]))
