"""Where matrix products are computed, and how exactly."""

import contextlib
from collections.abc import Iterator

from datasel_core.base.declare import HOW, Field
from datasel_core.errors import BadParameter

_CPU_TILE, _GPU_TILE = 2048, 8192
DEVICE = Field(
    "auto",
    pattern=r"^(auto|cpu|cuda(:\d+)?)$",
    description="Where to compute: auto, cpu or cuda.",
    json_schema_extra=HOW,
)


def pick(device: str) -> str:
    """`auto` is the GPU where there is one. Raises BadParameter for one that is not there."""
    import torch

    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if n_gpus else "cpu"
    if device != "cpu" and int(device.partition(":")[2] or 0) >= n_gpus:
        raise BadParameter(
            f"device is {device}; this machine has: {', '.join(['cpu', *(f'cuda:{at}' for at in range(n_gpus))])}."
        )
    return device


def tile(device: str) -> int:
    """Rows and columns of one tile of similarities: small enough for a CPU's cache, large enough to keep a GPU busy.

    Not a parameter: sums are rounded tile by tile, so a fixed size gives the same last digits for any number of
    threads.
    """
    return _CPU_TILE if device == "cpu" else _GPU_TILE


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """float32 products in float32, whatever the program around us asked of torch: the answer must not hang on it."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_float32_matmul_precision(before)
