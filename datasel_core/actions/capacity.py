"""How many facts a model can hold, before anything is trained."""

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.analysis.facts import meter
from datasel_core.analysis.facts.capacity import PUBLISHED, RANGE, rho
from datasel_core.analysis.facts.table import Facts, answer_bits, facts_of
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.base.role import ANSWER_BITS
from datasel_core.errors import BadRequest
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace

_FACT = "fact"
_LINES = 10
_SEEN = 0.5
"""Coverage below which no estimate of an entropy holds: most answers that there are were never seen."""


@task("capacity", version=1, title="See how many facts fit")
class Capacity(Task):
    """How many bits the facts of a pool take, how many a model of so many parameters holds, and how many facts anybody
    could then answer.
    """

    cost: ClassVar[str] = "Seconds for a million facts."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    parameters: int = Field(ge=1, description="Parameters of the model that will learn the facts.")
    exposures: float = Field(
        100,
        gt=0,
        description="How often training will show each fact; bits a parameter follow from it (1 at 100, 2 at 1,000).",
    )
    rho: float | None = Field(
        None, gt=0, le=100, description="Bits a parameter, where that was measured: instead of --exposures."
    )
    answer: str = Field("answer", description="Column of the answers.")
    relation: str = Field("relation", description="Column of what each question asks for, such as a birth year.")
    fact: str | None = Field(
        None, description="Column of which equal values mean one fact; by default fact, where there is one."
    )
    keep: bool = Field(
        False, description="Keep the bits of each sample's answer, as answer_bits: loss_pruning goes by them."
    )

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        check_columns(pool, self.answer, self.relation, self.fact)
        return Work(self.own_folder(workspace), lambda progress: self._said(workspace, pool, progress))

    def headline(self) -> str:
        return f"Counting the facts of {self.pool} that fit into {self.parameters:,} parameters"

    def _said(self, workspace: Workspace, pool: Pool, progress: Progress) -> Outcome:
        facts, rows, named = facts_in(pool, self.answer, self.relation, self.fact)
        progress.check()
        there = meter.taken(facts)
        at = rho(self.exposures) if self.rho is None else self.rho
        said = meter.held(facts.profile(), there["bits"], self.parameters, at)
        document = {
            "pool": pool.name,
            "samples": pool.n,
            "left_out": pool.n - len(rows),
            "facts": len(facts),
            "exposures": None if self.rho is not None else self.exposures,
            **there,
            **said,
            "sources": [vars(one) for one in PUBLISHED],
            "sentence": meter.sentence(said, there["bits"], len(facts)),
        }
        if self.keep:
            by = f"capacity of {self.answer}, {self.relation}"
            document["feature"] = keep_bits(workspace, pool, facts, rows, by, progress).key
        short = {name: document[name] for name in ("facts", "bits", "capacity_bits", "verdict", "accuracy")}
        return Outcome(short, document, _lines(document), self._notes(document, named))

    def _notes(self, said: dict[str, Any], named: bool) -> list[str]:
        notes = []
        if not named:
            notes.append("Each sample counts as a fact of its own; name the column that tells facts apart with --fact.")
        if said["left_out"]:
            notes.append(f"Left out, for they lack an answer, a relation or a fact: {said['left_out']:,} samples.")
        if said["conflicting"]:
            notes.append(f"Facts stated with several answers or relations: {said['conflicting']:,}; the first counts.")
        if rare := sum(one["facts"] for one in said["relations"] if one["coverage"] < _SEEN and not one["by_digits"]):
            notes.append(
                f"Of {rare:,} facts most answers stand once: they take more bits than any estimate can see. Where you "
                "know how many, give loss_pruning bits_per_fact."
            )
        if numbers := sum(one["facts"] for one in said["relations"] if one["by_digits"]):
            notes.append(
                f"Answers of {numbers:,} facts are numbers of one length that mostly differ: bits are those of their "
                "digits, 3.32 each where all ten are as likely."
            )
        return notes


def check_columns(pool: Pool, answer: str, relation: str, fact: str | None) -> None:
    """Raises BadRequest where a column is not there."""
    for option, column in (("answer", answer), ("relation", relation), ("fact", fact)):
        if column is not None and column not in pool.columns:
            raise BadRequest(
                f"The pool {pool.name} has no column {column}; name another with --{option} (it has: "
                f"{', '.join(pool.columns)})."
            )


def keep_bits(
    workspace: Workspace, pool: Pool, facts: Facts, rows: np.ndarray, by: str, progress: Progress
) -> StoredFeature:
    """Keeps the bits of each sample's answer in the role that pruning goes by. rows: of the samples that state one.
    by: what they were counted of.
    """
    lacking = [(int(row), "it states no fact") for row in np.setdiff1d(np.arange(pool.n), rows)]
    bits = answer_bits(facts).astype(np.float32)
    return keep_imported(workspace, pool, ANSWER_BITS.name, bits, rows, lacking, by, progress)


def facts_in(pool: Pool, answer: str, relation: str, fact: str | None) -> tuple[Facts, np.ndarray, bool]:
    """The facts that these columns state, rows of the samples that state one, and whether facts are told apart. fact:
    None for the column of that name, where there is one. Raises BadRequest.
    """
    name = fact or (_FACT if _FACT in pool.columns else None)
    columns = [_column(pool, relation), _column(pool, answer), None if name is None else _column(pool, name)]
    there = np.logical_and.reduce([_filled(values) for values in columns if values is not None])
    if not there.any():
        raise BadRequest(f"No sample of {pool.name} has a value in both {answer} and {relation}.")
    kept = [None if values is None else values.filter(pa.array(there)) for values in columns]
    return facts_of(*kept), np.flatnonzero(there), name is not None


def _column(pool: Pool, name: str) -> pa.Array:
    return pa.array(pool.column(name), from_pandas=True)


def _filled(values: pa.Array) -> np.ndarray:
    """(n,) bool: whether there is a value; empty text is none."""
    import pyarrow.compute as pc  # slow to load, and no command but this one asks for it

    there = pc.is_valid(values)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        there = pc.and_(there, pc.fill_null(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(values)), 0), False))
    return there.to_numpy(zero_copy_only=False)


def _lines(said: dict[str, Any]) -> list[str]:
    often, low, high = said["frequency"], *said["range"]
    lines = [
        f"{said['facts']:,} facts in {often['samples']:,} samples; {often['once']:.0%} are stated once, the most "
        f"frequent {often['most']:,} times.",
        f"Bits: {said['bits']['plug_in']:,.0f} as counted, {said['bits']['miller_madow']:,.0f} by Miller-Madow, "
        f"{said['bits']['chao_shen']:,.0f} by coverage (Chao-Shen).",
    ]
    for one in said["relations"][:_LINES]:
        lines.append(
            f"  {one['relation']}: {one['facts']:,} facts, {one['answers']:,} answers, the commonest "
            f"{one['commonest']:.1%}; bits a fact {one['plug_in']:.2f}, {one['miller_madow']:.2f}, "
            f"{one['chao_shen']:.2f}{', digit by digit' if one['by_digits'] else ''}; coverage {one['coverage']:.0%}"
        )
    if len(said["relations"]) > _LINES:
        lines.append(f"  and {len(said['relations']) - _LINES:,} more relations; --json has all.")
    lines += [
        f"Capacity: {said['capacity_bits']:,.0f} bits at {said['rho']:.2f} bits a parameter; "
        f"{low['capacity_bits']:,.0f} to {high['capacity_bits']:,.0f} at {RANGE[0]:g} to {RANGE[1]:g}.",
        f"At most {said['accuracy']:.1%} of all can be right ({low['accuracy']:.1%} to {high['accuracy']:.1%}); "
        f"{said['guess']:.1%} by guessing.",
    ]
    few = said["curve"][:: -max(1, len(said["curve"]) // 4)][::-1]  # the last among them
    kept = ", ".join(f"{one['accuracy']:.1%} of {one['facts']:,}" for one in few)
    lines.append(f"Of fewer facts, kept blindly, at most: {kept}.")
    return [*lines, said["sentence"]]
