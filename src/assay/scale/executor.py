"""Independent pieces of work, one after another or in several processes.

Small batches are bound by reading the weights, and two threads of one process gain little there: two
processes of one thread each do 1.2 to 1.6 times the work on two cores. Each process keeps its own tools
(a loaded model), made once by ``tools``.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Done = TypeVar("Done")

_TOOLS: list[Any] = []
"""What this worker process works with; filled once, in worker processes only."""


def default_workers() -> int:
    """One process per core, four at most: each holds a model."""
    return max(
        1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    )


def each(
    tools: Callable[[], Any], work: Callable[[Any, Piece], Done], pieces: Sequence[Piece], workers: int
) -> Iterator[tuple[Piece, Done]]:
    """``work(tools(), piece)`` for every piece, in the order in which they finish.

    With more than one worker, ``tools``, ``work`` and the pieces must be picklable (module-level functions
    and plain records). Leaving the loop early, also by Ctrl-C, ends the workers.
    """
    if workers <= 1 or len(pieces) <= 1:
        own = tools()
        for piece in pieces:
            yield piece, work(own, piece)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(pieces)), mp_context=get_context("spawn"), initializer=_start, initargs=(tools,)
    )
    try:
        waiting = {pool.submit(_do, work, piece): piece for piece in pieces}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list((pool._processes or {}).values()):
            process.terminate()


def _start(tools: Callable[[], Any]) -> None:
    import torch

    torch.set_num_threads(1)
    _TOOLS[:] = [tools()]


def _do(work: Callable[[Any, Piece], Done], piece: Piece) -> Done:
    return work(_TOOLS[0], piece)
