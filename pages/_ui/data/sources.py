"""Ways into a pool: the demo, a folder or file of one's own, and the pools that are there already."""

import re
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.errors import BadRequest
from datasel_core.pools.guess import kind_of
from datasel_core.workspace.layout import NAME
from pages._ui.data import recent, stripes
from pages._ui.kit import disk, forms, keys, look, markdown, watch
from pages._ui.opening import browse, drop, subfolders

DEMOS = ("scenes", "scenes-captions", "questions")
"""Pools of the demo."""
CLIMATE = "mini-climate"
_SKETCH = Path(__file__).parent / "pictures" / "climate.png"
"""Drawn of the synthetic climate by this program: tools/first_pictures.py."""
_HINTS = {
    "images": "a folder, a table with paths, COCO, YOLO, Parquet with pictures inside",
    "pairs": "a table with paths and captions, WebDataset shards, COCO captions, LLaVA, DataComp metadata",
    "text": "prompts with responses, chats or plain texts in tables, or a folder of these",
    "facts": "questions with answers and relations in tables; or any table, from which templates make them",
    "climate": "NetCDF as CMIP has it, a file, a folder of these, or Zarr; choose variable and baseline below",
    "vectors": ".npy, .npz or Parquet",
}


_OPENS = (
    "Folders of photos, tables with paths and captions, COCO, YOLO, WebDataset, Hugging Face Parquet, chats and other "
    "texts, facts, climate simulations, vectors: which it is, is seen when it is opened."
)


def ways_in() -> None:
    """One's own data; beside it the demos, until all of them are among the pools."""
    if {*DEMOS, CLIMATE} <= _there():
        with st.container(border=True, key="card-own"):
            _own()
        return
    own, demo = st.columns([3, 2], gap="medium")
    with own, st.container(border=True, height="stretch", key="card-own"):
        _own()
    with demo, st.container(border=True, height="stretch", key="card-demo"):
        if not set(DEMOS) <= _there():
            _demo()
        if CLIMATE not in _there():
            _climate()


def _there() -> set[str]:
    return {about["name"] for about in disk.pools(keys.workspace())}


def _demo() -> None:
    look.section("Try the demo", "no download, a minute or two")
    st.caption("2,000 drawn scenes, the same with captions, and questions with answers, made on this computer.")
    known = _there()
    if st.button(
        "Make the rest" if known & set(DEMOS) else "Make the demo",
        key="make-demo",
        icon=":material/auto_awesome:",
        type="secondary" if known or keys.get("new.source") else "primary",
    ):
        watch.start("demo", "demo")
    _trouble("demo")
    watch.watch(watch.started("demo"), key="demo", done=_opened)


def _climate() -> None:
    look.section("Try a synthetic climate", "no download, seconds")
    words = "Scenarios from 1850 to 2100 as strips, each year coloured by its global-mean temperature"
    st.html(f'<img class="ds-sketch" style="object-fit: fill" alt="{words}" src="{stripes.url(_SKETCH.read_bytes())}">')
    st.caption(
        "21 simulations, 2,427 years, made by formulas from random numbers: synthetic, of no climate model. Choose "
        "which years to pay for, and judge emulators."
    )
    if st.button("Make the synthetic climate", key="make-climate", icon=":material/public:"):
        watch.start(CLIMATE, "mini_climate")
    _trouble(CLIMATE)
    watch.watch(watch.started(CLIMATE), key=CLIMATE, done=_opened)


def _own() -> None:
    look.section("Open my data", "it stays where it is")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        path = keys.bound(
            st.text_input,
            "Folder or file on this computer",
            "new.source",
            "",
            placeholder="/home/me/photos",
            on_change=_suggest,
            help=f"Files stay where they are. {markdown.under(keys.workspace().roots())}",
        )
        if st.button("Browse", key="browse", icon=":material/folder:"):
            browse.begin(path)
        button = st.container(width="content")
    browse.dialog(_take)
    if not path:
        st.caption(_OPENS)
        drop.ask(_take)
    kind, name, options, trouble = _read_as(path) if path else ("images", "", {}, None)
    with button:
        wanted = st.button(
            "Open it",
            key="open-own",
            icon=":material/folder_open:",
            type="primary" if path else "secondary",
            disabled=not path or trouble is not None,
        )
    if wanted:
        keys.put("error.pool", _refusal(path, name))
        if watch.error("pool") is None:
            words = {option: str(value) for option, value in options.items() if value is not None}
            watch.start("pool", "pool", name=name, source=path.strip(), kind=kind, options=words)
    _trouble("pool")
    watch.watch(watch.started("pool"), key="pool", done=_opened)


def _read_as(path: str) -> tuple[str, str, dict[str, Any], str | None]:
    """(kind, name, options of the kind, what is wrong with these), as suggested or as a person says."""
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
    folders = kinds[kind].folder_options
    if kinds[kind].model_fields and (Path(path).suffix or folders):
        with st.expander(folders or "Columns of the table"):
            options, trouble = forms.form(kinds[kind], f"pool.{kind}", skip={"leave_out"})
    if "leave_out" in kinds[kind].model_fields:
        options["leave_out"], some = subfolders.tick_list(path)
        trouble = trouble if some else "nothing is ticked"
    return kind, name, options, trouble


def _take(path: str) -> None:
    """What was found by browsing, as if it had been typed."""
    keys.put("new.source", path)
    _suggest()


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
    if other is not None and (other.get("cut") or Path(other["source"]).resolve() != real):
        return f"There is already a pool called {name}, {disk.origin(other)}. Call this one something else."
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
    known = disk.pools(keys.workspace())
    taken = {about["name"] for about in known if about["source"] != str(real) or about.get("cut")}
    keys.put(
        "new.name", next(name for name in [short, *(f"{short}-{at}" for at in range(2, 1000))] if name not in taken)
    )


def _trouble(key: str) -> None:
    if said := watch.error(key):
        markdown.trouble(said)


def _opened(result: Any) -> None:
    recent.go(result["pool"])
    for name in ("new.source", "new.name"):
        keys.put(name, None)
