"""Small folders of photos that once went wrong, where they are here (beside the real data): what is right."""

import os
import shutil

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from tests.conftest import ROOT


@pytest.fixture
def case(tmp_path):
    """A copy of one case, in which links can be made."""
    cases = ROOT.parent / "shared" / "cases"
    if not cases.is_dir():
        pytest.skip("the cases are not here (../shared/cases)")

    def copied(name):
        shutil.copytree(cases / name, tmp_path / name, copy_function=shutil.copyfile)
        for folder, _, _ in os.walk(tmp_path / name):
            os.chmod(folder, 0o755)
        return tmp_path / name

    return copied


def test_linked_folders(workspace, case):
    folder = case("02-linked-folders")
    (folder / "pool" / "linked").symlink_to("../store/batch2")
    (folder / "pool" / "again").symlink_to(".")
    pool = add_pool(workspace, "p", str(folder / "pool"), "images")
    assert pool.n == 7
    assert pool.unreadable == []
    assert pool.about["notes"] == [
        "Linked folders that lead back to a folder they lie in were not followed (1): again."
    ]
    assert {id: group for id, group in zip(pool.ids, pool.column("group"), strict=True) if group} == {
        f"linked/s{at}.jpg": "linked" for at in range(4)
    }


def test_formats(workspace, case):
    pool = add_pool(workspace, "p", str(case("03-photo-formats")), "images")
    assert pool.ids.tolist() == ["a.avif", "grey.jpg", "jp2.jp2", "noext", "x.jfif", "y.jpe"]
    assert [one["id"] for one in pool.unreadable] == ["phone.heic"]
    assert {pool.open(row).size for row in range(pool.n)} == {(48, 32)}


def test_a_float_photo_with_nan(workspace, case):
    pool = add_pool(workspace, "p", str(case("12-float-photo-with-nan")), "images")
    whole, holed = (np.asarray(pool.open(row)).astype(int)[:, :, 0] for row in range(2))
    far = np.argwhere(np.abs(whole - holed) > 1)  # the hole was the darkest pixel, so the others are scaled a little
    assert len(far) <= 1
    assert holed.max() == 255
    assert len(np.unique(holed)) > 200
