"""Sources that name, or lead by links to, what lies outside the allowed folders: one function a kind.

Each is given `here`, an allowed folder, and `away`, one that is not: with `photo.jpg`, `canary.jpg` in `more/`, texts
and labels in which the word canary stands. It makes a source below `here` and returns (its path, the kind of pool).
"""

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.conftest import paint
from tests.pools import layouts

Made = tuple[Path | str, str]
SOURCES: dict[str, Callable[[Path, Path], Made]] = {}


def source(make: Callable[[Path, Path], Made]) -> Callable[[Path, Path], Made]:
    SOURCES[make.__name__.replace("_", " ")] = make
    return make


def outside(away: Path) -> None:
    """What nobody may see."""
    paint(away / "photo.jpg", 90)
    paint(away / "more" / "canary.jpg", 91)
    paint(away / "images" / "photo.jpg", 92)
    for name in ("labels", "more"):
        (away / name).mkdir(exist_ok=True)
        (away / name / "photo.txt").write_text("0 0.5 0.5 0.2 0.2\ncanary\n")
    (away / "list.txt").write_text("canary/1.jpg\ncanary/2.jpg\n")
    (away / "texts.jsonl").write_text('{"text": "canary"}\n{"text": "canary too"}\n')
    (away / "table.csv").write_text("file_name,canary\n0.jpg,canary\n")
    images = [{"id": 1, "file_name": "0.jpg", "width": 48, "height": 40, "canary": "canary"}]
    notes = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}]
    coco = {"images": images, "annotations": notes, "categories": [{"id": 1, "name": "canary"}]}
    (away / "coco.json").write_text(json.dumps(coco))
    (away / "data.yaml").write_text(yaml.safe_dump({"train": "images", "names": ["canary"]}))
    np.savez(away / "canary.npz", ids=np.array(["canary"]), embedding=np.ones((1, 3)))
    with tarfile.open(away / "0.tar", "w") as tar:
        tar.add(away / "photo.jpg", "canary.jpg")
        tar.add(away / "list.txt", "canary.txt")


# ---- tables of photos

PATHS = {
    "absolute": "{away}/photo.jpg",
    "upwards": "../away/photo.jpg",
    "upwards from a folder": "own/../../away/photo.jpg",
    "backslashes": "..\\away\\photo.jpg",
    "a file URL": "file://{away}/photo.jpg",
    "a file URL in capitals": "FILE://localhost{away}/photo.jpg",
    "a file URL with percent signs": "file://{here}/%2e%2e/away/photo.jpg",
    "blanks around": "  ../away/photo.jpg  ",
    "the root of a process": "/proc/self/root{away}/photo.jpg",
    "the folder of a process": "/proc/self/cwd/../../../../../../../../../../{away}/photo.jpg",
    "an open file": "/dev/fd/0",
    "a device": "/dev/zero",
    "what a process is told": "/proc/self/environ",
    "a home": "~/../../../{away}/photo.jpg",
    "a folder": "../away/more",
    "slashes": "////{away}////photo.jpg",
    "dots": "./../here/./../away/photo.jpg",
    "a URL": "http://127.0.0.1:9/photo.jpg",
}


def table_of(here: Path, said: str, form: str) -> Path:
    """A table with one photo of its own and one that lies elsewhere."""
    paint(here / "own" / "0.jpg", 1)
    rows = [{"path": "own/0.jpg", "group": "a"}, {"path": said, "group": "b"}]
    path = here / f"t.{form}"
    if form == "csv":
        path.write_text("path,group\n" + "".join(f'"{row["path"]}",{row["group"]}\n' for row in rows))
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        text = json.dumps(rows) if form == "json" else "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(text)
    return path


for _name, _said in PATHS.items():
    for _form in ("csv",) if _name not in ("absolute", "upwards") else ("csv", "json", "jsonl", "parquet"):

        def _table(here: Path, away: Path, said: str = _said, form: str = _form) -> Made:
            return table_of(here, said.replace("{away}", str(away)).replace("{here}", str(here)), form), "images"

        SOURCES[f"{_form}: {_name}"] = _table


@source
def pairs_table(here: Path, away: Path) -> Made:
    paint(here / "0.jpg", 1)
    (here / "t.csv").write_text(f"path,caption\n0.jpg,one\n{away}/photo.jpg,two\n../away/photo.jpg,three\n")
    return here / "t.csv", "pairs"


# ---- links


@source
def link_to_a_photo(here: Path, away: Path) -> Made:
    paint(here / "own" / "0.jpg", 1)
    (here / "own" / "1.jpg").symlink_to(away / "photo.jpg")
    return here / "own", "images"


@source
def link_to_a_link(here: Path, away: Path) -> Made:
    paint(here / "own" / "0.jpg", 1)
    (here / "first.jpg").symlink_to(away / "photo.jpg")
    (here / "own" / "1.jpg").symlink_to("../first.jpg")
    return here / "own", "images"


@source
def link_to_a_folder(here: Path, away: Path) -> Made:
    paint(here / "own" / "0.jpg", 1)
    (here / "own" / "more").symlink_to(away / "more")
    return here / "own", "images"


@source
def source_that_is_a_link(here: Path, away: Path) -> Made:
    (here / "own").symlink_to(away)
    return here / "own", "images"


@source
def texts_by_a_link(here: Path, away: Path) -> Made:
    (here / "own").mkdir()
    (here / "own" / "0.jsonl").write_text('{"text": "own"}\n')
    (here / "own" / "1.jsonl").symlink_to(away / "texts.jsonl")
    return here / "own", "text"


@source
def texts_in_a_linked_folder(here: Path, away: Path) -> Made:
    (here / "own").mkdir()
    (here / "own" / "0.jsonl").write_text('{"text": "own"}\n')
    (here / "own" / "more").symlink_to(away)
    return here / "own", "text"


@source
def vectors_by_a_link(here: Path, away: Path) -> Made:
    (here / "v.npz").symlink_to(away / "canary.npz")
    return here / "v.npz", "vectors"


# ---- layouts


@source
def coco_names(here: Path, away: Path) -> Made:
    path = layouts.coco(here, n=3)
    said = json.loads(path.read_text())
    said["images"][1]["file_name"] = str(away / "photo.jpg")
    said["images"][2]["file_name"] = "../../away/photo.jpg"
    path.write_text(json.dumps(said))
    return here, "images"


@source
def coco_by_a_link(here: Path, away: Path) -> Made:
    paint(here / "0.jpg", 1)
    (here / "annotations").mkdir()
    (here / "annotations" / "instances_train.json").symlink_to(away / "coco.json")
    return here, "images"


@source
def imagefolder_names(here: Path, away: Path) -> Made:
    paint(here / "own" / "0.jpg", 1)
    (here / "own" / "metadata.csv").write_text(f"file_name,n\n0.jpg,1\n../../away/photo.jpg,2\n{away}/photo.jpg,3\n")
    return here / "own", "images"


@source
def imagefolder_by_a_link(here: Path, away: Path) -> Made:
    paint(here / "own" / "0.jpg", 1)
    (here / "own" / "metadata.csv").symlink_to(away / "table.csv")
    return here / "own", "images"


@source
def parquet_names(here: Path, away: Path) -> Made:
    paint(here / "data" / "0.jpg", 1)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = [
        {"bytes": (here / "data" / "0.jpg").read_bytes(), "path": "0.jpg"},
        {"bytes": None, "path": str(away / "photo.jpg")},
        {"bytes": None, "path": "../../away/photo.jpg"},
    ]
    pq.write_table(pa.table({"image": pa.array(images, kind)}), here / "data" / "train-00000.parquet")
    return here / "data", "images"


@source
def llava_names(here: Path, away: Path) -> Made:
    paint(here / "0.jpg", 1)
    turns = [{"from": "human", "value": "<image>\nwhat?"}, {"from": "gpt", "value": "this"}]
    named = ["0.jpg", str(away / "photo.jpg"), "../away/photo.jpg"]
    rows = [{"id": str(at), "image": name, "conversations": turns} for at, name in enumerate(named)]
    (here / "llava.json").write_text(json.dumps(rows))
    return here / "llava.json", "pairs"


def yolo(here: Path, **said: object) -> Made:
    layouts.yolo(here / "own", **said)
    return here / "own", "images"


@source
def yolo_path(here: Path, away: Path) -> Made:
    return yolo(here, path=str(away), train="images", val="more")


@source
def yolo_path_upwards(here: Path, away: Path) -> Made:
    return yolo(here, path="../../away", train=".", val="more")


@source
def yolo_folder(here: Path, away: Path) -> Made:
    return yolo(here, val=str(away))


@source
def yolo_picture(here: Path, away: Path) -> Made:
    return yolo(here, val=str(away / "images" / "photo.jpg"))


@source
def yolo_list(here: Path, away: Path) -> Made:
    return yolo(here, val=[str(away / "list.txt")])


@source
def yolo_list_by_a_link(here: Path, away: Path) -> Made:
    made = yolo(here, path=None, val="val.txt")
    (here / "own" / "val.txt").symlink_to(away / "list.txt")
    return made


@source
def yolo_list_of_pictures_away(here: Path, away: Path) -> Made:
    made = yolo(here, path=None, val="val.txt")
    (here / "own" / "val.txt").write_text(f"{away}/images/photo.jpg\n../../away/photo.jpg\n")
    return made


@source
def yolo_labels_by_a_link(here: Path, away: Path) -> Made:
    made = yolo(here)
    shutil.rmtree(here / "own" / "labels" / "val")
    (here / "own" / "labels" / "val").symlink_to(away / "labels")
    paint(here / "own" / "images" / "val" / "photo.jpg", 7)
    return made


@source
def yolo_by_a_link(here: Path, away: Path) -> Made:
    made = yolo(here)
    os.unlink(here / "own" / "data.yaml")
    (here / "own" / "data.yaml").symlink_to(away / "data.yaml")
    return made


# ---- shards


def shard(here: Path, *members: tarfile.TarInfo) -> Path:
    """A shard of one pair, and of what else is to stand in it."""
    photo, caption = paint(here / "x" / "0.jpg", 1), here / "x" / "0.txt"
    caption.write_text("own")
    with tarfile.open(here / "0.tar", "w") as tar:
        tar.add(photo, "a.jpg")
        tar.add(caption, "a.txt")
        for member in members:
            tar.addfile(member)
    return here / "0.tar"


def link_member(name: str, to: Path | str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, str(to)
    return info


@source
def shard_with_links(here: Path, away: Path) -> Made:
    members = [link_member("b.jpg", away / "photo.jpg"), link_member("b.txt", away / "list.txt")]
    return shard(here, *members, link_member("c.jpg", away / "photo.jpg", tarfile.LNKTYPE)), "pairs"


@source
def shard_with_names_that_lead_out(here: Path, away: Path) -> Made:
    return shard(here, *map(tarfile.TarInfo, ("../away/photo.jpg", str(away / "photo.jpg"), "C:\\x.jpg"))), "pairs"


@source
def shard_by_a_link(here: Path, away: Path) -> Made:
    shard(here)
    (here / "1.tar").symlink_to(away / "0.tar")
    return here / "{0..1}.tar", "pairs"


@source
def shards_upwards(here: Path, away: Path) -> Made:
    return f"{here}/../away/{{0..0}}.tar", "pairs"
