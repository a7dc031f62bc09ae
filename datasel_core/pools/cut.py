"""A pool of some samples of another one: the same ids, columns, contents, places and marks; nothing is read anew."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from datasel_core.base.progress import Progress
from datasel_core.pools.pool import Pool
from datasel_core.pools.scan import Scan
from datasel_core.workspace.files import begun

_TOGETHER = 1000
"""Rows of long texts in memory at once, and in one part of the file: of these the screen reads one after the other."""


@contextlib.contextmanager
def cut(pool: Pool, rows: np.ndarray, said: dict[str, str], place: Path, progress: Progress) -> Iterator[Scan]:
    """What a pool of these rows holds, in pool order. said: which samples these are, in words of the command. place:
    where the new pool's table is to lie.

    Raises BadInput when the pool is damaged.
    """
    rows, shards = np.unique(rows), {}
    if "shard" in pool.columns:
        names = set(pool.take(rows, ["shard"])["shard"].to_pylist())
        shards = {name: list(stamp) for name, stamp in pool.shard_stamps.items() if name in names}
    gone = pool.n - len(rows) + pool.left_out + pool.passed_by
    of = {"from": pool.name, "fingerprint": pool.fingerprint, "table_sha256": pool.table_sha256, "n": pool.n}
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_written(pool, rows, place, progress)) if pool.long_columns else None
        yield Scan(
            pool.take(rows, [name for name in pool.names if name not in pool.long_columns]),
            pool.root,
            notes=[f"Cut from {pool.name}: {len(rows):,} of its {pool.n:,} samples."],
            file=file,
            texts=pool.long_columns,
            stamps=np.array([pool.stamp(row) for row in rows], np.int64) if pool.stamp(int(rows[0])) else None,
            boxes=pool.drawn(rows),
            layout=pool.layout,
            shards=shards,
            cut={**of, **said, "passed_by": gone},
        )


@contextlib.contextmanager
def _written(pool: Pool, rows: np.ndarray, place: Path, progress: Progress) -> Iterator[Path]:
    """A file of all columns, which goes unless it became the pool's."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with begun(place) as file:
        with contextlib.ExitStack() as stack:
            writer = None
            for start in progress.over(range(0, len(rows), _TOGETHER), -(-len(rows) // _TOGETHER), "copying texts"):
                part = pool.take(rows[start : start + _TOGETHER], pool.names)
                if writer is None:
                    writer = stack.enter_context(pq.ParquetWriter(file, part.schema, compression="zstd"))
                writer.write_table(part)
        yield file
