"""What a text sample says, in order, and which of it a model is to learn."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "text"]


@dataclass(frozen=True)
class Turn:
    """One part of a text sample. role: who says it; `text` is running text that nobody answers."""

    role: Role
    text: str

    @property
    def learned(self) -> bool:
        """Whether its tokens count in a loss: responses and running text do; prompts are only read."""
        return self.role in ("assistant", "text")
