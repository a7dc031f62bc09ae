"""What is to be known of the targets that methods of a table chose towards."""

from collections.abc import Sequence

from datasel_core.evidence.tables.choices import Entry


def target_notes(asked: Sequence[Entry]) -> list[str]:
    """A sentence each: what is taken on trust."""
    targets = [one.asked.target for one in asked if one.asked.target is not None]
    return list(dict.fromkeys(note for one in targets for note in one.notes))
