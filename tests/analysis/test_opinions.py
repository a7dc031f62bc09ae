"""The fold over decisions: against a slow definition, and by hand where people differ and take things back."""

import numpy as np
import pytest

from datasel_core.analysis.opinions import RULES, WHATS, Decision, counted, differ, opinions
from datasel_core.errors import BadParameter
from tests.oracles import opinions as oracle

SAMPLES, PEOPLE = [f"s{at}" for at in range(6)], ["ann", "ben", "cem"]


def log_of(*lines):
    return [Decision(f"id-{at}", "r", *line) for at, line in enumerate(lines)]


@pytest.mark.parametrize("seed", range(40))
def test_the_fold_is_what_a_slow_reading_says(seed):
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(int(rng.integers(1, 120))):
        what = WHATS[rng.integers(len(WHATS))]
        note = f"n{rng.integers(5)}" if what == "note" or (what != "undo" and rng.random() < 0.2) else ""
        lines.append((SAMPLES[rng.integers(6)], PEOPLE[rng.integers(3)], what, note))
    found = opinions(log_of(*lines))
    for sample in SAMPLES:
        for name in PEOPLE:
            what, note, at = oracle.latest(lines, sample, name)
            mine = found.get(sample, {}).get(name)
            assert (mine.what, mine.note, mine.at) == (what, note, at) if what or note else mine is None
        for rule in RULES:
            assert counted(found.get(sample, {}), rule) == oracle.counts(lines, sample, rule)


def test_an_undo_brings_back_what_was_said_before():
    said = opinions(log_of(("a", "ann", "keep"), ("a", "ann", "drop", "blurred"), ("a", "ann", "undo")))
    assert (said["a"]["ann"].what, said["a"]["ann"].note) == ("keep", "")
    twice = log_of(("a", "ann", "keep"), ("a", "ann", "undo"), ("a", "ann", "undo"), ("a", "ann", "swap"))
    assert opinions(twice)["a"]["ann"].what == "swap"


def test_an_undo_takes_back_only_what_the_same_person_said_of_the_same_sample():
    said = opinions(log_of(("a", "ann", "keep"), ("a", "ben", "drop"), ("b", "ann", "drop"), ("a", "ann", "undo")))
    assert set(said["a"]) == {"ben"}
    assert said["b"]["ann"].what == "drop"


def test_what_counts_where_people_differ():
    said = opinions(log_of(("a", "ann", "drop"), ("a", "ben", "keep"), ("b", "ann", "swap"), ("b", "ben", "drop")))
    assert [counted(said["a"], rule) for rule in ("latest", "any", "all")] == ["keep", "drop", "keep"]
    assert [counted(said["b"], rule) for rule in ("latest", "any", "all")] == ["drop", "drop", "drop"]
    assert differ(said["a"])
    assert differ(said["b"])
    assert not differ({"ann": said["a"]["ann"]})
    with pytest.raises(BadParameter, match="one of latest, any, all, not majority"):
        counted(said["a"], "majority")
