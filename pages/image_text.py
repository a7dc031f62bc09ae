"""Cleaning pairs: scores of image and caption, a cut that can be dragged, and what lies on either side of it."""

import streamlit as st

from datasel_core.base import registry
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from pages._ui.image_text import cut, examples, rail, recipe, scorers, scores, sentence
from pages._ui.image_text.scores import Scored
from pages._ui.kit import disk, drawn, keys, look, markdown, palette, strip, watch
from pages._ui.kit.onward import onward
from pages._ui.question import answers, encoders

_VIEWS = {
    "cut": "Around the cut",
    "ends": "Lowest and highest",
    "disagree": "Where two scores disagree",
    "search": "Search captions",
}


def page(pool: Pool) -> None:
    look.title("Image-text", "How well captions and pictures belong together; cut where they stop.")
    answers.tell_kept(pool)
    if not _is_drawn(pool):  # else the strip keeps what it says until the new sentence is there
        strip.preview("Image-text", pool, None)


def _is_drawn(pool: Pool) -> bool:
    """Draws the row and what follows it; False where something is missing, which it says."""
    lacking = [role for role in scorers.ROLES if role not in {one.role for one in disk.features(pool)}]
    if lacking:
        _embeddings(pool, lacking)
        return False
    choice = scorers.ask(pool)
    if choice is None:
        return False
    with st.container(key="pairs-work"):  # a place of its own, so that nothing below moves when work comes and goes
        working = any([watch.at_work(name) for name in (*map(_name, scorers.every()), "keep", recipe.job_name(pool))])
    _encoders(pool, choice)
    found = scores.scored(choice)
    if found is None:
        if not working:
            _not_scored(choice)
        return False
    if not len(found.order):
        text = "Their embeddings are all zero, or nothing is left to choose from."
        look.empty("No pair has a score", text, key="none-scored")
        return False
    st.fragment(look.told(_live))(choice, found)
    return True


def _live(choice: Question, found: Scored) -> None:
    """Everything that follows the cut; only this part runs again while it is dragged."""
    if keys.get("pairs.started"):
        keys.put("pairs.started", None)
        drawn.again()
    n = cut.current(choice, found)
    _said(choice, found, n)
    main, side = st.columns([72, 28], gap="medium")
    with main:
        view = keys.bound(
            st.segmented_control,
            "Show",
            "pairs.view",
            "cut",
            options=list(_VIEWS),
            format_func=_VIEWS.get,
            required=True,
            label_visibility="collapsed",
        )
        if view != "disagree":  # that is a chart of its own, and the cut stays where it is
            cut.widgets(choice, found, n)
        {"cut": examples.cut, "ends": examples.ends, "disagree": examples.disagree, "search": examples.search}[view](
            choice, found, n
        )
    with side, st.container(key="rail"):
        rail.draw(choice, found, n)


def _said(choice: Question, found: Scored, n: int) -> None:
    """What the cut keeps, beside what makes it the selection."""
    pool = choice.pool
    same = answers.exact(choice, n)
    active = same is not None and same.key == keys.get("run")
    preview = f"preview: {n:,} of {look.samples(pool)}, not kept", palette.colour_of(choice.method.id)
    strip.preview("Image-text", pool, None if active else preview)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="said"):
        sentence.draw(choice, found, n)
        st.button(
            "Kept" if active else "Keep selection",
            key="keep-pairs",
            type="secondary" if active else "primary",
            icon=":material/check:",
            disabled=active,
            help="This is the selection, and is kept."
            if active
            else "Makes this the selection, with a manifest that anyone can verify.",
            on_click=scores.keep,
            args=(choice, n),
        )
        if active:
            onward("Export", "pages/export.py", key="pairs")
        with st.popover("More numbers", type="tertiary", key="more-numbers"):
            look.section("Numbers", choice.method.title)
            sentence.more(choice, found, n)


def _name(method: str) -> str:
    pool = keys.pool()
    return f"score.{pool.name if pool else ''}.{method}"


def _not_scored(choice: Question) -> None:
    """Starts what takes seconds by itself, once; else, and where that did not end well, a button."""
    if scores.by_itself(choice):
        st.rerun()
    text = f"{choice.method.summary()} {choice.method.cost}"
    if look.empty(f"Not scored by {choice.method.title} yet", text, f"Score {look.samples(choice.pool)}", key="score"):
        scores.start(choice)
        st.rerun()


def _embeddings(pool: Pool, lacking: list[str]) -> None:
    """Pictures and captions have to be brought into one space first; one click does both."""
    makers = {role: f"clip_{role}" for role in lacking}
    names = {role: f"feature.{pool.name}.{id}" for role, id in makers.items()}
    working = any([watch.at_work(name) for name in names.values()])
    if working:
        return
    can = all(role in pool.opens for role in lacking)
    what = " and ".join({"image": "pictures", "text": "captions"}[role] for role in lacking)
    text = (
        f"Scores compare pictures and captions in one space, made by a CLIP model: {what} still have to be brought "
        "into it."
    )
    if not can:
        look.empty(
            "Embeddings come first",
            f"{text} This pool has no {what} to read: import their embeddings on the Data page.",
            "Go to Data",
            "pages/data.py",
            **{"data.view": "features"},
        )
        return
    more = (
        "The model that comes with datasel knows only the pictures of the demo; for your own, compute Image and Text "
        "on the Data page with a larger one."
    )
    how = look.computing(pool, *(registry.find("feature", id)() for id in makers.values()))
    if look.empty("Embeddings come first", f"{text} {more}", how, key="embeddings"):
        for role, id in makers.items():
            watch.start(names[role], "feature", pool=pool.name, feature=id, params={})
        st.rerun()


def _encoders(pool: Pool, choice: Question) -> None:
    """Scores mean nothing when pictures and captions come from different models: say so."""
    image, text = (choice.roles.features.get(role) for role in scorers.ROLES)
    if image is not None and text is not None and "text" in choice.method.needs and not _same_model(image, text):
        markdown.warning(
            "Pictures and captions were embedded by different models, so their cosines mean nothing. Compute both "
            "with the same model."
        )
    encoders.warn(choice)


def _same_model(image: StoredFeature, text: StoredFeature) -> bool:
    names = [{name: one.meta["params"].get(name) for name in ("model", "pretrained")} for one in (image, text)]
    return "imported" in (image.id, text.id) or names[0] == names[1]


if (pool := keys.pool()) is None:
    look.title("Image-text")
    look.empty(
        "No pool is open",
        "Open images with captions, or try the demo, on the Data page.",
        "Go to Data",
        "pages/data.py",
    )
else:
    page(pool)
