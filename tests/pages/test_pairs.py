"""Pages that show a pool of pairs: pictures from inside a tar, and pools that have none."""

import base64
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.pool import Pool
from pages._ui.media import detail, photos
from tests.pages import screens
from tests.pages.screens import said, sound
from tests.pools.test_datacomp import metadata
from tests.pools.test_webdataset import picture, sample, shard

screen = screens.screen


@pytest.fixture
def tar_pool(workspace, tmp_path):
    return add_pool(
        workspace,
        "tars",
        str(shard(tmp_path / "s.tar", [pair for at in range(5) for pair in sample(f"{at}", at)])),
        "pairs",
    )


def test_a_picture_inside_a_tar_has_a_thumbnail(tar_pool):
    url = photos.thumbnail(tar_pool, 3, 16)
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as small:
        assert small.size == (24, 16)
        expected = np.asarray(Image.open(io.BytesIO(picture(3))).convert("RGB"), float)
        assert np.abs(np.asarray(small, float) - expected).mean() < 20
    facts = dict(detail._facts(tar_pool, 3))
    assert facts["caption"] == "caption 3"
    assert "s.tar, " in facts["file"]
    assert "bytes from byte" in facts["file"]


def test_the_data_page_of_tars_and_of_metadata(screen, tar_pool, workspace, tmp_path, rng):
    text = said(screen(pool="tars"))
    assert "5 pairs" in text
    assert "24 x 16 pixels" in text
    metadata(tmp_path / "m", "a", range(30), rng)
    add_pool(workspace, "meta", str(tmp_path / "m"), "pairs")
    app = screen(pool="meta")
    assert "30 pairs" in said(app)
    assert "caption 3" in app.dataframe[0].value["caption"].tolist()
    sound(app.segmented_control(key="widget.data.view").set_value("features").run())
    assert "image" in said(app)


def test_a_wall_reads_what_lies_in_one_file_together_and_what_it_has_not_at_all(workspace, tmp_path, monkeypatch):
    pq.write_table(pa.table({"image": [picture(at) for at in range(9)]}), tmp_path / "t.parquet")
    pool = add_pool(workspace, "cells", str(tmp_path / "t.parquet"), "images")
    asked = []
    monkeypatch.setattr(type(pool), "fetch", lambda self, rows: asked.append(list(rows)))
    photos.fetch(pool, [4, 2, 7], 16)
    photos.thumbnail(pool, 2, 16)
    photos.fetch(pool, [4, 2, 7], 16)
    photos.fetch(pool, [4, 2, 7], 32)
    photos.fetch(pool, [4, 2], 16)  # one is read as fast alone
    assert asked == [[4, 2, 7], [4, 7], [4, 2, 7]]


def test_a_wall_asks_for_its_page(screen, workspace, tmp_path, monkeypatch):
    pq.write_table(pa.table({"image": [picture(at) for at in range(9)]}), tmp_path / "t.parquet")
    add_pool(workspace, "cells", str(tmp_path / "t.parquet"), "images")
    asked, fetch = [], Pool.fetch
    monkeypatch.setattr(Pool, "fetch", lambda self, rows: asked.append(sorted(rows)) or fetch(self, rows))
    screen(pool="cells")
    assert list(range(9)) in asked
