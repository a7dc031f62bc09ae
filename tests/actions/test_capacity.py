"""How many facts fit, of pools that have columns of answers and relations: as the command says it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.analysis.facts.bound import uniform_accuracy
from datasel_core.runs.engine import select
from datasel_core.runs.spec import parse_spec
from tests.runs.joints import keep, table_of

N = 640


@pytest.fixture
def said(workspace, capsys):
    """What the command prints, and its exit code."""

    def ask(*words):
        code = main(["capacity", *map(str, words)])
        done = capsys.readouterr()
        return code, done.out, done.err

    return ask


@pytest.fixture
def numbers(workspace, tmp_path):
    """640 facts of 32 answers in one relation, each stated twice; vectors with columns."""
    fact = np.arange(2 * N) % N
    columns = {"fact": fact, "answer": [f"n{one % 32}" for one in fact], "relation": ["number"] * (2 * N)}
    ids = [f"s{at}" for at in range(2 * N)]
    source = table_of(tmp_path, "book", ids, np.ones((2 * N, 2), np.float32), **columns)
    return add_pool(workspace, "book", source, "vectors")


def test_the_document_holds_what_the_arithmetic_says(numbers, said):
    code, out, _ = said("book", "--parameters", 400, "--exposures", 1000, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["facts"], found["samples"], found["left_out"], found["conflicting"]) == (N, 2 * N, 0, 0)
    assert found["bits"]["plug_in"] == pytest.approx(5 * N)
    assert (found["rho"], found["capacity_bits"], found["fitting"]) == (2, 800, 160)
    assert found["accuracy"] == pytest.approx(uniform_accuracy(N, 32, 800), abs=1e-9)
    assert found["frequency"]["mean"] == 2
    assert found["relations"] == [
        found["relations"][0] | {"relation": "number", "facts": N, "answers": 32, "commonest": 1 / 32}
    ]
    assert [one["rho"] for one in found["range"]] == [1, 3.6]
    assert found["verdict"] == "too many"
    assert {one["rho"] for one in found["sources"]} == {1, 2, 3.6}
    half = next(one for one in found["curve"] if one["facts"] == N // 2)
    assert half["accuracy"] == pytest.approx(uniform_accuracy(N // 2, 32, 800), abs=1e-9)


def test_a_measured_number_of_bits_stands_for_exposures(numbers, said):
    found = json.loads(said("book", "--parameters", 400, "--rho", 2.5, "--json")[1])
    assert (found["rho"], found["capacity_bits"], found["exposures"]) == (2.5, 1000, None)
    assert json.loads(said("book", "--parameters", 400, "--json")[1])["rho"] == 1  # 100 exposures


def test_a_person_reads_it(numbers, said):
    code, out, err = said("book", "--parameters", 400, "--exposures", 1000)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "640 facts in 1,280 samples; 0% are stated once, the most frequent 2 times."
    assert "number: 640 facts, 32 answers, the commonest 3.1%; bits a fact 5.00," in out
    assert "Capacity: 800 bits at 2.00 bits a parameter; 400 to 1,440 at 1 to 3.6." in out
    assert "of 160, " in lines[-2]
    assert lines[-2].endswith("of 640.")
    assert "about 160 fit, with so many bits at most" in lines[-1]
    assert err == ""


def test_texts_with_columns_some_of_them_empty(workspace, tmp_path, said):
    """No column fact: each sample is one. Answers that lack are left out, and said."""
    rows = {
        "text": [f"Who wrote book {at}?" for at in range(8)],
        "answer": ["Ann", "Bo", "", None, "Ann", "Cy", "  ", "Di"],
        "relation": ["author"] * 5 + [None] + ["author"] * 2,
        "same": [1, 2, 3, 4, 1, 6, 7, 1],
    }
    pq.write_table(pa.table(rows), tmp_path / "books.parquet")
    add_pool(workspace, "books", str(tmp_path / "books.parquet"), "text")
    code, out, err = said("books", "--parameters", 50, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["facts"], found["left_out"]) == (4, 4)
    assert found["bits"]["plug_in"] == pytest.approx(4 * 1.5)  # Ann twice, Bo, Di
    assert "Each sample counts as a fact of its own; name the column that tells facts apart with --fact." in err
    assert "Left out, for they lack an answer, a relation or a fact: 4 samples." in err
    code, out, err = said("books", "--parameters", 50, "--fact", "same", "--json")
    assert json.loads(out)["facts"] == 2
    assert "Facts stated with several answers or relations: 1; the first counts." in err
    found = json.loads(said("books", "--parameters", 50, "--answer", "same", "--json")[1])
    assert found["relations"][0]["answers"] == 5  # numbers are answers too


def test_answers_that_all_differ_take_more_than_can_be_seen(workspace, tmp_path, said):
    """Random numbers of unlike length: of their bits 40 facts show five. Those of one length show all."""
    columns = {
        "relation": ["number"] * 40 + ["side"] * 8,
        "answer": [f"{at * 7919}" for at in range(40)] + ["l", "r"] * 4,
    }
    ids = [f"s{at:02d}" for at in range(48)]
    add_pool(workspace, "ten", table_of(tmp_path, "ten", ids, np.ones((48, 2), np.float32), **columns), "vectors")
    _, _, err = said("ten", "--parameters", 12)
    assert "Of 40 facts most answers stand once: they take more bits than any estimate can see" in err
    columns["answer"] = [f"{at * 7919 + 100_000}" for at in range(40)] + ["l", "r"] * 4
    add_pool(workspace, "six", table_of(tmp_path, "six", ids, np.ones((48, 2), np.float32), **columns), "vectors")
    _, out, err = said("six", "--parameters", 12)
    assert "Answers of 40 facts are numbers of one length that mostly differ: bits are those of their digits" in err
    assert "most answers stand once" not in err
    assert ", digit by digit; coverage 0%" in out


def test_bits_that_are_kept_are_what_loss_pruning_goes_by(workspace, tmp_path, said):
    """Two relations of 1 and 2 bits; samples without a relation have no bits, and cannot be chosen."""
    relation = ["coin"] * 8 + ["suit"] * 8 + [""] * 4
    answer = ["heads", "tails"] * 4 + list("abcd") * 2 + ["x"] * 4
    ids, fact = [f"s{at:02d}" for at in range(20)], np.arange(20)
    columns = {"relation": relation, "answer": answer, "fact": fact}
    pool = add_pool(
        workspace, "two", table_of(tmp_path, "two", ids, np.ones((20, 2), np.float32), **columns), "vectors"
    )
    code, out, _ = said("two", "--parameters", 12, "--keep", "--json")
    assert code == 0
    keep(workspace, pool, "loss", np.arange(20, dtype=np.float32)[::-1].copy())
    keep(workspace, pool, "fact", fact.astype(np.float32))
    capacity = json.loads(out)["capacity_bits"]
    spec = parse_spec(pool="two", method="loss_pruning", budget="16", params={"capacity_bits": capacity})
    run = select(workspace, spec)
    assert run.ids == [f"s{at:02d}" for at in range(15, 9, -1)]  # 12 bits: six suits
    assert run.manifest["result"]["facts"]["bits"] == 12
    assert run.manifest["features"]["answer_bits"]["key"] == json.loads(out)["feature"]


def test_without_bits_pruning_says_which_command_keeps_them(workspace, numbers, capsys):
    keep(workspace, numbers, "loss", np.arange(2 * N, dtype=np.float32))
    keep(workspace, numbers, "fact", np.arange(2 * N, dtype=np.float32) % N)
    words = ["select", "book", "loss_pruning", "--budget", "50", "--set", "capacity_bits=100", "--json"]
    assert main(words) == 2
    line = "Compute one: python -m datasel_core facts book"
    assert line in capsys.readouterr().err
    assert main(line.split("datasel_core ")[1].split()) == 0
    capsys.readouterr()
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["result"]["facts"]["bits"] == 100


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--answer", "reply"], "The pool book has no column reply; name another with --answer (it has: id, fact,"),
        (["--relation", "kind"], "The pool book has no column kind; name another with --relation"),
        (["--fact", "kind"], "The pool book has no column kind; name another with --fact"),
        (["--rho", "0"], "rho is 0.0; it must be greater than 0"),
        (["--exposures", "0"], "exposures is 0.0; it must be greater than 0"),
    ],
)
def test_a_wrong_request_is_one_clear_line(numbers, said, words, line):
    code, out, err = said("book", "--parameters", 400, *words)
    assert (code, out) == (2, "")
    assert line in err


def test_a_pool_without_facts_is_refused(workspace, tmp_path, said):
    source = table_of(tmp_path, "plain", ["a", "b"], np.ones((2, 2), np.float32), relation=["r", "r"])
    add_pool(workspace, "plain", source, "vectors")
    code, _, err = said("plain", "--parameters", 400)
    assert code == 2
    assert "The pool plain has no column answer; name another with --answer (it has: id, relation" in err
    source = table_of(tmp_path, "hollow", ["a", "b"], np.ones((2, 2), np.float32), relation=["r", ""], answer=["", "x"])
    add_pool(workspace, "hollow", source, "vectors")
    code, _, err = said("hollow", "--parameters", 400)
    assert code == 2
    assert "No sample of hollow has a value in both answer and relation." in err
