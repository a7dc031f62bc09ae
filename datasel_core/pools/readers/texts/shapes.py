"""The shapes in which people write text samples, read as turns: running text, prompt and response, conversations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datasel_core.base.conversation import Role
from datasel_core.errors import BadInput
from datasel_core.pools.readers.tables.typed import is_missing

Said = tuple[Role, str]
"""One turn: who, what."""

PAIRS = (
    ("instruction", "response"),
    ("prompt", "response"),
    ("prompt", "completion"),
    ("instruction", "output"),
    ("question", "answer"),
)
_BESIDE = {("instruction", "output"): "input", ("instruction", "response"): "context"}
"""What Alpaca and Dolly put beside an instruction; it belongs to the prompt."""
CHATS = ("messages", "conversations")
USUAL = frozenset({"text", *CHATS, *_BESIDE.values(), *(name for pair in PAIRS for name in pair)})

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
_RESPONSES = tuple(dict.fromkeys(response for _, response in PAIRS))
_PROMPTS = tuple(dict.fromkeys(prompt for prompt, _ in PAIRS))


class BadRow(BadInput):
    """A row is no sample; the text is the reason."""


class NoShape(BadRow):
    """Nothing that could be a sample stands in the row."""


class Ambiguous(BadRow):
    """The row can be read in two ways that say different things."""


@dataclass(frozen=True)
class Shape:
    """Columns that together are a sample: one with text or a conversation, or a prompt and its response. beside: goes
    into the prompt where it is there.
    """

    needs: tuple[str, ...]
    beside: str | None = None

    def __str__(self) -> str:
        return " + ".join(self.needs)


@dataclass(frozen=True)
class Shapes:
    """Which columns hold the samples, as far as options say."""

    text: str | None = None
    prompt: str | None = None
    response: str | None = None

    def __post_init__(self) -> None:
        if self.text is not None and (self.prompt or self.response):
            raise BadInput(
                "The option text_column cannot be given together with prompt_column or response_column; a sample is "
                "one or the other."
            )

    def known(self) -> list[Shape]:
        """Conversations first, then pairs, then running text."""
        if self.text is not None:
            return [Shape((self.text,))]
        if self.prompt or self.response:
            usual = dict(PAIRS) | {"prompt": None}
            partners = {response: prompt for prompt, response in PAIRS}
            prompts = (self.prompt,) if self.prompt else (partners.get(self.response) or _PROMPTS,)
            responses = (self.response,) if self.response else (usual.get(self.prompt) or _RESPONSES,)
            return [
                _pair(prompt, response)
                for prompt in _flat(prompts)
                for response in _flat(responses)
                if prompt != response
            ]
        return [*(Shape((name,)) for name in CHATS), *(_pair(*pair) for pair in PAIRS), Shape(("text",))]


def _pair(prompt: str, response: str) -> Shape:
    return Shape((prompt, response), _BESIDE.get((prompt, response), "input" if prompt == "instruction" else None))


def _flat(names: tuple) -> tuple[str, ...]:
    return names[0] if names and isinstance(names[0], tuple) else names


class Reader:
    """Reads rows in some shapes."""

    def __init__(self, shapes: list[Shape]):
        self._shapes = shapes
        self._there: dict[tuple[str, ...], list[Shape]] = {}

    def read(self, row: Mapping[str, Any]) -> tuple[list[Said], tuple[str, ...]]:
        """The turns of a row and the columns they stood in. Raises BadRow with the reason."""
        found = [shape for shape in self._of(tuple(row)) if not any([is_missing(row[name]) for name in shape.needs])]
        if len(found) > 1:  # a table of several kinds of rows has empty cells
            filled = [shape for shape in found if all(row[name] not in ("", []) for name in shape.needs)]
            found = _same(row, filled) if len(filled) > 1 else filled or found[:1]
        if not found:
            raise _nothing(row, self._shapes)
        shape = found[0]
        beside = shape.beside is not None and isinstance(row.get(shape.beside, 0), str | type(None))
        return _turns(row, shape), (*shape.needs, shape.beside) if beside else shape.needs

    def _of(self, names: tuple[str, ...]) -> list[Shape]:
        """Shapes whose columns are there; most rows of a file have the same."""
        if names not in self._there:
            if len(self._there) > 1000:
                self._there.clear()
            self._there[names] = [shape for shape in self._shapes if set(shape.needs) <= set(names)]
        return self._there[names]


def _same(row: Mapping[str, Any], shapes: list[Shape]) -> list[Shape]:
    """One of several shapes, where they say the same: a conversation beside its first prompt and last response, or text
    made of prompt and response.
    """
    turns = [_turns(row, shape) for shape in shapes]
    for shape, other in zip(shapes[1:], turns[1:], strict=True):
        if other[-1][1] == next((text for role, text in reversed(turns[0]) if role == "assistant"), None):
            continue
        if other[0][0] == "text" and all(text in other[0][1] for _, text in turns[0]):
            continue
        raise Ambiguous(f"it can be read as {shapes[0]} or as {shape}")
    return shapes[:1]


def _nothing(row: Mapping[str, Any], shapes: list[Shape]) -> BadRow:
    there = [shape for shape in shapes if all(name in row for name in shape.needs)]
    if there:
        return BadRow(f"its {next(name for name in there[0].needs if is_missing(row[name]))} is missing")
    half = next(
        (shape for shape in shapes if len(shape.needs) == 2 and any(row.get(name) for name in shape.needs)), None
    )
    if half is not None:
        has = half.needs[0] if row.get(half.needs[0]) else half.needs[1]
        return NoShape(f"it has {_a(has)} and no {' or '.join(_partners(has, shapes))}")
    return NoShape(f"it has none of {', '.join(map(str, shapes))}; it has: {named(row)}")


def _a(name: str) -> str:
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def _partners(name: str, shapes: list[Shape]) -> list[str]:
    return list(
        dict.fromkeys(other for shape in shapes if name in shape.needs for other in shape.needs if other != name)
    )


def named(names: Any) -> str:
    """Names of columns for an error line."""
    names = list(names)
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(shown(str(name), 60) for name in names[:20]) or "nothing") + more


def shown(text: str, most: int = 60) -> str:
    """Text of a stranger for one line of a message."""
    text = " ".join(text.split()).replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= most else text[: most - 3] + "..."


def _turns(row: Mapping[str, Any], shape: Shape) -> list[Said]:
    if len(shape.needs) == 2:
        return _pair_turns(row, shape)
    name = shape.needs[0]
    value = row[name]
    if isinstance(value, str) and name in CHATS and value.lstrip()[:1] == "[":  # how tables write lists
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadRow(f"its {name} is not JSON") from None
    if isinstance(value, list):
        return checked_chat(_chat(value, name))
    if name in CHATS:
        raise BadRow(f"its {name} is {_said(value)}; it must be a list of turns")
    return [("text", _text(value, name))]


def _pair_turns(row: Mapping[str, Any], shape: Shape) -> list[Said]:
    prompt, response = (row[name] for name in shape.needs)
    if isinstance(prompt, list) or isinstance(response, list):  # conversations, as TRL writes them
        before = (
            _chat(prompt, shape.needs[0]) if isinstance(prompt, list) else [("user", _text(prompt, shape.needs[0]))]
        )
        after = (
            _chat(response, shape.needs[1])
            if isinstance(response, list)
            else [("assistant", _text(response, shape.needs[1]))]
        )
        return checked_chat([*before, *after])
    asked = _text(prompt, shape.needs[0])
    if shape.beside is not None and isinstance(more := row.get(shape.beside), str) and more and not more.isspace():
        asked = f"{asked}\n\n{more}"
    return [("user", asked), ("assistant", _text(response, shape.needs[1]))]


def _text(value: Any, name: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):  # the answer 4 is the text 4
        value = str(value)
    if not isinstance(value, str):
        raise BadRow(f"its {name} is {_said(value)}; it must be text")
    if not value or value.isspace():
        raise BadRow(f"its {name} is empty")
    return value


def _chat(turns: list[Any], name: str) -> list[Said]:
    """The turns of OpenAI (`role`, `content`) or ShareGPT (`from`, `value`); empty system turns say nothing."""
    found: list[Said] = []
    if not turns:
        raise BadRow(f"its {name} is empty")
    for at, turn in enumerate(turns, 1):
        if not isinstance(turn, Mapping):
            raise BadRow(f"turn {at} of its {name} is {_said(turn)}; it must have role and content")
        word = turn.get("role") if turn.get("role") is not None else turn.get("from")
        role = _ROLES.get(word.lower()) if isinstance(word, str) else None
        if role is None:
            raise BadRow(
                f"turn {at} of its {name} has the role {_said(word)}; known are system, user, assistant (also human, "
                "gpt)"
            )
        content = turn.get("content") if turn.get("content") is not None else turn.get("value")
        text = "\n".join(_part(part, at, name) for part in content) if isinstance(content, list) else content
        if role == "system" and (text is None or text == ""):
            continue
        found.append((role, _text(text, f"turn {at} ({role})") if text is not None else _none(at, role)))
    return found


def _none(at: int, role: str) -> str:
    raise BadRow(f"its turn {at} ({role}) has no text")


def _part(part: Any, at: int, name: str) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and isinstance(part.get("text"), str) and part.get("type", "text") == "text":
        return part["text"]
    kind = part.get("type") if isinstance(part, Mapping) else part
    raise BadRow(f"turn {at} of its {name} holds {_said(kind)}; only text can be read")


def checked_chat(turns: list[Said]) -> list[Said]:
    """Raises BadRow when there is no assistant turn, or nothing before the last."""
    last = max((at for at, (role, _) in enumerate(turns) if role == "assistant"), default=None)
    if last is None:
        raise BadRow("it has no assistant turn, so there is nothing to learn")
    if last == 0:
        raise BadRow("nothing stands before its only assistant turn")
    return turns


def _said(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return "an object" if isinstance(value, Mapping) else "a list"
    return shown(json.dumps(value, ensure_ascii=False, default=str)) if value is not None else "null"
