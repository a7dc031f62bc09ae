"""Who says what in one sample: texts, and conversations as OpenAI, ShareGPT and TRL write them, with tools."""

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from datasel_core.base.conversation import Role, Turn
from datasel_core.errors import BadInput

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
}
_TOOL_ROLES: dict[str, Role] = {
    "function_call": "assistant",
    "tool_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "ipython": "tool",
    "tool_response": "tool",
}
"""A call is what the assistant writes. These words are kept, for they say more than the role."""
_KNOWN = _ROLES | _TOOL_ROLES
_CALLS = ("tool_calls", "function_call")
DEFINITIONS = ("tools", "functions")
"""Columns that say what an assistant may call; they stand beside the sample."""
ENDS = frozenset(
    ("</s>", "<|endoftext|>", "<|im_end|>", "<eos>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "<|end|>")
)
"""Tokens that end a text: a response of nothing else is empty."""


class BadRow(BadInput):
    """A row is no sample; the text is the reason."""


class Said(NamedTuple):
    """One turn: who, what. weight: 0 is not learned. stored: the message with the turn's own keys, where it has more
    than role and content.
    """

    role: Role
    text: str
    weight: float = 1
    stored: Mapping[str, Any] | None = None

    @property
    def learned(self) -> bool:
        return self.role in ("assistant", "text") and self.weight != 0

    def message(self) -> Mapping[str, Any]:
        return self.stored or {"role": self.role, "content": self.text}

    def unlearned(self) -> "Said":
        """The same, only read."""
        if self.role != "assistant":
            return self
        return self._replace(weight=0, stored={**self.message(), "weight": 0})


def turn_of(message: Mapping[str, Any]) -> Turn:
    """A turn back from its stored message."""
    role = _KNOWN[message["role"]]
    text = spoken(message["content"], message) if role == "assistant" else message["content"] or ""
    return Turn(role, text, _weight(role, message))


def readable(turns: Sequence[Said] | Sequence[Turn]) -> str:
    """A conversation as people read it; a single prompt stands for itself."""
    if len(turns) == 1 and turns[0].role in ("user", "text"):
        return turns[0].text
    return "\n\n".join(f"{turn.role.capitalize()}: {turn.text}" for turn in turns)


def spoken(content: str | None, message: Mapping[str, Any]) -> str | None:
    """What an assistant writes: its words, then its calls as JSON, each key as the source has it, with one space after
    commas and colons.
    """
    calls = [message[name] for name in _CALLS if message.get(name)]
    if not calls:
        return content
    written = [call if isinstance(call, str) else dumped(call) for call in calls]
    return "\n".join([content, *written] if content and not content.isspace() else written)


def dumped(value: Any, **how: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain, **how)


def chat(turns: list[Any], name: str) -> list[Said]:
    """The turns of OpenAI (`role`, `content`) or ShareGPT (`from`, `value`); empty system turns say nothing."""
    if not turns:
        raise BadRow(f"its {name} is empty")
    found = [_turn(turn, at, name) for at, turn in enumerate(turns, 1)]
    return [turn for turn in found if turn is not None]


def checked_chat(turns: list[Said]) -> list[Said]:
    """Raises BadRow when there is no assistant turn to learn, or nothing before the last."""
    last = max((at for at, turn in enumerate(turns) if turn.role == "assistant"), default=None)
    if last is None:
        raise BadRow("it has no assistant turn, so there is nothing to learn")
    if last == 0:
        raise BadRow("nothing stands before its only assistant turn")
    if not any(turn.learned for turn in turns):
        raise BadRow("all its assistant turns have the weight 0, so there is nothing to learn")
    return turns


def is_answer(turn: Any) -> bool:
    """Whether an assistant says it."""
    word = turn.get("role", turn.get("from")) if isinstance(turn, Mapping) else None
    return isinstance(word, str) and _KNOWN.get(word.lower()) == "assistant"


def text_of(value: Any, name: str) -> str:
    """Text; a number is its digits. Raises BadRow."""
    if is_number(value):
        return str(value)
    if not isinstance(value, str):
        raise BadRow(f"its {name} is {said(value)}; it must be text")
    if not value or value.isspace():
        raise BadRow(f"its {name} is empty")
    return value


def response_of(value: Any, name: str) -> str:
    """Text to learn. Raises BadRow, also for a token that only ends one."""
    text = text_of(value, name)
    if text[-1] in ">\n \t" and text.strip() in ENDS:
        raise BadRow(f"its {name} is empty (only {text.strip()})")
    return text


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value)


def listed(text: str, name: str) -> Any:
    """A list that a table holds as JSON. Raises BadRow."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadRow(f"its {name} is not JSON") from None


def filled(value: Any) -> Any:
    """A value of a table of columns without the keys that it had to give to all its objects."""
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items() if inner is not None}
    return [filled(inner) for inner in value] if isinstance(value, list) else value


def said(value: Any) -> str:
    """A value of a stranger for one line of a message."""
    if isinstance(value, Mapping | list):
        return "an object" if isinstance(value, Mapping) else "a list"
    return shown(json.dumps(value, ensure_ascii=False, default=str)) if value is not None else "null"


def shown(text: str, most: int = 60) -> str:
    """Text of a stranger for one line of a message."""
    text = " ".join(text.split()).replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= most else text[: most - 3] + "..."


def _turn(turn: Any, at: int, name: str) -> Said | None:
    if not isinstance(turn, Mapping):
        raise BadRow(f"turn {at} of its {name} is {said(turn)}; it must have role and content")
    who = "role" if turn.get("role") is not None else "from"
    word = turn.get(who)
    word = word.lower() if isinstance(word, str) else word
    role = _KNOWN.get(word) if isinstance(word, str) else None
    if role is None:
        raise BadRow(
            f"turn {at} of its {name} has the role {said(word)}; known are system, user, assistant, tool (also human, "
            "gpt, function_call, observation)"
        )
    what = "content" if turn.get("content") is not None else "value"
    own = {key: value for key, value in turn.items() if value is not None and key not in (who, what)}
    content = turn.get(what)
    if isinstance(content, list):
        content = "\n".join(_part(part, at, name) for part in content)
    elif is_number(content):
        content = str(content)
    if role == "system" and (content is None or content == ""):
        return None
    text = _words(content, role, own, at)
    stored = {"role": word if word in _TOOL_ROLES else role, "content": content, **own}
    return Said(role, text, _weight(role, own), stored if own or word in _TOOL_ROLES else None)


def _words(content: Any, role: Role, own: Mapping[str, Any], at: int) -> str:
    name = f"turn {at} ({role})"
    if role == "tool" and (content is None or content == ""):  # many give nothing back
        return ""
    calls = role == "assistant" and any(own.get(call) for call in _CALLS)
    if calls and (content is None or isinstance(content, str)):
        return spoken(content, own) or ""
    if content is None:
        raise BadRow(f"its {name} has no text")
    return response_of(content, name) if role == "assistant" else text_of(content, name)


def _weight(role: Role, own: Mapping[str, Any]) -> float:
    return 0 if role == "assistant" and own.get("weight") == 0 else 1


def _part(part: Any, at: int, name: str) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and isinstance(part.get("text"), str) and part.get("type", "text") == "text":
        return part["text"]
    kind = part.get("type") if isinstance(part, Mapping) else part
    raise BadRow(f"turn {at} of its {name} holds {said(kind)}; only text can be read")


def _plain(value: Any) -> Any:
    """What JSON has no word for, such as the dates and exact numbers of a table."""
    return float(value) if isinstance(value, Decimal) else str(value)
