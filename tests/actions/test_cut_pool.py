"""A pool that was cut from another: of every kind the very same samples, whatever they are looked at by."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.features import computation
from datasel_core.features.stored import kept_features
from datasel_core.pools import holdout
from datasel_core.pools.media import pictures as media
from datasel_core.pools.persistence import load_pool, remove_pool
from datasel_core.pools.scan import fingerprint
from datasel_core.runs import engine, reproduction
from datasel_core.runs.catalog import lists
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, paint, task_of
from tests.pools import layouts, test_embedded, test_text_pool, test_webdataset


def folder(path):
    for at in range(9):
        paint(path / "abc"[at % 3] / f"{at:02d}.jpg", at)
    return path, "images"


def shards(path):
    for part in range(2):
        pairs = (one for at in range(4) for one in test_webdataset.sample(f"{part}{at}", 4 * part + at))
        test_webdataset.shard(path / f"{part}.tar", pairs)
    return path, "pairs"


def cells(path):
    pictures = [{"bytes": test_embedded.picture(at), "path": None} for at in range(8)]
    path.mkdir()
    pq.write_table(pa.table({"image": pictures, "label": list(range(8))}), path / "p.parquet", row_group_size=3)
    return path / "p.parquet", "images"


def texts(path):
    said = ({"id": f"t{at}", "prompt": f"How many? {at}", "response": f"{at}."} for at in range(9))
    return test_text_pool.lines(path / "t.jsonl", *said), "text"


def vectors(path):
    path.mkdir()
    ids = [f"s{at}" for at in range(9)]
    np.savez(path / "v.npz", ids=ids, embedding=clustered(np.random.default_rng(0), 9, 4, 3))
    return path / "v.npz", "vectors"


KINDS = {
    "a folder": folder,
    "labelled photos": lambda path: (layouts.coco(path, 9), "images"),
    "shards": shards,
    "pictures in cells": cells,
    "texts": texts,
    "vectors": vectors,
}


@pytest.fixture(params=KINDS)
def parent(request, workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(media, "_TICK", -1)  # so that stamps are kept of files that were written just now
    source, kind = KINDS[request.param](tmp_path / "in")
    return add_pool(workspace, "whole", str(source), kind)


def cut(workspace, name="part", **asked):
    done = perform(workspace, task_of("pool_cut", name=name, parent="whole", **asked), Progress())
    return load_pool(workspace, name), done


def shown(pool, row):
    """All that can be seen of one sample."""
    found = {name: pool.value(name, row) for name in pool.names}
    if "image" in pool.opens:
        found["picture"] = np.asarray(pool.open(row)).tolist()
    if "text" in pool.opens:
        found["said"] = pool.text(row)
    if "turns" in pool.opens:
        found["turns"] = pool.turns(row)
    return found | {"labels": pool.labels(row), "media": str(pool.media(row)) if "image" in pool.opens else ""}


def test_of_every_kind_it_holds_the_very_same_samples(workspace, parent):
    rows = np.array([6, 1, 3, 0])
    listed = lists.keep(workspace, parent, rows, "4 of a region")
    part, done = cut(workspace, within=listed.value)
    assert done.lines == [f"part: 4 of the {parent.n} samples of whole."]
    assert part.ids.tolist() == [str(parent.ids[row]) for row in (0, 1, 3, 6)]
    assert part.names == parent.names
    for id in part.ids:
        mine, theirs = (shown(one, int(one.rows([id])[0])) for one in (part, parent))
        assert mine == theirs
        part.check(int(part.rows([id])[0]))
    whole = parent.take(np.sort(rows), ["id", "content"])
    assert part.fingerprint == fingerprint(whole)
    assert (part.kind, part.root, part.source, part.opens) == (parent.kind, parent.root, parent.source, parent.opens)
    assert part.unreadable == []
    assert part.shard_stamps == parent.shard_stamps or len(part.shard_stamps) < len(parent.shard_stamps)
    assert len({parent.stamp(row) for row in range(parent.n)}) == (parent.n if "path" in parent.columns else 1)
    assert [part.stamp(at) for at in range(4)] == [parent.stamp(row) for row in (0, 1, 3, 6)]
    assert part.cut["from"] == "whole"


def test_origins_of_a_cut_of_a_cut_are_those_of_the_source(workspace, tmp_path):
    said = [{"id": f"t{at}", "prompt": f"How many? {at}", "response": f"{at}."} for at in range(3000)]
    said[4] = {"id": "t4", "prompt": "nothing"}
    source = test_text_pool.lines(tmp_path / "t.jsonl", *said)
    whole = add_pool(workspace, "whole", str(source), "text")
    part, _ = cut(workspace, where="id LIKE '%7'")
    perform(workspace, task_of("pool_cut", name="tiny", parent="part", where="id LIKE '%97'"), Progress())
    tiny = load_pool(workspace, "tiny")
    assert tiny.ids.tolist() == [f"t{at}" for at in range(3000) if at % 100 == 97]
    for pool in (part, tiny):
        found, expected = (one.how.origins(one, pool.ids.tolist(), Progress()) for one in (pool, whole))
        assert {id: (one.at, one.said) for id, one in found.items()} == {
            id: (one.at, one.said) for id, one in expected.items()
        }
        assert len(found) == pool.n


def test_what_was_brought_goes_along_and_what_was_computed_is_named(workspace, tmp_path, rng):
    source, kind = folder(tmp_path / "in")
    whole = add_pool(workspace, "whole", str(source), kind)
    computation.compute_feature(workspace, whole, computation.declared_feature("dictionary_embedding"))
    brought = clustered(rng, 8, 4, 3)
    brought[2] = np.nan
    np.savez(tmp_path / "e.npz", ids=whole.ids[:8].astype(str), embedding=brought)
    asked = {"role": "embedding", "file": str(tmp_path / "e.npz"), "encoder": "mine"}
    perform(workspace, task_of("feature_import", pool="whole", **asked), Progress())
    part, done = cut(workspace, within=lists.keep(workspace, whole, np.array([1, 2, 5, 8]), "some").value)
    (kept,) = [one for one in kept_features(workspace, part.fingerprint) if one.role == "embedding"]
    assert np.array_equal(kept.values(), np.vstack([brought[[1, 2, 5]], np.full(4, np.nan)]), equal_nan=True)
    assert [(one["id"], one["reason"]) for one in kept.unreadable] == [
        (whole.ids[2], "the vector holds NaN or infinite values"),
        (whole.ids[8], "no vector in e.npz"),
    ]
    assert kept.meta["params"] == {"file": "e.npz", "encoder": "mine"}
    title = computation.declared_feature("dictionary_embedding").title
    assert f"Not taken along, to be made anew where wanted: {title}." in done.notes
    run = engine.select(workspace, Spec(pool="part", method="k_center", budget="2"))
    assert reproduction.reproduce(workspace, run.folder)["identical"]


def test_a_choice_of_a_part_can_be_made_of_the_vectors_that_came_along(workspace, tmp_path):
    whole = add_pool(workspace, "whole", *map(str, vectors(tmp_path / "in")))
    rows = np.array([2, 3, 5, 8])
    part, done = cut(workspace, within=lists.keep(workspace, whole, rows, "4").value)
    (mine,), (theirs,) = (kept_features(workspace, one.fingerprint) for one in (part, whole))
    assert np.array_equal(mine.values(), theirs.values()[rows])
    assert done.notes == ["Cut from whole: 4 of its 9 samples."]


def test_a_photo_that_was_replaced_since_is_noticed_there_too(workspace, tmp_path):
    source, kind = folder(tmp_path / "in")
    whole = add_pool(workspace, "whole", str(source), kind)
    paint(source / "a" / "00.jpg", 99, (50, 50))
    part, _ = cut(workspace, where="\"group\" = 'a'")
    row = int(part.rows(["a/00.jpg"])[0])
    with pytest.raises(BadRequest, match="replaced"):
        part.check(row)
    assert whole.n == 9


def test_within_and_where_hold_both_and_held_out_samples_are_told(workspace, tmp_path):
    source, kind = folder(tmp_path / "in")
    add_pool(workspace, "whole", str(source), kind)
    perform(workspace, task_of("holdout", pool="whole", share="30%"), Progress())
    run = engine.select(workspace, Spec(pool="whole", method="random", budget="5"))
    part, done = cut(workspace, within=run.key, where="\"group\" = 'a'")
    assert set(part.ids) == {id for id in run.ids if id.startswith("a/")}
    aside = holdout.of(load_pool(workspace, "whole")).rows(load_pool(workspace, "whole"))
    everything, done = cut(workspace, "everything", where="width > 0")
    assert f"{len(aside)} of them are set aside in whole; in the new pool they can be chosen." in done.notes
    assert holdout.of(everything) is None


def test_what_cannot_be_cut_is_one_line_and_writes_nothing(workspace, tmp_path):
    source, kind = folder(tmp_path / "in")
    whole = add_pool(workspace, "whole", str(source), kind)
    add_pool(workspace, "other", *map(str, texts(tmp_path / "texts")))
    listed = lists.keep(workspace, whole, np.array([0, 1]), "2")
    for said, asked in {
        "Say which samples: --within a selection or a list of ids, or --where a condition.": {},
        "No sample of whole is left to make a pool of; loosen --within or --where.": {"where": "width > 9999"},
        "There is a pool called other already; choose another name, or remove that one first.": {
            "name": "other",
            "within": listed.value,
        },
    }.items():
        with pytest.raises(BadRequest) as error:
            cut(workspace, **asked)
        assert str(error.value) == said
    assert sorted(path.name for path in workspace.folders("pools")) == ["other", "whole"]
    part, _ = cut(workspace, within=listed.value)
    assert cut(workspace, within=listed.value)[0].table_sha256 == part.table_sha256  # a second try goes on
    with pytest.raises(BadRequest) as error:
        add_pool(workspace, "part", str(source), kind)
    assert str(error.value) == (
        "There is a pool called part already, cut from whole; choose another name, or remove that one first."
    )
    (workspace.pool("part") / "pool.parquet").write_bytes(b"no table")
    with pytest.raises(BadInput) as error:
        load_pool(workspace, "part")
    assert str(error.value) == (
        "The pool part is damaged (pool.parquet is missing or was changed); add it again: python -m datasel_core pool "
        f"cut part --from whole --within {listed.value}"
    )
    cut(workspace, within=listed.value)  # as that says
    assert load_pool(workspace, "part").table_sha256 == part.table_sha256
    os.truncate(workspace.pool("whole") / "pool.parquet", 100)
    with pytest.raises(BadInput, match="The pool whole is damaged"):
        cut(workspace, "third", within=listed.value)
    remove_pool(workspace, "part")
    assert Image.open(source / "a" / "00.jpg").size == (48, 40)


def test_the_command_says_from(workspace, tmp_path, capsys):
    source, kind = folder(tmp_path / "in")
    add_pool(workspace, "whole", str(source), kind)
    assert main(["pool", "cut", "part", "--from", "whole", "--where", "\"group\" = 'b'"]) == 0
    assert capsys.readouterr().out == "part: 3 of the 9 samples of whole.\n"
    assert load_pool(workspace, "part").column("group").tolist() == ["b", "b", "b"]
