"""How many are enough: coverage without labels, a learning curve with some, and the chance of a class."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from datasel_core.base.role import LABEL
from datasel_core.costs.enough import answer
from datasel_core.costs.enough import labels as labelled
from datasel_core.costs.enough.asking import PROBE, Asked, ask
from datasel_core.costs.enough.choices import NotRun
from datasel_core.errors import BadRequest
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look, markdown, watch
from pages._ui.plan import enough_classes, enough_coverage, enough_learning

Price = Callable[[int], Mapping[str, float] | None]
_KEY = "enough"
_CURVE, _CLASSES = "curve", "classes"
_VIEWS = {_CURVE: "With labels: how accurate", _CLASSES: "Enough of a class"}
_PROBES = {"linear": "Linear", "nearest": "Nearest neighbours"}


def draw(pool: Pool, price: Price) -> None:
    """price: what labelling so many costs, {low, mid, high}; None where nobody knows."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="enough-asked"):
        share_at = st.container(width="content")
        with st.popover("Settings", icon=":material/tune:", key="enough-settings"):
            labels, probe = _settings(pool)
    with st.container(key="enough-work"):
        working = watch.at_work(_KEY)
    asked = _whole(pool, labels, probe)
    if asked is None:
        return
    said = _answer(asked)
    if said is None:
        if not working:
            _measure(pool, asked, labels, probe)
        return
    if said["coverage"] is not None:
        with share_at:
            share = enough_coverage.choose(said["coverage"])
        enough_coverage.draw(pool, said["coverage"], share, price)
    if said["learning"] is not None:
        _labelled(pool, said, price)
    for note in said["notes"]:
        st.caption(markdown.plain(note))


def _whole(pool: Pool, labels: str | None, probe: str) -> Asked | None:
    """What can be asked; where the labels will not do, the same without them, and why. None where nothing can be."""
    for column in dict.fromkeys((labels, None)):
        try:
            return _asked(pool, column, probe)
        except BadRequest as error:
            if column is None:
                _nothing(error)
            elif not isinstance(error, NotRun):
                markdown.warning(str(error))
    return None


def _labelled(pool: Pool, said: Mapping[str, Any], price: Price) -> None:
    view = keys.bound(
        st.segmented_control,
        "What is asked with labels",
        "plan.enough",
        _CURVE,
        options=list(_VIEWS),
        format_func=_VIEWS.get,
        required=True,
        label_visibility="collapsed",
    )
    if view == _CURVE:
        enough_learning.draw(pool, said["learning"], price)
    else:
        enough_classes.draw(pool, said["classes"], price)


def _settings(pool: Pool) -> tuple[str | None, str]:
    """(column of labels, probe)."""
    roles = disk.roles(pool)
    usual = labelled.column(roles, None) if pool.group_column or LABEL.name in roles.words() else None
    column = keys.bound(
        st.selectbox,
        "Column of labels",
        "plan.labels",
        usual,
        options=labelled.columns(roles),
        placeholder="No labels yet",
        help="Samples whose value is empty are not labelled yet.",
    )
    probe = keys.bound(
        st.selectbox,
        "What learns from them",
        "plan.probe",
        PROBE,
        options=list(_PROBES),
        format_func=_PROBES.get,
        help="A small model on the vectors of the samples. Take the nearest neighbours where the linear one is slow.",
        disabled=column is None,
    )
    return None if column == usual else column, probe


def _asked(pool: Pool, labels: str | None, probe: str) -> Asked:
    """Raises BadRequest."""
    runs = disk.runs(pool, previews=True)
    state = pool.table_sha256, disk.stamps(disk.home(pool)), disk.aside(pool), tuple(one.key for one in runs)
    return _resolved(str(pool.folder), state, labels, probe, pool)


@st.cache_resource(max_entries=32, show_spinner=False)
def _resolved(folder: str, state: tuple, labels: str | None, probe: str, _pool: Pool) -> Asked:
    return ask(disk.home(_pool), _pool, labels=labels, probe=probe, found=disk.runs(_pool, previews=True))


def _answer(asked: Asked) -> Mapping[str, Any] | None:
    folder = asked.folder
    return _read(str(folder), disk.stamp(answer.file(folder)), asked)


@st.cache_data(max_entries=32, show_spinner=False)
def _read(folder: str, stamp: int, _asked: Asked) -> Mapping[str, Any] | None:
    return answer.read(_asked.folder)


def _measure(pool: Pool, asked: Asked, labels: str | None, probe: str) -> None:
    """What is not there, and the button that makes it."""
    if look.empty(
        "Not measured yet",
        f"How few of your selections cover what random ones would{', and what labels teach' if asked.column else ''}: "
        "measured once, and again when something new is chosen or labelled.",
        f"Measure, {_time(asked)} for these {look.samples(pool)}",
        key=_KEY,
    ):
        watch.start(_KEY, _KEY, pool=pool.name, probe=probe, labels=labels if asked.column == labels else None)
        st.rerun()


def _time(asked: Asked) -> str:
    """How long it takes, on two slow cores."""
    return look.about(5 + len(asked.ground.rows) * 1e-3 + (20 if asked.column else 0))


def _nothing(error: BadRequest) -> None:
    """No curve can be drawn: what is lacking, and where it is had."""
    chosen = isinstance(error, NotRun)
    look.empty(
        "Nothing to draw yet",
        "Choose by a method first: its coverage is drawn beside what as many random ones cover."
        if chosen
        else str(error),
        "Choose samples" if chosen else "Open Data",
        "pages/select.py" if chosen else "pages/data.py",
        key="enough",
    )
