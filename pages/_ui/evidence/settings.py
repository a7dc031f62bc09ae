"""What is to be compared: which methods, which budgets, and how."""

from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.role import EMBEDDING
from datasel_core.evidence.tables.asking import NONE
from datasel_core.evidence.tables.choices import RANDOM
from datasel_core.pools.holdout import SetAside
from datasel_core.pools.kinds.facts import Facts
from datasel_core.pools.pool import Pool
from datasel_core.probes.facts import FactsProbe
from pages._ui.kit import disk, keys, look
from pages._ui.question import methods, targets

_USUAL = ("k_center", "facility_location", "freesel")


def settings(pool: Pool, held: SetAside) -> dict[str, Any] | None:
    """Draws one row: methods, budgets, and a drawer with the rest. The fields of the task; None while nothing is
    chosen.
    """
    ready = {id: one for id, one in methods.ready(pool).items() if id != RANDOM}
    if not ready:
        st.caption("No method can be used yet: compute a feature on the Data page.")
        return None
    usual = [id for id in _USUAL if id in ready] or list(ready)[:2]
    chosen = keys.bound(
        st.multiselect,
        "Methods",
        "evidence.methods",
        usual,
        options=list(ready),
        format_func=lambda id: ready[id].title,
        help="Random of the same seed and size stands against each; random under other seeds is the control.",
        placeholder="Choose at least one",
        width=520,
    )
    budgets = keys.bound(
        st.text_input,
        "Budgets",
        "evidence.budgets",
        ", ".join(map(str, _budgets(pool.n - len(held.rows(pool))))),
        help="Counts, or shares of the candidates such as 10%, separated by commas.",
        width=200,
    )
    towards = next((ready[id] for id in chosen if ready[id].needs_target), None)
    target = targets.choose(pool, towards, "evidence.target", width=260) if towards else None
    with st.popover("Settings", icon=":material/tune:", key="evidence-settings"):
        rest = _rest(pool, held)
    if not chosen or (towards and not target):
        return None
    return {"pool": pool.name, "methods": ",".join(chosen), "budgets": budgets, "target": target, **rest}


def _rest(pool: Pool, held: SetAside) -> dict[str, Any]:
    """What is set rarely."""
    n, by = len(held.rows(pool)), held.about["by"]
    how = f", whole by {by}" if by else ""
    look.section("Held out", f"{n:,} of {look.samples(pool)}{how}; no selection can choose them")
    probes = _probes(pool)
    probe = keys.bound(
        st.selectbox,
        "Probe",
        "evidence.probe",
        next(iter(probes)),
        options=list(probes),
        format_func=probes.get,
        help="What is trained on the kept and tested on the held-out samples: the main measure.",
    )
    seeds = keys.bound(
        st.number_input,
        "Seeds",
        "evidence.seeds",
        8,
        min_value=2,
        max_value=100,
        step=1,
        help="How often each method and budget is chosen anew. Move it up when intervals are wide. With fewer than 8 "
        "nothing is said of better or worse; 100 take twelve times as long as 8.",
    )
    once = {"probe.n_seeds": "1"} if probe == FactsProbe.id else {}  # the table has seeds of its own
    return {"seeds": int(seeds), "probe": probe, "params": once}


def _budgets(free: int) -> list[int]:
    """Up to four that double, the last a third of what can be chosen at most."""
    most = max(1, min(240, free // 3))
    return sorted({max(1, most // part) for part in (8, 4, 2, 1)})


def _probes(pool: Pool) -> dict[str, str]:
    """Probe -> its title; those that are trained in a moment, and of facts the one that asks about them."""
    roles, found = disk.roles(pool), {}
    if EMBEDDING.name in roles.features and roles.group is not None:
        quick = {id: one for id, one in registry.every("probe").items() if one.each_is and not one.opens}
        found = {id: one.title for id, one in quick.items() if all(map(roles.has, one.needs))}
    facts = {FactsProbe.id: FactsProbe.title} if pool.kind == Facts.id else {}
    return {**found, **facts, NONE: "None: distances alone"}
