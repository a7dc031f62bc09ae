"""A kept text sample as other tools take it: messages, definitions of tools, a second response, a label."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from datasel_core.base.conversation import Turn
from datasel_core.pools.readers.texts.preferences import REJECTED
from datasel_core.pools.readers.texts.rows import TEXTS
from datasel_core.pools.readers.texts.turns import DEFINITIONS, turn_of

LABEL = "label"
"""Of KTO: whether people call a response a good one."""
CALLS = ("tool_calls", "function_call")
PLAIN = ("role", "content")
USED = frozenset({*TEXTS, *DEFINITIONS, REJECTED})
"""Columns of a pool that a sample is made of."""
_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


@dataclass(frozen=True)
class Chat:
    """messages: with `role`, `content` and the keys that the source gave them; none of running text. label: None where
    there is none.
    """

    id: str
    messages: tuple[Mapping[str, Any], ...]
    tools: Mapping[str, Any]
    rejected: str | None = None
    label: bool | None = None

    @property
    def turns(self) -> list[Turn]:
        return [turn_of(message) for message in self.messages]

    def last(self) -> int:
        """The place of the last response that is learned."""
        return max(at for at, turn in enumerate(self.turns) if turn.role == "assistant" and turn.learned)

    def first_chosen(self) -> int:
        """Where the chosen of two responses begins: nothing before it is learned."""
        return next(at for at, turn in enumerate(self.turns) if turn.role == "assistant" and turn.learned)


def chats(table: pa.Table) -> Iterator[Chat]:
    """table: of a selection of texts, in pick order."""
    labels = LABEL in table.column_names and pa.types.is_boolean(table[LABEL].type)
    names = [name for name in table.column_names if name in USED or (name == LABEL and labels)]
    for batch in table.select(["id", *names]).to_batches(max_chunksize=1_000):
        for row in batch.to_pylist():
            tools = {name: listed(row[name]) for name in DEFINITIONS if row.get(name) is not None}
            yield Chat(row["id"], _messages(row), tools, row.get(REJECTED), row.get(LABEL))


def message(one: Mapping[str, Any]) -> dict[str, Any]:
    """As OpenAI and TRL write it: of four roles; what else the source says of it stays."""
    return {**one, "role": _ROLES[turn_of(one).role]}


def _messages(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    if row.get("messages") is not None:
        return tuple(json.loads(row["messages"]))
    if row.get("text") is not None:
        return ()
    return ({"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["response"]})


def listed(text: Any) -> Any:
    """What is written as JSON: definitions of tools, which pools keep as text, and arguments of calls."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text
