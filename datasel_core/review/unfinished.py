"""Reviews that somebody began and nobody came to the end of."""

from collections.abc import Iterable

from datasel_core.review.book import Book
from datasel_core.review.decisions import review_of
from datasel_core.review.state import Standing
from datasel_core.runs.run import Run
from datasel_core.workspace.layout import Workspace


def unfinished(workspace: Workspace, runs: Iterable[Run]) -> list[tuple[Run, Standing]]:
    """Of these selections, those of which some are decided and some are not; the one that was at work last first.
    Raises BadInput, Failed.
    """
    book = Book(workspace)
    last = book.last()
    begun = [(review, run) for run in runs if (review := review_of(run.manifest)) in last]
    begun.sort(key=lambda one: last[one[0]], reverse=True)
    found = [(run, Standing.of(run.ids, book.of(review))) for review, run in begun]
    return [(run, standing) for run, standing in found if 0 < standing.decided < len(standing.ids)]
