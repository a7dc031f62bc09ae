"""review.sqlite: many processes at once, kills in the middle, and a file or disk that will not do."""

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import threading
import time

import pytest

from datasel_core.errors import BadInput, BadParameter, Failed
from datasel_core.review import book as module
from datasel_core.review.book import Book
from datasel_core.review.decisions import decision
from datasel_core.workspace.layout import Workspace

FORK = multiprocessing.get_context("fork")


def some(n, who="ann", what="keep"):
    return [decision("run-1", f"s{at}", who, what, id=f"{who}-{at:06d}") for at in range(n)]


def ids(book):
    return [one.id for one in book.of("run-1")]


@pytest.fixture
def book(workspace):
    return Book(workspace)


def test_nothing_is_there_before_anybody_decides(book):
    assert book.of("run-1") == []
    assert book.has(["ann-000001"]) == set()
    assert book.last() == {}
    assert book.add([]) == 0
    assert not book.path.exists()


def test_what_is_written_down_is_read_again_as_it_was_and_in_order(book):
    first = decision("run-1", "s\u00fc\n2", "Ann O'Neil", "drop", 'too "dark"; DROP TABLE decisions', True)
    assert book.add([first, *some(3)]) == 4
    found = book.of("run-1")
    assert [(one.sample, one.reviewer, one.what, one.note, one.blind) for one in found][0] == (
        "s\u00fc\n2",
        "Ann O'Neil",
        "drop",
        'too "dark"; DROP TABLE decisions',
        True,
    )
    assert all(one.time.endswith("+00:00") for one in found)
    assert book.of("run-2") == []
    assert set(book.last()) == {"run-1"}


def test_what_is_sent_twice_counts_once(book):
    assert book.add(some(5)) == 5
    assert book.add(some(8)) == 3
    assert ids(book) == [one.id for one in some(8)]
    assert book.has(["ann-000003", "ann-000009"]) == {"ann-000003"}


def test_nothing_is_ever_changed_or_deleted(book):
    book.add(some(3))
    with contextlib.closing(sqlite3.connect(book.path)) as other:
        for line in ("DELETE FROM decisions", "UPDATE decisions SET what = 'drop'"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                other.execute(line)


def test_a_power_cut_costs_no_decision_that_was_acknowledged(book):
    """WAL with synchronous FULL (2): each commit is on the disk before `add` returns."""
    with book._open() as open_book:
        assert open_book.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert open_book.execute("PRAGMA synchronous").fetchone() == (2,)


def write(path, who, n, gate):
    gate.wait()
    mine = some(n, who)
    for start in range(0, n, 5):
        Book(Workspace(path)).add(mine[start : start + 5])


def test_many_processes_write_at_once_and_nothing_is_lost_or_doubled(workspace, book):
    names, gate = ["ann", "ben", "cem", "dia"], FORK.Barrier(4)
    working = [FORK.Process(target=write, args=(workspace.path, name, 60, gate)) for name in names]
    for one in working:
        one.start()
    for one in working:
        one.join()
    assert [one.exitcode for one in working] == [0] * 4
    found = ids(book)
    assert len(found) == len(set(found)) == 240
    for name in names:  # each one's own order stands
        assert [id for id in found if id.startswith(name)] == [one.id for one in some(60, name)]


def test_a_table_that_somebody_makes_while_another_looks_is_ours(workspace, book, monkeypatch):
    """Between the two things that are looked at in a new file, another process makes the table."""
    real, others = module._connect, []

    def meets(line):
        if "sqlite_master" in line and not others:
            others.append(threading.Thread(target=lambda: Book(workspace).add(some(3, "ben"))))
            others[0].start()
            others[0].join(1)  # who holds the file for this look keeps the other waiting

    def connect(*given, **how):
        one = real(*given, **how)
        if not others:
            one.set_trace_callback(meets)
        return one

    monkeypatch.setattr(module, "_connect", connect)
    assert book.add(some(2, "ann")) == 2
    others[0].join()
    assert sorted(ids(book)) == sorted(one.id for one in [*some(2, "ann"), *some(3, "ben")])


def write_and_tell(path, n, told):
    mine = some(n)
    for start in range(0, n, 3):
        Book(Workspace(path)).add(mine[start : start + 3])
        os.write(told, b"x")


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_in_the_middle_loses_nothing_that_was_acknowledged(workspace, book, seed):
    get, put = os.pipe()
    working = FORK.Process(target=write_and_tell, args=(workspace.path, 3000, put))
    working.start()
    os.close(put)
    os.read(get, 1 + random.Random(seed).randrange(12))
    time.sleep(random.Random(seed).random() / 50)
    os.kill(working.pid, signal.SIGKILL)
    working.join()
    said = 1 + len(os.read(get, 100_000)) if seed else 1
    os.close(get)
    found = ids(book)
    assert len(found) % 3 == 0  # a batch is there whole, or not at all
    assert len(found) >= 3 * (said - 1)
    assert found == [one.id for one in some(len(found))]
    assert book.add(some(3000)) == 3000 - len(found)  # who sends it all again doubles nothing
    assert ids(book) == [one.id for one in some(3000)]


def test_a_file_that_is_damaged_is_said_and_left_as_it_is(book):
    book.add(some(400))
    whole = book.path.read_bytes()
    damaged = whole[:100] + b"\xff" * (len(whole) - 100)
    for text in (b"no database at all" * 400, damaged):
        book.path.write_bytes(text)
        for ask in (lambda: book.of("run-1"), lambda: book.add(some(500)), lambda: book.last()):
            with pytest.raises(BadInput, match=r"review.sqlite is damaged .*nothing in it was changed. Put a copy"):
                ask()
        assert book.path.read_bytes() == text
    book.path.write_bytes(whole)
    assert len(ids(book)) == 400


def test_a_database_of_something_else_and_of_a_later_version_are_refused(book):
    book.path.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(book.path)) as other:
        other.execute("CREATE TABLE mine (x)")
    for ask in (lambda: book.of("run-1"), lambda: book.add(some(1))):
        with pytest.raises(BadInput, match="review.sqlite is a database of something else; move it away"):
            ask()
    with contextlib.closing(sqlite3.connect(book.path)) as other:
        other.execute("PRAGMA user_version = 7")
    with pytest.raises(BadInput, match=r"later version of datasel \(7\); this one reads 1"):
        book.add(some(1))


def test_a_locked_file_is_said_and_nothing_is_lost(book, monkeypatch):
    book.add(some(2))
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    with contextlib.closing(sqlite3.connect(book.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Failed, match=r"held by another program for more than 0 seconds; what was .* Send it once"):
            book.add(some(4))
        assert len(ids(book)) == 2  # who reads does not wait
    assert book.add(some(4)) == 2


def test_a_full_disk_is_said_and_nothing_is_lost(book, monkeypatch):
    book.add(some(2))

    def full(path, uri=False):
        made = sqlite3.connect(path, timeout=1, isolation_level=None, uri=uri)
        made.execute(f"PRAGMA max_page_count = {made.execute('PRAGMA page_count').fetchone()[0]}")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(module, "_connect", full)
        with pytest.raises(Failed, match=r"The disk is full: .*review.sqlite was not written; what was written down"):
            book.add(some(5000))
        assert len(ids(book)) == 2  # all of a batch, or nothing
    assert book.add(some(5000)) == 4998


def test_a_workspace_that_may_not_be_written_is_read_all_the_same(book, monkeypatch):
    book.add(some(3))
    plain = module._connect

    def shut(path, uri=False):
        if uri:
            return plain(path, uri)
        made = sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=1, isolation_level=None, uri=True)
        made.set_authorizer(lambda *_: sqlite3.SQLITE_OK)
        return made

    monkeypatch.setattr(module, "_connect", shut)
    assert len(ids(book)) == 3
    with pytest.raises(Failed, match=r"review.sqlite could not be written: .*readonly database. Allow writing there"):
        book.add(some(5))
    assert len(ids(book)) == 3


def test_a_folder_where_no_database_can_be_is_said(workspace):
    workspace.path.parent.mkdir(parents=True, exist_ok=True)
    workspace.path.write_text("a file")
    with pytest.raises(Failed, match=r"review.sqlite could not be written: .*Allow writing there"):
        Book(workspace).add(some(1))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"reviewer": " "}, "The name of the reviewer is empty; say who decides."),
        ({"reviewer": "x" * 101}, "The name has 101 characters; it may have at most 100."),
        ({"reviewer": "a\x00b"}, "The name holds a character that is no text; leave it out."),
        ({"what": "burn"}, "A decision is one of keep, drop, swap, note, undo, not burn."),
        ({"note": "x" * 10_000_000}, "The note has 10,000,000 characters; it may have at most 2,000."),
        ({"what": "note", "note": " \n"}, "The note is empty; say what is to be noted."),
        ({"id": "x"}, "The id of a decision must be 8 to 64 letters, digits, dashes or underscores."),
    ],
)
def test_what_is_no_decision_is_refused_in_one_line(wrong, said):
    good = {"run": "r", "sample": "s", "reviewer": "ann", "what": "keep"}
    with pytest.raises(BadParameter) as error:
        decision(**{**good, **wrong})
    assert str(error.value) == said
