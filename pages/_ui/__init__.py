"""Widgets that pages share: state keys, cached reads, photos, running work, forms, and how it all looks."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

if (
    PagesManager.uses_pages_directory
):  # a fresh server whose first visitor followed a link: Streamlit then skips app.py, because a folder is called pages
    PagesManager.uses_pages_directory = False
    st.rerun()
