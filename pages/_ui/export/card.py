"""A selection as a whole: what it is called, its record to take along, and how it is deleted."""

import functools
import html
import tempfile
from pathlib import Path

import streamlit as st

from datasel_core.actions.task import parse_task, perform
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.runs.catalog import archive
from datasel_core.runs.catalog.label import Label, default_name, read_label
from datasel_core.runs.catalog.removal import why_not
from datasel_core.runs.run import Run
from pages._ui.export import record
from pages._ui.kit import disk, keys, look, markdown
from pages._ui.question import label

_BOX = "export.box"
"""Which dialog is open: `name` or `delete`."""


def card(run: Run, file: str) -> None:
    """file: what a file of this selection is called, without its ending."""
    about, actions = st.columns([3, 2], gap="medium", vertical_alignment="center")
    with about:
        note = f'<p class="ds-note">{html.escape(run.note)}</p>' if run.note else ""
        st.html(f'<div class="ds-section"><h2>{html.escape(run.name)}</h2>{note}</div>')
    with actions, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        for what, text, icon in (("name", "Rename, note", "edit"), ("delete", "Delete", "delete")):
            st.button(
                text,
                key=f"card-{what}",
                type="tertiary",
                icon=f":material/{icon}:",
                on_click=keys.put,
                args=(_BOX, what),
            )
    if not record.problems(run):
        _take_along(run, file)
    boxes = {"name": ("Rename, note", _rename), "delete": ("Delete this selection", _delete)}
    if keys.get(_BOX) in boxes:
        title, draw = boxes[keys.get(_BOX)]
        st.dialog(title, on_dismiss=_close)(draw)(run)


def _take_along(run: Run, file: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.download_button(
            "manifest.json",
            data=(run.folder / "manifest.json").read_bytes,
            file_name=f"{file}.manifest.json",
            key="download-manifest",
            icon=":material/download:",
            on_click="ignore",
        )
        size = sum((run.folder / name).stat().st_size for name in ("manifest.json", *run.manifest["files"]))
        is_labelled = read_label(run.folder) != Label()
        st.download_button(
            f"The whole record, zip ({look.size(size)})",
            data=functools.partial(zipped, run, is_labelled and bool(keys.get("export.label"))),
            file_name=f"{file}.zip",
            key="download-record",
            icon=":material/folder_zip:",
            on_click="ignore",
        )
        if is_labelled:
            keys.bound(st.checkbox, "with its name and note", "export.label", False)
    st.caption("The record holds all that `verify` and `reproduce` need; it opens again below, here or elsewhere.")


def zipped(run: Run, with_label: bool) -> bytes:
    """The record as a zip, made when it is asked for. with_label: its name and note leave, too."""
    with tempfile.TemporaryDirectory() as folder:
        return archive.pack(run.folder, Path(folder) / "record.zip", with_label).read_bytes()


def _rename(run: Run) -> None:
    usual = default_name(run.manifest["method"], run.manifest["budget"]["requested"])
    entered = label.fields("call-it", run.name, run.note, usual, "Save")
    if entered is None:
        return
    said = ({"do": "rename", "name": entered[0]}, {"do": "note", "text": entered[1]})
    if all(_done(run, **one) for one in said):
        _close()
        st.rerun()


def _delete(run: Run) -> None:
    st.markdown(f"**{markdown.plain(run.name)}**: {look.kept_of(run)}.")
    if said := why_not(keys.workspace(), run.folder):
        markdown.trouble(said)
        return
    st.caption(
        "Its folder goes for good, with its record, name and note. Features, scores and what was exported stay; "
        "the same question can be asked again."
    )
    name = run.name
    with st.container(horizontal=True, gap="small"):
        yes = st.button("Delete", key="card-delete-yes", type="primary", icon=":material/delete:")
        no = st.button("Keep it", key="card-delete-no")
    if yes and _done(run, do="delete"):
        pool = keys.pool()
        left = [] if pool is None else disk.runs(pool)
        keys.put("run", left[0].key if left else None)
        keys.tell(f"{name} is deleted.", "success")
    elif not no:
        return
    _close()
    st.rerun()


def _done(run: Run, **asked: str) -> bool:
    """Does what the command line does; what was wrong is said in the dialog."""
    try:
        perform(keys.workspace(), parse_task({"run": run.key, **asked}), Progress())
    except DataselError as error:
        markdown.trouble(error)
        return False
    return True


def _close() -> None:
    keys.put(_BOX, None)
