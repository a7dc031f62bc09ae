"""How many bits a parameter a shape of model stores, measured: random numbers learned by heart, in three amounts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter
from datasel_core.features.facts_training.asking import nats
from datasel_core.features.facts_training.knowledge import stored_bits
from datasel_core.features.facts_training.learning import learn, new_learner, usual_rate
from datasel_core.features.feature import Source
from datasel_core.features.language.models import check_sizes
from datasel_core.features.language.scoring import score
from datasel_core.features.language.tokens import Tokens, read_tokens
from datasel_core.features.language.training import Recipe
from datasel_core.features.language.vocabulary import Vocabulary, train_vocabulary
from datasel_core.features.models.weights import choose_device
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import key_of

ASKED = (0.5, 1.0, 2.0)
"""Bits a parameter that the three amounts of facts have."""
DIGITS = 10
_BATCH = 64
_LENGTH = 32
_BATCH_TOKENS = 16384
_STARTS, _VOWELS = "bdfghklmnprstvwz", "aeiou"
_NAMES = [start + vowel for start in _STARTS for vowel in _VOWELS]


@dataclass(frozen=True)
class Point:
    """One amount of facts. bits: what all of them have. stored: at least so many of these the model holds. memorised:
    facts whose number it knows whole.
    """

    facts: int
    bits: float
    stored: float
    memorised: int
    steps: int


@dataclass(frozen=True)
class Calibration:
    """rho: the most bits a parameter that was stored; measured for so many exposures, with so many parameters."""

    rho: float
    exposures: int
    parameters: int
    points: tuple[Point, ...]


def calibrate(
    layers: int,
    width: int,
    heads: int,
    exposures: int = 100,
    seed: int = 0,
    asked: Sequence[float] = ASKED,
    device: str = "auto",
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Trains a model of this shape on random numbers of 10 digits, each seen so often, in amounts of .5, 1 and 2 bits
    a parameter, and measures the bits it stores: sum (H - CE / ln 2) with H = 10 log2 10, which is exact here, so that
    the answer is a true lower bound. The largest share is rho: with too few facts there is nothing more to store, with
    too many each is seen too often in vain.

    folder: where each amount that is finished is kept, so that who starts again goes on after it; one that was under
    way begins anew. How long: about 5 minutes on a free core for 80 thousand parameters and 100 exposures (15 ms for 64
    numbers), 4 times as long for twice as many, for then there are twice as many facts too. Raises BadParameter,
    Stopped.
    """
    check_sizes(width, heads)
    if exposures < 1 or not asked or min(asked) <= 0:
        raise BadParameter("A calibration needs at least 1 exposure, and amounts of facts above 0 bits a parameter.")
    progress, vocabulary = progress or Progress(), spelling()
    shape = {"layers": layers, "width": width, "heads": heads, "exposures": exposures, "seed": seed}
    parameters = sum(
        weight.numel() for weight in new_learner(vocabulary, layers, width, heads, _LENGTH, seed).parameters()
    )
    points = []
    for at, share in enumerate(asked):
        n = max(1, round(share * parameters / (DIGITS * np.log2(10))))
        kept = folder / f"calibration-{key_of({**shape, 'facts': n, 'version': 1})}.json" if folder else None
        known: dict[str, Any] | None = read_json(kept) if kept else None
        if known is None:
            label = f"calibrating, {at + 1} of {len(asked)}"
            point = _measured(vocabulary, layers, width, heads, n, exposures, seed, device, progress, label)
            if kept:
                folder.mkdir(parents=True, exist_ok=True)
                write_json(kept, asdict(point))
        points.append(point if known is None else Point(**known))
    return Calibration(max(one.stored for one in points) / parameters, exposures, parameters, tuple(points))


def _measured(
    vocabulary: Vocabulary,
    layers: int,
    width: int,
    heads: int,
    n: int,
    exposures: int,
    seed: int,
    device: str,
    progress: Progress,
    label: str,
) -> Point:
    tokens = random_numbers(n, seed, vocabulary)
    batch = min(_BATCH, n)
    recipe = Recipe(-(-n * exposures // batch), batch, usual_rate(width), seed)
    model = new_learner(vocabulary, layers, width, heads, _LENGTH, seed)
    steps = learn(model, tokens, recipe, choose_device(device), progress, label)
    bits = np.full(n, DIGITS * np.log2(10))
    right = score(model, tokens, _BATCH_TOKENS).right.reshape(n, -1).all(axis=1)
    stored = stored_bits(bits, nats(model, tokens), np.zeros(n, np.int64))
    return Point(n, float(bits.sum()), stored, int(right.sum()), steps)


def random_numbers(n: int, seed: int, vocabulary: Vocabulary) -> Tokens:
    """Different names, as many syllables as are needed, each with a random number of 10 digits."""
    rng = np.random.default_rng([11, seed])
    syllables = 2 + (n > len(_NAMES) ** 2 // 2) + (n > len(_NAMES) ** 3 // 2)
    codes = rng.choice(len(_NAMES) ** syllables, n, replace=False)
    numbers = rng.integers(0, 10, (n, DIGITS))

    def turns(row: int) -> list[Turn]:
        code, name = int(codes[row]), []
        for _ in range(syllables):
            code, at = divmod(code, len(_NAMES))
            name.append(_NAMES[at].capitalize())
        return [Turn("user", " ".join(name)), Turn("assistant", "".join(map(str, numbers[row])))]

    return read_tokens(Source(n, turns=turns), np.arange(n), vocabulary, "plain", _LENGTH)


def spelling() -> Vocabulary:
    """Syllables are tokens, and so are digits."""
    names = [name.capitalize() for name in _NAMES]
    return train_vocabulary([*names, *(f" {name}" for name in names), "0123456789\n"], 1000, own_alphabet=True)
