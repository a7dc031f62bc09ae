"""What is looked for: the field, which way, how many, and the filter in the drawer."""

from dataclasses import dataclass

import streamlit as st

from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.runs.filters.counting import Counting
from datasel_core.runs.find import meaning, nearest, texts
from datasel_core.runs.find.found import MEANING, SIMILAR, WORDS, Asked
from pages._ui.find import onto
from pages._ui.kit import disk, keys, look, markdown
from pages._ui.question import where

MANY = 60
_WAYS = {WORDS: "Words", SIMILAR: "Similar", MEANING: "Meaning"}
_FIELD = {WORDS: "find.words", SIMILAR: "find.like", MEANING: "find.says"}


@dataclass(frozen=True)
class Request:
    """asked: what is looked for; None while nothing is, or it cannot be. feature: in which it is looked for, None of
    words. trouble: one line of what is wrong. counting: the filter, while it is not known which samples match.
    """

    by: str
    asked: Asked | None = None
    feature: StoredFeature | None = None
    trouble: str | None = None
    counting: Counting | None = None


def draw(pool: Pool) -> Request:
    """The row of controls."""
    ways = _ways(pool)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="find-asked"):
        by = keys.bound(
            st.segmented_control,
            "How",
            "find.by",
            WORDS,
            options=ways,
            format_func=_WAYS.get,
            required=True,
            label_visibility="collapsed",
        )
        label, placeholder, tip = _words(pool, by)
        field = {"placeholder": placeholder, "label_visibility": "collapsed", "icon": ":material/search:", "help": tip}
        typed = keys.bound(st.text_input, label, _FIELD[by], "", on_change=_anew, **field)
        many = MANY
        if by != WORDS:
            most = {"min_value": 1, "max_value": max(1, pool.n), "step": 10, "width": 120}
            most |= {"label_visibility": "collapsed"}
            many = keys.bound(st.number_input, "How many of the nearest", "find.n", min(MANY, pool.n), **most)
            st.markdown("nearest", width="content")
        with st.popover("Settings", key="find-settings", icon=":material/tune:"):
            look.section("Settings", "rarely needed")
            condition = _filter(pool)
            if by == WORDS:
                st.caption(f"Looked through: {markdown.plain(', '.join(texts.columns(pool)))}.")
            if (why := meaning.why_not(pool, disk.roles(pool))) is not None:
                st.caption(f"Not by meaning: {markdown.plain(why)}")
            if not onto.has_vectors(pool):
                st.caption("Not by what is similar: an embedding comes first, on the Data page under Features.")
    return _request(pool, by, str(typed or "").strip(), condition, int(many))


def _ways(pool: Pool) -> list[str]:
    """Those that can be gone: words always, the others where there are vectors."""
    ways, roles = [WORDS], disk.roles(pool)
    if onto.has_vectors(pool):
        ways.append(SIMILAR)
    return [*ways, MEANING] if meaning.why_not(pool, roles) is None else ways


def _words(pool: Pool, by: str) -> tuple[str, str, str]:
    """Label, placeholder and tip of the field."""
    if by == SIMILAR:
        tip = "The id of a sample. Any sample that is open has a button Similar to this."
        return "Similar to", f"an id, such as {pool.ids[0]}", tip
    if by == MEANING:
        return "What the picture shows", "what it shows, such as a red dress", "In words, as a caption would say it."
    tip = 'All words have to occur. "a phrase" in quotes, -word for without; capitals and accents make no difference.'
    return "Words", 'words, "a phrase", -without', tip


def _anew() -> None:
    """Whoever looks for something else looks at its first sample."""
    keys.put("find.open", None)


def _filter(pool: Pool) -> str:
    columns = [*pool.columns, *(name for name in disk.roles(pool).numbers() if name not in pool.columns)]
    tip = f"An SQL condition on: {', '.join(map(markdown.plain, columns))}."
    typed = keys.bound(st.text_input, "Where", "find.where", "", placeholder=where.example(pool), help=tip)
    text = str(typed or "").strip()
    said = where.look_at(pool, text)
    if said.error is not None:
        markdown.trouble(said.error)
    elif said.matches is not None:
        st.caption(f"**{said.matches:,} of {pool.n:,}** {'matches' if said.matches == 1 else 'match'}")
    return text


def _request(pool: Pool, by: str, typed: str, condition: str, many: int) -> Request:
    said = where.look_at(pool, condition)
    if said.error is not None:
        return Request(by, trouble="The filter in Settings does not work yet: mend it, or empty its field.")
    if said.counting is not None:
        return Request(by, counting=said.counting)
    if not typed and not condition:
        return Request(by)
    fields = {WORDS: "words", SIMILAR: "similar", MEANING: "image_text"}
    text = {fields[by]: typed} if typed else {}
    asked = Asked(**text, where=condition or None, many=many)
    return Request(by, asked, _feature(pool, asked.by))


def _feature(pool: Pool, by: str) -> StoredFeature | None:
    roles = disk.roles(pool)
    if by == SIMILAR:
        return nearest.source(pool, roles)
    return meaning.source(pool, roles) if by == MEANING else None
