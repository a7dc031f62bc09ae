"""Exports destroy nothing: only what this program wrote, or a person allowed, is replaced; sources never."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Failed, Stopped
from datasel_core.exports import guard, written
from datasel_core.exports.export import Export
from datasel_core.workspace.files import read_json, write_json
from tests.conftest import clustered, paint
from tests.exports import exporting
from tests.exports.exporting import FORMATS, UNSUITED, contents, export, killed_at, refused

pool, run, other = exporting.pool, exporting.run, exporting.other
SUITED = sorted(FORMATS.keys() - UNSUITED)
OF_ONE_FILE = [id for id in SUITED if FORMATS[id].suffix]
OF_A_FOLDER = [id for id in SUITED if not FORMATS[id].suffix]


# ---- what every format keeps to


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_no_format_writes_on_its_own(format):
    assert "write" not in vars(FORMATS[format])
    assert (
        FORMATS[format].make is not Export.make
        if FORMATS[format].suffix
        else FORMATS[format].contents is not Export.contents
    )


@pytest.mark.parametrize("format", SUITED)
def test_an_export_is_repeated_over_its_own_earlier_result(workspace, run, other, tmp_path, format):
    out = tmp_path / "out" / f"kept{FORMATS[format].suffix}"
    assert export(workspace, run, format, out) == out
    first = contents(tmp_path / "out")
    assert export(workspace, run, format, out) == out
    assert contents(tmp_path / "out") == first
    export(workspace, other, format, out)
    assert contents(tmp_path / "out") != first


@pytest.mark.parametrize("format", OF_ONE_FILE)
def test_a_file_of_others_or_edited_since_is_left_alone_until_it_is_allowed(workspace, run, tmp_path, format):
    out, own = tmp_path / "out", tmp_path / "own"
    out.write_text("my own work")
    refused(
        workspace,
        run,
        format,
        out,
        "out is there already, and not as datasel wrote it; name another --out, or allow replacing it with --overwrite",
    )
    export(workspace, run, format, own)
    own.write_bytes(own.read_bytes() + b"\n")
    refused(workspace, run, format, own, "is there already, and not as datasel wrote it")
    for path in (out, own):
        export(workspace, run, format, path, overwrite=True)
    assert out.read_bytes() == own.read_bytes()
    export(workspace, run, format, out)  # it is ours from now on


@pytest.mark.parametrize("format", OF_A_FOLDER)
def test_a_folder_of_others_is_left_alone_until_it_is_allowed(workspace, run, tmp_path, format):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    refused(
        workspace,
        run,
        format,
        tmp_path / "out",
        "holds files and was not made by datasel; name a new or empty --out, or allow .* with --overwrite",
    )
    (tmp_path / "other" / "datasel").mkdir(parents=True)
    (tmp_path / "other" / "datasel" / "manifest.json").write_text('{"version": 3}')
    refused(
        workspace,
        run,
        format,
        tmp_path / "other",
        "holds files and was not made by datasel|manifest.json is there already with another content; name an empty",
    )
    export(workspace, run, format, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert json.loads((tmp_path / "out" / "datasel" / "manifest.json").read_text()) == run.manifest
    export(workspace, run, format, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    export(workspace, run, format, tmp_path / "empty")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("format", SUITED)
def test_no_source_is_ever_written_over(workspace, run, pool, tmp_path, format, overwrite):
    if FORMATS[format].suffix:
        for name in (
            "t.csv",
            *(f"photos/{at}.jpg" for at in range(6)),
            "photos/../t.csv",
        ):  # the unreadable one is the person's, too
            refused(
                workspace,
                run,
                format,
                tmp_path / "in" / name,
                "is read as a source of the pool p, and sources are never replaced",
                overwrite=overwrite,
            )
        return
    for name in (".", "in", "in/photos"):
        refused(
            workspace,
            run,
            format,
            tmp_path / name,
            "(source of the pool p|keeps for itself); name an(other)? --out",
            overwrite=overwrite,
        )


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("format", SUITED)
def test_what_the_workspace_keeps_for_itself_is_never_written_over(workspace, run, tmp_path, format, overwrite):
    own = [
        "pools/p/pool.json",
        "pools/new",
        "features/x",
        f"runs/{run.key}/manifest.json",
        "runs/new",
        "scores/x",
        "serving/x",
        "maps/x",
        "written/x",
        "review.sqlite",
        "review.sqlite-wal",
    ]
    for name in own if FORMATS[format].suffix else [name for name in own if not name.endswith("json")]:
        refused(
            workspace,
            run,
            format,
            workspace.path / name,
            "which the workspace keeps for itself; name another --out",
            overwrite=overwrite,
        )
    if not FORMATS[format].suffix:
        refused(workspace, run, format, workspace.path, "which the workspace keeps for itself", overwrite=overwrite)
    export(workspace, run, format, workspace.path / "exports" / "kept")
    assert (workspace.path / "exports" / "kept").exists()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("format", SUITED)
def test_nothing_is_written_through_a_symbolic_link(workspace, run, tmp_path, format, overwrite):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "mine.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "real" / ("mine.txt" if FORMATS[format].suffix else ""))
    (tmp_path / "nowhere").symlink_to(tmp_path / "real" / "missing")
    for name in ("link", "nowhere"):
        refused(
            workspace,
            run,
            format,
            tmp_path / name,
            "is a symbolic link, and nothing is written through one; name",
            overwrite=overwrite,
        )
    assert not (tmp_path / "real" / "missing").exists()


@pytest.mark.parametrize("format", SUITED)
def test_a_place_that_cannot_be_is_one_line(workspace, run, tmp_path, format):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    refused(
        workspace,
        run,
        format,
        tmp_path / "file" / "below" / "it",
        "file is a file, so nothing can be written below it; name another --out",
    )
    refused(workspace, run, format, "/etc/kept", "outside the allowed folders")
    if FORMATS[format].suffix:
        refused(workspace, run, format, tmp_path / "folder", "folder is a folder; --out names the file to make")
        os.mkfifo(tmp_path / "pipe")
        refused(
            workspace,
            run,
            format,
            tmp_path / "pipe",
            "pipe is no regular file; --out names the file to make",
            overwrite=True,
        )
    else:
        refused(workspace, run, format, tmp_path / "file", "file is a file; --out names the folder to make")


@pytest.mark.parametrize("format", SUITED)
def test_a_killed_export_leaves_no_half_file_and_can_be_repeated(workspace, run, other, tmp_path, format, monkeypatch):
    """At every step that touches the disk: the file is the old, the new or none; and the next try needs no leave."""
    out = tmp_path / "out" / f"kept{FORMATS[format].suffix}"
    whole = {}
    for name, one in (("run", run), ("other", other)):
        export(workspace, one, format, tmp_path / name / out.name)
        whole[name] = {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
    good = [*whole["run"].values(), *whole["other"].values()]
    for first, then in ((None, run), (run, other)):
        for step in range(1, 80):
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
            shutil.rmtree(workspace.written(), ignore_errors=True)
            if first is not None:
                export(workspace, first, format, out)
            with monkeypatch.context() as patch:
                died = killed_at(patch, step)
                try:
                    export(workspace, then, format, out)
                except SystemExit:
                    assert died
            assert (
                all(content in good for content in contents(tmp_path / "out").values())
                if out.parent.exists()
                else first is None
            )
            export(workspace, then, format, out)
            if not died:
                break
        assert 3 <= step < 80


# ---- sources of every kind


def source_of(kind: str, folder: Path) -> tuple[str, str, list[str], list[str]]:
    """A source of some kind: its path, the pool kind, files of it, and names in its folder that are none."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    if kind == "a folder of photos":
        for at in range(4):
            paint(folder / "hats" / f"{at}.jpg", at)
        (folder / "hats" / "cut.jpg").write_bytes(b"\xff\xd8")
        return str(folder), "images", ["hats/0.jpg", "hats/cut.jpg", "hats/new.JPEG"], ["kept.csv", "hats/kept.txt"]
    if kind == "a folder of texts":
        (folder / "a.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
        (folder / "b.txt").write_text("left over")
        return str(folder), "text", ["a.jsonl", "b.txt", "new.csv", "new.jsonl.gz"], ["kept.npy"]
    if kind == "vectors":
        np.savez(folder / "v.npz", embedding=clustered(rng, 8, 3, 2))
        return str(folder / "v.npz"), "vectors", ["v.npz"], ["kept.npz"]
    if kind == "metadata":
        ids = [f"{at:032x}" for at in range(4)]
        pq.write_table(pa.table({"uid": ids, "text": ids, "url": ids}), folder / "m.parquet")
        np.savez(folder / "m.npz", l14_img=clustered(rng, 4, 3, 2), l14_txt=clustered(rng, 4, 3, 2))
        return str(folder / "m.parquet"), "pairs", ["m.parquet", "m.npz"], ["kept.npz"]
    import tarfile

    for at in range(2):
        paint(folder / "x.jpg", at)
        (folder / "x.txt").write_text(f"a picture {at}")
        with tarfile.open(folder / f"{at:02d}.tar", "w") as tar:
            for end in ("jpg", "txt"):
                tar.add(folder / f"x.{end}", f"k{at}.{end}")
    return str(folder / "{00..01}.tar"), "pairs", ["00.tar", "01.tar"], ["x.txt"]


@pytest.mark.parametrize("kind", ["a folder of photos", "a folder of texts", "vectors", "metadata", "shards"])
def test_sources_of_other_pools_are_as_safe(workspace, run, tmp_path, kind):
    source, pool_kind, files, others = source_of(kind, tmp_path / "src")
    add_pool(workspace, "q", source, pool_kind)
    for name in files:
        refused(
            workspace,
            run,
            "csv",
            tmp_path / "src" / name,
            "is read as a source of the pool q, and sources",
            overwrite=True,
        )
    for name in others:
        if "folder" in kind:  # the record would lie in the source, too
            refused(workspace, run, "csv", tmp_path / "src" / name, "lies in .*src, the source of the pool q")
        else:
            export(workspace, run, "csv", tmp_path / "src" / name, overwrite=True)
    for name in ("src", "."):
        refused(workspace, run, "files", tmp_path / name, "source of the pool|keeps for itself", overwrite=True)
    if "folder" in kind:
        refused(
            workspace,
            run,
            "files",
            tmp_path / "src" / "new",
            "lies in .*src, the source of the pool q; name an --out apart from it",
            overwrite=True,
        )


@pytest.mark.parametrize("how", ["photos", "texts"])
def test_a_source_that_is_reached_by_a_link_is_safe_where_it_lies(workspace, run, tmp_path, how):
    (tmp_path / "links").mkdir()
    if how == "photos":
        real = paint(tmp_path / "elsewhere" / "real.jpg", 3)
        (tmp_path / "links" / "a.jpg").symlink_to(real)
    else:
        real = tmp_path / "elsewhere" / "real.jsonl"
        real.parent.mkdir()
        real.write_text('{"text": "one"}\n')
        (tmp_path / "links" / "a.jsonl").symlink_to(real)
    add_pool(workspace, "q", str(tmp_path / "links"), "images" if how == "photos" else "text")
    refused(workspace, run, "csv", real, "is read as a source of the pool q", overwrite=True)
    refused(
        workspace,
        run,
        "files",
        real.parent,
        f"holds {real}, a source of the pool q; name an --out apart from it",
        overwrite=True,
    )


def test_what_could_not_be_read_is_a_source_as_well(workspace, run, tmp_path):
    source, kind, _, _ = source_of("shards", tmp_path / "src")
    (tmp_path / "src" / "01.tar").write_bytes(b"no tar")
    add_pool(workspace, "q", source, kind)
    refused(workspace, run, "csv", tmp_path / "src" / "01.tar", "is read as a source of the pool q", overwrite=True)
    names = ["0.jpg", "gone/1.jpg", "a\0b/2.jpg"]
    paint(tmp_path / "photos" / "0.jpg", 0)
    (tmp_path / "photos" / "t.jsonl").write_text("\n".join(json.dumps({"path": name}) for name in names))
    add_pool(workspace, "r", str(tmp_path / "photos" / "t.jsonl"), "images")
    (tmp_path / "mine.csv").write_text("mine")
    export(workspace, run, "csv", tmp_path / "mine.csv", overwrite=True)


def test_a_pool_that_is_damaged_or_of_a_later_version_stands_in_nobodys_way(workspace, run, tmp_path):
    add_pool(workspace, "later", source_of("a folder of texts", tmp_path / "src")[0], "text")
    about = read_json(workspace.pool("later") / "pool.json")
    write_json(workspace.pool("later") / "pool.json", {**about, "kind": "of the future"})
    (workspace.pool("later") / "pool.parquet").write_bytes(b"")
    (workspace.path / "pools" / "broken").mkdir()
    (workspace.path / "pools" / "broken" / "pool.json").write_text("{")
    export(workspace, run, "csv", tmp_path / "kept.csv")
    refused(
        workspace, run, "csv", tmp_path / "src" / "a.jsonl", "is read as a source of the pool later", overwrite=True
    )


# ---- one file


def test_what_changes_while_it_is_exported_is_not_replaced(workspace, run, tmp_path, monkeypatch):
    out = tmp_path / "kept.csv"
    make = FORMATS["csv"].make

    def slowly(text):
        def made(self, kept, path, progress):
            make(self, kept, path, progress)
            out.write_bytes(path.read_bytes() if text is None else text)

        monkeypatch.setattr(FORMATS["csv"], "make", made)

    slowly(b"somebody else's")
    with pytest.raises(
        Failed, match=r"kept.csv was changed while it was exported, so it was not replaced; export again"
    ):
        export(workspace, run, "csv", out)
    assert contents(tmp_path)["kept.csv"] == b"somebody else's"
    out.unlink()
    slowly(None)  # two who export the same at once
    export(workspace, run, "csv", out)


def record_of(workspace, out):
    """Where the workspace notes what it wrote to this path."""
    files = [path for path in workspace.written().iterdir() if path.is_file()]
    (found,) = [path for path in files if json.loads(path.read_bytes())["path"] == str(out)]
    return found


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b"{}", b'{"schema": "other"}', None])
def test_a_damaged_record_is_none(workspace, run, tmp_path, record):
    out = tmp_path / "kept.csv"
    export(workspace, run, "csv", out)
    path = record_of(workspace, out)
    if record is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(record)
    refused(workspace, run, "csv", out, "is there already, and not as datasel wrote it")


def test_a_record_of_another_path_is_none(workspace, run, tmp_path):
    export(workspace, run, "csv", tmp_path / "kept.csv")
    path = record_of(workspace, tmp_path / "kept.csv")
    path.write_text(path.read_text().replace("kept.csv", "kepz.csv"))
    refused(workspace, run, "csv", tmp_path / "kept.csv", "is there already")


def test_a_workspace_that_cannot_be_written_exports_and_keeps_no_record(workspace, run, tmp_path):
    workspace.written().write_text("a file where the records are to be")
    export(workspace, run, "csv", tmp_path / "kept.csv")
    refused(workspace, run, "csv", tmp_path / "kept.csv", "is there already")


# ---- folders


def test_files_are_copied_and_linked_only_where_that_is_asked(workspace, run, tmp_path):
    root = tmp_path / "in"
    names = run.table["path"].to_pylist()
    export(workspace, run, "files", tmp_path / "linked", link=True)
    export(workspace, run, "files", tmp_path / "copied")
    for name in names:
        assert (tmp_path / "linked" / name).samefile(root / name)
        assert not (tmp_path / "copied" / name).samefile(root / name)
        assert (tmp_path / "copied" / name).read_bytes() == (root / name).read_bytes()
    with open(tmp_path / "copied" / names[0], "r+b") as file:
        file.write(b"changed in place")
    assert b"changed in place" not in (root / names[0]).read_bytes()
    assert not FORMATS["files"]().link
    assert "shares its bytes with the source" in FORMATS["files"].model_fields["link"].description
    assert not FORMATS["files"].is_how("link")
    export(workspace, run, "files", tmp_path / "linked")  # copies from now on: nobody changes a source by changing them
    assert not any((tmp_path / "linked" / name).samefile(root / name) for name in names)


def test_a_file_that_cannot_be_shared_is_copied(workspace, run, tmp_path, monkeypatch):
    def cannot(*_, **__):
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "link", cannot)
    monkeypatch.setattr(os, "copy_file_range", cannot)
    for link in (False, True):
        export(workspace, run, "files", tmp_path / f"out-{link}", link=link)
        assert (
            contents(tmp_path / f"out-{link}")[run.table["path"][0].as_py()]
            == (tmp_path / "in" / run.table["path"][0].as_py()).read_bytes()
        )
    monkeypatch.setattr(
        os, "copy_file_range", lambda *_: 0
    )  # as some file systems do that know the call and not the size
    export(workspace, run, "files", tmp_path / "out")
    assert delivered(tmp_path / "out") == delivered(tmp_path / "out-True") == delivered(tmp_path / "out-False")


def delivered(folder):
    return {name: content for name, content in contents(folder).items() if not name.startswith("datasel/")}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "what", ["folder", "file", "file in place of a folder", "folder in place of a file", "dangling"]
)
def test_what_lies_in_the_way_is_found_before_the_first_file_is_written(workspace, run, tmp_path, what, overwrite):
    out, outside = tmp_path / "out", tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    last = run.table["path"].to_pylist()[-1]
    export(workspace, run, "files", out)
    for path in [*(out / "photos").iterdir()]:
        path.unlink()
    (out / "photos").rmdir()
    said = "is a symbolic link, and nothing is written through one; remove it, or name another --out"
    if what == "folder":
        (out / "photos").symlink_to(outside)
    elif what == "file in place of a folder":
        (out / "photos").write_text("mine")
        said = "photos is a file where a folder is to stand; name another --out"
    elif what == "folder in place of a file":
        (out / last).mkdir(parents=True)
        said = "is a folder where a file is to stand; name another --out"
    else:
        (out / "photos").mkdir()
        (out / last).symlink_to(outside / ("mine.jpg" if what == "file" else "missing.jpg"))
        (outside / "mine.jpg").write_text("mine")
    before = contents(outside)
    refused(workspace, run, "files", out, said, overwrite=overwrite)
    assert contents(outside) == before
    shutil.rmtree(outside)


def test_a_photo_that_was_edited_in_an_earlier_export_is_not_replaced(workspace, run, tmp_path):
    out, name = tmp_path / "out", run.table["path"].to_pylist()[-1]
    export(workspace, run, "files", out)
    (out / name).write_bytes(b"cropped by hand")
    refused(
        workspace,
        run,
        "files",
        out,
        f"{name} is there already with another content; name an empty folder with --out, or allow replacing it",
    )
    export(workspace, run, "files", out, overwrite=True)
    assert (out / name).read_bytes() == (tmp_path / "in" / name).read_bytes()


def test_a_folder_that_was_emptied_and_filled_by_somebody_else_is_not_ours(workspace, run, tmp_path):
    export(workspace, run, "files", tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    refused(workspace, run, "files", tmp_path / "out", "was not made by datasel")


def test_a_missing_source_is_found_before_the_first_file_is_written(workspace, run, tmp_path):
    (tmp_path / "in" / run.table["path"].to_pylist()[-1]).unlink()
    refused(
        workspace, run, "files", tmp_path / "out", "is not there any more; nothing else is wrong with the selection"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../x", "/x", "", "a/../../x"])
def test_a_name_that_leads_out_of_the_folder_is_refused(workspace, tmp_path, name):
    with pytest.raises(BadRequest, match="is no name of a file below a folder"):
        guard.fill(workspace, tmp_path / "out", {name: b"x"}, Progress())
    assert not (tmp_path / "out").exists()


def test_a_folder_that_may_not_be_read_is_one_line(workspace, run, tmp_path, monkeypatch):
    listed = os.listdir

    def denied(path):
        if Path(path).name == "out":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(guard.os, "listdir", denied)
    with pytest.raises(BadRequest, match=r"out may not be read \(Permission denied\); name another --out"):
        export(workspace, run, "files", tmp_path / "out")


def test_a_source_around_the_workspace_leaves_room_in_it(workspace, run, tmp_path):
    """`pool add p .`, where ./workspace is."""
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    add_pool(workspace, "q", str(tmp_path), "text", {"text_column": "text"})
    for format in ("csv", "files"):
        export(workspace, run, format, workspace.path / "tasks" / f"{format}.csv")
    refused(workspace, run, "csv", tmp_path / "a.jsonl", "is read as a source of the pool q", overwrite=True)
    refused(workspace, run, "csv", tmp_path / "new.jsonl", "is read as a source of the pool q", overwrite=True)
    refused(workspace, run, "files", tmp_path / "new", "the source of the pool q", overwrite=True)


def test_a_stopped_export_goes_on_where_it_was(workspace, run, tmp_path):
    kept, some = (
        open_record(workspace, run.folder),
        Progress(every=0, should_stop=lambda: any((tmp_path / "out").rglob("*.jpg"))),
    )
    with pytest.raises(Stopped):
        FORMATS["files"]().write(kept, tmp_path / "out", some)
    there = list((tmp_path / "out").rglob("*.jpg"))
    assert 0 < len(there) < 3
    assert not (tmp_path / "out" / "datasel").exists()
    before = {path: path.stat().st_mtime_ns for path in there}
    export(workspace, run, "files", tmp_path / "out")
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert (tmp_path / "out" / "datasel" / "manifest.json").exists()


def test_a_hash_is_taken_only_where_something_is_known(workspace, run, tmp_path, monkeypatch):
    """A file of others, however large, is refused without being read."""
    (tmp_path / "large").write_text("mine")
    monkeypatch.setattr(written, "hash_file", lambda path: pytest.fail("it was read"))
    refused(workspace, run, "ids", tmp_path / "large", "is there already")
