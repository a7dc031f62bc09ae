"""What a person calls a selection, and what they note about it.

Both lie beside the answer in a file of their own: they enter no key, no manifest and no hash, and leave with no export
unless somebody asks for it.
"""

import contextlib
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput, BadParameter
from datasel_core.runs.derivations.derivation import derivation_of
from datasel_core.workspace.files import read_json, write_json

FILE = "label.json"
LONGEST_NAME, LONGEST_NOTE = 100, 2000
"""Characters."""


@dataclass(frozen=True)
class Label:
    """name: empty where nobody gave one. note: empty where there is none."""

    name: str = ""
    note: str = ""


def read_label(folder: Path) -> Label:
    """What was said of the selection in a folder; nothing where the file is missing or damaged."""
    try:
        said = read_json(folder / FILE)
        return Label(str(said["name"]), str(said["note"]))
    except (BadInput, KeyError, TypeError, OSError):
        return Label()


def write_label(folder: Path, label: Label) -> None:
    write_json(folder / FILE, asdict(label))


def name_of(folder: Path, said: Mapping[str, Any]) -> str:
    """What it was called, else what it is called by default. said: its manifest."""
    return read_label(folder).name or default_name(said["method"], said["budget"]["requested"])


def default_name(method: Mapping[str, Any], budget: int | str) -> str:
    """From method and budget: `k-center, 50`; of a combination `union of 3, 120`."""
    with contextlib.suppress(BadInput):
        if (how := derivation_of(method)) is not None:
            return how.called(budget)
    return f"{method['id'].replace('_', '-')}, {budget}"


def checked_name(name: str) -> str:
    """A name on one line; empty for none. Raises BadParameter."""
    return _checked("name", " ".join(name.split()), LONGEST_NAME)


def checked_note(note: str) -> str:
    """A note without blanks at its ends; empty for none. Raises BadParameter."""
    lines = (" ".join(line.split("\t")).rstrip() for line in note.strip().splitlines())
    return _checked("note", "\n".join(lines), LONGEST_NOTE)


def _checked(what: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise BadParameter(f"The {what} has {len(text):,} characters; it may have at most {longest:,}.")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text if letter != "\n"):
        raise BadParameter(f"The {what} holds a character that is no text; leave it out.")
    return text
