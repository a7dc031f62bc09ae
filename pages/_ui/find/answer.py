"""The answer to what is looked for: found once for as long as nothing that it rests on changes."""

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.features import description
from datasel_core.pools.pool import Pool
from datasel_core.runs.find import found, meaning
from datasel_core.runs.find.found import FILTER, MEANING, SIMILAR, WORDS, Asked, Found
from datasel_core.workspace.hashing import key_of
from pages._ui.find.asked import Request
from pages._ui.kit import disk, keys, look, markdown, watch

_JOB = "find"


def of(pool: Pool, request: Request) -> Found | None:
    """What was found; None while there is nothing to show, and then the page has said why."""
    asked = request.asked
    if asked is None:
        return None
    if asked.by == MEANING and not _is_encoded(pool, request, asked):
        return None
    try:
        said = asked.words, asked.similar, asked.image_text, asked.where, asked.many
        state = request.feature and request.feature.state(), disk.stamps(disk.home(pool))
        return _found(pool.table_sha256, said, state, asked, pool)
    except DataselError as error:
        markdown.trouble(error)
        return None


def saying(answer: Found) -> str:
    """`**41 of 929 photos** with dress`, as Markdown."""
    pool, asked, n = answer.pool, answer.asked, len(answer.rows)
    where = f", where {markdown.code(asked.where)}" if asked.where else ""
    if asked.by == FILTER:
        return f"**{n:,} of {look.samples(pool)}**{where[1:]}"
    if asked.by == WORDS:
        return f"**{n:,} of {answer.of:,} {look.unit(pool)}** {_verb(pool)} {markdown.plain(asked.words)}{where}"
    whom = asked.similar if asked.by == SIMILAR else f"“{asked.image_text}”"
    how = "most alike" if asked.by == SIMILAR else "nearest to"
    return f"**{n:,} of {answer.of:,} {look.unit(pool)}**, the {how} {markdown.plain(str(whom))}{where}"


def badge(answer: Found, at: int) -> str:
    """What stands in the corner of a result."""
    if answer.asked.by == SIMILAR:
        return f"{100 * max(0.0, float(answer.scores[at])):.0f} %"
    return f"{at + 1}" if answer.asked.by == MEANING else ""


def order(answer: Found) -> str:
    """In which order they stand, a sentence."""
    return {
        WORDS: "First what is called so, then where the words occur most often.",
        SIMILAR: "The most alike first; 100 % is the same.",
        MEANING: "The nearest first. Which are right is for you to see: a model always finds something nearest.",
        FILTER: "In the order of the pool.",
    }[answer.asked.by]


def hint(answer: Found) -> str:
    """What to try where nothing was found."""
    if answer.asked.by == WORDS:
        return "Fewer words, a part of one, or no filter in Settings finds more; all words have to occur."
    return "No sample has a vector there; loosen the filter in Settings."


def space(answer: Found) -> str:
    """What the feature is called that was asked."""
    kept = next((one for one in disk.features(answer.pool) if one.key == answer.feature), None)
    if kept is None:
        return "a feature that is gone"
    known = registry.every("feature").get(kept.id)
    brought = f"the vectors {description.told_apart([kept])[kept.key]}"
    return brought if known is None else known.title


def tag(answer: Found) -> str:
    """Another text for every other answer: a wall begins at its first page."""
    asked = answer.asked
    return key_of([asked.words, asked.similar, asked.image_text, asked.where, asked.many, len(answer.rows)])


def _verb(pool: Pool) -> str:
    return "with" if "text" in pool.opens or "turns" in pool.opens else "named"


def _is_encoded(pool: Pool, request: Request, asked: Asked) -> bool:
    """Whether the text was encoded; else a process does it, which is started by itself, once."""
    home, kept = disk.home(pool), request.feature
    try:
        if kept is None or meaning.known(home, kept, str(asked.image_text)) is not None:
            return True
    except DataselError as error:
        markdown.trouble(error)
        return False
    mine = pool.name, kept.key, asked.image_text
    if keys.get("find.encoding") != mine:
        keys.put("find.encoding", mine)
        watch.start(_JOB, "find", pool=pool.name, image_text=asked.image_text)
        st.rerun()
    if watch.at_work(_JOB):
        first = look.about(meaning.encoder(kept).begins)
        look.empty("Reading what you wrote", f"The model is loaded first, {first}.", key="find-encoding")
    elif st.button("Try again", key="find-again", icon=":material/refresh:"):
        keys.put("find.encoding", None)
        st.rerun()
    return False


@st.cache_resource(max_entries=32, show_spinner=False)
def _found(table: str, said: tuple, state: object, _asked: Asked, _pool: Pool) -> Found:
    return found.find(disk.home(_pool), _pool, _asked, Progress())
