"""What a kind of pool is: how a source is read, and how one of its samples is opened."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasel_core.pools.pool import Pool
    from datasel_core.pools.readers.tables.origins import Origin

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datasel_core.base.conversation import Turn
from datasel_core.base.declare import Declared
from datasel_core.base.progress import Progress
from datasel_core.base.registry import declares
from datasel_core.errors import BadRequest
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

pool_kind = declares("pool kind")


class PoolKind(Declared):
    """A kind of source. Fields are the options of `pool add --option`."""

    groups: ClassVar[tuple[str, ...]] = ("group",)
    """Columns that say which group a sample belongs to; the first that is there counts."""
    own: ClassVar[tuple[str, ...]] = ()
    """Columns that it writes itself, beside those of all kinds: the source may have others that are called so."""
    marks: ClassVar[tuple[str, ...]] = ()
    """Those of them that tell samples apart and say nothing in words, such as hashes: nobody looks for these."""
    folder_options: ClassVar[str] = ""
    """What its options are of, in words, where they are options of folders too; else they are of a table's columns."""
    texts: ClassVar[Mapping[str, str]] = {}
    """Where samples are texts: the columns that hold them, and what pools of texts call these."""

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        """Whether a file may be part of the source, now or when it is read again; the pool's table names more."""
        return file == source or (source in file.parents and source.is_dir())

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        """Reads the source. Raises BadInput when there is nothing to choose from."""
        raise TypeError(f"{type(self).__name__} must implement scan.")

    def origins(self, pool: "Pool", ids: Collection[str], progress: Progress) -> Mapping[str, "Origin"] | None:
        """id -> where the source has the rows of these samples by now; one that it has no more is missing. None where
        samples are no rows of a source: files of a folder, say, or some captions of a row with several.

        Raises BadInput when the source cannot be read any more.
        """
        return None

    def offers(self, pool: "Pool") -> frozenset[str]:
        """What encoders may open of this pool's samples: any of `image`, `text`, `turns`."""
        return frozenset()

    def open(self, pool: "Pool", row: int, **hints: Any) -> Any:
        """One sample, to look at or to encode."""
        raise BadRequest(f"Samples of a {self.id} pool cannot be opened.")

    def check(self, pool: "Pool", row: int) -> None:
        """Raises BadRequest or OSError when the file of one sample is no longer what it was, at the cost of looking at
        its size and times; says nothing where samples are no files, or are checked whenever they are opened.
        """

    def check_shard(self, pool: "Pool", row: int) -> None:
        """The same for a picture within a larger file, which is read only where the size or times of that file are not
        those that it had; nothing is known of the files of older pools.
        """
        from datasel_core.pools.media.pictures import stamp_of  # brings Pillow, which is felt where no photo is read

        shard = pool.value("shard", row)
        known = pool.shard_stamps.get(shard)
        if known is not None and known != stamp_of(os.stat(pool.root / shard)):
            self.media(pool, row).read()

    def media(self, pool: "Pool", row: int) -> Any:
        """Where one sample's picture lies: a path, or whatever else `open_photo` takes; as text it tells a person where
        to look.
        """
        return pool.path(row)

    def fetch(self, pool: "Pool", rows: Sequence[int]) -> None:
        """Samples that are about to be opened may be read together, where that costs less than one by one."""

    def text(self, pool: "Pool", row: int) -> list[str]:
        """The texts of one sample."""
        raise BadRequest(f"Samples of a {self.id} pool have no text.")

    def turns(self, pool: "Pool", row: int) -> list[Turn]:
        """One sample as what a language model reads, and what of it is to be learned."""
        raise BadRequest(f"Samples of a {self.id} pool have no prompts and responses.")
