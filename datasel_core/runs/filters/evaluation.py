"""A condition is asked of a pool's rows, a block at a time, in a thread that can be interrupted."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping

import duckdb
import numpy as np
import pyarrow as pa

from datasel_core.base.progress import Progress, Track
from datasel_core.pools.pool import Pool
from datasel_core.runs.filters import tree
from datasel_core.runs.filters.condition import ROW, BadCondition, Condition, read
from datasel_core.runs.filters.macros import columns_of, filter_macros
from datasel_core.runs.filters.names import stored

_FIRST_ROWS, _MOST_ROWS = 512, 1 << 16
"""Blocks begin small and grow while they are fast: an interrupt is heard between blocks, and what is made of one has to
fit into memory.
"""
_FAST = 0.1
_MEMORY = "4GB"
_LOOK, _QUIET, _PATIENCE = 0.02, 1.0, 5.0
"""Seconds: how often the waiting thread looks up, how long before it says that it waits, and how long it waits for a
thread that was interrupted.
"""


def matching(
    pool: Pool, where: str, numbers: Mapping[str, np.ndarray] | None = None, progress: Progress | None = None
) -> np.ndarray:
    """(n,) bool: rows whose columns fulfil an SQL condition (DuckDB). It sees the pool's columns, these numbers (NULL
    where a sample has none), and nothing else. Raises BadRequest, Stopped.
    """
    numbers = numbers or {}
    condition = read(where, [*pool.columns, *numbers], columns_of(filter_macros(pool)))
    return evaluate(pool, condition, numbers, progress or Progress())


def evaluate(pool: Pool, condition: Condition, numbers: Mapping[str, np.ndarray], progress: Progress) -> np.ndarray:
    """(n,) bool: where a condition holds. A stop, or any exception in the waiting thread, ends the work at once. Raises
    BadRequest, Stopped.
    """
    work = _Work(pool, condition, numbers)
    thread = threading.Thread(target=work.run, name="filter", daemon=True)
    thread.start()
    track: Track | None = None
    began = time.monotonic()
    try:
        while not work.ended.wait(_LOOK):
            progress.check()
            if track is None and time.monotonic() - began > _QUIET:
                track = progress.track(pool.n, "filtering")
            if track is not None:
                track.advance(work.done - track.done)
    except BaseException:
        work.interrupt()
        thread.join(_PATIENCE)  # a process that ended before its thread would end with a crash
        raise
    thread.join()
    if isinstance(work.error, duckdb.Error | pa.ArrowException):
        raise BadCondition(condition.where, tree.reason(work.error), [*pool.columns, *numbers])
    if work.error is not None:
        raise work.error
    return work.found


class _Work:
    """What the thread does. done: rows that were looked at. found: (n,) bool, once it has ended without an error."""

    def __init__(self, pool: Pool, condition: Condition, numbers: Mapping[str, np.ndarray]):
        self.pool, self.condition, self.numbers = pool, condition, numbers
        self.found, self.done = np.zeros(pool.n, dtype=bool), 0
        self.ended, self.error = threading.Event(), None
        self._given_up, self._database = threading.Event(), duckdb.connect(config=tree.CLOSED)
        self._size = _FIRST_ROWS

    def interrupt(self) -> None:
        self._given_up.set()
        with contextlib.suppress(duckdb.Error):  # closed by now
            self._database.interrupt()

    def run(self) -> None:
        try:
            self._prepare()
            self._ask()
        except Exception as error:  # noqa: BLE001  (the waiting thread raises it)
            self.error = error
        finally:
            self._database.close()
            self.ended.set()

    def _prepare(self) -> None:
        self._database.execute(f"SET memory_limit = '{_MEMORY}'")
        self._database.execute("SET enable_progress_bar = false")
        if self.condition.whole:  # sums of several threads differ in their last digits
            self._database.execute("SET threads = 1")
        with contextlib.suppress(duckdb.Error):  # a build without time zones has none to fix
            self._database.execute("SET TimeZone = 'UTC'")
        for sql in filter_macros(self.pool):
            self._database.execute(sql)

    def _ask(self) -> None:
        row = ROW
        while row in {column.lower() for column in (*self.pool.columns, *self.numbers)}:
            row += "_"
        sql = f"SELECT {row} FROM pool WHERE ({self.condition.sql}\n)"
        for block in self._blocks(row):
            began = time.monotonic()
            self._fill(block)
            if self._given_up.is_set():
                return
            rows = self._database.execute(sql).fetchnumpy()[row]
            self.found[np.asarray(rows, dtype=np.int64)] = True
            self.done += len(block)
            self._size = min(self._size * 4, _MOST_ROWS) if time.monotonic() - began < _FAST else self._size

    def _fill(self, block: pa.Table) -> None:
        """The block becomes the table `pool`. From the first on, nothing of the database can be set otherwise."""
        self._database.register("block", block)
        self._database.execute("CREATE OR REPLACE TABLE pool AS SELECT * FROM block")
        self._database.unregister("block")
        if not self.done:
            self._database.execute("SET lock_configuration = true")

    def _blocks(self, row: str) -> Iterator[pa.Table]:
        """The rows from front to back, with the columns that the condition looks at, and their number."""
        pool = self.pool
        kept = dict(zip(pool.columns, stored(pool.columns), strict=True))
        names = [name for name in pool.columns if self.condition.looks_at(kept[name])]
        self._size = pool.n if self.condition.whole else _FIRST_ROWS
        for block in self._gathered(pool.batches(names, row)):
            block = block.rename_columns([kept.get(name, name) for name in block.column_names])
            rows = block[row].to_numpy()
            for name, values in self.numbers.items():
                block = block.append_column(name, _column(values[rows]))
            yield block

    def _gathered(self, batches: pa.RecordBatchReader) -> Iterator[pa.Table]:
        """The same rows in blocks of the size that is right by now."""
        waiting: list[pa.RecordBatch] = []
        for batch in batches:
            at = 0
            while at < len(batch):
                part = batch.slice(at, self._size - sum(map(len, waiting)))
                at += len(part)
                waiting.append(part)
                if sum(map(len, waiting)) == self._size:
                    yield pa.Table.from_batches(waiting)
                    waiting = []
        if waiting:
            yield pa.Table.from_batches(waiting)


def _column(values: np.ndarray) -> pa.Array:
    """Numbers as doubles, NULL where there is none; words, which are objects, as text."""
    if values.dtype == object:
        return pa.array(values.tolist(), pa.string())
    return pa.array(np.asarray(values, np.float64), from_pandas=True)
