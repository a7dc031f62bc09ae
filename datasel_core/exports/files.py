"""The kept files themselves, in a folder."""

from pathlib import Path
from typing import ClassVar

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports import record
from datasel_core.exports.content import Contents, Copy
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.pools.pool import Pool

_NO_FILES = "The samples of this pool are not files; export ids, csv, jsonl or parquet."


@export_format("files", version=1, title="The files")
class Files(Export):
    """Copies the kept files into a folder, sub-folders as in the pool.

    A file that is there with the same content is left alone. Where the disk can share the bytes of copies until one is
    changed, no space is used twice.
    """

    suffix: ClassVar = ""

    link: bool = Field(
        False,
        description="Hard-link instead of copying where the disk allows it: a file then shares its bytes with the "
        "source, and to change one is to change both.",
    )

    @classmethod
    def unsuited(cls, pool: Pool) -> str:
        return "" if "path" in pool.columns else _NO_FILES

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        if "path" not in kept.table.column_names:
            raise BadRequest(_NO_FILES)
        if kept.media is None:
            raise BadRequest(
                f"The pool {kept.manifest['pool']['name']} is no longer in the workspace, "
                "so its files cannot be found; add it again."
            )
        paths = kept.table["path"].to_pylist()
        names = [_inside(path) for path in paths]
        if len(set(names)) < len(names):
            raise BadRequest("Two kept samples have the same file; export a table instead.")
        if inside := next((name for name in names if name.split("/")[0] == record.FOLDER), None):
            raise BadRequest(f"{inside} would lie where the record of the export lies; export a table instead.")
        if (changed := kept.changes(progress)).replaced:
            raise BadRequest(f"The files are not what was chosen: {changed.summary()}, and choose again.")
        sources = map(kept.media, progress.over(paths, len(paths), "finding files"))
        return {name: Copy(source, self.link) for name, source in zip(names, sources, strict=True)}


def _inside(path: str) -> str:
    """The place below the new folder: never above it, whatever the table said."""
    parts = [part for part in Path(path).parts if part not in ("..", ".", "/", "\\") and not part.endswith(":")]
    return Path(*parts).as_posix()
