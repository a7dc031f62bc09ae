"""The built-in table of rates. Each is an example from the literature with its source, nobody's own pace."""

from datasel_core.costs.tables.line import PRICE, Line


def _example(name: str, what: str, low: str, mid: str, high: str, unit: str, source: str) -> Line:
    return Line(name, what, low, mid, high, unit, "2026-05-01", source)


BUILT_IN = (
    _example(
        "box",
        "a box around an object",
        "7",
        "",
        "34.5",
        "s per label",
        "examples: 7 s by four clicks on its edges (Papadopoulos et al. 2017), 34.5 s in ILSVRC (Su et al. 2012)",
    ),
    _example(
        "box-clicks",
        "a box by four clicks on its edges",
        "",
        "7",
        "",
        "s per label",
        "an example: extreme clicking, Papadopoulos et al. 2017",
    ),
    _example(
        "mask",
        "a mask drawn around an object",
        "",
        "79",
        "",
        "s per label",
        "an example: COCO, 22 worker hours for 1,000 masks (Lin et al. 2014)",
    ),
    _example(
        "street-scene",
        "all pixels of a street scene",
        "",
        "1.5",
        "",
        "h per item",
        "an example: a finely annotated Cityscapes image (Cordts et al. 2016)",
    ),
    _example(
        "class",
        "whether a class is in a photo",
        "",
        "1",
        "",
        "s per label",
        "an example: one class of one photo (Bearman et al. 2016)",
    ),
    _example(
        "box-price",
        "a box from a labelling service",
        "",
        ".04",
        "",
        PRICE,
        "an example of price lists of labelling services; ask for an offer",
    ),
)
