"""Opening a manifest again: the same pool, method, parameters and budget; then the same selection, compared by its
hash.
"""

import hashlib
import io
import tempfile
import time
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core.base.progress import Progress, listening
from datasel_core.errors import BadInput, BadRequest, DataselError, Stopped
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog import archive
from datasel_core.runs.catalog.places import place
from datasel_core.runs.question import Question
from datasel_core.runs.reproduction import asked_again
from datasel_core.workspace.hashing import hash_file, key_of
from pages._ui.kit import disk, forms, keys, look, markdown, watch
from pages._ui.question import earlier

_PATIENCE = 20
"""Seconds."""
_MOST = 64_000_000
"""Bytes of a manifest that is brought; those of the largest pools are smaller."""


def reopen() -> None:
    """A path or a file; then the session is as it was, and the selection is made again and compared."""
    with st.container(border=True, key="card-reopen"):
        st.caption(
            "From a run's folder, the zip of its record, or manifest.json alone: opens its pool, sets method, "
            "parameters and budget, chooses again and compares the ids."
        )
        left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
        with left:
            folder = keys.bound(
                st.text_input,
                "Folder with a manifest.json, or zip",
                "reopen.folder",
                "",
                placeholder="/home/me/selection",
            )
        with right:
            file = st.file_uploader("or the file itself", type=["json", "zip"], key="reopen.file")
        if st.button("Open again", key="reopen", icon=":material/history:", disabled=not folder and file is None):
            keys.put("error.reopen", None)
            keys.put("reopen.said", None)
            try:
                restore(*(_from_folder(folder) if file is None else _from_bytes(file.getvalue())))
            except DataselError as error:
                keys.put("error.reopen", str(error))
        if said := watch.error("reopen"):
            markdown.trouble(said)
        watch.watch(watch.started("reopen"), key="reopen", done=_compare)
        if answer := keys.get("reopen.said"):
            markdown.say(answer[0], "success" if answer[1] else "error")


def restore(said: dict[str, Any], folder: Path | None) -> None:
    """Puts what a manifest says into the session and starts the selection. Raises BadRequest in one line when something
    is not here.
    """
    asked = _asked_again(said, folder)
    keys.open_pool(asked.pool.name)
    keys.put("method", asked.method.id)
    keys.put("budget", asked.budget)
    forms.fill(type(asked.method), f"method.{asked.method.id}", asked.method.model_dump(mode="json"))
    keys.put("select.seed", asked.spec.seed)
    keys.put("select.where", asked.spec.where)
    _build_on(asked.pool, said)
    if asked.target is not None:
        keys.put("select.target", asked.target.pool.name)
    for role, used in asked.spec.use.items():
        keys.put(f"select.use.{role}", used)
    keys.put("reopen.expected", said["result"]["ids_sha256"])
    if watch.start("reopen", "select", **asked.spec.model_dump()) is None:
        raise BadRequest(watch.error("reopen") or "The selection could not be started.")


def _asked_again(said: dict[str, Any], folder: Path | None) -> Question:
    """The question of a manifest; its filter was written by others, and may take as long as it likes elsewhere."""
    end = time.monotonic() + _PATIENCE
    try:
        with listening(Progress(should_stop=lambda: time.monotonic() > end)):
            return asked_again(keys.workspace(), said, folder)
    except Stopped:
        raise BadRequest(
            f"The filter of this manifest takes more than {_PATIENCE} seconds; run it again from its folder: "
            "python -m datasel_core reproduce FOLDER."
        ) from None


def _from_folder(text: str) -> tuple[dict[str, Any], Path]:
    path = keys.workspace().allowed(text.strip())
    if path.suffix.lower() == ".zip" and path.is_file():
        return _from_zip(path, hash_file(path))
    folder = place(path)
    if found := manifest.problems(folder):
        raise BadInput(f"{folder} cannot be trusted: {found[0]}")
    return manifest.read(folder), folder


def _from_zip(file: Path | io.BytesIO, sha256: str) -> tuple[dict[str, Any], Path]:
    """What it holds stays in the workspace: choosing again reads the earlier selections that it builds on."""
    folder = keys.workspace().task(key_of({"record": sha256}))
    return manifest.read(archive.unpack(file, folder)), folder


def _from_bytes(content: bytes) -> tuple[dict[str, Any], Path | None]:
    if content.startswith(b"PK"):
        return _from_zip(io.BytesIO(content), hashlib.sha256(content).hexdigest())
    if len(content) > _MOST:
        raise BadInput(f"The file has {look.size(len(content))}; a manifest has at most {look.size(_MOST)}.")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_bytes(
            content
        )  # under a name of ours; the uploaded name is the sender's text
        try:
            return manifest.read(Path(folder)), None
        except BadInput as error:
            raise BadInput(str(error).replace(f"{folder}/manifest.json", "The file")) from None


def _build_on(pool: Pool, said: dict[str, Any]) -> None:
    """What a selection was chosen among, and what counted as chosen: as soon as the workspace has it, the page Select
    has it, too.
    """
    keys.put("select.within", earlier.value_of(pool, "within", said))
    keys.put("already", earlier.value_of(pool, "already", said))


def _compare(result: dict[str, Any]) -> None:
    pool = keys.pool()
    run = disk.find_run(pool, result["run"]) if pool is not None else None
    if run is None:
        return
    keys.put("run", run.key)
    _build_on(pool, run.manifest)
    same = run.manifest["result"]["ids_sha256"] == keys.get("reopen.expected")
    text = (
        f"Opened again: {look.kept_of(run)}. The ids are {'identical to' if same else 'NOT those of'} the manifest's."
    )
    keys.put("reopen.said", (text, same))
