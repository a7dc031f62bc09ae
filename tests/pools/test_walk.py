"""Walking a folder: one order, links followed inside the allowed roots, circles named."""

import os

import pytest

from datasel_core.errors import BadInput
from datasel_core.pools.readers import walk as walking
from datasel_core.pools.readers.walk import walk


def plant(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_names_are_sorted_as_text_whatever_the_disk_says(workspace, tmp_path):
    source = plant(tmp_path / "s", "b/1", "a.txt", "a/2", "a/10", "Z", ".hidden/x", "b/.y", "a-b/1")
    assert walk(source, workspace).names == ["Z", "a-b/1", "a.txt", "a/10", "a/2", "b/1"]
    assert walk(source, workspace).notes == []


def test_a_linked_folder_inside_the_roots_is_followed_and_one_outside_is_named(workspace, tmp_path):
    source = plant(tmp_path / "s", "own")
    plant(tmp_path / "store", "one", "deep/two")
    (source / "linked").symlink_to(tmp_path / "store")
    (source / "away").symlink_to("/usr")
    (source / "file").symlink_to(source / "own")
    (source / "gone").symlink_to(source / "nowhere")
    found = walk(source, workspace)
    assert found.names == ["file", "gone", "linked/deep/two", "linked/one", "own"]
    assert found.links == {"file", "gone"}
    assert found.notes == [
        "Linked folders that lead outside the allowed folders were left out (1): away; set DATASEL_DATA_ROOTS to allow "
        "where they lead."
    ]


@pytest.mark.parametrize("to", ["s/a/b", "s", "s/a", ""])
def test_a_link_back_to_a_folder_above_is_a_circle(workspace, tmp_path, to):
    """To the folder itself, to one above it, and to one above the source."""
    source = plant(tmp_path / "s", "a/b/1", "2")
    (source / "a" / "b" / "back").symlink_to(tmp_path / to)
    found = walk(source, workspace)
    assert found.names == ["2", "a/b/1"]
    assert found.notes == ["Linked folders that lead back to a folder they lie in were not followed (1): a/b/back."]


def test_two_ways_to_a_folder_give_its_files_twice_and_two_that_lead_to_each_other_end(workspace, tmp_path):
    source = plant(tmp_path / "s", "v1/x", "v2/y")
    (source / "latest").symlink_to("v2")
    (source / "v1" / "other").symlink_to("../v2")
    (source / "v2" / "other").symlink_to("../v1")
    found = walk(source, workspace)
    assert found.names == ["latest/other/x", "latest/y", "v1/other/y", "v1/x", "v2/other/x", "v2/y"]
    assert found.notes[0].startswith("Linked folders that lead back to a folder they lie in were not followed (3): ")


def test_links_without_end_are_refused(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "MOST_LINKS", 20)
    source = tmp_path / "s"
    for at in range(5):
        plant(source, f"{at}/x")
    for at in range(5):
        for to in range(5):
            (source / str(at) / f"to{to}").symlink_to(f"../{to}")
    with pytest.raises(BadInput, match="more than 20 linked folders on the way to"):
        walk(source, workspace)


def test_a_folder_that_may_not_be_read_is_named(workspace, tmp_path):
    source = plant(tmp_path / "s", "open/1", "shut/2")
    os.chmod(source / "shut", 0)
    try:
        if os.access(source / "shut", os.R_OK):
            pytest.skip("this user may read everything, so permissions cannot be tested")
        found = walk(source, workspace)
    finally:
        os.chmod(source / "shut", 0o700)
    assert found.names == ["open/1"]
    assert found.notes == [f"The folder {source / 'shut'} may not be read: Permission denied."]


def test_names_are_told_with_how_many_more_and_may_be_no_text():
    assert walking.named(list("gfedcba")) == "a, b, c, d, e and 2 more"
    assert walking.printable(os.fsdecode(b"bad\xff.jpg")) == "bad\\udcff.jpg"
