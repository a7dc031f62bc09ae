"""What a person, a disk, a machine or a stranger's file may do to the program: each is one line with the remedy. Exit 2
where the request is wrong, 1 where it failed; no traceback, nothing half-written.
"""

import errno
import gzip
import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.ragged import Ragged
from datasel_core.base.registry import find
from datasel_core.errors import BadInput, BadRequest, Failed
from datasel_core.methods.selection import Inputs
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.readers.tables import columnar, streams
from datasel_core.runs import engine, manifest
from datasel_core.runs.reproduction import asked_again
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.trouble import as_failed
from tests.conftest import ROOT, clustered, paint
from tests.pages import screens

screen = screens.screen


@pytest.fixture
def run(workspace, capfd):
    def call(*words):
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        assert "It broke" not in err
        return code, out, err

    return call


@pytest.fixture
def vec(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(80)], embedding=clustered(rng, 80, 6, 5))
    return add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")


@pytest.fixture
def kept(workspace, vec):
    return engine.select(workspace, Spec(pool="vec", method="k_center", budget="9"))


def one_line(said, code, match):
    """(exit code, nothing on stdout, one line on stderr that says this)."""
    assert said[0] == code, said
    assert said[1] == ""
    lines = said[2].strip().splitlines()
    assert len(lines) == 1, lines
    assert match in lines[0]
    assert len(lines[0]) < 600


# ---- a workspace that cannot be one, or cannot be written


COMMANDS = [
    ["pool", "list"],
    ["pool", "show", "vec"],
    ["runs"],
    ["select", "vec", "random", "--budget", "5"],
    ["pool", "add", "p", "v.npz"],
    ["verify", "run"],
    ["demo"],
]


@pytest.mark.parametrize("below", ["", "/below/it"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_workspace_that_is_a_file(run, tmp_path, words, below):
    (tmp_path / "file").write_text("mine")
    said = run("--workspace", f"{tmp_path}/file{below}", *words)
    one_line(said, 2, f"{tmp_path / 'file'} is a file; name a folder with --workspace or DATASEL_WORKSPACE.")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x", "loop/x"])
def test_a_workspace_that_cannot_be_followed(run, tmp_path, monkeypatch, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.chdir(tmp_path)
    one_line(run("--workspace", name, "pool", "list"), 2, "The workspace")


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A real disk of 2 MB that holds the workspace. What it gives makes it read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a disk can be mounted by root only, on Linux")
    monkeypatch.setenv("DATASEL_WORKSPACE", str(place / "ws"))
    yield lambda: subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    subprocess.run(["umount", str(place)], check=True)


def test_a_workspace_that_may_not_be_written_can_be_read(run, disk, tmp_path, rng):
    """Also an answer that is there; what needs to be written is refused in one line."""
    home = Workspace.at()
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(80)], embedding=clustered(rng, 80, 6, 5))
    add_pool(home, "vec", str(tmp_path / "v.npz"), "vectors")
    there = engine.select(home, Spec(pool="vec", method="k_center", budget="9"))
    disk()
    reads = [
        ["pool", "list"],
        ["pool", "show", "vec"],
        ["feature", "list", "vec"],
        ["runs"],
        ["verify", there.folder],
        ["reproduce", there.folder],
        ["compare", there.folder, there.folder],
        ["evaluate", there.folder],
        ["select", "vec", "k_center", "--budget", 9],
        ["select", "vec", "k_center", "--budget", 9, "--out", tmp_path / "run"],
        ["export", there.folder, "--format", "csv", "--out", tmp_path / "kept.csv"],
        ["export", there.key, "--format", "jsonl", "--out", tmp_path / "kept.jsonl"],
    ]
    for words in reads:
        code, _, err = run(*words)
        assert code == 0, (words, err)
    assert json.loads(run("select", "vec", "k_center", "--budget", 9, "--json")[1])["key"] == there.key
    assert (tmp_path / "kept.csv").read_text().count("\n") == 10
    assert manifest.problems(tmp_path / "run") == []
    writes = [
        ["select", "vec", "k_center", "--budget", 8],
        ["select", "vec", "random", "--budget", 3],
        ["pool", "add", "more", tmp_path / "v.npz", "--kind", "vectors"],
        ["feature", "import", "vec", "image", tmp_path / "v.npz"],
        ["export", there.folder, "--format", "csv", "--out", home.path / "kept.csv"],
        ["pool", "remove", "vec"],
        ["demo"],
    ]
    for words in writes:
        code, _, err = run(*words)
        last = err.strip().splitlines()[-1]
        assert code == 1, (words, err)
        assert "Read-only file system. Allow writing there, or name another folder (--workspace, " in last, words
    assert load_pool(home, "vec").n == 80


def test_the_screen_reads_a_workspace_that_may_not_be_written(screen, disk, tmp_path, rng):
    home = Workspace.at()
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(80)], embedding=clustered(rng, 80, 6, 5))
    pool = add_pool(home, "vec", str(tmp_path / "v.npz"), "vectors")
    kept = screens.chosen(home, pool)
    disk()
    app = screen(pool="vec", run=kept.key)
    for page in ("export", "select", "patterns", "targets", "data"):
        screens.sound(app.switch_page(f"pages/{page}.py").run())
        assert "30 kept of 80" in screens.said(app), page


# ---- a disk without room


def sources(tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(40)], embedding=clustered(rng, 40, 6, 5))
    for at in range(4):
        paint(tmp_path / "photos" / f"{at}.jpg", at)
    lines = [json.dumps({"text": f"text {at}", "long": "x" * 300}) for at in range(3000)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    (tmp_path / "t.csv").write_text("text,n\n" + "".join(f"text {at},{at}\n" for at in range(3000)))
    captions = ["path,caption", *(f"photos/{at}.jpg,a {at}" for at in range(4))]
    (tmp_path / "c.csv").write_text("\n".join(captions) + "\n")
    return {"vectors": "v.npz", "images": "photos", "text": "t.jsonl", "text ": "t.csv", "pairs": "c.csv"}


@pytest.mark.parametrize("kind", ["vectors", "images", "text", "text ", "pairs"])
def test_a_disk_that_fills_up_while_a_pool_is_added(run, workspace, tmp_path, rng, monkeypatch, kind):
    """At whichever write it happens: tables, their ends, what waits, moving a file to its place."""
    source = tmp_path / sources(tmp_path, rng)[kind]

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    places = [
        "os.fsync",
        "os.replace",
        "pyarrow.parquet.ParquetWriter.write_table",
        "pyarrow.parquet.ParquetWriter.close",
    ]
    places += ["numpy.save", "numpy.lib.format.open_memmap", "pyarrow.ipc.RecordBatchStreamWriter.write_table"]
    failed = 0
    for place in places:
        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            code, out, err = run("pool", "add", "p", source, "--kind", kind.strip())
        if code == 0:  # nothing of this sort is written for such a pool
            run("pool", "remove", "p")
            continue
        failed += 1
        assert code == 1, (place, err)
        assert out == ""
        last = err.strip().splitlines()[-1]
        assert "The disk is full: " in last, place
        assert "Free some space and start again" in last
        assert place == "numpy.lib.format.open_memmap" or not (workspace.pool("p") / "pool.json").exists()
        assert [path for path in workspace.path.rglob("*") if path.suffix == ".part"] == []
        assert not workspace.spool().exists() or list(workspace.spool().iterdir()) == []
    assert failed >= 2
    assert run("pool", "add", "p", source, "--kind", kind.strip())[0] == 0
    assert load_pool(workspace, "p").n > 0
    assert len(json.loads(run("pool", "show", "p", "--json")[1])["features"]) == (kind == "vectors")


@pytest.mark.parametrize("kind", ["vectors", "text", "text "])
def test_a_disk_that_is_really_full(run, disk, tmp_path, rng, kind):
    lines = [json.dumps({"text": rng.bytes(600).hex()}) for _ in range(6000)]
    np.savez(tmp_path / "v.npz", embedding=rng.random((40_000, 32), np.float32))
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    (tmp_path / "t.csv").write_text("text\n" + "\n".join(line[10:-2] for line in lines))
    source = tmp_path / {"vectors": "v.npz", "text": "t.jsonl", "text ": "t.csv"}[kind]
    code, out, err = run("pool", "add", "p", source, "--kind", kind.strip())
    assert (code, out) == (1, "")
    assert "The disk is full: " in err.strip().splitlines()[-1]
    assert "Exception ignored" not in err
    home = Workspace.at()
    assert [path for path in home.path.rglob("*") if path.suffix == ".part"] == []
    assert not home.spool().exists() or list(home.spool().iterdir()) == []


_LIMITED = """
import resource, sys
from datasel_core.__main__ import main
{more}
resource.setrlimit(resource.{limit}, ({value}, {value}))
sys.exit(main(sys.argv[1:]))
"""


def limited(limit, value, *words, more=""):
    """A command line in a process that the system holds to a limit."""
    code = _LIMITED.format(limit=limit, value=value, more=more)
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a thread that gets no memory ends the process
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **one_thread},
    )


def test_files_that_may_not_grow_while_a_pool_is_added(workspace, tmp_path, rng):
    """By the system's own limit, in a process of its own: 20 kB a file."""
    np.savez(tmp_path / "v.npz", embedding=rng.random((4000, 16)))
    done = limited("RLIMIT_FSIZE", 20_000, "pool", "add", "p", tmp_path / "v.npz", "--kind", "vectors")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "It broke" not in done.stderr
    assert "could not be written: File too large. The system allows no larger file here" in done.stderr
    assert list(workspace.path.rglob("*.part")) == []


# ---- little memory


def of_numpy():
    np.empty(1 << 60, np.uint8)


def of_arrow():
    pa.allocate_buffer(1 << 60)


def of_torch():
    import torch

    torch.empty(1 << 55)


def of_faiss():
    import faiss

    faiss.Float32Vector().resize(1 << 58)


def of_duckdb():
    import duckdb

    with duckdb.connect(config={"memory_limit": "4MB", "max_temp_directory_size": "0KB"}) as connection:
        connection.execute("select list(range) from range(10000000)").fetchall()


@pytest.mark.parametrize("ask", [of_numpy, of_arrow, of_torch, of_faiss, of_duckdb])
def test_every_library_s_way_to_say_that_memory_is_short(ask):
    with pytest.raises(Exception) as error:  # noqa: PT011  (each has a type of its own)
        ask()
    known = as_failed(error.value)
    assert known is not None, repr(error.value)
    assert str(known) == "There was not enough memory. Try a smaller pool, or close other programs."
    outer = ValueError("while it was packed")
    outer.__cause__ = error.value
    assert as_failed(outer) is not None


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("std::bad_alloc"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried 64 bytes"
        ),
        RuntimeError("can't start new thread"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        SystemError("out of memory"),
    ],
    ids=lambda error: str(error)[:20],
)
def test_words_for_memory_that_come_only_when_it_is_short(error):
    assert str(as_failed(error)).startswith("There was not enough memory.")


def test_files_that_give_no_room_or_no_right():
    for number, said in (
        (errno.ENOSPC, "The disk is full: /x/y was not written. Free some space and start again"),
        (errno.EROFS, "/x/y could not be written: Read-only file system. Allow writing there, or name another folder"),
        (errno.EFBIG, "/x/y could not be written: File too large. The system allows no larger file here"),
        (errno.EACCES, "/x/y may not be read or written; give that right to the user who runs datasel."),
    ):
        assert str(as_failed(OSError(number, "?", "/x/y"))).startswith(said)


def test_a_fault_stays_a_fault():
    for error in (ValueError("x"), RuntimeError("x"), KeyError("memory"), OSError(errno.ENOENT, "No such file")):
        assert as_failed(error) is None


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are asked of Linux")
@pytest.mark.parametrize("method", ["k_center", "facility_location", "deduplicate"])
def test_little_memory_on_the_command_line(workspace, tmp_path, rng, method):
    """What the process has when it begins, and 20 MB more; the vectors take 64."""
    np.savez(tmp_path / "v.npz", embedding=rng.random((16_000, 1000), np.float32))
    add_pool(workspace, "p", str(tmp_path / "v.npz"), "vectors")
    more = """
import faiss, numpy, pyarrow.parquet, duckdb
from datasel_core.base import registry
registry.every("method"), registry.every("metric"), registry.every("task")
numpy.ones((500, 500)) @ numpy.ones((500, 500))
now = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize")) * 1024
"""
    done = limited("RLIMIT_AS", "now + 20_000_000", "select", "p", method, "--budget", 100, more=more)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "There was not enough memory. Try a smaller pool" in done.stderr.strip().splitlines()[-1]
    assert list(workspace.path.glob("runs/*/manifest.json")) == []


# ---- wrong requests


@pytest.mark.parametrize("name", ["v.npz", "notes.txt", "v.npz/below"])
@pytest.mark.parametrize("command", ["verify", "reproduce", "evaluate"])
def test_a_file_that_is_no_export(run, vec, tmp_path, command, name):
    (tmp_path / "notes.txt").write_text("{}")
    why = "holds no manifest.json; name the folder of a finished selection."
    said = why if name.endswith("below") else "was not exported by datasel, or its record is gone: there is no folder"
    one_line(run(command, tmp_path / name), 2, said)


def test_a_manifest_that_is_a_folder(run, vec, tmp_path):
    (tmp_path / "run" / "manifest.json").mkdir(parents=True)
    one_line(run("verify", tmp_path / "run"), 2, "manifest.json cannot be read: Is a directory.")


@pytest.mark.parametrize("budget", ["9" * 5000, "9" * 5000 + "%", "0." + "1" * 5000 + "%", "1" * 41])
def test_a_budget_of_five_thousand_digits(run, vec, budget):
    said = run("select", "vec", "random", "--budget", budget)
    one_line(
        said, 2, f"The budget has {len(budget):,} characters; it must be a count such as 100 or a share such as 10%."
    )


def test_a_filter_with_bytes_that_are_no_text(run, vec):
    said = run("select", "vec", "random", "--budget", 5, "--where", "id > 'a\udcff'")
    one_line(said, 2, "is no UTF-8 text; rename what is called so, and write that name.")


def test_a_budget_that_is_only_too_large(run, vec):
    one_line(run("select", "vec", "random", "--budget", "9" * 40), 2, "it must be from 1 to 80")


@pytest.mark.parametrize("words", [["select", "vec", "random", "--budget", "5"], ["combine", "union", "KEPT", "KEPT"]])
def test_out_below_a_file_is_found_before_the_work(run, workspace, kept, tmp_path, words, monkeypatch):
    def never(*_, **__):
        raise AssertionError("the work has begun")

    (tmp_path / "file").write_text("mine")
    before = sorted(workspace.folders("runs"))
    monkeypatch.setattr(engine, "choose", never)
    words = [str(kept.folder) if word == "KEPT" else word for word in words]
    said = run(*words, "--out", tmp_path / "file" / "below" / "it")
    one_line(said, 2, f"{tmp_path / 'file'} is a file, so nothing can be written below it; name another --out.")
    assert sorted(workspace.folders("runs")) == before


# ---- manifests of strangers


OTHERS = [None, True, -1, 1.5, 10**400, "x", "a\0b", "\ud800", [], ["x"], {}, {"x": 1}]


def places(value, at=()):
    """Every place of a manifest: its parts and what is in them."""
    if at:
        yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield from places(inner, (*at, name))


def changed(text, place, other):
    """The manifest with something else in one place; without it, where the other is `...`."""
    said = inner = json.loads(text)
    for step in place[:-1]:
        inner = inner[step]
    if other is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = other
    return said


def answered(workspace, folder, said) -> str | None:
    """Why a manifest that was brought is refused; None where it is taken, as the page does it."""
    (folder / "manifest.json").write_text(json.dumps(said))
    try:
        asked_again(workspace, manifest.read(folder))
    except (BadRequest, Failed) as error:
        return str(error)
    return None


def test_an_uploaded_manifest_of_a_wrong_shape(workspace, tmp_path, vec):
    earlier = engine.select(workspace, Spec(pool="vec", method="random", budget="4"))
    said = {}
    for also in ({"already": str(earlier.folder)}, {"where": "id > 'a'"}):
        run = engine.select(workspace, Spec(pool="vec", method="k_center", budget="9", **also))
        text = (run.folder / "manifest.json").read_text()
        for place in places(json.loads(text)):
            for other in [*OTHERS, ...] if "where" in also or "already" in place else ():
                said[text, place, repr(other)] = answered(workspace, tmp_path, changed(text, place, other))
    refusals = [one for one in said.values() if one is not None]
    assert len(refusals) > 500
    assert len(said) - len(refusals) > 50  # what the question does not rest on may be anything of its type
    assert [one for one in refusals if "\n" in one or len(one) > 1000] == []
    assert answered(workspace, tmp_path, json.loads(text)) is None


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"[" * 200_000, "its lists and objects lie too deep in one another"),
        (b'{"a":' * 100_000, "its lists and objects lie too deep in one another"),
        (b'{"result": 1' + b"0" * 10_000 + b"}", "it is not JSON"),
        (b'{"result": NaN}', "NaN is no number there"),
        (b'{"result": {}, "schema_version": 1}', "is damaged: it has no"),
        (b"\xff\xfe", "it is not JSON"),
        (b"", "it is not JSON"),
        (b'"\\ud800"', "is not a datasel manifest"),
        (b"null", "holds no manifest.json|is not a datasel manifest"),
    ],
)
def test_an_uploaded_manifest_that_is_none(run, vec, tmp_path, content, match):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BadInput, match=match) as error:
        manifest.read(tmp_path)
    assert len(str(error.value)) < 500
    code, _, err = run("verify", tmp_path)
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def test_a_huge_manifest_is_not_read():
    from pages._ui.export import reopen

    with pytest.raises(BadInput, match="The file has 64.0 MB; a manifest has at most 64.0 MB."):
        reopen._from_bytes(b" " * 64_000_001)


# ---- bombs


def npz_of_zeros(path, rows, d=64):
    """Packed a thousand to one."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("embedding.npy", "w", force_zip64=True) as file,
    ):
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, d)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(0, rows, 1000):
            file.write(bytes(1000 * d * 4))
    return path


def test_an_npz_that_unpacks_to_what_no_vectors_are_packed_from(run, tmp_path, monkeypatch):
    path = npz_of_zeros(tmp_path / "v.npz", 500_000)
    assert path.stat().st_size < 700_000
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it was read"))
    said = run("pool", "add", "p", path, "--kind", "vectors")
    one_line(said, 2, "v.npz could not be read: it would unpack to 0.1 GB, ")
    assert "so nearly all its values are equal; save it unpacked (numpy.savez) if it is meant so." in said[2]


def test_equal_vectors_that_are_not_packed_are_read(run, tmp_path):
    npz_of_zeros(tmp_path / "small.npz", 2000)
    assert run("pool", "add", "small", tmp_path / "small.npz", "--kind", "vectors")[0] == 0
    np.savez(tmp_path / "honest.npz", embedding=np.zeros((2000, 64), np.float32))
    assert run("pool", "add", "honest", tmp_path / "honest.npz", "--kind", "vectors")[0] == 0


def test_a_feature_that_is_brought_is_no_bomb_either(run, vec, tmp_path):
    path = npz_of_zeros(tmp_path / "f.npz", 500_000)
    one_line(
        run("feature", "import", "vec", "embedding", path), 2, "f.npz could not be read: it would unpack to 0.1 GB"
    )


def test_parquet_vectors_that_are_all_equal(run, tmp_path, monkeypatch):
    values = pa.array(np.zeros(40_000_000, np.float32))
    pq.write_table(pa.table({"v": pa.FixedSizeListArray.from_arrays(values, 64)}), tmp_path / "v.parquet")
    assert (tmp_path / "v.parquet").stat().st_size < 200_000
    monkeypatch.setattr(pq, "read_table", lambda *_, **__: pytest.fail("it was read"))
    one_line(run("pool", "add", "p", tmp_path / "v.parquet", "--kind", "vectors"), 2, "it would unpack to 0.2 GB, ")


@pytest.mark.parametrize("kind", ["text", "images", "pairs"])
def test_parquet_of_millions_of_equal_rows(run, tmp_path, kind):
    equal = pa.chunked_array([pa.array(["same"] * 100_000)] * 20)
    columns = {"text": ["text"], "images": ["path"], "pairs": ["path", "caption"]}[kind]
    pq.write_table(pa.table(dict.fromkeys(columns, equal)), tmp_path / "t.parquet")
    said = run("pool", "add", "p", tmp_path / "t.parquet", "--kind", kind)
    assert said[0] == 2, said
    last = said[2].strip().splitlines()[-1]
    assert "says that it has 2,000,000 rows in " in last
    assert "so nearly all are equal; write each once, with a column that says how often." in last


def test_parquet_of_many_rows_that_differ_is_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr(columnar, "_MANY", 1000)
    pq.write_table(pa.table({"text": [f"text {at}" for at in range(5000)]}), tmp_path / "t.parquet")
    assert run("pool", "add", "p", tmp_path / "t.parquet", "--kind", "text")[0] == 0


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "csv.gz", "json.gz", "txt.gz", "parquet.gz"])
def test_packed_tables_that_say_the_same_over_and_over(run, workspace, tmp_path, monkeypatch, ending):
    """Beyond a bound, which is small here, what is packed more than 250 to one is left, and that is said."""
    monkeypatch.setattr(streams, "_BOMB_BYTES", 200_000)
    row = b'{"text": "' + b"the same words over and over " * 200 + b'"}\n'
    begin = {"csv": b"text\n", "json": b"["}.get(ending.split(".")[0], b"")
    end = b"," if ending.startswith("json.") else b""
    content = begin + (row.strip() + end + b"\n") * 2000
    path = tmp_path / f"t.{ending}"
    if ending.endswith("zst"):
        with pa.CompressedOutputStream(str(path), "zstd") as file:
            file.write(content)
    else:
        path.write_bytes(gzip.compress(content))
    assert len(content) > 250 * path.stat().st_size
    code, out, err = run("pool", "add", "p", path, "--kind", "text")
    assert "it unpacks to more than 250 times its size, so it says the same over and over" in out + err
    assert code in (0, 2)
    if code == 0:
        assert load_pool(workspace, "p").n < 2000


def test_packed_text_that_says_something_is_read(run, workspace, tmp_path, rng, monkeypatch):
    monkeypatch.setattr(streams, "_BOMB_BYTES", 1000)
    lines = [json.dumps({"text": " ".join(map(str, rng.integers(0, 50, 200)))}) for _ in range(500)]
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    assert run("pool", "add", "p", tmp_path / "t.jsonl.gz", "--kind", "text")[0] == 0
    assert load_pool(workspace, "p").n == 500


def test_xml_is_read_in_one_place_that_takes_no_entities():
    """Whoever reads more of it needs a reader that expands none; what this one refuses: tests/labels."""
    reads = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "datasel_core").rglob("*.py"))
        if any(word in path.read_text(encoding="utf-8") for word in ("import xml", "from xml", "lxml", "expat"))
    ]
    assert reads == ["datasel_core/labels/readers/cvat.py"]


# ---- large vectors


@pytest.mark.parametrize("power", [63, 120, -70, -110])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(("method", "sampler"), [("k_center", ""), ("freesel", "prob"), ("freesel", "farthest")])
def test_vectors_of_any_size_give_the_same_picks(rng, method, sampler, metric, power):
    """A law: all vectors times a power of two are the same vectors, and float32 loses no digit by it."""
    vectors = clustered(rng, 300, 5, 6)
    scale = np.float32(2.0**power)
    chosen = {}
    for name, given in (("plain", vectors), ("scaled", vectors * scale)):
        role = {"embedding": given} if method == "k_center" else {"patterns": Ragged(given, np.arange(0, 301, 3))}
        params = {"metric": metric, **({"sampler": sampler} if sampler else {})}
        made = find("method", method)(**params)
        chosen[name] = made.select(Inputs(role, np.random.default_rng(1)), 40)
    assert chosen["plain"].rows.tolist() == chosen["scaled"].rows.tolist()
    distances = chosen["plain"].why["distance"] * (float(scale) if metric == "euclidean" else 1)
    np.testing.assert_allclose(chosen["scaled"].why["distance"], distances, rtol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("method", ["k_center", "freesel"])
def test_one_huge_vector_among_others(rng, method, metric):
    """By an oracle in exact whole numbers: farthest first."""
    vectors = rng.integers(-9, 9, (60, 4)).astype(np.float64)
    vectors[17] = [1e19, 0, 0, 0]
    role = {"embedding": vectors} if method == "k_center" else {"patterns": Ragged(vectors, np.arange(61))}
    params = {"metric": metric, "first": 3} | ({"sampler": "farthest"} if method == "freesel" else {})
    got = find("method", method)(**params).select(Inputs(role, np.random.default_rng(1)), 12).rows.tolist()
    assert len(set(got)) == 12
    if metric == "euclidean":
        whole = [[int(value) for value in vector] for vector in vectors]
        rows = [3]
        while len(rows) < 12:
            gaps = [
                min(sum((a - b) ** 2 for a, b in zip(one, whole[row], strict=True)) for row in rows) for one in whole
            ]
            rows.append(max(range(60), key=lambda at: (gaps[at], -at)))
        assert got == rows


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("method", ["k_center", "freesel"])
def test_numbers_whose_squares_nothing_holds_are_refused_by_row(rng, method, metric):
    vectors = rng.random((50, 4))
    vectors[31, 2] = 1e200
    role = {"embedding": vectors} if method == "k_center" else {"patterns": Ragged(vectors, np.arange(51))}
    with pytest.raises(BadInput, match="Row 31 of the vectors holds 1e\\+200, whose square is more than numbers here"):
        find("method", method)(metric=metric).select(Inputs(role, np.random.default_rng(1)), 5)


LARGE = [
    ("k_center", {"metric": "euclidean"}),
    ("k_center", {}),
    ("facility_location", {"metric": "euclidean"}),
    ("facility_location", {}),
    ("deduplicate", {}),
    ("nearest_targets", {"metric": "euclidean"}),
    ("tsds", {}),
]


@pytest.mark.parametrize("value", [1e19, 3e38])
@pytest.mark.parametrize(("method", "params"), LARGE, ids=str)
def test_large_vectors_on_the_command_line(run, workspace, tmp_path, rng, method, params, value):
    """Right, or refused in one line; never a warning of a library, never a fault."""
    vectors = clustered(rng, 80, 6, 5)
    vectors[7] *= value / np.abs(vectors[7]).max()
    np.savez(tmp_path / "v.npz", embedding=vectors)
    np.savez(tmp_path / "t.npz", embedding=clustered(rng, 5, 6, 5))
    for name in ("v", "t"):
        add_pool(workspace, name, str(tmp_path / f"{name}.npz"), "vectors")
    target = ["--target", "t"] if find("method", method).needs_target else []
    words = [word for name, one in params.items() for word in ("--set", f"{name}={one}")]
    code, _, err = run("select", "v", method, "--budget", 9, *target, *words)
    assert "Warning" not in err
    assert code in (0, 2), err
    if code == 2:
        assert len(err.strip().splitlines()[-1]) < 300
