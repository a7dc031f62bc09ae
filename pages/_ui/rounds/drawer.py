"""What a new project is asked: budget, price, recipe, quotas, and when to stop."""

from typing import Any

import streamlit as st

from datasel_core.actions.task import parse_task
from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.pools.persistence import pool_names
from datasel_core.pools.pool import Pool
from datasel_core.rounds.stop import MEASURES
from pages._ui.kit import disk, forms, keys, look, markdown

KEY = "rounds-new"
SHARES = (1, 2, 3)
_NONE = ""


def draw(pool: Pool) -> None:
    """The whole drawer; Start makes the project and opens it."""
    first, second, third, fourth = st.columns(4, gap="small")
    with first:
        keys.bound(st.text_input, "Name", "rounds.name", "labels", max_chars=64)
    with second:
        unit = look.unit(pool).capitalize()
        most = disk.n_candidates(pool)
        keys.bound(st.number_input, unit, "rounds.budget", min(500, most), min_value=1, max_value=most, step=10)
    with third:
        keys.bound(st.number_input, "Rounds", "rounds.rounds", 5, min_value=1, max_value=100)
    with fourth:
        titles = {name: name.capitalize() for name in MEASURES}
        help = "; ".join(f"{name}: {what}" for name, (_, what) in MEASURES.items())
        keys.bound(st.selectbox, "Gain in", "rounds.measure", "coverage", options=list(titles), format_func=titles.get,
                   help=help)  # fmt: skip
    _prices(pool)
    st.markdown("**Recipe** :small[:gray[of every round; what fails is followed from the second on]]")
    for at in SHARES:
        _share(pool, at)
    _quotas(pool)
    if st.button("Start", key="rounds-start", type="primary"):
        _start(pool)


def _prices(pool: Pool) -> None:
    one = look.unit(pool, 1)
    cells = st.columns(5, gap="small")
    asked = (("Seconds each", "seconds", 20.0, f"Work on one {one}."), ("Wage an hour", "wage", 15.0, ""))
    for cell, (label, name, usual, help) in zip(cells, asked, strict=False):
        with cell:
            keys.bound(st.number_input, label, f"rounds.{name}", usual, min_value=0.0, step=1.0, help=help or None)
    with cells[2]:
        keys.bound(st.text_input, "Currency", "rounds.currency", "EUR", max_chars=8)
    with cells[3]:
        keys.bound(st.number_input, "Least gain", "rounds.gain", 0.0, min_value=0.0, step=0.1,
                   help="Stop when 100 of money bring less of the gain; 0 for no such rule.")  # fmt: skip
    with cells[4]:
        keys.bound(st.number_input, "Enough at", "rounds.reach", 0.0, min_value=0.0, step=1.0,
                   help="Stop when this much is reached; 0 for no such rule.")  # fmt: skip


def _share(pool: Pool, at: int) -> None:
    """Per cent, method, target. The first share is there; of others 0 % means that there is none."""
    titles = {id: one.title for id, one in registry.every("method").items()}
    usual = {1: (70, "facility_location"), 2: (30, "random")}.get(at, (0, "random"))
    cells = st.columns([18, 46, 36], gap="small")
    with cells[0]:
        keys.bound(st.number_input, f"Share {at}, %", f"rounds.percent.{at}", usual[0], min_value=0, max_value=100)
    with cells[1]:
        method = keys.bound(st.selectbox, f"Method {at}", f"rounds.method.{at}", usual[1], options=list(titles),
                            format_func=titles.get)  # fmt: skip
    if registry.find("method", method).needs_target:
        with cells[2]:
            keys.bound(st.selectbox, f"Target {at}", f"rounds.target.{at}", _NONE,
                       options=[_NONE, *pool_names(disk.home(pool))],
                       format_func=lambda name: markdown.plain(name) or "what fails then")  # fmt: skip


def _quotas(pool: Pool) -> None:
    columns = [_NONE, *(name for name in pool.columns if name not in ("id", *pool.long_columns))]
    cells = st.columns(4, gap="small")
    for cell, (label, name) in zip(cells[::2], (("At least", "least"), ("At most", "most")), strict=True):
        with cell:
            keys.bound(st.number_input, label, f"rounds.{name}", 0, min_value=0, help="0 for none.")
    for cell, name in zip(cells[1::2], ("least", "most"), strict=True):
        with cell:
            keys.bound(st.selectbox, f"per ({'at least' if name == 'least' else 'at most'})", f"rounds.{name}_per",
                       _NONE, options=columns,
                       format_func=lambda name: markdown.plain(name) or "no column")  # fmt: skip


def _start(pool: Pool) -> None:
    try:
        made = parse_task({"do": "rounds_start", **asked(pool)})
        made.prepare(disk.home(pool)).run(Progress())
    except DataselError as error:
        keys.put("error.rounds", str(error))
    else:
        keys.put("error.rounds", None)
        keys.put("rounds.project", made.name)
    forms.close(KEY)
    st.rerun()


def asked(pool: Pool) -> dict[str, Any]:
    """The fields of the task that starts a project."""

    def value(name: str) -> Any:
        return keys.get(f"rounds.{name}")

    shares = []
    for at in SHARES:
        if percent := value(f"percent.{at}"):
            method = value(f"method.{at}")
            needs = registry.find("method", method).needs_target
            target = value(f"target.{at}") if needs else None
            shares.append(f"{percent}%={method}{f':target={target}' if target else ''}")
    quotas = {
        f"at_{name}": f"{value(name)} per {value(f'{name}_per')}"
        for name in ("least", "most")
        if value(name) and value(f"{name}_per")
    }
    rule = {field: value(name) or None for field, name in (("least_gain", "gain"), ("reach", "reach"))}
    plain = {name: value(name) for name in ("name", "rounds", "seconds", "wage", "currency", "measure")}
    return {"pool": pool.name, "budget": str(value("budget")), "share": shares, **quotas, **rule, **plain}
