"""The kept files themselves, in a folder."""

import json
from typing import ClassVar

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.exports.guard import Contents
from datasel_core.exports.pictures import pictures


@export_format("files", version=1, title="The files")
class Files(Export):
    """Copies the kept files into a folder, sub-folders as in the pool, with manifest.json beside them. Pictures inside
    a Parquet file or a tar shard become files of their own, to the byte, called by their ids.

    A file that is there with the same content is left alone. Where the disk can share the bytes of copies until one is
    changed, no space is used twice.
    """

    suffix: ClassVar = ""

    link: bool = Field(
        False,
        description="Hard-link instead of copying where the disk allows it: a file then shares its bytes with the "
        "source, and to change one is to change both.",
    )

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        files = pictures(kept, progress, self.link).contents
        if "manifest.json" in files:
            raise BadRequest("A kept sample is called manifest.json as the record is; export a table instead.")
        record = json.dumps(kept.manifest, indent=1, ensure_ascii=False) + "\n"
        return {**files, "manifest.json": record.encode()}
