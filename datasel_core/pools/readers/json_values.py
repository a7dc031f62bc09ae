"""JSON as Python's own reader reads it, the same value for every text, in half the time: see `tests.benchmarks
text_import`, of which it takes an eighth.
"""

import json
from typing import Any

import orjson

_FLAT = {str, int, bool, type(None)}
_DIGITS_TO_ZERO = bytes(ord("0") if chr(at).isdecimal() and at < 128 else at for at in range(256))
_LONG = b"0" * 19
"""Whole numbers of fewer digits fit into 64 bits; of longer ones orjson makes floats."""


def loads(text: str) -> Any:
    """Raises what `json.loads` raises, in its words."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:  # it refuses NaN, halves of characters and deep nesting, too
        return json.loads(text)
    if isinstance(value, dict) and _FLAT.issuperset(map(type, value.values())):
        return value
    return json.loads(text) if _LONG in text.encode().translate(_DIGITS_TO_ZERO) else value
