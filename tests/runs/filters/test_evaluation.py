"""A filter is asked once, in a thread that a stop, a signal or another exception ends."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Stopped
from datasel_core.pools.pool import Pool
from datasel_core.runs import candidates
from datasel_core.runs.candidates import matching
from datasel_core.runs.filters import evaluation
from datasel_core.runs.question import resolve
from datasel_core.runs.reproduction import reproduce
from datasel_core.runs.spec import Spec
from tests.conftest import ROOT, clustered, task_of

SLOW = "(select count(*) from pool as p where levenshtein(p.text, pool.text) < 300) > 1"
"""Four thousand times four thousand comparisons of texts: hours."""


@pytest.fixture
def pool(workspace, tmp_path):
    """4,000 texts of 300 letters."""
    letters = np.random.default_rng(0).integers(97, 123, (4000, 300)).astype(np.uint8)
    lines = [f'{{"id": "s{at}", "text": "{row.tobytes().decode()}", "n": {at}}}\n' for at, row in enumerate(letters)]
    (tmp_path / "t.jsonl").write_text("".join(lines))
    return add_pool(workspace, "p", str(tmp_path / "t.jsonl"), "text")


def at_work():
    return [one for one in threading.enumerate() if one.name == "filter"]


def wait_for_the_end():
    for one in at_work():
        one.join(600)
    assert at_work() == []


def test_a_stop_ends_a_filter_that_would_take_hours(pool):
    seen = []

    def should_stop():
        seen.append(len(at_work()))
        return len(seen) > 2

    with pytest.raises(Stopped):
        matching(pool, SLOW, progress=Progress(should_stop=should_stop, every=0))
    assert seen[-1] == 1  # it was at work when it was stopped
    wait_for_the_end()


def test_any_exception_in_the_waiting_thread_ends_it(pool):
    def raised():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        matching(pool, SLOW, progress=Progress(should_stop=raised, every=0))
    wait_for_the_end()


def test_a_task_that_is_stopped_while_it_is_resolved_stops(workspace, pool):
    asked = task_of("select", pool="p", method="random", budget="2", where=SLOW)
    with pytest.raises(Stopped):
        perform(workspace, asked, Progress(should_stop=lambda: bool(at_work()), every=0))
    wait_for_the_end()
    assert not list(workspace.folders("runs"))


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_line(workspace, pool, sent):
    words = [sys.executable, "-m", "datasel_core", "select", "p", "random", "--budget", "2", "--where", SLOW]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)) as process:
        for line in process.stderr:
            if line.startswith("filtering: 0 of 4000"):
                process.send_signal(sent)
                break
        said = process.stderr.read()
        assert process.wait(600) == 130
    assert "Stopped" in said
    assert "Traceback" not in said


def test_what_a_filter_does_is_announced(pool, monkeypatch):
    monkeypatch.setattr(evaluation, "_QUIET", 0.0)
    steps = []
    stop = Progress(report=steps.append, should_stop=lambda: bool(steps), every=0)
    with pytest.raises(Stopped):
        matching(pool, SLOW, progress=stop)
    assert (steps[0].label, steps[0].total) == ("filtering", 4000)
    wait_for_the_end()


def test_blocks_do_not_change_the_answer(pool, monkeypatch):
    expected = np.char.startswith(pool.column("text").astype(str), "a") | (pool.column("n") % 7 == 3)
    monkeypatch.setattr(evaluation, "_FIRST_ROWS", 7)
    for most in (7, 100, 1 << 16):
        monkeypatch.setattr(evaluation, "_MOST_ROWS", most)
        assert (matching(pool, "text like 'a%' or n % 7 = 3") == expected).all()
    average = pool.column("n").mean()
    assert (matching(pool, "n > (select avg(n) from pool)") == (pool.column("n") > average)).all()


def test_its_thread_has_ended_when_the_answer_is_there(pool, monkeypatch):
    """A process that ended before a thread of it let go of its database would end with a crash."""
    matching(pool, "n > 3")  # what is opened once per process is there
    let_go = threading.Event()
    close = evaluation.duckdb.DuckDBPyConnection.close

    class Slow:
        def __init__(self, **options):
            self.database = connect(**options)

        def __getattr__(self, name):
            return getattr(self.database, name)

        def close(self):
            let_go.wait(0.2)
            close(self.database)
            let_go.set()

    connect = evaluation.duckdb.connect
    monkeypatch.setattr(evaluation.duckdb, "connect", Slow)
    assert matching(pool, "n > 3").sum() == 3996
    assert let_go.is_set()
    assert at_work() == []


def test_only_what_is_named_is_read(pool, monkeypatch):
    read = []
    whole = Pool.batches
    monkeypatch.setattr(Pool, "batches", lambda self, names, row: read.append(list(names)) or whole(self, names, row))
    for where in ("n > 3", "text > 'a'", "columns(*) is not null", "pool.n > 3", "true"):
        matching(pool, where)
    assert read == [["n"], ["text"], ["id", "text", "n"], ["id", "text", "n"], []]


def test_memory_has_a_limit_and_its_error_is_one_line(pool, monkeypatch):
    monkeypatch.setattr(evaluation, "_MEMORY", "1MB")
    with pytest.raises(
        BadRequest,
        match=r"^--where .* does not work \(it needs more memory than a filter is given\); give one condition",
    ):
        matching(pool, "text > (select max(text) from pool)")


def test_a_question_asks_its_filter_once(workspace, pool, monkeypatch):
    asked, ask = [], evaluation.evaluate
    monkeypatch.setattr(evaluation, "evaluate", lambda *given: asked.append(given[1].where) or ask(*given))
    candidates._ANSWERS.clear()
    work = task_of("select", pool="p", method="random", budget="5", where="n < 50").prepare(workspace)
    work.run(Progress())
    again = resolve(workspace, Spec(pool="p", method="random", budget="7", where="n < 50"))
    assert len(again.candidates.free) == 50
    assert reproduce(workspace, work.folder)["identical"]
    assert asked == ["n < 50"]
    resolve(workspace, Spec(pool="p", method="random", budget="7", where="n < 51"))
    assert asked == ["n < 50", "n < 51"]


def test_a_number_that_changed_is_asked_anew(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=["a", "b", "c"], embedding=clustered(rng, 3, 4, 2))
    made = add_pool(workspace, "v", str(tmp_path / "v.npz"), "vectors")
    for at, values in enumerate(([1.0, 5, np.nan], [5.0, 1, 1])):
        np.savez(tmp_path / f"w{at}.npz", ids=["a", "b", "c"], weight=np.array(values))
        import_feature(workspace, made, "weight", str(tmp_path / f"w{at}.npz"))
        asked = resolve(workspace, Spec(pool="v", method="random", budget="1", where="weight > 3"))
        assert made.ids[asked.candidates.free].tolist() == [["b"], ["a"]][at]
    with pytest.raises(BadRequest, match=r"there is no column wight; did you mean weight\?"):
        resolve(workspace, Spec(pool="v", method="random", budget="1", where="wight > 3"))


def test_many_answers_are_forgotten(workspace, pool):
    for at in range(40):
        resolve(workspace, Spec(pool="p", method="random", budget="1", where=f"n = {at}"))
    assert len(candidates._ANSWERS) <= 16
