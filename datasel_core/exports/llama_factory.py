"""`dataset_info.json`, by which LLaMA-Factory knows what the columns of a file are.

https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md
"""

from collections.abc import Collection
from pathlib import PurePath
from typing import Any

from datasel_core.errors import BadRequest
from datasel_core.exports.chat import LABEL
from datasel_core.pools.readers.texts.preferences import REJECTED
from datasel_core.pools.readers.texts.turns import DEFINITIONS

NAME = "dataset_info.json"
DESCRIBED = ("messages", "prompt_completion", "alpaca", "sharegpt", "preference")
_OPENAI = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "system_tag": "system",
}
_SHAREGPT = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}


def dataset_info(shape: str, file: str, filled: Collection[str]) -> dict[str, Any]:
    """filled: columns of the selection in which anything stands. Raises BadRequest where it has no words for it."""
    two = REJECTED in filled
    if shape not in DESCRIBED:
        raise BadRequest(f"{NAME} describes the shapes {', '.join(DESCRIBED)}; take one of them with --shape.")
    if shape in ("prompt_completion", "preference") and "messages" in filled:
        raise BadRequest(
            f"LLaMA-Factory reads the shape {shape} only where a prompt is one text; some of these are conversations, "
            "so take --shape sharegpt."
        )
    tools = {"tools": "tools"} if not set(DEFINITIONS).isdisjoint(filled) else {}
    answers = {"chosen": "chosen", REJECTED: REJECTED}
    found: dict[str, Any] = {"file_name": file, "formatting": "alpaca", **({"ranking": True} if two else {})}
    match shape:
        case "messages":
            columns, tags = {"messages": "messages", **tools}, _OPENAI
            found = {"file_name": file, "formatting": "sharegpt"}
        case "sharegpt":
            columns, tags = {"messages": "conversations", **(answers if two else {}), **tools}, _SHAREGPT
            found["formatting"] = "sharegpt"
        case "alpaca":
            said = answers if two else {"response": "output"}
            columns, tags = {"prompt": "instruction", "query": "input", **said}, None
            columns |= {"system": "system", "history": "history", **tools}
        case "prompt_completion":
            label = {"kto_tag": LABEL} if LABEL in filled else {}
            columns, tags = {"prompt": "prompt", "response": "completion", **label}, None
            found = {"file_name": file, "formatting": "alpaca"}
        case _:
            columns, tags = {"prompt": "prompt", **answers}, None
    name = PurePath(file).name.split(".")[0]
    return {name: {**found, "columns": columns, **({} if tags is None else {"tags": tags})}}
