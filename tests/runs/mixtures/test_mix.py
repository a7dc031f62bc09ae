"""A mixed recipe asked of a pool: every quota against the table that was kept, each share against its own method."""

import json
import shlex
from collections import Counter

import numpy as np
import pytest

import datasel_core as ds
from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest, UnknownName
from datasel_core.features.external import keep_imported
from datasel_core.runs import engine, manifest
from datasel_core.runs.catalog import removal
from datasel_core.runs.mixtures.answer import mix, quotas_kept
from datasel_core.runs.mixtures.asking import ask
from datasel_core.runs.mixtures.recipe import parse_recipe
from datasel_core.runs.question import spec_of
from datasel_core.runs.reproduction import reproduce
from datasel_core.runs.run import Run, runs
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, task_of

COVER, LIKE = {"percent": 70, "method": "facility_location"}, {"percent": 30, "method": "tsds", "target": "failures"}


def add(workspace, tmp_path, rng, name, n):
    """Texts in groups of unequal size, in videos of one to nine frames, with an embedding."""
    lines = [
        {"id": f"{name}{at:03d}", "text": f"{name} {at}", "source": "aaaabbc"[at // 9 % 7], "video": f"v{at // 9:02d}",
         "priority": {"a": 1, "b": 2, "c": 5}["aaaabbc"[at // 9 % 7]], "scene": f"s{at % 5}"}
        for at in range(n)
    ]  # fmt: skip
    (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pool = add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")
    keep_imported(workspace, pool, "embedding", clustered(rng, n, 8, 6), np.arange(n), [], "e.npz", Progress())
    return pool


@pytest.fixture
def pool(workspace, tmp_path, rng):
    add(workspace, tmp_path, rng, "failures", 18)
    return add(workspace, tmp_path, rng, "frames", 180)


def asked(workspace, budget="40", shares=(COVER, LIKE), **more):
    also = {name: more.pop(name) for name in ("already", "where", "within", "seed") if name in more}
    return ask(workspace, "frames", parse_recipe({"shares": list(shares), **more}), budget, **also)


def column(run, name):
    return Counter(run.table[name].to_pylist())


def _named(words):
    return {flag: words[words.index(f"--{flag}") + 1] for flag in ("within", "already") if f"--{flag}" in words}


def shares(run):
    return Counter(run.selection.why["share"].tolist())


def test_quotas_first_then_shares_and_each_pick_says_who_brought_it(workspace, pool):
    run = mix(asked(workspace, at_least={"n": 6, "per": "source"}, at_most={"n": 3, "per": "video"}))
    assert len(set(run.ids)) == len(run.ids) == 40
    assert min(column(run, "source").values()) >= 6
    assert len(column(run, "source")) == 3
    assert max(column(run, "video").values()) <= 3
    assert shares(run) == {1: 28, 2: 12}
    for why in map(json.loads, run.table["why"].to_pylist()):
        assert why["by"] == {1: "facility_location", 2: "tsds"}[why["share"]]
        assert ("target" in why) is (why["share"] == 2)  # in its method's own words
    kept = quotas_kept(run)
    assert {one["name"]: one["n"] for one in kept if "least" in one} == column(run, "source")
    assert all(one["met"] for one in kept)
    assert {one["name"]: one["n"] for one in kept if "most" in one and one["n"]} == column(run, "video")


def test_without_quotas_each_share_is_its_own_method_asked_as_a_question(workspace, pool):
    run = mix(asked(workspace))
    first = engine.select(workspace, Spec(pool="frames", method="facility_location", budget="28"))
    assert run.ids[:28] == first.ids
    then = engine.select(
        workspace, Spec(pool="frames", method="tsds", budget="12", target="failures", already=first.key)
    )
    assert run.ids[28:] == then.ids
    assert first.manifest["result"]["ids_sha256"] in {
        one["ids_sha256"] for one in run.manifest["method"]["params"]["selections"]
    }


def test_it_is_a_run_like_any_other(workspace, pool):
    run = mix(asked(workspace, at_least={"n": 6, "per": "source"}, at_most={"n": 3, "per": "video"}))
    assert manifest.problems(run.folder) == []
    assert reproduce(workspace, run.folder)["identical"]
    assert run.manifest["method"]["id"] == "mixture"
    assert run.name.startswith("facility-location + tsds")
    assert mix(asked(workspace, at_least={"n": 6, "per": "source"}, at_most={"n": 3, "per": "video"})).key == run.key
    assert run.folder in list(runs(workspace))
    parts = {one["ids_sha256"] for one in run.manifest["method"]["params"]["selections"]}
    every = {one: manifest.read(one)["result"]["ids_sha256"] for one in runs(workspace, previews=True)}
    there = [one for one, sha in every.items() if sha in parts]
    assert len(there) >= len(parts)
    for one in there:
        with pytest.raises(BadRequest, match="cannot be deleted"):
            removal.delete(workspace, one)
        assert reproduce(workspace, one)["identical"]  # each part from its own folder
        said = manifest.read(one)
        words = shlex.split(said["command"])[3:]
        assert main(words) == 0  # and by its command
        assert engine.resolve(workspace, spec_of(said).model_copy(update=_named(words))).key == one.name


def test_python_asks_the_same(workspace, pool):
    recipe = {"shares": [COVER, LIKE], "at_most": {"n": 3, "per": "video"}}
    run = ds.mix("frames", recipe, 30)
    assert run.key == mix(asked(workspace, "30", at_most={"n": 3, "per": "video"})).key
    then = ds.mix(pool, recipe, 20, already=run)
    assert not set(run.ids) & set(then.ids)
    assert then.manifest["already"]["n"] == 30


def test_units_are_bought_whole(workspace, pool):
    run = mix(asked(workspace, "45", unit="video", at_least={"n": 1, "per": "source"}))
    videos = column(run, "video")
    assert set(videos.values()) == {9}
    assert len(run.ids) == 45
    assert set(column(run, "source")) == {"a", "b", "c"}
    brought = {why["brought"] for why in map(json.loads, run.table["why"].to_pylist())}
    assert len(brought) == len(videos)
    assert brought <= set(run.ids)
    assert reproduce(workspace, run.folder)["identical"]
    counted = mix(asked(workspace, "4", unit="video", counted="units", at_most={"n": 2, "per": "source"}))
    assert len(column(counted, "video")) == 4
    assert len(counted.ids) == 36
    assert shares(counted) == {1: 27, 2: 9}  # 2.8 and 1.2 videos


def test_weights_deal_the_budget(workspace, pool):
    cover = [COVER, {"percent": 30, "method": "k_center"}]
    by = mix(asked(workspace, "40", cover, weights={"per": "source", "by": "priority"}))
    assert column(by, "source") == {"a": 7, "b": 15, "c": 18}  # 18 are all of c; the rest by 1 to 2
    few = mix(asked(workspace, "16", cover, weights={"per": "source", "by": "priority"}))
    assert column(few, "source") == {"a": 2, "b": 4, "c": 10}
    given = mix(asked(workspace, "40", cover, weights={"per": "source", "given": {"a": 2, "b": 1, "c": 1}}))
    assert column(given, "source") == {"a": 20, "b": 10, "c": 10}
    bounded = {"weights": {"per": "source", "by": "priority"}, "at_most": {"n": 5, "per": "video"}}
    assert column(mix(asked(workspace, "40", cover, **bounded)), "source") == {
        "a": 10,
        "b": 20,
        "c": 10,
    }  # c has two videos


def test_what_a_method_has_no_candidates_for_the_others_make_up_for_and_it_is_said(workspace, pool):
    """TSDS gives no chance to what is far from every example, or was taken."""
    aimed = {**LIKE, "params": {"max_k": 2, "kde_k": 1}}
    run = mix(asked(workspace, "60", [{**aimed, "percent": 70}, {**COVER, "percent": 30}]))
    assert len(run.ids) == 60
    assert shares(run)[1] <= 2 * 18  # two candidates for each of 18 examples, and 42 to bring
    assert shares(run)[2] == 60 - shares(run)[1]
    assert run.manifest["method"]["params"]["short"]["1"].startswith("tsds: The budget is")
    last = mix(asked(workspace, "150", [COVER, aimed]))
    assert shares(last)[1] > 105
    assert len(last.ids) == 150
    assert reproduce(workspace, last.folder)["identical"]
    with pytest.raises(BadParameter, match=r"The shares bring \d+ of 150 and no more: tsds: The budget is"):
        mix(asked(workspace, "150", [{**aimed, "percent": 100}]))


def test_earlier_ones_are_never_chosen_again_and_count_where_they_are_to(workspace, pool):
    first = mix(asked(workspace, "40", at_most={"n": 3, "per": "video"}))
    then = mix(asked(workspace, "20", at_most={"n": 3, "per": "video"}, already=first.key, together=True))
    assert not set(first.ids) & set(then.ids)
    assert max((column(first, "video") + column(then, "video")).values()) <= 3
    with pytest.raises(BadRequest, match=r"at most 3 per video leaves 20 samples: ask for at most 20\.$"):
        asked(workspace, "21", at_most={"n": 3, "per": "video"}, already=first.key, together=True)
    assert reproduce(workspace, then.folder)["identical"]
    with pytest.raises(BadRequest, match="cannot be deleted"):
        removal.delete(workspace, first.folder)


WRONG = {
    "one column, group too small": (
        {"at_least": {"n": 30, "per": "source"}},
        "100",
        "The source c has 18 samples that can be chosen, fewer than the 30 asked for; at least 18 per source is what "
        "every source can give.",
    ),
    "minima above the budget": (
        {"at_least": {"n": 8, "per": "source"}},
        "20",
        "The budget is 20; at least 8 per source of 3 needs 24 samples: ask for at least 24.",
    ),
    "caps below the budget": (
        {"at_most": {"n": 2, "per": "video"}},
        "50",
        "The budget is 50; at most 2 per video leaves 40 samples: ask for at most 40.",
    ),
    "minima against caps of another column": (
        {"at_least": {"n": 8, "per": "source"}, "at_most": {"n": 3, "per": "video"}},
        "170",
        "At most 3 per video leaves no way to keep at least 8 per source; at least 6 is possible.",
    ),
    "shares": ({"shares": [COVER]}, "10", "The shares (70) sum to 70 %; they must sum to 100 %."),
    "minima above caps": (
        {"at_least": {"n": 5, "per": "source"}, "at_most": {"n": 3, "per": "source"}},
        "20",
        "At least 5 and at most 3 per source cannot both be; swap them.",
    ),
    "a unit above the budget": (
        {"unit": "video"},
        "8",
        "The smallest video has 9 samples, more than the budget of 8; ask for at least 9.",
    ),
    "units against minima": (
        {"unit": "video", "at_least": {"n": 2, "per": "source"}},
        "50",
        "The budget is 50; at least 2 per source of 3 needs 54 samples: ask for at least 54.",
    ),
    "too many samples": ({}, "500", "The budget is 500; there are 180 samples: ask for at most 180."),
    "a unit in two groups": (
        {"unit": "video", "at_most": {"n": 2, "per": "scene"}},
        "50",
        "video v00 lies in more than one scene; a unit that is bought whole must lie in one.",
    ),
    "units without a column": (
        {"counted": "units"},
        "5",
        "The budget counts units, but none is named; say --unit COLUMN.",
    ),
    "weights of samples": (
        {"weights": {"per": "source", "by": "id"}},
        "5",
        "The source a has 108 values in id; a weight is one number for a whole source.",
    ),
    "weights that lack": (
        {"weights": {"per": "source", "given": {"a": 1, "b": 1}}},
        "5",
        "The source c has no weight; give one to each, also 0.",
    ),
    "weights below 0": (
        {"weights": {"per": "source", "given": {"a": 1, "b": 1, "c": -1}}},
        "5",
        "Weights must be numbers from 0 up, and one at least above 0.",
    ),
    "weights against caps": (
        {"weights": {"per": "source", "by": "priority"}, "at_most": {"n": 9, "per": "scene"}},
        "20",
        "scene s0 lies in more than one source; with weights, what a cap is per must lie in one.",
    ),
    "weights in samples of units": (
        {"weights": {"per": "source", "by": "priority"}, "unit": "video"},
        "20",
        "Weights need a budget in units; add --counted units.",
    ),
    "two columns of a purse": (
        {"at_least": {"n": 1, "per": "source"}, "at_most": {"n": 1, "per": "video"}, "unit": "video"},
        "50",
        "With a budget in samples of whole units, minima and caps must be per one column, not source and video; or add "
        "--counted units.",
    ),
    "two columns of minima and weights": (
        {"at_least": {"n": 1, "per": "video"}, "weights": {"per": "source", "by": "priority"}},
        "50",
        "Weights per source and at least 1 per video stand on two columns; use one for both.",
    ),
    "no shares": (
        {"shares": []},
        "5",
        "The recipe has no shares; give at least one, such as --share 100%=facility_location.",
    ),
    "another field": (
        {"at_leats": 5},
        "5",
        "The recipe: at_leats is 5: Extra inputs are not permitted. It has: shares, at_least, at_most, weights, unit, "
        "counted, together.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_one_line_with_what_would_be(workspace, pool, case):
    more, budget, right = WRONG[case]
    before = set(workspace.folders("runs"))
    with pytest.raises(BadRequest) as refused:
        asked(workspace, budget, **{"shares": [COVER, LIKE], **more})
    assert str(refused.value) == right
    assert set(workspace.folders("runs")) == before


@pytest.mark.parametrize("case", [case for case, (more, _, _) in WRONG.items() if "ask for at" in WRONG[case][2]])
def test_the_budget_that_is_named_is_possible_and_the_next_is_not(workspace, pool, case):
    more, _, right = WRONG[case]
    *_, bound, budget = right.rstrip(".").rsplit(" ", 2)
    assert asked(workspace, budget, **more).budget == int(budget)
    with pytest.raises(BadRequest):
        asked(workspace, str(int(budget) + (1 if bound == "most" else -1)), **more)


def test_unknown_columns_and_gaps_are_said(workspace, pool, tmp_path, rng):
    with pytest.raises(UnknownName, match=r"There is no column of frames called vidoe\. Did you mean video\?"):
        asked(workspace, at_most={"n": 2, "per": "vidoe"})
    assert asked(workspace, at_least={"n": 2, "per": "group"}).budget == 40  # the pool's own groups
    lines = [{"id": f"g{at}", "text": f"t {at}", "video": None if at < 3 else "v"} for at in range(9)]
    (tmp_path / "gaps.jsonl").write_text("\n".join(map(json.dumps, lines)))
    add_pool(workspace, "gaps", str(tmp_path / "gaps.jsonl"), "text")
    recipe = parse_recipe({"shares": [{"percent": 100, "method": "random"}], "at_most": {"n": 2, "per": "video"}})
    with pytest.raises(BadRequest) as refused:
        ask(workspace, "gaps", recipe, "2")
    assert str(refused.value) == (
        "The column video has no value for 3 of 9 samples that can be chosen; leave them out with --where "
        '"video is not null".'
    )
    assert mix(ask(workspace, "gaps", recipe, "2", where="video is not null")).manifest["result"]["n"] == 2


def test_the_command_and_a_file_ask_the_same(workspace, pool, tmp_path):
    words = {"pool": "frames", "budget": "40", "share": ["70%=facility_location", "30%=tsds:alpha=0.4"],
             "target": "failures", "at_least": "6 per source", "at_most": "3 per video"}  # fmt: skip
    done = perform(workspace, task_of("mix", **words), Progress())
    most = max(column(Run(workspace.run(done.result["run"]), done.document["manifest"]), "source").values())
    assert done.lines[1:5] == [
        "28 by facility_location, 70 %",
        "12 by tsds towards failures, 30 %",
        f"at least 6 per source: met, 6 to {most} of each",
        "at most 3 per video: met, 0 to 3 of each",
    ]
    recipe = {"shares": [COVER, {"percent": 30, "method": "tsds", "params": {"alpha": "0.4"}}],
              "at_least": {"n": 6, "per": "source"}, "at_most": {"n": 3, "per": "video"}}  # fmt: skip
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    file = task_of("mix", pool="frames", budget="40", recipe=str(tmp_path / "recipe.json"), target="failures")
    assert perform(workspace, file, Progress()).result == done.result
    assert done.document["manifest"]["command"].startswith(
        "python -m datasel_core mix frames --budget 40 --share 70%=facility_location --share "
        "30%=tsds:alpha=0.4:target=failures --at-least '6 per source' --at-most '3 per video'"
    )


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ({"share": ["70=>x"]}, "--share '70=>x' must look like 70%=facility_location, or 30%=tsds:alpha=0.5."),
        ({"at_least": "x per a"}, "--at-least 'x per a' must look like '5 per group': a whole number, then a column."),
        ({"at_most": "3"}, "--at-most '3' must look like '5 per group': a whole number, then a column."),
        ({"weights": "priority"}, "--weights 'priority' must look like 'priority per group', or 'a=2,b=1 per group'."),
        ({"weights": "a=x per b"}, "--weights 'a=x per b': each weight must be a number, such as a=2,b=1 per group."),
        ({"share": ["100%=tsds"]}, "tsds chooses towards a target; name a pool of examples with --target POOL."),
        ({"share": ["100%=sds"]}, "There is no method called sds. Did you mean tsds?"),
    ],
)  # fmt: skip
def test_words_that_cannot_be_read_are_said(workspace, pool, words, right):
    with pytest.raises(BadRequest) as refused:
        task_of("mix", pool="frames", budget="10", **{"share": ["100%=random"], **words}).prepare(workspace)
    assert str(refused.value) == right


def test_a_file_beside_words_or_without_sense_is_refused(workspace, pool, tmp_path):
    path = tmp_path / "r.json"
    for text, right in (
        ("[1]", "r.json must be an object with shares, not list."),
        ('{"shares": [{"percent": 100}]}', "r.json: shares.0.method is {'percent': 100}: Field required."),
    ):
        path.write_text(text)
        with pytest.raises(BadRequest) as refused:
            task_of("mix", pool="frames", budget="9", recipe=str(path)).prepare(workspace)
        assert str(refused.value) == right
    with pytest.raises(BadRequest, match="--recipe names a file that says everything; give no shares or quotas beside"):
        task_of("mix", pool="frames", budget="9", recipe=str(path), share=["100%=random"]).prepare(workspace)
    with pytest.raises(BadRequest, match="There is no file .*none.json; --recipe names a JSON file with shares"):
        task_of("mix", pool="frames", budget="9", recipe=str(tmp_path / "none.json")).prepare(workspace)
