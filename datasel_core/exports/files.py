"""The kept files themselves, in a folder."""

import json
import os
import shutil
from pathlib import Path
from typing import ClassVar

from datasel_core.declare import HOW, Field
from datasel_core.errors import BadRequest
from datasel_core.exports._export import Export, Kept, export_format
from datasel_core.progress import Progress
from datasel_core.store import disk_trouble, hash_file, writing


@export_format("files", version=1, title="The files")
class Files(Export):
    """Copies the kept files into a folder, sub-folders as in the pool, with manifest.json beside them.

    Files on the same disk are hard-linked where that is allowed: no space is used twice. A file that is there with the same content is left alone; another
    content is replaced only in a folder that an earlier export made.
    """

    suffix: ClassVar = ""

    link: bool = Field(True, description="Hard-link instead of copying where the disk allows it.", json_schema_extra=HOW)

    def write(self, kept: Kept, out: Path, progress: Progress) -> Path:
        if "path" not in kept.table.column_names:
            raise BadRequest("The samples of this pool are not files; export ids, csv, jsonl or parquet.")
        if kept.media is None:
            raise BadRequest(f"The pool {kept.manifest['pool']['name']} is no longer in the workspace, so its files cannot be found; add it again.")
        if out.exists() and not out.is_dir():
            raise BadRequest(f"{out} is a file; --out names the folder to make.")
        paths = kept.table["path"].to_pylist()
        targets = [out / _inside(path) for path in paths]
        if len(set(targets)) < len(targets):
            raise BadRequest("Two kept samples have the same file; export a table instead.")
        ours = (out / "manifest.json").exists()
        for path, target in zip(paths, progress.over(targets, len(targets), "copying files"), strict=True):
            self._bring(kept.media(path), target, ours)
        with writing(out / "manifest.json") as temporary:
            temporary.write_text(json.dumps(kept.manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return out

    def _bring(self, source: Path, target: Path, ours: bool) -> None:
        if not source.is_file():
            raise BadRequest(f"{source} is not there any more; nothing else is wrong with the selection.")
        if target.is_dir():
            raise BadRequest(f"{target} is a folder where a file is to stand; name another --out.")
        try:
            if target.exists():
                if _same(source, target):
                    return
                if not ours:
                    raise BadRequest(f"{target} is there already with another content; name an empty folder with --out.")
            if not (self.link and _link(source, target)):
                with writing(target) as temporary:
                    shutil.copyfile(source, temporary)
        except OSError as error:
            raise disk_trouble(error, target) from error


def _same(source: Path, target: Path) -> bool:
    if source.samefile(target):
        return True
    return source.stat().st_size == target.stat().st_size and hash_file(source) == hash_file(target)


def _link(source: Path, target: Path) -> bool:
    """Hard-links where the disk allows it; otherwise (another disk, a file system without links) the file has to be copied."""
    beside = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        os.link(source, beside)
        os.replace(beside, target)
    except OSError:
        beside.unlink(missing_ok=True)
        return False
    return True


def _inside(path: str) -> Path:
    """The place below the new folder: never above it, whatever the table said."""
    parts = [part for part in Path(path).parts if part not in ("..", ".", "/", "\\") and not part.endswith(":")]
    return Path(*parts)
