"""The front door: names the pages in order, frames them, nothing else."""

from pathlib import Path

import streamlit as st

from pages._ui import keys, look

st.set_page_config(page_title="datasel", page_icon="pages/_ui/icon.svg", layout="wide", initial_sidebar_state="expanded",
                   menu_items={"About": "datasel: choose the part of a data set worth paying for."})  # fmt: skip

PAGES = (
    ("Pool", "data", "Data", "photo_library"),
    ("Explore", "patterns", "Patterns", "scatter_plot"),
    ("Decide", "select", "Select", "checklist"),
    ("Deliver", "export", "Export", "ios_share"),
)
offered = PAGES if keys.pool() is not None else PAGES[:1]
offered = [entry for entry in offered if Path(f"pages/{entry[1]}.py").exists()]
page = st.navigation({
    section: [st.Page(f"pages/{name}.py", title=title, icon=f":material/{icon}:", default=name == "data")] for section, name, title, icon in offered
})  # fmt: skip
look.frame()
page.run()
look.aside()
