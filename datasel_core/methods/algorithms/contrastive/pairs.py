"""Image-caption pairs as unit vectors: which have a direction on both sides, and their cosine."""

from dataclasses import dataclass

import numpy as np

from datasel_core.methods.selection import Inputs
from datasel_core.vectors.directions import blocks, lengths, matrix, same_width, unit_rows


@dataclass(frozen=True)
class Pairs:
    """image, text: (n, d) as they were given. rows: (m,) pairs with a direction on both sides. cosine: (m,) float64,
    theirs.
    """

    image: np.ndarray
    text: np.ndarray
    image_length: np.ndarray
    text_length: np.ndarray
    rows: np.ndarray
    cosine: np.ndarray

    @classmethod
    def of(cls, inputs: Inputs) -> "Pairs":
        """From the pool roles image and text. Raises BadInput for shapes that do not fit, Stopped."""
        image, text = matrix(inputs.pool["image"], "pool role image"), matrix(inputs.pool["text"], "pool role text")
        same_width(image, "pool role image", text, "pool role text")
        inputs.progress.check()
        image_length, text_length = lengths(image), lengths(text)
        rows = np.flatnonzero((image_length > 0) & (text_length > 0))
        cosine = np.empty(len(rows))
        parts = list(blocks(len(rows)))
        for part in inputs.progress.over(parts, len(parts), "comparing images with their captions"):
            mine = rows[part]
            cosine[part] = np.einsum(
                "ij,ij->i",
                unit_rows(image, image_length, mine, np.float64),
                unit_rows(text, text_length, mine, np.float64),
            )
        return cls(image, text, image_length, text_length, rows, cosine)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """(n,) float64: one value for each of `rows`, NaN for the pairs that have no direction."""
        found = np.full(len(self.image), np.nan)
        found[self.rows] = values
        return found

    def unit_images(self, places: np.ndarray) -> np.ndarray:
        """(m, d) float32 unit images at some places of `rows`."""
        return unit_rows(self.image, self.image_length, self.rows[places])

    def unit_texts(self, places: np.ndarray) -> np.ndarray:
        """(m, d) float32 unit texts at some places of `rows`."""
        return unit_rows(self.text, self.text_length, self.rows[places])
