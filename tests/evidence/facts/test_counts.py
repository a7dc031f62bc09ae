"""Counts of facts before and after a selection, against counters of the rows themselves."""

from collections import Counter

import numpy as np
import pytest

from datasel_core.actions.capacity import facts_in
from datasel_core.analysis.facts import meter
from datasel_core.analysis.facts.table import facts_of
from datasel_core.evidence.facts import answers, counts
from datasel_core.features.roles import Roles
from tests.evidence.facts.made import TIMES, N, lines, losses, pruned, with_losses, world


@pytest.fixture
def pool(workspace, tmp_path):
    return world(workspace, tmp_path)


def facts_rows(pool):
    facts, rows, named = facts_in(pool, "answer", "relation", None)
    assert named
    return facts, rows


def test_before_and_after_are_what_a_counter_of_the_rows_says(pool):
    facts, rows = facts_rows(pool)
    kept = np.arange(0, pool.n, 3)
    said, gone = counts.count(facts, rows, kept, None)
    there = [(line["fact"], line["relation"], line["answer"]) for line in lines()]
    before, after = Counter(one[0] for one in there), Counter(there[at][0] for at in kept)
    assert (said["facts"], said["dropped"]) == (N, len(before) - len(after))
    assert said["frequency"]["once"] == sum(n == 1 for n in before.values()) / N
    assert said["after"]["frequency"]["once"] == pytest.approx(sum(n == 1 for n in after.values()) / len(after))
    line, often = said["after"]["rank_frequency"], sorted(after.values(), reverse=True)
    assert line["exposures"] == [often[rank - 1] for rank in line["rank"]]
    assert (line["rank"][0], line["rank"][-1]) == (1, len(often))
    assert said["after"]["frequency"]["samples"] == len(kept)
    relations = dict(there_one[:2] for there_one in there)
    for one in said["lost"]:
        mine = {fact for fact, relation in relations.items() if relation == one["relation"]}
        assert (one["facts"], one["kept"]) == (len(mine), len(mine & after.keys()))
        assert one["samples"] == sum(before[fact] for fact in mine)
        assert one["kept_samples"] == sum(after[fact] for fact in mine)
    shares = [one["kept"] / one["facts"] for one in said["lost"]]
    assert shares == sorted(shares)
    dropped = [there[row] for row in gone["row"].tolist()]
    assert {one[0] for one in dropped} == before.keys() - after.keys()
    assert gone["exposures"].tolist() == [before[one[0]] for one in dropped]
    assert gone["exposures"].tolist() == sorted(gone["exposures"].tolist(), reverse=True)
    assert [said["names"][at] for at in gone["relation"]] == [one[1] for one in dropped]
    first = {fact: at for at, (fact, _, _) in reversed(list(enumerate(there)))}
    assert gone["row"].tolist() == [first[one[0]] for one in dropped]
    assert np.isnan(gone["loss"]).all()


def test_losses_of_dropped_facts_are_means_over_their_samples_and_unknown_ones_come_last(pool):
    facts, rows = facts_rows(pool)
    loss = losses(pool)[:, -1].astype(float)
    ids = [id.split("-")[0] for id in pool.ids]
    loss[[at for at, id in enumerate(ids) if id == "39"]] = np.nan
    loss[ids.index("10")] = np.nan
    said, gone = counts.count(facts, rows, np.array([1]), loss)
    assert said["dropped"] == N - 1
    by_fact: dict[str, list[float]] = {}
    for id, value in zip(ids, loss, strict=True):
        by_fact.setdefault(id, []).append(value)
    for row, value in zip(gone["row"].tolist(), gone["loss"].tolist(), strict=True):
        known = [one for one in by_fact[ids[row]] if one == one]
        assert value == pytest.approx(np.mean(known), rel=1e-6) if known else np.isnan(value)
    ordered = gone["loss"][gone["by_loss"]]
    known = ordered[np.isfinite(ordered)]
    assert (np.diff(known) >= 0).all()
    assert np.isfinite(ordered[: len(known)]).all()
    assert said["dropped_with_loss"] == len(known) == N - 2
    assert said["with_frequency"] < -0.8  # losses were made lower for what is stated often


def test_without_a_selection_nothing_is_lost_and_what_is_kept_gives_the_profile_back(pool):
    facts, rows = facts_rows(pool)
    said, gone = counts.count(facts, rows, None, None)
    assert (said["after"], said["lost"], said["dropped"], gone) == (None, [], 0, {})
    there, kept = counts.profile_of(said), facts.profile()
    assert meter.held(there, said["bits"], 20, 1.0) == meter.held(kept, said["bits"], 20, 1.0)


def test_nothing_of_facts_may_be_kept(pool):
    facts, rows = facts_rows(pool)
    said, gone = counts.count(facts, rows, np.empty(0, int), None)
    assert said["after"] == {"frequency": None, "rank_frequency": {"rank": [], "exposures": []}}
    assert len(gone["row"]) == N


def test_samples_that_state_nothing_are_neither_kept_nor_dropped():
    """Six samples of a pool, of which the first, third and fifth state a fact."""
    facts, rows = facts_of(["r", "r", "r"], ["x", "y", "x"], ["a", "b", "a"]), np.array([0, 2, 4])
    said, gone = counts.count(facts, rows, np.array([1, 2, 3]), np.array([5.0, 9, 6, 9, 7, 9]))
    assert (said["dropped"], said["after"]["frequency"]["facts"]) == (1, 1)
    assert said["lost"] == [{"relation": "r", "facts": 2, "kept": 1, "samples": 3, "kept_samples": 1}]
    assert (gone["row"].tolist(), gone["exposures"].tolist(), gone["loss"].tolist()) == ([0], [2], [6.0])


def test_once_each_is_named_unknown_where_all_are_stated_as_often():
    assert counts.frequency_rank(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 2])) is None
    assert counts.frequency_rank(np.array([1.0, 1.0, 3.0]), np.array([0, 0, 2])) == pytest.approx(-1)


def test_the_key_follows_the_selection_and_the_losses(pool, workspace):
    columns = {"answer": "answer", "relation": "relation", "fact": None}
    none = counts.asked(pool, columns, None, counts.loss_of(Roles.of(workspace, pool)))
    with_losses(workspace, pool)
    run = pruned(workspace, pool)
    loss = counts.loss_of(Roles.of(workspace, pool))
    keys = [none, counts.asked(pool, columns, None, loss), counts.asked(pool, columns, run, loss)]
    assert len({str(counts.place(workspace, one)) for one in keys}) == 3


def test_answers_are_read_newest_last_and_damaged_ones_are_none(workspace):
    first, second = (answers.place(workspace, "counts", {"at": at}) for at in (1, 2))
    answers.keep(first, {"a": 1})
    answers.keep(second, {"a": 2})
    answers.keep(first, {"a": 3})
    assert [one["a"] for one in answers.every(workspace, "counts")] == [2, 3]
    assert answers.every(workspace, "memory") == []
    file = answers.file(second)
    file.write_text(file.read_text().replace('"a": 2', '"a": 5').replace('"a":2', '"a":5'))
    assert answers.read(second) is None
    assert answers.read(first) == {"a": 3, "order": 3}


def test_what_is_stated_how_often_is_what_the_file_says(pool):
    facts, _ = facts_rows(pool)
    assert sorted(facts.exposures.tolist()) == sorted(TIMES)
