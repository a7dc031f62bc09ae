"""The shapes in which training tools take texts: made of what the pool knows of a sample.

What a shape has no place for is counted; a sample that it has no place for is refused.
https://huggingface.co/docs/trl/dataset_formats
https://github.com/hiyouga/LLaMA-Factory/tree/main/data
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from datasel_core.errors import BadRequest
from datasel_core.exports.chat import CALLS, LABEL, PLAIN, USED, Chat, chats, listed, message
from datasel_core.pools.readers.texts.preferences import REJECTED
from datasel_core.pools.readers.texts.turns import DEFINITIONS, dumped, turn_of

Row = dict[str, Any]
Lost = Counter[str]
_OURS = frozenset({"id", "row", "rank", "score", "count", "why", "content", "as_written"})
_FROM = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


_SEVERAL = "its responses are several turns, of which the rejected ones are kept as one text"


class NoPlace(Exception):
    """The shape has no place for a sample; the text is the reason."""


class Shaped:
    """The rows of a selection in one shape. table: its table. Raises BadRequest while rows are made, where some do not
    fit.
    """

    def __init__(self, table: pa.Table, shape: str):
        self._table, self._shape, self._lost = table, shape, Lost()
        self._paired = _filled(table, REJECTED)
        self._plain = not _filled(table, "messages")

    def rows(self) -> Iterator[Row]:
        """In pick order; may be asked for more than once."""
        self._lost, refused = Lost(), []
        for chat in chats(self._table):
            lost: Lost = Counter()
            try:
                row = self._row(chat, lost)
            except NoPlace as error:
                refused.append(f"{chat.id}: {error}")
                continue
            self._lost.update(lost.keys())
            if not refused:
                yield row
        if refused:
            raise BadRequest(
                f"{len(refused):,} of {self._table.num_rows:,} samples do not fit the shape {self._shape} "
                f"({refused[0]}); take --shape as_is, or choose among the others."
            )

    def notes(self) -> list[str]:
        """What was lost, with counts."""
        lost = [f"{what} ({count:,} sample{'s' * (count > 1)})" for what, count in sorted(self._lost.items())]
        beside = [name for name in self._table.column_names if name not in USED | _OURS]
        beside = [name for name in beside if not (name == LABEL and self._shape == "prompt_completion")]
        found = [f"The shape {self._shape} has no place for: {', '.join(lost)}."] if lost else []
        if beside:
            found.append(f"Not part of the shape {self._shape}: {', '.join(beside)}; --shape as_is has them.")
        return found

    def _row(self, chat: Chat, lost: Lost) -> Row:
        if not chat.messages:
            raise NoPlace("it is running text, without turns")
        if self._shape == "preference" and chat.rejected is None:
            raise NoPlace("it has one response, not two")
        if self._shape in ("alpaca", "sharegpt") and self._paired and chat.rejected is None:
            raise NoPlace("it has one response, and others have two")
        return _SHAPES[self._shape](chat, self._plain, lost)


def _messages(chat: Chat, plain: bool, lost: Lost) -> Row:
    if chat.rejected is not None:
        lost[REJECTED] += 1
    return {"messages": list(map(message, chat.messages)), **chat.tools}


def _prompt_completion(chat: Chat, plain: bool, lost: Lost) -> Row:
    """Texts where all samples are a prompt and its response; else messages. Only the last response is learned."""
    if chat.rejected is not None:
        lost[REJECTED] += 1
    label = {} if chat.label is None else {LABEL: chat.label}
    if plain:
        return {"prompt": chat.messages[0]["content"], "completion": chat.messages[1]["content"], **label, **chat.tools}
    last = chat.last()
    if any(turn.role == "assistant" and turn.learned for turn in chat.turns[:last]):
        lost["earlier responses as something to learn"] += 1
    if chat.turns[last + 1 :]:
        lost["turns after the last response"] += 1
    prompt = [_without(message(one), ("weight",)) for one in chat.messages[:last]]
    return {"prompt": prompt, "completion": [message(chat.messages[last])], **label, **chat.tools}


def _preference(chat: Chat, plain: bool, lost: Lost) -> Row:
    begin = chat.first_chosen()
    prompt, chosen = chat.messages[:begin], chat.messages[begin:]
    if len(chosen) > 1:
        raise NoPlace(_SEVERAL)
    if plain:
        return {"prompt": prompt[0]["content"], "chosen": chosen[0]["content"], REJECTED: chat.rejected}
    rejected = [{"role": "assistant", "content": chat.rejected}]
    before = [_without(message(one), ("weight",)) for one in prompt]
    return {"prompt": before, "chosen": list(map(message, chosen)), REJECTED: rejected, **chat.tools}


def _alpaca(chat: Chat, plain: bool, lost: Lost) -> Row:
    """All but the last prompt and response are history, which LLaMA-Factory learns, too."""
    turns, system = chat.turns, ""
    if turns[0].role == "system":
        system, turns = turns[0].text, turns[1:]
    roles = [turn.role for turn in turns]
    if roles != ["user", "assistant"] * (len(turns) // 2):
        raise NoPlace(f"its turns are {', '.join(turn.role for turn in chat.turns)}")
    if chat.rejected is not None and chat.messages[chat.first_chosen() + 1 :]:
        raise NoPlace(_SEVERAL)
    if chat.rejected is None and not turns[-1].learned:
        raise NoPlace("its last response has the weight 0")
    _count_keys(chat.messages, lost, known=() if chat.rejected is None else ("weight",))
    texts = [turn.text for turn in turns]
    row = {"instruction": texts[-2], "input": ""}
    row |= {"output": texts[-1]} if chat.rejected is None else {"chosen": texts[-1], REJECTED: chat.rejected}
    history = list(map(list, zip(texts[:-2:2], texts[1:-2:2], strict=True)))
    return row | {"system": system, "history": history, **_tools(chat)}


def _sharegpt(chat: Chat, plain: bool, lost: Lost) -> Row:
    if chat.rejected is None:
        _count_keys(chat.messages, lost, CALLS)
        return {"conversations": _said(chat.messages, lost), **_tools(chat)}
    begin = chat.first_chosen()
    chosen = _said(chat.messages[begin:], lost)
    if len(chosen) > 1:
        raise NoPlace(_SEVERAL)
    _count_keys(chat.messages, lost, (*CALLS, "weight"))
    row = {"conversations": _said(chat.messages[:begin], lost), "chosen": chosen[0]}
    return row | {REJECTED: {"from": "gpt", "value": chat.rejected}, **_tools(chat)}


def _said(messages: Sequence[Mapping[str, Any]], lost: Lost) -> list[dict[str, str]]:
    """Turns as ShareGPT writes them; calls of tools are turns of their own."""
    found = []
    for one in messages:
        who = "function_call" if one["role"] in ("function_call", "tool_call") else _FROM[turn_of(one).role]
        calls, content = _called(one, lost), one["content"] or ""
        if content or not calls:
            found.append({"from": who, "value": content})
        if calls:
            found.append({"from": "function_call", "value": dumped(calls[0] if len(calls) == 1 else calls)})
    return found


def _called(one: Mapping[str, Any], lost: Lost) -> list[Any]:
    """Name and arguments of each call of a turn."""
    found = []
    for value in (one[name] for name in CALLS if one.get(name)):
        for call in value if isinstance(value, list) else [value]:
            function = call.get("function", call) if isinstance(call, Mapping) else call
            if isinstance(function, Mapping) and "name" in function:
                if call.get("id") is not None:
                    lost["id of a call"] += 1
                found.append({"name": function["name"], "arguments": listed(function.get("arguments"))})
            else:
                found.append(call)
    return found


def _count_keys(messages: Sequence[Mapping[str, Any]], lost: Lost, known: Sequence[str] = ()) -> None:
    """What turns say of themselves beside who and what."""
    for name in {name for one in messages for name in one if name not in (*PLAIN, *known)}:
        lost[name] += 1


def _tools(chat: Chat) -> dict[str, str]:
    """Definitions of tools as one text, which is how LLaMA-Factory takes them."""
    found = next((chat.tools[name] for name in DEFINITIONS if name in chat.tools), None)
    return {} if found is None else {"tools": found if isinstance(found, str) else dumped(found)}


def _without(one: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in names}


def _filled(table: pa.Table, name: str) -> bool:
    return name in table.column_names and table[name].null_count < table.num_rows


_SHAPES: dict[str, Callable[[Chat, bool, Lost], Row]] = {
    "messages": _messages,
    "prompt_completion": _prompt_completion,
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
    "preference": _preference,
}
