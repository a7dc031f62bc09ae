"""What is wrong or odd in a pool: files that cannot be read, exact copies, odd sizes."""

import numpy as np
import streamlit as st

from datasel_core.pools._pool import Pool
from pages._ui import data, look, photos

_REMEDIES = (
    ("cut off", "The file is incomplete: copy it again from where it came from."),
    ("not an image", "It is no picture, or is damaged: open it in a viewer, convert it to JPEG or PNG, or remove it."),
    ("permission denied", "The program may not read it: give read permission to the user who runs datasel."),
    ("the file is not there", "It was moved or deleted: put it back, or correct the table."),
    ("megapixels", "It is too large to decode safely: save a smaller copy."),
    ("UTF-8", "Rename the file with plain letters."),
    ("outside the allowed", "It is a link out of the allowed folders: copy the file in, or extend DATASEL_DATA_ROOTS."),
    ("NaN", "Its vector is broken: compute it again where it came from."),
)


def remedy(reason: str) -> str:
    """What a person can do about a sample that could not be read."""
    return next((advice for word, advice in _REMEDIES if word in reason), "Open the file by itself to see what is wrong, mend it, and read the pool again.")


def health(pool: Pool) -> None:
    """Unreadable samples, exact copies, sizes."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _unreadable(pool)
        _copies(pool)
    with right:
        if photos.has_photos(pool):
            _sizes(pool)
        for note in pool.about["notes"]:
            st.caption(note)


def _unreadable(pool: Pool) -> None:
    found = pool.unreadable
    good = f"none: all {look.samples(pool)} can be read"
    look.section("Left out", f"{look.samples(pool, len(found))} of {pool.n + len(found):,} could not be read" if found else good)
    if found:
        table = {"file": [one["id"] for one in found], "cause": [one["reason"] for one in found], "what to do": [remedy(one["reason"]) for one in found]}
        st.dataframe(table, hide_index=True, height=min(300, 38 + 35 * len(found)), alt=f"{len(found)} samples that could not be read, with cause and remedy",
                     column_config={"file": st.column_config.TextColumn(width="medium"), "cause": st.column_config.TextColumn(width="medium"),
                                    "what to do": st.column_config.TextColumn(width="large")})  # fmt: skip


def _copies(pool: Pool) -> None:
    sets = data.duplicates(pool)
    spare = sum(len(rows) - 1 for rows in sets)
    if not sets:
        look.section("Exact copies", f"none: no two {look.unit(pool)} are the same to the byte")
        return
    look.section("Exact copies", f"{spare:,} of {look.samples(pool)} repeat another to the byte; {len(sets):,} {'set' if len(sets) == 1 else 'sets'}")
    st.caption("Copies stay in the pool. The method Near-duplicates out, and every method that looks at distances, keeps one of each set first.")
    rows = [row for rows in sets for row in rows]
    number = {row: at + 1 for at, rows in enumerate(sets) for row in rows}
    photos.wall(pool, rows, key="copies", height=96, badges=lambda row: f"set {number[row]}")


def _sizes(pool: Pool) -> None:
    import plotly.graph_objects as go

    side = np.minimum(pool.column("width"), pool.column("height")).astype(np.float64)
    look.section("Sizes", f"shorter side {side.min():,.0f} to {side.max():,.0f} pixels, half of the {look.unit(pool)} below {np.median(side):,.0f}")
    figure = go.Figure(go.Histogram(x=side, nbinsx=40, marker={"color": look.PALETTE[0]}, hovertemplate="%{x} pixels: %{y} photos<extra></extra>"))
    figure.update_layout(xaxis_title="shorter side, pixels", yaxis_title="photos")
    alt = f"Histogram of the shorter side of {look.samples(pool)}, from {side.min():.0f} to {side.max():.0f} pixels."
    look.chart(figure, "Photos by size", alt, height=240, key="sizes")
    megabytes = pool.column("bytes").astype(np.float64) / 1e6
    figure = go.Figure(go.Histogram(x=megabytes, nbinsx=40, marker={"color": look.PALETTE[2]}, hovertemplate="%{x} MB: %{y} photos<extra></extra>"))
    figure.update_layout(xaxis_title="file size, MB", yaxis_title="photos")
    look.chart(figure, "Photos by file size", f"Histogram of the file size of {look.samples(pool)}.", height=240, key="bytes")
