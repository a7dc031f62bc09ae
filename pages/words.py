"""What the words on these pages mean, in one place."""

import html
import itertools

import streamlit as st

from pages._ui.kit import keys, look
from pages._ui.words import terms

_STYLE = """.ds-words { display: grid; grid-template-columns: minmax(170px, 1fr) 4fr; gap: 6px 24px; max-width: 980px; }
.ds-words dt { font-weight: 600; } .ds-words dd { margin: 0; }"""


def page() -> None:
    look.title("Words", "What the words on these pages mean.")
    asked = keys.bound(
        st.text_input, "Find a word", "words.find", "", placeholder="coverage", width=320, label_visibility="collapsed"
    )
    found = terms.matching(asked)
    if not found:
        st.caption("No word here says that.")
    st.html(f"<style>{_STYLE}</style>")
    for section, of in itertools.groupby(found, key=lambda one: one[0]):
        look.section(section)
        lines = "".join(
            f"<dt>{html.escape(word)}</dt><dd>{html.escape(meaning)}{_paper(paper)}</dd>"
            for _, word, meaning, paper in of
        )
        st.html(f'<dl class="ds-words">{lines}</dl>')


def _paper(address: str) -> str:
    return f' <a href="{html.escape(address)}" target="_blank" rel="noopener">Paper</a>' if address else ""


page()
