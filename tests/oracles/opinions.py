"""What people said by now, told slowly: everything is read anew for each person and each sample."""


def latest(log, sample, reviewer):
    """(decision, note, place) of one person about one sample; log: (sample, reviewer, what, note) in order."""
    stack = []
    for at, (one, who, what, note) in enumerate(log):
        if (one, who) == (sample, reviewer):
            stack = stack[:-1] if what == "undo" else [*stack, (what, note, at)]
    decided = [(what, at) for what, _, at in stack if what != "note"]
    notes = [note for _, note, _ in stack if note]
    what, at = decided[-1] if decided else ("", -1)
    return what, notes[-1] if notes else "", at


def counts(log, sample, rule):
    """keep, drop, swap or nothing."""
    people = {who for one, who, _, _ in log if one == sample}
    said = [latest(log, sample, who) for who in people]
    said = sorted((at, what) for what, _, at in said if what)
    if not said:
        return ""
    out = [what for _, what in said if what in ("drop", "swap")]
    if rule == "latest":
        return said[-1][1]
    if rule == "any":
        return out[-1] if out else "keep"
    return out[-1] if len(out) == len(said) else "keep"
