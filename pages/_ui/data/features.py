"""Features on the data page: what can be computed, what is there, and bringing vectors from elsewhere."""

from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.role import EMBEDDING, find_role, roles
from datasel_core.features import computation
from datasel_core.features.description import made, settings, taken
from datasel_core.features.feature import Feature
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.charts import numbers
from pages._ui.kit import disk, forms, grouping, keys, look, markdown, watch


def features(pool: Pool) -> None:
    """Two columns: what can be computed or brought, and what is there."""
    kept = disk.features(pool)
    left, right = st.columns([3, 2], gap="medium")
    with right:
        _there(pool, kept)
        _bring(pool)
    with left:
        possible = computation.available_features(pool, {one.role for one in kept})
        look.section("Can be computed", f"{len(possible):,} for this pool" if possible else "")
        if not possible:
            text = "Pools of vectors bring theirs." if not pool.opens else "Import vectors computed elsewhere."
            look.empty(
                "Nothing can be computed here",
                f"{text} Bring an .npz file with ids and one array, on the right.",
                key="no-features",
            )
        for one in possible:
            _card(pool, one, kept)


def _card(pool: Pool, cls: type[Feature], kept: list[StoredFeature]) -> None:
    there = [one for one in kept if one.id == cls.id]
    key = f"feature.{pool.name}.{cls.id}"
    with st.container(border=True, key=f"card-{cls.id}"):
        look.section(
            cls.title,
            f"fills the role {cls.role}"
            + (f"; there in {len(there)} {'form' if len(there) == 1 else 'forms'}" if there else ""),
        )
        st.markdown(cls.summary())
        said = [f"**{word}:** {text.rstrip('.')}." for word, text in (("Cost", cls.cost), ("Avoid", cls.avoid)) if text]
        if cls.paper:
            said.append(f"[Paper]({cls.paper})")
        st.caption("  \n".join(said))
        params: dict[str, Any] = {}
        error = None
        with st.container(horizontal=True, gap="small"):
            button = st.container(width="content")
            if cls.model_fields:
                with st.popover("Parameters", icon=":material/tune:"):
                    params, error = forms.form(cls, cls.id)
        with button:
            if st.button(
                f"Compute for {look.samples(pool)}",
                key=f"compute-{cls.id}",
                icon=":material/play_arrow:",
                disabled=error is not None,
            ):
                watch.start(key, "feature", pool=pool.name, feature=cls.id, params=params)
        _trouble(key)
        watch.watch(watch.started(key), key=key, done=lambda result: keys.tell(_finished(pool, cls, result), "success"))


def _finished(pool: Pool, cls: type[Feature], result: dict[str, Any]) -> str:
    missed = result.get("unreadable", 0)
    return f"{cls.title} is there for {pool.n - missed:,} of {look.samples(pool)}" + (
        f"; {missed:,} could not be read." if missed else "."
    )


def _there(pool: Pool, kept: list[StoredFeature]) -> None:
    look.section("Ready", f"{len(kept):,} {'feature' if len(kept) == 1 else 'features'}")
    if not kept:
        look.empty(
            "No features yet",
            "Methods choose by features. Compute one on the left, or bring vectors computed elsewhere.",
            key="none-yet",
        )
    for one in reversed(kept):
        with st.container(border=True, key=f"kept-{one.key}"):
            st.markdown(
                f"**{markdown.plain(one.role)}** · {markdown.plain(_source(one))}  \n:small[{_shape(one)} · "
                f"{markdown.plain(made(one))}  \nkey {markdown.plain(one.key)}{_choice(kept, one)}]"
            )
            if words := grouping.known_by(one, disk.roles(pool)):
                st.caption(markdown.plain(words))
            if one.meta["shape"] == "rows" and len(one.meta["values"]) == 1:
                numbers.histogram(one)
            if one.unreadable:
                with st.expander(f"{len(one.unreadable):,} of {pool.n:,} without a value"):
                    st.dataframe(
                        {
                            "sample": [entry["id"] for entry in one.unreadable],
                            "cause": [entry["reason"] for entry in one.unreadable],
                        },
                        hide_index=True,
                        alt="Samples without a value in this feature",
                    )


def _source(one: StoredFeature) -> str:
    """`Image side of CLIP, model ViT-B-32`, or `from v.npz, made by dinov2`."""
    cls = registry.every("feature").get(one.id)
    named = [] if one.id == "imported" else [cls.title if cls else one.id]
    return ", ".join([*named, *filter(None, [settings(one)])])


def _choice(kept: list[StoredFeature], one: StoredFeature) -> str:
    """Where others could fill its role: whether it is taken, or how it can be."""
    if sum(other.role == one.role for other in kept) < 2:
        return ""
    if taken(kept)[one.role] is one:
        return f"  \n**taken for {markdown.plain(one.role)}**, the newest"
    return f"  \nnot taken; {markdown.code(f'--use {one.role}={one.key}')} takes it"


def _shape(one: StoredFeature) -> str:
    shape = one.meta["values"]
    if one.meta["shape"] == "ragged":
        return f"{shape[0]:,} patterns of {shape[1]:,} numbers" if len(shape) > 1 else f"{shape[0]:,} values"
    each = " x ".join(f"{size:,}" for size in shape[1:]) or "1"
    return f"{shape[0]:,} samples, {each} {'number' if each == '1' else 'numbers'} each"


def _bring(pool: Pool) -> None:
    look.section("Bring vectors computed elsewhere")
    with st.container(border=True, key="card-import"):
        st.caption(
            "An .npz file with `ids` and one array per role. Ids are matched by name; missing and extra ids are "
            "reported."
        )
        file = keys.bound(
            st.text_input, "File on this computer", "import.file", "", placeholder="/home/me/embedding.npz"
        )
        known = [name for name, one in roles().items() if one.shape not in ("label", "labels")]
        own = [name for name in [keys.get("import.role")] if name and name not in known]
        role = keys.bound(
            st.selectbox,
            "Role",
            "import.role",
            EMBEDDING.name,
            options=[*known, *own],
            accept_new_options=True,
            help="What the array is for. A name of your own will do: by one number per sample one can filter and keep.",
        )
        st.caption(markdown.plain(f"{role.capitalize()}: {_said(role)}"))
        encoder = keys.bound(
            st.text_input,
            "Encoder",
            "import.encoder",
            "",
            placeholder="dinov2-base",
            help="What made the vectors. Those of two encoders are never compared; without a name they are on trust.",
        )
        if st.button("Import", key="import", icon=":material/input:", disabled=not file):
            watch.start(
                "import",
                "feature_import",
                pool=pool.name,
                role=role,
                file=file.strip(),
                encoder=encoder.strip() or None,
            )
        _trouble("import")
        watch.watch(
            watch.started("import"),
            key="import",
            done=lambda result: keys.tell(_matched(pool, role, result), "success"),
        )


def _said(role: str) -> str:
    said = find_role(role).summary
    return said[:1].lower() + said[1:] if said else "an array of your own, one row per sample."


def _matched(pool: Pool, role: str, result: dict[str, Any]) -> str:
    text = f"{result['matched']:,} of {look.samples(pool)} matched by id now fill the role {role}"
    for n, rest in ((result["missing"], "have no vector"), (result["extra"], "ids of the file are not in the pool")):
        text += f"; {n:,} {rest}" if n else ""
    return f"{text}."


def _trouble(key: str) -> None:
    if said := watch.error(key):
        markdown.trouble(said)
