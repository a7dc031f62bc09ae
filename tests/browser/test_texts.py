"""Preferences in a real browser: both responses on the card, and at full length."""

import json

import pytest

from datasel_core.actions.add_pool import add_pool


@pytest.fixture
def pool(workspace, tmp_path):
    rows = [{"prompt": f"Add {at} and 1.", "chosen": f"It is {at + 1}.", "rejected": f"No: {at}!"} for at in range(30)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return add_pool(workspace, "pairs", str(tmp_path / "pairs.jsonl"), "text")


def test_both_responses_are_seen(visit, pool):
    page = visit("/?pool=pairs")
    card = page.locator(".texts .one").first
    card.wait_for()
    assert card.locator(".said").all_inner_texts() == ["Add 0 and 1.", "It is 1.", "Rejected: No: 0!"]
    card.click()
    turns = page.get_by_role("dialog").locator(".ds-turn")
    turns.first.wait_for()
    assert turns.all_inner_texts() == ["Prompt\n\nAdd 0 and 1.", "Response\n\nIt is 1.", "Rejected response\n\nNo: 0!"]
    assert page.get_by_role("dialog").locator(".ds-learned").all_inner_texts() == ["Response\n\nIt is 1."]
