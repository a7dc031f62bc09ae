"""Somebody who reviews in a browser: presses keys, and remembers what the keys meant."""

from typing import Any

from datasel_core.review.book import Book
from datasel_core.review.decisions import review_of
from datasel_core.runs.run import Run

_DECIDES = {"k": "keep", "x": "drop", "s": "swap"}


class Person:
    """One tab. pressed: (place from 0, decision) in the order of the keys, by a model of its own: the page is never
    asked.
    """

    def __init__(self, page: Any, name: str, n: int):
        self.page, self.name, self.n = page, name, n
        self.at, self.pressed, self._past = 0, [], []
        page.locator(".review .counted").wait_for()
        field = page.get_by_role("textbox", name="Reviewing as")
        field.fill(name)
        field.press("Enter")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        if what := _DECIDES.get(key):
            self.pressed.append((self.at, what))
            self._past.append(self.at)
            self._go(self.at + 1)
        elif key == "u":
            self.at = self._past.pop() if self._past else self.at
            self.pressed.append((self.at, "undo"))
        else:
            self._go(self.at + (-1 if key == "ArrowLeft" else 1))

    def _go(self, to: int) -> None:
        self.at = min(self.n - 1, max(0, to))

    def saved(self) -> None:
        """Waits until the server has acknowledged everything."""
        self.page.locator(".review .saved", has_text="All saved").wait_for()


def written(workspace, run: Run, name: str) -> list[tuple[int, str]]:
    """(place, decision) of one person as the database has them, in its order."""
    places = {id: at for at, id in enumerate(run.ids)}
    log = Book(workspace).of(review_of(run.manifest))
    return [(places[one.sample], one.what) for one in log if one.reviewer == name]
