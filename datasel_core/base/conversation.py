"""What a text sample says, in order, and which of it a model is to learn."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool", "text"]


@dataclass(frozen=True)
class Turn:
    """One part of a text sample. role: who says it; `tool` is what a program gave back, `text` is running text that
    nobody answers. weight: 0 where the source says that a response is not to be learned; any other counts in full.
    spans: (start, end) in characters of the facts that are marked in it, ascending.
    """

    role: Role
    text: str
    weight: float = 1
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def learned(self) -> bool:
        """Whether its tokens count in a loss: responses and running text do; prompts and tools are only read."""
        return self.role in ("assistant", "text") and self.weight != 0
