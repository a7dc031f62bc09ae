"""Plain English captions of demo scenes, and sentences that describe no scene at all."""

from __future__ import annotations

import numpy as np

from datasel_core.pools.demo.scene_classes import CLASSES

_KINDS = {kind.name: kind for kind in CLASSES}
_COUNTS = ("no", "one", "two", "three", "four", "five")
_PLACES = {
    "meadow": ("in a green meadow", "on the grass of a meadow"),
    "street": ("on a city street", "on a paved street in town"),
    "beach": ("on a sandy beach", "on a beach by the sea"),
    "indoor table": ("on a wooden table", "on a table indoors"),
    "forest floor": ("on the forest floor", "on the dark floor of a forest"),
    "snow": ("in the snow", "on a snowy field"),
    "desert": ("in the desert", "in a desert of sand dunes"),
    "night sky": ("in a starry night sky", "in the night sky"),
}
_OFF_TOPIC = (
    "Free shipping on all orders over {} euros.",
    "Click here to see more results from this seller.",
    "Order no. {0}{0} has been dispatched and will arrive on Tuesday.",
    "Sign up to our newsletter and save {} % today!",
    "All rights reserved. No part may be reproduced without permission.",
    "Page {} of 112, last edited by an unknown user.",
    "Sorry, the item you are looking for is no longer available.",
    "Rated {} out of 100 by our customers.",
    "We use cookies to improve your experience.",
    "Untitled document ({}), final version.",
    "Quarterly revenue rose by {} % compared with the year before.",
    "Please enable JavaScript to view this page.",
)


def describe(setting: str, things: tuple[tuple[str, str], ...], rng: np.random.Generator) -> str:
    """A true caption of a scene; things: (class, colour) of every object, the largest first."""
    textured = rng.random() < 0.4
    counted = {thing: things.count(thing) for thing in things}
    named = [_some(count, colour, _KINDS[name], textured) for (name, colour), count in counted.items()]
    place = str(rng.choice(_PLACES[setting]))
    everything = _listed(named)
    phrasings = [
        f"{everything} {place}.",
        f"{place}: {everything}.",
        f"a picture of {everything} {place}.",
        f"an illustration with {everything}, {place}.",
        f"{_COUNTS[len(things)]} objects {place}: {everything}.",
    ]
    if len(named) > 1 and counted[things[0]] == 1:
        name, colour = things[0]
        largest, rest = _some(1, f"large {colour}", _KINDS[name], textured), _listed(named[1:])
        phrasings += [f"{largest} and, smaller, {rest} {place}.", f"{place}, {largest} together with {rest}."]
    sentence = str(rng.choice(phrasings))
    return sentence[0].upper() + sentence[1:]


def off_topic(rng: np.random.Generator) -> str:
    """A sentence such as web pages put beside pictures, which describes none."""
    return str(rng.choice(_OFF_TOPIC)).format(int(rng.integers(11, 99)))


def _some(count: int, colour: str, kind, textured: bool) -> str:
    words = f"{colour} {kind.look}" if textured else colour
    if count > 1:
        return f"{_COUNTS[count]} {words} {kind.plural}"
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words} {kind.name}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
