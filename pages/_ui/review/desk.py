"""Where people decide, by keys: a component that goes on at once and keeps what the server has not acknowledged.

A rerun of Streamlit may be dropped, overtaken or come late, so that no key may depend on one. Decisions are made in the
browser, under ids of its own, and wait there until `data` says that they are on the disk (`got`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.review.agreement import agreement, second
from datasel_core.review.book import Book
from datasel_core.review.decisions import review_of
from datasel_core.review.inbox import Taken, take
from datasel_core.review.state import Standing
from datasel_core.runs.run import Run
from pages._ui.kit import disk, keys, markdown
from pages._ui.media import photos
from pages._ui.review import sight

_HERE = Path(__file__).parent
_SCRIPTS = ("queue", "desk", "review")
KEY = "review"
_LETTERS = {"keep": "k", "drop": "d", "swap": "s"}
_MOST = 40
"""Small pictures that are sent at once, and large ones of which a tenth."""

REVIEW = st.components.v2.component(
    "datasel_review",
    html='<div class="review"></div>',
    css=(_HERE / "review.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / f"{part}.js").read_text(encoding="utf-8") for part in _SCRIPTS),
)
"""State: sent ({"mark", "by", "batch": decisions as `inbox.take` reads them, "large", "small": places that are to be
shown soon}).
"""


def draw(pool: Pool, run: Run, look: str, rule: str, share: float) -> Standing:
    """Takes what the browser sent, and answers. look: `all`, or `second`: some of them, without what others decided.
    Returns how the review stands.
    """
    sent = _sent()
    try:
        taken = take(keys.workspace(), sent.get("batch"), lambda review: _ids(pool, review))
    except DataselError as error:  # nothing is lost: it waits in the browser, and is sent again
        markdown.trouble(f"{error} What was decided waits in this browser tab; leave it open.")
        taken = Taken()
    for why in sorted(set(taken.refused.values())):
        markdown.warning(f"A decision was not kept: {why}")
    review = review_of(run.manifest)
    log = Book(keys.workspace()).of(review)
    standing = Standing.of(run.ids, log, rule)
    by = str(sent.get("by", ""))
    data = _heard(sent, taken, by) | {"review": review, "look": look}
    data |= _state(run, standing, by, look, share) | _pictures(pool, run, sent)
    REVIEW(key=KEY, data=data, default={"sent": None}, on_sent_change=lambda: None)
    return standing


def _sent() -> Mapping[str, Any]:
    """What the browser sent last; it may be anything."""
    state = st.session_state.get(KEY)
    sent = None if state is None else state["sent"]
    return sent if isinstance(sent, Mapping) else {}


def _heard(sent: Mapping[str, Any], taken: Taken, by: str) -> dict[str, Any]:
    return {"heard": sent.get("mark"), "by": by, "got": taken.got, "refused": taken.refused}


def _state(run: Run, standing: Standing, by: str, look: str, share: float) -> dict[str, Any]:
    """How it stands, as far as this person may see it."""
    ids, blind = standing.ids, look == "second"
    places = second(review_of(run.manifest), len(ids), share).tolist() if blind else list(range(len(ids)))
    mine = {id: ones[by].what for id, ones in standing.said.items() if by in ones} if blind else standing.outcome
    marks = "".join(_LETTERS.get(mine.get(id, ""), ".") for id in ids)
    first = next((at for at in places if marks[at] == "."), places[0])
    place = {id: at for at, id in enumerate(ids)}
    shown = {id: {by: ones[by]} if by in ones else {} for id, ones in standing.said.items()} if blind else standing.said
    talk = {
        place[id]: [[name, one.what, one.note] for name, one in ones.items()]
        for id, ones in shown.items()
        if len(ones) > 1 or any(one.note for one in ones.values())
    }
    people = standing.reviewers()
    open_yet = blind and any(marks[at] == "." for at in places)  # how far they agree would say what the other said
    return {
        "places": places,
        "marks": marks,
        "first": first,
        "talk": talk,
        "conflicts": [] if blind else [place[id] for id in standing.conflicts],
        "people": [[name, sum(one[what] for what in _LETTERS)] for name, one in people.items()],
        "agreement": [] if open_yet else [f"{one.words}." for one in agreement(standing.said)],
    }


def _pictures(pool: Pool, run: Run, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What the browser asked for, and the first one where it has not asked yet."""
    n, has = len(disk.rows(run)), photos.has_photos(pool)
    large, small = (_places(sent.get(name), n) for name in ("large", "small"))
    if has:
        photos.fetch(pool, disk.rows(run)[small].tolist(), sight.SMALL)
    return {
        "pictures": has,
        "shown": {at: sight.large(pool, run, at) for at in large[: _MOST // 4]},
        "small": {at: sight.small(pool, run, at) for at in small} if has else {},
    }


def _places(asked: Any, n: int) -> list[int]:
    found = asked if isinstance(asked, list) else []
    return [at for at in found if isinstance(at, int) and not isinstance(at, bool) and 0 <= at < n][: 2 * _MOST]


def _ids(pool: Pool, review: str) -> Sequence[str] | None:
    """The ids of the selection that a review is of, whichever of this pool it is."""
    return next((run.ids for run in disk.runs(pool) if review_of(run.manifest) == review), None)
