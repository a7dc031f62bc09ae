"""A pool of photos in groups, a selection of it, and labels that people made of it, as each tool writes them."""

import json
from types import SimpleNamespace

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_labels import import_labels
from datasel_core.labels import places
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint

SIZE = (64, 48)


@pytest.fixture
def pool(workspace, tmp_path):
    for at in range(24):
        paint(tmp_path / "photos" / "abc"[at % 3] / f"{at:02d}.jpg", at, SIZE)
    return add_pool(workspace, "p", str(tmp_path / "photos"), "images")


@pytest.fixture
def run(workspace, pool):
    return engine.select(workspace, Spec(pool="p", method="random", budget="12"))


def task(id, *said, **about):
    """A task of Label Studio. said: (person, class) or (person, class, seconds)."""
    annotations = [
        {
            "completed_by": one[0],
            "lead_time": one[2] if len(one) > 2 else None,
            "result": [{"from_name": "class", "to_name": "image", "type": "choices", "value": {"choices": [one[1]]}}],
            **about,
        }
        for one in said
    ]
    return {"data": {"id": id, "sample_id": id}, "annotations": annotations}


def written(tmp_path, content, name="back.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def bring(workspace, said, path, **how):
    """said: a selection or a pool."""
    return import_labels(workspace, places.find(workspace, said), path, **how)


def lost(brought):
    """(id, reason) of all that was not taken."""
    import csv

    with open(brought.kept.left_out, encoding="utf-8", newline="") as file:
        return [(row["id"], row["reason"]) for row in csv.DictReader(file)]


def plain(judgement):
    return SimpleNamespace(**vars(judgement))
