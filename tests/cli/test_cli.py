"""The command line as scripts use it: exit codes, one line on stderr, one JSON document on stdout."""

import csv
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.base import registry
from tests.conftest import ROOT, clustered


@pytest.fixture
def run(workspace, capfd):
    def call(*words):
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def vec(run, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=np.array([f"=id {i}" for i in range(80)]), embedding=clustered(rng, 80, 6, 5))
    assert run("pool", "add", "vec", tmp_path / "v.npz", "--kind", "vectors")[0] == 0
    return "vec"


def test_the_whole_path(run, vec, tmp_path):
    code, out, _ = run("pool", "show", vec, "--json")
    about = json.loads(out)
    assert code == 0
    assert {"name", "kind", "n", "fingerprint", "columns", "features"} <= set(about)
    assert (about["n"], about["features"][0]["role"]) == (80, "embedding")
    code, out, err = run(
        "select",
        vec,
        "k_center",
        "--budget",
        "25%",
        "--set",
        "metric=euclidean",
        "--seed",
        4,
        "--out",
        tmp_path / "sel",
        "--json",
    )
    assert code == 0
    said = json.loads(out)
    assert said["manifest"]["result"]["n"] == 20
    assert run("verify", tmp_path / "sel")[0] == 0
    assert run("reproduce", tmp_path / "sel")[0] == 0
    assert run("select", vec, "random", "--budget", 20, "--out", tmp_path / "rand")[0] == 0
    code, out, _ = run("compare", tmp_path / "sel", tmp_path / "rand", "--json")
    pair = json.loads(out)["overlap"][0]
    assert pair["both"] + pair["only_a"] == 20
    assert json.loads(run("evaluate", tmp_path / "sel", "--json")[1])["metrics"]["coverage"]["mean"] > 0
    assert len(json.loads(run("runs", "--json")[1])) == 2
    code, out, _ = run("export", tmp_path / "sel", "--format", "csv", "--out", tmp_path / "kept.csv")
    rows = list(csv.DictReader((tmp_path / "kept.csv").read_text().splitlines()))
    assert len(rows) == 20
    assert all(row["id"].startswith("'=id") for row in rows)


def test_a_second_batch_is_new_and_the_first_is_earlier(run, vec, tmp_path):
    """What is kept is said in the same words everywhere, and metrics with whose they are."""
    assert run("select", vec, "random", "--budget", 20, "--out", tmp_path / "one")[0] == 0
    code, out, err = run(
        "select", vec, "k_center", "--budget", 10, "--already", tmp_path / "one", "--out", tmp_path / "b"
    )
    said = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert code == 0
    assert f"10 new + 20 earlier of 80 samples kept. ids_sha256 {said['result']['ids_sha256']}" in out
    assert "already: 20 of an earlier selection count as chosen\n" in err
    alone, together = said["result"]["metrics"], said["result"]["metrics_with_earlier"]
    found = json.loads(run("evaluate", tmp_path / "b", "--json")[1])
    assert found == {"metrics": alone, "metrics_with_earlier": together}
    lines = run("evaluate", tmp_path / "b")[1].splitlines()
    at = lines.index("the new ones alone:")
    assert lines[0] == "new and earlier together:"
    assert f"mean {together['coverage']['mean']}" in "".join(lines[:at])
    assert f"mean {alone['coverage']['mean']}" in "".join(lines[at:])
    assert "10 new + 20 earlier kept\tseed 0" in run("runs")[1]
    assert [one["earlier"] for one in json.loads(run("runs", "--json")[1])] == [0, 20]
    out = run("compare", tmp_path / "one", tmp_path / "b")[1]
    assert "random, 20 kept of vec\n" in out
    assert "k_center, 10 new + 20 earlier kept of vec\nnew and earlier together:\n" in out
    one = json.loads((tmp_path / "one" / "manifest.json").read_text())["result"]["metrics"]["coverage"]["mean"]
    assert f"  coverage mean: {one} | {together['coverage']['mean']}\n" in out.partition("the new ones alone:")[0]
    assert f"  coverage mean: - | {alone['coverage']['mean']}\n" in out.partition("the new ones alone:")[2]
    assert json.loads(run("compare", tmp_path / "one", tmp_path / "b", "--json")[1])["runs"][1] | found == {
        **found,
        "run": str(tmp_path / "b"),
        "method": said["method"],
        "pool": {"name": "vec", "fingerprint": said["pool"]["fingerprint"]},
        "n": 10,
    }


def test_within_is_not_already(run, vec, tmp_path):
    assert run("select", vec, "random", "--budget", 20, "--out", tmp_path / "one")[0] == 0
    code, out, err = run("select", vec, "k_center", "--budget", 10, "--within", tmp_path / "one")
    assert code == 0
    assert "10 of 80 samples kept, chosen among the 20 of an earlier selection. ids_sha256" in out
    assert "within: only the 20 of an earlier selection can be chosen\n" in err


def test_a_changed_byte_is_found(run, vec, tmp_path):
    assert run("select", vec, "random", "--budget", 5, "--out", tmp_path / "s")[0] == 0
    with open(tmp_path / "s" / "selection.parquet", "r+b") as file:
        file.seek(40)
        byte = file.read(1)
        file.seek(40)
        file.write(bytes([byte[0] ^ 1]))
    code, _, err = run("verify", tmp_path / "s")
    assert code == 1
    assert "selection.parquet was changed" in err
    assert run("export", tmp_path / "s", "--format", "ids", "--out", tmp_path / "x")[0] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["select", "vec", "k_center", "--budget", "0"], "must be from 1 to 80"),
        (["select", "vec", "k_center", "--budget", "150%"], "at most 100%"),
        (["select", "vec", "k_centre", "--budget", "5"], "Did you mean k_center?"),
        (["select", "vec", "freesel", "--budget", "5"], "no feature for the role patterns"),
        (["select", "vec", "k_center", "--budget", "5", "--set", "metric"], "must look like name=value"),
        (["select", "vec", "k_center", "--budget", "5", "--seed", "x"], "--seed"),
        (["select", "vec", "k_center"], "--budget"),
        (["pool", "add", "new", "/etc", "--kind", "images"], "outside the allowed folders"),
        (["pool", "add", "new", "missing", "--kind", "imagess"], "Did you mean images?"),
        (["pool", "show", "vek"], "Did you mean vec?"),
        (["verify", "nowhere"], "allowed|no manifest"),
        (["export", "nowhere", "--format", "csv"], "--out"),
        (["compare", "one"], "at least two"),
        (["frobnicate"], "frobnicate"),
        (["--workspace"], "needs a folder"),
        (["feature", "compute", "vec", "nothing"], "no feature called nothing"),
    ],
)
def test_a_wrong_request_is_exit_2_and_one_line(run, vec, words, message):
    before = sorted(str(path) for path in (ROOT / "x").parent.glob("workspace/*"))
    code, out, err = run(*words)
    assert code == 2
    assert re.search(message, err)
    assert len(err.strip().splitlines()) == 1
    assert out == ""
    assert sorted(str(path) for path in (ROOT / "x").parent.glob("workspace/*")) == before


def test_ids_with_line_breaks_are_not_written_as_lines(run, workspace, tmp_path):
    np.savez(tmp_path / "v.npz", ids=np.array(["a\nb", "c"]), embedding=np.eye(2))
    run("pool", "add", "odd", tmp_path / "v.npz", "--kind", "vectors")
    run("select", "odd", "random", "--budget", 2, "--out", tmp_path / "s")
    code, _, err = run("export", tmp_path / "s", "--format", "ids", "--out", tmp_path / "ids.txt")
    assert code == 2
    assert "line break" in err
    assert not (tmp_path / "ids.txt").exists()
    assert run("export", tmp_path / "s", "--format", "jsonl", "--out", tmp_path / "s.jsonl")[0] == 0
    assert {json.loads(line)["id"] for line in (tmp_path / "s.jsonl").read_text().splitlines()} == {"a\nb", "c"}


def test_export_of_files(run, workspace, photos, tmp_path):
    run("pool", "add", "ph", photos, "--kind", "images")
    assert run("select", "ph", "stratified", "--budget", 6, "--out", tmp_path / "s")[0] == 0
    assert run("export", tmp_path / "s", "--format", "files", "--out", tmp_path / "kept")[0] == 0
    kept = sorted(path.relative_to(tmp_path / "kept").as_posix() for path in (tmp_path / "kept").rglob("*.jpg"))
    ids = (
        (tmp_path / "ids.txt", run("export", tmp_path / "s", "--format", "ids", "--out", tmp_path / "ids.txt"))[0]
        .read_text()
        .split()
    )
    assert kept == sorted(ids)
    assert (tmp_path / "kept" / kept[0]).read_bytes() == (photos / kept[0]).read_bytes()


def test_exports_read_by_real_readers(run, vec, tmp_path):
    import duckdb
    import pandas

    run("select", vec, "k_center", "--budget", 7, "--out", tmp_path / "s")
    for format in ("csv", "jsonl", "parquet"):
        run("export", tmp_path / "s", "--format", format, "--out", tmp_path / f"k.{format}")
    assert len(pandas.read_csv(tmp_path / "k.csv")) == 7
    assert duckdb.sql(f"SELECT count(*) FROM read_json('{tmp_path / 'k.jsonl'}')").fetchall() == [(7,)]
    assert duckdb.sql(f"SELECT max(rank) FROM '{tmp_path / 'k.parquet'}'").fetchall() == [(7,)]


def test_ctrl_c_is_130_and_leaves_no_manifest(workspace, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "big.npy", rng.standard_normal((60_000, 64)).astype(np.float32))
    assert main(["pool", "add", "big", str(tmp_path / "big.npy"), "--kind", "vectors"]) == 0
    command = [sys.executable, "-m", "datasel_core", "select", "big", "facility_location", "--budget", "5000"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ.copy())
    assert process.stderr is not None
    for line in process.stderr:
        if "neighbours" in line:
            break
    process.send_signal(2)
    assert process.wait(timeout=900) == 130
    assert not list(workspace.path.glob("runs/*/manifest.json"))


@pytest.mark.parametrize("place", ["before", "after", "equals"])
def test_workspace_may_stand_anywhere(run, tmp_path, monkeypatch, place):
    words = {
        "before": ["--workspace", tmp_path / "w", "pool", "list"],
        "after": ["pool", "list", "--workspace", tmp_path / "w"],
        "equals": ["pool", "list", f"--workspace={tmp_path / 'w'}"],
    }
    monkeypatch.setenv("DATASEL_WORKSPACE", "unused")
    code, _, err = run(*words[place])
    assert code == 0
    assert "no pools yet" in err
    assert os.environ["DATASEL_WORKSPACE"] == str(tmp_path / "w")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("pool add", "pool kind"),
        ("select", "method"),
        ("feature compute", "feature"),
        ("export", "export format"),
        ("evaluate", "probe"),
    ],
)
def test_help_names_all_that_is_declared(run, words, kind):
    code, out, err = run(*words.split(), "--help")
    said = " ".join(out.split())
    assert (code, err) == (0, "")
    assert f"{', '.join(registry.every(kind))}" in said
    below = " ".join(out.splitlines()[1:])  # the first line shows the words of the command itself
    assert not re.search("{(" + "|".join(registry.PACKAGES) + ")", below)
    if words == "evaluate":
        assert f"for {', '.join(id for id, one in registry.every('probe').items() if one.elsewhere)}; or rest: " in said


def test_a_new_format_is_in_the_help_without_another_edit(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(registry._declared["export format"], "zebra", registry.find("export format", "csv"))
        assert "yolo, zebra." in " ".join(run("export", "--help")[1].split())
    assert "yolo." in " ".join(run("export", "--help")[1].split())  # looked up each time


def test_help_loads_nothing_that_is_declared():
    """`--help` of the program, and every command but those helps, waits for no declaration."""
    names = ("pools.kinds.images", "methods.k_center", "probes.lm", "features.encoders.vit", "exports.tables")
    loaded = f"[name for name in {names} if 'datasel_core.' + name in sys.modules]"
    code = f"import sys; from datasel_core.__main__ import main; main(['--help']); print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_listing_methods_loads_no_reader_of_photos_and_no_functions_of_tables():
    """They take a third of the second in which methods are listed."""
    code = "import sys; from datasel_core.__main__ import main; main(['methods', '--json'])\n"
    code += "print('\\n', [name for name in ('PIL', 'pyarrow.compute', 'yaml', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "[]"


def test_methods_as_json(run):
    found = {one["id"]: one for one in json.loads(run("methods", "--json")[1])}
    assert {"random", "stratified", "k_center", "facility_location", "deduplicate", "freesel"} <= set(found)
    assert found["freesel"]["parameters"]["sampler"]["default"] == "prob"
    assert found["k_center"]["needs"] == ["embedding"]
