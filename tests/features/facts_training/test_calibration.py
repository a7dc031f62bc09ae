"""Capacity, measured: laws that a calibration keeps, and that it goes on where it was interrupted."""

import math

import numpy as np
import pytest

from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, Stopped
from datasel_core.features.facts_training import calibration
from datasel_core.features.facts_training.calibration import calibrate, random_numbers
from datasel_core.features.facts_training.learning import learn

pytest.importorskip("torch")
pytest.importorskip("transformers")

ASKED = (0.01, 0.03, 0.1)


@pytest.fixture(scope="module")
def measured():
    return calibrate(1, 32, 4, 100, seed=1, asked=ASKED, device="cpu")


def test_it_stores_all_of_little_and_never_more_than_there_is(measured):
    for point, share in zip(measured.points, ASKED, strict=True):
        assert point.facts == round(share * measured.parameters / (10 * math.log2(10)))
        assert point.bits == pytest.approx(point.facts * 33.21928)
        assert 0 <= point.stored <= point.bits
        assert point.memorised <= point.facts
    first = measured.points[0]
    assert first.memorised == first.facts
    assert first.stored > 0.9 * first.bits
    assert measured.rho == max(point.stored for point in measured.points) / measured.parameters
    assert 0.009 < measured.rho < 4


def test_who_starts_again_goes_on_and_finds_the_same(measured, tmp_path, monkeypatch):
    asked = []

    def interrupted(model, tokens, *given):
        asked.append(len(tokens.rows))
        if len(asked) == 2:
            raise Stopped("Stopped.")
        return learn(model, tokens, *given)

    monkeypatch.setattr(calibration, "learn", interrupted)
    given = {"exposures": 100, "seed": 1, "device": "cpu", "folder": tmp_path / "kept"}
    with pytest.raises(Stopped):
        calibrate(1, 32, 4, asked=ASKED[:2], **given)
    again = calibrate(1, 32, 4, asked=ASKED[:2], **given)
    assert again.points == measured.points[:2]
    facts = [point.facts for point in again.points]
    assert asked == [facts[0], facts[1], facts[1]], "the first amount was not learned twice"
    calibrate(1, 32, 4, asked=ASKED[:1], **{**given, "exposures": 1})
    assert len(asked) == 4, "another number of exposures is another question"


def test_names_differ_and_numbers_are_uniform():
    vocabulary = calibration.spelling()
    for n in (500, 5000):
        tokens = random_numbers(n, 3, vocabulary)
        said = [
            vocabulary.text(tokens.ids[start:end])
            for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)
        ]
        names, numbers = zip(*(one.split("\n") for one in said), strict=True)
        assert len(set(names)) == n
        assert {len(one) for one in numbers} == {10}
        assert tokens.lengths().tolist() == [len(name.split()) + 12 for name in names], "a token for each syllable"
        counts = np.bincount([int(digit) for one in numbers for digit in one], minlength=10)
        assert ((counts - n) ** 2 / n).sum() < 27.9, "chi-square with 9 degrees of freedom, 1 in 1,000"


def test_it_refuses_what_cannot_be_measured():
    with pytest.raises(BadParameter, match="needs at least 1 exposure, and amounts of facts above 0 bits a parameter"):
        calibrate(1, 16, 2, 0)
    with pytest.raises(BadParameter, match="needs at least 1 exposure, and amounts of facts above 0 bits a parameter"):
        calibrate(1, 16, 2, 1, asked=(1.0, 0.0))
    with pytest.raises(BadParameter, match="must be a multiple of eight times the heads"):
        calibrate(1, 20, 2, 1)
    assert calibrate(1, 16, 2, 1, asked=(0.01,), progress=Progress()).points[0].facts >= 1
