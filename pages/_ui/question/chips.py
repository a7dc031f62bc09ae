"""The methods as one row of chips, the recommended first; behind it the chosen one's card, and the others with what
each lacks.
"""

from collections.abc import Mapping, Sequence

import streamlit as st

from datasel_core.evidence.recommendation import EVIDENCE, Recommendation
from datasel_core.methods.method import Method
from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, markdown
from pages._ui.kit.onward import onward
from pages._ui.question import advice, methods

_LETTERS = 88
"""What a row of chips holds beside its two buttons; a chip takes four more than its letters."""
_SAID = {"better": "better than random", "worse": "worse than random", "pilot": "only a pilot"}

Ready = Mapping[str, type[Method]]


def row(pool: Pool, ready: Ready, waiting: Sequence[tuple[type[Method], str]], found: Recommendation) -> None:
    """Draws the chips and `More methods`. ready: methods that can be used, by id. waiting: the others, with what each
    lacks.
    """
    said, chosen = advice.verdicts(pool), str(keys.get("method"))
    shown = _fitting(ready, found.method, chosen, said)
    for one in shown:
        _chip(one, found, chosen, said)
    with st.popover("More methods", key="more-methods"):
        _about(ready[chosen], found, said)
        _others([one for one in ready.values() if one not in shown], waiting)


def _fitting(ready: Ready, first: str, chosen: str, said: Mapping[str, tuple[str, str]]) -> list[type[Method]]:
    """The recommended one, then as many as one row holds; the chosen one is always among them."""
    order = sorted(ready.values(), key=lambda one: one.id != first)
    room, shown = _LETTERS - _letters(ready[chosen], said), []
    for one in order:
        if one.id == chosen or (room := room - _letters(one, said)) >= 0:
            shown.append(one)
    return shown


def _letters(one: type[Method], said: Mapping[str, tuple[str, str]]) -> int:
    return 4 + max(len(one.title), len(_verdict(one, said)) * 3 // 4)


def _verdict(one: type[Method], said: Mapping[str, tuple[str, str]]) -> str:
    """`better than random`; nothing where no method was measured."""
    if not said or one.id == "random":
        return ""
    verdict = said[one.id][0] if one.id in said else "not measured"
    return _SAID.get(verdict, verdict)


def _chip(one: type[Method], found: Recommendation, chosen: str, said: Mapping[str, tuple[str, str]]) -> None:
    first, verdict = one.id == found.method, _verdict(one, said)
    below = " · ".join(["recommended"] * first + [verdict] * bool(verdict))
    why = f"**Recommended**: {markdown.plain(found.reason)}\n\n" if first else ""
    known = f"\n\n**Measured**: {markdown.plain(said[one.id][1])}" if one.id in said and not first else ""
    st.button(
        f"{one.title} :small[{below}]" if below else one.title,
        key=f"method-{one.id}",
        type="primary" if one.id == chosen else "secondary",
        help=f"{why}{one.summary()}\n\n{methods.terms(one)}{known}",
        on_click=advice.take if first else keys.put,
        args=(found,) if first else ("method", one.id),
    )


def _about(one: type[Method], found: Recommendation, said: Mapping[str, tuple[str, str]]) -> None:
    look.section(one.title, "chosen")
    st.markdown(f":small[{one.summary()}]")
    st.caption(methods.terms(one))
    if one.id in said:
        st.caption(f"**Measured** {markdown.plain(said[one.id][1])}")
    basis = "measured on this pool" if found.basis == EVIDENCE else "by what the pool looks like"
    st.caption(f"**Recommended**, {basis}: {markdown.plain(found.reason)}")
    if found.basis != EVIDENCE:
        st.page_link("pages/evidence.py", label="Measure it on held-out samples", icon=":material/arrow_forward:")


def _others(rest: Sequence[type[Method]], waiting: Sequence[tuple[type[Method], str]]) -> None:
    for one in rest:
        said = methods.terms(one)
        st.button(one.title, key=f"method-{one.id}", on_click=keys.put, args=("method", one.id), help=said)
        st.caption(methods.sentence(one))
    if not waiting:
        return
    look.section("Not yet", f"{look.many(len(waiting), 'method')} that {'needs' if len(waiting) == 1 else 'need'} more")
    for one, lacks in waiting:
        st.caption(f"**{one.title}** · {methods.sentence(one)} {lacks}")
    onward("Compute or import features", "pages/data.py", key="waiting", leads=False, **{"data.view": "features"})
