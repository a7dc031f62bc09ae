"""Leaks on the data page: whether samples of the open pool are in another, and the pairs side by side."""

import html
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core.actions.leaks import Leaks, read_answer
from datasel_core.evidence.leaks.between import KINDS
from datasel_core.evidence.leaks.limits import SHINGLE
from datasel_core.evidence.leaks.shingles import shared
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look, markdown, watch
from pages._ui.kit.onward import onward
from pages._ui.media import photos, texts

_CSS = (Path(__file__).parent / "leaks.css").read_text(encoding="utf-8")
_JOB = "leaks"
_A_PAGE = 12
_BEFORE, _MOST = 120, 900
"""Characters of a long text that are shown: before the first that is marked, and in all."""
_NO_GROUP = "no groups"
_MOST_LEFT_OUT = 100
"""Samples that a condition names one by one."""


def leaks(pool: Pool) -> None:
    """What to compare with on the left; what is found on the right."""
    about = {one["name"]: one for one in disk.pools(disk.home(pool)) if one.get("name") not in (None, pool.name)}
    if not about:
        text = "Leaks are samples of one pool that are in another, such as the one to test on. Open that one, too."
        look.empty("There is no other pool", text, key="no-other-pool")
        return
    left, right = st.columns([22, 78], gap="medium")
    with left:
        other, asked = _settings(pool, about)
    if other is None or asked is None:
        with right:
            text = "The one that is to have nothing of this one, such as the samples to test on."
            look.empty("Which pool?", f"{text} Choose it on the left.", key="which-pool")
        return
    with left:
        folder = asked.folder(pool, other)
        found, job = _answer(str(folder), disk.stamp(folder / "leaks.json")), watch.started(_JOB)
        if st.button(
            "Look for leaks" if found is None else "Look again",
            key="look-for-leaks",
            icon=":material/search:",
            type="primary" if found is None else "secondary",
            disabled=job is not None and job.is_active,
        ):
            watch.start(_JOB, "leaks", **asked.model_dump())
            st.rerun()
    with right:
        working = watch.at_work(_JOB)
        if found is not None:
            _found(pool, other, found)
        elif not working:
            look.empty(
                "Nobody looked yet",
                f"Whether {look.unit(pool)} of {pool.name} are in {other.name}: the same or nearly the same texts, "
                "pictures and embeddings. What is chosen must not be what it is tested on.",
                key="no-leaks-yet",
            )


def _settings(pool: Pool, about: dict[str, dict[str, Any]]) -> tuple[Pool, Leaks] | tuple[None, None]:
    """The other pool and what is asked; nothing while there are several and nobody said which."""
    names = sorted(about, key=lambda name: (about[name]["kind"] != pool.kind, name))
    name = keys.bound(
        st.selectbox,
        "Other pool",
        "leaks.against",
        names[0] if len(names) == 1 else None,
        options=names,
        placeholder="Choose one",
        format_func=lambda one: f"{one} · {about[one]['n']:,}",
        on_change=lambda: keys.put("leaks.page", 0),
        help="The one to test on, a target, or any other.",
    )
    if name is None:
        return None, None
    other = load_pool(disk.home(pool), name)
    columns = [one for one in pool.columns if one in other.columns and one not in ("id", *pool.long_columns)]
    by = _NO_GROUP
    if columns:
        by = keys.bound(
            st.selectbox,
            "Same group",
            "leaks.by",
            _NO_GROUP,
            options=[_NO_GROUP, *columns],
            format_func=markdown.plain,
            help="A column of both, such as a patient or a video: samples with one value are a leak.",
        )
    return other, Leaks(pool=pool.name, against=name, by=None if by == _NO_GROUP else by)


@st.cache_resource(max_entries=8, show_spinner="Opening what was found ...")
def _answer(folder: str, stamp: int) -> dict[str, Any] | None:
    return read_answer(Path(folder))


def _found(pool: Pool, other: Pool, found: dict[str, Any]) -> None:
    kinds = {kind: counts for kind, counts in found["counts"].items() if counts["pairs"]}
    if not kinds:
        look.section("No overlap", f"none of {look.samples(pool)} is like any of {look.samples(other)} of {other.name}")
        looked = ", ".join(KINDS[kind] for kind in found["counts"])
        st.caption(f"Looked for: {looked}.")
        onward("Choose from it", "pages/select.py", key="leaks")
    else:
        numbers = [(f"{found['samples']:,} of {look.samples(pool)}", f"overlap with {other.name}")]
        numbers.append((f"{found['against_samples']:,} of {look.samples(other)}", f"of {other.name} overlap"))
        look.facts([*numbers, *((look.many(counts["pairs"], "pair"), KINDS[kind]) for kind, counts in kinds.items())])
        _pairs(pool, other, found, list(kinds))
    if kinds and (condition := _without(found)) is not None:
        words = f"Choose without these {look.samples(pool, found['samples'])}"
        onward(words, "pages/select.py", key="leaks", **{"select.where": _and(condition)})
    for note in found["notes"]:
        st.caption(f":material/info: {markdown.plain(note)}")


def _without(found: dict[str, Any]) -> str | None:
    """The condition that leaves out all that overlaps; None where these are too many for one, or not all are listed."""
    ids = list(dict.fromkeys(hit["id"] for hit in found["hits"]))
    if len(ids) != found["samples"] or len(ids) > _MOST_LEFT_OUT:
        return None
    listed = ", ".join("'{}'".format(id.replace("'", "''")) for id in ids)
    return f"id NOT IN ({listed})"


def _and(condition: str) -> str:
    """Beside what the filter asks already."""
    asked = str(keys.get("select.where", "") or "").strip()
    return f"({asked}) AND {condition}" if asked and condition not in asked else asked or condition


def _pairs(pool: Pool, other: Pool, found: dict[str, Any], kinds: list[str]) -> None:
    kind = keys.bound(
        st.segmented_control,
        "Kind",
        "leaks.kind",
        kinds[0],
        options=kinds,
        format_func=lambda one: KINDS[one].capitalize(),
        required=True,
        label_visibility="collapsed",
        on_change=lambda: keys.put("leaks.page", 0),
    )
    hits = [hit for hit in found["hits"] if hit["kind"] == kind]
    last = (len(hits) - 1) // _A_PAGE
    page = min(int(keys.get("leaks.page", 0)), last)
    shown = hits[page * _A_PAGE : (page + 1) * _A_PAGE]
    with st.spinner("Opening the pairs ..."):
        _side_by_side(pool, other, kind, shown, found["limits"]["ngram"])
    if last:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                f"{page * _A_PAGE + 1:,} to {page * _A_PAGE + len(shown):,} of {look.many(len(hits), 'listed pair')}"
            )
            for name, to in (("Previous", page - 1), ("Next", page + 1)):
                off = not 0 <= to <= last
                st.button(name, key=f"leaks-{name}", disabled=off, on_click=keys.put, args=("leaks.page", to))


def _side_by_side(pool: Pool, other: Pool, kind: str, hits: list[dict[str, Any]], ngram: int) -> None:
    rows, others = pool.rows([hit["id"] for hit in hits]), other.rows([hit["other"] for hit in hits])
    pictures = photos.has_photos(pool) and photos.has_photos(other) and "text" not in kind and kind != "shared_words"
    if pictures:
        photos.fetch(pool, rows.tolist(), 192), photos.fetch(other, others.tolist(), 192)
    cards = []
    for hit, row, partner in zip(hits, rows.tolist(), others.tolist(), strict=True):
        if pictures:
            sides = _photo(pool, row), _photo(other, partner)
        else:
            mine, theirs = _text(pool, row), _text(other, partner)
            sides = _marked(pool, row, mine, theirs, kind, ngram), _marked(other, partner, theirs, mine, kind, ngram)
        cards.append(f'<div class="ds-twin"><h3>{html.escape(_how_like(hit))}</h3><div>{"".join(sides)}</div></div>')
    marked = {"near_text": "Marked: what differs.", "shared_words": f"Marked: {ngram} words and more in common."}
    left, right = markdown.plain(pool.name), markdown.plain(other.name)
    st.caption(f"On the left {left}, on the right {right}. {marked.get(kind, '')}".strip())
    st.html(f'<style>{_CSS}</style><div class="ds-twins{"" if pictures else " texts"}">{"".join(cards)}</div>')


def _how_like(hit: dict[str, Any]) -> str:
    match hit["kind"]:
        case "same_text" | "same_picture":
            return "the same"
        case "same_group":
            return str(hit["value"])
        case "shared_words":
            whole = max(hit["share"], hit["share_other"])
            return f"{look.many(hit['shared'], 'run')} in common, {look.percent(whole, 1)} of the one that has fewer"
        case "near_text":
            return f"{look.percent(hit['like'], 1)} of runs of {SHINGLE} words in common"
    return f"{'cosine' if hit['kind'] == 'near_vector' else 'correlation'} {hit['like']:.3f}"


def _photo(pool: Pool, row: int) -> str:
    id = html.escape(str(pool.ids[row]))
    return f'<figure><img src="{photos.thumbnail(pool, row, 192)}" alt="{id}"><figcaption>{id}</figcaption></figure>'


def _text(pool: Pool, row: int) -> str:
    if not texts.has_texts(pool):
        return photos.caption(pool, row, None)
    return "\n\n".join(filter(None, texts.parts(pool, row, 20_000)))


def _marked(pool: Pool, row: int, text: str, other: str, kind: str, ngram: int) -> str:
    """A text with what it shares, or, where nearly all is shared, with what it does not; from a little before that."""
    stretches = {"shared_words": lambda: shared(text, other, ngram), "near_text": lambda: _rest(text, other)}
    marks = stretches.get(kind, list)()
    start = marks[0][0] - _BEFORE if marks and marks[0][0] > 2 * _BEFORE else 0
    written, at = ["… " if start else ""], start
    for begin, end in marks:
        written += [html.escape(text[at:begin]), f"<mark>{html.escape(text[begin:end])}</mark>"]
        at = end
        if at - start > _MOST:
            break
    rest = max(0, _MOST - (at - start))
    written += [html.escape(text[at : at + rest]), " …" if at + rest < len(text) else ""]
    id = html.escape(str(pool.ids[row]))
    return f"<figure><figcaption>{id}</figcaption><p>{''.join(written)}</p></figure>"


def _rest(text: str, other: str) -> list[tuple[int, int]]:
    """Stretches that the other does not say."""
    at, found = 0, []
    for start, end in [*shared(text, other, SHINGLE), (len(text), len(text))]:
        if said := text[at:start].strip():
            begin = text.index(said, at)
            found.append((begin, begin + len(said)))
        at = end
    return found
