"""Small inputs that once went wrong, each with what is right."""

import shutil

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput
from datasel_core.pools.guess import kind_of
from tests.conftest import real_data

CASES = real_data() and real_data().parent / "cases"
pytestmark = pytest.mark.skipif(
    not CASES or not CASES.is_dir(), reason="needs the folder of cases beside the real data (DATASEL_REAL_DATA)"
)


@pytest.fixture
def case(tmp_path):
    """A copy of a case, where sources may lie."""
    return lambda name: shutil.copytree(CASES / name, tmp_path / name)


@pytest.mark.parametrize(
    ("folder", "ids"),
    [
        ("fold_mix", [*(f"e{at}" for at in range(5)), *(f"d{at}" for at in range(5))]),
        ("gzjson", [*(f"d{at}" for at in range(5)), "b-00001"]),
        ("hub_arrow", [f"data-00000-of-00001-0000{at}" for at in range(1, 5)]),
        ("hub_json", [f"data-0000{at}" for at in range(1, 4)]),
        ("hub_zst", [f"d{at}" for at in range(5)]),
        ("jsonlines_json", ["extra-00001", "extra-00002", "train-00001", "train-00002", "train-00003"]),
    ],
)
def test_no_row_of_a_folder_is_dropped(workspace, case, folder, ids):
    source = case("01-folder-drops-data") / folder
    assert kind_of(source) == "text"
    pool = add_pool(workspace, "p", str(source), "text")
    assert pool.ids.tolist() == ids
    assert pool.unreadable == []
    beside = [path.name for path in source.iterdir() if path.name in ("README.md", "dataset_info.json", "state.json")]
    said = [note for note in pool.about["notes"] if "a description, not data" in note]
    assert said == [f"1 {name} was passed over: a description, not data." for name in sorted(beside)]


@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_long_ids_are_what_they_are(workspace, case, kind):
    folder = case("04-big-ids")
    long = ["123456789012345678901", "123456789012345678902", "123456789012345678903"]
    for name in ("bigid.csv", "bigid.jsonl"):
        assert add_pool(workspace, name.replace(".", "-"), str(folder / name), kind).ids.tolist() == long
    if kind == "images":
        assert add_pool(workspace, "a", str(folder / "bigid2.jsonl"), kind).ids.tolist() == [
            "100000000000000000007",
            "200000000000000000007",
            "300000000000000000007",
        ]
        assert add_pool(workspace, "b", str(folder / "u64.jsonl"), kind).ids.tolist() == [
            "17446744073709551615",
            "17446744073709451615",
            "17446744073709351615",
        ]


TEXTS = {
    "sku": ["00123", "00077", "10000"],
    "day": ["2021-03-04", "2021-03-05", "2021-03-06"],
    "region": ["NA", "", "null"],
    "n": ["1,234", "5", "6"],
    "hour": ["12:30", "08:00", "09:00"],
    "hex": ["0x1F", "0x2F", "0x3F"],
    "und": ["1_000", "2_000", "3_000"],
    "uid": ["123456789012345678901", "123456789012345678902", "123456789012345678903"],
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("meta.csv", "images"),
        ("meta.csv", "pairs"),
        ("meta.jsonl", "images"),
        ("meta.jsonl", "pairs"),
        ("metatext.csv", "text"),
    ],
)
def test_values_of_tables_are_what_they_are(workspace, case, name, kind):
    pool = add_pool(workspace, "p", str(case("05-table-values-changed") / name), kind)
    for column, values in TEXTS.items():
        assert [str(value) for value in pool.column(column).tolist()] == values, column
    tweets = [9007199254740993, 9007199254740995, None]
    if name.endswith("csv"):
        assert pool.column("tweet").tolist() == ["" if one is None else str(one) for one in tweets]
        assert pool.column("code").tolist() == [1e5, 2e5, 7]
        assert pool.column("flag").tolist() == [True, False, True]
    else:
        assert pool.column("tweet").tolist() == tweets
        assert pool.column("code").tolist() == ["1e5", "2e5", "7"]
        assert pool.column("flag").tolist() == ["true", "false", "true"]


def test_numbers_are_not_refused(workspace, case):
    folder = case("08-numbers-refused")
    for name in ("numeric.csv", "numeric.jsonl", "numeric.parquet"):
        pool = add_pool(workspace, name.replace(".", "-"), str(folder / name), "text")
        assert [pool.text(row) for row in range(5)] == [[f"What is {at}+{at}?\n\n{2 * at}"] for at in range(5)]
        assert pool.unreadable == []
    assert add_pool(workspace, "a", str(folder / "ids_float.jsonl"), "text").ids.tolist() == ["0", "1", "2", "3"]
    assert add_pool(workspace, "b", str(folder / "ids_float.parquet"), "text").ids.tolist() == [
        "1",
        "2",
        "ids_float-00003",
        "4",
    ]
    assert add_pool(workspace, "c", str(folder / "ids_uuid.parquet"), "text").ids.tolist() == [
        "6af613b6-569c-5c22-9c37-2ed93f31d3af",
        "b04965e6-a9bb-591f-8f8a-1adcb2c8dc39",
    ]


@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_paths_from_other_machines(workspace, case, kind):
    folder = case("15-paths-from-other-machines")
    for name in ("win.csv", "trail.csv"):
        assert add_pool(workspace, name.replace(".", "-"), str(folder / name), kind).n == 3
    (folder / "data").mkdir()
    (folder / "sub").rename(folder / "data" / "sub")
    for name, n in (("winabs.csv", 3), ("fileurl.csv", 1)):
        with pytest.raises(BadInput, match="give --option root=FOLDER"):
            add_pool(workspace, "p", str(folder / name), kind)
        pool = add_pool(workspace, name.replace(".", "-"), str(folder / name), kind, {"root": str(folder)})
        assert pool.n == n
    with pytest.raises(BadInput, match="it is a URL, and nothing is fetched"):
        add_pool(workspace, "p", str(folder / "url.csv"), kind)
