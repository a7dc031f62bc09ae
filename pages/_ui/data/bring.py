"""Bringing vectors that were computed elsewhere."""

from typing import Any

import streamlit as st

from datasel_core.base.role import EMBEDDING, find_role, roles
from datasel_core.pools.pool import Pool
from pages._ui.kit import keys, look, markdown, watch


def bring(pool: Pool) -> None:
    look.section("Bring vectors computed elsewhere")
    with st.container(border=True, key="card-import"):
        st.caption("An .npz file with `ids` and arrays. Ids are matched by name; missing and extra ids are reported.")
        file = keys.bound(
            st.text_input, "File on this computer", "import.file", "", placeholder="/home/me/embedding.npz"
        )
        known = [name for name, one in roles().items() if one.shape not in ("label", "labels")]
        own = [name for name in [keys.get("import.role")] if name and name not in known]
        role = keys.bound(
            st.selectbox,
            "What it is",
            "import.role",
            EMBEDDING.name,
            options=[*known, *own],
            format_func=lambda name: name.replace("_", " ") if name in known else name,
            accept_new_options=True,
            help="What the array says of each sample. A name of your own will do: by one number per sample one can "
            "filter and keep.",
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
            done=lambda result: _brought(pool, role, result),
        )


def _said(role: str) -> str:
    said = find_role(role).summary
    return said[:1].lower() + said[1:] if said else "an array of your own, one row per sample."


def _brought(pool: Pool, role: str, result: dict[str, Any]) -> None:
    keys.put("data.new", result["feature"])
    keys.tell(_matched(pool, role, result), "success")


def _matched(pool: Pool, role: str, result: dict[str, Any]) -> str:
    text = f"{result['matched']:,} of {look.samples(pool)} matched by id have a value for {role} now"
    for n, rest in ((result["missing"], "have no vector"), (result["extra"], "ids of the file are not in the pool")):
        text += f"; {n:,} {rest}" if n else ""
    return f"{text}."


def _trouble(key: str) -> None:
    if said := watch.error(key):
        markdown.trouble(said)
