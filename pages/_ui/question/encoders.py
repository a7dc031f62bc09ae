"""Whether the encoders of pictures and captions are to be trusted: a red line where they are not, and the scores of
right captions beside those of captions dealt anew.
"""

import numpy as np
import streamlit as st

from datasel_core.analysis.agreement import Captions
from datasel_core.errors import DataselError
from datasel_core.runs.measures import caption_agreement
from datasel_core.runs.question import Question
from pages._ui.kit import look, markdown, palette

_BARS = 40


def agreement(asked: Question) -> Captions | None:
    """Measured once for as long as the features are the same; None where the method does not look at both sides, or
    they cannot be read.
    """
    used = asked.method.roles()
    state = tuple(one.state() for role, one in sorted(asked.roles.features.items()) if role in used)
    try:
        return _agreement(asked.pool.table_sha256, asked.roles.picture, used, state, asked)
    except DataselError:
        return None  # whoever computes with them says what is wrong


def warn(asked: Question) -> None:
    """The red line, where the encoders are useless here."""
    found = agreement(asked)
    if found is not None and found.is_useless:
        said = f"{found.warning[:1].upper()}{found.warning[1:]}."
        markdown.trouble(
            f"{said} Its scores say little: compute Image and Text with a larger model on the Data page, or "
            "import both."
        )


def chart(found: Captions, colour: str, height: int) -> None:
    """Right captions and captions dealt anew, by their cosine with the picture."""
    import plotly.graph_objects as go

    edges = np.histogram_bin_edges(np.concatenate([found.own, found.dealt]), _BARS)
    middles, figure = (edges[:-1] + edges[1:]) / 2, go.Figure()
    sides = ((found.dealt, palette.DROPPED, "captions dealt anew"), (found.own, colour, "right captions"))
    for values, shade, name in sides:
        bar = {"color": shade, "line": {"width": 0}}
        hover = f"%{{x:.2f}}: %{{y:,}} pairs<extra>{name}</extra>"
        counts = np.histogram(values, edges)[0]
        figure.add_bar(x=middles, y=counts, name=name, marker=bar, opacity=0.7, hovertemplate=hover)
    figure.update_layout(barmode="overlay", bargap=0, dragmode=False, showlegend=False)
    figure.update_layout(xaxis_title="CLIPScore: cosine", yaxis_title="pairs per bar")
    alt = (
        f"Two histograms of the cosine of picture and caption: of right captions, on average {found.own.mean():.2f}, "
        f"and of captions dealt anew, on average {found.dealt.mean():.2f}."
    )
    look.chart(figure, "Right and wrong captions", alt, height=height, key="pairs.dealt")
    look.legend([(shade, name) for _, shade, name in reversed(sides)])
    st.caption(markdown.plain(found.words))


@st.cache_resource(max_entries=8, show_spinner=False)
def _agreement(table: str, picture: str, used: tuple, state: tuple, _asked: Question) -> Captions | None:
    return caption_agreement(_asked.roles, used)
