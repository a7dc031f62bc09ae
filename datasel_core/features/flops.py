"""Floating-point operations of a feature: counted while some samples pass once more, and scaled to all of them.

What these passes say is thrown away: attention is asked for step by step, since torch counts nothing of what a
processor does in one, and that may change the last bits of a vector. A multiplication and an addition are two.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from datasel_core.errors import BadRequest
from datasel_core.features.feature import Feature, Source, Unreadable

SAMPLES = 16
"""So many pass, spread over the pool: photos are all of one size, texts of many lengths."""


def counted(feature: Feature, source: Source, rows: np.ndarray, fitted: Mapping[str, Any]) -> dict[str, int]:
    """`flops` of all these rows, and `flops_counted_on`, how many were looked at; nothing where a forward pass is not
    what the feature costs, or torch cannot count it. rows: (m,) that were read.
    """
    if not (feature.is_forward and len(rows)):
        return {}
    some = rows[np.unique(np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(np.int64))]
    try:
        with counting() as counter:
            n = sum(len(block.rows) for block in feature.blocks(source, some, fitted))
    except (RuntimeError, ValueError, TypeError, MemoryError, OSError, BadRequest, Unreadable):
        return {}  # the feature is whole without it; who asks is told that nobody knows
    total = counter.get_total_flops()
    return {"flops": round(total / n * len(rows)), "flops_counted_on": n} if n and total else {}


@contextlib.contextmanager
def counting() -> Iterator[Any]:
    """A counter of everything that torch computes within; `get_total_flops` says how much."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            yield counter
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def said(flops: float) -> str:
    """`1.2 TFLOP`, `850 MFLOP`: operations, not operations a second."""
    for size, unit in ((1e18, "EFLOP"), (1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP")):
        if flops >= 0.9995 * size:
            return f"{flops / size:.3g} {unit}" if flops >= 99.5 * size else f"{flops / size:.2g} {unit}"
    return f"{flops:,.0f} FLOP"


def of_training(parameters: int, tokens: int) -> int:
    """Of learning so many tokens, forward and backward: 6 a parameter and token (Kaplan et al. 2020,
    https://arxiv.org/abs/2001.08361).
    """
    return 6 * parameters * tokens


def of_reading(parameters: int, tokens: int) -> int:
    """Of reading so many tokens once: 2 a parameter and token."""
    return 2 * parameters * tokens
