"""What is to be known of the targets that methods of a table chose towards."""

from collections.abc import Sequence

import numpy as np

from datasel_core.evidence.measures import HeldOut
from datasel_core.evidence.tables.choices import Entry
from datasel_core.pools.pool import Pool


def target_notes(asked: Sequence[Entry], held: HeldOut) -> list[str]:
    """A sentence each: what is taken on trust, and whom a target flatters because it shows held-out samples."""
    towards = {one.name: one.asked for one in asked if one.asked.target is not None}
    said = dict.fromkeys(note for one in towards.values() for note in one.target.notes)
    for name, one in towards.items():
        target = one.target
        if target.pool.kind == one.pool.kind and (n := _shared(one.pool, held.rows, target.pool, target.rows)):
            said[
                f"{name} chose towards {target.pool.name}, which has {n:,} of the {len(held.rows):,} samples that are "
                "measured on, to the letter or byte: what is said of it may flatter it."
            ] = None
    return list(said)


def _shared(pool: Pool, rows: np.ndarray, other: Pool, other_rows: np.ndarray) -> int:
    """How many of these rows the others have, too."""
    mine, theirs = (
        one.take(some, ["content"])["content"].to_numpy(zero_copy_only=False).astype(str)
        for one, some in ((pool, rows), (other, other_rows))
    )
    return int(np.isin(mine, theirs).sum())
