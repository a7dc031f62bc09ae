"""What a person does in Label Studio with the files of an export."""

from collections.abc import Sequence
from pathlib import Path

from datasel_core.exports.content import Contents
from datasel_core.exports.pictures import FOLDER

_ENABLED = "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true"
_ROOT = "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"
_INSIDE = "/label-studio/files"


def guide(chunks: Sequence[str], where: tuple[Path, Path] | None, files: Contents, notes: Sequence[str]) -> str:
    """README.md of the folder. chunks: the files of tasks. where: the folder to serve and the one in it that holds the
    pictures, where they stay; None where they are files of the export, or there are none. notes: as `remarks` gave.
    """
    served = where is not None or bool(files)
    steps = [*(_serving(where) if served else []), *_importing(chunks, served)]
    known = ["", "## To know", "", *(f"- {note}" for note in notes)] if notes else []
    lines = ["# Tasks for Label Studio", "", *(f"{at}. {step}" for at, step in enumerate(steps, 1)), *known]
    return "\n".join(lines) + "\n"


_NEEDS = "Label Studio shows the pictures only when it serves local files: README.md says how to start it."


def remarks(served: bool, cut: int) -> list[str]:
    """What is to be known. served: whether there are pictures to serve. cut: boxes cut at the edge."""
    notes = [_NEEDS] if served else []
    return notes + ([f"Boxes that reach over the edge of their picture, cut there: {cut:,}."] if cut else [])


def _serving(where: tuple[Path, Path] | None) -> list[str]:
    root, holds = ("$PWD", f"{FOLDER} in this folder") if where is None else map(str, where)
    inside = f"{_INSIDE}/{FOLDER if where is None else where[1].name}"
    here = "In this folder, start" if where is None else "Start"
    return [
        f"{here} Label Studio so that it serves the pictures:\n\n"
        f'       {_ENABLED} {_ROOT}="{root}" label-studio start\n\n'
        "   or, with Docker:\n\n"
        f'       docker run -p 8080:8080 -v "{root}:{_INSIDE}" -e {_ENABLED} -e {_ROOT}={_INSIDE} '
        "heartexlabs/label-studio:latest\n",
        "Make a project; under Labeling Setup, Custom template, paste config.xml, and change it as you like.",
        "Under Settings, Cloud Storage, Add Source Storage, Local files, give the absolute path of the pictures: "
        f"{holds}; with Docker {inside}. Do not sync it: that would make a second task of each picture.",
    ]


def _importing(chunks: Sequence[str], served: bool) -> list[str]:
    first = [] if served else ["Make a project; under Labeling Setup, Custom template, paste config.xml."]
    what = chunks[0] if len(chunks) == 1 else f"{chunks[0]} to {chunks[-1]}, one after the other"
    return [
        *first,
        f"Import {what}.",
        "What was labelled comes back by the sample's id: `sample_id` in the data of every task.",
    ]
