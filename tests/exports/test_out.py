"""--out of select, combine and export, and workers: refused before anything is done; no kill leaves half a file."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core import worker
from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadRequest
from datasel_core.exports.record import HOLDS
from datasel_core.exports.run_folder import check_out, copy_run
from datasel_core.runs import engine, manifest
from datasel_core.runs.derivations.combine import combine
from datasel_core.runs.spec import Spec
from tests.conftest import ROOT, clustered, task_of
from tests.exports import exporting
from tests.exports.exporting import contents, export, killed_at

pool, run, other = exporting.pool, exporting.run, exporting.other


# ---- --out of select and combine


def command(workspace, capfd, *words):
    code = main([str(word) for word in words])
    return code, *capfd.readouterr()


def runs(workspace):
    return sorted(folder.name for folder in workspace.folders("runs"))


@pytest.mark.parametrize("name", ["spec.json", "notes.txt", "manifest.json", "selection.parquet", "photos/a.jpg"])
def test_select_out_refuses_a_folder_of_others_before_it_runs(workspace, pool, tmp_path, capfd, name):
    mine = tmp_path / "sel" / name
    mine.parent.mkdir(parents=True)
    mine.write_text('{"mine": 1}')
    before = contents(tmp_path)
    code, out, err = command(workspace, capfd, "select", "p", "random", "--budget", 2, "--out", tmp_path / "sel")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert re.search("was not made by datasel|is there already with another content", err)
    assert contents(tmp_path) == before
    assert runs(workspace) == []
    code, _, err = command(
        workspace, capfd, "select", "p", "random", "--budget", 2, "--out", tmp_path / "sel", "--overwrite"
    )
    assert code == 0, err
    assert (mine.read_bytes() == b'{"mine": 1}') is (
        name not in ("manifest.json", "selection.parquet")
    )  # only what a selection is made of was written
    assert command(workspace, capfd, "verify", tmp_path / "sel")[0] == 0


@pytest.mark.parametrize(
    "out", ["in", "in/t.csv", ".", "workspace", "workspace/runs/new", "workspace/pools/p", "file", "file/below", "link"]
)
def test_select_out_refuses_sources_and_the_like_before_it_runs(workspace, pool, tmp_path, capfd, out):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path)
    code, said, err = command(
        workspace, capfd, "select", "p", "random", "--budget", 2, "--out", tmp_path / out, "--overwrite"
    )
    assert (code, said, len(err.splitlines())) == (2, "", 1)
    assert re.search("source of the pool p|keeps for itself|is a file|symbolic link", err)
    assert contents(tmp_path) == before
    assert runs(workspace) == []


def test_select_out_is_repeated_over_its_own_and_never_over_what_was_edited(workspace, pool, tmp_path, capfd):
    ask = ["select", "p", "random", "--out", tmp_path / "sel", "--budget"]
    assert [command(workspace, capfd, *ask, budget)[0] for budget in (2, 2, 3)] == [0, 0, 0]
    (tmp_path / "sel" / "labels.json").write_text("mine")  # beside a selection, a person's own file is none of ours
    assert command(workspace, capfd, *ask, 2)[0] == 0
    assert manifest.read(tmp_path / "sel")["result"]["n"] == 2
    assert (tmp_path / "sel" / "labels.json").read_text() == "mine"
    pq.write_table(manifest.kept_table(tmp_path / "sel").slice(1), tmp_path / "sel" / "selection.parquet")
    before, known = contents(tmp_path), runs(workspace)
    code, _, err = command(workspace, capfd, *ask, 4)
    assert code == 2
    assert "selection.parquet is there already with another content" in err
    assert (contents(tmp_path), runs(workspace)) == (before, known)
    assert command(workspace, capfd, *ask, 4, "--overwrite")[0] == 0
    assert manifest.problems(tmp_path / "sel") == []


def test_a_selection_is_known_by_its_manifest_where_there_is_no_record(workspace, run, other, tmp_path):
    copy = copy_run(run, tmp_path / "sel")
    shutil.rmtree(workspace.written())
    assert copy_run(other, tmp_path / "sel").ids == other.ids
    shutil.rmtree(workspace.written())
    said = json.loads((copy.folder / "manifest.json").read_text())
    for changed in ({**said, "seed": 99}, {**said, "files": []}, {**said, "result": 1}, {"result": 1}, []):
        (copy.folder / "manifest.json").write_text(json.dumps(changed))
        with pytest.raises(BadRequest, match="is there already with another content"):
            copy_run(run, tmp_path / "sel")
        with pytest.raises(BadRequest, match="is there already with another content|was not made by datasel"):
            check_out(workspace, tmp_path / "sel")


def test_a_copy_that_was_killed_can_be_made_again(workspace, run, other, tmp_path, monkeypatch):
    for first in (None, run):
        for step in range(1, 40):
            shutil.rmtree(tmp_path / "sel", ignore_errors=True)
            shutil.rmtree(workspace.written(), ignore_errors=True)
            if first is not None:
                copy_run(first, tmp_path / "sel")
            with monkeypatch.context() as patch:
                died = killed_at(patch, step)
                try:
                    copy_run(other, tmp_path / "sel")
                except SystemExit:
                    assert died
            check_out(workspace, tmp_path / "sel")
            assert copy_run(other, tmp_path / "sel").ids == other.ids
            if not died:
                break
        assert 3 <= step < 40


def test_a_selections_folder_holds_what_is_looked_for_in_advance(workspace, tmp_path, rng):
    """`HOLDS` names, before a run, every file that the run may write to --out."""
    groups = ["a", "b"] * 20
    losses = np.abs(clustered(rng, 40, 5, 3))
    np.savez(
        tmp_path / "v.npz",
        ids=[f"s{at}" for at in range(40)],
        embedding=clustered(rng, 40, 5, 3),
        loss_trajectory=losses,
    )
    add_pool(workspace, "v", str(tmp_path / "v.npz"), "vectors")
    first = engine.select(workspace, Spec(pool="v", method="k_center", budget="10"))
    second = engine.select(
        workspace, Spec(pool="v", method="s2l", budget="4", params={"n_clusters": 3}, within=str(first.folder))
    )
    third = engine.select(workspace, Spec(pool="v", method="random", budget="4", already=str(first.folder)))
    both = combine(workspace, "union", [first.folder, third.folder])
    held = {name for one in (first, second, third, both) for name in [*one.manifest["files"], "manifest.json"]}
    assert {"curve.parquet", "clusters.parquet", "within.parquet", "already.parquet", "of-2.parquet"} <= held, groups
    assert all(HOLDS.fullmatch(name) for name in held)
    for one in (first, second, third, both):
        copy = copy_run(one, tmp_path / f"copy-{one.key}")
        assert sorted(contents(copy.folder)) == sorted([*one.manifest["files"], "manifest.json"])


def test_combine_out_refuses_before_it_combines(workspace, run, other, tmp_path, capfd):
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "spec.json").write_text("mine")
    before = contents(tmp_path)
    ask = ["combine", "union", run.folder, other.folder, "--out", tmp_path / "both"]
    code, _, err = command(workspace, capfd, *ask)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "was not made by datasel" in err
    assert contents(tmp_path) == before
    assert command(workspace, capfd, *ask, "--overwrite")[0] == 0
    assert (tmp_path / "both" / "spec.json").read_text() == "mine"
    assert command(workspace, capfd, *ask)[0] == 0


# ---- the command line, workers and a real kill


def test_the_command_line_refuses_in_one_line_and_takes_its_options(workspace, run, tmp_path, capfd):
    ask = ["export", run.folder, "--format"]
    assert command(workspace, capfd, *ask, "csv", "--out", tmp_path / "kept.csv")[0] == 0
    assert command(workspace, capfd, *ask, "csv", "--out", tmp_path / "kept.csv")[0] == 0
    (tmp_path / "kept.csv").write_text("edited")
    code, out, err = command(workspace, capfd, *ask, "csv", "--out", tmp_path / "kept.csv")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "allow replacing it with --overwrite" in err
    assert (tmp_path / "kept.csv").read_text() == "edited"
    assert command(workspace, capfd, *ask, "csv", "--out", tmp_path / "kept.csv", "--overwrite")[0] == 0
    assert command(workspace, capfd, *ask, "csv", "--out", tmp_path / "in" / "t.csv", "--overwrite")[0] == 2
    assert command(workspace, capfd, *ask, "files", "--out", tmp_path / "linked", "--set", "link=true")[0] == 0
    name = run.table["path"][0].as_py()
    assert (tmp_path / "linked" / name).samefile(tmp_path / "in" / name)
    code, _, err = command(workspace, capfd, *ask, "files", "--out", tmp_path / "linked", "--set", "lnik=true")
    assert code == 2
    assert "files has no parameter lnik. Did you mean link?" in err


@pytest.mark.parametrize(
    ("format", "out", "message"),
    [
        ("csv", "in/t.csv", "is read as a source"),
        ("csv", "mine.csv", "is there already"),
        ("files", "in", "source of the pool"),
        ("files", "mine", "not made by"),
    ],
)
def test_a_worker_is_not_even_started(workspace, run, tmp_path, format, out, message):
    (tmp_path / "mine.csv").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(BadRequest, match=message):
        worker.start(workspace, task_of("export", run=run.key, format=format, out=str(tmp_path / out)))
    assert contents(tmp_path) == before
    assert worker.jobs(workspace) == []


@pytest.mark.parametrize("again_over", [False, True])
def test_a_worker_that_is_killed_leaves_no_half_file(workspace, run, other, tmp_path, again_over):
    """kill -9 while a file is being written: it is the old one, or not there; and the export can be repeated."""
    out = tmp_path / "kept.csv"
    if again_over:
        export(workspace, other, "csv", out)
    before = contents(tmp_path).get("kept.csv")
    code = f"""
import sys, time
from pathlib import Path
from datasel_core.actions.export import open_record
from datasel_core.exports.tables import Csv
from datasel_core.base.progress import Progress
from datasel_core.workspace.layout import Workspace
make = Csv.make
def slowly(self, kept, path, progress):
    path.write_text("half a")
    Path({str(tmp_path / "begun")!r}).touch()
    time.sleep(600)
Csv.make = slowly
home = Workspace.at()
Csv().write(open_record(home, Path({str(run.folder)!r})), {str(out)!r}, Progress())
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=os.environ.copy())
    for _ in range(600):
        if (tmp_path / "begun").exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    assert (tmp_path / "begun").exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert contents(tmp_path).get("kept.csv") == before
    export(workspace, run, "csv", out)
    assert len(out.read_text().splitlines()) == 4
