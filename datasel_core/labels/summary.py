"""What is said of labels that came back, as plain data: the same on the command line, on the page and in Python."""

import dataclasses
from collections import Counter
from typing import Any

import numpy as np

from datasel_core.labels.boxes import OVERLAP
from datasel_core.labels.consensus import Item, Labels
from datasel_core.labels.labellers import known_of, labellers

MOST_AGAIN = 200


def within(labels: Labels, rows: np.ndarray) -> Labels:
    """The same of these rows only."""
    mine = set(rows.tolist())
    right = {row: value for row, value in labels.right.items() if row in mine}
    return dataclasses.replace(labels, items=[item for item in labels.items if item.row in mine], right=right)


def summary(labels: Labels, every: Labels, n: int, known_column: str | None = None) -> dict[str, Any]:
    """labels: of what is asked about, n samples. every: of the whole pool, gold set included. Raises UnknownName."""
    alpha, known, again = labels.alpha, known_of(every, known_column), labels.again()
    shares = [item.agreement for item in labels.shared if item.agreement is not None]
    classes = Counter(item.label for item in labels.items if item.label is not None)
    return {
        "pool": labels.pool.name,
        "n": n,
        "labelled": len(labels.items),
        "judgements": sum(len(item.own) for item in labels.items),
        "classes": dict(sorted(classes.items(), key=lambda one: (-one[1], one[0]))),
        "undecided": sum(item.label is None for item in labels.items),
        "agreement": {
            "items": len(shares),
            "share": float(np.mean(shares)) if shares else None,
            "alpha": alpha.value,
            "alpha_low": alpha.low,
            "alpha_high": alpha.high,
            "pairs": [vars(pair) for pair in labels.pairs],
            "box_f1": labels.box_f1(),
            "box_overlap": OVERLAP,
        },
        "labellers": [vars(one) for one in labellers(labels, known.answers, every.items)],
        "known": {"n": len(known.answers), "source": known.source},
        "disagreements": len(again),
        "again": [_again(labels, item) for item in again[:MOST_AGAIN]],
        "gone": labels.gone,
        "imports": [
            {name: one.about[name] for name in ("key", "file", "from", "created_utc", "n", "people", "left_out")}
            for one in labels.imports
        ],
    }


def _again(labels: Labels, item: Item) -> dict[str, Any]:
    said = {one.person: one.value for one in item.own}
    return {"id": str(labels.pool.ids[item.row]), "agreement": item.agreement, "said": said}


def lines(said: dict[str, Any], things: str = "samples") -> list[str]:
    """The same for a person. things: what the pool holds."""
    if not said["labelled"]:
        return [f"Nothing of {said['pool']} is labelled yet."]
    agreed = said["agreement"]
    found = [f"{said['labelled']:,} of {said['n']:,} {things} are labelled, by {_people(len(said['labellers']))}."]
    if agreed["share"] is not None:
        found.append(f"They agree on {100 * agreed['share']:.0f} % of the {agreed['items']:,} that several labelled.")
        found.append(alpha_words(agreed))
    if agreed["box_f1"] is not None:
        found.append(f"Boxes: {100 * agreed['box_f1']:.0f} % matched (F1, overlap from {agreed['box_overlap']:g}).")
    found.append("Classes: " + ", ".join(f"{name or 'nothing'} {n:,}" for name, n in said["classes"].items()) + ".")
    if said["undecided"]:
        found.append(f"Undecided, as many labellers say one thing as another: {said['undecided']:,}.")
    found += [labeller_words(one) for one in said["labellers"]]
    if said["again"]:
        first = ", ".join(one["id"] for one in said["again"][:5])
        found.append(f"Worth labelling once more: {said['disagreements']:,}; first {first}.")
    return found


def alpha_words(agreed: dict[str, Any]) -> str:
    if agreed["alpha"] is None:
        return "Krippendorff's alpha is not defined: all that several labelled was called the same."
    if agreed["alpha_low"] is None:
        return f"Krippendorff's alpha is {agreed['alpha']:.2f}; {agreed['items']:,} are too few for an interval."
    low, high = agreed["alpha_low"], agreed["alpha_high"]
    return f"Krippendorff's alpha is {agreed['alpha']:.2f} (95 % from {low:.2f} to {high:.2f})."


def labeller_words(one: dict[str, Any]) -> str:
    took = "" if one["seconds"] is None else f", {one['seconds']:.3g} s each (median)"
    others = "" if one["with_others"] is None else f", {100 * one['with_others']:.0f} % as others"
    gold = f", {one['errors']:,} wrong of {one['gold']:,} known" if one["gold"] else ""
    slow = ["slower than the others"] * one["is_slow"] + ["more errors than the others"] * one["is_off"]
    return f"{name(one['person'])}: {one['items']:,}{took}{others}{gold}{'; ' + ', '.join(slow) if slow else ''}."


def name(person: str) -> str:
    """Of a labeller, for people."""
    if not person:
        return "Labeller without a name"
    return f"Labeller {person}" if person.isdigit() else person


def _people(n: int) -> str:
    return f"{n:,} labeller{'' if n == 1 else 's'}"
