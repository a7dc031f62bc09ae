"""The published two-stage recipe as one click: the best by negCLIPLoss, and of those the most like a target."""

import streamlit as st

from datasel_core import registry
from datasel_core.pools._pool import Pool
from pages._ui import keys, look, targets, watch

JOB = "recipe"


def two_stages(pool: Pool) -> None:
    """Draws the recipe under an expander. Its result becomes the active selection."""
    cls = registry.find("method", "norm_sim")
    with st.expander("Two stages at once"):
        st.caption("The published recipe: the best by negCLIPLoss, and of those the most like a target by NormSim-∞. Shares are of the whole pool.")
        if not targets.possible(pool, cls):
            st.caption("It needs a target: another pool of examples, with the feature image from the same encoder.")
            return
        towards = targets.choose(pool, cls, "recipe.target")
        first = keys.bound(st.number_input, "First, % by negCLIPLoss", "recipe.first", 30.0, min_value=0.1, max_value=100.0, step=5.0)
        then = keys.bound(st.number_input, "Then, % by NormSim", "recipe.then", 20.0, min_value=0.1, max_value=100.0, step=5.0)
        if then > first:
            st.error(f"The second share is {then:g} %; it must be at most the first, {first:g} %.")
            return
        if st.button("Keep both stages", key="recipe", icon=":material/filter_alt:"):
            watch.start(JOB, "recipe", pool=pool.name, target=towards, first=f"{first:g}%", then=f"{then:g}%")
            st.rerun()
    job = watch.started(JOB)
    if job is not None and not job.is_active and job.result() and keys.get("recipe.seen") != job.result()["run"]:
        keys.put("recipe.seen", job.result()["run"])
        keys.put("run", job.result()["run"])
        keys.tell(f"Both stages are done: {job.result()['n']:,} of {look.samples(pool)} kept.", "success")
        st.rerun()
