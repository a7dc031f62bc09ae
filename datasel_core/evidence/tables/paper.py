"""A table of evidence, written: as JSON for scripts, in words, and as Markdown, LaTeX or CSV for a paper."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.evidence.classes import Classes
from datasel_core.evidence.differences import FEWEST_SEEDS, LEVEL
from datasel_core.evidence.judged import Judged
from datasel_core.evidence.measures import Measure
from datasel_core.evidence.tables import costs
from datasel_core.evidence.tables.benefit import Benefit
from datasel_core.evidence.tables.choices import RANDOM
from datasel_core.evidence.tables.judges import over_fit
from datasel_core.evidence.tables.table import Cell, Table
from datasel_core.evidence.worth import said as words_of
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import is_own, own_hash

CONTROL = "random, other seeds"
_TABLE = "table.json"
SUFFIXES = (".md", ".tex", ".csv")
_TEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}"}
_TEX |= {"^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "|": r"\textbar{}"}
_TEX |= {"<": r"\textless{}", ">": r"\textgreater{}"}


def document(table: Table, benefits: Sequence[Benefit]) -> dict[str, Any]:
    """What `--json` prints: `cells` are those of the main measure, `others` those of all the others."""
    asked = table.asked
    cells = {one: _plain(one, table) for one in table.cells}
    for one in benefits:
        of = next(cell for cell in table.of(asked.main.name) if (cell.method, cell.budget) == (one.method, one.budget))
        cells[of] |= _of_benefit(one)
    return {
        "pool": {"name": asked.pool.name, "fingerprint": asked.pool.fingerprint},
        "holdout": {
            "ids_sha256": asked.aside.about["ids_sha256"],
            "n": len(asked.aside.rows(asked.pool)),
            "measured_on": len(asked.main.held.rows),
        },
        "seeds": asked.seeds,
        "budgets": list(asked.budgets),
        "methods": {one.name: one.settings() for one in asked.entries},
        "measure": asked.main.name,
        "measures": [_about(one) for one in _measures(table)],
        "corrected_over": len(table.cells),
        "cells": [cells[one] for one in table.of(asked.main.name)],
        "others": [cells[one] for one in table.cells if one.measure != asked.main.name],
        "over_fit": said_of_references(table),
        "notes": notes(table),
    }


def notes(table: Table) -> list[str]:
    """What is to be known of the table, a sentence each."""
    asked, still = table.asked, []
    for entry in asked.entries:
        if not any(table.samples[entry.name, budget].draws for budget in asked.budgets):
            still.append(entry.name)
    said = [
        f"Differences from random of the same seed and size, {asked.seeds} seeds, with intervals of {LEVEL:.0%}; words "
        f"are corrected over all {len(table.cells):,} cells (Holm). '{CONTROL}' is the control: nothing should be said "
        "of it. Fewer measures and budgets make a smaller table, which says more."
    ]
    if asked.seeds < FEWEST_SEEDS:
        said.append(f"{asked.seeds} seeds make a pilot, of which nothing is said; verdicts need {FEWEST_SEEDS}.")
    if still:
        said.append(f"The same under every seed: {', '.join(still)}; what is said holds of the one choice made here.")
    for name, n in table.unread.items():
        said.append(f"{n:,} held-out samples cannot be read by {name}; they are left out there.")
    short = [one for one in table.of(asked.main.name) if one.kept < one.budget]
    for one in short:
        said.append(f"{one.method} kept {one.kept:,.4g} of {one.budget:,}; random of that size stands against it.")
    return [*said_of_references(table), *said, *asked.notes]


def said_of_references(table: Table) -> list[str]:
    """What is better on what it chose towards, and whether it is elsewhere; nothing where no judge was named."""
    words = [{name: getattr(one, name) for name in ("method", "budget", "measure", "verdict")} for one in table.cells]
    return over_fit(words, table.asked.measures, table.asked.references)


def markdown(said: Mapping[str, Any]) -> str:
    """One table per measure, the main one first: what random and the methods reach, and by how much they differ. said:
    a `document`, as for all of these.
    """
    parts = []
    for one in said["measures"]:
        parts.append(f"{heading(one)}\n")
        parts.append("| method | " + " | ".join(f"{budget:,}" for budget in said["budgets"]) + " |")
        parts.append("|---|" + "---|" * len(said["budgets"]))
        rows = ([text.replace("|", r"\|") for text in row] for row in _rows(said, one["name"]))
        parts += ["| " + " | ".join(row) + " |" for row in rows]
        parts.append("")
    if rows := costs.cost_rows(said):
        head, *rest = ("| " + " | ".join(text.replace("|", r"\|") for text in row) + " |" for row in rows)
        parts += [f"{costs.HEADING}\n", head, "|---" * len(rows[0]) + "|", *rest, ""]
    return "\n".join([*parts, *said["notes"]]) + "\n"


def tex(said: Mapping[str, Any]) -> str:
    """The same for LaTeX; needs no package."""
    parts = []
    for one in said["measures"]:
        parts += _tex_table(heading(one), [["method", *map(str, said["budgets"])], *_rows(said, one["name"])])
    if rows := costs.cost_rows(said):
        parts += _tex_table(costs.HEADING, rows)
    return "\n".join([*parts, *(f"% {line}" for line in said["notes"])]) + "\n"


def _tex_table(caption: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """rows: the head first."""
    head, *rest = (" & ".join(map(_escaped, row)) for row in rows)
    return [
        r"\begin{table}",
        rf"\caption{{{_escaped(caption)}}}",
        r"\begin{tabular}{" + "l" * len(rows[0]) + r"}",
        rf"\hline {head} \\ \hline",
        *(rf"{row} \\" for row in rest),
        "\\hline\n\\end{tabular}\n\\end{table}\n",
    ]


def comma_separated(said: Mapping[str, Any]) -> str:
    """A line per cell; what choosing costs stands in those of the main measure."""
    into = io.StringIO()
    names = ("measure", "method", "budget", "seeds", "value", "random", "difference", "low", "high", "p", "verdict")
    cost = ("seconds", "feature_seconds", "feature_flop")
    rows = csv.DictWriter(into, (*names, *cost), extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    rows.writerows({**one, "method": called(one), **costs.flat(one)} for one in every(said))
    return into.getvalue()


def written(said: Mapping[str, Any], suffix: str) -> str:
    """suffix: one of SUFFIXES."""
    return {".md": markdown, ".tex": tex, ".csv": comma_separated}[suffix](said)


def every(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All cells, those of the main measure first."""
    return [*said["cells"], *said["others"]]


def called(cell: Mapping[str, Any]) -> str:
    """The method of a cell, for people."""
    return CONTROL if cell["control"] else cell["method"]


def heading(measure: Mapping[str, Any]) -> str:
    return f"{measure['name']}: {measure['title']}; {measure['better']} is better"


def keep(folder: Path, said: Mapping[str, Any]) -> None:
    """The last table of a pool, beside what was measured for it."""
    write_json(folder / _TABLE, {**said, "sha256": own_hash(said)})


def last(folder: Path) -> dict[str, Any] | None:
    """The table that was made last; None where there is none. Raises BadInput."""
    said = read_json(folder / _TABLE)
    if said is not None and not (isinstance(said, dict) and is_own(said)):
        raise BadInput(f"{folder / _TABLE} is damaged: it was changed since it was written; compare again.")
    return said


def _rows(said: Mapping[str, Any], measure: str) -> list[list[str]]:
    cells = [one for one in every(said) if one["measure"] == measure]
    found = [["random", *(number(one["random"]) for one in cells if one["control"])]]
    for name in dict.fromkeys(map(called, cells)):
        found.append([name, *(_cell(one) for one in cells if called(one) == name)])
    return found


def _cell(one: Mapping[str, Any]) -> str:
    return f"{number(one['value'])} ({signed(one['difference'])}, {interval(one)}), {one['verdict']}"


def interval(one: Mapping[str, Any]) -> str:
    """`-0.074 to +0.041`."""
    return f"{signed(one['low'])} to {signed(one['high'])}"


def _plain(one: Cell, table: Table) -> dict[str, Any]:
    numbers = {
        "value": one.value,
        "random": one.random,
        "difference": one.found.difference,
        "low": one.found.low,
        "high": one.found.high,
    }
    return {
        "method": one.method,
        "budget": one.budget,
        "seeds": one.found.seeds,
        **{name: round(value, 6) for name, value in numbers.items()},
        "verdict": one.verdict,
        "measure": one.measure,
        "p": one.found.p,
        "kept": one.kept,
        "control": one.method == RANDOM,
        "same_under_every_seed": one.method != RANDOM and not table.samples[one.method, one.budget].draws,
    }


def _of_benefit(one: Benefit) -> dict[str, Any]:
    worth = one.worth and {
        name: None if math.isinf(value) else round(value, 3)
        for name, value in (("n", one.worth.n), ("low", one.worth.low), ("high", one.worth.high))
    } | {"least": one.worth.least, "most": one.worth.most}  # null: more than the most
    return {
        "seconds": round(one.seconds, 6),
        "feature_seconds": {name: None if math.isnan(value) else value for name, value in one.features.items()},
        "feature_flops": dict(one.flops),
        "worth": worth,
        "worth_words": one.worth and words_of(one.worth),
        "saved": one.saved,
        "pays_from": one.pays_from,
        "benefit": one.line(),
    }


def _about(one: Measure | Classes) -> dict[str, Any]:
    better = "higher" if one.higher_is_better else "lower"
    judge = {"judge": one.pool.name, "reference": one.is_reference} if isinstance(one, Judged) else {}
    return {"name": one.name, "title": one.title, "unit": one.unit, "better": better, **judge}


def _measures(table: Table) -> list[Measure | Classes]:
    return [*table.asked.measures, *table.asked.classes]


def number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def signed(value: float) -> str:
    return f"{value:+.3f}" if abs(value) < 10 else f"{value:+.1f}"


def _escaped(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)
