"""The record as one zip: whole, the same to the byte, opened whatever is beside it, and never trusted before it is
verified.
"""

import hashlib
import io
import json
import os
import subprocess
import zipfile

import pytest

from datasel_core.errors import BadInput, BadRequest
from datasel_core.exports.run_folder import copy_run
from datasel_core.features.roles import Roles
from datasel_core.runs import reproduction
from datasel_core.runs.catalog import archive, names
from datasel_core.runs.derivations import combine
from datasel_core.workspace.hashing import own_hash
from datasel_core.workspace.layout import without_home
from tests.runs import joints

built, shared, scene, other = joints.built, joints.shared, joints.scene, joints.other


def whole(scene):
    """A selection with everything a record may hold, but parts."""
    first = {flag: str(scene.earlier(flag).folder) for flag in ("within", "already")}
    return scene.ask("s2l", 5, where="amount < 58", **first)


@pytest.fixture
def run(scene):
    return whole(scene)


def test_it_holds_all_that_verify_and_reproduce_need(scene, run, other, tmp_path):
    zipped = archive.pack(run.folder, tmp_path / "record.zip")
    folder = archive.unpack(zipped, tmp_path / "there")
    assert sorted(path.name for path in folder.iterdir()) == sorted(["manifest.json", *run.manifest["files"]])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: (run.folder / path.name).read_bytes() for path in folder.iterdir()
    }
    assert reproduction.reproduce(other.workspace, folder)["identical"]  # where nothing else is known of it


def test_a_combination_is_run_again_from_it(scene, tmp_path):
    parts = [scene.ask("random", 20, seed=seed).folder for seed in range(11)]
    run = combine.combine(scene.workspace, "union", parts)
    folder = archive.unpack(archive.pack(run.folder, tmp_path / "r.zip"), tmp_path / "there")
    assert reproduction.reproduce(scene.workspace, folder)["identical"]


def test_another_program_reads_it_and_finds_one_folder(run, tmp_path):
    zipped = archive.pack(run.folder, tmp_path / "record.zip")
    piece = run.manifest["result"]["ids_sha256"][:8]
    code = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), *sorted(z.namelist()))"
    done = subprocess.run(["python3", "-c", code, str(zipped)], capture_output=True, text=True, check=True)
    inside = sorted(f"datasel-{piece}/{name}" for name in ["manifest.json", *run.manifest["files"]])
    assert done.stdout.split() == ["None", *inside]


def test_it_is_the_same_to_the_byte(scene, run, tmp_path):
    first = archive.pack(run.folder, tmp_path / "one.zip").read_bytes()
    for path in run.folder.iterdir():
        if path.is_file():
            os.utime(path, (1, 1))
            os.chmod(path, 0o600)
    assert archive.pack(run.folder, tmp_path / "two.zip").read_bytes() == first
    names.give(scene.workspace, run.folder, "mine", "a note")
    assert archive.pack(run.folder, tmp_path / "three.zip").read_bytes() == first  # nothing of them in it


def test_name_and_note_go_along_where_that_is_asked(scene, run, tmp_path):
    archive.pack(run.folder, tmp_path / "none.zip", with_label=True)  # there is none
    names.give(scene.workspace, run.folder, "mine", "a note")
    zipped = archive.pack(run.folder, tmp_path / "r.zip", with_label=True)
    with zipfile.ZipFile(zipped) as opened:
        [label] = [opened.read(name) for name in opened.namelist() if name.endswith("label.json")]
    assert b"mine" in label
    assert b"a note" in label
    folder = archive.unpack(zipped, tmp_path / "there")
    assert not (folder / "label.json").exists()  # only what the manifest answers for


def test_one_that_is_damaged_is_not_taken_along(run, tmp_path):
    (run.folder / "within.parquet").write_bytes(b"x")
    with pytest.raises(BadRequest, match="cannot be taken along: within.parquet was changed after it was written"):
        archive.pack(run.folder, tmp_path / "record.zip")
    assert not (tmp_path / "record.zip").exists()


def zipped(files, **how):
    """A zip of these (name, bytes), as another program may make it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **how) as made:
        for name, content in files:
            made.writestr(name, content)
    buffer.seek(0)
    return buffer


def files_of(run):
    return [(name, (run.folder / name).read_bytes()) for name in ["manifest.json", *run.manifest["files"]]]


@pytest.mark.parametrize("inside", ["", "a/", "my export/datasel/"])
@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_whatever_is_beside_it_is_left(run, tmp_path, inside, packed):
    more = [("evil.sh", b"x"), ("../../up.parquet", b"x"), ("/abs.parquet", b"x"), (f"{inside}manifest.json.bak", b"x")]
    more += [(f"__MACOSX/{inside}._manifest.json", b"x"), (f"{inside}../selection.parquet", b"x")]
    own = [(inside + name, content) for name, content in files_of(run)]
    there = tmp_path / "a" / "b" / "there"
    archive.unpack(zipped(more + own, compression=packed), there)
    assert sorted(path.name for path in there.iterdir()) == sorted(name for name, _ in files_of(run))
    assert [path for path in (tmp_path / "a").rglob("*") if path.is_file() and path.parent != there] == []


def manifest_with(run, **changes):
    """The manifest with something else in it; its own hash is right."""
    said = {**run.manifest, **changes}
    said["sha256"] = own_hash(said)
    return ("manifest.json", (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode())


@pytest.mark.parametrize(
    "name", ["../up.parquet", "/etc/x.parquet", "a/b.parquet", "..\\up.parquet", "spec.json", ".parquet", "c:x.parquet"]
)
def test_a_name_that_no_record_holds_is_refused(run, tmp_path, name):
    files = [manifest_with(run, files={name: hashlib.sha256(b"x").hexdigest()}), (name, b"x")]
    there = tmp_path / "a" / "there"
    with pytest.raises(BadInput, match="The manifest names a file .*, which no record holds"):
        archive.unpack(zipped(files), there)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"x"] == []


def cut(run):
    return io.BytesIO(zipped(files_of(run)).getvalue()[:-30])


def secret(run):
    """Every entry says that it is encrypted."""
    made = zipped(files_of(run)).getvalue()
    at = made.find(b"PK\1\2")
    while at >= 0:
        made = made[: at + 8] + b"\1" + made[at + 9 :]
        at = made.find(b"PK\1\2", at + 1)
    return io.BytesIO(made)


def flipped(run):
    made = bytearray(zipped(files_of(run)).getvalue())
    made[made.find(b"PAR1") + 40] ^= 1
    return io.BytesIO(made)


WRONG = {
    "no zip": (lambda run: io.BytesIO(b"PK not one"), "The file is no zip that can be read"),
    "empty": (lambda run: io.BytesIO(b""), "The file is no zip that can be read"),
    "cut off": (cut, "The file is no zip that can be read"),
    "encrypted": (secret, "The file is no zip that can be read: .*encrypted"),
    "a byte flipped": (flipped, "The file is no zip that can be read: Bad CRC"),
    "no manifest": (lambda run: zipped(files_of(run)[1:]), "holds 0 files called manifest.json; the zip of a record"),
    "two manifests": (
        lambda run: zipped([*files_of(run), ("b/manifest.json", b"{}")]),
        "holds 2 files called manifest.json",
    ),
    "no JSON": (lambda run: zipped([("manifest.json", b"{")]), "is not JSON"),
    "another manifest": (lambda run: zipped([("manifest.json", b"[1]")]), "is not a datasel manifest"),
    "a file missing": (
        lambda run: zipped([one for one in files_of(run) if one[0] != "already.parquet"]),
        "The zip holds no already.parquet, which its manifest names; make it anew from the whole record",
    ),
    "a file changed": (
        lambda run: zipped([(name, b"x" if name == "within.parquet" else content) for name, content in files_of(run)]),
        "The record cannot be trusted: within.parquet was changed after it was written",
    ),
    "the manifest changed": (
        lambda run: zipped([("manifest.json", manifest_with(run)[1].replace(b"s2l", b"s2m")), *files_of(run)[1:]]),
        "The record cannot be trusted: manifest.json was changed after it was written",
    ),
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_no_record_is_one_line(run, tmp_path, how):
    make, said = WRONG[how]
    with pytest.raises(BadInput, match=said) as caught:
        archive.unpack(make(run), tmp_path / "there")
    assert len(str(caught.value).splitlines()) == 1
    assert str(tmp_path) not in str(caught.value)
    path = tmp_path / "as a file.zip"
    path.write_bytes(make(run).getvalue())
    with pytest.raises(BadInput, match=said):
        archive.unpack(path, tmp_path / "there")


def test_it_unpacks_to_no_more_than_a_record_may_have(run, tmp_path, monkeypatch):
    sizes = {name: len(content) for name, content in files_of(run)}
    text = sizes.pop("manifest.json")
    monkeypatch.setattr(archive, "_MOST_BYTES", sum(sizes.values()))
    monkeypatch.setattr(archive, "_MOST_TEXT", text)
    archive.unpack(zipped(files_of(run)), tmp_path / "fits")
    for name, most in (("_MOST_BYTES", sum(sizes.values()) - 1), ("_MOST_TEXT", text - 1)):
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, most)
            with pytest.raises(BadInput, match="The zip unpacks to more than a record may have"):
                archive.unpack(zipped(files_of(run)), tmp_path / name)


@pytest.mark.parametrize("honest", [True, False])
def test_a_bomb_is_refused_before_it_unpacks(run, tmp_path, monkeypatch, honest):
    """Forty megabytes in forty kilobytes, be its size said or not."""
    monkeypatch.setattr(archive, "_MOST_BYTES", 1_000_000)
    names = [manifest_with(run, files={"curve.parquet": "0" * 64}), ("curve.parquet", bytes(40_000_000))]
    bomb = zipped(names, compression=zipfile.ZIP_DEFLATED).getvalue()
    assert len(bomb) < 100_000
    if not honest:
        bomb = bomb.replace((40_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    said = "more than a record may have" if honest else "no zip that can be read"
    with pytest.raises(BadInput, match=said):
        archive.unpack(io.BytesIO(bomb), tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["manifest.json"]


def test_a_list_of_millions_of_files_is_not_read(tmp_path):
    many = zipped([(f"{at:050d}", b"") for at in range(12_000)])
    with pytest.raises(BadInput, match="The zip lists more files than a record holds"):
        archive.unpack(many, tmp_path / "there")


@pytest.mark.parametrize("flag", ["within", "already"])
@pytest.mark.parametrize("keep", [True, False], ids=["kept", "only looked at"])
def test_a_manifest_alone_finds_what_it_builds_on_by_its_hash(scene, tmp_path, flag, keep):
    first = scene.earlier(flag)
    run = scene.ask("k_center", 5, **{flag: str(first.folder)})
    if not keep:
        (first.folder / "keep").unlink()
        (first.folder / "preview").touch()
    moved = first.folder.rename(first.folder.with_name("called-otherwise"))
    for folder in (None, tmp_path):  # nothing but the manifest came
        asked = reproduction.asked_again(scene.workspace, run.manifest, folder)
        assert getattr(asked.spec, flag) == moved.name
        assert asked.key == run.key
    whole = (moved / "selection.parquet").read_bytes()
    (moved / "selection.parquet").write_bytes(whole[:-1] + b"x")  # a damaged one is none
    said = rf"This selection builds on an earlier one \({flag}\); open its whole folder, which holds {flag}.parquet"
    with pytest.raises(BadRequest, match=said):
        reproduction.asked_again(scene.workspace, run.manifest, None)


def test_the_manifest_names_nobodys_folder(scene, tmp_path, monkeypatch):
    """An earlier selection is named by its key; a folder or file elsewhere without the path of the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    first = scene.earlier("within")
    copy = copy_run(first, tmp_path / "sel")
    said = {
        str(first.folder): first.key,
        first.key: first.key,
        str(copy.folder): "'~/sel'",
        str(copy.folder / "selection.parquet"): "'~/sel/selection.parquet'",
    }
    for at, (within, named) in enumerate(said.items()):
        run = scene.ask("k_center", 5, seed=at, within=within)
        assert f"--within {named}" in run.manifest["command"]
        text = (run.folder / "manifest.json").read_text()
        assert str(tmp_path) not in text
        again = scene.ask("k_center", 5, seed=at, within=named.strip("'"))  # and the command asks the same
        assert again.key == run.key


def test_where_weights_lie_and_why_a_file_cannot_be_read_name_nobodys_folder(scene, tmp_path, monkeypatch):
    home = tmp_path / "anna"
    monkeypatch.setenv("HOME", str(home))
    here = scene.keep("all", "embedding", scene.here["embedding"] + 3, [4])
    there = scene.keep("task", "embedding", scene.there["embedding"] + 3, [2])
    for kept in (here, there):
        meta = json.loads((kept.folder / "meta.json").read_text())
        meta["params"] = {"weights": f"{home}/models/w.pt", "other": [f"{home}ry/w.pt", f"x{home}", 3, None]}
        (kept.folder / "meta.json").write_text(json.dumps(meta))
    reason = f"[Errno 13] Permission denied: '{home}/photos/1.jpg', see {home}."
    monkeypatch.setattr(Roles, "unreadable", lambda *_: [{"id": f"{home}/1.jpg", "reason": reason}])
    run = scene.ask("tsds", 5)
    for said in (run.manifest, run.manifest["target"]):
        assert said["features"]["embedding"]["params"] == {
            "weights": "~/models/w.pt",
            "other": [f"{home}ry/w.pt", f"x{home}", 3, None],
        }
        plain = "[Errno 13] Permission denied: '~/photos/1.jpg', see ~."
        assert {"id": f"{home}/1.jpg", "reason": plain} in said["unreadable"]  # an id is what it is
    assert scene.plan("tsds", 5).key == run.key


@pytest.mark.parametrize("home", ["/", ""])
def test_a_home_that_is_no_folder_of_ones_own_is_left(monkeypatch, home):
    monkeypatch.setenv("HOME", home)
    assert without_home("/data/x and /") == "/data/x and /"
