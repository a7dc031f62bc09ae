"""What is to be said of a selection: one sentence with one number, and more numbers for those who ask."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.base import registry
from datasel_core.runs.measures import ALONE, coverage_in, measured, metrics_of_all, named_metrics
from datasel_core.runs.question import Question
from pages._ui.kit import grouping, look, markdown
from pages._ui.question.answers import Answer
from pages._ui.select import preview, worth


def draw(choice: Question, answer: Answer, random: Answer | None) -> None:
    """**50 of 929 photos**: what they are worth in random ones, else how much nearer they are than random's as many;
    and what makes the choice doubtful, as its record says.
    """
    counts = answer.counts
    said = worth.short(choice, answer) or _nearer(choice, answer, random)
    st.markdown(f"**{counts.words} {look.unit(choice.pool, choice.pool.n)}**{f': {said}' if said else ' chosen'}")
    if note := answer.run.manifest["result"].get("facts", {}).get("note"):
        markdown.warning(note)


def more(choice: Question, answer: Answer, random: Answer | None) -> None:
    """All numbers of the selection, a line each."""
    said = [_counts(answer, choice), worth.sentence(choice, answer), *_coverage(choice, answer, random)]
    said += [_groups(choice, answer), *_things(answer)]
    st.markdown("\n".join(f"- {one}" for one in said if one))


def balance(choice: Question, answer: Answer) -> Mapping[str, Any]:
    """How the kept are spread over the groups, as the manifest says; of a part of a longer run, as its own would. Those
    chosen earlier are kept, too.
    """
    if answer.exact and (metrics := metrics_of_all(answer.run.manifest)) is not None:
        return metrics.get("balance", {})
    groups = grouping.of_roles(choice.pool, choice.roles)
    there = measured(choice.roles, choice.method.roles())
    kept = np.concatenate([answer.earlier, answer.rows])
    kept = kept[there[kept]]
    return {} if groups is None else registry.find("metric", "balance")().counted(*groups, kept)


def _nearer(choice: Question, answer: Answer, random: Answer | None) -> str:
    """`10 % nearer to all than 50 random ones`; nothing where random was not chosen, or nothing is near."""
    mine = preview.curve_of(choice, answer)
    other = None if random is None else preview.curve_of(choice, random)
    if mine is None or other is None:
        return ""
    n = len(answer.rows)
    return f"{_apart(mine.at(n)[0], other.at(n)[0])} {n:,} random ones"


def _apart(mine: float, other: float) -> str:
    share = 100 * (mine / other - 1) if other > 0 else 0.0
    if abs(share) < 0.05:
        return "as near to all as"
    return f"{abs(share):.{0 if abs(share) >= 0.95 else 1}f} % {'nearer to' if share < 0 else 'farther from'} all than"


def _counts(answer: Answer, choice: Question) -> str:
    counts = answer.counts
    among = f", {counts.among}" if counts.among else ""
    return f"{counts.words} {look.unit(choice.pool, choice.pool.n)}{among}, {counts.rest}."


def _coverage(choice: Question, answer: Answer, random: Answer | None) -> list[str]:
    """How near the pool is to what is kept, alone and beside random. 0 is the same, 1 is unrelated."""
    mine, n = preview.curve_of(choice, answer), len(answer.rows)
    if mine is None:
        return []
    mean, largest = mine.at(n)
    sampled = f", measured on {mine.measured_on:,}" if mine.measured_on < choice.pool.n else ""
    which = ", new or earlier" if answer.counts.earlier else ""
    said = [
        f"The pool is on average {mean:.3f} away from the nearest kept{which}, at most {largest:.3f} (0 is the same, "
        f"1 unrelated{sampled})."
    ]
    if (alone := _alone(choice, answer)) is not None:
        said.append(f"From the new ones alone it would be {alone:.3f}.")
    other = preview.curve_of(choice, random) if random is not None else None
    if other is not None:
        their, their_largest = other.at(n)
        said.append(f"Random at the same budget: {their:.3f} on average, at most {their_largest:.3f}.")
    return said


def _alone(choice: Question, answer: Answer) -> float | None:
    """The coverage of the new ones alone, where some were chosen earlier and the manifest is of just these."""
    metrics, feature = named_metrics(answer.run.manifest), preview.main_feature(choice)
    if not answer.exact or feature is None or ALONE not in metrics:
        return None
    return coverage_in(feature.role, metrics[ALONE], choice.roles)


def _groups(choice: Question, answer: Answer) -> str:
    spread = balance(choice, answer)
    if not spread:
        return ""
    fewest = f"{markdown.plain(spread['rarest']) or grouping.NO_GROUP}, {spread['rarest_count']:,}"
    one = look.unit(choice.pool, 1)
    return f"{spread['groups_kept']:,} of {spread['groups']:,} groups have a kept {one}; fewest: {fewest}."


def _things(answer: Answer) -> list[str]:
    """Labelled things in photos, and what nearly repeats."""
    metrics, said = (metrics_of_all(answer.run.manifest) or {}) if answer.exact else {}, []
    if marked := metrics.get("instances"):
        fewest = f"{markdown.plain(marked['rarest'])}, {marked['rarest_count']:,}"
        said.append(
            f"{marked['instances']:,} of {marked['instances_in_pool']:,} labelled things, "
            f"{marked['classes_kept']:,} of {marked['classes']:,} classes; fewest: {fewest}."
        )
    if redundancy := metrics.get("redundancy"):
        share = look.percent(redundancy["near_duplicate_share"], 1)
        said.append(
            f"{share} of the kept nearly repeat another kept one (likeness {redundancy['threshold']:g} or more)."
        )
    return said
