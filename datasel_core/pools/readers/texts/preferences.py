"""Samples with two responses: one that people chose, one that they rejected, as TRL and LLaMA-Factory write them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from datasel_core.pools.readers.texts.turns import BadRow, Said, chat, checked_chat, is_number, readable, response_of
from datasel_core.pools.readers.texts.turns import said as said_of

CHOSEN = ("chosen", "rejected")
REJECTED = "rejected"
"""The column of the response that is not learned."""
_DIALOGUE = re.compile(r"\n\n(Human|Assistant):")
"""How the first large set of preferences writes a conversation as one text."""


def is_nested(row: Mapping[str, Any]) -> bool:
    """Whether both responses are turns; text in columns of these names may mean something else."""
    return all(isinstance(row.get(name), list | Mapping) for name in CHOSEN)


def two_responses(row: Mapping[str, Any], before: Sequence[Said], asked: Sequence[Said]) -> tuple[list[Said], str]:
    """The turns up to the end of the chosen response, and the text of the rejected one. Only the chosen response is
    learned. before: what comes first. asked: the prompt; nothing where both are conversations that share their
    beginning. Raises BadRow.
    """
    chosen, rejected = (_turns(row[name], name, alone=not asked) for name in CHOSEN)
    shared = _shared(chosen, rejected)
    begin = chosen[:shared]
    if asked and asked[-1] not in begin:  # many conversations repeat the prompt that stands beside them
        if chosen[0].role != "assistant":
            raise BadRow("its chosen begins with another prompt than the one beside it")
        begin, shared = [*asked], 0
    if not begin:
        raise BadRow("it has no prompt, and its chosen and rejected do not share their beginning")
    response = chosen[shared:]
    if not any(turn.learned for turn in response):
        raise BadRow("its chosen has no assistant turn to learn")
    begin = [*(turn for turn in before if turn not in begin), *begin]
    return checked_chat([*(turn.unlearned() for turn in begin), *response]), _answer(rejected[shared:])


def label_of(value: Any) -> bool | None:
    """KTO's label: whether a completion is a good one; None where the column means something else."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _turns(value: Any, name: str, alone: bool) -> list[Said]:
    """alone: whether no prompt stands beside it."""
    if alone and isinstance(value, str) and (parts := _DIALOGUE.split(value))[0] == "" and len(parts) > 1:
        said = zip(parts[1::2], parts[2::2], strict=True)
        return chat([{"role": who, "content": text.removeprefix(" ")} for who, text in said], name)
    if isinstance(value, str) or is_number(value):
        return [Said("assistant", response_of(value, name))]
    turns = [value] if isinstance(value, Mapping) else value
    if not isinstance(turns, list):
        raise BadRow(f"its {name} is {said_of(value)}; it must be text or a list of turns")
    return chat(turns, name)


def _shared(one: Sequence[Said], other: Sequence[Said]) -> int:
    """How many turns both begin with; the last of each is its own, even where both are the same."""
    most = min(len(one), len(other)) - 1
    return next((at for at in range(most) if one[at] != other[at]), most)


def _answer(turns: Sequence[Said]) -> str:
    return turns[0].text if len(turns) == 1 and turns[0].role == "assistant" else readable(turns)
