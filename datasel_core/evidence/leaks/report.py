"""What was found of leaks, for a person and as plain data."""

from typing import Any

from datasel_core.evidence.leaks.between import KINDS, Found, Overlap

_SHOWN = 5
"""Pairs of each kind that stand on a terminal."""


def document(found: Found) -> dict[str, Any]:
    """All of it as plain data; `hits` are the listed pairs of all kinds, those most alike first within each."""
    limits, common = found.limits, found.only_common
    return {
        "pool": _side(found.one, len(found.rows)),
        "against": _side(found.other, len(found.other_rows)),
        "limits": {name: getattr(limits, name) for name in limits.__dataclass_fields__},
        "overlaps": bool(len(found.touched)),
        "samples": len(found.touched),
        "against_samples": len(found.touched_others),
        "counts": {one.kind: _counts(one) for one in found.overlaps},
        "hits": [hit for one in found.overlaps for hit in _hits(found, one)],
        "only_common_ngrams": {"more_than": limits.common, "samples": common[0], "against_samples": common[1]},
        "same_ids": found.same_ids,
        "notes": notes(found),
    }


def _side(pool, n: int) -> dict[str, Any]:
    return {"name": pool.name, "fingerprint": pool.fingerprint, "n": n}


def _counts(one: Overlap) -> dict[str, int]:
    pairs = one.pairs
    return {
        "pairs": pairs.n,
        "listed": len(pairs.rows),
        "samples": len(pairs.touched),
        "against_samples": len(pairs.touched_others),
    }


def _hits(found: Found, one: Overlap) -> list[dict[str, Any]]:
    ids, others = found.one.ids[found.rows[one.pairs.rows]], found.other.ids[found.other_rows[one.pairs.others]]
    hits = []
    for at, (id, other, like) in enumerate(zip(ids, others, one.pairs.like.tolist(), strict=True)):
        more = {name: _plain(values[at]) for name, values in one.beside.items()}
        hits.append({"id": str(id), "other": str(other), "kind": one.kind, "like": round(like, 4), **more})
    return hits


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return round(value, 4) if isinstance(value, float) else value


def lines(found: Found) -> list[str]:
    """The same for a person: how many overlap, then each kind with its pairs that are most alike."""
    one, other = found.one.name, found.other.name
    said = (
        f"{len(found.touched):,} of {len(found.rows):,} of {one} overlap with {len(found.touched_others):,} of "
        f"{len(found.other_rows):,} of {other}."
    )
    if not len(found.touched):
        said = f"No overlap: none of {len(found.rows):,} of {one} is like any of {len(found.other_rows):,} of {other}."
    written = [said]
    for part in found.overlaps:
        counts = _counts(part)
        if not counts["pairs"]:
            written.append(f"{KINDS[part.kind]}: none")
            continue
        pairs = "1 pair" if counts["pairs"] == 1 else f"{counts['pairs']:,} pairs"
        written.append(
            f"{KINDS[part.kind]}: {pairs}, {counts['samples']:,} of {one}, {counts['against_samples']:,} of {other}"
        )
        hits = _hits(found, part)
        written += [f"  {hit['id']}\t{hit['other']}\t{_how_like(hit)}" for hit in hits[:_SHOWN]]
        if len(hits) > _SHOWN:
            written.append(f"  and {len(hits) - _SHOWN:,} more; --json lists them")
    return written


def _how_like(hit: dict[str, Any]) -> str:
    match hit["kind"]:
        case "shared_words":
            shares = f"{100 * hit['share']:.3g} % of its own, {100 * hit['share_other']:.3g} % of the other's"
            return f"{hit['shared']:,} in common: {shares}"
        case "same_group":
            return str(hit["value"])
    return f"{hit['like']:.3f}"


def notes(found: Found) -> list[str]:
    """What else is to be known: what is no overlap by itself, what is not listed, what was not compared."""
    limits, said = found.limits, list(found.notes)
    if any(found.only_common):
        mine, theirs = found.only_common
        said.append(
            f"{mine:,} of {found.one.name} and {theirs:,} of {found.other.name} share only runs of {limits.ngram} "
            f"words that more than {limits.common:,} samples of a pool have, such as instructions; they are not "
            "counted (--common raises the limit)."
        )
    if found.same_ids:
        ids = "1 id stands" if found.same_ids == 1 else f"{found.same_ids:,} ids stand"
        said.append(f"{ids} in both pools; an id alone is no overlap.")
    left_out = sum(one.pairs.n - len(one.pairs.rows) for one in found.overlaps)
    if left_out:
        said.append(
            f"{left_out:,} further pairs are counted and not listed: of each sample those most alike are listed, and "
            "of every sample that overlaps at least one."
        )
    return said
