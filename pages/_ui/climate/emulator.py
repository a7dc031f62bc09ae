"""The emulator that is built on a choice: which card is shown, and the button that makes another one."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from datasel_core.costs.simulations.sides import scenario_of
from datasel_core.costs.simulations.timeline import Timeline
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from pages._ui.climate import card as cards
from pages._ui.climate import fitting, maps, reading
from pages._ui.climate.asking import Asked
from pages._ui.climate.fitting import Fitting
from pages._ui.climate.rail import without
from pages._ui.kit import forms, keys, look, markdown, watch

TASK = "emulator"
_ANOTHER = "climate-another"


def draw(
    view: str, pool: Pool, run: Run | None, shown: Timeline, asked: Asked, working: bool
) -> Mapping[str, Any] | None:
    """The card that is shown; None where there is none."""
    card = _choose(pool, run, shown, asked, working)
    if card is not None and view == "maps":
        maps.draw(card, reading.maps(pool, card))
    elif card is not None:
        cards.draw(card, reading.page(pool, card))
    return card


def beside(view: str, pool: Pool, card: Mapping[str, Any] | None) -> None:
    if card is None:
        look.section("What is judged")
        st.caption(
            "Emulators are judged on a scenario that nothing has seen, beside baselines that need no emulator and the "
            "noise between members. None is ever certified."
        )
    elif view == "maps":
        maps.beside(card, reading.maps(pool, card))
    else:
        cards.beside(card, reading.page(pool, card))


def sentence(card: Mapping[str, Any] | None) -> str:
    if card is None:
        return "How far an emulator that is built on the kept years can be relied on."
    task, error, floor = card["task"], card["errors"]["emulator"]["rmse_s"], card["floor"]
    noise = "noise is not known" if floor is None else f"noise {floor['s']:.3f} {task['units']}"
    of = f"RMSE {error:.3f} {task['units']} on {task['target'].replace('/', ' ')} from {task['years']:,} years"
    word = card["verdict"]["word"]
    return f"{word[:1].upper()}{word[1:]}: {of}, told the {fitting.told(card)}; {noise}."


def _choose(pool: Pool, run: Run | None, lines: Timeline, asked: Asked, working: bool) -> Mapping[str, Any] | None:
    """Draws one row."""
    found = reading.cards(pool)
    newest = found[0]["key"] if found else None
    if keys.get("climate.newest", newest) != newest:
        keys.put("climate.card", newest)  # what was made a moment ago is shown
    keys.put("climate.newest", newest)
    known = {one["key"]: one for one in sorted(found, key=lambda one: _away(one, run, asked))}
    if known:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="climate-shown"):
            shown = keys.bound(
                st.selectbox,
                "Shown",
                "climate.card",
                next(iter(known)),
                options=list(known),
                format_func=lambda key: _called(known[key]),
                width=620,
            )
            if asked.target is not None:
                with forms.drawer("Another emulator", _ANOTHER, icon=":material/add:"):
                    _another(pool, run, lines, asked, working)
        return known[str(shown)]
    fit = fitting.ask(pool)
    if asked.target is None:
        look.empty(
            "Nothing can judge",
            f"No run has all years of {asked.when}. Say another period in Settings.",
            key="climate-no-judge",
        )
    elif run is not None and asked.scenario is not None and not lines.learned(asked.scenario)[0]:
        look.empty(
            "Nothing to learn from",
            "All kept years are of the target, which nothing may have seen. Choose among the other scenarios.",
            key="climate-nothing",
        )
        without(asked.scenario, leads=True)
    elif not (working or fit.trouble) and look.empty(
        "No emulator yet", _what(run, lines, asked), fit.button, key="climate-card"
    ):
        _start(_given(pool, run, lines, asked, fit))
        st.rerun()
    return None


def _another(pool: Pool, run: Run | None, lines: Timeline, asked: Asked, working: bool) -> None:
    fit = fitting.ask(pool)
    st.caption(_what(run, lines, asked))
    st.button(
        fit.button,
        key="climate-fit",
        type="primary",
        disabled=working or bool(fit.trouble),
        on_click=_start,
        args=(_given(pool, run, lines, asked, fit),),
    )


def _start(given: Mapping[str, Any]) -> None:
    watch.start(TASK, TASK, **given)
    forms.close(_ANOTHER)


def _given(pool: Pool, run: Run | None, lines: Timeline, asked: Asked, fit: Fitting) -> dict[str, Any]:
    """A reference of which years are kept is left out: these are to be learned from."""
    of, training, reference = pool.name, None, asked.reference
    if run is not None and asked.scenario is not None:
        runs, _, seen = lines.learned(asked.scenario)
        of, training = run.key, ",".join(runs) if seen else None
        reference = None if reference and scenario_of(reference) in map(scenario_of, runs) else reference
    return {
        "run": of,
        "target": asked.target,
        "reference": reference,
        "training": training,
        "period": asked.when,
        **fit.given,
    }


def _what(run: Run | None, lines: Timeline, asked: Asked) -> str:
    of = "all years of the other scenarios"
    if run is not None and asked.scenario is not None:
        _, mine, seen = lines.learned(asked.scenario)
        of = f"the {mine:,} kept years that are not of {markdown.plain(asked.scenario)}" if seen else "the kept years"
    target = markdown.plain((asked.target or "").replace("/", " "))
    judged = f"is judged on {target}, {asked.when}, beside baselines and the noise between members"
    return f"An emulator learns {of} and {judged}."


def _away(card: Mapping[str, Any], run: Run | None, asked: Asked) -> int:
    """How far a card is from what is asked: of another target, or of other years."""
    other = asked.target not in (card["task"]["target"], scenario_of(card["task"]["target"]))
    mine = None if run is None else run.manifest["sha256"]
    return 2 * other + (card["provenance"]["manifest_sha256"] != mine)


def _called(card: Mapping[str, Any]) -> str:
    task = card["task"]
    on = task["target"].replace("/", " ")
    return f"{task['title']} on {on}, {task['years']:,} years, {fitting.told(card)}"
