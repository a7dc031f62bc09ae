"""Opening a manifest again: the same pool, method, parameters and budget; then the same selection, compared by its
hash.
"""

import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.errors import BadInput, BadRequest, DataselError
from datasel_core.runs import manifest
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import disk, forms, keys, look, watch


def reopen() -> None:
    """A path or a file; then the session is as it was, and the selection is made again and compared."""
    with st.container(border=True, key="card-reopen"):
        st.caption(
            "From a run's folder, or from manifest.json alone: opens its pool, sets method, parameters and budget, "
            "chooses again and compares the ids."
        )
        left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
        with left:
            folder = keys.bound(
                st.text_input, "Folder with a manifest.json", "reopen.folder", "", placeholder="/home/me/selection"
            )
        with right:
            file = st.file_uploader("or the file itself", type="json", key="reopen.file")
        if st.button("Open again", key="reopen", icon=":material/history:", disabled=not folder and file is None):
            keys.put("error.reopen", None)
            keys.put("reopen.said", None)
            try:
                restore(*(_from_folder(folder) if file is None else _from_bytes(file.getvalue())))
            except DataselError as error:
                keys.put("error.reopen", str(error))
        if said := watch.error("reopen"):
            st.error(said, icon=":material/error:")
        watch.watch(watch.started("reopen"), key="reopen", done=_compare)
        if answer := keys.get("reopen.said"):
            (st.success if answer[1] else st.error)(answer[0])


def restore(said: dict[str, Any], folder: Path | None) -> None:
    """Puts what a manifest says into the session and starts the selection. Raises BadRequest in one line when something
    is not here.
    """
    home = keys.workspace()
    pool = _pool_of(home, said)
    if said["method"]["id"] == "combine":
        raise BadRequest(
            "This selection was made of others; run it again from its folder: python -m datasel_core reproduce FOLDER."
        )
    cls = registry.find("method", said["method"]["id"])
    made = cls(**said["method"]["params"])
    if cls.version != said["method"]["version"]:
        raise BadRequest(
            f"{cls.title} is now version {cls.version}; the manifest was made by version {said['method']['version']}, "
            "so the answer may differ."
        )
    asked: dict[str, Any] = {
        "pool": pool,
        "method": cls.id,
        "params": made.model_dump(mode="json"),
        "seed": said["seed"],
    }
    asked["budget"] = str(said["budget"]["granted"])
    asked["use"] = {role: about.get("key") or about["column"] for role, about in said["features"].items()}
    if said["target"]:
        asked["target"] = said["target"]["name"]
        asked["use"] |= {f"target.{role}": about["key"] for role, about in said["target"]["features"].items()}
        keys.put("select.target", said["target"]["name"])
    asked["where"] = said["where"]
    for name in ("within", "already"):
        if said[name]:
            if folder is None or not (folder / f"{name}.parquet").exists():
                raise BadRequest(
                    f"This selection builds on an earlier one ({name}); open its whole folder, which holds "
                    f"{name}.parquet."
                )
            asked[name] = str(folder / f"{name}.parquet")
    keys.open_pool(pool)
    keys.put("method", cls.id)
    keys.put("budget", said["budget"]["granted"])
    forms.fill(cls, f"method.{cls.id}", made.model_dump(mode="json"))
    keys.put("select.seed", said["seed"])
    keys.put("select.where", said["where"])
    for role, used in asked["use"].items():
        keys.put(f"select.use.{role}", used)
    keys.put("reopen.expected", said["result"]["ids_sha256"])
    if watch.start("reopen", "select", **asked) is None:
        raise BadRequest(watch.error("reopen") or "The selection could not be started.")


def _pool_of(home: Workspace, said: dict[str, Any]) -> str:
    """The pool with this fingerprint, whatever it is called here."""
    wanted = said["pool"]
    same = [about["name"] for about in disk.pools(home) if about.get("fingerprint") == wanted["fingerprint"]]
    if same:
        return wanted["name"] if wanted["name"] in same else same[0]
    if any(about["name"] == wanted["name"] for about in disk.pools(home)):
        raise BadRequest(
            f"The pool {wanted['name']} is not what it was: its samples changed since the manifest was written "
            f"({wanted['n']:,} samples then)."
        )
    raise BadRequest(
        f"The pool {wanted['name']} ({wanted['n']:,} {wanted['kind']}) is not in this workspace; open it on the Data "
        "page first."
    )


def _from_folder(text: str) -> tuple[dict[str, Any], Path]:
    folder = keys.workspace().allowed(text.strip())
    folder = folder.parent if folder.name == "manifest.json" else folder
    if found := manifest.problems(folder):
        raise BadInput(f"{folder} cannot be trusted: {found[0]}")
    return manifest.read(folder), folder


def _from_bytes(content: bytes) -> tuple[dict[str, Any], None]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_bytes(
            content
        )  # under a name of ours; the uploaded name is the sender's text
        try:
            return manifest.read(Path(folder)), None
        except BadInput as error:
            raise BadInput(str(error).replace(f"{folder}/manifest.json", "The file")) from None


def _compare(result: dict[str, Any]) -> None:
    pool = keys.pool()
    run = disk.find_run(pool, result["run"]) if pool is not None else None
    if run is None:
        return
    keys.put("run", run.key)
    same = run.manifest["result"]["ids_sha256"] == keys.get("reopen.expected")
    text = (
        f"Opened again: {look.kept_of(run)}. The ids are {'identical to' if same else 'NOT those of'} the manifest's."
    )
    keys.put("reopen.said", (text, same))
