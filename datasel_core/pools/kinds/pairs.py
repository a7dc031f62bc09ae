"""Pairs of image and caption: a table, WebDataset tar shards, DataComp metadata with embeddings, or a usual layout."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.labels import RAREST
from datasel_core.pools.media import photos
from datasel_core.pools.media.cells import CELL, Cell, cell_of, fetch, has_cells
from datasel_core.pools.media.pictures import KeptFile, Member
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers import caption_columns, pair_table
from datasel_core.pools.readers.layouts import listing
from datasel_core.pools.readers.layouts.find import Choice, find_layout, may_describe
from datasel_core.pools.readers.pair_table import Named, scan_table
from datasel_core.pools.readers.shards.datacomp import Embeddings, is_metadata, metadata_origins, scan_metadata
from datasel_core.pools.readers.shards.scan import Ids, is_shard, scan_shards
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.paths import root_of
from datasel_core.pools.readers.tables.table_file import TABLES, kind_by_content
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

_OF_TABLES = ("path_column", "caption_column", "id_column", "group_column", "root")


@pool_kind("pairs", version=1, title="Images with captions")
class Pairs(PoolKind):
    """A CSV, JSONL, JSON, Parquet or Arrow table with image paths and captions; tar shards of a WebDataset (one, a
    folder, or `{00000..00012}.tar`); DataComp metadata; or COCO captions, LLaVA, an imagefolder with captions in its
    metadata, Parquet with pictures inside.

    Images that cannot be opened, and captions that are empty, are listed with the reason and left out. DataComp
    metadata (Parquet with `uid`, beside it .npz with `l14_img` and `l14_txt`, or `b32_...`) brings the roles `image`
    and `text`, and no pictures.
    """

    groups: ClassVar = (*PoolKind.groups, RAREST)

    path_column: str | None = Field(
        None,
        description="Table column with the image's path, relative to the table's folder; none takes path, image, "
        "file_name and the like.",
    )
    caption_column: str | None = Field(
        None,
        description="Table column with the caption, or a list of captions; none takes caption, captions, text, title "
        "and the like.",
    )
    id_column: str | None = Field(
        None, description="Table column with the sample's name; none takes id where there is one, else the path."
    )
    group_column: str | None = Field(
        None, description="Table column that says which group an image belongs to; none takes group where there is one."
    )
    root: str | None = Field(
        None, description="Folder that a table's paths are relative to; none takes the table's own folder."
    )
    captions: caption_columns.Choice = Field(
        "each",
        description=(
            "An image with several captions: each caption with it is a sample, or one sample whose text is the mean "
            "of all."
        ),
    )
    ids: Ids = Field(
        "key",
        description="Tar shards: samples are called by their key, or, where shards repeat keys, by shard and key.",
    )
    embeddings: Embeddings = Field(
        "auto", description="DataComp metadata: which embeddings to take; auto takes l14 where it is there, else b32."
    )

    layout: Choice = Field("auto", description="How the source is laid out; plain takes a table, shards or metadata.")

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        """In a folder shards, metadata and embeddings; of a table pictures below it, and embeddings beside it."""
        if source.is_dir():
            part = is_shard(file) or file.suffix in (".parquet", ".npz") or may_describe(file)
            return source in file.parents and part
        pictured = source.parent in file.parents and file.suffix.lower() in photos.SUFFIXES
        return pictured or file in (source, source.with_suffix(".npz"))

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        if (known := find_layout(source, self.id, self.layout)) is not None:
            self._check_options(known.title, source, known.asks)
            return listing.scan(known, self._named(), self.captions, workspace, progress)
        layout = self._layout(source)
        self._check_options(layout, source)
        if layout == "tar shards":
            return scan_shards(source, self.captions, self.ids, workspace, progress)
        if layout == "DataComp metadata":
            return scan_metadata(source, self.embeddings, workspace, progress)
        root = root_of(self.root, source, workspace)
        return scan_table(source, self._named(), self.captions, root, self.root is not None, workspace, progress)

    def origins(self, pool: Pool, ids: Collection[str], progress: Progress) -> Mapping[str, Origin] | None:
        """Of a table of pairs, of metadata, or of a layout that has a table."""
        source = pool.source
        if (known := find_layout(source, self.id, self.layout)) is not None:
            return listing.origins(known, self._named(), self.captions)
        layout = self._layout(source)
        if layout == "tar shards":
            return None
        if layout == "DataComp metadata":
            return metadata_origins(source, ids)
        root, moved = root_of(self.root, source, pool.workspace), self.root is not None
        return pair_table.origins(source, self._named(), self.captions, root, moved, pool.workspace)

    def offers(self, pool: Pool) -> frozenset[str]:
        """`image` where there are pictures, `text` where there are captions."""
        has_pictures = not {"path", "offset", CELL}.isdisjoint(pool.columns)
        return frozenset({"image"} if has_pictures else ()) | frozenset({"text"} if "caption" in pool.columns else ())

    def media(self, pool: Pool, row: int) -> KeptFile | Member | Cell:
        if "path" in pool.columns:
            content = pool.table["content"][row].as_py()
            said = tuple(self.text(pool, row)) if "caption" in pool.columns else ()
            return KeptFile(pool.path(row), content, said, pool.stamp(row))
        if has_cells(pool):
            return cell_of(pool, row, self.path_column, tuple(self.text(pool, row)))
        if "offset" not in pool.columns:
            raise BadRequest(f"The pool {pool.name} has no pictures, only what is known of them.")
        shard, offset, size = (pool.table[name][row].as_py() for name in ("shard", "offset", "bytes"))
        real, content = (
            Workspace(pool.folder.parent.parent).allowed(pool.root / shard),
            pool.table["content"][row].as_py(),
        )
        return Member(real, offset, size, content, tuple(self.text(pool, row)))

    def check(self, pool: Pool, row: int) -> None:
        if "path" in pool.columns:
            self.media(pool, row).check()
        elif "shard" in pool.columns and "image" in pool.opens:
            self.check_shard(pool, row)

    def fetch(self, pool: Pool, rows: Sequence[int]) -> None:
        if has_cells(pool):
            fetch([self.media(pool, row) for row in rows])

    def open(self, pool: Pool, row: int, **hints: Any) -> Any:
        return photos.open_photo(self.media(pool, row), **hints)

    def text(self, pool: Pool, row: int) -> list[str]:
        """The caption; with captions=mean, all of them."""
        name = "captions" if "captions" in pool.columns else "caption"
        said = pool.table[name][row].as_py() if name in pool.columns else None
        if not said:
            raise BadRequest(f"The pool {pool.name} has no captions.")
        return said if isinstance(said, list) else [said]

    def _layout(self, source: Path) -> str:
        if source.is_dir():
            entries = [path for path in source.iterdir() if not path.name.startswith(".")]
            if self.embeddings == "auto" and any(is_shard(path) for path in entries):
                return "tar shards"
            if any(path.suffix == ".parquet" for path in entries):
                return "DataComp metadata"
            raise BadInput(
                f"The folder {source} holds neither .tar shards of a WebDataset nor .parquet metadata of DataComp. "
                "For images with captions in a table, "
                "name the table (.csv, .tsv, .jsonl, .parquet)."
            )
        if not source.exists():
            if "{" in source.name or "{" in str(source.parent):
                return "tar shards"
            raise BadInput(f"There is no file or folder {source}.")
        if is_shard(source):
            return "tar shards"
        if kind_by_content(source) not in TABLES:
            raise BadInput(
                f"{source.name} is neither a table (.csv, .tsv, .json, .jsonl, .parquet, .arrow) nor a .tar shard of a "
                "WebDataset."
            )
        wants_table = any(getattr(self, name) is not None for name in _OF_TABLES)
        return (
            "DataComp metadata"
            if source.suffix.lower() == ".parquet" and not wants_table and is_metadata(source)
            else "a table"
        )

    def _named(self) -> Named:
        return Named(self.path_column, self.caption_column, self.id_column, self.group_column)

    def _check_options(self, layout: str, source: Path, named: bool = False) -> None:
        """An option that would do nothing is a mistake, and says so. named: whether columns may be named."""
        idle = [name for name in _OF_TABLES if getattr(self, name) is not None]
        idle = [] if named or layout == "a table" else idle
        idle += ["ids"] if self.ids != "key" and layout != "tar shards" else []
        idle += ["embeddings"] if self.embeddings != "auto" and layout != "DataComp metadata" else []
        idle += ["captions"] if self.captions != "each" and layout == "DataComp metadata" else []
        if idle:
            raise BadInput(
                f"The option {idle[0]} means nothing for {source.name}, which is read as {layout}; leave it out."
            )
