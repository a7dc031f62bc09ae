"""What text is spelt in: a vocabulary trained on the pool itself, or the one that came with a model."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasel_core.errors import BadInput
from datasel_core.features.models.weights import first_line
from datasel_core.workspace.files import write_json, writing

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END = "<|endoftext|>"
FILE, SAID = "tokenizer.json", "generation_config.json"


@dataclass(frozen=True)
class Vocabulary:
    """Any text can be spelt in it. start: ids that stand before every text; end: the id that is learned after every
    response.
    """

    tokenizer: "Tokenizer"
    start: tuple[int, ...]
    end: int

    @cached_property
    def size(self) -> int:
        """One more than the highest id."""
        return max(self.tokenizer.get_vocab().values()) + 1

    @cached_property
    def longest(self) -> int:
        """Characters of the longest token: no text of more than n times as many fits into n tokens."""
        return max((len(token) for token in self.tokenizer.get_vocab()), default=1)

    def spell(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text; what looks like a special token in a text is text."""
        sound = [
            text.encode("utf-8", "replace").decode("utf-8") for text in texts
        ]  # half a character pair cannot be spelt
        return [one.ids for one in self.tokenizer.encode_batch(sound, add_special_tokens=False)]

    def text(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)

    def save(self, folder: Path) -> None:
        """As `read_vocabulary` and transformers read it."""
        write_json(folder / SAID, {"bos_token_id": self.start[0] if self.start else None, "eos_token_id": self.end})
        with writing(folder / FILE) as temporary:
            temporary.write_text(self.tokenizer.to_str(), encoding="utf-8")


def train_vocabulary(texts: Iterable[str], size: int, own_alphabet: bool = False) -> Vocabulary:
    """Byte-level byte-pair encoding of so many tokens at most; the same texts in the same order give the same.

    own_alphabet: each digit is a token of its own, and of single bytes there are only those that occur, all of them
    even if `size` is less: a small model has no parameters for others, and no other text can be spelt then.

    Sennrich et al. 2016, https://arxiv.org/abs/1508.07909
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer, in_bytes = Tokenizer(models.BPE()), pre_tokenizers.ByteLevel(add_prefix_space=False)
    alone = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), in_bytes])
    tokenizer.pre_tokenizer = alone if own_alphabet else in_bytes
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = [] if own_alphabet else sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return _plain(tokenizer, (), tokenizer.token_to_id(END))


def written_vocabulary(written: str, start: tuple[int, ...]) -> Vocabulary:
    """A vocabulary that `train_vocabulary` made, back from what `tokenizer.to_str()` gave."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(written)
    return _plain(tokenizer, start, tokenizer.token_to_id(END))


def read_vocabulary(folder: Path) -> Vocabulary:
    """The tokenizer.json of a model's folder, and what its configuration says of start and end. Raises BadInput."""
    from tokenizers import Tokenizer

    path = folder / FILE
    if not path.is_file():
        raise BadInput(f"{folder} has no {FILE}; save the model's fast tokenizer beside it.")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001  (the library raises plain Exceptions)
        raise BadInput(f"{path} cannot be read as a tokenizer: {first_line(error)}.") from None
    config = _json(folder / "config.json") | {
        name: value for name, value in _json(folder / SAID).items() if value is not None
    }
    end = config.get("eos_token_id")
    end = end[0] if isinstance(end, list) and end else end
    if not isinstance(end, int):
        end = tokenizer.token_to_id(END)
    if end is None:
        raise BadInput(
            f"{folder / 'config.json'} has no eos_token_id; a model that is to learn where a response ends needs one."
        )
    before = tokenizer.encode("", add_special_tokens=True).ids[:1]
    return _plain(tokenizer, tuple(before) if before == [config.get("bos_token_id")] else (), end)


def _plain(tokenizer: "Tokenizer", start: tuple[int, ...], end: int) -> Vocabulary:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return Vocabulary(tokenizer, start, end)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise BadInput(f"{path} is damaged: it is not JSON.") from None
    return found if isinstance(found, dict) else {}
