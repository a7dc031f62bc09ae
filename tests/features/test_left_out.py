"""Samples and files that cannot be used: each is named with its reason, comes back when it is mended, and stops nothing
else.
"""

import io
import json
import os
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import datasel_core as ds
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.analysis.metrics.metric import KeptRows
from datasel_core.base.registry import every
from datasel_core.errors import BadInput, Failed
from datasel_core.features import computation
from datasel_core.features.chunks import Chunks
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import load
from datasel_core.vectors import neighbors
from datasel_core.workspace import arrays as arrays_module
from tests.conftest import clustered, paint


def dictionary():
    return ds.feature("dictionary_embedding")(n_atoms=16)


def test_a_photo_that_can_be_read_again_gets_its_value(workspace, photos):
    pool = add_pool(workspace, "p", str(photos), "images")
    whole = computation.compute_feature(workspace, pool, dictionary())
    values = np.array(whole.values())
    lost = photos / "b" / "01.jpg"
    content = lost.read_bytes()
    lost.write_bytes(content[:60])
    workspace.feature(whole.key).joinpath("meta.json").unlink()
    (workspace.feature(whole.key) / "values.npy").unlink()
    first = computation.compute_feature(workspace, pool, dictionary())
    assert [entry["id"] for entry in first.unreadable] == ["b/01.jpg"]
    assert (
        computation.compute_feature(workspace, pool, dictionary()).meta == first.meta
    )  # still away: nothing is computed anew
    lost.write_bytes(content)
    again = computation.compute_feature(workspace, pool, dictionary())
    assert again.unreadable == []
    np.testing.assert_allclose(again.values(), values, atol=1e-6)
    assert not (again.folder / "chunks").exists()


def test_a_kill_while_a_feature_is_mended_keeps_what_was_there(workspace, photos, monkeypatch):
    pool = add_pool(workspace, "p", str(photos), "images")
    lost = photos / "b" / "01.jpg"
    content = lost.read_bytes()
    lost.write_bytes(content[:60])
    first = computation.compute_feature(workspace, pool, dictionary())
    lost.write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setattr(Chunks, "finish", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            computation.compute_feature(workspace, pool, dictionary())
    assert load(first.folder).meta == first.meta
    assert computation.compute_feature(workspace, pool, dictionary()).unreadable == []


def test_when_nothing_can_be_read_the_next_attempt_looks_again(workspace, photos):
    pool = add_pool(workspace, "p", str(photos), "images")
    contents = {path: path.read_bytes() for path in photos.rglob("*.jpg")}

    class Blind(type(dictionary())):
        def fit(self, source, progress):
            return {"dictionary": np.zeros(1)}

        def blocks(self, source, rows, fitted):
            from datasel_core.features.feature import Block, Unreadable

            for row in rows:
                try:
                    source.image(int(row))
                    yield Block(np.array([row]), np.ones((1, 2), np.float32))
                except Unreadable as error:
                    yield Block(np.empty(0, int), np.empty((0, 2), np.float32), [(int(row), str(error))])

    for path in contents:
        path.unlink()
    with pytest.raises(Failed, match=r"No sample of p could be read: a/00.jpg: the file is not there\."):
        computation.compute_feature(workspace, pool, Blind())
    for path, content in contents.items():
        path.write_bytes(content)
    assert computation.compute_feature(workspace, pool, Blind()).unreadable == []


def test_a_full_disk_is_met_before_anything_is_mapped(workspace, tmp_path, rng, monkeypatch):
    pool = add_pool(workspace, "p", str(paint(tmp_path / "in" / "a.jpg", 0).parent), "images")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrays_module.os, "posix_fallocate", full)
    with pytest.raises(Failed, match="The disk is full"):
        keep_imported(
            workspace, pool, "embedding", np.ones((1, 4), np.float32), np.arange(1), [], "e.npz", computation.Progress()
        )
    folder = next(iter(workspace.folders("features")))
    assert [path.name for path in folder.iterdir() if path.name != ".lock"] == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_no_photo_and_nobody_waits_for_it(workspace, photos, tmp_path):
    os.mkfifo(photos / "pipe.jpg")
    pool = add_pool(workspace, "p", str(photos), "images")
    assert pool.unreadable == [{"id": "pipe.jpg", "reason": "it is not a regular file"}]
    for name in ("t.csv", "v.npz", "t.parquet"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(BadInput, match="is no table|There is no file|is not a file"):
            add_pool(workspace, "q", str(tmp_path / name), "vectors" if name == "v.npz" else "images")


@pytest.mark.filterwarnings("ignore:.*EXIF|.*Tag data")
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0garbage",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 60,
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x06\0\0\0",
    ],
)
def test_broken_exif_costs_nothing_but_the_turn(workspace, tmp_path, exif):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (20, 10), "red").save(tmp_path / "in" / "a.jpg", exif=exif)
    pool = add_pool(workspace, "p", str(tmp_path / "in"), "images")
    assert pool.unreadable == []
    assert pool.open(0).size == (pool.column("width")[0], pool.column("height")[0])


def npz(path, **members: bytes):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return str(path)


def array_bytes(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def oddities():
    good = array_bytes(np.ones((3, 4), np.float32))
    yield (
        "is \\(3000000000000, 4\\), but holds",
        {"embedding": good.replace(b"(3, 4), }" + b" " * 12, b"(3000000000000, 4), }")},
    )
    yield "could not be read", {"embedding": good[:40]}
    yield "could not be read", {"embedding": b"not an array"}
    yield "must be one vector per sample", {"embedding": array_bytes(np.ones(3, np.float32))}
    yield "must be one vector per sample", {"embedding": array_bytes(np.ones((3, 2, 2), np.float32))}
    yield "it must be one row of text or whole numbers", {"embedding": good, "ids": array_bytes(np.array("a"))}
    yield "it must be one row of text or whole numbers", {"embedding": good, "ids": array_bytes(np.array([0.5, 1, 2]))}
    yield "bytes that are not UTF-8", {"embedding": good, "ids": array_bytes(np.array([b"\xff", b"b", b"c"]))}
    yield "do not fit embedding", {"embedding": good, "embedding_scale": array_bytes(np.ones(7, np.float32))}
    yield "do not fit embedding", {"embedding": good, "embedding_scale": array_bytes(np.array(["a"]))}


@pytest.mark.parametrize(("said", "members"), list(oddities()))
def test_odd_files_of_vectors_are_one_line(workspace, tmp_path, said, members):
    with pytest.raises(BadInput, match=said):
        add_pool(workspace, "p", npz(tmp_path / "v.npz", **members), "vectors")


def test_ids_may_be_bytes(workspace, tmp_path):
    np.savez(tmp_path / "v.npz", ids=np.array(["é".encode(), b"b"]), embedding=np.eye(2, dtype=np.float32))
    assert add_pool(workspace, "p", str(tmp_path / "v.npz"), "vectors").ids.tolist() == ["é", "b"]


def test_numbers_above_float32_are_left_out(workspace, tmp_path):
    np.savez(tmp_path / "v.npz", ids=["a", "b"], embedding=np.array([[1e300, 1.0], [1.0, 2.0]]))
    pool = add_pool(workspace, "p", str(tmp_path / "v.npz"), "vectors")
    assert [entry["id"] for entry in pool.unreadable] == ["a"]
    np.savez(tmp_path / "e.npz", ids=["b"], embedding=np.array([[np.nan, 1.0]]))
    with pytest.raises(BadInput, match="nothing was imported"):
        import_feature(workspace, pool, "embedding", str(tmp_path / "e.npz"))


def test_odd_tables_are_one_line(workspace, tmp_path):
    (tmp_path / "twice.csv").write_text("path,path\na.jpg,b.jpg\n")
    with pytest.raises(BadInput, match="two columns called path"):
        add_pool(workspace, "p", str(tmp_path / "twice.csv"), "images")
    pq.write_table(pa.table({"path": ["a.jpg"], "id": [{"a": 1}]}), tmp_path / "struct.parquet")
    with pytest.raises(BadInput, match=r"row 1 of struct.parquet: its id is .*; it must be text or a whole number"):
        add_pool(workspace, "p", str(tmp_path / "struct.parquet"), "images")


def test_a_zero_vector_is_near_to_nothing(rng):
    vectors = clustered(rng, 60, 8, 3)
    vectors[[5, 20]] = 0
    rows, distance = neighbors.knn(vectors, 10)
    for at in (5, 20):
        np.testing.assert_array_equal(distance[at], 1)
    near = np.isin(rows, [5, 20]) & ~np.isin(np.arange(60), [5, 20])[:, None]
    np.testing.assert_array_equal(distance[near], 1)
    inputs = ds.Inputs({"embedding": vectors}, np.random.default_rng(0))
    assert not np.isin(ds.method("facility_location")().select(inputs, 3).rows, [5, 20]).any()
    with np.errstate(invalid="raise", divide="raise"):
        kept = ds.method("deduplicate")(threshold=0.9, fill=False).select(inputs, 20)
    assert np.isfinite(kept.why["similarity"]).all()


def test_metrics_say_nothing_where_nothing_was_kept(rng):
    arrays = {"embedding": clustered(rng, 30, 4, 3), "group": np.array(["a", "b", "c"] * 10)}
    for metric in every("metric").values():
        assert dict(metric().measure(KeptRows(30, np.empty(0, np.int64), arrays.get, np.ones(30, bool)))) == {}


@pytest.mark.parametrize("role", ["embedding", "image"])
def test_an_array_that_is_no_table_of_vectors_is_refused(role):
    methods = [one for one in every("method").values() if role in one.needs]
    for declared in methods:
        roles = {name: np.ones(5) for name in declared.needs}
        target = {name: np.ones((2, 3)) for name in declared.needs_target}
        with pytest.raises(BadInput, match=r"has the shape \(5,\); it must be one vector per sample"):
            declared().select(ds.Inputs(roles, np.random.default_rng(0), target), 2)


def test_a_picture_with_several_captions_is_encoded_once(workspace, tmp_path, monkeypatch):
    for at in range(6):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines = ["path,caption"] + [f"{at % 6}.jpg,caption {at}" for at in range(15)]
    (tmp_path / "in" / "t.csv").write_text("\n".join(lines) + "\n")
    pool = add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "pairs")
    (tmp_path / "in" / "4.jpg").write_bytes(b"gone")
    opened = []
    honest = type(pool).open
    monkeypatch.setattr(type(pool), "open", lambda self, row, **hints: opened.append(row) or honest(self, row, **hints))
    kept = computation.compute_feature(workspace, pool, ds.feature("dictionary_patterns")(n_atoms=16, k=2, tau=1.0))
    fitted = len(opened) - 6  # the dictionary is learned from photos, too
    pictures = pool.column("path")
    assert len({pictures[row] for row in opened[fitted:]}) == 6
    assert len(opened[fitted:]) == 6
    assert sorted(entry["id"] for entry in kept.unreadable) == sorted(pool.ids[pictures == "4.jpg"])
    values = kept.values()
    for row in range(pool.n):
        twin = int(np.flatnonzero(pictures == pictures[row])[0])
        np.testing.assert_array_equal(values[row], values[twin])
        np.testing.assert_array_equal(kept.extra("patch_labels")[row], kept.extra("patch_labels")[twin])
    assert (values.lengths()[pictures != "4.jpg"] > 0).all()


def test_text_that_looks_like_a_date_stays_text(workspace, tmp_path):
    for at in range(2):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines = [
        {
            "id": f"2020-01-0{at + 1}",
            "path": f"{at}.jpg",
            "caption": "2021-05-06",
            "when": "2020-01-01T10:00:00Z",
            "n": at,
        }
        for at in range(2)
    ]
    (tmp_path / "in" / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for kind in ("images", "pairs"):
        pool = add_pool(workspace, kind, str(tmp_path / "in" / "t.jsonl"), kind)
        assert pool.ids.tolist() == ["2020-01-01", "2020-01-02"]
        assert pool.column("when").tolist() == ["2020-01-01T10:00:00Z"] * 2
        assert pool.column("n").tolist() == [0, 1]
    assert pool.text(0) == ["2021-05-06"]
