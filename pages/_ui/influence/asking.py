"""What is to be trained in stages: reference and judges, how many stages, and a drawer with the rest."""

from typing import Any

import streamlit as st

from datasel_core.base.role import EMBEDDING
from datasel_core.features.encoders.tfidf_svd import TfidfSvd
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look, watch

_WAY = {
    "reference": ("Reference", "Texts that show what the model is to be good at. Influence is measured on them."),
    "judge": ("Judge", "Unused texts of the same kind: only they can show that the model is better."),
    "other": ("Other judge", "Unused texts of another kind: whether the model is better at more than the reference."),
}
_PROBES_A_SECOND = 3.0
"""On two cores, with the small model that is meant by default."""
_TRAINING = 120.0
"""Seconds of all training under one seed."""


def row(pool: Pool) -> dict[str, Any] | None:
    """Draws one row. The fields of the task; None until there is a reference, which it says."""
    pools = {what: _pool(what, _others(pool)) for what in _WAY}
    stages = keys.bound(st.number_input, "Stages", "influence.stages", 3, min_value=1, max_value=20, step=1, width=110)
    seeds = keys.bound(
        st.number_input,
        "Seeds",
        "influence.seeds",
        1,
        min_value=1,
        max_value=100,
        step=1,
        width=110,
        help="Everything once more, from other weights and samples. With fewer than 8 nothing is said of better.",
    )
    with st.popover("Settings", icon=":material/tune:", key="influence-settings"):
        rest = _rest()
    if pools["reference"] is None:
        st.caption("Choose a reference.")
        return None
    return {"pool": pool.name, **pools, "stages": int(stages), "seeds": int(seeds), **rest}


def takes(asked: dict[str, Any]) -> str:
    """`about 20 min`."""
    seconds = asked["seeds"] * (asked["stages"] * asked["probes"] / _PROBES_A_SECOND + _TRAINING)
    return look.about(seconds)


def ready(pool: Pool) -> bool:
    """Whether there are texts to measure influence on, and something to predict it from; else says what is missing."""
    if not _others(pool):
        look.empty(
            "A reference is missing",
            "Influence is measured on other texts than these; open some as a pool of their own.",
            "Go to Data",
            "pages/data.py",
            key="no-reference",
        )
        return False
    if EMBEDDING.name in disk.roles(pool).features:
        return True
    working = watch.at_work("influence-embedding")
    if not working and look.empty(
        "No embedding yet",
        "Influence is measured of a few texts and predicted for the others from their embedding.",
        look.computing(pool, TfidfSvd()),
        key="no-embedding",
    ):
        watch.start("influence-embedding", "feature", pool=pool.name, feature=TfidfSvd.id)
        st.rerun()
    return False


def _others(pool: Pool) -> list[str]:
    """Names of pools that may be reference or judge."""
    return [
        one["name"]
        for one in disk.pools(disk.home(pool))
        if one.get("kind") in ("text", "facts") and one.get("name") not in (None, pool.name)
    ]


def _pool(what: str, names: list[str]) -> str | None:
    title, help = _WAY[what]
    return keys.bound(
        st.selectbox,
        title,
        f"influence.{what}",
        None,
        options=names,
        placeholder="Choose texts" if what == "reference" else "None",
        width=200,
        help=help,
    )


def _rest() -> dict[str, Any]:
    """What is set rarely."""
    share = keys.bound(
        st.text_input, "Samples of each stage", "influence.share", "20%", help="A count, or a share of the pool."
    )
    warm_up = keys.bound(
        st.text_input,
        "Samples of the warm-up",
        "influence.warm_up",
        "20%",
        help="Drawn at random: a count, or a share of the pool. Influence means something only once the model knows "
        "more than how common words are.",
    )
    steps = keys.bound(
        st.number_input, "Steps of the warm-up", "influence.steps", 500, min_value=1, max_value=100_000, step=100
    )
    probes = keys.bound(
        st.number_input,
        "Probes at each stage",
        "influence.probes",
        500,
        min_value=20,
        max_value=100_000,
        step=100,
        help="Samples whose influence is measured, not predicted: what takes most of the time.",
    )
    weak = keys.bound(
        st.toggle,
        "Choose even if the prediction is weak",
        "influence.weak",
        False,
        help="Otherwise it stops where the prediction was not shown to rank texts that it has not seen.",
    )
    params = {"probe.steps": str(int(steps)), **({"weak": "true"} if weak else {})}
    return {"share": share, "warm_up": warm_up, "probes": int(probes), "params": params}
