"""The kept files themselves, in a folder."""

from typing import ClassVar

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports.content import Contents
from datasel_core.exports.export import Export, SelectionRecord, export_format
from datasel_core.exports.pictures import kept_rows, pictures
from datasel_core.pools.pool import Pool

_NO_FILES = "The samples of this pool are not files; export ids, csv, jsonl or parquet."


@export_format("files", version=1, title="The files")
class Files(Export):
    """Copies the kept files into a folder, sub-folders as in the pool. Pictures inside a Parquet file or a tar shard
    become files of their own, to the byte, called by their ids.

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
        return "" if "image" in pool.opens else _NO_FILES

    @classmethod
    def likely(cls, pool: Pool) -> int:
        return 45

    def contents(self, kept: SelectionRecord, progress: Progress) -> Contents:
        if kept.pool is None and not {"path", "cell", "offset"} & set(kept.table.column_names):
            raise BadRequest(_NO_FILES)
        return pictures(*kept_rows(kept, progress), progress, link=self.link).contents
