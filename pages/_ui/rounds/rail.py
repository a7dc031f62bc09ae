"""At the right: the recipe of the round that is open or next, whether quotas were met, and the rule that ends all."""

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.rounds.project import Project
from datasel_core.rounds.proposal import propose
from datasel_core.rounds.turn import run_of
from datasel_core.runs.mixtures.answer import quotas_kept
from datasel_core.runs.mixtures.recipe import Recipe
from pages._ui.kit import markdown

_NAMED = 3


def draw(project: Project) -> None:
    found = propose(project)
    at = project.rounds[-1].at if found is None and project.rounds else found.at if found else 1
    recipe = found.recipe if found else project.rounds[-1].recipe
    with st.container(border=True, key="rounds-recipe"):
        st.markdown(f"**Recipe of round {at}**")
        _recipe(recipe)
        st.caption(markdown.plain(project.plan.stop.words(project.plan.price.currency, project.plan.price.is_known)))
    if project.rounds:
        with st.container(border=True, key="rounds-quotas"):
            _quotas(project)


def _recipe(recipe: Recipe) -> None:
    st.markdown("\n".join(f"- {markdown.plain(share.words())}" for share in recipe.shares))
    quotas = recipe.words().split("; ")[1:]
    if quotas:
        st.markdown("\n".join(f"- {markdown.plain(one)}" for one in quotas))


def _quotas(project: Project) -> None:
    """Met or not, of the last round that was chosen."""
    one = project.rounds[-1]
    st.markdown(f"**Round {one.at} as chosen**")
    try:
        run = run_of(project, one)
        kept = quotas_kept(run)
    except DataselError as error:
        markdown.trouble(error)
        return
    for share, why in run.manifest["method"]["params"]["short"].items():
        st.markdown(f"- share {share} fell short; the others made up for it", help=markdown.plain(why))
    for bound in ("least", "most"):
        mine = [quota for quota in kept if bound in quota]
        if not mine:
            continue
        missed = [quota for quota in mine if not quota["met"]]
        words = f"at {bound} {mine[0][bound]:,} per {markdown.plain(mine[0]['per'])}"
        met = f"met by all {len(mine):,}" if not missed else f"not met by {len(missed):,} of {len(mine):,}"
        named = ", ".join(f"{markdown.plain(quota['name'])} {quota['n']:,}" for quota in missed[:_NAMED])
        st.markdown(f"- {words}: {met}{f' ({named})' if named else ''}")
    if not kept:
        st.caption("No quotas were asked for.")
