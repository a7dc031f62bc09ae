"""Rows in the shapes of training tools: what these tools say of them, hand-made right rows, and the way back."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.registry import find
from datasel_core.errors import BadRequest
from datasel_core.exports import record
from datasel_core.runs.catalog import places
from tests.exports.test_rows_as_is import keep, leave, pictures
from tests.pools.test_text_pool import SHAPES
from tests.pools.test_text_shapes import CALL, PREFERENCES, TOOLS, turns

try:
    from trl import data_utils as trl
except ImportError:
    trl = None
needs_trl = pytest.mark.skipif(trl is None, reason="trl is not installed (it is in requirements.txt)")

PLAIN = {"prompt": "How many?", "response": "Two."}
WEIGHED = {"role": "assistant", "content": "ok", "weight": 0}
CHAT = {
    "messages": [
        *turns(("system", "Be brief"), ("user", "One")),
        WEIGHED,
        *turns(("user", "Two")),
        {"role": "assistant", "content": "done", "reasoning_content": "so", "name": "me"},
    ],
    "topic": "t",
}
TALK = {"messages": turns(("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))}
DEFINED = [{"type": "function", "function": {"name": "w", "parameters": {"c": "Ö"}}}]
CALLED = {
    "messages": [
        *turns(("user", "Weather?")),
        {"role": "assistant", "content": "I look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
        *turns(("assistant", "3 degrees")),
    ],
    "tools": DEFINED,
}
TWO = {"prompt": "Q", "chosen": "good", "rejected": "bad"}
TWO_IN_CHATS = {
    "chosen": turns(("user", "P"), ("assistant", "R"), ("user", "Q"), ("assistant", "good")),
    "rejected": turns(("user", "P"), ("assistant", "R"), ("user", "Q"), ("assistant", "bad")),
}
ALPACA = {"instruction": "How many?", "input": "", "output": "Two.", "system": "", "history": []}


def source(tmp_path, *rows):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def shaped(workspace, tmp_path, shape, *rows, **params):
    """The rows of one export, in the source's order, and what a person is told."""
    run = keep(workspace, source(tmp_path, *rows))
    out, notes = leave(workspace, run, tmp_path / shape, shape=shape, datasel=False, **params)
    made = list(map(json.loads, out.read_text().splitlines()))
    assert len(made) == len(rows)
    return [
        row for _, row in sorted(zip(run.table["row"].to_pylist(), made, strict=True), key=lambda one: one[0])
    ], notes


@pytest.mark.parametrize(
    ("shape", "row", "right"),
    [
        ("messages", PLAIN, {"messages": turns(("user", "How many?"), ("assistant", "Two."))}),
        ("messages", CHAT, {"messages": CHAT["messages"]}),
        ("messages", CALLED, CALLED),
        (
            "messages",
            TOOLS["sharegpt"][0],
            {
                "messages": turns(
                    ("user", "Weather?"), ("assistant", '{"name":"w"}'), ("tool", '{"t":3}'), ("assistant", "3.")
                )
            },
        ),
        ("prompt_completion", PLAIN, {"prompt": "How many?", "completion": "Two."}),
        (
            "prompt_completion",
            {"prompt": "p", "completion": "c", "label": False},
            {"prompt": "p", "completion": "c", "label": False},
        ),
        (
            "prompt_completion",
            CHAT,
            {
                "prompt": turns(("system", "Be brief"), ("user", "One"), ("assistant", "ok"), ("user", "Two")),
                "completion": CHAT["messages"][-1:],
            },
        ),
        ("alpaca", PLAIN, ALPACA),
        (
            "alpaca",
            TALK,
            {"instruction": "c", "input": "", "output": "d", "system": "S", "history": [["a", "b"]]},
        ),
        (
            "alpaca",
            TWO_IN_CHATS,
            {
                "instruction": "Q",
                "input": "",
                "chosen": "good",
                "rejected": "bad",
                "system": "",
                "history": [["P", "R"]],
            },
        ),
        (
            "sharegpt",
            TALK,
            {
                "conversations": [
                    {"from": who, "value": text}
                    for who, text in zip(("system", "human", "gpt", "human", "gpt"), "Sabcd", strict=True)
                ]
            },
        ),
        (
            "sharegpt",
            CALLED,
            {
                "conversations": [
                    {"from": "human", "value": "Weather?"},
                    {"from": "gpt", "value": "I look."},
                    {"from": "function_call", "value": '{"name": "w", "arguments": {"c": "Oslo"}}'},
                    {"from": "observation", "value": "3"},
                    {"from": "gpt", "value": "3 degrees"},
                ],
                "tools": json.dumps(DEFINED, ensure_ascii=False),
            },
        ),
        (
            "sharegpt",
            {"messages": [*turns(("user", "a")), {"role": "assistant", "content": None, "tool_calls": [CALL, CALL]}]},
            {
                "conversations": [
                    {"from": "human", "value": "a"},
                    {"from": "function_call", "value": json.dumps([{"name": "w", "arguments": {"c": "Oslo"}}] * 2)},
                ]
            },
        ),
        (
            "sharegpt",
            TWO,
            {
                "conversations": [{"from": "human", "value": "Q"}],
                "chosen": {"from": "gpt", "value": "good"},
                "rejected": {"from": "gpt", "value": "bad"},
            },
        ),
        ("preference", TWO, TWO),
        (
            "preference",
            TWO_IN_CHATS,
            {
                "prompt": turns(("user", "P"), ("assistant", "R"), ("user", "Q")),
                "chosen": turns(("assistant", "good")),
                "rejected": turns(("assistant", "bad")),
            },
        ),
    ],
)
def test_a_row_in_a_shape(workspace, tmp_path, shape, row, right):
    assert shaped(workspace, tmp_path, shape, row)[0] == [right]


@pytest.mark.parametrize(
    ("shape", "row", "lost"),
    [
        ("messages", TWO, "rejected (1 sample)"),
        ("prompt_completion", TALK, "earlier responses as something to learn (1 sample)"),
        ("prompt_completion", TWO, "rejected (1 sample)"),
        (
            "prompt_completion",
            {"messages": turns(("user", "a"), ("assistant", "b"), ("user", "c"))},
            "turns after the last response (1 sample)",
        ),
        ("alpaca", {"messages": CHAT["messages"]}, "name (1 sample), reasoning_content (1 sample), weight (1 sample)"),
        (
            "sharegpt",
            {"messages": CHAT["messages"]},
            "name (1 sample), reasoning_content (1 sample), weight (1 sample)",
        ),
        ("sharegpt", CALLED, "id of a call (1 sample), tool_call_id (1 sample)"),
    ],
)
def test_what_a_shape_has_no_place_for_is_said(workspace, tmp_path, shape, row, lost):
    assert shaped(workspace, tmp_path, shape, row)[1] == [f"The shape {shape} has no place for: {lost}."]


def test_what_stands_beside_a_sample_is_said_to_stay_behind(workspace, tmp_path):
    rows = [{**PLAIN, "topic": "t", "n": 1, "id": "x"}, {**PLAIN, "id": "y"}]
    _, notes = shaped(workspace, tmp_path, "messages", *rows)
    assert notes == ["Not part of the shape messages: topic, n; --shape as_is has them."]


@pytest.mark.parametrize(
    ("shape", "rows", "why"),
    [
        ("messages", [PLAIN, {"text": "t"}], "1 of 2 samples .* messages (t-00002: it is running text, without turns)"),
        ("alpaca", [CALLED], "1 of 1 samples .* (t-00001: its turns are user, assistant, tool, assistant)"),
        ("alpaca", [{"messages": turns(("user", "a"), ("assistant", "b"), ("user", "c"))}], "its turns are user, as"),
        (
            "alpaca",
            [{"messages": [*turns(("user", "a"), ("assistant", "b"), ("user", "c")), WEIGHED]}],
            "has the weight 0",
        ),
        ("preference", [PLAIN, PLAIN], "2 of 2 samples .* (t-0000.: it has one response, not two)"),
        ("sharegpt", [PLAIN, TWO], "1 of 2 samples .* (t-00001: it has one response, and others have two)"),
        ("preference", [PREFERENCES["several turns in both"][0]], "its responses are several turns, of which the rej"),
        ("alpaca", [PREFERENCES["several turns in both"][0]], "its responses are several turns, of which the rej"),
        ("sharegpt", [PREFERENCES["several turns in both"][0]], "its responses are several turns, of which the rej"),
    ],
)
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_sample_that_a_shape_has_no_place_for_is_refused(workspace, tmp_path, shape, rows, why, format):
    run = keep(workspace, source(tmp_path, *rows))
    with pytest.raises(
        BadRequest, match=why.replace("(", r"\(").replace(")", r"\)") + ".*take --shape as_is, or choose"
    ):
        leave(workspace, run, tmp_path / "out", format, shape=shape)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_shapes_are_for_texts(workspace, tmp_path):
    run = keep(workspace, pictures(tmp_path / "in"), "images")
    with pytest.raises(
        BadRequest, match="The shape alpaca is one of texts, and these samples are none; take --shape as"
    ):
        leave(workspace, run, tmp_path / "out", shape="alpaca")


# ---- the way back

ONE = [row for row, *_ in (*SHAPES.values(), *TOOLS.values())]
BOTH = [row for row, *_ in PREFERENCES.values()]
FITTING = {"messages": ONE[::2], "prompt_completion": ONE[1::2], "alpaca": [*ONE[::3], *BOTH[::2]]}
FITTING |= {"sharegpt": [*ONE[1::3], *BOTH[1::2]], "preference": BOTH}
"""Rows of every shape that pools read, some of them for each shape that is written."""


@pytest.mark.parametrize("shape", FITTING)
def test_what_leaves_in_a_shape_is_read_as_the_same_turns(workspace, tmp_path, shape):
    """Of every shape that pools read, where the new one has a place for all of it."""
    back = 0
    for at, row in enumerate(FITTING[shape]):
        (tmp_path / f"{at}").mkdir()
        run = keep(workspace, source(tmp_path / f"{at}", row))
        try:
            out, notes = leave(workspace, run, tmp_path / f"{at}", shape=shape)
        except BadRequest:
            continue
        if any("has no place for" in note for note in notes):
            continue
        pool = add_pool(workspace, f"again{at}", str(out), "text")
        before = run.table.to_pylist()[0]
        assert pool.ids.tolist() == [before["id"]]
        assert pool.value("response", 0) == before["response"]
        same_calls = shape != "sharegpt" or "tool_calls" not in json.dumps(row)
        if same_calls:
            assert pool.table["content"].to_pylist() == [before["content"]], row
        back += 1
    assert back >= 6


# ---- other tools


@needs_trl
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize("shape", ["messages", "prompt_completion", "preference"])
def test_trl_takes_them(workspace, tmp_path, shape, format):
    """TRL says what is a conversation, and applies a template, which also checks the keys."""
    import datasets
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    two = shape == "preference"
    for name, rows in {"plain": [TWO] if two else [PLAIN], "chats": [TWO_IN_CHATS] if two else [CHAT, TALK]}.items():
        (tmp_path / name).mkdir()
        run = keep(workspace, source(tmp_path / name, *rows))
        out, _ = leave(workspace, run, tmp_path / name, format, shape=shape)
        kind = "json" if format == "jsonl" else "parquet"
        read = datasets.load_dataset(kind, data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
        assert len(read) == len(rows)
        for row in read:
            assert trl.is_conversational(row) is (name == "chats" or shape == "messages")
            made = trl.maybe_apply_chat_template(row, tokenizer)
            right = {"messages": {"text"}, "prompt_completion": {"prompt", "completion"}, "preference": set(TWO)}[shape]
            assert right <= made.keys()
            assert all(made[key] for key in right)


@needs_trl
def test_trl_takes_rows_as_they_came(workspace, tmp_path):
    """What TRL writes itself: prompt and completion, which once came back under another name."""
    import datasets

    run = keep(workspace, source(tmp_path, {"prompt": "Q", "completion": "A"}))
    out, _ = leave(workspace, run, tmp_path)
    (row,) = datasets.load_dataset("json", data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert trl.is_conversational(row) is False
    assert (row["prompt"], row["completion"]) == ("Q", "A")
    with pytest.raises(KeyError):  # what was written before
        trl.apply_chat_template({"prompt": [{"role": "user"}], "response": "A", "chosen": "x"}, None)


KEYS = {"file_name", "formatting", "ranking", "columns", "tags"}
COLUMNS = {"prompt", "query", "response", "history", "messages", "system", "tools", "chosen", "rejected", "kto_tag"}
TAGS = {"role_tag", "content_tag", "user_tag", "assistant_tag", "observation_tag", "function_tag", "system_tag"}
"""What LLaMA-Factory documents."""


@pytest.mark.parametrize("shape", ["messages", "prompt_completion", "alpaca", "sharegpt", "preference"])
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_llama_factory_is_told_what_the_columns_are(workspace, tmp_path, shape, two, format):
    if shape == "preference" and not two:
        pytest.skip("a preference has two responses")
    run = keep(workspace, source(tmp_path, TWO if two else {**PLAIN, "tools": DEFINED}))
    out, _ = leave(workspace, run, tmp_path / "out", format, shape=shape, dataset_info=True)
    ((name, said),) = json.loads((tmp_path / "out" / "dataset_info.json").read_text()).items()
    assert (name, said["file_name"]) == ("kept", out.name)
    assert said.keys() <= KEYS
    assert said["columns"].keys() <= COLUMNS
    assert said.get("tags", {}).keys() <= TAGS
    row = json.loads(out.read_text()) if format == "jsonl" else pq.read_table(out).to_pylist()[0]
    assert set(said["columns"].values()) <= row.keys()
    ranks = two and shape in ("alpaca", "sharegpt", "preference")
    assert said.get("ranking", False) is ranks
    assert ("chosen" in said["columns"]) is ranks
    assert said["formatting"] == ("sharegpt" if shape in ("messages", "sharegpt") else "alpaca")
    if tags := said.get("tags"):
        turn = row[said["columns"]["messages"]][0]
        assert turn[tags["role_tag"]] == tags["user_tag"]
        assert turn[tags["content_tag"]]
        if ranks:
            assert row["chosen"][tags["role_tag"]] == tags["assistant_tag"]


def test_llama_factory_is_not_told_what_it_does_not_read(workspace, tmp_path):
    run = keep(workspace, source(tmp_path, TALK))
    for shape in ("as_is", "columns"):
        with pytest.raises(
            BadRequest, match=r"dataset_info.json describes the shapes messages, prompt_completion, alpaca"
        ):
            leave(workspace, run, tmp_path / "out", shape=shape, dataset_info=True)
    with pytest.raises(
        BadRequest, match="LLaMA-Factory reads the shape prompt_completion only where a prompt is one text"
    ):
        leave(workspace, run, tmp_path / "out", shape="prompt_completion", dataset_info=True)
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "dataset_info.json").write_text("mine")
    with pytest.raises(BadRequest, match="dataset_info.json is there already, and not as datasel wrote it"):
        leave(workspace, run, tmp_path / "out", shape="alpaca", dataset_info=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["dataset_info.json"]


def test_a_preview_shows_what_lies_beside(workspace, tmp_path):
    from datasel_core.actions.export import open_record

    run = keep(workspace, source(tmp_path, TALK))
    made = find("export format", "jsonl")(shape="alpaca", dataset_info=True)
    (_, line), (name, said) = made.preview(open_record(workspace, run.folder))
    assert json.loads(line)["history"] == [["a", "b"]]
    assert (name, json.loads(said)["preview"]["columns"]["history"]) == ("dataset_info.json", "history")


def test_datasets_reads_rows_as_they_came(workspace, tmp_path):
    import datasets

    for at, row in enumerate([*ONE, *BOTH][::4]):
        (tmp_path / f"{at}").mkdir()
        run = keep(workspace, source(tmp_path / f"{at}", row))
        out, _ = leave(workspace, run, tmp_path / f"{at}")
        reader = {"data_files": str(out), "split": "train", "cache_dir": str(tmp_path / "cache")}
        try:
            own = datasets.load_dataset("json", **{**reader, "data_files": str(tmp_path / f"{at}" / "t.jsonl")})
        except Exception:  # noqa: BLE001, S112  (of the source itself it makes no table)
            continue
        read = datasets.load_dataset("json", **reader)
        assert read.column_names == [*own.column_names, "datasel"]
        assert read.remove_columns("datasel")[0] == own[0]


def test_parquet_in_a_shape_has_one_schema(workspace, tmp_path):
    rows = [
        {
            "messages": [
                *turns(("user", "a")),
                {"role": "assistant", "content": f"{at}", **({"name": "x"} if at % 7 == 0 else {})},
            ]
        }
        for at in range(2_500)
    ]
    run = keep(workspace, source(tmp_path, *rows))
    out, _ = leave(workspace, run, tmp_path, "parquet", shape="messages", datasel=False)
    table = pq.read_table(out)
    turn = table.schema.field("messages").type.value_type
    assert {turn.field(at).name for at in range(turn.num_fields)} == {"role", "content", "name"}
    assert pa.types.is_string(turn.field("name").type)
    assert [row["messages"][1]["content"] for row in table.to_pylist()] == [
        str(row) for row in run.table["row"].to_pylist()
    ]


def test_what_describes_one_file_is_not_replaced_by_what_describes_another(workspace, tmp_path):
    run = keep(workspace, source(tmp_path, *({"prompt": f"{at}", "response": "b"} for at in range(3))))
    how = {"shape": "alpaca", "dataset_info": True}
    first = leave(workspace, run, tmp_path / "out", **how)[0]
    said = (tmp_path / "out" / "dataset_info.json").read_bytes()
    with pytest.raises(BadRequest, match="describes another file, and would describe kept.parquet alone; name an"):
        leave(workspace, run, tmp_path / "out", "parquet", **how)
    assert (tmp_path / "out" / "dataset_info.json").read_bytes() == said
    assert not (tmp_path / "out" / "kept.parquet").exists()
    assert record.problems(places.beside(first)) == []
    leave(workspace, run, tmp_path / "out", **how)  # its own it may write again
