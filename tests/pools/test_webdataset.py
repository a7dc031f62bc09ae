"""Tar shards of a WebDataset: what is read, what is refused, and why. Shards are written with Python's own tarfile, or
byte by byte.
"""

import hashlib
import io
import json
import os
import struct
import tarfile
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features import computation
from datasel_core.features.models.photos import read_ahead
from datasel_core.pools.persistence import pool_names
from datasel_core.pools.readers.shards.scan import expanded
from datasel_core.pools.readers.shards.tar import File, Refused, files
from datasel_core.pools.readers.shards.webdataset import key_and_suffix


def picture(seed, size=(24, 16), kind="JPEG"):
    pixels = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(buffer, kind)
    return buffer.getvalue()


def shard(path, members, **how):
    """members: (name, bytes), or a TarInfo of something else than a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, how.pop("mode", "w"), **how) as tar:
        for name, data in members:
            if isinstance(name, tarfile.TarInfo):
                tar.addfile(name, io.BytesIO(data))
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def sample(key, seed, caption=None, suffix="jpg"):
    kind = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}[suffix]
    return [(f"{key}.{suffix}", picture(seed, kind=kind)), (f"{key}.txt", (caption or f"caption {seed}").encode())]


def add(workspace, source, name="p", **options):
    return add_pool(workspace, name, str(source), "pairs", options)


def reasons(pool):
    return {entry["id"]: entry["reason"] for entry in pool.unreadable}


def test_samples_of_one_shard(workspace, tmp_path):
    first = {
        "caption": "of json",
        "uid": "u0",
        "stars": 3,
        "share": 0.5,
        "ok": True,
        "tags": ["a"],
        "width": 7,
        "none": None,
        "nan": float("nan"),
    }
    second = {"text": ["one", "two"], "stars": 4}
    path = shard(
        tmp_path / "a.tar",
        [
            ("0000.jpg", picture(0)),
            ("0000.json", json.dumps(first).encode()),
            ("0001.PNG", picture(1, kind="PNG")),
            ("0001.caption", "  ein Bär \n".encode()),
            ("0001.json", b"[]"),
            ("x/0002.cls", b"5"),
            ("x/0002.webp", picture(2, kind="WEBP")),
            ("x/0002.json", json.dumps(second).encode()),
            ("README", b"no sample"),
            ("./0003.jpeg", picture(3)),
            ("./0003.txt", b"\xef\xbb\xbfthree"),
        ],
    )
    pool = add(workspace, path)
    assert pool.unreadable == []
    assert pool.ids.tolist() == ["0000", "0001", "x/0002#1", "x/0002#2", "0003"]
    assert pool.column("caption").tolist() == ["of json", "ein Bär", "one", "two", "three"]
    assert pool.column("uid").tolist() == ["u0", None, None, None, None]
    assert pool.column("stars")[:4].tolist()[0::2] == [3, 4]
    assert pool.column("width").tolist() == [24] * 5  # what was measured, not what the file says
    assert {"tags", "none", "nan"} & set(pool.columns) <= {"none", "nan"}
    assert pool.opens == {"image", "text"}
    assert pool.text(1) == ["ein Bär"]
    raw = path.read_bytes()
    for row, seed in enumerate([0, 1, 2, 2, 3]):
        offset, size = pool.column("offset")[row], pool.column("bytes")[row]
        expected = picture(seed, kind=["JPEG", "PNG", "WEBP", "WEBP", "JPEG"][row])
        assert raw[offset : offset + size] == expected
        np.testing.assert_array_equal(
            np.asarray(pool.open(row)), np.asarray(Image.open(io.BytesIO(expected)).convert("RGB"))
        )
    assert "1 files that belong to no sample" in pool.about["notes"][0]
    assert "tags, width" in pool.about["notes"][1]


def test_the_key_is_the_name_up_to_its_first_dot():
    assert key_and_suffix("a.b/c.d.e") == ("a.b/c", "d.e")
    assert key_and_suffix("000.JPG") == ("000", "jpg")
    assert key_and_suffix("a/.hidden.jpg") is None
    assert key_and_suffix("a/name") is None


def test_the_content_does_not_depend_on_how_samples_are_packed(workspace, tmp_path):
    """A table of the same files gives the same hashes; packing anew, in other shards, changes no fingerprint."""
    one = add(workspace, shard(tmp_path / "a.tar", sample("k0", 0) + sample("k1", 1)), "one")
    shard(tmp_path / "f" / "0.tar", sample("k0", 0), format=tarfile.GNU_FORMAT)
    shard(tmp_path / "f" / "1.tar", sample("k1", 1), format=tarfile.PAX_FORMAT)
    assert add(workspace, tmp_path / "f", "two").fingerprint == one.fingerprint
    (tmp_path / "k0.jpg").write_bytes(picture(0))
    (tmp_path / "t.csv").write_text("id,path,caption\nk0,k0.jpg,caption 0\n")
    assert add(workspace, tmp_path / "t.csv", "three").table["content"][0] == one.table["content"][0]


def test_a_folder_a_pattern_and_keys_that_repeat(workspace, tmp_path):
    for at in range(3):
        shard(tmp_path / "s" / f"{at:02d}.tar", sample(f"{at}-a", at) + sample(f"{at}-b", 10 + at))
    folder = add(workspace, tmp_path / "s", "folder")
    assert folder.ids.tolist() == ["0-a", "0-b", "1-a", "1-b", "2-a", "2-b"]
    assert folder.column("shard").tolist() == ["00.tar", "00.tar", "01.tar", "01.tar", "02.tar", "02.tar"]
    part = add(workspace, tmp_path / "s" / "{00..01}.tar", "part")
    assert part.ids.tolist() == folder.ids[:4].tolist()
    assert part.open(3).size == (24, 16)
    shard(tmp_path / "t" / "02.tar", sample("2-a", 5))
    both = add(workspace, tmp_path / "{s,t}" / "02.tar", "both", ids="shard_and_key")
    assert both.ids.tolist() == ["s/02/2-a", "s/02/2-b", "t/02/2-a"]
    assert both.open(2).size == (24, 16)

    shard(tmp_path / "s" / "03.tar", sample("0-a", 77))
    with pytest.raises(
        BadInput,
        match=(
            r"The key '0-a' stands in 00.tar and in 03.tar; ids must be unique. Add the pool with --option "
            r"ids=shard_and_key."
        ),
    ):
        add(workspace, tmp_path / "s", "again")
    named = add(workspace, tmp_path / "s", "again", ids="shard_and_key")
    assert named.ids.tolist()[::6] == ["00/0-a", "03/0-a"]
    assert named.open(0).size == (24, 16)


def test_samples_that_would_share_a_name(workspace, tmp_path):
    shard(tmp_path / "0.tar", sample("a", 0))
    with pytest.raises(
        BadInput, match="Two samples would be called 'a', in 0.tar and 0.tar; name each shard once, or rename one."
    ):
        add(workspace, tmp_path / "{0,0}.tar")
    two = json.dumps({"caption": ["one", "two"]}).encode()
    shard(tmp_path / "1.tar", [("x.jpg", picture(0)), ("x.json", two), *sample("x#2", 1)])
    with pytest.raises(BadInput, match="Two samples would be called 'x#2', in 1.tar and 1.tar"):
        add(workspace, tmp_path / "1.tar")
    assert add(workspace, tmp_path / "1.tar", captions="mean").ids.tolist() == ["x", "x#2"]


def test_brace_patterns():
    assert list(expanded("a-{08..11}.tar")) == ["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]
    assert list(expanded("{x,y}/{1..2}")) == ["x/1", "x/2", "y/1", "y/2"]
    assert list(expanded("{9..11}")) == ["9", "10", "11"]
    for pattern, message in [
        ("{1..}", "is no range"),
        ("{3..1}", "is no range"),
        ("{0..9999999}", "the limit is"),
        ("{000..999}{000..999}{0..9}", "the limit is"),
    ]:
        with pytest.raises(BadInput, match=message):
            list(expanded(pattern))


def test_bad_shards_are_one_line_and_write_nothing(workspace, tmp_path):
    (tmp_path / "text.tar").write_text("this is no tar archive" * 100)
    (tmp_path / "empty.tar").write_bytes(b"")
    (tmp_path / "zeros.tar").write_bytes(bytes(10240))
    shard(tmp_path / "packed.tar.gz", sample("a", 0), mode="w:gz")
    (tmp_path / "renamed.tar").write_bytes((tmp_path / "packed.tar.gz").read_bytes())
    shard(tmp_path / "nocaption.tar", [("a.jpg", picture(0))])
    (tmp_path / "folder").mkdir()
    for source, message in [
        ("text.tar", "None of the samples in .*it is no tar archive"),
        ("empty.tar", "it is empty"),
        ("zeros.tar", "None of the samples in .*zeros.tar can be used"),
        ("packed.tar.gz", "it is compressed .gzip.*unpack it first: gunzip"),
        ("renamed.tar", "it is compressed .gzip"),
        ("nocaption.tar", "a: it has no caption"),
        ("gone.tar", "There is no file or folder"),
        ("gone-{0..3}.tar", "4 of the 4 shards that gone-{0..3}.tar names are not there, first .*gone-0.tar"),
        ("gone-{a}.tar", "is no range"),
        ("folder", "holds neither .tar shards"),
    ]:
        with pytest.raises(BadInput, match=message) as error:
            add(workspace, tmp_path / source)
        assert "\n" not in str(error.value)
    with pytest.raises(BadInput, match="path_column means nothing for text.tar, which is read as tar shards"):
        add(workspace, tmp_path / "text.tar", path_column="x")
    with pytest.raises(BadRequest, match="outside the allowed"):
        add(workspace, "/etc/{0..1}.tar")
    assert pool_names(workspace) == []


def test_unusable_samples_are_listed_and_the_good_ones_load(workspace, tmp_path):
    link, hard, pipe, folder = (tarfile.TarInfo(name) for name in ("l.jpg", "h.jpg", "f.jpg", "dir.jpg"))
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "good.jpg"
    pipe.type, folder.type = tarfile.FIFOTYPE, tarfile.DIRTYPE
    cut = picture(1)[:200]
    members = [
        *sample("good", 0),
        *sample("../up", 1),
        *sample("a/../../up", 1),
        *sample("/abs", 1),
        *sample("C:\\abs", 1),
        *sample("a\\..\\b", 1),
        (link, b""),
        (hard, b""),
        (pipe, b""),
        (folder, b""),
        ("cut.jpg", cut),
        ("cut.txt", b"x"),
        ("no.jpg", b"no picture"),
        ("no.txt", b"x"),
        ("only.txt", b"x"),
        ("blank.jpg", picture(2)),
        ("blank.txt", b" \n"),
        ("latin.jpg", picture(2)),
        ("latin.txt", b"B\xe4r"),
        ("json.jpg", picture(2)),
        ("json.json", b"{no"),
        ("number.jpg", picture(2)),
        ("number.json", b'{"caption": 5}'),
        ("deep.jpg", picture(2)),
        ("deep.json", b"[" * 100_000),
        ("half.jpg", picture(2)),
        ("half.json", b'{"caption": "\\ud800"}'),
        ("long.jpg", picture(2)),
        ("long.txt", b"x" * 1_000_001),
        ("longer.jpg", picture(2)),
        ("longer.txt", b"x" * 4_000_001),
        ("twice.jpg", picture(2)),
        ("twice.jpg", picture(3)),
        ("twice.txt", b"x"),
        *sample("good", 5),
        *sample("n" * 1100, 1),
        *sample("end", 6),
    ]
    pool = add(workspace, shard(tmp_path / "s.tar", members))
    assert pool.ids.tolist() == ["good", "twice", "end"]
    said = reasons(pool)
    for name, reason in {
        "../up.jpg": "its name leads out of the archive with ..",
        "a/../../up.txt": "leads out",
        "/abs.jpg": "its name is an absolute path, which no sample may have",
        "C:\\abs.jpg": "absolute",
        "a\\..\\b.jpg": "leads out",
        "l.jpg": "it is a link, which is not followed",
        "h.jpg": "a link",
        "f.jpg": "it is no plain file",
        "twice.jpg": "a second file of this name; the first is used",
        "good": "its key stands in the shard a second time",
        "only": "it has no picture (.jpg, .jpeg, .png, .webp); it has: .txt",
        "latin": "latin.txt is not UTF-8 text",
        "json": "json.json is not JSON",
        "deep": "deep.json is not JSON",
        "longer": "longer.txt has 4,000,001 bytes; the limit for text is 4,000,000",
    }.items():
        assert reason in said[f"s.tar/{name}"], name
    assert (
        next(reason for id, reason in said.items() if "nnnn" in id)
        == "its name has 1,104 characters; the limit is 1,024"
    )
    for name, reason in {
        "cut": "the file is cut off",
        "no": "not an image, or a format that is not known",
        "blank": "its caption is empty",
        "number": "its caption is 5; it must be text",
        "half": "its caption is not valid Unicode",
        "long": "its caption has 1,000,001 characters; the limit is 1,000,000",
    }.items():
        assert said[name] == reason, name
    assert not list(tmp_path.parent.glob("up*"))  # nothing was ever unpacked
    assert pool.open(1).size == (24, 16)


def test_a_shard_that_is_a_link_out_or_a_folder(workspace, tmp_path):
    shard(tmp_path / "s" / "0.tar", sample("a", 0))
    outside = shard(tmp_path.parent / f"{tmp_path.name}-out" / "1.tar", sample("b", 1))
    (tmp_path / "s" / "1.tar").symlink_to(outside)
    (tmp_path / "s" / "2.tar").symlink_to(tmp_path / "nowhere")
    (tmp_path / "s" / "3.tar").mkdir()
    os.mkfifo(tmp_path / "s" / "4.tar")  # reading it would never end
    pool = add(workspace, tmp_path / "s")
    assert pool.ids.tolist() == ["a"]
    assert "outside the allowed folders" in reasons(pool)["1.tar"]
    assert reasons(pool)["2.tar"] == "the file is not there"
    assert reasons(pool)["3.tar"] == "it is a folder"
    assert reasons(pool)["4.tar"] == "it is not a regular file"


def test_a_tar_cut_at_any_byte_keeps_what_stands_before_the_cut(workspace, tmp_path):
    """Oracle: a sample is whole when the bytes of its two files are; the shard is listed unless its end mark is
    there.
    """
    path = shard(
        tmp_path / "whole.tar", [pair for at in range(4) for pair in sample(f"k{at}", at)], format=tarfile.PAX_FORMAT
    )
    whole = path.read_bytes()
    with tarfile.open(path) as tar:
        members = tar.getmembers()
    ends = {f"k{at}": members[2 * at + 1].offset_data + members[2 * at + 1].size for at in range(4)}
    last = -(-ends["k3"] // 512) * 512
    cuts = sorted(
        {
            0,
            1,
            511,
            512,
            513,
            last - 1,
            last,
            last + 1,
            last + 511,
            last + 512,
            len(whole) - 1,
            len(whole),
            *range(7, last + 600, 101),
            *ends.values(),
        }
    )
    for cut in cuts:
        (tmp_path / "cut.tar").write_bytes(whole[:cut])
        expected = [key for key, end in ends.items() if end <= cut]
        if not expected:
            with pytest.raises(BadInput, match="None of the samples"):
                add(workspace, tmp_path / "cut.tar", "cut")
            continue
        pool = add(workspace, tmp_path / "cut.tar", "cut")
        assert pool.ids.tolist() == expected, cut
        listed = reasons(pool).get("cut.tar")
        assert listed == (None if cut >= last + 512 else f"it is cut off at byte {cut:,}"), cut
        assert pool.open(pool.n - 1).size == (24, 16)


def test_a_member_that_claims_more_than_there_is(workspace, tmp_path):
    path = shard(tmp_path / "s.tar", [*sample("a", 0), ("b.jpg", picture(1)), ("b.txt", b"x")])
    raw = bytearray(path.read_bytes())
    with tarfile.open(path) as tar:
        at = tar.getmember("b.jpg").offset
    _claim(raw, at, 8_000_000_000)
    path.write_bytes(raw)
    pool = add(workspace, path)
    assert pool.ids.tolist() == ["a"]
    assert "it claims 8,000,000,000 bytes, of which the file holds" in reasons(pool)["s.tar/b.jpg"]
    assert "cut off" in reasons(pool)["s.tar"]


def _claim(raw, at, size):
    """Writes a size, of any sign, into the header at this byte, and makes its checksum right."""
    raw[at + 124 : at + 136] = (
        b"\x80" + struct.pack(">3xQ", size) if size >= 0 else b"\xff" + b"\xff" * 3 + struct.pack(">q", size)
    )
    raw[at + 148 : at + 156] = b"        "
    raw[at + 148 : at + 156] = b"%06o\0 " % sum(raw[at : at + 512])


def _header(name, size, kind):
    info = tarfile.TarInfo(name)
    raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    raw[156:157] = kind
    _claim(raw, 0, size)
    return bytes(raw)


@pytest.mark.parametrize(
    "broken",
    [
        _header("long", 1 << 40, b"L"),  # a name of a terabyte
        _header("long", (1 << 20) + 1, b"L") + bytes(2 << 20),  # a name of a megabyte, which is really there
        _header("pax", 1 << 40, b"x"),
        _header("global", 1 << 40, b"g"),
        _header("back", -512, b"0"),
        _header("back", -(1 << 40), b"0"),
        _header("back", -1024, b"L"),
        _header("back", -1024, b"x"),
        _header("n", 2, b"L") * 3000,  # names of names of names
        b"\xff" * 512,
        b"garbage" * 200,
        _header("p", 14, b"x") + b"14 size=-5000\n".ljust(512, b"\0") + _header("q.jpg", 0, b"0"),
    ],
)
def test_broken_and_hostile_headers_end_the_shard_quickly(tmp_path, broken):
    path = tmp_path / "s.tar"
    good = shard(path, [("a.jpg", b"123")]).read_bytes()[:1024]
    path.write_bytes(good + broken + bytes(1024))
    tracemalloc.start()
    with open(path, "rb") as file:
        found = list(files(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == File("a.jpg", 512, 3)
    assert isinstance(found[-1], Refused)
    assert found[-1].name == ""
    assert found[-1].reason
    assert peak < 20 << 20


def test_random_damage_never_escapes(tmp_path, rng):
    whole = shard(tmp_path / "s.tar", [*sample("a", 0), *sample("ü" * 80, 1)], format=tarfile.PAX_FORMAT).read_bytes()
    for _ in range(400):
        raw = bytearray(whole)
        for at in rng.integers(0, len(raw), 6):
            raw[at] = rng.integers(256)
        start = int(rng.integers(0, len(raw) // 512)) * 512
        raw[start : start + 512] = (
            rng.integers(0, 256, 512).astype(np.uint8).tobytes() if rng.random() < 0.3 else raw[start : start + 512]
        )
        for entry in files(io.BytesIO(bytes(raw))):
            assert isinstance(entry, Refused) or entry.offset + entry.size <= len(raw)


def test_ids_in_any_script(workspace, tmp_path):
    names = ["日本語 写真", "line\nbreak", 'quo"te', "-dash", "#1"]
    pool = add(
        workspace, shard(tmp_path / "s.tar", [pair for at, name in enumerate(names) for pair in sample(name, at)])
    )
    assert pool.ids.tolist() == names
    bad = tarfile.TarInfo("b\udcff.jpg")
    pool = add(workspace, shard(tmp_path / "t.tar", [*sample("a", 0), (bad, b"")], format=tarfile.GNU_FORMAT), "q")
    assert pool.unreadable == [{"id": "t.tar/b\\udcff.jpg", "reason": "its name is not valid UTF-8"}]


def test_columns_whose_types_differ_between_samples_and_shards(workspace, tmp_path):
    def one(key, seed, **fields):
        return [(f"{key}.jpg", picture(seed)), (f"{key}.json", json.dumps({"caption": "c", **fields}).encode())]

    shard(tmp_path / "s" / "0.tar", one("a", 0, n=1, m="x", big=2**70) + one("b", 1, n=2.5, m=3))
    shard(tmp_path / "s" / "1.tar", one("c", 2, n=7, m=True, new="late"))
    pool = add(workspace, tmp_path / "s")
    assert pool.column("n").tolist() == [1.0, 2.5, 7.0]
    assert pool.column("m").tolist() == ["x", "3", "true"]
    assert pool.column("big").tolist() == [str(2**70), None, None]
    assert pool.column("new").tolist() == [None, None, "late"]


def test_the_mean_of_captions(workspace, tmp_path):
    said = json.dumps({"caption": ["one", " ", "two"]}).encode()
    pool = add(
        workspace,
        shard(tmp_path / "s.tar", [("a.jpg", picture(0)), ("a.json", said), *sample("b", 1)]),
        captions="mean",
    )
    assert pool.ids.tolist() == ["a", "b"]
    assert [pool.text(row) for row in range(2)] == [["one", "two"], ["caption 1"]]
    assert pool.unreadable == [{"id": "a#2", "reason": "its caption is empty"}]


def test_a_shard_that_became_shorter_is_a_reason_not_a_crash(workspace, tmp_path):
    path = shard(tmp_path / "s.tar", sample("a", 0) + sample("b", 1))
    pool = add(workspace, path)
    os.truncate(path, pool.column("offset")[1] + 100)
    source = computation._source(workspace, pool, computation.declared_feature("dictionary_embedding"), Progress())
    (batch,) = read_ahead(source, range(2), 8, 8, 4, 1)
    assert batch.rows.tolist() == [0]
    assert batch.unreadable == [(1, "s.tar is shorter than it was; add the pool again")]
    path.unlink()
    with pytest.raises(BadRequest, match="the file is not there"):
        pool.open(0)
    path.symlink_to("/etc/passwd")
    with pytest.raises(BadRequest, match="outside the allowed folders"):
        pool.open(0)


def test_features_that_look_at_photos_work_on_shards(workspace, tmp_path):
    pool = add(workspace, shard(tmp_path / "s.tar", [pair for at in range(8) for pair in sample(f"{at}", at)]))
    kept = computation.compute_feature(workspace, pool, computation.declared_feature("dictionary_embedding"))
    assert kept.values().shape[0] == 8
    for at in range(8):
        (tmp_path / f"{at}.jpg").write_bytes(picture(at))
    (tmp_path / "t.csv").write_text("path,caption\n" + "".join(f"{at}.jpg,c{at}\n" for at in range(8)))
    table = add(workspace, tmp_path / "t.csv", "t")
    other = computation.compute_feature(workspace, table, computation.declared_feature("dictionary_embedding"))
    np.testing.assert_array_equal(kept.values(), other.values())


def test_memory_stays_bounded_while_a_shard_is_read(workspace, tmp_path):
    """40 MB of pictures of 0.2 MB each pass through; what stays is a row of text each."""
    noise = np.random.default_rng(0).integers(0, 255, (280, 240, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG", compress_level=0)
    big = buffer.getvalue()
    path = shard(
        tmp_path / "s.tar", [pair for at in range(200) for pair in ((f"{at}.png", big), (f"{at}.txt", b"noise"))]
    )
    assert path.stat().st_size > 40e6
    tracemalloc.start()
    pool = add(workspace, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pool.n == 200
    assert peak < 12e6


def test_stopping_in_the_midst_writes_nothing(workspace, tmp_path):
    from datasel_core.errors import Stopped

    shard(tmp_path / "s.tar", [pair for at in range(100) for pair in sample(f"{at}", at)])
    asked = iter(range(1000))
    with pytest.raises(Stopped):
        add_pool(
            workspace,
            "p",
            str(tmp_path / "s.tar"),
            "pairs",
            {},
            Progress(should_stop=lambda: next(asked) > 20, every=0),
        )
    assert pool_names(workspace) == []


def test_answers_come_in_order_and_few_wait():
    taken = []
    answers = in_order(lambda x: x * x, (taken.append(at) or at for at in range(1000)), threads=3, ahead=10)
    assert [next(answers) for _ in range(5)] == [(at, at * at) for at in range(5)]
    assert len(taken) <= 15
    assert [item for item, _ in answers] == list(range(5, 1000))


def test_the_hash_of_a_pair_is_that_of_its_picture_and_caption(workspace, tmp_path):
    pool = add(workspace, shard(tmp_path / "s.tar", sample("a", 0, "ein Bär")))
    of_picture = hashlib.blake2b(picture(0), digest_size=16).hexdigest()
    expected = hashlib.blake2b(f'["{of_picture}","ein Bär"]'.encode(), digest_size=16).hexdigest()
    assert pool.table["content"].to_pylist() == [expected]


def test_a_shard_that_was_written_anew_gives_no_other_samples_pictures(workspace, tmp_path):
    one, other = ([*sample("a", first), *sample("b", second)] for first, second in ((1, 2), (2, 1)))
    pool = add_pool(workspace, "p", str(shard(tmp_path / "s.tar", one)), "pairs")
    pool.open(0)
    shard(
        tmp_path / "s.tar", [(one_name, other_data) for (one_name, _), (_, other_data) in zip(one, other, strict=True)]
    )
    with pytest.raises(BadRequest, match=r"s\.tar changed since it was read; add the pool again|not an image|cut off"):
        pool.open(0)
