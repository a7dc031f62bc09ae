"""The front door: names the pages in order, frames them, nothing else."""

import streamlit as st

from pages._ui import keys, look

st.set_page_config(page_title="datasel", page_icon=":material/filter_alt:", layout="wide", initial_sidebar_state="expanded",
                   menu_items={"About": "datasel: choose the part of a data set worth paying for."})  # fmt: skip

pool = keys.pool()
pages = {"Pool": [st.Page("pages/data.py", title="Data", icon=":material/photo_library:", default=True)]}
if pool is not None:
    pages |= {
        "Explore": [st.Page("pages/patterns.py", title="Patterns", icon=":material/scatter_plot:")],
        "Decide": [st.Page("pages/select.py", title="Select", icon=":material/checklist:")],
        "Deliver": [st.Page("pages/export.py", title="Export", icon=":material/ios_share:")],
    }
page = st.navigation(pages)
look.frame()
page.run()
