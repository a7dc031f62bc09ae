"""Hard links say that they are the sources; no export goes into what a pool is read from, on whatever way."""

import os

import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import paint
from tests.exports import exporting
from tests.exports.exporting import export, refused

pool, run = exporting.pool, exporting.run


def modes(folder):
    return {path.name: path.stat().st_mode for path in sorted(folder.rglob("*.jpg"))}


def test_links_say_so_and_take_no_right_from_their_sources(run, tmp_path, capfd):
    """A link is the source itself: to make it read-only would make the person's own file so."""
    before = modes(tmp_path / "in")
    words = ["export", str(run.folder), "--format", "files"]
    assert main([*words, "--set", "link=true", "--out", str(tmp_path / "links")]) == 0
    said = capfd.readouterr().err
    assert f"3 of the files in {tmp_path / 'links'} share their bytes with their sources (hard links)" in said
    assert "to change one is to change both, so work on them read-only; export them without link to edit them." in said
    linked = sorted((tmp_path / "links").rglob("*.jpg"))
    assert len(linked) == 3
    assert all(path.samefile(tmp_path / "in" / path.relative_to(tmp_path / "links")) for path in linked)
    assert modes(tmp_path / "in") == before
    assert main([*words, "--out", str(tmp_path / "copies")]) == 0
    assert "share their bytes" not in capfd.readouterr().err
    copies = sorted((tmp_path / "copies").rglob("*.jpg"))
    assert all(os.access(path, os.W_OK) and path.stat().st_nlink == 1 for path in copies)


def test_what_was_copied_because_it_cannot_be_linked_is_not_called_a_link(run, tmp_path, capfd, monkeypatch):
    def other_disk(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_disk)
    words = ["export", str(run.folder), "--format", "files", "--set", "link=true", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert "share their bytes" not in capfd.readouterr().err
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 3


def scene(kind, folder):
    """(source of a pool, its kind)."""
    for at in range(3):
        paint(folder / "photos" / "hats" / f"{at}.jpg", at)
    if kind == "folder":
        return folder / "photos", "images"
    if kind == "table":
        (folder / "t.csv").write_text("id,path\n" + "".join(f"{at},photos/hats/{at}.jpg\n" for at in range(3)))
        return folder / "t.csv", "images"
    if kind == "folder of texts":
        (folder / "texts" / "deep").mkdir(parents=True)
        (folder / "texts" / "deep" / "a.jsonl").write_text('{"text": "one"}\n')
        return folder / "texts", "text"
    (folder / "texts").mkdir()
    (folder / "texts" / "a.jsonl").write_text('{"text": "one"}\n')
    return folder / "texts" / "a.jsonl", "text"


INTO = {
    "folder": ["photos", "photos/hats", "photos/hats/new", "photos/new/deep", ".", "link", "link/new"],
    "table": [".", "photos", "photos/hats", "link/hats"],
    "folder of texts": ["texts", "texts/deep", "texts/deep/new", ".", "link/new"],
    "single file": ["texts", ".", "link"],
}
OVER = {
    "folder": ["photos/hats/0.jpg", "photos/new.png", "link/hats/1.jpg"],
    "table": ["t.csv", "photos/hats/2.jpg", "link/hats/2.jpg"],
    "folder of texts": ["texts/deep/a.jsonl", "texts/new.csv", "link/deep/a.jsonl"],
    "single file": ["texts/a.jsonl", "link/a.jsonl"],
}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", INTO)
def test_nothing_is_exported_into_a_source(workspace, run, tmp_path, kind, overwrite):
    folder = tmp_path / "src"
    source, pool_kind = scene(kind, folder)
    add_pool(workspace, "q", str(source), pool_kind)
    (folder / "link").symlink_to(folder / ("texts" if "text" in str(source) else "photos"))
    for name in INTO[kind]:
        for link in (False, True):
            match = "source of the pool q; name an --out apart from it|is a symbolic link, and nothing is written"
            refused(workspace, run, "files", folder / name, match, overwrite=overwrite, link=link)
    for name in OVER[kind]:
        refused(workspace, run, "csv", folder / name, "is read as a source of the pool q", overwrite=overwrite)
    assert export(workspace, run, "files", tmp_path / "apart", link=True) == tmp_path / "apart"


def test_the_source_of_the_very_pool_is_as_safe(workspace, tmp_path):
    source, kind = scene("folder", tmp_path / "src")
    add_pool(workspace, "own", str(source), kind)
    chosen = engine.select(workspace, Spec(pool="own", method="random", budget="2"))
    for name in ("photos", "photos/hats", "photos/kept"):
        refused(workspace, chosen, "files", tmp_path / "src" / name, "the source of the pool own", link=True)
