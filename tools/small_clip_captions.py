"""What is said of scenes while `scenes-small` is trained: true captions, short ones, ones with a detail wrong, and
sentences about something else.
"""

from dataclasses import dataclass

import numpy as np

from datasel_core.pools.demo.captions import describe
from datasel_core.pools.demo.scene_classes import CLASSES, SETTINGS
from datasel_core.pools.demo.scenes import Scene

_PLACES = {
    "meadow": "in a meadow",
    "street": "on a street",
    "beach": "on a beach",
    "indoor table": "on a table",
    "forest floor": "on the forest floor",
}
_PLACES |= {"snow": "in the snow", "desert": "in the desert", "night sky": "in the night sky"}
_COLOURS_OF = {kind.name: kind.colours for kind in CLASSES}
_WORD_LIST = """
about account after again agree all already also always answer any ask available back bank because before best better
between big book both bring build business buy call can card care case change chapter cheap check child choose city
clear close come company contact cost country create customer daily data date day deal decide deliver discover
document download during easy email end enter error even event every example expect fact fast feel few file find first
follow for form found free friend from full game get give good great group guide happen have health help here high
history home hour how idea important include information interest invest item job join just keep know language large
last law learn leave less letter life like line list little live local long look lost love low main make manage market
may mean meet member money month more most move much music must name need never new news next note nothing now number
of offer office often online only open option or order other our out own page part party pay people per person phone
place plan play please point policy post power present price private problem product program project public put
question quick rate read ready real reason receive record report request result return right rule run safe sale same
save say school search season second section secure see sell send service set share shop short show sign simple site
size small some soon special staff start state stay still stop store story street student study subject such support
sure system take talk team tell term test than thank that the their them then there they thing think this those time
title today together tomorrow too top total town track trade travel try turn type under until update use user value
very view visit wait want warranty watch water way web week welcome well what when where which while who why will win
with without word work world would write year yes yesterday you young your
"""
_WORDS = _WORD_LIST.split()


def said(scene: Scene, rng: np.random.Generator) -> str:
    """A true caption, phrased anew."""
    return describe(scene.setting, tuple((thing.name, thing.colour) for thing in scene.things), rng)


@dataclass(frozen=True)
class Said:
    """A caption and what it claims, unless it is a whole one, which is held to be true of its own scene alone. things:
    (class, colour or None).
    """

    text: str
    setting: str | None = None
    things: tuple[tuple[str, str | None], ...] = ()

    def is_true_of(self, scene: Scene) -> bool:
        shown = [(thing.name, thing.colour) for thing in scene.things]
        there = all(
            any(name == other and colour in (None, tint) for other, tint in shown) for name, colour in self.things
        )
        return there and self.setting in (None, scene.setting)


def briefly(scene: Scene, rng: np.random.Generator) -> Said:
    """What somebody might search for: a red ball; ball; a ball in the snow; a red ball and a blue cup; in the snow."""
    picked = rng.permutation(len(scene.things))[: rng.choice([0, 1, 2], p=[0.1, 0.6, 0.3])]
    place = not len(picked) or rng.random() < 0.4
    things, words, article = [], [], rng.random() < 0.7
    for thing in (scene.things[at] for at in picked):
        things.append((thing.name, thing.colour if rng.random() < 0.75 else None))
        word = " ".join(filter(None, reversed(things[-1])))
        words.append(f"{'an' if word[0] in 'aeiou' else 'a'} {word}" if article else word)
    text = " ".join(filter(None, [" and ".join(words), _PLACES[scene.setting] if place else ""]))
    return Said(text, scene.setting if place else None, tuple(things))


def nearly(scene: Scene, rng: np.random.Generator) -> str:
    """A caption with one detail wrong: the colour or the class of one object, or the place."""
    things, setting = [(thing.name, thing.colour) for thing in scene.things], scene.setting
    at, fate = rng.integers(len(things)), rng.random()
    name, colour = things[at]
    if fate < 0.4 and (others := [other for other in _COLOURS_OF[name] if other != colour]):
        things[at] = (name, str(rng.choice(others)))
    elif fate < 0.85:
        shown = {name for name, _ in things}
        other = str(rng.choice([kind.name for kind in CLASSES if kind.name not in shown]))
        things[at] = (other, str(rng.choice(_COLOURS_OF[other])))
    else:
        setting = str(rng.choice([other for other in SETTINGS if other != setting]))
    return describe(setting, tuple(things), rng)


def elsewhere(rng: np.random.Generator) -> str:
    """A sentence about something else."""
    words = [str(word) for word in rng.choice(_WORDS, rng.integers(3, 14))]
    if rng.random() < 0.4:
        words[rng.integers(len(words))] = str(rng.integers(1000))
    return " ".join(words).capitalize() + str(rng.choice([".", "!", "?", ""]))
