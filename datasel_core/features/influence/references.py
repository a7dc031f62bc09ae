"""What a model is measured on: samples of another pool, as tokens; and whether measuring means anything yet."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Failed
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.language.vocabulary import Vocabulary

_FOREIGN = 0.5
"""Share of a reference's tokens that the model never learned, above which it speaks another language."""


@dataclass(frozen=True)
class Reference:
    """name: of its pool. n: samples of the pool. tokens: of those that are measured."""

    name: str
    n: int
    tokens: Tokens

    def said(self) -> dict[str, Any]:
        """samples and tokens: how many are measured; tokens: the learned ones alone, whose mean the loss is."""
        measured = {"samples": len(self.tokens.rows), "tokens": int(self.tokens.learned.sum())}
        return {"name": self.name, "n": self.n, **measured}


def read_references(
    sources: Mapping[str, Source], vocabulary: Vocabulary, template: Template, length: int, most: int, seed: int
) -> list[Reference]:
    """At most `most` samples of each, drawn with the seed where there are more. Raises Failed where none can be
    read.
    """
    found = []
    for name, source in sources.items():
        rows = np.sort(np.random.default_rng(seed).permutation(source.n)[:most])
        tokens = read_tokens(source, rows, vocabulary, template, length)
        if not len(tokens.rows):
            why = tokens.unreadable[0][1] if tokens.unreadable else "it is empty"
            raise Failed(f"Nothing of the reference {name} can be measured: {why}; name another pool.")
        found.append(Reference(name, source.n, tokens))
    return found


def unigram(learned: Tokens, reference: Tokens, size: int) -> tuple[float, float]:
    """(nats, share): the loss of a model that knows only how often each token is learned, plus one, on the learned
    tokens of the reference; and how many of those it never met. size: of the vocabulary.
    """
    counts = np.bincount(learned.ids[learned.learned], minlength=size).astype(np.float64)
    wanted = reference.ids[reference.learned]
    losses = np.log(counts.sum() + size) - np.log(counts[wanted] + 1)
    return float(losses.mean()), float((counts[wanted] == 0).mean())


def check_ready(references: Sequence[Reference], losses: np.ndarray, plain: Sequence[tuple[float, float]]) -> None:
    """Raises Failed for the first reference of which the model knows no more than how common each word is. losses: (r,)
    of the model. plain: what `unigram` says of each.
    """
    for reference, loss, (base, unseen) in zip(references, losses, plain, strict=True):
        if unseen > _FOREIGN:
            raise Failed(
                f"{unseen:.0%} of the tokens of the reference {reference.name} never occur in what the model learned: "
                "it is in another language or alphabet than the pool; name a reference that the pool can help with."
            )
        if not loss < base:
            raise Failed(
                f"The model's loss on the reference {reference.name} is {loss:.3f} nats a token, and a unigram model's "
                f"{base:.3f}: influence means nothing before it is lower; train it longer (--set steps=...) or on more "
                "(--set share=...)."
            )


def check_apart(source: Source, sources: Mapping[str, Source], progress: Progress) -> dict[str, int]:
    """How many samples of the pool each reference has, too: the same text to the letter. Every text is read once."""
    theirs = {name: {_content(one, row) for row in range(one.n)} - {None} for name, one in sources.items()}
    shared = dict.fromkeys(sources, 0)
    for row in progress.over(range(source.n), source.n, "looking for samples that a reference has, too"):
        mine = _content(source, row)
        for name, contents in theirs.items():
            shared[name] += mine in contents
    return shared


def refuse_shared(shared: Mapping[str, int]) -> None:
    """Raises BadRequest for the first reference that has samples of the pool."""
    for name, n in shared.items():
        if n:
            samples = "1 sample of the pool is" if n == 1 else f"{n:,} samples of the pool are"
            raise BadRequest(
                f"{samples} in the reference {name}, too, word for word: they would help by being the answer; take "
                "another reference, cut them from the pool, or allow it (--set overlap=allow)."
            )


def _content(source: Source, row: int) -> bytes | None:
    try:
        return _digest(source.turns(row))
    except Unreadable:
        return None


def _digest(turns: Sequence[Turn]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for turn in turns:
        text = turn.text.strip().encode("utf-8", "replace")
        digest.update(f"{len(text)} ".encode())
        digest.update(text)
    return digest.digest()
