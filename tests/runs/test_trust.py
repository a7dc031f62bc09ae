"""What must never happen quietly: an old answer to a new question, a filter that is more than a filter, a damaged file
taken for a good one.
"""

import json
import os
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core import worker
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, BadRequest
from datasel_core.exports.files import Files
from datasel_core.exports.jsonl import JsonLines
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.pools.persistence import load_pool, remove_pool
from datasel_core.runs import engine, manifest, reproduction
from datasel_core.runs.candidates import matching
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, paint, task_of


def table(tmp_path, groups, name="t"):
    lines = [f"{at:02d}.jpg,{group},{at}" for at, group in enumerate(groups)]
    (tmp_path / "in").mkdir(exist_ok=True)
    for at in range(len(groups)):
        paint(tmp_path / "in" / f"{at:02d}.jpg", at)
    (tmp_path / "in" / f"{name}.csv").write_text("path,group,amount\n" + "\n".join(lines) + "\n")
    return str(tmp_path / "in" / f"{name}.csv")


def ask(workspace, **asked):
    return engine.select(workspace, Spec(**{"pool": "p", "method": "stratified", "budget": "4", **asked}))


def test_groups_that_changed_are_a_new_question(workspace, tmp_path):
    add_pool(workspace, "p", table(tmp_path, "aaaaaaab"), "images")
    before = ask(workspace)
    add_pool(workspace, "p", table(tmp_path, "abababab"), "images")
    after = ask(workspace)
    assert after.key != before.key
    assert after.table["group"].to_pylist() == [
        row_group for row_group in load_pool(workspace, "p").column("group")[after.selection.rows]
    ]
    said = reproduction.reproduce(workspace, before.folder)
    assert said["columns_changed"]
    assert not said["identical"]


def test_a_filter_on_a_column_that_changed_is_a_new_question(workspace, tmp_path):
    add_pool(workspace, "p", table(tmp_path, "aaaaaaab"), "images")
    before = ask(workspace, method="random", where="amount < 4")
    text = (tmp_path / "in" / "t.csv").read_text().replace("00.jpg,a,0", "00.jpg,a,9")
    (tmp_path / "in" / "t.csv").write_text(text)
    add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "images")
    with pytest.raises(BadParameter, match="from 1 to 3"):
        ask(workspace, method="random", where="amount < 4")
    assert "00.jpg" in before.ids


def test_pools_of_the_same_photos_answer_under_their_own_name(workspace, tmp_path):
    for name in ("p", "q"):
        add_pool(workspace, name, table(tmp_path, "aaaabbbb", name), "images")
    assert [ask(workspace, pool=name).manifest["pool"]["name"] for name in ("p", "q")] == ["p", "q"]
    remove_pool(workspace, "q")
    assert reproduction.reproduce(workspace, ask(workspace, pool="p").folder)["identical"]


@pytest.mark.parametrize(
    "where",
    [
        "true) union all select 0 --",
        "true) union all select (1",
        "true; drop table pool",
        "true limit 1",
        "amount > 1, true",
        "row",
        "",
    ],
)
def test_a_filter_is_one_condition_and_nothing_else(workspace, tmp_path, where):
    pool = add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    if where == "row":
        assert (
            matching(pool, "row > 0").tolist() == [False] + [True] * 7
        )  # the position in the pool: harmless, and of use
        return
    with pytest.raises(BadRequest, match="give one condition on the columns id, path, group"):
        matching(pool, where)


def test_a_filter_sees_a_column_of_any_name(workspace, tmp_path):
    source = table(tmp_path, "aaaabbbb")
    text = (tmp_path / "in" / "t.csv").read_text().splitlines()
    (tmp_path / "in" / "t.csv").write_text(
        "\n".join([text[0] + ",ROW,row_", *(f"{line},{9 - at},x" for at, line in enumerate(text[1:]))]) + "\n"
    )
    pool = add_pool(workspace, "p", source, "images")
    assert matching(pool, "ROW >= 8").tolist() == [True, True] + [False] * 6
    assert matching(pool, "row_ = 'x'").all()


def test_a_filter_that_nobody_could_repeat_is_refused(workspace, tmp_path):
    pool = add_pool(workspace, "p", table(tmp_path, "a" * 40), "images")
    with pytest.raises(BadRequest, match="other rows each time"):
        matching(pool, "random() < 0.5")


def test_named_columns_win_and_must_be_there(workspace, tmp_path):
    for at in range(2):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    (tmp_path / "in" / "t.csv").write_text(
        "path,file,id,name,group,kind\nx.jpg,0.jpg,a,one,g,k\ny.jpg,1.jpg,b,two,g,l\n"
    )
    options = {"path_column": "file", "id_column": "name", "group_column": "kind"}
    pool = add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "images", options)
    assert pool.ids.tolist() == ["one", "two"]
    assert pool.column("group").tolist() == ["k", "l"]
    for option in options:
        with pytest.raises(BadInput, match="has no column naem; it has: path, file"):
            add_pool(workspace, "q", str(tmp_path / "in" / "t.csv"), "images", {option: "naem"})


def test_the_last_import_fills_the_role(workspace, tmp_path, rng):
    pool = add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    first, second = clustered(rng, 8, 4, 2), clustered(rng, 8, 4, 2)
    for values in (first, second, first):
        np.savez(tmp_path / "e.npz", ids=pool.ids.astype("S"), embedding=values)
        import_feature(workspace, pool, "embedding", str(tmp_path / "e.npz"))
    newest = kept_features(workspace, pool.fingerprint)[-1]
    assert np.array_equal(newest.values(), first)
    assert len(kept_features(workspace, pool.fingerprint)) == 2


def test_the_same_bytes_as_other_numbers_are_another_feature(workspace, tmp_path):
    pool = add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    values = np.arange(1, 33, dtype=np.float32).reshape(8, 4)
    kept = []
    for array in (values, values.view(np.int32), values.reshape(8, 2, 2)):
        np.savez(tmp_path / "e.npz", ids=pool.ids.astype("U"), things=array)
        kept.append(import_feature(workspace, pool, "things", str(tmp_path / "e.npz")).kept)
    assert len({one.key for one in kept}) == 3
    assert kept[1].values()[0, 0] == np.float32(values.view(np.int32)[0, 0])


def test_a_kill_between_table_and_description_loses_no_pool(workspace, tmp_path, monkeypatch):
    add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    before = load_pool(workspace, "p")
    source = table(tmp_path, "abababab")

    def killed(path, value):
        raise SystemExit

    for _ in range(2):  # and again, with what the first kill left behind
        with monkeypatch.context() as patch:
            patch.setattr("datasel_core.pools.persistence.write_json", killed)
            with pytest.raises(SystemExit):
                add_pool(workspace, "p", source, "images")
        assert load_pool(workspace, "p").table == before.table
    assert add_pool(workspace, "p", source, "images").column("group").tolist() == list("abababab")
    assert not (workspace.pool("p") / "pool.before.parquet").exists()
    pq.write_table(before.table.slice(1), workspace.pool("p") / "pool.parquet")
    with pytest.raises(BadInput, match="The pool p is damaged .* add it again"):
        load_pool(workspace, "p")


@pytest.mark.parametrize("name", ["manifest.json", "what.json", "selection.parquet"])
@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff\xfe"])
def test_a_damaged_run_stands_in_nobodys_way(workspace, tmp_path, name, content):
    add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    run = ask(workspace, method="random", budget="6")
    (run.folder / name).write_bytes(content)
    assert len(ask(workspace, method="random", budget="3").ids) == 3
    assert (
        ask(workspace, method="random", budget="6").ids == run.ids
        if name == "what.json"
        else len(ask(workspace, method="random", budget="6").ids) == 6
    )
    assert manifest.is_answer(run.folder)


def test_a_damaged_feature_is_no_feature(workspace, tmp_path, rng):
    pool = add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    kept = keep_imported(workspace, pool, "embedding", clustered(rng, 8, 4, 2), np.arange(8), [], "e.npz", Progress())
    for content in ("", "[]", '{"key": "x"}'):
        (kept.folder / "meta.json").write_text(content)
        assert kept_features(workspace, pool.fingerprint) == []


def test_everything_beside_the_answer_is_verified_too(workspace, tmp_path):
    add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    first = ask(workspace, method="random", budget="6")
    run = ask(workspace, method="random", budget="2", within=str(first.folder))
    assert "within.parquet" in run.manifest["files"]
    shutil.copy(run.folder / "selection.parquet", run.folder / "within.parquet")
    assert manifest.problems(run.folder) == ["within.parquet was changed after it was written."]


def test_within_must_be_a_file_of_ids(workspace, tmp_path):
    add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    (tmp_path / "no.parquet").write_text("no")
    pq.write_table(load_pool(workspace, "p").table.select(["path"]), tmp_path / "path.parquet")
    for name in ("no.parquet", "path.parquet", "nowhere.parquet"):
        with pytest.raises(BadInput, match="is no Parquet file with a column id"):
            ask(workspace, within=str(tmp_path / name))


def test_a_row_that_cannot_be_chosen_first_is_refused_before_anything_is_written(workspace, tmp_path, rng):
    pool = add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    keep_imported(workspace, pool, "embedding", clustered(rng, 8, 4, 2), np.arange(8), [], "e.npz", Progress())
    with pytest.raises(BadParameter, match="first is 99; that row is not among the 8"):
        worker.start(workspace, task_of("select", pool="p", method="k_center", params={"first": 99}, budget="2"))
    assert workspace.folders("runs") == []


def test_a_link_that_leads_elsewhere_by_now_is_not_followed(workspace, tmp_path):
    add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    secret = paint(tmp_path.parent / f"{tmp_path.name}-outside" / "x.jpg", 99)
    run = ask(workspace, budget="8")
    (tmp_path / "in" / "03.jpg").unlink()
    (tmp_path / "in" / "03.jpg").symlink_to(secret)
    pool = load_pool(workspace, "p")
    with pytest.raises(BadRequest, match="outside the allowed folders"):
        pool.open(3)
    with pytest.raises(BadRequest, match="outside the allowed folders"):
        Files().write(open_record(workspace, run.folder), tmp_path / "out", Progress())
    assert not (tmp_path / "out" / "03.jpg").exists()


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "loop/x", "x" * 5000])
def test_a_path_that_leads_nowhere_is_one_line(workspace, tmp_path, path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(BadRequest, match="no path that can be followed|lies outside|There is no file"):
        add_pool(workspace, "p", str(tmp_path / path) if path.startswith("loop") else path, "images")


def test_files_of_others_are_never_replaced(workspace, tmp_path):
    add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    run = ask(workspace, budget="8")
    own = tmp_path / "in" / "03.jpg"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "03.jpg").write_bytes(own.read_bytes()[::-1])  # the same size, another content
    with pytest.raises(BadRequest, match="holds files and was not made by datasel; name a new or empty --out"):
        Files().write(open_record(workspace, run.folder), tmp_path / "out", Progress())
    assert (tmp_path / "out" / "03.jpg").read_bytes() == own.read_bytes()[::-1]
    mode = own.stat().st_mode
    for link in (True, False):
        Files(link=link).write(open_record(workspace, run.folder), tmp_path / f"out-{link}", Progress())
        assert (tmp_path / f"out-{link}" / "03.jpg").samefile(own) is link
    assert own.stat().st_mode == mode
    (tmp_path / "out-False" / "03.jpg").write_bytes(b"changed")
    with pytest.raises(BadRequest, match="there already with another content"):  # somebody may want it so
        Files().write(open_record(workspace, run.folder), tmp_path / "out-False", Progress())
    Files().write(open_record(workspace, run.folder), tmp_path / "out-False", Progress(), overwrite=True)
    assert (tmp_path / "out-False" / "03.jpg").read_bytes() == own.read_bytes()


def test_json_lines_hold_no_nan(workspace, tmp_path):
    source = table(tmp_path, "aaaabbbb")
    (tmp_path / "in" / "t.csv").write_text(
        (tmp_path / "in" / "t.csv")
        .read_text()
        .replace(",0\n", ",nan\n")
        .replace(",1\n", ",inf\n")
        .replace(",2\n", ",2.5\n")
    )
    add_pool(workspace, "p", source, "images")
    out = JsonLines().write(open_record(workspace, ask(workspace, budget="8").folder), tmp_path / "x.jsonl", Progress())

    def strict(word):
        raise AssertionError(word)

    read = [json.loads(line, parse_constant=strict) for line in out.read_text().splitlines()]
    assert sorted(row["amount"] or -1 for row in read)[:3] == [-1, -1, 2.5]


def test_python_users_may_name_folders_as_paths(workspace, tmp_path):
    import datasel_core as ds

    pool = add_pool(workspace, "p", table(tmp_path, "aaaabbbb"), "images")
    first = ds.select(pool, ds.method("random")(), budget=6)
    assert set(ds.select(pool, ds.method("random")(), budget=2, within=first.folder).ids) <= set(first.ids)
    with pytest.raises(BadRequest, match="wehre"):
        ds.select(pool, ds.method("random")(), budget=2, wehre="true")
    assert os.path.isdir(first.folder)


def test_columns_that_are_called_like_ours_are_not_lost(workspace, tmp_path):
    lines = [
        {"id": f"q{at}", "text": f"number {at}", "score": at * 10, "rank": f"r{at}", "why": "so"} for at in range(8)
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    add_pool(workspace, "p", str(tmp_path / "t.jsonl"), "text")
    run = ask(workspace, method="random", budget="3")
    theirs = {line["id"]: line for line in lines}
    for row in run.table.to_pylist():
        assert (row["score_"], row["rank_"], row["why_"]) == tuple(
            theirs[row["id"]][name] for name in ("score", "rank", "why")
        )
    assert run.table["rank"].to_pylist() == [1, 2, 3]
