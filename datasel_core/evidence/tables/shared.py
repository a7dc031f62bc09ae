"""A reference is never its own judge: whether what methods choose towards has samples that they are measured on."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.evidence.judged import Judged
from datasel_core.evidence.leaks.limits import Limits
from datasel_core.evidence.leaks.text_overlap import text_overlap
from datasel_core.evidence.measures import Measure
from datasel_core.evidence.tables.judges import Reference, contents
from datasel_core.evidence.tables.table import Asked

_TEXTS = {"text", "turns"}


def same_samples(measures: Sequence[Measure], towards: Sequence[Reference], allow: bool) -> list[str]:
    """Compares to the letter or byte. A sentence for each reference and judge that share samples where that is allowed,
    or both are of one pool; else raises BadRequest.
    """
    said = []
    for one, judge in _pairs(measures, towards):
        if not one.pool.is_like(judge.pool):
            continue
        n = int(np.isin(contents(judge.pool, judge.held.rows), contents(one.pool, one.rows)).sum())
        if n:
            said.append(_words(one, judge, n, "to the letter or byte", allow))
    return said


def check_texts(asked: Asked, progress: Progress) -> Asked:
    """The same table, once no reference has nearly the text of a sample that judges it, or that is said where it is
    allowed; runs of words in common are said only. Raises BadRequest, Stopped.
    """
    said = []
    for one, judge in _pairs(asked.measures, asked.references):
        if not (_TEXTS & one.pool.opens and _TEXTS & judge.pool.opens):
            continue
        found = text_overlap(judge.pool, judge.held.rows, one.pool, one.rows, Limits(), progress)
        near, runs = (np.unique(pairs.touched) for pairs in (found.near, found.runs))
        if len(near):
            said.append(_words(one, judge, len(near), "nearly word for word", asked.allow_shared))
        if len(more := np.setdiff1d(runs, near)):
            said.append(
                f"{len(more):,} of the {len(judge.held.rows):,} samples of {judge.pool.name} that are measured on "
                f"share a run of {Limits().ngram} words with {one.pool.name}, towards which {_and(one)} chose."
            )
    return dataclasses.replace(asked, notes=(*asked.notes, *said))


def _pairs(measures: Sequence[Measure], towards: Sequence[Reference]) -> list[tuple[Reference, Measure]]:
    """Each reference with each set of samples that judges: the main one stands for all that are tested on the same."""
    judges = [measures[0], *(one for one in measures if isinstance(one, Judged) and not one.is_reference)]
    return [(one, judge) for one in towards for judge in judges]


def _words(one: Reference, judge: Measure, n: int, how: str, allow: bool) -> str:
    has = (
        f"{_and(one)} chose towards {one.pool.name}, which has {n:,} of the {len(judge.held.rows):,} samples of "
        f"{judge.pool.name} that are measured on, {how}"
    )
    if allow or one.pool.fingerprint == judge.pool.fingerprint:
        return f"{has}: what is said of it may flatter it."
    raise BadRequest(
        f"{has}: it would be its own judge. Take them out of {one.pool.name} (python -m datasel_core leaks "
        f"{judge.pool.name} --against {one.pool.name} lists them), or measure all the same with --allow-shared."
    )


def _and(one: Reference) -> str:
    return " and ".join(one.methods)
