"""Leaks between two pools: each kind of pair, what is told and does not count, and what is listed of very many."""

import csv
import shutil

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.evidence.leaks import report as leak_report
from datasel_core.evidence.leaks.between import KINDS, between
from datasel_core.evidence.leaks.limits import Limits
from datasel_core.evidence.leaks.pairs import LISTED, Collected
from tests.conftest import clustered, paint, task_of
from tests.evidence.leaks.test_text_overlap import text_pool


def everything(one, other, **limits):
    return between(one, np.arange(one.n), other, np.arange(other.n), limits=Limits(**limits))


def hits(found, kind):
    return {(hit["id"], hit["other"]) for hit in leak_report.document(found)["hits"] if hit["kind"] == kind}


def table(workspace, tmp_path, name, rows):
    """Photos that are all unlike, with a patient each."""
    with open(tmp_path / f"{name}.csv", "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "patient"])
        for at, patient in enumerate(rows):
            paint(tmp_path / f"{name}-{at}.jpg", {"one": 0, "other": 100}[name] + at)
            lines.writerow([f"{name}-{at}.jpg", patient])
    return add_pool(workspace, name, str(tmp_path / f"{name}.csv"), "images")


def test_the_same_group_is_found_where_it_is_asked_for(workspace, tmp_path):
    one = table(workspace, tmp_path, "one", [f"p{at}" for at in range(10)] + ["", ""])
    other = table(workspace, tmp_path, "other", [f"p{at}" for at in range(5)] * 2 + ["q", ""])
    assert "same_group" not in {part.kind for part in everything(one, other).overlaps}
    found = everything(one, other, by="patient")
    assert hits(found, "same_group") == {
        (f"one-{at}.jpg", f"other-{at + more}.jpg") for at in range(5) for more in (0, 5)
    }
    assert found.touched.tolist() == list(range(5))
    assert found.touched_others.tolist() == list(range(10))
    assert {hit["value"] for hit in leak_report.document(found)["hits"]} == {f"p{at}" for at in range(5)}
    with pytest.raises(UnknownName, match="There is no column of one called doctor"):
        everything(one, other, by="doctor")


def test_groups_that_are_numbers_here_and_texts_there_are_the_same(workspace, tmp_path):
    one, other = table(workspace, tmp_path, "one", [1, 2, 3]), table(workspace, tmp_path, "other", ["3", "x", "1"])
    assert hits(everything(one, other, by="patient"), "same_group") == {
        ("one-0.jpg", "other-2.jpg"),
        ("one-2.jpg", "other-0.jpg"),
    }


def vectors(workspace, tmp_path, name, values):
    ids = [f"{name}-{at}" for at in range(len(values))]
    np.savez(tmp_path / f"{name}.npz", ids=ids, embedding=values)
    return add_pool(workspace, name, str(tmp_path / f"{name}.npz"), "vectors")


def test_embeddings_of_one_encoder_are_compared(workspace, tmp_path, rng):
    mine = clustered(rng, 60, 32, 60)
    theirs = clustered(rng, 40, 32, 40)
    theirs[:5] = mine[:5] * 2 + 0.05 * rng.standard_normal((5, 32))
    one, other = vectors(workspace, tmp_path, "one", mine), vectors(workspace, tmp_path, "other", theirs)
    found = everything(one, other)
    assert hits(found, "near_vector") == {(f"one-{at}", f"other-{at}") for at in range(5)}
    like = [hit["like"] for hit in leak_report.document(found)["hits"]]
    unit = [side[:5] / np.linalg.norm(side[:5], axis=1, keepdims=True) for side in (mine, theirs)]
    assert sorted(like) == pytest.approx(sorted((unit[0] * unit[1]).sum(axis=1).tolist()), abs=1e-4)
    assert hits(everything(one, other, cosine=1.0), "near_vector") == set()


def test_an_older_embedding_will_do_where_both_have_it(workspace, tmp_path, photos, rng):
    shutil.copytree(photos / "a", tmp_path / "some")
    one, other = (
        add_pool(workspace, name, str(place), "images")
        for name, place in (("one", photos), ("other", tmp_path / "some"))
    )
    values = {encoder: rng.standard_normal((one.n, 16)) for encoder in "ab"}
    for pool, encoder in ((one, "a"), (other, "a"), (one, "b")):
        mine = values[encoder][: pool.n]  # those of the group a come first in both
        np.savez(tmp_path / f"{pool.name}.npz", ids=pool.ids, embedding=mine)
        asked = {"pool": pool.name, "role": "embedding", "file": str(tmp_path / f"{pool.name}.npz"), "encoder": encoder}
        task_of("feature_import", **asked).prepare(workspace).run(Progress())
    found = everything(one, other)
    assert hits(found, "near_vector") == hits(found, "same_picture") == {(f"a/{id}", id) for id in other.ids}
    assert not found.notes


def test_without_an_embedding_it_says_so_and_how_to_get_one(workspace, tmp_path, photos):
    one, other = add_pool(workspace, "one", str(photos), "images"), add_pool(workspace, "other", str(photos), "images")
    said = leak_report.document(everything(one, other))["notes"]
    assert said[0] == (
        "Embeddings were not compared: The pool one has no feature for the role embedding yet. Compute one: python -m "
        "datasel_core feature compute one dictionary_embedding"
    )
    assert said[1] == "12 ids stand in both pools; an id alone is no overlap."


def test_where_no_picture_can_be_opened_nothing_is_said_to_be_clean(workspace, tmp_path):
    for name in ("one", "other"):
        for at in range(2):
            paint(tmp_path / name / f"{at}.jpg", at)
    one, other = (add_pool(workspace, name, str(tmp_path / name), "images") for name in ("one", "other"))
    (tmp_path / "other" / "0.jpg").unlink()
    assert len(everything(one, other).touched) == 1
    (tmp_path / "other" / "1.jpg").unlink()
    with pytest.raises(BadRequest, match="^Nothing could be compared. 2 photos of other could not be opened now"):
        everything(one, other)


def test_ids_alone_are_told_and_are_no_leak(workspace, tmp_path):
    (tmp_path / "one.jsonl").write_text('{"id": "7", "text": "the cat"}\n{"id": "8", "text": "a dog"}\n')
    (tmp_path / "other.jsonl").write_text('{"id": "7", "text": "quite another thing"}\n')
    one, other = (add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text") for name in ("one", "other"))
    found = everything(one, other)
    assert found.same_ids == 1
    assert len(found.touched) == 0
    assert leak_report.document(found)["overlaps"] is False
    assert leak_report.notes(found) == ["1 id stands in both pools; an id alone is no overlap."]
    assert leak_report.lines(found)[0] == "No overlap: none of 2 of one is like any of 1 of other."


def test_parts_of_one_pool_are_compared_by_their_rows(workspace, tmp_path):
    pool = text_pool(workspace, tmp_path, "one", ["the first of them", "another", "The first of them!", "another one"])
    found = between(pool, np.array([0, 1]), pool, np.array([3, 2]))
    assert found.touched.tolist() == [0]
    assert found.touched_others.tolist() == [2]
    assert hits(found, "near_text") == {("one-0", "one-2")}


def test_pools_of_different_kinds_have_nothing_to_compare(workspace, tmp_path, photos):
    one, other = add_pool(workspace, "one", str(photos), "images"), text_pool(workspace, tmp_path, "other", ["a text"])
    said = (
        r"one \(photos\) and other \(text\) have nothing in common to compare: neither texts, nor pictures, nor "
        r"vectors from one encoder\.$"
    )
    with pytest.raises(BadRequest, match=said):
        everything(one, other)
    some = vectors(workspace, tmp_path, "some", np.eye(3))
    with pytest.raises(BadRequest, match="from one encoder. The target one has no feature for the role embedding yet"):
        everything(some, one)


def test_of_very_many_pairs_each_sample_has_one_that_is_listed(rng):
    n, m = 40, 70
    like = rng.random((n, m))
    like[like < 0.4] = 0
    found = Collected(n, m)
    for part in (slice(0, 25), slice(25, 40)):
        rows, others = np.nonzero(like[part])
        found.add(rows + part.start, others, like[part][rows, others])
    pairs = found.pairs()
    assert pairs.n == np.count_nonzero(like)
    expected = {(a, b) for a in range(n) for b in np.argsort(-like[a])[:LISTED] if like[a, b]}
    expected |= {(int(like[:, b].argmax()), b) for b in range(m) if like[:, b].any()}
    assert set(zip(pairs.rows.tolist(), pairs.others.tolist(), strict=True)) == expected
    assert pairs.like.tolist() == like[pairs.rows, pairs.others].tolist() == sorted(pairs.like, reverse=True)
    assert (pairs.touched.tolist(), pairs.touched_others.tolist()) == (list(range(n)), list(range(m)))


def test_equal_keys_make_all_pairs_and_list_some(rng):
    keys, others = rng.choice(["a", "b", "c", None], 60).tolist(), rng.choice(["a", "c", "d", None], 50).tolist()
    found = Collected(60, 50)
    found.add_equal(keys, others)
    pairs = found.pairs()
    expected = {(a, b) for a in range(60) for b in range(50) if keys[a] == others[b] is not None}
    listed = set(zip(pairs.rows.tolist(), pairs.others.tolist(), strict=True))
    assert pairs.n == len(expected)
    assert listed < expected
    assert pairs.touched.tolist() == sorted({a for a, _ in expected}) == sorted({a for a, _ in listed})
    assert pairs.touched_others.tolist() == sorted({b for _, b in expected}) == sorted({b for _, b in listed})


def test_what_is_not_listed_is_counted(workspace, tmp_path):
    one = text_pool(workspace, tmp_path, "one", ["the same text"] * 9)
    other = text_pool(workspace, tmp_path, "other", ["the same text"] * 8)
    found = everything(one, other)
    document = leak_report.document(found)
    assert document["counts"]["same_text"] == {"pairs": 72, "listed": 48, "samples": 9, "against_samples": 8}
    assert document["notes"] == [
        "24 further pairs are counted and not listed: of each sample those most alike are listed, and of every sample "
        "that overlaps at least one."
    ]


def test_lines_say_how_many_of_how_many_and_how_like(workspace, tmp_path):
    run = " ".join(f"w{at}" for at in range(14))
    one = text_pool(workspace, tmp_path, "one", [f"so {run} and more words than that", *["also the same"] * 6, "alone"])
    other = text_pool(workspace, tmp_path, "other", [f"{run} is it", "also the same", "quite unlike"])
    assert leak_report.lines(everything(one, other)) == [
        "7 of 8 of one overlap with 2 of 3 of other.",
        "the same text: 6 pairs, 6 of one, 1 of other",
        *(f"  one-{at}\tother-1\t1.000" for at in range(1, 6)),
        "  and 1 more; --json lists them",
        "nearly the same text: none",
        "a run of words in common: 1 pair, 1 of one, 1 of other",
        "  one-0\tother-0\t2 in common: 25 % of its own, 50 % of the other's",
    ]


def test_every_kind_has_words():
    assert all(title[:1].islower() for title in KINDS.values())
