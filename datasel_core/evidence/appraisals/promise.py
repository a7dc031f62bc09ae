"""What a method promises, in its own measure, beside what random does.

Methods say it as `promise`: `farthest` (how far the farthest held-out sample is from the nearest kept), `mean` (how far
they are on average), `missed_patterns` (which share of their patterns has no kept one within a radius), `target` (how
far held-out samples of the target are), `mismatches` (which share of captions dealt to wrong images a cut keeps),
`loss` (of a language model that learned the kept). The rest promise what nothing here can show: balance, and scores of
which nobody knows what they should find.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.evidence.appraisals.appraisal import Appraisal, appraisal
from datasel_core.evidence.promises import loss, mismatches, near
from datasel_core.evidence.promises.kind import Kind, Lack
from datasel_core.runs.question import Question
from datasel_core.runs.run import Run

KINDS: Mapping[str, Kind] = {**near.KINDS, **mismatches.KINDS, **loss.KINDS}


@appraisal("promise", version=1, title="What the method promises")
class Promised(Appraisal):
    """{measure: one of `KINDS`; value: of the selection; random: mean of 20 random choices of as many; measured_on: how
    many held-out samples, patterns or pairs}, and what else the words of that measure say: radius, of patterns the
    median distance of a held-out one to the nearest of 20 random picks; metric; right, of right captions; auc; on.
    """

    def appraise(self, asked: Question, rows: np.ndarray, progress: Progress) -> Mapping[str, Any] | None:
        kind = KINDS.get(asked.method.promise)
        return None if kind is None else kind.measure(asked, rows, progress)


def sentence(promise: Mapping[str, Any]) -> str:
    """What a manifest says of it, for people; empty for a measure that this version does not know."""
    kind = KINDS.get(promise["measure"])
    return "" if kind is None else kind.words(promise)


def of_run(asked: Question, run: Run) -> Mapping[str, Any] | None:
    """What its manifest says; else what was measured elsewhere since."""
    kind = KINDS.get(asked.method.promise)
    if (said := run.manifest["result"].get(Promised.id)) is not None or kind is None or not kind.is_read:
        return said
    return kind.measure(asked, run.table["row"].to_numpy(), Progress())


def told(asked: Question, run: Run) -> tuple[list[str], list[str]]:
    """Lines: what a person is told of it. Notes: how to get it, where it can be had and is not there."""
    if (found := of_run(asked, run)) is not None:
        return [sentence(found)], []
    lack = lacks(asked)
    return [], [": ".join(lack)] if lack else []


def lacks(asked: Question) -> Lack | None:
    """What is not known of a promise that was not measured, and the command by which it would be; None where there is
    nothing to say.
    """
    kind = KINDS.get(asked.method.promise)
    return None if kind is None else kind.lacks(asked)
