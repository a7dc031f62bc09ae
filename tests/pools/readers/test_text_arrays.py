"""Ids of an .npz that are Python objects: text is read, and nothing that a pickle asks for is done."""

import os
import pickle
import zipfile

import numpy as np
import pandas
import pyarrow as pa
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.errors import BadInput
from tests.pools.readers.tables.writers import arrow_stream, packed, parquet

REFUSED = (
    r"v.npz could not be read: its ids are objects that are not all text or whole numbers; save them as text, as in "
    r"ids=np.array\(ids, str\)."
)


def save(path, ids, n=3):
    np.savez(path, ids=ids, embedding=np.eye(n, 4, dtype=np.float32))
    return path


def pickled(path, data, n=3, descr="'|O'"):
    """An .npz whose array of ids is this pickle."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': ({n},), }}"
    header = header.ljust(117) + "\n"
    save(path, np.arange(n), n)
    with zipfile.ZipFile(path) as archive:
        embedding = archive.read("embedding.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("embedding.npy", embedding)
        archive.writestr("ids.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data)
    return path


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        (np.array(["a", "b", "日本"], dtype=object), ["a", "b", "日本"]),
        (np.array(["a", 7, 2**70], dtype=object), ["a", "7", str(2**70)]),
        (pandas.Series(["a", "b", "c"], dtype=object).to_numpy(), ["a", "b", "c"]),
    ],
)
def test_names_that_are_objects(workspace, tmp_path, ids, read):
    pool = add_pool(workspace, "p", str(save(tmp_path / "v.npz", ids)), "vectors")
    assert pool.ids.tolist() == read
    other = import_feature(workspace, pool, "embedding", str(save(tmp_path / "w.npz", ids[::-1])))
    np.testing.assert_array_equal(np.asarray(other.kept.values()), np.eye(3, 4)[::-1])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(workspace, tmp_path, protocol):
    data = pickle.dumps(np.array(["a", "b", "c"], dtype=object), protocol)
    assert add_pool(workspace, "p", str(pickled(tmp_path / "v.npz", data)), "vectors").ids.tolist() == ["a", "b", "c"]


class Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("how", ["system", "eval", "getattr", "open"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_runs_nothing(workspace, tmp_path, monkeypatch, inside, how, protocol):
    """The same file runs when it is read with numpy's own reader: the test would see it."""
    mark = tmp_path / "ran"
    call = {
        "system": (os.system, (f"touch {mark}",)),
        "eval": (eval, (f"open({str(mark)!r}, 'w').close()",)),
        "getattr": (getattr, ("a", "upper")),
        "open": (open, (str(mark), "w")),
    }[how]
    bad = Runs(*call)
    array = np.empty(3, object)
    array[:] = [bad, "b", "c"]
    path = pickled(tmp_path / "v.npz", pickle.dumps(array if inside else bad, protocol))
    with pytest.raises(BadInput, match=REFUSED):
        add_pool(workspace, "p", str(path), "vectors")
    assert not mark.exists()
    if how != "getattr" and inside:
        with np.load(path, allow_pickle=True) as file:
            file["ids"]
        assert mark.exists()


@pytest.mark.parametrize(
    "ids",
    [
        np.array([None, "b", "c"], dtype=object),
        np.array([1.5, "b", "c"], dtype=object),
        np.array([True, "b", "c"], dtype=object),
        np.array([["a"], "b", "c"], dtype=object),
        np.array([np.str_("a"), "b", "c"], dtype=object),
        np.array([("a", 1)] * 3, dtype=[("x", object), ("y", int)]),
    ],
)
def test_objects_that_are_no_names(workspace, tmp_path, ids):
    with pytest.raises(BadInput, match=REFUSED):
        add_pool(workspace, "p", str(save(tmp_path / "v.npz", ids)), "vectors")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        pickle.dumps(["a", "b", "c"]),
        pickle.dumps(np.array(["a", "b"], dtype=object)),
        pickle.dumps(np.array(["a", "b", "c"])),
        b"cnumpy\nndarray\n.",
        b"cnumpy\ndtype\n(V0\ntR.",
    ],
)
def test_pickles_that_are_broken_or_something_else(workspace, tmp_path, data):
    with pytest.raises(BadInput, match=f"{REFUSED}|holds . bytes|holds .. bytes"):
        add_pool(workspace, "p", str(pickled(tmp_path / "v.npz", data)), "vectors")


def test_a_pickle_cannot_change_how_the_next_is_read(workspace, tmp_path):
    """It may set what it likes on the stand-ins it is given: they are of this reading."""
    spoil = b"\x80\x02cnumpy\nndarray\n}N}(U\x0c__setstate__K\x01u\x86b."
    for data in (spoil, b"\x80\x02cnumpy\nndarray\nN}(U\x0c__setstate__K\x01u\x86b."):
        with pytest.raises(BadInput):
            add_pool(workspace, "p", str(pickled(tmp_path / "v.npz", data)), "vectors")
    assert (
        add_pool(workspace, "p", str(save(tmp_path / "v.npz", np.array(list("abc"), dtype=object))), "vectors").n == 3
    )


def test_very_many_names_do_not_fill_the_memory(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("datasel_core.pools.readers.text_arrays._MOST", 100)
    with pytest.raises(BadInput, match="v.npz could not be read: its ids have more than 0 MB."):
        add_pool(workspace, "p", str(save(tmp_path / "v.npz", np.array(["a", "b", "c"], dtype=object))), "vectors")


def test_ids_of_vectors_in_parquet(workspace, tmp_path):
    source = str(tmp_path / "v.parquet")
    parquet([{"id": 0.5, "v": [1.0, 0.0]}, {"id": 1.0, "v": [0.0, 1.0]}], tmp_path / "v.parquet")
    with pytest.raises(BadInput, match="v.parquet: the id of row 1 is 0.5; it must be text or a whole number."):
        add_pool(workspace, "p", source, "vectors")
    with pytest.raises(BadInput, match="v.parquet has no column key; it has: id, v."):
        add_pool(workspace, "p", source, "vectors", {"id_column": "key"})
    parquet([{"id": 2.0, "v": [1.0, 0.0]}, {"id": 1.0, "v": [0.0, 1.0]}], tmp_path / "v.parquet")
    assert add_pool(workspace, "p", source, "vectors").ids.tolist() == ["2", "1"]


@pytest.mark.parametrize("name", ["v.arrow", "v.parquet.zst"])
def test_vectors_in_other_columnar_files(workspace, tmp_path, name):
    rows = [{"id": at + 10, "v": [float(at), 1.0], "group": "ab"[at % 2]} for at in range(3)]
    if name == "v.arrow":
        arrow_stream(rows, tmp_path / name)
    else:
        parquet(rows, tmp_path / "v.parquet")
        packed(tmp_path / "v.parquet", ".zst")
    pool = add_pool(workspace, "p", str(tmp_path / name), "vectors")
    assert pool.ids.tolist() == ["10", "11", "12"]
    assert pool.column("group").tolist() == ["a", "b", "a"]
    assert pa.types.is_string(pool.table["id"].type)
