"""How a choice is set: what a person wants as chips, alpha and sigma as sliders, and all else in a drawer."""

import html
import math
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from datasel_core.base.role import EMBEDDING
from datasel_core.errors import DataselError
from datasel_core.methods.tsds import Tsds
from datasel_core.pools.pool import Pool
from datasel_core.runs.neighbor_tables import Tables
from datasel_core.runs.question import Question
from pages._ui.kit import forms, keys, look, markdown
from pages._ui.question import answers, methods
from pages._ui.targets import space

_SLIDERS = ("alpha", "c", "sigma")
_LEAST = 0.01
"""The smallest C that can be entered."""
_FORM = "method.tsds"


def ask(pool: Pool) -> Question | None:
    """Draws the row, and what is missing; None while there is no target in the pool's space."""
    error, asked = None, {}
    _to_nearest("alpha", lambda value: min(max(value, 0.0), 1.0))
    _to_nearest("c", lambda value: max(value, _LEAST))
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="chips"):
        name = space.choose(pool)
        if name is not None:
            _purposes()
        use: dict[str, str] = {}
        if name is not None or len(methods.fillers(pool, EMBEDDING.name)) > 1:
            with st.popover("Settings", key="settings", icon=":material/tune:"):
                look.section("Settings", "towards a target, spread out")
                use = methods.roles(pool, Tsds)  # in the space of another embedding there may be a target
                if name is not None:
                    asked, error = _drawer()
        if differs := _differs(asked):
            said = html.escape(" · ".join(differs))
            st.html(f'<span class="ds-differs" title="{said}">{said}</span>', width="content")
    if not space.is_ready(pool, name):
        return None
    if error is not None:
        look.empty("The settings do not fit together", f"{error} Mend it in Settings.", key="settings-wrong")
        return None
    seed = asked.pop("seed")
    try:
        return answers.ask(pool, Tsds(**asked), use, seed=seed, target=name)
    except DataselError as trouble:
        markdown.trouble(trouble)
        return None


def _purposes() -> None:
    """What a person may want, a chip each, which sets alpha and how is drawn; the one that is set is marked.

    No widget that keeps a value: it would send an older one after a slider was moved, and set alpha back.
    """
    keys.put("targets.purpose", marked := _purpose())
    for at, (name, params) in enumerate(Tsds.purposes.items()):
        kind = "primary" if name == marked else "secondary"
        said = ", ".join(" ".join(look.parameter(Tsds, one, value)) for one, value in params.items())
        st.button(name, key=f"purpose-{at}", type=kind, help=f"Sets {said}.", on_click=_set, args=(params,))


def _purpose() -> str | None:
    """The purpose that alpha and the way of drawing are those of."""
    now = {name: str(_kept(name)) for name in ("alpha", "sampling")}
    same = (name for name, params in Tsds.purposes.items() if now == {one: str(params[one]) for one in now})
    return next(same, None)


def _set(params: Mapping[str, Any]) -> None:
    forms.fill(Tsds, _FORM, params)


def _kept(name: str) -> Any:
    """A parameter as it is kept; as text where it came with the address."""
    return keys.get(f"form.{_FORM}.{name}", Tsds.model_fields[name].default)


def _drawer() -> tuple[dict[str, Any], str | None]:
    """Everything but the two sliders. Returns the parameters and the seed, and what is wrong."""
    st.caption(f"{Tsds.summary()}  \n[Paper]({Tsds.paper})")
    params, error = forms.form(Tsds, _FORM, skip=_SLIDERS, columns=1)
    help = Tsds.model_fields["c"].description
    keys.bound(st.number_input, Tsds.label("c"), f"form.{_FORM}.c", 5.0, min_value=_LEAST, step=0.5, help=help)
    help = "The same seed draws the same samples."
    seed = keys.bound(st.number_input, "Seed", "select.seed", 0, min_value=0, step=1, help=help)
    return {**params, "seed": int(seed)}, error


def _differs(asked: Mapping[str, Any]) -> list[str]:
    """What the drawer holds that is not as by default, a few words each."""
    said = {name: value for name, value in asked.items() if name not in ("seed", "sampling")} | {"c": _kept("c")}
    found = [
        ": ".join(look.parameter(Tsds, name, value))
        for name, value in said.items()
        if str(value) != str(Tsds.model_fields[name].default)
    ]
    return found + ([f"seed {asked['seed']}"] if asked.get("seed") else [])


def sliders(found: Tables) -> tuple[float, float, float]:
    """Draws alpha and sigma; C is as the drawer says."""
    stops = [0.0, *found.neighbours.widths.tolist()]
    _to_nearest("sigma", lambda value: min(stops, key=lambda stop: abs(stop - value)))
    alphas, sigmas = st.columns(2, gap="medium", vertical_alignment="bottom")
    with alphas:
        alpha = keys.bound(
            st.slider,
            "Alpha: spread wide (0) or stay close (1)",
            f"form.{_FORM}.alpha",
            0.5,
            min_value=0.0,
            max_value=1.0,
            step=0.01,
            on_change=_again,
            help=Tsds.model_fields["alpha"].description,
        )
    with sigmas:
        sigma = keys.bound(
            st.select_slider,
            "Sigma: nearer than this is a near-duplicate",
            f"form.{_FORM}.sigma",
            0.75,
            options=stops,
            format_func=lambda width: "off" if width == 0 else f"{width:g}",
            help=Tsds.model_fields["sigma"].description,
        )
    for name, (value, words) in keys.get("targets.moved", {}).items():
        if str(_kept(name)) == str(value):  # until another is set
            st.caption(f":material/info: {markdown.plain(words)}")
    return float(alpha), float(_kept("c")), float(sigma)


def _to_nearest(name: str, nearest: Callable[[float], float]) -> None:
    """What an address, or another pool, says of a slider and cannot be set here goes to the nearest that can; a line
    says so. nearest: of a finite number.
    """
    said, usual = _kept(name), Tsds.model_fields[name].default
    try:
        number = float(said)
    except (TypeError, ValueError):
        number = math.nan
    value = nearest(number) if math.isfinite(number) else usual
    if value == number:
        return
    label = {"alpha": "Alpha", "c": "C", "sigma": "Sigma"}[name]
    how = "the nearest that it can be is" if math.isfinite(number) else "it is a number; as usual it is"
    words = f"{label} cannot be {said} here: {how} {value:g}, and that is set."
    keys.put("targets.moved", {**keys.get("targets.moved", {}), name: (value, words)})
    forms.fill(Tsds, _FORM, {name: value})


def _again() -> None:
    """The chips stand outside of what runs again while a slider is moved: they are drawn when another is the one."""
    if _purpose() != keys.get("targets.purpose"):
        keys.put("targets.again", True)


def closer(alpha: float) -> None:
    """Sets alpha, as a purpose does."""
    forms.fill(Tsds, _FORM, {"alpha": alpha})
    _again()
