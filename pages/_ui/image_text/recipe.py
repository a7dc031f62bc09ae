"""The published two-stage recipe as one click: the best by negCLIPLoss, and of those the most like a target."""

import streamlit as st

from datasel_core.base import registry
from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, markdown, watch
from pages._ui.question import targets


def job_name(pool: Pool) -> str:
    """Under which the recipe of a pool is watched."""
    return f"recipe.{pool.name}"


def two_stages(pool: Pool) -> None:
    """Draws the recipe under an expander. Its result becomes the active selection, once."""
    _take(pool)
    cls = registry.find("method", "norm_sim")
    with st.expander("Two stages at once"):
        st.caption(
            "The published recipe: the best by negCLIPLoss, and of those the most like a target by NormSim-∞. Shares "
            "are of the whole pool."
        )
        if not targets.possible(pool, cls):
            st.caption("It needs a target: another pool of examples, with the feature image from the same encoder.")
            return
        towards = targets.choose(pool, cls, "recipe.target")
        first = keys.bound(
            st.number_input, "First, % by negCLIPLoss", "recipe.first", 30.0, min_value=0.1, max_value=100.0, step=5.0
        )
        then = keys.bound(
            st.number_input, "Then, % by NormSim", "recipe.then", 20.0, min_value=0.1, max_value=100.0, step=5.0
        )
        if then > first:
            markdown.trouble(f"The second share is {then:g} %; it must be at most the first, {first:g} %.")
            return
        help = None if towards else "Choose the examples first."
        if st.button("Keep both stages", key="recipe", icon=":material/filter_alt:", disabled=not towards, help=help):
            keys.put(f"{job_name(pool)}.seen", None)
            watch.start(
                job_name(pool), "recipe", pool=pool.name, target=towards, first=f"{first:g}%", then=f"{then:g}%"
            )
            st.rerun()


def _take(pool: Pool) -> None:
    name = job_name(pool)
    job = watch.started(name)
    result = None if job is None or job.is_active else job.result()
    if result and keys.get(f"{name}.seen") != result["run"]:
        keys.put(f"{name}.seen", result["run"])
        keys.put("run", result["run"])
        keys.tell(f"Both stages are done: {result['n']:,} of {look.samples(pool)} kept.", "success")
        st.rerun()
