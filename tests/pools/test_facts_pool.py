"""Pools of facts: columns found by name in every format, what one fact is, what is odd said once, bad rows listed."""

import collections
import csv
import gzip
import hashlib
import itertools
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.cut_pool import CutPool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest, MissingFeature, UnknownName
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import adding, load_pool
from datasel_core.pools.readers.facts.counts import LONG_ANSWER
from tests.conftest import real_data


def add(workspace, source, name="p", **options):
    return add_pool(workspace, name, str(source), "facts", options)


def lines(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def fact(question, answer, relation="r", **more):
    return {"question": question, "answer": answer, "relation": relation, **more}


def notes(pool, word):
    return [note for note in pool.about["notes"] if word in note]


ROWS = [fact("Who?", "Ada", "P1", id="007"), fact("Where?", "Üle", "P2", id="12345678901234567890")]


def written(folder, suffix):
    path = folder / f"in{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif suffix == ".csv":
        with open(path, "w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(ROWS[0]))
            table.writeheader()
            table.writerows(ROWS)
    else:
        text = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
        path.write_bytes(
            gzip.compress(text)
            if suffix.endswith(".gz")
            else pa.compress(text, "zstd", asbytes=True)
            if suffix.endswith(".zst")
            else text
        )
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".parquet", "/a.jsonl"])
def test_every_format_gives_the_same_pool(workspace, tmp_path, suffix):
    """No digit of an id is lost; a model reads the question and learns the answer."""
    (tmp_path / "in").mkdir()
    source = written(tmp_path, suffix)
    pool = add(workspace, source.parent if suffix.startswith("/") else source)
    assert pool.ids.tolist() == ["007", "12345678901234567890"]
    assert pool.column("answer").tolist() == ["Ada", "Üle"]
    assert [(turn.role, turn.text, turn.learned) for turn in pool.turns(1)] == [
        ("user", "Where?", False),
        ("assistant", "Üle", True),
    ]
    assert pool.text(0) == ["Who?\n\nAda"]
    assert pool.opens == {"text", "turns"}
    assert (pool.group_column, pool.column("relation").tolist()) == ("relation", ["P1", "P2"])
    assert pool.column("wording").tolist() == [0, 0]
    assert pool.column("wording").dtype.kind == "i"
    with pytest.raises(BadRequest, match="Samples of the facts pool p are no pictures"):
        pool.open(0)


@pytest.mark.parametrize(
    "names",
    list(
        itertools.product(
            ("question", "prompt"), ("answer", "response", "output"), ("relation", "Predicate", "property")
        )
    ),
    ids="-".join,
)
def test_columns_are_found_by_usual_names(workspace, tmp_path, names):
    pool = add(workspace, lines(tmp_path / "in.jsonl", dict(zip(names, ("q", "a", "r"), strict=True))))
    assert [pool.value(name, 0) for name in ("question", "answer", "relation")] == ["q", "a", "r"]


def test_columns_are_found_by_options_and_others_stand_beside(workspace, tmp_path):
    row = {"q": "Who?", "a": "Ada", "p": "P1", "who": "Q7", "how": 3, "key": "k1", "answer": "no", "year": 1815}
    named = {"question": "q", "answer": "a", "relation": "p", "fact": "who", "wording": "how", "id": "key"}
    pool = add(workspace, lines(tmp_path / "in.jsonl", row), **{f"{one}_column": name for one, name in named.items()})
    assert pool.ids.tolist() == ["k1"]
    own = {name: pool.value(name, 0) for name in pool.columns if name != "id"}
    assert own == {
        "question": "Who?",
        "answer": "Ada",
        "relation": "P1",
        "fact": "Q7",
        "wording": 3,
        "answer_": "no",
        "year": 1815,
    }
    assert notes(pool, "taken") == ["Columns with names that are taken stand under others: answer as answer_."]


def test_what_is_one_fact_against_a_slow_definition(workspace, tmp_path, rng):
    """Case and space of the question do not tell facts apart; answers and relations do. All that is odd is counted."""
    questions = ["Who made X?", "who  made x?", " WHO MADE X?\n", "Who made Y?", "STRASSE", "straße"]
    rows = [
        fact(
            str(rng.choice(questions)), str(rng.choice(["A", "A ", "a", "B  C", "B C"])), str(rng.choice(["P1", "P2"]))
        )
        for _ in range(200)
    ] + [fact("Only?", "one", "P3"), fact("Else?", "one", "P3")]
    pool = add(workspace, lines(tmp_path / "in.jsonl", *rows))
    key = [(r["relation"], " ".join(r["question"].casefold().split()), " ".join(r["answer"].split())) for r in rows]
    of = Roles.of(workspace, pool).array("fact")
    assert of.dtype.kind == "i"
    assert of.tolist() == [list(dict.fromkeys(key)).index(one) for one in key]
    names = pool.column("fact")
    assert [names[a] == names[b] for a in range(60) for b in range(60)] == [
        key[a] == key[b] for a in range(60) for b in range(60)
    ]
    digest = hashlib.blake2b("\0".join(key[0]).encode(), digest_size=16)
    assert names[0] == digest.hexdigest()  # for ever: selections and features of facts refer to it
    answers, relations = collections.defaultdict(set), collections.defaultdict(set)
    for relation, question, answer in key:
        answers[relation, question].add(answer)
        relations[question].add(relation)
    odd = sum(len(one) > 1 for one in answers.values())
    both = sum(len(one) > 1 for one in relations.values())
    assert odd > 3
    assert both > 2
    first = next(row["question"] for row, one in zip(rows, key, strict=True) if len(answers[one[:2]]) > 1)
    assert pool.about["notes"][0] == f"202 rows: {len(set(key))} facts, in 3 relations."
    [two] = notes(pool, "more than one answer,")
    assert two.startswith(f"{odd} questions with more than one answer, such as {' '.join(first.split())!r}")
    assert two.endswith("all of them are kept.")
    [several] = notes(pool, "more than one relation,")
    assert several.startswith(f"{both} questions with more than one relation")
    assert notes(pool, "0 bits") == ["1 relation with one answer only, which is 0 bits: P3."]


def test_facts_with_names_and_their_wordings(workspace, tmp_path):
    """Wordings of a fact are numbered as they come; a name with two answers, or in two relations, is said."""
    rows = [
        fact("Who made X?", "A", fact="x"),
        fact("X is by", "A", fact="x"),
        fact("who made  x?", "A", fact="x"),
        fact("Y is by", "B", fact="y"),
        fact("Who made Y?", "C", fact="y"),
        fact("When?", "1815", "year", fact="z"),
        fact("When?", "1815", "date", fact="z"),
    ]
    pool = add(workspace, lines(tmp_path / "in.jsonl", *rows))
    assert pool.column("fact").tolist() == list("xxxyyzz")
    assert pool.column("wording").tolist() == [0, 1, 0, 0, 1, 0, 0]
    assert Roles.of(workspace, pool).array("fact").tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert notes(pool, "under one name") == [
        "1 fact with more than one answer under one name, such as that of 'Y is by': all of them are kept.",
        "1 fact with more than one relation under one name, such as that of 'When?': each counts as one fact.",
    ]
    words = [{**row, "wording": ["ask", "tell"][at % 2]} for at, row in enumerate(rows)]
    pool = add(workspace, lines(tmp_path / "words.jsonl", *words), "words")
    assert pool.column("wording").tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert notes(pool, "numbered") == ["Wordings are numbered as they come: 0 is ask, 1 is tell."]


def test_without_identities_every_row_stands_for_itself(workspace, tmp_path):
    source = lines(tmp_path / "in.jsonl", fact("q", "a", fact="x"), fact("q", "a", fact="x"))
    pool = add(workspace, source, identities="none")
    assert pool.how.identities == pool.about["options"]["identities"] == "none"
    assert "--option identities=none" in adding("p", pool.about)
    assert pool.columns == ["id", "question", "answer", "relation", "fact_"]
    assert pool.about["notes"][0] == "2 rows: facts that are not told apart, in 1 relation."
    assert Roles.of(workspace, pool).array("fact") is None
    with pytest.raises(MissingFeature) as error:
        Roles.of(workspace, pool, needs=("fact",))
    assert str(error.value) == (
        "The pool p has no column fact; name one with --use fact=COLUMN "
        "(it has: id, question, answer, relation, fact_)."
    )
    with pytest.raises(UnknownName, match="no column of p called fakt"):
        Roles.of(workspace, pool, {"fact": "fakt"})
    named = Roles.of(workspace, pool, {"fact": "fact_"}, needs=("fact", "relation"))
    assert named.array("fact", np.array([1])).tolist() == [0]
    assert named.array("relation").tolist() == [0, 0]
    assert named.about(("fact",))["fact"]["column"] == "fact_"


def test_a_table_without_a_relation_is_one(workspace, tmp_path):
    pool = add(workspace, lines(tmp_path / "in.jsonl", {"question": "q", "answer": "a"}))
    assert pool.column("relation").tolist() == ["all"]
    assert notes(pool, "No column") == ["No column says the relation: all facts are one, called all."]


def test_answers_that_are_long_texts_are_counted_and_stay_on_disk(workspace, tmp_path):
    rows = [fact(f"q{at}", "x" * n) for at, n in enumerate((LONG_ANSWER - 1, LONG_ANSWER, LONG_ANSWER + 1, 1_000))]
    pool = add(workspace, lines(tmp_path / "in.jsonl", *rows))
    assert notes(pool, "letter by letter") == [
        "2 answers with more than 100 characters, such as that of 'q2': to ask for them letter by letter makes little "
        "sense."
    ]
    assert pool.long_columns == ("question", "answer")
    assert pool.turns(3)[1].text == "x" * 1_000


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{broken", "it is not JSON (Expecting property name enclosed in double quotes, character 2)"),
        (fact("q", ""), "its answer is empty"),
        (fact("q", None), "its answer is missing"),
        (fact(" ", "a"), "its question is empty"),
        (fact("q", ["a"]), "its answer is a list; it must be text"),
        (fact("q", "</s>"), "its answer is empty (only </s>)"),
        (fact("q", "a", None), "its relation is missing"),
        (fact("q", "a", ""), "its relation is empty"),
        (fact("q", "a", {"x": 1}), 'its relation is {"x": 1}; it must be text or a whole number'),
        (fact("q", "a\0"), "its answer holds a NUL character, which is no text"),
        (fact("q", "a", "\0"), "its relation holds a NUL character, which is no text"),
        (fact("q", "a", fact=""), "its fact is empty"),
        (fact("q", "a", wording="no"), "its wording is 'no', and those before it are whole numbers"),
        (fact("q", "a", note="\0"), "its note holds a NUL character, which is no text"),
        ({"question": "q", "reply": "a"}, "it has no answer; it has: question, reply"),
        ({"x": 1}, "it has no question; it has: x"),
    ],
)
def test_a_row_that_is_no_fact_is_listed_with_its_line(workspace, tmp_path, row, reason):
    good = fact("Who?", "Ada", wording=1)
    pool = add(workspace, lines(tmp_path / "in.jsonl", good, row, {**good, "question": "Else?"}))
    assert pool.ids.tolist() == ["in-00001", "in-00003"]
    assert pool.unreadable == [{"id": "in-00002", "reason": f"line 2 of in.jsonl: {reason}"}]
    assert pool.about["notes"][0] == "2 rows: 2 facts, in 1 relation."


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        (
            [fact("q", "a")],
            {"answer_column": "reply"},
            "in.jsonl has no column reply; it has: question, answer, relation.",
        ),
        ([fact("q", "a")], {"id_column": "key"}, "in.jsonl has no column key; it has: question, answer, relation."),
        (
            [{"title": "x", "artist": "y"}],
            {},
            "in.jsonl has no question with its answer; it has: title, artist. Name the columns with --option "
            "question_column=NAME and --option answer_column=NAME, or make facts of others with --option "
            "templates=FILE.",
        ),
        ([fact("q", "")], {}, "None of the 1 rows in in.jsonl can be used (line 1 of in.jsonl: its answer is empty)."),
        ([], {}, "in.jsonl has no rows."),
        (
            [fact("q", "a", id=1), fact("p", "a", id=1)],
            {},
            "The id '1' stands in line 1 of in.jsonl and in line 2 of in.jsonl; ids must be unique.",
        ),
    ],
)
def test_a_table_that_holds_no_facts_is_one_line(workspace, tmp_path, rows, options, said):
    with pytest.raises(BadInput) as error:
        add(workspace, lines(tmp_path / "in.jsonl", *rows), **options)
    assert str(error.value) == said
    assert not (workspace.path / "pools" / "p" / "pool.json").exists()


def test_texts_are_no_facts(workspace, tmp_path):
    (tmp_path / "a.txt").write_text("Once upon a time")
    with pytest.raises(BadInput, match="a.txt holds texts and no table; facts stand in .jsonl"):
        add(workspace, tmp_path / "a.txt")


def test_a_part_of_a_pool_has_the_same_facts(workspace, tmp_path):
    pool = add(workspace, lines(tmp_path / "in.jsonl", *(fact(f"q{at % 5}", "a") for at in range(10))))
    CutPool(name="part", parent="p", where="question <> 'q0'").prepare(workspace).run(Progress())
    part = load_pool(workspace, "part")
    assert part.column("fact").tolist() == [one for at, one in enumerate(pool.column("fact")) if at % 5]
    assert part.turns(0)[0].text == "q1"


@pytest.mark.skipif(real_data() is None, reason="no real data here")
def test_real_facts(workspace):
    """Counted with a plain loop over the file."""
    source = real_data() / "facts" / "entityquestions.jsonl.gz"
    pool = add(workspace, source)
    with gzip.open(source, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert pool.n == len(rows) == 95_527
    assert pool.unreadable == []
    kept = {(r["relation"], " ".join(r["question"].casefold().split()), " ".join(r["answer"].split())) for r in rows}
    assert (
        pool.about["notes"][0]
        == f"95,527 rows: {len(kept):,} facts, in {len({r['relation'] for r in rows})} relations."
    )
    assert pool.column("answer").tolist() == [row["answer"] for row in rows]
    assert pool.turns(95_526)[0].text == rows[-1]["question"]
