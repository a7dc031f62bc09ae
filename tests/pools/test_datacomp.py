"""Pools of metadata and embeddings, as DataComp publishes them, and the subset file that its tools read."""

import io
import os
import tracemalloc
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.errors import BadInput, BadRequest
from datasel_core.exports.datacomp import packed
from datasel_core.features import computation
from datasel_core.pools.persistence import pool_names
from datasel_core.pools.readers import npz_rows
from datasel_core.pools.readers.npz_rows import Part, Rows
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.pools.test_webdataset import sample, shard


def uid(at):
    return f"{at * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128:032x}"


def metadata(folder, stem, rows, rng, d=8, arrays=("l14_img", "l14_txt"), npz=np.savez, dtype=np.float16, **columns):
    """One shard as DataComp lays it out; rows: numbers of its samples. Returns its arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    table = {
        "uid": [uid(at) for at in rows],
        "url": [f"http://x/{at}" for at in rows],
        "text": [f"caption {at}" for at in rows],
        "original_width": pa.array([640] * len(rows), pa.int32()),
        "clip_l14_similarity_score": [at / 100 for at in rows],
        "face_bboxes": [[[0.1, 0.2]]] * len(rows),
        **columns,
    }
    pq.write_table(
        pa.table({name: values for name, values in table.items() if values is not None}), folder / f"{stem}.parquet"
    )
    made = {name: rng.standard_normal((len(rows), d)).astype(dtype) for name in arrays}
    npz(folder / f"{stem}.npz", **made)
    return made


def add(workspace, source, name="p", **options):
    return add_pool(workspace, name, str(source), "pairs", options)


def roles(workspace, pool):
    return {one.role: one for one in computation.kept_features(workspace, pool.fingerprint)}


def test_shards_of_metadata(workspace, tmp_path, rng):
    one = metadata(tmp_path / "m", "0000", range(5), rng)
    two = metadata(tmp_path / "m", "0001", range(5, 12), rng, npz=np.savez_compressed)
    metadata(tmp_path / "m", "0002", [], rng)
    pool = add(workspace, tmp_path / "m")
    assert pool.ids.tolist() == [uid(at) for at in range(12)]
    assert pool.columns == ["id", "caption", "url", "original_width", "clip_l14_similarity_score"]
    assert pool.about["notes"] == ["Columns of lists, of bytes, or with names of ours were left out: face_bboxes."]
    assert pool.text(7) == ["caption 7"]
    assert pool.opens == {"text"}
    kept = roles(workspace, pool)
    assert set(kept) == {"image", "text"}
    for role, name in (("image", "l14_img"), ("text", "l14_txt")):
        values = kept[role].values()
        assert values.dtype == np.float16
        np.testing.assert_array_equal(values, np.concatenate([one[name], two[name]]))
    with pytest.raises(BadRequest, match="The pool p has no pictures, only what is known of them"):
        pool.open(0)
    with pytest.raises(BadRequest, match="dictionary_embedding looks at photos; the pool p .of kind pairs. has none"):
        computation.compute_feature(workspace, pool, computation.declared_feature("dictionary_embedding"))
    assert not [f.id for f in computation.available_features(pool, set(kept)) if f.reads == "image"]


def test_one_file_and_the_choice_of_embeddings(workspace, tmp_path, rng):
    both = metadata(tmp_path, "a", range(4), rng, arrays=("b32_img", "b32_txt", "l14_img", "l14_txt"))
    for embeddings, name in (("auto", "l14_img"), ("l14", "l14_img"), ("b32", "b32_img")):
        pool = add(workspace, tmp_path / "a.parquet", embeddings, embeddings=embeddings)
        np.testing.assert_array_equal(roles(workspace, pool)["image"].values(), both[name])
    only = metadata(tmp_path, "b", range(4), rng, arrays=("b32_img",), dtype=np.float32)
    pool = add(workspace, tmp_path / "b.parquet", "b")
    assert set(roles(workspace, pool)) == {"image"}
    np.testing.assert_array_equal(roles(workspace, pool)["image"].values(), only["b32_img"])


def test_metadata_without_embeddings_or_captions(workspace, tmp_path, rng):
    metadata(tmp_path, "a", range(4), rng, text=None)
    (tmp_path / "a.npz").unlink()
    pool = add(workspace, tmp_path / "a.parquet")
    assert pool.n == 4
    assert pool.about["notes"][0] == "There are no .npz files beside the tables, so the pool has no embeddings."
    assert pool.opens == frozenset()
    with pytest.raises(BadRequest, match="The pool p has no captions"):
        pool.text(0)


def test_the_fingerprint_follows_content_not_shards(workspace, tmp_path, rng):
    whole = metadata(tmp_path / "one", "a", range(9), rng)
    for stem, rows in (("a", range(4)), ("b", range(4, 9))):
        metadata(tmp_path / "two", stem, rows, rng)
        np.savez(
            tmp_path / "two" / f"{stem}.npz", **{name: array[rows[0] : rows[-1] + 1] for name, array in whole.items()}
        )
    one = add(workspace, tmp_path / "one", "one")
    assert add(workspace, tmp_path / "two", "two").fingerprint == one.fingerprint
    whole["l14_txt"][3, 0] += 1
    np.savez(tmp_path / "one" / "a.npz", **whole)
    assert add(workspace, tmp_path / "one", "three").fingerprint != one.fingerprint


def test_unusable_rows_are_listed_and_the_others_keep_their_vectors(workspace, tmp_path, rng):
    made = [metadata(tmp_path / "m", f"{at}", range(10 * at, 10 * at + 10), rng) for at in range(3)]
    made[0]["l14_img"][2, 5], made[1]["l14_txt"][0, 0], made[1]["l14_img"][9] = np.nan, -np.inf, 0
    for at in range(3):
        np.savez(tmp_path / "m" / f"{at}.npz", **made[at])
    table = pq.read_table(tmp_path / "m" / "2.parquet")
    words = ["  ", None, "x" * 1_000_001, *[" fine "] * 7]
    pq.write_table(
        table.set_column(table.column_names.index("text"), "text", pa.array(words)), tmp_path / "m" / "2.parquet"
    )
    pool = add(workspace, tmp_path / "m")
    assert [(entry["id"], entry["reason"]) for entry in pool.unreadable] == [
        (uid(2), "l14_img holds NaN or infinite values"),
        (uid(10), "l14_txt holds NaN or infinite values"),
        (uid(19), "l14_img is zero, which has no direction"),
        (uid(20), "its caption is empty"),
        (uid(21), "it has no caption"),
        (uid(22), "its caption has 1,000,001 characters; the limit is 1,000,000"),
    ]
    good = [at for at in range(30) if at not in (2, 10, 19, 20, 21, 22)]
    assert pool.ids.tolist() == [uid(at) for at in good]
    assert pool.text(pool.n - 1) == ["fine"]
    for role, name in (("image", "l14_img"), ("text", "l14_txt")):
        np.testing.assert_array_equal(
            roles(workspace, pool)[role].values(), np.concatenate([one[name] for one in made])[good]
        )


def _arrays(name):
    """The arrays of a shard b with this wrong about them; None where the mistake is no matter of arrays."""
    rng = np.random.default_rng(0)
    img, txt = (rng.standard_normal((5, 8)).astype(np.float16) for _ in range(2))
    return {
        "rows": {"l14_img": img, "l14_txt": txt[:4]},
        "dimension": {"l14_img": img, "l14_txt": rng.standard_normal((5, 9))},
        "flat": {"l14_img": np.zeros(5), "l14_txt": txt},
        "objects": {"l14_img": np.array([[{}]] * 5, dtype=object), "l14_txt": txt},
        "text": {"l14_img": np.array([["x"]] * 5), "l14_txt": txt},
        "fortran": {"l14_img": np.asfortranarray(img), "l14_txt": txt},
        "names": {"image": img},
        "model": {"b32_img": img, "b32_txt": txt},
        "one side": {"l14_img": img},
    }.get(name)


def _bytes(name, whole):
    """The bytes of b.npz with this wrong about them, from those of a whole one."""
    flipped = bytearray(whole)
    flipped[whole.index(b"\n", whole.index(b"NUMPY")) + 20] ^= 1
    header, short = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f2", "fortran_order": False, "shape": (5, 8)})
    with zipfile.ZipFile(short, "w") as archive:
        for side in ("l14_img", "l14_txt"):
            archive.writestr(f"{side}.npy", header.getvalue() + bytes(40))
    return {"cut": whole[:300], "no zip": b"nonsense", "damaged": bytes(flipped), "short": short.getvalue()}.get(name)


def _break(folder, name):
    """Makes one thing wrong with the second of the two shards, a and b, in the folder."""
    npz, parquet = folder / "b.npz", folder / "b.parquet"
    if (arrays := _arrays(name)) is not None:
        np.savez(npz, allow_pickle=True, **arrays)
    elif (data := _bytes(name, npz.read_bytes())) is not None:
        npz.write_bytes(data)
    elif name == "missing":
        npz.unlink()
    elif name == "parquet":
        parquet.write_bytes(b"PAR1 nonsense")
    else:
        table = pq.read_table(parquet)
        old = table["uid"].to_pylist()
        new = {
            "uid twice": [uid(1), *old[1:]],
            "uid in one": [old[1], *old[1:]],
            "no uid": [*old[:3], None, ""],
            "uid type": [0.5] * 5,
        }.get(name)
        table = (
            table.drop_columns(["uid"])
            if name == "column"
            else table.set_column(table.column_names.index("uid"), "uid", pa.array(new))
        )
        pq.write_table(table, parquet)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rows", "b.parquet has 5 rows, b.npz has 4 in l14_txt; they must match row by row."),
        ("dimension", "l14_txt has 8 numbers a row in a.npz and 9 in b.npz; all shards must agree."),
        ("flat", r"b.npz: l14_img has the shape \(5,\); it must be samples x numbers"),
        ("objects", "b.npz: l14_img holds Python objects, which are not read; save numbers."),
        ("text", "b.npz: l14_img is of type <U1; vectors must be numbers."),
        ("fortran", "b.npz: l14_img is stored column by column"),
        ("names", "b.npz has no arrays l14_img and l14_txt; it has: image."),
        ("model", "b.npz has no arrays l14_img and l14_txt; it has: b32_img, b32_txt."),
        ("one side", "b.npz holds image, a.npz image, text; all must agree."),
        ("cut", "b.npz could not be read: File is not a zip file."),
        ("no zip", "b.npz could not be read: File is not a zip file."),
        ("damaged", "b.npz could not be read: Bad CRC-32 for file 'l14_img.npy'."),
        ("short", "b.npz could not be read: l14_img is cut off after row 2."),
        ("missing", "1 of 2 tables have no .npz beside them, first b.parquet; fetch b.npz, or move the table away."),
        ("parquet", "b.parquet could not be read"),
        ("uid twice", f"The uid '{uid(1)}' stands in a.parquet and in b.parquet; ids must be unique."),
        ("uid in one", f"The uid '{uid(6)}' stands twice in b.parquet; ids must be unique."),
        ("no uid", "b.parquet: row 4 has no uid; every sample needs one."),
        ("uid type", "The uid '0.5' stands twice in b.parquet"),
        (
            "column",
            "b.parquet has no column uid; it has: url, text, original_width, clip_l14_similarity_score, face_bboxes.",
        ),
    ],
)
def test_bad_metadata_is_one_line_and_writes_nothing(workspace, tmp_path, rng, name, message):
    metadata(tmp_path / "m", "a", range(5), rng)
    metadata(tmp_path / "m", "b", range(5, 10), rng)
    _break(tmp_path / "m", name)
    with pytest.raises(BadInput, match=message) as error:
        add(workspace, tmp_path / "m")
    assert "\n" not in str(error.value)
    assert pool_names(workspace) == []
    assert not workspace.folders("features")


def test_more_that_is_wrong(workspace, tmp_path, rng):
    metadata(tmp_path / "m", "a", range(3), rng)
    with pytest.raises(
        BadInput, match="The option captions means nothing for m, which is read as DataComp metadata; leave it out."
    ):
        add(workspace, tmp_path / "m", captions="mean")
    with pytest.raises(BadInput, match="a.npz has no arrays b32_img and b32_txt; it has: l14_img, l14_txt."):
        add(workspace, tmp_path / "m", embeddings="b32")
    (tmp_path / "m" / "c.npz").write_bytes(b"")
    assert "1 .npz files without a table were passed over." in add(workspace, tmp_path / "m").about["notes"]
    (tmp_path / "m" / "a.npz").unlink()
    with pytest.raises(BadInput, match="There is no a.npz beside a.parquet; embeddings l14 cannot be read."):
        add(workspace, tmp_path / "m", embeddings="l14")
    metadata(tmp_path / "none", "a", [], rng)
    with pytest.raises(BadInput, match="none has no rows."):
        add(workspace, tmp_path / "none", "none")
    made = metadata(tmp_path / "nan", "a", range(2), rng)
    np.savez(tmp_path / "nan" / "a.npz", l14_img=made["l14_img"] * np.nan)
    with pytest.raises(BadInput, match="None of the 2 pairs in .*: l14_img holds NaN"):
        add(workspace, tmp_path / "nan", "nan")
    metadata(tmp_path / "out", "a", range(2), rng)
    outside = tmp_path.parent / f"{tmp_path.name}-out.npz"
    (tmp_path / "out" / "a.npz").rename(outside)
    (tmp_path / "out" / "a.npz").symlink_to(outside)
    with pytest.raises(BadRequest, match="outside the allowed folders"):
        add(workspace, tmp_path / "out", "out")
    metadata(tmp_path / "pipe", "a", range(2), rng)
    (tmp_path / "pipe" / "a.npz").unlink()
    os.mkfifo(tmp_path / "pipe" / "a.npz")
    with pytest.raises(BadInput, match="a.npz is not a regular file."):
        add(workspace, tmp_path / "pipe", "pipe")


def test_a_folder_with_tars_and_tables_is_read_as_tars_unless_embeddings_are_named(workspace, tmp_path, rng):
    metadata(tmp_path / "m", "0", range(3), rng)
    shard(tmp_path / "m" / "0.tar", sample("k", 0))
    assert add(workspace, tmp_path / "m", "tars").ids.tolist() == ["k"]
    assert add(workspace, tmp_path / "m", "rows", embeddings="l14").n == 3


def test_rows_are_like_an_array_as_far_as_slices_go(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(npz_rows, "_BLOCK_BYTES", 40)
    monkeypatch.setattr(npz_rows, "_STEP", 3)
    arrays = [rng.standard_normal((n, 3)).astype(kind) for n, kind in ((7, "<f4"), (1, ">f8"), (12, "<f2"))]
    parts, keep = [], [None, np.array([False]), rng.random(12) < 0.6]
    for at, array in enumerate(arrays):
        np.savez(tmp_path / f"{at}.npz", x=array)
        parts += npz_rows.look(tmp_path / f"{at}.npz", ["x"])[0].values()
    rows = Rows(parts, keep)
    expected = np.concatenate([arrays[0].astype("f8"), arrays[2][keep[2]]])
    assert (rows.shape, rows.dtype, len(rows)) == (expected.shape, np.dtype("f8"), len(expected))
    np.testing.assert_array_equal(rows[:], expected)
    for _ in range(50):
        start, stop = rng.integers(-len(rows) - 2, len(rows) + 3, 2).tolist()
        np.testing.assert_array_equal(rows[start:stop], expected[start:stop])
    with pytest.raises(ValueError, match="in order"):
        rows[::2]
    with pytest.raises(BadInput, match="There is no file"):
        list(Part(tmp_path / "gone.npz", "x", 3, 3, np.dtype("f4")).blocks(1))


def test_embeddings_are_never_all_in_memory(workspace, tmp_path, rng, monkeypatch):
    """Four shards of 12 MB for each side, 98 MB in all; what keeps a feature copies 16,384 rows, 25 MB, twice."""
    monkeypatch.setattr(npz_rows, "_BLOCK_BYTES", 1 << 20)
    for at in range(4):
        metadata(tmp_path / "m", f"{at}", range(8000 * at, 8000 * at + 8000), rng, d=768)
    tracemalloc.start()
    pool = add(workspace, tmp_path / "m")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pool.n == 32_000
    assert sum(one.values().nbytes for one in roles(workspace, pool).values()) == 32_000 * 768 * 2 * 2
    assert peak < 62e6


def test_select_and_export_the_uids(workspace, tmp_path, rng):
    metadata(tmp_path / "m", "a", range(40), rng)
    pool = add(workspace, tmp_path / "m")
    run = engine.select(
        workspace, Spec(pool="p", method="random", budget="25", where="clip_l14_similarity_score >= 0.1")
    )
    out = find("export format", "datacomp")().write(
        open_record(workspace, run.folder), tmp_path / "kept.npy", Progress()
    )
    kept = np.load(out, mmap_mode="r")
    assert kept.dtype == np.dtype("u8,u8")
    expected = np.array(
        [(int(id[:16], 16), int(id[16:32], 16)) for id in run.ids], np.dtype("u8,u8")
    )  # as DataComp's own code writes it
    expected.sort()
    np.testing.assert_array_equal(kept, expected)
    assert len(kept) == 25 == len(set(run.ids))
    assert pool.n == 40


def test_packed_uids(rng):
    uids = [f"{int.from_bytes(rng.bytes(16), 'big'):032x}" for _ in range(500)]
    expected = np.unique(np.array([(int(one[:16], 16), int(one[16:], 16)) for one in uids], np.dtype("u8,u8")))
    for given in (uids, uids + uids[:7], [one.upper() for one in uids[::-1]]):
        np.testing.assert_array_equal(packed(given), expected)
    assert packed([]).dtype == np.dtype("u8,u8")
    for wrong in (
        "a/00.jpg",
        "0" * 31,
        "0" * 33,
        "0" * 31 + "g",
        "0x" + "0" * 30,
        " " + "0" * 31,
        "0" * 31 + "\n",
        "+" + "0" * 31,
        "٠" * 32,
    ):
        with pytest.raises(
            BadRequest, match="is no DataComp uid, which is 32 hexadecimal digits; export ids, jsonl or parquet"
        ) as error:
            packed([*uids[:3], wrong])
        assert "\n" not in str(error.value)


def test_shards_that_were_downloaded_export_their_uid_column(workspace, tmp_path):
    members = [
        pair for at in range(3) for pair in (*sample(f"{at}", at), (f"{at}.json", f'{{"uid": "{uid(at)}"}}'.encode()))
    ]
    add(workspace, shard(tmp_path / "s.tar", members))
    run = engine.select(workspace, Spec(pool="p", method="random", budget="2"))
    kept = open_record(workspace, run.folder)
    out = find("export format", "datacomp")().write(kept, tmp_path / "kept.npy", Progress())
    assert np.load(out, mmap_mode="r").tolist() == packed([uid(int(id)) for id in run.ids]).tolist()


def test_metadata_without_pictures_exports_no_files(workspace, tmp_path, rng):
    metadata(tmp_path / "m", "a", range(4), rng)
    add(workspace, tmp_path / "m")
    kept = open_record(workspace, engine.select(workspace, Spec(pool="p", method="random", budget="2")).folder)
    with pytest.raises(BadRequest, match="The samples of this pool are not files"):
        find("export format", "files")().write(kept, tmp_path / "files", Progress())
