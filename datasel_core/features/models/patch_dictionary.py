"""The patch dictionary: a small vocabulary of strokes and textures learned from the pool's own photos, and what each
part of a photo has of it.

Coates, Lee & Ng 2011, https://proceedings.mlr.press/v15/coates11a.html; Coates & Ng 2011,
https://icml.cc/2011/papers/485_icmlpaper.pdf. Dense small patches are contrast-normalised and ZCA-whitened, a
dictionary of directions is learned by gain-shape k-means, patches are coded by soft threshold, and codes are pooled on
a 14 x 14 grid. Three choices are ours, by measurement on photographs: patches are grey, and the mean colour of each
grid cell stands beside the codes; both signs of a response count alike (an edge stays the same edge before a lighter
background); codes are divided by the response around the cell.
"""

import numpy as np

GRID = 14
CONTRAST_FLOOR = 300.0
"""Added to the variance of a patch's 0-255 grey values: what is fainter counts as flat."""
WHITENING_FLOOR = 0.1
THRESHOLD = 0.5
SOFTEN = 0.1
COLOURS = 3
LEARN_PATCHES = 60_000
LEARN_STEPS = 10
_BLOCK = 4096


def grey(photo: np.ndarray) -> np.ndarray:
    """(..., s, s, 3) uint8 -> (..., s, s) float32, 0 to 255."""
    return photo.astype(np.float32).mean(axis=-1)


def dense_patches(photo: np.ndarray, patch_px: int) -> np.ndarray:
    """(s * s, patch_px ** 2) float32: the contrast-normalised patch around every pixel of a grey (s, s) photo; edges
    are repeated outwards.
    """
    before = patch_px // 2
    padded = np.pad(photo, (before, patch_px - 1 - before), "edge")
    return contrast(np.lib.stride_tricks.sliding_window_view(padded, (patch_px, patch_px)).reshape(photo.size, -1))


def contrast(patches: np.ndarray) -> np.ndarray:
    """Each patch without its mean, divided by its own spread."""
    patches = patches - patches.mean(axis=1, keepdims=True)
    spread = np.einsum("ij,ij->i", patches, patches) / patches.shape[1]
    patches /= np.sqrt(spread + CONTRAST_FLOOR)[:, None]
    return patches


def whitening(patches: np.ndarray, floor: float = WHITENING_FLOOR) -> tuple[np.ndarray, np.ndarray]:
    """mean (q,) and W (q, q), float64: (patches - mean) @ W has variance v / (v + floor) along a direction of variance
    v, and no correlation (ZCA).
    """
    mean = patches.mean(axis=0, dtype=np.float64)
    variances, directions = np.linalg.eigh(np.cov(patches, rowvar=False, dtype=np.float64))
    return mean, (directions / np.sqrt(np.maximum(variances, 0) + floor)) @ directions.T


def gain_shape(white: np.ndarray, n_atoms: int, rng: np.random.Generator, steps: int = LEARN_STEPS) -> np.ndarray:
    """(n_atoms, q) float32 directions of length 1 from whitened patches (m, q): k-means in which a patch may have any
    gain, of either sign.
    """
    start = white[rng.choice(len(white), n_atoms, replace=len(white) < n_atoms)]
    atoms = _unit(start + 1e-3 * rng.standard_normal(start.shape).astype(np.float32))
    for _ in range(steps):
        sums = np.zeros(atoms.shape)
        for at in range(0, len(white), _BLOCK):
            block = white[at : at + _BLOCK]
            gains = block @ atoms.T
            best = np.abs(gains).argmax(axis=1)[:, None]
            shares = np.zeros_like(gains)
            np.put_along_axis(shares, best, np.take_along_axis(gains, best, 1), 1)
            sums += shares.T @ block
        unused = ~sums.any(axis=1)
        sums[unused] = white[rng.choice(len(white), int(unused.sum()))]
        atoms = _unit(sums)
    return atoms.astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def learn(photos: np.ndarray, patch_px: int, n_atoms: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The dictionary of (n, s, s, 3) uint8 photos, as arrays: filters (q, n_atoms) and offset (n_atoms,), whitening
    included; energy and scales of cells.
    """
    side = photos.shape[1]
    each = min(-(-LEARN_PATCHES // len(photos)), side * side)
    patches = np.concatenate(
        [dense_patches(grey(photo), patch_px)[rng.choice(side * side, each, replace=False)] for photo in photos]
    )
    mean, whiten = whitening(patches)
    atoms = gain_shape(((patches - mean) @ whiten).astype(np.float32), n_atoms, rng)
    filters = (whiten @ atoms.T).astype(np.float32)
    learned = {"filters": filters, "offset": (mean @ whiten @ atoms.T).astype(np.float32)}
    raw = [codes(photo, learned) for photo in photos[:500]]
    learned["energy"] = np.array(np.mean([_around(one).mean(dtype=np.float64) for one in raw]))
    even = np.stack([_even(one, learned) for one in raw])
    tint = np.stack([tints(photo) for photo in photos[:500]])
    learned["scales"] = np.array(
        [1 / max(float(np.sqrt(part.var(axis=(0, 1), dtype=np.float64).sum())), 1e-6) for part in (even, tint)]
    )
    return learned


def codes(photo: np.ndarray, learned: dict[str, np.ndarray]) -> np.ndarray:
    """(14, 14, n_atoms) float32: mean response to each atom in each cell of a (s, s, 3) photo."""
    filters = learned["filters"]
    responses = dense_patches(grey(photo), int(np.sqrt(len(filters)))) @ filters
    responses -= learned["offset"]
    np.abs(responses, out=responses)
    responses -= THRESHOLD
    np.maximum(responses, 0, out=responses)
    return pooled(responses.reshape(*photo.shape[:2], -1), GRID)


def cells(photo: np.ndarray, learned: dict[str, np.ndarray], colour: float) -> np.ndarray:
    """(14, 14, n_atoms + 3) float32: codes and mean colour of each cell, brought to a common scale; colour weighs the
    latter.
    """
    shape, tint = learned["scales"].astype(np.float32)
    return np.concatenate(
        [_even(codes(photo, learned), learned) * shape, tints(photo) * (tint * np.float32(colour))], axis=2
    )


def tints(photo: np.ndarray) -> np.ndarray:
    """(14, 14, 3) float32: brightness, red against green, blue against yellow."""
    red, green, blue = np.moveaxis(pooled(photo.astype(np.float32), GRID) / np.float32(255), 2, 0)
    return np.stack([(red + green + blue) / 3, red - green, blue - (red + green) / 2], axis=2)


def pooled(values: np.ndarray, grid: int) -> np.ndarray:
    """(s, s, c) -> (grid, grid, c): means of equal squares."""
    step = len(values) // grid
    rows = values.reshape(grid, step, *values.shape[1:]).mean(axis=1)
    return rows.reshape(grid, grid, step, -1).mean(axis=2)


def _around(cell_codes: np.ndarray) -> np.ndarray:
    """(14, 14): mean squared length of the codes in the 3 x 3 cells around each."""
    padded = np.pad(np.einsum("ijk,ijk->ij", cell_codes, cell_codes), 1, "edge")
    return sum(padded[i : i + GRID, j : j + GRID] for i in range(3) for j in range(3)) / np.float32(9)


def _even(cell_codes: np.ndarray, learned: dict[str, np.ndarray]) -> np.ndarray:
    floor = np.float32(SOFTEN * learned["energy"]) + np.float32(1e-12)
    return cell_codes / np.sqrt(_around(cell_codes) + floor)[:, :, None]


def surroundings(cell_values: np.ndarray) -> np.ndarray:
    """(196, 9 c) float32: for each cell, the means of nine 3 x 3 squares of cells, centred on it and around it: what a
    patch is part of.
    """
    padded = np.pad(cell_values, ((4, 4), (4, 4), (0, 0)), "edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    means = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9)
    squares = [means[i : i + GRID, j : j + GRID] for i in (0, 3, 6) for j in (0, 3, 6)]
    return np.concatenate(squares, axis=2).reshape(GRID * GRID, -1)


def overview(cell_values: np.ndarray) -> np.ndarray:
    """(1, 49 c) float32: means of 2 x 2 cells, in reading order: the photo as a whole."""
    return pooled(cell_values, GRID // 2).reshape(1, -1)


def projection(rows: np.ndarray, n_dims: int) -> dict[str, np.ndarray]:
    """mean (c,) and axes (c, <= n_dims) float32: principal axes of rows (m, c), half whitened (divided by the fourth
    root of the variance).
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    narrow = len(rows) < rows.shape[1]
    if narrow:
        centred = rows - mean
        products = centred @ centred.T
    else:
        products = sum((part - mean).T @ (part - mean) for part in np.array_split(rows, -(-len(rows) // _BLOCK)))
    squares, vectors = np.linalg.eigh(products / max(len(rows) - 1, 1))
    squares, vectors = squares[::-1][:n_dims], vectors[:, ::-1][:, :n_dims]
    real = squares > 1e-9 * max(squares[0], 1e-12)
    real[0] = True
    axes = centred.T @ vectors[:, real] if narrow else vectors[:, real]
    axes = _unit(axes.T).T / np.maximum(squares[real], 1e-12) ** 0.25
    return {"mean": mean.astype(np.float32), "axes": axes.astype(np.float32)}
