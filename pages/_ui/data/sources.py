"""Ways into a pool: the demo, a folder or file of one's own, and the pools that are there already."""

import re
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.errors import BadRequest
from datasel_core.pools.guess import kind_of
from datasel_core.workspace.layout import NAME
from pages._ui.data import subfolders
from pages._ui.kit import disk, forms, keys, look, markdown, watch

DEMO = "scenes"
DEMOS = {"scenes": "Photos", "scenes-captions": "Photos with captions", "questions": "Questions and answers"}
_HINTS = {
    "images": "a folder, a table with paths, COCO, YOLO, Parquet with pictures inside",
    "pairs": "a table with paths and captions, WebDataset shards, COCO captions, LLaVA, DataComp metadata",
    "text": "prompts with responses, chats or plain texts in tables, or a folder of these",
    "vectors": ".npy, .npz or Parquet",
}


def ways_in() -> None:
    """Two cards side by side: the demo, and one's own data."""
    demo, own = st.columns([2, 3], gap="medium")
    with demo, st.container(border=True, height="stretch", key="card-demo"):
        _demo()
    with own, st.container(border=True, height="stretch", key="card-own"):
        _own()


_STEPS = (
    (
        "1. Look",
        "Every photo or text on one wall, how many of which group, and what is wrong: files that cannot be read, "
        "exact copies.",
    ),
    (
        "2. Compute",
        "Patterns, embeddings, loss trajectories: what methods choose by, once; or bring your own. Stop and resume at "
        "any time.",
    ),
    (
        "3. Choose",
        "A method and a budget. Kept ones light up, dropped ones stay in view; every pick says why it was taken.",
    ),
    ("4. Take along", "A list, a table or the files, with a record that anyone can verify and repeat to the same ids."),
)


def steps() -> None:
    """What one does here, in four steps."""
    st.html(
        '<div class="ds-steps">' + "".join(f"<div><b>{name}</b><p>{text}</p></div>" for name, text in _STEPS) + "</div>"
    )


def pool_list() -> None:
    """The pools of the workspace, each with a button that opens it."""
    for trouble in disk.damaged_pools(keys.workspace()):
        markdown.trouble(trouble)
    known = disk.pools(keys.workspace())
    if not known:
        return
    look.section("Pools in this workspace", f"{len(known):,} in {keys.workspace().path}")
    opened, kinds = keys.get("pool"), registry.every("pool kind")
    for about in known:
        name, kind, size, source, button = st.columns([2, 1, 1.2, 4, 1.2], vertical_alignment="center", gap="small")
        name.markdown(f"**{markdown.plain(about['name'])}**")
        kind.caption(kinds[about["kind"]].title if about["kind"] in kinds else markdown.plain(about["kind"]))
        size.caption(f"{about['n']:,} samples")
        source.caption(markdown.plain(str(about["source"])))
        if about["name"] == opened:
            button.caption("open now")
        else:
            button.button("Open", key=f"open-{about['name']}", width="stretch", on_click=_go, args=(about["name"],))


def _demo() -> None:
    st.html('<div class="ds-section"><h2>Try the demo</h2></div>')
    st.markdown(
        "2,000 rendered scenes in groups of very different size, the same with captions, and questions with answers "
        "to fine-tune on. "
        "Made on this computer: no download, a minute or two."
    )
    known = {about["name"] for about in disk.pools(keys.workspace())}
    there = {name: title for name, title in DEMOS.items() if name in known}
    if DEMO in there:
        with st.container(horizontal=True, gap="small"):
            for name, title in there.items():
                st.button(
                    title,
                    key=f"open-{name}-demo" if name != DEMO else "open-demo",
                    icon=":material/auto_awesome:",
                    on_click=_go,
                    args=(name,),
                    disabled=keys.get("pool") == name,
                )
    if len(there) < len(DEMOS) and st.button(
        "Make the demo" if not there else "Make the rest",
        key="make-demo",
        icon=":material/auto_awesome:",
        type="secondary" if known else "primary",
    ):
        watch.start("demo", "demo")
    _trouble("demo")
    watch.watch(watch.started("demo"), key="demo", done=_opened)


def _own() -> None:
    st.html('<div class="ds-section"><h2>Open my data</h2></div>')
    path = keys.bound(
        st.text_input,
        "Folder or file on this computer",
        "new.source",
        "",
        placeholder="/home/me/photos",
        on_change=_suggest,
        help=f"Files stay where they are. {markdown.under(keys.workspace().roots())}",
    )
    kinds = registry.every("pool kind")
    left, right = st.columns(2, gap="small")
    with left:
        kind = keys.bound(
            st.selectbox,
            "It holds",
            "new.kind",
            "images",
            options=list(kinds),
            format_func=lambda id: kinds[id].title,
            help="; ".join(f"{one.title}: {_HINTS.get(id, one.summary())}" for id, one in kinds.items()),
        )
    with right:
        name = keys.bound(st.text_input, "Call it", "new.name", "", placeholder="photos")
    options: dict[str, Any] = {}
    trouble = None
    if path and Path(path).suffix and kinds[kind].model_fields:
        with st.expander("Columns of the table"):
            options, trouble = forms.form(kinds[kind], f"pool.{kind}", skip={"leave_out"})
    if path and "leave_out" in kinds[kind].model_fields:
        options["leave_out"], some = subfolders.tick_list(path)
        trouble = trouble if some else "nothing is ticked"
    if st.button("Open", key="open-own", icon=":material/folder_open:", disabled=not path or trouble is not None):
        keys.put("error.pool", _refusal(path, name))
        if watch.error("pool") is None:
            words = {option: str(value) for option, value in options.items() if value is not None}
            watch.start("pool", "pool", name=name, source=path.strip(), kind=kind, options=words)
    _trouble("pool")
    watch.watch(watch.started("pool"), key="pool", done=_opened)


def _refusal(path: str, name: str) -> str | None:
    """Why this cannot be opened, seen at once; the rest is found while it is read."""
    try:
        real = keys.workspace().allowed(path.strip())
        there = real.exists()
    except (BadRequest, OSError) as error:
        return str(error)
    if not there:
        return (
            f"There is no file or folder {path.strip()}. Check the spelling; the path is one on the computer that "
            "runs datasel."
        )
    if not NAME.fullmatch(name):
        return "Give it a name of 1 to 64 letters, digits, dots, dashes or underscores."
    other = next((about for about in disk.pools(keys.workspace()) if about["name"] == name), None)
    if other is not None and Path(other["source"]).resolve() != real:
        return f"There is already a pool called {name}, from {other['source']}. Call this one something else."
    return None


def _suggest() -> None:
    """A typed path suggests what it holds and a name that is free."""
    path = Path(str(keys.get("new.source", "")).strip())
    if not path.name:
        return
    keys.put("error.pool", None)
    try:
        real = keys.workspace().allowed(path)
        keys.put("new.kind", kind_of(real))
    except (BadRequest, OSError):  # a name that is too long, say; opening it says why
        return
    short = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:60] or "pool"
    taken = {about["name"] for about in disk.pools(keys.workspace()) if about["source"] != str(real)}
    keys.put(
        "new.name", next(name for name in [short, *(f"{short}-{at}" for at in range(2, 1000))] if name not in taken)
    )


def _trouble(key: str) -> None:
    if said := watch.error(key):
        markdown.trouble(said)


def _opened(result: Any) -> None:
    _go(result["pool"])
    for name in ("new.source", "new.name"):
        keys.put(name, None)


def _go(name: str) -> None:
    keys.open_pool(name)
    keys.put("data.view", None)
