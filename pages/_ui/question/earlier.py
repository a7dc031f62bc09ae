"""Earlier selections that a choice builds on: which there are, and which of them a manifest means."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog import lists
from datasel_core.runs.run import Run
from pages._ui.kit import disk, look

Flag = Literal["within", "already"]


def choices(pool: Pool, flag: Flag) -> dict[str, str]:
    """As `within` or `already` of a question -> what it is called: none, lists of samples, the selections of the pool,
    and what these were built on in another workspace, which came with them.
    """
    return {"": "none"} | {value: words for value, words, _ in _known(pool, flag)}


def value_of(pool: Pool, flag: Flag, said: Mapping[str, Any]) -> str | None:
    """The choice that a manifest builds on, told by its ids; None where it builds on none, or on one that is not
    here.
    """
    ids = said[flag] and said[flag]["ids_sha256"]
    return next((value for value, _, theirs in _known(pool, flag) if theirs == ids), None) if ids else None


def _known(pool: Pool, flag: Flag) -> Iterator[tuple[str, str, str]]:
    """Value, words, and the hash of the ids that it stands for; a damaged selection is none."""
    runs, seen = disk.runs(pool), set()
    if flag == "within":
        for one in lists.of_pool(disk.home(pool), pool):
            seen.add(one.ids_sha256)
            yield one.value, one.words, one.ids_sha256
    for run in runs:
        if ids := _ids(run, flag):
            seen.add(ids)
            n = run.manifest["result"]["n"]
            yield run.key, look.chosen_by(run) if flag == "already" else f"{n:,} by {look.recipe(run)}", ids
    for run in runs:
        built_on = run.manifest[flag]
        if built_on and built_on["ids_sha256"] not in seen:
            seen.add(built_on["ids_sha256"])
            words = f"{built_on['n']:,} that {look.recipe(run)} was built on"
            yield f"{run.key}/{flag}.parquet", words, built_on["ids_sha256"]


def _ids(run: Run, flag: Flag) -> str | None:
    """The hash of what a selection kept; as `already` with what had counted as chosen before it."""
    kept, before = run.manifest["result"]["ids_sha256"], run.manifest["already"]
    if not before or flag == "within":
        return kept
    try:
        return _together(run.folder, kept, before["ids_sha256"])
    except DataselError:
        return None


@functools.lru_cache(maxsize=1000)
def _together(folder: Path, kept: str, before: str) -> str:
    run = Run(folder, manifest.read(folder))
    return manifest.ids_sha256(dict.fromkeys([*run.ids, *manifest.earlier_ids(folder, run.manifest)]))
