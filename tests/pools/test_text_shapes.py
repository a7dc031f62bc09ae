"""The shapes that people write beside plain ones: prompts with more below and before them, conversations with tools,
two responses, numbers; read as hand-made turns, of which hand-made ones are learned.
"""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.features.language.tokens import pieces
from datasel_core.pools.guess import kind_of
from datasel_core.pools.readers.texts.turns import turn_of
from tests.pools.test_text_left_out import GOOD
from tests.pools.test_text_pool import add, lines


def learned(pool, row=0):
    """What a model reads of a sample in the plain template, and which of it counts."""
    return pieces(pool.turns(row), "plain")


def turns(*said):
    return [{"role": role, "content": text} for role, text in said]


@pytest.mark.parametrize("prompt", ["instruction", "prompt", "question"])
@pytest.mark.parametrize("response", ["response", "output", "completion", "answer"])
@pytest.mark.parametrize("beside", ["input", "context"])
def test_what_is_given_with_an_instruction_is_part_of_its_prompt(workspace, tmp_path, prompt, response, beside):
    rows = [{prompt: "Count.", beside: "a b", response: "Two."}, {prompt: "Say.", beside: "", response: "Yes."}]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *rows, {prompt: "Half of", beside: 8, response: 4}))
    assert learned(pool) == [("Count.\n\na b\n", False), ("Two.", True)]
    assert learned(pool, 1) == [("Say.\n", False), ("Yes.", True)]
    assert learned(pool, 2) == [("Half of\n\n8\n", False), ("4", True)]
    assert pool.columns == ["id", "prompt", "response"]
    assert pool.about["notes"] == []


def test_text_made_of_a_sample_has_headings(workspace, tmp_path):
    row = {"instruction": "Count.", "input": "a b", "output": "Two.", "text": "# Count.\n\n## Input\na b\n\n## Two."}
    pool = add(workspace, lines(tmp_path / "t.jsonl", row))
    assert learned(pool) == [("Count.\n\na b\n", False), ("Two.", True)]


def test_text_columns_that_are_not_read_are_said(workspace, tmp_path):
    rows = [{**GOOD, "title": "t", "url": "u", "n": 3, "group": "g", "source": "s", "id": f"{at}"} for at in range(2)]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *rows))
    assert pool.about["notes"] == ["Not part of the sample: title, url."]


def test_what_is_usual_goes_before_what_is_not(workspace, tmp_path):
    """Rows that opened before every prompt went with every response open as they did."""
    rows = [
        {"prompt": "p", "response": "r", "answer": "a", "output": "o"},
        {"question": "q", "answer": "a", "instruction": "i", "response_": "x"},
        {"text": "t", "prompt": "p", "answer": "a"},
        {"prompt": "p", "completion": "", "output": "o"},
        {"instruction": "i", "output": "o", "chosen": "c", "rejected": "r"},
    ]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *rows))
    assert [[text for text, _ in learned(pool, row)] for row in range(5)] == [
        ["p\n", "r"],
        ["q\n", "a"],
        ["t"],
        ["p\n", "o"],
        ["i\n", "o"],
    ]
    assert pool.about["notes"] == [
        "Columns with names that are taken stand under others: prompt as prompt_.",
        "Not part of the sample: answer, output, instruction, response_, prompt_, completion, chosen, rejected.",
    ]


CALL = {"id": "c1", "type": "function", "function": {"name": "w", "arguments": '{"c":"Oslo"}'}}
CALLED = '[{"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{\\"c\\":\\"Oslo\\"}"}}]'
TOOLS = {
    "openai": (
        {
            "messages": [
                *turns(("system", "s"), ("user", "Weather?")),
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "3"},
                *turns(("assistant", "3 degrees")),
            ]
        },
        [("s\n", False), ("Weather?\n", False), (CALLED, True), ("3\n", False), ("3 degrees", True)],
    ),
    "words and a call": (
        {
            "messages": [
                *turns(("user", "Weather?")),
                {"role": "assistant", "content": "I look.", "tool_calls": [CALL]},
                {"role": "tool", "content": ""},
                {"role": "assistant", "content": "None.", "tool_calls": []},
            ]
        },
        [("Weather?\n", False), (f"I look.\n{CALLED}", True), ("\n", False), ("None.", True)],
    ),
    "function_call of openai": (
        {
            "messages": [
                *turns(("user", "Weather?")),
                {"role": "assistant", "content": "", "function_call": {"name": "w", "arguments": "{}"}},
                {"role": "function", "name": "w", "content": "3"},
                *turns(("assistant", "ok")),
            ]
        },
        [("Weather?\n", False), ('{"name": "w", "arguments": "{}"}', True), ("3\n", False), ("ok", True)],
    ),
    "sharegpt": (
        {
            "conversations": [
                {"from": "human", "value": "Weather?"},
                {"from": "function_call", "value": '{"name":"w"}'},
                {"from": "observation", "value": '{"t":3}'},
                {"from": "gpt", "value": "3."},
            ]
        },
        [("Weather?\n", False), ('{"name":"w"}', True), ('{"t":3}\n', False), ("3.", True)],
    ),
    "other words": (
        {
            "conversations": [
                {"from": "human", "value": "Add"},
                {"from": "tool_call", "value": "add(2,3)"},
                {"from": "tool_response", "value": 5},
                {"from": "gpt", "value": "import"},
                {"from": "ipython", "value": "6"},
                {"from": "tool", "value": "7"},
                {"from": "gpt", "value": 5},
            ]
        },
        [
            ("Add\n", False),
            ("add(2,3)", True),
            ("5\n", False),
            ("import", True),
            ("6\n", False),
            ("7\n", False),
            ("5", True),
        ],
    ),
    "weights": (
        {
            "messages": [
                {"role": "user", "content": "A", "weight": 1},
                {"role": "assistant", "content": "B", "weight": 0},
                {"role": "user", "content": "C", "weight": 0},
                {"role": "assistant", "content": "D", "weight": 1},
                {"role": "user", "content": "E"},
                {"role": "assistant", "content": "F", "weight": 0},
            ]
        },
        [("A\n", False), ("B\n", False), ("C\n", False), ("D", True), ("E\n", False), ("F\n", False)],
    ),
    "thoughts": (
        {"messages": [*turns(("user", "A")), {"role": "assistant", "content": "4", "reasoning_content": "2+2"}]},
        [("A\n", False), ("4", True)],
    ),
}


@pytest.mark.parametrize("shape", TOOLS)
@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "csv"])
def test_tools_and_what_turns_say_of_themselves(workspace, tmp_path, shape, suffix):
    row, expected = TOOLS[shape]
    (name,) = row
    path = tmp_path / f"t.{suffix}"
    if suffix == "jsonl":
        lines(path, row)
    elif suffix == "csv":
        path.write_text(f'{name}\n"{json.dumps(row[name]).replace(chr(34), chr(34) * 2)}"\n')
    elif shape == "other words":
        pytest.skip("one Parquet column does not hold both text and numbers")
    else:  # every turn gets all keys, null where it has none
        keys = list(dict.fromkeys(key for turn in row[name] for key in turn))
        pq.write_table(pa.table({name: [[{key: turn.get(key) for key in keys} for turn in row[name]]]}), path)
    pool = add(workspace, path)
    assert learned(pool) == expected
    kept = [{key: value for key, value in turn.items() if value is not None} for turn in row[name]]
    stored = json.loads(pool.value("messages", 0))
    for turn, was in zip(stored, kept, strict=True):
        own = was.keys() - {"role", "content", "from", "value"}
        assert {key: turn[key] for key in own} == {key: was[key] for key in own}
        assert turn.keys() - own == {"role", "content"}
    assert [(turn_of(turn).text, turn_of(turn).learned) for turn in stored] == [
        (turn.text, turn.learned) for turn in pool.turns(0)
    ]
    assert pool.value("response", 0) == next(text for text, counts in reversed(expected) if counts)
    lines(tmp_path / "again.jsonl", {"messages": stored})
    assert add(workspace, tmp_path / "again.jsonl", "again").table["content"] == pool.table["content"]


def test_definitions_of_tools_stand_beside(workspace, tmp_path):
    chat = turns(("user", "a"), ("assistant", "b"))
    defined = [{"type": "function", "function": {"name": "w", "parameters": {"c": "Ö"}}}]
    rows = [{"messages": chat, "tools": defined}, {"messages": chat, "tools": '["as text"]'}, {"messages": chat}]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *rows, {"messages": chat, "functions": defined}))
    assert [one and json.loads(one) for one in pool.column("tools")] == [defined, ["as text"], None, None]
    assert json.loads(pool.column("functions")[3]) == defined
    assert pool.about["notes"] == []


def test_turns_in_tables_do_not_get_arguments_that_nobody_gave(workspace, tmp_path):
    calls = [{"function": {"arguments": {"city": "Oslo"}}}, {"function": {"arguments": {"town": "Rom"}}}]
    rows = [
        {"messages": [*turns(("user", "a")), {"role": "assistant", "content": None, "tool_calls": [call]}]}
        for call in calls
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    pool = add(workspace, tmp_path / "t.parquet")
    assert [learned(pool, row)[1][0] for row in range(2)] == [json.dumps([call]) for call in calls]


def test_what_is_learned_is_in_the_content_and_what_is_only_said_is_not(workspace, tmp_path):
    def chat(**own):
        return {
            "messages": [
                *turns(("user", "a"), ("assistant", "x"), ("user", "b")),
                {"role": "assistant", "content": "c"},
            ]
        } | (
            {
                "messages": [
                    *turns(("user", "a")),
                    {"role": "assistant", "content": "x", **own},
                    *turns(("user", "b"), ("assistant", "c")),
                ]
            }
        )

    kinds = [
        chat(),
        chat(name="me"),
        chat(reasoning_content="why"),
        chat(weight=1),
        chat(weight=0),
        chat(tool_calls=[CALL]),
    ]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *kinds))
    content = pool.table["content"].to_pylist()
    assert len(set(content[:4])) == 1
    assert len(set(content)) == 3


ASKED = [("Q\n", False), ("good", True)]
PREFERENCES = {
    "text": ({"prompt": "Q", "chosen": "good", "rejected": "bad"}, ASKED, "bad"),
    "question": ({"question": "Q", "chosen": "good", "rejected": "bad"}, ASKED, "bad"),
    "with input": (
        {"instruction": "Q", "input": "x", "chosen": "good", "rejected": 3},
        [("Q\n\nx\n", False), ASKED[1]],
        "3",
    ),
    "system": (
        {"system": "S", "question": "Q", "chosen": "good", "rejected": "bad"},
        [("S\n", False), *ASKED],
        "bad",
    ),
    "turns": (
        {
            "prompt": turns(("user", "Q")),
            "chosen": turns(("assistant", "good")),
            "rejected": turns(("assistant", "bad")),
        },
        ASKED,
        "bad",
    ),
    "implicit": (
        {
            "chosen": turns(("user", "P"), ("assistant", "R"), ("user", "Q"), ("assistant", "good")),
            "rejected": turns(("user", "P"), ("assistant", "R"), ("user", "Q"), ("assistant", "bad")),
        },
        [("P\n", False), ("R\n", False), *ASKED],
        "bad",
    ),
    "implicit text": (
        {
            "chosen": "\n\nHuman: P\n\nAssistant: R\n\nHuman: Q\n\nAssistant: good",
            "rejected": "\n\nHuman: P\n\nAssistant: R\n\nHuman: Q\n\nAssistant: Human:\nbad",
        },
        [("P\n", False), ("R\n", False), *ASKED],
        "Human:\nbad",
    ),
    "several turns in both": (
        {
            "prompt": turns(("user", "Q")),
            "chosen": turns(("assistant", "One."), ("user", "More?"), ("assistant", "good")),
            "rejected": turns(("assistant", "One."), ("user", "More?"), ("assistant", "bad")),
        },
        [("Q\n", False), ("One.", True), ("More?\n", False), ASKED[1]],
        "Assistant: One.\n\nUser: More?\n\nAssistant: bad",
    ),
    "the same": (
        {
            "chosen": turns(("user", "Q"), ("assistant", "good")),
            "rejected": turns(("user", "Q"), ("assistant", "good")),
        },
        ASKED,
        "good",
    ),
    "prompt repeated, and a copy": (  # as in UltraFeedback
        {
            "prompt": "Q",
            "messages": turns(("user", "Q"), ("assistant", "good")),
            "chosen": turns(("user", "Q"), ("assistant", "good")),
            "rejected": turns(("user", "Q"), ("assistant", "bad")),
        },
        ASKED,
        "bad",
    ),
    "a conversation before": (
        {
            "messages": turns(("system", "S"), ("user", "Q")),
            "chosen": turns(("assistant", "good")),
            "rejected": turns(("assistant", "bad")),
        },
        [("S\n", False), *ASKED],
        "bad",
    ),
    "several turns": (
        {
            "prompt": turns(("system", "S"), ("user", "Q")),
            "chosen": turns(("assistant", "good")),
            "rejected": turns(("assistant", "bad"), ("user", "Why?"), ("assistant", "worse")),
        },
        [("S\n", False), *ASKED],
        "Assistant: bad\n\nUser: Why?\n\nAssistant: worse",
    ),
    "sharegpt": (  # LLaMA-Factory's
        {
            "conversations": [
                {"from": "human", "value": "P"},
                {"from": "gpt", "value": "R"},
                {"from": "human", "value": "Q"},
            ],
            "chosen": {"from": "gpt", "value": "good"},
            "rejected": {"from": "gpt", "value": "bad"},
        },
        [("P\n", False), ("R\n", False), *ASKED],
        "bad",
    ),
}


@pytest.mark.parametrize("shape", PREFERENCES)
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_two_responses(workspace, tmp_path, shape, suffix):
    row, expected, rejected = PREFERENCES[shape]
    path = tmp_path / f"t.{suffix}"
    if suffix == "jsonl":
        lines(path, row)
    elif shape == "with input":
        pytest.skip("the number is another column's type")
    else:
        pq.write_table(pa.Table.from_pylist([row]), path)
    pool = add(workspace, path)
    assert learned(pool) == expected
    assert (pool.value("response", 0), pool.value("rejected", 0)) == ("good", rejected)
    assert "rejected" in pool.long_columns
    assert kind_of(path) == "text"
    other = add(workspace, lines(tmp_path / "u.jsonl", {**row, "rejected": _other(row["rejected"])}), "other")
    assert other.table["content"] != pool.table["content"]


def _other(value):
    if isinstance(value, list):
        return [*value[:-1], _other(value[-1])]
    if isinstance(value, dict):
        return {**value, "value" if "value" in value else "content": "else"}
    return f"{value.rpartition(':')[0]}: else" if "Assistant" in str(value) else "else"


def test_rejected_numbers_of_a_csv_are_texts_and_counts_beside_one_response_are_not(workspace, tmp_path):
    (tmp_path / "t.csv").write_text("prompt,chosen,rejected\n2+2,4,5\n")
    pool = add(workspace, tmp_path / "t.csv")
    assert (learned(pool), pool.value("rejected", 0)) == ([("2+2\n", False), ("4", True)], "5")
    (tmp_path / "u.csv").write_text("prompt,response,rejected\n2+2,4,5\n")
    pool = add(workspace, tmp_path / "u.csv", "u")
    assert (pool.table["rejected"].to_pylist(), pool.columns) == ([5], ["id", "prompt", "response", "rejected"])


def test_a_name_that_filters_would_not_tell_from_the_second_response(workspace, tmp_path):
    pool = add(workspace, lines(tmp_path / "t.jsonl", {**GOOD, "Rejected": "x"}, PREFERENCES["text"][0]))
    assert pool.columns == ["id", "prompt", "response", "rejected", "Rejected_"]


def test_one_response_and_what_people_said_of_it(workspace, tmp_path):
    one = {"prompt": "Q", "completion": "good"}
    rows = [one, *({**one, "label": label} for label in (True, False, "True", "false", 1, "spam"))]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *rows))
    assert all(learned(pool, row) == ASKED for row in range(7))
    plain, good, bad, *others = pool.table["content"].to_pylist()
    assert len({plain, good, bad}) == 3
    assert others == [good, bad, plain, plain]  # the last two are no labels of KTO
    assert pool.column("label").tolist() == [None, "true", "false", "True", "false", "1", "spam"]
    (tmp_path / "t.csv").write_text("prompt,completion,label\nQ,good,True\nQ,good,False\n")
    pool = add(workspace, tmp_path / "t.csv", "csv")
    assert (pool.table["content"].to_pylist(), pool.column("label").tolist()) == ([good, bad], [True, False])


HISTORY = [("S\n", False), ("q0\n", False), ("a0", True), ("Q\n\nx\n", False), ("A", True)]


def test_system_and_history_come_first(workspace, tmp_path):
    row = {"instruction": "Q", "input": "x", "output": "A", "system": "S", "history": [["q0", "a0"]]}
    pool = add(workspace, lines(tmp_path / "t.jsonl", row, {**row, "system": "", "history": []}))
    assert learned(pool) == HISTORY
    assert learned(pool, 1) == HISTORY[3:]
    assert pool.columns == ["id", "prompt", "response", "messages"]
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "t.parquet")
    assert learned(add(workspace, tmp_path / "t.parquet", "parquet")) == HISTORY
    (tmp_path / "t.csv").write_text('instruction,input,output,system,history\nQ,x,A,S,"[[""q0"", ""a0""]]"\n')
    assert learned(add(workspace, tmp_path / "t.csv", "csv")) == HISTORY
    beside = add(workspace, lines(tmp_path / "u.jsonl", {**GOOD, "system": "linux"}), "beside")
    assert [turn.role for turn in beside.turns(0)] == ["user", "assistant"]  # not LLaMA-Factory's
    assert beside.about["notes"] == ["Not part of the sample: system."]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        *(
            ({"prompt": "a", "response": end}, f"its response is empty (only {end.strip()})")
            for end in ("</s>", "<|endoftext|>", " <|im_end|>\n", "<eos>")
        ),
        ({"messages": turns(("user", "a"), ("assistant", "</s>"))}, "its turn 2 (assistant) is empty (only </s>)"),
        ({"prompt": "a", "response": float("nan")}, "its response is missing"),
        ({"prompt": "a", "chosen": "</s>", "rejected": "b"}, "its chosen is empty (only </s>)"),
        ({"prompt": "a", "chosen": "b", "rejected": ""}, "its rejected is empty"),
        ({"prompt": "a", "chosen": "b", "rejected": None}, "its rejected is missing"),
        ({"prompt": "a", "chosen": "b", "rejected": True}, "its rejected is true; it must be text or a list of turns"),
        ({"prompt": "a", "chosen": "b", "rejected": "\0"}, "its rejected holds a NUL character, which is no text"),
        (
            {"chosen": "a", "rejected": "b"},
            "it has no prompt, and its chosen and rejected do not share their beginning",
        ),
        (
            {
                "prompt": "other",
                "chosen": turns(("user", "a"), ("assistant", "b")),
                "rejected": turns(("user", "a"), ("assistant", "c")),
            },
            "its chosen begins with another prompt than the one beside it",
        ),
        (
            {"chosen": turns(("user", "a"), ("user", "b")), "rejected": turns(("user", "a"), ("assistant", "c"))},
            "its chosen has no assistant turn to learn",
        ),
        (
            {"messages": [*turns(("user", "a")), {"role": "assistant", "content": "b", "weight": 0}]},
            "all its assistant turns have the weight 0, so there is nothing to learn",
        ),
        (
            {"messages": [*turns(("user", "a")), {"role": "assistant", "tool_calls": []}]},
            "its turn 2 (assistant) has no text",
        ),
        (
            {"messages": [*turns(("user", "a")), {"role": "assistant", "content": "b", "name": "\ud800"}]},
            "its messages holds \\ud800, half of a character",
        ),
        (
            {"instruction": "a", "output": "b", "history": [["q"]]},
            "part 1 of its history is a list; it must be a list of prompt and response",
        ),
        ({"instruction": "a", "output": "b", "history": [["q", ""]]}, "its history (part 1) is empty"),
        ({"instruction": "a", "output": "b", "history": "[["}, "its history is not JSON"),
        (
            {**GOOD, "id": 2.0**53},
            "its id is 9007199254740992.0, a number that was rounded (beyond 2^53); write ids as text",
        ),
    ],
)
def test_what_is_no_sample_says_why(workspace, tmp_path, row, reason):
    pool = add(workspace, lines(tmp_path / "t.jsonl", GOOD, row))
    assert [one["reason"] for one in pool.unreadable] == [f"line 2 of t.jsonl: {reason}"]


def test_numbers_are_texts_and_ids_are_what_they_were(workspace, tmp_path):
    rows = [{"question": 1, "answer": 4, "id": 1.0}, {"question": "Pi?", "answer": 3.14, "id": -(2.0**53) + 1}]
    more = [{**GOOD, "id": 2**70}, {**GOOD, "id": float("nan")}]
    pool = add(workspace, lines(tmp_path / "t.jsonl", *rows, *more))
    assert learned(pool) == [("1\n", False), ("4", True)]
    assert learned(pool, 1) == [("Pi?\n", False), ("3.14", True)]
    assert pool.ids.tolist() == ["1", "-9007199254740991", str(2**70), "t-00004"]
    table = pa.table({"id": pa.array([1.0, None, 3.0]), "prompt": ["a", "b", "c"], "response": [1, 2, 3]})
    pq.write_table(table, tmp_path / "t.parquet")
    pool = add(workspace, tmp_path / "t.parquet", "parquet")
    assert (pool.ids.tolist(), pool.value("response", 2)) == (["1", "t-00002", "3"], "3")


def test_ids_of_sixteen_bytes(workspace, tmp_path):
    uuid = pytest.importorskip("uuid").UUID("6a56f622-37a4-4e1e-8f3a-3fd3af49653f")
    table = pa.table({"id": pa.array([uuid.bytes], pa.uuid()), "text": ["a"]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert add(workspace, tmp_path / "t.parquet").ids.tolist() == [str(uuid)]
