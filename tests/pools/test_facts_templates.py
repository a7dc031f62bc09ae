"""Facts that are made of any table: what a template writes, which wordings are one fact, templates that will not do."""

import collections
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features.roles import Roles
from tests.conftest import real_data
from tests.pools.test_facts_pool import add, lines

WORKS = [
    {"id": "A00001", "title": "Sea", "artist": "Ann", "year": 1922},
    {"id": "A00002", "title": "Sea", "artist": "Bob", "year": None},
    {"id": "A00003", "title": "", "artist": "Bob", "year": 1922.0},
    {"id": "A00004", "title": " sea", "artist": "Ann", "year": 1990},
    {"id": "A00005", "title": "Hill", "artist": ["Ann"], "year": "c. 1990"},
]
TEMPLATES = """
# what is asked of a work
artist: Who made {title}? -> {artist}
artist: The work {title} (number {id}) is by -> {artist}
year: When came {id}: then or now? -> {year}
"""


def test_a_row_gives_a_fact_for_each_relation_in_each_wording(workspace, tmp_path):
    pool = add(workspace, lines(tmp_path / "in.jsonl", *WORKS), templates=TEMPLATES)
    found = {
        id: (
            pool.turns(row)[0].text,
            pool.value("answer", row),
            pool.value("relation", row),
            pool.value("wording", row),
        )
        for row, id in enumerate(pool.ids)
    }
    assert found == {
        "A00001/artist/0": ("Who made Sea?", "Ann", "artist", 0),
        "A00001/artist/1": ("The work Sea (number A00001) is by", "Ann", "artist", 1),
        "A00001/year/0": ("When came A00001: then or now?", "1922", "year", 0),
        "A00002/artist/0": ("Who made Sea?", "Bob", "artist", 0),
        "A00002/artist/1": ("The work Sea (number A00002) is by", "Bob", "artist", 1),
        "A00003/year/0": ("When came A00003: then or now?", "1922", "year", 0),
        "A00004/artist/0": ("Who made  sea?", "Ann", "artist", 0),
        "A00004/artist/1": ("The work  sea (number A00004) is by", "Ann", "artist", 1),
        "A00004/year/0": ("When came A00004: then or now?", "1990", "year", 0),
        "A00005/year/0": ("When came A00005: then or now?", "c. 1990", "year", 0),
    }
    assert pool.unreadable == [
        {"id": "A00002/year", "reason": "line 2 of in.jsonl: its year is missing"},
        {"id": "A00003/artist/0", "reason": "line 3 of in.jsonl: its title is empty"},
        {"id": "A00003/artist/1", "reason": "line 3 of in.jsonl: its title is empty"},
        {"id": "A00005/artist", "reason": "line 5 of in.jsonl: its artist is a list; it must be text"},
    ]
    # the wordings of A00001 are one fact, and so are those of A00004, which asks and answers the same
    facts = dict(zip(pool.ids, Roles.of(workspace, pool).array("fact").tolist(), strict=True))
    same = collections.defaultdict(set)
    for id, one in facts.items():
        same[one].add(id)
    assert sorted(map(sorted, same.values())) == [
        ["A00001/artist/0", "A00001/artist/1", "A00004/artist/0", "A00004/artist/1"],
        ["A00001/year/0"],
        ["A00002/artist/0", "A00002/artist/1"],
        ["A00003/year/0"],
        ["A00004/year/0"],
        ["A00005/year/0"],
    ]
    assert pool.about["notes"][:2] == [
        "10 rows: 6 facts, in 2 relations.",
        "1 question with more than one answer, such as 'Who made Sea?': all of them are kept.",
    ]
    assert "title" in pool.columns  # to filter by
    assert pool.how.origins(pool, pool.ids[:1], None) is None


def test_templates_in_a_file_over_other_formats(workspace, tmp_path):
    """Whole numbers that pandas wrote as fractions are whole, and ids keep every digit."""
    pq.write_table(pa.table({"key": [2**53 + 1, 7], "of": [1922.0, None], "at": [0.5, 1.25]}), tmp_path / "in.parquet")
    (tmp_path / "t.txt").write_text("\ufeffa: Of {key}? -> {of}\nb: At {key}? -> {at}, {key}\n", encoding="utf-8")
    pool = add(workspace, tmp_path / "in.parquet", templates=str(tmp_path / "t.txt"), id_column="key")
    assert pool.ids.tolist() == ["9007199254740993/a/0", "9007199254740993/b/0", "7/b/0"]
    assert pool.column("answer").tolist() == ["1922", "0.5, 9007199254740993", "1.25, 7"]
    assert pool.unreadable == [{"id": "7/a", "reason": "row 2 of in.parquet: its of is missing"}]
    (tmp_path / "t.csv").write_text("title,artist\n007,Ann\n")
    rows = add(workspace, tmp_path / "t.csv", "csv", templates="artist: Who made {title}? -> {artist}")
    assert rows.ids.tolist() == ["t-00002/artist/0"]
    assert rows.turns(0)[0].text == "Who made 007?"
    arrow = add(workspace, tmp_path / "t.csv", "arrow", templates="a: {title} -> whose: work? -> {artist}")
    assert [turn.text for turn in arrow.turns(0)] == ["007 -> whose: work?", "Ann"]


@pytest.mark.parametrize(
    ("templates", "said"),
    [
        (
            "artist: Who? -> {artist}",
            "Line 1 of the templates has the question 'Who?'; name the columns in it, each in ",
        ),
        (
            "a: Who made {title}? -> Ann",
            "Line 1 of the templates has the answer 'Ann'; name the columns in it, each in ",
        ),
        ("a: Who made {title? -> {artist}", "Line 1 of the templates has the question 'Who made {title?'; name the"),
        ("\nWho made {title}? -> {artist}", "Line 2 of the templates is 'Who made {title}? -> {artist}'; write lines"),
        ("a: {title} ->", "Line 1 of the templates is 'a: {title} ->'; write lines such as artist: Who made {title}?"),
        ("# ->", "There are no templates; write lines such as artist: Who made {title}? -> {artist}"),
        (
            "a: {title}? -> {artist}\na: {artist}? -> {title}",
            "The templates answer a with {artist} in line 1 and with {title} in line 2; all wordings of a relation "
            "have one answer, so give one of them another name.",
        ),
        ("a: {title}? -> {id}\n\na:{title}? ->{id}", "Lines 1 and 3 of the templates are the same; leave one out."),
        ("a: {titel}? -> {artist}", "in.jsonl has no column titel; it has: id, title, artist, year."),
        ("t.txt", "There is no file of templates "),
    ],
)
def test_templates_that_will_not_do_are_one_line(workspace, tmp_path, templates, said, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput) as error:
        add(workspace, lines(tmp_path / "in.jsonl", *WORKS), templates=templates)
    assert str(error.value).startswith(said)
    assert len(str(error.value).splitlines()) == 1


def test_templates_are_read_only_where_data_may_be_and_beside_no_columns(workspace, tmp_path):
    source = lines(tmp_path / "in.jsonl", *WORKS)
    with pytest.raises(BadRequest, match="lies outside the allowed folders"):
        add(workspace, source, templates="/etc/hostname")
    with pytest.raises(BadInput, match=r"templates cannot be given together with a column .* \(title\)"):
        add(workspace, source, templates=TEMPLATES, question_column="title")
    (tmp_path / "t.txt").write_bytes(b"a: {t\xe4}? -> {x}")
    with pytest.raises(BadInput, match="t.txt is not UTF-8; save the templates as UTF-8"):
        add(workspace, source, templates=str(tmp_path / "t.txt"))


@pytest.mark.skipif(real_data() is None, reason="no real data here")
def test_real_works(workspace):
    """The artists of the first 5,000 works of Tate, counted with a plain loop."""
    with gzip.open(real_data() / "facts" / "tate_artworks.jsonl.gz", "rt", encoding="utf-8") as file:
        works = [json.loads(line) for line, _ in zip(file, range(5_000), strict=False)]
    source = lines(workspace.path.parent / "tate.jsonl", *works)
    said = "artist: What is the artist of {title}? -> {artist}\nyear: When was {acno} acquired? -> {acquisition_year}"
    pool = add_pool(workspace, "tate", str(source), "facts", {"templates": said, "id_column": "acno"})
    ids = [
        f"{one['acno']}/{name}/0"
        for one in works
        for name, cell in (("artist", "artist"), ("year", "acquisition_year"))
        if one[cell] not in (None, "") and (name == "year" or one["title"])
    ]
    assert pool.ids.tolist() == ids
    artists = {one["acno"]: one["artist"] for one in works}
    assert all(
        pool.value("answer", row) == artists[id.split("/")[0]] for row, id in enumerate(ids) if id.endswith("artist/0")
    )
