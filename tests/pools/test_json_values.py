"""The quick reader of JSON against Python's own: the same values, of the same types, or the same error."""

import json
import random

import pytest

from datasel_core.pools.readers.json_values import loads

ODD = [
    '{"a": 18446744073709551615}',
    '{"a": 18446744073709551616}',
    '{"a": -9223372036854775809, "b": 1.5}',
    '[{"a": [12345678901234567890123]}]',
    '{"a": 1, "b": 2, "a": {"c": 1, "c": [2]}}',
    '{"a": NaN, "b": -Infinity}',
    '{"a": 1e400}',
    '{"a": 1.7976931348623159e308}',
    '{"a": 5e-324, "b": 123456789012345678901234567890.0, "c": 0.1, "d": 1E5, "e": -0.0, "f": -0}',
    '{"a": "\\ud83d", "b": "\\ud83d\\ude00", "\\u0000": "\\u2028"}',
    '{"a": "\ud800"}',
    '{"a": "\x7f"}',
    '{"a": "\t"}',
    '{"a": 01}',
    '{"a": 1.}',
    '{"a": .5}',
    '{"a": +1}',
    "{'a': 1}",
    '{"a": 1,}',
    '{"a": 1} {"b": 2}',
    ' {"a": 1}\r\n',
    '\ufeff{"a": 1}',
    '\x0c{"a": 1}',
    "",
    "nul",
    '"text"',
    "1" * 5000,
    "[" * 2000 + "]" * 2000,
    "[" * 100_000,
]


def read(how, text):
    try:
        return repr(how(text))  # tells 1 from 1.0 and True, and the order of keys
    except (ValueError, RecursionError) as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_the_same_value_or_the_same_error(text):
    assert read(loads, text) == read(json.loads, text)


def test_the_same_value_whatever_is_written():
    rng = random.Random(0)

    def number():
        digits = "".join(rng.choices("0123456789", k=rng.randint(1, 24)))
        return rng.choice(["", "-"]) + rng.choice(
            [digits, f"{digits}.{digits[:3]}", f"1.{digits}e{rng.randint(-330, 330)}"]
        )

    def value(depth):
        kind = rng.randrange(6 if depth else 4)
        if kind == 4:
            return "[" + ", ".join(value(depth - 1) for _ in range(rng.randrange(4))) + "]"
        if kind == 5:
            return "{" + ",".join(f'"{rng.choice("abc")}":{value(depth - 1)}' for _ in range(rng.randrange(4))) + "}"
        word = '"' + "".join(rng.choices(["a", '"', "\\", "\\n", "\\u00e9", "\\ud83d", "é", "猫", " "], k=3)) + '"'
        return [number(), word, "true", "null"][kind]

    for _ in range(20_000):
        text = value(3)
        assert read(loads, text) == read(json.loads, text), text
