"""Where the selection lies that somebody names by what they have of it: a run, an export, a manifest."""

from pathlib import Path

from datasel_core.errors import BadRequest
from datasel_core.workspace.layout import RECORD


def beside(file: Path) -> Path:
    """Where the record of an exported file lies."""
    return file.with_name(f"{file.name}.{RECORD}")


def place(path: Path) -> Path:
    """The folder of a selection: that of a run itself, the record in a folder or beside a file that was exported, or
    where a manifest lies. Raises BadRequest in one line.
    """
    if path.is_dir():
        inside = path / RECORD
        return inside if (inside / "manifest.json").is_file() and not (path / "manifest.json").exists() else path
    if path.name == "manifest.json":
        return path.parent
    if path.is_file():
        if (beside(path) / "manifest.json").is_file():
            return beside(path)
        raise BadRequest(
            f"{path} was not exported by datasel, or its record is gone: there is no folder {beside(path).name} "
            "beside it."
        )
    return path
