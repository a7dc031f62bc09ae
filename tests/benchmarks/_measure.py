"""Timing, memory and tables for the benchmarks."""

import contextlib
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any


def small() -> bool:
    return bool(os.environ.get("DATASEL_BENCHMARK_SMALL"))


def size(n: int) -> int:
    """n, or a tenth of it with --small."""
    return max(1, n // 10) if small() else n


@contextlib.contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Seconds of wall time in the first place of the list, when the block is over."""
    taken = [0.0]
    start = time.perf_counter()
    yield taken
    taken[0] = time.perf_counter() - start


def apart(work: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Runs `work` in a fresh process: {"result", "seconds", "peak_gb"}; the peak is of the whole process, its inputs
    included.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        raise RuntimeError(f"{work.__name__} died (exit code {process.exitcode}).") from None
    process.join()
    if "error" in found:
        raise RuntimeError(found["error"])
    return found


def _child(pipe: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    start = time.perf_counter()
    try:
        result = work(*arguments)
    except Exception as error:  # noqa: BLE001  (carried to the parent, which raises)
        pipe.send({"error": f"{type(error).__name__}: {error}"})
        return
    pipe.send(
        {
            "result": result,
            "seconds": time.perf_counter() - start,
            "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        }
    )


def table(rows: list[dict[str, Any]]) -> None:
    """Prints rows of equal keys, columns aligned."""
    if not rows:
        return
    text = [[str(name) for name in rows[0]]] + [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(len(line[at]) for line in text) for at in range(len(text[0]))]
    for line in text:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), flush=True)


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
