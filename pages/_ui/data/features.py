"""Features on the data page: what can be computed, the likely one first, and what is there."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.features.description import made, settings, taken
from datasel_core.features.feature import Feature
from datasel_core.features.likely import is_demo, likely_first
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.charts import numbers
from pages._ui.data import bring, next_step
from pages._ui.kit import disk, forms, grouping, keys, look, markdown, watch


def features(pool: Pool) -> None:
    """Two columns: what can be computed, and at the right what is there or can be brought."""
    kept = disk.features(pool)
    left, right = st.columns([72, 28], gap="medium")
    with right:
        _there(pool, kept)
        bring.bring(pool)
    with left:
        possible = likely_first(pool, {one.role for one in kept})
        look.section("Can be computed", "the likely one first" if len(possible) > 1 else "")
        if not possible:
            text = "Pools of vectors bring theirs." if not pool.opens else "Import vectors computed elsewhere."
            look.empty(
                "Nothing can be computed here",
                f"{text} Bring an .npz file with ids and one array, on the right.",
                key="no-features",
            )
        for one in possible:
            _card(pool, one, kept, leads=one is possible[0] and not kept)


def _card(pool: Pool, cls: type[Feature], kept: Sequence[StoredFeature], leads: bool) -> None:
    key = f"feature.{pool.name}.{cls.id}"
    there = [one for one in kept if one.id == cls.id]
    with st.container(border=True, key=f"card-{cls.id}", gap="xsmall"):
        look.section(cls.title, cls.suits or cls.summary())
        params: dict[str, Any] = {}
        error = None
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            button = st.container(width="content")
            if cls.model_fields or there:
                with st.popover("Compute again" if there else "Settings", icon=":material/tune:"):
                    if cls.model_fields:
                        params, error = forms.form(cls, cls.id)
                    button = st.container() if there else button
            with st.popover("What it does", type="tertiary"):
                _about(cls)
            if there:
                st.markdown(f":small[:material/check: Ready: {markdown.plain(_shape(there[-1]))}]", width="content")
        with button:
            if st.button(
                look.computing(pool, *([] if error else [cls(**params)])),
                key=f"compute-{cls.id}",
                icon=":material/play_arrow:",
                type="primary" if leads else "secondary",
                disabled=error is not None,
            ):
                watch.start(key, "feature", pool=pool.name, feature=cls.id, params=params)
        if cls.demo_only and not is_demo(pool) and not params.get("pretrained"):
            st.caption(f":material/info: {markdown.plain(cls.demo_only)}")
        _trouble(key)
        watch.watch(watch.started(key), key=key, done=lambda result: _finished(pool, cls, result))


def _about(cls: type[Feature]) -> None:
    st.markdown(cls.summary())
    if cls.avoid:
        st.caption(f"**Not for:** {markdown.plain(cls.avoid)}")
    if cls.paper:
        st.caption(f"[Paper]({cls.paper})")


def _finished(pool: Pool, cls: type[Feature], result: dict[str, Any]) -> None:
    missed = result.get("unreadable", 0)
    lost = f"; {missed:,} could not be read." if missed else "."
    keys.put("data.new", result["feature"])
    n = pool.n - missed - result.get("unmeasured", 0)
    keys.tell(f"{cls.title} is there for {n:,} of {look.samples(pool)}{lost}", "success")


def _there(pool: Pool, kept: Sequence[StoredFeature]) -> None:
    look.section("Ready", look.many(len(kept), "feature"))
    if not kept:
        look.empty(
            "No features yet",
            "Methods choose by features. Compute one on the left, or bring vectors computed elsewhere.",
            key="none-yet",
        )
    for one in reversed(kept):
        with st.container(border=True, key=f"kept-{one.key}", gap="xsmall"):
            st.markdown(f"**{markdown.plain(_called(one))}**  \n:small[{_shape(one)}]")
            if words := grouping.known_by(one, disk.roles(pool)):
                st.caption(markdown.plain(words))
            next_step.button(pool, one, leads=one.key == keys.get("data.new", kept[-1].key))
            if one.meta["shape"] == "rows" and len(one.meta["values"]) == 1:
                numbers.histogram(one)
            if n := one.n_unmeasured:
                st.caption(f"{pool.n - n:,} of {pool.n:,} samples measured")
            if one.unreadable:
                _unreadable(pool, one)
            with st.expander("More numbers"):
                st.markdown(
                    f"Made {markdown.plain(made(one))}  \nTaken for **{markdown.plain(one.role)}**{_choice(kept, one)}"
                    f"  \nKey {markdown.plain(one.key)}"
                )


def _unreadable(pool: Pool, one: StoredFeature) -> None:
    with st.expander(f"{len(one.unreadable):,} of {pool.n:,} without a value"):
        st.dataframe(
            {
                "sample": [entry["id"] for entry in one.unreadable],
                "cause": [entry["reason"] for entry in one.unreadable],
            },
            hide_index=True,
            alt="Samples without a value in this feature",
        )


def _called(one: StoredFeature) -> str:
    """`Image side of CLIP, model ViT-B-32`, or `embedding, from v.npz, made by dinov2`."""
    cls = registry.every("feature").get(one.id)
    named = one.role if one.id == "imported" else cls.title if cls else one.id
    return ", ".join(filter(None, [named, settings(one)]))


def _choice(kept: Sequence[StoredFeature], one: StoredFeature) -> str:
    """Where others could be taken instead: whether it is, or how it can be."""
    if sum(other.role == one.role for other in kept) < 2:
        return ""
    if taken(kept)[one.role] is one:
        return ", the newest"
    return f" only where it is asked for: {markdown.code(f'--use {one.role}={one.key}')}"


def _shape(one: StoredFeature) -> str:
    shape = one.meta["values"]
    if one.meta["shape"] == "ragged":
        return f"{shape[0]:,} patterns of {shape[1]:,} numbers" if len(shape) > 1 else f"{shape[0]:,} values"
    each = " x ".join(f"{size:,}" for size in shape[1:]) or "1"
    return f"{shape[0]:,} samples, {each} {'number' if each == '1' else 'numbers'} each"


def _trouble(key: str) -> None:
    if said := watch.error(key):
        markdown.trouble(said)
