"""What a browser sends: decisions that were made there, some of them perhaps a second time; and whatever else somebody
may write there.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datasel_core.analysis.opinions import Decision
from datasel_core.errors import BadRequest
from datasel_core.review.book import Book
from datasel_core.review.decisions import decision
from datasel_core.workspace.layout import Workspace

_MOST = 2000
"""Decisions that are taken at once; the others come again."""


@dataclass(frozen=True)
class Taken:
    """got: ids of decisions that are on the disk. refused: id -> why it never will be."""

    got: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def take(workspace: Workspace, sent: Any, ids_of: Callable[[str], Sequence[str] | None]) -> Taken:
    """Writes down what is new of a list of {"id", "run", "at", "by", "what", "note", "blind"}; `at` is a place in the
    selection, from 0. ids_of: the ids of the selection that a review is of, None where there is none.

    Raises Failed, BadInput when nothing can be written: then everything is still to be sent.
    """
    known_ids, refused = functools.cache(ids_of), dict[str, str]()
    found: dict[str, Decision] = {}
    for one in sent[:_MOST] if isinstance(sent, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("id"), str):
            try:
                found[one["id"]] = _decision(one, known_ids)
            except BadRequest as error:
                refused[one["id"]] = str(error)
    if not found:
        return Taken(refused=refused)
    book = Book(workspace)
    known = book.has(found)
    if len(known) < len(found):
        book.add(one for id, one in found.items() if id not in known)
    return Taken(list(found), refused)


def _decision(one: Mapping[str, Any], ids_of: Callable[[str], Sequence[str] | None]) -> Decision:
    texts = [one.get(name, "") for name in ("run", "by", "what", "note")]
    at = one.get("at")
    if not all(isinstance(text, str) for text in texts) or not isinstance(at, int) or isinstance(at, bool):
        raise BadRequest("The decision is not one that a page of this program sends.")
    run, by, what, note = texts
    ids = ids_of(run)
    if ids is None:
        raise BadRequest("The selection that this was decided about is no longer here.")
    if not 0 <= at < len(ids):
        raise BadRequest(f"The selection has {len(ids):,} samples; there is no #{at + 1:,}.")
    return decision(run, ids[at], by, what, note, one.get("blind") is True, one["id"])
