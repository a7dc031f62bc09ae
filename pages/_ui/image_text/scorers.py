"""Which score is asked for: a row of chips; in a drawer its parameters, its target, and what it may choose from."""

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.role import IMAGE, TEXT
from datasel_core.errors import DataselError
from datasel_core.methods.method import Method, Scorer
from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from pages._ui.image_text import recipe
from pages._ui.kit import disk, forms, keys, look, markdown
from pages._ui.question import answers, methods, targets

ROLES = (IMAGE.name, TEXT.name)
_FIRST = ("clip_score", "neg_clip_loss", "norm_sim")


def every() -> dict[str, type[Scorer]]:
    """Scores of pictures and captions, the simplest first."""
    found = [
        one
        for one in registry.every("method").values()
        if issubclass(one, Scorer) and one.needs and set(one.needs) <= set(ROLES)
    ]
    found.sort(key=lambda one: (_FIRST.index(one.id) if one.id in _FIRST else len(_FIRST), one.id))
    return {one.id: one for one in found}


def ask(pool: Pool) -> Question | None:
    """Draws the row; None, with the reason on the screen, while what is asked does not fit together."""
    known = every()
    if keys.get("pairs.score") not in known:
        keys.put("pairs.score", next(iter(known)))
    cls = known[keys.get("pairs.score")]
    suit = targets.possible(pool, cls) if cls.needs_target else []
    named = keys.get("select.target") in suit
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="chips"):
        for one in known.values():
            _chip(pool, one, chosen=one is cls)
        with st.popover("Settings", key="settings", icon=":material/tune:"):
            params, use, within, towards, error = _drawer(pool, cls, named)
            recipe.two_stages(pool)
        if differs := _differs(pool, cls, params, within, towards):
            said = html.escape(" · ".join(differs))
            st.html(f'<span class="ds-differs" title="{said}">{said}</span>', width="content")
    if error is not None:
        look.empty("The settings do not fit together", f"{error} Mend it in Settings.", key="settings-wrong")
        return None
    if cls.needs_target and not named:
        targets.missing(pool, cls, suit)
        return None
    try:
        return answers.ask(pool, cls(**params), use, within=within, target=towards)
    except DataselError as trouble:
        markdown.trouble(trouble)
        return None


def _chip(pool: Pool, one: type[Scorer], chosen: bool) -> None:
    waits = bool(one.needs_target) and not targets.possible(pool, one)
    st.button(
        f"{one.title} :small[needs a target]" if waits else one.title,
        key=f"method-{one.id}",
        type="primary" if chosen else "secondary",
        help=f"{one.summary()}\n\n{methods.terms(one)}",
        on_click=keys.put,
        args=("pairs.score", one.id),
    )


def _drawer(
    pool: Pool, cls: type[Scorer], named: bool
) -> tuple[dict[str, Any], dict[str, str], str | None, str | None, str | None]:
    """Draws the form. named: a target is, and may be changed here. Returns the parameters, role -> feature, the
    selection to choose from, the target, and what is wrong.
    """
    look.section("Settings", cls.title)
    params, error = forms.form(cls, f"method.{cls.id}", columns=1)
    towards = targets.choose(pool, cls) if named else None
    within = _within(pool)
    return params, methods.roles(pool, cls, () if error else cls(**params).roles()), within, towards, error


def _differs(
    pool: Pool, cls: type[Method], params: Mapping[str, Any], within: str | None, towards: str | None
) -> list[str]:
    """What is not as by default, a few words each."""
    said = [
        ": ".join(look.parameter(cls, name, value))
        for name, value in params.items()
        if cls.model_fields[name].default != value
    ]
    said += [f"towards {towards}"] * bool(towards)
    return said + ([f"only from {_sources(pool)[within]}"] if within else [])


def plain(pool: Pool, id: str) -> Question | None:
    """A score with its default parameters, or as they were set before; None where something is missing, or no target
    is named.
    """
    cls = every()[id]
    try:
        made = cls.parse(
            {},
            **{name: keys.get(f"form.method.{id}.{name}", field.default) for name, field in cls.model_fields.items()},
        )
    except DataselError:
        made = cls()
    towards = keys.get("select.target") if cls.needs_target else None
    if cls.needs_target and towards not in targets.possible(pool, cls):
        return None
    try:
        return answers.ask(pool, made, {}, target=towards)
    except DataselError:
        return None


def _within(pool: Pool) -> str | None:
    """The selection that a second stage goes on from."""
    named = _sources(pool)
    if len(named) == 1:
        return None
    said = "A second stage: cut only among what an earlier selection kept. Shares stay shares of the whole pool."
    return (
        keys.bound(
            st.selectbox, "Choose from", "pairs.within", "", options=list(named), format_func=named.get, help=said
        )
        or None
    )


def _sources(pool: Pool) -> dict[str, str]:
    """What may be chosen from, by the key of the selection; "" is the whole pool."""
    kept = {run.key: f"{run.manifest['result']['n']:,} kept by {look.recipe(run)}" for run in disk.runs(pool)}
    return {"": f"all {look.samples(pool)}", **kept}
