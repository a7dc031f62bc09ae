"""The front door: names the pages in order, frames them, nothing else."""

import streamlit as st

from pages._ui.kit import disk, keys, look, server, strip

st.set_page_config(
    page_title="datasel",
    page_icon="pages/_ui/kit/icon.svg",
    layout="wide",
    initial_sidebar_state="expanded",
    menu_items={"About": "datasel: choose the part of a data set worth paying for."},
)

ANY = ("images", "vectors", "pairs", "text", "facts", "climate")
PAGES = (  # section, file, title, icon, kinds of pool that it suits
    ("Pool", "data", "Data", "photo_library", ANY),
    ("Explore", "patterns", "Patterns", "scatter_plot", ("images", "vectors", "pairs")),
    ("Explore", "find", "Find", "search", ANY),
    ("Explore", "trajectories", "Trajectories", "trending_down", ANY),
    ("Explore", "facts", "Facts", "fact_check", ("facts",)),
    ("Explore", "climate", "Climate", "public", ("climate",)),
    ("Decide", "targets", "Targets", "my_location", ANY),
    ("Decide", "image_text", "Image-text", "image_search", ("pairs", "vectors")),
    ("Decide", "select", "Select", "checklist", ANY),
    ("Decide", "evidence", "Evidence", "balance", ANY),
    ("Decide", "influence", "Influence", "trending_up", ("text", "facts")),
    ("Decide", "plan", "Plan", "payments", ANY),
    ("Decide", "rounds", "Rounds", "cycle", ANY),
    ("Deliver", "review", "Review", "rate_review", ANY),
    ("Deliver", "export", "Export", "ios_share", ANY),
    ("Deliver", "labels", "Labels", "sell", ANY),
    ("Help", "words", "Words", "menu_book", ANY),
)
pool = keys.pool()
offered: dict[str, list[st.Page]] = {}
known: list[tuple[st.Page, str, str]] = []
for section, name, title, icon, kinds in PAGES:
    if section == "Help" or name == "data" or (pool is not None and pool.kind in kinds and disk.suits(pool, name)):
        file = f"pages/{name}.py"
        made = st.Page(file, title=title, icon=f":material/{icon}:", default=name == "data")
        offered.setdefault(section, []).append(made)
        known.append((made, title, file))
page = st.navigation(offered)
title, file = next(((title, file) for made, title, file in known if made is page), ("", ""))
strip.frame(title, file, page.url_path)  # a page knows its own title only on a server
look.told(page.run)()
strip.aside()
server.settle()
