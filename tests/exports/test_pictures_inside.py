"""The kept pictures as files: those that lie inside a Parquet file or a tar shard come out to the byte."""

import io
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.exports.content import Made
from datasel_core.exports.pictures import kept_rows, pictures
from datasel_core.pools.persistence import remove_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.exports.exporting import contents, export, refused
from tests.pools.test_webdataset import sample, shard

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
ENDINGS = (".jpg", ".png", ".webp", ".tif", ".bmp", ".gif")


def picture(at, format="PNG"):
    made = io.BytesIO()
    Image.new("RGB", (20 + at % 7, 30), (at * 37 % 256, at * 91 % 256, at * 53 % 256)).save(made, format)
    return made.getvalue()


def parquet(path, data, rows=2, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": data, **columns}), path, row_group_size=rows)
    return path


def chosen(workspace, source, budget, kind="images", **options):
    add_pool(workspace, "p", str(source), kind, options)
    return engine.select(workspace, Spec(pool="p", method="random", budget=str(budget)))


def files(folder):
    """The pictures of an export, and that its record is the run's."""
    found = contents(folder)
    assert json.loads(found["datasel/manifest.json"])["pool"]["name"] == "p"
    return {name: data for name, data in found.items() if not name.startswith("datasel/")}


@pytest.mark.parametrize("nested", [True, False])
def test_pictures_of_parquet_come_out_to_the_byte(workspace, tmp_path, nested):
    data = [picture(at, FORMATS[at % 6]) for at in range(24)]
    column = [{"bytes": one, "path": None} for one in data] if nested else data
    for part in range(2):
        parquet(tmp_path / "in" / f"train-{part}.parquet", column[12 * part : 12 * part + 12])
    run = chosen(workspace, tmp_path / "in", 13)
    out = export(workspace, run, "files", tmp_path / "out")
    rows = [12 * int(id[6]) + int(id.split("/")[1]) for id in run.ids]
    assert files(out) == {f"{id}{ENDINGS[row % 6]}": data[row] for id, row in zip(run.ids, rows, strict=True)}
    added = add_pool(workspace, "again", str(out), "images")  # it opens as a pool, with the same pictures
    assert sorted(added.table["content"].to_pylist()) == sorted(
        open_record(workspace, run.folder).table["content"].to_pylist()
    )


def test_pictures_of_tar_shards_come_out_to_the_byte(workspace, tmp_path):
    members = [[one for at in (0, 1) for one in sample(f"{part}{at}", 2 * part + at)] for part in range(3)]
    for part, own in enumerate(members):
        shard(tmp_path / "in" / f"{part}.tar", own)
    run = chosen(workspace, tmp_path / "in", 4, "pairs")
    out = export(workspace, run, "files", tmp_path / "out")
    inside = {name: data for own in members for name, data in own if not name.endswith((".txt", ".json"))}
    assert files(out) == {name: data for name, data in inside.items() if name.split(".")[0] in run.ids}
    assert len(files(out)) == 4


def test_a_picture_is_called_by_what_it_is_and_never_leaves_the_folder(workspace, tmp_path):
    right = {
        "a.jpg": ("JPEG", r"a\.jpg"),
        "b/c.JPEG": ("JPEG", r"b/c\.JPEG"),
        "b/c": ("PNG", r"b/c\.png"),
        "d.jpg": ("PNG", r"d\.jpg\.png"),
        "../e.png": ("PNG", r"e-[0-9a-f]{8}\.png"),
        "/e": ("PNG", r"e-[0-9a-f]{8}\.png"),
        "f:g|h\\i.png": ("PNG", r"f_g_h_i-[0-9a-f]{8}\.png"),
        "f?g|h\\i.png": ("PNG", r"f_g_h_i-[0-9a-f]{8}\.png"),
        "..": ("PNG", r"-[0-9a-f]{8}\.png"),
        "ü" * 400: ("PNG", r"ü{100}-[0-9a-f]{8}\.png"),
        "manifest.json": ("PNG", r"manifest\.json\.png"),
    }
    data = [picture(at, format) for at, (format, _) in enumerate(right.values())]
    run = chosen(workspace, parquet(tmp_path / "t.parquet", data, id=list(right)), len(right))
    told = pictures(*kept_rows(open_record(workspace, run.folder), Progress()), Progress())
    found = files(export(workspace, run, "files", tmp_path / "deep" / "out"))
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}
    assert len(found) == len(right)
    for id, name in zip(run.ids, told.names, strict=True):
        at = list(right).index(id)
        assert re.fullmatch(right[id][1], name), id
        assert found[name] == data[at], id


def test_what_is_taken_out_is_never_all_in_memory_and_read_in_the_order_of_the_file(workspace, tmp_path):
    data = [picture(at) for at in range(40)]
    run = chosen(workspace, parquet(tmp_path / "t.parquet", data), 20)
    told = pictures(*kept_rows(open_record(workspace, run.folder), Progress()), Progress())
    assert all(isinstance(one, Made) for one in told.contents.values())
    places = [int(name.removesuffix(".png").split("/")[1]) for name in told.contents]
    assert places == sorted(places)
    assert told.names == [f"{id}.png" for id in run.ids]


def test_an_export_of_taken_out_pictures_is_repeated_and_an_edited_one_is_left_alone(workspace, tmp_path):
    run = chosen(workspace, parquet(tmp_path / "t.parquet", [picture(at) for at in range(5)]), 5)
    out = export(workspace, run, "files", tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    export(workspace, run, "files", out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.png")} == before
    edited = out / "t" / "3.png"
    edited.write_bytes(picture(9))
    refused(workspace, run, "files", out, "is there already with another content")
    export(workspace, run, "files", out, overwrite=True)
    assert edited.read_bytes() == picture(3)


@pytest.mark.parametrize("added_anew", [True, False])
def test_pictures_that_are_others_by_now_are_refused_before_anything_is_written(workspace, tmp_path, added_anew):
    data = [picture(at) for at in range(6)]
    run = chosen(workspace, parquet(tmp_path / "t.parquet", data), 6)
    parquet(tmp_path / "t.parquet", [*data[:5], picture(99)])
    if added_anew:
        add_pool(workspace, "p", str(tmp_path / "t.parquet"), "images")
    why = "was added anew; choose again" if added_anew else "1 photo was replaced after the pool was added"
    refused(workspace, run, "files", tmp_path / "out", why)
    (tmp_path / "t.parquet").unlink()
    refused(workspace, run, "files", tmp_path / "out", why if added_anew else "cannot be read: ")


def test_a_sample_that_a_pool_no_longer_has_is_named(workspace, tmp_path):
    data = [picture(at) for at in range(6)]
    run = chosen(workspace, parquet(tmp_path / "t.parquet", data), 6)
    add_pool(workspace, "p", str(parquet(tmp_path / "t.parquet", data[:5])), "images")
    refused(workspace, run, "files", tmp_path / "out", "There is no sample in p called t/5")
    remove_pool(workspace, "p")
    refused(workspace, run, "files", tmp_path / "out", "The pool p is no longer in the workspace")


def test_columns_that_are_called_as_places_are_no_places(workspace, tmp_path):
    rows = [{"prompt": "a", "response": "b", "cell": 1, "shard": "s"}, {"prompt": "c", "response": "d", "cell": 2}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = chosen(workspace, tmp_path / "t.jsonl", 2, "text")
    refused(workspace, run, "files", tmp_path / "out", "The samples of this pool are not files; export ids")
