"""What is wrong or odd in a pool: files that cannot be read, exact copies, odd sizes."""

import html

import numpy as np
import streamlit as st

from datasel_core.base import registry
from datasel_core.pools.pool import Pool
from pages._ui.kit import grouping, look, markdown, palette
from pages._ui.media import photos

_SHOWN = 200

_REMEDIES = (
    ("cut off", "The file is incomplete: copy it again from where it came from."),
    ("not an image", "It is no picture, or is damaged: open it in a viewer, convert it to JPEG or PNG, or remove it."),
    ("permission denied", "The program may not read it: give read permission to the user who runs datasel."),
    ("the file is not there", "It was moved or deleted: put it back, or correct the table."),
    ("pillow-heif", "Install what reads it, pip install pillow-heif, then read the pool again."),
    ("was replaced", "Read the pool again, so that it is known as it is now, or put the photo back that was there."),
    ("megapixels", "It is too large to decode safely: save a smaller copy."),
    ("not JSON", "The line is damaged: mend it with a text editor, or write the file anew with a JSON library."),
    ("invalid JSON", "The line is damaged: mend it with a text editor, or write the file anew with a JSON library."),
    (" is empty", "Nothing can be learned from it: fill it in, or remove the line."),
    (" is missing", "Give it the field that the other lines have, or remove the line."),
    ("no assistant turn", "Add the answer that is to be learned, or remove the conversation."),
    ("it must be text", "Write it as text in quotation marks."),
    ("NUL character", "It is no text: remove the character, or the line."),
    ("is not UTF-8", "Save the file as UTF-8: its letters were written in another encoding."),
    ("UTF-8", "Rename the file with plain letters."),
    ("outside the allowed", "It is a link out of the allowed folders: copy the file in, or extend DATASEL_DATA_ROOTS."),
    ("NaN", "Its vector is broken: compute it again where it came from."),
)


def remedy(reason: str) -> str:
    """What a person can do about a sample that could not be read."""
    return next(
        (advice for word, advice in _REMEDIES if word in reason),
        "Open the file by itself to see what is wrong, mend it, and read the pool again.",
    )


def health(pool: Pool) -> None:
    """Unreadable samples and exact copies, then sizes."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch", key="card-unreadable"):
        _unreadable(pool)
        for note in pool.about["notes"]:
            st.caption(markdown.plain(note))
    with right, st.container(border=True, height="stretch", key="card-copies"):
        _copies(pool)
    if photos.has_photos(pool):
        _sizes(pool)


def _unreadable(pool: Pool) -> None:
    found, n = pool.unreadable, pool.left_out
    good = f"none: all {look.samples(pool)} can be read"
    look.section("Left out", f"{look.samples(pool, n)} of {pool.n + n:,} could not be read" if found else good)
    if found:
        lines = [(one["id"], one["reason"], remedy(one["reason"])) for one in found[:_SHOWN]]
        rows = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
        st.html(
            f'<div class="ds-table"><table><tr><th>file</th><th>cause</th><th>what to do</th></tr>{rows}</table></div>'
        )
        if len(found) > _SHOWN:
            more = f"python -m datasel_core pool show {pool.name}"
            st.caption(f"The first {_SHOWN:,} of {n:,}; more of them: {markdown.code(more)}")


def _copies(pool: Pool) -> None:
    sets = grouping.duplicates(pool)
    spare = sum(len(rows) - 1 for rows in sets)
    if not sets:
        look.section("Exact copies", f"none: no two {look.unit(pool)} are the same to the {_unit(pool)}")
        return
    look.section(
        "Exact copies",
        f"{spare:,} of {look.samples(pool)} repeat another to the {_unit(pool)}; {len(sets):,} "
        f"{'set' if len(sets) == 1 else 'sets'}",
    )
    remover = registry.every("method").get("deduplicate")
    st.caption(
        "Copies stay in the pool."
        + (f' The method "{remover.title}" on the Select page keeps one of each set.' if remover else "")
    )
    rows = [row for rows in sets for row in rows]
    number = {row: at + 1 for at, rows in enumerate(sets) for row in rows}
    photos.wall(pool, rows, key="copies", height=96, badges=lambda row: f"set {number[row]}")


def _unit(pool: Pool) -> str:
    return "letter" if "turns" in pool.opens else "byte"


def _sizes(pool: Pool) -> None:
    side = np.minimum(pool.column("width"), pool.column("height")).astype(np.float64)
    size = pool.column("bytes").astype(np.float64)
    scale, unit = (1e6, "MB") if np.median(size) >= 1e6 else (1e3, "kB")
    measured = [("shorter side", side, "pixels"), ("file size", size / scale, unit)]
    uneven = [entry for entry in measured if entry[1].min() < entry[1].max()]
    even = [
        f"{name} of every {look.unit(pool, 1)} {values[0]:,.0f} {unit}"
        for name, values, unit in measured
        if values.min() == values.max()
    ]
    look.section("Sizes", "; ".join(even))
    for column, (name, values, unit) in zip(st.columns(max(1, len(uneven)), gap="medium"), uneven, strict=False):
        with column:
            _histogram(pool, name, values, unit)


def _histogram(pool: Pool, name: str, values: np.ndarray, unit: str) -> None:
    import plotly.graph_objects as go

    said = f"{values.min():,.0f} to {values.max():,.0f} {unit}, half below {np.median(values):,.0f}"
    figure = go.Figure(
        go.Histogram(
            x=values,
            nbinsx=48,
            marker={"color": palette.COLOURS[0]},
            hovertemplate=f"%{{x}} {unit}: %{{y}} photos<extra></extra>",
        )
    )
    figure.update_layout(xaxis_title=f"{name}, {unit}", yaxis_title="photos", bargap=0.06)
    alt = f"Histogram of {name} of {look.samples(pool)}: {said}."
    look.chart(figure, f"{name.capitalize()}: {said}", alt, height=260, key=f"histogram-{name}")
