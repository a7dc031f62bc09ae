"""How much larger than a row what a condition makes of it may be.

Some functions fill any memory in one step, which DuckDB neither counts nor lets anybody interrupt; so they are known
before they are asked.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MOST = 1000
"""How many times as large as a row its answer may become."""
_COUNTS = {"repeat": 1, "lpad": 1, "rpad": 1, "list_resize": 1, "array_resize": 1, "bar": 3, "to_base": 2}
_COUNTS |= {"equi_width_bins": 2, "bitstring": 1}
"""The argument that says how long the answer is."""
_TIMES = {"hex": 2, "to_hex": 2, "bin": 8, "to_binary": 8, "url_encode": 3, "base64": 2, "to_base64": 2}
_TIMES |= {"regexp_escape": 2, "json_quote": 2, "to_json": 2, "json_array": 2, "json_object": 2, "array_to_json": 2}
"""Functions that make a text longer; one within the other they double it again and again."""
_UNKNOWN = 30
"""What a replacement counts that another column gives."""
_OF_LAMBDA, _OF_BITS = 10, 8


def too_large(nodes: Sequence[Mapping[str, Any]]) -> str | None:
    """Why the answer of these nodes might fill the memory; None where it cannot."""
    size = 1
    for node in nodes:
        if node.get("class") == "LAMBDA":
            size *= _OF_LAMBDA
        elif node.get("class") == "TYPE" and node["type_name"].lower() in ("bit", "bitstring"):
            size *= _OF_BITS
        elif node.get("class") == "TYPE" and node["type_name"].lower() == "array":
            size *= max([1, *(abs(_whole(one) or 1) for one in node["children"])])  # int[9] has room for nine, always
        elif node.get("class") == "FUNCTION":
            mine = _growth(node)
            if mine is None:
                return f"it asks {node['function_name']}(), whose length another value gives; write it as a number"
            size *= max(mine, 1)
        if size > _MOST:
            return f"it may make each row {size:,} times as large; at most {_MOST:,} times is allowed"
    return None


def _growth(node: Mapping[str, Any]) -> int | None:
    """How many times as large as what it is given the answer of a function may be; None where nobody can say."""
    name, given = node["function_name"].lower(), [one["expression"] for one in node["arguments"]]
    given = [{}] * (len(node["qualified_name"]["path"]) - 1) + given  # `prompt.repeat(3)` is repeat(prompt, 3)
    if name in ("range", "generate_series"):
        return _steps([_whole(one) for one in given])
    if name in _COUNTS and len(given) > _COUNTS[name]:
        count = _whole(given[_COUNTS[name]])
        return None if count is None else abs(count)
    if name in ("replace", "regexp_replace") and len(given) > 2:
        text = _literal(given[2], str)
        return _UNKNOWN if text is None else len(text)
    if name in ("printf", "format") and given:
        text = _literal(given[0], str)
        return None if text is None else _width(text)
    return _TIMES.get(name, 1)


def _width(text: str) -> int | None:
    """The largest number in a text for `printf` or `format`; None where a value says how wide another is to be."""
    if re.search(r"%[^a-zA-Z%]*\*", text.replace("%%", "")) or re.search(r"\{[^{}]*\{", text.replace("{{", "")):
        return None
    return max([1, *(int(number[:9]) for number in re.findall(r"[1-9][0-9]*", text))])


def _steps(ends: Sequence[int | None]) -> int | None:
    """How many numbers there are from a first to a last one, or from 0 to a last one."""
    if None in ends or not 1 <= len(ends) <= 3:
        return None
    first, last, step = ([0, *ends, 1] if len(ends) == 1 else [*ends, 1])[:3]
    return abs(last - first) // max(abs(step), 1) + 1


def _whole(node: Mapping[str, Any]) -> int | None:
    """A whole number that stands there as such, with or without a minus."""
    if node.get("class") == "FUNCTION" and node["function_name"] == "-" and len(node["arguments"]) == 1:
        inner = _whole(node["arguments"][0]["expression"])
        return None if inner is None else -inner
    return _literal(node, int)


def _literal(node: Mapping[str, Any], kind: Callable[[str], Any]) -> Any:
    if node.get("class") != "CONSTANT":
        return None
    try:
        return kind(node["literal"]["text"])
    except (KeyError, TypeError, ValueError):
        return None
