"""Records that were damaged or changed by hand: what is wrong is said in one line, nothing is answered from it, and
what is whole goes on.
"""

import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.verify import verify
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.persistence import described, load_pool, pool_names, remove_pool
from datasel_core.runs import engine, manifest, reproduction
from datasel_core.runs.run import Run, answers
from datasel_core.runs.run import runs as finished
from datasel_core.runs.spec import Spec
from datasel_core.workspace.files import write_json
from datasel_core.workspace.hashing import hash_file, own_hash
from pages._ui.kit import disk
from tests.conftest import clustered, rewritten
from tests.runs import joints

built, scene, shared = joints.built, joints.scene, joints.shared
CHANGED = "manifest.json was changed after it was written."


@pytest.fixture
def call(capfd, monkeypatch, workspace):
    def one(*words):
        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return code, out, err

    return one


def asked(scene):
    """Counts above one, an earlier selection within, a target."""
    earlier = scene.earlier("within")
    return scene.ask("tsds", 9, params={"sampling": "multinomial", "alpha": 1.0}, within=str(earlier.folder))


@pytest.fixture
def run(scene):
    return asked(scene)


@pytest.fixture(scope="module")
def intact(shared):
    return asked(shared)


@pytest.fixture
def copy(intact, shared, call, tmp_path, monkeypatch):
    """The run once more, in a folder of its own: what is done to it befalls nothing else."""
    monkeypatch.setenv("DATASEL_WORKSPACE", str(shared.workspace.path))
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(tmp_path.parent.parent))
    return Run(shutil.copytree(intact.folder, tmp_path / "run"), intact.manifest)


def signed(folder, **changes):
    """The manifest says something else, and is whole in itself."""
    path = folder / "manifest.json"
    said = {**json.loads(path.read_text()), **changes}
    write_json(path, {**said, "sha256": own_hash(said)})


def retold(folder, **columns):
    """The table says something else, and the manifest closes over it."""
    path = folder / "selection.parquet"
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values, table.schema.field(name).type))
    pq.write_table(table, path)
    said = manifest.read(folder)
    ids = table["id"].to_pylist()
    result = {**said["result"], **manifest.result(ids)}
    signed(folder, files={**said["files"], path.name: hash_file(path)}, result=result)


def column(folder, name):
    return pq.read_table(folder / "selection.parquet")[name].to_pylist()


def of_result(folder, **changes):
    signed(folder, result={**manifest.read(folder)["result"], **changes})


def flipped(path, at=-9):
    whole = bytearray(path.read_bytes())
    whole[at] ^= 1
    path.write_bytes(whole)


def twice(folder, name):
    values = column(folder, name)
    return {name: [values[1], *values[1:]]}


def without_column(folder):
    path = folder / "selection.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["count"]), path)
    signed(folder, files={**manifest.read(folder)["files"], path.name: hash_file(path)})


N = 9
HARMS = {
    "a byte of the table": (
        lambda folder: flipped(folder / "selection.parquet"),
        "selection.parquet was changed after it was written.",
    ),
    "no table": (lambda folder: (folder / "selection.parquet").unlink(), "selection.parquet is missing."),
    "a byte beside it": (
        lambda folder: flipped(folder / "within.parquet"),
        "within.parquet was changed after it was written.",
    ),
    "a word of the manifest": (lambda folder: rewritten_unsigned(folder, seed=5), CHANGED),
    "no files": (lambda folder: signed(folder, files={}), "manifest.json names no selection.parquet among its files."),
    "files of another kind": (
        lambda folder: signed(folder, files=["selection.parquet"]),
        "manifest.json is damaged: files: it must be a valid dictionary.",
    ),
    "other files only": (
        lambda folder: signed(folder, files={"within.parquet": hash_file(folder / "within.parquet")}),
        "manifest.json names no selection.parquet among its files.",
    ),
    "n": (lambda folder: of_result(folder, n=N + 1), "manifest.json says 10 samples; selection.parquet has"),
    "an id twice": (lambda folder: retold(folder, **twice(folder, "id")), "An id stands twice in selection.parquet."),
    "a row twice": (
        lambda folder: retold(folder, **twice(folder, "row")),
        "selection.parquet names a row twice, or one that a pool of 60 samples does not have.",
    ),
    "a row beyond": (
        lambda folder: retold(folder, row=[60, *column(folder, "row")[1:]]),
        "selection.parquet names a row twice, or one that a pool of 60 samples does not have.",
    ),
    "a row before": (
        lambda folder: retold(folder, row=[-1, *column(folder, "row")[1:]]),
        "selection.parquet names a row twice, or one that a pool of 60 samples does not have.",
    ),
    "a smaller pool": (
        lambda folder: signed(folder, pool={**manifest.read(folder)["pool"], "n": 3}),
        "selection.parquet names a row twice, or one that a pool of 3 samples does not have.",
    ),
    "ranks": (
        lambda folder: retold(folder, rank=column(folder, "rank")[::-1]),
        "The ranks in selection.parquet are not 1 to",
    ),
    "a count more": (
        lambda folder: retold(folder, count=[column(folder, "count")[0] + 1, *column(folder, "count")[1:]]),
        f"The counts in selection.parquet sum to {N + 1}; {N} were granted.",
    ),
    "a count of nothing": (
        lambda folder: retold(folder, count=[*column(folder, "count")[:-2], 0, sum(column(folder, "count")[-2:])]),
        f"The counts in selection.parquet sum to {N}; {N} were granted.",
    ),
    "more granted": (
        lambda folder: signed(folder, budget={**manifest.read(folder)["budget"], "granted": N + 3}),
        f"The counts in selection.parquet sum to {N}; {N + 3} were granted.",
    ),
    "no column": (without_column, "manifest.json and selection.parquet do not say what a selection says."),
    "words for numbers": (
        lambda folder: signed(folder, pool={**manifest.read(folder)["pool"], "n": "sixty"}),
        "manifest.json is damaged: pool.n: it must be a valid integer.",
    ),
}
"""What was done to a run -> the line that says so."""


def rewritten_unsigned(folder, **changes):
    path = folder / "manifest.json"
    write_json(path, {**json.loads(path.read_text()), **changes})


# ---- the record of a selection


def test_what_is_whole_passes(scene, run, call):
    assert max(run.selection.counts) > 1
    assert verify(scene.workspace, run.folder, Progress()).problems == []
    assert call("verify", run.folder)[0] == 0
    assert call("compare", run.folder, scene.earlier("within").folder)[0] == 0
    assert call("evaluate", run.folder)[0] == 0
    assert call("reproduce", run.folder)[:2] == (0, f"identical: ids_sha256 {manifest.ids_sha256(run.ids)}\n")


@pytest.mark.parametrize("how", HARMS)
def test_verify_says_what_is_wrong(shared, copy, call, how):
    run, (harm, line) = copy, HARMS[how]
    harm(run.folder)
    found = verify(shared.workspace, run.folder, Progress())
    assert len(found.problems) == 1
    assert found.problems[0].startswith(line)
    code, out, err = call("verify", run.folder)
    assert (code, out) == (1, "")
    assert err.splitlines() == [found.problems[0]]
    code, out, err = call("verify", run.folder, "--json")
    assert (code, json.loads(out)["intact"], json.loads(out)["problems"]) == (1, False, [found.problems[0]])


@pytest.mark.parametrize("how", HARMS)
@pytest.mark.parametrize("command", ["compare", "evaluate", "reproduce", "export"])
def test_nothing_is_read_from_a_damaged_run(shared, copy, call, tmp_path, how, command):
    """Refused as damaged, in one line, before anything is computed: neither compared nor called different."""
    run, (harm, line) = copy, HARMS[how]
    harm(run.folder)
    words = {
        "compare": [shared.earlier("within").folder],
        "evaluate": [],
        "reproduce": [],
        "export": ["--format", "ids", "--out", tmp_path / "x.txt"],
    }[command]
    code, out, err = call(command, run.folder, *words)
    assert (code, out) == (2, "")
    (said,) = err.splitlines()
    assert line in said
    assert "different" not in said
    if command != "export":
        assert said.startswith(f"{run.folder} is damaged and cannot be ")
        assert said.endswith("Choose again, or take a whole copy of the folder.")
    assert not (tmp_path / "x.txt").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"NaN", b'{"result": 1e999}', b"[" * 100_000])
@pytest.mark.parametrize("command", ["verify", "compare", "evaluate", "reproduce"])
def test_a_manifest_that_cannot_be_read_is_one_line_everywhere(shared, copy, call, command, content):
    (copy.folder / "manifest.json").write_bytes(content)
    words = [shared.earlier("within").folder] if command == "compare" else []
    code, out, err = call(command, copy.folder, *words)
    assert (code, out) == (2, "")
    (said,) = err.splitlines()
    assert re.search(
        "its lists and objects lie too deep|it is not JSON|is not a datasel manifest|has schema version None", said
    )


def test_a_combination_may_count_a_sample_more_often_than_once(scene, run, call):
    """Its budget is of samples; of all others the counts sum to what was granted."""
    from datasel_core.runs.derivations.combine import combine

    both = combine(scene.workspace, "union", [run.folder, scene.earlier("within").folder])
    assert sum(column(both.folder, "count")) > both.manifest["budget"]["granted"]
    assert call("verify", both.folder)[0] == 0


# ---- spec.json


SPECS = {
    "pool": ({"pool": "task"}, "another pool (task, not all)"),
    "method": ({"method": "random", "target": None, "params": {}}, "another method (random, not tsds)"),
    "parameter": ({"params": {"sampling": "multinomial", "alpha": 0.25}}, "another parameter ("),
    "no parameters": ({"params": {}}, "another parameter ("),
    "budget": ({"budget": "10"}, "another budget (10, not 9)"),
    "share": ({"budget": "50%"}, "another budget (30, not 9)"),
    "seed": ({"seed": 4}, "another seed (4, not 0)"),
    "target": ({"target": "all"}, "another target (all, not task)"),
    "filter": ({"where": "amount < 3"}, "another filter (amount < 3, not None)"),
    "within": ({"within": None}, "another earlier selection ([], not ['within'])"),
    "already": ({"already": "x"}, "another earlier selection (['within', 'already'], not ['within'])"),
    "feature": ({"use": {"embedding": "0" * 16}}, f"another feature (['embedding={'0' * 16}'], not [])"),
    "its feature": ({"use": {"target.embedding": "vit_embedding"}}, "another feature ("),
}


@pytest.mark.parametrize("what", SPECS)
def test_a_spec_that_asks_something_else_is_named(scene, run, call, what):
    changes, said = SPECS[what]
    rewritten(run.folder / "spec.json", **changes)
    code, _, err = call("verify", run.folder)
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith(f"spec.json asks for {said}")
    assert line.endswith("than the manifest answers.")
    engine.select(scene.workspace, spec_again(scene))  # asked again, it says again what was asked
    assert call("verify", run.folder)[0] == 0


def spec_again(scene):
    within = str(scene.earlier("within").folder)
    return scene.spec("tsds", 9, params={"sampling": "multinomial", "alpha": 1.0}, within=within)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pool": 3}', '{"pool": "all", "metod": "x"}', "\ud800"])
def test_a_damaged_spec_is_named(copy, call, content):
    run = copy
    (run.folder / "spec.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    code, _, err = call("verify", run.folder)
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith("spec.json is damaged: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": "15%"},
        {"params": {"sampling": "multinomial", "alpha": "1"}},
        {"use": {"embedding": "imported"}},
        {"use": {"embedding": "image"}},
        {"use": {"patterns": "0" * 16}},
        {"within": "elsewhere"},
        {"command": "typed by hand"},
        {"do": "select"},
    ],
)
def test_the_same_question_in_other_words_is_the_same(copy, call, changes):
    rewritten(copy.folder / "spec.json", **changes)
    assert call("verify", copy.folder)[0] == 0


@pytest.mark.parametrize("command", ["verify", "reproduce", "evaluate"])
def test_a_manifest_without_a_result_is_one_line(copy, call, command):
    for result in (3, None, [], "x"):
        signed(copy.folder, result=result)
        code, out, err = call(command, copy.folder, "--json")
        assert (code, out) == (2, "")
        assert err == f"{copy.folder / 'manifest.json'} is damaged: its result is none.\n"


@pytest.mark.parametrize("content", ['{"mine": 1}', "[]", "{"])
def test_a_spec_of_somebody_else_is_none_of_ours(copy, call, content):
    """In a folder of a person's choosing; one that is a question is ours, and has to be the right one."""
    (copy.folder / "what.json").unlink()
    good = (copy.folder / "spec.json").read_text()
    (copy.folder / "spec.json").write_text(content)
    assert call("verify", copy.folder)[0] == 0
    (copy.folder / "spec.json").write_text(good)
    rewritten(copy.folder / "spec.json", seed=4)
    assert call("verify", copy.folder)[0] == 1


def test_a_selection_without_a_spec_is_verified_as_it_is(copy, call):
    (copy.folder / "spec.json").unlink()
    assert call("verify", copy.folder)[0] == 0


# ---- features


@pytest.mark.parametrize("of", ["all", "task"])
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("gone", "is not in this workspace"),
        ("others", "is not what it was: its values are others by now"),
        ("damaged", "is not what it was: it is damaged"),
    ],
)
def test_a_feature_that_is_no_longer_what_the_manifest_names_is_a_note(scene, run, call, of, how, why):
    """The selection is intact, and says so; it cannot be run again, and says so too."""
    said = run.manifest["features"] if of == "all" else run.manifest["target"]["features"]
    key = said["embedding"]["key"]
    folder = scene.workspace.feature(key)
    if how == "gone":
        shutil.rmtree(folder)
    elif how == "others":
        rewritten(folder / "meta.json", fingerprint="0" * 64)
    else:
        flipped(folder / "values.npy")
    code, out, err = call("verify", run.folder)
    assert (code, out.split(":")[0]) == (0, "intact")
    kind = "feature" if of == "all" else "target's feature"
    (line,) = err.splitlines()
    assert line.startswith(
        f"The {kind} imported (role embedding, key {key}) {why}, so the selection cannot be run again; "
    )
    assert f"feature import {of} embedding" in line or f"pool add {of} " in line
    code, out, _ = call("verify", run.folder, "--json")
    assert (code, json.loads(out)["intact"], json.loads(out)["notes"]) == (0, True, [line])
    assert call("reproduce", run.folder)[0] == 2


def test_a_column_is_no_feature_that_could_be_lost(scene, call):
    run = scene.ask("stratified", 9)
    assert call("verify", run.folder)[2] == ""


# ---- pools


@pytest.fixture
def beside(scene, tmp_path, rng):
    """Another pool, which nothing asks for; its name comes before the others'."""
    np.savez(tmp_path / "v.npz", ids=[f"v{at}" for at in range(9)], embedding=clustered(rng, 9, 4, 2))
    return add_pool(scene.workspace, "a-beside", str(tmp_path / "v.npz"), "vectors")


ABOUTS = {
    "empty": b"",
    "cut": b'{"name": ',
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "nothing": b"{}",
    "null": b"null",
    "numbers": b"1e999",
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("how", [*ABOUTS, "a word", "a folder"])
def test_a_damaged_pool_is_named_and_stops_no_other(scene, beside, run, call, tmp_path, how):
    path = beside.folder / "pool.json"
    if how == "a word":
        path.write_text(path.read_text().replace('"n": 9', '"n": 8'))
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(ABOUTS[how])
    remedy = "add it again: python -m datasel_core pool add a-beside SOURCE"
    line = f"The pool a-beside is damaged (pool.json is missing or was changed); {remedy}"
    code, out, err = call("pool", "list")
    assert (code, [one.split("\t")[0] for one in out.splitlines()]) == (0, ["all", "task"])
    assert err.splitlines() == [f"passed over: {line}"]
    assert [one["name"] for one in json.loads(call("pool", "list", "--json")[1])] == ["all", "task"]
    for words in (["pool", "show", "all"], ["select", "all", "k_center", "--budget", 3], ["runs"]):
        assert call(*words)[0] == 0, words
    for words in (["verify", run.folder], ["reproduce", run.folder], ["evaluate", run.folder]):
        assert call(*words)[0] == 0, words
    code, _, err = call("export", run.folder, "--format", "csv", "--out", tmp_path / "kept.csv")
    assert (code, line in err.splitlines()) == (0, True)
    assert [one["name"] for one in disk.pools(scene.workspace)] == ["all", "task"]
    assert disk.damaged_pools(scene.workspace) == [line]
    for words in (["pool", "show", "a-beside"], ["select", "a-beside", "random", "--budget", 3]):
        code, _, err = call(*words)
        assert (code, err.splitlines()) == (2, [line])


@pytest.mark.parametrize("name", ["pool.json", "pool.parquet"])
def test_the_remedy_of_a_damaged_pool_works(scene, beside, call, tmp_path, name):
    before = (beside.fingerprint, beside.table_sha256)
    flipped(beside.folder / name, 20)
    code, _, err = call("pool", "show", "a-beside")
    assert code == 2
    words = err.strip().partition("add it again: python -m datasel_core ")[2].split()
    assert words[:3] == ["pool", "add", "a-beside"]
    words[3] = str(tmp_path / "v.npz") if words[3] == "SOURCE" else words[3]
    assert call(*words)[0] == 0
    again = load_pool(scene.workspace, "a-beside")
    assert (again.fingerprint, again.table_sha256) == before


@pytest.mark.parametrize("how", ["text", "folder"])
def test_a_damaged_pool_can_be_removed(scene, beside, how):
    path = beside.folder / "pool.json"
    path.unlink()
    path.write_text("{") if how == "text" else path.mkdir()
    remove_pool(scene.workspace, "a-beside")
    assert pool_names(scene.workspace) == ["all", "task"]


def test_a_folder_that_no_pool_can_be_called_by_stops_no_other(scene, beside, run, call):
    beside.folder.rename(beside.folder.parent / "two words")
    code, out, err = call("pool", "list")
    assert (code, [one.split("\t")[0] for one in out.splitlines()]) == (0, ["all", "task"])
    assert err.startswith("passed over: The pool name 'two words' will not do; ")
    assert call("reproduce", run.folder)[0] == 0


def test_the_pool_of_a_selection_that_is_damaged_is_named(scene, run, call):
    path = scene.workspace.pool("all") / "pool.json"
    path.write_text("{")
    line = "The pool all is damaged (pool.json is missing or was changed); add it again: "
    code, out, err = call("verify", run.folder)
    assert (code, out.split(":")[0]) == (0, "intact")
    assert err.splitlines()[0].startswith(f"Not looked at: {line}")
    for words in (["reproduce", run.folder], ["evaluate", run.folder, "--probe", "linear"]):
        code, _, err = call(*words)
        assert code == 2
        assert err.splitlines()[-1].startswith(line)


def leaves(value, at=()):
    if isinstance(value, dict | list) and value:
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for name, inner in inside for place in leaves(inner, (*at, name))]
    return [at]


def test_every_word_of_a_pool_is_guarded(scene, beside):
    path = beside.folder / "pool.json"
    good = json.loads(path.read_text())
    places = leaves(good)
    assert len(places) > 9
    for place in places:
        bad = inner = json.loads(path.read_text())
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = [inner[place[-1]]]
        path.write_text(json.dumps(bad))
        with pytest.raises(BadInput, match=r"The pool a-beside is damaged \(pool.json is missing or was changed\)"):
            load_pool(scene.workspace, "a-beside")
        path.write_text(json.dumps(good))
    assert load_pool(scene.workspace, "a-beside").n == 9  # its form says nothing, its content all


def test_a_pool_that_was_kept_before_pools_had_a_hash_opens(scene, beside, call):
    """What has to stand in it is looked for; added again it has a hash."""
    path = beside.folder / "pool.json"
    old = {name: value for name, value in json.loads(path.read_text()).items() if name != "sha256"}
    path.write_text(json.dumps(old))
    assert load_pool(scene.workspace, "a-beside").fingerprint == beside.fingerprint
    for name in ("kind", "fingerprint", "n", "source", "root", "options", "unreadable", "notes"):
        path.write_text(json.dumps({other: value for other, value in old.items() if other != name}))
        with pytest.raises(BadInput, match="The pool a-beside is damaged"):
            load_pool(scene.workspace, "a-beside")
    path.write_text(json.dumps(old))
    assert call("pool", "add", "a-beside", old["source"])[0] == 0
    assert "sha256" in json.loads(path.read_text())


def test_a_folder_that_was_renamed_is_a_pool_of_that_name(scene, beside, call):
    beside.folder.rename(scene.workspace.pool("renamed"))
    assert described(scene.workspace)[1] == {}
    assert json.loads(call("pool", "show", "renamed", "--json")[1])["name"] == "renamed"


def test_a_damaged_demo_is_made_again(workspace, monkeypatch, tmp_path, rng):
    from datasel_core.actions import demo

    np.savez(tmp_path / "v.npz", ids=[f"v{at}" for at in range(9)], embedding=clustered(rng, 9, 4, 2))
    (workspace.demo("v")).mkdir(parents=True)
    shutil.copy(tmp_path / "v.npz", workspace.demo("v") / "v.npz")
    monkeypatch.setattr(demo, "_DEMOS", {"v": ("vectors", "v/v.npz")})
    monkeypatch.setattr("datasel_core.pools.demo.questions.make_questions", lambda *_, **__: None)
    monkeypatch.setattr("datasel_core.pools.demo.scenes.make_scenes", lambda *_, **__: None)
    (made,) = demo.make_demo(workspace)
    (workspace.pool("v") / "pool.json").write_text("{")
    (again,) = demo.make_demo(workspace)
    assert again.fingerprint == made.fingerprint


# ---- what.json


def answered(scene, budget=12, **asked):
    question = scene.plan("k_center", budget, **asked)
    return sorted(found for found, _ in answers(scene.workspace, question.open()))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"budget": "x"}', b"[" * 100_000])
def test_a_damaged_note_of_what_decided_a_run_stops_no_other(scene, content, call):
    long, short = scene.ask("k_center", 12), scene.ask("k_center", 4)
    assert answered(scene) == [4, 12]
    (short.folder / "what.json").write_bytes(content)
    assert answered(scene) == [12]
    assert len(list(finished(scene.workspace))) == 2
    assert scene.ask("k_center", 7).ids == long.ids[:7]
    assert call("runs")[0] == 0
    assert call("verify", short.folder)[0] == 0


def test_a_run_answers_no_other_question_than_the_one_it_is_called_by(scene):
    """One digit in what.json, and the answer to another seed would be given."""
    other = scene.ask("k_center", 12, seed=1)
    rewritten(other.folder / "what.json", seed=0)
    assert answered(scene) == []
    assert scene.ask("k_center", 5).ids == scene.ask("k_center", 5, anew=True).ids
    assert set(scene.ask("k_center", 5).ids) != set(other.ids[:5])


# ---- answers


def test_reproduce_says_different_only_of_what_is_whole(scene, run, call):
    """Another answer of an intact manifest is different; a damaged one is damaged."""
    others = {**manifest.read(run.folder)["result"], **manifest.result(column(run.folder, "id"))}
    assert reproduction.reproduce(scene.workspace, run.folder)["identical"]
    signed(run.folder, seed=7, result=others)  # a manifest that is whole, of which the answer is another
    code, out, err = call("reproduce", run.folder)
    assert (code, out.split(":")[0]) == (1, "different")
    assert "The ids differ" in err
    flipped(run.folder / "selection.parquet")
    with pytest.raises(BadRequest, match="is damaged and cannot be run again"):
        reproduction.reproduce(scene.workspace, run.folder)


def test_spec_answers_are_those_of_the_command_line(scene):
    """The question that a manifest stands for is the one that was asked."""
    from datasel_core.runs.question import spec_of

    run = scene.ask("k_center", "10%", params={"metric": "euclidean"}, where="amount < 50")
    found = spec_of(run.manifest)
    assert isinstance(found, Spec)
    assert (found.pool, found.method, found.budget, found.where) == ("all", "k_center", "10%", "amount < 50")
    assert found.params["metric"] == "euclidean"
