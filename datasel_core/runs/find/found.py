"""Finding: one question, one answer, whichever way it is asked; the answer can be kept as a list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.features.roles import Roles
from datasel_core.pools.pool import Pool
from datasel_core.runs.candidates import Filter
from datasel_core.runs.catalog import lists
from datasel_core.runs.find import meaning, nearest, texts, words
from datasel_core.workspace.layout import Workspace

WORDS, SIMILAR, MEANING, FILTER = "words", "similar", "meaning", "filter"


@dataclass(frozen=True)
class Asked:
    """One of words, similar (an id) and image_text (what a picture shows); or none of them, but a filter. where: an
    SQL condition. many: how many of what is merely near; of words, all are found.
    """

    words: str = ""
    similar: str | None = None
    image_text: str | None = None
    where: str | None = None
    many: int = 20
    use: Mapping[str, str] = field(default_factory=dict)

    @property
    def by(self) -> str:
        """Which way it is asked. Raises BadRequest where it is none, or several."""
        said = [
            name
            for name, one in ((WORDS, self.words.strip()), (SIMILAR, self.similar), (MEANING, self.image_text))
            if one is not None and one != ""
        ]
        if len(said) > 1:
            raise BadRequest("Look for words, for what is similar, or for what a text shows: one of them at a time.")
        if not said and not (self.where or "").strip():
            raise BadRequest("Nothing is looked for; give words, --similar ID, --image-text TEXT or --where SQL.")
        return said[0] if said else FILTER


@dataclass(frozen=True)
class Found:
    """rows: (m,) of the pool, the likeliest first. scores: (m,) how often the words occur, or the cosine; none of a
    filter alone. of: how many were looked through. feature: the key of the feature that was asked, empty of words.
    notes: what is to be known before anything is made of it. listed: as `--within` takes it, once it was kept.
    """

    pool: Pool
    asked: Asked
    rows: np.ndarray
    scores: np.ndarray
    of: int
    feature: str = ""
    notes: tuple[str, ...] = ()
    listed: str | None = None

    @property
    def ids(self) -> list[str]:
        return [str(self.pool.ids[row]) for row in self.rows]

    @property
    def saying(self) -> str:
        """What was found, for people: `41 with dress`, `20 most alike a.jpg`."""
        return said(self.asked, len(self.rows))


def find(workspace: Workspace, pool: Pool, asked: Asked, progress: Progress | None = None) -> Found:
    """Raises BadRequest in one line, MissingFeature, Stopped."""
    by, progress = asked.by, progress or Progress()
    if asked.many < 1:
        raise BadRequest(f"n is {asked.many}; at least 1 has to be asked for.")
    roles = Roles.of(workspace, pool, dict(asked.use))
    read = words.read(asked.words) if by == WORDS else None
    rows = matching(pool, roles, asked.where, progress)
    if read is not None:
        matches = texts.search(pool, read, progress)
        inside = np.isin(matches.rows, rows)
        return Found(pool, asked, matches.rows[inside], matches.times[inside].astype(np.float64), len(rows))
    if by == FILTER:
        return Found(pool, asked, rows, np.empty(0), pool.n)
    if by == SIMILAR:
        kept, row = nearest.source(pool, roles), nearest.row_of(pool, str(asked.similar))
        near = nearest.alike(pool, kept, row, asked.many, rows, progress)
        return Found(pool, asked, near.rows, near.alike, len(rows) - int(row in rows), kept.key)
    kept = meaning.source(pool, roles)
    vector = meaning.vector(workspace, kept, str(asked.image_text), progress)
    near = nearest.to_vector(kept, vector, asked.many, rows, progress)
    caveat = meaning.caveat(pool, kept)
    return Found(pool, asked, near.rows, near.alike, len(rows), kept.key, (caveat,) if caveat else ())


def matching(pool: Pool, roles: Roles, where: str | None, progress: Progress) -> np.ndarray:
    """Rows that fulfil a condition; all of them without one. Raises BadRequest, Stopped."""
    if not (where or "").strip():
        return np.arange(pool.n)
    return np.flatnonzero(Filter.of(pool, str(where), roles).rows(pool, progress))


def keep(workspace: Workspace, found: Found) -> str:
    """Keeps what was found as a list, and says how `--within` names it. Raises BadRequest where it is nothing."""
    if not len(found.rows):
        raise BadRequest("Nothing was found, so there is no list to keep.")
    return lists.keep(workspace, found.pool, found.rows, found.saying).value


def said(asked: Asked, n: int) -> str:
    """What a list of n samples is called that were found so."""
    by = asked.by
    where = f" where {asked.where}" if asked.where and by != FILTER else ""
    if by == FILTER:
        return f"{n:,} where {asked.where}"
    if by == WORDS:
        return f"{n:,} with {words.read(asked.words).typed}{where}"
    if by == SIMILAR:
        return f"the {n:,} most alike {asked.similar}{where}"
    return f"the {n:,} nearest to “{asked.image_text}”{where}"


def document(found: Found, shown: int) -> dict[str, Any]:
    """As `--json` prints it: the first `shown`, of how many."""
    by, read = found.asked.by, None
    if by == WORDS:
        read = words.read(found.asked.words)
    each: list[dict[str, Any]] = []
    for at, row in enumerate(found.rows[:shown].tolist()):
        one: dict[str, Any] = {"id": str(found.pool.ids[row])}
        if by != FILTER:
            one["occurrences" if by == WORDS else "cosine"] = (
                int(found.scores[at]) if by == WORDS else round(float(found.scores[at]), 6)
            )
        if read is not None:
            one["where"] = {place.column: "".join(place.parts) for place in texts.places(found.pool, row, read)}
        each.append(one)
    about = {"pool": found.pool.name, "by": by, "found": len(found.rows), "of": found.of, "results": each}
    return {**about, "feature": found.feature or None, "list": found.listed, "notes": list(found.notes)}
