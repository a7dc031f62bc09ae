"""What is brought to the page: labels that people made, and what a model predicts."""

import hashlib
import re
from typing import Any

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.labels.readers.guess import TITLES
from datasel_core.pools.pool import Pool
from datasel_core.workspace.files import writing
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import NAME
from pages._ui.kit import disk, keys, look, markdown, watch

LABELS, FAILURES, AGAIN = "labels", "failures", "again"
_LARGEST = 200_000_000
"""Bytes of a file that is sent through the browser; larger ones are named by their path."""


def at_work(pool: Pool) -> bool:
    """How far what was asked for here is, or why it was refused. True while something goes on."""
    for name, done in ((LABELS, _brought), (FAILURES, _target_made), (AGAIN, _chosen)):
        if (trouble := watch.error(name)) is not None:
            markdown.trouble(trouble)
        watch.watch(watch.started(name), key=name, done=lambda result, done=done: done(pool, result), beside_title=True)
    return any((job := watch.started(name)) is not None and job.is_active for name in (LABELS, FAILURES, AGAIN))


def labels_form(pool: Pool, run: str, working: bool) -> None:
    """Draws the form that brings labels. run: key of the selection that they are of; empty for the whole pool."""
    path = _file("labels.file", "What the labelling tool wrote", "/home/me/project-1.json", _LABELLED)
    source = keys.bound(
        st.selectbox,
        "It is",
        "labels.from",
        "",
        options=["", *TITLES],
        format_func=lambda name: _title(TITLES[name]) if name else "Told from the file",
        help="Label Studio: JSON, JSON-MIN or CSV. CVAT: XML for images 1.1, or its zip. YOLO: a folder or zip with "
        "data.yaml. A table: id and label; person, seconds, time, x, y, w, h as far as there are any.",
    )
    with st.expander("More"):
        person = keys.bound(st.text_input, "Who labelled, where the file does not say", "labels.person", "")
        gold = keys.bound(
            st.checkbox, "It holds right answers", "labels.gold", False, help="Labellers are checked against them."
        )
        empty = keys.bound(
            st.checkbox,
            f"{look.unit(pool).capitalize()} without a mark are labelled, too",
            "labels.empty",
            False,
            help="CVAT, COCO and YOLO do not say whether somebody looked at them.",
        )
        new = keys.bound(
            st.checkbox, "Take classes that are new", "labels.new", False, help="Labels that are kept stay for ever."
        )
    if st.button("Bring them back", key="labels-bring", type="primary", disabled=path is None or working):
        asked = {"source": source or None, "person": person.strip(), "gold": gold, "empty": empty, "new_classes": new}
        watch.start(LABELS, "labels_import", run=run or pool.name, file=path, **asked)
        st.rerun()


def failures_form(pool: Pool, working: bool) -> None:
    """Draws the form that makes a target of what fails."""
    path = _file("failures.file", "What a model fails on", "/home/me/predictions.csv", _PREDICTED)
    usual = f"{pool.name}-failures"
    name = keys.bound(st.text_input, "Call it", "failures.name", "", placeholder=usual)
    if st.button("Make it a target", key="failures-make", type="primary", disabled=path is None or working):
        watch.start(FAILURES, "failures", pool=pool.name, file=path, target=name.strip() or None)
        st.rerun()


_LABELLED = "Label Studio, CVAT, COCO, YOLO, or a table of id and label."
_PREDICTED = (
    "A table of id and predicted, which is compared with the labels; or ids that failed, one a line. They are not "
    "chosen again: they are labelled already."
)


def _file(name: str, label: str, example: str, kinds: str) -> str | None:
    """A path on this computer, or a file through the browser, which is put into the workspace; None while there is
    neither.
    """
    path = keys.bound(
        st.text_input,
        label,
        name,
        "",
        placeholder=example,
        help=f"{kinds} {markdown.under(keys.workspace().roots())}",
    )
    sent = st.file_uploader("or the file itself", key=f"{name}.sent")
    if sent is None:
        return path.strip() or None
    content = sent.getvalue()
    if len(content) > _LARGEST:
        markdown.trouble(f"The file has {look.size(len(content))}; name its path instead.")
        return None
    return _kept(sent.name, content)


def _kept(name: str, content: bytes) -> str | None:
    """Where a sent file lies: its own name is the sender's text, of which only plain letters and its ending stay."""
    plain = (
        re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("\\", "/").rpartition("/")[2]).strip("-._")[-60:].lstrip("-._")
    )
    plain = plain if NAME.fullmatch(plain) else "sent"
    folder = keys.workspace().task(key_of({"sent": hashlib.sha256(content).hexdigest()}))
    try:
        if not (folder / plain).exists():
            with writing(folder / plain) as temporary:
                temporary.write_bytes(content)
    except DataselError as error:
        markdown.trouble(error)
        return None
    return str(folder / plain)


def _title(words: str) -> str:
    return words[:1].upper() + words[1:]


def _brought(pool: Pool, result: dict[str, Any]) -> None:
    keys.put("labels.times", keys.get("labels.times", 0) + 1)
    if not result["new"]:
        keys.tell(f"{result['file']} was brought before; nothing is new.")
        return
    people = look.many(len(result["people"]), "labeller")
    text = f"{look.samples(pool, result['n'])} are labelled in {result['file']}, by {people}."
    if result["left_out"]:
        text += f" Not taken: {result['left_out']:,}, each with its reason in {result['left_out_file']}."
    keys.tell(" ".join([text, *result["notes"]]), "success")


def _target_made(pool: Pool, result: dict[str, Any]) -> None:
    keys.put("labels.times", keys.get("labels.times", 0) + 1)
    keys.put("select.target", result["target"])
    of = "" if result["checked"] is None else f" of {result['checked']:,} that could be checked"
    text = f"{result['n']:,} failures{of} are the target {result['target']} now."
    if lost := result["lost"]:
        text += f" Not used: {len(lost):,}; the first, {lost[0]['id']}: {lost[0]['reason']}."
    keys.tell(text, "success")


def _chosen(pool: Pool, result: dict[str, Any]) -> None:
    keys.put("run", result["run"])
    keys.put("labels.again", result["run"])


def targets(pool: Pool) -> list[str]:
    """Names of the targets that were made of what fails in this pool, the open one first."""
    found = [about for about in disk.pools(disk.home(pool)) if about.get("part_of", {}).get("failures")]
    names = [about["name"] for about in found if about["part_of"]["fingerprint"] == pool.fingerprint]
    return sorted(names, key=lambda name: (name != keys.get("select.target"), name))
