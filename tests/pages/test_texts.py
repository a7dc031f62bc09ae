"""Text samples on the screen: turns with tools, and a second response."""

import json

from streamlit.testing.v1 import AppTest

from datasel_core.actions.add_pool import add_pool
from pages._ui.media import texts


def drawn(name: str) -> None:
    from datasel_core.pools.persistence import load_pool
    from datasel_core.workspace.layout import Workspace
    from pages._ui.media import texts

    pool = load_pool(Workspace.at(), name)
    texts.whole(pool, 0)
    texts.wall(pool, [0], key="cards")


def test_a_sample_with_tools_and_one_with_two_responses(workspace, tmp_path):
    called = {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "function_call", "content": "w(<b>)"},
            {"role": "tool", "content": "3"},
            {"role": "assistant", "content": "Cold."},
        ]
    }
    for name, row in (("tools", called), ("two", {"prompt": "Q", "chosen": "good", "rejected": "<i>bad"})):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row))
    tools, two = (add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text") for name in ("tools", "two"))
    assert texts.parts(tools, 0) == ("Weather?\n\n3", "w(<b>)\n\nCold.")
    assert (texts.rejected(tools, 0), texts.rejected(two, 0)) == (None, "<i>bad")
    assert texts.rejected(two, 0, 3) == "<i> … (6 characters in all)"
    seen = {}
    for name in ("tools", "two"):
        app = AppTest.from_function(drawn, args=(name,)).run()
        assert not app.exception
        seen[name] = app.get("html")[0].proto.body
    assert '<div class="ds-turn"><b>Tool</b><p>3</p>' in seen["tools"]
    assert '<div class="ds-turn ds-learned"><b>Response</b><p>w(&lt;b&gt;)</p>' in seen["tools"]
    assert '<div class="ds-turn ds-learned"><b>Response</b><p>good</p>' in seen["two"]
    assert '<div class="ds-turn"><b>Rejected response</b><p>&lt;i&gt;bad</p>' in seen["two"]
