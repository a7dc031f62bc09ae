"""Texts of one pool that another pool has too: the same, nearly the same, or with a run of words in common. Exact: no
pair is missed, none is guessed.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.evidence.leaks.limits import SHINGLE, Limits
from datasel_core.evidence.leaks.pairs import Collected, Pairs
from datasel_core.evidence.leaks.shingles import Part, Reader
from datasel_core.pools.pool import Pool

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ROWS, _PRODUCTS = 2048, 1 << 24
"""Samples read or measured at a time; and pairs at most, of all that may be found at once."""
_ROUNDING = 1e-9
_Some = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class TextOverlap:
    """A pair stands under the first that is true of it. only_common, only_common_others: positions of samples that
    share runs, but none that is rare. sizes, other_sizes: how many different runs of so many words each sample has.
    """

    same: Pairs
    near: Pairs
    runs: Pairs
    only_common: np.ndarray
    only_common_others: np.ndarray
    sizes: np.ndarray
    other_sizes: np.ndarray


def parts_of(pool: Pool, row: int) -> list[Part]:
    """What is only read and what is learned, or the captions. A short response to a prompt is none by itself: many say
    `yes`.
    """
    if "turns" not in pool.opens:
        return [(text, True) for text in pool.text(row)]
    turns = pool.turns(row)
    read, learned = ("\n".join(turn.text for turn in turns if turn.learned is of) for of in (False, True))
    return [(read, True), (learned, False)] if read.strip() else [(learned, True)]


def text_overlap(
    one: Pool, rows: np.ndarray, other: Pool, other_rows: np.ndarray, limits: Limits, progress: Progress
) -> TextOverlap:
    """Runs of the other's texts are in memory, and which of them the pool's texts have; not the texts."""
    reader = Reader()
    theirs = _read(other, other_rows, limits, reader, progress)
    known = [np.unique(runs) for _, runs in theirs.runs]
    mine = _read(one, rows, limits, reader, progress, known)
    n, m = len(rows), len(other_rows)
    long, short = (
        _Shared.of(n, m, found, _among(runs, base), mine_sizes, their_sizes, len(base))
        for found, runs, base, mine_sizes, their_sizes in zip(
            mine.runs, theirs.runs, known, mine.sizes, theirs.sizes, strict=True
        )
    )
    same, near, runs = Collected(n, m), Collected(n, m), Collected(n, m)
    same.add_equal(mine.keys, theirs.keys)
    keys, other_keys = _codes(mine.keys, theirs.keys)
    step = max(1, min(_ROWS, _PRODUCTS // max(m, 1)))

    def unlike(row: np.ndarray, partner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        new = keys[row] != other_keys[partner]  # of one text in a thousand copies there would be a million to measure
        return row[new], partner[new]

    alike, rare, starts = short.alike(limits.jaccard, unlike), long.rare(limits.common, unlike), range(0, n, step)
    for start in progress.over(starts, len(starts), "comparing texts"):
        part = slice(start, min(start + step, n))
        row, partner, like, _ = alike(part)
        near.add(row, partner, like)
        known_pairs = row * m + partner
        row, partner, like, both = rare(part)
        new = ~np.isin(row * m + partner, known_pairs)
        runs.add(row[new], partner[new], like[new], both[new])
    found = [one.pairs() for one in (same, near, runs)]
    touched = [
        np.unique(np.concatenate(sides)) for sides in zip(*((p.touched, p.touched_others) for p in found), strict=True)
    ]
    common = [np.setdiff1d(some, hit) for some, hit in zip(long.sharing(), touched, strict=True)]
    return TextOverlap(*found, *common, long.sizes, long.other_sizes)


@dataclass
class _Texts:
    """keys: of whole texts, None where there are no words. runs: long and short ones, (sample, run) each; sizes: how
    many each sample has.
    """

    keys: list[bytes | None]
    runs: list[tuple[np.ndarray, np.ndarray]]
    sizes: list[np.ndarray]


def _read(
    pool: Pool,
    rows: np.ndarray,
    limits: Limits,
    reader: Reader,
    progress: Progress,
    known: list[np.ndarray] | None = None,
) -> _Texts:
    """known: ascending runs; others are left out, and these are given by their positions."""
    keys: list[bytes | None] = []
    none = np.empty(0, np.int64)
    nothing = (none, none.astype(np.uint64) if known is None else none)
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[nothing], [nothing]]
    sizes: list[list[np.ndarray]] = [[none], [none]]
    for start, samples in _batches(pool, rows, progress):
        keys += map(_key, samples)
        read = reader.read(samples)
        for at, runs in enumerate((read.runs(limits.ngram), read.runs(SHINGLE, all_short=True))):
            sizes[at].append(runs.sizes)
            own = (runs.of + start, runs.runs)
            found[at].append(own if known is None else _among(own, known[at]))
    joined = [tuple(np.concatenate(side) for side in zip(*some, strict=True)) for some in found]
    return _Texts(keys, joined, [np.concatenate(some) for some in sizes])


def _batches(pool: Pool, rows: np.ndarray, progress: Progress) -> Iterator[tuple[int, list[list[Part]]]]:
    track = progress.track(len(rows), f"reading texts of {pool.name}")
    for start in range(0, len(rows), _ROWS):
        samples = []
        for row in rows[start : start + _ROWS].tolist():
            samples.append(parts_of(pool, row))
            track.advance()
        yield start, samples
    track.finish()


def _key(parts: list[Part]) -> bytes | None:
    """Of what a sample says, whatever white space stands between its words."""
    whole = " ".join(word for text, _ in parts for word in text.split())
    return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest() if whole else None


def _codes(keys: list[bytes | None], other_keys: list[bytes | None]) -> tuple[np.ndarray, np.ndarray]:
    """The same as numbers; those without a key are like nobody."""
    number: dict[bytes, int] = {}
    mine = np.array([-1 if key is None else number.setdefault(key, len(number)) for key in keys], np.int64)
    return mine, np.array([-2 if key is None else number.get(key, -3) for key in other_keys], np.int64)


def _among(found: tuple[np.ndarray, np.ndarray], known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    of, runs = found
    if not len(known):
        return of[:0], np.empty(0, np.int64)
    at = np.minimum(np.searchsorted(known, runs), len(known) - 1)
    there = known[at] == runs
    return of[there], at[there]


@dataclass(frozen=True)
class _Shared:
    """mine (n, k), theirs (m, k): which of the k runs each sample has; k are those of the other pool. sizes: how many
    different ones each sample has, shared or not. counts, other_counts: (k,) samples that have each.
    """

    mine: "csr_matrix"
    theirs: "csr_matrix"
    sizes: np.ndarray
    other_sizes: np.ndarray
    counts: np.ndarray
    other_counts: np.ndarray

    @classmethod
    def of(cls, n: int, m: int, mine, theirs, sizes: np.ndarray, other_sizes: np.ndarray, k: int) -> "_Shared":
        from scipy.sparse import csr_matrix

        ours, others = (
            csr_matrix((np.ones(len(of), np.int32), (of, at)), shape=(rows, k))
            for (of, at), rows in ((mine, n), (theirs, m))
        )
        counts = [np.bincount(at, minlength=k) for _, at in (mine, theirs)]
        return cls(ours, others, sizes, other_sizes, *counts)

    def sharing(self) -> tuple[np.ndarray, np.ndarray]:
        """Samples on either side that have a run which the other side has."""
        shared = self.theirs @ (self.counts > 0).astype(np.int32)
        return np.flatnonzero(np.diff(self.mine.indptr)), np.flatnonzero(shared)

    def rare(self, common: int, some: _Some):
        """A function of a slice of rows: (row, other, share of the shorter one's runs, how many), of pairs that share a
        run which at most `common` samples of either pool have. some: of pairs, those to look at.
        """
        rare = np.flatnonzero((self.counts > 0) & (self.counts <= common) & (self.other_counts <= common))
        mine, theirs = self.mine[:, rare], self.theirs[:, rare].T.tocsr()

        def found(part: slice) -> tuple[np.ndarray, ...]:
            row, partner = some(*_places(mine[part] @ theirs, part.start))
            both = self._both(row, partner)
            return row, partner, both / np.minimum(self.sizes[row], self.other_sizes[partner]), both

        return found

    def alike(self, least: float, some: _Some):
        """A function of a slice of rows: the same of pairs whose Jaccard index is at least so much, which it gives.

        Such a pair has one of the rarest s - ceil(least s) + 1 runs of either in common, s being how many that one has:
        only those are looked for, and what is found is measured.
        """
        rank = np.argsort(np.argsort(np.where(self.counts > 0, self.counts + self.other_counts, 0), kind="stable"))
        mine = _rarest(self.mine, self.sizes, self.counts, rank, least)
        theirs = _rarest(self.theirs, self.other_sizes, self.counts, rank, least).T.tocsr()

        def found(part: slice) -> tuple[np.ndarray, ...]:
            row, partner = some(*_places(mine[part] @ theirs, part.start))
            both = self._both(row, partner)
            like = both / (self.sizes[row] + self.other_sizes[partner] - both)
            near = like >= least - _ROUNDING
            return row[near], partner[near], like[near], both[near]

        return found

    def _both(self, rows: np.ndarray, partners: np.ndarray) -> np.ndarray:
        """How many runs two samples share, common ones too."""
        parts = range(0, len(rows), _ROWS)
        some = (slice(start, start + _ROWS) for start in parts)
        counted = [self.mine[rows[part]].multiply(self.theirs[partners[part]]).sum(axis=1) for part in some]
        return np.concatenate([np.empty(0, np.int64), *(np.asarray(one).ravel() for one in counted)]).astype(np.int64)


def _rarest(held: "csr_matrix", sizes: np.ndarray, counts: np.ndarray, rank: np.ndarray, least: float) -> "csr_matrix":
    """Of each sample the rarest runs: so many that one like it must have one of them. Those that only one pool has are
    the rarest of all, and find nobody.
    """
    from scipy.sparse import csr_matrix

    of, at = held.nonzero()
    there = counts[at] > 0
    of, at = of[there], at[there]
    order = np.lexsort((rank[at], of))
    of, at = of[order], at[order]
    alone = sizes - np.bincount(of, minlength=len(sizes))
    wanted = sizes - np.ceil(least * sizes - _ROUNDING).astype(np.int64) + 1 - alone
    place = np.arange(len(of)) - np.searchsorted(of, of)
    taken = place < wanted[of]
    return csr_matrix((np.ones(int(taken.sum()), np.int32), (of[taken], at[taken])), shape=held.shape)


def _places(product: "csr_matrix", start: int) -> tuple[np.ndarray, np.ndarray]:
    rows, partners = product.nonzero()
    return rows.astype(np.int64) + start, partners.astype(np.int64)
