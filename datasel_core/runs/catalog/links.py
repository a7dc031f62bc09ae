"""Which selection builds on which, by the hashes in their manifests: a path may change, a hash does not."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.runs import manifest
from datasel_core.runs.derivations.derivation import derivation_of
from datasel_core.runs.run import is_preview, runs
from datasel_core.workspace.layout import Workspace


def builds_on(said: Mapping[str, Any]) -> set[str]:
    """The `ids_sha256` of every selection that a manifest names: within, already, or the parts it was made of. What
    counts as chosen after several batches has a hash of its own, and names each of them.
    """
    how = derivation_of(said["method"])
    parts = () if how is None else how.parts()
    named = [one for one in (said["within"], said["already"], *parts) if one]
    return {ids for one in named for ids in (one["ids_sha256"], *one.get("of", ()))}


def dependants(workspace: Workspace, folder: Path) -> list[Path]:
    """Kept selections that build on the one in this folder and on no other: none where another one kept the same."""
    try:
        mine = _kept(manifest.read(folder))
    except BadInput:
        return []  # nobody can build on what is damaged
    pool, ids = mine
    others = [(other, said) for other, said in _readable(workspace) if other != folder and not is_preview(other)]
    found = [other for other, said in others if said["pool"]["fingerprint"] == pool and ids in builds_on(said)]
    spare = any(_kept(said) == mine and manifest.is_answer(other) for other, said in others) if found else False
    return [] if spare else found


def find_kept(workspace: Workspace, pool: str, ids: str) -> Path | None:
    """The intact run from the pool with this fingerprint that kept the ids with this hash; those that somebody asked to
    keep come before others.
    """
    same = [folder for folder, said in _readable(workspace) if _kept(said) == (pool, ids)]
    return next((folder for folder in sorted(same, key=is_preview) if manifest.is_answer(folder)), None)


def _kept(said: Mapping[str, Any]) -> tuple[str, str]:
    return said["pool"]["fingerprint"], said["result"]["ids_sha256"]


def _readable(workspace: Workspace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Finished runs and what their manifests say; one that is damaged is no answer, and is passed over."""
    for folder in runs(workspace, previews=True):
        try:
            said = manifest.read(folder)
            _kept(said), builds_on(said)
        except (BadInput, KeyError, TypeError, AttributeError):
            continue
        yield folder, said
