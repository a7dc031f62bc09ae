"""The left side of the image-text page: which score, its parameters, its target, and what it may choose from."""

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.role import IMAGE, TEXT
from datasel_core.errors import DataselError
from datasel_core.methods.method import Scorer
from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
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


def settings(pool: Pool) -> Question | None:
    """Draws which score and how; None, with the reason on the screen, while it does not fit together."""
    known = every()
    waiting = {one.id for one in known.values() if one.needs_target and not targets.possible(pool, one)}
    if keys.get("pairs.score") not in known:
        keys.put("pairs.score", next(iter(known)))
    cls = known[keys.get("pairs.score")]
    for one in known.values():
        methods.card(one, one is cls, "pairs.score")
    if cls.id in waiting:
        what = " and ".join(f"the feature {role}" for role in cls.needs_target)
        said = (
            f"{cls.title} needs a target: open another pool of examples on the Data page, and compute {what} there "
            "with the same encoder."
        )
        look.empty("No target yet", said, "Go to Data", "pages/data.py", key="no-target", **{"data.view": "pools"})
        return None
    if cls.model_fields:
        look.section("Parameters", cls.title)
    params, error = forms.form(cls, f"method.{cls.id}", columns=1)
    towards = targets.choose(pool, cls) if cls.needs_target else None
    within = _within(pool)
    use = methods.roles(pool, cls, () if error else cls(**params).roles())
    if error is not None:
        return None
    try:
        return answers.ask(pool, cls(**params), use, within=within, target=towards)
    except DataselError as trouble:
        markdown.trouble(trouble)
        return None


def plain(pool: Pool, id: str) -> Question | None:
    """A score with its default parameters, or as they were set before; None where something is missing."""
    cls = every()[id]
    try:
        made = cls.parse(
            {},
            **{name: keys.get(f"form.method.{id}.{name}", field.default) for name, field in cls.model_fields.items()},
        )
    except DataselError:
        made = cls()
    names = targets.possible(pool, cls) if cls.needs_target else []
    if cls.needs_target and not names:
        return None
    towards = keys.get("select.target") if keys.get("select.target") in names else next(iter(names), None)
    try:
        return answers.ask(pool, made, {}, target=towards)
    except DataselError:
        return None


def _within(pool: Pool) -> str | None:
    """The selection that a second stage goes on from."""
    runs = {run.key: run for run in disk.runs(pool)}
    if not runs:
        return None
    named = {
        "": f"all {look.samples(pool)}",
        **{key: f"{run.manifest['result']['n']:,} kept by {look.recipe(run)}" for key, run in runs.items()},
    }
    said = "A second stage: cut only among what an earlier selection kept. Shares stay shares of the whole pool."
    return (
        keys.bound(
            st.selectbox, "Choose from", "pairs.within", "", options=list(named), format_func=named.get, help=said
        )
        or None
    )
