"""The README's code blocks run as they stand, on a small demo."""

import re
import shlex

import pytest

from datasel_core.__main__ import main
from datasel_core.pools.demo.questions import make_questions
from datasel_core.pools.demo.scenes import make_scenes
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def small_demo(workspace, tmp_path, monkeypatch):
    """The demo as `demo` finds it when it was made before, with 60 scenes and 120 questions."""
    make_scenes(workspace.demo("scenes"), n=60)
    make_questions(workspace.demo("questions"), per_source=12)
    monkeypatch.chdir(tmp_path)
    return workspace


def test_the_code_blocks(small_demo, capsys):
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) >= 5
    for line in commands:
        words = shlex.split(line)
        assert words[:3] == ["python", "-m", "datasel_core"]
        assert main(words[3:]) == 0, f"{line}\n{capsys.readouterr().err}"
    for line in (line for line in commands if "--out" in line):  # and once more, over what they wrote themselves
        assert main(shlex.split(line)[3:]) == 0, f"{line}\n{capsys.readouterr().err}"
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "images/scene-" in printed


def test_every_method_of_the_table_exists_and_none_is_missing():
    from datasel_core.base.registry import every

    assert _listed(TEXT.split("## Methods")[1]) == set(every("method"))
    assert _listed(TEXT.split("| format |")[1].split("\n\n")[0]) == set(every("export format"))


def _listed(text: str) -> set[str]:
    """The names that a table begins its rows with."""
    return set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))


def test_files_it_shows_exist():
    for name in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / name).exists(), name
