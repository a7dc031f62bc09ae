"""Tables of what labels take and cost: looked at, changed, brought and taken along."""

from typing import Any

import streamlit as st

from datasel_core.costs.tables import table as tables
from datasel_core.costs.tables.table import COLUMNS, EXAMPLES
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import disk, keys, look, markdown

_LABELS = {"name": "name", "what": "what", "low": "low", "mid": "middle", "high": "high", "unit": "unit"}


def draw(pool: Pool) -> None:
    home = disk.home(pool)
    picture, rail = st.columns([72, 28], gap="medium")
    with rail, st.container(key="rail"):
        name = keys.bound(st.selectbox, "Table", "plan.table", EXAMPLES, options=tables.names(home))
        place = st.container()
        _bring(home)
    with picture:
        try:
            found = tables.lines(home, name)
        except DataselError as error:
            markdown.trouble(error)
            return
        look.section(name, look.many(len(found), "rate"))
        rows = [dict(zip(COLUMNS, vars(line).values(), strict=True)) for line in found]
        edited = _table(name, rows)
        for line in found:  # too long for a cell
            st.caption(f"**{markdown.plain(line.name)}** · {markdown.plain(line.source)}")
    with place:
        _keep(home, name, edited)
        st.download_button(
            "Take it along",
            tables.written(found),
            f"{name}.csv",
            key="rates-file",
            icon=":material/download:",
            on_click="ignore",
        )


def _table(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cells are text: a number is typed and read alike in every country."""
    columns = {one: st.column_config.TextColumn(_LABELS.get(one, one)) for one in COLUMNS}
    return st.data_editor(rows, num_rows="dynamic", hide_index=True, column_config=columns, key=f"rates-{name}")


def _keep(home: Workspace, name: str, rows: list[dict[str, Any]]) -> None:
    called = name
    if name == EXAMPLES:
        st.caption("Examples stay as they are: change them, and keep the result as a table of your own.")
        called = st.text_input("Name of your table", "ours", key="rates-name").strip()
    if st.button("Keep this table", key="rates-keep", type="primary"):
        text = tables.text_from(rows)
        try:
            tables.keep(home, called, tables.read(called, text), overwrite=called == name)
        except DataselError as error:
            markdown.trouble(error)
            return
        keys.put("plan.table", called)
        st.rerun()


def _bring(home: Workspace) -> None:
    look.section("Bring a table")
    file = st.file_uploader("A CSV", type=["csv"], key="rates.file", label_visibility="collapsed")
    st.caption(f"CSV with the columns {markdown.plain(', '.join(COLUMNS))}.")
    if st.button("Read it", key="rates-read", disabled=file is None) and file is not None:
        name = file.name.rpartition(".")[0]
        try:
            found = tables.read(file.name, file.getvalue().decode("utf-8-sig"))
            tables.keep(home, name, found)
        except UnicodeDecodeError:
            markdown.trouble(f"{file.name} is no UTF-8 text; save it as CSV, UTF-8.")
            return
        except DataselError as error:
            markdown.trouble(error)
            return
        keys.put("plan.table", name)
        st.rerun()
