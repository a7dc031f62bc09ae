"""S2L's sharing out, literally as published: slow, obviously right."""


def shares(sizes: list[int], budget: int) -> list[int]:
    """From the smallest to the largest, each gives min(its size, floor(what remains / how many are left)). Of equals
    the last in the list goes first.
    """
    given = [0] * len(sizes)
    remaining, left = budget, len(sizes)
    for size, place in sorted((size, -place) for place, size in enumerate(sizes)):
        given[-place] = min(size, remaining // left)
        remaining -= given[-place]
        left -= 1
    return given


def shares_over_groups(sizes: list[list[int]], budget: int) -> list[list[int]]:
    """First among groups, then among the clusters of each."""
    return [
        shares(clusters, share)
        for clusters, share in zip(sizes, shares([sum(clusters) for clusters in sizes], budget), strict=True)
    ]


def level_by_level(sizes: list[int], taken: list[int], budget: int) -> list[int]:
    """With some taken before: one at a time, always from the part that has given least, the largest of equals first."""
    given = list(taken)
    for _ in range(budget):
        open_parts = [part for part in range(len(sizes)) if given[part] < sizes[part]]
        given[min(open_parts, key=lambda part: (given[part], -sizes[part], part))] += 1
    return [now - before for now, before in zip(given, taken, strict=True)]
