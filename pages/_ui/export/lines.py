"""The very lines that an export will write, of the first picks."""

from pathlib import Path

import streamlit as st

from datasel_core.actions.export import open_record
from datasel_core.errors import DataselError
from datasel_core.exports.export import Export
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from datasel_core.workspace.hashing import canonical
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import disk, keys, markdown

_PICKS = 3
_FILES = 5
_LONGEST = 2_000
"""Characters of a line that are shown."""


def lines(pool: Pool, run: Run, how: Export) -> bool:
    """What stands in the file, or in the first files of a folder; or why nothing can be written. Returns whether it
    can.
    """
    state = (pool.table_sha256, run.manifest["sha256"], canonical(how.what()), disk.stamp(pool.source))
    try:
        with st.spinner("Making the first lines..."):
            files = _previewed(str(keys.workspace().path), str(run.folder), state, how)
    except DataselError as error:
        markdown.trouble(error)
        return False
    for name, text in files[:_FILES]:
        st.caption(markdown.code(name) if name else f"What stands in the file, of the first {_PICKS} picks")
        if text:
            st.code("\n".join(map(_short, text.split("\n")[: 10 * _PICKS])), language=None, wrap_lines=True)
    if len(files) > _FILES:
        st.caption(f"and {len(files) - _FILES:,} more files for the first {_PICKS} picks")
    return True


@st.cache_data(max_entries=32, show_spinner=False)
def _previewed(workspace: str, folder: str, state: tuple, _how: Export) -> list[tuple[str, str | None]]:
    return _how.preview(open_record(Workspace(Path(workspace)), Path(folder)), _PICKS)


def _short(line: str) -> str:
    more = len(line) - _LONGEST
    return line if more <= 0 else f"{line[:_LONGEST]} ... ({more:,} characters more)"
