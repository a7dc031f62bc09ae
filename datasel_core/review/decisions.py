"""One decision of one person about one sample of a selection, and which selection that is."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from datasel_core.analysis.opinions import WHATS, Decision
from datasel_core.errors import BadParameter
from datasel_core.runs.catalog.label import checked_name, checked_note
from datasel_core.workspace.hashing import key_of

ME = "me"
"""Who decides where nobody says a name."""
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def decision(
    run: str, sample: str, reviewer: str, what: str, note: str = "", blind: bool = False, id: str | None = None
) -> Decision:
    """One that was checked. id: made here where none is given. Raises BadParameter."""
    id = secrets.token_hex(12) if id is None else id
    if not _ID.fullmatch(id):
        raise BadParameter("The id of a decision must be 8 to 64 letters, digits, dashes or underscores.")
    if what not in WHATS:
        raise BadParameter(f"A decision is one of {', '.join(WHATS)}, not {what}.")
    note = checked_note(note)
    if what == "note" and not note:
        raise BadParameter("The note is empty; say what is to be noted.")
    return Decision(id, run, sample, checked_reviewer(reviewer), what, note, bool(blind))


def checked_reviewer(name: str) -> str:
    """Who decides. Raises BadParameter."""
    name = checked_name(name)
    if not name:
        raise BadParameter("The name of the reviewer is empty; say who decides.")
    return name


def review_of(said: Mapping[str, Any]) -> str:
    """What the review of a selection is called: the same samples of the same pool in the same order are one review,
    wherever their record lies. said: its manifest.
    """
    return key_of({"pool": said["pool"]["fingerprint"], "order": said["result"]["pick_order_sha256"]})
