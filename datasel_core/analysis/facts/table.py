"""Samples that state facts: which are the distinct facts, how often each is stated, what each relation holds."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from datasel_core.analysis.facts.entropy import Profile, bits_a_fact, coverage, profile
from datasel_core.errors import BadInput

_POINTS = 200


@dataclass(frozen=True)
class Facts:
    """The distinct facts of a pool, in the order in which they first occur.

    first: (F,) int, the sample where each occurs first. of: (n,) int, the fact of each sample. exposures: (F,) int, how
    many samples state it. relation, answer: (F,) int codes of what that first sample says; relations, answers: names.
    conflicting: how many facts have samples that say another answer or relation than the first.
    """

    first: np.ndarray
    of: np.ndarray
    exposures: np.ndarray
    relation: np.ndarray
    answer: np.ndarray
    relations: Sequence[str]
    answers: Sequence[str]
    conflicting: int

    def __len__(self) -> int:
        return len(self.first)

    def profile(self) -> Profile:
        """Counted over distinct facts: how often each is stated plays no part in what there is to store."""
        return self._profile

    @functools.cached_property
    def _profile(self) -> Profile:
        return profile(self.relation, self.answer, self.answers)


def codes(values: Any, called: str) -> tuple[np.ndarray, list[Any]]:
    """(n,) int64 from 0 in the order of first occurrence, and what they stand for. values: (n,) text or numbers. Raises
    BadInput where one is missing.
    """
    try:
        found = values if isinstance(values, pa.ChunkedArray) else pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise BadInput(
            f"The column {called} holds several kinds of values; make them all text, or all numbers."
        ) from None
    if found.null_count:
        row = int(np.flatnonzero(np.asarray(found.is_null()))[0])
        raise BadInput(f"The column {called} has no value in row {row}; leave that sample out.")
    found = found.dictionary_encode()
    if isinstance(found, pa.ChunkedArray):  # what is longer than one piece of Arrow holds comes in several
        pieces = [np.empty(0, np.int64), *(piece.indices.to_numpy() for piece in found.chunks)]
        return np.concatenate(pieces).astype(np.int64), found.chunk(0).dictionary.to_pylist() if len(found) else []
    return found.indices.to_numpy().astype(np.int64), found.dictionary.to_pylist()


def facts_of(relation: Any, answer: Any, fact: Any = None) -> Facts:
    """relation, answer: (n,) text or numbers, one per sample. fact: (n,) equal values mean one fact; without it every
    sample states a fact of its own. Raises BadInput.
    """
    relation, names = codes(relation, "relation")
    answer, answers = codes(answer, "answer")
    of = np.arange(len(relation)) if fact is None else codes(fact, "fact")[0]
    lengths = {len(relation), len(answer), len(of)}
    if len(lengths) > 1 or not len(relation):
        raise BadInput("Relations, answers and facts must be equally many, and at least one.")
    before = np.maximum.accumulate(of)
    first = np.flatnonzero(np.concatenate([[True], before[1:] > before[:-1]]))  # codes rise as facts first occur
    unlike = (answer != answer[first[of]]) | (relation != relation[first[of]])
    kinds, kept = np.unique(relation[first], return_inverse=True)  # a relation may be said by later samples only
    return Facts(
        first,
        of,
        np.bincount(of),
        kept,
        answer[first],
        [str(names[kind]) for kind in kinds],
        answers,
        len(np.unique(of[unlike])),
    )


def relation_rows(facts: Facts) -> list[dict[str, Any]]:
    """A line per relation, the one with most facts first: relation, facts N, answers V, commonest p, seen_once (share
    of answers), coverage, by_digits (whether its answers are numbers that no count shows), and bits a fact by each
    estimator.
    """
    given = facts.profile()
    columns = {
        "facts": given.facts(),
        "answers": given.answers(),
        "commonest": given.commonest(),
        "seen_once": given.total(given.count == 1) / given.answers(),
        "coverage": coverage(given),
        "by_digits": given.digits > 0,
        **bits_a_fact(given),
    }
    order = np.argsort(-columns["facts"], kind="stable")
    return [
        {"relation": facts.relations[at], **{name: values[at].item() for name, values in columns.items()}}
        for at in order
    ]


def total_bits(facts: Facts) -> dict[str, float]:
    """Estimator -> bits of all facts together: the sum over relations of N_r H_r."""
    given = facts.profile()
    return {name: float(given.facts() @ bits) for name, bits in bits_a_fact(given).items()}


def answer_bits(facts: Facts) -> np.ndarray:
    """(n,) float64: of each sample, the entropy of the relation of its fact, from below: that of the digits where its
    answers are numbers that mostly differ. Over distinct facts they add up to `total_bits` as counted.
    """
    return bits_a_fact(facts.profile())["plug_in"][facts.relation][facts.of]


def frequency(facts: Facts) -> dict[str, float]:
    """Of exposures, samples that state a fact: samples, facts, mean, median, most, once (share of facts stated once)
    and top_share (of the samples, what the most frequent hundredth of the facts takes).
    """
    many = np.sort(facts.exposures)[::-1]
    top = many[: max(1, round(len(many) / 100))]
    return {
        "samples": int(many.sum()),
        "facts": len(many),
        "mean": float(many.mean()),
        "median": float(np.median(many)),
        "most": int(many[0]),
        "once": float((many == 1).mean()),
        "top_share": float(top.sum() / many.sum()),
    }


def rank_frequency(exposures: np.ndarray, points: int = _POINTS) -> tuple[np.ndarray, np.ndarray]:
    """rank from 1, and the exposures of the fact of that rank, the most frequent first: a line to draw, both axes
    logarithmic. At most so many points, evenly spaced in the logarithm of the rank, the first and the last among them.
    """
    many = np.sort(np.asarray(exposures))[::-1]
    rank = np.unique(np.round(np.geomspace(1, len(many), min(points, len(many)))).astype(np.int64))
    return rank, many[rank - 1]
