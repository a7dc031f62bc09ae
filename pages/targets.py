"""Towards a target: how much chance each candidate has, whom it serves, and what alpha and sigma change, at once."""

import numpy as np
import streamlit as st

from datasel_core.base.role import EMBEDDING
from datasel_core.features.stored import StoredFeature
from datasel_core.methods.algorithms.transport import TransportPlan
from datasel_core.pools.pool import Pool
from datasel_core.runs.neighbor_tables import Tables
from datasel_core.runs.question import Question
from pages._ui.kit import drawn, keys, look, strip, watch
from pages._ui.kit.onward import onward
from pages._ui.question import answers, budget
from pages._ui.targets import crowds, mass, sentence, setting, tables, walls

_VIEWS = {
    "map": "Map",
    "likely": "Most likely",
    "targets": "Worst served",
    "unlike": "Nothing like them",
    "crowds": "Near-duplicates",
    "kept": "Kept",
}


def page(pool: Pool) -> None:
    look.title("Targets", "A few examples of what you want to be good at, and what stands for them here.")
    answers.tell_kept(pool)
    strip.preview("Targets", pool, None)
    choice = setting.ask(pool)
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


def _live(choice: Question, found: Tables, kept: StoredFeature, working: bool) -> None:
    """Everything that follows the sliders; only this part runs again."""
    if keys.get("targets.again"):
        keys.put("targets.again", None)
        drawn.again()
    alpha, c, sigma = setting.sliders(found)
    one, choice = tables.plan(found, alpha, c, sigma), choice.tuned(alpha=alpha, c=c, sigma=sigma)
    p = tables.chances(found, one, choice.pool.n)
    n = _controls(choice, int(np.count_nonzero(p)), working)
    _said(choice, found, one, p, n)
    main, side = st.columns([68, 32], gap="medium")
    with main:
        match _view(choice, found, n):
            case "map":
                mass.on_map(choice, kept, found, one, p)
            case "crowds":
                crowds.table(choice, found, one, alpha, c, sigma)
            case "likely":
                walls.likely(choice.pool, p)
            case "targets":
                walls.worst_served(choice, found, one)
            case "unlike":
                walls.unlike(choice, found)
            case "kept":
                walls.kept(choice, n)
    with side, st.container(key="rail"):
        mass.detail(choice, found, one, p)


def _controls(choice: Question, most: int, working: bool) -> int:
    """The budget and Keep. most: how many have any chance. Returns the budget."""
    controls, actions = st.columns([72, 28], gap="small", vertical_alignment="bottom")
    with controls:
        n = budget.widgets(choice.pool, most)
    same = answers.exact(choice, n)
    active = same is not None and same.key == keys.get("run")
    with actions, st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
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
        if active:
            onward("Export", "pages/export.py", key="targets")
    return n


def _said(choice: Question, found: Tables, one: TransportPlan, p: np.ndarray, n: int) -> None:
    outlook = tables.outlook(found, choice, one, n)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="said"):
        sentence.draw(choice, outlook, n)
        with st.popover("More numbers", type="tertiary", key="more-numbers"):
            look.section("Numbers", "of this choice")
            sentence.more(choice, found, one, outlook, p, n)
    sentence.advice(outlook)
    if choice.target is not None and choice.target.pool.about.get("part_of", {}).get("spared"):
        st.caption(f"The {choice.target.pool.n:,} failures are labelled already: they are not chosen again.")


def _view(choice: Question, found: Tables, n: int) -> str:
    there = {"kept": answers.exact(choice, n) is not None, "unlike": len(found.unlike) > 0}
    views = {name: title for name, title in _VIEWS.items() if there.get(name, True)}
    return keys.bound(
        st.segmented_control,
        "Show",
        "targets.view",
        "map",
        options=list(views),
        format_func=views.get,
        required=True,
        label_visibility="collapsed",
    )


def _keep(choice: Question, n: int) -> None:
    answers.keep(choice, n)
    keys.put("targets.again", True)


if (pool := keys.pool()) is None:
    look.title("Targets")
    look.empty("No pool is open", "Open data, or try the demo, on the Data page.", "Go to Data", "pages/data.py")
else:
    page(pool)
