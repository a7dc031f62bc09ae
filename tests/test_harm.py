"""Commands that die at a drawn moment, and commands that meet: nothing that was there is lost or another, nothing
half-made is taken for an answer, and asked again each says what it would have said.

`python -m tests.benchmarks harm_kills harm_concurrency` draws more of the same.
"""

import pytest

from tests.harm.kills import Kills
from tests.harm.rivals import Rivals
from tests.harm.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="module")
def kills(stage):
    return Kills(stage)


@pytest.mark.parametrize("seed", range(20))
def test_a_kill_at_any_moment_costs_no_answer(kills, seed):
    assert kills.round(seed).harm == ()


@pytest.mark.parametrize("seed", range(5))
def test_what_happens_at_once_is_as_one_after_the_other(stage, seed):
    assert Rivals(stage).round(seed).harm == ()
