"""Setting samples aside on the data page: a held-out set, which tests what is chosen, and a gold set, which checks
labellers.
"""

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from datasel_core.base.role import EMBEDDING
from datasel_core.errors import BadInput
from datasel_core.pools import holdout
from datasel_core.pools.holdout import CALLED, GOLD, HOLDOUT, SetAside
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, keys, look, markdown, watch
from pages._ui.kit.onward import onward
from pages._ui.media import detail, photos

_WHAT_FOR = {
    HOLDOUT: "Tests how much better than random a choice is. No method sees it or chooses from it.",
    GOLD: "Samples whose labels you know: hand them out among others to see who labels carefully. Never chosen either.",
}
_MOST_VALUES = 0.5
"""Columns with more different values than this share of the samples group nothing."""


def aside(pool: Pool) -> None:
    """Two cards: the held-out set and the gold set, each as it is, or how to draw it."""
    left, right = st.columns(2, gap="medium")
    for column, kind in ((left, HOLDOUT), (right, GOLD)):
        with column, st.container(border=True, height="stretch", key=f"card-{kind}"):
            card(pool, kind)
    try:
        found = holdout.held_out(pool)
    except BadInput:
        return
    if found is not None and photos.can_show(pool):
        rows = found.rows(pool)
        look.section("Held out", f"all {look.samples(pool, len(rows))}")
        photos.wall(pool, rows, key="held-out", height=96, on_open=detail.look_at)
        detail.open_detail(pool, rows)


def card(pool: Pool, kind: str) -> None:
    """One set as it is, or how to draw it; work on it is watched."""
    called = CALLED[kind].capitalize()
    try:
        found = holdout.read(pool, kind)
    except BadInput as error:
        look.section(called, "damaged")
        markdown.trouble(str(error))
        _give_up(pool, kind)
        return
    look.section(called, "none yet" if found is None else f"{look.samples(pool, found.about['n'])}")
    st.caption(_WHAT_FOR[kind])
    if found is None:
        _form(pool, kind)
    else:
        _there(pool, found)
    key = f"holdout.{pool.name}.{kind}"
    if error := watch.error(key):
        markdown.trouble(error)
    watch.watch(watch.started(key), key=key)


def _there(pool: Pool, found: SetAside) -> None:
    about, gone = found.about, about_gone(pool, found)
    by = f", {markdown.plain(about['by'])} never split" if about["by"] else ""
    near = ", near-duplicates on one side" if about["near"] else ""
    st.markdown(
        f"**{about['n']:,} of {about['pool']['n']:,}**, drawn at random in {about['parts']:,} parts{by}{near}, seed "
        f"{about['seed']:,}, on {markdown.plain(about['created_utc'][:10])}."
    )
    if gone:
        st.caption(f"{gone:,} of them are no longer in the pool.")
    st.caption("It is frozen: all that is measured on it can be compared.")
    if found.kind == HOLDOUT:
        onward("Compare methods with random", "pages/evidence.py", key="evidence")
    _give_up(pool, found.kind)


def about_gone(pool: Pool, found: SetAside) -> int:
    """How many of a set the pool no longer has."""
    return found.about["n"] - len(found.rows(pool))


def _form(pool: Pool, kind: str) -> None:
    share = st.slider(
        "Share of the pool, %", 1, 50, 20 if kind == HOLDOUT else 5, key=f"aside.share.{kind}", format="%d %%"
    )
    columns = ["", *_grouping(pool)]
    by = st.selectbox(
        "Never split",
        columns,
        key=f"aside.by.{kind}",
        format_func=lambda name: name or "nothing",  # a list of choices reads no Markdown
        help="A column whose values stay on one side, such as a patient, a video, a template: else what is tested was "
        "seen already, in another picture.",
    )
    has = EMBEDDING.name in disk.roles(pool).features
    near = st.checkbox(
        "Keep near-duplicates on one side",
        value=has,
        disabled=not has,
        key=f"aside.near.{kind}",
        help="By the embedding, cosine from .95." if has else "This takes an embedding; compute one under Features.",
    )
    if st.button(f"Draw about {round(pool.n * share / 100):,}", key=f"aside.draw.{kind}", icon=":material/casino:"):
        asked = {"pool": pool.name, "share": f"{share}%", "by": by or None, "near": near and has, "gold": kind == GOLD}
        watch.start(f"holdout.{pool.name}.{kind}", "holdout", **asked)
        st.rerun()


def _grouping(pool: Pool) -> list[str]:
    """Columns that put samples together, the group of the pool first."""
    return _columns(pool.table_sha256, pool)


@st.cache_data(max_entries=16, show_spinner=False)
def _columns(table: str, _pool: Pool) -> list[str]:
    plain = [name for name in _pool.columns if name not in ("id", *_pool.long_columns)]
    plain = [name for name in plain if not pa.types.is_nested(_pool.table[name].type)]
    most = _MOST_VALUES * _pool.n
    found = [name for name in plain if 1 < pc.count_distinct(_pool.table[name]).as_py() <= most]
    return sorted(found, key=lambda name: name != _pool.group_column)


def _give_up(pool: Pool, kind: str) -> None:
    with st.popover("Give it up", icon=":material/delete:"):
        st.markdown(
            "Its samples can be chosen again. What was measured on it stays with the selections that name it; a set "
            "drawn later is another one."
        )
        if st.button(f"Give up the {CALLED[kind]}", key=f"aside.remove.{kind}"):
            holdout.forget(pool, kind)
            keys.tell(f"{pool.name} has no {CALLED[kind]} any more.", "success")
            st.rerun()
