"""Selections by their names. A name that somebody gives is given once; default names may repeat, keys never do."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from datasel_core.errors import BadRequest
from datasel_core.runs import manifest
from datasel_core.runs.catalog.label import Label, checked_name, checked_note, name_of, read_label, write_label
from datasel_core.runs.catalog.places import place
from datasel_core.runs.run import runs
from datasel_core.workspace.layout import NAME, Workspace
from datasel_core.workspace.locks import Lock


def find_folder(workspace: Workspace, said: str) -> Path:
    """The folder of a selection that is said by its path, by what was exported of it, by its key or its name; the first
    of these that fits.

    Raises BadRequest when the path lies outside the allowed folders, or several selections are called so.
    """
    if os.path.exists(said):
        return place(workspace.allowed(said))
    if not said.strip():  # nobody called a selection so, but a damaged one has no name at all
        raise BadRequest("The name of the selection is empty; say its folder, its key or its name.")
    is_key = NAME.fullmatch(said) is not None
    if is_key and workspace.run(said).is_dir():
        return workspace.run(said)
    called = [folder for folder, name in _names(workspace) if name == said]
    if len(called) > 1:
        keys = ", ".join(folder.name for folder in called)
        raise BadRequest(f"{len(called)} selections are called {said} ({keys}); say which one by its key.")
    return called[0] if called else workspace.run(said) if is_key else workspace.allowed(said)


def check_free(workspace: Workspace, name: str, folder: Path) -> None:
    """Raises BadRequest when a kept selection other than the one in this folder was given the name."""
    for other in runs(workspace) if name else ():
        if other != folder and read_label(other).name == name:
            raise BadRequest(
                f"There is a selection called {name} already ({other.name}); choose another name, or rename that one."
            )


def give(
    workspace: Workspace, folder: Path, name: str | None = None, note: str | None = None, finished: bool = False
) -> Label:
    """Keeps a name, a note or both; None leaves what is there, the empty text takes it away. finished: the selection
    must be there already, and may have been deleted since somebody looked. Raises BadRequest.
    """
    label = read_label(folder)
    if name is not None:
        label = replace(label, name=checked_name(name))
    if note is not None:
        label = replace(label, note=checked_note(note))
    with Lock(workspace.path / "runs").hold():
        if finished:
            _check_finished(folder)
        check_free(workspace, label.name, folder)
        write_label(folder, label)
    return label


def kept_here(workspace: Workspace, said: str) -> Path:
    """The folder of a finished selection of this workspace. Raises BadRequest for any other: a copy has no name."""
    folder = find_folder(workspace, said)
    if folder.parent != workspace.path / "runs":
        raise BadRequest(f"{folder} is no selection of this workspace; say one by its key or name, as runs lists them.")
    _check_finished(folder)
    return folder


def _check_finished(folder: Path) -> None:
    if not (folder / "manifest.json").exists():
        raise BadRequest(f"{folder} holds no manifest.json; say a finished selection by its key or name.")


def _names(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    for folder in runs(workspace):
        try:
            yield folder, name_of(folder, manifest.read(folder))
        except (BadRequest, KeyError, TypeError, AttributeError):
            yield folder, read_label(folder).name  # its manifest is damaged; it may be deleted by its name
