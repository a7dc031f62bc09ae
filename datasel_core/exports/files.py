"""The kept files themselves, in a folder."""

import json
from pathlib import Path
from typing import ClassVar

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.exports.guard import Contents, Copy


@export_format("files", version=1, title="The files")
class Files(Export):
    """Copies the kept files into a folder, sub-folders as in the pool, with manifest.json beside them.

    A file that is there with the same content is left alone. Where the disk can share the bytes of copies until one is
    changed, no space is used twice.
    """

    suffix: ClassVar = ""

    link: bool = Field(
        False,
        description="Hard-link instead of copying where the disk allows it: a file then shares its bytes with the "
        "source, and to change one is to change both.",
    )

    def notes(self, kept: SelectionRecord, out: Path) -> list[str]:
        """Neither is made read-only: they are one file, so that would take the right to write from its owner."""
        files = map(out.__truediv__, map(_inside, kept.table["path"].to_pylist()))
        linked = sum(path.stat().st_nlink > 1 for path in files) if self.link else 0
        if not linked:
            return []
        return [
            f"{linked:,} of the files in {out} share their bytes with their sources (hard links): to change one is to "
            "change both, so work on them read-only; export them without link to edit them."
        ]

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        if "path" not in kept.table.column_names:
            raise BadRequest("The samples of this pool are not files; export ids, csv, jsonl or parquet.")
        if kept.media is None:
            raise BadRequest(
                f"The pool {kept.manifest['pool']['name']} is no longer in the workspace, "
                "so its files cannot be found; add it again."
            )
        paths = kept.table["path"].to_pylist()
        names = [_inside(path) for path in paths]
        if len({*names, "manifest.json"}) <= len(names):
            raise BadRequest("Two kept samples have the same file; export a table instead.")
        if (changed := kept.changes(progress)).replaced:
            raise BadRequest(f"The files are not what was chosen: {changed.summary()}, and choose again.")
        sources = map(kept.media, progress.over(paths, len(paths), "finding files"))
        record = json.dumps(kept.manifest, indent=1, ensure_ascii=False) + "\n"
        return {
            **{name: Copy(source, self.link) for name, source in zip(names, sources, strict=True)},
            "manifest.json": record.encode(),
        }


def _inside(path: str) -> str:
    """The place below the new folder: never above it, whatever the table said."""
    parts = [part for part in Path(path).parts if part not in ("..", ".", "/", "\\") and not part.endswith(":")]
    return Path(*parts).as_posix()
