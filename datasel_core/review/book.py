"""Where decisions are written down: review.sqlite of the workspace, one table to which only is added.

WAL, so that who reads never waits for who writes. synchronous = FULL: a browser forgets a decision once it is
acknowledged, so that one must outlive a power cut; NORMAL may lose the last ones then. It costs one sync of the disk
for each batch, not for each decision.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from datasel_core.analysis.opinions import Decision
from datasel_core.errors import BadInput, DataselError, Failed
from datasel_core.workspace.files import FULL
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_VERSION = 1
_PATIENCE = 10.0
"""Seconds that a writer waits for another one."""
_ROWS = 500
"""Ids that are looked up at a time."""
_TABLE = (
    "CREATE TABLE decisions (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, run TEXT NOT NULL, "
    "sample TEXT NOT NULL, reviewer TEXT NOT NULL, what TEXT NOT NULL, note TEXT NOT NULL, blind INTEGER NOT NULL, "
    "time TEXT NOT NULL)",
    "CREATE INDEX of_run ON decisions (run, number)",
    "CREATE TRIGGER no_change BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END",
    "CREATE TRIGGER no_loss BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END",
)
_FIELDS = "id, run, sample, reviewer, what, note, blind, time"


class Book:
    """The decisions of one workspace. Every method opens the file anew: it may be moved, and many processes write."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self.path = workspace.path / "review.sqlite"

    def add(self, decisions: Iterable[Decision]) -> int:
        """Writes down those that are not there yet, all or none; returns how many. When it returns they are on the
        disk. Raises Failed when the disk is full, the file is locked or may not be written; BadInput when it is
        damaged.
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        rows = [(*_row(one)[:-1], time) for one in decisions]
        if not rows:
            return 0
        with self._plainly(), self._open() as book:
            book.execute("BEGIN IMMEDIATE")
            before = book.total_changes
            with _whole(book):
                book.executemany(
                    f"INSERT INTO decisions ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                    rows,
                )
            return book.total_changes - before

    def has(self, ids: Iterable[str]) -> set[str]:
        """Which of these ids are written down. Raises as `of`."""
        asked, found = list(ids), set()
        with self._plainly(), self._look() as book:
            for start in range(0, len(asked) if book else 0, _ROWS):
                some = asked[start : start + _ROWS]
                marks = ", ".join("?" * len(some))
                found |= {id for (id,) in book.execute(f"SELECT id FROM decisions WHERE id IN ({marks})", some)}
        return found

    def of(self, run: str) -> list[Decision]:
        """All that was said of one selection, in the order in which it came. Raises BadInput when the file is damaged,
        Failed when it cannot be read.
        """
        with self._plainly(), self._look() as book:
            if book is None:
                return []
            rows = book.execute(f"SELECT {_FIELDS} FROM decisions WHERE run = ? ORDER BY number", (run,)).fetchall()
        return [Decision(*row[:6], bool(row[6]), row[7]) for row in rows]

    def last(self) -> dict[str, str]:
        """Review -> when something was last said in it. Raises as `of`."""
        with self._plainly(), self._look() as book:
            return {} if book is None else dict(book.execute("SELECT run, max(time) FROM decisions GROUP BY run"))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """For writing; the table is there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(_connect(self.path)) as book:
            if not _version(book, self.path):
                with Lock(self._workspace.path).hold():  # who switches to WAL must be alone
                    _begin(book, self.path)
            book.execute("PRAGMA synchronous = FULL")
            yield book

    @contextlib.contextmanager
    def _look(self) -> Iterator[sqlite3.Connection | None]:
        """For reading; None while nobody has decided anything. In a workspace that may not be written, too."""
        if not self.path.exists():
            yield None
            return
        book = _connect(self.path)
        try:
            version = _version(book, self.path)
        except sqlite3.OperationalError:
            book.close()
            if not _is_closed(self.path):
                raise
            book = _connect(f"{self.path.absolute().as_uri()}?immutable=1", uri=True)  # nobody can write: nor can we
            version = _version(book, self.path)
        with contextlib.closing(book):
            yield book if version else None

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        """What SQLite and the disk say, in one line."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _trouble(error, self.path) from error


def _connect(path: Path | str, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, uri=uri)


def _version(book: sqlite3.Connection, path: Path) -> int:
    """0: it is empty. Raises BadInput where it holds what this program cannot read."""
    book.execute("BEGIN")  # both at one moment: between two, somebody else may make the table
    with _whole(book):
        [version] = book.execute("PRAGMA user_version").fetchone()
        [tables] = book.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version not in (0, _VERSION):
        raise BadInput(f"{path} was written by a later version of datasel ({version}); this one reads {_VERSION}.")
    if not version and tables:
        raise BadInput(f"{path} is a database of something else; move it away, and decisions are written down there.")
    return version


def _begin(book: sqlite3.Connection, path: Path) -> None:
    """Makes the table, unless somebody just did."""
    if _version(book, path):
        return
    book.execute("PRAGMA journal_mode = WAL")
    book.execute("BEGIN IMMEDIATE")
    with _whole(book):
        for line in (*_TABLE, f"PRAGMA user_version = {_VERSION}"):
            book.execute(line)


@contextlib.contextmanager
def _whole(book: sqlite3.Connection) -> Iterator[None]:
    """All of a transaction, or nothing."""
    try:
        yield
        book.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            book.execute("ROLLBACK")
        raise


def _row(one: Decision) -> tuple:
    return one.id, one.run, one.sample, one.reviewer, one.what, one.note, int(one.blind), one.time


def _is_closed(path: Path) -> bool:
    """Whether all that was written is in the file itself."""
    log = path.with_name(f"{path.name}-wal")
    return not log.exists() or not log.stat().st_size


def _trouble(error: sqlite3.Error | OSError, path: Path) -> DataselError:
    name, lost = getattr(error, "sqlite_errorname", ""), "what was written down before is still there"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Failed(
            f"{path} was held by another program for more than {_PATIENCE:.0f} seconds; {lost}. Send it once more."
        )
    if name.startswith("SQLITE_FULL") or getattr(error, "errno", None) in FULL:
        return Failed(f"The disk is full: {path} was not written; {lost}. Free some space and send it once more.")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or isinstance(error, OSError):
        return Failed(f"{path} could not be written: {error}. Allow writing there, or name another --workspace.")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return BadInput(
            f"{path} is damaged ({error}); nothing in it was changed. Put a copy of it back, or move it away to begin "
            "anew."
        )
    return Failed(f"{path} could not be read or written ({error}); {lost}. Try once more.")
