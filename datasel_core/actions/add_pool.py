"""Opening a source as a pool."""

import contextlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.computation import compute_followers
from datasel_core.features.description import about_features
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.labels import columns
from datasel_core.pools.persistence import read_about, save_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace, checked_name
from datasel_core.workspace.locks import Lock


@task("pool", version=1, title="Open a pool")
class AddPool(Task):
    """Reads a source and keeps it as a pool. Media files stay where they are."""

    words: ClassVar[tuple[str, ...]] = ("pool", "add")
    cost: ClassVar[str] = "Reads every file of the source once."

    name: str = Field(description="What the pool is to be called.", json_schema_extra=ARGUMENT)
    source: str = Field(
        description="A folder, a file, or shards as in 'data/{00000..00012}.tar'.", json_schema_extra=ARGUMENT
    )
    kind: str | None = Field(None, description="One of {pool kind}; guessed from the source by default.")
    options: dict[str, Any] = Field({}, description="key=value of this kind.", json_schema_extra=called("option"))

    def prepare(self, workspace: Workspace) -> Work:
        from datasel_core.pools.guess import kind_of  # brings every reader, which is felt by commands that read nothing

        checked_name("pool", self.name)
        if self.kind is not None:
            find("pool kind", self.kind)
        kind = self.kind or kind_of(workspace.allowed(self.source))
        find("pool kind", kind).of(self.options)
        workspace.allowed(self.source)
        said = [] if self.kind else [f"{self.name} is read as {kind}; --kind says otherwise."]
        return Work(self.own_folder(workspace), lambda progress: self._added(workspace, kind, progress), said)

    def headline(self) -> str:
        return f"Opening {self.name}"

    def _added(self, workspace: Workspace, kind: str, progress: Progress) -> Outcome:
        made = add_pool(workspace, self.name, self.source, kind, self.options, progress)
        return Outcome(
            {"pool": made.name, "n": made.n, "unreadable": made.left_out},
            about_pool(workspace, made),
            [f"{made.name}: {made.n} samples, {made.left_out} left out."],
            [*(f"left out: {one['id']}: {one['reason']}" for one in made.unreadable[:20]), *made.about["notes"]],
        )


def add_pool(
    workspace: Workspace,
    name: str,
    source: str,
    kind: str,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Pool:
    """Reads a source and keeps it as a pool; arrays it brought become features. The same source may be added again: it
    is read anew.

    Raises BadRequest, when another source has the name already, too; then nothing is written.
    """
    progress = progress or Progress()
    checked_name("pool", name)
    declared = find("pool kind", kind).of(options or {})
    path = workspace.allowed(source)
    _check_free(workspace, name, str(path), kind)
    scan = declared.scan(path, workspace, progress)
    try:
        with Lock(workspace.pool(name)).hold(progress.check):
            # Reading may take long, and somebody else may have taken the name.
            _check_free(workspace, name, str(path), kind)
            pool = save_pool(workspace, name, declared, path, scan)
    finally:
        scan.close()
    with contextlib.suppress(BadInput):  # damaged labels are said where they are looked at
        columns.renew(workspace, pool)
    encoder = getattr(declared, "encoder", None)
    for role, array in scan.roles.items():
        missing, facts = scan.missing.get(role, []), scan.facts.get(role)
        rows = np.setdiff1d(np.arange(pool.n), [row for row, _ in missing])
        values = array[rows] if missing else array
        kept = keep_imported(workspace, pool, role, values, rows, missing, path.name, progress, encoder, facts)
        compute_followers(workspace, pool, kept, progress)
    return pool


def _check_free(workspace: Workspace, name: str, source: str, kind: str) -> None:
    about = None
    with contextlib.suppress(BadInput):  # a damaged one is added again, and nobody knows from where it was
        about = read_about(workspace.pool(name))
    if about is not None and about.get("cut"):
        raise BadRequest(
            f"There is a pool called {name} already, cut from {about['cut']['from']}; choose another name, or remove "
            "that one first."
        )
    if about is not None and (about["source"], about["kind"]) != (source, kind):
        raise BadRequest(
            f"There is a pool called {name} already, from {about['source']}; choose another name, or remove that one "
            "first."
        )


def about_pool(workspace: Workspace, pool: Pool) -> dict[str, Any]:
    """What is said of a pool, as plain data."""
    said = ("name", "kind", "n", "fingerprint", "source", "unreadable", "notes")
    kept = about_features(kept_features(workspace, pool.fingerprint))
    return {
        **{name: pool.about[name] for name in said},
        "left_out": pool.left_out,
        "columns": pool.columns,
        "features": kept,
    }
