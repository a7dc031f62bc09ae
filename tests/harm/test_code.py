"""Code in what comes in is never run, and nothing that comes in makes the program ask a network."""

import json
import os
import pickle
import socket
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadRequest
from datasel_core.pools.guess import kind_of
from tests.conftest import paint
from tests.harm import stage as world
from tests.harm.stage import words


class Touches:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def pickled_array(path, marker):
    np.save(path / "v.npy", np.array([Touches(marker)], dtype=object), allow_pickle=True)
    return path / "v.npy", "vectors"


def pickled_member(path, marker):
    np.savez(path / "v.npz", ids=np.array(["a"]), embedding=np.array([Touches(marker)], dtype=object))
    return path / "v.npz", "vectors"


def pickled_ids(path, marker):
    np.savez(path / "v.npz", ids=np.array([Touches(marker)], dtype=object), embedding=np.ones((1, 2)))
    return path / "v.npz", "vectors"


def bare_pickle(path, marker):
    (path / "v.npy").write_bytes(pickle.dumps(Touches(marker)))
    return path / "v.npy", "vectors"


def pickle_in_a_zip(path, marker):
    with zipfile.ZipFile(path / "v.npz", "w") as archive:
        archive.writestr("embedding.npy", pickle.dumps(Touches(marker)))
    return path / "v.npz", "vectors"


def header_of_an_array(path, marker):
    header = f"{{'descr': __import__('os').mkdir({str(marker)!r}), 'fortran_order': False, 'shape': (1,)}}".encode()
    text = header + b" " * (117 - len(header) % 64) + b"\n"
    (path / "v.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8))
    return path / "v.npy", "vectors"


def arrow_type(path, marker):
    about = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Touches(marker)),
    }
    text = pa.field("text", pa.string(), metadata=about)
    table = pa.table({"id": ["a"], "text": ["own"]}, pa.schema([pa.field("id", pa.string()), text]))
    with pa.OSFile(str(path / "t.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return path / "t.arrow", "text"


def parquet_type(path, marker):
    source, kind = arrow_type(path, marker)
    with pa.OSFile(str(source)) as file:
        pq.write_table(pa.ipc.open_file(file).read_all(), path / "t.parquet")
    return path / "t.parquet", kind


def yaml_tag(path, marker):
    paint(path / "images" / "0.jpg", 1)
    (path / "data.yaml").write_text(f"train: images\nnames: [a]\nnc: !!python/object/apply:os.mkdir ['{marker}']\n")
    return path, "images"


def loading_script(path, marker):
    code = f"import os\nos.mkdir({str(marker)!r})\n"
    for name in ("dataset.py", "__init__.py", "conftest.py", "sitecustomize.py", "numpy.py"):
        (path / name).write_text(code)
    (path / "README.md").write_text(f"---\nconfigs: !!python/object/apply:os.mkdir ['{marker}']\n---\n")
    (path / "train.jsonl").write_text('{"text": "own"}\n')
    return path, "text"


def json_classes(path, marker):
    said = {"text": "own", "__class__": "os.mkdir", "py/object": "os.mkdir", "py/reduce": ["os.mkdir", [str(marker)]]}
    (path / "t.jsonl").write_text(json.dumps(said) + "\n")
    return path / "t.jsonl", "text"


def templates(path, marker):
    code = f"__import__('os').mkdir({str(marker)!r})"
    texts = [
        f"{{{{ {code} }}}}",
        f"{{% {code} %}}",
        f"${{{code}}}",
        f"`mkdir {marker}`",
        f"$(mkdir {marker})",
        f"{{{code}}}",
    ]
    (path / "t.jsonl").write_text("".join(json.dumps({"id": text, "text": text}) + "\n" for text in texts))
    return path / "t.jsonl", "text"


CODE = [pickled_array, pickled_member, pickled_ids, bare_pickle, pickle_in_a_zip, header_of_an_array, arrow_type]
CODE += [parquet_type, yaml_tag, loading_script, json_classes, templates]


@pytest.mark.parametrize("make", CODE, ids=lambda make: make.__name__)
def test_code_in_a_source_is_not_run(workspace, tmp_path, monkeypatch, make):
    folder, marker = tmp_path / "in", tmp_path / "was-run"
    folder.mkdir()
    monkeypatch.chdir(folder)
    source, kind = make(folder, marker)
    try:
        kind_of(source)
        pool = add_pool(workspace, "p", str(source), kind)
        assert pool.n > 0
    except BadRequest as error:
        assert "\n" not in str(error)  # noqa: PT017  (one line, or a pool)
    assert not marker.exists()


@pytest.mark.parametrize("make", [pickled_array, pickled_member, pickled_ids, bare_pickle, pickle_in_a_zip])
def test_code_in_an_imported_feature_is_not_run(workspace, tmp_path, monkeypatch, capfd, make):
    folder, marker = tmp_path / "in", tmp_path / "was-run"
    folder.mkdir()
    np.savez(folder / "own.npz", ids=np.array(["a"]), embedding=np.ones((1, 2)))
    add_pool(workspace, "p", str(folder / "own.npz"), "vectors")
    source, _ = make(folder, marker)
    assert main(["feature", "import", "p", "embedding", str(source)]) == 2
    out, err = capfd.readouterr()
    assert (out, len(err.strip().splitlines())) == ("", 1)
    assert not marker.exists()


def test_unpickled_it_would_have_been(tmp_path):
    """The pickles of this module are live ones."""
    pickle.loads(pickle.dumps(Touches(tmp_path / "was-run")))
    assert (tmp_path / "was-run").is_dir()
    with pytest.raises(OSError, match="was-run"):
        yaml.unsafe_load(f"!!python/object/apply:os.mkdir ['{tmp_path / 'was-run'}']")


# ---- the network


@pytest.fixture
def nobody_answers(monkeypatch):
    """What is asked of any network, which answers nobody."""
    asked = []

    def refuse(*given, **named):
        asked.append(given)
        raise OSError("there is no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    return asked


def test_no_command_asks_a_network(tmp_path, nobody_answers, capfd):
    place = tmp_path / "place"
    world.build(place)
    lines = ["feature compute photos dictionary_embedding", "feature compute chat tfidf_svd --set n_dims=4"]
    lines += [
        "verify run:nine",
        "reproduce run:five",
        "evaluate run:five",
        "map key:embedding --set n_neighbors=60",
        "methods",
        "runs",
        "pool list",
    ]
    lines += ["combine union run:nine run:five", "compare run:nine run:five", "score arrows by_score --set role=loss"]
    with world.within(place):
        assert [main(words(place, line)) for line in lines] == [0] * len(lines)
    assert nobody_answers == []
    capfd.readouterr()


URL = "http://127.0.0.1:9/0.jpg"


def photos_by_url(path):
    (path / "t.csv").write_text(
        f"path\n0.jpg\n{URL}\nhttps://a.example/1.jpg\nftp://a/2.jpg\ns3://b/3.jpg\n//a/4.jpg\n"
    )
    return path / "t.csv", "images"


def coco_by_url(path):
    (path / "c").mkdir()
    images = [{"id": 1, "file_name": "0.jpg", "coco_url": URL, "flickr_url": URL, "width": 48, "height": 40}]
    images.append({**images[0], "id": 2, "file_name": URL})
    said = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "a"}]}
    said["annotations"].append({"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]})
    (path / "c.json").write_text(json.dumps(said))
    return path / "c.json", "images"


def pairs_by_url(path):
    (path / "t.csv").write_text(f"image,caption,url\n0.jpg,own,{URL}\n{URL},other,{URL}\n")
    return path / "t.csv", "pairs"


def yolo_by_url(path):
    paint(path / "images" / "0.jpg", 1)
    said = {"path": "https://a.example/x", "train": "images", "val": URL, "names": ["a"], "download": URL}
    (path / "data.yaml").write_text(yaml.safe_dump(said))
    return path, "images"


def texts_with_urls(path):
    text = f"![x]({URL}) <img src='{URL}'> <!DOCTYPE a [<!ENTITY x SYSTEM '{URL}'>]>"
    (path / "t.jsonl").write_text(json.dumps({"text": text, "url": URL, "$ref": URL}) + "\n")
    return path / "t.jsonl", "text"


@pytest.mark.parametrize("make", [photos_by_url, coco_by_url, pairs_by_url, yolo_by_url, texts_with_urls])
def test_nothing_that_a_source_names_is_fetched(workspace, tmp_path, nobody_answers, make):
    folder = tmp_path / "in"
    paint(folder / "0.jpg", 1)
    source, kind = make(folder)
    kind_of(source)
    assert add_pool(workspace, "p", str(source), kind).n == 1
    assert nobody_answers == []


@pytest.mark.parametrize(
    "source", ["http://127.0.0.1:9/x.csv", "s3://a/b", "hf://datasets/a/b", "\\\\a\\b", "ssh://a/b"]
)
def test_a_source_that_is_no_path_is_not_fetched(workspace, tmp_path, monkeypatch, nobody_answers, capfd, source):
    monkeypatch.chdir(tmp_path)
    assert main(["pool", "add", "p", source]) == 2
    assert is_one_clear_line(capfd.readouterr().err)
    assert nobody_answers == []


def is_one_clear_line(err):
    return len(err.strip().splitlines()) == 1 and "It broke" not in err
