"""What can be in a demo picture: object classes, their long-tailed shares, settings and colours."""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 256
"""Width and height of a picture, in pixels."""

COLOURS = {
    "red": (206, 66, 56),
    "orange": (233, 134, 54),
    "yellow": (243, 199, 76),
    "green": (92, 158, 84),
    "teal": (46, 150, 148),
    "blue": (64, 116, 194),
    "purple": (130, 88, 172),
    "pink": (234, 130, 162),
    "brown": (150, 102, 66),
    "white": (240, 235, 222),
    "grey": (132, 139, 150),
}
"""Body colours by the word used in captions; sRGB, 0..255."""


@dataclass(frozen=True)
class ObjectClass:
    """One kind of object.

    share: relative frequency, per mille of pictures.  colours: words of COLOURS it may have.
    second: the other colour of its texture: cream, deep (darker) or pale (lighter).
    tilt: largest rotation either way, in degrees.  look: the adjective for its texture.
    home: settings where it is met more often.
    """

    name: str
    plural: str
    share: float
    colours: tuple[str, ...]
    second: str
    tilt: float
    look: str
    home: tuple[str, ...] = ()


def _kind(name, plural, share, colours, second, tilt, look, home=""):
    return ObjectClass(name, plural, share, tuple(colours.split()), second, tilt, look, tuple(home.split(", ")))


CLASSES = (
    _kind("ball", "balls", 350, "red orange blue green", "cream", 180, "striped", "beach"),
    _kind("leaf", "leaves", 300, "green orange yellow brown", "pale", 180, "veined", "forest floor"),
    _kind("flower", "flowers", 260, "pink yellow purple red", "pale", 180, "rayed", "meadow"),
    _kind("star", "stars", 220, "yellow orange pink", "cream", 36, "dotted", "night sky"),
    _kind("house", "houses", 190, "red orange brown", "cream", 6, "brick", "street"),
    _kind("tree", "trees", 165, "green teal orange", "deep", 8, "leafy", "meadow"),
    _kind("fish", "fish", 140, "blue teal orange", "pale", 25, "scaly", "beach"),
    _kind("heart", "hearts", 120, "red pink purple", "cream", 22, "checked", "indoor table"),
    _kind("cup", "cups", 105, "blue white teal", "deep", 10, "zigzag", "indoor table"),
    _kind("mushroom", "mushrooms", 90, "red brown orange", "cream", 16, "spotted", "forest floor"),
    _kind("butterfly", "butterflies", 78, "purple blue orange", "pale", 50, "mosaic", "meadow"),
    _kind("boat", "boats", 67, "brown red white", "deep", 10, "planked", "beach"),
    _kind("umbrella", "umbrellas", 57, "pink red teal yellow", "cream", 24, "panelled", "beach, street"),
    _kind("bottle", "bottles", 48, "green brown blue", "pale", 35, "shiny", "indoor table"),
    _kind("key", "keys", 40, "yellow grey", "deep", 180, "brushed", "indoor table"),
    _kind("arrow", "arrows", 33, "blue green red", "cream", 180, "hatched", "street"),
    _kind("kite", "kites", 27, "purple green yellow", "pale", 40, "diamond-patterned", "meadow, beach"),
    _kind("clock", "clocks", 22, "teal grey brown", "pale", 12, "ringed", "indoor table"),
    _kind("cactus", "cacti", 18, "green", "deep", 8, "ribbed", "desert"),
    _kind("gear", "gears", 14, "grey brown", "deep", 180, "speckled", "street"),
    _kind("crescent", "crescents", 11, "yellow grey white", "deep", 45, "marbled", "night sky"),
    _kind("ladder", "ladders", 8, "brown orange", "deep", 30, "wooden", "street"),
    _kind("snail", "snails", 6, "orange brown pink", "deep", 14, "spiral", "forest floor"),
    _kind("lighthouse", "lighthouses", 4, "red blue", "cream", 6, "banded", "beach"),
)
"""From the most to the least frequent; the position is the class index, the mask value is position + 1."""

MASK_VALUE = {kind.name: position + 1 for position, kind in enumerate(CLASSES)}

SETTINGS = {
    "meadow": 0.28,
    "street": 0.20,
    "beach": 0.16,
    "indoor table": 0.12,
    "forest floor": 0.10,
    "snow": 0.07,
    "desert": 0.045,
    "night sky": 0.025,
}
"""Settings and their shares of the pool."""
