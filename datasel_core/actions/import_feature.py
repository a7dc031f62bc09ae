"""Vectors computed elsewhere become a feature."""

from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.features import external
from datasel_core.features.computation import compute_followers
from datasel_core.features.external import Imported
from datasel_core.features.stored import about_feature
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace, checked_name


@task("feature_import", version=1, title="Import a feature")
class ImportFeature(Task):
    """Brings vectors computed elsewhere: an .npz with ids and an array named like the role."""

    words: ClassVar[tuple[str, ...]] = ("feature", "import")
    cost: ClassVar[str] = "Reads the file once."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    role: str = Field(
        description="What the array is: embedding, patches, loss_trajectory ...", json_schema_extra=ARGUMENT
    )
    file: str = Field(description="The .npz.", json_schema_extra=ARGUMENT)
    encoder: str | None = Field(
        None, description="What made the vectors, as in dinov2-base: vectors of two encoders are never compared."
    )

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        workspace.allowed(self.file)
        checked_name("role", self.role)
        return Work(self.own_folder(workspace), lambda progress: self._imported(workspace, pool, progress))

    def spec(self) -> dict[str, Any]:
        """Without an encoder, as if there were no such field."""
        return {name: value for name, value in super().spec().items() if name != "encoder" or value is not None}

    def headline(self) -> str:
        return f"Importing {self.role} for {self.pool}"

    def _imported(self, workspace: Workspace, pool: Pool, progress: Progress) -> Outcome:
        found = import_feature(workspace, pool, self.role, self.file, progress, self.encoder)
        missing, extra = found.missing, found.extra
        return Outcome(
            {"feature": found.kept.key, "matched": found.matched, "missing": len(missing), "extra": len(extra)},
            {**about_feature(found.kept), "matched": found.matched, "missing": missing, "extra": extra},
            [f"{found.matched} samples matched by id now fill the role {self.role}. Key {found.kept.key}."],
            [
                f"{len(ids)} {words}: {', '.join(ids[:5])}{', ...' if len(ids) > 5 else ''}"
                for words, ids in (("without a vector", missing), ("not in the pool", extra))
                if ids
            ],
        )


def import_feature(
    workspace: Workspace,
    pool: Pool,
    role: str,
    file: str,
    progress: Progress | None = None,
    encoder: str | None = None,
) -> Imported:
    """Vectors computed elsewhere, and what follows from them at once. Raises BadInput when nothing matches."""
    progress = progress or Progress()
    found = external.import_feature(workspace, pool, role, file, progress, encoder)
    compute_followers(workspace, pool, found.kept, progress)
    return found
