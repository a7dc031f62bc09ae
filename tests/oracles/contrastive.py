"""negCLIPLoss and NormSim as written down, one pair at a time, in float64; slow and obviously right."""

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def log_sum_exp(values: np.ndarray) -> float:
    return float(values.max() + np.log(np.exp(values - values.max()).sum()))


def loss(similarities: np.ndarray, i: int, batch: list[int], temperature: float) -> float:
    """R_B(i): i must be in the batch."""
    to_captions = log_sum_exp(similarities[i, batch] / temperature)
    to_images = log_sum_exp(similarities[batch, i] / temperature)
    return temperature / 2 * (to_captions + to_images)


def batches(n: int, size: int, times: int, rng: np.random.Generator) -> list[list[tuple[list[int], list[int]]]]:
    """For each partition its batches, (dealt, all): a short last batch is filled from the beginning of the shuffled
    pool.
    """
    if n <= size:
        return [[(list(range(n)), list(range(n)))]]
    found = []
    for _ in range(times):
        order = rng.permutation(n).tolist()
        parts = [order[start : start + size] for start in range(0, n, size)]
        found.append([(part, part + order[: size - len(part)]) for part in parts])
    return found


def neg_clip_loss(
    image: np.ndarray,
    text: np.ndarray,
    temperature: float,
    size: int,
    times: int,
    rng: np.random.Generator,
    picture: list[str] | None = None,
) -> np.ndarray:
    """(n,) s_ii minus the mean over partitions of R of the batch into which i was dealt. picture: of each pair, where
    pairs of one picture are no rivals.
    """
    similarities = unit(image) @ unit(text).T
    n = len(similarities)
    dealt = batches(n, size, times, rng)
    normaliser = np.zeros(n)
    for partition in dealt:
        for own, batch in partition:
            for i in own:
                met = [j for j in batch if picture is None or j == i or picture[j] != picture[i]]
                normaliser[i] += loss(similarities, i, met, temperature) / len(dealt)
    return similarities.diagonal() - normaliser


def norm_sim(image: np.ndarray, target: np.ndarray, p: str) -> np.ndarray:
    cosines = np.abs(unit(image) @ unit(target).T)
    return cosines.max(axis=1) if p == "inf" else np.sqrt((cosines**2).sum(axis=1))


def norm_sim_dynamic(image: np.ndarray, budget: int, n_steps: int, already: tuple[int, ...] = ()) -> list[int]:
    """Rows kept, best first: every step measures all survivors against all survivors."""
    cosines = unit(image) @ unit(image).T
    left = [row for row in range(len(image)) if row not in already]
    surplus, steps = len(left) - budget, min(n_steps, len(left) - budget)

    def likeness(row: int) -> float:
        return round(float(np.mean([cosines[row, other] ** 2 for other in [*left, *already]])), 12)

    for step in range(1, steps + 1):
        keep = len(image) - len(already) - surplus * step // steps
        left = sorted(sorted(left, key=lambda row: (-likeness(row), row))[:keep])
    return sorted(left, key=lambda row: (-likeness(row), row))
