"""Leaving with a selection: look at it, take it along in a format, prove that it is what was chosen, open one again."""

import dataclasses
import json
import re
import shlex
from typing import Any

import streamlit as st

from datasel_core.actions.export import open_record
from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.exports.export import Export, suited
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.typed import AS_WRITTEN
from datasel_core.runs import manifest
from datasel_core.runs.catalog.archive import short_hash
from datasel_core.runs.run import Run
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import key_of
from pages._ui.export import card, lines, record, reopen
from pages._ui.kit import disk, forms, keys, look, markdown, watch
from pages._ui.media import photos
from pages._ui.media.reasons import reason

_AT_ONCE = 20_000
"""Selections up to this size are made while the page is drawn; larger ones are written by a process of their own."""


_REPLACE = (
    "Otherwise nothing that exists is replaced, but an earlier export that nobody changed. Only files that this export "
    "writes are replaced, none is deleted, and what a pool was read from is never written over."
)


def page(pool: Pool, runs: list[Run]) -> None:
    known = {run.key: run for run in runs}
    if keys.get("run") not in known:
        keys.put("run", runs[0].key)
        st.rerun()  # so that the strip above shows it too
    heading, picker = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
    with picker:
        key = keys.bound(
            st.selectbox,
            "Selection",
            "run",
            runs[0].key,
            options=list(known),
            label_visibility="collapsed",
            format_func=lambda key: look.listed(known[key]),
        )
    run = known[key]
    with heading:
        look.title("Export", look.kept_of(run))
    record.badge(run)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        deliver(pool, run)
    with right:
        preview(pool, run)
    look.section("The record", "what anyone needs to check or repeat this selection")
    with st.container(border=True, key="card-record"):
        card.card(run, file_name(pool, run))
        record.record(run.manifest)


def deliver(pool: Pool, run: Run) -> None:
    formats = suited(pool)
    look.section("Format")
    with st.container(border=True, key="card-format"):
        id = keys.bound(
            st.radio,
            "Format",
            "export.format",
            next(iter(formats)),
            options=list(formats),
            format_func=lambda id: formats[id].title,
            captions=[_short(one) for one in formats.values()],
            label_visibility="collapsed",
        )
        cls = formats[id]
        params, wrong = forms.form(cls, f"export.{id}") if cls.model_fields else ({}, None)
        if wrong or record.problems(run):
            return
        how = cls(**params)
        can = lines.lines(pool, run, how)
        if cls.suffix and run.manifest["result"]["n"] <= _AT_ONCE and not how.has_more():
            if can:
                _download(pool, run, how)
        else:
            _write(pool, run, how)
    look.section("The same from a terminal")
    out = f"{file_name(pool, run)}{cls.suffix}"
    other = {name: value for name, value in params.items() if value != cls.model_fields[name].default}
    own = [word for name, value in other.items() for word in ("--set", f"{name}={value}")]
    export = shlex.join(["python", "-m", "datasel_core", "export", str(run.folder), "--format", id, *own, "--out", out])
    st.code(f"{run.manifest['command']}\n{export}", language="bash", wrap_lines=True)


def _download(pool: Pool, run: Run, how: Export) -> None:
    home = keys.workspace()
    order = run.manifest["result"]["pick_order_sha256"]
    what = {"export": how.id, "version": how.version, "run": run.key, "order": order}
    made = home.task(key_of(what | _said(params=how.what()["params"]))) / f"selection{how.suffix}"
    try:
        if not (made.exists() and made.with_name("notes.json").exists()):  # who stops between the two loses no note
            kept = dataclasses.replace(open_record(home, run.folder), folder=None)
            how.write(kept, made, Progress())
            write_json(made.with_name("notes.json"), kept.notes)
    except DataselError as error:
        markdown.trouble(error)
        return
    for note in read_json(made.with_name("notes.json")) or ():
        st.caption(markdown.plain(note))
    name = f"{file_name(pool, run)}{how.suffix}"
    st.download_button(
        f"Download {markdown.plain(name)} ({look.size(made.stat().st_size)})",
        data=made.read_bytes,
        file_name=name,
        key="download",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


def _write(pool: Pool, run: Run, how: Export) -> None:
    what = "File" if how.suffix else "Folder"
    out = keys.bound(
        st.text_input,
        f"{what} to make, on this computer",
        "export.out",
        "",
        placeholder=f"/home/me/{file_name(pool, run)}{how.suffix}",
        help=markdown.under(keys.workspace().roots()),
    )
    out = out.strip()
    box = "Replace files that are there already (--overwrite)"
    overwrite = keys.bound(st.checkbox, box, _allowed(out), False, help=_REPLACE)
    if st.button(
        f"Write {look.samples(pool, run.manifest['result']['n'])}",
        key="write",
        type="primary",
        icon=":material/save:",
        disabled=not out,
    ):
        asked = _said(params=how.what()["params"], overwrite=overwrite)
        watch.start("export", "export", run=run.key, format=how.id, out=out, **asked)
    if said := watch.error("export"):
        markdown.trouble(said)
    job = watch.started("export")

    def done(made: dict[str, Any]) -> None:
        keys.put(_allowed(job.spec["out"]), False)
        said = [f"{look.samples(pool, made['n'])} written to {made['out']}.", *made["notes"]]
        keys.tell(" ".join(said), "success")

    watch.watch(job, key="export", done=done)


def _allowed(out: str) -> str:
    """Where it is kept that files may be replaced: what is allowed for one place is not for another, and only once."""
    return f"export.overwrite.{key_of(out)}"


def _said(**asked: Any) -> dict[str, Any]:
    """What was asked for at all."""
    return {name: value for name, value in asked.items() if value}


def preview(pool: Pool, run: Run) -> None:
    rows = disk.rows(run)
    shown = min(len(rows), 200)
    counts = manifest.counts(run.manifest)
    first = "all" if shown == len(rows) else f"the first {shown:,} of"
    what = "new, in pick order; the earlier are not among them" if counts.earlier else "kept, in pick order"
    look.section("Preview", f"{first} {len(rows):,} {what}")
    if photos.has_photos(pool):
        photos.wall(
            pool,
            rows[:shown],
            key=f"export-{run.key}",
            height=84,
            badges={int(row): str(at + 1) for at, row in enumerate(rows[:shown])},
        )
    table = run.table.slice(0, shown)
    table = table.set_column(table.column_names.index("why"), "why", [_whys(run, table["why"].to_pylist())])
    dull = [name for name in ("score", "count", "why") if _says_nothing(table[name].to_pylist())]
    inner = ("row", "content", AS_WRITTEN, "path", *dull)
    table = table.drop_columns([name for name in inner if name in table.column_names])
    st.dataframe(
        table,
        hide_index=True,
        height=min(320, 38 + 35 * shown),
        alt=f"{shown:,} of {len(rows):,} kept samples in pick order",
        column_config={
            "id": st.column_config.TextColumn(width="medium"),
            "why": st.column_config.TextColumn(width="large"),
        },
        column_order=["rank", *(name for name in table.column_names if name != "rank")],
    )


def _whys(run: Run, texts: list[str]) -> list[str]:
    """Why each was kept, in the words of its method, or of those who reviewed it."""
    cls = registry.every("method").get(run.manifest["method"]["id"])
    because = cls.because if cls else ""
    whys = [json.loads(text or "{}") for text in texts]
    return [reason(because, why, rank) or why.get("review", "") for rank, why in enumerate(whys, 1)]


def _says_nothing(values: list[Any]) -> bool:
    """No scores at all, or the same everywhere."""
    return len({value for value in values if value == value}) <= 1


def _short(cls: type[Export]) -> str:
    """The first sentence of a declaration."""
    return cls.summary().split(". ")[0].rstrip(".") + "."


def file_name(pool: Pool, run: Run) -> str:
    """`photos-final-round-1a2b3c4d`: pool, name, and a piece of its hash; good on every disk."""
    name = re.sub(r"[^\w.-]+", "-", run.name)[:40].strip("-.")
    return "-".join(filter(None, [pool.name, name, short_hash(run.manifest)]))


if (pool := keys.pool()) is None:
    look.title("Export")
    look.empty(
        "No pool is open",
        "Open a pool on the Data page first, or open a manifest again below.",
        "Go to Data",
        "pages/data.py",
    )
elif not (runs := disk.runs(pool)):
    look.title("Export", look.samples(pool))
    text = f"Choose some of the {look.samples(pool)} first; every choice can then be exported and checked here."
    look.empty("Nothing is selected yet", text, "Go to Select", "pages/select.py")
else:
    page(pool, runs)
look.section("Open a manifest again")
reopen.reopen()
