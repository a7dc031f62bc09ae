"""Names that are more than names: of pools, samples, paths, columns, files in a manifest. They stay text, lead nowhere,
and come out as they came in.
"""

import csv
import hashlib
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.base.registry import every
from datasel_core.errors import BadRequest
from datasel_core.pools.persistence import load_pool, remove_pool
from datasel_core.runs import engine, manifest
from datasel_core.runs.candidates import matching
from datasel_core.runs.spec import Spec
from datasel_core.workspace.hashing import hash_file
from datasel_core.workspace.layout import Workspace
from tests.conftest import paint

LED = [
    "..",
    ".",
    "",
    " ",
    "../x",
    "a/../../x",
    "/etc",
    "a/b",
    "a\\b",
    "..\\x",
    "C:\\x",
    "~",
    "~root",
    "-x",
    ".x",
    "a\0b",
]
LED += [
    "a\nb",
    "a\rb",
    "a b",
    "a\u202eb",
    "a\u200bb",
    "é",
    "ａ",
    "a;b",
    "a|b",
    "a&b",
    "$HOME",
    "`x`",
    "a'b",
    'a"b',
    "<b>",
    "%2e%2e",
]
LED += ["x" * 65, "\udcff", "a*", "a?", "[a]", "{a}", "a:b", "@a", "+a", "=a", "!a", "a,b"]


@pytest.mark.parametrize("name", LED, ids=lambda name: ascii(name)[1:30])
def test_a_name_of_the_workspace_leads_nowhere(workspace, tmp_path, name):
    np.save(tmp_path / "v.npy", np.eye(3))
    kinds = (workspace.pool, workspace.feature, workspace.run, workspace.map, workspace.scores, workspace.task)
    for where in (*kinds, workspace.serving, workspace.yardstick, workspace.demo):
        with pytest.raises(BadRequest, match="name .* will not do; use 1 to 64 letters, digits, dots"):
            where(name)
    for use in (load_pool, remove_pool, lambda home, one: add_pool(home, one, str(tmp_path / "v.npy"), "vectors")):
        with pytest.raises(BadRequest, match="name .* will not do; use 1 to 64 letters, digits, dots") as caught:
            use(workspace, name)
        assert "\n" not in str(caught.value)
    assert not workspace.path.exists()


# ---- ids and columns

IDS = [
    "../../x",
    "/etc/passwd",
    "..",
    ".",
    "a\nb",
    "a\r\nb",
    "a\tb",
    " a ",
    "a\u202eb",
    "\u200b",
    "é",
    "e\u0301",
    "ａ",
    "x" * 5000,
]
IDS += [
    "=1+1",
    "+1",
    "-1",
    "@a",
    "<script>alert(1)</script>",
    "![a](http://127.0.0.1/x)",
    "'; drop table pool; --",
    '"',
    "'",
]
IDS += [
    "{a}",
    "%s%n",
    "$(x)",
    "`x`",
    "null",
    "NaN",
    "true",
    "0",
    "00",
    "1e5",
    "None",
    "con",
    "nul.txt",
    "a/b",
    "a\\b",
    "🙂",
    "\u2028",
]
HOLDS = {"a": 1, "nested": "value"}
COLUMNS = [
    "../x",
    "a b",
    'a"b',
    "a'b",
    "=1+1",
    "@a",
    "group by",
    "select",
    "é",
    "🙂",
    "a\u202eb",
    "x" * 300,
    "__class__",
    "a;b",
    "a--b",
]
COLUMNS += [
    "a/*b",
    "rowid",
    "Row",
    "score",
    "WHY",
    "a\nb",
    "{a}",
    "%s",
    "<b>",
    "-1",
    "0",
    "null",
    "a.b",
    "pool.id",
    "lambda",
    "*",
]


@pytest.fixture
def odd(workspace, tmp_path):
    """A pool of vectors with odd ids, and in each odd column the number of the row."""
    columns = {name: [at * 100 + row for row in range(len(IDS))] for at, name in enumerate(COLUMNS)}
    vectors = pa.array(np.random.default_rng(1).standard_normal((len(IDS), 3)).astype(np.float32).tolist())
    pq.write_table(pa.table({"id": IDS, **columns, "vector": vectors}), tmp_path / "t.parquet")
    return add_pool(workspace, "odd", str(tmp_path / "t.parquet"), "vectors")


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_odd_ids_and_columns_come_out_as_they_came_in(workspace, tmp_path, odd):
    assert odd.ids.tolist() == IDS
    run = engine.select(workspace, Spec(pool="odd", method="random", budget=str(len(IDS)), seed=1))
    assert sorted(run.ids) == sorted(IDS)
    assert manifest.problems(run.folder) == []
    record, before = open_record(workspace, run.folder), files(tmp_path)
    for format in ("jsonl", "parquet", "csv"):
        every("export format")[format]().write(record, tmp_path / f"kept.{format}", Progress())
    made = {name.split("/")[0] for name in files(tmp_path) - before}
    assert {name for name in made if not name.startswith("kept.")} <= {"workspace"}
    assert sorted(run.ids) == sorted(map(_id, pq.read_table(tmp_path / "kept.parquet").to_pylist()))
    lines = (tmp_path / "kept.jsonl").read_text(encoding="utf-8").split("\n")
    assert sorted(run.ids) == sorted(_id(json.loads(line)) for line in lines if line)
    with open(tmp_path / "kept.csv", encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    assert all(cell["id"] in (id, f"'{id}") for id, cell in zip(run.ids, cells, strict=True))
    with pytest.raises(BadRequest, match="holds a line break, so a list of lines would be wrong"):
        every("export format")["ids"]().write(record, tmp_path / "kept.txt", Progress())
    assert not (tmp_path / "kept.txt").exists()


def _id(row):
    return row["id"]


@pytest.mark.parametrize("name", COLUMNS, ids=lambda name: ascii(name)[1:30])
def test_an_odd_column_is_asked_by_its_name_in_quotes(odd, name):
    at, quoted = COLUMNS.index(name), name.replace('"', '""')
    assert matching(odd, f'"{quoted}" = {at * 100 + 7}').tolist() == [row == 7 for row in range(len(IDS))]


# ---- paths of photos

PATHS = {
    "../photos/0.jpg": "photos/0.jpg",
    "./.././photos//1.jpg": "photos/1.jpg",
    "{photos}/2.jpg": "{photos}/2.jpg",
    "-rf.jpg": "-rf.jpg",
    " .jpg": " .jpg",
    "a\nb.jpg": "a\nb.jpg",
    "a\u202eb.jpg": "a\u202eb.jpg",
    "$(x).jpg": "$(x).jpg",
    "'\".jpg": "'\".jpg",
    "manifest.json.jpg": "manifest.json.jpg",
    f"{'x' * 240}.jpg": f"{'x' * 240}.jpg",
    "..hidden/...jpg": "..hidden/...jpg",
}


def test_photos_are_exported_below_the_folder_whatever_their_paths_say(workspace, tmp_path):
    here, photos = tmp_path / "table", tmp_path / "photos"
    said = [path.replace("{photos}", str(photos)) for path in PATHS]
    for at, path in enumerate(said):
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_bytes(paint(tmp_path / "painted.jpg", at).read_bytes())
    pq.write_table(pa.table({"path": said}), here / "t.parquet")
    pool = add_pool(workspace, "p", str(here / "t.parquet"), "images")
    assert pool.ids.tolist() == said
    run = engine.select(workspace, Spec(pool="p", method="random", budget="100%"))
    before = files(tmp_path)
    out = every("export format")["files"]().write(open_record(workspace, run.folder), tmp_path / "out", Progress())
    assert {name.split("/")[0] for name in files(tmp_path) - before} <= {"out", "workspace"}
    wrote = [out / path.replace("{photos}", str(photos).lstrip("/")) for path in PATHS.values()]
    assert [path.read_bytes() for path in wrote] == [(here / path).read_bytes() for path in said]
    assert sum(name.endswith(".jpg") for name in files(out)) == len(PATHS)


# ---- names in a manifest

FILES = [
    "../secret.parquet",
    "/etc/passwd",
    "a/../../secret.parquet",
    "./x.parquet",
    "",
    ".",
    "..",
    "a\0b",
    "x" * 5000,
    "a/b",
    "\udcff",
]


@pytest.fixture
def run(workspace, tmp_path):
    np.savez(tmp_path / "v.npz", ids=np.array(list("abcdefgh")), embedding=np.eye(8, dtype=np.float32))
    add_pool(workspace, "p", str(tmp_path / "v.npz"), "vectors")
    return engine.select(workspace, Spec(pool="p", method="k_center", budget="3"))


def resigned(run, **changes):
    """The manifest with changes, as somebody writes it who knows how it is signed."""
    said = {name: value for name, value in run.manifest.items() if name != "sha256"} | changes
    said["sha256"] = manifest_hash(said)
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    (run.folder / "manifest.json").write_bytes(text.encode("utf-8", "backslashreplace"))


def manifest_hash(said):
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def asked(capfd, *words):
    code = main([str(word) for word in words])
    out, err = capfd.readouterr()
    assert "It broke" not in err
    assert "Traceback" not in err
    return code, out, err


@pytest.mark.parametrize("name", FILES, ids=lambda name: ascii(name)[1:30])
def test_a_file_that_a_manifest_names_lies_beside_it(workspace, run, capfd, name):
    secret = run.folder.parent / "secret.parquet"
    pq.write_table(pa.table({"id": ["a"]}), secret)
    resigned(run, files={**run.manifest["files"], name: hash_file(secret)})
    code, out, err = asked(capfd, "verify", run.folder)
    assert (code, out) == (1, "")
    assert "is missing" in err
    for words in (["export", run.folder, "--format", "ids", "--out", workspace.path.parent / "x"],):
        assert asked(capfd, *words)[0] == 2
    assert not (workspace.path.parent / "x").exists()


LIES = {
    "pool": [{"name": name} for name in ("../../x", "", "a\0b", "x" * 300, "nobody")],
    "method": [{"id": "__import__('os')", "version": 1, "params": {}}, {"id": "../x", "version": 1, "params": {}}],
    "features": [{"embedding": {"key": "../../x", "id": "imported"}}, {"../x": {"key": "x"}}],
    "where": ["id in (select content from read_text('/etc/passwd'))", "true; drop table pool"],
    "within": [{"ids_sha256": "x", "n": 3}],
    "seed": [-1],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in LIES.items() for value in values])
def test_a_manifest_that_lies_is_run_again_by_nobody(workspace, run, capfd, name, value):
    base = run.manifest[name]
    resigned(run, **{name: {**base, **value} if name == "pool" else value})
    if name == "pool":
        said = {**base, **value, "fingerprint": "0" * 64}
        resigned(run, pool=said)
    before = files(workspace.path.parent)
    code, out, err = asked(capfd, "reproduce", run.folder)
    assert code in (1, 2)
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert files(workspace.path.parent) == before


def test_an_earlier_selection_is_read_from_allowed_folders_only(workspace, run, tmp_path, monkeypatch, capfd):
    away = tmp_path.parent / f"{tmp_path.name}-away"
    away.mkdir()
    pq.write_table(pa.table({"id": list("abc")}), away / "ids.parquet")
    (tmp_path / "link.parquet").symlink_to(away / "ids.parquet")
    (tmp_path / "folder").symlink_to(away)
    for flag in ("--within", "--already"):
        for named in (
            away / "ids.parquet",
            tmp_path / "link.parquet",
            tmp_path / "folder" / "ids.parquet",
            "../ids.parquet",
        ):
            code, out, err = asked(capfd, "select", "p", "random", "--budget", "1", flag, named)
            assert (code, out) == (2, "")
            assert "outside the allowed folders" in err


def test_a_root_that_was_changed_opens_nothing(tmp_path, monkeypatch):
    """pool.json says where the photos lie; one that says otherwise leads to no photo outside."""
    here, away = tmp_path / "here", tmp_path / "away"
    paint(here / "in" / "0.jpg", 1)
    paint(away / "0.jpg", 2)
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(here))
    home = Workspace.at(here / "workspace")
    add_pool(home, "p", str(here / "in"), "images")
    path = home.pool("p") / "pool.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"root": str(away)}))
    with pytest.raises(BadRequest):
        load_pool(home, "p").open(0)
    assert os.path.exists(away / "0.jpg")
