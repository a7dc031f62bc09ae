"""A held-out set: whole parts, drawn at random, frozen, and refused in one line where it cannot be."""

import json
from threading import Thread

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence import parts as grouping
from datasel_core.evidence.holdout import drawn
from datasel_core.evidence.parts import parts
from datasel_core.features.roles import Roles
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.conftest import paint


def texts(workspace, folder, n=100, name="t"):
    """Twenty patients, one line without one; the first two texts are the same."""
    lines = [
        {"id": f"s{at}", "text": f"text {max(at, 1)}", "patient": None if at == 7 else f"p{at % 20}"} for at in range(n)
    ]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    return add_pool(workspace, name, str(folder / f"{name}.jsonl"), "text")


def with_vectors(workspace, pool, vectors, folder):
    np.savez(folder / "v.npz", ids=pool.ids.astype(str), embedding=vectors.astype(np.float32))
    import_feature(workspace, pool, "embedding", str(folder / "v.npz"))


def reached(links, n):
    """Components by walking, for comparison."""
    near = {at: {at} for at in range(n)}
    for one, other in links:
        near[one].add(other), near[other].add(one)
    found = [-1] * n
    for at in range(n):
        queue = [at] if found[at] < 0 else []
        while queue:
            here = queue.pop()
            if found[here] < 0:
                found[here] = at
                queue += near[here]
    return found


def same_parts(one, other):
    pairs = set(zip(np.asarray(one).tolist(), np.asarray(other).tolist(), strict=True))
    return len(pairs) == len(set(one)) == len(set(other))


def test_parts_are_what_a_walk_from_sample_to_sample_reaches(workspace, tmp_path, rng, monkeypatch):
    """Same text, same patient, cosine from .95: each alone and together; in tiles smaller than the pool."""
    monkeypatch.setattr(grouping, "_BLOCK", 17)
    pool = texts(workspace, tmp_path)
    centres = rng.standard_normal((30, 8))
    vectors = centres[rng.integers(30, size=100)] + 0.12 * rng.standard_normal((100, 8))
    with_vectors(workspace, pool, vectors, tmp_path)
    unit = vectors.astype(np.float32) / np.linalg.norm(vectors.astype(np.float32), axis=1, keepdims=True)
    near = np.argwhere(unit @ unit.T >= 0.95).tolist()
    patients = [(a, b) for a in range(100) for b in range(100) if a % 20 == b % 20 and 7 not in (a, b)]
    roles = Roles.of(workspace, pool)
    for by, there, links in (
        (None, None, []),
        ("patient", None, patients),
        (None, roles, near),
        ("patient", roles, patients + near),
    ):
        found = parts(pool, by, there, Progress())
        assert same_parts(found.tolist(), reached([(0, 1), *links], 100)), by
    assert 10 < len(set(parts(pool, None, roles, Progress()).tolist())) < 99


def test_captions_of_one_picture_are_one_part(workspace, tmp_path):
    for at in range(4):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines = "".join(f"{at % 4}.jpg,caption {at}\n" for at in range(12))
    (tmp_path / "in" / "t.csv").write_text("path,caption\n" + lines)
    pool = add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "pairs")
    assert same_parts(parts(pool, None, None, Progress()).tolist(), pool.column("path").tolist())
    assert pool.n == 12


def test_a_draw_takes_whole_parts_as_near_to_the_number_as_they_allow(rng):
    of = np.repeat(np.arange(40), rng.integers(1, 9, 40))
    rng.shuffle(of)
    for seed in range(20):
        rows = drawn(of, np.flatnonzero(of == 3), 60, np.random.default_rng(seed))
        taken = set(of[rows])
        assert len(rows) == np.isin(of, list(taken)).sum()
        assert 3 not in taken
        assert abs(len(rows) - 60) <= 4
    whole = [drawn(np.arange(50), np.empty(0, int), 10, np.random.default_rng(seed)) for seed in range(2000)]
    counts = np.bincount(np.concatenate(whole), minlength=50)
    assert {len(rows) for rows in whole} == {10}
    assert np.abs(counts - 400).max() < 5 * np.sqrt(2000 * 0.2 * 0.8)  # every sample as often as any other


def test_what_was_drawn_is_frozen_and_found_again_by_id(workspace, tmp_path, capsys):
    pool = texts(workspace, tmp_path)
    assert main(["holdout", "t", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ids": []}
    assert main(["holdout", "t", "--share", "20%", "--by", "patient", "--seed", "3", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    patients = {id: patient for id, patient in zip(pool.ids, pool.column("patient"), strict=True)}
    inside = {patients[id] for id in said["ids"]} - {None}
    assert {id for id, patient in patients.items() if patient in inside} <= set(said["ids"])
    assert (said["share"], said["by"], said["near"], said["seed"]) == ("20%", "patient", False, 3)
    assert 15 <= len(said["ids"]) <= 25
    assert main(["holdout", "t", "--share", "30%"]) == 2
    assert "t has a held-out set already: " in capsys.readouterr().err
    lines = (tmp_path / "t.jsonl").read_text().splitlines()
    (tmp_path / "t.jsonl").write_text("\n".join([json.dumps({"id": "new", "text": "n"}), *lines[:-5]]) + "\n")
    again = add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    found = holdout.held_out(again)
    assert found.ids == said["ids"]
    assert set(again.ids[found.rows(again)]) == set(said["ids"]) & set(again.ids)
    gone = len(set(said["ids"]) - set(again.ids))
    assert main(["holdout", "t"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"Held-out set of t: {len(said['ids'])} of 100 samples in ")
    assert (f"{gone} of them are no longer in the pool." in told.err) is (gone > 0)
    assert main(["holdout", "t", "--remove"]) == 0
    assert holdout.of(again) is None


def test_a_gold_set_stands_beside_and_shares_nothing(workspace, tmp_path, capsys):
    pool = texts(workspace, tmp_path)
    assert main(["holdout", "t", "--share", "50%", "--by", "patient"]) == 0
    assert main(["holdout", "t", "--share", "20", "--gold", "--by", "patient"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("Gold set of t: 20 of 100 samples in ")
    aside = holdout.of(pool)
    one, other = (set(aside.sets[kind].ids) for kind in ("holdout", "gold"))
    assert not one & other
    assert len(aside.rows(pool)) == len(one | other) == aside.n
    assert holdout.n_candidates(pool) == 100 - aside.n
    assert main(["holdout", "t", "--gold", "--remove"]) == 0
    assert holdout.of(pool).what() == {"holdout": aside.sets["holdout"].about["ids_sha256"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["t", "--by", "patient"], "--by and --near say how a set is drawn; say how large it is with --share."),
        (
            ["t", "--share", "10%", "--remove"],
            "--remove gives the set up; draw another one after that, without --remove.",
        ),
        (["t", "--share", "100%"], "The share is 100%; some samples must be left to choose from."),
        (["t", "--share", "99.9%"], "The share is 99.9%; some samples must be left to choose from."),
        (["t", "--share", "100"], "The share is 100; some samples must be left to choose from."),
        (
            ["t", "--share", "60%", "--by", "one"],
            "Nothing of t would be left to choose from: of 100 samples 0 are set aside, and 100 were drawn; ask for a "
            "smaller share, or draw by another column.",
        ),
        (["t", "--share", "0"], "it must be from 1 to 100"),
        (["t", "--share", "many"], "it must be a count such as 100 or a share such as 10%"),
        (["t", "--share", "10%", "--by", "hospital"], "hospital"),
        (["t", "--share", "10%", "--near"], "--near looks for near-duplicates in an embedding, and t has none yet"),
        (["t", "--share", "2", "--by", "one"], "No part of t is small enough for 2 samples: the largest holds 100"),
        (["u", "--share", "2"], "There is no pool called u"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_nothing_is_set_aside(workspace, tmp_path, capsys, words, said):
    lines = [{"id": f"s{at}", "text": f"text {at}", "patient": at % 20, "one": "x"} for at in range(100)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    pool = add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    assert main(["holdout", *words]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert holdout.of(pool) is None


def test_two_sets_never_take_all_there_is(workspace, tmp_path, capsys):
    pool = texts(workspace, tmp_path)
    first = drawing.draw(workspace, pool, "60%")
    assert main(["holdout", "t", "--share", "60%", "--gold"]) == 2
    assert (
        f"of 100 samples {len(first.ids)} are set aside, and {100 - len(first.ids)} were drawn; ask for a smaller share"
        in capsys.readouterr().err
    )
    assert holdout.of(pool).what().keys() == {"holdout"}


def test_two_sets_that_are_drawn_at_once_share_nothing(workspace, tmp_path, monkeypatch):
    """One is asked for while the other is half drawn: it waits, and sees what the other took."""
    pool, found, threads = texts(workspace, tmp_path), {}, []
    save = holdout.save

    def gold():
        found["gold"] = drawing.draw(workspace, pool, "30%", kind=holdout.GOLD).ids

    def meanwhile(pool, kind, *rest):
        if kind == holdout.HOLDOUT:
            threads.append(Thread(target=gold))
            threads[0].start()
            threads[0].join(1)  # as long as it may take to draw, where nothing holds it back
        return save(pool, kind, *rest)

    monkeypatch.setattr(holdout, "save", meanwhile)
    found["holdout"] = drawing.draw(workspace, pool, "30%").ids
    threads[0].join(600)
    assert found["gold"]
    assert found["holdout"]
    assert not set(found["gold"]) & set(found["holdout"])


def test_samples_without_a_value_are_drawn_one_by_one(workspace, tmp_path):
    lines = [{"id": f"s{at}", "text": f"text {at}", "patient": "" if at < 50 else f"p{at % 10}"} for at in range(100)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    pool = add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    found = parts(pool, "patient", None, Progress())
    assert len(set(found[:50].tolist())) == 50
    assert len(set(found[50:].tolist())) == 10


def test_a_sample_is_held_out_whatever_it_is_called(workspace, tmp_path):
    """numpy takes a NUL at the end of a text for nothing."""
    ids = ["nul\0", "\u202eabc", "a\tb'\";=", *(f"s{at}" for at in range(17))]
    table = {"id": ids, "embedding": np.eye(20).tolist()}
    pq.write_table(pa.table(table), tmp_path / "w.parquet")
    pool = add_pool(workspace, "w", str(tmp_path / "w.parquet"), "vectors")
    holdout.save(pool, holdout.HOLDOUT, ids[:3], np.arange(3), {})
    assert holdout.of(pool).rows(pool).tolist() == [0, 1, 2]


@pytest.mark.parametrize("damage", ["holdout.json", "holdout.parquet", "missing table", "not json"])
def test_a_damaged_set_is_never_chosen_from(workspace, tmp_path, capsys, damage):
    pool = texts(workspace, tmp_path)
    drawing.draw(workspace, pool, "20%")
    if damage == "holdout.json":
        path = pool.folder / "holdout.json"
        path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    elif damage == "holdout.parquet":
        table = pq.read_table(pool.folder / "holdout.parquet")
        pq.write_table(table.slice(1), pool.folder / "holdout.parquet")
    elif damage == "missing table":
        (pool.folder / "holdout.parquet").unlink()
    else:
        (pool.folder / "holdout.json").write_text("{")
    with pytest.raises(BadInput):
        holdout.of(load_pool(workspace, "t"))
    for words in (["select", "t", "random", "--budget", "5"], ["holdout", "t"]):
        capsys.readouterr()
        assert main(words) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith("The held-out set of t is damaged (holdout.")
        assert said.endswith("or give the set up: python -m datasel_core holdout t --remove")
    assert main(["holdout", "t", "--remove"]) == 0
    assert main(["select", "t", "random", "--budget", "5"]) == 0


def test_a_set_is_there_only_when_it_is_whole(workspace, tmp_path, monkeypatch):
    """Killed between table and JSON, nothing is set aside; asked again, the same is."""
    pool = texts(workspace, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(holdout, "write_json", lambda *said: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            drawing.draw(workspace, pool, "20%", seed=5)
    assert (pool.folder / "holdout.parquet").exists()
    assert holdout.of(pool) is None
    first = drawing.draw(workspace, pool, "20%", seed=5)
    other = texts(workspace, tmp_path, name="u")
    assert drawing.draw(workspace, other, "20%", seed=5).ids == first.ids
    assert holdout.read_aside(_kept(pool, tmp_path)).what() == holdout.of(pool).what()


def _kept(pool, folder):
    pq.write_table(holdout.of(pool).table(), folder / "aside.parquet")
    return folder / "aside.parquet"


def test_a_file_that_is_no_such_set_is_one_line(tmp_path):
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "x.parquet")
    for path in (tmp_path / "x.parquet", tmp_path / "none.parquet"):
        with pytest.raises(BadInput, match="cannot be read"):
            holdout.read_aside(path)


def test_selections_made_before_are_counted(workspace, tmp_path, capsys):
    texts(workspace, tmp_path)
    for budget in ("5", "6"):
        assert main(["select", "t", "random", "--budget", budget]) == 0
    assert main(["select", "t", "random", "--budget", "7"]) == 0
    damaged = workspace.path / "runs" / capsys.readouterr().out.splitlines()[-1].rsplit("/", 1)[1]
    (damaged / "manifest.json").write_text("{")  # which shows nothing, and is told elsewhere
    assert main(["holdout", "t", "--share", "20%"]) == 0
    assert (
        "2 kept selections were made before this set was drawn; what they show on it proves nothing: choose again."
        in (capsys.readouterr().err)
    )


def test_a_draw_is_not_that_of_random_under_the_same_seed(workspace, tmp_path):
    """Else a first batch that was chosen at random is exactly what is held out afterwards."""
    lines = [json.dumps({"id": f"s{at}", "text": f"text {at}"}) for at in range(100)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n")
    pool = add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    before = select(workspace, Spec(pool="t", method="random", budget="50"))
    held = drawing.draw(workspace, pool, "20")
    assert 2 <= len(set(held.ids) & set(before.ids)) <= 18
