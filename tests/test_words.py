"""What people read of declarations: every number they can move says what it does, when to move it, and its ends."""

import re
import typing

import pytest

from datasel_core.base import registry
from datasel_core.base.declare import Declared

_NUMBERS = [
    (kind, cls, name)
    for kind in ("method", "feature")
    for cls in registry.every(kind).values()
    for name, info in cls.model_fields.items()
    if {int, float} & {info.annotation, *typing.get_args(info.annotation)} and name != "seed" and not cls.is_how(name)
]


@pytest.mark.parametrize(("kind", "cls", "name"), _NUMBERS, ids=lambda one: getattr(one, "id", one))
def test_a_number_has_help_in_three_sentences(kind, cls, name):
    text = cls.model_fields[name].description
    assert len(re.findall(r"[.:] (?=[A-Z0-9])|\.$", text)) >= 3, text
    assert len(text) <= 420, text


@pytest.mark.parametrize("kind", ["method", "feature", "probe", "export format", "metric"])
def test_what_a_value_is_called_is_a_value(kind):
    """A word of a choice that was renamed, or of a field that has no such value, would never be read."""
    for cls in registry.every(kind).values():
        for name, info in cls.model_fields.items():
            extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
            known = {str(one) for one in typing.get_args(info.annotation)}
            known |= {"none"} if type(None) in typing.get_args(info.annotation) else set()
            assert set(extra.get("words", {})) <= known, f"{cls.id} {name}"


def test_words_stand_for_values_and_values_stay_values():
    cls: type[Declared] = registry.find("method", "freesel")
    assert cls.word("sampler", "farthest") == "always the farthest"
    assert cls.word("first", None) == "drawn by the seed"
    assert cls.word("first", 7) == "7"
    assert cls.label("sampler") == "Sampler"
    assert cls.parse({"sampler": "farthest"}).what()["params"]["sampler"] == "farthest"
    assert registry.find("method", "neg_clip_loss").label("n_batches") == "Batches per pair"
