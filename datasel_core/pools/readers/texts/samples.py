"""One row as a sample: the turns that it says, from the columns that hold them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from datasel_core.pools.readers.texts.preferences import CHOSEN, label_of, two_responses
from datasel_core.pools.readers.texts.turns import (
    BadRow,
    Said,
    chat,
    checked_chat,
    is_number,
    listed,
    response_of,
    said,
    text_of,
)

CHATS = ("messages", "conversations")
PROMPTS = ("instruction", "prompt", "question")
BESIDE = ("input", "context")
"""What Alpaca and Dolly put beside an instruction; it belongs to the prompt."""
BEFORE = ("system", "history")
"""What LLaMA-Factory puts before an instruction."""

_KTO = ("prompt", "completion", "label")


class Sample(NamedTuple):
    """What a row says. used: the columns that it stood in. rejected: the other response. label: whether KTO calls the
    response a good one. spans: where facts are marked in running text, as the pool keeps it.
    """

    turns: list[Said]
    used: Sequence[str]
    rejected: str | None = None
    label: bool | None = None
    spans: str | None = None


def is_plain(needs: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row with these columns, if they hold text, is running text or one prompt and its response, and no more
    than what stands beside the prompt is read.
    """
    if len(needs) == 1:
        return needs[0] not in CHATS
    more = BEFORE if needs[0] == "instruction" else _KTO if tuple(needs) == _KTO[:2] else ()
    return not set(more).difference(needs).intersection(names)


def single(row: Mapping[str, Any], name: str) -> Sample:
    value = row[name]
    if isinstance(value, str) and name in CHATS and value.lstrip()[:1] == "[":  # how tables write lists
        value = listed(value, name)
    if isinstance(value, list):
        return Sample(checked_chat(chat(value, name)), (name,))
    if name in CHATS:
        raise BadRow(f"its {name} is {said(value)}; it must be a list of turns")
    return Sample([Said("text", text_of(value, name))], (name,))


def pair(row: Mapping[str, Any], prompt: str, response: str) -> Sample:
    used = [prompt, response]
    before = _before(row, used) if prompt == "instruction" else []
    label = label_of(row.get(_KTO[2])) if (prompt, response) == _KTO[:2] else None
    if isinstance(row[prompt], list) or isinstance(row[response], list):  # conversations, as TRL writes them
        asked = chat(row[prompt], prompt) if isinstance(row[prompt], list) else _asked(row, prompt, used)
        answer = row[response]
        after = chat(answer, response) if isinstance(answer, list) else [_answered(answer, response)]
        return Sample(checked_chat([*before, *asked, *after]), used, label=label)
    return Sample([*before, *_asked(row, prompt, used), _answered(row[response], response)], used, label=label)


def preference(row: Mapping[str, Any], needs: Sequence[str]) -> Sample:
    used = list(needs)
    before = _before(row, used)
    prompt = next((name for name in needs if name not in CHOSEN), None)
    asked = []
    if prompt is not None:
        asked = chat(row[prompt], prompt) if isinstance(row[prompt], list) else _asked(row, prompt, used)
    turns, rejected = two_responses(row, before, asked)
    return Sample(turns, used, rejected)


def _answered(value: Any, name: str) -> Said:
    return Said("assistant", response_of(value, name))


def _asked(row: Mapping[str, Any], prompt: str, used: list[str]) -> list[Said]:
    """The prompt, and below it what is given with an instruction."""
    texts = [text_of(row[prompt], prompt)]
    for name in BESIDE if prompt in PROMPTS else ():
        more = row.get(name)
        if name not in row or name in used or not (more is None or isinstance(more, str) or is_number(more)):
            continue
        used.append(name)
        if more is not None and (text := str(more)) and not text.isspace():
            texts.append(text)
    return [Said("user", "\n\n".join(texts))]


def _before(row: Mapping[str, Any], used: list[str]) -> list[Said]:
    """The turns of `system` and of `history`, a list of [prompt, response]. Raises BadRow."""
    system, history = (row.get(name) for name in BEFORE)
    turns = []
    if isinstance(system, str):
        used.append("system")
        turns += [Said("system", system)] if system and not system.isspace() else []
    if isinstance(history, str) and history.lstrip()[:1] == "[":
        history = listed(history, "history")
    for at, pair in enumerate(history if isinstance(history, list) else (), 1):
        if not isinstance(pair, list) or len(pair) != 2:
            raise BadRow(f"part {at} of its history is {said(pair)}; it must be a list of prompt and response")
        name = f"history (part {at})"
        turns += [Said("user", text_of(pair[0], name)), _answered(pair[1], name)]
    if isinstance(history, list):
        used.append("history")
    return turns
