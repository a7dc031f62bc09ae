"""Wrong command lines: exit code 2, one line that says what would be right, nothing on stdout, nothing written."""

import json
import re
import subprocess
import sys

import pytest

from datasel_core.__main__ import main
from tests.conftest import ROOT
from tests.harm.apart import environment
from tests.harm.bad_lines import LINES
from tests.harm.stage import build, stamps, within, words

_DRAWN = range(0, len(LINES), 50)
"""Lines that are asked in a process of their own, too."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("lines")
    build(place)
    return place


@pytest.fixture(scope="module")
def files(place):
    return stamps(place)


def check(code, out, err, said):
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert not re.search("Traceback|It broke", err)
    assert re.search(said, err)


@pytest.mark.parametrize(("line", "said"), LINES, ids=lambda text: ascii(text)[1:60])
def test_a_wrong_line_is_one_clear_line(place, files, capfd, line, said):
    with within(place):
        code = main(words(place, line))
    check(code, *capfd.readouterr(), said)
    assert stamps(place) == files


@pytest.mark.parametrize("at", _DRAWN)
def test_a_process_of_its_own_says_the_same(place, files, at):
    line, said = LINES[at]
    command = [sys.executable, "-m", "datasel_core", *words(place, line)]
    told = {**environment(place), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=place, env=told, capture_output=True, text=True, check=False)
    check(done.returncode, done.stdout, done.stderr, said)
    assert stamps(place) == files


@pytest.mark.parametrize("line", ["pool", "feature", ""])
def test_a_group_alone_says_what_it_can(place, files, capfd, line):
    with within(place):
        assert main(words(place, line)) == 2
    out, err = capfd.readouterr()
    assert "Usage:" in out
    assert err == ""
    assert stamps(place) == files


@pytest.mark.parametrize("line", ["pool list", "methods", "runs", "verify run:nine", "feature list chat"])
def test_a_right_line_with_json_is_one_document(place, files, capfd, line):
    with within(place):
        assert main([*words(place, line), "--json"]) == 0
    out, _ = capfd.readouterr()
    assert json.loads(out) is not None
    assert stamps(place) == files


def test_there_are_many():
    assert len(LINES) == len({line for line, _ in LINES}) >= 150
