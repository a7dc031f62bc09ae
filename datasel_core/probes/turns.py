"""What probes of language models read of the samples that they are given."""

from collections.abc import Callable, Mapping
from typing import Any

from datasel_core.base.conversation import Turn
from datasel_core.errors import BadRequest
from datasel_core.features.feature import Source, Unreadable


def source_of(roles: Mapping[str, Any]) -> Source:
    """roles: as a probe gets them, `turns` among them. A sample that cannot be read says why."""
    read: Callable[[int], list[Turn]] = roles["turns"]

    def turns(row: int) -> list[Turn]:
        try:
            return read(row)
        except BadRequest as error:
            raise Unreadable(str(error)) from None

    return Source(roles["n"], turns=turns)
