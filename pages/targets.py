"""Towards a target: how much chance each candidate has, whom it serves, and what alpha and sigma change, at once."""

import numpy as np
import streamlit as st

from datasel_core.base import registry
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import DataselError
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.runs.neighbor_tables import Tables
from datasel_core.runs.question import Question
from pages._ui.kit import forms, keys, look, markdown, watch
from pages._ui.question import answers, budget, methods, targets
from pages._ui.targets import crowds, mass, setting, space, tables, walls

_VIEWS = {
    "map": "Map",
    "likely": "Most likely",
    "targets": "Targets, the worst served first",
    "unlike": "Nothing like them",
    "crowds": "Near-duplicates",
    "kept": "Kept",
}


def page(pool: Pool) -> None:
    look.title(
        "Targets",
        "Which candidates stand for a few examples of what you want to be good at, and how wide to spread the choice.",
    )
    answers.tell_kept(pool)
    left, right = st.columns([22, 78], gap="medium")
    with left:
        name = space.choose(pool)
    with right:
        there = space.is_ready(pool, name)
    if not there:
        with left:
            methods.roles(pool, registry.find("method", "tsds"))  # in the space of another embedding it may be
        return
    with left:
        choice = _settings(pool, name)
    with right:
        if choice is None:
            return
        with st.container(key="target-work"):
            working = any([watch.at_work(name) for name in (tables.JOB, "keep")])
        found = tables.tables(choice)
        if found is None:
            if not working and keys.get("targets.asked") != str(choice.open()):
                keys.put("targets.asked", str(choice.open()))
                tables.start(choice)
                st.rerun()
            elif not tables.is_watched():  # it was dismissed, or its answer is no longer whole
                _no_tables(choice)
            return
        st.fragment(look.told(_live))(choice, found, choice.roles.features[EMBEDDING.name], working)


def _no_tables(choice: Question) -> None:
    text = (
        "Plans are made from each target's nearest candidates, and from how crowded it is around those. They are "
        "found once, and kept."
    )
    if look.empty("The nearest candidates of the targets are not known", text, "Find them", key="no-tables"):
        tables.start(choice)
        st.rerun()


def _settings(pool: Pool, towards: str) -> Question | None:
    """Everything but the sliders."""
    cls = registry.find("method", "tsds")
    look.section("TSDS", "towards a target, spread out")
    st.caption(f"{cls.summary()}  \n[Paper]({cls.paper})")
    use = methods.roles(pool, cls)
    params, error = forms.form(cls, "method.tsds", skip=setting.SLIDERS, columns=1)
    seed = keys.bound(
        st.number_input, "Seed", "select.seed", 0, min_value=0, step=1, help="The same seed draws the same samples."
    )
    if error is not None:
        return None
    try:
        asked = answers.ask(pool, cls(**params), use, seed=int(seed), target=towards)
    except DataselError as trouble:
        markdown.trouble(trouble)
        return None
    targets.on_trust(asked.target)
    return asked


def _live(choice: Question, found: Tables, kept: StoredFeature, working: bool) -> None:
    """Everything that follows the sliders; only this part runs again."""
    if keys.get("targets.again"):
        keys.put("targets.again", None)
        st.rerun(scope="app")
    pool = choice.pool
    setting.purpose()
    alpha, c, sigma = setting.sliders(found)
    one = tables.plan(found, alpha, c, sigma)
    p = tables.chances(found, one, pool.n)
    n_likely = int(np.count_nonzero(p))
    choice = choice.tuned(alpha=alpha, c=c, sigma=sigma)
    numbers = st.container()
    controls, actions = st.columns([76, 24], gap="small", vertical_alignment="bottom")
    with controls:
        n = budget.widgets(pool, n_likely)
    with actions:
        same = answers.exact(choice, n)
        active = same is not None and same.key == keys.get("run")
        st.button(
            "Kept" if active else f"Keep {n:,}",
            key="keep-tsds",
            type="secondary" if active else "primary",
            icon=":material/check:",
            disabled=active or working,
            help="Draws them, and makes them the selection, with a manifest that anyone can verify.",
            on_click=_keep,
            args=(choice, n),
        )
    with numbers:
        setting.told(choice, found, one, n)
    there = {"kept": same is not None, "unlike": len(found.unlike) > 0}
    views = {name: title for name, title in _VIEWS.items() if there.get(name, True)}
    view = keys.bound(
        st.segmented_control,
        "Show",
        "targets.view",
        "map",
        options=list(views),
        format_func=views.get,
        required=True,
        label_visibility="collapsed",
    )
    if view == "crowds":
        crowds.table(choice, found, one, alpha, c, sigma)
        return
    left, right = st.columns([54, 46], gap="medium")
    with left:
        match view:
            case "map":
                mass.on_map(choice, kept, found, one, p)
            case "likely":
                walls.likely(pool, p)
            case "targets":
                walls.worst_served(choice, found, one)
            case "unlike":
                walls.unlike(choice, found)
            case "kept":
                walls.kept(choice, n)
    with right:
        mass.detail(choice, found, one, p)


def _keep(choice: Question, n: int) -> None:
    answers.keep(choice, n)
    keys.put("targets.again", True)


if (pool := keys.pool()) is None:
    look.title("Targets")
    look.empty("No pool is open", "Open data, or try the demo, on the Data page.", "Go to Data", "pages/data.py")
else:
    page(pool)
