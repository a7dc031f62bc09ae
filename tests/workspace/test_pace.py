"""How long phases took is known the next time; a help, never a trouble."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped
from datasel_core.features.stored import kept_features
from datasel_core.workspace import pace
from tests.conftest import clustered, task_of


@pytest.fixture
def photo_pool(workspace, photos):
    return add_pool(workspace, "clothes", str(photos), "images")


@pytest.fixture
def vectors(workspace, tmp_path, rng):
    np.save(tmp_path / "v.npy", clustered(rng, 1300, 8, 6))
    return add_pool(workspace, "vec", str(tmp_path / "v.npy"), "vectors")


def phases_of(workspace, **asked):
    """(what was said, what is known the next time) of the phases of a task that is done here."""
    said, task = [], task_of(**asked)
    work = task.prepare(workspace)
    perform(workspace, task, Progress(said.append, every=0), work)
    kind = "-".join(filter(None, [task.id, work.kind]))
    names = list(dict.fromkeys(step.standing.name for step in said if step.standing))
    assert names == [phase.name for phase in work.phases]
    return names, pace.known(workspace, kind, work.size)


def test_every_phase_that_is_declared_is_gone_through(workspace, photo_pool):
    names, known = phases_of(workspace, do="feature", pool="clothes", feature="dictionary_embedding")
    assert names == ["learning from a part", "computing", "looking whether photos changed"]
    assert list(known) == names
    names, known = phases_of(workspace, do="select", pool="clothes", method="k_center", budget="4")
    assert names == ["choosing", "measuring what is kept"]
    assert list(known) == names


def test_a_map_places_what_is_no_landmark_in_a_phase_of_its_own(workspace, vectors):
    (kept,) = kept_features(workspace, vectors.fingerprint)
    names, known = phases_of(workspace, do="map", feature=kept.key, params={"landmarks": 1000})
    assert names[-1] == "placing the other points"
    assert list(known) == names
    assert phases_of(workspace, do="map", feature=kept.key)[0][-1] == "drawing the map"


def test_what_was_stopped_tells_nothing_of_the_next_time(workspace, vectors):
    seen = []
    task = task_of("select", pool="vec", method="k_center", budget="40")
    with pytest.raises(Stopped):
        perform(workspace, task, Progress(seen.append, should_stop=lambda: len(seen) > 2, every=0))
    assert pace.known(workspace, "select-k_center", 1) == {}


def test_an_answer_that_was_there_already_tells_nothing(workspace, vectors):
    _, known = phases_of(workspace, do="select", pool="vec", method="k_center", budget="40")
    task = task_of("select", pool="vec", method="k_center", budget="40")
    work = task.prepare(workspace)
    perform(workspace, task, Progress(), work)
    assert pace.known(workspace, "select-k_center", work.size) == known != {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"size": 1}', '{"size": "x", "seconds": {"a": 1}}', '{"seconds": 3}'])
def test_a_damaged_note_is_none(workspace, text):
    pace.remember(workspace, "select-x", 10, {"a": 3.0})
    assert pace.known(workspace, "select-x", 20) == {"a": 6.0}
    workspace.pace("select-x").write_text(text)
    assert pace.known(workspace, "select-x", 20) == {}
