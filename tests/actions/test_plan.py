"""Plans, pilots and rates as people ask for them: on the command line, kept in the workspace, made again."""

import csv
import json

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.costs import kept
from datasel_core.evidence import holdout
from datasel_core.pools import holdout as aside
from tests.conftest import rewritten
from tests.pages import screens

vector_pool = screens.vector_pool
ASKED = ["plan", "vec", "--budget", "50", "--wage", "20", "--seconds", "10", "--labels-per-item", "5"]


@pytest.fixture
def run(workspace, vector_pool, tmp_path, monkeypatch, capsys):
    """(exit code, stdout, stderr) of a command."""
    monkeypatch.chdir(tmp_path)

    def go(*words):
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


def document(run, *words):
    code, out, err = run(*words, "--json")
    assert code == 0, err
    return json.loads(out)


def one_line(run, *words):
    code, out, err = run(*words)
    assert (code, out) == (2, ""), (code, out, err)
    assert err.count("\n") == 1
    return err.strip()


def timed(path, ids, seconds, objects=None):
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "seconds", "objects"])
        table.writerows(zip(ids, seconds, objects if objects is not None else [""] * len(ids), strict=True))
    return str(path)


def test_the_plan_that_scripts_read(run):
    said = document(run, *ASKED, "--method", "k_center")
    hours = 50 * 5 * 10 / 3600
    assert said["budget"] == 50
    assert said["hours"] == pytest.approx({"low": hours, "mid": hours, "high": hours})
    assert said["money"] == pytest.approx({"low": 20 * hours, "mid": 20 * hours, "high": 20 * hours})
    assert [one["part"] for one in said["parts"]] == ["labels"]
    assert "so low, middle and high are the same" in said["notes"][0]
    assert said["method"] == "k_center"


def test_a_plan_in_words(run):
    words = [*ASKED, "--seconds-spread", "6", "--labels-spread", "3", "--currency", "EUR"]
    code, out, err = run(*words, "--start", "2026-05-01", "--people", "2", "--deadline", "2026-05-05")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "13.9 EUR (11.9 to 16.1) for 50 samples of vec (90% of such campaigns lie between)"
    assert lines[1].startswith("41.7 minutes (35.6 to 48.3), done by 2026-05-01 with 2 people")
    assert lines[2] == "1 person is needed by 2026-05-05"
    assert lines[-1] == "  labels per item and seconds per label: as given"
    assert "low, middle and high" not in err


def test_a_plan_for_a_selection_that_was_kept(run, workspace, vector_pool):
    made = screens.chosen(workspace, vector_pool, "random", "12")
    said = document(run, "plan", "vec", "--run", made.key, "--wage", "20", "--seconds", "3600")
    assert (said["budget"], said["money"]["mid"]) == (12, 240)
    assert said["run"] == made.key


def test_a_share_is_of_what_can_be_chosen(run, workspace, vector_pool):
    holdout.draw(workspace, vector_pool, "20")
    assert document(run, *[word.replace("50", "10%") for word in ASKED])["budget"] == 10


def test_a_pilot_makes_the_plan_again_and_keeps_both(run, workspace, vector_pool, tmp_path, rng):
    holdout.draw(workspace, vector_pool, "40")
    first = document(run, "plan", "vec", "--budget", "50", "--wage", "20", "--rate", "examples/box")
    assert first["hours"]["high"] / first["hours"]["low"] == pytest.approx(34.5 / 7)
    drawn = document(run, "pilot", "vec", "--n", "40")
    assert len(set(drawn["ids"])) == 40
    assert not set(drawn["ids"]) & set(aside.held_out(vector_pool).ids)
    assert drawn["name"] == "pilot of 40, vec"
    lines = (tmp_path / "vec-pilot.csv").read_text().splitlines()
    assert lines[0] == "id,person,seconds,objects"
    assert [line.partition(",")[0] for line in lines[1:]] == drawn["ids"]
    file = timed(tmp_path / "back.csv", drawn["ids"], rng.lognormal(3, 0.5, 40).round(2), rng.poisson(4, 40) + 1)
    said = document(run, "pilot", "import", "vec", file)
    assert said["pilot"]["items"] == 40
    old, new = said["before"], said["now"]
    assert old["hours"] == first["hours"]
    assert new["hours"]["high"] / new["hours"]["low"] < old["hours"]["high"] / old["hours"]["low"]
    plans = kept.of_pool(workspace, "plan", vector_pool)
    assert [one.said["plan"]["hours"] for one in plans] == [first["hours"], new["hours"]]
    assert plans[1].said["before"] == plans[0].key == first["plan"]
    assert document(run, "plan", "vec", "--budget", "50", "--wage", "20", "--rate", "pilot")["hours"] == new["hours"]
    priced = document(run, "plan", "vec", "--budget", "50", "--price", ".04", "--rate", "pilot")
    assert priced["money"]["low"] < priced["money"]["mid"] < priced["money"]["high"]
    code, out, _ = run("pilot", "import", "vec", file)
    assert code == 0
    assert out.splitlines()[1].startswith("before: ")
    assert out.splitlines()[2].startswith("now: ")


def test_times_without_a_plan_wait_for_one(run, workspace, vector_pool, tmp_path):
    file = timed(tmp_path / "back.csv", vector_pool.ids[:12], np.arange(5, 17))
    code, out, err = run("pilot", "import", "vec", file)
    assert code == 0
    assert out.splitlines()[1] == "No plan of vec was kept yet; plan with these times: --rate pilot"
    assert "One person was timed" in err
    assert kept.of_pool(workspace, "plan", vector_pool) == []


def test_the_same_seed_draws_the_same_pilot_and_another_another(run, tmp_path):
    drawn = [
        document(run, "pilot", "vec", "--out", f"{at}.csv", "--seed", seed)["ids"] for at, seed in enumerate("011")
    ]
    assert drawn[1] == drawn[2] != drawn[0]


def test_a_pilot_that_came_from_another_pool_of_that_name_keeps_its_name(run, workspace, vector_pool, tmp_path, rng):
    from datasel_core.actions.add_pool import add_pool
    from datasel_core.pools.persistence import remove_pool

    first = document(run, "pilot", "vec")
    remove_pool(workspace, "vec")
    np.savez(tmp_path / "w.npz", ids=[f"w{at}" for at in range(60)], embedding=rng.standard_normal((60, 4)))
    add_pool(workspace, "vec", str(tmp_path / "w.npz"), "vectors")
    second = document(run, "pilot", "vec", "--out", "other.csv")
    assert second["name"] == f"{first['name']}, {second['run'][:6]}"


def test_what_was_damaged_is_passed_over_and_said(workspace, vector_pool, run):
    document(run, *ASKED)
    (path,) = workspace.plans().glob("plan-*.json")
    text = path.read_text()
    rewritten(path, order=7)  # it says its own hash again: as if it was kept seventh
    assert kept.newest(workspace, "plan", vector_pool).order == 7
    path.write_text(text.replace('"order": 1', '"order": 2'))
    assert kept.of_pool(workspace, "plan", vector_pool) == []
    assert kept.damaged(workspace, "plan") == [f"{path} is damaged and passed over."]
    assert f"{path} is damaged and passed over." in run(*ASKED, "--passes", "2")[2]


def test_rates_go_round(run, workspace, tmp_path):
    code, out, _ = run("rates")
    assert code == 0
    assert "examples/box\t7 to 34.5 s per label\t" in out
    assert run("rates", "export", "examples", "--out", "mine.csv")[0] == 0
    text = (tmp_path / "mine.csv").read_text().replace("box,", "our-box,", 1)
    (tmp_path / "mine.csv").write_text(text)
    assert run("rates", "import", "ours", "mine.csv")[1].startswith("6 rates are in ")
    rates = {one["rate"] for one in document(run, "rates")}
    assert {"examples/box", "ours/our-box"} <= rates
    said = document(run, "plan", "vec", "--budget", "60", "--wage", "10", "--rate", "our-box")
    assert said["hours"]["low"] == pytest.approx(60 * 7 / 3600)
    assert run("rates", "remove", "ours")[0] == 0
    assert "There is no table of rates called ours" in one_line(run, "rates", "remove", "ours")


def changed(*pairs, without=()):
    words = [word for at, word in enumerate(ASKED) if not {word, ASKED[at - 1]} & set(without)]
    return [*words, *pairs]


NO_DOT = "write it with digits and a dot for decimals, as in 1234.5."
WRONG = [
    (
        changed(without=["--wage"]),
        "The wage is missing: say it per hour with --wage, or a price per label with --price.",
    ),
    (changed("--wage", "-3", without=["--wage"]), "The wage is -3; it must be above 0."),
    (changed("--wage", "0", without=["--wage"]), "The wage is 0; it must be above 0."),
    (changed("--wage", "1.234,5", without=["--wage"]), f"The wage is '1.234,5'; {NO_DOT}"),
    (changed("--seconds", "ten", without=["--seconds"]), f"The number of seconds is 'ten'; {NO_DOT}"),
    (
        changed(without=["--seconds"]),
        "Nothing says how long a label takes: --seconds 10 or 7-35, --price .04, or --rate examples/box (the command "
        "rates lists them).",
    ),
    (
        changed("--rate", "examples/box"),
        "--seconds and --rate both say what a label takes; give one of them.",
    ),
    (
        changed("--rate", "pilot", without=["--seconds"]),
        "vec has no pilot yet; draw one and bring its times back: python -m datasel_core pilot vec",
    ),
    (
        changed(without=["--budget"]),
        "Say how many are labelled, once: --budget 100 or 10%, or --run of a kept selection.",
    ),
    (
        changed("--seconds-spread", "5", without=["--seconds"]),
        "Without a number of seconds its spread says nothing; give both.",
    ),
    (changed("--people", "0"), "The number of people is 0; it must be at least 1."),
    (
        changed("--start", "2026-05-04", "--deadline", "2026-05-01"),
        "The deadline 2026-05-01 is before the start 2026-05-04.",
    ),
    (changed("--method", "k_centre"), "There is no method called k_centre. Did you mean k_center?"),
    (["pilot", "vec", "--n", "2"], "A pilot of 2 will not do; it has 30 to 100 items."),
    (["pilot", "vec", "--n", "101"], "A pilot of 101 will not do; it has 30 to 100 items."),
]


@pytest.mark.parametrize(("words", "right"), WRONG, ids=[one[1][:40] for one in WRONG])
def test_a_wrong_request_is_one_line_and_nothing_is_kept(run, workspace, words, right):
    assert one_line(run, *words) == right
    assert not workspace.plans().exists()
    assert not workspace.folders("runs")


def test_wrong_times_leave_the_plan_as_it_was(run, workspace, vector_pool, tmp_path):
    document(run, *ASKED)
    before = {path.name: path.read_bytes() for path in workspace.plans().glob("*.json")}
    file = timed(tmp_path / "two.csv", ["s001", "s002"], [5, 6])
    assert one_line(run, "pilot", "import", "vec", file) == (
        "2 items have a time; a pilot takes at least 10, better 30 or more."
    )
    assert {path.name: path.read_bytes() for path in workspace.plans().glob("*.json")} == before


def test_a_table_with_text_in_it_replaces_nothing(run, workspace, tmp_path):
    good = "name,what,low,mid,high,unit,date,source\nbox,x,8,,18,s per label,2026-05-01,we\n"
    (tmp_path / "a.csv").write_text(good)
    assert run("rates", "import", "ours", "a.csv")[0] == 0
    (tmp_path / "a.csv").write_text(good.replace(",8,", ",cheap,"))
    right = f"Line 2 of a.csv: the low is 'cheap'; {NO_DOT}"
    assert one_line(run, "rates", "import", "ours", "a.csv", "--overwrite") == right
    assert (workspace.rates() / "ours.csv").read_text() == good


def test_a_selection_of_another_pool_is_refused(run, workspace, vector_pool, tmp_path, rng):
    from datasel_core.actions.add_pool import add_pool

    np.savez(tmp_path / "w.npz", ids=[f"w{at}" for at in range(60)], embedding=rng.standard_normal((60, 4)))
    other = add_pool(workspace, "other", str(tmp_path / "w.npz"), "vectors")
    made = screens.chosen(workspace, other, "random", "12")
    said = one_line(run, "plan", "vec", "--run", made.key, "--wage", "20", "--seconds", "3")
    assert said == f"{made.key} was chosen from other, not from vec as it is now."
